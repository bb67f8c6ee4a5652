/* classify inside a topology: outputs, nulls, bad rows, keys, and the same bytes for every batch
 * size and across restarts. */
enum { ROWS = 300 };
#define COLUMNS "host: string, a: double, b: double, n: long, kind: string, up: boolean"
#include "ml/learning.h"
#include "tests/unit/learning_harness.h"

static const char *const host[] = {"h0", "h1", "a host with a long name"};

#define MANY                                                                                       \
    "a + 1, a + 2, a + 3, a + 4, a + 5, a + 6, a + 7, a + 8, a + 9, b + 1, b + 2, b + 3, b + 4, "  \
    "b + 5, b + 6, b + 7, b + 8, b + 9"

/* Three hosts; kind follows a and b with noise, up follows a. */
static int make_rows(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 5, 1);
    for (int i = 0; i < ROWS; i++) {
        double a = random_normal(&random), b = random_normal(&random);
        double noise = 0.3 * random_normal(&random);
        keys[i] = host[random_below(&random, 3)];
        const char *kind = a + noise > 0.5 ? "high" : b + noise > 0 ? "odd" : "low";
        rows[i] = mem_printf("{\"host\": \"%s\", \"a\": %.17g, \"b\": %.17g, \"n\": %d, "
                             "\"kind\": \"%s\", \"up\": %s}",
                             keys[i], a, b, i % 7, kind, a + noise > 0 ? "true" : "false");
    }
    return 0;
}

/* Line i of the output, without its end. */
static const char *line(const struct task_result *r, int i, char *into, size_t size)
{
    const char *p = r->out.data;
    for (; i > 0; i--) {
        p = strchr(p, '\n') + 1;
    }
    snprintf(into, size, "%.*s", (int)strcspn(p, "\n"), p);
    return into;
}

static const char *const softmax =
    HEAD "      - classify: {algorithm: softmax_regression, features: [a, b], label: kind, as: p,\n"
         "                   per: partition, scale: standard, options: {lr: 0.1}}\n" TAIL;

static void predicts_then_learns(void **state)
{
    (void)state;
    struct task_result r = {0};
    char text[1000];
    run_all(softmax, &r);
    line(&r, 0, text, sizeof(text));
    assert_non_null(strstr(text, "\"p\":null"));
    assert_non_null(strstr(text, "\"p_proba\":null"));
    assert_non_null(strstr(text, "\"p_model_version\":null"));
    line(&r, 1, text, sizeof(text));
    assert_non_null(strstr(text, "\"p_model_version\":1"));
    line(&r, ROWS - 1, text, sizeof(text));
    assert_non_null(strstr(text, "\"p_proba\":{"));
    assert_non_null(strstr(text, "\"high\":0."));
    assert_true(task_result_metric(&r, "rows") == ROWS - 1);
    assert_true(task_result_metric(&r, "accuracy") >
                task_result_metric(&r, "accuracy_baseline") + 0.2);
    assert_true(task_result_metric(&r, "log_loss") > 0);
    task_result_done(&r);
}

static void same_accuracy(const struct task_result *first, const struct task_result *r)
{
    assert_same_state(first, r);
    assert_true(task_result_metric(r, "accuracy") == task_result_metric(first, "accuracy"));
}

static void same_kappa(const struct task_result *first, const struct task_result *r)
{
    assert_true(fabs(task_result_metric(r, "kappa") - task_result_metric(first, "kappa")) < 1e-12);
}

static void is_the_same_for_every_batch_size_and_restart(void **state)
{
    (void)state;
    static const char *const topology[] = {
        HEAD
        "      - classify: {algorithm: softmax_regression, features: [a, b * n, n], label: kind,\n"
        "                   as: p, scale: standard, per: partition}\n" TAIL,
        KEYED
        "      - classify: {algorithm: gaussian_nb, features: [a, b], label: kind, as: p, per: "
        "key}\n" TAIL,
        HEAD
        "      - classify: {algorithm: logistic_regression, features: '*', label: a > 0, as: p,\n"
        "                   per: partition}\n" TAIL,
        HEAD "      - classify: {algorithm: softmax_regression, features: [a, b], label: kind, as: "
             "p}\n" TAIL,
        /* Large: a window of 21 features a row. */
        HEAD "      - classify: {algorithm: gaussian_nb, label: kind, as: p, per: partition,\n"
             "          evaluate: [kappa, f1], learn: {batch: {window: 250, every: 40, min_rows: "
             "30}},\n"
             "          features: [" MANY ", a, b, n]}\n" TAIL,
    };
    static const struct way way[] = {{1, 0}, {3, 0}, {2048, 1}, {7, 50}, {64, 299}};
    for (int t = 0; t < 5; t++) { /* of a large one, logs and parts are as the commits were */
        assert_same(topology[t], way, 5,
                    t == 4   ? same_kappa
                    : t == 0 ? same_accuracy
                             : assert_same_state);
    }
}

