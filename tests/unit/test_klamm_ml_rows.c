/* Rows of klamm_ml.h: the numbers are those of the learner, however rows are cut into calls;
 * classes and categories keep the program's numbers; rows without a value are passed over; what is
 * refused changes nothing.
 */
#include "ml/klamm_ml_model.h"
#include "tests/unit/klamm_ml_harness.h"

extern const struct learner_def learner_gaussian_nb;

static struct klamm_ml *make(const char *task, const char *algorithm, const char *settings)
{
    struct klamm_ml_setup setup = {.task = task,
                                   .algorithm = algorithm,
                                   .settings = settings,
                                   .features = FEATURES,
                                   .seed = 7};
    return rig_new(&setup);
}

static void test_says_what_the_learner_says(void **state)
{
    (void)state;
    struct learner_column column[FEATURES] = {{.name = "a"}, {.name = "b"}, {.name = "c"}};
    struct learner_setup setup = {.task = LEARN_CLASSES, .column = column, .ncolumns = FEATURES};
    void *l = learner_gaussian_nb.open(&setup);
    struct klamm_ml *m = make("classify", "gaussian_nb", NULL);
    learner_gaussian_nb.grow(l, 2);
    for (int i = 0; i < 200; i++) {
        double x[FEATURES], own[2], p[2], y = i < 2 ? i : rig_row(i, x);
        rig_row(i, x);
        if (i > 2) {
            learner_gaussian_nb.predict(l, x, 1, own, 2);
            assert_int_equal(klamm_ml_predict(m, x, 1, p, 2, NULL), 0);
            assert_memory_equal(p, own, sizeof(p));
        }
        learner_gaussian_nb.learn(l, x, 1, &y, NULL);
        assert_int_equal(klamm_ml_learn(m, x, &y, 1, NULL), 0);
    }
    learner_gaussian_nb.close(l);
    klamm_ml_free(m);
}

/* One call a row, predictions apart or not, and one call for all rows: the same. */
static void cut(const char *task, const char *algorithm, const char *settings)
{
    enum { ROWS = 120 };
    static double x[ROWS][FEATURES], y[ROWS], out[2][ROWS][3];
    struct klamm_ml *a = make(task, algorithm, settings), *b = make(task, algorithm, settings);
    struct klamm_ml *c = make(task, algorithm, settings);
    bool has_target = strcmp(task, "classify") == 0 || strcmp(task, "regress") == 0;
    for (int i = 0; i < ROWS; i++) {
        y[i] = rig_row(i, x[i]);
    }
    const double *ys = has_target ? y : NULL;
    assert_int_equal(klamm_ml_predict_learn(a, x[0], ys, ROWS, out[0][0], 3, NULL), 0);
    assert_int_equal(klamm_ml_learn(c, x[0], ys, ROWS, NULL), 0);
    for (int i = 0; i < ROWS; i++) {
        const double *yi = has_target ? &y[i] : NULL;
        assert_int_equal(klamm_ml_predict(b, x[i], 1, out[1][i], 3, NULL), 0);
        assert_int_equal(klamm_ml_learn(b, x[i], yi, 1, NULL), 0);
    }
    uint32_t width = klamm_ml_width(a);
    for (int i = 0; i < ROWS; i++) {
        assert_memory_equal(out[0][i], out[1][i], width * sizeof(double));
    }
    rig_assert_same(a, b);
    rig_assert_same(a, c);
    klamm_ml_free(a);
    klamm_ml_free(b);
    klamm_ml_free(c);
}

static void test_any_cutting_gives_the_same(void **state)
{
    (void)state;
    cut("classify", "hoeffding_tree", "{scale: standard}");
    cut("classify", "random_forest", "{learn: {batch: {window: 60, every: 30, min_rows: 30}}}");
    cut("regress", "linear_regression", NULL);
    cut("regress", "linear_regression", "{coverage: 0.9, scale: standard}");
    cut("cluster", "kmeans", NULL);
    cut("detect", "half_space_trees", "{warm_up: 10}");
}

