/* Changelogs and metadata that somebody has damaged: a task that restores them refuses them, or
 * goes on with what they say; under the sanitizers neither reads nor writes where it must not.
 */
#include "tests/support/task_rig.h"

#include "engine/memory.h"
#include "engine/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#define ROUNDS 600
#define ROWS   24

#define SOURCE(name, topic)                                                                        \
    "  " name ": {from: {topic: " topic ", value: json, key: {h: string}, columns: {h: string, "   \
    "v: long, s: string, ts: long}}, time: {field: ts, out_of_order: 5ms}}\n"
#define STREAM(name, steps)                                                                        \
    "  " name ":\n    from: a\n    steps:\n" steps "    to: {topic: out-" name ", value: json}\n"
#define STEP(text) "      - " text "\n"
#define AGGREGATES                                                                                 \
    "aggregate: \"count() as n, sum(v) as v, collect(s) as c, last(s) as s, top_k(s, 1) as t, "    \
    "median(v) as m, count_distinct(s) as d, histogram(v, 3) as g, ewma(v, 0.5) as e, rate(v) as " \
    "r, arg_max(s, v) as a, arg_min(v, s) as i, max(s) as x, first(s) as f\""

static const char *const topology[] = {
    "name: t\nstreams:\n" SOURCE("a", "x")
        STREAM("w1", STEP("window: {tumbling: 10ms, fill: previous, " AGGREGATES "}")
                         STEP("top: {n: 2, by: n}"))
            STREAM("w2",
                   STEP("window: {hopping: {size: 10ms, every: 3ms}, fill: zero, " AGGREGATES "}"))
                STREAM("w3", STEP("window: {sliding: 10ms, emit: updates, " AGGREGATES "}"))
                    STREAM("w4", STEP("window: {session: 4ms, emit: {every: 5ms}, having: n > 1, "
                                      "" AGGREGATES "}"))
                        STREAM("w5", STEP("window: {count: {size: 4, every: 2}, " AGGREGATES "}")),
    "name: t\ntables:\n"
    "  h: {from: {topic: y, value: json, key: {h: string}, columns: {p: long, q: string}}, "
    "history: "
    "20ms}\nstreams:\n" SOURCE("a", "x") SOURCE("b", "z")
        STREAM("j1", STEP("join: {with: b, type: outer, within: 7ms, grace: 2ms}"))
            STREAM("j2", STEP("lookup: {table: h, versioned: true}"))
                STREAM("o1", STEP("absent: {after: 5ms, every: 3ms, forget: 40ms}"))
                    STREAM("o2", STEP("dedupe: {by: s, within: 20ms}"))
                        STREAM("o3", STEP("running: lag(s, 2) as l, avg(v, 3) as g"))
                            STREAM("o4", STEP(AGGREGATES)),
    "name: t\ntables:\n"
    "  x: {from: {topic: x, value: json, key: {h: string}, columns: {v: long, s: string}}}\n"
    "  y: {from: {topic: y, value: json, key: {h: string}, columns: {p: long, q: string}}}\n"
    "streams:\n"
    "  j: {from: x, steps: [{join: {with: y, type: outer}}], to: {topic: out, value: json}}\n",
};

static const char *const topics[] = {"x", "y", "z"};

static int push(struct task_rig *r, struct random *random, int from, int rows)
{
    for (int i = from; i < from + rows; i++) {
        const char *topic = topics[random_below(random, 3)];
        char text[200], key[8];
        snprintf(key, sizeof key, "k%d", (int)random_below(random, 3));
        snprintf(text, sizeof text,
                 "{\"h\":\"%s\",\"v\":%d,\"s\":\"a text of some length %d\",\"p\":%d,\"q\":\"q\","
                 "\"ts\":%d}",
                 key, i % 5, i % 3, i, i * 2);
        int in = task_input(r->task, topic, -1);
        int status = in < 0 ? 0 : task_rig_push_one(r, topic, i, key, text);
        if (status < 0) {
            return status;
        }
    }
    return 0;
}

