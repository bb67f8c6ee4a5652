/* Kafka log, settings: what a handle is configured with, and what errors mean. */
#include "engine/memory.h"
#include "tests/unit/mock_kafka.h"
#include "worker/kafka_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void expect(const rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char text[256];
    size_t size = sizeof text;
    assert_int_equal(rd_kafka_conf_get(conf, name, text, &size), RD_KAFKA_CONF_OK);
    if (strcmp(text, value) != 0) {
        fail_msg("%s is %s, not %s", name, text, value);
    }
}

static void test_owned_properties_are_refused(void **state)
{
    static const char *const owned[] = {
        "enable.auto.commit",   "enable.auto.offset.store",      "isolation.level",
        "transactional.id",     "partition.assignment.strategy", "partitioner",
        "group.remote.assignor"};
    (void)state;
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) {
        struct err e = {0};
        assert_int_equal(kafka_property_check(owned[i], "true", &e), -ERR_CONFIG);
        assert_non_null(strstr(e.text, owned[i]));
    }
}

static void test_consumer_protocol(void **state)
{
    static const char *const classic[] = {"group.protocol", "classic", NULL};
    static const char *const consumer[] = {"group.protocol", "consumer", NULL};
    struct err e = {0};
    (void)state;
    assert_int_equal(kafka_property_check("group.protocol", "classic", &e), 0);
    assert_int_equal(kafka_property_check("group.protocol", "consumers", &e), -ERR_CONFIG);
    err_clear(&e);
    bool is_new = rd_kafka_version() >= 0x020c0000;
    assert_int_equal(kafka_property_check("group.protocol", "consumer", &e),
                     is_new ? 0 : -ERR_CONFIG);
    assert_true(is_new || strstr(e.text, "needs librdkafka 2.12") != NULL);
    err_clear(&e);
    assert_int_equal(kafka_protocol_check("session.timeout.ms", classic, &e), 0);
    assert_int_equal(kafka_protocol_check("session.timeout.ms", NULL, &e), 0);
    assert_int_equal(kafka_protocol_check("linger.ms", consumer, &e), 0);
    assert_int_equal(kafka_protocol_check("session.timeout.ms", consumer, &e), -ERR_CONFIG);
    assert_non_null(strstr(e.text, "group.consumer.session.timeout.ms"));
}

static void test_unknown_property_suggests(void **state)
{
    struct err e = {0};
    (void)state;
    assert_int_equal(kafka_property_check("bootstrap.server", "a:1", &e), -ERR_CONFIG);
    assert_non_null(strstr(e.text, "bootstrap.servers"));
    err_clear(&e);
    assert_int_equal(kafka_property_check("acks", "many", &e), -ERR_CONFIG);
    assert_int_equal(kafka_property_check("linger.ms", "20", NULL), 0);
    assert_int_equal(kafka_property_check("security.protocol", "ssl", NULL), 0);
}

static struct kafka_log *bare_log(char **property)
{
    static struct kafka_log l;
    static char group[] = "group", id[] = "id";
    memset(&l, 0, sizeof l);
    l.group = group;
    l.transactional = id;
    l.property = property;
    return &l;
}

static void test_user_properties_win_over_defaults_but_not_over_the_protocol(void **state)
{
    char linger[] = "linger.ms", linger_value[] = "50", part[] = "partitioner",
         part_value[] = "random", iso[] = "isolation.level", iso_value[] = "read_uncommitted";
    char *property[] = {linger, linger_value, part, part_value, iso, iso_value, NULL};
    struct err e = {0};
    const struct log_config cfg = {.instance = "slot-1"};
    (void)state;
    rd_kafka_conf_t *p = kafka_conf(bare_log(property), KAFKA_PRODUCER, &cfg, &e);
    assert_non_null(p);
    expect(p, "linger.ms", "50");
    expect(p, "partitioner", "murmur2_random");
    expect(p, "enable.idempotence", "true");
    expect(p, "transactional.id", "id");
    expect(p, "compression.codec", "lz4");
    rd_kafka_conf_destroy(p);
    rd_kafka_conf_t *c = kafka_conf(bare_log(property), KAFKA_CONSUMER, &cfg, &e);
    assert_non_null(c);
    expect(c, "isolation.level", "read_committed");
    expect(c, "enable.auto.commit", "false");
    expect(c, "enable.auto.offset.store", "false");
    expect(c, "enable.partition.eof", "false");
    expect(c, "group.instance.id", "slot-1");
    expect(c, "partition.assignment.strategy", "cooperative-sticky");
    expect(c, "fetch.queue.backoff.ms", "2");
    rd_kafka_conf_destroy(c);
}

static void test_records_of_a_transaction_linger_longer(void **state)
{
    struct err e = {0};
    const struct log_config cfg = {0};
    (void)state;
    struct kafka_log *l = bare_log(NULL);
    rd_kafka_conf_t *p = kafka_conf(l, KAFKA_PRODUCER, &cfg, &e);
    assert_non_null(p);
    expect(p, "linger.ms", "20");
    rd_kafka_conf_destroy(p);
    l->transactional = NULL;
    p = kafka_conf(l, KAFKA_PRODUCER, &cfg, &e);
    assert_non_null(p);
    expect(p, "linger.ms", "5");
    rd_kafka_conf_destroy(p);
}

