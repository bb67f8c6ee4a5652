/* Topics of the log in memory: partitions, records, groups.
 *
 * Offsets only ascend; a compacted partition has gaps. Compaction keeps the last record of each key
 * and runs when a partition has doubled; other partitions lose what every group has committed, but
 * for the newest KEEP records. Before any group has partitions nothing is lost.
 */

#include "engine/buffer.h"
#include "engine/hash.h"
#include "engine/memory.h"
#include "worker/memory_log_impl.h"

#include <string.h>

#define KEEP 65536 /* newest records of a topic that is not compacted */

struct topic *memory_topic(struct memory_broker *b, const char *name, int32_t partitions)
{
    for (int i = 0; i < b->ntopics; i++) {
        if (strcmp(b->topic[i]->name, name) == 0) {
            return b->topic[i];
        }
    }
    if (partitions == 0) {
        return NULL;
    }
    struct topic *t = mem_zalloc(sizeof *t);
    t->name = mem_strdup(name);
    t->npartitions = partitions;
    t->partition = mem_zalloc((size_t)partitions * sizeof *t->partition);
    b->topic = mem_resize(b->topic, (size_t)b->ntopics + 1, sizeof(void *));
    b->topic[b->ntopics++] = t;
    for (int i = 0; i < b->ngroups; i++) {
        b->group[i]->generation++;
    }
    return t;
}

struct kept *memory_kept_new(const struct record *r)
{
    struct buffer h;
    buffer_init(&h);
    for (size_t i = 0; i < r->nheaders; i++) {
        size_t n = strlen(r->headers[i].name);
        buffer_varint(&h, (int64_t)n);
        buffer_add(&h, r->headers[i].name, n + 1);
        buffer_varint(&h, r->headers[i].value ? (int64_t)r->headers[i].n + 1 : 0);
        buffer_add(&h, r->headers[i].value ? r->headers[i].value : "", r->headers[i].n);
    }
    struct kept *k = mem_alloc(sizeof *k + r->key_n + r->value_n + h.n);
    *k = (struct kept){.timestamp = r->timestamp,
                       .key_n = (uint32_t)r->key_n,
                       .value_n = (uint32_t)r->value_n,
                       .headers_n = (uint32_t)h.n,
                       .has_key = r->key != NULL,
                       .has_value = r->value != NULL,
                       .nheaders = (uint32_t)r->nheaders};
    if (r->key_n) {
        memcpy(k->bytes, r->key, r->key_n);
    }
    if (r->value_n) {
        memcpy(k->bytes + r->key_n, r->value, r->value_n);
    }
    if (h.n) {
        memcpy(k->bytes + r->key_n + r->value_n, h.data, h.n);
    }
    buffer_done(&h);
    return k;
}

void memory_kept_copy(struct record *r, const struct kept *k, const struct topic *t,
                      int32_t partition, struct arena *a)
{
    char *bytes = arena_alloc(a, (size_t)k->key_n + k->value_n + k->headers_n + 1);
    memcpy(bytes, k->bytes, (size_t)k->key_n + k->value_n + k->headers_n);
    *r = (struct record){.topic = t->name,
                         .partition = partition,
                         .offset = k->offset,
                         .timestamp = k->timestamp,
                         .key = k->has_key ? bytes : NULL,
                         .key_n = k->key_n,
                         .value = k->has_value ? bytes + k->key_n : NULL,
                         .value_n = k->value_n,
                         .nheaders = k->nheaders};
    struct header *h = arena_array(a, k->nheaders + 1U, sizeof *h);
    const uint8_t *p = (const uint8_t *)bytes + k->key_n + k->value_n, *end = p + k->headers_n;
    for (uint32_t i = 0; i < k->nheaders; i++) {
        int64_t n;
        p = varint_read(p, end, &n);
        h[i].name = (const char *)p;
        p = varint_read(p + n + 1, end, &n);
        h[i].value = n ? p : NULL;
        h[i].n = n ? (size_t)n - 1 : 0;
        p += h[i].n;
    }
    r->headers = h;
}

