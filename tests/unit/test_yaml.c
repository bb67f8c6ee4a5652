/* YAML read into a tree: kinds and places, golden error messages, limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/buffer.h"
#include "engine/memory.h"
#include "engine/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fixture {
    struct arena a;
    struct diags d;
    struct yaml *y;
    struct buffer errors;
};

static int parse(struct fixture *f, const char *text)
{
    arena_init(&f->a);
    diags_init(&f->d);
    buffer_init(&f->errors);
    int rc = yaml_parse(&f->y, &f->a, "t.yaml", text, strlen(text), &f->d);
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

static void assert_json(const char *text, const char *json)
{
    struct fixture f;
    struct buffer b;
    buffer_init(&b);
    parse(&f, text);
    assert_string_equal(f.errors.data, "");
    yaml_to_json(&b, f.y);
    assert_string_equal(buffer_cstr(&b), json);
    buffer_done(&b);
    done(&f);
}

static void test_values(void **state)
{
    (void)state;
    assert_json("", "null");
    assert_json("# only a comment\n", "null");
    assert_json("a: on\nno: 12:30\nb: 'true'\nc: true\nd: \"1\"\ne: ~\n",
                "{\"a\":\"on\",\"no\":\"12:30\",\"b\":\"true\",\"c\":true,\"d\":\"1\",\"e\":null}");
    assert_json("- [1, 0x1F, 0o17, 1e3]\n- {a: {}, b: []}\n",
                "[[1,31,15,1000.0],{\"a\":{},\"b\":[]}]");
    assert_json("{\"a\": [1, 2.5, null, true, \"\\u00e9\"]}",
                "{\"a\":[1,2.5,null,true,\"\xc3\xa9\"]}");
    assert_json("a: |\n  x\n  y\nb: >-\n  x\n  y\n", "{\"a\":\"x\\ny\\n\",\"b\":\"x y\"}");
    assert_json("\xef\xbb\xbf"
                "a: 1\r\nb: 2\r\n",
                "{\"a\":1,\"b\":2}");
    assert_json("7: a\n1.5: b\nnull: c\n", "{\"7\":\"a\",\"1.5\":\"b\",\"null\":\"c\"}");
}

static void test_tags(void **state)
{
    (void)state;
    assert_json("- !!str 12\n- !!int '12'\n- !!float 1\n- ! 12\n- !!map {a: 1}\n- !!seq [1]\n",
                "[\"12\",12,1.0,\"12\",{\"a\":1},[1]]");
}

static void test_aliases(void **state)
{
    (void)state;
    assert_json("a: &x {b: [1, 2]}\nc: *x\n", "{\"a\":{\"b\":[1,2]},\"c\":{\"b\":[1,2]}}");
    assert_json("- &x 1\n- &x 2\n- *x\n", "[1,2,2]");
}

static void test_places(void **state)
{
    (void)state;
    struct fixture f;
    assert_int_equal(parse(&f, "key: plain\n\xc3\xa9: \"quoted\"\nesc: \"a\\tb\"\nmap: {k: v}\n"
                               "fold: a\n  b\n"),
                     0);
    const struct yaml *plain = yaml_get(f.y, "key"), *quoted = yaml_get(f.y, "\xc3\xa9");
    assert_int_equal(plain->at.line, 1);
    assert_int_equal(plain->at.column, 6);
    assert_string_equal(plain->at.file, "t.yaml");
    assert_true(plain->plain && !plain->flow && plain->skip == 0);
    assert_int_equal(quoted->at.line, 2);
    assert_int_equal(quoted->at.column, 4);
    assert_true(quoted->plain && quoted->skip == 1);
    assert_false(yaml_get(f.y, "esc")->plain);
    assert_false(yaml_get(f.y, "fold")->plain);
    const struct yaml *map = yaml_get(f.y, "map");
    assert_true(map->flow && map->item[0]->flow && map->item[0]->plain);
    assert_int_equal(map->key_at[0].column, 7);
    done(&f);
}

static const struct {
    const char *text, *errors;
} golden[] = {
    {"a: 1\nb: {c: 1, c: 2}\na: 2\n",
     "t.yaml:2:11: b: duplicate key `c`: it stands already at line 2, column 5\n"
     "t.yaml:3:1: duplicate key `a`: it stands already at line 1, column 1\n"},
    {"true: x\nfalse: y\n",
     "t.yaml:1:1: the key is the boolean `true`: a YAML 1.1 tool turned `on` or `yes` into it; "
     "write the key `on`, in quotes for that tool\n"
     "t.yaml:2:1: the key is the boolean `false`: a YAML 1.1 tool turned `off` or `no` into it; "
     "write the key `off`, in quotes for that tool\n"},
    {"a: 1\nb:\n\tc: 3\n", "t.yaml:3:1: a tab cannot indent or begin a value: use spaces\n"},
    {"a: {x: 1, y: [1,2}\n",
     "t.yaml:1:18: a.y: the list […] that begins at line 1, column 14 is not closed here: expected "
     "`,` or `]`; text with , [ ] { } in it needs quotes\n"},
    {"a: {x: b[0]}\n", "t.yaml:1:9: a: the map {…} that begins at line 1, column 4 is not closed "
                       "here: expected `,` or "
                       "`}`; text with , [ ] { } in it needs quotes\n"},
    {"a: \"x\nb: 2\n", "t.yaml:3:1: the quote that opens at line 1, column 4 is never closed\n"},
    {"a: b: c\n",
     "t.yaml:1:5: a `: ` cannot stand here: text with `: ` in it needs quotes, and a key "
     "the indentation of its neighbours\n"},
    {"a: @x\n", "t.yaml:1:4: text cannot begin with `@`: put quotes around it\n"},
    {"a: - b\n", "t.yaml:1:4: a list item cannot begin here: put `- ` on a line of its own below "
                 "the key\n"},
    {"- a\nb: c\n",
     "t.yaml:2:1: expected `- ` with the indentation of the list that begins at line "
     "1, column 1, or a less indented key\n"},
    {"a: 'x' y\n",
     "t.yaml:1:8: expected a key with the indentation of the map that begins at line 1, "
     "column 1: this line is indented otherwise, or a value goes on behind its closing "
     "quote\n"},
    {"a: \"\\q\"\n",
     "t.yaml:1:5: unknown escape behind \\ in a double-quoted text: write \\\\ for a "
     "backslash, or use single quotes\n"},
    {"x: *nope\n", "t.yaml:1:4: x: alias `*nope` without an anchor `&nope` before it\n"},
    {"a: &a [*a]\n", "t.yaml:1:8: a[1]: alias `*a` without an anchor `&a` before it\n"},
    {"a: 1\n---\nb: 2\n", "t.yaml:2:1: a second document begins: one file holds one document\n"},
    {"a: !foo 1\nb: !!int x\nc: !!map [1]\n",
     "t.yaml:1:4: a: unknown tag `!foo`: only the core tags such as !!str are known\n"
     "t.yaml:2:4: b: tag !!int: the value is not a whole number\n"
     "t.yaml:3:4: c: unknown tag `tag:yaml.org,2002:map`: only the core tags such as !!str are "
     "known\n"},
    {"a: ok\nb: \xff\n", "t.yaml:2:4: the file is not UTF-8: invalid byte\n"},
    {"a: \x01\n", "t.yaml:1:4: a control character is not allowed: write it as an escape in double "
                  "quotes\n"},
    {"? [a]\n: b\n", "t.yaml:1:3: a key must be text, not a list, map or alias\n"},
    {"\"\": b\n", "t.yaml:1:1: the key before `:` is empty\n"},
    {"<<: {a: 1}\n", "t.yaml:1:1: merge keys (<<) are YAML 1.1: write the keys out\n"},
    {"\xff\xfe"
     "a",
     "t.yaml:1:1: the file is UTF-16: save it as UTF-8\n"},
    {"a: ${env:KLAMM_TEST_UNSET}\n",
     "t.yaml:1:4: a: environment variable `KLAMM_TEST_UNSET` is not set: set it, or give a default "
     "with ${env:KLAMM_TEST_UNSET:-default}\n"},
};

static void test_messages(void **state)
{
    (void)state;
    unsetenv("KLAMM_TEST_UNSET");
    for (size_t i = 0; i < sizeof golden / sizeof golden[0]; i++) {
        struct fixture f;
        assert_int_equal(parse(&f, golden[i].text), -ERR_CONFIG);
        assert_string_equal(f.errors.data, golden[i].errors);
        done(&f);
    }
}

static void test_tree_without_what_is_wrong(void **state)
{
    (void)state;
    struct fixture f;
    assert_int_equal(parse(&f, "true: 1\na: 2\n"), -ERR_CONFIG);
    assert_non_null(f.y);
    assert_int_equal(f.y->n, 1);
    assert_int_equal(yaml_get(f.y, "a")->number, 2);
    done(&f);
    assert_int_equal(parse(&f, "a: [1\n"), -ERR_CONFIG);
    assert_null(f.y);
    done(&f);
}

static void assert_limit(struct buffer *text, const char *message)
{
    struct fixture f;
    assert_int_equal(parse(&f, buffer_cstr(text)), -ERR_CONFIG);
    assert_int_equal(f.d.n, 1);
    assert_non_null(strstr(f.d.item[0].text, message));
    assert_null(f.y);
    done(&f);
    buffer_done(text);
}

static void test_limits(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b);
    for (int i = 0; i < 100000; i++) {
        buffer_byte(&b, '[');
    }
    assert_limit(&b, "nested more than 100 deep");

    buffer_init(&b);
    for (int i = 0; i < 101000; i++) {
        buffer_text(&b, "- x\n");
    }
    assert_limit(&b, "more than 100000 values");

    buffer_init(&b); /* each level stands for ten of the level before */
    buffer_text(&b, "a0: &a0 x\n");
    for (int i = 1; i < 30; i++) {
        buffer_printf(&b, "a%d: &a%d [", i, i);
        for (int k = 0; k < 10; k++) {
            buffer_printf(&b, "*a%d,", i - 1);
        }
        buffer_text(&b, "]\n");
    }
    assert_limit(&b, "more than 100000 values");

    buffer_init(&b); /* aliases cannot go deeper than text can */
    buffer_text(&b, "a0: &a0 x\n");
    for (int i = 1; i < 200; i++) {
        buffer_printf(&b, "a%d: &a%d [[*a%d]]\n", i, i, i - 1);
    }
    assert_limit(&b, "nested more than 100 deep");

    buffer_init(&b); /* few nodes, much text */
    buffer_text(&b, "a: &a ");
    for (int i = 0; i < 1 << 20; i++) {
        buffer_byte(&b, 'x');
    }
    buffer_text(&b, "\nb: [");
    for (int i = 0; i < 100; i++) {
        buffer_text(&b, "*a,");
    }
    buffer_text(&b, "]\n");
    assert_limit(&b, "more than 16 MiB of text");

    buffer_init(&b);
    for (int i = 0; i < 1001; i++) {
        buffer_printf(&b, "- &a%d x\n", i);
    }
    assert_limit(&b, "more than 1000 anchors");
}

static void test_load(void **state)
{
    (void)state;
    char name[] = P_tmpdir "/klamm-yaml-XXXXXX";
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "a: 1\n", 5), 5);
    close(fd);
    struct arena a;
    struct diags d;
    struct yaml *y;
    arena_init(&a);
    diags_init(&d);
    assert_int_equal(yaml_load(&y, &a, name, &d), 0);
    assert_int_equal(yaml_get(y, "a")->number, 1);
    unlink(name);
    assert_int_equal(yaml_load(&y, &a, name, &d), -ERR_CONFIG);
    assert_null(y);
    assert_string_equal(d.item[0].text, "cannot read the file: No such file or directory");
    diags_done(&d);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),   cmocka_unit_test(test_tags),
        cmocka_unit_test(test_aliases),  cmocka_unit_test(test_places),
        cmocka_unit_test(test_messages), cmocka_unit_test(test_tree_without_what_is_wrong),
        cmocka_unit_test(test_limits),   cmocka_unit_test(test_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
