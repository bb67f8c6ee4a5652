/* Topologies for simulations, whose output depends on nothing but the rows, and rows for them. */
#ifndef KLAMM_TESTS_SIM_TOPOLOGIES_H
#define KLAMM_TESTS_SIM_TOPOLOGIES_H

#include "tests/support/sim.h"

#define SIM_OUTPUTS 8

struct sim_topology {
    const char *name, *text;
    const char *output[SIM_OUTPUTS]; /* NULL-terminated */
    bool has_pairs, has_tables;      /* topics y and z, t and g */
    bool has_past;                   /* topic p, all of it before the first row */
    bool at_least_once;              /* without state: rows may come twice */
    uint32_t keys;
};

extern const struct sim_topology sim_topologies[];
extern const int sim_ntopologies;

/* Rows of one run, in pieces; the same for the same seed. */
struct sim_rows {
    const struct sim_topology *topology;
    struct sim *sim;
    struct random random;
    int32_t partitions;
    int left, time;
};

void sim_rows_init(struct sim_rows *r, const struct sim_topology *t, struct sim *s, uint64_t seed);
/* sim.feed: the next piece; the last closes every window. */
bool sim_rows_feed(void *rows);

#endif
