/* Numbering: which number each cluster has when clusters are found anew and are to be known again.
 */
#ifndef KLAMM_ML_NUMBERING_H
#define KLAMM_ML_NUMBERING_H

#include <stdint.h>

#define NUMBER_NONE UINT32_MAX

/* A member of the cluster `root` that belonged to cluster `number` before, or to none. */
struct claim {
    double weight;
    uint32_t root, number;
};

/* Scratch; zero to begin with. */
struct numbering {
    uint32_t *owner; /* root by number */
    uint32_t room;
};

void numbering_done(struct numbering *s);
/* number_of[root], for each root below `roots` that makes a claim, else NUMBER_NONE. Claims come in
 * the order in which clusters without a number get theirs (by root, once they must be sorted). */
void numbering_assign(struct numbering *s, struct claim *claim, uint32_t n, uint32_t *number_of,
                      uint32_t roots);

#endif
