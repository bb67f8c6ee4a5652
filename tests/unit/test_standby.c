/* Standby copies over the log in memory: what the process that takes a task over reads of its
 * changelogs, what becomes of copies as tasks come and go, and what is given up.
 */
#include "engine/logger.h"
#include "engine/memory.h"
#include "tests/support/lane_rig.h"
#include "worker/memory_use.h"
#include "worker/standby_impl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#define PARTITIONS 2
#define KEYS       40

static const char topology[] =
    "name: t\nstreams:\n"
    "  a:\n    from: {topic: x, value: json, key: {h: string}, columns: {h: string, v: long}}\n"
    "    steps:\n      - aggregate: \"count() as n, sum(v) as s\"\n"
    "      - running: count() as nth\n"
    "    to: {topic: out, value: csv}\n";

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
    pthread_mutex_lock(&mutex);
    buffer_clear(&said);
    pthread_mutex_unlock(&mutex);
    logger_level(LOG_LEVEL_INFO);
    logger_to(take);
}

static int times_said(const char *words)
{
    int n = 0;
    pthread_mutex_lock(&mutex);
    for (const char *at = buffer_cstr(&said); (at = strstr(at, words)) != NULL; at++) {
        n++;
    }
    pthread_mutex_unlock(&mutex);
    return n;
}

static void be_quiet(void)
{
    logger_to(NULL);
    logger_level(LOG_LEVEL_ERROR);
}

static void assert_said(const char *words, int n)
{
    be_quiet();
    if (times_said(words) != n) {
        fail_msg("said %d times, not %d: %s\n%s", times_said(words), n, words, said.data);
    }
}

struct rig {
    struct lane_rig lanes;
    struct rig_disks disks; /* of the process that keeps copies */
    struct standby *standby;
    int rounds;
};

enum { IN_MEMORY, IN_FILES, ON_DISK };

static void init(struct rig *r, int where)
{
    memset(r, 0, sizeof *r);
    lane_rig_init(&r->lanes, topology, PARTITIONS);
    rig_disks_init(&r->disks, 0, 1);
    r->disks.is_calm = true;
    if (where == IN_FILES) {
        rig_disks_use_files(&r->disks);
    }
    r->lanes.copies = where == IN_MEMORY ? NULL : &r->disks;
    r->standby = lane_rig_standby(&r->lanes, STANDBY_ALL, "here");
}

static void done(struct rig *r)
{
    standby_stop(r->standby);
    lane_rig_done(&r->lanes);
    standby_free(r->standby);
    rig_disks_done(&r->disks);
}

static void send(struct rig *r)
{
    for (int i = 0; i < KEYS; i++) {
        char key[20], value[60];
        snprintf(key, sizeof key, "k%d", i);
        snprintf(value, sizeof value, "{\"h\":\"%s\",\"v\":1}", key);
        lane_rig_send(&r->lanes, "x", i % PARTITIONS, key, value, r->rounds);
    }
    r->rounds++;
}

/* A process without copies reads all there is. */
static void run_elsewhere(struct rig *r)
{
    lane_rig_start(&r->lanes, 0);
    assert_int_equal(lane_rig_settle(&r->lanes), 0);
    lane_rig_stop(&r->lanes, 0);
}

static void run_here(struct rig *r)
{
    r->lanes.disks = r->lanes.copies;
    r->lanes.standby[1] = r->standby;
    lane_rig_start(&r->lanes, 1);
    assert_int_equal(lane_rig_settle(&r->lanes), 0);
    lane_rig_stop(&r->lanes, 1);
    r->lanes.disks = NULL;
}

static int add_one(void *ctx, const struct record *r)
{
    (void)r;
    ++*(uint64_t *)ctx;
    return 0;
}

static uint64_t changes(struct rig *r)
{
    const struct subplan *s = &r->lanes.plan.plan->subplan[0];
    struct err e = {0};
    uint64_t n = 0;
    for (int i = 0; i < s->nstores; i++) {
        for (int32_t p = 0; p < PARTITIONS; p++) {
            int64_t next;
            r->lanes.log->ops->read_all(r->lanes.log, s->store[i].changelog, p, 0, add_one, &n,
                                        &next, &e);
        }
    }
    return n;
}

static void wait_for(struct rig *r, uint64_t copies, uint64_t read)
{
    int64_t begun = clock_monotonic_ns();
    struct standby_counts c = standby_counts(r->standby);
    while (c.copies != copies || c.changes < read) {
        assert_true(clock_monotonic_ns() - begun < 60000000000);
        sched_yield();
        c = standby_counts(r->standby);
    }
}

/* Of each key the last line counts all of its rows. */
static void assert_counted(struct rig *r)
{
    struct buffer out;
    char last[60];
    buffer_init(&out);
    lane_rig_output(&r->lanes, "out", &out);
    for (int k = 0; k < KEYS; k++) {
        snprintf(last, sizeof last, " k%d k%d,%d,%d,%d\n", k, k, r->rounds, r->rounds, r->rounds);
        if (!strstr(buffer_cstr(&out), last)) {
            fail_msg("no %s in\n%s", last, out.data);
        }
    }
    buffer_done(&out);
}

