/* Kafka log, settings: how the librdkafka handles of a lane are configured, and what its errors
 * mean.
 *
 *   defaults (the tables below)  <  the user's properties  <  what klamm owns (the commit protocol)
 *
 * The defaults were measured (small records, one broker on the same machine): fetches of 256 KiB
 * and 20,000 prefetched records keep full speed in 25 MB; a fetch back-off of 2 ms instead of 1000
 * keeps a slow lane from standing still whenever its queue was full; retry.backoff.ms 5 and
 * delivery reports bring a commit from 12 ms to 4.
 *
 * memory_limit: one fetched byte becomes up to 16 resident ones (decompressed, 310 bytes of
 * bookkeeping a record). Half of the limit is the consumer's, in equal parts what it has prefetched
 * and what comes on top of that with the next answer, of which each partition has its part:
 *
 *     limit / 2 = Q (s + 310) + 4 P * 16          Q = records prefetched, up to 20000,
 *                                                 s = 52 bytes a record,
 *                                                 P = bytes of a partition in one answer
 *
 * The other half is the producer's. Large values are bounded by a quarter of the limit besides
 * (queued.max.messages.kbytes), those of readers by 8 MB: one partition at a time is fetched no
 * quicker with more. Less than 10 MB is not enough for full speed.
 *
 * group.protocol: consumer (KIP-848, from librdkafka 2.12 on): the broker assigns, and decides
 * about heartbeats and sessions; librdkafka refuses what belongs to the classic protocol.
 *
 * Every property is set on both kinds of handles; librdkafka's warnings about the ones that a
 * handle does not use are dropped. Log lines and errors arrive in the lane's thread (log.queue),
 * each kind at most once in ten seconds; what passes by itself, or comes back as the error of a
 * call, is not for the user (debug).
 */
#include "engine/clock.h"
#include "engine/hash.h"
#include "engine/logger.h"
#include "engine/memory.h"
#include "worker/crash_report.h"
#include "worker/kafka_log.h"
#include "worker/kafka_log_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONSUMER_PROTOCOL 0x020c0000 /* the first version where it is no preview */
#define QUIET_NS          (10 * 1000000000LL)
#define PREFETCHED        20000
#define QUEUED_MAX        50000
#define RECORD_BYTES      (52 + 310)
#define RESIDENT          16
#define PARTITION_LEAST   (32 * 1024)
#define PARTITION_MOST    (256 * 1024)
#define FETCH_BYTES       (1024 * 1024)

struct pair {
    const char *name, *value;
};

static const struct pair common_defaults[] = {
    {"client.id", "klamm"},
    {"enable.metrics.push", "false"}, /* closing a handle would wait a second for a last push */
    {"log.queue", "true"},
    {NULL, NULL},
};

static const struct pair consumer_defaults[] = {
    {"fetch.queue.backoff.ms", "2"},  {"fetch.message.max.bytes", "262144"},
    {"message.max.bytes", "1048576"}, {"fetch.wait.max.ms", "100"},
    {"retry.backoff.ms", "10"},       {NULL, NULL},
};

static const struct pair classic_defaults[] = {
    {"heartbeat.interval.ms", "500"},
    {"session.timeout.ms", "10000"},
    {NULL, NULL},
};

/* What the consumer protocol leaves to the broker. */
static const struct pair broker_side[] = {
    {"heartbeat.interval.ms", "group.consumer.heartbeat.interval.ms"},
    {"session.timeout.ms", "group.consumer.session.timeout.ms"},
    {NULL, NULL},
};

static const struct pair consumer_owned[] = {
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
    {"isolation.level", "read_committed"},
    {NULL, NULL},
};

static const struct pair producer_defaults[] = {
    {"compression.codec", "lz4"},
    {"linger.ms", "5"},
    {"batch.size", "262144"},
    {"retry.backoff.ms", "5"},
    {"acks", "all"},
    {"message.max.bytes", "1048576"},
    {NULL, NULL},
};

/* Nobody reads a record before its transaction ends, and a commit sends all that waits. A short
 * time has a cost: librdkafka's threads spin while a record has lingered for longer and must still
 * wait for the answer to the batch before it; with a long one the commit has all to send, and
 * waits. */
static const struct pair transactional_defaults[] = {
    {"linger.ms", "20"},
    {NULL, NULL},
};

