/* Steps over a disk that has room for next to nothing in memory: the same rows, changelogs and
 * metrics as in memory, whatever the share, the commits and the restarts; and a disk that cannot be
 * read ends the task, whatever it was about to do.
 *
 * Seeds are printed on failure; KLAMM_SEEDS sets how many are tried, KLAMM_SEED the first.
 */
#include "engine/memory.h"
#include "engine/random.h"
#include "tests/support/seeds.h"
#include "tests/support/task_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS 240

#define HEAD                                                                                       \
    "name: t\nstreams:\n  s:\n    from: {topic: in, value: json, key: {h: string},\n"              \
    "           columns: {h: string, a: double, b: double, n: long, c: string}}\n    steps:\n"
#define TAIL       "    to: {topic: out, key: none, value: json}\n"
#define STEP(text) HEAD "      - " text "\n" TAIL
#define FEATURES   "features: [a, b], as: p, per: key"

static const char *const topologies[] = {
    STEP("running: cumsum(n) as s, lag(c, 2) as before, avg(a, 5) as mean"),
    STEP("aggregate: count() as n, sum(b) as s, last(c) as c"),
    STEP("window: {tumbling: 20ms, aggregate: 'count() as n, avg(a) as m', grace: 5ms}"),
    STEP("window: {tumbling: 7ms, aggregate: 'sum(n) as n', emit: updates}"),
    STEP("window: {hopping: {size: 20ms, every: 6ms}, aggregate: 'count() as n, avg(a) as m', "
         "grace: 5ms}"),
    STEP("window: {hopping: {size: 20ms, every: 5ms}, aggregate: 'last(c) as c, sum(n) as n'}"),
    STEP("window: {hopping: {size: 9ms, every: 2ms}, aggregate: 'sum(n) as n', emit: updates}"),
    HEAD "      - window: {tumbling: 20ms, aggregate: 'count() as n, sum(n) as s', grace: 5ms}\n"
         "      - top: {n: 3, by: s}\n" TAIL,
    STEP("dedupe: {by: c, within: 15ms}"),
    STEP("classify: {algorithm: gaussian_nb, label: c, evaluate: [f1, kappa], " FEATURES "}"),
    STEP("classify: {algorithm: hoeffding_tree, label: n > 5, evaluate: [auc], options: "
         "{grace_period: 10}, " FEATURES "}"),
    STEP("classify: {algorithm: adaptive_random_forest, label: c, options: {n_models: 3}, " FEATURES
         "}"),
    STEP("regress: {algorithm: linear_regression, label: n, " FEATURES "}"),
    STEP("regress: {algorithm: random_forest, label: n, learn: {batch: {window: 30, every: 9, "
         "min_rows: 5}}, options: {n_models: 2}, " FEATURES "}"),
    HEAD "      - split: {samples: b < 1, labels: b >= 1}\n"
         "  labels: {from: s.labels}\n"
         "  p:\n    from: s.samples\n    steps:\n"
         "      - classify: {algorithm: gaussian_nb, label: labels.c, " FEATURES ",\n"
         "                   label_from: {stream: labels, on: h, within: 30ms}}\n" TAIL,
    HEAD
    "      - split: {samples: b < 1, labels: b >= 1}\n"
    "  labels: {from: s.labels}\n"
    "  p:\n    from: s.samples\n    steps:\n"
    "      - regress: {algorithm: linear_regression, label: labels.n, features: [a], as: p, per: "
    "partition,\n"
    "                   label_from: {stream: labels, on: h, within: 20ms, else: n + 1}}\n" TAIL,
    STEP("regress: {algorithm: hoeffding_tree, label: n, options: {grace_period: 10}, " FEATURES
         "}"),
    STEP("cluster: {algorithm: kmeans, options: {n_clusters: 2}, " FEATURES "}"),
    STEP("detect: {algorithm: half_space_trees, options: {n_trees: 10}, " FEATURES "}"),
    STEP("detect: {algorithm: zscore, " FEATURES "}"),
    STEP("drift: {algorithm: adwin, of: a, as: d}"),
    STEP("forecast: {algorithm: holt_winters, target: a, horizons: 3, as: f}"),
    STEP("forecast: {algorithm: naive, target: a, horizons: 2, as: f}"),
    STEP("scale: {columns: [a, b], per: key}"),
    STEP("impute: {columns: [a], method: median, per: key}"),
    STEP("one_hot: {columns: c, n: 3, per: key}"),
    STEP("clip: {columns: [a], per: key}"),
    HEAD "      - running: cumsum(n) as s\n      - scale: {columns: [a], per: key}\n"
         "      - classify: {algorithm: logistic_regression, label: n > 5, " FEATURES "}\n" TAIL,
    STEP("dedupe: {by: a, within: 3ms}"),
    STEP("dedupe: {by: b, within: 40ms}"),
    "name: t\ntables:\n  t: {from: {topic: in, value: json, columns: {a: double, n: long}}}\n"
    "streams:\n  one: {from: t, steps: [{filter: n > 3}]}\n"
    "  two: {from: t, steps: [{filter: n < 7}, {select: a}]}\n"
    "  s:\n    from: one\n    steps:\n      - join: {with: two, type: outer}\n" TAIL,
    "name: t\ntables:\n  t: {from: counts}\nstreams:\n  counts:\n"
    "    from: {topic: in, value: json, key: {h: string}, columns: {h: string, n: long}}\n"
    "    steps:\n      - aggregate: count() as n\n"
    "  s:\n    from: {topic: in, value: json, key: {h: string}, columns: {h: string, a: double}}\n"
    "    steps:\n      - lookup: {table: t, on: _key}\n"
    "    to: {topic: out, key: none, value: json}\n",
};
#define TOPOLOGIES (sizeof(topologies) / sizeof(topologies[0]))

