/* Drains: every record of the topic reaches the connector, in order, also when that refuses for a
 * while; only what was flushed counts as read.
 */
#include "engine/memory.h"
#include "tests/support/plan_rig.h"
#include "worker/feeder.h"
#include "worker/memory_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* A sink that remembers, in one drain's thread at a time. */
struct connector {
    struct memo *memo;
};
struct memo {
    struct buffer lines;
    int opened, closed, flushed, writes;
    int refuse_write, refuse_flush; /* the n-th call fails; 0: none */
    int kind;                       /* of that failure */
};

static int memo_open(struct connector **out, const void *cfg, struct err *e)
{
    (void)e;
    *out = mem_zalloc(sizeof **out);
    (*out)->memo = (struct memo *)(uintptr_t)cfg;
    (*out)->memo->opened++;
    return 0;
}

static int memo_write(struct connector *c, const char *line, size_t n, struct err *e)
{
    if (++c->memo->writes == c->memo->refuse_write) {
        return err_set(e, (enum err_kind)c->memo->kind, "refused");
    }
    const char *value = strstr(line, "\"value\":");
    assert_true(value && n == strlen(line));
    buffer_text(&c->memo->lines, value + 8);
    return 0;
}

static int memo_flush(struct connector *c, struct err *e)
{
    return ++c->memo->flushed == c->memo->refuse_flush
               ? err_set(e, (enum err_kind)c->memo->kind, "not flushed")
               : 0;
}

static void memo_close(struct connector *c)
{
    c->memo->closed++;
    mem_free(c);
}

static const struct connector_def memo_def = {.name = "memo",
                                              .doc = "remembers",
                                              .sink_open = memo_open,
                                              .sink_write = memo_write,
                                              .sink_flush = memo_flush,
                                              .close = memo_close};

struct draining {
    struct memory_broker *broker;
    struct client client;
    struct plan_rig plan;
    struct plan_sink sink;
    struct memo memo;
    struct err e;
};

static void draining_init(struct draining *x, int32_t partitions)
{
    struct config_list none = {0};
    *x = (struct draining){.broker = memory_broker_new(partitions)};
    assert_int_equal(client_open(&x->client, x->broker, &none, NULL, &x->e), 0);
    assert_int_equal(plan_rig_init(&x->plan, "name: t\nstreams:\n  a:\n    from: {topic: x, value: "
                                             "json, columns: {v: long}}\n    to: {topic: out, "
                                             "value: csv}\n"),
                     0);
    x->sink = *x->plan.plan->sink[0];
    x->sink.drain = &memo_def;
    x->sink.drain_cfg = &x->memo;
    buffer_init(&x->memo.lines);
    struct log *log = x->client.log;
    assert_int_equal(log->ops->create_topic(log, "out", partitions, 1, false, NULL, 1000, &x->e),
                     0);
}

static void draining_done(struct draining *x)
{
    assert_int_equal(x->memo.opened, x->memo.closed);
    buffer_done(&x->memo.lines);
    plan_rig_done(&x->plan);
    client_close(&x->client);
    memory_broker_free(x->broker);
}

static void produce(struct draining *x, int32_t partition, const char *value)
{
    struct record r = {.topic = "out",
                       .partition = partition,
                       .timestamp = 1,
                       .value = value,
                       .value_n = strlen(value)};
    struct log *log = x->client.log;
    assert_int_equal(log->ops->produce(log, &r, 1, &x->e), 0);
    assert_int_equal(log->ops->commit(log, NULL, 0, &x->e), 0);
}

/* Starts, and stops once all that is there is written. */
static int drain(struct draining *x)
{
    struct drain *d;
    err_clear(&x->e);
    buffer_clear(&x->memo.lines);
    assert_int_equal(drain_start(&d, &x->client, x->plan.plan, &x->sink, &x->e), 0);
    return drain_stop(d, &x->e);
}

static void test_everything_once_and_in_order(void **unused)
{
    struct draining x;
    (void)unused;
    draining_init(&x, 1);
    produce(&x, 0, "1");
    produce(&x, 0, "2");
    assert_int_equal(drain(&x), 0);
    assert_string_equal(buffer_cstr(&x.memo.lines), "{\"v\":1}}{\"v\":2}}");
    assert_true(x.memo.flushed > 0);
    produce(&x, 0, "3");
    assert_int_equal(drain(&x), 0); /* goes on behind what was committed */
    assert_string_equal(buffer_cstr(&x.memo.lines), "{\"v\":3}}");
    assert_int_equal(drain(&x), 0);
    assert_int_equal(x.memo.lines.n, 0);
    draining_done(&x);
}

