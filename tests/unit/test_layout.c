/* Layouts as text: written and read back; what is no layout is refused, whatever it is. */
#include "engine/layout.h"
#include "engine/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static const char text[] = "klamm layout 1\ntopology t\nstream s\nstep window\nversion 1\n"
                           "value 8 24\npart 8 0 1 7\npart 16 1 2 14\nwords 36\n"
                           "window\nkey h\ncount 1\nmax 2 (x\n y 1)\n";

static void what_is_written_is_read(void **state)
{
    (void)state;
    struct arena a;
    struct buffer again;
    struct layout *l;
    arena_init(&a);
    buffer_init(&again);
    assert_int_equal(layout_read(&l, text, sizeof text - 1, &a), 0);
    assert_string_equal(l->topology, "t");
    assert_string_equal(l->stream, "s");
    assert_string_equal(l->step, "window");
    assert_int_equal(l->head, 8);
    assert_int_equal(l->tail, 24);
    assert_int_equal(l->words_n, 13);
    assert_int_equal(l->nparts, 2);
    assert_true(l->part[1].has_blob);
    assert_int_equal(l->part[1].fixed, 16);
    assert_int_equal(l->part[1].version, 2);
    assert_memory_equal(l->part[1].words, "max 2 (x\n y 1)", 14); /* counted, not split */
    layout_write(l, &again);
    assert_string_equal(buffer_cstr(&again), text);
    buffer_done(&again);
    arena_done(&a);
}

/* Each cut, each byte another, each line without its number. */
static void what_is_none_is_refused(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof text - 1; n++) {
        struct arena a;
        struct layout *l;
        char *exact = mem_alloc(n + 1);
        memcpy(exact, text, n);
        arena_init(&a);
        assert_int_equal(layout_read(&l, exact, n, &a), -1);
        arena_done(&a);
        mem_free(exact);
    }
    for (size_t i = 0; i < sizeof text - 1; i++) {
        for (int byte = 0; byte < 256; byte += 3) {
            struct arena a;
            struct layout *l;
            char copy[sizeof text];
            memcpy(copy, text, sizeof text);
            copy[i] = (char)byte;
            arena_init(&a);
            int status = layout_read(&l, copy, sizeof text - 1, &a);
            assert_true(status == 0 || status == -1);
            arena_done(&a);
        }
    }
}

static void numbers_have_bounds(void **state)
{
    (void)state;
    static const char *const wrong[] = {"value 99999999999 0\nwords 0\n",
                                        "value 0 0\npart 1 2 1 0\nwords 1\n\n",
                                        "value 0 0\npart 0 0 0 4294967295\nwords 1\n\n",
                                        "value 0 0\nwords 99999999999999999999\n",
                                        "value 0 0\npart 0 0 0 5\nwords 1\n\n",
                                        "value 0 -1\nwords 0\n"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct arena a;
        struct buffer b;
        struct layout *l;
        arena_init(&a);
        buffer_init(&b);
        buffer_printf(&b, "klamm layout 1\ntopology t\nstream s\nstep x\nversion 1\n%s", wrong[i]);
        assert_int_equal(layout_read(&l, b.data, b.n, &a), -1);
        buffer_done(&b);
        arena_done(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(what_is_none_is_refused),
        cmocka_unit_test(numbers_have_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
