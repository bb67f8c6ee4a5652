/* What klamm_ml.h costs beside the learner that it calls: ns a row, predicted and then learned,
 * each the least of some rounds.
 *
 *   learner   predict() and learn() of its descriptor
 *   two       klamm_ml_predict() and klamm_ml_learn(), a row a call
 *   one       klamm_ml_predict_learn(), a row a call
 *   batch     klamm_ml_predict_learn(), all rows in a call
 */
#include "engine/memory.h"
#include "engine/random.h"
#include "engine/registry.h"
#include "ml/algorithm.h"
#include "ml/klamm_ml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROWS     20000
#define FEATURES 8
#define ROUNDS   7

struct rows {
    double *x, *y, *out;
};

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static struct rows make_rows(void)
{
    struct rows r = {mem_array((size_t)ROWS * FEATURES, sizeof(double)),
                     mem_array(ROWS, sizeof(double)), mem_array((size_t)ROWS * 3, sizeof(double))};
    struct random random;
    random_seed(&random, 1, 1);
    for (size_t i = 0; i < ROWS; i++) {
        r.y[i] = random_unit(&random) < 0.4;
        for (size_t c = 0; c < FEATURES; c++) {
            r.x[i * FEATURES + c] = random_normal(&random) + r.y[i];
        }
    }
    return r;
}

static double time_learner(const struct learner_def *def, enum learner_task task,
                           const struct rows *r)
{
    struct learner_column column[FEATURES] = {{0}};
    struct arena mem;
    struct diags diags;
    struct yaml none = {.kind = YAML_MAP};
    struct node n = {.yaml = &none, .path = "", .mem = &mem, .diags = &diags};
    uint64_t seed = 0;
    arena_init(&mem);
    diags_init(&diags);
    struct learner_setup setup = {.task = task,
                                  .options = algorithm_options(&n, def, NULL, &seed),
                                  .column = column,
                                  .ncolumns = FEATURES};
    void *l = def->open(&setup);
    if (task == LEARN_CLASSES && def->grow) {
        def->grow(l, 2);
    }
    bool has_target = task == LEARN_CLASSES || task == LEARN_VALUES;
    double from = now_ns();
    for (size_t i = 0; i < ROWS; i++) {
        def->predict(l, r->x + i * FEATURES, 1, r->out + 3 * i, 3);
        def->learn(l, r->x + i * FEATURES, 1, has_target ? r->y + i : NULL, NULL);
    }
    double ns = (now_ns() - from) / ROWS;
    def->close(l);
    diags_done(&diags);
    arena_done(&mem);
    return ns;
}

enum calls { CALLS_TWO, CALLS_ONE, CALLS_BATCH };

static double time_calls(const char *task, const char *algorithm, enum calls calls,
                         const struct rows *r)
{
    struct klamm_ml_setup setup = {.task = task, .algorithm = algorithm, .features = FEATURES};
    struct klamm_ml *m;
    struct klamm_ml_error e;
    if (klamm_ml_new(&m, &setup, &e) < 0) {
        fprintf(stderr, "%s\n", e.text);
        exit(2);
    }
    int status = 0;
    double from = now_ns();
    for (size_t i = 0; i < ROWS && calls != CALLS_BATCH; i++) {
        const double *x = r->x + i * FEATURES, *y = r->y + i;
        if (calls == CALLS_ONE) {
            status |= klamm_ml_predict_learn(m, x, y, 1, r->out + 3 * i, 3, NULL);
        } else {
            status |= klamm_ml_predict(m, x, 1, r->out + 3 * i, 3, NULL);
            status |= klamm_ml_learn(m, x, y, 1, NULL);
        }
    }
    if (calls == CALLS_BATCH) {
        status = klamm_ml_predict_learn(m, r->x, r->y, ROWS, r->out, 3, NULL);
    }
    double ns = (now_ns() - from) / ROWS;
    klamm_ml_free(m);
    if (status < 0) {
        exit(1);
    }
    return ns;
}

static double lesser(double a, double b)
{
    return b < a ? b : a;
}

static void compare(const char *task, enum learner_task flag, const char *algorithm,
                    const struct rows *r)
{
    const struct learner_def *def = NULL;
    for (size_t i = 0; registry_learners[i]; i++) {
        bool is_it = strcmp(registry_learners[i]->name, algorithm) == 0 &&
                     (registry_learners[i]->tasks & (unsigned)flag);
        def = is_it ? registry_learners[i] : def;
    }
    double ns[4] = {1e18, 1e18, 1e18, 1e18};
    for (int round = 0; def && round < ROUNDS; round++) {
        ns[0] = lesser(ns[0], time_learner(def, flag, r));
        for (int calls = CALLS_TWO; calls <= CALLS_BATCH; calls++) {
            ns[1 + calls] =
                lesser(ns[1 + calls], time_calls(task, algorithm, (enum calls)calls, r));
        }
    }
    printf("%-9s %-22s %8.0f %8.0f %8.0f %8.0f\n", task, algorithm, ns[0], ns[1], ns[2], ns[3]);
}

int main(void)
{
    struct rows r = make_rows();
    printf("%-32s %8s %8s %8s %8s\n", "ns a row of 8 features", "learner", "two", "one", "batch");
    compare("classify", LEARN_CLASSES, "logistic_regression", &r);
    compare("classify", LEARN_CLASSES, "gaussian_nb", &r);
    compare("classify", LEARN_CLASSES, "hoeffding_tree", &r);
    compare("classify", LEARN_CLASSES, "mlp", &r);
    compare("regress", LEARN_VALUES, "linear_regression", &r);
    compare("regress", LEARN_VALUES, "knn", &r);
    compare("cluster", LEARN_CLUSTERS, "kmeans", &r);
    compare("detect", LEARN_SCORES, "half_space_trees", &r);
    compare("detect", LEARN_SCORES, "zscore", &r);
    mem_free(r.x);
    mem_free(r.y);
    mem_free(r.out);
    return 0;
}