static const struct pair producer_owned[] = {
    {"partitioner", "murmur2_random"},
    {"enable.idempotence", "true"},
    {NULL, NULL},
};

static const struct pair reader_defaults[] = {
    {"fetch.queue.backoff.ms", "2"},  {"fetch.message.max.bytes", "262144"},
    {"fetch.max.bytes", "1048576"},   {"message.max.bytes", "1048576"},
    {"queued.min.messages", "20000"}, {"queued.max.messages.kbytes", "8192"},
    {"fetch.wait.max.ms", "10"},      {NULL, NULL},
};

static const struct pair refused[] = {
    {"enable.auto.commit", "klamm commits offsets together with outputs and state"},
    {"enable.auto.offset.store", "klamm commits offsets together with outputs and state"},
    {"isolation.level", "klamm reads committed records only"},
    {"transactional.id", "klamm derives it from the state directory, one for each lane"},
    {"partition.assignment.strategy", "klamm chooses it, so that state moves with its partitions"},
    {"partitioner", "klamm partitions as the Java clients do (murmur2)"},
    {"enable.idempotence", "klamm's producers are always idempotent"},
    {"enable.partition.eof", "it would disturb the positions of klamm's consumers"},
    {"group.instance.id", "klamm derives it from the state directory, one for each lane"},
    {"group.remote.assignor",
     "klamm chooses it, so that inputs that are read together stay together"},
    {"log.queue", "klamm reads librdkafka's messages in its own threads"},
    {NULL, NULL},
};

static bool set(rd_kafka_conf_t *conf, const char *name, const char *value, struct err *e)
{
    char text[512];
    if (rd_kafka_conf_set(conf, name, value, text, sizeof text) != RD_KAFKA_CONF_OK) {
        err_set(e, ERR_CONFIG, "%s: %s", name, text);
        return false;
    }
    return true;
}

static bool set_number(rd_kafka_conf_t *conf, const char *name, int64_t value, struct err *e)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)value);
    return set(conf, name, text, e);
}

static bool set_all(rd_kafka_conf_t *conf, const struct pair *p, struct err *e)
{
    for (; p->name != NULL; p++) {
        if (!set(conf, p->name, p->value, e)) {
            return false;
        }
    }
    return true;
}

static int64_t clamp(int64_t v, int64_t least, int64_t most)
{
    return v < least ? least : v > most ? most : v;
}

static bool set_memory(rd_kafka_conf_t *conf, enum kafka_role role, int64_t limit, struct err *e)
{
    int64_t partition = PARTITION_MOST, prefetched = PREFETCHED, queued = QUEUED_MAX;
    if (limit > 0) {
        prefetched = clamp(limit / 4 / RECORD_BYTES, 1000, PREFETCHED);
        partition = clamp(limit / 4 / 4 / RESIDENT, PARTITION_LEAST, PARTITION_MOST);
        queued = clamp(limit / 2 / RECORD_BYTES, 10000, QUEUED_MAX);
        int64_t kbytes = clamp(limit / 4 / 1024, 1024, 2097151);
        if (!set_number(conf,
                        role == KAFKA_CONSUMER ? "queued.max.messages.kbytes"
                                               : "queue.buffering.max.kbytes",
                        kbytes, e)) {
            return false;
        }
    }
    if (role == KAFKA_CONSUMER) {
        /* An answer may not be smaller than a message may be. */
        return set_number(conf, "fetch.max.bytes", FETCH_BYTES, e) &&
               set_number(conf, "fetch.message.max.bytes", partition, e) &&
               set_number(conf, "queued.min.messages", prefetched, e);
    }
    return set_number(conf, "queue.buffering.max.messages", queued, e);
}

static bool set_user(rd_kafka_conf_t *conf, const char *const *property, struct err *e)
{
    for (; property != NULL && *property != NULL; property += 2) {
        if (!set(conf, property[0], property[1], e)) {
            return false;
        }
    }
    return true;
}

static bool is_consumer_protocol(const char *const *property)
{
    bool is_it = false;
    for (; property != NULL && *property != NULL; property += 2) {
        if (strcmp(property[0], "group.protocol") == 0) {
            is_it = strcmp(property[1], "consumer") == 0;
        }
    }
    return is_it;
}