static void missing_features_and_labels(void **state)
{
    (void)state;
    static const char *const some[] = {
        "{\"a\": 1, \"b\": 1, \"kind\": \"x\"}",
        "{\"a\": null, \"b\": 1, \"kind\": \"y\"}", /* not learned: y stays unknown */
        "{\"a\": \"NaN\", \"b\": 1, \"kind\": \"y\"}",
        "{\"a\": 1, \"b\": \"-Infinity\", \"kind\": \"y\"}",
        "{\"a\": 1, \"b\": 1e200, \"kind\": \"y\"}",
        "{\"a\": 2, \"b\": 1, \"kind\": null}", /* predicted only */
        "{\"a\": 2, \"b\": 2, \"kind\": \"x\"}",
    };
    struct task_result r = {0};
    char text[1000];
    run(softmax, some, 7, &r);
    assert_int_equal(r.status, 0);
    for (int i = 1; i < 5; i++) {
        line(&r, i, text, sizeof(text));
        assert_non_null(strstr(text, "\"p\":null,\"p_proba\":null,\"p_model_version\":1"));
    }
    line(&r, 5, text, sizeof(text));
    assert_non_null(strstr(text, "\"p\":\"x\",\"p_proba\":{\"x\":1.0}"));
    assert_true(task_result_metric(&r, "rows") ==
                1); /* predicted and labelled: the last one only */
    task_result_done(&r);
}

static void a_boolean_label_gives_one_probability(void **state)
{
    (void)state;
    static const char *const algorithm[] = {"logistic_regression", "softmax_regression",
                                            "gaussian_nb"};
    for (int i = 0; i < 3; i++) {
        struct task_result r = {0};
        char text[1000], topology[2000];
        snprintf(topology, sizeof(topology),
                 HEAD "      - classify: {algorithm: %s, features: [a, b], label: up, as: p, per: "
                      "partition}\n" TAIL,
                 algorithm[i]);
        run_all(topology, &r);
        line(&r, ROWS - 1, text, sizeof(text));
        const char *p = strstr(text, "\"p\":");
        const char *proba = strstr(text, "\"p_proba\":");
        assert_true(p && proba);
        bool is_true = strncmp(p, "\"p\":true", 8) == 0;
        double p_true = strtod(proba + 10, NULL);
        assert_true(is_true == (p_true > 0.5));
        assert_true(task_result_metric(&r, "accuracy") > 0.7);
        task_result_done(&r);
    }
}

static void learns_in_batches(void **state)
{
    (void)state;
    struct task_result r = {0};
    char text[1000];
    run_all(
        HEAD
        "      - classify: {algorithm: gaussian_nb, features: [a, b], label: kind, as: p,\n"
        "          per: partition, learn: {batch: {window: 200, every: 100, min_rows: 50}}}\n" TAIL,
        &r);
    line(&r, 49, text, sizeof(text));
    assert_non_null(strstr(text, "\"p\":null"));
    assert_non_null(strstr(text, "\"p_model_version\":null"));
    line(&r, 50, text, sizeof(text));
    assert_null(strstr(text, "\"p\":null"));
    assert_non_null(strstr(text, "\"p_model_version\":1"));
    line(&r, 149, text, sizeof(text));
    assert_non_null(strstr(text, "\"p_model_version\":1"));
    line(&r, 150, text, sizeof(text));
    assert_non_null(strstr(text, "\"p_model_version\":2"));
    line(&r, ROWS - 1, text, sizeof(text));
    assert_non_null(strstr(text, "\"p_model_version\":3"));
    assert_true(task_result_metric(&r, "rows") == ROWS - 50);
    assert_true(task_result_metric(&r, "accuracy") >
                task_result_metric(&r, "accuracy_baseline") + 0.2);
    task_result_done(&r);
}

