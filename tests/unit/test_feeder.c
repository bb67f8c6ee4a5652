/* Feeders: a file's rows arrive in the stream's topic, once, also over several runs. */
#include "tests/support/plan_rig.h"
#include "worker/feeder.h"
#include "worker/memory_log.h"
#include "worker/printer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

struct feeding {
    char path[64], topology[512];
    struct memory_broker *broker;
    struct client client;
    struct plan_rig plan;
    struct printer *printer;
    struct buffer seen;
    struct err e;
};

static void append(struct feeding *f, const char *text)
{
    FILE *file = fopen(f->path, "ab");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void feeding_init(struct feeding *f, const char *guarantee)
{
    struct config_list none = {0};
    *f = (struct feeding){.broker = memory_broker_new(1)};
    snprintf(f->path, sizeof f->path, P_tmpdir "/klamm-feeder-XXXXXX");
    int fd = mkstemp(f->path);
    assert_true(fd >= 0);
    close(fd);
    snprintf(f->topology, sizeof f->topology,
             "name: t\nguarantee: %s\nstreams:\n  a:\n    from: {file: {path: %s, columns: "
             "{g: string, v: long}}}\n    to: out\n",
             guarantee, f->path);
    assert_int_equal(client_open(&f->client, f->broker, &none, NULL, &f->e), 0);
    int result = plan_rig_init(&f->plan, f->topology);
    if (result < 0) {
        print_message("%s", plan_rig_problems(&f->plan));
    }
    assert_int_equal(result, 0);
    assert_non_null(f->plan.plan->source[0]->feeder);
    buffer_init(&f->seen);
}

static void feeding_done(struct feeding *f)
{
    buffer_done(&f->seen);
    plan_rig_done(&f->plan);
    client_close(&f->client);
    memory_broker_free(f->broker);
    unlink(f->path);
}

/* Feeds until the end of the file, or a failure. */
static int feed(struct feeding *f)
{
    struct feeder *feeder;
    err_clear(&f->e);
    assert_int_equal(
        feeder_start(&feeder, &f->client, f->plan.plan, f->plan.plan->source[0], &f->e), 0);
    for (int i = 0; i < 20000 && feeder_status(feeder) == 0; i++) {
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    return feeder_stop(feeder, &f->e);
}

static int see(void *ctx, const struct record *r)
{
    struct feeding *f = ctx;
    struct err e = {0};
    assert_int_equal(printer_value(f->printer, r, &f->seen, &e), 0);
    buffer_text(&f->seen, ";");
    return 0;
}

static const char *values(struct feeding *f, const char *topic, const char *format)
{
    int64_t next;
    assert_int_equal(printer_new(&f->printer, "string", format, f->client.schemas, &f->e), 0);
    buffer_clear(&f->seen);
    struct log *log = f->client.log;
    assert_int_equal(log->ops->read_all(log, topic, 0, 0, see, f, &next, &f->e), 0);
    printer_free(f->printer);
    return buffer_cstr(&f->seen);
}

static const char *topic_of(const struct feeding *f)
{
    return f->plan.plan->source[0]->topic[0];
}

static void feed_in_two_runs(const char *guarantee)
{
    struct feeding f;
    feeding_init(&f, guarantee);
    append(&f, "{\"g\":\"a\",\"v\":1}\n{\"g\":null,\"v\":2}\n");
    assert_int_equal(feed(&f), 1);
    assert_string_equal(values(&f, topic_of(&f), "avro"),
                        "{\"g\":\"a\",\"v\":1};{\"g\":null,\"v\":2};");
    append(&f, "{\"g\":\"b\",\"v\":3}\n");
    assert_int_equal(feed(&f), 1);
    assert_string_equal(values(&f, topic_of(&f), "avro"),
                        "{\"g\":\"a\",\"v\":1};{\"g\":null,\"v\":2};{\"g\":\"b\",\"v\":3};");
    assert_int_equal(feed(&f), 1); /* nothing new */
    assert_non_null(strstr(values(&f, topic_of(&f), "avro"), "\"v\":3};"));
    const char *position = values(&f, "t-sources", "string");
    char end[32]; /* bytes of the file */
    snprintf(end, sizeof end, "\"%zu\";",
             strlen("{'g':'a','v':1}\n{'g':null,'v':2}\n{'g':'b','v':3}\n"));
    assert_true(strlen(position) >= strlen(end));
    assert_string_equal(position + strlen(position) - strlen(end), end);
    feeding_done(&f);
}

static void test_a_second_run_goes_on(void **unused)
{
    (void)unused;
    feed_in_two_runs("exactly_once");
}

static void test_at_least_once_too(void **unused)
{
    (void)unused;
    feed_in_two_runs("at_least_once");
}

static void test_what_ends_it_is_told(void **unused)
{
    struct feeding f;
    (void)unused;
    feeding_init(&f, "exactly_once");
    append(&f, "{\"g\":\"a\",\"v\":\"x\"}\n");
    assert_int_equal(feed(&f), -ERR_DATA);
    assert_memory_equal(f.e.text, "source of stream a: ", 20);
    assert_string_equal(values(&f, topic_of(&f), "avro"), "");
    unlink(f.path);
    assert_int_equal(feed(&f), -ERR_CONFIG);
    assert_non_null(strstr(f.e.text, f.path));
    feeding_done(&f);
}

static void test_it_stops_when_asked(void **unused)
{
    struct plan_rig plan;
    struct client client;
    struct config_list none = {0};
    struct feeder *feeder;
    struct err e = {0};
    struct memory_broker *b = memory_broker_new(1);
    (void)unused;
    assert_int_equal(client_open(&client, b, &none, NULL, &e), 0);
    assert_int_equal(plan_rig_init(&plan, "name: t\nstreams:\n  a:\n    from: {generator: {rate: "
                                          "0.001, columns: {v: row}}}\n    to: out\n"),
                     0);
    assert_int_equal(feeder_start(&feeder, &client, plan.plan, plan.plan->source[0], &e), 0);
    assert_int_equal(feeder_stop(feeder, &e), 0);
    plan_rig_done(&plan);
    client_close(&client);
    memory_broker_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_second_run_goes_on),
        cmocka_unit_test(test_at_least_once_too),
        cmocka_unit_test(test_what_ends_it_is_told),
        cmocka_unit_test(test_it_stops_when_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