static void a_takeover_reads_the_tail_only(void **state)
{
    (void)state;
    for (int where = IN_MEMORY; where <= ON_DISK; where++) {
        struct rig r;
        init(&r, where);
        send(&r);
        send(&r);
        run_elsewhere(&r);
        wait_for(&r, PARTITIONS, changes(&r));
        send(&r);
        listen();
        run_here(&r);
        assert_said(where == ON_DISK ? " 0 changes since its checkpoint"
                                     : " 0 changes since its standby copy",
                    2 * PARTITIONS);
        assert_counted(&r);
        wait_for(&r, PARTITIONS, 0); /* the lane has given them back */
        send(&r);
        listen();
        run_elsewhere(&r);
        assert_said("since its", 0); /* the other process has no copy */
        assert_counted(&r);
        done(&r);
    }
}

static void what_came_after_the_copy_is_read(void **state)
{
    (void)state;
    struct rig r;
    init(&r, IN_MEMORY);
    send(&r);
    run_elsewhere(&r);
    uint64_t before = changes(&r);
    wait_for(&r, PARTITIONS, before);
    struct task *copy[PARTITIONS];
    int64_t next[2][PARTITIONS];
    for (int32_t p = 0; p < PARTITIONS; p++) { /* as a lane would, which then gives up */
        copy[p] = standby_take(r.standby, &r, 0, p, next[p]);
        assert_non_null(copy[p]);
        assert_null(standby_take(r.standby, &r, 0, p, next[p]));
        task_free(copy[p]);
    }
    assert_int_equal(standby_counts(r.standby).copies, 0);
    send(&r);
    run_elsewhere(&r);
    for (int32_t p = 0; p < PARTITIONS; p++) {
        standby_give_back(r.standby, "another lane", 0, p); /* whose it is not */
        standby_give_back(r.standby, &r, 0, p);
    }
    wait_for(&r, PARTITIONS, before + changes(&r));
    send(&r);
    run_here(&r);
    assert_counted(&r);
    done(&r);
}

static void a_stopped_standby_gives_nothing(void **state)
{
    (void)state;
    struct rig r;
    int64_t next[2];
    init(&r, IN_MEMORY);
    send(&r);
    run_elsewhere(&r);
    wait_for(&r, PARTITIONS, changes(&r));
    standby_stop(r.standby);
    assert_null(standby_take(r.standby, &r, 0, 0, next));
    assert_null(standby_take(r.standby, &r, 7, 0, next)); /* no such task */
    standby_give_back(r.standby, &r, 7, 0);
    send(&r);
    run_here(&r);
    assert_counted(&r);
    done(&r);
}

static void copies_give_way_to_memory_limit(void **state)
{
    (void)state;
    struct rig r;
    init(&r, IN_MEMORY);
    struct memory_use memory = {.topology = "t", .limit = 2 << 10};
    struct standby_config cfg = r.standby->cfg;
    standby_free(r.standby);
    cfg.memory = &memory;
    struct err e = {0};
    listen();
    assert_int_equal(standby_start(&r.standby, &cfg, &e), 0);
    send(&r);
    run_elsewhere(&r);
    int64_t begun = clock_monotonic_ns();
    while (times_said("no standby copy of t-a-aggregate-changelog partition") < PARTITIONS) {
        assert_true(clock_monotonic_ns() - begun < 60000000000);
        sched_yield();
    }
    assert_said("with it, state would take more than its half of memory.limit", PARTITIONS);
    assert_int_equal(standby_counts(r.standby).copies, 0);
    send(&r);
    run_here(&r);
    assert_counted(&r);
    done(&r);
}

static void a_damaged_changelog_is_not_copied(void **state)
{
    (void)state;
    struct rig r;
    init(&r, IN_MEMORY);
    listen();
    lane_rig_send(&r.lanes, "t-a-aggregate-changelog", 1, "k1", "x", 0);
    int64_t begun = clock_monotonic_ns();
    while (times_said("damaged entry") == 0) {
        assert_true(clock_monotonic_ns() - begun < 60000000000);
        sched_yield();
    }
    wait_for(&r, PARTITIONS - 1, 0);
    assert_said("no standby copy of t-a-aggregate-changelog partition 1: ", 1);
    done(&r);
}

static void of_n_copies_each_process_keeps_its_share(void **state)
{
    (void)state;
    struct rig r;
    init(&r, IN_MEMORY);
    standby_free(r.standby);
    r.standby = lane_rig_standby(&r.lanes, 1, "member"); /* lane 0 is its only lane: member-0 */
    r.lanes.standby[0] = r.standby;
    send(&r);
    lane_rig_start(&r.lanes, 0);
    assert_int_equal(lane_rig_settle(&r.lanes), 0);
    assert_int_equal(standby_counts(r.standby).copies, 0); /* all tasks are its own */
    lane_rig_stop(&r.lanes, 0);
    done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_takeover_reads_the_tail_only),
        cmocka_unit_test(what_came_after_the_copy_is_read),
        cmocka_unit_test(a_stopped_standby_gives_nothing),
        cmocka_unit_test(copies_give_way_to_memory_limit),
        cmocka_unit_test(a_damaged_changelog_is_not_copied),
        cmocka_unit_test(of_n_copies_each_process_keeps_its_share),
    };
    logger_level(LOG_LEVEL_ERROR);
    buffer_init(&said);
    int status = cmocka_run_group_tests(tests, NULL, NULL);
    buffer_done(&said);
    return status;
}