/* From the predictions themselves. */
static void evaluates_what_is_asked(void **state)
{
    (void)state;
    struct task_result r = {0};
    char text[1000];
    double cell[2][2] = {{0}}, above = 0, pairs = 0, p_true[ROWS];
    bool is_up[ROWS];
    run_all(HEAD "      - classify: {algorithm: gaussian_nb, features: [a, b], label: up, as: p,\n"
                 "          per: partition, evaluate: [balanced_accuracy, f1, kappa, auc]}\n" TAIL,
            &r);
    for (int i = 1; i < ROWS; i++) {
        line(&r, i, text, sizeof(text));
        is_up[i] = strstr(text, "\"up\":true") != NULL;
        p_true[i] = strtod(strstr(text, "\"p_proba\":") + 10, NULL);
        cell[is_up[i]][strstr(text, "\"p\":true") != NULL]++;
        for (int k = 1; k < i; k++) {
            if (is_up[i] != is_up[k]) {
                double margin = is_up[i] ? p_true[i] - p_true[k] : p_true[k] - p_true[i];
                above += margin > 0 ? 1 : margin == 0 ? 0.5 : 0;
                pairs++;
            }
        }
    }
    double n = ROWS - 1, tn = cell[0][0], fp = cell[0][1], fn = cell[1][0], tp = cell[1][1];
    double chance = ((tn + fp) * (tn + fn) + (fn + tp) * (fp + tp)) / (n * n);
    assert_true(fabs(task_result_metric(&r, "balanced_accuracy") -
                     (tn / (tn + fp) + tp / (tp + fn)) / 2) < 1e-12);
    assert_true(fabs(task_result_metric(&r, "f1") - 2 * tp / (2 * tp + fp + fn)) < 1e-12);
    assert_true(fabs(task_result_metric(&r, "kappa") - ((tn + tp) / n - chance) / (1 - chance)) <
                1e-12);
    assert_true(fabs(task_result_metric(&r, "auc") - above / pairs) < 0.005); /* bins */
    task_result_done(&r);
}

static void the_same_seed_draws_the_same(void **state)
{
    (void)state;
    struct task_result r = {0};
    run_all(HEAD
            "      - classify: {algorithm: adaptive_random_forest, features: [a, b], label: "
            "kind, as: p, per: partition,\n                   options: {n_models: 3, seed: 5}}\n"
            "      - classify: {algorithm: adaptive_random_forest, features: [a, b], label: "
            "kind, as: q, per: partition,\n                   options: {n_models: 3, seed: 5}}\n"
            "      - filter: p <> q\n" TAIL,
            &r);
    assert_int_equal(r.out.n, 0);
    task_result_done(&r);
}

static void damaged_events_are_refused(void **state)
{
    (void)state;
    double event[3 + TOLD_MOST + 1] = {1, 1000, 0};
    struct learning p = {.features = {.n = 2}};
    assert_int_equal(learning_replay(&p, NULL, event, 3), -ERR_DATA);
    p.features.n = 1;
    event[1] = 1e300; /* no time */
    assert_int_equal(learning_replay(&p, NULL, event, 3 + TOLD_MOST + 1), -ERR_DATA);
}

static void a_third_class_is_a_bad_row(void **state)
{
    (void)state;
    struct task_result r = {0};
    run(HEAD "      - classify: {algorithm: logistic_regression, features: [a], label: kind, as: "
             "p, per: partition}\n" TAIL,
        (const char *const *)rows, ROWS, &r);
    assert_int_equal(r.status, -ERR_DATA);
    assert_non_null(strstr(r.err.text, "softmax_regression"));
    task_result_done(&r);
}

static void bad_rows_go_to_dead_letters(void **state)
{
    (void)state;
    static const char *const some[] = {
        "{\"a\": 1, \"n\": 1, \"kind\": \"x\"}", "{\"a\": 2, \"n\": 0, \"kind\": \"y\"}",
        "{\"a\": 3, \"n\": 1, \"kind\": \"y\"}", "{\"a\": 4, \"n\": 1, \"kind\": \"z\"}",
        "{\"a\": 5, \"n\": 1, \"kind\": \"x\"}",
    };
    struct task_result r = {0};
    run("errors: {tolerance: all, dead_letter_topic: dead}\n" HEAD
        "      - classify: {algorithm: logistic_regression, features: [10 / n, a], label: kind, "
        "as: "
        "p, per: partition}\n" TAIL,
        some, 5, &r);
    assert_int_equal(r.status, 0);
    int dead = 0, out = 0;
    for (const char *p = r.out.data; p < r.out.data + r.out.n; p = strchr(p, '\n') + 1) {
        dead += strncmp(p, "dead ", 5) == 0;
        out += strncmp(p, "out ", 4) == 0;
    }
    assert_int_equal(dead, 2); /* a division by zero, a third class */
    assert_int_equal(out, 3);
    task_result_done(&r);
}

