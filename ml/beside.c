/* Trainings under way: a short list, since one thread does all of them; it is looked through when
 * an object owes a training, and by ticks and flushes.
 */
#include "ml/beside.h"

#include "engine/logger.h"
#include "engine/memory.h"

#include <string.h>

void beside_init(struct beside *b, const struct trainable *def, struct trainer *trainer)
{
    b->def = def;
    b->trainer = trainer;
    b->n = 0;
    b->bytes = 0;
}

static int find(const struct beside *b, const struct str *key)
{
    for (uint32_t i = 0; i < b->n; i++) {
        const struct beside_item *x = &b->item[i];
        if (x->key_n == key->n && memcmp(x->key, str_data(key), key->n) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static void forget(struct beside *b, int at)
{
    b->bytes -= b->item[at].bytes;
    b->item[at] = b->item[--b->n];
}

/* Whether this training would be begun now: it is not under way, none before it is, and there is
 * room. One before it that has not begun makes room. */
static bool takes(struct beside *b, const struct str *key, int64_t number, uint64_t bytes)
{
    int at = find(b, key);
    if (at >= 0) {
        struct beside_item *x = &b->item[at];
        if (x->number >= number || b->trainer->has_begun(x->training)) {
            return false;
        }
        b->trainer->drop(x->training);
        mem_free(x->key);
        forget(b, at);
    }
    return b->n == 0 || (b->n < BESIDE_MOST && b->bytes + bytes <= BESIDE_BYTES_MOST);
}

static void start(struct beside *b, const struct str *key, int64_t number, uint64_t bytes,
                  void *data)
{
    const struct trainer_job job = {b->def->run, b->def->free, data};
    b->item[b->n++] = (struct beside_item){
        .key = mem_strndup(str_data(key), key->n),
        .key_n = key->n,
        .number = number,
        .bytes = bytes,
        .training = b->trainer->start(b->trainer, &job),
    };
    b->bytes += bytes;
}

void beside_row(struct beside *b, struct per_rows *rows, void *object)
{
    if (!b->trainer) {
        if (trainable_now(b->def, object)) {
            per_touch(rows);
        }
        return;
    }
    int64_t number = b->def->owes(object);
    if (number == 0) {
        return;
    }
    struct str key = per_key(rows);
    uint64_t bytes = b->def->bytes(object);
    if (takes(b, &key, number, bytes)) {
        start(b, &key, number, bytes, b->def->make(object));
    }
}

void beside_tick(const struct beside *b, struct op *op)
{
    for (uint32_t i = 0; i < b->n; i++) {
        op->wants_commit |= b->trainer->is_done(b->item[i].training);
    }
}

/* What has ended goes into its object. */
static void end(const struct beside *b, const struct beside_item *x, struct op *op,
                struct per_task *t)
{
    struct per_rows rows;
    struct str key = str_ref(x->key, x->key_n);
    void *data;
    int status = b->trainer->collect(x->training, &data);
    per_rows_begin(&rows, op, t);
    void *object = per_find_key(&rows, &key);
    if (status < 0) {
        logger(LOG_LEVEL_WARN, "%s: training %lld failed (%s): the model stays as it was",
               op->node->path, (long long)x->number, err_kind_name((enum err_kind) - status));
    }
    if (object) {
        b->def->ended(object, x->number);
        per_touch(&rows);
    }
    if (object && status == 0) {
        b->def->take(object, data);
    }
    b->def->free(data);
}

void beside_flush(struct beside *b, struct op *op, struct per_task *t)
{
    for (uint32_t i = 0; i < b->n;) {
        const struct beside_item *x = &b->item[i];
        if (!b->trainer->is_done(x->training)) {
            i++;
            continue;
        }
        end(b, x, op, t);
        mem_free(x->key);
        forget(b, (int)i);
    }
}

void beside_close(struct beside *b, const struct op *op)
{
    for (uint32_t i = 0; i < b->n; i++) {
        b->trainer->drop(b->item[i].training);
        mem_free(b->item[i].key);
    }
    if (b->n > 0) {
        logger(LOG_LEVEL_INFO, "%s: %u training%s given up; begun anew where the task goes on",
               op->node->path, (unsigned)b->n, b->n == 1 ? "" : "s");
    }
    b->n = 0;
    b->bytes = 0;
}
