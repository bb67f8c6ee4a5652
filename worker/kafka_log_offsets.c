/* Kafka log, offsets: where a partition begins and ends. Blocking, for starts and restores.
 *
 * bounds() ends at the last stable offset: everything below it is decided, committed or aborted;
 * written() at the high watermark, since a commit returns before its markers are written.
 *
 * The high watermark is an admin request, rd_kafka_ListOffsets(). Of librdkafka 2.8 it may only be
 * called when the leader is known: else the search for it begins in the caller's thread while
 * metadata that comes lets it go on in librdkafka's, both at once, and one of them meets what the
 * other has freed (rd_kafka_topic_partition_list_query_leaders_async in its rdkafka_partition.c).
 * So rd_kafka_query_watermark_offsets() comes first, which looks for the leader in this thread
 * alone, and whose answer, by the handle's isolation level, is all that the others need.
 */
#include "engine/clock.h"
#include "worker/kafka_log_impl.h"

#include <time.h>

#define LATE_MS 200 /* librdkafka's own time-out comes first */

/* The high watermark, of a partition whose leader is known. */
static rd_kafka_resp_err_t ask_written(rd_kafka_t *rk, const char *topic, int32_t partition,
                                       int64_t *end, int timeout_ms)
{
    char text[256] = "";
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = RD_KAFKA_OFFSET_SPEC_LATEST;
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(rk, RD_KAFKA_ADMIN_OP_LISTOFFSETS);
    rd_kafka_error_destroy(rd_kafka_AdminOptions_set_isolation_level(
        options, RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED));
    rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, text, sizeof text);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_ListOffsets(rk, list, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, timeout_ms + LATE_MS);
    const rd_kafka_ListOffsets_result_t *result = rd_kafka_event_ListOffsets_result(event);
    rd_kafka_resp_err_t code =
        event == NULL ? RD_KAFKA_RESP_ERR__TIMED_OUT : rd_kafka_event_error(event);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        size_t n = 0;
        const rd_kafka_ListOffsetsResultInfo_t **infos =
            rd_kafka_ListOffsets_result_infos(result, &n);
        const rd_kafka_topic_partition_t *at =
            n == 1 ? rd_kafka_ListOffsetsResultInfo_topic_partition(infos[0]) : NULL;
        code = at == NULL ? RD_KAFKA_RESP_ERR__BAD_MSG : at->err;
        *end = at == NULL ? OFFSET_NONE : at->offset;
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR && *end < 0) {
            /* The broker went away meanwhile: librdkafka 2.8 gives that as success without an
             * offset. Taken for the end of a changelog, it would mean that there is no state. */
            code = RD_KAFKA_RESP_ERR__TRANSPORT;
        }
    }
    if (event != NULL) {
        rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_topic_partition_list_destroy(list);
    return code;
}

/* librdkafka calls a partition without a leader unknown, too: what the broker says of it. The
 * consumer asks, for a producer's question creates the topic. */
static rd_kafka_resp_err_t why_unknown(const struct kafka_log *l, const char *topic,
                                       int32_t partition, int timeout_ms)
{
    const struct rd_kafka_metadata *md;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(l->consumer, topic, NULL);
    if (handle == NULL) {
        return rd_kafka_last_error();
    }
    rd_kafka_resp_err_t code = rd_kafka_metadata(l->consumer, 0, handle, &md, timeout_ms);
    rd_kafka_topic_destroy(handle);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return code;
    }
    code = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    if (md->topic_cnt == 1 && md->topics[0].err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        code = md->topics[0].err;
    } else if (md->topic_cnt == 1 && partition < md->topics[0].partition_cnt) {
        code = RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
    }
    rd_kafka_metadata_destroy(md);
    return code;
}

/* What is left until the deadline, ms: a request gets at least one. */
static int left(int64_t deadline_ns)
{
    int64_t ms = (deadline_ns - clock_monotonic_ns()) / 1000000;
    return ms > 1 ? (int)ms : 1;
}

static rd_kafka_resp_err_t ask(const struct kafka_log *l, rd_kafka_t *rk, const char *topic,
                               int32_t partition, struct kafka_offsets *o, bool wants_written,
                               int64_t deadline_ns)
{
    rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(rk, topic, partition, &o->begin,
                                                                &o->stable, left(deadline_ns));
    if (code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION) {
        return why_unknown(l, topic, partition, left(deadline_ns));
    }
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && (o->begin < 0 || o->stable < 0)) {
        return RD_KAFKA_RESP_ERR__TRANSPORT;
    }
    return code == RD_KAFKA_RESP_ERR_NO_ERROR && wants_written
               ? ask_written(rk, topic, partition, &o->written, left(deadline_ns))
               : code;
}

int kafka_offsets(const struct kafka_log *l, rd_kafka_t *rk, const char *topic, int32_t partition,
                  struct kafka_offsets *out, bool wants_written, int timeout_ms, struct err *e)
{
    int64_t begin = clock_monotonic_ns(), deadline = begin + timeout_ms * 1000000LL;
    for (;;) {
        rd_kafka_resp_err_t code = ask(l, rk, topic, partition, out, wants_written, deadline);
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
            return 0;
        }
        if (!kafka_asks_again(code, begin, timeout_ms)) {
            return kafka_fail(e, code, topic, NULL);
        }
        nanosleep(&(struct timespec){.tv_nsec = 20 * 1000000}, NULL);
    }
}

/* Who asks. A broker answers the requests of a connection one after the other, and on the
 * consumer's there is mostly a fetch that waits fetch.wait.max.ms for records: three questions for
 * each task of a start would take a third of a second. */
static rd_kafka_t *asker(const struct kafka_log *l)
{
    return l->producer != NULL ? l->producer : l->consumer;
}

int kafka_bounds(struct log *log, const char *topic, int32_t partition, int64_t *begin,
                 int64_t *end, int timeout_ms, struct err *e)
{
    const struct kafka_log *l = (const struct kafka_log *)log;
    struct kafka_offsets o;
    int rc = kafka_offsets(l, asker(l), topic, partition, &o, false, timeout_ms, e);
    if (rc == 0) {
        *begin = o.begin;
        *end = o.stable;
    }
    return rc;
}

int kafka_written(struct log *log, const char *topic, int32_t partition, int64_t *end,
                  int timeout_ms, struct err *e)
{
    const struct kafka_log *l = (const struct kafka_log *)log;
    struct kafka_offsets o;
    int rc = kafka_offsets(l, asker(l), topic, partition, &o, true, timeout_ms, e);
    if (rc == 0) {
        *end = o.written;
    }
    return rc;
}
