/* Time board: the least of the partitions that are not idle, ours and those of others. */
#include "engine/clock.h"
#include "tests/support/plan_rig.h"
#include "worker/time_board.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct fixture {
    struct plan_rig rig;
    struct time_board *board;
    const struct plan_source *a, *b;
};

static const int32_t tasks[] = {3};

/* Two streams read topic x, so the metadata of its offsets has two times. */
static void init(struct fixture *f)
{
    assert_int_equal(plan_rig_init(&f->rig,
                                   "name: t\nstreams:\n"
                                   "  a:\n    from: {topic: x, value: json, columns: {v: long}}\n"
                                   "    time: {idle: 100ms}\n    to: oa\n"
                                   "  b:\n    from: {topic: x, value: json, columns: {v: long}}\n"
                                   "    time: {idle: 200ms}\n    to: ob\n"),
                     0);
    f->board = time_board_new(f->rig.plan, tasks);
    f->a = f->rig.plan->source[0];
    f->b = f->rig.plan->source[1];
}

static void done(struct fixture *f)
{
    time_board_free(f->board);
    plan_rig_done(&f->rig);
}

static void set(struct fixture *f, int32_t partition, int64_t watermark, bool is_idle)
{
    time_board_set(f->board, f->a, f->a->topic[0], partition,
                   (struct part_time){watermark, is_idle});
}

static int64_t least(struct fixture *f, const struct plan_source *s)
{
    struct others others = time_board_read(f->board, s, s->topic[0]);
    return others.are_idle ? -others.watermark : others.watermark;
}

static void the_least_that_is_not_idle(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    assert_int_equal(least(&f, f.a), TIME_MIN); /* nobody has said anything */
    set(&f, 0, 70, false);
    set(&f, 1, 50, false);
    assert_int_equal(least(&f, f.a), TIME_MIN);
    set(&f, 2, 10, true);
    assert_int_equal(least(&f, f.a), 50);
    set(&f, 1, 50, true);
    assert_int_equal(least(&f, f.a), 70);
    set(&f, 0, 70, true); /* nothing is left to read */
    assert_int_equal(least(&f, f.a), -70);
    set(&f, 2, 20, true); /* whoever was silent first */
    assert_int_equal(least(&f, f.a), -70);
    set(&f, 7, 1, false); /* no such partition */
    assert_int_equal(least(&f, f.a), -70);
    assert_int_equal(least(&f, f.b), TIME_MIN);
    done(&f);
}

struct list {
    int n;
    int32_t item[8];
};

static void add(void *ctx, int32_t partition)
{
    struct list *l = ctx;
    l->item[l->n++] = partition;
}

static void others_are_heard_of(void **state)
{
    (void)state;
    struct fixture f;
    struct list other = {0}, all = {0}, none = {0};
    init(&f);
    set(&f, 0, 5, true);
    time_board_others(f.board, "x", add, &other);
    assert_int_equal(other.n, 2);
    assert_int_equal(other.item[0], 1);
    assert_int_equal(other.item[1], 2);
    time_board_others(f.board, "y", add, &none);
    assert_int_equal(none.n, 0);
    time_board_heard(f.board, "x", 1, "w60;w80", 1000);
    time_board_heard(f.board, "x", 2, NULL, 1000);
    assert_int_equal(least(&f, f.a), TIME_MIN);
    time_board_heard(f.board, "x", 1, "w65;w90", 1099);
    time_board_heard(f.board, "x", 2, NULL, 1100); /* silent for a's idle, not for b's */
    assert_int_equal(least(&f, f.a), 65);
    assert_int_equal(least(&f, f.b), TIME_MIN);
    time_board_heard(f.board, "x", 1, "w65i;w91", 1110);
    assert_int_equal(least(&f, f.a), -65);
    time_board_heard(f.board, "x", 0, "w99", 1110); /* ours: we know better */
    assert_int_equal(least(&f, f.a), -65);
    time_board_give_up(f.board, "x", 0, 1120);
    time_board_others(f.board, "x", add, &all);
    assert_int_equal(all.n, 3);
    time_board_heard(f.board, "x", 0, "w99", 1120);
    assert_int_equal(least(&f, f.a), 99);
    done(&f);
}

/* Where a global table reads the topic too, the metadata has only the stream's time. */
static void global_tables_have_no_place(void **state)
{
    (void)state;
    struct plan_rig rig;
    static const int32_t two[] = {2, 2};
    assert_int_equal(
        plan_rig_init(
            &rig,
            "name: t\ntables:\n  g:\n    from: {topic: x, value: json, columns: {v: long}}\n"
            "    global: true\n"
            "streams:\n  s:\n    from: {topic: x, value: json, columns: {w: long}}\n"
            "    steps:\n      - lookup: {table: g, on: _key}\n    to: {topic: o, value: json}\n"),
        0);
    struct time_board *b = time_board_new(rig.plan, two);
    assert_int_equal(rig.plan->nsources, 2);
    const struct plan_source *s = rig.plan->source[rig.plan->source[0]->table ? 1 : 0];
    for (int32_t p = 0; p < 2; p++) {
        time_board_heard(b, "x", p, "w7", 1000);
    }
    assert_int_equal(time_board_read(b, s, s->topic[0]).watermark, 7);
    time_board_free(b);
    plan_rig_done(&rig);
}

static void asked_now_and_then(void **state)
{
    (void)state;
    struct fixture f;
    init(&f);
    assert_true(time_board_asks(f.board, 1000));
    assert_false(time_board_asks(f.board, 1499)); /* nothing new */
    assert_true(time_board_asks(f.board, 1500));
    time_board_heard(f.board, "x", 1, "w5;w5", 1510);
    assert_false(time_board_asks(f.board, 1749));
    assert_true(time_board_asks(f.board, 1750));
    time_board_heard(f.board, "x", 1, "w5;w5", 1760); /* unchanged for so long: it is idle */
    assert_true(time_board_asks(f.board, 2000));
    time_board_heard(f.board, "x", 1, "w5;w5", 2010);
    assert_false(time_board_asks(f.board, 2250));
    set(&f, 0, 5, true); /* one of ours has fallen silent */
    assert_true(time_board_asks(f.board, 2250));
    set(&f, 0, 5, true);
    assert_false(time_board_asks(f.board, 2500));
    done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_that_is_not_idle),
        cmocka_unit_test(others_are_heard_of),
        cmocka_unit_test(global_tables_have_no_place),
        cmocka_unit_test(asked_now_and_then),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
