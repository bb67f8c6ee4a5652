/* Schema resolution: what has to be done to read a writer's data as a reader's type.
 *
 * The result is a graph of links, one per pair of types (cyclic where the schemas are recursive),
 * in an arena, immutable, valid as long as both trees. The plan, the walker and the compatibility
 * check all read it: the rules of the Avro specification stand in avro_resolve.c and nowhere else.
 */
#ifndef KLAMM_SCHEMAS_AVRO_RESOLVE_H
#define KLAMM_SCHEMAS_AVRO_RESOLVE_H

#include "schemas/avro_schema.h"

#define AVRO_LINKS_MAX 65536

enum avro_link_kind {
    AV_FAIL,         /* cannot be read; `why` */
    AV_SCALAR,       /* primitive types and their promotions, fixed */
    AV_SYMBOLS,      /* enum: to[i] is the reader's symbol of the writer's symbol i, or -1 */
    AV_FIELDS,       /* record: field i of the writer becomes field to[i] (-1: skip it), by of[i] */
    AV_ITEMS,        /* array or map: of[0] */
    AV_WRITER_UNION, /* of[i]: how branch i of the writer becomes the reader's type */
    AV_READER_UNION, /* becomes branch to[0] of the reader, by of[0] */
};

struct avro_link {
    enum avro_link_kind kind;
    uint32_t id; /* 1 to AVRO_LINKS_MAX */
    const struct avro_node *w, *r;
    const char *why;
    uint32_t n; /* writer's fields, symbols or branches */
    struct avro_link **of;
    int32_t *to;
    uint32_t nabsent; /* record: fields of the reader that the writer lacks */
    struct avro_absent {
        uint32_t field;
        struct avro_link *link; /* reads the reader's default bytes; AV_FAIL: there are none */
    } * absent;
};

/* NULL: over AVRO_LINKS_MAX. A writer's tree as its own reader is allowed. */
const struct avro_link *avro_resolve(struct arena *a, const struct avro_node *writer,
                                     const struct avro_node *reader);

#endif
