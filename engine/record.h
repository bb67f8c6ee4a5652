/* Record: one message of a topic as the engine sees it. All pointers are borrowed; whoever hands
 * out a record says until when (a log: until release). */
#ifndef KLAMM_ENGINE_RECORD_H
#define KLAMM_ENGINE_RECORD_H

#include <stddef.h>
#include <stdint.h>

struct header {
    const char *name;
    const void *value; /* NULL: null */
    size_t n;
};

struct record {
    const char *topic;
    int32_t partition; /* when produced, -1: by the key (murmur2), or any without a key */
    int64_t offset;    /* -1: not from a log */
    int64_t timestamp; /* ms; -1: none */
    const void *key;   /* NULL: null */
    size_t key_n;
    const void *value; /* NULL: a tombstone */
    size_t value_n;
    const struct header *headers;
    size_t nheaders;
    const char *place; /* of one out of a file, which says more than topic and offset; or NULL */
    const char *bad;   /* why it is none, what there is of it being the value; NULL: it is one */
};

struct arena;

/* All of it in mem, but the topic's name. */
struct record record_copy(struct arena *mem, const struct record *r);

#endif
