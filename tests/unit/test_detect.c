/* detect inside a topology: thresholds, warm-up, keys, nulls, and the same bytes for every batch
 * size and across restarts. */
enum { ROWS = 3000 };
#define COLUMNS "host: string, a: double, b: double, n: long"
#include "tests/unit/learning_harness.h"

static const char *const host[] = {"h0", "h1"};

/* Usual rows around a host's own level; every 500th is far off. */
static bool is_odd(int i)
{
    return i >= 500 && i % 500 < 2;
}

static int make_rows(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 5, 1);
    for (int i = 0; i < ROWS; i++) {
        double level = i % 2 ? 100 : 0, far = is_odd(i) ? 12 : 0;
        keys[i] = host[i % 2];
        rows[i] = mem_printf("{\"host\": \"%s\", \"a\": %.17g, \"b\": %.17g, \"n\": %d}", keys[i],
                             level + far + random_normal(&random), random_normal(&random) - far, i);
    }
    return 0;
}

#define STEP(algorithm, more)                                                                      \
    "      - detect: {algorithm: " algorithm ", features: [a, b], as: odd" more "}\n"

/* Share of the odd rows found, and of the usual ones behind the warm-up. */
static void shares(const struct task_result *r, double *found, double *false_alarms)
{
    double odd = 0, usual = 0, hits = 0, alarms = 0;
    int i = 0;
    for (char *line = r->out.data; line < r->out.data + r->out.n;
         line = strchr(line, '\n') + 1, i++) {
        const char *flag = strstr(line, "\"odd\":"), *score = strstr(line, "\"odd_score\":");
        assert_true(flag && score);
        bool is_null = strncmp(flag + 6, "null", 4) == 0;
        assert_int_equal(is_null, strncmp(score + 12, "null", 4) == 0);
        if (is_null) {
            continue;
        }
        double p = strtod(score + 12, NULL);
        bool is_found = strncmp(flag + 6, "true", 4) == 0;
        assert_true(p >= 0 && p <= 1);
        odd += is_odd(i);
        usual += !is_odd(i);
        hits += is_odd(i) && is_found;
        alarms += !is_odd(i) && is_found;
    }
    assert_true(odd > 0 && usual > 0);
    *found = hits / odd;
    *false_alarms = alarms / usual;
}

static void finds_what_is_far_off(void **state)
{
    (void)state;
    static const char *const step[] = {
        STEP("zscore", ""),
        STEP("mad", ""),
        STEP("half_space_trees", ", threshold: {quantile: 0.985}"),
        STEP("random_cut_forest", ", threshold: {quantile: 0.99}"),
        STEP("zscore", ", threshold: {value: 6}"),
        STEP("zscore", ", threshold: {quantile: 0.995}"),
    };
    for (size_t i = 0; i < sizeof step / sizeof step[0]; i++) {
        char topology[2000];
        struct task_result r = {0};
        double found, false_alarms;
        snprintf(topology, sizeof topology, FROM("string") "%s" TAIL, step[i]);
        run_all(topology, &r);
        shares(&r, &found, &false_alarms);
        if (found < 0.7 || false_alarms > 0.02) {
            print_message("%s: %g of the odd rows, %g of the others\n", step[i], found,
                          false_alarms);
            fail();
        }
        assert_true(task_result_metric(&r, "detections") > 5);
        task_result_done(&r);
    }
}

/* What `{value: x}` is compared with can be seen: no row is found below x, and all are from it on.
 */
static void shows_the_score_that_a_value_is_compared_with(void **state)
{
    (void)state;
    struct task_result r = {0};
    int i = 0, over = 0;
    run_all(FROM("string") STEP("zscore", ", threshold: {value: 2.5}, raw: true") TAIL, &r);
    for (char *line = r.out.data; line < r.out.data + r.out.n; line = strchr(line, '\n') + 1, i++) {
        const char *raw = strstr(line, "\"odd_raw\":"), *flag = strstr(line, "\"odd\":");
        assert_true(raw && flag && raw < strchr(line, '\n'));
        bool is_null = strncmp(raw + 10, "null", 4) == 0;
        assert_int_equal(is_null, strncmp(flag + 6, "null", 4) == 0);
        bool is_over = !is_null && strtod(raw + 10, NULL) >= 2.5;
        assert_int_equal(is_over, strncmp(flag + 6, "true", 4) == 0);
        over += is_over;
    }
    assert_true(over > 20 && over < ROWS / 2);
    task_result_done(&r);
    run_all(FROM("string") STEP("zscore", "") TAIL, &r);
    assert_null(strstr(r.out.data, "odd_raw"));
    task_result_done(&r);
}

