/* klamm_ml.h: every algorithm of every task is made by its name, fed, saved and loaded, and goes on
 * bit for bit; the list of what there is is that of the registries; a model of nothing is refused.
 */
#include "engine/registry.h"
#include "ml/klamm_ml_model.h"
#include "tests/unit/klamm_ml_harness.h"

static const char *next(const char *task, uint32_t *i)
{
    return klamm_ml_algorithm(task, (*i)++);
}

static void test_lists_what_the_registries_have(void **state)
{
    (void)state;
    uint32_t forecasters = 0, drifts = 0, learners = 0, i;
    while (registry_forecasters[forecasters]) {
        assert_string_equal(klamm_ml_algorithm("forecast", forecasters),
                            registry_forecasters[forecasters]->name);
        forecasters++;
    }
    while (registry_drifts[drifts]) {
        assert_string_equal(klamm_ml_algorithm("drift", drifts), registry_drifts[drifts]->name);
        drifts++;
    }
    assert_true(forecasters >= 8 && drifts >= 6);
    assert_null(klamm_ml_algorithm("forecast", forecasters));
    assert_null(klamm_ml_algorithm("drift", drifts));
    for (; registry_learners[learners]; learners++) {
        const struct learner_def *def = registry_learners[learners];
        static const unsigned flag[] = {LEARN_CLASSES, LEARN_VALUES, LEARN_CLUSTERS, LEARN_SCORES};
        for (int t = 0; t < 4; t++) {
            const char *doc = klamm_ml_doc(rig_tasks[t], def->name);
            if (def->tasks & flag[t]) {
                assert_string_equal(doc, def->doc);
            } else {
                assert_null(doc);
            }
        }
    }
    i = UINT32_MAX;
    assert_null(klamm_ml_algorithm("classify", i));
    assert_null(klamm_ml_algorithm("drift", i));
    assert_null(klamm_ml_algorithm("dance", 0));
    assert_null(klamm_ml_algorithm(NULL, 0));
    assert_null(klamm_ml_doc("classify", "kmeans"));
    assert_null(klamm_ml_doc("dance", "kmeans"));
}

static void test_schemas(void **state)
{
    (void)state;
    struct klamm_ml_error e;
    char *json;
    assert_int_equal(klamm_ml_schema(&json, "classify", "hoeffding_tree", &e), 0);
    assert_non_null(strstr(json, "\"grace_period\""));
    klamm_ml_release(json);
    assert_int_equal(klamm_ml_schema(&json, "forecast", NULL, &e), 0);
    assert_non_null(strstr(json, "\"required\":[\"horizons\"]"));
    klamm_ml_release(json);
    for (int t = 0; t < RIG_TASKS; t++) {
        const char *name;
        for (uint32_t i = 0; (name = next(rig_tasks[t], &i));) {
            assert_int_equal(klamm_ml_schema(&json, rig_tasks[t], name, &e), 0);
            assert_true(json[0] == '{' && json[strlen(json) - 1] == '}');
            klamm_ml_release(json);
        }
    }
    assert_int_equal(klamm_ml_schema(&json, "cluster", "gaussian_nb", &e), -KLAMM_ML_CALL);
    assert_null(json);
    assert_int_equal(klamm_ml_schema(NULL, "cluster", "kmeans", NULL), -KLAMM_ML_CALL);
}

