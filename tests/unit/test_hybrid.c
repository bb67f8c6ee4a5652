/* hybrid: weights by recent error; no worse than its best part; members as configured. */
#include "engine/arena.h"
#include "engine/random.h"
#include "tests/support/forecaster_check.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

extern const struct forecaster_def forecaster_hybrid, forecaster_naive, forecaster_seasonal_naive,
    forecaster_ridge, forecaster_holt_winters;
static const struct forecaster_def *const def = &forecaster_hybrid;

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

static const uint32_t horizons[] = {1, 4}, seasons[] = {6, 24};

static void *open(const struct forecaster_def *d, const char *options, uint32_t nseasons)
{
    struct forecaster_setup setup = {
        .options = forecaster_options(d, options, &arena),
        .horizon = horizons,
        .nhorizons = 2,
        .season = seasons,
        .nseasons = nseasons,
    };
    return d->open(&setup);
}

static void the_first_member_until_errors_are_known(void **state)
{
    (void)state;
    void *f = open(def, "{members: [naive, seasonal_naive]}", 1);
    double out[2];
    def->predict(f, out);
    assert_true(isnan(out[0]));
    for (int i = 0; i < 5; i++) {
        def->learn(f, i);
        def->predict(f, out);
        assert_true(out[0] == i && out[1] == i);
    }
    def->close(f);
}

static void the_weights_are_those_of_the_errors(void **state)
{
    (void)state;
    /* The seasonal member has no error: it alone counts. */
    void *f = open(def, "{members: [naive, seasonal_naive], half_life: 1000000}", 1);
    double out[2], error = 0, weight = 0;
    for (int i = 0; i < 60; i++) {
        def->learn(f, i % 6 < 3 ? 10 : 10.5);
    }
    def->predict(f, out); /* after step 59, phase 5: the next is 10, naive says 10.5 */
    assert_true(out[0] == 10);
    def->close(f);
    /* Two that miss: (least / error)^10. */
    f = open(def, "{members: [naive, {holt_winters: {alpha: 0.5, init: river}}], half_life: 1e6}",
             0);
    void *naive = open(&forecaster_naive, "{}", 0);
    void *smooth = open(&forecaster_holt_winters, "{alpha: 0.5, init: river}", 0);
    struct random random;
    double a[2], b[2], errors[2] = {0}, y = 0;
    random_seed(&random, 3, 1);
    for (int i = 0; i < 400; i++) {
        y = 0.6 * y + random_normal(&random);
        forecaster_naive.predict(naive, a);
        forecaster_holt_winters.predict(smooth, b);
        const double keep = exp(-M_LN2 / 1e6);
        if (!isnan(b[0])) {
            errors[0] = errors[0] * keep + fabs(a[0] - y);
            errors[1] = errors[1] * keep + fabs(b[0] - y);
            weight = weight * keep + 1;
        } else if (!isnan(a[0])) {
            error = fabs(a[0] - y);
        }
        def->learn(f, y);
        forecaster_naive.learn(naive, y);
        forecaster_holt_winters.learn(smooth, y);
    }
    forecaster_naive.predict(naive, a);
    forecaster_holt_winters.predict(smooth, b);
    def->predict(f, out);
    /* naive has one error more, the second step's */
    double mean0 = (errors[0] + error) / (weight + 1), mean1 = errors[1] / weight;
    double least = fmin(mean0, mean1), w0 = pow(least / mean0, 10), w1 = pow(least / mean1, 10);
    assert_true(fabs(out[0] - (w0 * a[0] + w1 * b[0]) / (w0 + w1)) < 1e-3);
    def->close(f);
    forecaster_naive.close(naive);
    forecaster_holt_winters.close(smooth);
}

/* Series of very different kinds. */
static double value_of(int kind, int i, double *last, struct random *random)
{
    double z = random_normal(random);
    *last = kind == 0 ? *last + z : 0.7 * *last + z;
    switch (kind) {
    case 0: /* a random walk */
        return *last;
    case 1: /* two seasons and noise */
        return 50 + 10 * sin(2 * M_PI * i / 6) + 20 * cos(2 * M_PI * i / 24) + z;
    case 2: /* an autoregression around a trend */
        return 0.05 * i + *last;
    case 3: /* noise */
        return 10 + z;
    default: /* bursts */
        return i % 24 == 5 ? 100 + z : fabs(*last);
    }
}

#define KINDS 5

