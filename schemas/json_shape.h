/* Shape of a JSON object whose members are columns: column "a.b" is member b of the object a. Built
 * once, in an arena; the codec json reads by it, json_print writes by it. */
#ifndef KLAMM_SCHEMAS_JSON_SHAPE_H
#define KLAMM_SCHEMAS_JSON_SHAPE_H

#include "engine/arena.h"
#include "engine/schema.h"

struct json_node {
    const char *name;
    uint32_t name_n;
    int32_t column;  /* -1: an object of columns */
    uint32_t seen;   /* reading: number of the row that had it last */
    uint16_t index;  /* among its siblings */
    uint16_t next;   /* reading: the child expected next */
    uint16_t nchild; /* in order of the first column below each */
    struct json_node **child;
    uint16_t *table; /* child number + 1 by hash, 0: free; NULL: few children, look at each */
    uint32_t mask;
};

/* The object of n columns of the schema, in this order. */
struct json_node *json_shape(struct arena *a, const struct schema *schema, const uint16_t *column,
                             uint16_t n);
/* The visible columns. Returns how many were written to `column` (room for schema->n). */
uint16_t json_visible_columns(const struct schema *schema, uint16_t *column);
/* Child of a name, or NULL. */
struct json_node *json_child(const struct json_node *node, const char *name, size_t n);

#endif