static void test_classes_keep_their_numbers(void **state)
{
    (void)state;
    struct klamm_ml *m = make("classify", "softmax_regression", NULL);
    struct klamm_ml_error e;
    double x[FEATURES] = {1, 2, 3}, p[10], y = 7;
    assert_int_equal(klamm_ml_width(m), 0);
    p[0] = p[1] = 5;
    assert_int_equal(klamm_ml_predict(m, x, 1, p, 2, &e), 0);
    assert_true(isnan(p[0]) && isnan(p[1]));
    assert_int_equal(klamm_ml_best(p, 2), -1);
    assert_int_equal(klamm_ml_predict_learn(m, x, &y, 1, p, 7, &e), -KLAMM_ML_CALL);
    assert_int_equal(klamm_ml_rows(m), 0);
    assert_int_equal(klamm_ml_predict_learn(m, x, &y, 1, p, 8, &e), 0);
    y = 2;
    assert_int_equal(klamm_ml_learn(m, x, &y, 1, &e), 0);
    assert_int_equal(klamm_ml_width(m), 8);
    assert_int_equal(klamm_ml_predict(m, x, 1, p, 10, &e), 0);
    double sum = 0;
    for (int i = 0; i < 10; i++) {
        assert_true(i == 2 || i == 7 ? p[i] > 0 : p[i] == 0);
        sum += p[i];
    }
    assert_true(fabs(sum - 1) < 1e-12);
    assert_int_equal(klamm_ml_predict(m, x, 1, p, 7, &e), -KLAMM_ML_CALL);
    assert_string_equal(e.text, "a stride of 7: predictions of classify have 8 numbers");
    klamm_ml_free(m);
}

static void test_classes_have_names(void **state)
{
    (void)state;
    struct klamm_ml *m = make("classify", "gaussian_nb", NULL), *again;
    struct klamm_ml_error e;
    static char name[1100];
    void *bytes;
    size_t n;
    assert_int_equal(klamm_ml_class(m, "versicolor", &e), 0);
    assert_int_equal(klamm_ml_class(m, "set", &e), 1);
    assert_int_equal(klamm_ml_class(m, "versicolor", &e), 0);
    assert_int_equal(klamm_ml_width(m), 2);
    assert_int_equal(klamm_ml_save(m, &bytes, &n, &e), 0);
    assert_int_equal(klamm_ml_load(&again, NULL, bytes, n, &e), 0);
    klamm_ml_release(bytes);
    assert_string_equal(klamm_ml_class_name(again, 0), "versicolor");
    assert_string_equal(klamm_ml_class_name(again, 1), "set");
    assert_null(klamm_ml_class_name(again, 2));
    assert_int_equal(klamm_ml_width(again), 2);
    memset(name, 'x', sizeof(name) - 1);
    assert_int_equal(klamm_ml_class(again, name, &e), -KLAMM_ML_DATA);
    assert_int_equal(klamm_ml_class(again, NULL, &e), -KLAMM_ML_CALL);
    for (int i = 2; i < 1000; i++) {
        char number[12];
        snprintf(number, sizeof(number), "%d", i);
        assert_int_equal(klamm_ml_class(again, number, &e), i);
    }
    assert_int_equal(klamm_ml_class(again, "one more", &e), -KLAMM_ML_DATA);
    klamm_ml_free(again);
    klamm_ml_free(m);
}

static void test_best(void **state)
{
    (void)state;
    const double p[] = {0.2, 0.4, 0.4}, q[] = {NAN, NAN};
    assert_int_equal(klamm_ml_best(p, 3), 1);
    assert_int_equal(klamm_ml_best(q, 2), -1);
    assert_int_equal(klamm_ml_best(p, 0), -1);
}

