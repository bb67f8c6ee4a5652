/* What the files of the log in memory share: memory_broker.c (topics, records), memory_group.c (who
 * reads what), memory_transaction.c, memory_log.c (a handle's operations). Not for others.
 */
#ifndef KLAMM_WORKER_MEMORY_LOG_IMPL_H
#define KLAMM_WORKER_MEMORY_LOG_IMPL_H

#include "engine/arena.h"
#include "worker/memory_log.h"

#include <pthread.h>

struct memory_log;

struct kept {
    int64_t offset, timestamp;
    struct producer *producer; /* whose transaction is not decided here yet; NULL: it is */
    uint32_t key_n, value_n, headers_n;
    bool has_key, has_value;
    uint32_t nheaders;
    char bytes[]; /* key, value, then per header: varint name length, name, varint n+1 (0 null),
                     value */
};

struct partition {
    struct kept **record;
    size_t n, cap;
    int64_t next, stable;    /* below stable all is decided */
    int64_t start;           /* before it records may be gone */
    size_t compacted;        /* n after the last compaction */
    int64_t compacted_until; /* deletions before this offset may go with the next one */
};

struct topic {
    char *name;
    bool compact;
    int32_t npartitions;
    struct partition *partition;
};

struct claim { /* what a group knows of one partition */
    struct topic *topic;
    int32_t partition;
    struct memory_log *owner;
    int64_t committed;
    char *metadata;
};

struct group {
    char *name;
    int generation;
    int nmembers;
    struct memory_log **member;
    int nclaims;
    struct claim *claim;
};

struct touched {
    struct topic *topic;
    int32_t partition;
};

struct offer { /* an offset in a transaction */
    struct group *group;
    struct topic *topic;
    int32_t partition;
    int64_t offset;
    char *metadata;
};

struct producer { /* a transactional id */
    char *id;
    int epoch;
    enum { PRODUCER_IDLE, PRODUCER_OPEN, PRODUCER_DECIDED } stage;
    bool commits;             /* DECIDED: to commit */
    size_t ntouched, noffers; /* DECIDED: those without a marker yet */
    struct touched *touched;
    struct offer *offer;
};

struct memory_broker {
    pthread_mutex_t mutex;
    pthread_cond_t change;
    int32_t partitions;
    int ntopics, ngroups, nproducers;
    bool delays_markers;
    struct topic **topic;
    struct producer **producer;
    struct group **group;
};

struct held { /* a partition that this handle reads */
    struct topic *topic;
    int32_t partition;
    int64_t position;
    bool paused;
};

struct memory_log {
    struct log log;
    struct memory_broker *broker;
    struct log_config cfg;
    struct log_events ev;
    struct producer *producer; /* NULL: not transactional */
    int epoch;                 /* of producer: an older one is fenced */
    struct group *group;
    bool is_evicted; /* the group has gone on without this member */
    char **topics;
    int generation; /* last followed; -1: not complete */
    int nheld;
    struct held *held;
    int turn;
    struct arena out;  /* records of the last poll */
    struct arena told; /* metadata that committed() gave */
    uint32_t spread;   /* for records without key */
    uint32_t polls;
};

/* memory_broker.c; the mutex is held */
struct topic *memory_topic(struct memory_broker *b, const char *name, int32_t partitions);
struct kept *memory_kept_new(const struct record *r);
void memory_kept_copy(struct record *r, const struct kept *k, const struct topic *t,
                      int32_t partition, struct arena *a);
void memory_append(struct memory_broker *b, struct topic *t, int32_t number, struct kept *k);
size_t memory_find(const struct partition *p, int64_t offset);
struct claim *memory_claim(struct group *g, const struct topic *t, int32_t partition);
struct claim *memory_claim_new(struct group *g, struct topic *t, int32_t partition);
struct group *memory_group(struct memory_broker *b, const char *name);
/* memory_transaction.c; the mutex is held */
struct producer *memory_producer(struct memory_broker *b, const char *id);
void memory_touch(struct producer *x, struct topic *t, int32_t partition);
void memory_offer(struct producer *x, struct group *g, struct topic *t,
                  const struct log_position *p);
bool memory_is_undecided(const struct memory_broker *b, const struct group *g,
                         const struct topic *t, int32_t partition);
void memory_store_offset(struct group *g, struct topic *t, int32_t partition, int64_t offset,
                         const char *metadata);
void memory_decide(struct memory_broker *b, struct producer *x, bool commits);
/* Writes the markers that are left. */
void memory_finish(struct producer *x);
/* Another epoch: what is open is aborted. */
void memory_fence(struct memory_broker *b, struct producer *x);
void memory_producers_free(struct memory_broker *b);
/* memory_group.c; the mutex is held */
void memory_join(struct memory_log *l);
void memory_follow_group(struct memory_log *l);
void memory_leave(struct memory_log *l);

#endif
