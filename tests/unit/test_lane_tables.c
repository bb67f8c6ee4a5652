/* Tables of lanes: read before the streams that look them up, global ones beside, whatever fails.
 */
#include "engine/hash.h"
#include "engine/memory.h"
#include "tests/support/lane_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#define KEYS  40
#define PARTS 3

static const char topology[] =
    "name: t\n"
    "tables:\n"
    "  near: {from: {topic: near, value: json, columns: {v: long}}}\n"
    "  wide: {from: {topic: wide, value: json, columns: {w: long}}, global: true}\n"
    "  last: {from: {topic: near, value: json, columns: {v: long}}, global: true}\n"
    "streams:\n"
    "  s:\n    from: {topic: s, value: json, columns: {i: long, k: string}}\n    steps:\n"
    "      - lookup: {table: near}\n"
    "      - lookup: {table: wide, on: k}\n"
    "      - lookup: {table: last, on: k, take: {l: v}}\n"
    "      - select: i, v, w, l\n"
    "    to: {topic: out, value: csv}\n";

struct world {
    struct lane_rig rig;
    int64_t near[KEYS], wide[KEYS]; /* -1: none */
    struct buffer want[KEYS];       /* what comes out by key */
    int sent;
};

static int32_t part_of(const char *key)
{
    return (int32_t)((hash_murmur2(key, strlen(key)) & 0x7fffffff) % PARTS);
}

static void world_init(struct world *w, uint64_t seed, uint16_t batch_rows)
{
    lane_rig_init(&w->rig, topology, PARTS);
    w->rig.seed = seed;
    w->rig.batch_rows = batch_rows;
    w->sent = 0;
    for (int k = 0; k < KEYS; k++) {
        w->near[k] = w->wide[k] = -1;
        buffer_init(&w->want[k]);
    }
}

static void change(struct world *w, struct random *rnd, const char *topic, int64_t *rows)
{
    char key[20], value[40];
    int k = (int)random_below(rnd, KEYS);
    int64_t v = random_below(rnd, 4) ? (int64_t)random_below(rnd, 1000) : -1;
    rows[k] = v;
    snprintf(key, sizeof key, "k%d", k);
    snprintf(value, sizeof value, "{\"%c\":%lld}", *topic == 'n' ? 'v' : 'w', (long long)v);
    lane_rig_send(&w->rig, topic, part_of(key), key, v < 0 ? NULL : value, 0);
}

static void print(struct buffer *b, int64_t v)
{
    if (v >= 0) {
        buffer_printf(b, "%lld", (long long)v);
    }
}

static void send_row(struct world *w, int k)
{
    char key[20], value[60];
    struct buffer *want = &w->want[k];
    snprintf(key, sizeof key, "k%d", k);
    snprintf(value, sizeof value, "{\"i\":%d,\"k\":\"%s\"}", w->sent, key);
    lane_rig_send(&w->rig, "s", part_of(key), key, value, 0);
    buffer_printf(want, "%d %s %d,", part_of(key), key, w->sent++);
    print(want, w->near[k]);
    buffer_byte(want, ',');
    print(want, w->wide[k]);
    buffer_byte(want, ',');
    print(want, w->near[k]);
    buffer_byte(want, '\n');
}

/* Each key's rows in order; the rig prints keys in another order than numbers have. */
static void assert_output(struct world *w, uint64_t seed)
{
    struct buffer out;
    buffer_init(&out);
    lane_rig_output(&w->rig, "out", &out);
    const char *found = buffer_cstr(&out);
    size_t total = 0;
    for (int k = 0; k < KEYS; k++) {
        const char *want = buffer_cstr(&w->want[k]);
        if (!strstr(found, want)) {
            fail_msg("seed %llu: expected\n%s\nfound\n%s", (unsigned long long)seed, want, found);
        }
        total += w->want[k].n;
    }
    assert_int_equal(out.n, total);
    buffer_done(&out);
}

static void world_done(struct world *w)
{
    for (int k = 0; k < KEYS; k++) {
        buffer_done(&w->want[k]);
    }
    lane_rig_done(&w->rig);
}

/* Rows of tables and stream stand there together each time that the lanes begin: the tables come
 * first, out of changelogs, topics, and through whatever fails. */
static void run(uint64_t seed, uint16_t batch_rows, int lanes, int faults)
{
    struct world w;
    struct random rnd;
    random_seed(&rnd, seed + 1, 5);
    world_init(&w, seed, batch_rows);
    for (int turn = 0; turn < 4; turn++) {
        for (int i = 0; i < 150; i++) {
            change(&w, &rnd, "near", w.near);
            change(&w, &rnd, "wide", w.wide);
        }
        for (int i = 0; i < 80; i++) {
            send_row(&w, (int)random_below(&rnd, KEYS));
        }
        atomic_store(&w.rig.faults, faults);
        assert_int_equal(lane_rig_run(&w.rig, lanes), 0);
    }
    assert_output(&w, seed);
    world_done(&w);
}

