/* Window state as bytes: what the changelog holds of one value.
 *
 *   head | fixed part of each aggregate, blobs left out | notes | per blob: varint n, bytes
 *
 * The layout has the kind with its options: with windows of another size state is refused instead
 * of being misread; and as its parts each aggregate with its version and arguments: of another list
 * of aggregates those that both have go on (engine/migration.c). Values without blobs are as they
 * are in memory. Fixed parts are in the machine's byte order, little endian on all that is
 * supported.
 */
#include "windows/window_internal.h"

#include "engine/layout.h"
#include "engine/memory.h"

#include <string.h>

void window_bind_notes(struct window *w)
{
    w->notes_at = w->value_size;
    if (w->emit != EMIT_FINAL || w->fill != FILL_NONE) {
        w->value_size += w->def->notes * (uint32_t)sizeof(struct window_note);
    }
}

static void window_save(void *ctx, const void *value, uint32_t n, struct buffer *out)
{
    const struct window_plan *p = ctx;
    const struct window *w = &p->window;
    const char *states = (const char *)value + w->def->head_size;
    (void)n;
    buffer_add(out, value, w->def->head_size);
    for (int i = 0; i < w->ncalls; i++) {
        const struct aggregate_call *c = &w->call[i];
        uint32_t skip = c->has_blob ? sizeof(struct blob) : 0;
        buffer_add(out, states + c->at + skip, c->size - skip);
    }
    buffer_add(out, (const char *)value + w->notes_at, w->value_size - w->notes_at);
    for (int i = 0; i < w->ncalls; i++) {
        if (w->call[i].has_blob) {
            struct blob blob;
            memcpy(&blob, states + w->call[i].at, sizeof blob);
            buffer_varint(out, blob.n);
            buffer_add(out, blob.p, blob.n);
        }
    }
}

static int64_t window_loaded_size(void *ctx, const void *saved, size_t n)
{
    const struct window_plan *p = ctx;
    (void)saved;
    return n < p->saved_size ? -ERR_DATA : (int64_t)p->window.value_size;
}

static int load_blobs(const struct window *w, char *states, const uint8_t *at, const uint8_t *end)
{
    for (int i = 0; i < w->ncalls; i++) {
        int64_t size;
        if (!w->call[i].has_blob) {
            continue;
        }
        at = varint_read(at, end, &size);
        if (at == NULL || size < 0 || size > end - at || size > UINT32_MAX) {
            return -ERR_DATA;
        }
        struct blob blob = {.n = (uint32_t)size, .cap = (uint32_t)size};
        if (size > 0) {
            blob.p = mem_alloc(blob.n);
            memcpy(blob.p, at, blob.n);
        }
        memcpy(states + w->call[i].at, &blob, sizeof blob);
        at += size;
        const struct aggregate_call *c = &w->call[i];
        if (c->def->is_sound && !c->def->is_sound(c, states + c->at)) {
            return -ERR_DATA;
        }
    }
    return at == end ? 0 : -ERR_DATA;
}

static int window_load(void *ctx, void *value, uint32_t n, const void *saved, size_t saved_n)
{
    const struct window_plan *p = ctx;
    const struct window *w = &p->window;
    char *states = (char *)value + w->def->head_size;
    const uint8_t *at = saved;
    (void)n;
    memcpy(value, at, w->def->head_size);
    at += w->def->head_size;
    for (int i = 0; i < w->ncalls; i++) {
        const struct aggregate_call *c = &w->call[i];
        uint32_t skip = c->has_blob ? sizeof(struct blob) : 0;
        memcpy(states + c->at + skip, at, c->size - skip);
        at += c->size - skip;
    }
    memcpy((char *)value + w->notes_at, at, w->value_size - w->notes_at);
    at += w->value_size - w->notes_at;
    return load_blobs(w, states, at, (const uint8_t *)saved + saved_n);
}