static void one_model_a_key(void **state)
{
    (void)state;
    /* The label is the host's own: a model per host knows one class only. */
    struct task_result r = {0};
    char text[1000];
    run_all(KEYED "      - classify: {algorithm: gaussian_nb, features: [a], label: host, as: p, "
                  "per: key}\n" TAIL,
            &r);
    for (int i = 0; i < ROWS; i++) {
        line(&r, i, text, sizeof(text));
        const char *proba = strstr(text, "\"p_proba\":");
        assert_non_null(proba);
        assert_true(strncmp(proba + 10, "null", 4) == 0 || strncmp(proba + 10, "{\"", 2) == 0);
        assert_null(strstr(proba, "0,\""));
    }
    assert_true(task_result_metric(&r, "rows") == ROWS - 3);
    assert_true(task_result_metric(&r, "accuracy") == 1);
    task_result_done(&r);
}

static void never_learning_never_predicts(void **state)
{
    (void)state;
    struct task_result r = {0};
    run_all(HEAD "      - classify: {algorithm: gaussian_nb, features: [a], label: kind, as: p, "
                 "per: partition, learn: never}\n" TAIL,
            &r);
    assert_null(strstr(buffer_cstr(&r.out), "\"p\":\""));
    assert_int_equal(r.state.n, 0);
    task_result_done(&r);
}

/* A step that does not plan, and what the problem must say. */
static const struct {
    const char *step, *says;
} wrong[] = {
    {"{algorithm: gausian_nb, features: [a], label: kind, as: p}", "did you mean `gaussian_nb`"},
    {"{algorithm: x, features: [a], label: kind, as: p}", "gaussian_nb"},
    {"{algorithm: gaussian_nb, features: [a], label: a, as: p}", "label > 0.5"},
    {"{algorithm: gaussian_nb, features: [host], label: kind, as: p}", "takes numbers"},
    {"{algorithm: gaussian_nb, features: [kind], label: kind, as: p}", "is the label"},
    {"{algorithm: gaussian_nb, features: [z*], label: kind, as: p}", "no numeric column matches"},
    {"{algorithm: gaussian_nb, features: [q], label: kind, as: p}", "q"},
    {"{algorithm: gaussian_nb, features: [], label: kind, as: p}", "at least one feature"},
    {"{algorithm: gaussian_nb, features: [a], label: kind, as: host}", "already"},
    {"{algorithm: gaussian_nb, features: [a], label: kind, as: ''}", "name"},
    {"{algorithm: gaussian_nb, features: [a], label: kind}", "as"},
    {"{algorithm: gaussian_nb, features: [a], as: p}", "label"},
    {"{algorithm: gaussian_nb, features: [a], label: kind, as: p, per: key}", "key_by"},
    {"{algorithm: gaussian_nb, features: [a], label: kind, as: p, options: {lr: 1}}", "no options"},
    {"{algorithm: logistic_regression, features: [a], label: up, as: p, options: {eta0: 1}}",
     "`eta0` is called `lr` here"},
    {"{algorithm: logistic_regression, features: [a], label: up, as: p, options: {learning_rate: "
     "1}}",
     "`lr`"},
    {"{algorithm: logistic_regression, features: [a], label: up, as: p, options: {l3: 1}}",
     "did you mean"},
    {"{algorithm: logistic_regression, features: [a], label: up, as: p, options: {l1: 1, l2: 1}}",
     "exclude each other"},
    {"{algorithm: logistic_regression, features: [a], label: up, as: p, options: {lr: -1}}", "lr"},
    {"{algorithm: logistic_regression, features: [a], label: up, as: p, options: 7}", "map"},
    {"{algorithm: gaussian_nb, features: [a], label: kind, as: p, scale: minmax}", "standard"},
    {"{algorithm: gaussian_nb, features: [a], label: kind, as: p, retrain_on: []}", "retrain_on"},
    {"{algorithm: gaussian_nb, features: [a], label: kind, as: p, learn: nevr}", "`never`"},
    {"{algorithm: gaussian_nb, features: [a], label: kind, as: p, learn: {batch: {windo: 1}}}",
     "`window`"},
    {"{algorithm: gaussian_nb, features: [a], label: kind, as: p, learn: {batch: {window: x}}}",
     "neither a number of rows nor a duration"},
    {"{algorithm: gaussian_nb, features: [a], label: kind, as: p, learn: {batch: {every: 0}}}",
     "expected 1 to 1000000 rows"},
    {"{algorithm: gaussian_nb, features: [a], label: kind, as: p, learn: {batch: {window: 50, "
     "min_rows: 51}}}",
     "a window of 50 rows never holds 51: lower min_rows"},
    {"{algorithm: gaussian_nb, features: [a], label: kind, as: p, learn: batch}",
     "`batch` is a map: write `{batch: {}}`"},
    {"{algorithm: gaussian_nb, features: [a], label: kind, as: p, n_features: 64}",
     "no feature is hashed, so it has no effect: leave it out"},
    {"{algorithm: hoeffding_tree, features: [a, host], label: kind, as: p, n_features: 64}",
     "classify.n_features: no feature is hashed"},
    {"{algorithm: gaussian_nb, features: [a], label: kind, as: _time}",
     "classify.as: `_time` is the name of something that every record has"},
    {"{algorithm: gaussian_nb, features: [a], label: kind, as: p, options: {seed: -1}}", "seed"},
    {"{algorithm: gaussian_nb, features: [a], label: kind, as: p, options: {random_state: 1}}",
     "is called `seed` here"},
    {"{algorithm: gaussian_nb, features: [a], label: kind, as: p, evaluate: [bogus]}",
     "balanced_accuracy"},
    {"{algorithm: gaussian_nb, features: [a], label: kind, as: p, evaluate: [acuracy]}",
     "did you mean `accuracy`"},
    {"{algorithm: gaussian_nb, features: [a], label: kind, as: p, evaluate: [auc]}",
     "boolean label"},
};

