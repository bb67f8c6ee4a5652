/* Migration: what migrates and what does not; values taken apart and put together. */
#include "engine/memory.h"
#include "engine/migration.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

/* Of parts with 2 fixed bytes; those in capitals have a blob. head 1, tail 1. */
static struct layout of(struct arena *a, const char *const *part, int n)
{
    struct layout l = {.words = "window\n", .words_n = 7, .version = 1, .head = 1, .tail = 1};
    struct buffer initial;
    buffer_init(&initial);
    buffer_text(&initial, "h");
    for (int i = 0; i < n; i++) {
        struct layout_part p = {.words = part[i],
                                .words_n = (uint32_t)strlen(part[i]),
                                .version = 1,
                                .has_blob = part[i][0] < 'a',
                                .fixed = 2};
        layout_add_part(&l, &p, a);
        buffer_text(&initial, "00");
    }
    buffer_text(&initial, "t");
    for (int i = 0; i < n; i++) {
        if (l.part[i].has_blob) {
            buffer_varint(&initial, 0);
        }
    }
    l.initial = arena_strndup(a, initial.data, initial.n);
    l.initial_n = initial.n;
    buffer_done(&initial);
    return l;
}

#define OF(...)                                                                                    \
    of(&a, (const char *const[]){__VA_ARGS__},                                                     \
       sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void expect(const struct layout *from, const struct layout *to, enum layout_fate fate,
                   const char *words)
{
    struct buffer why;
    buffer_init(&why);
    assert_int_equal(layout_compare(from, to, &why), fate);
    assert_string_equal(buffer_cstr(&why), words);
    buffer_done(&why);
}

static enum layout_fate fate_of(const struct layout *from, const struct layout *to)
{
    struct buffer why;
    buffer_init(&why);
    enum layout_fate fate = layout_compare(from, to, &why);
    buffer_done(&why);
    return fate;
}

static void parts_may_come_and_go(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct layout ab = OF("a 1", "b 1 (column v)"), ba = OF("b 1 (column v)", "a 1");
    struct layout b = OF("b 1 (column v)"), c = OF("c 1"), bc = OF("b 1 (column v)", "c 1");
    struct layout none = of(&a, NULL, 0), other = OF("a 1");
    expect(&ab, &ab, LAYOUT_SAME, "");
    expect(&ab, &ba, LAYOUT_MIGRATES, "in another order");
    expect(&ab, &b, LAYOUT_MIGRATES, "- a() (what it held is dropped)");
    expect(&b, &ab, LAYOUT_MIGRATES, "+ a() (from the change on)");
    expect(&ab, &bc, LAYOUT_MIGRATES,
           "+ c() (from the change on); - a() (what it held is dropped)");
    expect(&none, &c, LAYOUT_MIGRATES, "+ c() (from the change on)");
    expect(&b, &c, LAYOUT_SPENT,
           "was saved by other settings of the step, or under another key: nothing of it is left: "
           "+ c(); - b(v)");
    expect(&b, &none, LAYOUT_SPENT,
           "was saved by other settings of the step, or under another key: nothing of it is left: "
           "- b(v)");
    other.words = "wandow\n";
    expect(&ab, &other, LAYOUT_OTHER,
           "was saved by other settings of the step, or under another key: window is now wandow; "
           "- b(v)");
    other = OF("a 1");
    other.tail = 9;
    assert_int_equal(fate_of(&ab, &other), LAYOUT_OTHER);
    arena_done(&a);
}

/* Neither new nor the same: what it held would be lost without a word. */
static void another_version_is_refused(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct layout from = OF("a 1 (column v)", "b 1"), to = OF("a 2 (column v)", "b 1");
    to.part[0].version = 2;
    expect(&from, &to, LAYOUT_OTHER,
           "was written by another version of klamm (other forms of aggregates)");
    to = OF("a 1 (column v)", "b 1"); /* the same words, and other bytes */
    to.part[0].fixed = 3;
    expect(&from, &to, LAYOUT_OTHER,
           "was written by another version of klamm (other forms of aggregates)");
    to = OF("a 1 (column v)", "b 1");
    to.version = 2;
    expect(&from, &to, LAYOUT_OTHER,
           "was written by another version of klamm (form 1, this one: 2)");
    to = OF("a 1 (column w)", "b 1"); /* of something else: that is another part */
    assert_int_equal(fate_of(&from, &to), LAYOUT_MIGRATES);
    arena_done(&a);
}

static void expect_bytes(const struct layout *from, const struct layout *to, const char *value,
                         const char *becomes)
{
    struct arena a;
    struct buffer out;
    arena_init(&a);
    buffer_init(&out);
    struct migration *m = migration_new(from, to, &a);
    for (size_t n = 0; n < strlen(value); n++) { /* every cut */
        char *exact = mem_alloc(n + 1);
        memcpy(exact, value, n);
        assert_int_equal(migration_run(m, exact, n, &out), -1);
        mem_free(exact);
    }
    assert_int_equal(migration_run(m, value, strlen(value), &out), 0);
    assert_string_equal(buffer_cstr(&out), becomes);
    buffer_done(&out);
    arena_done(&a);
}

static void values_are_put_together_anew(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct layout abX = OF("a 1", "b 1", "X 1"), Xa = OF("X 1", "a 1");
    struct layout cb = OF("c 1", "b 1"), twice = OF("b 1", "b 1"), XX = OF("X 1", "X 1");
    /* head, a, b, X, tail, blob of 2 bytes: varint 4 */
    expect_bytes(&abX, &Xa, "HaabbxxT\4zz", "HxxaaT\4zz");
    expect_bytes(&abX, &cb, "HaabbxxT\4zz", "H00bbT");
    expect_bytes(&abX, &twice, "HaabbxxT\4zz", "HbbbbT"); /* equal words are equal values */
    expect_bytes(&abX, &XX, "HaabbxxT\4zz", "HxxxxT\4zz\4zz");
    struct layout three = OF("b 1", "a 1", "b 1"), b1b2 = OF("b 1", "b 1");
    expect_bytes(&b1b2, &three, "HbbBBT", "Hbb00BBT"); /* each its own */
    arena_done(&a);
}

static void damage_is_found(void **state)
{
    (void)state;
    struct arena a;
    struct buffer out;
    arena_init(&a);
    buffer_init(&out);
    struct layout X = OF("X 1"), aX = OF("X 1", "a 1");
    struct migration *m = migration_new(&X, &aX, &a);
    static const struct {
        const char *value;
        size_t n;
    } wrong[] = {
        {"HxxT\4z", 6}, {"HxxT\3zz", 7}, {"HxxT\4zzz", 8}, {"HxxT\xff\xff\xff\xff\x7f", 9}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(migration_run(m, wrong[i].value, wrong[i].n, &out), -1);
    }
    X.head = UINT32_MAX;
    assert_int_equal(migration_run(m, "HxxT\4zz", 7, &out), -1);
    assert_int_equal(out.n, 0);
    buffer_done(&out);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_may_come_and_go),
        cmocka_unit_test(another_version_is_refused),
        cmocka_unit_test(values_are_put_together_anew),
        cmocka_unit_test(damage_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
