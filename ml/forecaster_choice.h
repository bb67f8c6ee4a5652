/* Forecaster choice: a forecaster by its name, with its options, for the step `forecast` and for
 * what has forecasters inside (hybrid, residual). For bind and open; any thread. */
#ifndef KLAMM_ML_FORECASTER_CHOICE_H
#define KLAMM_ML_FORECASTER_CHOICE_H

#include "engine/forecaster.h"

/* NULL with a message that suggests the nearest. */
const struct forecaster_def *forecaster_find(const char *name, struct err *e);
/* Its options parsed and checked, in `a`; given may be NULL. NULL with a message that names
 * forecaster and option. */
const void *forecaster_parse(const struct forecaster_def *def, const struct yaml *given,
                             struct arena *a, struct err *e);

#endif
