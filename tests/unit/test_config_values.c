/* Configuration as words: equal for what means the same, nothing for what is absent. */
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
    const char *text;
    bool flag;
    int64_t n, wait, size;
    double rate;
    int mode;
    struct config_text filter;
    struct config_list select, names, map;
    struct inner inner;
    const struct yaml *yaml;
};

static const char *const modes[] = {"final", "updates", NULL};

static const struct config_field inner_fields[] = {
    {"n", CONFIG_LONG, offsetof(struct inner, n), .doc = ""}, {0}};

static const struct config_field fields[] = {
    {"text", CONFIG_TEXT, offsetof(struct outer, text), .doc = ""},
    {"flag", CONFIG_BOOLEAN, offsetof(struct outer, flag), .doc = ""},
    {"n", CONFIG_LONG, offsetof(struct outer, n), .doc = ""},
    {"wait", CONFIG_DURATION, offsetof(struct outer, wait), .doc = ""},
    {"size", CONFIG_SIZE, offsetof(struct outer, size), .doc = ""},
    {"rate", CONFIG_DOUBLE, offsetof(struct outer, rate), .doc = ""},
    {"mode", CONFIG_ENUM, offsetof(struct outer, mode), .values = modes, .def = "final"},
    {"filter", CONFIG_EXPRESSION, offsetof(struct outer, filter), .doc = ""},
    {"select", CONFIG_EXPRESSIONS, offsetof(struct outer, select), .doc = ""},
    {"names", CONFIG_NAMES, offsetof(struct outer, names), .doc = ""},
    {"map", CONFIG_MAP, offsetof(struct outer, map), .doc = ""},
    {"inner", CONFIG_SECTION, offsetof(struct outer, inner), .section = inner_fields},
    {"yaml", CONFIG_YAML, offsetof(struct outer, yaml), .doc = ""},
    {0},
};

static void expect(const char *text, const char *words)
{
    struct arena a;
    struct diags d;
    struct yaml *y;
    struct outer o;
    struct buffer b;
    arena_init(&a);
    diags_init(&d);
    buffer_init(&b);
    assert_int_equal(yaml_parse(&y, &a, "f", text, strlen(text), &d), 0);
    assert_int_equal(config_parse(fields, &o, y, "", &a, &d), 0);
    config_values(&b, fields, &o);
    assert_string_equal(buffer_cstr(&b), words);
    buffer_done(&b);
    diags_done(&d);
    arena_done(&a);
}

static void every_kind(void **state)
{
    (void)state;
    expect("text: x y\nflag: true\nn: -3\nwait: 1m\nsize: 2KB\nrate: 0.1\nmode: updates\n"
           "filter: a > 1\nselect: a, b\nnames: [p, q]\nmap: {k: 5}\ninner: {n: 7}\n"
           "yaml: {z: [1, two]}\n",
           "text=x y\nflag=1\nn=-3\nwait=60000\nsize=2048\nrate=0.10000000000000001\n"
           "mode=updates\nfilter=a > 1\nselect.=a, b\nnames.p=p\nnames.q=q\nmap.k=5\ninner.n=7\n"
           "yaml={\"z\":[1,\"two\"]}\n");
}

static void absent_and_zero_say_nothing(void **state)
{
    (void)state;
    expect("{}", "");
    expect("flag: false\nn: 0\nwait: 0s\nmode: final\nrate: 0\n", "");
}

static void one_way_or_another(void **state)
{
    (void)state;
    expect("wait: 60s", "wait=60000\n");
    expect("size: 2048", "size=2048\n");
    expect("rate: 1e1", "rate=10\n");
}

static void a_single_value(void **state)
{
    (void)state;
    struct outer o = {.wait = 5};
    struct buffer b;
    buffer_init(&b);
    config_value(&b, &fields[3], &o);
    assert_string_equal(buffer_cstr(&b), "wait=5\n");
    buffer_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind),
        cmocka_unit_test(absent_and_zero_say_nothing),
        cmocka_unit_test(one_way_or_another),
        cmocka_unit_test(a_single_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
