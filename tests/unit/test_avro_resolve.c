/* Links: which kind each pair of types gets, who is chosen in a union, limits. The rules themselves
 * are checked beside fastavro in tests/reference. */
#include "schemas/avro_resolve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

static const struct avro_link *resolve(const char *writer, const char *reader)
{
    struct avro_node *w, *r;
    struct err e = {0};
    if (avro_schema_parse(&w, &arena, writer, strlen(writer), &e) < 0 ||
        avro_schema_parse(&r, &arena, reader, strlen(reader), &e) < 0) {
        fail_msg("%s", e.text);
    }
    return avro_resolve(&arena, w, r);
}

#define REC(name, fields)   "{\"type\":\"record\",\"name\":\"" name "\",\"fields\":[" fields "]}"
#define FIELD(name, type)   "{\"name\":\"" name "\",\"type\":" type "}"
#define ENUM(name, symbols) "{\"type\":\"enum\",\"name\":\"" name "\",\"symbols\":[" symbols "]}"

static void test_promotions(void **state)
{
    (void)state;
    static const char *const types[] = {"\"null\"",  "\"boolean\"", "\"int\"",   "\"long\"",
                                        "\"float\"", "\"double\"",  "\"bytes\"", "\"string\""};
    static const char *const readers[] = {"n", "b", "ilfd", "lfd", "fd", "d", "BS", "BS"};
    for (int w = 0; w < 8; w++) {
        for (int r = 0; r < 8; r++) {
            bool want = strchr(readers[w], "nbilfdBS"[r]) != NULL;
            assert_int_equal(resolve(types[w], types[r])->kind, want ? AV_SCALAR : AV_FAIL);
        }
    }
}

static void test_fields(void **state)
{
    (void)state;
    const struct avro_link *l =
        resolve(REC("R", FIELD("a", "\"int\"") "," FIELD("b", "\"int\"") "," FIELD("c", "\"int\"")),
                REC("R", FIELD("c", "\"int\"") ",{\"name\":\"x\",\"type\":\"long\",\"aliases\":"
                                               "[\"a\"]},{\"name\":\"d\",\"type\":\"int\","
                                               "\"default\":5}"));
    assert_int_equal(l->kind, AV_FIELDS);
    assert_int_equal(l->to[0], 1);
    assert_int_equal(l->to[1], -1);
    assert_int_equal(l->to[2], 0);
    assert_int_equal(l->nabsent, 1);
    assert_int_equal(l->absent[0].field, 2);
    assert_int_equal(l->absent[0].link->kind, AV_SCALAR);
}

static void test_symbols(void **state)
{
    (void)state;
    const struct avro_link *l = resolve(ENUM("E", "\"A\",\"B\""), ENUM("E", "\"B\",\"C\""));
    assert_int_equal(l->kind, AV_SYMBOLS);
    assert_int_equal(l->to[0], -1);
    assert_int_equal(l->to[1], 0);
}

static void test_the_best_branch_is_chosen(void **state)
{
    (void)state;
    assert_int_equal(resolve("\"int\"", "[\"double\",\"int\"]")->to[0], 1);
    assert_int_equal(resolve("\"int\"", "[\"double\",\"long\"]")->to[0], 0);
    assert_int_equal(resolve("\"bytes\"", "[\"string\",\"bytes\"]")->to[0], 1);
    assert_int_equal(resolve(REC("x.R", ""), "[" REC("y.R", "") "," REC("x.R", "") "]")->to[0], 1);
    assert_int_equal(resolve(REC("x.R", ""), "[\"null\"," REC("y.R", "") "]")->to[0], 1);
    assert_int_equal(resolve("\"boolean\"", "[\"null\",\"int\"]")->kind, AV_FAIL);
}

static void test_writer_union_fails_by_branch(void **state)
{
    (void)state;
    const struct avro_link *l = resolve("[\"null\",\"int\",\"string\"]", "[\"null\",\"long\"]");
    assert_int_equal(l->kind, AV_WRITER_UNION);
    assert_int_equal(l->of[0]->kind, AV_READER_UNION);
    assert_int_equal(l->of[1]->to[0], 1);
    assert_int_equal(l->of[2]->kind, AV_FAIL);
}

static void test_recursive_schemas_are_cycles(void **state)
{
    (void)state;
    const char *list = REC("R", FIELD("next", "[\"null\",\"R\"]"));
    const struct avro_link *l = resolve(list, list);
    assert_ptr_equal(l->of[0]->of[1]->of[0], l);
}

/* 3000 records, each of which refers to the one before: a chain too long to follow. */
static void test_long_chains_end(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b);
    buffer_text(&b, "[\"null\"," REC("R0", ""));
    for (int i = 1; i < 3000; i++) {
        buffer_printf(&b, "," REC("R%d", FIELD("a", "\"R%d\"")), i, i - 1);
    }
    buffer_byte(&b, ']');
    const struct avro_link *l = resolve(buffer_cstr(&b), b.data);
    assert_non_null(l);
    assert_int_equal(l->n, 3001);
    buffer_done(&b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_promotions),
        TEST(test_fields),
        TEST(test_symbols),
        TEST(test_the_best_branch_is_chosen),
        TEST(test_writer_union_fails_by_branch),
        TEST(test_recursive_schemas_are_cycles),
        TEST(test_long_chains_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
