/* ${env:…} and ${file:…}: values, defaults, properties files, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/yaml_expand.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = P_tmpdir "/klamm-yaml-expand-XXXXXX";

static void write_file(const char *name, const char *text, size_t n)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, n, f), n);
    fclose(f);
}

static const struct {
    const char *name, *text;
} files[] = {
    {"secret", "s3cret\n"},
    {"app.properties", "# comment\n! another\n  user = klamm\npass: a=b:c\\\n      d\nbare word\n"
                       "spaced\\ key=1\ntabs=a\\tb\nuni=\\u00e9\\uD83D\\uDE00\nempty=\nuser2=x\r\n"
                       "twice=1\ntwice=2\nlast=end"},
    {"broken.properties", "a=\\u12\n"},
};

static int set_up(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        write_file(files[i].name, files[i].text, strlen(files[i].text));
    }
    write_file("binary", "a\0b", 3);
    static char large[(1 << 20) + 1];
    memset(large, 'x', sizeof large);
    write_file("large", large, sizeof large);
    setenv("KLAMM_A", "value", 1);
    setenv("KLAMM_EMPTY", "", 1);
    setenv("KLAMM_BAD", "\xff", 1);
    unsetenv("KLAMM_NONE");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    static const char *const names[] = {"secret", "app.properties", "broken.properties", "binary",
                                        "large"};
    for (size_t i = 0; i < 5; i++) {
        char path[256];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    return rmdir(folder);
}

static int run(const char *text, struct buffer *out, struct expansion *x, struct err *e)
{
    char file[256];
    snprintf(file, sizeof file, "%s/topology.yaml", folder);
    buffer_init(out);
    *e = (struct err){0};
    return yaml_expand(out, x, file, text, strlen(text), e);
}

static void assert_expands(const char *text, const char *to, int count, bool whole)
{
    struct buffer out;
    struct expansion x;
    struct err e;
    assert_int_equal(run(text, &out, &x, &e), 0);
    assert_string_equal(buffer_cstr(&out), to);
    assert_int_equal(x.count, count);
    assert_int_equal(x.whole, whole);
    buffer_done(&out);
}

static void assert_fails(const char *text, const char *message)
{
    struct buffer out;
    struct expansion x;
    struct err e;
    assert_int_equal(run(text, &out, &x, &e), -ERR_CONFIG);
    if (strstr(e.text, message) == NULL) {
        assert_string_equal(e.text, message);
    }
    buffer_done(&out);
}

static void test_env(void **state)
{
    (void)state;
    assert_expands("plain $ {text} ${x} ${other:y}", "plain $ {text} ${x} ${other:y}", 0, false);
    assert_expands("${env:KLAMM_A}", "value", 1, true);
    assert_expands("a ${env:KLAMM_A} b ${env:KLAMM_A}", "a value b value", 2, false);
    assert_expands("${env:KLAMM_A}${env:KLAMM_A}", "valuevalue", 2, false);
    assert_expands("${env:KLAMM_NONE:-host:9092}", "host:9092", 1, true);
    assert_expands("${env:KLAMM_EMPTY:-x}", "x", 1, true);
    assert_expands("${env:KLAMM_EMPTY}", "", 1, true);
    assert_expands("${env:KLAMM_NONE:-}", "", 1, true);
    assert_fails("${env:KLAMM_NONE}", "environment variable `KLAMM_NONE` is not set");
    assert_fails("${env:}", "needs the name");
    assert_fails("${env:KLAMM_A", "${env: has no closing }");
    assert_fails("${env:KLAMM_BAD}", "does not hold UTF-8 text");
}

static void test_file(void **state)
{
    (void)state;
    assert_expands("${file:secret}", "s3cret", 1, true);
    assert_fails("${file:missing}", "No such file or directory");
    assert_fails("${file:}", "expected ${file:PATH}");
    assert_fails("${file:binary}", "does not hold UTF-8 text");
    assert_fails("${file:large}", "larger than 1 MiB");
    assert_fails("${file:/dev/zero}", "is not a regular file");
    assert_fails("${file:.}", "is not a regular file");
}

static void test_properties(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"user", "klamm"},   {"pass", "a=b:cd"}, {"bare", "word"},
        {"spaced key", "1"}, {"tabs", "a\tb"},   {"uni", "\xc3\xa9\xf0\x9f\x98\x80"},
        {"empty", ""},       {"user2", "x"},     {"twice", "2"},
        {"last", "end"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, "${file:app.properties:%s}", pairs[i][0]);
        assert_expands(text, pairs[i][1], 1, true);
    }
    assert_fails("${file:app.properties:nope}", "has no key `nope`");
    assert_fails("${file:app.properties:}", "expected ${file:PATH}");
    assert_fails("${file:broken.properties:a}", "malformed \\u escape");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_env),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_properties),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
