/* What must hold for every learner, whatever it computes. cmocka assertions inside. */
#ifndef KLAMM_TESTS_SUPPORT_LEARNER_CHECK_H
#define KLAMM_TESTS_SUPPORT_LEARNER_CHECK_H

#include "engine/learner.h"

/* Rows around one centre per class, reproducible. */
struct learner_data {
    uint32_t rows, columns, classes;
    double *x, *y;
    enum learner_task task;              /* 0: classes */
    const struct learner_column *column; /* NULL: all are numbers */
};
struct learner_data learner_data_new(uint32_t rows, uint32_t columns, uint32_t classes,
                                     uint64_t seed);
/* Rows whose value is a linear function of them, and a little noise: task values. */
struct learner_data learner_values_new(uint32_t rows, uint32_t columns, uint64_t seed);
void learner_data_free(struct learner_data *d);

/* A learner just opened, grown for the data's classes where it grows. */
void *learner_open(const struct learner_def *def, const void *options,
                   const struct learner_data *d);
/* Learns rows from .. to-1 and makes room for classes as they appear. */
void learner_feed(const struct learner_def *def, void *l, const struct learner_data *d,
                  uint32_t from, uint32_t to);

/* learn() of n rows is n calls with one: the same bytes saved. */
void check_learns_rows_one_by_one(const struct learner_def *def, const void *options,
                                  const struct learner_data *d);
/* Saved in the middle and loaded, it goes on to the same bytes and predictions. */
void check_continues_after_load(const struct learner_def *def, const void *options,
                                const struct learner_data *d);
/* Every truncation is refused; no changed byte does more than change numbers. */
void check_refuses_damage(const struct learner_def *def, const void *options,
                          const struct learner_data *d);
/* Probabilities are in [0, 1] and add up to 1, for odd rows too. */
void check_probabilities(const struct learner_def *def, const void *options,
                         const struct learner_data *d);
/* All of them; of values, the first three. */
void check_learner(const struct learner_def *def, const void *options,
                   const struct learner_data *d);

#endif
