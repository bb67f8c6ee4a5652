/* Changelogs of the learning steps that somebody has damaged, for each algorithm there is: a task
 * that restores them refuses them, or goes on learning with what they say; under the sanitizers
 * neither reads nor writes where it must not, and no loop is as long as a number in the bytes.
 */
#include "tests/support/task_rig.h"

#include "engine/memory.h"
#include "engine/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#define ROUNDS 80
#define ROWS   48
#define COMMIT 12 /* rows between two commits */
#define MORE   40

static const char head[] =
    "name: t\n"
    "streams:\n"
    "  a: {from: {topic: x, value: json, key: {h: string}, columns: {h: string, v: double, w: "
    "double, "
    "s: string, f: boolean, n: array<string>, ts: long}}, time: {field: ts}}\n"
    "  b:\n"
    "    from: a\n"
    "    steps:\n"
    "      - ";
static const char tail[] = "\n    to: {topic: out, value: json}\n";

#define CLASSES(algorithm, more)                                                                   \
    "classify: {algorithm: " algorithm ", features: [v, w], label: s, as: p, per: key" more "}"
#define ERRORS(algorithm, more)                                                                    \
    "classify: {algorithm: " algorithm ", features: [v, w], label: f, as: p, per: key" more "}"
#define VALUES(algorithm, more)                                                                    \
    "regress: {algorithm: " algorithm ", features: [v, w], label: v + w, as: p, per: key" more "}"
#define PLACES(algorithm, more)                                                                    \
    "cluster: {algorithm: " algorithm ", features: [v, w], as: p, per: key" more "}"
#define ODD(algorithm, more)                                                                       \
    "detect: {algorithm: " algorithm ", features: [v, w], as: p, warm_up: 10, raw: true" more "}"
#define NEXT(algorithm, more)                                                                      \
    "forecast: {algorithm: " algorithm ", target: v, horizons: [1, 5], season: 6, as: p" more "}"
#define CHANGE(algorithm, of, more) "drift: {algorithm: " algorithm ", of: " of ", as: p" more "}"
#define CATEGORIES(kind, algorithm, label, more)                                                   \
    kind ": {algorithm: " algorithm ", features: [v, h, \"n[0]\"], label: " label                  \
         ", as: p, per: key" more "}"
#define BATCH ", learn: {batch: {window: 30, every: 10, min_rows: 5}}"
#define TREE  ", options: {grace_period: 5, delta: 0.5}"