static void test_all_partitions(void **unused)
{
    struct draining x;
    char text[16], line[32];
    (void)unused;
    draining_init(&x, 300);
    for (int32_t p = 0; p < 300; p++) {
        snprintf(text, sizeof text, "%d", 1000 + p);
        produce(&x, p, text);
    }
    assert_int_equal(drain(&x), 0);
    for (int32_t p = 0; p < 300; p++) {
        snprintf(line, sizeof line, "{\"v\":%d}}", 1000 + p);
        assert_non_null(strstr(buffer_cstr(&x.memo.lines), line));
    }
    assert_int_equal(drain(&x), 0); /* the offset of each was committed */
    assert_int_equal(x.memo.lines.n, 0);
    draining_done(&x);
}

static void test_a_refused_line_is_written_again(void **unused)
{
    struct draining x;
    (void)unused;
    draining_init(&x, 2);
    produce(&x, 0, "1");
    produce(&x, 0, "2");
    produce(&x, 1, "3");
    x.memo.refuse_write = 2;
    x.memo.kind = ERR_RETRY;
    assert_int_equal(drain(&x), 0);
    const char *lines = buffer_cstr(&x.memo.lines);
    assert_non_null(strstr(lines, "{\"v\":1}}"));
    assert_non_null(strstr(lines, "{\"v\":2}}"));
    assert_non_null(strstr(lines, "{\"v\":3}}"));
    assert_int_equal(drain(&x), 0);
    assert_int_equal(x.memo.lines.n, 0);
    draining_done(&x);
}

static void test_what_was_not_flushed_is_written_again(void **unused)
{
    struct draining x;
    (void)unused;
    draining_init(&x, 1);
    produce(&x, 0, "1");
    x.memo.refuse_flush = 1;
    x.memo.kind = ERR_RETRY;
    assert_int_equal(drain(&x), 0);
    assert_string_equal(buffer_cstr(&x.memo.lines), "{\"v\":1}}{\"v\":1}}");
    draining_done(&x);
}

static void test_a_failure_ends_it_and_commits_nothing(void **unused)
{
    struct draining x;
    (void)unused;
    draining_init(&x, 1);
    produce(&x, 0, "1");
    produce(&x, 0, "2");
    x.memo.refuse_write = 2;
    x.memo.kind = ERR_CONFIG;
    assert_int_equal(drain(&x), -ERR_CONFIG);
    assert_string_equal(x.e.text, "sink of stream a: refused");
    assert_int_equal(drain(&x), 0);
    assert_string_equal(buffer_cstr(&x.memo.lines), "{\"v\":1}}{\"v\":2}}");
    draining_done(&x);
}

static void test_a_record_of_no_format_is_passed_over(void **unused)
{
    struct draining x;
    (void)unused;
    draining_init(&x, 1);
    produce(&x, 0, "1");
    produce(&x, 0, "x");
    produce(&x, 0, "3");
    assert_int_equal(drain(&x), 0);
    assert_string_equal(buffer_cstr(&x.memo.lines), "{\"v\":1}}{\"v\":3}}");
    draining_done(&x);
}

static void test_into_a_file(void **unused)
{
    struct draining x;
    struct plan_rig plan;
    char path[] = P_tmpdir "/klamm-drain-XXXXXX", topology[256], text[512] = "";
    (void)unused;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    draining_init(&x, 1);
    snprintf(topology, sizeof topology,
             "name: t\nstreams:\n  a:\n    from: {topic: x, value: json, columns: {v: long}}\n"
             "    to: {file: {path: %s}}\n",
             path);
    int result = plan_rig_init(&plan, topology);
    if (result < 0) {
        print_message("%s", plan_rig_problems(&plan));
    }
    assert_int_equal(result, 0);
    x.sink.drain = plan.plan->sink[0]->drain;
    x.sink.drain_cfg = plan.plan->sink[0]->drain_cfg;
    produce(&x, 0, "5");
    assert_int_equal(drain(&x), 0);
    assert_true(read(fd, text, sizeof text - 1) > 0);
    assert_string_equal(text, "{\"topic\":\"out\",\"partition\":0,\"offset\":0,\"key\":null,"
                              "\"timestamp\":1,\"value\":{\"v\":5}}\n");
    close(fd);
    unlink(path);
    plan_rig_done(&plan);
    draining_done(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_once_and_in_order),
        cmocka_unit_test(test_all_partitions),
        cmocka_unit_test(test_a_refused_line_is_written_again),
        cmocka_unit_test(test_what_was_not_flushed_is_written_again),
        cmocka_unit_test(test_a_failure_ends_it_and_commits_nothing),
        cmocka_unit_test(test_a_record_of_no_format_is_passed_over),
        cmocka_unit_test(test_into_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
