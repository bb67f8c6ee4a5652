/* Lanes over disks: how much of the changelogs a restart reads, and which checkpoints are not used.
 * What crashes do to the output: tests/simulation.
 */
#include "engine/logger.h"
#include "engine/memory.h"
#include "tests/support/lane_rig.h"
#include "worker/lane_impl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char topology[] =
    "name: t\nstreams:\n"
    "  a:\n    from: {topic: x, value: json, key: {h: string}, columns: {h: string, v: long}}\n"
    "    steps:\n      - aggregate: \"count() as n, sum(v) as s\"\n"
    "    to: {topic: out, value: csv}\n";

#define TASK "t-a-aggregate-changelog partition 0: "

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct buffer said;

static void take(const char *line, size_t n)
{
    pthread_mutex_lock(&mutex);
    buffer_add(&said, line, n);
    pthread_mutex_unlock(&mutex);
}

static void listen(void)
{
    buffer_clear(&said);
    logger_level(LOG_LEVEL_INFO);
    logger_to(take);
}

static void assert_said(const char *words)
{
    logger_to(NULL);
    logger_level(LOG_LEVEL_ERROR);
    if (!strstr(buffer_cstr(&said), words)) {
        fail_msg("not said: %s\n%s", words, said.data);
    }
}

struct rig {
    struct lane_rig lanes;
    struct rig_disks disks;
    int sent;
};

static void init(struct rig *r)
{
    lane_rig_init(&r->lanes, topology, 1);
    rig_disks_init(&r->disks, 0, 1);
    r->disks.is_calm = true;
    r->lanes.disks = &r->disks;
    r->sent = 0;
}

static void done(struct rig *r)
{
    lane_rig_done(&r->lanes);
    rig_disks_done(&r->disks);
}

static void send(struct rig *r, int n)
{
    for (int i = 0; i < n; i++, r->sent++) {
        char key[20], value[60];
        snprintf(key, sizeof key, "k%d", r->sent % 10);
        snprintf(value, sizeof value, "{\"h\":\"%s\",\"v\":%d}", key, r->sent);
        lane_rig_send(&r->lanes, "x", 0, key, value, r->sent);
    }
}

/* Of each key the last line counts all of its rows. */
static void assert_counted(struct rig *r)
{
    struct buffer out;
    char last[40];
    buffer_init(&out);
    lane_rig_output(&r->lanes, "out", &out);
    for (int k = 0; k < 10; k++) {
        snprintf(last, sizeof last, "0 k%d k%d,%d,", k, k, r->sent / 10);
        assert_non_null(strstr(buffer_cstr(&out), last));
    }
    buffer_done(&out);
}

static void run(struct rig *r)
{
    assert_int_equal(lane_rig_run(&r->lanes, 1), 0);
    assert_counted(r);
}

static void after_a_stop_nothing_is_read_again(void **state)
{
    (void)state;
    struct rig r;
    init(&r);
    send(&r, 50);
    run(&r);
    send(&r, 50);
    listen();
    run(&r);
    assert_said("restored " TASK "0 changes since its checkpoint");
    done(&r);
}

static void of_an_earlier_disk_the_rest_is_read(void **state)
{
    (void)state;
    struct rig r;
    init(&r);
    send(&r, 50);
    run(&r);
    struct fake_disk *f = &r.disks.disk[0].fake;
    f->keeps_every = 1;
    f->disk.ops->write(&f->disk, 0, NULL); /* kept as it is now */
    send(&r, 20);
    r.disks.is_calm = true;
    lane_rig_start(&r.lanes, 0);
    assert_int_equal(lane_rig_settle(&r.lanes), 0);
    lane_rig_stop(&r.lanes, 0);
    assert_counted(&r);
    /* ten keys have changed since; what was kept in between is as good */
    send(&r, 10);
    listen();
    run(&r);
    assert_said("changes since its checkpoint");
    done(&r);
}

static void an_old_checkpoint_is_not_used(void **state)
{
    (void)state;
    struct rig r;
    init(&r);
    send(&r, 50);
    run(&r);
    atomic_fetch_add(&r.lanes.clock.ms, 13 * 3600000LL);
    send(&r, 10);
    listen();
    run(&r);
    assert_said("is not used (it is too old)");
    assert_said(" changes, "); /* all of them */
    done(&r);
}

static const char with_max[] =
    "name: t\nstreams:\n"
    "  a:\n    from: {topic: x, value: json, key: {h: string}, columns: {h: string, v: long}}\n"
    "    steps:\n      - aggregate: \"count() as n, sum(v) as s, max(v) as m\"\n"
    "    to: {topic: out, value: csv}\n";

