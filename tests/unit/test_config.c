/* Configuration by table: every kind, defaults, ranges, and all problems at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/buffer.h"
#include "engine/config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct inner {
    const char *name;
    int64_t n;
};

struct outer {
    const char *text;
    bool flag;
    int64_t n, wait, pause, size;
    double rate;
    int mode;
    struct config_text filter;
    struct config_list select, names, map;
    struct inner inner;
    const struct yaml *yaml;
};

static const char *const modes[] = {"final", "updates", NULL};

static const struct config_field inner_fields[] = {
    {"name", CONFIG_TEXT, offsetof(struct inner, name), .required = true},
    {"n", CONFIG_LONG, offsetof(struct inner, n), .def = "3", .min = 1, .max = 9},
    {0},
};

static const struct config_field fields[] = {
    {"text", CONFIG_TEXT, offsetof(struct outer, text), .doc = "t"},
    {"flag", CONFIG_BOOLEAN, offsetof(struct outer, flag), .def = "true"},
    {"n", CONFIG_LONG, offsetof(struct outer, n), .min = 1},
    {"wait", CONFIG_DURATION, offsetof(struct outer, wait), .def = "10s", .max = 60000},
    {"pause", CONFIG_DURATION, offsetof(struct outer, pause), .doc = "p"},
    {"size", CONFIG_SIZE, offsetof(struct outer, size), .def = "64KB", .max = 0x80000000},
    {"rate", CONFIG_DOUBLE, offsetof(struct outer, rate), .min = 0.5, .max = 1},
    {"mode", CONFIG_ENUM, offsetof(struct outer, mode), .values = modes, .def = "updates"},
    {"filter", CONFIG_EXPRESSION, offsetof(struct outer, filter), .doc = "f"},
    {"select", CONFIG_EXPRESSIONS, offsetof(struct outer, select), .doc = "s"},
    {"names", CONFIG_NAMES, offsetof(struct outer, names), .doc = "n"},
    {"map", CONFIG_MAP, offsetof(struct outer, map), .doc = "m"},
    {"inner", CONFIG_SECTION, offsetof(struct outer, inner), .section = inner_fields},
    {"yaml", CONFIG_YAML, offsetof(struct outer, yaml), .doc = "y"},
    {0},
};

struct fixture {
    struct arena a;
    struct diags d;
    struct outer out;
    struct buffer errors;
};

static int parse(struct fixture *f, const char *text)
{
    struct yaml *y;
    arena_init(&f->a);
    diags_init(&f->d);
    buffer_init(&f->errors);
    memset(&f->out, 0xa5, sizeof f->out);
    int rc = yaml_parse(&y, &f->a, "t", text, strlen(text), &f->d);
    if (rc == 0) {
        rc = config_parse(fields, &f->out, y, "s", &f->a, &f->d);
    }
    for (int i = 0; i < f->d.n; i++) {
        char line[2048];
        diags_format(&f->d, i, line, sizeof line);
        buffer_printf(&f->errors, "%s\n", line);
    }
    buffer_cstr(&f->errors);
    return rc;
}

static void done(struct fixture *f)
{
    buffer_done(&f->errors);
    diags_done(&f->d);
    arena_done(&f->a);
}

static void test_defaults(void **state)
{
    (void)state;
    struct fixture f;
    assert_int_equal(parse(&f, ""), 0);
    assert_null(f.out.text);
    assert_true(f.out.flag);
    assert_true(f.out.n == CONFIG_UNSET && f.out.pause == CONFIG_UNSET);
    assert_int_equal(f.out.wait, 10000);
    assert_int_equal(f.out.size, 65536);
    assert_true(isnan(f.out.rate));
    assert_int_equal(f.out.mode, 1);
    assert_null(f.out.filter.text);
    assert_true(f.out.select.n == 0 && f.out.select.item == NULL);
    assert_true(f.out.inner.name == NULL && f.out.inner.n == 3);
    assert_null(f.out.yaml);
    done(&f);
}

static void test_values(void **state)
{
    (void)state;
    struct fixture f;
    int rc = parse(&f, "text: 12\nflag: false\nn: 1e3\nwait: 1m\npause: 0s\nsize: 2GB\nrate: 1\n"
                       "mode: final\nfilter: true\nselect: a, b * 2 as c\nnames: [x, y]\n"
                       "map: {p: 1, q.r: true}\ninner: {name: z}\nyaml: [1]\n");
    assert_string_equal(f.errors.data, "");
    assert_int_equal(rc, 0);
    assert_string_equal(f.out.text, "12");
    assert_false(f.out.flag);
    assert_int_equal(f.out.n, 1000);
    assert_int_equal(f.out.wait, 60000);
    assert_int_equal(f.out.pause, 0);
    assert_true(f.out.size == INT64_C(2) << 30);
    assert_true(f.out.rate == 1.0);
    assert_int_equal(f.out.mode, 0);
    assert_string_equal(f.out.filter.text, "true");
    assert_int_equal(f.out.select.n, 1);
    assert_null(f.out.select.item[0].name);
    assert_string_equal(f.out.select.item[0].value.text, "a, b * 2 as c");
    assert_int_equal(f.out.names.n, 2);
    assert_string_equal(f.out.names.item[1].name, "y");
    assert_string_equal(f.out.map.item[1].name, "q.r");
    assert_string_equal(f.out.map.item[1].value.text, "true");
    assert_string_equal(f.out.inner.name, "z");
    assert_int_equal(f.out.yaml->kind, YAML_LIST);
    done(&f);
}

static void test_shapes_of_expressions(void **state)
{
    (void)state;
    struct fixture f;
    assert_int_equal(parse(&f, "select: {a: 1, b: \"f(x, y)\", c: null}\nnames: one\nfilter: 5\n"),
                     0);
    assert_int_equal(f.out.select.n, 3);
    assert_string_equal(f.out.select.item[1].name, "b");
    assert_string_equal(f.out.select.item[1].value.text, "f(x, y)");
    assert_string_equal(f.out.select.item[1].value.path, "s.select.b");
    assert_string_equal(f.out.select.item[2].value.text, "null");
    assert_int_equal(f.out.names.n, 1);
    assert_string_equal(f.out.names.item[0].name, "one");
    assert_string_equal(f.out.filter.text, "5");
    done(&f);
    assert_int_equal(parse(&f, "select: [a, b + 1]\nnames: []\n"), 0);
    assert_int_equal(f.out.select.n, 2);
    assert_string_equal(f.out.select.item[1].value.path, "s.select[2]");
    assert_true(f.out.names.n == 0 && f.out.names.item != NULL);
    done(&f);
}

static void test_places_of_expressions(void **state)
{
    (void)state;
    struct fixture f;
    assert_int_equal(parse(&f, "filter: a > 1\nselect: {x: 'b', y: \"c\\x41\"}\n"), 0);
    assert_int_equal(f.out.filter.at.line, 1);
    assert_int_equal(f.out.filter.at.column, 9);
    assert_true(f.out.filter.in_place && !f.out.filter.flow);
    const struct config_text *quoted = &f.out.select.item[0].value;
    assert_int_equal(quoted->at.column, 14);
    assert_true(quoted->in_place && !quoted->flow);
    const struct config_text *escaped = &f.out.select.item[1].value;
    assert_int_equal(escaped->at.column, 21);
    assert_false(escaped->in_place);
    done(&f);
    setenv("KLAMM_A", "x > 1", 1);
    assert_int_equal(parse(&f, "filter: ${env:KLAMM_A}\n"), 0);
    assert_string_equal(f.out.filter.text, "x > 1");
    assert_true(f.out.filter.secret && !f.out.filter.in_place);
    done(&f);
}

static const struct {
    const char *text, *errors;
} golden[] = {
    {"wait: ten\nwiat: 5s\nmode: finl\nrate: 1.5\nflag: yes\nsize: 12XB\n",
     "t:1:7: s.wait: expected a duration such as 10s, found \"ten\"\n"
     "t:2:1: s: unknown key `wiat`: did you mean `wait`?\n"
     "t:3:7: s.mode: expected final or updates, found \"finl\": did you mean `final`?\n"
     "t:4:7: s.rate: expected a value from 0.5 to 1, found 1.5\n"
     "t:5:7: s.flag: expected true or false, found \"yes\"\n"
     "t:6:7: s.size: expected a size such as 512, 64KB, 256MB or 2GB, found \"12XB\"\n"},
    {"wait: 2m\nn: 0\npause: 10\nrate: .nan\nsize: 3GB\n",
     "t:1:7: s.wait: expected a value from 0s to 1m, found \"2m\"\n"
     "t:2:4: s.n: expected at least 1, found 0\n"
     "t:3:8: s.pause: expected a duration such as 10s, found 10\n"
     "t:4:7: s.rate: expected a number, found .nan\n"
     "t:5:7: s.size: expected a value from 0 to 2048MB, found \"3GB\"\n"},
    {"inner: {n: 10, nam: x}\n", "t:1:12: s.inner.n: expected a value from 1 to 9, found 10\n"
                                 "t:1:16: s.inner: unknown key `nam`: did you mean `name`?\n"
                                 "t:1:8: s.inner: key `name` is missing\n"},
    {"inner: 3\nmap: x\nnames: {a: b}\ntext: [1]\nfilter: {a: b}\nselect: [[a]]\n",
     "t:1:8: s.inner: expected a map, found 3\n"
     "t:2:6: s.map: expected a map, found \"x\"\n"
     "t:3:8: s.names: expected a name or a list of names, found a map\n"
     "t:4:7: s.text: expected text, found a list\n"
     "t:5:9: s.filter: expected an expression, found a map\n"
     "t:6:10: s.select[1]: expected an expression, found a list\n"},
    {"filter: \"  \"\ntext:\nsize: 9999999999999999999\nn: 1.5\nnames: ['']\nmap: {a: [1]}\n",
     "t:1:9: s.filter: expected an expression, found nothing\n"
     "t:2:6: s.text: expected text, found nothing\n"
     "t:3:7: s.size: expected a size such as 512, 64KB, 256MB or 2GB, found 9999999999999999999\n"
     "t:4:4: s.n: expected a whole number, found 1.5\n"
     "t:5:9: s.names[1]: expected a name, found \"\"\n"
     "t:6:10: s.map.a: expected text, found a list\n"},
    {"{filter: f(a, b), flag: false}\n",
     "t:1:10: s.filter: inside {…} or […] a comma ends the value, which leaves a bracket or quote "
     "open "
     "here, found \"f(a\": put quotes around the whole value\n"},
    {"select: {p: quantile(value, 0.99), q: 1}\nmap: {c: f(x, y, z), d: 1}\n",
     "t:1:13: s.select.p: inside {…} or […] a comma ends the value, which leaves a bracket or "
     "quote "
     "open here, found \"quantile(value\": put quotes around the whole value\n"
     "t:2:10: s.map.c: inside {…} or […] a comma ends the value, which leaves a bracket or quote "
     "open "
     "here, found \"f(x\": put quotes around the whole value\n"},
    {"select: [sum(a, b), c]\n", "t:1:10: s.select[1]: inside {…} or […] a comma ends the value, "
                                 "which leaves a bracket or quote "
                                 "open here, found \"sum(a\": put quotes around the whole value\n"},
    {"filter: \"a\\0b\"\n", "t:1:9: s.filter: expected an expression without the character \\0\n"},
    {"zzzzzzzz: 1\n",
     "t:1:1: s: unknown key `zzzzzzzz`: expected text, flag, n, wait, pause, size, "
     "rate, mode, filter, select, names, map, inner or yaml\n"},
    {"wait: ${env:KLAMM_A}\nmode: ${env:KLAMM_A}\n",
     "t:1:7: s.wait: expected a duration such as 10s, found another value in ${…}\n"
     "t:2:7: s.mode: expected final or updates, found another value in ${…}\n"},
    {"- a\n", "t:1:1: s: expected a map, found a list\n"},
};

static void test_messages(void **state)
{
    (void)state;
    setenv("KLAMM_A", "topsecret", 1);
    for (size_t i = 0; i < sizeof golden / sizeof golden[0]; i++) {
        struct fixture f;
        assert_int_equal(parse(&f, golden[i].text), -ERR_CONFIG);
        assert_string_equal(f.errors.data, golden[i].errors);
        assert_true(f.out.size != 0 && f.out.inner.n == 3); /* every field is set even so */
        done(&f);
    }
}

static void test_single_value(void **state)
{
    (void)state;
    static const struct config_field field = {"filter", CONFIG_EXPRESSION, 0, .doc = "f"};
    struct fixture f;
    struct config_text out;
    struct yaml *y;
    assert_int_equal(parse(&f, ""), 0);
    assert_int_equal(yaml_parse(&y, &f.a, "t", "a > 1", 5, &f.d), 0);
    assert_int_equal(config_parse_value(&field, &out, y, "steps[0].filter", &f.a, &f.d), 0);
    assert_string_equal(out.text, "a > 1");
    assert_string_equal(out.path, "steps[0].filter");
    assert_int_equal(yaml_parse(&y, &f.a, "t", "[a]", 3, &f.d), 0);
    assert_int_equal(config_parse_value(&field, &out, y, "p", &f.a, &f.d), -ERR_CONFIG);
    assert_null(out.text);
    done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_shapes_of_expressions),
        cmocka_unit_test(test_places_of_expressions),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_single_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
