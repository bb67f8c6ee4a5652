/* Kafka log, commits.
 *
 *   exactly_once    begin -> produce ... -> flush, offsets, EndTxn: all visible together, or none
 *   at_least_once   produce ... -> flush, offsets: what was lost is read again, so may come twice
 *
 * Offsets go with the group's metadata as it is at that moment: the broker refuses a member that
 * the group has left behind, and the transactional id refuses a process that another has replaced.
 *
 *   librdkafka says     here
 *   retriable           asked again until KAFKA_COMMIT_MS are over, then -ERR_ABORT
 *   requires abort      -ERR_ABORT: the caller aborts and reads again
 *   fatal, fenced       -ERR_FATAL: the handle is of no more use
 *
 * Before an abort what is on its way may arrive, for a moment: aborted while a partition is being
 * added to the transaction, librdkafka ends one that the broker has not begun (INVALID_TXN_STATE,
 * which is fatal to the handle).
 */
#include "engine/clock.h"
#include "worker/kafka_log_impl.h"

#include <string.h>
#include <time.h>

#define INIT_MS   30000
#define SLICE_MS  500  /* of one call: whoever is to stop is heard then */
#define STOP_MS   8000 /* for the last commit, or its abort */
#define ABORT_MS  30000
#define SETTLE_MS 500
#define AGAIN_NS  (20 * 1000000L) /* before a call that failed at once is made again */

static void forget_deliveries(struct kafka_log *l)
{
    l->undelivered = 0;
    err_clear(&l->delivery);
}

/* Takes the error: says who must act, and closes nothing. */
static int fail(struct kafka_log *l, rd_kafka_error_t *error, const char *what, struct err *e)
{
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    struct err own = {0};
    kafka_fail(&own, code, what, rd_kafka_error_string(error));
    if (rd_kafka_error_is_fatal(error)) {
        own.kind = ERR_FATAL;
    } else if (rd_kafka_error_txn_requires_abort(error) ||
               (l->in_transaction && own.kind == ERR_RETRY)) {
        own.kind = ERR_ABORT;
    }
    rd_kafka_error_destroy(error);
    return err_set(e, own.kind, "%s", own.text);
}

/* A record that the broker will never take is met again after an abort: its row is bad. */
static int blame_delivery(const struct kafka_log *l, int rc, struct err *e)
{
    if (l->undelivered == 0 || l->delivery.kind != ERR_DATA || e == NULL) {
        return rc;
    }
    err_clear(e);
    return err_set(e, ERR_DATA, "%s", l->delivery.text);
}

/* The deadline, but not long after the caller was told to stop. */
static int64_t until(struct kafka_log *l, int64_t deadline_ns)
{
    if (l->stopping && l->stop_at_ns == 0 && atomic_load(l->stopping)) {
        l->stop_at_ns = clock_monotonic_ns() + STOP_MS * 1000000LL;
    }
    return l->stop_at_ns && l->stop_at_ns < deadline_ns ? l->stop_at_ns : deadline_ns;
}

/* Milliseconds until then, at least 1. */
static int left(struct kafka_log *l, int64_t deadline_ns)
{
    int64_t ms = (until(l, deadline_ns) - clock_monotonic_ns()) / 1000000;
    return ms < 1 ? 1 : (int)ms;
}

/* The same for calls that go on where they were when they are made again. */
static int slice(struct kafka_log *l, int64_t deadline_ns)
{
    int ms = left(l, deadline_ns);
    return ms < SLICE_MS ? ms : SLICE_MS;
}

/* True when the call is to be made again; the error is gone then. What failed before its time was
 * over, as the offsets do at once while their coordinator is away, would else be called without
 * end. */
static bool again(struct kafka_log *l, rd_kafka_error_t **error, int64_t deadline_ns)
{
    if (*error == NULL || !rd_kafka_error_is_retriable(*error) ||
        clock_monotonic_ns() >= until(l, deadline_ns)) {
        return false;
    }
    if (rd_kafka_error_code(*error) != RD_KAFKA_RESP_ERR__TIMED_OUT) {
        nanosleep(&(struct timespec){.tv_nsec = AGAIN_NS}, NULL);
    }
    rd_kafka_error_destroy(*error);
    *error = NULL;
    return true;
}

int kafka_transactions_init(struct kafka_log *l, struct err *e)
{
    int64_t deadline = clock_monotonic_ns() + INIT_MS * 1000000LL;
    rd_kafka_error_t *error;
    do {
        bool is_over = l->stopping && atomic_load(l->stopping); /* there is nothing to finish */
        deadline = is_over ? 0 : deadline;
        error = rd_kafka_init_transactions(l->producer, slice(l, deadline));
    } while (again(l, &error, deadline));
    return error == NULL ? 0 : fail(l, error, "transactions", e);
}

int kafka_begin(struct log *log, struct err *e)
{
    struct kafka_log *l = (struct kafka_log *)log;
    if (l->transactional == NULL || l->in_transaction) {
        return 0;
    }
    rd_kafka_error_t *error = rd_kafka_begin_transaction(l->producer);
    if (error != NULL) {
        return fail(l, error, "begin", e);
    }
    l->in_transaction = true;
    return 0;
}

