/* Log: the only door to topics. kafka_log.c speaks to Kafka, memory_log.c keeps everything in the
 * process (demonstrations, tests, simulation), with partitions, groups, transactions and isolation
 * as Kafka has them.
 *
 *   lane thread:  poll -> records -> tasks -> produce …, then commit (or abort)
 *
 * One handle per lane, used by its thread only. In transactional mode (exactly_once) everything
 * produced since begin, and the offsets given to commit, become visible together or not at all.
 * In plain mode (at_least_once) commit flushes first and then stores the offsets.
 */
#ifndef KLAMM_WORKER_LOG_H
#define KLAMM_WORKER_LOG_H

#include "engine/error.h"
#include "engine/record.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OFFSET_NONE (-1) /* no committed offset */
#define TOPIC_ID    40   /* with its NUL */

struct log;

/* A partition with an offset to begin at or to commit. */
struct log_position {
    const char *topic; /* in events: lives as long as the log */
    int32_t partition;
    int64_t offset;       /* next to read */
    const char *metadata; /* of the committed offset; NULL: none */
};

/* A member of a group: its log_config.instance (NULL: it has none), and what is assigned to it. */
struct log_member {
    const char *instance;
    const struct log_position *owned; /* topics and partitions only */
    size_t n;
};

/* Called inside poll(), in the lane's thread. */
struct log_events {
    void *ctx;
    /* These partitions are ours now. offset and metadata are what the group has committed
     * (OFFSET_NONE: nothing yet). The callee may set `offset` to begin elsewhere. Keep it quick. */
    void (*assigned)(void *ctx, struct log_position *p, size_t n);
    /* They go away: lost false: what was done for them may still be committed with commit(). lost
     * true: someone else owns them already. Records of theirs not yet handed out are discarded. */
    void (*revoked)(void *ctx, const struct log_position *p, size_t n, bool lost);
};

struct log_config {
    const char *group;         /* group.id */
    const char *transactional; /* transactional.id; NULL: at_least_once */
    const char *instance;      /* group.instance.id; NULL: dynamic member */
    bool keeps_place;          /* it may close without leaving, to come back */
    const char *const *topics; /* to subscribe to, NULL-terminated; NULL: not a member of the
                                  group, only for producing and questions */
    /* Topics whose records carry headers, NULL-terminated; NULL: every topic. Parsing them costs,
     * so name those where somebody reads them. */
    const char *const *with_headers;
    bool copartition; /* several inputs a task: range assignment instead of cooperative-sticky */
    bool from_latest; /* in memory: what has no commit begins at its end */
    const char *const *property; /* librdkafka properties: name, value, …, NULL (kafka log only) */
    const atomic_bool *stopping; /* set: opening waits no longer, and a commit some seconds at
                                    most; NULL: nobody asks */
    int64_t memory_limit; /* bytes this lane's queues may take; 0: the recommended defaults */
};

struct log_ops {
    /* Reads what is there, waiting at most timeout_ms for the first record. The records (in runs of
     * one partition, in offset order) live until release(). Transaction markers leave gaps in the
     * offsets. -ERR_RETRY, -ERR_ABORT, -ERR_FATAL. */
    int (*poll)(struct log *l, int timeout_ms, const struct record **records, size_t *n,
                struct err *e);
    void (*release)(struct log *l);
    int (*pause)(struct log *l, const char *topic, int32_t partition);
    int (*resume)(struct log *l, const char *topic, int32_t partition);
    int (*seek)(struct log *l, const char *topic, int32_t partition, int64_t offset, struct err *e);

    int (*begin)(struct log *l, struct err *e); /* a transaction; nothing to do when one is open */
    /* Copies the records. partition -1: murmur2 of the key, any partition without a key. Waits
     * while the queue is full. */
    int (*produce)(struct log *l, const struct record *records, size_t n, struct err *e);
    /* Records produced and not acknowledged yet. NULL: none ever. */
    size_t (*unsent)(struct log *l);
    /* Offsets of ALL partitions that this lane owns, changed or not, so that a stale member cannot
     * commit. -ERR_ABORT: call abort and read again; -ERR_FATAL: fenced, close the lane. */
    int (*commit)(struct log *l, const struct log_position *p, size_t n, struct err *e);
    int (*abort)(struct log *l, struct err *e);

