/* One standby copy, without its thread: a lane that takes the task while the broker is asked, the
 * time of the mark, and a changelog that was made anew.
 */
#include "engine/memory.h"
#include "tests/support/fake_disk.h"
#include "tests/support/lane_rig.h"
#include "worker/standby_impl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static const char topology[] =
    "name: t\nstreams:\n"
    "  a:\n    from: {topic: x, value: json, key: {h: string}, columns: {h: string, v: long}}\n"
    "    steps:\n      - aggregate: \"count() as n\"\n"
    "    to: {topic: out, value: csv}\n";

#define CHANGELOG "t-a-aggregate-changelog"

struct rig;

/* A log that asks the rig back, where the broker is asked. */
struct asked_log {
    struct log log; /* first */
    struct rig *rig;
    int64_t end;
    bool takes; /* a lane takes the task meanwhile */
    bool follows;
    int64_t from;
};

struct rig {
    struct lane_rig lanes;
    struct asked_log log;
    struct fake_disk disk;
    int nopen;
    int64_t now;
    struct clock clock;
    int64_t next, target;
    bool is_followed;
    struct copy copy;
    struct standby s;
    struct err e;
};

static int64_t now_of(const struct clock *c)
{
    return ((const struct rig *)(uintptr_t)((uintptr_t)c - offsetof(struct rig, clock)))->now;
}

static int bounds(struct log *l, const char *topic, int32_t partition, int64_t *begin, int64_t *end,
                  int ms, struct err *e)
{
    struct asked_log *log = (struct asked_log *)l;
    int64_t next;
    (void)ms;
    (void)e;
    assert_string_equal(topic, CHANGELOG);
    assert_int_equal(partition, 0);
    *begin = 0;
    *end = log->end;
    if (log->takes) {
        assert_null(standby_take(&log->rig->s, "lane", 0, 0, &next));
    }
    return 0;
}

static int written(struct log *l, const char *topic, int32_t partition, int64_t *end, int ms,
                   struct err *e)
{
    int64_t begin;
    return bounds(l, topic, partition, &begin, end, ms, e);
}

static int follow(struct log *l, const char *topic, int32_t partition, int64_t from, struct err *e)
{
    struct asked_log *log = (struct asked_log *)l;
    (void)topic;
    (void)partition;
    (void)e;
    log->follows = true;
    log->from = from;
    return 0;
}

static int position(struct log *l, const char *topic, int32_t partition, int64_t *offset)
{
    (void)topic;
    (void)partition;
    *offset = ((struct asked_log *)l)->from;
    return 0;
}

static const struct log_ops ops = {
    .bounds = bounds, .written = written, .follow = follow, .position = position};

static int open_disk(void *ctx, const char *name, uint16_t nlazy, struct state_disk **out,
                     struct err *e)
{
    struct rig *r = ctx;
    (void)nlazy;
    (void)e;
    assert_string_equal(name, CHANGELOG "-0");
    r->nopen++;
    *out = &r->disk.disk;
    return 0;
}

static void close_disk(void *ctx, struct state_disk *d)
{
    struct rig *r = ctx;
    r->nopen--;
    d->ops->close(d);
}

static void init(struct rig *r, bool has_disk)
{
    memset(r, 0, sizeof *r);
    lane_rig_init(&r->lanes, topology, 1);
    fake_disk_init(&r->disk, 0);
    r->clock.now = now_of;
    r->now = 1000000;
    r->log = (struct asked_log){.log.ops = &ops, .rig = r};
    r->copy = (struct copy){
        .is_wanted = true, .next = &r->next, .target = &r->target, .is_followed = &r->is_followed};
    r->s = (struct standby){.cfg = {.plan = r->lanes.plan.plan,
                                    .clock = &r->clock,
                                    .schemas = r->lanes.schemas,
                                    .tasks = r->lanes.topics.tasks,
                                    .ctx = r,
                                    .open_disk = has_disk ? open_disk : NULL,
                                    .close_disk = close_disk},
                            .log = &r->log.log,
                            .n = 1,
                            .copy = &r->copy};
    pthread_mutex_init(&r->s.mutex, NULL);
}

static void done(struct rig *r)
{
    copy_let_go(&r->s, &r->copy);
    assert_int_equal(r->nopen, 0);
    pthread_mutex_destroy(&r->s.mutex);
    fake_disk_done(&r->disk);
    lane_rig_done(&r->lanes);
}

static struct record deletion(int64_t offset)
{
    return (struct record){.topic = CHANGELOG, .offset = offset, .key = "k", .key_n = 1};
}