static void problems_say_what_to_do(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_step_refused(HEAD, "classify", wrong[i].step, wrong[i].says);
    }
}

static void features_by_name_list_and_pattern(void **state)
{
    (void)state;
    static const char *const same[] = {
        "[a, b, n]",    "'a, b,n'",           "'*'",
        "['a*', b, n]", "{a: a, b: b, n: n}", "[a, b, 'cast(n as double)']"};
    struct task_result first = {0};
    for (int i = 0; i < 6; i++) {
        struct task_result r = {0};
        char topology[2000];
        snprintf(topology, sizeof(topology),
                 HEAD "      - classify: {algorithm: gaussian_nb, features: %s, label: kind, as: "
                      "p, per: partition}\n" TAIL,
                 same[i]);
        run_all(topology, i == 0 ? &first : &r);
        if (i > 0) {
            assert_int_equal(r.out.n, first.out.n);
            assert_memory_equal(r.out.data, first.out.data, r.out.n);
            task_result_done(&r);
        }
    }
    task_result_done(&first);
}

static void global_wants_all_rows_in_one_task(void **state)
{
    (void)state;
    static const char *const text =
        HEAD "      - classify: {algorithm: gaussian_nb, features: [a], label: kind, as: p}\n" TAIL;
    struct arena a;
    struct diags d;
    struct topology *t;
    struct plan *plan;
    arena_init(&a);
    diags_init(&d);
    assert_int_equal(topology_parse(&t, &a, "t", text, strlen(text), NULL, 0, &d), 0);
    assert_int_equal(plan_new(&plan, t, NULL, &d), 0);
    assert_int_equal(plan->nsubplans, 2);
    assert_true(plan->subplan[1].single);
    plan_free(plan);
    diags_done(&d);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(predicts_then_learns),
        cmocka_unit_test(is_the_same_for_every_batch_size_and_restart),
        cmocka_unit_test(missing_features_and_labels),
        cmocka_unit_test(a_boolean_label_gives_one_probability),
        cmocka_unit_test(a_third_class_is_a_bad_row),
        cmocka_unit_test(bad_rows_go_to_dead_letters),
        cmocka_unit_test(one_model_a_key),
        cmocka_unit_test(never_learning_never_predicts),
        cmocka_unit_test(global_wants_all_rows_in_one_task),
        cmocka_unit_test(learns_in_batches),
        cmocka_unit_test(the_same_seed_draws_the_same),
        cmocka_unit_test(damaged_events_are_refused),
        cmocka_unit_test(evaluates_what_is_asked),
        cmocka_unit_test(problems_say_what_to_do),
        cmocka_unit_test(features_by_name_list_and_pattern),
    };
    return cmocka_run_group_tests(tests, make_rows, free_rows);
}