/* Inputs that are read together need equal partitions in one lane: range gives that, with either
 * protocol. */
static bool set_assignor(rd_kafka_conf_t *conf, const struct kafka_log *l,
                         const struct log_config *cfg, struct err *e)
{
    if (is_consumer_protocol((const char *const *)l->property)) {
        return set(conf, "group.remote.assignor", cfg->copartition ? "range" : "uniform", e);
    }
    return set(conf, "partition.assignment.strategy",
               cfg->copartition ? "range" : "cooperative-sticky", e);
}

/* With the consumer protocol a static member cannot leave for good (its partitions wait for it
 * until its session ends), and a killed one has to wait for its own former self: static is only who
 * means to come back. The name stands in client.id then, for standby copies. */
static bool set_instance(rd_kafka_conf_t *conf, const struct kafka_log *l,
                         const struct log_config *cfg, struct err *e)
{
    bool is_static = cfg->keeps_place || !is_consumer_protocol((const char *const *)l->property);
    return cfg->instance == NULL ||
           set(conf, is_static ? "group.instance.id" : "client.id", cfg->instance, e);
}

/* What klamm owns, from the lane's configuration. */
static bool set_lane(rd_kafka_conf_t *conf, enum kafka_role role, const struct kafka_log *l,
                     const struct log_config *cfg, struct err *e)
{
    if (role == KAFKA_PRODUCER) {
        return set_all(conf, producer_owned, e) &&
               (l->transactional == NULL ||
                (set(conf, "transactional.id", l->transactional, e) &&
                 set_number(conf, "transaction.timeout.ms", KAFKA_TRANSACTION_MS, e)));
    }
    if (!set_all(conf, consumer_owned, e) || !set(conf, "group.id", l->group, e)) {
        return false;
    }
    if (!set(conf, "auto.offset.reset", "earliest", e)) { /* "latest": runner_begin.c */
        return false;
    }
    if (role == KAFKA_READER) {
        return set(conf, "enable.partition.eof", "true", e);
    }
    return set(conf, "enable.partition.eof", "false", e) && set_assignor(conf, l, cfg, e) &&
           set_instance(conf, l, cfg, e);
}

