/* Types of columns. Basic types are shared constants; array and map types are built in an arena and
 * live as long as it. Types are compared with type_equal(), never by pointer.
 */
#ifndef KLAMM_ENGINE_TYPE_H
#define KLAMM_ENGINE_TYPE_H

#include "engine/buffer.h"

#include <stdbool.h>
#include <stdint.h>

enum type_kind {
    TYPE_BOOLEAN,   /* uint8_t 0 or 1 */
    TYPE_LONG,      /* int64_t */
    TYPE_DOUBLE,    /* double */
    TYPE_TIMESTAMP, /* int64_t, ms since the epoch */
    TYPE_STRING,    /* struct str, UTF-8 */
    TYPE_BYTES,     /* struct str */
    TYPE_ARRAY,     /* struct str holding the bytes of engine/nested.h */
    TYPE_MAP,       /* likewise; keys are strings */
    TYPE_RECORD,    /* only as the element of an array or map; records of columns are flattened */
};

struct type {
    enum type_kind kind;
    const struct type *of; /* element of an array or map, else NULL */
    uint16_t nfields;      /* of a record */
    const struct type_field {
        const char *name;
        const struct type *type;
    } * field;
};

extern const struct type type_boolean, type_long, type_double, type_timestamp, type_string,
    type_bytes;

struct arena;
const struct type *type_array(struct arena *a, const struct type *of);
const struct type *type_map(struct arena *a, const struct type *of);
bool type_equal(const struct type *a, const struct type *b);
/* "long", "array<string>", "map<double>", "record<a: long, b: string>" appended to b. */
void type_print(struct buffer *b, const struct type *t);
/* Reads what type_print writes (also "int", "float" widened); NULL when it is none. */
const struct type *type_parse(struct arena *a, const char *s);

static inline bool type_is_numeric(const struct type *t)
{
    return t->kind == TYPE_LONG || t->kind == TYPE_DOUBLE;
}
/* Values of these kinds are struct str in a vec. */
static inline bool type_is_str(const struct type *t)
{
    return t->kind >= TYPE_STRING;
}

#endif
