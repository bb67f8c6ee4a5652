/* Snapshot: longs as varints, doubles as 8 bytes little endian, arrays with a varint count in
 * front.
 *
 * The first fault of a load sticks: from there on everything reads as zero, so that a loop over a
 * loaded count ends, and snapshot_status() tells at the end.
 */
#include "engine/snapshot.h"

#include "engine/memory.h"

#include <string.h>

struct snapshot snapshot_saver(struct buffer *out)
{
    return (struct snapshot){.out = out};
}

struct snapshot snapshot_loader(const void *p, size_t n)
{
    const uint8_t *bytes = p;
    return (struct snapshot){.loading = true, .p = bytes, .end = bytes + n};
}

static size_t left(const struct snapshot *s)
{
    return (size_t)(s->end - s->p);
}

static void fail(struct snapshot *s)
{
    s->status = -ERR_DATA;
    s->p = s->end;
}

void snapshot_long(struct snapshot *s, int64_t *v)
{
    if (!s->loading) {
        buffer_varint(s->out, *v);
        return;
    }
    const uint8_t *behind = s->status < 0 ? NULL : varint_read(s->p, s->end, v);
    if (behind == NULL) {
        *v = 0;
        fail(s);
        return;
    }
    s->p = behind;
}

void snapshot_count(struct snapshot *s, int64_t *v)
{
    snapshot_long(s, v);
    if (s->loading && (*v < 0 || *v > INT64_C(1) << 62)) {
        *v = 0;
        fail(s);
    }
}

void snapshot_u32(struct snapshot *s, uint32_t *v)
{
    int64_t wide = *v;
    snapshot_long(s, &wide);
    if (wide < 0 || wide > UINT32_MAX) {
        wide = 0;
        fail(s);
    }
    *v = (uint32_t)wide;
}

void snapshot_version(struct snapshot *s, uint16_t current)
{
    uint32_t version = current;
    snapshot_u32(s, &version);
    if (version == 0 || version > current) {
        fail(s);
    }
    s->version = (uint16_t)(s->status < 0 ? current : version);
}

void snapshot_array(struct snapshot *s, double *v, size_t n)
{
    for (size_t i = 0; !s->loading && i < n; i++) {
        uint64_t bits;
        memcpy(&bits, &v[i], sizeof bits);
        char *to = buffer_reserve(s->out, 8);
        for (int k = 0; k < 8; k++) {
            to[k] = (char)(uint8_t)(bits >> (8 * k));
        }
        s->out->n += 8;
    }
    if (!s->loading || n == 0) {
        return;
    }
    if (s->status < 0 || left(s) / 8 < n) {
        memset(v, 0, n * sizeof *v);
        fail(s);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        uint64_t bits = 0;
        for (int k = 7; k >= 0; k--) {
            bits = bits << 8 | s->p[k];
        }
        memcpy(&v[i], &bits, sizeof bits);
        s->p += 8;
    }
}

void snapshot_double(struct snapshot *s, double *v)
{
    snapshot_array(s, v, 1);
}

/* Reads a count of items of `width` bytes; more than `most`, or than what is left, is a fault. */
static uint32_t load_count(struct snapshot *s, uint32_t most, size_t width)
{
    uint32_t n = 0;
    snapshot_u32(s, &n);
    if (n > most || n > left(s) / width) {
        fail(s);
        return 0;
    }
    return n;
}

void snapshot_doubles(struct snapshot *s, double **v, uint32_t *n, uint32_t most)
{
    if (!s->loading) {
        snapshot_u32(s, n);
        snapshot_array(s, *v, *n);
        return;
    }
    mem_free(*v);
    *n = load_count(s, most, sizeof **v);
    *v = *n > 0 ? mem_array(*n, sizeof **v) : NULL;
    snapshot_array(s, *v, *n);
}

void snapshot_bytes(struct snapshot *s, char **p, uint32_t *n, uint32_t most)
{
    if (!s->loading) {
        snapshot_u32(s, n);
        buffer_add(s->out, *p, *n);
        return;
    }
    mem_free(*p);
    *n = load_count(s, most, 1);
    *p = *n > 0 ? mem_alloc(*n) : NULL;
    if (*n > 0) {
        memcpy(*p, s->p, *n);
        s->p += *n;
    }
}

int snapshot_status(const struct snapshot *s)
{
    return s->status;
}
