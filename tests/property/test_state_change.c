/* Topologies that change over existing state: what `check --against` says beforehand is what
 * happens.
 *
 *   verdicts   every pair of many steps: `keep` and `migrate` go on, `rebuild` is refused as an error
 *              of configuration
 *   results    three lives of random aggregates of random windows. What was there in all of them is as
 *              if there had been one life only; what came with the second or third is as if the rows
 *              before had never been
 *
 * The changelog is compacted now and then, with its layouts at any place. Seeds are printed on
 * failure; KLAMM_SEEDS sets how many are tried, KLAMM_SEED the first.
 */
#include "engine/memory.h"
#include "engine/plan_compare.h"
#include "engine/random.h"
#include "tests/support/seeds.h"
#include "tests/support/task_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define TEXT  3000
#define ROWS  60
#define LIVES 3
#define CALLS 14
#define END   1000000 /* ms: a row that closes what is open */

static void write_topology(char *text, const char *step)
{
    snprintf(
        text, TEXT,
        "name: t\nstreams:\n  a:\n    from: {topic: x, value: json, key: {h: string}, columns: "
        "{h: string, g: string, v: long, d: double, ok: boolean, ts: long}}\n"
        "    time: {field: ts}\n    steps:\n      - %s\n    to: {topic: out, value: json}\n",
        step);
}

/* ---- a changelog ---- */

struct log {
    struct produced *item;
    size_t n;
};

static void log_done(struct log *l)
{
    for (size_t i = 0; i < l->n; i++) {
        mem_free(l->item[i].topic);
        mem_free(l->item[i].key);
        mem_free(l->item[i].value);
        mem_free(l->item[i].headers);
    }
    mem_free(l->item);
}

static bool is_changelog(const struct produced *p)
{
    size_t n = strlen(p->topic);
    return n > 10 && strcmp(p->topic + n - 10, "-changelog") == 0;
}

static void move(struct log *to, struct task_rig *r)
{
    for (size_t i = 0; i < r->n; i++) {
        if (is_changelog(&r->item[i])) {
            to->item = mem_resize(to->item, to->n + 1, sizeof *to->item);
            to->item[to->n++] = r->item[i];
            r->item[i] = (struct produced){.topic = mem_strdup(""), .headers = mem_strdup("")};
        }
    }
    task_rig_clear(r);
}

static bool has_later(const struct log *l, size_t i)
{
    for (size_t k = i + 1; k < l->n; k++) {
        if (l->item[k].key_n == l->item[i].key_n &&
            memcmp(l->item[k].key, l->item[i].key, l->item[i].key_n) == 0) {
            return true;
        }
    }
    return false;
}

/* Keeps the last of each key, in any order: what stands where does not matter then. */
static void compact(struct log *l, struct random *random)
{
    struct log kept = {mem_array(l->n + 1, sizeof *l->item), 0};
    struct log gone = {mem_array(l->n + 1, sizeof *l->item), 0};
    for (size_t i = 0; i < l->n; i++) {
        struct log *to = has_later(l, i) ? &gone : &kept;
        to->item[to->n++] = l->item[i];
    }
    for (size_t i = kept.n; i > 1; i--) {
        size_t k = random_below(random, (uint32_t)i);
        struct produced x = kept.item[i - 1];
        kept.item[i - 1] = kept.item[k];
        kept.item[k] = x;
    }
    log_done(&gone);
    mem_free(l->item);
    *l = kept;
}

/* ---- verdicts ---- */