static char *rows[ROWS];
static const char *keys[ROWS];
static const char *const names[] = {"a", "bb", "host-with-a-long-name", "d", "e", "f", "g"};

static void make_rows(struct random *random)
{
    static const char *const words[] = {"\"x\"", "\"y\"", "\"a longer word\"", "null"};
    for (int i = 0; i < ROWS; i++) {
        const char *key = names[random_below(random, 7)];
        char a[40] = "null";
        if (random_below(random, 10)) {
            snprintf(a, sizeof(a), "%.17g", random_normal(random) + (double)strlen(key));
        }
        keys[i] = key;
        rows[i] = mem_printf("{\"h\":\"%s\",\"a\":%s,\"b\":%.17g,\"n\":%d,\"c\":%s}", key, a,
                             random_normal(random), (int)random_below(random, 10),
                             words[random_below(random, 4)]);
    }
}

static void free_rows(void)
{
    for (int i = 0; i < ROWS; i++) {
        mem_free(rows[i]);
    }
}

static void run(const struct task_run *how, struct task_result *r)
{
    task_run(how, r);
    if (r->diags.n > 0) {
        fail_msg("%s\n%s", how->topology, task_result_problems(r));
    }
}

static void compare(const struct buffer *a, const struct buffer *b, const char *what,
                    const struct task_run *how, uint64_t seed)
{
    if (a->n != b->n || (a->n > 0 && memcmp(a->data, b->data, a->n) != 0)) {
        fail_msg("seed %" PRIu64 ", share %" PRIu64
                 ", commits every %zu, restarts every %zu: other "
                 "%s, of %zu bytes, not %zu\n%s",
                 seed, how->share, how->commit_every, how->restart_every, what, b->n, a->n,
                 how->topology);
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Lines in order: metrics stand in that in which they were set first. */
static void sort_lines(struct buffer *b)
{
    char *text = mem_strdup(buffer_cstr(b)), *line[100];
    size_t n = 0;
    for (char *at = text, *end; n < 100 && (end = strchr(at, '\n')); at = end + 1) {
        *end = 0;
        line[n++] = at;
    }
    qsort(line, n, sizeof(line[0]), by_text);
    buffer_clear(b);
    for (size_t i = 0; i < n; i++) {
        buffer_printf(b, "%s\n", line[i]);
    }
    mem_free(text);
}

static struct task_run draw(struct random *random, const char *topology)
{
    static const uint64_t shares[] = {0, 2000, 40000, 1 << 20};
    static const uint16_t batches[] = {1, 3, 2048};
    struct task_run how = {
        .topology = topology,
        .topic = "in",
        .value = (const char *const *)rows,
        .key = keys,
        .n = ROWS,
        .batch_rows = batches[random_below(random, 3)],
        .commit_every = 1 + random_below(random, 50),
        .has_disk = true,
        .share = shares[random_below(random, 4)],
    };
    how.restart_every =
        random_below(random, 3) ? how.commit_every * (1 + random_below(random, 5)) : 0;
    return how;
}

static void the_same_as_in_memory(void **state)
{
    (void)state;
    struct seeds seeds = seeds_from_env(4);
    for (uint64_t seed = seeds.first; seed < seeds.end; seed++) {
        struct random random;
        random_seed(&random, seed, 1);
        make_rows(&random);
        for (size_t i = 0; i < TOPOLOGIES; i++) {
            struct task_run how = draw(&random, topologies[i]), plain = how;
            struct task_result a = {0}, b = {0};
            plain.has_disk = false;
            plain.restart_every = 0;
            run(&plain, &a);
            run(&how, &b);
            if (a.status < 0 || b.status < 0) {
                fail_msg("seed %" PRIu64 ": %s%s\n%s", seed, a.err.text, b.err.text, topologies[i]);
            }
            assert_true(a.out.n > 0);
            compare(&a.out, &b.out, "rows", &how, seed);
            if (!strstr(topologies[i], "dedupe")) { /* that forgets by the bucket then: later */
                compare(&a.state, &b.state, "changelogs", &how, seed);
            }
            sort_lines(&a.metrics);
            sort_lines(&b.metrics);
            compare(&a.metrics, &b.metrics, "metrics", &how, seed);
            task_result_done(&a);
            task_result_done(&b);
        }
        free_rows();
    }
}

/* What came out before is the beginning of what would have come out. */
static void an_unreadable_disk_ends_the_task(void **state)
{
    (void)state;
    struct seeds seeds = seeds_from_env(4);
    for (uint64_t seed = seeds.first; seed < seeds.end; seed++) {
        struct random random;
        int failed = 0;
        random_seed(&random, seed, 2);
        make_rows(&random);
        for (size_t i = 0; i < TOPOLOGIES; i++) {
            struct task_run how = draw(&random, topologies[i]), plain = how;
            struct task_result a = {0}, b = {0};
            plain.has_disk = false;
            plain.restart_every = 0;
            how.share = 0;
            how.spoils = 1 + random_below(&random, 200);
            run(&plain, &a);
            run(&how, &b);
            failed += b.status < 0;
            if (b.status < 0 && (b.status != -ERR_ABORT || !strstr(b.err.text, "cannot be read"))) {
                fail_msg("seed %" PRIu64 ", after %zu reads: %s\n%s", seed, how.spoils, b.err.text,
                         topologies[i]);
            }
            assert_true(b.out.n <= a.out.n);
            assert_memory_equal(buffer_cstr(&a.out), buffer_cstr(&b.out), b.out.n);
            task_result_done(&a);
            task_result_done(&b);
        }
        assert_true(failed > 5);
        free_rows();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_as_in_memory),
        cmocka_unit_test(an_unreadable_disk_ends_the_task),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
