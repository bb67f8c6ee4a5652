/* Schema of a batch: its columns, in order, and which of them form the key. Immutable once planned;
 * lives in the plan's arena; shared by all lanes.
 *
 * Hidden columns (`_key _topic _partition _offset _time _headers _value`) can be read by
 * expressions and pass through per-row steps, but are neither written out nor meant by "all
 * columns". Records of the input are flattened: a field b of record a is the column "a.b".
 */
#ifndef KLAMM_ENGINE_SCHEMA_H
#define KLAMM_ENGINE_SCHEMA_H

#include "engine/type.h"

#define COLUMNS_MAX      4096
#define COLUMNS_READ_MAX (COLUMNS_MAX - 16) /* of a source: its key and metadata need room too */

struct column {
    const char *name;
    const struct type *type;
    bool nullable;
    bool hidden;
};

struct schema {
    uint16_t n;
    struct column *col;
    uint16_t nkey; /* number of key columns; 0: no key, or (keyed) one group for all rows */
    uint16_t *key; /* their column numbers */
    bool keyed;    /* false: rows have no key, stateful steps refuse them */
    bool partial;  /* planning went on behind a problem that hides some of the columns */
};

/* Column number, or -1. */
int schema_find(const struct schema *s, const char *name);
int schema_find_n(const struct schema *s, const char *name, size_t n);
/* Which of the key's columns this one is, or -1. */
int schema_key_number(const struct schema *s, uint16_t column);
/* An empty schema with room for `cap` columns. */
struct schema *schema_new(struct arena *a, uint16_t cap);
/* Its columns and key, in a schema with room for `more` columns. */
struct schema *schema_copy(struct arena *a, const struct schema *s, uint16_t more);
/* Appends; the caller has checked that the name is new. Returns the column's number. */
uint16_t schema_add(struct schema *s, const char *name, const struct type *type, bool nullable,
                    bool hidden);
/* "host: string, value: double?" (visible columns) appended to b; `?` marks nullable ones. */
void schema_print(struct buffer *b, const struct schema *s);

#endif
