/* Setups of klamm_ml.h: what is wrong in them is told in the words that topologies are told in. */
#include "ml/klamm_ml_model.h"
#include "tests/unit/klamm_ml_harness.h"

/* The setup is refused, and the text has `part`. */
static void refuse(const struct klamm_ml_setup *setup, const char *part)
{
    struct klamm_ml *m;
    struct klamm_ml_error e = {0};
    assert_int_equal(klamm_ml_new(&m, setup, &e), -KLAMM_ML_SETUP);
    assert_null(m);
    assert_int_equal(e.code, KLAMM_ML_SETUP);
    if (!strstr(e.text, part)) {
        fail_msg("'%s' is not in: %s", part, e.text);
    }
    assert_int_equal(klamm_ml_new(&m, setup, NULL), -KLAMM_ML_SETUP);
}

static struct klamm_ml_setup rows(const char *task, const char *algorithm, const char *options,
                                  const char *settings)
{
    return (struct klamm_ml_setup){.task = task,
                                   .algorithm = algorithm,
                                   .options = options,
                                   .settings = settings,
                                   .features = 2};
}

#define REFUSE(part, ...)                                                                          \
    do {                                                                                           \
        struct klamm_ml_setup setup_ = rows(__VA_ARGS__);                                          \
        refuse(&setup_, part);                                                                     \
    } while (0)

static void test_names(void **state)
{
    (void)state;
    REFUSE("unknown task `clasify`: did you mean `classify`?", "clasify", "knn", NULL, NULL);
    REFUSE("expected one of classify, regress", "dance", "knn", NULL, NULL);
    REFUSE("classify: an algorithm is needed", "classify", NULL, NULL, NULL);
    REFUSE("classify.algorithm: unknown algorithm `gausian_nb`: did you mean `gaussian_nb`?",
           "classify", "gausian_nb", NULL, NULL);
    REFUSE("expected one of", "classify", "kmeans", NULL, NULL);
    const char *twice[] = {"a", "a"}, *empty[] = {"a", ""}, *null[] = {"a", NULL};
    struct klamm_ml_setup setup = rows("classify", "gaussian_nb", NULL, NULL);
    setup.feature = twice;
    refuse(&setup, "two features are called 'a'");
    setup.feature = empty;
    refuse(&setup, "feature 1: a name has 1 to");
    setup.feature = null;
    refuse(&setup, "feature 1: a name has 1 to");
    setup.feature = NULL;
    setup.features = 0;
    refuse(&setup, "classify: expected 1 to 4096 features, got 0");
    setup.features = 4097;
    refuse(&setup, "got 4097");
    REFUSE("drift: a series has no features", "drift", "adwin", NULL, NULL);
}

static void test_options(void **state)
{
    (void)state;
    REFUSE("`grace_period`", "classify", "hoeffding_tree", "{grace_perid: 5}", NULL);
    REFUSE("options:1:", "classify", "hoeffding_tree", "{grace_period: x}", NULL);
    REFUSE("`random_state` is called `seed` here", "classify", "random_forest", "{random_state: 5}",
           NULL);
    REFUSE("gaussian_nb has no options", "classify", "gaussian_nb", "{a: 1}", NULL);
    REFUSE("options", "classify", "hoeffding_tree", "{grace_period: ", NULL);
    REFUSE("options", "classify", "hoeffding_tree", "[1, 2]", NULL);
    REFUSE("${…} is for topologies", "classify", "hoeffding_tree", "{grace_period: '${env:HOME}'}",
           NULL);
    static char big[70000];
    memset(big, ' ', sizeof(big) - 1);
    REFUSE("more than 65536 bytes", "classify", "hoeffding_tree", big, NULL);
    /* All that is wrong is told at once. */
    REFUSE("\n", "classify", "hoeffding_tree", "{grace_perid: 5, delta: x}", NULL);
    struct klamm_ml_setup json =
        rows("classify", "hoeffding_tree", "{\"grace_period\": 50}", "# all preset");
    klamm_ml_free(rig_new(&json));
}

static void test_settings(void **state)
{
    (void)state;
    REFUSE("classify.scale", "classify", "gaussian_nb", NULL, "{scale: some}");
    REFUSE("threshold", "classify", "gaussian_nb", NULL, "{threshold: {value: 3}}");
    REFUSE("a window of 5 rows never holds 10", "classify", "gaussian_nb", NULL,
           "{learn: {batch: {window: 5, min_rows: 10}}}");
    REFUSE("does not call learn", "classify", "gaussian_nb", NULL, "{learn: never}");
    REFUSE("learns from batches only", "classify", "random_forest", NULL, "{learn: online}");
    REFUSE("coverage", "regress", "knn", NULL, "{coverage: 2}");
    REFUSE("expected a number between 0 and 1", "detect", "zscore", NULL,
           "{threshold: {quantile: 3}}");
    REFUSE("did you mean `quantile`?", "detect", "zscore", NULL, "{threshold: {quantil: .3}}");
    REFUSE("expected one of {false_alarms", "detect", "zscore", NULL, "{threshold: 3}");
    const bool is_category[] = {false, true};
    struct klamm_ml_setup setup = rows("classify", "gaussian_nb", NULL, NULL);
    setup.is_category = is_category;
    refuse(&setup, "gaussian_nb takes numbers, no categories");
    setup.algorithm = "hoeffding_tree";
    setup.settings = "{scale: standard}";
    refuse(&setup, "categories cannot be scaled");
}

static void refuse_series(const char *task, const char *algorithm, const char *settings,
                          const char *part)
{
    refuse(&(struct klamm_ml_setup){.task = task, .algorithm = algorithm, .settings = settings},
           part);
}

static void test_series(void **state)
{
    (void)state;
    refuse_series("forecast", "naive", NULL, "horizons");
    refuse_series("forecast", "naive", "{horizons: 5m}", "a duration needs `every`");
    refuse_series("forecast", "naive", "{horizons: [1, 1]}", "the same 1 steps twice");
    refuse_series("forecast", "naive", "{horizons: 0}", "expected 1 to 100000 steps");
    refuse_series("forecast", "naive", "{horizons: 90s, every: 1m}", "not a multiple of `every`");
    refuse_series("forecast", "naive", "{horizons: [60000, 60001]}", "120001 steps in all");
    refuse_series("forecast", "seasonal_naive", "{horizons: 1}", "needs a season");
    refuse_series("forecast", "naiv", "{horizons: 1}", "did you mean `naive`?");
    refuse_series("drift", "adwn", NULL, "did you mean `adwin`?");
    refuse_series("drift", "adwin", "{scale: standard}", "drift: has no settings");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_series),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