/* Category 1000 goes with class 1, -5 with class 0. */
static void test_categories_keep_their_numbers(void **state)
{
    (void)state;
    const bool is_category[] = {false, true, false};
    struct klamm_ml_setup setup = {.task = "classify",
                                   .algorithm = "hoeffding_tree",
                                   .options = "{grace_period: 20}",
                                   .features = FEATURES,
                                   .is_category = is_category};
    struct klamm_ml *m = rig_new(&setup), *again;
    struct klamm_ml_error e;
    double x[FEATURES], p[2];
    void *bytes;
    size_t n;
    for (int i = 0; i < 400; i++) {
        double y = i % 2;
        rig_row(0, x);
        x[1] = y > 0 ? 1000 : -5;
        assert_int_equal(klamm_ml_learn(m, x, &y, 1, &e), 0);
    }
    assert_int_equal(klamm_ml_save(m, &bytes, &n, &e), 0);
    assert_int_equal(klamm_ml_load(&again, NULL, bytes, n, &e), 0);
    klamm_ml_release(bytes);
    for (int i = 0; i < 2; i++) {
        x[1] = i ? 1000 : -5;
        assert_int_equal(klamm_ml_predict(again, x, 1, p, 2, &e), 0);
        assert_int_equal(klamm_ml_best(p, 2), i);
    }
    x[1] = 3; /* never learned */
    assert_int_equal(klamm_ml_predict(again, x, 1, p, 2, &e), 0);
    assert_true(p[0] >= 0 && p[1] >= 0);
    x[1] = 0.5;
    assert_int_equal(klamm_ml_predict(again, x, 1, p, 2, &e), -KLAMM_ML_DATA);
    assert_string_equal(e.text, "row 0: 0.5 of 'x2' is no category, which is a whole number");
    x[1] = NAN;
    assert_int_equal(klamm_ml_predict(again, x, 1, p, 2, &e), 0);
    assert_true(isnan(p[0]));
    /* More of them than a column has room for. */
    for (int i = 0; i < 1100; i++) {
        double y = 1;
        x[1] = 5000 + i;
        assert_int_equal(klamm_ml_learn(again, x, &y, 1, &e), 0);
    }
    klamm_ml_free(again);
    klamm_ml_free(m);
}

static void test_missing_values(void **state)
{
    (void)state;
    struct klamm_ml *m = make("regress", "linear_regression", "{coverage: 0.9}"), *same;
    struct klamm_ml_setup setup = {.task = "regress",
                                   .algorithm = "linear_regression",
                                   .settings = "{coverage: 0.9}",
                                   .features = FEATURES,
                                   .seed = 7};
    same = rig_new(&setup);
    rig_feed(m, "regress", 0, 100);
    rig_feed(same, "regress", 0, 100);
    const double bad[] = {NAN, INFINITY, -INFINITY, 1e200};
    for (int i = 0; i < 4; i++) {
        double x[2][FEATURES], y[2] = {1, NAN}, out[2][3];
        rig_row(i, x[0]);
        rig_row(i, x[1]);
        x[0][i % FEATURES] = bad[i];
        assert_int_equal(klamm_ml_predict_learn(m, x[0], y, 2, out[0], 3, NULL), 0);
        assert_true(isnan(out[0][0]) && isnan(out[0][1]) && isnan(out[0][2]));
        assert_true(out[1][1] < out[1][0] && out[1][0] < out[1][2]);
        assert_int_equal(klamm_ml_learn(m, x[0], y, 2, NULL), 0);
    }
    rig_assert_same(m, same);
    klamm_ml_free(m);
    klamm_ml_free(same);
}

