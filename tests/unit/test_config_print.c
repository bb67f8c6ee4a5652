/* The printed forms of a descriptor table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/buffer.h"
#include "engine/config.h"

#include <string.h>

struct inner {
    int64_t n;
};

struct outer {
    struct config_list select;
    int64_t wait;
    int mode;
    struct inner inner;
};

static const char *const modes[] = {"final", "updates", NULL};

static const struct config_field inner_fields[] = {
    {"n", CONFIG_LONG, offsetof(struct inner, n), .min = 1, .max = 9, .required = true},
    {0},
};

static const struct config_field fields[] = {
    {"select", CONFIG_NAMES, offsetof(struct outer, select), .required = true, .doc = "a | \"b\"."},
    {"wait", CONFIG_DURATION, offsetof(struct outer, wait), .def = "10s"},
    {"mode", CONFIG_ENUM, offsetof(struct outer, mode), .values = modes, .def = "updates"},
    {"inner", CONFIG_SECTION, offsetof(struct outer, inner), .section = inner_fields},
    {0},
};

static void test_json_schema(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b);
    config_json_schema(&b, fields);
    static const char *const parts[] = {
        "{\"select\":{\"anyOf\":[{\"type\":[\"string\",\"number\",\"boolean\"]},{\"type\":"
        "\"array\"",
        "\"description\":\"a | \\\"b\\\".\"}",
        "\"wait\":{\"anyOf\":[{\"type\":\"string\",\"pattern\":\"^[0-9]+(ms|s|m|h|d)$\"}",
        "\"default\":\"10s\"}",
        "\"mode\":{\"enum\":[\"final\",\"updates\"],\"default\":\"updates\"}",
        "\"inner\":{\"type\":\"object\",\"properties\":{\"n\":{\"anyOf\":[{\"type\":\"integer\","
        "\"minimum\":1,\"maximum\":9}",
        "\"required\":[\"n\"],\"additionalProperties\":false}}",
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        assert_non_null(strstr(buffer_cstr(&b), parts[i]));
    }
    /* JSON is YAML: it must parse. */
    struct arena a;
    struct diags d;
    struct yaml *y;
    arena_init(&a);
    diags_init(&d);
    assert_int_equal(yaml_parse(&y, &a, "schema", b.data, b.n, &d), 0);
    assert_int_equal(y->n, 4);
    diags_done(&d);
    arena_done(&a);
    buffer_done(&b);
}

static void test_markdown(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b);
    config_markdown(&b, fields);
    assert_string_equal(buffer_cstr(&b),
                        "| key | type | default | meaning |\n"
                        "|---|---|---|---|\n"
                        "| `select` | name or list of names | required | a \\| \"b\". |\n"
                        "| `wait` | duration | `10s` |  |\n"
                        "| `mode` | `final`, `updates` | `updates` |  |\n"
                        "| `inner` | map |  |  |\n"
                        "| `inner.n` | whole number | required |  |\n");
    buffer_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_schema),
        cmocka_unit_test(test_markdown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
