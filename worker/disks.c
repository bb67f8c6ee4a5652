/* A mutex around what opens and closes; what lanes do with an open disk needs none.
 *
 *   files    FOLDER/TASK, or, where that is too long for a file, its beginning and a hash
 *   removed  files by the time of their last write, column families by that of their mark. A task that
 *            is here writes a mark every 10 minutes, if nothing else
 */
#include "worker/disks.h"

#include "engine/hash.h"
#include "engine/logger.h"
#include "engine/memory.h"
#include "engine/state_file.h"
#include "engine/state_rocksdb.h"
#include "engine/task.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_MOST 200

struct taken {
    struct taken *next;
    struct state_disk *disk;
    char *path;
};

struct disks {
    pthread_mutex_t mutex;
    char *path;
    bool are_files;
    bool was_told;       /* that there are none */
    struct taken *taken; /* files */
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

struct disks *disks_new_files(const char *path)
{
    struct disks *d = disks_new(path, 0);
    d->are_files = true;
    return d;
}

/* ---- files ---- */

static char *path_of(const struct disks *d, const char *name)
{
    if (strlen(name) <= NAME_MOST) {
        return mem_printf("%s/%s", d->path, name);
    }
    return mem_printf("%s/%.*s-%016llx", d->path, NAME_MOST, name,
                      (unsigned long long)hash_stable(name, strlen(name), 0));
}

static const struct taken *find_taken(const struct disks *d, const char *path)
{
    const struct taken *t = d->taken;
    while (t && strcmp(t->path, path) != 0) {
        t = t->next;
    }
    return t;
}

static int open_file(const struct disks *d, const char *path, const char *name,
                     struct state_disk **out, struct err *e)
{
    if (mkdir(d->path, 0755) < 0 && errno != EEXIST) {
        return err_set(e, ERR_RETRY, "cannot create the folder %s: %s", d->path, strerror(errno));
    }
    return state_file_open(out, path, name, e);
}

static int take_file(struct disks *d, const char *name, struct state_disk **out, struct err *e)
{
    char *path = path_of(d, name);
    int r = find_taken(d, path)
                ? err_set(e, ERR_RETRY, "the local state of %s is in use by another lane", name)
                : 0;
    *out = NULL;
    if (r == 0 && open_file(d, path, name, out, e) < 0) {
        if (!d->was_told) {
            logger(LOG_LEVEL_WARN, "%s: a restart will read whole changelogs", e->text);
        }
        d->was_told = true;
        err_clear(e);
    }
    if (r < 0 || !*out) {
        mem_free(path);
        return r;
    }
    struct taken *t = mem_alloc(sizeof *t);
    *t = (struct taken){d->taken, *out, path};
    d->taken = t;
    return 0;
}

static void forget_taken(struct disks *d, const struct state_disk *disk)
{
    for (struct taken **at = &d->taken; *at; at = &(*at)->next) {
        struct taken *t = *at;
        if (t->disk == disk) {
            *at = t->next;
            mem_free(t->path);
            mem_free(t);
            return;
        }
    }
}

static int sweep_files(struct disks *d, int64_t now)
{
    DIR *dir = opendir(d->path);
    const struct dirent *x;
    int n = 0;
    while (dir && (x = readdir(dir)) != NULL) {
        struct stat s;
        char *path = mem_printf("%s/%s", d->path, x->d_name);
        if (x->d_name[0] != '.' && !find_taken(d, path) && lstat(path, &s) == 0 &&
            S_ISREG(s.st_mode) && now - (int64_t)s.st_mtime * 1000 > CHECKPOINT_AGE_MOST) {
            n += unlink(path) == 0;
        }
        mem_free(path);
    }
    if (dir) {
        closedir(dir);
    }
    return n;
}

/* ---- the database ---- */

struct sweeping {
    struct disks *disks;
    int64_t now;
    int n;
};

static void sweep_family(void *ctx, const char *name)
{
    struct sweeping *s = ctx;
    struct state_disk *disk;
    struct err ignored = {0}; /* the next sweep tries again */
    if (state_db_task(s->disks->db, name, 0, &disk, &ignored) < 0) {
        return;
    }
    int64_t time = task_mark_time(disk);
    disk->ops->close(disk);
    if (s->now - time > CHECKPOINT_AGE_MOST) {
        s->n += state_db_remove(s->disks->db, name, &ignored) == 0;
    }
}

/* ---- both ---- */

int disks_take(struct disks *d, const char *name, uint16_t nlazy, struct state_disk **out,
               struct err *e)
{
    int r;
    pthread_mutex_lock(&d->mutex);
    if (d->are_files) {
        r = take_file(d, name, out, e);
    } else {
        r = d->db ? 0 : state_db_open(&d->db, d->path, d->memory, e);
        r = r < 0 ? r : state_db_task(d->db, name, nlazy, out, e);
    }
    pthread_mutex_unlock(&d->mutex);
    return r;
}

void disks_give_back(struct disks *d, struct state_disk *disk)
{
    pthread_mutex_lock(&d->mutex);
    forget_taken(d, disk);
    disk->ops->close(disk);
    pthread_mutex_unlock(&d->mutex);
}

int disks_sweep(struct disks *d, int64_t now)
{
    struct sweeping s = {d, now, 0};
    pthread_mutex_lock(&d->mutex);
    if (d->are_files) {
        s.n = sweep_files(d, now);
    } else if (d->db) {
        state_db_names(d->db, sweep_family, &s);
    } else {
        s.n = -1;
    }
    pthread_mutex_unlock(&d->mutex);
    if (s.n > 0) {
        logger(LOG_LEVEL_INFO, "%s: removed the old state of %d task%s that ran here", d->path, s.n,
               s.n == 1 ? "" : "s");
    }
    return s.n;
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