static void warms_up_per_key(void **state)
{
    (void)state;
    struct task_result r = {0};
    int i = 0;
    run_all(FROM("string") STEP("zscore", ", warm_up: 50, options: {grace_period: 10}") TAIL, &r);
    for (char *line = r.out.data; line < r.out.data + r.out.n; line = strchr(line, '\n') + 1, i++) {
        const char *null = strstr(line, "\"odd\":null");
        assert_int_equal(null && null < strchr(line, '\n'), i < 100); /* two hosts */
    }
    assert_int_equal(i, ROWS);
    assert_true(task_result_metric(&r, "rows") == ROWS - 100);
    task_result_done(&r);
}

/* What a step says of its warm-up holds for learners that would wait longer. */
static void has_scores_when_it_has_warmed_up(void **state)
{
    (void)state;
    static const struct {
        const char *algorithm, *more;
        int first; /* row of a host with a score */
    } cases[] = {
        {"zscore", ", warm_up: 20", 20},
        {"mad", ", warm_up: 20", 20},
        {"autoencoder", ", warm_up: 20", 20},
        {"residual", ", warm_up: 20", 20},
        {"random_cut_forest", ", warm_up: 20", 20},
        {"matrix_profile", ", warm_up: 120", 120},
        {"zscore", ", warm_up: 0", 1},
        {"zscore", ", warm_up: 20, options: {grace_period: 60}", 60},
        {"zscore", ", options: {grace_period: 20}", 100},
        {"zscore", "", 100},
        {"zscore", ", warm_up: 120", 120},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        struct task_result r = {0};
        char topology[2000];
        int i = 0;
        snprintf(topology, sizeof topology, FROM("string") STEP("%s", "%s") TAIL,
                 cases[k].algorithm, cases[k].more);
        run_all(topology, &r);
        for (char *line = r.out.data; line < r.out.data + r.out.n;
             line = strchr(line, '\n') + 1, i++) {
            const char *null = strstr(line, "\"odd_score\":null");
            bool is_null = null && null < strchr(line, '\n');
            if (is_null != (i < 2 * cases[k].first)) { /* two hosts */
                print_message("%s%s: row %d\n", cases[k].algorithm, cases[k].more, i);
                fail();
            }
        }
        task_result_done(&r);
    }
}

static void same_detections(const struct task_result *first, const struct task_result *r)
{
    assert_true(task_result_metric(r, "detections") == task_result_metric(first, "detections"));
}

static void is_the_same_for_every_batch_size_and_restart(void **state)
{
    (void)state;
    static const char *const topology[] = {
        FROM("string") STEP("zscore", "") TAIL,
        HEAD STEP("half_space_trees", ", per: partition") TAIL,
        HEAD STEP("half_space_trees", ", per: partition, learn: {batch: {window: 400, every: 500}}")
            TAIL,
        HEAD STEP("isolation_forest", ", per: partition, learn: {batch: {window: 400, every: 500}}")
            TAIL,
    };
    static const struct way way[] = {{3, 0}, {2048, 500}, {7, 1111}};
    for (int t = 0; t < 4; t++) {
        assert_same(topology[t], way, 3, same_detections);
    }
}

/* A series that never changes is never odd; the first row that differs is, up or down, and what
 * follows it is not. one_class_svm is blind to that row, and is lost behind it. */