static const char *const step[] = {
    CLASSES("adaptive_random_forest", ", options: {n_models: 3, grace_period: 5, delta: 0.5}"),
    CLASSES("gaussian_nb", ", scale: standard, evaluate: [kappa, f1]"),
    CLASSES("hoeffding_adaptive_tree", TREE),
    CLASSES("hoeffding_tree", TREE),
    CLASSES("knn", ""),
    CLASSES("mlp", ", options: {hidden_layer_sizes: [3, 2]}"),
    CLASSES("mlp", ", options: {hidden_layer_sizes: [60, 60]}"),
    CATEGORIES("classify", "adaptive_random_forest", "s",
               ", options: {n_models: 3, grace_period: 5}"),
    CATEGORIES("classify", "hoeffding_adaptive_tree", "s", TREE),
    CATEGORIES("classify", "hoeffding_tree", "s", TREE),
    CATEGORIES("classify", "random_forest", "s", BATCH ", options: {n_models: 3}"),
    CATEGORIES("regress", "adaptive_random_forest", "w",
               ", options: {n_models: 3, grace_period: 5}"),
    CATEGORIES("regress", "hoeffding_adaptive_tree", "w", TREE),
    CATEGORIES("regress", "hoeffding_tree", "w", TREE),
    CATEGORIES("regress", "random_forest", "w", BATCH ", options: {n_models: 3}"),
    CATEGORIES("classify", "adaptive_random_forest", "s",
               ", options: {n_models: 60, grace_period: 5}"),
    CATEGORIES("regress", "adaptive_random_forest", "w",
               ", options: {n_models: 60, grace_period: 5}"),
    CLASSES("random_forest", BATCH ", options: {n_models: 3}"),
    CLASSES("knn", BATCH),
    CLASSES("gaussian_nb", BATCH ", scale: standard"),
    CLASSES("hoeffding_tree", BATCH ", options: {grace_period: 5, delta: 0.5}"),
    ERRORS("logistic_regression", BATCH),
    VALUES("ridge", BATCH),
    VALUES("hoeffding_tree", BATCH ", options: {grace_period: 5, delta: 0.5}"),
    VALUES("mlp", ", options: {hidden_layer_sizes: [60, 60]}"),
    ODD("autoencoder", ", options: {grace_period: 5, hidden: 1000}"),
    ODD("random_cut_forest", ", options: {n_trees: 40, sample_size: 40, grace_period: 5}"),
    ODD("half_space_trees", ", options: {n_trees: 20, height: 10, window_size: 10}"),
    PLACES("kmeans", BATCH ", options: {init_size: 10}"),
    "classify: {algorithm: mlp, features: [v, w], label: f, as: p, per: key, evaluate: [auc, f1], "
    "options: {hidden_layer_sizes: [60, 60]}}",
    "classify: {algorithm: softmax_regression, features: [n, v], label: s, as: p, per: key}",
    CLASSES("softmax_regression", BATCH),
    ERRORS("logistic_regression", ", options: {optimizer: ftrl}"),
    ERRORS("logistic_regression", ", scale: standard, options: {optimizer: adam}"),
    ERRORS("passive_aggressive", ""),
    ERRORS("perceptron", ""),
    "classify: {algorithm: logistic_regression, features: [n, v], label: f, as: p, per: key}",
    VALUES("adaptive_random_forest", ", options: {n_models: 3, grace_period: 5, delta: 0.5}"),
    VALUES("bayesian_linear_regression", ""),
    VALUES("hoeffding_adaptive_tree", TREE),
    VALUES("hoeffding_tree", TREE),
    VALUES("knn", ""),
    VALUES("linear_regression", ", evaluate: [mae, r2]"),
    VALUES("mlp", ", options: {hidden_layer_sizes: 3}"),
    VALUES("passive_aggressive", ""),
    VALUES("random_forest", BATCH ", options: {n_models: 3}"),
    VALUES("recursive_least_squares", ""),
    VALUES("ridge", ", scale: standard"),
    PLACES("clustream", ", options: {max_micro_clusters: 6, n_macro_clusters: 2, time_gap: 5}"),
    PLACES("dbstream", ""),
    PLACES("kmeans", ", options: {init_size: 10}"),
    ODD("autoencoder", ", options: {grace_period: 5}"),
    ODD("half_space_trees", ", options: {n_trees: 2, height: 3, window_size: 10}"),
    ODD("isolation_forest", BATCH ", options: {n_estimators: 3}"),
    ODD("mad", ", options: {window_size: 20, grace_period: 5}"),
    ODD("matrix_profile", ", options: {history: 100, n_lengths: 2, factor: 2, grace_period: 8}"),
    ODD("one_class_svm", ", threshold: {quantile: 0.9}"),
    ODD("random_cut_forest", ", options: {n_trees: 2, sample_size: 12, grace_period: 5}"),
    ODD("residual", ", options: {forecaster: holt_winters, season: 4, grace_period: 5}"),
    ODD("zscore", ", options: {grace_period: 5}"),
    NEXT("holt_winters", ", options: {window: 50}"),
    NEXT("hybrid", ""),
    NEXT("kalman", ", options: {window: 50}"),
    NEXT("lstm", ", options: {hidden: 4, window: 6, history: 100, batch_size: 8, epochs: 1}"),
    "forecast: {algorithm: naive, target: v, as: p, every: 3ms, horizons: [3ms, 9ms], season: "
    "12ms, "
    "breach: {above: 2}}",
    NEXT("ridge", ", options: {lags: 3, around: 1, refit: 5}"),
    NEXT("seasonal_naive", ""),
    NEXT("snarimax", ", options: {p: 2, d: 1, q: 1, sp: 1, sd: 1, sq: 1}"),
    CHANGE("adwin", "v", ", options: {clock: 1}"),
    CHANGE("ddm", "f", ""),
    CHANGE("eddm", "f", ""),
    CHANGE("kswin", "v", ", options: {window_size: 20, stat_size: 5}"),
    CHANGE("page_hinkley", "v", ", options: {threshold: 1}"),
    CHANGE("psi", "v", ", options: {window: 20, n_bins: 3}"),
    "scale: {columns: [v, w], method: robust, per: key}",
    "impute: {columns: v, method: most_frequent, per: key}",
    "clip: {columns: [v, w], method: mad, warm_up: 5, per: key}",
    "bin: {columns: [v, w], per: key}",
    "one_hot: {columns: s, n: 2, per: key}",
    "pca: {columns: [v, w], as: p, refresh: 5, per: key}",
    "select_features: {columns: [v, w], method: correlation, label: v + w, k: 1, refresh: 5, per: "
    "key}",
    "select_features: {columns: [v, w], method: mutual_information, label: s, k: 1, warm_up: 10, "
    "refresh: 5, per: key}",
};

