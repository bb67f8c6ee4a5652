/* Tables against brute force: random changes, deletions and lookups, in runs of any length, batches
 * of any size, with restarts, of a table by the records' key, a global one by a column, and one
 * with versions. The model is the definition over lists of all that was said.
 *
 * Seeds are printed on failure; KLAMM_SEEDS sets how many are tried, KLAMM_SEED the first.
 */
#include "engine/random.h"
#include "schemas/registry_memory.h"
#include "tests/support/plan_rig.h"
#include "tests/support/seeds.h"
#include "worker/local.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define KEYS  6
#define ROWS  300
#define NONE  (-1)
#define NEVER INT64_MIN

static const char topology[] =
    "name: t\n"
    "tables:\n"
    "  near: {from: {topic: near, value: json, columns: {v: long}}}\n"
    "  wide: {from: {topic: wide, value: json, columns: {c: string, v: long}}, key: c, global: "
    "true}\n"
    "  past: {from: {topic: past, value: json, columns: {v: long}}, history: %dms,\n"
    "         time: {out_of_order: %dms}}\n"
    "streams:\n"
    "  s:\n    from: {topic: s, value: json, columns: {i: long, c: string}}\n    steps:\n"
    "      - lookup: {table: near, take: {n: v}}\n"
    "      - lookup: {table: wide, on: c, take: {w: v}}\n"
    "      - lookup: {table: past, on: _key, take: {p: v}, versioned: true}\n"
    "      - lookup: {table: past, take: {last: v}}\n"
    "      - select: i, n, w, p, last\n"
    "    to: {topic: out, value: csv}\n";

struct version {
    int64_t time, v; /* v NONE: deleted */
};

struct versions {
    int n;
    struct version item[ROWS];
};

struct model {
    int64_t near[KEYS];
    struct {
        int column; /* that this record key said last, NONE: deleted */
        int64_t v;
    } said[KEYS];
    struct {
        int owner; /* record key of the row that is found */
        int64_t v;
    } wide[KEYS];
    struct versions past[KEYS];
    int64_t newest, history, out_of_order;
    struct buffer out;
};

static int64_t horizon(const struct model *m)
{
    return m->newest == NEVER ? NEVER : m->newest - m->out_of_order - m->history;
}

static void prune(struct model *m, struct versions *p)
{
    int64_t end = horizon(m);
    int gone = 0;
    while (gone + 1 < p->n && p->item[gone + 1].time <= end) {
        gone++;
    }
    if (gone + 1 == p->n && p->item[gone].v == NONE && p->item[gone].time <= end) {
        gone++;
    }
    p->n -= gone;
    memmove(p->item, p->item + gone, (size_t)p->n * sizeof *p->item);
}

static void say_past(struct model *m, int key, int64_t time, int64_t v)
{
    m->newest = time > m->newest ? time : m->newest;
    for (int k = 0; k < KEYS; k++) {
        prune(m, &m->past[k]);
    }
    struct versions *p = &m->past[key];
    int at = 0;
    while (at < p->n && p->item[at].time < time) {
        at++;
    }
    if (at == p->n || p->item[at].time != time) {
        memmove(p->item + at + 1, p->item + at, (size_t)(p->n - at) * sizeof *p->item);
        p->n++;
    }
    p->item[at] = (struct version){time, v};
    prune(m, p);
}

static int64_t past_at(const struct model *m, int key, int64_t time)
{
    const struct versions *p = &m->past[key];
    int64_t v = NONE;
    for (int i = 0; i < p->n && p->item[i].time <= time; i++) {
        v = p->item[i].v;
    }
    return time < horizon(m) ? NONE : v;
}

static void say_wide(struct model *m, int key, int column, int64_t v)
{
    int old = m->said[key].column;
    if (old != NONE && old != column && m->wide[old].owner == key) {
        m->wide[old].owner = NONE;
    }
    m->said[key].column = column;
    if (column != NONE) {
        m->wide[column].owner = key;
        m->wide[column].v = v;
    }
}

static void print(struct buffer *b, int64_t v)
{
    if (v != NONE) {
        buffer_printf(b, "%" PRId64, v);
    }
}

static void look(struct model *m, int i, int key, int column, int64_t time)
{
    buffer_printf(&m->out, "%d,", i);
    print(&m->out, m->near[key]);
    buffer_byte(&m->out, ',');
    print(&m->out, column != NONE && m->wide[column].owner != NONE ? m->wide[column].v : NONE);
    buffer_byte(&m->out, ',');
    print(&m->out, past_at(m, key, time));
    buffer_byte(&m->out, ',');
    print(&m->out, past_at(m, key, INT64_MAX));
    buffer_byte(&m->out, '\n');
}

static int keep(void *ctx, const struct record *r, struct err *e)
{
    (void)e;
    buffer_add(ctx, r->value, r->value_n);
    buffer_byte(ctx, '\n');
    return 0;
}

