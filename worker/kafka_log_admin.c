/* Kafka log, questions to the cluster: topics, their creation, what the group has committed.
 * Blocking, for starts and restores.
 *
 * A topic that was just created counts as created once its partitions have leaders, since the first
 * fetch or send would otherwise wait for metadata.
 */
#include "engine/clock.h"
#include "engine/memory.h"
#include "worker/kafka_log_impl.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define UNKNOWN_MS 3000

bool kafka_asks_again(rd_kafka_resp_err_t code, int64_t begin_ns, int timeout_ms)
{
    int64_t ms = (clock_monotonic_ns() - begin_ns) / 1000000;
    switch ((int)code) {
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
        return ms <= timeout_ms;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
        return ms <= timeout_ms && ms <= UNKNOWN_MS;
    default:
        return false;
    }
}

/* Metadata of one topic. *n 0: there is none; *led: partitions that have a leader. */
static int ask_partitions(struct kafka_log *l, const char *topic, int32_t *n, int32_t *led,
                          int timeout_ms, struct err *e)
{
    const struct rd_kafka_metadata *md;
    struct kafka_topic *t = kafka_topic(l, topic);
    if (t->in == NULL) {
        t->in = rd_kafka_topic_new(l->consumer, t->name, NULL);
    }
    if (t->in == NULL) {
        return kafka_fail(e, rd_kafka_last_error(), topic, NULL);
    }
    *n = *led = 0;
    rd_kafka_resp_err_t code = rd_kafka_metadata(l->consumer, 0, t->in, &md, timeout_ms);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return kafka_fail(e, code, topic, NULL);
    }
    if (md->topic_cnt == 1) {
        const rd_kafka_metadata_topic_t *mt = &md->topics[0];
        code = mt->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ? RD_KAFKA_RESP_ERR_NO_ERROR
                                                                  : mt->err;
        *n = mt->partition_cnt;
        for (int i = 0; i < mt->partition_cnt; i++) {
            *led += mt->partitions[i].leader >= 0;
        }
    }
    rd_kafka_metadata_destroy(md);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE
               ? 0
               : kafka_fail(e, code, topic, NULL);
}

int kafka_partitions(struct log *log, const char *topic, int32_t *count, int timeout_ms,
                     struct err *e)
{
    int32_t led;
    return ask_partitions((struct kafka_log *)log, topic, count, &led, timeout_ms, e);
}

int kafka_topics(struct log *log, void (*each)(void *ctx, const char *topic), void *ctx,
                 int timeout_ms, struct err *e)
{
    const struct rd_kafka_metadata *md;
    struct kafka_log *l = (struct kafka_log *)log;
    rd_kafka_resp_err_t code = rd_kafka_metadata(l->consumer, 1, NULL, &md, timeout_ms);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return kafka_fail(e, code, "topics", NULL);
    }
    for (int i = 0; i < md->topic_cnt; i++) {
        each(ctx, md->topics[i].topic);
    }
    rd_kafka_metadata_destroy(md);
    return 0;
}

/* The topic's id in a result of DescribeTopics. */
static rd_kafka_resp_err_t read_topic_id(const rd_kafka_event_t *event, char out[TOPIC_ID])
{
    size_t n = 0;
    const rd_kafka_TopicDescription_t **topics = rd_kafka_DescribeTopics_result_topics(
        rd_kafka_event_DescribeTopics_result((rd_kafka_event_t *)(uintptr_t)event), &n);
    if (n != 1) {
        return RD_KAFKA_RESP_ERR__BAD_MSG;
    }
    const rd_kafka_error_t *error = rd_kafka_TopicDescription_error(topics[0]);
    const rd_kafka_Uuid_t *id = rd_kafka_TopicDescription_topic_id(topics[0]);
    if (error == NULL && id != NULL) {
        snprintf(out, TOPIC_ID, "%016llx%016llx",
                 (unsigned long long)rd_kafka_Uuid_most_significant_bits(id),
                 (unsigned long long)rd_kafka_Uuid_least_significant_bits(id));
    }
    return error == NULL ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_error_code(error);
}

