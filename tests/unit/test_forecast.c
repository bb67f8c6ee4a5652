/* forecast inside a topology: columns, breach, missing and late rows, keys, problems of the
 * configuration, and the same bytes for every batch size and across restarts. Rows are 1 ms apart. */
#include "engine/memory.h"
#include "engine/random.h"
#include "ml/forecast_plan.h"
#include "tests/support/task_run.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 400 };
static char *rows[ROWS];
static const char *keys[ROWS];
static const char *const host[] = {"h0", "h1", "a host with a long name"};

#define FROM(key)                                                                                  \
    "name: test\n"                                                                                 \
    "streams:\n"                                                                                   \
    "  s:\n"                                                                                       \
    "    from: {topic: in, key: " key ", value: json, columns: {host: string, y: double, n: "      \
    "long, bound: double}}\n"                                                                      \
    "    steps:\n"
#define HEAD      FROM("none")
#define KEYED     FROM("string")
#define TAIL      "    to: {topic: out, key: none, value: json}\n"
#define ONE(keys) HEAD "      - forecast: {target: y, as: f, per: partition, " keys "}\n" TAIL

/* A day of eight steps, noise, some values missing, three hosts in turn. */
static int make_rows(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 5, 1);
    for (int i = 0; i < ROWS; i++) {
        double y = 50 + 20 * sin(2 * M_PI * i / 8) + random_normal(&random);
        keys[i] = host[random_below(&random, 3)];
        bool is_missing = random_below(&random, 30) == 0;
        rows[i] = is_missing
                      ? mem_printf("{\"host\": \"%s\", \"y\": null, \"n\": %d}", keys[i], i)
                      : mem_printf("{\"host\": \"%s\", \"y\": %.17g, \"n\": %d, \"bound\": 80}",
                                   keys[i], y, i);
    }
    return 0;
}

static int free_rows(void **state)
{
    (void)state;
    for (int i = 0; i < ROWS; i++) {
        mem_free(rows[i]);
    }
    return 0;
}

static void run(const char *topology, const char *const *value, size_t n, struct task_result *r)
{
    struct task_run how = {
        .topology = topology,
        .topic = "in",
        .value = value,
        .key = value == (const char *const *)rows ? keys : NULL,
        .n = n,
    };
    task_run(&how, r);
}

/* Line i of the output, without its end. */
static const char *line(const struct task_result *r, int i)
{
    static char text[4000];
    const char *p = r->out.data;
    for (; i > 0; i--) {
        p = strchr(p, '\n') + 1;
    }
    snprintf(text, sizeof(text), "%.*s", (int)strcspn(p, "\n"), p);
    return text;
}

/* A number of the line; NaN where it is null. */
static double number(const char *text, const char *name)
{
    char key[100];
    snprintf(key, sizeof(key), "\"%s\":", name);
    const char *at = strstr(text, key);
    assert_non_null(at);
    at += strlen(key);
    return strncmp(at, "null", 4) == 0 ? (double)NAN : strtod(at, NULL);
}

static void columns_per_horizon(void **state)
{
    (void)state;
    struct task_result r = {0};
    run(ONE("algorithm: ridge, options: {lags: 4}, horizons: [8ms, 2ms, 3], every: 1ms, season: 8"),
        (const char *const *)rows, ROWS, &r);
    assert_int_equal(r.status, 0);
    const char *first = line(&r, 0);
    double y = number(first, "y");
    assert_true(number(first, "f_2ms") == y && number(first, "f_8ms") == y);
    assert_true(isnan(number(first, "f_2ms_lower")) && isnan(number(first, "f_3_upper")));
    assert_true(number(first, "f_model_version") == 1);
    assert_true(strstr(first, "f_2ms\"") < strstr(first, "f_3\""));
    assert_true(strstr(first, "f_3\"") < strstr(first, "f_8ms\""));
    const char *late = line(&r, ROWS - 1);
    static const char *const name[] = {"f_2ms", "f_3", "f_8ms"};
    static const int ahead[] = {2, 3, 8};
    for (int h = 0; h < 3; h++) {
        char lower[20], upper[20];
        snprintf(lower, sizeof(lower), "%s_lower", name[h]);
        snprintf(upper, sizeof(upper), "%s_upper", name[h]);
        double truth = 50 + 20 * sin(2 * M_PI * (ROWS - 1 + ahead[h]) / 8);
        assert_true(fabs(number(late, name[h]) - truth) < 3);
        assert_true(number(late, lower) < number(late, name[h]));
        assert_true(number(late, upper) > number(late, name[h]));
    }
    assert_true(task_result_metric(&r, "mae") < 0.2 * task_result_metric(&r, "mae_no_change"));
    assert_true(task_result_metric(&r, "smape") < task_result_metric(&r, "smape_no_change") &&
                task_result_metric(&r, "smape_seasonal") > 0);
    assert_true(fabs(task_result_metric(&r, "coverage") - 0.9) < 0.04);
    task_result_done(&r);
}