static const char *const steps[] = {
    "window: {tumbling: 60s, aggregate: count() as n}",
    "window: {tumbling: 60s, aggregate: \"count() as m, sum(v) as s\", grace: 5s}",
    "window: {tumbling: 60s, aggregate: \"max(g) as g, count() * 2 as n\", having: count() > 0}",
    "window: {tumbling: 60s, aggregate: \"sum(v) as s, collect(g) as c\"}",
    "window: {tumbling: 60s, aggregate: max(g) as g}",
    "window: {tumbling: 61s, aggregate: count() as n}",
    "window: {tumbling: 60s, aggregate: count() as n, emit: updates}",
    "window: {tumbling: 60s, aggregate: \"count() as n, sum(d) as d\", emit: updates}",
    "window: {tumbling: 60s, aggregate: count() as n, fill: zero}",
    "window: {hopping: {size: 60s, every: 30s}, aggregate: count() as n}",
    "window: {hopping: {size: 60s, every: 30s}, aggregate: \"sum(v) as s, count() as n\"}",
    "window: {sliding: 60s, aggregate: count() as n}",
    "window: {session: 60s, aggregate: \"count() as n, last(g) as g\"}",
    "window: {session: 60s, aggregate: last(g) as g}",
    "window: {count: 3, aggregate: \"sum(v) as s, count() as n\"}",
    "window: {count: 3, aggregate: \"count() as n, sum(v) as s\"}",
    "window: {count: 4, aggregate: \"sum(v) as s, count() as n\"}",
    "aggregate: \"count() as n, sum(v) as s\"",
    "aggregate: sum(v) as s",
    "aggregate: sum(v + 1) as s",
    "aggregate: \"top_k(g, 3) as t, sum(v) as s\"",
    "running: lag(g) as a",
    "running: lag(g, 2) as a",
    "running: lag(g) as a, cumsum(v) as c",
    "running: cumsum(v) as c, count() as n",
    "running: avg(v, 5) as m",
    "dedupe: {by: v, within: 60s}",
    "dedupe: {by: v, within: 61s}",
    "dedupe: {by: g, within: 60s}",
    "dedupe: {by: [v, g], within: 60s}",
#define CLASSIFY "classify: {algorithm: logistic_regression, per: key, "
    CLASSIFY "features: \"v, d\", label: ok, as: p}",
    CLASSIFY "features: \"v, d\", label: ok, as: q, learn: never, options: {lr: 0.5}}",
    CLASSIFY "features: v, label: ok, as: p}",
    CLASSIFY "features: v, label: ok, as: p, scale: standard}",
    "classify: {algorithm: gaussian_nb, per: key, features: v, label: ok, as: p}",
    "scale: {columns: [v, d], per: key}",
    "scale: {columns: [v, d], per: key, with_std: false, as: '*_s', learn: never}",
    "scale: {columns: [d, v], per: key}",
    "scale: {columns: [v, d], per: key, method: min_max}",
    "scale: {columns: d, per: key, method: robust}",
    "scale: {columns: d, per: key, method: robust, q_inf: 0.1}",
    "impute: {columns: d, per: key}",
    "impute: {columns: g, per: key, method: most_frequent}",
    "impute: {columns: g, per: key, method: last}",
    "clip: {columns: d, per: key, lower: 0.1}",
    "clip: {columns: d, per: key, lower: 0.1, warm_up: 9}",
    "clip: {columns: d, per: key, lower: 0.2}",
    "one_hot: {columns: g, per: key, n: 3}",
    "one_hot: {columns: g, per: key, n: 4}",
    "bin: {columns: d, per: key}",
    "bin: {columns: d, per: key, n_bins: 3}",
    "pca: {columns: [v, d], per: key, as: p, n_components: 1}",
    "pca: {columns: [v, d], per: key, as: p, n_components: 1, refresh: 7, whiten: true}",
    "pca: {columns: [v, d], per: key, as: p}",
    "select_features: {columns: [v, d], per: key}",
    "select_features: {columns: [v, d], per: key, label: ok, method: correlation}",
    "select_features: {columns: [v, d], per: key, label: g, method: mutual_information}",
    "absent: {after: 60s}",
    "absent: {after: 61s}",
};
#define STEPS (sizeof steps / sizeof *steps)

static void save(struct log *log, const char *step)
{
    char text[TEXT];
    struct task_rig r;
    write_topology(text, step);
    task_rig_init(&r, text, 0);
    task_rig_start(&r, 0);
    static const char *const keys[] = {"k", "l", "k"};
    static const char *const values[] = {
        "{\"h\":\"k\",\"g\":\"a text of some length\",\"v\":1,\"d\":1.5,\"ok\":true,\"ts\":5}",
        "{\"h\":\"l\",\"g\":\"b\",\"v\":2,\"d\":2.5,\"ok\":false,\"ts\":6}",
        "{\"h\":\"k\",\"g\":\"c\",\"v\":3,\"d\":3.5,\"ok\":true,\"ts\":7}"};
    assert_int_equal(task_rig_push(&r, "x", 0, keys, values, 3), 0);
    assert_int_equal(task_flush(r.task, &r.err), 0);
    move(log, &r);
    task_rig_done(&r);
}

