/* Committed offsets by topic and partition, under one mutex: a lane writes them after each commit.
 */
#include "engine/hash.h"
#include "engine/memory.h"
#include "engine/state.h"
#include "worker/lane.h"

#include <pthread.h>
#include <string.h>

struct progress {
    pthread_mutex_t mutex;
    struct state *offsets; /* key: partition, topic; used as a table, nothing of it is committed */
    struct buffer key;
};

struct progress *progress_new(void)
{
    struct progress *p = mem_zalloc(sizeof *p);
    pthread_mutex_init(&p->mutex, NULL);
    p->offsets = state_memory_new(NULL);
    buffer_init(&p->key);
    return p;
}

void progress_free(struct progress *p)
{
    state_free(p->offsets);
    buffer_done(&p->key);
    pthread_mutex_destroy(&p->mutex);
    mem_free(p);
}

/* Makes the key, and returns its hash. */
static uint64_t make_key(struct progress *p, const char *topic, int32_t partition)
{
    buffer_clear(&p->key);
    buffer_add(&p->key, &partition, sizeof partition);
    buffer_text(&p->key, topic);
    return hash_bytes(p->key.data, p->key.n, 0);
}

void progress_set(struct progress *p, const char *topic, int32_t partition, int64_t offset)
{
    pthread_mutex_lock(&p->mutex);
    bool is_new;
    uint64_t hash = make_key(p, topic, partition);
    struct state_entry *e =
        state_insert(p->offsets, hash, p->key.data, (uint32_t)p->key.n, sizeof offset, &is_new);
    memcpy(state_value(e), &offset, sizeof offset);
    pthread_mutex_unlock(&p->mutex);
}

int64_t progress_get(struct progress *p, const char *topic, int32_t partition)
{
    pthread_mutex_lock(&p->mutex);
    uint64_t hash = make_key(p, topic, partition);
    const struct state_entry *e = state_find(p->offsets, hash, p->key.data, (uint32_t)p->key.n);
    int64_t offset = OFFSET_NONE;
    if (e) {
        memcpy(&offset, state_value(e), sizeof offset);
    }
    pthread_mutex_unlock(&p->mutex);
    return offset;
}
