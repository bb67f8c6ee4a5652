/* `from: {metrics: STREAM}`: one set of rows after each so many, the same for every batch size and
 * restart. */
#include "engine/metric_rows.h"

#include "engine/memory.h"
#include "engine/random.h"
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

enum { ROWS = 230 };
static char *rows[ROWS];

#define TOPOLOGY(from)                                                                             \
    "name: test\n"                                                                                 \
    "streams:\n"                                                                                   \
    "  s: {from: {topic: in, key: none, value: json, columns: {a: double, kind: string}}}\n"       \
    "  p:\n"                                                                                       \
    "    from: s\n"                                                                                \
    "    steps:\n"                                                                                 \
    "      - classify: {algorithm: gaussian_nb, features: [a], label: kind, as: q, per: "          \
    "partition}\n"                                                                                 \
    "      - regress: {algorithm: linear_regression, features: [a], label: a * 2, as: r, per: "    \
    "partition}\n"                                                                                 \
    "    to: {topic: out, key: none, value: json}\n"                                               \
    "  m:\n"                                                                                       \
    "    from: " from "\n"                                                                         \
    "    steps:\n"                                                                                 \
    "      - filter: metric in ('accuracy', 'mae')\n"                                              \
    "    to: {topic: metrics, key: none, value: json}\n"

static int make_rows(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 7, 0);
    for (int i = 0; i < ROWS; i++) {
        bool is_high = random_below(&random, 2);
        rows[i] = mem_printf("{\"a\": %.17g, \"kind\": \"%s\"}",
                             random_normal(&random) + (is_high ? 3 : 0), is_high ? "high" : "low");
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
    struct task_run how = {.topology = topology,
                           .topic = "in",
                           .value = (const char *const *)rows,
                           .n = ROWS,
                           .batch_rows = batch_rows,
                           .restart_every = restart_every};
    task_run(&how, r);
}

/* Lines of topic metrics, in order. */
static int metric_lines(const struct task_result *r, struct buffer *out)
{
    int n = 0;
    for (char *line = r->out.data; line < r->out.data + r->out.n; line = strchr(line, '\n') + 1) {
        if (strncmp(line, "metrics ", 8) == 0) {
            buffer_add(out, line, (size_t)(strchr(line, '\n') + 1 - line));
            n++;
        }
    }
    return n;
}

/* However batches and restarts cut the rows, the lines are the same: they go to `lines`, and their
 * number is returned. `rows_metric`: one that counts all rows, or NULL. */
static int run_cut_in_every_way(const char *topology, const char *rows_metric, struct buffer *lines)
{
    int n = 0;
    for (int i = 0; i < 4; i++) {
        struct task_result here = {0};
        struct buffer again;
        run(topology, (uint16_t[]){1, 2048, 3, 7}[i], (size_t[]){0, 0, 33, 1}[i], &here);
        if (here.status < 0) {
            print_message("%s%s\n", task_result_problems(&here), here.err.text);
        }
        assert_int_equal(here.status, 0);
        assert_true(!rows_metric || task_result_metric(&here, rows_metric) == ROWS);
        buffer_init(i == 0 ? lines : &again);
        n = metric_lines(&here, i == 0 ? lines : &again);
        if (i > 0) {
            assert_string_equal(buffer_cstr(&again), buffer_cstr(lines));
            buffer_done(&again);
        }
        task_result_done(&here);
    }
    return n;
}

static void comes_after_so_many_rows(void **state)
{
    (void)state;
    static const char *const topology = TOPOLOGY("{metrics: {stream: p, every: 50}}");
    struct buffer lines;
    assert_int_equal(run_cut_in_every_way(topology, NULL, &lines), 2 * (ROWS / 50));
    const char *text = buffer_cstr(&lines);
    assert_non_null(strstr(text, "\"step\":\"classify\",\"as\":\"q\",\"metric\":\"accuracy\""));
    assert_non_null(strstr(text, "\"step\":\"regress\",\"as\":\"r\",\"metric\":\"mae\""));
    assert_non_null(strstr(text, "\"rows\":50"));
    assert_non_null(strstr(text, "\"rows\":200"));
    buffer_done(&lines);
}

