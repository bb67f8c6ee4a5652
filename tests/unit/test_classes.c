/* Classes: numbered by first appearance, bounded, saved by name. */
#include "ml/classes.h"

#include "engine/arena.h"
#include "engine/learner.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct arena arena;

static struct vec text(const char *s)
{
    struct vec v = vec_new(&arena, &type_string, 1);
    v.s[0] = str_copy(&arena, s, (uint32_t)strlen(s));
    return v;
}

static struct vec number(const struct type *type, int64_t n)
{
    struct vec v = vec_new(&arena, type, 1);
    if (type->kind == TYPE_BOOLEAN) {
        v.b[0] = n != 0;
    } else {
        v.i[0] = n;
    }
    return v;
}

static void are_numbered_by_first_appearance(void **state)
{
    (void)state;
    const char *name[] = {"versicolor, the long one", "setosa", "", "virginica"};
    struct classes c;
    classes_init(&c, &type_string);
    for (int i = 0; i < 4; i++) {
        struct vec v = text(name[i]);
        assert_int_equal(classes_find(&c, &v, 0), -1);
        assert_int_equal(classes_add(&c, &v, 0), i);
        assert_int_equal(classes_find(&c, &v, 0), i);
        struct vec out = vec_new(&arena, &type_string, 1);
        classes_put(&c, i, &out, 0, &arena);
        assert_true(str_equal(&out.s[0], &v.s[0]));
    }
    classes_done(&c);
}

static void longs_and_booleans_have_names_for_maps(void **state)
{
    (void)state;
    struct classes c;
    struct vec v = number(&type_long, INT64_MIN), out = vec_new(&arena, &type_long, 1);
    classes_init(&c, &type_long);
    assert_int_equal(classes_add(&c, &v, 0), 0);
    assert_memory_equal(str_data(&c.label[0].text), "-9223372036854775808", 20);
    classes_put(&c, 0, &out, 0, &arena);
    assert_true(out.i[0] == INT64_MIN);
    classes_done(&c);
    classes_init(&c, &type_boolean);
    classes_add_booleans(&c);
    v = number(&type_boolean, 1);
    assert_int_equal(classes_find(&c, &v, 0), 1);
    assert_memory_equal(str_data(&c.label[0].text), "false", 5);
    classes_done(&c);
}

static void there_are_bounds(void **state)
{
    (void)state;
    struct classes c;
    char name[CLASS_NAME_MAX + 2];
    classes_init(&c, &type_long);
    for (int64_t i = 0; i < CLASSES_MAX; i++) {
        struct vec v = number(&type_long, i * 7);
        assert_int_equal(classes_add(&c, &v, 0), i);
    }
    struct vec more = number(&type_long, 1);
    assert_int_equal(classes_add(&c, &more, 0), -ERR_DATA);
    classes_done(&c);
    classes_init(&c, &type_string);
    memset(name, 'x', sizeof(name));
    name[CLASS_NAME_MAX + 1] = '\0';
    struct vec long_name = text(name);
    assert_int_equal(classes_add(&c, &long_name, 0), -ERR_DATA);
    assert_int_equal(c.n, 0);
    classes_done(&c);
}

static void save(struct classes *c, struct buffer *out)
{
    buffer_init(out);
    struct snapshot s = snapshot_saver(out);
    assert_int_equal(classes_io(c, &s), 0);
}

static void are_saved_and_loaded(void **state)
{
    (void)state;
    const struct type *type[] = {&type_string, &type_long, &type_boolean};
    for (int t = 0; t < 3; t++) {
        struct classes a, b;
        struct buffer saved, again;
        classes_init(&a, type[t]);
        for (int i = 0; i < 2; i++) {
            struct vec v = t == 0 ? text(i ? "" : "a name of many bytes") : number(type[t], 1 - i);
            classes_add(&a, &v, 0);
        }
        save(&a, &saved);
        for (size_t n = 0; n < saved.n; n++) {
            classes_init(&b, type[t]);
            struct snapshot s = snapshot_loader(saved.data, n);
            assert_int_equal(classes_io(&b, &s), -ERR_DATA);
            classes_done(&b);
        }
        classes_init(&b, type[t]);
        struct snapshot s = snapshot_loader(saved.data, saved.n);
        assert_int_equal(classes_io(&b, &s), 0);
        save(&b, &again);
        assert_int_equal(again.n, saved.n);
        assert_memory_equal(again.data, saved.data, saved.n);
        classes_done(&a);
        classes_done(&b);
        buffer_done(&saved);
        buffer_done(&again);
    }
}

static void damaged_names_are_refused(void **state)
{
    (void)state;
    /* version 1, two classes (zig-zag varints), names */
    const char *bad[] = {"\x02\x04\x02"
                         "7\x02"
                         "7",
                         "\x02\x04\x02"
                         "7\x04"
                         "8x",
                         "\x02\x04\x02"
                         "7\x02"
                         "x"};
    for (int i = 0; i < 3; i++) {
        struct classes c;
        classes_init(&c, &type_long);
        struct snapshot s = snapshot_loader(bad[i], strlen(bad[i]));
        assert_int_equal(classes_io(&c, &s), -ERR_DATA);
        classes_done(&c);
    }
    struct classes c;
    classes_init(&c, &type_boolean);
    struct snapshot s = snapshot_loader("\x02\x02\x06yes", 6);
    assert_int_equal(classes_io(&c, &s), -ERR_DATA);
    classes_done(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(are_numbered_by_first_appearance),
        cmocka_unit_test(longs_and_booleans_have_names_for_maps),
        cmocka_unit_test(there_are_bounds),
        cmocka_unit_test(are_saved_and_loaded),
        cmocka_unit_test(damaged_names_are_refused),
    };
    arena_init(&arena);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_done(&arena);
    return failed;
}