/* The verdict on the store that there is, or FATE_GONE when it is another one's. */
static struct plan_change verdict(const struct plan *before, const struct plan *after,
                                  struct arena *a)
{
    struct plan_comparison c;
    struct plan_change found = {.fate = FATE_GONE};
    plan_compare(&c, before, after, a);
    bool wants_remedy = false;
    for (int i = 0; i < c.n; i++) {
        wants_remedy |= c.item[i].remedy != NULL;
        assert_true(c.item[i].fate != FATE_DRAIN);
        if (c.item[i].fate != FATE_GONE && c.item[i].fate != FATE_NEW) {
            found = c.item[i];
        }
    }
    assert_int_equal(c.wants_remedy, wants_remedy);
    return found;
}

static void check_pair(const struct log *log, const char *from, const char *to)
{
    char text[TEXT];
    struct task_rig before, after;
    struct arena a;
    arena_init(&a);
    write_topology(text, from);
    task_rig_init(&before, text, 0);
    write_topology(text, to);
    task_rig_init(&after, text, 0);
    struct plan_change v = verdict(before.plan.plan, after.plan.plan, &a);
    task_rig_new(&after, 0);
    int status = task_rig_restore(&after, 0, log->item, log->n);
    bool is_refused = v.fate == FATE_REBUILD;
    if (status != (is_refused ? -ERR_CONFIG : 0) || (is_refused != (v.remedy != NULL))) {
        fail_msg("%s\n-> %s\nsaid %s, was %d %s", from, to, plan_fate_name(v.fate), status,
                 after.err.text);
    }
    if (is_refused) { /* in the same words, but for the place of before */
        const char *end = strstr(v.why, " (before: ");
        assert_non_null(end);
        char words[1000];
        snprintf(words, sizeof words, "%.*s", (int)(end - v.why), v.why);
        if (!strstr(after.err.text, words)) {
            fail_msg("%s\n-> %s\nsaid %s\nwas %s", from, to, words, after.err.text);
        }
    } else {
        assert_int_equal(task_rig_open(&after), 0);
        assert_int_equal(task_rig_push_one(&after, "x", 9, "k", "{\"h\":\"k\",\"v\":1,\"ts\":9}"),
                         0);
    }
    task_rig_done(&before);
    task_rig_done(&after);
    arena_done(&a);
}

static void a_verdict_is_what_happens(void **state)
{
    (void)state;
    for (size_t i = 0; i < STEPS; i++) {
        struct log log = {0};
        save(&log, steps[i]);
        for (size_t k = 0; k < STEPS && log.n > 0; k++) { /* who never learns has no state */
            check_pair(&log, steps[i], steps[k]);
        }
        log_done(&log);
    }
}

/* ---- results ---- */

static const char *const calls[CALLS] = {
    "count()",     "sum(v)",           "sum(v + 1)",        "avg(d)",       "max(g)",
    "min(v)",      "last(g)",          "count_distinct(v)", "stddev(d)",    "collect(v)",
    "top_k(g, 2)", "quantile(d, 0.5)", "first(d)",          "arg_max(g, v)"};
static const char *const running[CALLS] = {
    "count()", "cumsum(v)", "lag(g)", "lag(g, 3)", "lag(v)",       "diff(d)", "ewma(d, 0.5)",
    "avg(v)",  "avg(v, 3)", "max(d)", "min(v, 4)", "stddev(d, 3)", "rate(v)", "lag(h, 2)"};

enum kind { TUMBLING, HOPPING, SLIDING, SESSION, COUNT, UPDATES, AGGREGATE, RUNNING, KINDS };
static const char *const kinds[KINDS] = {
    [TUMBLING] = "window: {tumbling: 50ms, ",
    [HOPPING] = "window: {hopping: {size: 60ms, every: 20ms}, ",
    [SLIDING] = "window: {sliding: 30ms, ",
    [SESSION] = "window: {session: 15ms, ",
    [COUNT] = "window: {count: 4, ",
    [UPDATES] = "window: {tumbling: 50ms, emit: updates, ",
};

struct trial {
    enum kind kind;
    int order[LIVES][CALLS], n[LIVES]; /* calls of each life */
    int begin[LIVES + 1];              /* rows of each */
    char row[ROWS + 1][120], key[ROWS + 1][2];
    uint64_t seed;
};

