/* What makes their output the same in any order of things: rows of one partition come in their
 * order, whoever reads them; behind a repartition, and where two topics meet, only sums and counts
 * of windows in which no row is late; tables are complete before the first row that looks them up.
 */
#include "tests/support/sim_topologies.h"

#include <stdio.h>

#define ROWS_MOST 160

#define ROWS                                                                                       \
    "name: t\n"                                                                                    \
    "errors: {tolerance: all, dead_letter_topic: dead}\n"                                          \
    "streams:\n"                                                                                   \
    "  a:\n"                                                                                       \
    "    from: {topic: x, value: json, key: {h: string}, columns: {h: string, v: long, ts: "       \
    "long}}\n"                                                                                     \
    "    time: {field: ts, out_of_order: 6ms, idle: 10000d}\n"

static const char rich[] = ROWS
    /* rows that fail, and state per key: duplicates */
    "  plain:\n    from: a\n    steps:\n"
    "      - add: 1000 / (v - 13) as w\n"
    "      - dedupe: {by: [h, v], within: 40ms}\n"
    "    to: {topic: plain, value: csv}\n"
    /* windows of windows */
    "  counts:\n    from: a\n    steps:\n"
    "      - window: {tumbling: 10ms, grace: 3ms, aggregate: \"count() as n, sum(v) as s, max(v) "
    "as m\"}\n"
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
    "    to: {topic: table, value: csv}\n";

static const char pairs[] =
    "name: t\n"
    "streams:\n"
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

/* Models and windows that remember much of a key. */
static const char learning[] =
    ROWS "  sessions:\n    from: a\n    steps:\n"
         "      - window: {session: 7ms, grace: 3ms, aggregate: \"count() as n, sum(v) as s, "
         "first(v) as "
         "f\"}\n"
         "    to: {topic: sessions, value: csv}\n"
         "  updates:\n    from: a\n    steps:\n"
         "      - window: {session: 5ms, emit: updates, aggregate: count() as n}\n"
         "    to: {topic: updates, value: csv}\n"
         "  fives:\n    from: a\n    steps:\n"
         "      - window: {count: 5, aggregate: \"count() as n, sum(v) as s\"}\n"
         "    to: {topic: fives, value: csv}\n"
         "  sliding:\n    from: a\n    steps:\n"
         "      - window: {hopping: {size: 20ms, every: 5ms}, aggregate: \"count() as n, sum(v) as "
         "s\"}\n"
         "    to: {topic: hops, value: csv}\n"
         "  guessed:\n    from: a\n    steps:\n"
         "      - running: avg(v, 3) as near\n"
         "      - classify: {algorithm: gaussian_nb, features: {near: near, v: v % 7}, label: v % "
         "3, as: "
         "guess, per: partition}\n"
         "      - select: h, v, guess\n"
         "    to: {topic: guessed, value: csv}\n"
         "  each:\n    from: a\n    steps:\n"
         "      - classify: {algorithm: logistic_regression, features: {v: v, w: v % 7}, label: v "
         "% 2 = 0, "
         "as: guess, per: key}\n"
         "      - select: h, v, guess\n"
         "    to: {topic: each, value: csv}\n";

static const char tables[] =
    "name: t\n"
    "tables:\n"
    "  hosts: {from: {topic: t, value: json, key: {h: string}, columns: {rack: string}}}\n"
    "  racks: {from: {topic: g, value: json, key: {r: string}, columns: {city: string}}, global: "
    "true}\n"
    "streams:\n"
    "  a:\n"
    "    from: {topic: x, value: json, key: {h: string}, columns: {h: string, v: long, ts: long}}\n"
    "    time: {field: ts, out_of_order: 6ms, idle: 10000d}\n"
    "  placed:\n    from: a\n    steps:\n"
    "      - lookup: {table: hosts}\n"
    "      - lookup: {table: racks, on: rack}\n"
    "    to: {topic: placed, value: csv}\n"
    "  left:\n    from: a\n    steps:\n      - aggregate: \"count() as n, sum(v) as s\"\n"
    "  right:\n    from: a\n    steps:\n      - filter: v % 3 = 0\n"
    "      - aggregate: \"max(v) as most, last(v) as latest\"\n"
    "  both:\n    from: left\n    steps:\n      - join: {with: right, type: outer}\n"
    "    to: {topic: both, value: csv}\n";

