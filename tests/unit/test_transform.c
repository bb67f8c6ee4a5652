/* Preprocessing steps in real tasks: one behind the other in front of a learner, for every size of
 * batches and across restarts; per key and partition; rows that delete; steps without state. */
#include "engine/memory.h"
#include "engine/random.h"
#include "ml/transform.h"
#include "tests/support/plan_rig.h"
#include "tests/support/task_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 400 };
static char *rows[ROWS];
static const char *keys[ROWS];

#define HEAD                                                                                       \
    "name: test\n"                                                                                 \
    "streams:\n"                                                                                   \
    "  s:\n"                                                                                       \
    "    from: {topic: in, key: string, value: json,\n"                                            \
    "           columns: {host: string, a: double, b: double, n: long, kind: string, up: "         \
    "boolean}}\n"                                                                                  \
    "    steps:\n"
#define TAIL "    to: {topic: out, key: none, value: json}\n"

static const char *const pipeline =
    HEAD "      - impute: {columns: [a, b], method: median}\n"
         "      - impute: {columns: kind, method: most_frequent}\n"
         "      - impute: {columns: n, method: last}\n"
         "      - clip: {columns: [a, b], method: mad, warm_up: 20}\n"
         "      - scale: {columns: a}\n"
         "      - scale: {columns: b, method: robust}\n"
         "      - bin: {columns: b, n_bins: 4, as: '*_bin'}\n"
         "      - one_hot: {columns: [kind], n: 2}\n"
         "      - feature_hash: {columns: [n, up], as: h, n_features: 3}\n"
         "      - pca: {columns: [a, b], as: p, n_components: 2, refresh: 30}\n"
         "      - select_features: {columns: [a, b, p_1, p_2, b_bin, kind_1], label: up,\n"
         "                          method: mutual_information, k: 2, refresh: 25, warm_up: 40}\n"
         "      - classify: {algorithm: gaussian_nb, features: [a, b, 'p_*', b_bin], label: up,\n"
         "                   as: guess}\n" TAIL;