rd_kafka_conf_t *kafka_conf(struct kafka_log *l, enum kafka_role role, const struct log_config *cfg,
                            struct err *e)
{
    static const struct pair *const defaults[] = {
        [KAFKA_CONSUMER] = consumer_defaults,
        [KAFKA_PRODUCER] = producer_defaults,
        [KAFKA_READER] = reader_defaults,
    };
    bool is_classic =
        role == KAFKA_CONSUMER && !is_consumer_protocol((const char *const *)l->property);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (!set_all(conf, common_defaults, e) || !set_all(conf, defaults[role], e) ||
        (is_classic && !set_all(conf, classic_defaults, e)) ||
        (role == KAFKA_PRODUCER && l->transactional != NULL &&
         !set_all(conf, transactional_defaults, e)) ||
        (role != KAFKA_READER && !set_memory(conf, role, cfg->memory_limit, e)) ||
        !set_user(conf, (const char *const *)l->property, e) || !set_lane(conf, role, l, cfg, e)) {
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    rd_kafka_conf_set_opaque(conf, l);
    rd_kafka_conf_set_log_cb(conf, kafka_on_log);
    rd_kafka_conf_set_error_cb(conf, kafka_on_error);
    return conf;
}

/* librdkafka's threads block all signals: a crash in one of them would say nothing. */
static rd_kafka_resp_err_t on_thread_start(rd_kafka_t *rk, rd_kafka_thread_type_t type,
                                           const char *name, void *opaque)
{
    (void)rk, (void)type, (void)name, (void)opaque;
    crash_report_let_through();
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_new(rd_kafka_t *rk, const rd_kafka_conf_t *conf, void *opaque,
                                  char *text, size_t n)
{
    (void)conf, (void)opaque, (void)text, (void)n;
    return rd_kafka_interceptor_add_on_thread_start(rk, "klamm", on_thread_start, NULL);
}

rd_kafka_t *kafka_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, struct err *e)
{
    char text[512];
    rd_kafka_conf_interceptor_add_on_new(conf, "klamm", on_new, NULL);
    rd_kafka_t *rk = rd_kafka_new(type, conf, text, sizeof text);
    if (rk == NULL) {
        rd_kafka_conf_destroy(conf);
        err_set(e, ERR_CONFIG, "kafka: %s", text);
        return NULL;
    }
    rd_kafka_set_log_queue(rk, NULL);
    return rk;
}

/* The property nearest to a name that librdkafka does not know, from its own table: one a line,
 * "name | ...". */
static void suggest(const char *name, char *out, size_t size)
{
    char *table = NULL;
    size_t table_n = 0, n = 0;
    FILE *f = open_memstream(&table, &table_n);
    *out = '\0';
    if (f == NULL) {
        return;
    }
    rd_kafka_conf_properties_show(f);
    fclose(f);
    const char **names = mem_array(table_n + 1, sizeof *names);
    char *rest = table, *line;
    while ((line = strsep(&rest, "\n")) != NULL) {
        line[strcspn(line, " |")] = '\0';
        if (strchr(line, '.') != NULL || strcmp(line, "acks") == 0) {
            names[n++] = line;
        }
    }
    names[n] = NULL;
    const char *nearest = nearest_name(name, names);
    if (nearest != NULL) {
        snprintf(out, size, " (did you mean %s?)", nearest);
    }
    mem_free(names);
    free(table);
}

int kafka_protocol_check(const char *name, const char *const *property, struct err *e)
{
    for (const struct pair *p = broker_side; p->name != NULL; p++) {
        if (strcmp(name, p->name) == 0 && is_consumer_protocol(property)) {
            return err_set(
                e, ERR_CONFIG,
                "%s cannot be set with group.protocol: consumer, where the broker decides "
                "(%s)",
                name, p->value);
        }
    }
    return 0;
}

int kafka_property_check(const char *name, const char *value, struct err *e)
{
    for (const struct pair *p = refused; p->name != NULL; p++) {
        if (strcmp(name, p->name) == 0) {
            return err_set(e, ERR_CONFIG, "%s cannot be set: %s", name, p->value);
        }
    }
    if (strcmp(name, "group.protocol") == 0 && strcmp(value, "consumer") == 0 &&
        rd_kafka_version() < CONSUMER_PROTOCOL) {
        return err_set(
            e, ERR_CONFIG,
            "group.protocol: consumer needs librdkafka 2.12, this is %s: leave it out, or "
            "say classic",
            rd_kafka_version_str());
    }
    char text[512], near[128];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_res_t res = rd_kafka_conf_set(conf, name, value, text, sizeof text);
    int rc = 0;
    if (res == RD_KAFKA_CONF_UNKNOWN) {
        suggest(name, near, sizeof near);
        rc = err_set(e, ERR_CONFIG, "librdkafka has no property %s%s", name, near);
    } else if (res != RD_KAFKA_CONF_OK) {
        text[strcspn(text, "\n")] = '\0';
        rc = err_set(e, ERR_CONFIG, "%s", text);
    }
    rd_kafka_conf_destroy(conf);
    return rc;
}

/* True when a message of this kind may be printed; *skipped is how many were not since the last. */
static bool may_speak(struct kafka_log *l, uint32_t kind, unsigned *skipped)
{
    struct kafka_quiet *q = &l->quiet[kind % KAFKA_QUIET_SLOTS];
    int64_t now = clock_monotonic_ns();
    if (q->kind == kind && now < q->until_ns) {
        q->skipped++;
        return false;
    }
    *skipped = q->kind == kind ? q->skipped : 0;
    *q = (struct kafka_quiet){.kind = kind, .until_ns = now + QUIET_NS};
    return true;
}

static void speak(struct kafka_log *l, uint32_t kind, enum log_level level, const char *what,
                  const char *text)
{
    unsigned skipped = 0;
    if (!may_speak(l, kind, &skipped)) {
        return;
    }
    if (skipped > 0) {
        logger(level, "kafka: %s: %s (%u more like it before)", what, text, skipped);
    } else {
        logger(level, "kafka: %s: %s", what, text);
    }
}

/* Lines that need nobody: librdkafka goes on by itself, or the call that failed tells its caller,
 * who knows what it was for. */
static bool is_for_us(const char *fac, const char *text)
{
    bool is_told = strcmp(fac, "TXNERR") == 0 || strcmp(fac, "FATAL") == 0;
    return is_told || strstr(text, ": retrying") != NULL || strstr(text, "will retry") != NULL ||
           strstr(text, ": will be retried") != NULL;
}

void kafka_on_log(const rd_kafka_t *rk, int level, const char *fac, const char *text)
{
    static const enum log_level levels[] = {
        LOG_LEVEL_ERROR, LOG_LEVEL_ERROR, LOG_LEVEL_ERROR, LOG_LEVEL_WARN,
        LOG_LEVEL_WARN,  LOG_LEVEL_INFO,  LOG_LEVEL_INFO,  LOG_LEVEL_DEBUG,
    };
    if (strcmp(fac, "CONFWARN") == 0 && strstr(text, "will be ignored by") != NULL) {
        return;
    }
    enum log_level as = is_for_us(fac, text) ? LOG_LEVEL_DEBUG : levels[level & 7];
    speak(rd_kafka_opaque(rk), hash_murmur2(fac, strlen(fac)), as, fac, text);
}

/* What a broker says while it starts, or while a topic or a coordinator is new to it. */
static bool is_passing(int code)
{
    return code == RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS ||
           code == RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE ||
           code == RD_KAFKA_RESP_ERR_NOT_COORDINATOR ||
           code == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE ||
           code == RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS;
}

void kafka_on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    struct kafka_log *l = opaque;
    if (code == RD_KAFKA_RESP_ERR__FATAL) {
        char text[512];
        rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(rk, text, sizeof text);
        kafka_fail(&l->failure, fatal, "kafka", text);
        l->failure.kind = ERR_FATAL;
        return;
    }
    speak(l, (uint32_t)code, is_passing(code) ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN,
          rd_kafka_err2name(code), reason);
}

