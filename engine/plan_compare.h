/* What becomes of state when one topology takes the place of another: `klamm check --against`.
 * Pure; everything lives in the arena, and in the plans. */
#ifndef KLAMM_ENGINE_PLAN_COMPARE_H
#define KLAMM_ENGINE_PLAN_COMPARE_H

#include "engine/plan.h"

enum plan_fate {
    FATE_KEEP,    /* read as it is */
    FATE_MIGRATE, /* taken apart and put together anew, as it is read */
    FATE_REBUILD, /* of no use: refused, until it has been reset; or, without a remedy, made anew */
    FATE_NEW,     /* begins empty */
    FATE_GONE,    /* stays where it is, and nobody reads it */
    FATE_DRAIN,   /* rows on their way must be used up by the old topology */
    FATES,
};

struct plan_change {
    enum plan_fate fate;
    const char *what; /* "state", "rows", "offsets" */
    const char *name; /* of the topic or group */
    const char *stream, *path;
    struct place at;    /* in the new topology, or, of what is gone, in the old */
    const char *why;    /* NULL: nothing to be said */
    const char *remedy; /* NULL: nothing to be done */
};

struct plan_comparison {
    int n, cap;
    struct plan_change *item;
    bool wants_remedy; /* of any */
};

void plan_compare(struct plan_comparison *out, const struct plan *before, const struct plan *after,
                  struct arena *a);
/* "keep", "migrate", … */
const char *plan_fate_name(enum plan_fate fate);
/* For people, and as JSON. */
void plan_compare_text(struct buffer *b, const struct plan_comparison *c);
void plan_compare_json(struct buffer *b, const struct plan_comparison *c, const struct plan *before,
                       const struct plan *after);

#endif
