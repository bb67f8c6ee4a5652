/* Schema store in memory, with the table and the canonical text below it. */
#include "schemas/registry_memory.h"
#include "schemas/schema_table.h"
#include "schemas/schema_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char v1[] =
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"long\"}]}";
static const char v1_spaced[] = "{ \"type\" : \"record\",\n\"name\":\"\\u0052\", \"fields\": [ "
                                "{\"name\":\"a\",\"type\":\"long\"} ] }";
static const char v2[] =
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":"
    "\"long\"},{\"name\":\"b\",\"type\":[\"null\",\"long\"],\"default\":null}]}";

static void same_text_same_id(void **state)
{
    (void)state;
    struct schema_store *s = registry_memory_new();
    struct err e = {0};
    uint32_t id = 0, again = 0, other = 0, latest = 0;
    const char *json = NULL;
    assert_int_equal(s->latest(s, "t-value", &json, &latest, &e), 0);
    assert_int_equal(s->put(s, "t-value", v1_spaced, &id, &e), 0);
    assert_int_equal(id, 1);
    assert_int_equal(s->put(s, "t-value", v1, &again, &e), 0);
    assert_int_equal(again, 1);
    assert_int_equal(s->put(s, "u-value", v1, &other, &e), 0);
    assert_int_equal(other, 1);
    assert_int_equal(s->put(s, "t-value", v2, &id, &e), 0);
    assert_int_equal(id, 2);
    assert_int_equal(s->latest(s, "t-value", &json, &latest, &e), 1);
    assert_int_equal(latest, 2);
    assert_string_equal(json, v2);
    assert_int_equal(s->latest(s, "u-value", &json, NULL, &e), 1);
    assert_string_equal(json, v1);
    assert_int_equal(s->by_id(s, 1, &json, &e), 0);
    assert_string_equal(json, v1);
    assert_int_equal(s->by_id(s, 3, &json, &e), -ERR_DATA);
    assert_non_null(strstr(e.text, "id 3"));
    s->free(s);
}

static void text_that_is_no_schema(void **state)
{
    (void)state;
    struct schema_store *s = registry_memory_new();
    struct err e = {0};
    uint32_t id;
    assert_int_equal(s->put(s, "t", "{\"type\":", &id, &e), -ERR_CONFIG);
    s->free(s);
}

static void canonical_text(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {" \"long\" ", "\"long\""},
        {"[ \"null\" , { \"a\" : [ ] , \"b\":{ } } ]", "[\"null\",{\"a\":[],\"b\":{}}]"},
        {"{\"d\": 1.50, \"e\":[1,[2,[3]],4], \"f\":true}",
         "{\"d\":1.50,\"e\":[1,[2,[3]],4],\"f\":true}"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct buffer b;
        struct err e = {0};
        buffer_init(&b);
        assert_int_equal(schema_text(&b, pairs[i][0], strlen(pairs[i][0]), &e), 0);
        assert_string_equal(buffer_cstr(&b), pairs[i][1]);
        buffer_done(&b);
    }
}

static void table(void **state)
{
    (void)state;
    struct schema_table t;
    schema_table_init(&t);
    schema_table_add(&t, 7, "\"long\"");
    schema_table_add(&t, 3, "\"int\"");
    schema_table_add_version(&t, "s", 1, 7);
    schema_table_add_version(&t, "s", 2, 3);
    assert_int_equal(schema_table_max(&t), 7);
    assert_int_equal(schema_table_id(&t, "\"int\""), 3);
    assert_int_equal(schema_table_id(&t, "\"x\""), 0);
    assert_int_equal(schema_table_latest(&t, "s")->id, 3);
    schema_table_version(&t, "s", 2)->is_deleted = true;
    assert_int_equal(schema_table_latest(&t, "s")->id, 7);
    assert_null(schema_table_find(&t, "s", 3));
    schema_table_drop(&t, "s", 1);
    assert_null(schema_table_latest(&t, "s"));
    assert_null(schema_table_latest(&t, "other"));
    schema_table_done(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_text_same_id),
                                       cmocka_unit_test(text_that_is_no_schema),
                                       cmocka_unit_test(canonical_text), cmocka_unit_test(table)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
