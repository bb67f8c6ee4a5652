/* A task over a disk: what its mark says, what reaches the disk and when, and that nothing made of
 * what could not be read leaves the task.
 */
#include "engine/memory.h"
#include "tests/support/fake_disk.h"
#include "tests/support/task_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define IDENTITY 7

static const char topology[] =
    "name: t\nerrors: {tolerance: all, dead_letter_topic: dead}\nstreams:\n  a:\n"
    "    from: {topic: x, value: json, key: {h: string}, columns: {h: string, v: long}}\n"
    "    steps:\n      - running: cumsum(v) as s\n      - dedupe: {by: s, within: 60s}\n"
    "      - add: 10 / (s - 100) as q\n"
    "    to: {topic: out, value: csv}\n";

struct rig {
    struct task_rig t;
    struct fake_disk disk;
};

static void init(struct rig *r, uint64_t share)
{
    task_rig_init(&r->t, topology, 0);
    fake_disk_init(&r->disk, share);
}

static void done(struct rig *r)
{
    task_rig_done(&r->t);
    fake_disk_done(&r->disk);
}

/* Another process: what was found on the disk. */
static int again(struct rig *r, uint64_t identity)
{
    if (r->t.task) {
        task_rig_stop(&r->t);
        r->disk.disk.ops->close(&r->disk.disk);
    }
    task_rig_new(&r->t, 0);
    return task_take_disk(r->t.task, &r->disk.disk, identity);
}

static void attach(struct rig *r)
{
    const int64_t next[2] = {11, 12};
    assert_int_equal(task_attach(r->t.task), 0);
    assert_int_equal(task_restored(r->t.task, next, &r->t.err), 0);
    assert_int_equal(task_rig_open(&r->t), 0);
}

static const char *push(struct rig *r, const char *key, int v)
{
    static char value[(1 << 20) + 100];
    snprintf(value, sizeof value, "{\"h\":\"%s\",\"v\":%d}", key, v);
    assert_int_equal(task_rig_push_one(&r->t, "x", 5, key, value), 0);
    return task_rig_out(&r->t);
}

static void flush(struct rig *r)
{
    assert_int_equal(task_flush(r->t.task, &r->t.err), 0);
    task_rig_clear(&r->t);
}

static void commit(struct rig *r)
{
    flush(r);
    assert_int_equal(task_write_checkpoint(r->t.task, &r->t.err), 0);
    task_committed(r->t.task);
}

static void what_committed_is_found_again(void **state)
{
    (void)state;
    static const uint64_t share[] = {0, 1 << 20};
    for (int i = 0; i < 2; i++) {
        struct rig r;
        init(&r, share[i]);
        assert_int_equal(again(&r, IDENTITY), CHECKPOINT_NONE);
        assert_int_equal(task_mark(r.t.task)->n, 2);
        attach(&r);
        assert_string_equal(push(&r, "k", 5), "out k k,5,5,0\n");
        commit(&r);
        assert_string_equal(push(&r, "k", 2), "out k k,2,7,0\n");
        assert_int_equal(again(&r, IDENTITY), CHECKPOINT_THERE); /* aborted */
        assert_int_equal(task_mark(r.t.task)->next[0], 11);
        assert_int_equal(task_mark(r.t.task)->next[1], 12);
        attach(&r);
        assert_string_equal(push(&r, "k", 3), "out k k,3,8,0\n");
        flush(&r); /* killed before the commit was known */
        assert_int_equal(again(&r, IDENTITY), CHECKPOINT_THERE);
        attach(&r);
        assert_string_equal(push(&r, "k", 4), "out k k,4,9,0\n");
        assert_string_equal(push(&r, "l", 5), "out l l,5,5,0\n");
        done(&r);
    }
}

static void a_mark_counts_with_the_next_commit(void **state)
{
    (void)state;
    struct rig r;
    const int64_t next[2] = {20, 30};
    init(&r, 0);
    again(&r, IDENTITY);
    attach(&r);
    push(&r, "k", 5);
    task_set_mark(r.t.task, next);
    flush(&r); /* and no commit */
    again(&r, IDENTITY);
    assert_int_equal(task_mark(r.t.task)->next[0], 11);
    attach(&r);
    push(&r, "k", 5);
    task_set_mark(r.t.task, next);
    commit(&r);
    assert_int_equal(again(&r, IDENTITY), CHECKPOINT_THERE);
    assert_int_equal(task_mark(r.t.task)->next[0], 20);
    assert_int_equal(task_mark(r.t.task)->next[1], 30);
    done(&r);
}

