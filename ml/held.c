/* Held: small and large objects in state.
 *
 *   saved     0 seed snapshot | 1 seed generation parts logs part_bytes log_bytes |
 *             2 bytes of a part or log
 *   log       the events of one commit, one behind the other: count, doubles
 *   anew      a large object is saved whole again, as a new generation, when its logs would be
 *             larger than its snapshot, or when something changed that no event tells; the old
 *             generation is deleted in the same transaction
 *
 * An object that has been large stays so. Parts and logs are kept in memory as well as the object,
 * but for those that stay on disk.
 */
#include "ml/held.h"

#include "engine/big_endian.h"
#include "engine/hash.h"
#include "engine/memory.h"

#include <string.h>

#define HEAD_BYTES (1 + sizeof(uint64_t)) /* of a saved object */

struct held *held_new(const struct per_plan *p, uint64_t seed)
{
    struct held *h = mem_zalloc(sizeof(*h));
    h->object = p->def->make(p->plan, seed);
    h->seed = seed;
    buffer_init(&h->events);
    return h;
}

void held_free(struct held *h, const struct object_def *def)
{
    if (!h) {
        return;
    }
    def->free(h->object);
    buffer_done(&h->events);
    mem_free(h);
}

/* ---- parts and logs ---- */

static void part_key(struct buffer *out, char what, uint32_t generation, uint32_t number,
                     const struct state_entry *entry)
{
    uint32_t n;
    const char *key = state_key(entry, &n);
    char head[9] = {what};
    big_endian_put(head + 1, (uint64_t)generation << 32 | number);
    buffer_clear(out);
    buffer_add(out, head, sizeof head);
    buffer_add(out, key + 1, n - 1); /* behind its 'o' */
}

void held_put(struct state *s, const struct buffer *key, const char *bytes, size_t n)
{
    bool is_new;
    uint32_t size = (uint32_t)(sizeof(uint64_t) + n);
    uint64_t hash = hash_bytes(key->data, key->n, 0), kind = HELD_BYTES;
    struct state_entry *e = state_insert(s, hash, key->data, (uint32_t)key->n, size, &is_new);
    e = state_value_size(e) == size ? e : state_resize(s, e, size);
    char *value = state_value(e);
    memcpy(value, &kind, sizeof kind);
    memcpy(value + sizeof kind, bytes, n);
    state_touch(s, e);
}

static struct state_entry *find(struct state *s, const struct buffer *key)
{
    return state_find(s, hash_bytes(key->data, key->n, 0), key->data, (uint32_t)key->n);
}

bool held_get(struct state *s, const struct buffer *key, struct buffer *out)
{
    const struct state_entry *e = find(s, key);
    uint64_t kind = HELD_OBJECT;
    if (e) {
        memcpy(&kind, state_value(e), sizeof kind);
    }
    if (kind != HELD_BYTES) {
        return false;
    }
    const char *value = state_value(e);
    buffer_add(out, value + sizeof kind, state_value_size(e) - sizeof kind);
    return true;
}

static void delete_all(struct state *s, struct held *h, char what, uint32_t count,
                       struct buffer *key)
{
    for (uint32_t i = 0; i < count; i++) {
        part_key(key, what, h->generation, i, h->entry);
        struct state_entry *e = find(s, key);
        if (e) {
            state_delete(s, e);
        }
    }
}

/* ---- saving ---- */

static void save_object(const struct object_def *def, const struct held *h, struct buffer *out)
{
    struct snapshot s = snapshot_saver(out);
    def->io(h->object, &s);
}

static void save_parts(struct held *h, struct state *s, const struct buffer *snapshot,
                       struct buffer *key)
{
    delete_all(s, h, 'p', h->parts, key);
    delete_all(s, h, 'l', h->logs, key);
    h->generation++;
    h->parts = h->logs = 0;
    h->part_bytes = snapshot->n;
    h->log_bytes = 0;
    for (size_t at = 0; at < snapshot->n; at += HELD_PART_BYTES) {
        size_t n = snapshot->n - at < HELD_PART_BYTES ? snapshot->n - at : HELD_PART_BYTES;
        part_key(key, 'p', h->generation, h->parts++, h->entry);
        held_put(s, key, snapshot->data + at, n);
    }
}

static bool is_small(const struct object_def *def, const struct held *h)
{
    return h->generation == 0 && def->size && def->size(h->object) <= HELD_SMALL_BYTES;
}