static void is_the_same_for_every_batch_size_and_restart(void **state)
{
    (void)state;
    static const char *const topology[] = {
        ONE("algorithm: hybrid, horizons: [1, 4], season: 8"),
        KEYED "      - forecast: {algorithm: ridge, options: {lags: 3}, target: y, horizons: [2ms, "
              "6ms], every: 2ms, season: [8ms, 24], as: f, breach: {above: bound}}\n" TAIL,
        HEAD "      - forecast: {algorithm: holt_winters, target: n, horizons: 3, as: f, per: "
             "global}\n" TAIL,
        ONE("algorithm: seasonal_naive, horizons: 2ms, every: 2ms, season: 4"),
    };
    for (int t = 0; t < 4; t++) {
        struct task_result first = {0};
        run(topology[t], (const char *const *)rows, ROWS, &first);
        assert_int_equal(first.status, 0);
        for (int i = 0; i < 5; i++) {
            struct task_run how = {
                .topology = topology[t],
                .topic = "in",
                .value = (const char *const *)rows,
                .key = t == 1 || t == 2 ? keys : NULL,
                .n = ROWS,
                .batch_rows = (uint16_t[]){1, 3, 2048, 7, 64}[i],
                .restart_every = (size_t[]){0, 0, 1, 50, 299}[i],
            };
            struct task_result r = {0};
            task_run(&how, &r);
            assert_int_equal(r.status, 0);
            assert_int_equal(r.out.n, first.out.n);
            assert_memory_equal(r.out.data, first.out.data, first.out.n);
            assert_int_equal(r.state.n, first.state.n);
            assert_memory_equal(r.state.data, first.state.data, first.state.n);
            task_result_done(&r);
        }
        task_result_done(&first);
    }
}

static void one_series_a_key(void **state)
{
    (void)state;
    /* n grows by one a row; the last value of the own key is forecast. */
    struct task_result r = {0};
    run(KEYED "      - forecast: {algorithm: naive, target: n, horizons: 1, as: f}\n" TAIL,
        (const char *const *)rows, ROWS, &r);
    assert_int_equal(r.status, 0);
    for (int i = 0; i < ROWS; i++) {
        assert_true(number(line(&r, i), "f_1") == i);
    }
    /* The mean of what a key has moved on by, three keys taking turns. */
    assert_true(fabs(task_result_metric(&r, "mae") - 3) < 0.2);
    task_result_done(&r);
}

