/* Source generator: rate, end, restart, errors. */
#include "tests/support/connector_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

extern const struct connector_def connector_generator;

static void rows_come_when_due(void **state)
{
    (void)state;
    struct source_rig r;
    assert_int_equal(
        source_init(&r, &connector_generator, "{rate: 10, rows: 5, columns: {n: row * 2, t: now}}"),
        0);
    assert_int_equal(source_open(&r, 0), 0);
    assert_int_equal(source_poll(&r, 1000), 0);
    assert_string_equal(source_rows(&r), "@1000 {\"n\":0,\"t\":1000}\n");
    assert_int_equal(r.position, 1);
    assert_int_equal(r.next, 1100);
    assert_int_equal(source_poll(&r, 1099), 0);
    assert_null(r.batch);
    assert_int_equal(source_poll(&r, 1250), 0);
    assert_string_equal(source_rows(&r),
                        "@1100 {\"n\":2,\"t\":1100}\n@1200 {\"n\":4,\"t\":1200}\n");
    assert_int_equal(source_poll(&r, 900), 0); /* the clock went back */
    assert_null(r.batch);
    assert_int_equal(source_poll(&r, 9000), 1);
    assert_int_equal(r.batch->nsel, 2);
    assert_int_equal(r.position, 5);
    assert_int_equal(source_poll(&r, 9000), 1);
    assert_null(r.batch);
    source_done(&r);
}

static void a_restart_goes_on(void **state)
{
    (void)state;
    struct source_rig r;
    assert_int_equal(
        source_init(&r, &connector_generator, "{rate: 1, columns: 'row % 3 as m, row'}"), 0);
    assert_int_equal(source_open(&r, 7), 0);
    assert_int_equal(source_poll(&r, 50), 0);
    assert_string_equal(source_rows(&r), "@50 {\"m\":1,\"row\":7}\n");
    assert_int_equal(r.position, 8);
    assert_int_equal(r.next, 1050);
    source_done(&r);
}

static void batches_are_bounded(void **state)
{
    (void)state;
    struct source_rig r;
    assert_int_equal(source_init(&r, &connector_generator, "{rate: 1000000, columns: {n: row}}"),
                     0);
    assert_int_equal(source_open(&r, 0), 0);
    assert_int_equal(source_poll(&r, 0), 0);
    assert_int_equal(source_poll(&r, 1000), 0);
    assert_int_equal(r.batch->nsel, BATCH_ROWS);
    assert_true(r.next <= 1000);
    source_done(&r);
}

static void mistakes(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{rate: 1}",
        "{rate: 0, columns: {n: row}}",
        "{rows: -1, columns: {n: row}}",
        "{rows: 0, columns: {n: row}}",
        "{columns: {n: nobody + 1}}",
        "{columns: {n: 'row +'}}",
        "{columns: 'row as a, now as a'}",
        "{colums: {n: row}}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct source_rig r;
        assert_int_equal(source_init(&r, &connector_generator, bad[i]), -ERR_CONFIG);
        assert_true(r.diags.n > 0);
        source_done(&r);
    }
    struct source_rig r;
    assert_int_equal(
        source_init(&r, &connector_generator, "{rate: 1000, columns: {n: 1 / (2 - row)}}"), 0);
    assert_int_equal(source_open(&r, 0), 0);
    assert_int_equal(source_poll(&r, 0), 0);
    assert_int_equal(source_poll(&r, 10), -ERR_CONFIG);
    assert_non_null(strstr(r.err.text, "column n of row 2"));
    source_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_when_due), cmocka_unit_test(a_restart_goes_on),
        cmocka_unit_test(batches_are_bounded), cmocka_unit_test(mistakes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
