/* Layouts of a task's stores, as they stand in the changelogs beside the values.
 *
 *   key of a layout            MARK | 1 | hash, 4 bytes          value: its text (layout.c)
 *   key of the store           as it is; one that begins with MARK: MARK | 0 | the rest
 *
 * A task writes the layout of now before the first value of it that it writes, or, where it found
 * others, with its first commit, unless it has read it there. After a start from a local
 * checkpoint, which reads the end of the changelog only, it writes it once more. So compaction
 * keeps the last record of each layout that was ever in use, a value may stand before the layout
 * that it has, and then a restore begins with a search (task_is_puzzled).
 */
#include "engine/memory.h"
#include "engine/task_internal.h"

#include <string.h>

#define MARK        "\x01\xffklamm\xff"
#define MARK_BYTES  8
#define KEY_BYTES   (MARK_BYTES + 5)
#define TEXT_MOST   (64U << 10)
#define LAYOUT_MOST 200 /* in one changelog */

static bool has_mark(const void *key, size_t n)
{
    return n >= MARK_BYTES && memcmp(key, MARK, MARK_BYTES) == 0;
}

const void *changelog_key(const void *key, size_t *n, struct buffer *room)
{
    if (!has_mark(key, *n)) {
        return key;
    }
    buffer_add(room, MARK, MARK_BYTES);
    buffer_byte(room, 0);
    buffer_add(room, (const char *)key + MARK_BYTES, *n - MARK_BYTES);
    *n = room->n;
    return room->data;
}

bool changelog_is_layout(const struct record *r)
{
    return r->key && r->key_n == KEY_BYTES && has_mark(r->key, r->key_n) &&
           ((const uint8_t *)r->key)[MARK_BYTES] == 1;
}

const void *changelog_store_key(const void *key, size_t *n, struct buffer *room)
{
    if (!key || !has_mark(key, *n)) {
        return key;
    }
    const char *p = key;
    if (*n == MARK_BYTES || p[MARK_BYTES] != 0) {
        return NULL;
    }
    buffer_add(room, MARK, MARK_BYTES);
    buffer_add(room, p + MARK_BYTES + 1, *n - MARK_BYTES - 1);
    *n = room->n;
    return room->data;
}

void layouts_open(struct task *t, struct spot *p)
{
    p->layouts = arena_zalloc(&t->mem, sizeof *p->layouts);
    p->layouts->now = layout_of(p->op.node, t->plan->topology->name, &t->mem);
    p->layout = p->layouts->now->hash;
}

struct known_layout *layouts_find(const struct layouts *l, uint32_t hash)
{
    struct known_layout *k = l->known;
    while (k && k->layout->hash != hash) {
        k = k->next;
    }
    return k;
}

int layouts_send(struct task *t, struct spot *p, const char *topic, struct err *e)
{
    struct layouts *l = p->layouts;
    if (l->is_written) {
        return 0;
    }
    uint8_t key[KEY_BYTES] = MARK "\x01";
    for (int i = 0; i < 4; i++) {
        key[MARK_BYTES + 1 + i] = (uint8_t)(p->layout >> 8 * i);
    }
    struct buffer text;
    buffer_init(&text);
    layout_write(l->now, &text);
    struct record r = {.topic = topic,
                       .partition = t->partition,
                       .offset = -1,
                       .timestamp = clock_now(t->env.clock),
                       .key = key,
                       .key_n = sizeof key,
                       .value = text.data,
                       .value_n = text.n};
    size_t most = t->env.most_bytes ? t->env.most_bytes : TEXT_MOST;
    bool fits = text.n <= TEXT_MOST && text.n + sizeof key <= most;
    int status = fits ? t->env.produce(t->env.ctx, &r, 1, e) : 0;
    l->is_written = status == 0;
    buffer_done(&text);
    return status;
}

/* Whether it is as this task would write it. */
static bool is_ours(const struct layouts *l, const struct record *r)
{
    struct buffer text;
    buffer_init(&text);
    layout_write(l->now, &text);
    bool is_same = r->value && r->value_n == text.n && memcmp(r->value, text.data, text.n) == 0;
    buffer_done(&text);
    return is_same;
}

int layouts_learn(struct task *t, struct spot *p, const struct record *r)
{
    struct layouts *l = p->layouts;
    const uint8_t *key = (const uint8_t *)r->key + MARK_BYTES + 1;
    uint32_t hash =
        key[0] | (uint32_t)key[1] << 8 | (uint32_t)key[2] << 16 | (uint32_t)key[3] << 24;
    if (hash == p->layout) {
        l->is_written = is_ours(l, r);
        return 0;
    }
    if (!r->value || layouts_find(l, hash) || l->nknown == LAYOUT_MOST) {
        return 0;
    }
    struct known_layout *k = arena_zalloc(&t->mem, sizeof *k);
    if (r->value_n > TEXT_MOST || layout_read(&k->layout, r->value, r->value_n, &t->mem) < 0 ||
        k->layout->hash != hash) {
        return -ERR_DATA;
    }
    struct buffer why;
    buffer_init(&why);
    k->fate = layout_compare(k->layout, l->now, &why);
    k->why = arena_strdup(&t->mem, buffer_cstr(&why));
    buffer_done(&why);
    if (k->fate == LAYOUT_MIGRATES) {
        k->migration = migration_new(k->layout, l->now, &t->mem);
    }
    k->next = l->known;
    l->known = k;
    l->nknown++;
    return 0;
}

static bool migrates_to(const struct layout *from, const struct layout *to)
{
    struct buffer ignored;
    buffer_init(&ignored);
    bool migrates = layout_compare(from, to, &ignored) == LAYOUT_MIGRATES;
    buffer_done(&ignored);
    return migrates;
}

/* Whether a layout migrates to one that does. */
static bool has_way(const struct layouts *l, const struct known_layout *k)
{
    for (const struct known_layout *x = l->known; x; x = x->next) {
        if (x->fate == LAYOUT_MIGRATES && migrates_to(k->layout, x->layout)) {
            return true;
        }
    }
    return false;
}

void layouts_connect(struct task *t, struct layouts *l)
{
    for (bool is_more = true; is_more;) {
        is_more = false;
        for (struct known_layout *k = l->known; k; k = k->next) {
            if (k->fate == LAYOUT_SPENT && has_way(l, k)) {
                k->fate = LAYOUT_MIGRATES;
                k->migration = migration_new(k->layout, l->now, &t->mem);
                is_more = true;
            }
        }
    }
}
