/* The columns of an Avro schema: records flatten, everything else becomes a value of one type. */
#ifndef KLAMM_SCHEMAS_AVRO_COLUMNS_H
#define KLAMM_SCHEMAS_AVRO_COLUMNS_H

#include "engine/schema.h"
#include "schemas/avro_schema.h"

#define AVRO_RECURSION_MAX 8 /* a record inside itself flattens above this depth */

/* One node of the schema as seen by columns: a record that flattens, or a leaf that is one column.
 */
struct avro_shape {
    const struct avro_node *node; /* as in the schema, union included */
    const struct avro_node
        *value;       /* what is left of it without null; a union still, if of several */
    bool is_nullable; /* itself or a record around it */
    const char *name; /* "a.b"; "" for a record at the root */
    uint32_t nfields; /* value->n of a record that flattens, else 0 */
    struct avro_shape *field;
    bool is_leaf;
    const struct type *type; /* of a leaf */
    uint32_t column;         /* of a leaf: its number, counted in order */
    int32_t target;          /* of a leaf, for the plan to set: a column of the batch, or -1 */
    bool is_needed;          /* a leaf below has a target */
};

/* The shape of a schema, and its leaves in order. A root that is no record is one column called
 * `root_name`. -ERR_CONFIG: more than COLUMNS_MAX columns. All in the arena. */
int avro_columns(struct avro_shape **out, struct avro_shape ***leaves, uint32_t *n, struct arena *a,
                 const struct avro_node *s, const char *root_name, struct err *e);

/* What is left of a schema without null: the one other branch, or the schema itself. */
const struct avro_node *avro_without_null(const struct avro_node *s, bool *is_nullable);
/* Type of a value that needs no look inside: NULL for records, arrays, maps and mixed unions. */
const struct type *avro_basic_type(const struct avro_node *s);
/* True when a value of schema s in a column or item of type t is JSON text. */
bool avro_is_text(const struct avro_node *s, const struct type *t);

#endif
