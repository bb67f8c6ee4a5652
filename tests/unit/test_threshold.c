/* threshold: what is read, and what is refused in which words. */
#include "ml/threshold.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* 0 with *out, or -ERR_CONFIG with the problem in `problem`. */
static int parse(const char *text, struct detector_config *out, char *problem, size_t size)
{
    struct arena mem;
    struct diags diags;
    struct yaml none = {.kind = YAML_MAP}, *value = NULL;
    arena_init(&mem);
    diags_init(&diags);
    struct node n = {.yaml = &none, .path = "detect", .mem = &mem, .diags = &diags};
    if (text) {
        assert_int_equal(yaml_parse(&value, &mem, "t", text, strlen(text), &diags), 0);
    }
    int status = threshold_parse(&n, value, out);
    assert_int_equal(diags.n, status < 0);
    if (diags.n > 0) {
        diags_format(&diags, 0, problem, size);
    }
    diags_done(&diags);
    arena_done(&mem);
    return status;
}

static void expect(const char *text, enum threshold threshold, double bound)
{
    struct detector_config got = {0};
    assert_int_equal(parse(text, &got, NULL, 0), 0);
    assert_int_equal(got.threshold, threshold);
    assert_true(got.bound == bound);
}

static void refuse(const char *text, const char *problem)
{
    struct detector_config got = {0};
    char said[500];
    assert_int_equal(parse(text, &got, said, sizeof(said)), -ERR_CONFIG);
    assert_string_equal(said, problem);
}

static void test_what_is_read(void **state)
{
    (void)state;
    expect(NULL, FALSE_ALARMS, 0.001);
    expect("null", FALSE_ALARMS, 0.001);
    expect("{false_alarms: 0.01}", FALSE_ALARMS, 0.01);
    expect("{quantile: 0.99}", QUANTILE, 0.99);
    expect("{value: 3}", VALUE, 3);
    expect("{value: -2.5}", VALUE, -2.5);
}

static void test_what_is_refused(void **state)
{
    (void)state;
    const char *shape =
        "detect.threshold: expected one of {false_alarms: p}, {quantile: q} and {value: x}";
    refuse("3", shape);
    refuse("{}", shape);
    refuse("{value: 3, quantile: 0.9}", shape);
    refuse("{quantle: 0.9}",
           "detect.threshold: unknown threshold `quantle`: did you mean `quantile`?");
    refuse(
        "{zzz: 0.9}",
        "detect.threshold: unknown threshold `zzz`: expected one of false_alarms, quantile, value");
    refuse("{quantile: 1}", "detect.threshold: expected a number between 0 and 1");
    refuse("{false_alarms: 0}", "detect.threshold: expected a number between 0 and 1");
    refuse("{false_alarms: x}", "detect.threshold: expected a number between 0 and 1");
    refuse("{value: x}", "detect.threshold: value: expected a finite number");
    refuse("{value: .inf}", "detect.threshold: value: expected a finite number");
    refuse("{value: .nan}", "detect.threshold: value: expected a finite number");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_read),
        cmocka_unit_test(test_what_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
