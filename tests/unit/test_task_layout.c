/* Layouts in changelogs: written before the first value, learned at a restore, side by side; keys
 * that look like theirs; what a restore says.
 */
#include "engine/hash.h"
#include "engine/memory.h"
#include "engine/task_internal.h"
#include "tests/support/task_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define TOPIC "t-a-aggregate-changelog"

/* What stands in a topic, in order. */
struct topic {
    struct produced *item;
    size_t n;
};

static void write_topology(char *text, size_t size, const char *aggregates)
{
    snprintf(text, size,
             "name: t\nstreams:\n  a:\n"
             "    from: {topic: x, value: json, key: {h: string}, columns: {h: string, v: long, s: "
             "string}}\n    steps:\n      - aggregate: \"%s\"\n    to: {topic: out, value: json}\n",
             aggregates);
}

static void move(struct topic *to, struct task_rig *r)
{
    for (size_t i = 0; i < r->n; i++) {
        if (strcmp(r->item[i].topic, TOPIC) == 0) {
            to->item = mem_resize(to->item, to->n + 1, sizeof *to->item);
            to->item[to->n++] = r->item[i];
            r->item[i].topic = mem_strdup("");
            r->item[i].key = r->item[i].value = NULL;
            r->item[i].headers = mem_strdup("");
        }
    }
    task_rig_clear(r);
}

static void topic_done(struct topic *t)
{
    for (size_t i = 0; i < t->n; i++) {
        mem_free(t->item[i].topic);
        mem_free(t->item[i].key);
        mem_free(t->item[i].value);
        mem_free(t->item[i].headers);
    }
    mem_free(t->item);
}

static bool is_layout(const struct produced *p)
{
    return changelog_is_layout(&(struct record){.key = p->key, .key_n = p->key_n});
}

/* One life of the topology: restored from the topic, given a row of each key, committed to it. What
 * came out, or NULL with r->err. */
static const char *live(struct task_rig *r, const char *aggregates, struct topic *log,
                        const char *keys)
{
    char text[1000];
    write_topology(text, sizeof text, aggregates);
    task_rig_init(r, text, 0);
    task_rig_new(r, 0);
    if (task_rig_restore(r, 0, log->item, log->n) < 0) {
        return NULL;
    }
    assert_int_equal(task_rig_open(r), 0);
    for (int64_t at = 0; *keys; keys++, at++) {
        char key[2] = {*keys, 0}, value[60];
        snprintf(value, sizeof value, "{\"h\":\"%c\",\"v\":1,\"s\":\"text of %c\"}", *keys, *keys);
        assert_int_equal(task_rig_push_one(r, "x", at, key, value), 0);
    }
    buffer_clear(&r->out);
    for (size_t i = 0; i < r->n; i++) {
        buffer_printf(&r->out, "%s\n", r->item[i].value);
    }
    assert_int_equal(task_flush(r->task, &r->err), 0);
    task_committed(r->task);
    move(log, r);
    return buffer_cstr(&r->out);
}

static void expect_life(struct topic *log, const char *aggregates, const char *keys,
                        const char *out)
{
    struct task_rig r;
    const char *got = live(&r, aggregates, log, keys);
    assert_non_null(got);
    assert_string_equal(got, out);
    task_rig_done(&r);
}

static size_t layouts_in(const struct topic *log)
{
    size_t n = 0;
    for (size_t i = 0; i < log->n; i++) {
        n += is_layout(&log->item[i]);
    }
    return n;
}