/* Of each key the last decided record stays; deletions stay until the next round. */
static void compact(struct partition *p)
{
    size_t cap = 16, stable = memory_find(p, p->stable);
    while (cap < p->n * 2) {
        cap *= 2;
    }
    size_t *last = mem_zalloc(cap * sizeof *last), n = 0;
    for (size_t i = 0; i < stable; i++) {
        const struct kept *k = p->record[i];
        if (!k->has_key) {
            continue;
        }
        size_t at = hash_stable(k->bytes, k->key_n, 0) & (cap - 1);
        for (; last[at]; at = (at + 1) & (cap - 1)) {
            const struct kept *other = p->record[last[at] - 1];
            if (other->key_n == k->key_n && memcmp(other->bytes, k->bytes, k->key_n) == 0) {
                break;
            }
        }
        if (last[at]) {
            mem_free(p->record[last[at] - 1]);
            p->record[last[at] - 1] = NULL;
        }
        last[at] = i + 1;
    }
    mem_free(last);
    for (size_t i = 0; i < p->n; i++) {
        struct kept *k = p->record[i];
        if (k && i < stable && !k->has_value && k->offset < p->compacted_until) {
            mem_free(k);
        } else if (k) {
            p->record[n++] = k;
        }
    }
    p->n = p->compacted = n;
    p->start = n ? p->record[0]->offset : p->next;
    p->compacted_until = p->stable;
}

/* Old records that every group has passed go away. */
static void trim(const struct memory_broker *b, const struct topic *t, int32_t number)
{
    struct partition *p = &t->partition[number];
    int64_t least = p->stable;
    bool is_begun = false; /* else what is read from files is there before whoever reads it */
    for (int g = 0; g < b->ngroups; g++) {
        is_begun |= b->group[g]->nclaims > 0;
        for (int c = 0; c < b->group[g]->nclaims; c++) {
            const struct claim *k = &b->group[g]->claim[c];
            if (k->topic == t && k->partition == number && k->committed < least) {
                least = k->committed;
            }
        }
    }
    size_t gone = 0;
    while (is_begun && gone + KEEP < p->n && p->record[gone]->offset < least) {
        mem_free(p->record[gone++]);
    }
    p->n -= gone;
    memmove(p->record, p->record + gone, p->n * sizeof *p->record);
    p->start = p->n ? p->record[0]->offset : p->next;
}

void memory_append(struct memory_broker *b, struct topic *t, int32_t number, struct kept *k)
{
    struct partition *p = &t->partition[number];
    if (p->n == p->cap) {
        p->cap = p->cap * 2 + 64;
        p->record = mem_resize(p->record, p->cap, sizeof *p->record);
    }
    bool is_stable = p->stable == p->next && !k->producer;
    k->offset = p->next++;
    p->stable = is_stable ? p->next : p->stable;
    p->record[p->n++] = k;
    if (t->compact && p->n > p->compacted * 2 + 10000) {
        compact(p);
    } else if (!t->compact && p->n > 2 * KEEP && p->n % KEEP == 0) {
        trim(b, t, number);
    }
}

size_t memory_find(const struct partition *p, int64_t offset)
{
    size_t low = 0, high = p->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (p->record[mid]->offset < offset) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

struct claim *memory_claim(struct group *g, const struct topic *t, int32_t partition)
{
    for (int i = 0; i < g->nclaims; i++) {
        if (g->claim[i].topic == t && g->claim[i].partition == partition) {
            return &g->claim[i];
        }
    }
    return NULL;
}

struct group *memory_group(struct memory_broker *b, const char *name)
{
    for (int i = 0; i < b->ngroups; i++) {
        if (strcmp(b->group[i]->name, name) == 0) {
            return b->group[i];
        }
    }
    struct group *g = mem_zalloc(sizeof *g);
    g->name = mem_strdup(name);
    b->group = mem_resize(b->group, (size_t)b->ngroups + 1, sizeof(void *));
    b->group[b->ngroups++] = g;
    return g;
}

struct memory_broker *memory_broker_new(int32_t partitions)
{
    struct memory_broker *b = mem_zalloc(sizeof *b);
    pthread_mutex_init(&b->mutex, NULL);
    pthread_condattr_t steady;
    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    pthread_cond_init(&b->change, &steady);
    pthread_condattr_destroy(&steady);
    b->partitions = partitions;
    return b;
}

void memory_broker_free(struct memory_broker *b)
{
    for (int i = 0; i < b->ntopics; i++) {
        struct topic *t = b->topic[i];
        for (int32_t p = 0; p < t->npartitions; p++) {
            for (size_t k = 0; k < t->partition[p].n; k++) {
                mem_free(t->partition[p].record[k]);
            }
            mem_free(t->partition[p].record);
        }
        mem_free(t->partition);
        mem_free(t->name);
        mem_free(t);
    }
    for (int i = 0; i < b->ngroups; i++) {
        for (int c = 0; c < b->group[i]->nclaims; c++) {
            mem_free(b->group[i]->claim[c].metadata);
        }
        mem_free(b->group[i]->claim);
        mem_free(b->group[i]->member);
        mem_free(b->group[i]->name);
        mem_free(b->group[i]);
    }
    memory_producers_free(b);
    mem_free(b->topic);
    mem_free(b->group);
    pthread_cond_destroy(&b->change);
    pthread_mutex_destroy(&b->mutex);
    mem_free(b);
}
