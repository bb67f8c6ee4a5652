/* codec csv: types, counts, nulls, headers. */
#include "schemas/csv.h"
#include "tests/support/codec_rig.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

extern const struct codec_def codec_csv;

static void every_type(void **state)
{
    (void)state;
    struct rig r;
    rig_init(
        &r, &codec_csv, false,
        "{s: string, l: long, d: double, b: boolean, t: timestamp, y: bytes, a: 'array<long>'}", 3);
    rig_reader(&r, NULL);
    rig_writer(&r);
    assert_int_equal(
        rig_read(&r, 0, "\"a, \"\"b\"\"\nc\",-7,1.5,TRUE,2026-01-31T12:00:00Z,AAEC,\"[1,2]\"\r\n"),
        0);
    assert_string_equal(rig_value(&r, "s", 0), "a, \"b\"\nc");
    assert_int_equal(r.batch->col[1].i[0], -7);
    assert_int_equal(r.batch->col[4].i[0], 1769860800000);
    assert_string_equal(rig_write(&r, 0),
                        "\"a, \"\"b\"\"\nc\",-7,1.5,true,1769860800000,AAEC,\"[1,2]\"");
    assert_int_equal(rig_read(&r, 1, ",,,,,,"), 0);
    for (int c = 0; c < 7; c++) {
        assert_true(vec_is_null(&r.batch->col[c], 1));
    }
    assert_string_equal(rig_write(&r, 1), ",,,,,,");
    assert_int_equal(rig_read(&r, 2, "\"\",+3,-infinity,false,12,,[]"), 0);
    assert_string_equal(rig_write(&r, 2), "\"\",3,-Infinity,false,12,,[]");
    rig_done(&r);
}

static void wrong_records(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "a",         "a,1,2,3",  "a,x,2",        "a,1.5,2", "a,9223372036854775808,1",
        "a,1,1e999", "a,1,0x10", "a,1,--1",      "\"a,1,2", "\"a\"b,1,2",
        "\xff,1,2",  "a, 1,2",   "a,1,infinite",
    };
    struct rig r;
    rig_init(&r, &codec_csv, false, "{s: string, l: long, d: double}", 1);
    rig_reader(&r, NULL);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (rig_read(&r, 0, bad[i]) != -ERR_DATA) {
            fail_msg("taken for a record: %s", bad[i]);
        }
        assert_true(r.err.text[0] != '\0');
    }
    assert_int_equal(rig_read(&r, 0, "ok,1,NaN"), 0);
    assert_true(isnan(r.batch->col[2].d[0]));
    rig_done(&r);
}

static void one_column(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, &codec_csv, false, "{s: string}", 2);
    rig_reader(&r, NULL);
    rig_writer(&r);
    assert_int_equal(rig_read(&r, 0, ""), 0);
    assert_true(vec_is_null(&r.batch->col[0], 0));
    assert_string_equal(rig_write(&r, 0), "");
    assert_int_equal(rig_read(&r, 1, "\"\""), 0);
    assert_false(vec_is_null(&r.batch->col[0], 1));
    assert_string_equal(rig_write(&r, 1), "\"\"");
    rig_done(&r);
}

static void a_header_names_the_fields(void **state)
{
    (void)state;
    static const char header[] = "\xef\xbb\xbf"
                                 "c,other,\"a\"\n";
    struct rig r;
    rig_init(&r, &codec_csv, false, "{a: long, b: long, c: string}", 1);
    rig_reader(&r, NULL);
    assert_int_equal(csv_header(r.reader, header, strlen(header), &r.err), 0);
    assert_int_equal(rig_read(&r, 0, "x,ignored,5"), 0);
    assert_int_equal(r.batch->col[0].i[0], 5);
    assert_true(vec_is_null(&r.batch->col[1], 0));
    assert_string_equal(rig_value(&r, "c", 0), "x");
    assert_int_equal(rig_read(&r, 0, "x,5"), -ERR_DATA);
    assert_int_equal(csv_header(r.reader, "a,a", 3, &r.err), -ERR_DATA);
    rig_done(&r);
}

static void needs(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r, &codec_csv, false, "{a: long, b: long}", 1);
    const bool only_b[] = {false, true};
    r.batch = batch_new(&r.mem, r.schema, 1, only_b);
    rig_reader(&r, only_b);
    assert_int_equal(rig_read(&r, 0, "anything,2"), 0);
    assert_int_equal(r.batch->col[1].i[0], 2);
    rig_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type), cmocka_unit_test(wrong_records),
        cmocka_unit_test(one_column), cmocka_unit_test(a_header_names_the_fields),
        cmocka_unit_test(needs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