static bool has_call(const struct trial *t, int life, int call)
{
    for (int i = 0; i < t->n[life]; i++) {
        if (t->order[life][i] == call) {
            return true;
        }
    }
    return false;
}

/* At least one call stays from life to life. */
static void choose_calls(struct trial *t, int life, struct random *random)
{
    int pool[CALLS];
    for (int i = 0; i < CALLS; i++) {
        pool[i] = i;
    }
    for (int i = CALLS; i > 1; i--) {
        int k = (int)random_below(random, (uint32_t)i), x = pool[k];
        pool[k] = pool[i - 1];
        pool[i - 1] = x;
    }
    t->n[life] = 0;
    int most = 1 + (int)random_below(random, 6);
    int kept = life ? t->order[life - 1][random_below(random, (uint32_t)t->n[life - 1])] : -1;
    for (int i = 0; i < CALLS && t->n[life] < most; i++) {
        if (pool[i] != kept) {
            t->order[life][t->n[life]++] = pool[i];
        }
    }
    if (kept >= 0) {
        t->order[life][random_below(random, (uint32_t)t->n[life])] = kept;
    }
}

static void make_trial(struct trial *t, enum kind kind, uint64_t seed)
{
    struct random random;
    random_seed(&random, seed, 77);
    *t = (struct trial){.kind = kind, .seed = seed};
    for (int i = 0; i < LIVES; i++) {
        choose_calls(t, i, &random);
    }
    t->begin[1] = 5 + (int)random_below(&random, ROWS / 2);
    t->begin[2] = t->begin[1] + (int)random_below(&random, 25);
    t->begin[3] = ROWS + 1;
    int64_t time = 100;
    for (int i = 0; i <= ROWS; i++) {
        time = i == ROWS ? END : time + (int64_t)random_below(&random, 12);
        int h = i == ROWS ? 25 : (int)random_below(&random, 3);
        snprintf(t->key[i], sizeof t->key[i], "%c", 'a' + h);
        snprintf(t->row[i], sizeof t->row[i],
                 "{\"h\":\"%c\",\"g\":\"a text of length %d\",\"v\":%d,\"d\":%d.25,\"ts\":%lld}",
                 'a' + h, (int)random_below(&random, 20), (int)random_below(&random, 9),
                 (int)random_below(&random, 9), (long long)time);
    }
}

static void write_life(const struct trial *t, int life, char *text)
{
    char list[1000] = "", step[1500];
    for (int i = 0; i < t->n[life]; i++) {
        int call = t->order[life][i];
        size_t n = strlen(list);
        snprintf(list + n, sizeof list - n, "%s%s as c%d", i ? ", " : "",
                 t->kind == RUNNING ? running[call] : calls[call], call);
    }
    const char *name = t->kind == RUNNING ? "running" : "aggregate";
    snprintf(step, sizeof step, "%s: \"%s\"", name, list);
    if (t->kind < AGGREGATE) {
        snprintf(step, sizeof step, "%saggregate: \"%s\"}", kinds[t->kind], list);
    }
    write_topology(text, step);
}

/* Rows [from, to) under the aggregates of a life, from a changelog into it. The results. */
static json_t *run(const struct trial *t, int life, int from, int to, struct log *log,
                   char *metadata, size_t size)
{
    char text[TEXT];
    struct task_rig r;
    write_life(t, life, text);
    task_rig_init(&r, text, 0);
    task_rig_new(&r, 0);
    if (task_rig_restore(&r, 0, log->item, log->n) < 0) {
        fail_msg("seed %llu: %s", (unsigned long long)t->seed, r.err.text);
    }
    task_input_restore(r.task, 0, from, metadata[0] ? metadata : NULL);
    assert_int_equal(task_rig_open(&r), 0);
    for (int i = from; i < to; i++) {
        assert_int_equal(task_rig_push_one(&r, "x", i, t->key[i], t->row[i]), 0);
    }
    assert_int_equal(task_flush(r.task, &r.err), 0);
    (void)task_position(r.task, 0, metadata, size);
    json_t *out = json_array();
    for (size_t i = 0; i < r.n; i++) {
        if (strcmp(r.item[i].topic, "out") == 0 && r.item[i].value) {
            json_t *row = json_loadb(r.item[i].value, r.item[i].value_n, 0, NULL);
            assert_non_null(row);
            json_array_append_new(out, row);
        }
    }
    move(log, &r);
    task_rig_done(&r);
    return out;
}

