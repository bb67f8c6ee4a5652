/* Slot: which member of a topology's group this process is. It locks the lowest free numbered file
 * under `state.dir/<topology>/`; the id kept in the file names the member and its transactions, so
 * a restart on the same disk is the same member.
 */
#ifndef KLAMM_WORKER_SLOT_H
#define KLAMM_WORKER_SLOT_H

#include "engine/error.h"

struct slot {
    int fd;
    int number;
    char id[17]; /* hexadecimal */
};

int slot_take(struct slot *s, const char *dir, const char *topology, struct err *e);
void slot_release(struct slot *s);

#endif
