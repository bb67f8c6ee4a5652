/* Forecaster: naive, holt_winters, lstm, … one file each under ml/forecasters/.
 *
 *   check options, once per plan -> open, one instance per series
 *   per step of the series: predict (all horizons), then learn the next value;   io;   close
 *
 * A series is regular: one value a step, NaN where it is missing. Which rows make a step, how long a
 * step lasts, intervals around predictions and the fallback to a better simple model are the host's
 * (ml/forecast.c). Values are finite and within +-1e150. What is random follows from the seed; the same
 * values give the same bits. One owner; instances share nothing but their options.
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

/* Training anew from all that a forecaster holds, beside learn(), perhaps in another thread
 * (engine/trainer.h). The host asks after each learn whether one is owed, and has it run. */
struct forecaster_training {
    int64_t (*owes)(
        const void *f); /* number (1, 2, …) of the one due that has not ended; 0: none */
    int64_t (*taken)(const void *f);  /* of the last one taken; 0: none */
    uint64_t (*bytes)(const void *f); /* about as many does the next copy */
    void *(*make)(const void *f);     /* that one, with copies of all it needs */
    int (*run)(void *data, const struct cancel *c);
    void (*free)(void *data);
    void (*take)(void *f, const void *data); /* what came of it; f may have learned more since */
    void (*ended)(void *f, int64_t number);  /* well or badly: it is not owed any more */
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
    /* out[i]: the value horizon[i] steps behind the last one learned, NaN while it cannot say. Changes
     * nothing. */
    void (*predict)(const void *f, double *out);
    /* The next step's value; NaN: it is missing. */
    void (*learn)(void *f, double y);
    /* Saves or loads everything learned (into an instance just opened with the same setup). */
    int (*io)(void *f, struct snapshot *s);
    /* Bytes that it holds. NULL: about as many as its snapshot has. */
    uint64_t (*size)(const void *f);
    void (*close)(void *f);
    const struct forecaster_training *training; /* NULL: it never owes one */
};

/* For hosts that have no trainer: the training that is owed, if one is, at once. */
static inline void forecaster_train(const struct forecaster_def *def, void *f)
{
    const struct forecaster_training *t = def->training;
    int64_t number = t ? t->owes(f) : 0;
    if (number > 0) {
        void *data = t->make(f);
        t->run(data, NULL);
        t->take(f, data);
        t->free(data);
        t->ended(f, number);
    }
}

#endif