/* Each reader has its own `every`, whoever else reads the same. */
static void each_reader_has_its_own(void **state)
{
    (void)state;
    static const char *const topology = TOPOLOGY(
        "{metrics: {stream: p, every: 50}}") "  n:\n    from: {metrics: {stream: p, every: 30}}\n"
                                             "    steps:\n      - filter: metric = 'mae'\n    to: "
                                             "{topic: others, key: none, value: json}\n"
                                             "  late: {from: {metrics: {stream: p, every: 50}}, "
                                             "to: {topic: more, key: none, value: json}}\n";
    for (int i = 0; i < 3; i++) {
        struct task_result r = {0};
        struct buffer lines;
        int others = 0, more = 0;
        run(topology, (uint16_t[]){1, 2048, 3}[i], (size_t[]){0, 33, 7}[i], &r);
        assert_int_equal(r.status, 0);
        buffer_init(&lines);
        assert_int_equal(metric_lines(&r, &lines), 2 * (ROWS / 50));
        for (char *line = r.out.data; line < r.out.data + r.out.n; line = strchr(line, '\n') + 1) {
            bool is_other = strncmp(line, "others ", 7) == 0;
            others += is_other;
            more += strncmp(line, "more ", 5) == 0;
            assert_true(!is_other || strtol(strstr(line, "\"rows\":") + 7, NULL, 10) % 30 == 0);
        }
        assert_int_equal(others, ROWS / 30);
        assert_true(more > 4);
        buffer_done(&lines);
        task_result_done(&r);
    }
}

/* A model that learns no more is scored on, and its metrics are told by the rows that scored it. */
static void comes_with_learn_never(void **state)
{
    (void)state;
    char path[] = P_tmpdir "/klamm-metrics-XXXXXX.jsonl", topology[3000];
    int file = mkstemps(path, 6);
    FILE *f = fdopen(file, "w");
    assert_non_null(f);
    for (int i = 0; i < ROWS; i++) {
        fprintf(f, "%s\n", rows[i]);
    }
    fclose(f);
    snprintf(
        topology, sizeof topology,
        "name: test\n"
        "streams:\n"
        "  s: {from: {topic: in, key: none, value: json, columns: {a: double, kind: string}}}\n"
        "  p:\n"
        "    from: s\n"
        "    steps:\n"
        "      - classify: {algorithm: gaussian_nb, features: [a], label: kind, as: q, per: "
        "partition, learn: never, train_from: {file: %s}}\n"
        "      - regress: {algorithm: linear_regression, features: [a], label: a * 2, as: r, per: "
        "partition, learn: never, train_from: {file: %s}}\n"
        "      - detect: {algorithm: zscore, features: [a], as: d, per: partition, learn: never, "
        "train_from: {file: %s}}\n"
        "    to: {topic: out, key: none, value: json}\n"
        "  m:\n"
        "    from: {metrics: {stream: p, every: 50}}\n"
        "    steps:\n"
        "      - filter: metric in ('accuracy', 'mae', 'detections')\n"
        "    to: {topic: metrics, key: none, value: json}\n",
        path, path, path);
    struct buffer lines;
    assert_int_equal(run_cut_in_every_way(topology, "rows", &lines), 3 * (ROWS / 50));
    assert_non_null(strstr(buffer_cstr(&lines), "\"step\":\"detect\",\"as\":\"d\""));
    buffer_done(&lines);
    unlink(path);
}

