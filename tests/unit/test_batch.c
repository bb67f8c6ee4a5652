/* Batch: making, selecting, reshaping. */
#include "engine/batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void views(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct schema *s = schema_new(&a, 2);
    schema_add(s, "x", &type_long, false, false);
    schema_add(s, "y", &type_string, false, false);
    const bool needs[] = {true, false};
    struct batch *b = batch_new(&a, s, 5, needs);
    assert_int_equal(b->rows, 5);
    assert_int_equal(b->nsel, 0);
    assert_non_null(b->col[0].data);
    assert_null(b->col[1].data);
    assert_ptr_equal(b->col[1].type, &type_string);
    assert_null(b->row_op);
    b->nsel = 5;
    for (uint16_t i = 0; i < 5; i++) {
        assert_int_equal(b->col[0].i[i], 0);
        assert_int_equal(batch_row(b, i), i);
        b->time[i] = i;
    }
    static const uint16_t sel[] = {1, 4};
    struct batch part = batch_select(b, sel, 2);
    assert_int_equal(part.nsel, 2);
    assert_int_equal(batch_row(&part, 1), 4);
    assert_int_equal(part.rows, 5);
    struct schema *t = schema_new(&a, 3);
    schema_add(t, "z", &type_double, false, false);
    struct batch shaped = batch_reshape(&part, t);
    assert_ptr_equal(shaped.schema, t);
    assert_ptr_equal(shaped.time, b->time);
    assert_int_equal(shaped.nsel, 2);
    assert_null(shaped.col[0].data);
    struct batch *empty = batch_new(&a, s, 0, NULL);
    assert_int_equal(empty->rows, 0);
    arena_done(&a);
}

static void rows_that_delete_are_left_out(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct schema *s = schema_new(&a, 1);
    schema_add(s, "x", &type_long, false, false);
    struct batch *b = batch_new(&a, s, 5, NULL);
    b->nsel = 5;
    struct batch rest = batch_upserts(b);
    assert_int_equal(rest.nsel, 5);
    uint8_t row_op[] = {ROW_DELETE, ROW_UPSERT, ROW_DELETE, ROW_UPSERT, ROW_UPSERT};
    b->row_op = row_op;
    rest = batch_upserts(b);
    assert_int_equal(rest.nsel, 3);
    assert_int_equal(batch_row(&rest, 0), 1);
    static const uint16_t sel[] = {0, 2, 4};
    struct batch part = batch_select(b, sel, 3);
    rest = batch_upserts(&part);
    assert_int_equal(rest.nsel, 1);
    assert_int_equal(batch_row(&rest, 0), 4);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(views),
        cmocka_unit_test(rows_that_delete_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