static void tables_come_first(void **state)
{
    (void)state;
    run(0, BATCH_ROWS, 1, 0);
    run(0, 1, 1, 0);
    run(0, 3, 2, 0);
}

static void whatever_fails(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        run(seed, seed % 2 ? BATCH_ROWS : 3, 1 + (int)(seed % 2), 15);
    }
}

/* While lanes run, a global table is followed: at some time the change is seen. */
static void a_global_table_is_followed(void **state)
{
    (void)state;
    struct world w;
    struct buffer out;
    buffer_init(&out);
    world_init(&w, 0, BATCH_ROWS);
    lane_rig_start(&w.rig, 0);
    lane_rig_send(&w.rig, "wide", 1, "k0", "{\"w\":7}", 0);
    bool is_seen = false;
    for (int i = 0; i < 100000 && !is_seen; i++) {
        send_row(&w, 0);
        assert_int_equal(lane_rig_settle(&w.rig), 0);
        buffer_clear(&out);
        lane_rig_output(&w.rig, "out", &out);
        is_seen = strstr(buffer_cstr(&out), ",7,") != NULL;
    }
    assert_true(is_seen);
    assert_int_equal(lane_rig_stop(&w.rig, 0), 0);
    buffer_done(&out);
    world_done(&w);
}

static void a_bad_record_of_a_global_table(void **state)
{
    (void)state;
    static const char text[] =
        "name: t\nerrors: {tolerance: %s, dead_letter_topic: dead}\n"
        "tables: {wide: {from: {topic: wide, value: json, columns: {w: long}}, global: true}}\n"
        "streams:\n  s:\n    from: {topic: s, value: json, columns: {i: long}}\n"
        "    steps: [lookup: {table: wide}]\n    to: {topic: out, value: csv}\n";
    static const char *const tolerances[] = {"none", "all"};
    for (int i = 0; i < 2; i++) {
        char topology_text[1000];
        struct lane_rig r;
        struct buffer out;
        buffer_init(&out);
        snprintf(topology_text, sizeof topology_text, text, tolerances[i]);
        lane_rig_init(&r, topology_text, 1);
        lane_rig_send(&r, "wide", 0, "k", "oops", 0);
        lane_rig_send(&r, "wide", 0, "k", "{\"w\":1}", 0);
        lane_rig_send(&r, "s", 0, "k", "{\"i\":1}", 0);
        assert_int_equal(lane_rig_run(&r, 1), i == 0 ? -ERR_DATA : 0);
        lane_rig_output(&r, "out", &out);
        assert_string_equal(buffer_cstr(&out), i == 0 ? "" : "0 k 1,1\n");
        buffer_clear(&out);
        lane_rig_output(&r, "dead", &out); /* every lane of every worker would write it */
        assert_string_equal(buffer_cstr(&out), "");
        buffer_done(&out);
        lane_rig_done(&r);
    }
}

/* A table of a stream goes through a topic that lanes write and read. */
static void a_global_table_of_a_stream(void **state)
{
    (void)state;
    struct lane_rig r;
    struct buffer out;
    buffer_init(&out);
    lane_rig_init(&r,
                  "name: t\ntables: {last: {from: c, key: h, global: true}}\nstreams:\n"
                  "  c: {from: {topic: c, value: json, columns: {h: string, v: long}}}\n"
                  "  s:\n    from: {topic: s, value: json, columns: {h: string, i: long}}\n"
                  "    steps: [lookup: {table: last, on: h, take: v}, select: \"i, v\"]\n"
                  "    to: {topic: out, value: csv}\n",
                  2);
    lane_rig_send(&r, "c", 0, "1", "{\"h\":\"a\",\"v\":1}", 0);
    lane_rig_send(&r, "c", 1, "2", "{\"h\":\"b\",\"v\":2}", 0);
    lane_rig_send(&r, "c", 1, "3", "{\"h\":null,\"v\":3}", 0);
    assert_int_equal(lane_rig_run(&r, 2), 0);
    lane_rig_send(&r, "s", 0, "x", "{\"h\":\"a\",\"i\":1}", 0);
    lane_rig_send(&r, "s", 1, "y", "{\"h\":\"b\",\"i\":2}", 0);
    assert_int_equal(lane_rig_run(&r, 2), 0);
    lane_rig_output(&r, "out", &out);
    assert_string_equal(buffer_cstr(&out), "0 x 1,1\n0 y 2,2\n");
    buffer_done(&out);
    lane_rig_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_come_first),
        cmocka_unit_test(whatever_fails),
        cmocka_unit_test(a_global_table_is_followed),
        cmocka_unit_test(a_bad_record_of_a_global_table),
        cmocka_unit_test(a_global_table_of_a_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
