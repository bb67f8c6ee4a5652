/* The same as test_simulation.c with real threads, for what they have between them: a seed does not
 * decide all, so only few are tried.
 *
 * Each seed makes rows for 2 to 4 partitions and runs them twice: with one lane and no faults; then
 * with one or two lanes that come and go, over a log that at random calls fails for now, aborts,
 * loses the assignment, or dies before or after a commit; and, for one seed in three, over disks
 * that send everything away at each commit or after some, come back as they were, or break; for
 * another, over files that are torn, or damaged. Compared are all output topics, key by key. A
 * failure prints its seed; KLAMM_SEED and KLAMM_SEEDS as in tests/support/seeds.h.
 */
#include "engine/logger.h"
#include "engine/memory.h"
#include "tests/support/lane_rig.h"
#include "tests/support/seeds.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef KLAMM_SMALL
#define SEEDS 40
#else
#define SEEDS 120
#endif

static const char topology[] =
    "name: t\n"
    "errors: {tolerance: all, dead_letter_topic: dead}\n"
    "streams:\n"
    "  a:\n"
    "    from: {topic: x, value: json, key: {h: string}, columns: {h: string, v: long, ts: long}}\n"
    "    time: {field: ts, out_of_order: 6ms, idle: 10000d}\n"
    /* rows that fail, and state per key: duplicates */
    "  plain:\n    from: a\n    steps:\n"
    "      - add: 1000 / (v - 13) as w\n"
    "      - dedupe: {by: [h, v], within: 40ms}\n"
    "    to: {topic: plain, value: csv}\n"
    /* windows of windows */
    "  counts:\n    from: a\n    steps:\n"
    "      - window: {tumbling: 10ms, grace: 3ms, aggregate: \"count() as n, sum(v) as s, max(v) "
    "as "
    "m\"}\n"
    "    to: {topic: counts, value: csv}\n"
    "  sums:\n    from: counts\n    steps:\n"
    "      - window: {tumbling: 50ms, aggregate: \"count() as n, sum(s) as s\"}\n"
    "    to: {topic: sums, value: csv}\n"
    /* through two repartitions */
    "  groups:\n    from: a\n    steps:\n"
    "      - key_by: v % 4 as g\n"
    "      - window: {tumbling: 20ms, aggregate: \"count() as n, sum(v) as s\"}\n"
    "      - key_by: []\n"
    "      - window: {tumbling: 100ms, aggregate: \"count() as groups, sum(n) as n, sum(s) as "
    "s\"}\n"
    "    to: {topic: all, value: csv}\n"
    "  table:\n    from: a\n    steps:\n"
    "      - running: lag(v) as before, count() as nth\n"
    "      - aggregate: count() as n, sum(v) as s, max(before) as m, last(nth) as nth\n"
    "    to: {topic: table, value: csv}\n"
    /* two topics, whose rows are read in any order: none is late, and sums do not show the order */
    "  b:\n"
    "    from: {topic: y, value: json, key: {h: string}, columns: {h: string, v: long, ts: long}}\n"
    "    time: {field: ts, out_of_order: 12ms, idle: 10000d}\n"
    "  c:\n"
    "    from: {topic: z, value: json, key: {h: string}, columns: {h: string, v: long, ts: long}}\n"
    "    time: {field: ts, out_of_order: 12ms, idle: 10000d}\n"
    "  pairs:\n    from: b\n    steps:\n"
    "      - join: {with: c, type: outer, within: {before: 9ms, after: 4ms}, grace: 2ms}\n"
    "      - window: {tumbling: 30ms, aggregate: \"count() as n, count(v) as left, count(c_v) as "
    "right, sum(v * c_v) as s\"}\n"
    "    to: {topic: pairs, value: csv}\n";

static const char *const outputs[] = {"plain", "counts", "sums", "all",
                                      "table", "pairs",  "dead", NULL};

static void send_rows(struct lane_rig *r, struct random *rnd, int32_t partitions, int n, int *time)
{
    for (int i = 0; i < n; i++) {
        char key[20], value[100];
        uint32_t h = random_below(rnd, 9);
        *time += (int)random_below(rnd, 3);
        int ts = *time - (int)random_below(rnd, 12);
        snprintf(key, sizeof key, "host %u", h);
        if (random_below(rnd, 40) == 0) {
            snprintf(value, sizeof value, "{\"h\":%u", h);
        } else {
            snprintf(value, sizeof value, "{\"h\":\"%s\",\"v\":%u,\"ts\":%d}", key,
                     random_below(rnd, 20), ts < 0 ? 0 : ts);
        }
        lane_rig_send(r, "x", (int32_t)(h % (uint32_t)partitions), key, value, *time);
        snprintf(value, sizeof value, "{\"h\":\"%s\",\"v\":%u,\"ts\":%d}", key,
                 random_below(rnd, 20), ts < 0 ? 0 : ts);
        lane_rig_send(r, i % 2 ? "y" : "z", (int32_t)(h % (uint32_t)partitions), key, value, *time);
    }
}

