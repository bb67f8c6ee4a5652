/* Trainings under way: a short list, since one thread does all of them; it is looked through when an
 * object owes a training, and by ticks and flushes.
 */
#include "ml/beside.h"

#include "engine/memory.h"

#include <string.h>

void beside_init(struct beside *b, struct trainer *trainer)
{
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

bool beside_takes(struct beside *b, const struct str *key, int64_t number, uint64_t bytes)
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

void beside_start(struct beside *b, const struct str *key, int64_t number, uint64_t bytes,
                  const struct trainer_job *job)
{
    b->item[b->n++] = (struct beside_item){
        .key = mem_strndup(str_data(key), key->n),
        .key_n = key->n,
        .number = number,
        .bytes = bytes,
        .training = b->trainer->start(b->trainer, job),
    };
    b->bytes += bytes;
}

bool beside_has_done(const struct beside *b)
{
    for (uint32_t i = 0; i < b->n; i++) {
        if (b->trainer->is_done(b->item[i].training)) {
            return true;
        }
    }
    return false;
}

bool beside_collect(struct beside *b, struct beside_result *out)
{
    for (uint32_t i = 0; i < b->n; i++) {
        struct beside_item *x = &b->item[i];
        if (b->trainer->is_done(x->training)) {
            *out = (struct beside_result){.key = x->key, .key_n = x->key_n, .number = x->number};
            out->status = b->trainer->collect(x->training, &out->data);
            forget(b, (int)i);
            return true;
        }
    }
    return false;
}

uint32_t beside_close(struct beside *b)
{
    uint32_t n = b->n;
    for (uint32_t i = 0; i < n; i++) {
        b->trainer->drop(b->item[i].training);
        mem_free(b->item[i].key);
    }
    b->n = 0;
    b->bytes = 0;
    return n;
}