static rd_kafka_topic_partition_list_t *offsets(const struct log_position *p, size_t n)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n);
    for (size_t i = 0; i < n; i++) {
        if (p[i].offset < 0) {
            continue; /* nothing read yet: what is committed stands */
        }
        rd_kafka_topic_partition_t *at =
            rd_kafka_topic_partition_list_add(list, p[i].topic, p[i].partition);
        at->offset = p[i].offset;
        if (p[i].metadata != NULL) { /* librdkafka frees it */
            at->metadata_size = strlen(p[i].metadata);
            at->metadata = rd_kafka_mem_malloc(NULL, at->metadata_size + 1);
            memcpy(at->metadata, p[i].metadata, at->metadata_size + 1);
        }
    }
    return list;
}

static int commit_transaction(struct kafka_log *l, const rd_kafka_topic_partition_list_t *list,
                              struct err *e)
{
    int64_t deadline = clock_monotonic_ns() + KAFKA_COMMIT_MS * 1000000LL;
    rd_kafka_error_t *error = NULL;
    if (list->cnt > 0) {
        rd_kafka_consumer_group_metadata_t *member = rd_kafka_consumer_group_metadata(l->consumer);
        do {
            error =
                rd_kafka_send_offsets_to_transaction(l->producer, list, member, left(l, deadline));
        } while (again(l, &error, deadline));
        rd_kafka_consumer_group_metadata_destroy(member);
        if (error != NULL) {
            return blame_delivery(l, fail(l, error, "commit of offsets", e), e);
        }
    }
    do {
        error = rd_kafka_commit_transaction(l->producer, slice(l, deadline));
    } while (again(l, &error, deadline));
    if (error != NULL) {
        int rc = fail(l, error, "commit", e);
        if (l->undelivered > 0 && e != NULL) {
            err_prefix(e, "%s", l->delivery.text);
        }
        return blame_delivery(l, rc, e);
    }
    l->in_transaction = false;
    forget_deliveries(l);
    return 0;
}

static rd_kafka_resp_err_t flush_all(struct kafka_log *l, int64_t deadline)
{
    rd_kafka_resp_err_t code;
    do {
        code = rd_kafka_flush(l->producer, slice(l, deadline));
    } while (code == RD_KAFKA_RESP_ERR__TIMED_OUT && clock_monotonic_ns() < until(l, deadline));
    return code;
}

static int commit_plain(struct kafka_log *l, rd_kafka_topic_partition_list_t *list, struct err *e)
{
    int64_t deadline = clock_monotonic_ns() + KAFKA_COMMIT_MS * 1000000LL;
    rd_kafka_resp_err_t code = flush_all(l, deadline);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return err_set(e, ERR_ABORT, "commit: records are still not acknowledged after %d s",
                       KAFKA_COMMIT_MS / 1000);
    }
    if (l->undelivered > 0) {
        int rc = err_set(e, ERR_ABORT, "commit: %lu records were not delivered: %s", l->undelivered,
                         l->delivery.text);
        return blame_delivery(l, rc, e);
    }
    if (list->cnt == 0) {
        return 0;
    }
    code = rd_kafka_commit(l->consumer, list, 0);
    for (int i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && i < list->cnt; i++) {
        code = list->elems[i].err;
    }
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        return 0;
    }
    int rc = kafka_fail(e, code, "commit of offsets", NULL);
    return rc == -ERR_RETRY ? -ERR_ABORT : rc;
}

int kafka_commit(struct log *log, const struct log_position *p, size_t n, struct err *e)
{
    struct kafka_log *l = (struct kafka_log *)log;
    int rc = l->transactional != NULL ? kafka_begin(log, e) : 0;
    if (rc < 0) {
        return rc;
    }
    rd_kafka_topic_partition_list_t *list = offsets(p, n);
    rc = l->transactional != NULL ? commit_transaction(l, list, e) : commit_plain(l, list, e);
    rd_kafka_topic_partition_list_destroy(list);
    return rc;
}

int kafka_abort(struct log *log, struct err *e)
{
    struct kafka_log *l = (struct kafka_log *)log;
    int64_t deadline = clock_monotonic_ns() + ABORT_MS * 1000000LL;
    rd_kafka_error_t *error = NULL;
    if (l->transactional == NULL) {
        flush_all(l, deadline);
    } else if (l->in_transaction) {
        if (l->undelivered == 0 && rd_kafka_fatal_error(l->producer, NULL, 0) == 0) {
            rd_kafka_flush(l->producer, SETTLE_MS);
        }
        do {
            error = rd_kafka_abort_transaction(l->producer, slice(l, deadline));
        } while (again(l, &error, deadline));
    }
    rd_kafka_poll(l->producer, 0); /* what was purged */
    forget_deliveries(l);
    if (error != NULL) {
        int rc = fail(l, error, "abort", e);
        return rc == -ERR_ABORT ? -ERR_RETRY : rc;
    }
    l->in_transaction = false;
    return 0;
}
