/* Saved models of klamm_ml.h: damage is found; bytes made up to look whole do no more than give odd
 * numbers; another setup goes on with them, or is told why not.
 */
#include "engine/hash.h"
#include "engine/memory.h"
#include "tests/unit/klamm_ml_harness.h"

static void save(struct klamm_ml *m, uint8_t **bytes, size_t *n)
{
    void *p;
    assert_int_equal(klamm_ml_save(m, &p, n, NULL), 0);
    *bytes = p;
}

static void put_hash(uint8_t *bytes, size_t n)
{
    uint64_t hash = hash_stable(bytes, n - 8, 0);
    for (int i = 0; i < 8; i++) {
        bytes[n - 8 + (size_t)i] = (uint8_t)(hash >> (8 * i));
    }
}

static void test_damage_is_found(void **state)
{
    (void)state;
    struct klamm_ml_setup setup = rig_setup("classify", "hoeffding_tree");
    struct klamm_ml *m = rig_new(&setup), *again;
    struct klamm_ml_error e;
    uint8_t *bytes;
    size_t n;
    rig_feed(m, "classify", 0, 60);
    save(m, &bytes, &n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(klamm_ml_load(&again, NULL, bytes, i, &e), -KLAMM_ML_BYTES);
        assert_null(again);
        bytes[i] ^= 1;
        assert_int_equal(klamm_ml_load(&again, NULL, bytes, n, &e), -KLAMM_ML_BYTES);
        bytes[i] ^= 1;
    }
    assert_int_equal(klamm_ml_load(&again, NULL, NULL, 5, &e), -KLAMM_ML_BYTES);
    assert_int_equal(klamm_ml_load(NULL, NULL, bytes, n, &e), -KLAMM_ML_CALL);
    assert_int_equal(klamm_ml_save(m, NULL, &n, &e), -KLAMM_ML_CALL);
    assert_int_equal(klamm_ml_save(NULL, NULL, NULL, &e), -KLAMM_ML_CALL);
    klamm_ml_release(bytes);
    klamm_ml_free(m);
}

/* Loads what may be anything; where it is a model, that can be used. */
static void use(const char *task, const struct klamm_ml_setup *setup, uint8_t *bytes, size_t n)
{
    struct klamm_ml *m;
    struct klamm_ml_error e;
    put_hash(bytes, n);
    if (klamm_ml_load(&m, setup, bytes, n, &e) < 0) {
        assert_null(m);
        assert_true(e.text[0] != '\0');
        return;
    }
    double x[3 * FEATURES] = {1, 2, 3}, y = 1, *out = mem_array(4096, sizeof(double));
    bool has_target = strcmp(task, "classify") == 0 || strcmp(task, "regress") == 0;
    klamm_ml_predict(m, x, 1, out, 1000, NULL);
    klamm_ml_learn(m, x, has_target ? &y : NULL, 1, NULL);
    klamm_ml_add(m, 1000000, 3, NULL);
    klamm_ml_forecast(m, out, 1000, NULL);
    klamm_ml_watch(m, 1, NULL);
    mem_free(out);
    klamm_ml_free(m);
}

static void attack(const char *task, const char *algorithm)
{
    struct klamm_ml_setup setup = rig_setup(task, algorithm);
    struct klamm_ml *m = rig_new(&setup);
    struct random r;
    uint8_t *bytes;
    size_t n;
    random_seed(&r, 1, 0);
    rig_feed(m, task, 0, 60);
    save(m, &bytes, &n);
    klamm_ml_free(m);
    uint8_t *changed = mem_alloc(n);
    for (int i = 0; i < 60; i++) {
        memcpy(changed, bytes, n);
        size_t cut = n;
        if (i % 3 == 0) { /* shorter */
            cut = 16 + random_below(&r, (uint32_t)n - 16);
        } else { /* other bytes, every second time in the front, where the setup is */
            size_t most = i % 2 ? n - 8 : 160 < n - 8 ? 160 : n - 8;
            changed[8 + random_below(&r, (uint32_t)most - 8)] ^=
                (uint8_t)(1 << random_below(&r, 8));
        }
        use(task, i % 4 < 2 ? NULL : &setup, changed, cut);
    }
    mem_free(changed);
    klamm_ml_release(bytes);
}

static void test_no_bytes_do_harm(void **state)
{
    (void)state;
    const char *name;
    for (int t = 0; t < RIG_TASKS; t++) {
        for (uint32_t i = 0; (name = klamm_ml_algorithm(rig_tasks[t], i)); i++) {
            attack(rig_tasks[t], name);
        }
    }
}

static void test_another_setup(void **state)
{
    (void)state;
    struct klamm_ml_setup setup = rig_setup("regress", "linear_regression");
    struct klamm_ml *m = rig_new(&setup), *again;
    struct klamm_ml_error e;
    uint8_t *bytes;
    size_t n;
    rig_feed(m, "regress", 0, 60);
    save(m, &bytes, &n);
    setup.options = "{l2: 0.1}"; /* goes on with other penalties */
    assert_int_equal(klamm_ml_load(&again, &setup, bytes, n, &e), 0);
    assert_int_equal(klamm_ml_rows(again), 60);
    klamm_ml_free(again);
    const char *feature[] = {"a", "b", "c"};
    setup.feature = feature;
    assert_int_equal(klamm_ml_load(&again, &setup, bytes, n, &e), -KLAMM_ML_BYTES);
    assert_null(again);
    assert_non_null(strstr(e.text, "saved as regress linear_regression scaled: x1, x2, x3: "));
    assert_non_null(strstr(e.text, "is regress linear_regression scaled: a, b, c;"));
    setup = rig_setup("cluster", "kmeans");
    assert_int_equal(klamm_ml_load(&again, &setup, bytes, n, &e), -KLAMM_ML_BYTES);
    setup.algorithm = "kmean";
    assert_int_equal(klamm_ml_load(&again, &setup, bytes, n, &e), -KLAMM_ML_SETUP);
    klamm_ml_release(bytes);
    klamm_ml_free(m);
}

/* As many names as there may be, as long as they may be. */
static void test_a_large_setup(void **state)
{
    (void)state;
    enum { N = KLAMM_ML_FEATURES_MAX, LONG = 100 };
    static char text[N][LONG];
    static const char *feature[N];
    for (int i = 0; i < N; i++) {
        memset(text[i], 'x', LONG - 1);
        snprintf(text[i], LONG, "%090d", i);
        feature[i] = text[i];
    }
    struct klamm_ml_setup setup = {
        .task = "classify", .algorithm = "perceptron", .feature = feature, .features = N};
    struct klamm_ml *m = rig_new(&setup), *again;
    struct klamm_ml_error e;
    uint8_t *bytes;
    size_t n;
    save(m, &bytes, &n);
    assert_int_equal(klamm_ml_load(&again, NULL, bytes, n, &e), 0);
    rig_assert_same(m, again);
    klamm_ml_release(bytes);
    klamm_ml_free(again);
    klamm_ml_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_damage_is_found),
        cmocka_unit_test(test_no_bytes_do_harm),
        cmocka_unit_test(test_another_setup),
        cmocka_unit_test(test_a_large_setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
