/* ADWIN: a window over a stream of values that grows while their mean stands and is cut when it
 * changes (Bifet and Gavalda, "Learning from time-changing data with adaptive windowing", SDM
 * 2007). Trees and forests hold one per node or model; the drift step reaches it through
 * ml/drift_detectors/ adwin.c.
 */
#ifndef KLAMM_ML_ADWIN_H
#define KLAMM_ML_ADWIN_H

#include "engine/snapshot.h"

#include <stdbool.h>
#include <stdint.h>

/* River's names and defaults: adwin_config_default. */
struct adwin_config {
    double delta;                                                 /* 0.002 */
    uint32_t clock, max_buckets, min_window_length, grace_period; /* 32, 5 (at least 2), 5, 10 */
};
extern const struct adwin_config adwin_config_default;

struct adwin;
struct adwin *adwin_new(const struct adwin_config *config); /* config is copied */
void adwin_free(struct adwin *a);
/* True when this value made it cut the window. What is left can be read until the next value, with
 * which a new window begins (so does River). */
bool adwin_update(struct adwin *a, double x);
/* Mean and number of values in the window; 0 of none. */
double adwin_mean(const struct adwin *a);
int64_t adwin_width(const struct adwin *a);
/* Forgets all. */
void adwin_reset(struct adwin *a);
int adwin_io(struct adwin *a, struct snapshot *s);
uint64_t adwin_size(const struct adwin *a);

#endif