static void what_does_not_fit(void **state)
{
    (void)state;
    struct rig r;
    init(&r, 0);
    again(&r, IDENTITY);
    attach(&r);
    push(&r, "k", 5);
    commit(&r);
    assert_int_equal(again(&r, IDENTITY + 1), CHECKPOINT_OTHER);
    assert_int_equal(again(&r, IDENTITY), CHECKPOINT_THERE);
    assert_int_equal(task_drop_checkpoint(r.t.task, &r.t.err), 0);
    assert_int_equal(task_mark(r.t.task)->next[0], 0);
    assert_int_equal(again(&r, IDENTITY), CHECKPOINT_NONE);

    static const char *const bad[] = {"", "\x01", "\x02 12345678 and more", "\x01 12345678"};
    for (int i = 0; i < 4; i++) {
        r.disk.disk.ops->put(&r.disk.disk, 0xffff, "", 0, bad[i], strlen(bad[i]));
        r.disk.disk.ops->write(&r.disk.disk, 0, NULL);
        assert_int_equal(again(&r, IDENTITY), CHECKPOINT_OTHER);
    }
    fake_disk_done(&r.disk);
    fake_disk_init(&r.disk, 0);
    r.disk.disk.ops->put(&r.disk.disk, 1, "k", 1, "v", 1);
    r.disk.disk.ops->write(&r.disk.disk, 0, NULL);
    assert_int_equal(again(&r, IDENTITY), CHECKPOINT_UNMARKED);
    done(&r);
}

static void other_settings_are_another_checkpoint(void **state)
{
    (void)state;
    struct rig r;
    char other[1000];
    init(&r, 0);
    again(&r, IDENTITY);
    attach(&r);
    push(&r, "k", 5);
    commit(&r);
    task_rig_done(&r.t);
    snprintf(other, sizeof other, "%s", topology);
    memcpy(strstr(other, "60s"), "61s", 3);
    task_rig_init(&r.t, other, 0);
    assert_int_equal(again(&r, IDENTITY), CHECKPOINT_OTHER);
    done(&r);
}

static void restored_changes_go_to_the_disk(void **state)
{
    (void)state;
    struct rig r;
    struct task_rig from;
    task_rig_init(&from, topology, 0);
    task_rig_start(&from, 0);
    assert_int_equal(task_rig_push_one(&from, "x", 1, "k", "{\"h\":\"k\",\"v\":40}"), 0);
    task_rig_clear(&from);
    assert_int_equal(task_flush(from.task, &from.err), 0);
    init(&r, 0);
    again(&r, IDENTITY);
    assert_int_equal(task_attach(r.t.task), 0);
    for (int store = 0; store < 2; store++) {
        assert_int_equal(task_rig_restore(&r.t, store, from.item, from.n), 0);
    }
    const int64_t next[2] = {1, 1};
    assert_int_equal(task_restored(r.t.task, next, &r.t.err), 0);
    assert_true(fake_disk_has(&r.disk, 0, "k") || r.disk.n == 3); /* two entries and the mark */
    assert_int_equal(task_rig_open(&r.t), 0);
    assert_string_equal(push(&r, "k", 2), "out k k,2,42,0\n");
    task_rig_done(&from);
    done(&r);
}

static const char *large_key(int i)
{
    static char key[(1 << 20) + 1];
    memset(key, 'k', sizeof key - 1);
    key[0] = (char)('a' + i);
    return key;
}

/* Changes of a key of 1 MB, so that a few are as many as go to the disk at once. */
static void send_large(struct task_rig *from, int n)
{
    static char value[(1 << 20) + 100];
    task_rig_init(from, topology, 0);
    task_rig_start(from, 0);
    for (int i = 0; i < n; i++) {
        const char *key = large_key(i);
        snprintf(value, sizeof value, "{\"h\":\"%s\",\"v\":40}", key);
        assert_int_equal(task_rig_push_one(from, "x", 1, key, value), 0);
    }
    task_rig_clear(from);
    assert_int_equal(task_flush(from->task, &from->err), 0);
}

static void a_restore_that_is_cut_off_goes_on_from_there(void **state)
{
    (void)state;
    struct rig r;
    struct task_rig from;
    send_large(&from, 10);
    init(&r, 0);
    again(&r, IDENTITY);
    assert_int_equal(task_attach(r.t.task), 0);
    assert_int_equal(task_rig_restore(&r.t, 0, from.item, from.n), 0);
    assert_int_equal(again(&r, IDENTITY), CHECKPOINT_THERE);
    assert_in_range(task_mark(r.t.task)->next[0], 8, 11);
    assert_int_equal(task_mark(r.t.task)->next[1], 0);
    assert_true(task_mark(r.t.task)->time > 0);

    const int64_t next[2] = {task_mark(r.t.task)->next[0], 0};
    assert_int_equal(task_attach(r.t.task), 0);
    assert_int_equal(task_restored(r.t.task, next, &r.t.err), 0);
    assert_int_equal(task_rig_open(&r.t), 0);
    assert_non_null(strstr(push(&r, large_key(0), 40), ",40,80,0\n"));
    task_rig_done(&from);
    done(&r);
}