/* Rows [from, to) in one life. */
static json_t *run_alone(const struct trial *t, int life, int from, int to)
{
    struct log log = {0};
    char metadata[4096] = "";
    json_t *out = run(t, life, from, to, &log, metadata, sizeof metadata);
    log_done(&log);
    return out;
}

static bool same_window(const json_t *a, const json_t *b)
{
    static const char *const names[] = {"h", "window_start", "window_end"};
    bool is_same = true;
    for (size_t i = 0; i < 3; i++) {
        const json_t *x = json_object_get(a, names[i]), *y = json_object_get(b, names[i]);
        is_same &= (!x && !y) || (x && y && json_equal(x, y));
    }
    return is_same;
}

/* The i-th of n results among those of a run that had other rows before: the n last are the same;
 * of windows, the one of the same bounds, or NULL. */
static const json_t *counterpart(const struct trial *t, const json_t *row, size_t i, size_t n,
                                 const json_t *rows, bool is_whole)
{
    size_t all = json_array_size(rows);
    if (is_whole || t->kind >= UPDATES) {
        assert_true(all >= n);
        return json_array_get(rows, all - n + i);
    }
    for (size_t k = 0; k < all; k++) {
        if (same_window(row, json_array_get(rows, k))) {
            return json_array_get(rows, k);
        }
    }
    return NULL;
}

static void expect_same(const struct trial *t, int call, const json_t *row, const json_t *want)
{
    char name[10];
    snprintf(name, sizeof name, "c%d", call);
    if (!json_equal(json_object_get(row, name), json_object_get(want, name))) {
        char *a = json_dumps(row, 0), *b = json_dumps(want, 0);
        fail_msg("seed %llu, kind %d, %s\n%s\n%s", (unsigned long long)t->seed, t->kind, name, a,
                 b);
    }
}

/* What came with a life, as if the rows before had never been; only where windows do not depend on
 * them. */
static void check_added(const struct trial *t, int since, const json_t *got)
{
    json_t *fresh = run_alone(t, 2, t->begin[since], ROWS + 1);
    for (size_t i = 0; i < json_array_size(got); i++) {
        const json_t *row = json_array_get(got, i);
        const json_t *want = counterpart(t, row, i, json_array_size(got), fresh, false);
        for (int c = 0; c < CALLS && want; c++) {
            bool is_since = has_call(t, 2, c) && has_call(t, 1, c) == (since == 1) &&
                            (since == 2 || !has_call(t, 0, c));
            if (is_since && !(since == 2 && has_call(t, 0, c))) {
                expect_same(t, c, row, want);
            }
        }
    }
    json_decref(fresh);
}

static void check_trial(const struct trial *t)
{
    struct log log = {0};
    struct random random;
    char metadata[4096] = "";
    json_t *got = NULL;
    random_seed(&random, t->seed, 78);
    for (int i = 0; i < LIVES; i++) {
        json_decref(got);
        got = run(t, i, t->begin[i], t->begin[i + 1], &log, metadata, sizeof metadata);
        if (random_below(&random, 2)) {
            compact(&log, &random);
        }
    }
    json_t *whole = run_alone(t, 2, 0, ROWS + 1);
    size_t n = json_array_size(got);
    for (size_t i = 0; i < n; i++) {
        const json_t *row = json_array_get(got, i);
        const json_t *want = counterpart(t, row, i, n, whole, true);
        assert_true(same_window(row, want));
        for (int c = 0; c < CALLS; c++) {
            if (has_call(t, 0, c) && has_call(t, 1, c) && has_call(t, 2, c)) {
                expect_same(t, c, row, want);
            }
        }
    }
    if (t->kind != SESSION && t->kind != SLIDING && t->kind != COUNT) {
        check_added(t, 1, got);
        check_added(t, 2, got);
    }
    json_decref(got);
    json_decref(whole);
    log_done(&log);
}

static void results_go_on(void **state)
{
    (void)state;
    struct seeds seeds = seeds_from_env(60);
    for (uint64_t seed = seeds.first; seed < seeds.end; seed++) {
        for (int kind = 0; kind < KINDS; kind++) {
            struct trial t;
            make_trial(&t, (enum kind)kind, seed);
            check_trial(&t);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_verdict_is_what_happens),
        cmocka_unit_test(results_go_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
