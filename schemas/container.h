/* Avro object container files: the writer's schema and one datum after the other; codecs null and
 * deflate. A reader or writer has one owner; the FILE stays the caller's.
 */
#ifndef KLAMM_SCHEMAS_CONTAINER_H
#define KLAMM_SCHEMAS_CONTAINER_H

#include "engine/error.h"

#include <stddef.h>
#include <stdio.h>

#define CONTAINER_BLOCK_MAX (64U << 20) /* bytes of one block, packed and unpacked */

struct container;
struct container_writer;

/* Reads the header. `name` stands in messages and must outlive the reader. -ERR_DATA: not such a
 * file, or damaged. */
int container_open(struct container **out, FILE *f, const char *name, struct err *e);
/* The writer's schema (JSON); lives as long as the reader. */
const char *container_schema(const struct container *c);
/* The next datum: 1 with its bytes (good until the next call), 0 at the end, -ERR_DATA. After an
 * error in one datum of a block the rest of the file cannot be read. */
int container_next(struct container *c, const void **p, size_t *n, struct err *e);
void container_close(struct container *c);

enum container_codec { CONTAINER_NULL, CONTAINER_DEFLATE };

/* Writes the header. The same schema gives the same bytes, so that files can be compared.
 * -ERR_RETRY when writing fails. */
int container_writer_open(struct container_writer **out, FILE *f, const char *schema_json,
                          enum container_codec codec, struct err *e);
/* Appends one datum, encoded with the schema. */
int container_write(struct container_writer *w, const void *p, size_t n, struct err *e);
/* Ends the block at hand; whatever was written before can be read now. */
int container_flush(struct container_writer *w, struct err *e);
/* Without a flush. */
void container_writer_close(struct container_writer *w);

#endif