/* Fed, saved and loaded, by its own setup and by one that is given: all three go on alike. */
static void check(const char *task, const char *algorithm)
{
    struct klamm_ml_setup setup = rig_setup(task, algorithm);
    struct klamm_ml *m = rig_new(&setup), *again, *other;
    struct klamm_ml_error e;
    void *bytes;
    size_t n;
    double out[3][STRIDE];
    assert_int_equal(klamm_ml_rows(m), 0);
    rig_feed(m, task, 0, 150);
    assert_int_equal(klamm_ml_rows(m), 150);
    assert_true(klamm_ml_version(m) >= 1);
    assert_int_equal(klamm_ml_save(m, &bytes, &n, &e), 0);
    if (klamm_ml_load(&again, NULL, bytes, n, &e) < 0 ||
        klamm_ml_load(&other, &setup, bytes, n, &e) < 0) {
        fail_msg("%s %s: %s", task, algorithm, e.text);
    }
    klamm_ml_release(bytes);
    assert_int_equal(klamm_ml_width(again), klamm_ml_width(m));
    bool says = strcmp(task, "drift") == 0;
    for (int i = 150; i < 200; i++) {
        uint32_t width = says ? 1 : klamm_ml_width(m);
        rig_step(m, task, i, out[0]);
        rig_step(again, task, i, out[1]);
        rig_step(other, task, i, out[2]);
        assert_memory_equal(out[0], out[1], width * sizeof(double));
        assert_memory_equal(out[0], out[2], width * sizeof(double));
    }
    says = says || !isnan(out[0][0]);
    if (!says) {
        fail_msg("%s %s says nothing after 200 rows", task, algorithm);
    }
    rig_assert_same(m, again);
    rig_assert_same(m, other);
    klamm_ml_free(other);
    klamm_ml_free(again);
    klamm_ml_free(m);
}

static void test_every_algorithm_is_made_fed_saved_and_loaded(void **state)
{
    (void)state;
    uint32_t all = 0;
    for (int t = 0; t < RIG_TASKS; t++) {
        const char *name;
        for (uint32_t i = 0; (name = next(rig_tasks[t], &i)); all++) {
            check(rig_tasks[t], name);
        }
    }
    assert_true(all >= 48);
}

/* The seed decides, and nothing else that is random. */
static void test_seeds(void **state)
{
    (void)state;
    struct klamm_ml_setup setup = rig_setup("regress", "mlp");
    struct klamm_ml *a = rig_new(&setup), *b = rig_new(&setup), *c;
    double p[3], q[3], r[3], x[FEATURES];
    setup.options = "{hidden_layer_sizes: [4], seed: 3}";
    c = rig_new(&setup);
    rig_feed(a, "regress", 0, 50);
    rig_feed(b, "regress", 0, 50);
    rig_feed(c, "regress", 0, 50);
    rig_assert_same(a, b);
    rig_row(99, x);
    assert_int_equal(klamm_ml_predict(a, x, 1, p, 3, NULL), 0);
    assert_int_equal(klamm_ml_predict(b, x, 1, q, 3, NULL), 0);
    assert_int_equal(klamm_ml_predict(c, x, 1, r, 3, NULL), 0);
    assert_memory_equal(p, q, sizeof(p));
    assert_true(p[0] != r[0]);
    klamm_ml_free(a);
    klamm_ml_free(b);
    klamm_ml_free(c);
}

static void test_nothing(void **state)
{
    (void)state;
    struct klamm_ml *m;
    struct klamm_ml_error e;
    klamm_ml_free(NULL);
    klamm_ml_release(NULL);
    klamm_ml_set_time(NULL, 5);
    assert_int_equal(klamm_ml_rows(NULL), 0);
    assert_int_equal(klamm_ml_version(NULL), 0);
    assert_int_equal(klamm_ml_width(NULL), 0);
    assert_int_equal(klamm_ml_best(NULL, 3), -1);
    assert_null(klamm_ml_class_name(NULL, 0));
    assert_int_equal(klamm_ml_new(NULL, NULL, &e), -KLAMM_ML_CALL);
    assert_int_equal(klamm_ml_new(&m, NULL, &e), -KLAMM_ML_SETUP);
    assert_null(m);
    assert_string_equal(e.text, "there is no setup");
    assert_int_equal(e.code, KLAMM_ML_SETUP);
    assert_int_equal(klamm_ml_new(&m, &(struct klamm_ml_setup){0}, NULL), -KLAMM_ML_SETUP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists_what_the_registries_have),
        cmocka_unit_test(test_schemas),
        cmocka_unit_test(test_every_algorithm_is_made_fed_saved_and_loaded),
        cmocka_unit_test(test_seeds),
        cmocka_unit_test(test_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
