/* What the files of the log in memory share: memory_broker.c (topics, records), memory_group.c (who
 * reads what), memory_log.c (a handle's operations). Not for others.
 */
#ifndef KLAMM_WORKER_MEMORY_LOG_IMPL_H
#define KLAMM_WORKER_MEMORY_LOG_IMPL_H

#include "engine/arena.h"
#include "worker/memory_log.h"

#include <pthread.h>

struct memory_log;

struct kept {
    int64_t offset, timestamp;
    uint32_t key_n, value_n, headers_n;
    bool has_key, has_value;
    uint32_t nheaders;
    char bytes[]; /* key, value, then per header: varint name length, name, varint n+1 (0 null),
                     value */
};

struct partition {
    struct kept **record;
    size_t n, cap;
    int64_t next;
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

struct memory_broker {
    pthread_mutex_t mutex;
    pthread_cond_t change;
    int32_t partitions;
    int ntopics, ngroups;
    struct topic **topic;
    struct group **group;
};

struct held { /* a partition that this handle reads */
    struct topic *topic;
    int32_t partition;
    int64_t position;
    bool paused;
};

struct pending { /* produced in the open transaction */
    struct topic *topic;
    int32_t partition;
    struct kept *record;
};

struct memory_log {
    struct log log;
    struct memory_broker *broker;
    struct log_config cfg;
    struct log_events ev;
    struct group *group;
    char **topics;
    int generation; /* last followed; -1: not complete */
    int nheld;
    struct held *held;
    int turn;
    struct arena out;  /* records of the last poll */
    struct arena told; /* metadata that committed() gave */
    size_t npending, cap_pending;
    struct pending *pending;
    uint32_t spread; /* for records without key */
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
/* memory_group.c; the mutex is held */
void memory_follow_group(struct memory_log *l);
void memory_leave(struct memory_log *l);

#endif