static rd_kafka_resp_err_t ask_topic_id(struct kafka_log *l, const char *topic, char out[TOPIC_ID],
                                        int timeout_ms)
{
    char text[256] = "";
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(l->consumer, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS);
    rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, text, sizeof text);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(l->consumer);
    rd_kafka_TopicCollection_t *topics = rd_kafka_TopicCollection_of_topic_names(&topic, 1);
    rd_kafka_DescribeTopics(l->consumer, topics, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, timeout_ms + 1000);
    rd_kafka_resp_err_t code =
        event == NULL ? RD_KAFKA_RESP_ERR__TIMED_OUT : rd_kafka_event_error(event);
    out[0] = 0;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        code = read_topic_id(event, out);
    }
    if (event != NULL) {
        rd_kafka_event_destroy(event);
    }
    rd_kafka_TopicCollection_destroy(topics);
    rd_kafka_queue_destroy(queue);
    rd_kafka_AdminOptions_destroy(options);
    return code;
}

int kafka_topic_id(struct log *log, const char *topic, char out[TOPIC_ID], int timeout_ms,
                   struct err *e)
{
    int64_t begin = clock_monotonic_ns();
    for (;;) {
        rd_kafka_resp_err_t code = ask_topic_id((struct kafka_log *)log, topic, out, timeout_ms);
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
            return 0;
        }
        if (!kafka_asks_again(code, begin, timeout_ms)) {
            return kafka_fail(e, code, topic, NULL);
        }
        nanosleep(&(struct timespec){.tv_nsec = 20 * 1000000}, NULL);
    }
}

/* What klamm lets pass it must be able to write: a broker refuses records that are an hour ahead of
 * its clock, such as rows within `max_ahead`, or what a worker writes whose own clock was set
 * wrongly. */
#define AHEAD "message.timestamp.after.max.ms"

static bool says_ahead(const char *const *config)
{
    while (config != NULL && *config != NULL && strcmp(*config, AHEAD) != 0) {
        config += 2;
    }
    return config != NULL && *config != NULL;
}

static int new_topic(rd_kafka_NewTopic_t **out, const char *topic, int32_t partitions,
                     int16_t replication, bool compact, const char *const *config, struct err *e)
{
    char text[256] = "";
    rd_kafka_NewTopic_t *t =
        rd_kafka_NewTopic_new(topic, partitions, replication, text, sizeof text);
    if (t == NULL) {
        return err_set(e, ERR_CONFIG, "%s: %s", topic, text);
    }
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    if (!says_ahead(config)) {
        code = rd_kafka_NewTopic_set_config(t, AHEAD, "9223372036854775807");
    }
    if (compact && code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        code = rd_kafka_NewTopic_set_config(t, "cleanup.policy", "compact");
    }
    for (; code == RD_KAFKA_RESP_ERR_NO_ERROR && config != NULL && *config != NULL; config += 2) {
        code = rd_kafka_NewTopic_set_config(t, config[0], config[1]);
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_NewTopic_destroy(t);
        return kafka_fail(e, code, topic, NULL);
    }
    *out = t;
    return 0;
}

static int create(struct kafka_log *l, rd_kafka_NewTopic_t *t, const char *topic, int timeout_ms,
                  struct err *e)
{
    char text[256] = "";
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(l->consumer, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, text, sizeof text);
    rd_kafka_AdminOptions_set_operation_timeout(options, timeout_ms, text, sizeof text);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(l->consumer);
    rd_kafka_CreateTopics(l->consumer, &t, 1, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, timeout_ms + 1000);
    rd_kafka_resp_err_t code =
        event == NULL ? RD_KAFKA_RESP_ERR__TIMED_OUT : rd_kafka_event_error(event);
    const char *reason = event == NULL ? NULL : rd_kafka_event_error_string(event);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        size_t n = 0;
        const rd_kafka_topic_result_t **results =
            rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &n);
        code = n == 1 ? rd_kafka_topic_result_error(results[0]) : RD_KAFKA_RESP_ERR__BAD_MSG;
        reason = n == 1 ? rd_kafka_topic_result_error_string(results[0]) : NULL;
    }
    int rc = code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS
                 ? 0
                 : kafka_fail(e, code, topic, reason);
    if (event != NULL) {
        rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(queue);
    rd_kafka_AdminOptions_destroy(options);
    return rc;
}