static void a_lane_may_take_it_while_the_broker_is_asked(void **state)
{
    (void)state;
    struct rig r;
    struct record first = deletion(4);
    init(&r, true);
    assert_int_equal(copy_open(&r.s, &r.copy, &r.e), 0); /* something to be asked about */
    assert_int_equal(copy_add(&r.copy, 0, &first, &r.e), 0);
    assert_int_equal(copy_write(&r.copy, &r.e), 0);
    copy_let_go(&r.s, &r.copy);
    r.log.takes = true;
    r.log.end = 10;
    r.log.follows = false;
    assert_int_equal(copy_open(&r.s, &r.copy, &r.e), 0);
    assert_int_equal(r.copy.status, COPY_NONE);
    assert_int_equal(r.nopen, 0); /* for the lane to open */
    assert_false(r.log.follows);
    assert_int_equal(copy_open(&r.s, &r.copy, &r.e), 0); /* it is the lane's now */
    assert_int_equal(r.copy.status, COPY_NONE);
    done(&r);
}

static void the_mark_is_as_old_as_what_it_covers(void **state)
{
    (void)state;
    struct rig r;
    struct record at = deletion(4);
    init(&r, true);
    int64_t begun = r.now;
    r.log.end = 10;
    assert_int_equal(copy_open(&r.s, &r.copy, &r.e), 0);
    assert_int_equal(r.log.from, 0);
    r.now += 5000;
    assert_int_equal(copy_ask(&r.s, &r.copy, &r.e), 0);
    r.now += 5000;
    assert_int_equal(copy_add(&r.copy, 0, &at, &r.e), 0);
    r.log.from = 5; /* position */
    copy_follow_positions(&r.s, &r.copy);
    assert_int_equal(r.copy.behind, 5);
    assert_int_equal(r.copy.caught_at, begun);
    r.log.from = 12; /* markers behind the end that was told */
    copy_follow_positions(&r.s, &r.copy);
    assert_int_equal(r.copy.behind, 0);
    assert_int_equal(r.copy.caught_at, begun + 5000);
    assert_int_equal(copy_write(&r.copy, &r.e), 0);
    copy_let_go(&r.s, &r.copy);

    r.now += 5000; /* again: from the mark, and as old as that */
    r.log.end = 12;
    assert_int_equal(copy_open(&r.s, &r.copy, &r.e), 0);
    assert_int_equal(r.copy.status, COPY_LIVE);
    assert_int_equal(r.log.from, 12);
    assert_int_equal(r.copy.caught_at, begun + 5000);
    copy_let_go(&r.s, &r.copy);

    r.log.end = 11; /* a changelog that ends before */
    assert_int_equal(copy_open(&r.s, &r.copy, &r.e), 0);
    assert_int_equal(r.log.from, 0);
    assert_int_equal(r.copy.caught_at, r.now);
    done(&r);
}

static void older_records_are_of_another_topic(void **state)
{
    (void)state;
    for (int has_disk = 0; has_disk < 2; has_disk++) {
        struct rig r;
        struct record at = deletion(4), older = deletion(3);
        init(&r, has_disk);
        assert_int_equal(copy_open(&r.s, &r.copy, &r.e), 0);
        assert_int_equal(copy_add(&r.copy, 0, &at, &r.e), 0);
        assert_int_equal(r.next, 5);
        assert_int_equal(copy_add(&r.copy, 0, &older, &r.e), -ERR_DATA);
        assert_string_equal(r.e.text, "changelog " CHANGELOG " partition 0 begins anew");
        at = deletion(7);
        at.value = "short";
        at.value_n = 5;
        err_clear(&r.e);
        assert_int_equal(copy_add(&r.copy, 0, &at, &r.e), -ERR_DATA);
        assert_non_null(strstr(r.e.text, "damaged entry"));
        assert_int_equal(r.next, 5);
        done(&r);
    }
}

static void in_memory_the_copy_itself_is_handed_over(void **state)
{
    (void)state;
    struct rig r;
    struct record at = deletion(4);
    int64_t next = -1;
    init(&r, false);
    assert_int_equal(copy_open(&r.s, &r.copy, &r.e), 0);
    assert_int_equal(copy_add(&r.copy, 0, &at, &r.e), 0);
    struct task *t = standby_take(&r.s, "lane", 0, 0, &next);
    assert_non_null(t);
    assert_int_equal(next, 5);
    task_free(t);
    standby_give_back(&r.s, "lane", 0, 0);
    assert_int_equal(copy_open(&r.s, &r.copy, &r.e), 0);
    assert_int_equal(r.next, 0); /* from the beginning */
    r.now += 13 * 3600000LL;     /* nobody has told since then where the changelog ends */
    assert_null(standby_take(&r.s, "lane", 0, 0, &next));
    done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lane_may_take_it_while_the_broker_is_asked),
        cmocka_unit_test(the_mark_is_as_old_as_what_it_covers),
        cmocka_unit_test(older_records_are_of_another_topic),
        cmocka_unit_test(in_memory_the_copy_itself_is_handed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