static void nowhere_much_worse_than_its_best_part(void **state)
{
    (void)state;
    static const struct forecaster_def *const part[] = {
        &forecaster_ridge, &forecaster_ridge, &forecaster_holt_winters, &forecaster_holt_winters};
    static const char *const options[] = {"{}", "{lags: 24, around: 12}", "{}", "{}"};
    static const uint32_t nseasons[] = {2, 2, 2, 1};
    for (int kind = 0; kind < KINDS; kind++) {
        double error[5][2] = {{0}}, out[5][2], ring[5][4] = {{0}}, last = 0;
        struct random random;
        random_seed(&random, 21, 1);
        void *f[5];
        for (int k = 0; k < 4; k++) {
            f[k] = open(part[k], options[k], nseasons[k]);
        }
        f[4] = open(def, "{}", 2);
        for (int i = 0; i < 2000; i++) {
            double y = value_of(kind, i, &last, &random);
            for (int k = 0; k < 5; k++) {
                const struct forecaster_def *d = k < 4 ? part[k] : def;
                d->predict(f[k], out[k]);
                if (i > 500) {
                    error[k][0] += fabs(out[k][0] - y);
                    error[k][1] += fabs(ring[k][i % 4] - y);
                }
                d->learn(f[k], y);
                d->predict(f[k], out[k]);
                ring[k][i % 4] = out[k][1]; /* stands for step i + 4 */
            }
        }
        for (int h = 0; h < 2; h++) {
            double best = HUGE_VAL;
            for (int k = 0; k < 4; k++) {
                best = fmin(best, error[k][h]);
            }
            assert_true(error[4][h] <= 1.03 * best);
        }
        for (int k = 0; k < 5; k++) {
            (k < 4 ? part[k] : def)->close(f[k]);
        }
    }
}

static const char *problem(const char *options)
{
    static struct err e;
    struct diags diags;
    struct yaml *y;
    void *out = arena_zalloc(&arena, def->options_size);
    e = (struct err){0};
    diags_init(&diags);
    assert_int_equal(yaml_parse(&y, &arena, "o", options, strlen(options), &diags), 0);
    assert_int_equal(config_parse(def->options, out, y, "o", &arena, &diags), 0);
    assert_int_equal(def->check(out, &e), -ERR_CONFIG);
    diags_done(&diags);
    return e.text;
}

static void members_that_are_none(void **state)
{
    (void)state;
    assert_non_null(strstr(problem("{members: [naive, rigde]}"), "`rigde`"));
    assert_non_null(strstr(problem("{members: [hybrid]}"), "member of itself"));
    assert_non_null(strstr(problem("{members: [3]}"), "members[0]: a member is a name"));
    assert_string_equal(problem("{members: [naive, {ridge: {lags: 0}}]}"),
                        "members[1]: ridge: lags: expected a value from 1 to 256, found 0");
    assert_non_null(strstr(problem("{members: []}"), "1 to 8"));
    assert_non_null(strstr(problem("{members: naive}"), "list"));
    assert_non_null(strstr(problem("{members: [{ridge: {lag: 3}}]}"), "lags"));
    assert_non_null(strstr(problem("{members: [{ridge: 3}]}"), "ridge"));
    assert_non_null(strstr(problem("{members: [{ridge: {seasons: 9}}]}"), "seasons"));
    assert_non_null(strstr(problem("{members: [{holt_winters: {beta: 0.2}}]}"), "alpha"));
}

static void the_layout_tells_members_apart(void **state)
{
    (void)state;
    struct buffer a, b;
    buffer_init(&a);
    buffer_init(&b);
    def->layout(forecaster_options(def, "{members: [naive, {ridge: {lags: 3}}]}", &arena), &a);
    def->layout(forecaster_options(def, "{members: [naive, {ridge: {lags: 4}}]}", &arena), &b);
    assert_string_not_equal(buffer_cstr(&a), buffer_cstr(&b));
    assert_non_null(strstr(buffer_cstr(&a), "lags 3"));
    buffer_done(&a);
    buffer_done(&b);
}

static void what_holds_for_every_forecaster(void **state)
{
    (void)state;
    static const char *const options[] = {
        "{members: [naive, seasonal_naive, {ridge: {lags: 2, around: 0, seasons: 1}}]}",
        "{members: [{holt_winters: {window: 50}}, {ridge: {lags: 3, around: 1, seasons: 0}}]}"};
    for (int i = 0; i < 2; i++) {
        check_forecaster(def, forecaster_options(def, options[i], &arena));
    }
    struct forecaster_series s = forecaster_series_new(300, 2);
    check_forecaster_continues(def, forecaster_options(def, "{}", &arena), &s);
    check_forecaster_odd_series(def, forecaster_options(def, "{}", &arena));
    forecaster_series_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_member_until_errors_are_known),
        cmocka_unit_test(the_weights_are_those_of_the_errors),
        cmocka_unit_test(nowhere_much_worse_than_its_best_part),
        cmocka_unit_test(members_that_are_none),
        cmocka_unit_test(the_layout_tells_members_apart),
        cmocka_unit_test(what_holds_for_every_forecaster),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