static void nothing_leaves_that_was_made_of_nothing(void **state)
{
    (void)state;
    struct rig r;
    init(&r, 0);
    again(&r, IDENTITY);
    attach(&r);
    push(&r, "k", 100);
    commit(&r);
    task_rig_clear(&r.t);
    r.disk.reads_left = 0;
    /* s would be 100 again: a bad row, and a dead letter */
    assert_int_equal(task_rig_push_one(&r.t, "x", 6, "k", "{\"h\":\"k\",\"v\":100}"), -ERR_ABORT);
    assert_non_null(strstr(r.t.err.text, "no more reads"));
    assert_int_equal(r.t.n, 0);
    err_clear(&r.t.err);
    assert_int_equal(task_flush(r.t.task, &r.t.err), -ERR_ABORT);
    assert_int_equal(r.t.n, 0);
    assert_int_equal(again(&r, IDENTITY), CHECKPOINT_NONE); /* thrown away */
    done(&r);
}

static void an_unreadable_disk_does_not_open(void **state)
{
    (void)state;
    struct rig r;
    init(&r, 0);
    again(&r, IDENTITY);
    attach(&r);
    push(&r, "k", 5);
    commit(&r);
    r.disk.reads_left = 0;
    assert_int_equal(again(&r, IDENTITY), -ERR_DATA);
    again(&r, IDENTITY);
    attach(&r);
    push(&r, "k", 5);
    commit(&r);
    r.disk.reads_left = 1; /* the mark */
    assert_int_equal(again(&r, IDENTITY), CHECKPOINT_THERE);
    assert_int_equal(task_attach(r.t.task), -ERR_DATA);
    done(&r);
}

static void a_copy_goes_past_the_stores(void **state)
{
    (void)state;
    struct rig r;
    struct record gone = {.topic = "c", .offset = 8, .key = "k", .key_n = 1};
    struct record bad = {.topic = "c", .key = "k", .key_n = 1, .value = "x", .value_n = 1};
    const int64_t next[2] = {30, 40};
    init(&r, 0);
    again(&r, IDENTITY);
    attach(&r);
    push(&r, "k", 5);
    commit(&r);
    assert_int_equal(again(&r, IDENTITY), CHECKPOINT_THERE);
    assert_int_equal(task_copy(r.t.task, 0, &bad, &r.t.err), -ERR_DATA);
    err_clear(&r.t.err);
    gone.key = "nobody has it";
    gone.key_n = 13;
    assert_int_equal(task_copy(r.t.task, 0, &gone, &r.t.err), 0);
    assert_int_equal(task_copied(r.t.task, next, 123, &r.t.err), 0);
    assert_int_equal(again(&r, IDENTITY), CHECKPOINT_THERE);
    assert_int_equal(task_mark(r.t.task)->time, 123);
    assert_int_equal(task_mark(r.t.task)->next[0], 30);
    assert_int_equal(task_mark(r.t.task)->next[1], 40);
    attach(&r);
    assert_string_equal(push(&r, "k", 2), "out k k,2,7,0\n"); /* the rest is as it was */
    done(&r);
}

static void stores_change_hands(void **state)
{
    (void)state;
    struct rig r;
    init(&r, 0);
    again(&r, IDENTITY);
    attach(&r);
    push(&r, "k", 5);
    commit(&r);
    struct task *copy = r.t.task; /* as if it had been restored, and not opened */
    r.t.task = NULL;
    task_rig_new(&r.t, 0);
    task_take_state(r.t.task, copy);
    task_free(copy);
    assert_int_equal(task_rig_open(&r.t), 0);
    assert_string_equal(push(&r, "k", 2), "out k k,2,7,0\n");
    r.disk.disk.ops->close(&r.disk.disk);
    done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_committed_is_found_again),
        cmocka_unit_test(a_mark_counts_with_the_next_commit),
        cmocka_unit_test(what_does_not_fit),
        cmocka_unit_test(other_settings_are_another_checkpoint),
        cmocka_unit_test(restored_changes_go_to_the_disk),
        cmocka_unit_test(a_restore_that_is_cut_off_goes_on_from_there),
        cmocka_unit_test(nothing_leaves_that_was_made_of_nothing),
        cmocka_unit_test(an_unreadable_disk_does_not_open),
        cmocka_unit_test(a_copy_goes_past_the_stores),
        cmocka_unit_test(stores_change_hands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
