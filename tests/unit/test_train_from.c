/* train_from: a model that learned a file predicts as one to which its rows came in the stream. */
#include "ml/train_from.h"

#include "engine/memory.h"
#include "engine/random.h"
#include "tests/support/task_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { ROWS = 5000, FIRST = 4500 }; /* the first go into the file: three batches of them */
static char *rows[ROWS];
static const char *keys[ROWS];
static const char *const host[] = {"h0", "h1"};
static char folder[64], csv[80], jsonl[80];

static int make_rows(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 5, 1);
    snprintf(folder, sizeof folder, P_tmpdir "/klamm-train-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(csv, sizeof csv, "%s/rows.csv", folder);
    snprintf(jsonl, sizeof jsonl, "%s/rows.jsonl", folder);
    FILE *c = fopen(csv, "w"), *j = fopen(jsonl, "w");
    assert_true(c && j);
    fprintf(c, "y,unknown,host,a\n");
    for (int i = 0; i < ROWS; i++) {
        double a = random_normal(&random), y = 2 * a + random_normal(&random);
        keys[i] = host[random_below(&random, 2)];
        bool has_label = i % 7 != 0;
        rows[i] = has_label
                      ? mem_printf("{\"host\": \"%s\", \"a\": %.17g, \"y\": %.17g}", keys[i], a, y)
                      : mem_printf("{\"host\": \"%s\", \"a\": %.17g, \"y\": null}", keys[i], a);
        if (i < FIRST) {
            fprintf(j, "%s\n", rows[i]);
            fprintf(c, has_label ? "%.17g" : "", y);
            fprintf(c, ",x,%s,%.17g\n", keys[i], a);
        }
    }
    fclose(c);
    fclose(j);
    return 0;
}

static int free_rows(void **state)
{
    (void)state;
    for (int i = 0; i < ROWS; i++) {
        mem_free(rows[i]);
    }
    unlink(csv);
    unlink(jsonl);
    rmdir(folder);
    return 0;
}

static void run(const char *step, int from, struct task_result *r)
{
    char topology[2000];
    snprintf(topology, sizeof topology,
             "name: test\n"
             "streams:\n"
             "  s:\n"
             "    from: {topic: in, key: {host: string}, value: json,\n"
             "           columns: {host: string, a: double, y: double}}\n"
             "    steps:\n"
             "      - %s\n"
             "    to: {topic: out, key: none, value: json}\n",
             step);
    struct task_run how = {.topology = topology,
                           .topic = "in",
                           .value = (const char *const *)rows + from,
                           .key = keys + from,
                           .n = (size_t)(ROWS - from),
                           .restart_every = 100};
    task_run(&how, r);
}

static void is_as_if_the_rows_had_come(void **state)
{
    (void)state;
    static const char *const step[] = {
        "regress: {algorithm: linear_regression, features: [a], label: y, as: p, per: partition, "
        "scale: standard, coverage: 0.5",
        "classify: {algorithm: gaussian_nb, features: [a], label: y > 0, as: p, per: key",
        "classify: {algorithm: hoeffding_tree, features: [a, host], label: y > 0, as: p, per: "
        "partition",
        "cluster: {algorithm: kmeans, features: [a], as: p, per: key",
    };
    for (size_t i = 0; i < sizeof step / sizeof step[0]; i++) {
        for (int is_csv = 0; is_csv < 2; is_csv++) {
            char text[500];
            struct task_result all = {0}, rest = {0};
            snprintf(text, sizeof text, "%s}", step[i]);
            run(text, 0, &all);
            snprintf(text, sizeof text, "%s, train_from: {file: %s}}", step[i],
                     is_csv ? csv : jsonl);
            run(text, FIRST, &rest);
            assert_int_equal(all.status, 0);
            assert_int_equal(rest.status, 0);
            /* Intervals come of scored rows, which those of a file are not. */
            const char *a = all.out.data, *b = rest.out.data;
            for (int k = 0; k < FIRST; k++) {
                a = strchr(a, '\n') + 1;
            }
            for (int k = FIRST; k < ROWS; k++) {
                const char *x = strstr(a, "\"p\":"), *y = strstr(b, "\"p\":");
                size_t n = strcspn(x, ",}");
                assert_int_equal(strcspn(y, ",}"), n);
                assert_memory_equal(x, y, n);
                assert_true(strncmp(y, "\"p\":null", 8) != 0);
                a = strchr(a, '\n') + 1;
                b = strchr(b, '\n') + 1;
            }
            task_result_done(&all);
            task_result_done(&rest);
        }
    }
}

static void never_learns_the_file_only(void **state)
{
    (void)state;
    char text[500];
    struct task_result r = {0};
    snprintf(text, sizeof text,
             "classify: {algorithm: random_forest, features: [a], label: y > 0, as: p, per: "
             "partition, learn: never, options: {n_models: 5}, train_from: {file: %s}}",
             csv);
    run(text, FIRST, &r);
    assert_int_equal(r.status, 0);
    assert_true(task_result_metric(&r, "accuracy") >
                task_result_metric(&r, "accuracy_baseline") + 0.1);
    task_result_done(&r);
}

static void problems_say_what_to_do(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"{file: /nowhere/x.csv}", "cannot read /nowhere/x.csv"},
        {"{fil: x}", "`file`"},
        {"{topic: x}", "not yet available"},
        {"{file: .}", "no file"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char text[500];
        struct task_result r = {0};
        snprintf(text, sizeof text,
                 "regress: {algorithm: linear_regression, features: [a], label: y, as: p, "
                 "train_from: %s}",
                 wrong[i][0]);
        run(text, FIRST, &r);
        if (r.status != -ERR_CONFIG || !strstr(task_result_problems(&r), wrong[i][1])) {
            print_message("%s\n%s\n", wrong[i][0], task_result_problems(&r));
            fail();
        }
        task_result_done(&r);
    }
}

static void a_bad_line_is_named(void **state)
{
    (void)state;
    char text[500], bad[100];
    struct task_result r = {0};
    snprintf(bad, sizeof bad, "%s/bad.csv", folder);
    FILE *f = fopen(bad, "w");
    fprintf(f, "a,y\n1,1\nx,2\n");
    fclose(f);
    snprintf(text, sizeof text,
             "regress: {algorithm: linear_regression, features: [a], label: y, as: p, train_from: "
             "{file: %s}}",
             bad);
    run(text, FIRST, &r);
    assert_int_equal(r.status, -ERR_CONFIG);
    assert_non_null(strstr(task_result_problems(&r), "bad.csv:3:"));
    task_result_done(&r);
    unlink(bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_as_if_the_rows_had_come),
        cmocka_unit_test(never_learns_the_file_only),
        cmocka_unit_test(problems_say_what_to_do),
        cmocka_unit_test(a_bad_line_is_named),
    };
    return cmocka_run_group_tests(tests, make_rows, free_rows);
}
