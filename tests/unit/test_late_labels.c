/* label_from beside a plain list of rows that wait: whichever rows are taught, and with what. The
 * learner's intercept takes each label whole, so a prediction is the label last taught.
 */
#include "ml/late_labels.h"

#include "engine/memory.h"
#include "engine/random.h"
#include "tests/support/fake_disk.h"
#include "tests/support/task_rig.h"
#include "tests/support/task_run.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 500, HOSTS = 3, WITHIN = 1600 };

static char *rows[ROWS];
static const char *keys[ROWS];
static const char *const hosts[HOSTS] = {"h0", "h1", "h2"};
static struct row {
    bool is_label, is_gone;
    int host;
    int64_t time;
    double y;
} row[ROWS];

#define TOPOLOGY(per, otherwise)                                                                   \
    "name: test\n"                                                                                 \
    "streams:\n"                                                                                   \
    "  all:\n"                                                                                     \
    "    from: {topic: in, key: {host: string}, value: json,\n"                                    \
    "           columns: {kind: string, host: string, t: long, y: double}}\n"                      \
    "    time: {field: t}\n"                                                                       \
    "    steps:\n"                                                                                 \
    "      - split: {samples: kind = 'row', labels: kind = 'label'}\n"                             \
    "  labels: {from: all.labels}\n"                                                               \
    "  p:\n"                                                                                       \
    "    from: all.samples\n"                                                                      \
    "    steps:\n"                                                                                 \
    "      - regress: {algorithm: linear_regression, features: [t * 0], as: p, " per ",\n"         \
    "                  label: labels.y, options: {lr: 0, intercept_lr: 0.5},\n"                    \
    "                  label_from: {stream: labels, on: host, within: 1600ms" otherwise "}}\n"     \
    "    to: {topic: out, key: none, value: json}\n"

static int make_rows(void **state)
{
    (void)state;
    struct random random;
    int64_t now = 0;
    random_seed(&random, 7, 0);
    for (int i = 0; i < ROWS; i++) {
        now += random_below(&random, 300);
        row[i] = (struct row){.is_label = random_below(&random, 5) == 0,
                              .host = (int)random_below(&random, HOSTS),
                              .time = now,
                              .y = i};
        keys[i] = hosts[row[i].host];
        rows[i] = mem_printf("{\"kind\": \"%s\", \"host\": \"h%d\", \"t\": %d, \"y\": %d}",
                             row[i].is_label ? "label" : "row", row[i].host, (int)now, i);
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
                           .key = keys,
                           .n = ROWS,
                           .batch_rows = batch_rows,
                           .restart_every = restart_every};
    task_run(&how, r);
    if (r->diags.n > 0 || r->status < 0) {
        print_message("%s%s\n", task_result_problems(r), r->err.text);
    }
    assert_int_equal(r->status, 0);
}

/* What is predicted for each row, NaN for none, when nothing is taught but labels. */
static void expect(double *out, bool is_per_key)
{
    double last[HOSTS];
    for (int h = 0; h < HOSTS; h++) {
        last[h] = nan("");
    }
    for (int i = 0; i < ROWS; i++) {
        row[i].is_gone = false;
    }
    for (int i = 0; i < ROWS; i++) {
        int model = is_per_key ? row[i].host : 0;
        out[i] = last[model];
        for (int k = 0; row[i].is_label && k < i; k++) {
            bool is_met = !row[k].is_label && !row[k].is_gone && row[k].host == row[i].host &&
                          row[i].time - row[k].time <= WITHIN;
            if (is_met) {
                last[model] = row[i].y;
                row[k].is_gone = true;
            }
        }
    }
}

static void teaches_what_waits(void **state)
{
    (void)state;
    static const char *const topology[] = {TOPOLOGY("per: partition", ""),
                                           TOPOLOGY("per: key", "")};
    double expected[ROWS];
    for (int t = 0; t < 2; t++) {
        struct task_result r = {0};
        int i = 0, known = 0;
        expect(expected, t == 1);
        run(topology[t], 0, 0, &r);
        for (char *line = r.out.data; line < r.out.data + r.out.n;
             line = strchr(line, '\n') + 1, i++) {
            while (row[i].is_label) {
                i++;
            }
            const char *p = strstr(line, "\"p\":") + 4;
            bool is_null = strncmp(p, "null", 4) == 0;
            assert_int_equal(is_null, isnan(expected[i]) != 0);
            if (!is_null) {
                assert_true(strtod(p, NULL) == expected[i]);
                known++;
            }
        }
        assert_true(known > ROWS / 2);
        task_result_done(&r);
    }
}