static void constant_series_are_usual_and_what_leaves_them_is_not(void **state)
{
    (void)state;
    enum { LENGTH = 2400, AT = 2000 };
    static const char *const algorithm[] = {"zscore",
                                            "mad",
                                            "half_space_trees",
                                            "random_cut_forest",
                                            "isolation_forest",
                                            "autoencoder",
                                            "matrix_profile",
                                            "residual, options: {forecaster: naive}",
                                            "mad, scale: standard",
                                            "one_class_svm"};
    static char usual[] = "{\"a\": 5.1}";
    static char other[2][20] = {"{\"a\": 50}", "{\"a\": -50}"};
    static const char *value[LENGTH];
    for (int run_at = 0; run_at < 20; run_at++) {
        char topology[2000];
        struct task_result r = {0};
        int i = 0, before = 0, there = 0, behind = 0;
        bool is_blind = run_at / 2 == 9;
        for (int k = 0; k < LENGTH; k++) {
            value[k] = k == AT ? other[run_at % 2] : usual;
        }
        snprintf(topology, sizeof topology,
                 HEAD
                 "      - detect: {algorithm: %s, features: [a], as: odd, per: partition}\n" TAIL,
                 algorithm[run_at / 2]);
        run(topology, value, LENGTH, &r);
        assert_int_equal(r.status, 0);
        for (char *line = r.out.data; line < r.out.data + r.out.n;
             line = strchr(line, '\n') + 1, i++) {
            bool is_odd_here = strncmp(strstr(line, "\"odd\":") + 6, "true", 4) == 0;
            before += i < AT && is_odd_here;
            there += i == AT && is_odd_here;
            behind += i > AT && is_odd_here;
        }
        assert_int_equal(i, LENGTH);
        if (before > 0 || there != !is_blind || (behind > 1 && !is_blind)) {
            fail_msg("%s: %d before, %d, %d behind", algorithm[run_at / 2], before, there, behind);
        }
        task_result_done(&r);
    }
}

/* Whatever its place, a step whose learner draws nothing says the same; others with the same seed.
 */
static void equal_steps_say_the_same(void **state)
{
    (void)state;
    static const char *const algorithm[] = {"zscore", "mad",
                                            "half_space_trees, options: {seed: 7}"};
    for (int a = 0; a < 3; a++) {
        char topology[2000];
        struct task_result r = {0};
        int i = 0;
        snprintf(
            topology, sizeof topology,
            HEAD
            "      - detect: {algorithm: %s, features: [a, b], as: odd, per: partition}\n"
            "      - detect: {algorithm: %s, features: [a, b], as: too, per: partition}\n" TAIL,
            algorithm[a], algorithm[a]);
        run_all(topology, &r);
        for (char *line = r.out.data; line < r.out.data + r.out.n;
             line = strchr(line, '\n') + 1, i++) {
            const char *odd = strstr(line, "\"odd_score\":") + 12,
                       *too = strstr(line, "\"too_score\":") + 12;
            size_t n = strcspn(odd, ",}");
            assert_int_equal(strcspn(too, ",}"), n);
            assert_memory_equal(odd, too, n);
        }
        assert_int_equal(i, ROWS);
        task_result_done(&r);
    }
}

static void problems_say_what_to_do(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"{algorithm: zscor, features: [a], as: odd}", "`zscore`"},
        {"{algorithm: zscore, features: [a], as: odd, threshold: 3}", "{value: x}"},
        {"{algorithm: zscore, features: [a], as: odd, threshold: {quantil: 0.9}}", "`quantile`"},
        {"{algorithm: zscore, features: [a], as: odd, threshold: {false_alarms: 2}}",
         "between 0 and 1"},
        {"{algorithm: zscore, features: [a], as: odd, threshold: {value: x}}", "number"},
        {"{algorithm: zscore, features: [a], as: odd, warm_up: -1}", "warm_up"},
        {"{algorithm: zscore, features: [a], as: odd, evaluate: [mae]}", "unknown metric"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_step_refused(FROM("string"), "detect", wrong[i][0], wrong[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_is_far_off),
        cmocka_unit_test(shows_the_score_that_a_value_is_compared_with),
        cmocka_unit_test(warms_up_per_key),
        cmocka_unit_test(has_scores_when_it_has_warmed_up),
        cmocka_unit_test(is_the_same_for_every_batch_size_and_restart),
        cmocka_unit_test(constant_series_are_usual_and_what_leaves_them_is_not),
        cmocka_unit_test(equal_steps_say_the_same),
        cmocka_unit_test(problems_say_what_to_do),
    };
    return cmocka_run_group_tests(tests, make_rows, free_rows);
}