static void window_drop(void *ctx, void *value, uint32_t n)
{
    const struct window_plan *p = ctx;
    const struct window *w = &p->window;
    (void)n;
    for (int i = 0; i < w->ncalls; i++) {
        if (w->call[i].has_blob) {
            struct blob blob;
            char *at = (char *)value + w->def->head_size + w->call[i].at;
            memcpy(&blob, at, sizeof blob);
            mem_free(blob.p);
            memset(at, 0, sizeof blob);
        }
    }
}

static uint64_t window_size(void *ctx, const void *value, uint32_t n)
{
    const struct window_plan *p = ctx;
    const struct window *w = &p->window;
    uint64_t bytes = 0;
    (void)n;
    for (int i = 0; i < w->ncalls; i++) {
        if (w->call[i].has_blob) {
            struct blob blob;
            memcpy(&blob, (const char *)value + w->def->head_size + w->call[i].at, sizeof blob);
            bytes += blob.cap;
        }
    }
    return bytes;
}

void window_bind_state(struct window_plan *p)
{
    const struct window *w = &p->window;
    bool has_blobs = false;
    p->saved_size = w->def->head_size + w->value_size - w->notes_at;
    for (int i = 0; i < w->ncalls; i++) {
        const struct aggregate_call *c = &w->call[i];
        has_blobs |= c->has_blob;
        p->saved_size += c->size - (c->has_blob ? (uint32_t)sizeof(struct blob) : 0);
    }
    p->codec = (struct state_codec){.ctx = p,
                                    .save = window_save,
                                    .loaded_size = window_loaded_size,
                                    .load = window_load,
                                    .drop = has_blobs ? window_drop : NULL,
                                    .size = window_size};
}

void window_state_layout(const struct node *n, struct buffer *words)
{
    const struct window_plan *p = n->bound;
    const struct window *w = &p->window;
    buffer_printf(words, "%s\n", w->def->name);
    if (p->is_map) {
        config_values(words, w->def->config, w->cfg);
    } else if (w->def->value) {
        config_value(words, w->def->value, w->cfg);
    }
    if (w->emit != EMIT_FINAL) {
        buffer_text(words, "so far, and what came out\n"); /* hopping windows are not shared then */
    }
    if (w->fill != FILL_NONE) {
        buffer_printf(words, "fill %s\n", w->fill == FILL_PREVIOUS ? "previous" : "empty");
    }
}

/* A value of no rows, as it is saved. */
static void save_initial(const struct window_plan *p, struct buffer *out)
{
    void *value = mem_zalloc(p->window.value_size + 1U);
    window_init(&p->window, value);
    window_save((void *)(uintptr_t)p, value, p->window.value_size, out);
    window_clear(&p->window, value);
    mem_free(value);
}

void window_state_parts(const struct node *n, struct layout *l, struct arena *a)
{
    const struct window_plan *p = n->bound;
    const struct window *w = &p->window;
    struct buffer words;
    buffer_init(&words);
    l->head = w->def->head_size;
    l->tail = w->value_size - w->notes_at;
    for (int i = 0; i < w->ncalls; i++) {
        const struct aggregate_call *c = &w->call[i];
        buffer_clear(&words);
        buffer_printf(&words, "%s %u", c->def->name, (unsigned)c->def->version);
        for (int k = 0; k < c->nargs; k++) {
            buffer_byte(&words, ' ');
            expression_layout(&words, c->arg[k]);
        }
        uint32_t skip = c->has_blob ? sizeof(struct blob) : 0;
        struct layout_part part = {.words = words.data,
                                   .words_n = (uint32_t)words.n,
                                   .version = c->def->version,
                                   .has_blob = c->has_blob,
                                   .fixed = c->size - skip};
        layout_add_part(l, &part, a);
    }
    buffer_clear(&words);
    save_initial(p, &words);
    l->initial = arena_strndup(a, words.data, words.n);
    l->initial_n = words.n;
    buffer_done(&words);
}
