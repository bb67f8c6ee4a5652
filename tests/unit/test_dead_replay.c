/* Replay of dead letters in memory: what goes where, once, and what is left. */
#include "tests/support/dead_rig.h"
#include "worker/dead_replay.h"

#include "engine/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct setup {
    struct memory_client m;
    struct dead_replay x;
    struct err e;
};

static void begin(struct setup *s)
{
    *s = (struct setup){.x = {.topic = "dead", .attempts = 3}};
    memory_client_init(&s->m);
    dead_rig_topic(&s->m, "dead", 1);
    dead_rig_topic(&s->m, "in", 3);
    dead_rig_topic(&s->m, "t-s-repartition", 2);
}

static void end(struct setup *s)
{
    dead_replay_done(&s->x);
    memory_client_done(&s->m);
}

static void letter(struct setup *s, const char *topic, const char *offset, const char *stage,
                   const char *replays, const char *value)
{
    dead_rig_letter(&s->m, topic, "2", offset, stage, "why", replays, value);
}

static uint64_t replay(struct setup *s)
{
    err_clear(&s->e);
    assert_int_equal(dead_replay_run(&s->x, &s->m.client, &s->e), 0);
    return s->x.sent;
}

static int print_one(void *ctx, const struct record *r)
{
    struct buffer *b = ctx;
    buffer_printf(b, "%d:%.*s", r->partition, (int)r->value_n,
                  r->value ? (const char *)r->value : "");
    for (size_t i = 0; i < r->nheaders; i++) {
        buffer_printf(b, ",%s=%.*s", r->headers[i].name, (int)r->headers[i].n,
                      (const char *)r->headers[i].value);
    }
    buffer_text(b, " ");
    return 0;
}

static void assert_topic(struct setup *s, const char *topic, const char *expected)
{
    struct log *log = s->m.client.log;
    struct buffer b;
    int32_t n;
    int64_t next;
    buffer_init(&b);
    assert_int_equal(log->ops->partitions(log, topic, &n, 100, NULL), 0);
    for (int32_t p = 0; p < n; p++) {
        assert_int_equal(log->ops->read_all(log, topic, p, 0, print_one, &b, &next, NULL), 0);
    }
    assert_string_equal(buffer_cstr(&b), expected);
    buffer_done(&b);
}

static void each_goes_back_once(void **state)
{
    (void)state;
    struct setup s;
    begin(&s);
    letter(&s, "in", "0", "VALUE_CONVERTER", NULL, "a");
    letter(&s, "in", "1", "TRANSFORMATION", "1", "b");
    letter(&s, "in", "1", "TRANSFORMATION", "1", "b"); /* another stream refused it as well */
    s.x.is_dry = true;
    assert_int_equal(replay(&s), 2);
    assert_topic(&s, "in", "");
    s.x.is_dry = false;
    assert_int_equal(replay(&s), 2);
    assert_int_equal(s.x.again, 1);
    assert_int_equal(s.x.target[0].n, 2);
    assert_topic(&s, "in", "2:a,mine=kept,klamm.replayed=1 2:b,mine=kept,klamm.replayed=2 ");
    assert_int_equal(replay(&s), 0);
    letter(&s, "in", "9", "VALUE_CONVERTER", NULL, "c");
    assert_int_equal(replay(&s), 1);
    assert_int_equal(replay(&s), 0);
    end(&s);
}

static void filters_leave_the_rest_for_later(void **state)
{
    (void)state;
    struct setup s;
    begin(&s);
    for (int i = 0; i < 20; i++) {
        char offset[12];
        snprintf(offset, sizeof offset, "%d", i);
        letter(&s, "in", offset, i % 3 ? "TRANSFORMATION" : "VALUE_CONVERTER", NULL, "x");
    }
    s.x.nfilters = 2;
    s.x.filter[0] = (struct dead_filter){"stage", "VALUE_CONVERTER"};
    s.x.filter[1] = (struct dead_filter){"topic", "in"};
    assert_int_equal(replay(&s), 7);
    assert_int_equal(s.x.filtered, 13);
    assert_true(s.x.nstages > 0);
    assert_true(strlen(s.x.stage[0]) > 0);
    assert_int_equal(replay(&s), 0);
    s.x.filter[1].value = "other";
    assert_int_equal(replay(&s), 0);
    s.x.nfilters = 0;
    assert_int_equal(replay(&s), 13);
    assert_int_equal(replay(&s), 0);
    assert_int_equal(dead_filter_check("by"), 0);
    assert_int_equal(dead_filter_check("colour"), -ERR_CONFIG);
    end(&s);
}

