/* Compatibility: what may change, what may not, and the path in the message. */
#include "schemas/compatibility.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define REC(name, fields)       "{\"type\":\"record\",\"name\":\"" name "\",\"fields\":[" fields "]}"
#define FIELD(name, type)       "{\"name\":\"" name "\",\"type\":" type "}"
#define FIELD_OR(name, type, d) "{\"name\":\"" name "\",\"type\":" type ",\"default\":" d "}"
#define ENUM(symbols, more)     "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[" symbols "]" more "}"

static void fine(const char *reader, const char *writer)
{
    struct err e = {0};
    if (compatibility_check(reader, writer, &e) < 0) {
        fail_msg("%s", e.text);
    }
}

static void broken(const char *reader, const char *writer, const char *why)
{
    struct err e = {0};
    assert_int_equal(compatibility_check(reader, writer, &e), -ERR_CONFIG);
    assert_string_equal(e.text, why);
}

static void test_compatible(void **state)
{
    (void)state;
    fine("\"long\"", "\"int\"");
    fine(REC("R", FIELD("a", "\"int\"") "," FIELD_OR("b", "\"string\"", "\"\"")),
         REC("R", FIELD("a", "\"int\"")));
    fine(REC("R", FIELD("a", "\"int\"")),
         REC("R", FIELD("a", "\"int\"") "," FIELD("b", "\"int\"")));
    fine("[\"null\",\"long\",\"string\"]", "[\"int\",\"null\"]");
    fine(ENUM("\"A\",\"B\"", ""), ENUM("\"A\"", ""));
    fine(ENUM("\"A\"", ",\"default\":\"A\""), ENUM("\"A\",\"B\"", ""));
    fine(REC("R", FIELD("n", "[\"null\",\"R\"]")), REC("R", FIELD("n", "[\"null\",\"R\"]")));
}

static void test_incompatible(void **state)
{
    (void)state;
    broken("\"int\"", "\"long\"", "schema: long cannot be read as int");
    broken(REC("R", FIELD("a", REC("S", FIELD("x", "\"int\"")))),
           REC("R", FIELD("a", REC("S", FIELD("x", "\"double\"")))),
           "a.x: double cannot be read as int");
    broken(REC("R", FIELD("a", "\"int\"") "," FIELD("b", "\"string\"")),
           REC("R", FIELD("a", "\"int\"")),
           "b: the writer has no field b and the reader no default for it");
    broken(REC("R", FIELD_OR("a", "\"int\"", "\"x\"")), REC("R", ""),
           "a: the default of field a does not fit its type");
    broken(REC("R", FIELD("a", "[\"null\",\"int\"]")),
           REC("R", FIELD("a", "[\"null\",\"int\",\"string\"]")),
           "a.string: string matches no branch of the reader's union");
    broken(REC("R", FIELD("a", "{\"type\":\"array\",\"items\":" ENUM("\"A\"", "") "}")),
           REC("R", FIELD("a", "{\"type\":\"array\",\"items\":" ENUM("\"A\",\"B\"", "") "}")),
           "a[]: the enum has lost the symbol B and has no default");
    broken("{\"type\":\"map\",\"values\":\"int\"}", "{\"type\":\"map\",\"values\":\"string\"}",
           "{}: string cannot be read as int");
    broken(REC("S", ""), REC("R", ""), "schema: record R cannot be read as S (give it an alias)");
    broken("{\"type\":\"fixed\",\"name\":\"F\",\"size\":1}",
           "{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}",
           "schema: fixed of 2 bytes cannot be read as one of 1");
    broken("nothing", "\"int\"", "Avro schema: line 1, column 7: invalid token near 'nothing'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compatible),
        cmocka_unit_test(test_incompatible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
