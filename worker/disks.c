/* A mutex around what opens and closes; what lanes do with an open disk needs none. */
#include "worker/disks.h"

#include "engine/memory.h"
#include "engine/state_rocksdb.h"

#include <pthread.h>

struct disks {
    pthread_mutex_t mutex;
    char *path;
    uint64_t memory;
    struct state_db *db; /* NULL: not opened yet, or in vain */
};

struct disks *disks_new(const char *path, uint64_t memory)
{
    struct disks *d = mem_zalloc(sizeof *d);
    pthread_mutex_init(&d->mutex, NULL);
    d->path = mem_strdup(path);
    d->memory = memory;
    return d;
}

int disks_take(struct disks *d, const char *name, uint16_t nlazy, struct state_disk **out,
               struct err *e)
{
    pthread_mutex_lock(&d->mutex);
    int r = d->db ? 0 : state_db_open(&d->db, d->path, d->memory, e);
    r = r < 0 ? r : state_db_task(d->db, name, nlazy, out, e);
    pthread_mutex_unlock(&d->mutex);
    return r;
}

void disks_give_back(struct disks *d, struct state_disk *disk)
{
    pthread_mutex_lock(&d->mutex);
    disk->ops->close(disk);
    pthread_mutex_unlock(&d->mutex);
}

void disks_free(struct disks *d)
{
    if (d) {
        state_db_close(d->db);
        pthread_mutex_destroy(&d->mutex);
        mem_free(d->path);
        mem_free(d);
    }
}