/* The disk is of the old layout and goes; the changelog migrates. */
static void of_a_changed_topology_the_changelog_migrates(void **state)
{
    (void)state;
    struct rig r;
    init(&r);
    send(&r, 50);
    run(&r);
    lane_rig_change(&r.lanes, with_max, 1);
    send(&r, 10);
    listen();
    run(&r);
    assert_said("is not used (it is of other settings");
    assert_said("state of other aggregates goes on: + max(v) (from the change on)");
    assert_said("restored " TASK); /* all of it */
    send(&r, 10);
    listen();
    run(&r);
    assert_said("restored " TASK "0 changes since its checkpoint");
    lane_rig_change(&r.lanes, topology, 1);
    send(&r, 10);
    run(&r);
    done(&r);
}

static int copy_values(void *ctx, const struct record *r)
{
    struct rig *to = ctx;
    struct record copy = *r;
    struct err e = {0};
    copy.offset = -1;
    bool is_layout = r->key_n == 13 && memcmp(r->key, "\x01\xffklamm", 7) == 0;
    return is_layout ? 0 : to->lanes.log->ops->produce(to->lanes.log, &copy, 1, &e);
}

static int copy_all(void *ctx, const struct record *r)
{
    struct rig *to = ctx;
    struct record copy = *r;
    struct err e = {0};
    copy.offset = -1;
    return to->lanes.log->ops->produce(to->lanes.log, &copy, 1, &e);
}

/* Compaction keeps the last record of a layout, which may stand behind values of it. */
static void a_layout_is_looked_for(void **state)
{
    (void)state;
    struct rig from, r;
    struct err e = {0};
    int64_t next;
    init(&from);
    send(&from, 50);
    run(&from);
    init(&r);
    struct log *log = from.lanes.log;
    const char *topic = "t-a-aggregate-changelog";
    assert_int_equal(log->ops->read_all(log, topic, 0, 0, copy_values, &r, &next, &e), 0);
    assert_int_equal(log->ops->read_all(log, topic, 0, 0, copy_all, &r, &next, &e), 0);
    lane_rig_change(&r.lanes, with_max, 1);
    r.sent = 50;
    send(&r, 10);
    listen();
    run(&r);
    assert_said("restored " TASK);
    done(&from);
    done(&r);
}

static void a_checkpoint_beyond_the_changelog_is_not_used(void **state)
{
    (void)state;
    struct rig r;
    init(&r);
    send(&r, 50);
    run(&r);
    lane_rig_done(&r.lanes); /* another broker, whose changelog is empty */
    lane_rig_init(&r.lanes, topology, 1);
    r.lanes.disks = &r.disks;
    r.sent = 0;
    send(&r, 20);
    listen();
    run(&r);
    assert_said("is not used (the changelog has other offsets)");
    done(&r);
}

static void a_disk_without_a_mark_is_not_used(void **state)
{
    (void)state;
    struct rig r;
    init(&r);
    send(&r, 50);
    run(&r);
    struct fake_disk *f = &r.disks.disk[0].fake;
    f->disk.ops->put(&f->disk, 0xffff, "", 0, NULL, 0); /* the mark */
    f->disk.ops->write(&f->disk, 0, NULL);
    send(&r, 10);
    listen();
    run(&r);
    assert_said("is not used (it has no mark of how far it goes)");
    done(&r);
}

static void damage_is_found_while_it_opens_or_later(void **state)
{
    (void)state;
    for (int reads = 0; reads < 14; reads++) {
        struct rig r;
        init(&r);
        send(&r, 50);
        run(&r);
        r.disks.disk[0].fake.reads_left = reads;
        send(&r, 50);
        listen();
        run(&r);
        assert_said(reads < 12 ? "no more reads" : "0 changes since");
        done(&r);
    }
}

/* ---- in slices ---- */

/* Two partitions: of the first few keys, of the second MANY. */
#define MANY 400

static struct lane_rig *watched;
static int64_t committed_then; /* of x/0, when x/1 was restored; -1: it was not yet */
static int64_t changes_then;

static void watch(const char *line, size_t n)
{
    const char *words = memmem(line, n, "restored t-a-aggregate-changelog partition 1: ", 46);
    if (words) {
        changes_then = strtol(words + 46, NULL, 10);
        committed_then = progress_get(watched->progress, "x", 0);
    }
}

static void send_to(struct lane_rig *r, int32_t partition, int keys, int first)
{
    for (int i = 0; i < keys; i++) {
        char key[20], value[60];
        snprintf(key, sizeof key, "p%d-%d", (int)partition, i);
        snprintf(value, sizeof value, "{\"h\":\"%s\",\"v\":%d}", key, first + i);
        lane_rig_send(r, "x", partition, key, value, first + i);
    }
}

static void start_watched(struct lane_rig *r)
{
    lane_rig_init(r, topology, 2);
    send_to(r, 0, 5, 0);
    send_to(r, 1, MANY, 0);
    assert_int_equal(lane_rig_run(r, 1), 0);
    send_to(r, 0, 5, 1000);
    r->slice = 1;
    watched = r;
    committed_then = changes_then = -1;
}