static int make_rows(void **state)
{
    (void)state;
    static const char *const host[] = {"h0", "h1", "a host with a long name"};
    static const char *const kind[] = {"\"x\"", "\"y\"", "null", "\"a kind with a long name\""};
    struct random random;
    random_seed(&random, 6, 1);
    for (int i = 0; i < ROWS; i++) {
        double a = random_normal(&random), b = a + 0.5 * random_normal(&random);
        keys[i] = host[random_below(&random, 3)];
        char number[32] = "null";
        if (random_below(&random, 5) > 0) {
            snprintf(number, sizeof number, "%.17g", random_below(&random, 30) == 0 ? 1000 : b);
        }
        rows[i] = mem_printf("{\"host\": \"%s\", \"a\": %.17g, \"b\": %s, \"n\": %d, \"kind\": %s, "
                             "\"up\": %s}",
                             keys[i], a, number, i % 7, kind[random_below(&random, 4)],
                             a + b > 0 ? "true" : "false");
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

static void run(const char *topology, uint16_t batch, size_t restart, struct task_result *r)
{
    struct task_run how = {.topology = topology,
                           .topic = "in",
                           .value = (const char *const *)rows,
                           .key = keys,
                           .n = ROWS,
                           .batch_rows = batch,
                           .restart_every = restart};
    task_run(&how, r);
    if (r->diags.n > 0 || r->status < 0) {
        print_message("%s%s\n", task_result_problems(r), r->err.text);
    }
    assert_int_equal(r->status, 0);
}

static void is_the_same_for_every_batch_size_and_restart(void **state)
{
    (void)state;
    static const char *const topology[] = {
        NULL,
        HEAD "      - scale: {columns: [a, b], per: key}\n"
             "      - pca: {columns: [a, b], as: p, refresh: 10, per: key}\n"
             "      - bin: {columns: n, per: key, method: uniform}\n" TAIL,
        HEAD "      - select_features: {columns: [a, b, n], label: up, method: correlation, k: 1,\n"
             "                          per: partition}\n"
             "      - clip: {columns: '*', per: partition}\n" TAIL,
    };
    for (size_t t = 0; t < sizeof(topology) / sizeof(topology[0]); t++) {
        const char *text = topology[t] ? topology[t] : pipeline;
        struct task_result first = {0};
        run(text, 0, 0, &first);
        assert_true(first.state.n > 0);
        for (int i = 0; i < 5; i++) {
            struct task_result r = {0};
            run(text, (uint16_t[]){1, 3, 2048, 7, 64}[i], (size_t[]){0, 0, 1, 50, 399}[i], &r);
            assert_string_equal(buffer_cstr(&r.out), buffer_cstr(&first.out));
            assert_int_equal(r.state.n, first.state.n);
            assert_memory_equal(r.state.data, first.state.data, first.state.n);
            task_result_done(&r);
        }
        task_result_done(&first);
    }
}

/* Statistics too large for one entry go to the changelog as what they were taught. */
static void large_objects_come_back(void **state)
{
    (void)state;
    static const char *const topology =
        HEAD "      - feature_hash: {columns: [a, n, kind], as: h, n_features: 100}\n"
             "      - pca: {columns: 'h_*', as: p, n_components: 3, refresh: 60, per: partition}\n"
             "      - bin: {columns: 'h_*', n_bins: 16, per: partition}\n"
             "      - select_features: {columns: 'h_*', method: mutual_information, label: kind,\n"
             "                          warm_up: 50, n_bins: 20, k: 30, per: partition}\n"
             "      - drop: [host, a, b, n]\n" TAIL;
    struct task_result first = {0};
    run(topology, 0, 0, &first);
    assert_true(first.state.n > 3 * (32 << 10));
    for (int i = 0; i < 3; i++) {
        struct task_result r = {0};
        run(topology, (uint16_t[]){3, 2048, 64}[i], (size_t[]){7, 150, 399}[i], &r);
        assert_string_equal(buffer_cstr(&r.out), buffer_cstr(&first.out));
        task_result_done(&r);
    }
    task_result_done(&first);
}

static void metrics_tell_of_one_object(void **state)
{
    (void)state;
    struct task_result r = {0};
    run(pipeline, 0, 0, &r);
    assert_true(task_result_metric(&r, "selected") == 2);
    assert_true(task_result_metric(&r, "explained_variance_ratio") > 0.999999);
    assert_true(task_result_metric(&r, "explained_variance_ratio_1") > 0.8);
    assert_true(task_result_metric(&r, "accuracy") >
                task_result_metric(&r, "accuracy_baseline") + 0.2);
    task_result_done(&r);
}

/* A merge of sessions deletes the rows of those merged: they are told on, and not learned. */
static void rows_that_delete_are_not_learned(void **state)
{
    (void)state;
    static const char *const value[] = {"{\"v\": 1, \"ts\": 0}", "{\"v\": 5, \"ts\": 100}",
                                        "{\"v\": 2, \"ts\": 50}"};
    struct task_run how = {
        .topology =
            "name: test\n"
            "streams:\n"
            "  s:\n"
            "    from: {topic: in, key: string, value: json, columns: {v: long, ts: long}}\n"
            "    time: {field: ts, out_of_order: 1s}\n"
            "    steps:\n"
            "      - window: {session: 60ms, emit: updates, aggregate: sum(v) as v}\n"
            "      - scale: {columns: v, with_std: false, per: partition, as: s}\n"
            "    to: {topic: out, value: json}\n",
        .topic = "in",
        .value = value,
        .key = (const char *const[]){"k", "k", "k"},
        .n = 3,
    };
    struct task_result r = {0};
    task_run(&how, &r);
    assert_int_equal(r.status, 0);
    /* 1, then 5 (mean 3), then two deletes, then 8 (mean of 1, 5 and 8). */
    assert_non_null(strstr(buffer_cstr(&r.out), "\"v\":5,\"s\":2.0"));
    assert_non_null(strstr(buffer_cstr(&r.out), "\"v\":8,\"s\":3.333333333333333"));
    task_result_done(&r);
}

static void what_learns_nothing_has_no_store(void **state)
{
    (void)state;
    struct plan_rig r;
    int status =
        plan_rig_init(&r, HEAD "      - impute: {columns: a, method: constant, value: 0}\n"
                               "      - clip: {columns: a, method: bounds, min: 0}\n"
                               "      - one_hot: {columns: kind, categories: [x, y]}\n"
                               "      - feature_hash: {columns: n, as: h, n_features: 2}\n" TAIL);
    assert_int_equal(status, 0);
    assert_int_equal(r.plan->nsubplans, 1);
    assert_int_equal(r.plan->subplan[0].nstores, 0);
    plan_rig_done(&r);
}

/* A step over `columns` numbers; the problems, or "". */
static void plan_wide(int columns, const char *as, char *problems, size_t size)
{
    struct buffer b;
    struct plan_rig r;
    buffer_init(&b);
    buffer_printf(&b, "name: t\nstreams:\n  s:\n    from: {topic: x, value: json, columns: {");
    for (int i = 0; i < columns; i++) {
        buffer_printf(&b, "%sc%d: double", i > 0 ? ", " : "", i);
    }
    buffer_printf(&b, "}}\n    steps: [{scale: {columns: 'c*', per: partition%s}}]\n    to: o\n",
                  as);
    int status = plan_rig_init(&r, buffer_cstr(&b));
    snprintf(problems, size, "%s", status < 0 ? plan_rig_problems(&r) : "");
    plan_rig_done(&r);
    buffer_done(&b);
}

static void in_place_columns_are_counted_once(void **state)
{
    (void)state;
    char text[1000];
    plan_wide(4000, "", text, sizeof text);
    assert_string_equal(text, "");
    plan_wide(2040, ", as: '*_s'", text, sizeof text);
    assert_string_equal(text, "");
    plan_wide(2100, ", as: '*_s'", text, sizeof text);
    assert_non_null(strstr(text, "2100 that scale makes of 2100"));
    assert_non_null(strstr(text, "more than the 4096 that there may be"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_place_columns_are_counted_once),
        cmocka_unit_test(is_the_same_for_every_batch_size_and_restart),
        cmocka_unit_test(large_objects_come_back),
        cmocka_unit_test(metrics_tell_of_one_object),
        cmocka_unit_test(rows_that_delete_are_not_learned),
        cmocka_unit_test(what_learns_nothing_has_no_store),
    };
    return cmocka_run_group_tests(tests, make_rows, free_rows);
}