static int push(struct task_rig *r, int from, int rows)
{
    struct random random;
    random_seed(&random, (uint64_t)from, 4);
    for (int i = from; i < from + rows; i++) {
        char text[200];
        snprintf(text, sizeof text,
                 "{\"h\":\"%s\",\"v\":%.3f,\"w\":%.3f,\"s\":\"%c\",\"f\":%s,\"n\":[\"w%d\",\"u\"],"
                 "\"ts\":%d}",
                 i % 8 == 7 ? "k" : "h", sin(i) * 3 + random_unit(&random), random_unit(&random),
                 "abc"[i % 3], i % 2 ? "true" : "false", i % 5, i * 3);
        int status = task_rig_push_one(r, "x", i, i % 8 == 7 ? "k" : "h", text);
        if (status < 0) {
            return status;
        }
    }
    return 0;
}

/* Numbers that hurt where a count, an index or a sum is expected. */
static void write_number(struct random *random, char *at, size_t room)
{
    static const double real[] = {NAN, INFINITY, -INFINITY, 1e308, -1e308, 5e-324, 0, -1, 1e18};
    static const int64_t whole[] = {INT64_MAX, INT64_MIN, -1, 0, UINT32_MAX, INT32_MAX, 1 << 20, 3};
    size_t size = random_below(random, 2) ? 8 : 4;
    if (room < size) {
        return;
    }
    if (size == 8 && random_below(random, 2)) {
        memcpy(at, &real[random_below(random, sizeof real / sizeof *real)], size);
    } else {
        int64_t n = whole[random_below(random, sizeof whole / sizeof *whole)];
        memcpy(at, &n, size);
    }
}

static void damage(struct random *random, char *bytes, size_t *n)
{
    size_t at = *n > 0 ? random_below(random, (uint32_t)*n) : 0;
    uint32_t way = random_below(random, 16);
    if (way == 0) {
        *n = at;
    } else if (way == 1 && at < *n) {
        bytes[at] = (char)random_u32(random);
    } else {
        write_number(random, bytes + at, *n - at);
    }
}

static int live_again(struct task_rig *r, const struct produced *item, size_t n)
{
    task_rig_new(r, 0);
    int status = 0;
    for (int s = 0; s < r->plan.plan->subplan[0].nstores && status == 0; s++) {
        status = task_rig_restore(r, s, item, n);
    }
    status = status < 0 ? status : task_rig_open(r);
    status = status < 0 ? status : push(r, ROWS, MORE);
    status = status < 0 ? status : task_flush(r->task, &r->err);
    assert_true(status == 0 || (r->err.kind != ERR_NONE && r->err.text[0]));
    task_rig_stop(r);
    task_rig_clear(r);
    err_clear(&r->err);
    return status;
}

/* What a task of it leaves in its changelogs and else, for the caller; *n of them. */
static struct produced *live(struct task_rig *r, size_t *n)
{
    task_rig_start(r, 0);
    for (int i = 0; i < ROWS; i += COMMIT) {
        assert_int_equal(push(r, i, COMMIT), 0);
        assert_int_equal(task_flush(r->task, &r->err), 0);
        task_committed(r->task);
    }
    struct produced *log = r->item;
    *n = r->n;
    r->item = NULL;
    r->n = 0;
    task_rig_stop(r);
    return log;
}

static void run(const char *text, uint64_t seed)
{
    char topology[2000];
    struct task_rig r;
    struct random random;
    snprintf(topology, sizeof topology, "%s%s%s", head, text, tail);
    random_seed(&random, seed, 5);
    task_rig_init(&r, topology, 3);
    size_t n, nkept = 0, nrefused = 0;
    struct produced *log = live(&r, &n), *bad = mem_array(n, sizeof *bad);
    size_t *kept = mem_array(n + 1, sizeof *kept);
    for (size_t k = 0; k < n; k++) {
        kept[nkept] = k;
        nkept += log[k].value && strstr(log[k].topic, "-changelog") != NULL;
    }
    for (int i = 0; i < ROUNDS; i++) {
        size_t k = kept[random_below(&random, (uint32_t)nkept)];
        memcpy(bad, log, n * sizeof *bad);
        bad[k].value = mem_array(log[k].value_n + 1, 1);
        memcpy(bad[k].value, log[k].value, log[k].value_n);
        if (i > 0) {
            damage(&random, bad[k].value, &bad[k].value_n);
        }
        int status = live_again(&r, bad, n);
        assert_true(i > 0 || status == 0);
        nrefused += status < 0;
        mem_free(bad[k].value);
    }
    assert_true(nrefused > 0 && nrefused < ROUNDS);
    mem_free(kept);
    mem_free(bad);
    r.item = log;
    r.n = n;
    task_rig_done(&r);
}

static void every_step(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof step / sizeof *step; i++) {
        run(step[i], i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