static bool fits_a_log(const struct object_def *def, const struct held *h)
{
    return def->replay && h->generation > 0 && !h->is_whole &&
           h->log_bytes + h->events.n <= h->part_bytes && h->events.n <= HELD_PART_BYTES;
}

void held_flush(struct per_task *t, struct held *h, struct state *s)
{
    const struct object_def *def = t->plan->def;
    if (fits_a_log(def, h)) {
        part_key(&t->key, 'l', h->generation, h->logs++, h->entry);
        held_put(s, &t->key, h->events.data, h->events.n);
        h->log_bytes += h->events.n;
    } else if (!is_small(def, h)) {
        buffer_clear(&t->bytes);
        save_object(def, h, &t->bytes);
        if (h->generation > 0 || t->bytes.n > HELD_SMALL_BYTES) {
            save_parts(h, s, &t->bytes, &t->key);
        }
    }
    buffer_clear(&h->events);
    h->is_whole = h->is_touched = false;
}

static void counts_io(struct held *h, struct snapshot *s)
{
    int64_t part_bytes = (int64_t)h->part_bytes, log_bytes = (int64_t)h->log_bytes;
    snapshot_u32(s, &h->generation);
    snapshot_u32(s, &h->parts);
    snapshot_u32(s, &h->logs);
    snapshot_count(s, &part_bytes);
    snapshot_count(s, &log_bytes);
    h->part_bytes = (uint64_t)part_bytes;
    h->log_bytes = (uint64_t)log_bytes;
}

void held_save(const struct per_plan *p, const struct held *h, struct buffer *out)
{
    buffer_byte(out, h->generation > 0 ? SAVED_LARGE : SAVED_SMALL);
    big_endian_add(out, h->seed);
    if (h->generation == 0) {
        save_object(p->def, h, out);
        return;
    }
    struct held counts = *h;
    struct snapshot s = snapshot_saver(out);
    counts_io(&counts, &s);
}

/* ---- loading ---- */

struct held *held_load(const struct per_plan *p, const void *saved, size_t n)
{
    const char *bytes = saved;
    if (n < HEAD_BYTES || (bytes[0] != SAVED_SMALL && bytes[0] != SAVED_LARGE)) {
        return NULL;
    }
    struct held *h = held_new(p, big_endian_get(bytes + 1));
    struct snapshot s = snapshot_loader(bytes + HEAD_BYTES, n - HEAD_BYTES);
    if (bytes[0] == SAVED_LARGE) {
        h->is_partial = true;
        counts_io(h, &s);
    } else {
        p->def->io(h->object, &s);
    }
    bool is_odd = bytes[0] == SAVED_LARGE && h->generation == 0;
    if (snapshot_status(&s) < 0 || s.p != s.end || is_odd) {
        held_free(h, p->def);
        return NULL;
    }
    return h;
}

static int repeat(const struct per_plan *p, void *object, const struct buffer *log)
{
    struct snapshot s = snapshot_loader(log->data, log->n);
    double *event = NULL;
    int status = 0;
    while (status == 0 && s.p != s.end) {
        uint32_t n = 0;
        snapshot_doubles(&s, &event, &n, (uint32_t)(log->n / sizeof(double)));
        status = snapshot_status(&s);
        if (status == 0) {
            status = p->def->replay(p->plan, object, event, n);
        }
        mem_free(event);
        event = NULL;
    }
    return status;
}

int held_complete(const struct per_plan *p, struct held *h, const struct state_entry *entry,
                  struct state *s)
{
    struct buffer key, bytes;
    bool is_there = true;
    int status = 0;
    buffer_init(&key);
    buffer_init(&bytes);
    for (uint32_t i = 0; is_there && i < h->parts; i++) {
        part_key(&key, 'p', h->generation, i, entry);
        is_there = held_get(s, &key, &bytes);
    }
    struct snapshot all = snapshot_loader(bytes.data, bytes.n);
    if (!is_there || bytes.n != h->part_bytes || p->def->io(h->object, &all) < 0 ||
        all.p != all.end) {
        status = -ERR_DATA;
    }
    uint64_t log_bytes = 0;
    for (uint32_t i = 0; status == 0 && i < h->logs; i++) {
        buffer_clear(&bytes);
        part_key(&key, 'l', h->generation, i, entry);
        status =
            held_get(s, &key, &bytes) && p->def->replay ? repeat(p, h->object, &bytes) : -ERR_DATA;
        log_bytes += bytes.n;
    }
    status = log_bytes != h->log_bytes ? -ERR_DATA : status;
    h->is_partial = status < 0;
    buffer_done(&key);
    buffer_done(&bytes);
    return status;
}