static void assert_all_counted(struct lane_rig *r)
{
    struct buffer out;
    char last[60];
    buffer_init(&out);
    lane_rig_output(r, "out", &out);
    for (int i = 0; i < MANY; i++) {
        snprintf(last, sizeof last, " p1-%d p1-%d,2,%d", i, i, 2 * i + 2000);
        assert_non_null(strstr(buffer_cstr(&out), last));
    }
    for (int i = 0; i < 5; i++) {
        snprintf(last, sizeof last, " p0-%d p0-%d,2,%d", i, i, 2 * i + 1000);
        assert_non_null(strstr(buffer_cstr(&out), last));
    }
    buffer_done(&out);
}

static void other_tasks_run_beside_a_restore(void **state)
{
    (void)state;
    struct lane_rig r;
    start_watched(&r);
    logger_level(LOG_LEVEL_INFO);
    logger_to(watch);
    lane_rig_start(&r, 0);
    send_to(&r, 1, MANY, 2000); /* they wait for their task */
    assert_int_equal(lane_rig_settle(&r), 0);
    assert_int_equal(lane_rig_stop(&r, 0), 0);
    logger_to(NULL);
    logger_level(LOG_LEVEL_ERROR);
    assert_int_equal(changes_then, MANY + 1); /* and the layout */
    assert_int_equal(committed_then, 10);
    assert_all_counted(&r);
    lane_rig_done(&r);
}

/* Wherever it stops, what is half restored shows nowhere, and the next one begins anew. */
static void a_lane_may_stop_in_the_middle(void **state)
{
    (void)state;
    struct lane_rig r;
    start_watched(&r);
    send_to(&r, 1, MANY, 2000);
    for (int i = 0; i < 5; i++) {
        lane_rig_start(&r, 0);
        for (int k = 0; k < i * 10; k++) {
            sched_yield();
        }
        assert_int_equal(lane_rig_stop(&r, 0), 0);
    }
    assert_int_equal(lane_rig_run(&r, 1), 0);
    assert_all_counted(&r);
    lane_rig_done(&r);
}

/* A log that gives no answers: which partitions it was asked for. */
struct mute_log {
    struct log log;
    int n;
    int32_t asked[8];
};

static int no_answer(struct log *log, const char *topic, int32_t partition, int64_t *end,
                     int timeout_ms, struct err *e)
{
    struct mute_log *m = (struct mute_log *)log;
    (void)topic;
    (void)end;
    (void)timeout_ms;
    m->asked[m->n++] = partition;
    return err_set(e, ERR_RETRY, "no answer");
}

static void without_an_answer_the_next_commit_asks_for_the_next_task(void **state)
{
    (void)state;
    static const struct log_ops ops = {.written = no_answer};
    struct plan_store store = {.changelog = "c"};
    struct subplan subplan = {.nstores = 1, .store = &store};
    struct plan plan = {.nsubplans = 1, .subplan = &subplan};
    struct mute_log log = {.log.ops = &ops};
    struct lane l = {.cfg = {.plan = &plan, .clock = &clock_system}, .log = &log.log};
    struct member m[3], *members[3];
    int64_t next[1];
    for (int i = 0; i < 3; i++) { /* nothing looks into the task or its disk before an answer */
        m[i] = (struct member){.partition = i, .next = next, .is_unmarked = true};
        m[i].task = (struct task *)&m[i];
        m[i].disk = (struct state_disk *)&m[i];
        members[i] = &m[i];
    }
    l.member = members;
    l.nmembers = 3;
    for (int i = 1; i <= 3; i++) {
        assert_false(lane_mark(&l, false));
        assert_int_equal(log.n, i);
    }
    assert_false(lane_mark(&l, false)); /* all have been asked for not long ago */
    assert_int_equal(log.n, 3);
    assert_int_equal(log.asked[0] + log.asked[1] + log.asked[2], 3);
    assert_int_not_equal(log.asked[0], log.asked[1]);
    assert_false(lane_mark(&l, true)); /* the last commit does not wait for each, either */
    assert_int_equal(log.n, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_a_stop_nothing_is_read_again),
        cmocka_unit_test(of_an_earlier_disk_the_rest_is_read),
        cmocka_unit_test(an_old_checkpoint_is_not_used),
        cmocka_unit_test(of_a_changed_topology_the_changelog_migrates),
        cmocka_unit_test(a_layout_is_looked_for),
        cmocka_unit_test(a_checkpoint_beyond_the_changelog_is_not_used),
        cmocka_unit_test(a_disk_without_a_mark_is_not_used),
        cmocka_unit_test(damage_is_found_while_it_opens_or_later),
        cmocka_unit_test(other_tasks_run_beside_a_restore),
        cmocka_unit_test(a_lane_may_stop_in_the_middle),
        cmocka_unit_test(without_an_answer_the_next_commit_asks_for_the_next_task),
    };
    logger_level(LOG_LEVEL_ERROR);
    int status = cmocka_run_group_tests(tests, NULL, NULL);
    buffer_done(&said);
    return status;
}
