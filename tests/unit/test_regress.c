/* regress inside a topology: values, intervals, nulls, bad labels, and the same bytes for every
 * batch size and across restarts. */
enum { ROWS = 600 };
#define COLUMNS "host: string, a: double, b: double, y: double, n: long"
#include "tests/unit/learning_harness.h"

static const char *const host[] = {"h0", "h1"};
#define STEP(more)                                                                                 \
    "      - regress: {algorithm: linear_regression, features: [a, b], label: y, as: p,\n"         \
    "                  options: {lr: 0.05}, " more "}\n"

/* y follows a and b, with noise. */
static int make_rows(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 5, 1);
    for (int i = 0; i < ROWS; i++) {
        double a = random_normal(&random), b = random_normal(&random);
        double y = 3 + 2 * a - b + 0.5 * random_normal(&random);
        keys[i] = host[random_below(&random, 2)];
        rows[i] =
            mem_printf("{\"host\": \"%s\", \"a\": %.17g, \"b\": %.17g, \"y\": %.17g, \"n\": %d}",
                       keys[i], a, b, y, i % 3);
    }
    return 0;
}

static double number(const char *line, const char *name)
{
    const char *at = strstr(line, name);
    assert_non_null(at);
    at += strlen(name);
    return strncmp(at, "null", 4) == 0 ? nan("") : strtod(at, NULL);
}

/* Metrics beside what the output rows themselves say. */
static void predicts_then_learns(void **state)
{
    (void)state;
    struct task_result r = {0};
    double sum = 0, inside = 0, intervals = 0;
    int i = 0, scored = 0;
    run_all(HEAD STEP("per: partition") TAIL, &r);
    for (char *line = r.out.data; line < r.out.data + r.out.n; line = strchr(line, '\n') + 1, i++) {
        double y = number(line, "\"y\":"), p = number(line, "\"p\":");
        double lower = number(line, "\"p_lower\":"), upper = number(line, "\"p_upper\":");
        assert_int_equal(isnan(p) != 0, i == 0);
        assert_int_equal(isnan(number(line, "\"p_model_version\":")) != 0, i == 0);
        assert_int_equal(isnan(lower) != 0, isnan(upper) != 0);
        if (i > 0) {
            sum += fabs(p - y);
            scored++;
        }
        if (!isnan(lower)) {
            assert_true(lower <= p && p <= upper);
            inside += lower <= y && y <= upper;
            intervals++;
        }
    }
    assert_int_equal(i, ROWS);
    assert_true(task_result_metric(&r, "rows") == scored);
    assert_true(fabs(task_result_metric(&r, "mae") - sum / scored) < 1e-9);
    assert_true(task_result_metric(&r, "mae") < 0.6 * task_result_metric(&r, "mae_baseline"));
    assert_true(task_result_metric(&r, "mae") < 0.6 * task_result_metric(&r, "mae_no_change"));
    assert_true(task_result_metric(&r, "r2") > 0.5);
    assert_true(intervals > ROWS / 2);
    assert_true(fabs(task_result_metric(&r, "coverage") - inside / intervals) < 1e-9);
    assert_true(inside / intervals > 0.85 && inside / intervals < 0.95);
    task_result_done(&r);
}

static void same_error(const struct task_result *first, const struct task_result *r)
{
    assert_true(fabs(task_result_metric(r, "mae") - task_result_metric(first, "mae")) < 1e-12);
}

static void is_the_same_for_every_batch_size_and_restart(void **state)
{
    (void)state;
    static const char *const topology[] = {
        HEAD STEP("per: partition, scale: standard") TAIL,
        FROM("string") STEP("per: key") TAIL,
        HEAD STEP("per: partition, learn: {batch: {window: 300, every: 100}}") TAIL,
    };
    static const struct way way[] = {{1, 0}, {3, 0}, {2048, 50}, {7, 299}};
    for (int t = 0; t < 3; t++) {
        assert_same(topology[t], way, 4, same_error);
    }
}

static void bad_and_missing_labels(void **state)
{
    (void)state;
    static const char *const some[] = {
        "{\"a\": 1, \"b\": 1, \"y\": 2}",     "{\"a\": 1, \"b\": 1}",
        "{\"a\": 1, \"b\": 1, \"y\": 1e200}", "{\"a\": 1, \"y\": 7}",
        "{\"a\": 1, \"b\": 1e160, \"y\": 2}", "{\"a\": 1, \"b\": 2, \"y\": 2}",
    };
    struct task_result r = {0};
    run("errors: {tolerance: all, dead_letter_topic: dead}\n" HEAD STEP("per: partition") TAIL,
        some, 6, &r);
    assert_int_equal(r.status, 0);
    int dead = 0, out = 0, nulls = 0;
    for (const char *p = r.out.data; p < r.out.data + r.out.n; p = strchr(p, '\n') + 1) {
        dead += strncmp(p, "dead ", 5) == 0;
        out += strncmp(p, "out ", 4) == 0;
        nulls += strncmp(p, "out ", 4) == 0 && isnan(number(p, "\"p\":"));
    }
    assert_int_equal(dead, 1); /* a label beyond 1e150 */
    assert_int_equal(out, 5);
    assert_int_equal(nulls, 3); /* the first row, and two features that are missing */
    assert_true(task_result_metric(&r, "rows") == 1);
    task_result_done(&r);
}

static void a_model_that_diverges_says_nothing(void **state)
{
    (void)state;
    struct task_result r = {0};
    run_all(HEAD "      - regress: {algorithm: linear_regression, features: [a * 1e60], label: y * "
                 "1e60, as: p,\n          per: partition, options: {lr: 1000, clip_gradient: "
                 "1e300}}\n" TAIL,
            &r);
    char *last = r.out.data;
    for (char *line = r.out.data; line < r.out.data + r.out.n; line = strchr(line, '\n') + 1) {
        last = line;
    }
    assert_true(isnan(number(last, "\"p\":")));
    task_result_done(&r);
}

static void problems_say_what_to_do(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"{algorithm: linear_regresion, features: [a], label: y, as: p}", "`linear_regression`"},
        {"{algorithm: gaussian_nb, features: [a], label: y, as: p}", "unknown algorithm"},
        {"{algorithm: linear_regression, features: [a], label: host, as: p}", "`classify`"},
        {"{algorithm: linear_regression, features: [y], label: y, as: p}", "is the label"},
        {"{algorithm: linear_regression, features: [a], label: y, as: b}", "already"},
        {"{algorithm: linear_regression, features: [a], label: y, as: p, evaluate: [mse]}",
         "`mae`"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_step_refused(HEAD, "regress", wrong[i][0], wrong[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(predicts_then_learns),
        cmocka_unit_test(is_the_same_for_every_batch_size_and_restart),
        cmocka_unit_test(bad_and_missing_labels),
        cmocka_unit_test(a_model_that_diverges_says_nothing),
        cmocka_unit_test(problems_say_what_to_do),
    };
    return cmocka_run_group_tests(tests, make_rows, free_rows);
}
