/* Window state as bytes: what the changelog holds of one value.
 *
 *   layout, 2 bytes | head | fixed part of each aggregate, blobs left out | per blob: varint n,
 * bytes
 *
 * `layout` is a hash of kind, aggregates, their versions, types and signatures: a value of another
 * list of aggregates is refused instead of being misread. Values without blobs differ from memory
 * by the layout only. Fixed parts are in the machine's byte order, little endian on all that is
 * supported.
 */
#include "windows/window_internal.h"

#include "engine/hash.h"
#include "engine/memory.h"

#include <string.h>

#define LAYOUT_BYTES 2

static void window_save(void *ctx, const void *value, uint32_t n, struct buffer *out)
{
    const struct window_plan *p = ctx;
    const struct window *w = &p->window;
    const char *states = (const char *)value + w->def->head_size;
    (void)n;
    buffer_add(out, &p->layout, LAYOUT_BYTES);
    buffer_add(out, value, w->def->head_size);
    for (int i = 0; i < w->ncalls; i++) {
        const struct aggregate_call *c = &w->call[i];
        uint32_t skip = c->has_blob ? sizeof(struct blob) : 0;
        buffer_add(out, states + c->at + skip, c->size - skip);
    }
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
    if (n < p->saved_size || memcmp(saved, &p->layout, LAYOUT_BYTES) != 0) {
        return -ERR_DATA;
    }
    return p->window.value_size;
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
    }
    return at == end ? 0 : -ERR_DATA;
}

static int window_load(void *ctx, void *value, uint32_t n, const void *saved, size_t saved_n)
{
    const struct window_plan *p = ctx;
    const struct window *w = &p->window;
    char *states = (char *)value + w->def->head_size;
    const uint8_t *at = (const uint8_t *)saved + LAYOUT_BYTES;
    (void)n;
    memcpy(value, at, w->def->head_size);
    at += w->def->head_size;
    for (int i = 0; i < w->ncalls; i++) {
        const struct aggregate_call *c = &w->call[i];
        uint32_t skip = c->has_blob ? sizeof(struct blob) : 0;
        memcpy(states + c->at + skip, at, c->size - skip);
        at += c->size - skip;
    }
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

void window_bind_state(struct window_plan *p)
{
    const struct window *w = &p->window;
    struct buffer text;
    bool has_blobs = false;
    buffer_init(&text);
    buffer_printf(&text, "%s", w->def->name);
    p->saved_size = LAYOUT_BYTES + w->def->head_size;
    for (int i = 0; i < w->ncalls; i++) {
        const struct aggregate_call *c = &w->call[i];
        has_blobs |= c->has_blob;
        p->saved_size += c->size - (c->has_blob ? (uint32_t)sizeof(struct blob) : 0);
        buffer_printf(&text, " %s:%u:%u:", c->def->name, (unsigned)c->def->version,
                      (unsigned)c->size);
        if (c->signature != 0) {
            buffer_add(&text, &c->signature, sizeof c->signature);
        }
        for (int k = 0; k < c->nargs; k++) {
            type_print(&text, c->arg_type[k]);
            buffer_byte(&text, ',');
        }
    }
    p->layout = (uint16_t)hash_stable(text.data, text.n, 0);
    buffer_done(&text);
    p->codec = (struct state_codec){p, window_save, window_loaded_size, window_load,
                                    has_blobs ? window_drop : NULL};
}