static void test_memory_limit_bounds_the_queues(void **state)
{
    struct err e = {0};
    (void)state;
    for (int64_t mb = 1; mb <= 4096; mb *= 2) {
        char text[64];
        size_t size = sizeof text;
        const struct log_config cfg = {.memory_limit = mb << 20};
        rd_kafka_conf_t *c = kafka_conf(bare_log(NULL), KAFKA_CONSUMER, &cfg, &e);
        assert_non_null(c);
        rd_kafka_conf_get(c, "queued.max.messages.kbytes", text, &size);
        long long values = atoll(text) << 10;
        assert_true(values <= (1 << 20) || values <= (mb << 20) / 4);
        rd_kafka_conf_destroy(c);
        rd_kafka_conf_t *p = kafka_conf(bare_log(NULL), KAFKA_PRODUCER, &cfg, &e);
        assert_non_null(p);
        rd_kafka_conf_destroy(p);
    }
}

static long long number_of(const rd_kafka_conf_t *c, const char *name)
{
    char text[64];
    size_t size = sizeof text;
    assert_int_equal(rd_kafka_conf_get(c, name, text, &size), RD_KAFKA_CONF_OK);
    return atoll(text);
}

/* 52 bytes a record, 310 of bookkeeping; 16 resident bytes a fetched one; an answer for 4
 * partitions. */
static void test_what_a_consumer_takes_fits_half_of_its_memory(void **state)
{
    struct err e = {0};
    (void)state;
    for (int64_t limit = 8 << 20; limit <= 1 << 30; limit += limit / 3) {
        const struct log_config cfg = {.memory_limit = limit};
        rd_kafka_conf_t *c = kafka_conf(bare_log(NULL), KAFKA_CONSUMER, &cfg, &e);
        assert_non_null(c);
        long long resident = number_of(c, "queued.min.messages") * (52 + 310) +
                             number_of(c, "fetch.message.max.bytes") * 4 * 16;
        assert_true(resident <= limit / 2);
        rd_kafka_conf_destroy(c);
    }
    const struct log_config cfg = {0};
    rd_kafka_conf_t *c = kafka_conf(bare_log(NULL), KAFKA_CONSUMER, &cfg, &e);
    assert_int_equal(number_of(c, "queued.min.messages"), 20000);
    assert_int_equal(number_of(c, "fetch.message.max.bytes"), 262144);
    rd_kafka_conf_destroy(c);
}

static void test_errors_say_who_acts(void **state)
{
    static const struct {
        rd_kafka_resp_err_t code;
        int rc;
    } cases[] = {
        {RD_KAFKA_RESP_ERR__FENCED, -ERR_FATAL},
        {RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, -ERR_FATAL},
        {RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, -ERR_FATAL},
        {RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, -ERR_ABORT},
        {RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, -ERR_ABORT},
        {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, -ERR_CONFIG},
        {RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT, -ERR_CONFIG},
        {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, -ERR_DATA},
        {RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, -ERR_DATA},
        {RD_KAFKA_RESP_ERR_INVALID_RECORD, -ERR_DATA},
        {RD_KAFKA_RESP_ERR__TRANSPORT, -ERR_RETRY},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err e = {0};
        assert_int_equal(kafka_fail(&e, cases[i].code, "what", NULL), cases[i].rc);
        assert_non_null(strstr(e.text, rd_kafka_err2name(cases[i].code)));
    }
}

/* What klamm prints for a line or an error of librdkafka. */
static const char *printed(rd_kafka_t *rk, struct kafka_log *l, const char *fac, int code,
                           const char *words)
{
    static char text[500];
    FILE *f = tmpfile();
    int saved = dup(STDERR_FILENO);
    assert_non_null(f);
    dup2(fileno(f), STDERR_FILENO);
    if (fac != NULL) {
        kafka_on_log(rk, 4, fac, words);
    } else {
        kafka_on_error(rk, code, words, l);
    }
    dup2(saved, STDERR_FILENO);
    close(saved);
    rewind(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    return text;
}

static void test_what_passes_by_itself_is_not_printed(void **state)
{
    static const struct {
        const char *fac, *words;
        int code;
        bool is_printed;
    } cases[] = {
        {"GETPID", "Failed to acquire: Broker: Coordinator load in progress: retrying", 0, false},
        {"TXNERR", "Fatal transaction error: Failed to end transaction", 0, false},
        {"FATAL", "Fatal error: Broker: INVALID_TXN_STATE", 0, false},
        {"FAIL", "host:9092: Connect failed: Connection refused", 0, true},
        {NULL, "loading", RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, false},
        {NULL, "no coordinator", RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, false},
        {NULL, "all down", RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, true},
    };
    struct err e = {0};
    const struct log_config cfg = {.instance = NULL};
    (void)state;
    struct kafka_log *l = bare_log(NULL);
    rd_kafka_t *rk = kafka_new(RD_KAFKA_PRODUCER, kafka_conf(l, KAFKA_PRODUCER, &cfg, &e), &e);
    assert_non_null(rk);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *text = printed(rk, l, cases[i].fac, cases[i].code, cases[i].words);
        if ((strstr(text, cases[i].words) != NULL) != cases[i].is_printed) {
            fail_msg("%s: \"%s\"", cases[i].words, text);
        }
    }
    rd_kafka_destroy(rk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_owned_properties_are_refused),
        cmocka_unit_test(test_consumer_protocol),
        cmocka_unit_test(test_unknown_property_suggests),
        cmocka_unit_test(test_user_properties_win_over_defaults_but_not_over_the_protocol),
        cmocka_unit_test(test_records_of_a_transaction_linger_longer),
        cmocka_unit_test(test_memory_limit_bounds_the_queues),
        cmocka_unit_test(test_what_a_consumer_takes_fits_half_of_its_memory),
        cmocka_unit_test(test_errors_say_who_acts),
        cmocka_unit_test(test_what_passes_by_itself_is_not_printed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
