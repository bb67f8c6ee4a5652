/* Forecaster: naive, holt_winters, lstm, … one file each under ml/forecasters/.
 *
 *   check options, once per plan -> open, one instance per series
 *   per step of the series: predict (all horizons), then learn the next value;   io;   close
 *
 * A series is regular: one value a step, NaN where it is missing. Which rows make a step, how long
 * a step lasts, intervals around predictions and the fallback to a better simple model are the
 * host's (ml/forecast.c). Values are finite and within +-1e150. What is random follows from the
 * seed; the same values give the same bits. One owner; instances share nothing but their options.
 */
#ifndef KLAMM_ENGINE_FORECASTER_H
#define KLAMM_ENGINE_FORECASTER_H

#include "engine/config.h"
#include "engine/error.h"
#include "engine/learner.h"
#include "engine/snapshot.h"
#include "engine/trainer.h"

#include <stdint.h>

#define HORIZONS_MAX 64
#define SEASONS_MAX  4
#define STEPS_MAX    100000 /* of a horizon or a season */

struct forecaster_setup {
    const void *options; /* parsed by the table below; outlives the forecaster, as do the arrays */
    const uint32_t *horizon; /* in steps, ascending, each once; 1: the next value */
    uint32_t nhorizons;
    const uint32_t *season; /* lengths in steps, ascending, at least 2; may be none */
    uint32_t nseasons;
    uint64_t seed;
};

struct forecaster_def {
    const char *name, *doc;
    uint32_t least_seasons; /* of the setup; refused with the remedy when there are fewer */
    uint32_t most_seasons;
    const struct config_field *options;
    size_t options_size;
    const struct learner_alias *aliases; /* ends with {0}; may be NULL */
    uint16_t version;                    /* of what io writes */

    /* As of learners: words for options that decide about the snapshot's form; options that exclude
     * each other. Both may be NULL. */
    void (*layout)(const void *options, struct buffer *words);
    int (*check)(const void *options, struct err *e);
    void *(*open)(const struct forecaster_setup *setup);
    /* out[i]: the value horizon[i] steps behind the last one learned, NaN while it cannot say.
     * Changes nothing. */
    void (*predict)(const void *f, double *out);
    /* The next step's value; NaN: it is missing. */
    void (*learn)(void *f, double y);
    /* Saves or loads everything learned (into an instance just opened with the same setup). */
    int (*io)(void *f, struct snapshot *s);
    /* Bytes that it holds. NULL: about as many as its snapshot has. */
    uint64_t (*size)(const void *f);
    void (*close)(void *f);
    /* Trainings that it owes, and the number of the last one taken, 0: none. NULL: it has none. */
    const struct trainable *training;
    int64_t (*trained)(const void *f);
};

#endif
