/* Words as features inside a topology: the same bytes for every batch size and across restarts,
 * small models and large ones, keys, late labels, a first training; what is refused; rows that are
 * odd. */
#include "engine/memory.h"
#include "engine/random.h"
#include "ml/bag.h"
#include "tests/support/task_run.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { ROWS = 300, WORDS = 5000 };
static char *rows[ROWS];
static const char *keys[ROWS];
static const char *const host[] = {"h0", "h1"};

#define HEAD                                                                                       \
    "name: test\n"                                                                                 \
    "streams:\n"                                                                                   \
    "  s:\n"                                                                                       \
    "    from: {topic: in, key: string, value: json,\n"                                            \
    "           columns: {t: array<string>, m: map<double>, z: string, x: double, y: boolean,\n"   \
    "                     v: double}}\n"                                                           \
    "    steps:\n"
#define TAIL "    to: {topic: out, key: none, value: json}\n"
#define CLASSIFY                                                                                   \
    HEAD "      - classify: {algorithm: logistic_regression, features: [t, m, z, x], label: y,\n"  \
         "                   as: p, per: "

/* Half of the words are rare; "good" and "bad" tell y. */
static int make_rows(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 5, 1);
    for (int i = 0; i < ROWS; i++) {
        bool y = random_below(&random, 2);
        char text[2000];
        int n = snprintf(text, sizeof text, "{\"t\": [\"%s\", null", y ? "good" : "bad");
        for (int k = 0; k < 60; k++) {
            n += snprintf(text + n, sizeof text - (size_t)n, ", \"w%u\"",
                          random_below(&random, k % 2 ? 20 : WORDS));
        }
        n += snprintf(text + n, sizeof text - (size_t)n, "], \"m\": {\"a\": %.3f, \"b%u\": 1}",
                      random_normal(&random), random_below(&random, 50));
        snprintf(text + n, sizeof text - (size_t)n,
                 ", \"z\": \"%s\", \"x\": %.17g, \"y\": %s, \"v\": %d}", i % 3 ? "west" : "east",
                 random_normal(&random),
                 i % 9 == 0 ? "null"
                 : y        ? "true"
                            : "false",
                 2 * y);
        rows[i] = mem_strdup(text);
        keys[i] = host[random_below(&random, 2)];
    }
    return 0;
}

static int free_rows(void **state)
{
    (void)state;
    for (int i = 0; i < ROWS; i++) {
        mem_free(rows[i]);
    }
    return 0;
}

static void run(const char *topology, uint16_t batch_rows, size_t restart_every,
                struct task_result *r)
{
    struct task_run how = {
        .topology = topology,
        .topic = "in",
        .value = (const char *const *)rows,
        .key = keys,
        .n = ROWS,
        .batch_rows = batch_rows,
        .restart_every = restart_every,
    };
    task_run(&how, r);
    if (r->diags.n > 0 || r->status < 0) {
        print_message("%s%s\n", task_result_problems(r), r->err.text);
    }
    assert_int_equal(r->status, 0);
}

static void check_same(const char *topology)
{
    struct task_result first = {0};
    run(topology, 0, 0, &first);
    for (int i = 0; i < 4; i++) {
        struct task_result r = {0};
        run(topology, (uint16_t[]){1, 3, 2048, 64}[i], (size_t[]){0, 7, 50, 299}[i], &r);
        assert_int_equal(r.out.n, first.out.n);
        assert_memory_equal(r.out.data, first.out.data, r.out.n);
        task_result_done(&r);
    }
    task_result_done(&first);
}

static void batches_and_restarts_do_not_show(void **state)
{
    (void)state;
    check_same(CLASSIFY "partition, scale: standard}\n" TAIL);
    check_same(CLASSIFY "key, options: {optimizer: adam, l2: 0.001}, n_features: 100}\n" TAIL);
    check_same(CLASSIFY "partition, options: {optimizer: ftrl}, n_features: 16777216}\n" TAIL);
    check_same(HEAD "      - classify: {algorithm: softmax_regression, features: [t, x], label: z, "
                    "as: p, per: partition}\n" TAIL);
    check_same(HEAD "      - regress: {algorithm: passive_aggressive, features: [t, x], label: v, "
                    "as: p, per: key}\n" TAIL);
}

static void words_are_learned(void **state)
{
    (void)state;
    struct task_result r = {0};
    run(CLASSIFY "partition, options: {optimizer: adagrad}, evaluate: auc}\n" TAIL, 0, 0, &r);
    assert_true(task_result_metric(&r, "accuracy") > 0.8);
    assert_true(r.state.n < 200000);
    task_result_done(&r);
}

/* A stream of rows that bring their own labels, as another stream. */
static void labels_may_be_late(void **state)
{
    (void)state;
    check_same("name: test\n"
               "streams:\n"
               "  all:\n"
               "    from: {topic: in, key: {h: string}, value: json,\n"
               "           columns: {t: array<string>, z: string, y: boolean}}\n"
               "    steps:\n"
               "      - split: {samples: z = 'west', labels: z = 'east'}\n"
               "  labels: {from: all.labels}\n"
               "  p:\n"
               "    from: all.samples\n"
               "    steps:\n"
               "      - classify: {algorithm: logistic_regression, features: t, label: labels.y,\n"
               "                   as: p, per: key,\n"
               "                   label_from: {stream: labels, on: h, within: 1m}}\n" TAIL);
}

