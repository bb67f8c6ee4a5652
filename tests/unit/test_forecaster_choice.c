/* Forecasters by name, and problems with their options told in one message. */
#include "ml/forecaster_choice.h"

#include "engine/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void are_found_or_suggested(void **state)
{
    (void)state;
    struct err e = {0};
    assert_string_equal(forecaster_find("seasonal_naive", &e)->name, "seasonal_naive");
    assert_null(forecaster_find("holtwinters", &e));
    assert_string_equal(e.text, "unknown forecaster `holtwinters`: did you mean `holt_winters`?");
    err_clear(&e);
    assert_null(forecaster_find("prophet", &e));
    assert_non_null(strstr(e.text, "expected one of "));
    assert_non_null(strstr(e.text, "naive"));
    assert_null(forecaster_find("prophet", NULL));
}

/* The message, or NULL. */
static const char *problem(const char *name, const char *options)
{
    static struct err e;
    const struct forecaster_def *def = forecaster_find(name, NULL);
    struct arena a;
    struct diags d;
    struct yaml *y;
    arena_init(&a);
    diags_init(&d);
    err_clear(&e);
    assert_int_equal(yaml_parse(&y, &a, "options", options, strlen(options), &d), 0);
    const void *parsed = forecaster_parse(def, y, &a, &e);
    assert_true((parsed == NULL) == (e.kind == ERR_CONFIG));
    diags_done(&d);
    arena_done(&a);
    return parsed ? NULL : e.text;
}

static void options_are_named_with_their_forecaster(void **state)
{
    (void)state;
    assert_null(problem("ridge", "{lags: 3}"));
    assert_null(problem("naive", "null"));
    assert_non_null(strstr(problem("ridge", "{lag: 3}"), "ridge: "));
    assert_non_null(strstr(problem("ridge", "{lag: 3}"), "`lags`"));
    assert_non_null(strstr(problem("ridge", "{lags: many}"), "ridge: lags: "));
    assert_string_equal(problem("ridge", "3"), "ridge: options are a map, {name: value}");
    assert_non_null(strstr(problem("holt_winters", "{beta: 0.2}"), "holt_winters: "));
    assert_string_equal(problem("hybrid", "{models: [naive]}"),
                        "hybrid: `models` is called `members` here");
    struct arena a;
    arena_init(&a);
    assert_non_null(forecaster_parse(forecaster_find("naive", NULL), NULL, &a, NULL));
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(are_found_or_suggested),
        cmocka_unit_test(options_are_named_with_their_forecaster),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