static void is_the_same_for_every_batch_size_and_restart(void **state)
{
    (void)state;
    static const char *const topology[] = {
        TOPOLOGY("per: partition", ""),
        TOPOLOGY("per: key", ""),
        TOPOLOGY("per: partition", ", else: y * 1000"),
    };
    for (int t = 0; t < 3; t++) {
        struct task_result first = {0};
        run(topology[t], 0, 0, &first);
        for (int i = 0; i < 4; i++) {
            struct task_result r = {0};
            run(topology[t], (uint16_t[]){1, 3, 2048, 7}[i], (size_t[]){0, 0, 1, 97}[i], &r);
            assert_int_equal(r.out.n, first.out.n);
            assert_memory_equal(r.out.data, first.out.data, first.out.n);
            assert_true(task_result_metric(&r, "rows") == task_result_metric(&first, "rows"));
            task_result_done(&r);
        }
        task_result_done(&first);
    }
}

/* However many rows it fails for, a label's row is one dead letter; they go on waiting. */
static void a_bad_label_is_told_of_once(void **state)
{
    (void)state;
    static const char *const some[] = {
        "{\"kind\": \"row\", \"host\": \"h0\", \"t\": 1, \"y\": 1}",
        "{\"kind\": \"row\", \"host\": \"h0\", \"t\": 2, \"y\": 1}",
        "{\"kind\": \"row\", \"host\": \"h0\", \"t\": 3, \"y\": 1}",
        "{\"kind\": \"label\", \"host\": \"h0\", \"t\": 4, \"y\": 1e200}",
        "{\"kind\": \"label\", \"host\": \"h0\", \"t\": 5, \"y\": 7}",
        "{\"kind\": \"row\", \"host\": \"h0\", \"t\": 6, \"y\": 1}",
    };
    static const char *const key[] = {"h0", "h0", "h0", "h0", "h0", "h0"};
    struct task_result r = {0};
    struct task_run how = {
        .topology =
            "errors: {tolerance: all, dead_letter_topic: dead}\n" TOPOLOGY("per: partition", ""),
        .topic = "in",
        .value = some,
        .key = key,
        .n = 6};
    task_run(&how, &r);
    assert_int_equal(r.status, 0);
    int dead = 0;
    const char *last = r.out.data;
    for (const char *p = r.out.data; p < r.out.data + r.out.n; p = strchr(p, '\n') + 1) {
        dead += strncmp(p, "dead ", 5) == 0;
        last = strncmp(p, "out ", 4) == 0 ? p : last;
    }
    assert_int_equal(dead, 1);
    assert_non_null(strstr(last, "\"p\":7"));
    task_result_done(&r);
}

/* Rows may lie on disk; by what they are found and expire does not, and counts as memory. */
static void what_finds_rows_counts_as_memory(void **state)
{
    (void)state;
    struct task_rig r;
    struct fake_disk f;
    const int64_t next[1] = {0};
    fake_disk_init(&f, 1 << 20);
    task_rig_init(&r, TOPOLOGY("per: partition", ""), 0);
    task_rig_new(&r, 0);
    assert_int_equal(task_take_disk(r.task, &f.disk, 1), CHECKPOINT_NONE);
    assert_int_equal(task_attach(r.task), 0);
    assert_int_equal(task_restored(r.task, next, &r.err), 0);
    assert_int_equal(task_rig_open(&r), 0);
    uint64_t before = task_kept_bytes(r.task);
    for (int i = 0; i < 100; i++) {
        char key[20], value[100];
        snprintf(key, sizeof key, "h%d", i);
        snprintf(value, sizeof value, "{\"kind\": \"row\", \"host\": \"%s\", \"t\": %d}", key, i);
        assert_int_equal(task_rig_push_one(&r, "in", i, key, value), 0);
    }
    assert_true(task_kept_bytes(r.task) >= before + 100 * 50);
    task_rig_done(&r);
    fake_disk_done(&f);
}

static void problems_say_what_to_do(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {", els: y", "`else`"},
        {", else: host",
         "label_from.else: both must be of one type, `else` is string and the label "},
        {", else: nope", "a text stands in quotes: `else: \"'nope'\"`"},
        {", within: 0s", "within"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct task_result r = {0};
        char topology[3000];
        static const char *const plain = TOPOLOGY("per: partition", "@");
        const char *at = strchr(plain, '@');
        snprintf(topology, sizeof topology, "%.*s%s%s", (int)(at - plain), plain, wrong[i][0],
                 at + 1);
        struct task_run how = {.topology = topology, .topic = "in"};
        task_run(&how, &r);
        if (r.status != -ERR_CONFIG || !strstr(task_result_problems(&r), wrong[i][1])) {
            print_message("%s\n%s\n", wrong[i][0], task_result_problems(&r));
            fail();
        }
        task_result_done(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(teaches_what_waits),
        cmocka_unit_test(is_the_same_for_every_batch_size_and_restart),
        cmocka_unit_test(a_bad_label_is_told_of_once),
        cmocka_unit_test(what_finds_rows_counts_as_memory),
        cmocka_unit_test(problems_say_what_to_do),
    };
    return cmocka_run_group_tests(tests, make_rows, free_rows);
}