static void values_of_several_layouts_stand_side_by_side(void **state)
{
    (void)state;
    struct topic log = {0};
    expect_life(&log, "count() as n", "kkl",
                "{\"h\":\"k\",\"n\":1}\n{\"h\":\"k\",\"n\":2}\n{\"h\":\"l\",\"n\":1}\n");
    assert_int_equal(log.n, 3);
    assert_true(is_layout(&log.item[0]));
    assert_int_equal(layouts_in(&log), 1);
    expect_life(&log, "max(s) as m, count() as n", "k",
                "{\"h\":\"k\",\"m\":\"text of k\",\"n\":3}\n");
    assert_int_equal(log.n, 5); /* the layout, the key that changed; not the other */
    assert_int_equal(layouts_in(&log), 2);
    expect_life(&log, "sum(v) as v, count() as n", "kl",
                "{\"h\":\"k\",\"v\":1,\"n\":4}\n{\"h\":\"l\",\"v\":1,\"n\":2}\n");
    expect_life(&log, "count() as n, max(s) as m", "k",
                "{\"h\":\"k\",\"n\":5,\"m\":\"text of k\"}\n");
    expect_life(&log, "count() as n", "kl", "{\"h\":\"k\",\"n\":6}\n{\"h\":\"l\",\"n\":3}\n");
    assert_int_equal(layouts_in(&log), 4); /* the first was known */
    topic_done(&log);
}

/* A layout that was written once more stands behind values of it. */
static void a_layout_may_come_after_its_values(void **state)
{
    (void)state;
    struct topic log = {0};
    expect_life(&log, "count() as n", "kl", "{\"h\":\"k\",\"n\":1}\n{\"h\":\"l\",\"n\":1}\n");
    struct produced first = log.item[0];
    memmove(log.item, log.item + 1, (log.n - 1) * sizeof first);
    log.item[log.n - 1] = first;
    expect_life(&log, "count() as n, sum(v) as s", "k", "{\"h\":\"k\",\"n\":2,\"s\":1}\n");
    topic_done(&log);
}

/* Nothing of the first is left in the third; but what stood between kept some of each. */
static void changes_add_up(void **state)
{
    (void)state;
    struct topic log = {0};
    struct task_rig r;
    expect_life(&log, "count() as n", "klm",
                "{\"h\":\"k\",\"n\":1}\n{\"h\":\"l\",\"n\":1}\n{\"h\":\"m\",\"n\":1}\n");
    assert_null(live(&r, "sum(v) as s", &log, ""));
    task_rig_done(&r);
    expect_life(&log, "count() as n, sum(v) as s", "kl",
                "{\"h\":\"k\",\"n\":2,\"s\":1}\n{\"h\":\"l\",\"n\":2,\"s\":1}\n");
    expect_life(&log, "min(v) as m, sum(v) as s", "k", "{\"h\":\"k\",\"m\":1,\"s\":2}\n");
    expect_life(&log, "min(v) as m", "klm",
                "{\"h\":\"k\",\"m\":1}\n{\"h\":\"l\",\"m\":1}\n{\"h\":\"m\",\"m\":1}\n");
    assert_null(live(&r, "max(v) as m", &log, ""));
    assert_non_null(strstr(r.err.text, "nothing of it is left: + max(v); - "));
    task_rig_done(&r);
    topic_done(&log);
}

static void without_its_layout_a_value_is_refused(void **state)
{
    (void)state;
    struct topic log = {0};
    struct task_rig r;
    expect_life(&log, "count() as n", "k", "{\"h\":\"k\",\"n\":1}\n");
    struct topic values = {log.item + 1, log.n - 1};
    assert_null(live(&r, "count() as n, sum(v) as s", &values, ""));
    assert_int_equal(r.err.kind, ERR_CONFIG);
    assert_non_null(strstr(r.err.text, "was saved by other settings of the step, or under another "
                                       "key. Undo the change; or give"));
    assert_false(task_is_puzzled(r.task, 0));
    task_rig_done(&r);
    assert_null(live(&r, "sum(v) as s", &log, ""));
    assert_int_equal(r.err.kind, ERR_CONFIG);
    assert_non_null(strstr(r.err.text, "nothing of it is left: + sum(v); - count(). Undo"));
    task_rig_done(&r);
    expect_life(&values, "count() as n", "", ""); /* what fits needs none */
    topic_done(&log);
}

static void a_damaged_layout_is_damage(void **state)
{
    (void)state;
    struct topic log = {0};
    struct task_rig r;
    expect_life(&log, "count() as n", "k", "{\"h\":\"k\",\"n\":1}\n");
    char *value = log.item[0].value;
    size_t n = log.item[0].value_n;
    for (size_t i = 0; i < n; i++) { /* words that are not those of its hash, or no layout at all */
        bool matters = i < 15 || i > n - 10;
        value[i] ^= 1;
        bool is_refused = live(&r, "count() as n, sum(v) as s", &log, "") == NULL;
        assert_true(!matters || (is_refused && strstr(r.err.text, "damaged entry")));
        task_rig_done(&r);
        value[i] ^= 1;
    }
    topic_done(&log);
}

