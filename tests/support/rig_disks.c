/* One disk in three comes back with what was kept some writes ago, one in twelve breaks soon. */
#include "tests/support/rig_disks.h"

#include <stdio.h>
#include <string.h>

void rig_disks_init(struct rig_disks *r, uint64_t share, uint64_t seed)
{
    memset(r, 0, sizeof *r);
    pthread_mutex_init(&r->mutex, NULL);
    random_seed(&r->random, seed, 77);
    r->share = share;
}

void rig_disks_done(struct rig_disks *r)
{
    for (int i = 0; i < r->n; i++) {
        fake_disk_done(&r->disk[i].fake);
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

int rig_disks_take(struct rig_disks *r, const char *name, struct state_disk **out, struct err *e)
{
    int status = 0;
    pthread_mutex_lock(&r->mutex);
    struct rig_disk *d = find(r, name);
    if (!d || d->is_open) {
        status = err_set(e, ERR_RETRY, "%s is in use", name);
    } else {
        d->is_open = true;
        d->fake.keeps_every = 1 + random_below(&r->random, 9);
        r->taken++;
        if (!r->is_calm && random_below(&r->random, 3) == 0) {
            fake_disk_lose(&d->fake);
            r->lost++;
        }
        if (!r->is_calm && random_below(&r->random, 12) == 0) {
            d->fake.reads_left = (int)random_below(&r->random, 200);
            r->spoilt++;
        }
        *out = &d->fake.disk;
    }
    pthread_mutex_unlock(&r->mutex);
    return status;
}

void rig_disks_give_back(struct rig_disks *r, struct state_disk *d)
{
    pthread_mutex_lock(&r->mutex);
    d->ops->close(d);
    ((struct rig_disk *)d)->is_open = false;
    pthread_mutex_unlock(&r->mutex);
}