/* A watermark that closes much at once. */
static const char bursts[] = ROWS
    "  a1:\n    from: a\n    steps:\n"
    "      - window: {hopping: {size: 20ms, every: 10ms}, grace: 1s, aggregate: count() as n}\n"
    "      - window: {tumbling: 20ms, aggregate: \"count() as n, sum(n) as s\"}\n"
    "    to: {topic: out, value: csv}\n"
    "  a2:\n    from: a1\n    steps:\n"
    "      - key_by: s\n"
    "      - window: {tumbling: 100ms, aggregate: count() as keys}\n"
    "    to: {topic: sizes, value: csv}\n"
    "  a3:\n    from: a1\n    steps:\n"
    "      - key_by: n\n"
    "      - top: {n: 3, by: s}\n"
    "    to: {topic: best, value: csv}\n"
    "  a4:\n    from: a1\n    steps:\n"
    "      - key_by: h\n"
    "      - top: {n: 3, by: s}\n"
    "    to: {topic: ranks, value: csv}\n";

static const char plain[] = ROWS "  odd:\n    from: a\n    steps:\n      - filter: v % 2 = 1\n"
                                 "    to: {topic: odd, value: csv}\n"
                                 "  by:\n    from: a\n    steps:\n      - key_by: v % 4 as g\n"
                                 "      - add: g * 2 as d\n"
                                 "    to: {topic: by, value: csv}\n";

#define PAST "value: json, key: {h: string}, columns: {h: string, v: long, ts: long}"

/* Models that begin with what was there before: small ones, one large enough for parts and logs,
 * and of batches; read by every task, or by the one that has the keys. */
static const char history[] = ROWS
    "  then:\n    from: {topic: p, " PAST "}\n    steps:\n      - filter: v <> 11\n"
    "  then_groups:\n    from: then\n    steps:\n      - key_by: v % 4 as g\n"
    "  each:\n    from: a\n    steps:\n"
    "      - classify: {algorithm: logistic_regression, features: {v: v, w: v % 7}, label: v "
    "% 2 = 0, as: guess, per: key, train_from: {stream: then}}\n"
    "      - select: h, v, guess\n"
    "    to: {topic: each, value: csv}\n"
    "  large:\n    from: a\n    steps:\n"
    "      - regress: {algorithm: mlp, options: {hidden_layer_sizes: [48, 48], optimizer: "
    "adam}, features: {v: v / 20.0, w: v % 7}, label: v * 2, as: p, per: partition, "
    "train_from: {topic: p, " PAST "}}\n"
    "      - select: h, v, p\n"
    "    to: {topic: large, value: csv}\n"
    "  forests:\n    from: a\n    steps:\n"
    "      - regress: {algorithm: random_forest, options: {n_models: 2}, features: [v], label: "
    "v * 2, as: p, per: key, learn: {batch: {window: 20, every: 5, min_rows: 5}}, "
    "train_from: {stream: then}}\n"
    "      - select: h, v, p, p_model_version\n"
    "    to: {topic: forests, value: csv}\n"
    "  groups:\n    from: a\n    steps:\n"
    "      - key_by: v % 4 as g\n"
    "      - regress: {algorithm: linear_regression, features: {v: v / 20.0}, label: v * 2, "
    "as: p, per: key, learn: never, train_from: {stream: then_groups}}\n"
    "      - window: {tumbling: 20ms, aggregate: \"count() as n, count(p) as known, sum(cast(p "
    "* 1000 as long)) as s\"}\n"
    "    to: {topic: groups, value: csv}\n";

const struct sim_topology sim_topologies[] = {
    {.name = "rich",
     .text = rich,
     .keys = 9,
     .output = {"plain", "counts", "sums", "all", "table", "dead"}},
    {.name = "learning",
     .text = learning,
     .keys = 9,
     .output = {"sessions", "updates", "fives", "hops", "guessed", "each", "dead"}},
    {.name = "pairs", .text = pairs, .keys = 9, .output = {"pairs"}, .has_pairs = true},
    {.name = "tables", .text = tables, .keys = 9, .output = {"placed", "both"}, .has_tables = true},
    {.name = "bursts", .text = bursts, .keys = 70, .output = {"out", "sizes", "best", "ranks"}},
    {.name = "plain", .text = plain, .keys = 9, .output = {"odd", "by"}, .at_least_once = true},
    {.name = "history",
     .text = history,
     .keys = 9,
     .output = {"each", "large", "forests", "groups"},
     .has_past = true},
};
const int sim_ntopologies = sizeof sim_topologies / sizeof *sim_topologies;

