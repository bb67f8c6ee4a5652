/* Slots: `DIR/TOPOLOGY/slot-N`, one line with the member's id, locked with flock() while in use.
 * The lock dies with the process, so a slot is free again right after kill -9.
 */
#include "worker/slot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLOTS_MOST 1024
#define REMEDY     "set `state: {dir: …}` to a place that this user may write"

static int make_folder(const char *path, struct err *e)
{
    if (mkdir(path, 0755) < 0 && errno != EEXIST) {
        return err_set(e, ERR_CONFIG, "cannot create the folder %s (%s): " REMEDY, path,
                       strerror(errno));
    }
    return 0;
}

static int read_id(struct slot *s, const char *path, struct err *e)
{
    ssize_t n = pread(s->fd, s->id, 16, 0);
    bool good = n == 16 && strspn(s->id, "0123456789abcdef") == 16;
    if (good) {
        return 0;
    }
    uint64_t random;
    if (getrandom(&random, sizeof random, 0) != sizeof random) {
        return err_set(e, ERR_FATAL, "no random number for the member's id: %s", strerror(errno));
    }
    snprintf(s->id, sizeof s->id, "%016llx", (unsigned long long)random);
    if (pwrite(s->fd, s->id, 16, 0) != 16 || fsync(s->fd) < 0) {
        return err_set(e, ERR_CONFIG, "cannot write %s (%s): make room there, or " REMEDY, path,
                       strerror(errno));
    }
    return 0;
}

int slot_take(struct slot *s, const char *dir, const char *topology, struct err *e)
{
    char path[4096];
    *s = (struct slot){.fd = -1};
    int r = make_folder(dir, e);
    snprintf(path, sizeof path, "%s/%s", dir, topology);
    r = r < 0 ? r : make_folder(path, e);
    for (int i = 0; r == 0 && i < SLOTS_MOST; i++) {
        snprintf(path, sizeof path, "%s/%s/slot-%d", dir, topology, i);
        s->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
        if (s->fd < 0) {
            return err_set(e, ERR_CONFIG, "cannot open %s (%s): " REMEDY, path, strerror(errno));
        }
        if (flock(s->fd, LOCK_EX | LOCK_NB) == 0) {
            s->number = i;
            r = read_id(s, path, e);
            if (r < 0) {
                slot_release(s);
            }
            return r;
        }
        close(s->fd);
        s->fd = -1;
    }
    return r < 0 ? r : err_set(e, ERR_CONFIG, "all %d slots under %s are taken", SLOTS_MOST, dir);
}

void slot_release(struct slot *s)
{
    if (s->fd >= 0) {
        close(s->fd);
        s->fd = -1;
    }
}
