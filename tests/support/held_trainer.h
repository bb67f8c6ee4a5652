/* A trainer for tests: jobs wait until the test has them run, in its own thread. */
#ifndef KLAMM_TESTS_HELD_TRAINER_H
#define KLAMM_TESTS_HELD_TRAINER_H

#include "engine/trainer.h"

struct held_trainer {
    struct trainer trainer; /* the first member */
    struct training *first;
    int waiting, at_work, done, dropped; /* of those not collected; dropped: ever */
};

void held_trainer_init(struct held_trainer *t);
/* The oldest that waits: has begun; has ended, with its own result or with `status`. */
void held_trainer_begin(struct held_trainer *t);
void held_trainer_run(struct held_trainer *t);
void held_trainer_fail(struct held_trainer *t, int status);

#endif
