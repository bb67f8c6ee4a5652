/* Committed offsets by topic and partition, under one mutex: a lane writes them after each commit.
 */
#include "engine/memory.h"
#include "worker/lane.h"

#include <pthread.h>
#include <string.h>

struct progress {
    pthread_mutex_t mutex;
    int n, cap;
    struct progress_entry {
        char *topic;
        int32_t partition;
        int64_t offset;
    } * entry;
};

struct progress *progress_new(void)
{
    struct progress *p = mem_zalloc(sizeof *p);
    pthread_mutex_init(&p->mutex, NULL);
    return p;
}

void progress_free(struct progress *p)
{
    for (int i = 0; i < p->n; i++) {
        mem_free(p->entry[i].topic);
    }
    mem_free(p->entry);
    pthread_mutex_destroy(&p->mutex);
    mem_free(p);
}

static struct progress_entry *find(struct progress *p, const char *topic, int32_t partition)
{
    for (int i = 0; i < p->n; i++) {
        if (p->entry[i].partition == partition && strcmp(p->entry[i].topic, topic) == 0) {
            return &p->entry[i];
        }
    }
    return NULL;
}

void progress_set(struct progress *p, const char *topic, int32_t partition, int64_t offset)
{
    pthread_mutex_lock(&p->mutex);
    struct progress_entry *e = find(p, topic, partition);
    if (!e) {
        if (p->n == p->cap) {
            p->cap = p->cap * 2 + 16;
            p->entry = mem_resize(p->entry, (size_t)p->cap, sizeof *p->entry);
        }
        e = &p->entry[p->n++];
        *e = (struct progress_entry){mem_strdup(topic), partition, OFFSET_NONE};
    }
    e->offset = offset;
    pthread_mutex_unlock(&p->mutex);
}

int64_t progress_get(struct progress *p, const char *topic, int32_t partition)
{
    pthread_mutex_lock(&p->mutex);
    const struct progress_entry *e = find(p, topic, partition);
    int64_t offset = e ? e->offset : OFFSET_NONE;
    pthread_mutex_unlock(&p->mutex);
    return offset;
}