static void what_is_left(void **state)
{
    (void)state;
    struct setup s;
    begin(&s);
    letter(&s, "in", "-1", "TRANSFORMATION", NULL, "row behind a window");
    letter(&s, "t-s-repartition", "4", "TRANSFORMATION", NULL, "inside");
    letter(&s, "in", "5", "TRANSFORMATION", "3", "tired");
    letter(&s, "gone", "6", "TRANSFORMATION", NULL, "gone");
    letter(&s, "in", "7", "TRANSFORMATION", NULL, "fine");
    struct record stray = {
        .topic = "dead", .offset = -1, .timestamp = 1, .value = "?", .value_n = 1};
    struct log *log = s.m.client.log;
    assert_int_equal(log->ops->produce(log, &stray, 1, NULL), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(replay(&s), i == 0);
        assert_int_equal(s.x.internal, 1);
        assert_int_equal(s.x.tired, 1);
        assert_int_equal(s.x.gone, 1);
        assert_int_equal(s.x.rows, i == 0);
    }
    s.x.attempts = 9;
    s.x.takes_internal = true;
    dead_rig_topic(&s.m, "gone", 1);
    assert_int_equal(replay(&s), 3);
    assert_topic(&s, "t-s-repartition", "0:inside,mine=kept,klamm.replayed=1 "); /* by the key */
    assert_topic(&s, "gone", "0:gone,mine=kept,klamm.replayed=1 ");
    end(&s);
}

static void another_target_counts_by_itself(void **state)
{
    (void)state;
    struct setup s;
    begin(&s);
    dead_rig_topic(&s.m, "aside", 1);
    letter(&s, "in", "0", "VALUE_CONVERTER", NULL, "a");
    s.x.to = "aside";
    assert_int_equal(replay(&s), 1);
    assert_int_equal(replay(&s), 0);
    s.x.to = NULL;
    assert_int_equal(replay(&s), 1);
    assert_topic(&s, "aside", "0:a,mine=kept,klamm.replayed=1 ");
    s.x.to = "nowhere";
    assert_int_equal(replay(&s), 0);
    assert_int_equal(s.x.gone, 1);
    s.x.topic = "nothing";
    err_clear(&s.e);
    assert_int_equal(dead_replay_run(&s.x, &s.m.client, &s.e), -ERR_CONFIG);
    end(&s);
}

/* What did not fit into the letter is fetched where it stood. */
static void large_records_come_from_their_origin(void **state)
{
    (void)state;
    struct setup s;
    begin(&s);
    struct log *log = s.m.client.log;
    const struct header own = {"own", "h", 1};
    struct record r = {.topic = "in",
                       .partition = 2,
                       .offset = -1,
                       .timestamp = 3,
                       .value = "large",
                       .value_n = 5,
                       .headers = &own,
                       .nheaders = 1};
    assert_int_equal(log->ops->produce(log, &r, 1, NULL), 0);
    const struct header h[] = {{"__connect.errors.topic", "in", 2},
                               {"__connect.errors.partition", "2", 1},
                               {"__connect.errors.offset", "0", 1},
                               {"klamm.left.out", "value", 5}};
    struct record dead = {
        .topic = "dead", .offset = -1, .timestamp = 3, .headers = h, .nheaders = 4};
    assert_int_equal(log->ops->produce(log, &dead, 1, NULL), 0);
    assert_int_equal(replay(&s), 1);
    assert_topic(&s, "in", "2:large,own=h 2:large,own=h,klamm.replayed=1 ");
    struct header late[4];
    memcpy(late, h, sizeof h);
    late[2] = (struct header){"__connect.errors.offset", "77", 2};
    dead.headers = late;
    assert_int_equal(log->ops->produce(log, &dead, 1, NULL), 0);
    assert_int_equal(replay(&s), 0);
    assert_int_equal(s.x.gone, 1);
    end(&s);
}

/* More than one transaction, and one that breaks off: nothing is lost, nothing comes twice. */
static void many_letters(void **state)
{
    (void)state;
    struct setup s;
    atomic_bool stop = true;
    begin(&s);
    for (int i = 0; i < 1700; i++) {
        char offset[12];
        snprintf(offset, sizeof offset, "%d", i);
        letter(&s, "in", offset, "VALUE_CONVERTER", NULL, "x");
    }
    s.x.stop = &stop;
    err_clear(&s.e);
    assert_int_equal(dead_replay_run(&s.x, &s.m.client, &s.e), -ERR_ABORT);
    stop = false;
    assert_int_equal(replay(&s), 1700);
    assert_int_equal(replay(&s), 0);
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_goes_back_once),
        cmocka_unit_test(filters_leave_the_rest_for_later),
        cmocka_unit_test(what_is_left),
        cmocka_unit_test(another_target_counts_by_itself),
        cmocka_unit_test(large_records_come_from_their_origin),
        cmocka_unit_test(many_letters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
