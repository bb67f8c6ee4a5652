/* Shapes: columns taken and computed, errors in row order, keys that stay. The steps that are made
 * of shapes are tested in their own files. */
#include "tests/unit/step_harness.h"

extern const struct step_def op_add, op_filter, op_select;

static struct row_errors errors_of(struct arena *a, int n, const uint16_t *rows, const char *text)
{
    struct row_errors e = {.n = (uint16_t)n, .item = arena_array(a, 8, sizeof *e.item)};
    for (int i = 0; i < n; i++) {
        e.item[i] = (struct row_error){rows[i], text};
    }
    return e;
}

static void test_merge(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct row_errors all = {0}, none = {0};
    struct row_errors x = errors_of(&a, 3, (const uint16_t[]){1, 4, 6}, "x");
    struct row_errors y = errors_of(&a, 4, (const uint16_t[]){0, 4, 5, 9}, "y");
    row_errors_merge(&all, &none, &a);
    assert_int_equal(all.n, 0);
    row_errors_merge(&all, &x, &a);
    row_errors_merge(&all, &y, &a);
    static const struct row_error expected[] = {{0, "y"}, {1, "x"}, {4, "x"},
                                                {5, "y"}, {6, "x"}, {9, "y"}};
    assert_int_equal(all.n, 6);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(all.item[i].row, expected[i].row);
        assert_string_equal(all.item[i].text, expected[i].text);
    }
    arena_done(&a);
}

static void test_rows_without(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct schema *s = schema_new(&a, 1);
    struct batch *b = batch_new(&a, s, 10, NULL);
    uint16_t sel[] = {1, 3, 4, 8};
    b->sel = sel;
    b->nsel = 4;
    struct row_errors e = errors_of(&a, 3, (const uint16_t[]){0, 3, 8}, "x");
    struct batch rest = rows_without(b, &e);
    assert_int_equal(rest.nsel, 2);
    assert_true(rest.sel[0] == 1 && rest.sel[1] == 4);
    arena_done(&a);
}

static void test_needs(void **state)
{
    (void)state;
    struct task t;
    assert_true(stand_bind(&t, &(struct stand_case){&op_add, "a: long, b: long, c: long, d: long",
                                                    NULL, "a + b as x, d as y", "", ""}));
    bool out[6] = {false}, in[4] = {false};
    op_add.needs(&t.node, out, in); /* what is computed is needed in any case: it may fail */
    assert_true(in[0] && in[1] && !in[2] && !in[3]);
    out[2] = out[5] = true;
    op_add.needs(&t.node, out, in);
    assert_true(in[2] && in[3]);
    stand_done(&t);
}

static void test_too_many_columns(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b);
    for (int i = 0; i < COLUMNS_MAX; i++) {
        buffer_printf(&b, "%sa as c%d", i > 0 ? ", " : "", i);
    }
    stand_expect(&(struct stand_case){&op_add, "a: long", NULL, buffer_cstr(&b), "",
                                      "1:1 more than 4096 columns\n"});
    buffer_done(&b);
}

/* Once warm, a step allocates nothing, however many rows come. */
static void test_no_allocation(void **state)
{
    (void)state;
#ifndef KLAMM_ARENA_MALLOC
    static const struct stand_case cases[] = {
        {&op_filter, "v: long", NULL, "v % 3 = 1", "", ""},
        {&op_select, "v: long", NULL, "v * 2 as w, v + 1 as x", "", ""},
    };
    for (int i = 0; i < 2; i++) {
        struct task t;
        assert_true(stand_bind(&t, &cases[i]));
        stand_open(&t);
        uint64_t before = 0;
        for (int round = 0; round < 20; round++) {
            before = round < 10 ? mem_count() : before;
            struct batch *b = batch_new(&t.batch, t.node.in[0], BATCH_ROWS, NULL);
            b->nsel = BATCH_ROWS;
            t.out[0].n = 0;
            assert_int_equal(t.c->def->push(&t.op, 0, b), 0);
            arena_reset(&t.batch);
        }
        assert_int_equal(mem_count(), before);
        stand_close(&t);
        stand_done(&t);
    }
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merge),         cmocka_unit_test(test_rows_without),
        cmocka_unit_test(test_needs),         cmocka_unit_test(test_too_many_columns),
        cmocka_unit_test(test_no_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
