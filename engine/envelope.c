/* The envelope of a repartition's records, written and read. */
#include "engine/envelope.h"

#include "engine/error.h"

#include <stdbool.h>

#define LAYOUT_BYTES 4

static bool is_row(const struct envelope *e)
{
    return e->kind == ENVELOPE_ROW || e->kind == ENVELOPE_DELETE;
}

void envelope_write(struct buffer *b, const struct envelope *e)
{
    buffer_byte(b, (uint8_t)e->kind);
    buffer_varint(b, e->partition);
    buffer_varint(b, e->watermark);
    for (int i = 0; is_row(e) && i < LAYOUT_BYTES; i++) {
        buffer_byte(b, (uint8_t)(e->layout >> 8 * i));
    }
}

int envelope_read(struct envelope *e, const void *bytes, size_t n)
{
    const uint8_t *p = bytes, *end = p + n;
    *e = (struct envelope){.partition = 0};
    if (n < 3 || *p < ENVELOPE_ROW || *p > ENVELOPE_DELETE) {
        return -ERR_DATA;
    }
    e->kind = (enum envelope_kind) * p++;
    p = varint_read(p, end, &e->partition);
    p = p ? varint_read(p, end, &e->watermark) : NULL;
    if (!p || (is_row(e) && end - p < LAYOUT_BYTES)) {
        return -ERR_DATA;
    }
    for (int i = 0; is_row(e) && i < LAYOUT_BYTES; i++) {
        e->layout |= (uint32_t)*p++ << 8 * i;
    }
    e->value = p;
    e->n = (size_t)(end - p);
    return 0;
}