static void damage(struct random *random, char **bytes, size_t *n)
{
    size_t at = *n > 0 ? random_below(random, (uint32_t)*n) : 0;
    switch (random_below(random, 4)) {
    case 0:
        *n = at;
        break;
    case 1:
        *bytes = mem_resize(*bytes, *n + 9, 1);
        memset(*bytes + *n, (int)random_below(random, 256), 9);
        *n += 8;
        break;
    default:
        for (int i = 0; i < 3 && at + (size_t)i < *n; i++) {
            (*bytes)[at + (size_t)i] =
                (char)(i ? random_below(random, 2) * 255 : random_u32(random));
        }
        break;
    }
}

/* A changelog's value begins with 4 bytes or so of a hash, which damage would mostly hit else. */
static void damage_one(struct random *random, struct produced *item, size_t n)
{
    struct produced *p = &item[random_below(random, (uint32_t)n)];
    if (p->value && random_below(random, 4) > 0) {
        damage(random, &p->value, &p->value_n);
    } else if (p->key) {
        damage(random, &p->key, &p->key_n);
    }
}

static const char *const metadata[] = {"w",
                                       "w9223372036854775807",
                                       "w-9223372036854775808",
                                       "w99999999999999999999",
                                       "w20;+",
                                       "w-1i",
                                       "w4611686018427387904;w20;;;;",
                                       ";;;",
                                       "d63,9223372036854775807:~*//////////",
                                       "d0,0:",
                                       "x",
                                       ""};

static void live_again(struct task_rig *r, struct random *random, const struct produced *item,
                       size_t n)
{
    task_rig_new(r, 0);
    int status = 0;
    for (int s = 0; s < r->plan.plan->subplan[0].nstores && status == 0; s++) {
        status = task_rig_restore(r, s, item, n);
    }
    for (int i = 0; i < 3; i++) {
        uint32_t m = random_below(random, 3 * sizeof metadata / sizeof *metadata);
        task_topic_restore(r->task, topics[i], ROWS,
                           m < sizeof metadata / sizeof *metadata ? metadata[m] : "w30");
    }
    status = status < 0 ? status : task_rig_open(r);
    status = status < 0 ? status : push(r, random, ROWS, 6);
    status = status < 0 ? status : task_flush(r->task, &r->err);
    status = status < 0 ? status : task_finish(r->task, &r->err);
    status = status < 0 ? status : task_flush(r->task, &r->err);
    assert_true(status == 0 || (r->err.kind != ERR_NONE && r->err.text[0]));
    task_rig_stop(r);
    task_rig_clear(r);
    err_clear(&r->err);
}

static void copy(struct produced *to, const struct produced *from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        to[i] = from[i];
        to[i].key = from[i].key ? mem_array(from[i].key_n + 1, 1) : NULL;
        to[i].value = from[i].value ? mem_array(from[i].value_n + 1, 1) : NULL;
        if (to[i].key) {
            memcpy(to[i].key, from[i].key, from[i].key_n);
        }
        if (to[i].value) {
            memcpy(to[i].value, from[i].value, from[i].value_n);
        }
    }
}

static void run(const char *text, uint64_t seed)
{
    struct task_rig r;
    struct random random;
    random_seed(&random, seed, 3);
    task_rig_init(&r, text, 3);
    task_rig_start(&r, 0);
    assert_int_equal(push(&r, &random, 0, ROWS), 0);
    assert_int_equal(task_flush(r.task, &r.err), 0);
    task_committed(r.task);
    struct produced *log = r.item;
    size_t n = r.n;
    r.item = NULL;
    r.n = 0;
    task_rig_stop(&r);
    assert_true(n > 10);
    struct produced *bad = mem_array(n, sizeof *bad);
    for (int i = 0; i < ROUNDS; i++) {
        copy(bad, log, n);
        for (uint32_t k = random_below(&random, 3); k > 0; k--) {
            damage_one(&random, bad, n);
        }
        live_again(&r, &random, bad, n);
        for (size_t k = 0; k < n; k++) {
            mem_free(bad[k].key);
            mem_free(bad[k].value);
        }
    }
    mem_free(bad);
    r.item = log;
    r.n = n;
    task_rig_done(&r);
}

static void windows(void **state)
{
    (void)state;
    run(topology[0], 1);
}

static void joins_and_steps(void **state)
{
    (void)state;
    run(topology[1], 2);
}

static void tables(void **state)
{
    (void)state;
    run(topology[2], 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows),
        cmocka_unit_test(joins_and_steps),
        cmocka_unit_test(tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