/* A call that is refused leaves the model as it was. */
static void test_misuse(void **state)
{
    (void)state;
    struct klamm_ml *m = make("classify", "logistic_regression", NULL);
    struct klamm_ml *same = make("classify", "logistic_regression", NULL);
    struct klamm_ml *detect = make("detect", "zscore", NULL),
                    *values = make("regress", "knn", NULL);
    struct klamm_ml_error e;
    double x[2 * FEATURES] = {1, 2, 3, 4, 5, 6}, out[6];
    const double bad[] = {-1, 0.5, 1000, INFINITY};
    for (int i = 0; i < 4; i++) {
        double y[] = {1, bad[i]};
        assert_int_equal(klamm_ml_learn(m, x, y, 2, &e), -KLAMM_ML_DATA);
        assert_non_null(strstr(e.text, "row 1"));
        assert_int_equal(klamm_ml_predict_learn(m, x, y, 2, out, 3, &e), -KLAMM_ML_DATA);
    }
    double three[] = {4, 9}, third[] = {9, 6};
    assert_int_equal(klamm_ml_learn(m, x, three, 2, &e), 0);
    assert_int_equal(klamm_ml_learn(same, x, three, 2, &e), 0);
    assert_int_equal(klamm_ml_learn(m, x, third, 2, &e), -KLAMM_ML_DATA);
    assert_string_equal(e.text, "row 1: 6 is a third class: logistic_regression tells two apart, "
                                "softmax_regression any number");
    assert_int_equal(klamm_ml_learn(m, x, NULL, 1, &e), -KLAMM_ML_CALL);
    assert_int_equal(klamm_ml_learn(m, NULL, three, 1, &e), -KLAMM_ML_CALL);
    assert_int_equal(klamm_ml_learn(NULL, x, three, 1, &e), -KLAMM_ML_CALL);
    assert_int_equal(klamm_ml_predict(m, x, 1, NULL, 10, &e), -KLAMM_ML_CALL);
    assert_int_equal(klamm_ml_predict(m, NULL, 0, NULL, 10, &e), 0);
    assert_int_equal(klamm_ml_learn(m, NULL, NULL, 0, &e), 0);
    rig_assert_same(m, same);
    assert_int_equal(klamm_ml_predict(detect, x, 1, out, 2, NULL), -KLAMM_ML_CALL);
    assert_int_equal(klamm_ml_class(detect, "a", &e), -KLAMM_ML_CALL);
    double huge = 1e200;
    assert_int_equal(klamm_ml_learn(values, x, &huge, 1, &e), -KLAMM_ML_DATA);
    assert_int_equal(klamm_ml_add(m, 0, 1, &e), -KLAMM_ML_CALL);
    assert_string_equal(e.text, "classify is no forecast");
    klamm_ml_free(values);
    klamm_ml_free(detect);
    klamm_ml_free(same);
    klamm_ml_free(m);
}

/* A window of a minute of rows a second. */
static void test_windows_of_time(void **state)
{
    (void)state;
    struct klamm_ml *m = make("classify", "random_forest",
                              "{learn: {batch: {window: 1m, every: 30s, min_rows: 10}}}");
    for (int i = 0; i < 200; i++) {
        double x[FEATURES], y = rig_row(i, x);
        klamm_ml_set_time(m, i * 1000);
        assert_int_equal(klamm_ml_learn(m, x, &y, 1, NULL), 0);
    }
    assert_true(klamm_ml_version(m) >= 5 && klamm_ml_version(m) <= 8);
    klamm_ml_free(m);
}

static void test_detects(void **state)
{
    (void)state;
    static const char *const settings[] = {"{warm_up: 30}",
                                           "{warm_up: 150, threshold: {false_alarms: 0.001}}"};
    double x[FEATURES], out[3];
    struct klamm_ml *m = NULL;
    for (int k = 0; k < 2; k++) {
        klamm_ml_free(m);
        m = make("detect", "zscore", settings[k]);
        for (int i = 0; i < 300; i++) {
            rig_row(i, x);
            assert_int_equal(klamm_ml_predict_learn(m, x, NULL, 1, out, 3, NULL), 0);
            assert_int_equal(isnan(out[KLAMM_ML_TAIL]), i < (k ? 150 : 30));
            assert_int_equal(isnan(out[KLAMM_ML_FOUND]), i < (k ? 150 : 30));
        }
    }
    x[0] = 1000;
    assert_int_equal(klamm_ml_predict(m, x, 1, out, 3, NULL), 0);
    assert_true(out[KLAMM_ML_FOUND] == 1 && out[KLAMM_ML_TAIL] < 0.001 && out[KLAMM_ML_SCORE] > 10);
    klamm_ml_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_says_what_the_learner_says),
        cmocka_unit_test(test_any_cutting_gives_the_same),
        cmocka_unit_test(test_classes_keep_their_numbers),
        cmocka_unit_test(test_classes_have_names),
        cmocka_unit_test(test_best),
        cmocka_unit_test(test_categories_keep_their_numbers),
        cmocka_unit_test(test_missing_values),
        cmocka_unit_test(test_misuse),
        cmocka_unit_test(test_windows_of_time),
        cmocka_unit_test(test_detects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
