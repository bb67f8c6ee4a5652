/* The inside of kafka_log: shared by the kafka_log_*.c files only. Everything belongs to the lane's
 * thread; librdkafka's own threads never call back (logs and errors go through the queues).
 */
#ifndef KLAMM_WORKER_KAFKA_LOG_IMPL_H
#define KLAMM_WORKER_KAFKA_LOG_IMPL_H

#include "engine/arena.h"
#include "worker/log.h"

#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>

#ifdef KLAMM_SMALL
#define KAFKA_BATCH 3
#else
#define KAFKA_BATCH 1000 /* records a poll */
#endif
#define KAFKA_TRANSACTION_MS 10000 /* a dead worker holds back read_committed readers that long */
#define KAFKA_COMMIT_MS      30000 /* a commit that cannot succeed in this time has failed */
#define KAFKA_QUIET_SLOTS    16

/* Topics are interned: records and positions share one name pointer, found by librdkafka's handle.
 */
struct kafka_topic {
    char *name;
    rd_kafka_topic_t *in;  /* of the consumer; NULL until seen */
    rd_kafka_topic_t *out; /* of the producer; NULL until written to */
    bool has_headers;      /* records carry theirs */
    int32_t nparts;
    struct kafka_part {
        bool owned, paused;
        int64_t next; /* behind the last record; OFFSET_NONE: not known yet */
    } * part;
};

/* A message of one kind is printed once in a while, then with the number left out. */
struct kafka_quiet {
    uint32_t kind;
    unsigned skipped;
    int64_t until_ns;
};

/* Whether somebody owns every partition: looked at until it was so once after a member has come. */
struct kafka_group {
    enum { GROUP_DONE, GROUP_WATCH, GROUP_LEAVE } stage;
    int64_t next_ns, since_ns; /* the next look; since when orphans were seen, or 0 */
    int64_t patience_ms;
    rd_kafka_topic_partition_list_t *topics; /* GROUP_LEAVE: to subscribe to again */

    bool is_looking; /* in a thread, to which what follows belongs until it has looked */
    atomic_bool has_looked;
    pthread_t thread;
    rd_kafka_t *rk;
    const char *name;
    int64_t orphans; /* -1: not known */
    char topic[256]; /* of one of them */
};

enum { KAFKA_READ_ALL, KAFKA_READ_ON, KAFKA_READERS };

struct kafka_log {
    struct log base;
    struct log_events ev;
    rd_kafka_t *consumer, *producer;
    rd_kafka_queue_t *queue; /* the consumer's */
    int event_fd;            /* readable when it is no longer empty */
    int64_t clock_ahead;     /* the wall clock against the steady one, ms, at the last poll */
    char *group, *transactional;
    const atomic_bool *stopping; /* the caller's, or NULL */
    int64_t stop_at_ns;          /* how long it waits then, at most; 0: it goes on */
    bool all_headers;
    char **property; /* copies, for handles opened later */
    char **with_headers;
    size_t nwith_headers;

    struct kafka_topic **topic, *last_in, *last_out;
    size_t ntopics;

    rd_kafka_message_t *msg[KAFKA_BATCH];
    struct record record[KAFKA_BATCH];
    rd_kafka_message_t out[KAFKA_BATCH]; /* of produce */
    size_t n;                            /* handed out, until release */
    struct arena headers;

    int nfollowed;                            /* partitions, without being a member */
    bool rebalanced;                          /* a callback ran in this poll */
    rd_kafka_topic_partition_list_t *pending; /* assigned, committed offsets not yet known */
    int64_t pending_since_ns, pending_next_ns;
    enum { KAFKA_AWAKE, KAFKA_RESUMED, KAFKA_REASSIGNED } sleep; /* who fetches may sleep since */
    struct err failure;                                          /* for the next poll */

    bool in_transaction;
    size_t queued, queued_bytes; /* records with librdkafka, and the most it takes */
    size_t queued_most, queued_most_bytes;
    unsigned long undelivered; /* since the last commit or abort */
    struct err delivery;       /* the first of them */

    rd_kafka_topic_partition_list_t *asked; /* of committed(): owns the metadata */
    struct kafka_reader *reader[KAFKA_READERS];
    int64_t reader_idle_ns; /* since when nobody used them */
    struct kafka_quiet quiet[KAFKA_QUIET_SLOTS];
    struct kafka_group watch;
};

/* settings */
enum kafka_role { KAFKA_CONSUMER, KAFKA_PRODUCER, KAFKA_READER };
/* NULL and a message when a property is refused. */
rd_kafka_conf_t *kafka_conf(struct kafka_log *l, enum kafka_role role, const struct log_config *cfg,
                            struct err *e);
rd_kafka_t *kafka_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, struct err *e);
void kafka_on_log(const rd_kafka_t *rk, int level, const char *fac, const char *text);
void kafka_on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque);
/* What a caller must do about a code; the sentence goes to e. */
int kafka_fail(struct err *e, rd_kafka_resp_err_t code, const char *what, const char *reason);

