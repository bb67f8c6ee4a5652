/* For tests of plans and tasks: a topology from text, planned, its problems as text. */
#ifndef KLAMM_TESTS_PLAN_RIG_H
#define KLAMM_TESTS_PLAN_RIG_H

#include "engine/buffer.h"
#include "engine/plan.h"

struct plan_rig {
    struct arena mem;
    struct diags diags;
    struct topology *topology;
    struct plan *plan; /* NULL: there were problems */
    struct buffer out;
};

/* Reads and plans; returns 0 or -ERR_CONFIG. Free it with plan_rig_done in any case. */
int plan_rig_init(struct plan_rig *r, const char *text);
/* Reads without planning. */
int plan_rig_read(struct plan_rig *r, const char *text);
/* "LINE:COLUMN PATH: TEXT\n" of every problem. */
const char *plan_rig_problems(struct plan_rig *r);
/* The plan as text: one line per vertex, "KIND STREAM sub-plan, topics or step". */
const char *plan_rig_shape(struct plan_rig *r);
/* Number of the n-th vertex of that kind in a stream; fails the program when there is none. */
uint16_t plan_rig_vertex(const struct plan_rig *r, enum vertex_kind kind, const char *stream);
void plan_rig_done(struct plan_rig *r);

#endif
