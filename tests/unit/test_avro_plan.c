/* Plans as text: what is read, what is skipped, how unions and defaults are laid out. */
#include "tests/support/avro_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define REC(name, fields)       "{\"type\":\"record\",\"name\":\"" name "\",\"fields\":[" fields "]}"
#define FIELD(name, type)       "{\"name\":\"" name "\",\"type\":" type "}"
#define FIELD_OR(name, type, d) "{\"name\":\"" name "\",\"type\":" type ",\"default\":" d "}"

/* The plan for the columns named in `needed` (comma-separated). */
static void expect(const char *writer, const char *reader, const char *needed, const char *want)
{
    struct avro_case c;
    struct buffer out;
    buffer_init(&out);
    if (avro_case_open(&c, writer, reader) < 0) {
        fail_msg("%s", c.err.text);
    }
    for (uint32_t i = 0; i < c.nleaves; i++) {
        c.leaf[i]->target = strstr(needed, c.leaf[i]->name) ? (int32_t)i : -1;
    }
    c.plan = avro_plan_compile(&c.arena, avro_resolve(&c.arena, c.writer, c.reader), c.shape);
    avro_plan_print(&out, c.plan);
    assert_string_equal(buffer_cstr(&out), want);
    buffer_done(&out);
    avro_case_done(&c);
}

static void test_projection(void **state)
{
    (void)state;
    const char *sample =
        REC("R", FIELD("host", "\"string\"") "," FIELD("metric", "\"string\"") "," FIELD(
                     "ts", "\"long\"") "," FIELD("value",
                                                 "\"double\"") "," FIELD("unit",
                                                                         "[\"null\",\"string\"]"));
    expect(sample, NULL, "host,ts,value",
           "string 0\nskip slices 1\nlong 2\ndouble 3\nskip option\nend\n");
    expect(sample, NULL, "none", "skip slices 2\nskip longs 1\nskip bytes 8\nskip option\nend\n");
}

static void test_runs_of_skips(void **state)
{
    (void)state;
    expect(
        REC("R",
            FIELD("a", "\"float\"") "," FIELD("b", "\"double\"") "," FIELD(
                "c",
                "\"boolean"
                "\"") "," FIELD("d",
                                REC("S",
                                    FIELD("e", "\"int\"") "," FIELD(
                                        "f",
                                        "\"long\""))) "," FIELD("g",
                                                                "{\"type\":\"array\",\"items\":"
                                                                "\"int\"}") "," FIELD("x",
                                                                                      "\"int\"")),
        NULL, "x", "skip bytes 13\nskip longs 2\nskip any\nint 6\nend\n");
}

static void test_unions(void **state)
{
    (void)state;
    expect(REC("R", FIELD("a", "[\"null\",\"long\"]") "," FIELD("b", "\"int\"")), NULL, "a,b",
           "branch 2: 1 3\nnull 0\njump 5\nlong 0\njump 5\nint 1\nend\n");
    /* A branch of one skip is not merged with a skip in front of it. */
    expect(REC("R", FIELD("s", "\"string\"") "," FIELD("a", "[\"string\",\"long\"]") "," FIELD(
                        "b", "\"string\"") "," FIELD("x", "\"int\"")),
           REC("R", FIELD("x", "\"int\"")), "x",
           "skip slices 1\nskip any\nskip slices 1\nint 0\nend\n");
}

static void test_defaults_and_failures(void **state)
{
    (void)state;
    expect(REC("R", FIELD("a", "\"int\"")),
           REC("R",
               FIELD("a", "\"int\"") "," FIELD_OR("b", "\"long\"", "7") "," FIELD("c", "\"int\"")),
           "a,b", "int 0\npush 1\nlong 1\npop\nend\n");
    expect(REC("R", FIELD("a", "\"int\"")),
           REC("R", FIELD("a", "\"int\"") "," FIELD("c", "\"int\"")), "a,c",
           "int 0\nfail c: the writer has no field c and the reader no default for it\nend\n");
    expect("[\"null\",\"string\"]", "[\"null\",\"long\"]", "_value",
           "branch 2: 1 3\nnull 0\njump 5\nfail _value: string matches no branch of the reader's "
           "union\njump 5\nend\n");
}

static void test_too_complex(void **state)
{
    (void)state;
    /* 4000 columns, each of a union with nine branches, are more operations than a plan may have.
     */
    struct avro_case c;
    struct buffer b;
    buffer_init(&b);
    buffer_text(&b, "{\"type\":\"record\",\"name\":\"R\",\"fields\":[");
    for (int i = 0; i < 4000; i++) {
        buffer_printf(&b,
                      "%s{\"name\":\"f%d\",\"type\":[\"null\",\"int\",\"long\",\"string\","
                      "\"boolean\",\"double\",\"float\"]}",
                      i ? "," : "", i);
    }
    buffer_text(&b, "]}");
    assert_true(avro_case_open(&c, buffer_cstr(&b), NULL) < 0);
    assert_string_equal(c.err.text, "too complex");
    avro_case_done(&c);
    buffer_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_projection),  cmocka_unit_test(test_runs_of_skips),
        cmocka_unit_test(test_unions),      cmocka_unit_test(test_defaults_and_failures),
        cmocka_unit_test(test_too_complex),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