static void a_file_may_train(void **state)
{
    (void)state;
    char path[] = P_tmpdir "/klamm-sparse-XXXXXX.jsonl", topology[3000];
    int fd = mkstemps(path, 6);
    FILE *f = fdopen(fd, "w");
    for (int i = 0; i < ROWS; i++) {
        fprintf(f, "%s\n", rows[i]);
    }
    fclose(f);
    struct task_result r = {0};
    snprintf(topology, sizeof topology,
             CLASSIFY "partition, learn: never, options: {optimizer: adagrad},\n"
                      "                   train_from: {file: %s}}\n" TAIL,
             path);
    run(topology, 0, 0, &r);
    assert_null(strstr(r.out.data, "\"p\":null"));
    assert_true(task_result_metric(&r, "accuracy") > 0.9);
    task_result_done(&r);
    check_same(topology);
    unlink(path);
}

static void expect_problem(const char *step, const char *words)
{
    char topology[3000];
    struct task_result r = {0};
    snprintf(topology, sizeof topology, HEAD "      - %s\n" TAIL, step);
    task_run(&(struct task_run){.topology = topology, .topic = "in"}, &r);
    const char *problems = task_result_problems(&r);
    if (!strstr(problems, words)) {
        fail_msg("'%s' has no '%s'", problems, words);
    }
    task_result_done(&r);
}

static void errors_name_the_remedy(void **state)
{
    (void)state;
    expect_problem(
        "classify: {algorithm: gaussian_nb, features: [x, t], label: y, as: p}",
        "'t' is of type array<string>, which gaussian_nb does not take; these do: "
        "logistic_regression, passive_aggressive, perceptron, softmax_regression; or "
        "make columns of it before: `feature_hash: {columns: …, as: h, n_features: 256}`");
    expect_problem("cluster: {algorithm: kmeans, features: m, as: p}",
                   "'m' is of type map<double>, which kmeans does not take; or make columns");
    expect_problem("classify: {algorithm: perceptron, features: t, label: y, as: p, learn: {batch: "
                   "{window: 100}}}",
                   "'t' is hashed, and hashed features are learned row by row: `learn: online`, or "
                   "`feature_hash` before the step for batches");
    expect_problem("classify: {algorithm: perceptron, features: t, label: y, as: p, n_features: "
                   "16777217}",
                   "n_features");
    expect_problem("classify: {algorithm: perceptron, features: [t, z], label: z, as: p}",
                   "'z' is the label");
}

/* Predictions of rows given one by one to a model that knows "good" and "bad". */
static void odd_rows_are_bounded(void **state)
{
    (void)state;
    enum { LONG = 120000 };
    char *many = mem_alloc(8 * (size_t)LONG + 100), *word = mem_alloc(300100);
    int n = snprintf(many, 100, "{\"t\": [\"good\"");
    for (int i = 0; i < LONG; i++) {
        n += snprintf(many + n, 20, ",\"%x\"", (unsigned)i);
    }
    snprintf(many + n, 20, "]}");
    n = snprintf(word, 100, "{\"t\": [\"good\", \"");
    memset(word + n, 'x', 300000);
    snprintf(word + n + 300000, 10, "\"]}");
    const char *const odd[] = {
        "{\"t\": [\"good\"], \"y\": true}",
        "{\"t\": [\"bad\"], \"y\": false}",
        "{\"t\": [\"good\"]}",
        "{\"t\": []}",           /* the intercept alone */
        "{\"t\": [null, null]}", /* no feature either */
        "{\"t\": null}",         /* missing */
        word,                    /* one more unknown word */
        many,                    /* too many: missing */
        "{\"t\": [\"bad\", \"bad\"]}",
    };
    struct task_run how = {
        .topology = HEAD "      - classify: {algorithm: logistic_regression, features: t, label: "
                         "y, as: p, per: partition, options: {lr: 1, intercept_lr: 0}}\n"
                         "      - select: p, p_proba as q\n" TAIL,
        .topic = "in",
        .value = odd,
        .n = 9,
    };
    struct task_result r = {0};
    task_run(&how, &r);
    assert_int_equal(r.status, 0);
    char *line[9], *at = r.out.data;
    for (int i = 0; i < 9; i++, at = strchr(at, '\n') + 1) {
        line[i] = at;
    }
    assert_non_null(strstr(line[2], "\"p\":true"));
    assert_true(strncmp(strchr(line[3], '{'), "{\"p\":false,\"q\":0.5}", 19) == 0);
    assert_true(strncmp(strchr(line[4], '{'), "{\"p\":false,\"q\":0.5}", 19) == 0);
    assert_true(strncmp(strchr(line[5], '{'), "{\"p\":null,\"q\":null}", 19) == 0);
    assert_true(strncmp(strchr(line[6], '{'), "{\"p\":true,", 10) == 0);
    assert_true(strncmp(strchr(line[7], '{'), "{\"p\":null,\"q\":null}", 19) == 0);
    assert_true(strncmp(strchr(line[8], '{'), "{\"p\":false,", 11) == 0);
    task_result_done(&r);
    mem_free(many);
    mem_free(word);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_and_restarts_do_not_show),
        cmocka_unit_test(words_are_learned),
        cmocka_unit_test(labels_may_be_late),
        cmocka_unit_test(a_file_may_train),
        cmocka_unit_test(errors_name_the_remedy),
        cmocka_unit_test(odd_rows_are_bounded),
    };
    return cmocka_run_group_tests(tests, make_rows, free_rows);
}
