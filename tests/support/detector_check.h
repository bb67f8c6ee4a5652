/* What must hold for every detector (a learner with LEARN_SCORES), beside what learner_check.h asks
 * of all learners. cmocka assertions inside.
 */
#ifndef KLAMM_TESTS_SUPPORT_DETECTOR_CHECK_H
#define KLAMM_TESTS_SUPPORT_DETECTOR_CHECK_H

#include "engine/learner.h"

#include <stdint.h>

/* For cmocka's groups: storage of options. */
int detector_set_up(void **state);
int detector_tear_down(void **state);
const void *detector_options(const struct learner_def *def, const char *text);
/* The message of check(), or NULL when it accepts; until the next call. */
const char *detector_refusal(const struct learner_def *def, const char *text);
/* Opened with seed 42 and columns f0, f1, … */
void *detector_open(const struct learner_def *def, const char *options, uint32_t columns);
double detector_score(const struct learner_def *def, void *l, const double *x);
/* Learns n rows of one value. */
void detector_repeat(const struct learner_def *def, void *l, double x, uint32_t n);

/* Rows one by one, save and load, damage, values of 1e150, constants, repeated rows; memory.
 * Learned on line. */
void check_detector(const struct learner_def *def, const char *options);

#endif