static void the_time_until_a_bound_is_reached(void **state)
{
    (void)state;
    static const char *const some[] = {
        "{\"y\": 10, \"bound\": 15}",   "{\"y\": 11, \"bound\": 15}",
        "{\"y\": 12, \"bound\": 15}",   "{\"y\": 13, \"bound\": 14.5}",
        "{\"y\": 14, \"bound\": null}", "{\"y\": 15, \"bound\": 15}",
        "{\"y\": 16, \"bound\": 100}",
    };
    /* alpha 1, beta 1: the line through the last two values (the first level is 10.5). */
    const char *text =
        ONE("algorithm: holt_winters, options: {alpha: 1, beta: 1, init: river}, every: 1ms, "
            "horizons: [1ms, 4ms], fallback: false, breach: {above: bound}");
    struct task_result r = {0};
    run(text, some, 7, &r);
    assert_int_equal(r.status, 0);
    assert_true(isnan(number(line(&r, 0), "f_breach")));
    assert_true(isnan(number(line(&r, 0), "f_4ms")));
    assert_true(number(line(&r, 2), "f_4ms") == 18 && number(line(&r, 2), "f_breach") == 2);
    assert_true(number(line(&r, 3), "f_breach") == 2); /* 1.5, rounded away from 0 */
    assert_true(isnan(number(line(&r, 4), "f_breach")));
    assert_true(number(line(&r, 5), "f_breach") == 0);
    assert_true(isnan(number(line(&r, 6), "f_breach")));
    task_result_done(&r);
}

static void below_and_a_missing_value(void **state)
{
    (void)state;
    static const char *const some[] = {"{\"y\": 10}", "{\"y\": 9}", "{\"y\": 8}", "{\"y\": null}"};
    const char *text =
        ONE("algorithm: holt_winters, options: {alpha: 1, beta: 1, init: river}, every: 1ms, "
            "horizons: [1ms, 4ms], fallback: false, breach: {below: 5 + 1}");
    struct task_result r = {0};
    run(text, some, 4, &r);
    assert_int_equal(r.status, 0);
    assert_true(number(line(&r, 2), "f_1ms") == 6.5 && number(line(&r, 2), "f_breach") == 1);
    assert_true(number(line(&r, 3), "f_1ms") == 5); /* the gap counts as a step */
    assert_true(number(line(&r, 3), "f_breach") == 1);
    task_result_done(&r);
}

static void rows_of_one_step_and_late_rows(void **state)
{
    (void)state;
    static const char *const some[] = {
        "{\"y\": 1, \"n\": 0}",  "{\"y\": 2, \"n\": 10}", "{\"y\": 3, \"n\": 11}",
        "{\"y\": 4, \"n\": 20}", "{\"y\": 5, \"n\": 22}", "{\"y\": 9, \"n\": 10}",
        "{\"y\": 6, \"n\": 50}",
    };
    /* Event time from n, which is out of order once. */
    const char *text =
        "name: test\nstreams:\n  s:\n"
        "    from: {topic: in, key: none, value: json, columns: {y: double, n: long}}\n"
        "    time: {field: n, out_of_order: 1s}\n    steps:\n"
        "      - forecast: {target: y, as: f, per: partition, algorithm: naive, every: 10ms, "
        "horizons: 10ms}\n" TAIL;
    struct task_result r = {0};
    run(text, some, 7, &r);
    assert_int_equal(r.status, 0);
    static const double expected[] = {1, 2, 2, 4, 5, NAN, 6};
    for (int i = 0; i < 7; i++) {
        double f = number(line(&r, i), "f_10ms");
        assert_true(isnan(expected[i]) ? isnan(f) : f == expected[i]);
    }
    assert_true(isnan(number(line(&r, 5), "f_model_version")));
    task_result_done(&r);
}

static void odd_values(void **state)
{
    (void)state;
    static const char *const some[] = {
        "{\"y\": \"NaN\"}", "{\"y\": null}",  "{\"y\": 1e150}", "{\"y\": \"Infinity\"}",
        "{\"y\": -1e150}",  "{\"y\": 1e151}", "{\"y\": 0}",
    };
    struct task_result r = {0};
    run(HEAD "      - forecast: {target: y, as: f, per: partition, algorithm: hybrid, horizons: "
             "1}\n" TAIL,
        some, 7, &r);
    assert_int_equal(r.status, 0);
    int out = 0;
    for (const char *p = r.out.data; p < r.out.data + r.out.n; p = strchr(p, '\n') + 1) {
        out++;
    }
    assert_int_equal(out, 7); /* what no model can take is missing */
    assert_true(isnan(number(line(&r, 0), "f_1")) && isnan(number(line(&r, 1), "f_1")));
    assert_true(number(line(&r, 2), "f_1") == 1e150);
    task_result_done(&r);
}

