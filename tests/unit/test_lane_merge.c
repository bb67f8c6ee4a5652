/* Rows of a table and of a stream by event time while both come in.
 */
#include "tests/support/lane_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static const char text[] =
    "name: t\n"
    "tables: {h: {from: {topic: h, value: json, columns: {v: long, ts: long}}, merge_wait: %s, "
    "time: {field: ts}}}\n"
    "streams:\n  s:\n    from: {topic: s, value: json, columns: {i: long}}\n"
    "    steps: [lookup: {table: h, take: v}, select: \"i, v\"]\n"
    "    to: {topic: out, value: csv}\n";

static void start(struct lane_rig *r, const char *merge_wait)
{
    char topology[1000];
    snprintf(topology, sizeof topology, text, merge_wait);
    lane_rig_init(r, topology, 1);
    lane_rig_start(r, 0);
    lane_rig_send(r, "h", 0, "k", "{\"v\":0,\"ts\":10}", 999);
    lane_rig_send(r, "s", 0, "k", "{\"i\":0}", 10);
    assert_int_equal(lane_rig_settle(r), 0); /* the table is read up to here; from now on: merged */
}

static void send_table(struct lane_rig *r, int time)
{
    char value[60];
    snprintf(value, sizeof value, "{\"v\":%d,\"ts\":%d}", time, time);
    lane_rig_send(r, "h", 0, "k", value, 5000 - time); /* its timestamp does not count */
}

static void send_stream(struct lane_rig *r, int time)
{
    char value[60];
    snprintf(value, sizeof value, "{\"i\":%d}", time);
    lane_rig_send(r, "s", 0, "k", value, time);
}

static void assert_out(struct lane_rig *r, const char *want)
{
    struct buffer out;
    buffer_init(&out);
    lane_rig_output(r, "out", &out);
    assert_string_equal(buffer_cstr(&out), want);
    buffer_done(&out);
}

static void by_event_time(void **state)
{
    (void)state;
    struct lane_rig r;
    start(&r, "10000d");
    for (int t = 15; t <= 55; t += 10) {
        send_stream(&r, t);
        send_stream(&r, t + 5); /* at the time of a change: the table first */
    }
    for (int t = 20; t <= 70; t += 10) {
        send_table(&r, t);
    }
    send_stream(&r, 71);
    send_table(&r, 71);
    assert_int_equal(lane_rig_settle(&r), 0);
    assert_int_equal(lane_rig_stop(&r, 0), 0);
    assert_out(&r, "0 k 0,0\n0 k 15,0\n0 k 20,20\n0 k 25,20\n0 k 30,30\n0 k 35,30\n0 k 40,40\n"
                   "0 k 45,40\n0 k 50,50\n0 k 55,50\n0 k 60,60\n0 k 71,71\n");
    lane_rig_done(&r);
}

static void rows_wait_no_longer_than_allowed(void **state)
{
    (void)state;
    struct lane_rig r;
    start(&r, "1s");
    send_stream(&r, 20);
    assert_int_equal(lane_rig_settle(&r), 0); /* the table says nothing more */
    assert_out(&r, "0 k 0,0\n0 k 20,0\n");
    assert_int_equal(lane_rig_stop(&r, 0), 0);
    lane_rig_done(&r);
}

static void nothing_waits_by_default(void **state)
{
    (void)state;
    struct lane_rig r;
    start(&r, "0s");
    send_stream(&r, 20);
    assert_int_equal(lane_rig_settle(&r), 0);
    send_table(&r, 15);
    send_stream(&r, 30);
    assert_int_equal(lane_rig_settle(&r), 0);
    assert_int_equal(lane_rig_stop(&r, 0), 0);
    struct buffer out;
    buffer_init(&out);
    lane_rig_output(&r, "out", &out);
    assert_non_null(strstr(buffer_cstr(&out), "0 k 20,0\n0 k 30,"));
    buffer_done(&out);
    lane_rig_done(&r);
}

/* More than may wait at once: the stream is paused meanwhile. Another lane comes and goes, which
 * takes away what waits; it is read again. */
static void many_wait(void **state)
{
    (void)state;
    struct lane_rig r;
    struct buffer out;
    enum { MANY = 25000 };
    buffer_init(&out);
    start(&r, "10000d");
    for (int i = 0; i < MANY; i++) {
        send_stream(&r, 20 + i);
    }
    lane_rig_start(&r, 1);
    send_table(&r, 30);
    assert_int_equal(lane_rig_stop(&r, 1), 0);
    send_table(&r, 19 + MANY);
    assert_int_equal(lane_rig_settle(&r), 0);
    assert_int_equal(lane_rig_stop(&r, 0), 0);
    lane_rig_output(&r, "out", &out);
    int lines = 0;
    for (const char *p = buffer_cstr(&out); *p; p = strchr(p, '\n') + 1) {
        int i = -1;
        assert_int_equal(sscanf(p, "0 k %d,", &i), 1);
        assert_int_equal(i, lines == 0 ? 0 : 19 + lines);
        lines++;
    }
    assert_int_equal(lines, MANY + 1);
    buffer_done(&out);
    lane_rig_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_event_time),
        cmocka_unit_test(rows_wait_no_longer_than_allowed),
        cmocka_unit_test(nothing_waits_by_default),
        cmocka_unit_test(many_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
