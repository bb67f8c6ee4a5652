/* Beside: trainings of a step's objects (ml/per.h) that are under way in its task's trainer
 * (engine/trainer.h), by the keys of the objects, so that these may come and go meanwhile.
 *
 *     row        the object may owe a training:   beside_row()
 *     tick       beside_tick(): one that has ended asks for a commit
 *     flush      beside_flush(): the objects take what has ended, and are saved whole
 *     close      beside_close(): what is under way is dropped
 *
 * An object says in its state which trainings were due, and whether it owes the last one. So one
 * that was dropped, for its task was closed, revoked or aborted, or lost in a crash, is begun anew
 * with the next row that the object learns, from what it has learned by then. One training an
 * object is under way; when another is due it takes the place of one that has not begun, else the
 * object goes on owing it, and it begins with the next row behind the first one's end: of many, the
 * newest.
 */
#ifndef KLAMM_ML_BESIDE_H
#define KLAMM_ML_BESIDE_H

#include "engine/trainer.h"
#include "ml/per.h"

#define BESIDE_MOST       64           /* trainings under way in a task */
#define BESIDE_BYTES_MOST (256U << 20) /* with all their data, unless it is one alone */

struct beside_item {
    char *key;
    uint32_t key_n;
    int64_t number;
    uint64_t bytes;
    struct training *training;
};

struct beside {
    const struct trainable *def;
    struct trainer *trainer; /* NULL: there is none, trainings run in their rows */
    uint32_t n;
    uint64_t bytes;
    struct beside_item item[BESIDE_MOST];
};

/* def outlives it. */
void beside_init(struct beside *b, const struct trainable *def, struct trainer *trainer);
/* Begins what the object last found or made owes, if it is possible now. Without a trainer it is
 * done at once, and the object is touched. */
void beside_row(struct beside *b, struct per_rows *rows, void *object);
void beside_tick(const struct beside *b, struct op *op);
/* Before per_flush(). */
void beside_flush(struct beside *b, struct op *op, struct per_task *t);
void beside_close(struct beside *b, const struct op *op);

#endif
