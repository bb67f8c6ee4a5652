/* One disk in three comes back with what was kept some writes ago, one in twelve breaks soon. */
#include "tests/support/rig_disks.h"

#include "engine/state_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void rig_disks_init(struct rig_disks *r, uint64_t share, uint64_t seed)
{
    memset(r, 0, sizeof *r);
    pthread_mutex_init(&r->mutex, NULL);
    random_seed(&r->random, seed, 77);
    r->share = share;
}

void rig_disks_use_files(struct rig_disks *r)
{
    snprintf(r->folder, sizeof r->folder, P_tmpdir "/klamm-disks-XXXXXX");
    if (!mkdtemp(r->folder)) {
        abort();
    }
}

static void path_of(const struct rig_disks *r, const struct rig_disk *d, char *path, size_t size)
{
    snprintf(path, size, "%s/%s", r->folder, d->name);
}

void rig_disks_done(struct rig_disks *r)
{
    char path[200];
    for (int i = 0; i < r->n; i++) {
        fake_disk_done(&r->disk[i].fake);
        path_of(r, &r->disk[i], path, sizeof path);
        if (r->folder[0]) {
            unlink(path);
        }
    }
    if (r->folder[0]) {
        rmdir(r->folder);
    }
    pthread_mutex_destroy(&r->mutex);
}

static struct rig_disk *find(struct rig_disks *r, const char *name)
{
    for (int i = 0; i < r->n; i++) {
        if (strcmp(r->disk[i].name, name) == 0) {
            return &r->disk[i];
        }
    }
    if (r->n == RIG_DISKS) {
        return NULL;
    }
    struct rig_disk *d = &r->disk[r->n++];
    fake_disk_init(&d->fake, r->share);
    snprintf(d->name, sizeof d->name, "%s", name);
    return d;
}

/* What a crash of the machine, or of the disk, may leave. */
static void tear(struct rig_disks *r, const char *path, bool is_damaged)
{
    int fd = open(path, O_RDWR);
    struct stat s;
    if (fd >= 0 && fstat(fd, &s) == 0 && s.st_size > 0) {
        off_t at = (off_t)random_below(&r->random, (uint32_t)s.st_size);
        char byte = 0;
        if (!is_damaged && ftruncate(fd, at) < 0) {
            abort();
        }
        if (is_damaged && pread(fd, &byte, 1, at) == 1) {
            byte ^= 16;
            if (pwrite(fd, &byte, 1, at) != 1) {
                abort();
            }
        }
    }
    if (fd >= 0) {
        close(fd);
    }
}

static int open_disk(struct rig_disks *r, struct rig_disk *d, struct err *e)
{
    char path[200];
    bool is_lost = !r->is_calm && random_below(&r->random, 3) == 0;
    bool is_spoilt = !r->is_calm && random_below(&r->random, 12) == 0;
    r->taken++;
    r->lost += is_lost;
    r->spoilt += is_spoilt;
    if (r->folder[0]) {
        path_of(r, d, path, sizeof path);
        if (is_lost || is_spoilt) {
            tear(r, path, is_spoilt);
        }
        return state_file_open(&d->disk, path, d->name, e);
    }
    d->disk = &d->fake.disk;
    d->fake.keeps_every = 1 + random_below(&r->random, 9);
    if (is_lost) {
        fake_disk_lose(&d->fake);
    }
    if (is_spoilt) {
        d->fake.reads_left = (int)random_below(&r->random, 200);
    }
    return 0;
}

int rig_disks_take(struct rig_disks *r, const char *name, struct state_disk **out, struct err *e)
{
    pthread_mutex_lock(&r->mutex);
    struct rig_disk *d = find(r, name);
    int status = !d || d->disk ? err_set(e, ERR_RETRY, "%s is in use", name) : open_disk(r, d, e);
    if (status == 0) {
        *out = d->disk;
    }
    pthread_mutex_unlock(&r->mutex);
    return status;
}

void rig_disks_give_back(struct rig_disks *r, struct state_disk *d)
{
    pthread_mutex_lock(&r->mutex);
    d->ops->close(d);
    for (int i = 0; i < r->n; i++) {
        if (r->disk[i].disk == d) {
            r->disk[i].disk = NULL;
        }
    }
    pthread_mutex_unlock(&r->mutex);
}