static void never_learns_nothing(void **state)
{
    (void)state;
    struct task_result r = {0};
    run(ONE("algorithm: naive, horizons: 1, learn: never"), (const char *const *)rows, 20, &r);
    assert_int_equal(r.status, 0);
    assert_true(isnan(number(line(&r, 19), "f_1")));
    assert_true(isnan(number(line(&r, 19), "f_model_version")));
    task_result_done(&r);
}

static void problems_name_the_remedy(void **state)
{
    (void)state;
    static const struct {
        const char *keys, *part;
    } wrong[] = {
        {"algorithm: holt_winter, horizons: 1", "did you mean `holt_winters`"},
        {"algorithm: zzz, horizons: 1", "expected one of"},
        {"algorithm: naive, horizons: 5m", "needs `every`"},
        {"algorithm: naive, horizons: 5m, every: 2m", "not a multiple"},
        {"algorithm: naive, horizons: [1, 1]", "twice"},
        {"algorithm: naive, horizons: [60s, 1m], every: 1m", "twice"},
        {"algorithm: naive, horizons: 0", "expected 1 to"},
        {"algorithm: naive, horizons: -5", "expected 1 to"},
        {"algorithm: naive, horizons: soon", "expected durations"},
        {"algorithm: naive, horizons: []", "expected 1 to 64"},
        {"algorithm: naive, horizons: [60000, 50000]", "steps in all"},
        {"algorithm: seasonal_naive, horizons: 1", "needs a season"},
        {"algorithm: naive, horizons: 1, season: 1", "expected 2 to"},
        {"algorithm: naive, horizons: 1, season: [2, 3, 4, 5, 6]", "expected 1 to 4"},
        {"algorithm: naive, horizons: 1, breach: {above: 3}", "needs `every`"},
        {"algorithm: naive, horizons: 1, every: 1s, breach: {over: 3}", "over"},
        {"algorithm: naive, horizons: 1, every: 1s, breach: {above: 3, below: 1}", "one of"},
        {"algorithm: naive, horizons: 1, every: 1s, breach: {above: host}", "number"},
        {"algorithm: naive, horizons: 1, coverage: 1.5", "coverage"},
        {"algorithm: naive, horizons: 1, options: {lags: 3}", "no options"},
        {"algorithm: ridge, horizons: 1, options: {lag: 3}", "lags"},
        {"algorithm: holt_winters, horizons: 1, options: {smoothing_level: 0.3}", "`alpha` here"},
        {"algorithm: hybrid, horizons: 1, options: {members: [ridg]}", "`ridg`"},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct task_result r = {0};
        char topology[2000];
        snprintf(topology, sizeof(topology), ONE("%s"), wrong[i].keys);
        run(topology, (const char *const *)rows, 1, &r);
        const char *text = task_result_problems(&r);
        if (!strstr(text, wrong[i].part)) {
            print_message("%s: %s\n", wrong[i].keys, text);
        }
        assert_non_null(strstr(text, wrong[i].part));
        task_result_done(&r);
    }
    struct task_result r = {0};
    run(HEAD "      - forecast: {target: host, as: f, per: partition, algorithm: naive, horizons: "
             "1}\n" TAIL,
        (const char *const *)rows, 1, &r);
    assert_non_null(strstr(task_result_problems(&r), "expected a number"));
    task_result_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_per_horizon),
        cmocka_unit_test(is_the_same_for_every_batch_size_and_restart),
        cmocka_unit_test(one_series_a_key),
        cmocka_unit_test(the_time_until_a_bound_is_reached),
        cmocka_unit_test(below_and_a_missing_value),
        cmocka_unit_test(rows_of_one_step_and_late_rows),
        cmocka_unit_test(odd_values),
        cmocka_unit_test(never_learns_nothing),
        cmocka_unit_test(problems_name_the_remedy),
    };
    return cmocka_run_group_tests(tests, make_rows, free_rows);
}