/* Closes every window. */
static void send_end(struct lane_rig *r, int32_t partitions)
{
    for (int round = 1; round <= 2; round++) {
        for (int32_t p = 0; p < partitions; p++) {
            char value[80];
            snprintf(value, sizeof value, "{\"h\":\"end %d\",\"v\":0,\"ts\":%d}", p,
                     round * 1000000);
            lane_rig_send(r, "x", p, "end", value, 0);
            lane_rig_send(r, "y", p, "end", value, 0);
            lane_rig_send(r, "z", p, "end", value, 0);
        }
    }
}

static char *result_of(struct lane_rig *r)
{
    struct buffer b;
    buffer_init(&b);
    for (int i = 0; outputs[i]; i++) {
        buffer_printf(&b, "== %s\n", outputs[i]);
        lane_rig_output(r, outputs[i], &b);
    }
    char *text = mem_strdup(buffer_cstr(&b));
    buffer_done(&b);
    return text;
}

static void disturb(struct lane_rig *r, struct random *rnd)
{
    int lane = (int)random_below(rnd, 2);
    if (r->lane[lane] && random_below(rnd, 2)) {
        lane_rig_stop(r, lane);
    } else if (!r->lane[lane]) {
        lane_rig_start(r, lane);
    }
}

/* Result of one run; the same rows for the same seed, whether disturbed or not. */
static char *run(uint64_t seed, bool is_disturbed, int *status)
{
    struct lane_rig r;
    struct rig_disks disks;
    struct random rows, chaos;
    int time = 0;
    random_seed(&rows, seed, 1);
    random_seed(&chaos, seed, 2);
    int32_t partitions = 2 + (int32_t)random_below(&rows, 3);
    int pieces = 1 + (int)random_below(&rows, 6);
    lane_rig_init(&r, topology, partitions);
    if (is_disturbed) {
        static const uint16_t batch[] = {1, 3, 17, BATCH_ROWS};
        static const uint64_t share[] = {0, 300, 3000, 1 << 20};
        rig_disks_init(&disks, share[random_below(&chaos, 4)], seed);
        if (seed % 3 == 1) {
            rig_disks_use_files(&disks);
        }
        r.disks = seed % 3 ? &disks : NULL;
        r.seed = seed;
        r.batch_rows = batch[random_below(&chaos, 4)];
        r.slice = random_below(&chaos, 6);
        atomic_store(&r.faults, 5 + (int)random_below(&chaos, 40));
        lane_rig_start(&r, 0);
    }
    for (int i = 0; i < pieces; i++) {
        send_rows(&r, &rows, partitions, 20 + (int)random_below(&rows, 80), &time);
        if (is_disturbed) {
            disturb(&r, &chaos);
        }
    }
    send_end(&r, partitions);
    for (int lane = 0; lane < 2; lane++) {
        lane_rig_stop(&r, lane);
    }
    *status = lane_rig_run(&r, is_disturbed ? 1 + (int)random_below(&chaos, 2) : 1);
    if (*status < 0) {
        print_message("seed %llu: %d %s\n", (unsigned long long)seed, *status, r.err[0].text);
    }
    char *result = result_of(&r);
    lane_rig_done(&r);
    if (is_disturbed) {
        assert_true(!r.disks || disks.taken > 0);
        rig_disks_done(&disks);
    }
    return result;
}

static void the_committed_output_is_the_same(void **state)
{
    (void)state;
    struct seeds seeds = seeds_from_env(SEEDS);
    for (uint64_t seed = seeds.first; seed < seeds.end; seed++) {
        int status[2];
        char *want = run(seed, false, &status[0]), *got = run(seed, true, &status[1]);
        bool is_same = status[0] == 0 && status[1] == 0 && strcmp(want, got) == 0;
        if (!is_same) {
            size_t at = 0;
            while (want[at] && want[at] == got[at]) {
                at++;
            }
            at = at > 200 ? at - 200 : 0;
            print_message("seed %llu: expected …%.400s\nfound …%.400s\n", (unsigned long long)seed,
                          want + at, got + at);
        }
        assert_true(strlen(want) > 500);
        assert_true(strncmp(strstr(want, "== pairs\n") + 9, "==", 2) != 0);
        mem_free(want);
        mem_free(got);
        assert_true(is_same);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_committed_output_is_the_same),
    };
    logger_level(getenv("KLAMM_SEED") ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