static enum err_kind kind_of(rd_kafka_resp_err_t code)
{
    switch ((int)code) {
    case RD_KAFKA_RESP_ERR__FATAL:
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
    case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
        return ERR_FATAL;
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
    case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS:
    case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    case RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT:
        return ERR_CONFIG;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
        return ERR_DATA;
    case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
    case RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_STALE_MEMBER_EPOCH:
    case RD_KAFKA_RESP_ERR_FENCED_MEMBER_EPOCH:
        return ERR_ABORT;
    default: /* an unknown topic, too: a broker that has just come may not have heard of it */
        return ERR_RETRY;
    }
}

static bool is_unknown(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
           code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION ||
           code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
}

int kafka_fail(struct err *e, rd_kafka_resp_err_t code, const char *what, const char *reason)
{
    const char *advice = "";
    if (code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH ||
        code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED || code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID) {
        advice = ": fenced, another process has taken over this member's id, or a transaction took "
                 "longer than its time-out";
    } else if (code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) {
        advice = ": the topic's max.message.bytes is less than kafka: {message.max.bytes: …}; "
                 "raise the one, or lower the other, so that such rows are found in time and can "
                 "be set aside";
    } else if (code == RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP ||
               code == RD_KAFKA_RESP_ERR_INVALID_RECORD) {
        advice = ": where a record is further ahead of the broker's clock than the topic's "
                 "message.timestamp.after.max.ms, raise that, lower time: {max_ahead: …}, or set "
                 "this machine's clock right; where a compacted topic lacks keys, add a key_by";
    } else if (code == RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT) {
        advice = ": set kafka: {session.timeout.ms: …} to what the broker allows, from its "
                 "group.min.session.timeout.ms to its group.max.session.timeout.ms";
    } else if (is_unknown(code)) {
        advice = ": either the broker that was asked has not heard of it yet, which passes, or it "
                 "was deleted";
    }
    return err_set(e, kind_of(code), "%s: %s (%s)%s", what,
                   reason != NULL ? reason : rd_kafka_err2str(code), rd_kafka_err2name(code),
                   advice);
}

/* What the client and the broker add to a record that goes by itself, at most. */
#define RECORD_OVERHEAD 200

size_t kafka_record_most(const char *const *property)
{
    unsigned long long most = 1048576; /* as above */
    for (const char *const *p = property; p && p[0]; p += 2) {
        if (strcmp(p[0], "message.max.bytes") == 0) {
            most = strtoull(p[1], NULL, 10);
        }
    }
    return most > 2 * RECORD_OVERHEAD ? (size_t)most - RECORD_OVERHEAD : RECORD_OVERHEAD;
}