/* topics */
struct kafka_topic *kafka_topic(struct kafka_log *l, const char *name);
struct kafka_topic *kafka_topic_of(struct kafka_log *l, rd_kafka_topic_t *in);
struct kafka_part *kafka_part(struct kafka_topic *t, int32_t partition);

/* consumer */
int kafka_consumer_open(struct kafka_log *l, const struct log_config *cfg, struct err *e);
int kafka_poll(struct log *log, int timeout_ms, const struct record **records, size_t *n,
               struct err *e);
void kafka_release(struct log *log);
int kafka_headers(struct log *log, const struct record *r, const struct header **out, size_t *n);
void kafka_record(struct record *r, const rd_kafka_message_t *m, const char *topic);
void kafka_parse_headers(struct arena *a, struct record *r, const rd_kafka_message_t *m);

/* rebalance */
void kafka_on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                        rd_kafka_topic_partition_list_t *list, void *opaque);
/* Goes on with an assignment whose committed offsets were not stable yet. */
void kafka_assign_pending(struct kafka_log *l);
int kafka_pause(struct log *log, const char *topic, int32_t partition);
int kafka_resume(struct log *log, const char *topic, int32_t partition);
int kafka_seek(struct log *log, const char *topic, int32_t partition, int64_t offset,
               struct err *e);
int kafka_position(struct log *log, const char *topic, int32_t partition, int64_t *offset);
int kafka_has_more(struct log *log, const char *topic, int32_t partition);

/* wake */
/* Whoever sleeps since a resume or a rebalance fetches again; at every poll. */
void kafka_wake(struct kafka_log *l);

/* follow */
int kafka_follow(struct log *log, const char *topic, int32_t partition, int64_t from,
                 struct err *e);
void kafka_unfollow(struct log *log, const char *topic, int32_t partition);
void kafka_unfollow_all(struct kafka_log *l);
int kafka_members(struct log *log, void (*each)(void *ctx, const struct log_member *m), void *ctx,
                  int timeout_ms, struct err *e);
/* group */
void kafka_group_begin(struct kafka_log *l);
void kafka_group_watch(struct kafka_log *l);
void kafka_group_end(struct kafka_log *l);

/* producer and transactions */
int kafka_producer_open(struct kafka_log *l, const struct log_config *cfg, struct err *e);
void kafka_producer_close(struct kafka_log *l);
int kafka_produce(struct log *log, const struct record *records, size_t n, struct err *e);
size_t kafka_unsent(struct log *log);
int kafka_transactions_init(struct kafka_log *l, struct err *e);
int kafka_begin(struct log *log, struct err *e);
int kafka_commit(struct log *log, const struct log_position *p, size_t n, struct err *e);
int kafka_abort(struct log *log, struct err *e);

/* admin */
/* Whether a question that failed so is asked again: a leader may be unknown or just elected, and
 * brokers hear of a topic a moment after the one that created it. */
bool kafka_asks_again(rd_kafka_resp_err_t code, int64_t begin_ns, int timeout_ms);
int kafka_topics(struct log *log, void (*each)(void *ctx, const char *topic), void *ctx,
                 int timeout_ms, struct err *e);
int kafka_partitions(struct log *log, const char *topic, int32_t *count, int timeout_ms,
                     struct err *e);
int kafka_topic_id(struct log *log, const char *topic, char out[TOPIC_ID], int timeout_ms,
                   struct err *e);
int kafka_create_topic(struct log *log, const char *topic, int32_t partitions, int16_t replication,
                       bool compact, const char *const *config, int timeout_ms, struct err *e);
int kafka_committed(struct log *log, struct log_position *p, size_t n, int timeout_ms,
                    struct err *e);
/* Fetches what the group has committed, once: *stable false when a transaction still holds it back.
 */
int kafka_fetch_committed(struct kafka_log *l, rd_kafka_topic_partition_list_t *list,
                          int timeout_ms, bool *stable, struct err *e);

/* offsets */
struct kafka_offsets {
    int64_t begin, stable;
    int64_t written; /* the high watermark, where it was wanted */
};
/* rk asks; all of it takes timeout_ms at most, and a little. */
int kafka_offsets(const struct kafka_log *l, rd_kafka_t *rk, const char *topic, int32_t partition,
                  struct kafka_offsets *out, bool wants_written, int timeout_ms, struct err *e);
int kafka_bounds(struct log *log, const char *topic, int32_t partition, int64_t *begin,
                 int64_t *end, int timeout_ms, struct err *e);
int kafka_written(struct log *log, const char *topic, int32_t partition, int64_t *end,
                  int timeout_ms, struct err *e);

/* reader */
int kafka_read_all(struct log *log, const char *topic, int32_t partition, int64_t from,
                   int (*each)(void *ctx, const struct record *r), void *ctx, int64_t *next,
                   struct err *e);
int kafka_read_on(struct log *log, const char *topic, int32_t partition, int64_t from,
                  int (*each)(void *ctx, const struct record *r), void *ctx, int64_t *next,
                  struct err *e);
void kafka_reader_close(struct kafka_log *l);

#endif
