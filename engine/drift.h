/* Drift detector: adwin, ddm, page_hinkley, … one file each under ml/drift_detectors/.
 *
 *   check options, once per plan -> open -> per value: update, true on the value that tells of a
 *   change; after one it has begun anew by itself.   io: save, load;   close
 *
 * Values are finite. What is random follows from the seed. One owner.
 */
#ifndef KLAMM_ENGINE_DRIFT_H
#define KLAMM_ENGINE_DRIFT_H

#include "engine/config.h"
#include "engine/error.h"
#include "engine/learner.h"
#include "engine/snapshot.h"

#include <stdbool.h>
#include <stdint.h>

struct drift_def {
    const char *name, *doc;
    bool is_binary; /* its values are 0 and 1 (errors of a classifier) */
    const struct config_field *options;
    size_t options_size;
    const struct learner_alias *aliases; /* ends with {0}; may be NULL */
    uint16_t version;                    /* of what io writes */

    /* As of learners; both may be NULL. */
    void (*layout)(const void *options, struct buffer *words);
    int (*check)(const void *options, struct err *e);
    void *(*open)(const void *options, uint64_t seed);
    bool (*update)(void *d, double x);
    int (*io)(void *d, struct snapshot *s);
    uint64_t (*size)(const void *d); /* NULL: about as many as its snapshot has */
    void (*close)(void *d);
};

#endif
