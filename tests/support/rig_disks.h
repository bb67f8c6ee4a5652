/* Disks for tasks that come and go, by name, as a process has them: now and then one comes back as
 * it was some writes ago (what kill -9 leaves), or cannot be read to its end. They are fake, or, in
 * a folder, files (state_file.h): those are torn, or damaged, somewhere. Thread-safe.
 */
#ifndef KLAMM_TESTS_RIG_DISKS_H
#define KLAMM_TESTS_RIG_DISKS_H

#include "engine/random.h"
#include "tests/support/fake_disk.h"

#include <pthread.h>

#define RIG_DISKS 64

struct rig_disks {
    pthread_mutex_t mutex;
    struct random random;
    uint64_t share;
    bool is_calm;    /* nothing is lost, everything can be read */
    char folder[64]; /* empty: they are fake */
    int n, taken, lost, spoilt;
    struct rig_disk {
        struct fake_disk fake;
        struct state_disk *disk; /* while it is open */
        char name[100];
    } disk[RIG_DISKS];
};

void rig_disks_init(struct rig_disks *r, uint64_t share, uint64_t seed);
/* Files instead, in a folder that lives as long as this. */
void rig_disks_use_files(struct rig_disks *r);
void rig_disks_done(struct rig_disks *r);
/* As lane_config.open_disk and close_disk. */
int rig_disks_take(struct rig_disks *r, const char *name, struct state_disk **out, struct err *e);
void rig_disks_give_back(struct rig_disks *r, struct state_disk *d);

#endif
