/* Avro schemas as our own tree: everything resolution needs (avro-c drops defaults, aliases and
 * logical types), with limits on what a hostile text may ask for.
 *
 * The tree lives in the arena it was parsed into and is immutable afterwards. A reference to a
 * named type is a pointer to its definition, so recursive schemas are cyclic graphs: whoever walks
 * them bounds his depth. Any thread may read it.
 */
#ifndef KLAMM_SCHEMAS_AVRO_SCHEMA_H
#define KLAMM_SCHEMAS_AVRO_SCHEMA_H

#include "engine/arena.h"
#include "engine/buffer.h"
#include "engine/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AVRO_DEPTH_MAX   64           /* of schema texts, and of values */
#define AVRO_TEXT_MAX    (1u << 20)   /* bytes of a schema text */
#define AVRO_DEFAULT_MAX (256u << 10) /* bytes of all defaults of a schema, as Avro */

enum avro_type {
    AV_NULL,
    AV_BOOLEAN,
    AV_INT,
    AV_LONG,
    AV_FLOAT,
    AV_DOUBLE,
    AV_BYTES,
    AV_STRING,
    AV_RECORD,
    AV_ENUM,
    AV_ARRAY,
    AV_MAP,
    AV_UNION,
    AV_FIXED,
};

enum avro_logical {
    AV_PLAIN,
    AV_DECIMAL,
    AV_UUID,
    AV_DATE,
    AV_TIME_MILLIS,
    AV_TIME_MICROS,
    AV_TIMESTAMP_MILLIS,
    AV_TIMESTAMP_MICROS,
    AV_LOCAL_TIMESTAMP_MILLIS,
    AV_LOCAL_TIMESTAMP_MICROS,
    AV_DURATION,
};

enum avro_order { AV_ASCENDING, AV_DESCENDING, AV_IGNORE };

struct avro_node {
    enum avro_type type;
    enum avro_logical logical;
    uint32_t precision, scale; /* of a decimal */
    uint32_t size;             /* of a fixed */
    const char *name;          /* full name of a record, enum or fixed */
    const char *const *alias;  /* full names */
    uint32_t naliases;
    uint32_t n;                /* fields, symbols or branches; 1 for an array or map */
    struct avro_field *field;  /* record */
    const char *const *symbol; /* enum */
    int32_t symbol_default;    /* enum: -1 none */
    struct avro_node **branch; /* union; array and map: branch[0] is the item */
};

struct avro_field {
    const char *name;
    struct avro_node *type;
    enum avro_order order;
    const char *const *alias;
    uint32_t naliases;
    const char *json;     /* text of the default; NULL: there is none */
    const uint8_t *bytes; /* the default as Avro data; NULL: none, or it does not fit the type */
    uint32_t nbytes;
};

/* Parses a schema text into the arena. -ERR_CONFIG: not JSON, not a schema, or over a limit. */
int avro_schema_parse(struct avro_node **out, struct arena *a, const char *json, size_t n,
                      struct err *e);
/* "int", "record" ... */
const char *avro_type_name(enum avro_type type);
/* NULL for AV_PLAIN. */
const char *avro_logical_name(enum avro_logical logical);
/* The part of a full name behind the last dot. */
const char *avro_short_name(const char *name);

/* Appends the schema as JSON with everything that is kept (avro_print.c). */
void avro_schema_print(struct buffer *b, const struct avro_node *s);
/* Appends the Parsing Canonical Form of the Avro specification. */
void avro_schema_canonical(struct buffer *b, const struct avro_node *s);
/* CRC-64-AVRO of the canonical form. */
uint64_t avro_schema_fingerprint(const struct avro_node *s);
/* Equal in all that is kept, not only in canonical form. */
bool avro_schema_same(const struct avro_node *a, const struct avro_node *b);

#endif
