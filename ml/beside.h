/* Beside: trainings of a task's objects that are under way in its trainer (engine/trainer.h), by the
 * keys of the objects (ml/per.h), so that these may come and go meanwhile.
 *
 *     row        the object owes a training:   if (beside_takes(…)) beside_start(…, job)
 *     tick       beside_has_done(): op->wants_commit
 *     flush      while (beside_collect(…)) the object takes the result, and is saved whole
 *     close      beside_close(): what is under way is dropped
 *
 * An object says in its state which trainings were due, and whether it owes the last one. So one that
 * was dropped, for its task was closed, revoked or aborted, or lost in a crash, is begun anew with the
 * next row that the object learns, from what it has learned by then. One training an object is under
 * way; when another is due it takes the place of one that has not begun, else the object goes on owing
 * it, and it begins with the next row behind the first one's end: of many, the newest.
 */
#ifndef KLAMM_ML_BESIDE_H
#define KLAMM_ML_BESIDE_H

#include "engine/str.h"
#include "engine/trainer.h"

#define BESIDE_MOST       64           /* trainings under way in a task */
#define BESIDE_BYTES_MOST (256U << 20) /* with all their data, unless it is one alone */

struct beside_item {
    char *key;
    uint32_t key_n;
    int64_t number; /* of the training: the object's first is 1 */
    uint64_t bytes;
    struct training *training;
};

struct beside {
    struct trainer *trainer; /* NULL: there is none, trainings run in their rows */
    uint32_t n;
    uint64_t bytes;
    struct beside_item item[BESIDE_MOST];
};

void beside_init(struct beside *b, struct trainer *trainer);
/* Whether this training of this object would be begun now: it is not under way, none before it is, and
 * there is room for its bytes. */
bool beside_takes(struct beside *b, const struct str *key, int64_t number, uint64_t bytes);
void beside_start(struct beside *b, const struct str *key, int64_t number, uint64_t bytes,
                  const struct trainer_job *job);
bool beside_has_done(const struct beside *b);
/* One that has ended; free the key (mem_free), and the data. False: none has. */
struct beside_result {
    char *key;
    uint32_t key_n;
    int64_t number;
    int status; /* of its run */
    void *data;
};
bool beside_collect(struct beside *b, struct beside_result *out);
/* Drops all; how many there were. */
uint32_t beside_close(struct beside *b);

#endif