    /* Cluster questions, blocking; timeout_ms bounds each. */
    int (*partitions)(struct log *l, const char *topic, int32_t *count, int timeout_ms,
                      struct err *e); /* *count 0: there is no such topic */
    /* Calls each for every topic there is. NULL: this log cannot tell. */
    int (*topics)(struct log *l, void (*each)(void *ctx, const char *topic), void *ctx,
                  int timeout_ms, struct err *e);
    /* read_committed end (the last stable offset) and the beginning of a partition. */
    int (*bounds)(struct log *l, const char *topic, int32_t partition, int64_t *begin, int64_t *end,
                  int timeout_ms, struct err *e);
    /* Behind everything written so far, decided or not. A transaction's records are ahead of
     * bounds() for a moment after commit() has returned, so what must not miss them asks here. */
    int (*written)(struct log *l, const char *topic, int32_t partition, int64_t *end,
                   int timeout_ms, struct err *e);
    /* compact: cleanup.policy=compact. replication -1: the broker's default. Already there is fine.
     * config: name, value, …, NULL or NULL. */
    int (*create_topic)(struct log *l, const char *topic, int32_t partitions, int16_t replication,
                        bool compact, const char *const *config, int timeout_ms, struct err *e);
    /* What tells the topic from one of the same name that was deleted; as text.
     * Empty where the broker has none. NULL: this log cannot tell. */
    int (*topic_id)(struct log *l, const char *topic, char out[TOPIC_ID], int timeout_ms,
                    struct err *e);
    /* Reads a partition from `from` to its committed end, calling each in order (for changelogs and
     * other compacted topics); *next is the offset to go on from. Waits for transactions that were
     * open when it began. -ERR_DATA: the partition ends before `from`, so it is not the one that
     * was read before.
     * Of this and read_on: each returns 0 to go on, negative when it has failed, and positive when
     * that is enough for now: the call returns 1 then, or 0 at the end, and who goes on from *next
     * finds what was fetched already. Headers as poll() has them. */
    int (*read_all)(struct log *l, const char *topic, int32_t partition, int64_t from,
                    int (*each)(void *ctx, const struct record *r), void *ctx, int64_t *next,
                    struct err *e);
    /* The same up to what is committed now, waiting for nobody: to follow a topic. */
    int (*read_on)(struct log *l, const char *topic, int32_t partition, int64_t from,
                   int (*each)(void *ctx, const struct record *r), void *ctx, int64_t *next,
                   struct err *e);
    /* For a handle that is no member of its group: poll() brings records of this partition too,
     * from `from` on, and position() says how far it is. An offset that is gone: from the
     * beginning. */
    int (*follow)(struct log *l, const char *topic, int32_t partition, int64_t from, struct err *e);
    void (*unfollow)(struct log *l, const char *topic, int32_t partition);
    /* Calls each for the members of this handle's group. -ERR_RETRY: not now, it rebalances. */
    int (*members)(struct log *l, void (*each)(void *ctx, const struct log_member *m), void *ctx,
                   int timeout_ms, struct err *e);
    /* Offsets the group has committed, for partitions in p (offset, metadata set; metadata lives
     * until the next call). */
    int (*committed)(struct log *l, struct log_position *p, size_t n, int timeout_ms,
                     struct err *e);
    /* Next offset to read of a partition that is ours, behind transaction markers that were passed;
     * OFFSET_NONE: nothing read yet. The end is reached when it is >= the end of bounds(); where
     * compaction has emptied the tail only read_all(), from there, finds out. */
    int (*position)(struct log *l, const char *topic, int32_t partition, int64_t *offset);
    /* Whether a partition that is ours holds records that poll() has not handed out, as of its last
     * fetch: 1 it seems so (they may belong to an open transaction), 0 its end is reached; -1: no
     * fetch has come back yet. Asks nobody. */
    int (*has_more)(struct log *l, const char *topic, int32_t partition);
    /* Headers of a record of the last poll, whether or not its topic is in with_headers; they live
     * until release. NULL: records always carry theirs. */
    int (*headers)(struct log *l, const struct record *r, const struct header **out, size_t *n);
    /* Leaves the group (leave true) or closes only, so that a static member may come back. Frees l.
     */
    void (*close)(struct log *l, bool leave);
};

/* The first member of every implementation. */
struct log {
    const struct log_ops *ops;
};

#endif