static void send_tables(struct sim_rows *r)
{
    char key[20], value[60];
    for (int h = 0; h < 9; h += 2) {
        snprintf(key, sizeof key, "host %d", h);
        for (int round = 0; round < 2; round++) {
            snprintf(value, sizeof value, "{\"rack\":\"%d\"}", (h + round) % 3);
            sim_send(r->sim, "t", h % r->partitions, key, value, 0);
        }
    }
    for (int rack = 0; rack < 2; rack++) {
        snprintf(key, sizeof key, "%d", rack);
        snprintf(value, sizeof value, "{\"city\":\"city %d\"}", rack);
        sim_send(r->sim, "g", rack % r->partitions, key, value, 0);
    }
}

static void send_past(struct sim_rows *r)
{
    int rows = 20 + (int)random_below(&r->random, ROWS_MOST);
    for (int i = 0; i < rows; i++) {
        char key[20], value[100];
        uint32_t h = random_below(&r->random, r->topology->keys);
        snprintf(key, sizeof key, "host %u", h);
        snprintf(value, sizeof value, "{\"h\":\"%s\",\"v\":%u,\"ts\":%d}", key,
                 random_below(&r->random, 20), i);
        sim_send(r->sim, "p", (int32_t)(h % (uint32_t)r->partitions), key, value, i);
    }
}

void sim_rows_init(struct sim_rows *r, const struct sim_topology *t, struct sim *s, uint64_t seed)
{
    *r = (struct sim_rows){.topology = t, .sim = s, .partitions = s->o.partitions};
    random_seed(&r->random, seed, 1);
    r->left = 10 + (int)random_below(&r->random, ROWS_MOST);
    s->feed = sim_rows_feed;
    s->ctx = r;
    if (t->has_tables) {
        send_tables(r);
    }
    if (t->has_past) {
        send_past(r);
    }
}

static void send_row(struct sim_rows *r)
{
    char key[20], value[100];
    uint32_t h = random_below(&r->random, r->topology->keys);
    int32_t partition = (int32_t)(h % (uint32_t)r->partitions);
    r->time += (int)random_below(&r->random, 3);
    int ts = r->time - (int)random_below(&r->random, 12);
    bool is_bad =
        random_below(&r->random, 40) == 0 && !r->topology->has_pairs && !r->topology->has_tables;
    snprintf(key, sizeof key, "host %u", h);
    snprintf(value, sizeof value, "{\"h\":\"%s\",\"v\":%u,\"ts\":%d%s", key,
             random_below(&r->random, 20), ts < 0 ? 0 : ts, is_bad ? "" : "}");
    if (r->topology->has_pairs) {
        sim_send(r->sim, r->left % 2 ? "y" : "z", partition, key, value, r->time);
    } else {
        sim_send(r->sim, "x", partition, key, value, r->time);
    }
}

static void send_end(struct sim_rows *r)
{
    for (int round = 1; round <= 2; round++) {
        for (int32_t p = 0; p < r->partitions; p++) {
            char value[80];
            snprintf(value, sizeof value, "{\"h\":\"end %d\",\"v\":0,\"ts\":%d}", p,
                     round * 1000000);
            if (r->topology->has_pairs) {
                sim_send(r->sim, "y", p, "end", value, 0);
                sim_send(r->sim, "z", p, "end", value, 0);
            } else {
                sim_send(r->sim, "x", p, "end", value, 0);
            }
        }
    }
}

bool sim_rows_feed(void *rows)
{
    struct sim_rows *r = rows;
    int n = 1 + (int)random_below(&r->random, 12);
    for (; n > 0 && r->left > 0; n--, r->left--) {
        send_row(r);
    }
    if (r->left == 0) {
        send_end(r);
    }
    return r->left > 0;
}