/* A million small models: rows are counted over all of them, for none has so many. */
static void counts_the_rows_of_all_models(void **state)
{
    (void)state;
    static const char *const topology =
        "name: test\n"
        "streams:\n"
        "  s: {from: {topic: in, key: none, value: json, columns: {a: double, kind: string}}}\n"
        "  p:\n"
        "    from: s\n"
        "    steps:\n"
        "      - add: cast(round(a) as string) as k\n"
        "      - key_by: k\n"
        "      - classify: {algorithm: gaussian_nb, features: [a], label: kind, as: q, per: key}\n"
        "      - regress: {algorithm: linear_regression, features: [a], label: a * 2, as: r, per: "
        "key}\n"
        "      - drift: {algorithm: adwin, of: a, as: d}\n"
        "      - forecast: {algorithm: naive, target: a, horizons: [1, 2], as: f}\n"
        "      - cluster: {algorithm: kmeans, features: [a], as: c, per: key}\n"
        "      - detect: {algorithm: zscore, features: [a], as: o, warm_up: 2, "
        "options: {grace_period: 2}}\n"
        "    to: {topic: out, value: json}\n"
        "  m:\n"
        "    from: {metrics: {stream: p, every: 50}}\n"
        "    to: {topic: metrics, key: none, value: json}\n";
    static const struct {
        const char *as, *metric;
        bool is_every_row; /* not only those that were predicted */
    } steps[] = {{"q", "accuracy", false}, {"r", "mae", false}, {"d", "values", true},
                 {"f", "mae", false},      {"c", "rows", true}, {"o", "detections", false}};
    struct buffer lines;
    run_cut_in_every_way(topology, NULL, &lines);
    for (size_t k = 0; k < sizeof steps / sizeof steps[0]; k++) {
        char text[100];
        snprintf(text, sizeof text, "\"as\":\"%s\",\"metric\":\"%s\"", steps[k].as,
                 steps[k].metric);
        int sets = 0;
        for (const char *at = buffer_cstr(&lines); (at = strstr(at, text)); at++) {
            sets++;
            assert_int_equal(strtol(strstr(at, "\"rows\":") + 7, NULL, 10), 50 * sets);
        }
        assert_in_range(sets, steps[k].is_every_row ? ROWS / 50 : 1, ROWS / 50);
    }
    buffer_done(&lines);
}

static void nobody_reads_none(void **state)
{
    (void)state;
    static const int64_t every[] = {100, 30};
    struct node n = {.metrics_every = every};
    assert_false(metric_rows_are_due(&n, 99, 100));
    n.nmetrics = 1;
    assert_true(metric_rows_are_due(&n, 199, 200) && !metric_rows_are_due(&n, 149, 150));
    n.nmetrics = 2;
    assert_true(metric_rows_are_due(&n, 199, 200) && metric_rows_are_due(&n, 149, 150));
    assert_true(metric_rows_are_due(&n, 95, 130) && !metric_rows_are_due(&n, 91, 99));
    assert_false(metric_rows_are_due(&n, 0, 0) || metric_rows_are_due(&n, 300, 300));
}

static void problems_say_what_to_do(void **state)
{
    (void)state;
    static const struct {
        const char *topology, *says;
    } wrong[] = {
        {TOPOLOGY("{metrics: q}"), "there is no stream \"q\""},
        {TOPOLOGY("{metrics: s}"), "no step that measures itself"},
        {TOPOLOGY("{metrics: p, every: 3}"), "stand inside it"},
        {TOPOLOGY("{metrics: {stream: p, evry: 3}}"), "`every`"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct task_result r = {0};
        run(wrong[i].topology, 0, 0, &r);
        if (r.status != -ERR_CONFIG || !strstr(task_result_problems(&r), wrong[i].says)) {
            print_message("%s\n%s\n", wrong[i].says, task_result_problems(&r));
            fail();
        }
        task_result_done(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_after_so_many_rows), cmocka_unit_test(each_reader_has_its_own),
        cmocka_unit_test(comes_with_learn_never),   cmocka_unit_test(counts_the_rows_of_all_models),
        cmocka_unit_test(nobody_reads_none),        cmocka_unit_test(problems_say_what_to_do),
    };
    return cmocka_run_group_tests(tests, make_rows, free_rows);
}