/* One change or row: what it is to the model, and as a record. */
struct said {
    const char *topic;
    char key[8], value[64];
    bool is_null;
    int64_t time;
};

static void say(struct random *rnd, struct model *m, int i, int topic, int64_t now, struct said *s)
{
    static const char *const topics[] = {"near", "wide", "past", "s", "s"};
    int key = (int)random_below(rnd, KEYS);
    int column = random_below(rnd, 8) ? (int)random_below(rnd, KEYS) : NONE;
    s->topic = topics[topic];
    s->time = now - (int64_t)random_below(rnd, 30);
    s->is_null = topic < 3 && random_below(rnd, 4) == 0;
    snprintf(s->key, sizeof s->key, "k%d", key);
    char quoted[16] = "null";
    if (column != NONE) {
        snprintf(quoted, sizeof quoted, "\"c%d\"", column);
    }
    if (topic >= 3) {
        snprintf(s->value, sizeof s->value, "{\"i\":%d,\"c\":%s}", i, quoted);
        look(m, i, key, column, s->time);
    } else if (topic == 1) {
        snprintf(s->value, sizeof s->value, "{\"c\":%s,\"v\":%d}", quoted, i);
        say_wide(m, key, s->is_null ? NONE : column, i);
    } else {
        snprintf(s->value, sizeof s->value, "{\"v\":%d}", i);
        if (topic == 0) {
            m->near[key] = s->is_null ? NONE : i;
        } else {
            say_past(m, key, s->time, s->is_null ? NONE : i);
        }
    }
}

static void model_init(struct model *m, struct random *rnd)
{
    memset(m, 0, sizeof *m);
    for (int k = 0; k < KEYS; k++) {
        m->near[k] = NONE;
        m->said[k].column = m->wide[k].owner = NONE;
    }
    m->newest = NEVER;
    m->history = 1 + (int64_t)random_below(rnd, 60);
    m->out_of_order = (int64_t)random_below(rnd, 20);
    buffer_init(&m->out);
}

static void push(struct local *l, const struct said *s, size_t n)
{
    struct record r[16];
    struct err e = {0};
    for (size_t i = 0; i < n; i++) {
        r[i] = (struct record){.topic = s[i].topic,
                               .timestamp = s[i].time,
                               .key = s[i].key,
                               .key_n = strlen(s[i].key),
                               .value = s[i].is_null ? NULL : s[i].value,
                               .value_n = strlen(s[i].value)};
    }
    if (local_push(l, r, n, &e) < 0) {
        fail_msg("%s", e.text);
    }
}

static bool try_seed(uint64_t seed)
{
    static const uint16_t sizes[] = {1, 3, 2048};
    struct random rnd;
    struct model m;
    struct plan_rig plan;
    struct local *l;
    struct err e = {0};
    struct buffer out;
    struct said s[16];
    char text[2000];
    random_seed(&rnd, seed, 1);
    buffer_init(&out);
    model_init(&m, &rnd);
    snprintf(text, sizeof text, topology, (int)m.history, (int)m.out_of_order);
    assert_int_equal(plan_rig_init(&plan, text), 0);
    struct schema_store *schemas = registry_memory_new();
    struct clock clock = clock_virtual(0);
    struct local_config cfg = {.plan = plan.plan,
                               .clock = &clock,
                               .schemas = schemas,
                               .partitions = 1,
                               .batch_rows = sizes[random_below(&rnd, 3)],
                               .output = keep,
                               .ctx = &out};
    assert_int_equal(local_new(&l, &cfg, &e), 0);
    int64_t now = 1000;
    for (int i = 0; i < ROWS;) {
        size_t n = 1 + random_below(&rnd, 15);
        int topic = (int)random_below(&rnd, 5);
        for (size_t k = 0; k < n; k++, i++) {
            now += random_below(&rnd, 20) == 0 ? random_below(&rnd, 100) : random_below(&rnd, 4);
            say(&rnd, &m, i, topic, now, &s[k]);
        }
        push(l, s, n);
        if (random_below(&rnd, 6) == 0) {
            assert_int_equal(local_restart(l, &e), 0);
        }
    }
    bool is_same = strcmp(buffer_cstr(&out), buffer_cstr(&m.out)) == 0;
    if (!is_same) {
        fprintf(stderr, "seed %" PRIu64 ": batches of %d\nexpected\n%sfound\n%s", seed,
                cfg.batch_rows, buffer_cstr(&m.out), buffer_cstr(&out));
    }
    local_free(l);
    schemas->free(schemas);
    plan_rig_done(&plan);
    buffer_done(&out);
    buffer_done(&m.out);
    return is_same;
}

static void tables(void **state)
{
    (void)state;
    struct seeds s = seeds_from_env(300);
    for (uint64_t seed = s.first; seed < s.end; seed++) {
        assert_true(try_seed(seed));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(tables)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
