/* What stands before a row in a repartition's record: which source partition it came from, and how
 * far time was there (docs/time.md). Pure.
 *
 *   byte   1 a row; 2 a watermark only; 3 the same, and nothing comes there: idle; 4 a row that
 *          deletes
 *   varint source partition
 *   varint watermark
 *   of a row: layout, 4 bytes, little endian | Avro without id
 *
 * The layout is a hash of the columns: rows that another version of the topology has left are no
 * damage, and who changed it must decide.
 */
#ifndef KLAMM_ENGINE_ENVELOPE_H
#define KLAMM_ENGINE_ENVELOPE_H

#include "engine/buffer.h"

enum envelope_kind { ENVELOPE_ROW = 1, ENVELOPE_TIME, ENVELOPE_IDLE, ENVELOPE_DELETE };

struct envelope {
    enum envelope_kind kind;
    int64_t partition, watermark;
    uint32_t layout;   /* of a row */
    const void *value; /* of a row; borrowed, not written */
    size_t n;
};

/* Appends all but the value. */
void envelope_write(struct buffer *b, const struct envelope *e);
/* 0, or -ERR_DATA: damaged. */
int envelope_read(struct envelope *e, const void *p, size_t n);

#endif