static int wait_for_leaders(struct kafka_log *l, const char *topic, int timeout_ms, struct err *e)
{
    int64_t deadline = clock_monotonic_ns() + timeout_ms * 1000000LL;
    for (;;) {
        int32_t n, led;
        int rc = ask_partitions(l, topic, &n, &led, timeout_ms, e);
        if (rc < 0 || (n > 0 && led == n)) {
            return rc;
        }
        if (clock_monotonic_ns() > deadline) {
            return err_set(e, ERR_RETRY, "%s: was created, but has no leaders yet", topic);
        }
        nanosleep(&(struct timespec){.tv_nsec = 20 * 1000000}, NULL);
    }
}

int kafka_create_topic(struct log *log, const char *topic, int32_t partitions, int16_t replication,
                       bool compact, const char *const *config, int timeout_ms, struct err *e)
{
    struct kafka_log *l = (struct kafka_log *)log;
    rd_kafka_NewTopic_t *t;
    int rc = new_topic(&t, topic, partitions, replication, compact, config, e);
    if (rc < 0) {
        return rc;
    }
    rc = create(l, t, topic, timeout_ms, e);
    rd_kafka_NewTopic_destroy(t);
    return rc < 0 ? rc : wait_for_leaders(l, topic, timeout_ms, e);
}

/* librdkafka hands metadata over without a NUL at its end. */
static void terminate_metadata(rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt; i++) {
        rd_kafka_topic_partition_t *at = &list->elems[i];
        if (at->metadata_size > 0) {
            char *text = rd_kafka_mem_malloc(NULL, at->metadata_size + 1);
            memcpy(text, at->metadata, at->metadata_size);
            text[at->metadata_size] = '\0';
            rd_kafka_mem_free(NULL, at->metadata);
            at->metadata = text;
        }
    }
}

int kafka_fetch_committed(struct kafka_log *l, rd_kafka_topic_partition_list_t *list,
                          int timeout_ms, bool *stable, struct err *e)
{
    rd_kafka_resp_err_t code = rd_kafka_committed(l->consumer, list, timeout_ms);
    for (int i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && i < list->cnt; i++) {
        code = list->elems[i].err;
    }
    *stable = code == RD_KAFKA_RESP_ERR_NO_ERROR;
    switch ((int)code) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        terminate_metadata(list);
        return 0;
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
    case RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
        return 0;
    default:
        return kafka_fail(e, code, "committed offsets", NULL);
    }
}

int kafka_committed(struct log *log, struct log_position *p, size_t n, int timeout_ms,
                    struct err *e)
{
    struct kafka_log *l = (struct kafka_log *)log;
    int64_t now = clock_monotonic_ns(), deadline = now + timeout_ms * 1000000LL;
    bool is_stable = false;
    if (l->asked != NULL) {
        rd_kafka_topic_partition_list_destroy(l->asked);
    }
    l->asked = rd_kafka_topic_partition_list_new((int)n);
    for (size_t i = 0; i < n; i++) {
        rd_kafka_topic_partition_list_add(l->asked, p[i].topic, p[i].partition);
    }
    for (; !is_stable && now < deadline; now = clock_monotonic_ns()) {
        int rc = kafka_fetch_committed(l, l->asked, (int)((deadline - now) / 1000000) + 1,
                                       &is_stable, e);
        if (rc < 0) {
            return rc;
        }
    }
    if (!is_stable) {
        return err_set(e, ERR_RETRY, "committed offsets: not known within %d ms", timeout_ms);
    }
    for (size_t i = 0; i < n; i++) {
        const rd_kafka_topic_partition_t *at = &l->asked->elems[i];
        p[i].offset = at->offset >= 0 ? at->offset : OFFSET_NONE;
        p[i].metadata = at->metadata_size > 0 ? at->metadata : NULL;
    }
    return 0;
}
