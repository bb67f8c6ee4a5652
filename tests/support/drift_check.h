/* What must hold for every drift detector. cmocka assertions inside. */
#ifndef KLAMM_TESTS_SUPPORT_DRIFT_CHECK_H
#define KLAMM_TESTS_SUPPORT_DRIFT_CHECK_H

#include "engine/arena.h"
#include "engine/drift.h"

/* Two streams of values that change every 700: a mean that goes up and down by 0.5 in a ripple of
 * width 1; errors at a rate of a fifth, then of a half. The tests know what River makes of them. */
double drift_value(int i);
double drift_error(int i);

/* Options given as YAML, in the arena. */
const void *drift_options(struct arena *a, const struct drift_def *def, const char *text);
/* The alarms among the first `values` are at these places and nowhere else. */
void check_alarms(const struct drift_def *def, const void *options, double (*value)(int),
                  int values, const int *at, int n);
/* None at all among as many values that are x. */
void check_no_alarm(const struct drift_def *def, const void *options, double x, int values);
/* Saved at any place and loaded it goes on to the same alarms and bytes; damage is refused or does
 * no harm; no value makes it allocate. */
void check_drift_detector(const struct drift_def *def, const void *options, double (*value)(int));

#endif