static void keys_that_look_like_a_layout_s(void **state)
{
    (void)state;
    static const char mark[] = "\x01\xffklamm\xff";
    static const struct {
        const char *key;
        size_t n;
    } keys[] = {{mark, 8},
                {"\x01\xffklamm\xff\x01xxxx", 13},
                {"\x01\xffklamm\xff\0rest", 13},
                {mark, 7},
                {"", 0},
                {"plain", 5}};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        struct buffer there, back;
        buffer_init(&there);
        buffer_init(&back);
        size_t n = keys[i].n;
        const void *key = changelog_key(keys[i].key, &n, &there);
        assert_false(changelog_is_layout(&(struct record){.key = key, .key_n = n}));
        const void *again = changelog_store_key(key, &n, &back);
        assert_int_equal(n, keys[i].n);
        assert_memory_equal(again, keys[i].key, n);
        buffer_done(&there);
        buffer_done(&back);
    }
    struct buffer room;
    buffer_init(&room);
    size_t n = 8;
    assert_null(changelog_store_key(mark, &n, &room));
    n = 9;
    assert_null(changelog_store_key("\x01\xffklamm\xff\x02", &n, &room));
    buffer_done(&room);
}

/* A key column may hold anything. */
static void such_a_key_has_its_state(void **state)
{
    (void)state;
    struct topic log = {0};
    struct task_rig r;
    char text[1000];
    static const char *const key = "\x01\xffklamm\xff\x01"
                                   "abcd";
    write_topology(text, sizeof text, "count() as n");
    for (int life = 0; life < 3; life++) {
        task_rig_init(&r, text, 0);
        task_rig_new(&r, 0);
        assert_int_equal(task_rig_restore(&r, 0, log.item, log.n), 0);
        assert_int_equal(task_rig_open(&r), 0);
        bool is_new;
        struct state *s = r.task->spot[r.task->spot_of[r.task->subplan->store[0].vertex]].op.state;
        struct state_entry *e = state_insert(s, hash_bytes(key, 13, 0), key, 13, 16, &is_new);
        assert_int_equal(is_new, life == 0);
        assert_int_equal(((int64_t *)state_value(e))[1], life);
        ((int64_t *)state_value(e))[1]++;
        state_touch(s, e);
        assert_int_equal(task_flush(r.task, &r.err), 0);
        move(&log, &r);
        task_rig_done(&r);
    }
    assert_int_equal(layouts_in(&log), 1);
    topic_done(&log);
}

/* Its text would not go through: values are written as before. */
static void a_layout_that_is_too_large_is_left_out(void **state)
{
    (void)state;
    struct topic log = {0};
    struct task_rig r;
    char text[1000];
    write_topology(text, sizeof text, "count() as n");
    task_rig_init(&r, text, 0);
    r.most_bytes = 60;
    task_rig_start(&r, 0);
    assert_int_equal(task_rig_push_one(&r, "x", 1, "k", "{\"h\":\"k\",\"v\":1}"), 0);
    assert_int_equal(task_flush(r.task, &r.err), 0);
    move(&log, &r);
    task_rig_done(&r);
    assert_int_equal(log.n, 1);
    assert_int_equal(layouts_in(&log), 0);
    expect_life(&log, "count() as n", "k", "{\"h\":\"k\",\"n\":2}\n");
    topic_done(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_several_layouts_stand_side_by_side),
        cmocka_unit_test(a_layout_may_come_after_its_values),
        cmocka_unit_test(changes_add_up),
        cmocka_unit_test(without_its_layout_a_value_is_refused),
        cmocka_unit_test(a_damaged_layout_is_damage),
        cmocka_unit_test(keys_that_look_like_a_layout_s),
        cmocka_unit_test(such_a_key_has_its_state),
        cmocka_unit_test(a_layout_that_is_too_large_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
