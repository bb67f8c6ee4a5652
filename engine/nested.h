/* Arrays, maps and records inside columns: their bytes, and cursors over them.
 *
 *   array    varint n, then n items
 *   map      varint n, then n times: varint length, key bytes, item
 *   record   its fields in order, each an item
 *   item     byte 0: null, or byte 1 and the value: boolean 1 byte; long, timestamp zig-zag varint;
 *            double 8 bytes little endian; string, bytes varint length and bytes; array, map,
 *            record as above
 *
 * Codecs write these bytes (so they are trusted inside one process), functions read them; a damaged
 * one reads as the end of data, never out of bounds.
 */
#ifndef KLAMM_ENGINE_NESTED_H
#define KLAMM_ENGINE_NESTED_H

#include "engine/str.h"
#include "engine/type.h"

/* One value read out of nested bytes; str points into them. */
struct nested_value {
    bool is_null;
    union {
        int64_t i; /* long, timestamp, boolean */
        double d;
        struct {
            const char *p;
            uint32_t n;
        } s; /* string, bytes, and the bytes of an array, map or record */
    };
};

struct nested_cursor {
    const uint8_t *p, *end;
    const struct type *item; /* type of each item */
    bool is_map;
    int64_t left; /* items not read yet */
};

/* Begins reading an array or map of type t. */
struct nested_cursor nested_open(const struct type *t, const void *p, uint32_t n);
/* Next item; key and key_n (may be NULL) are set for maps. False at the end or on damage. */
bool nested_next(struct nested_cursor *c, const char **key, uint32_t *key_n,
                 struct nested_value *v);
int64_t nested_count(const void *p, uint32_t n);
/* Item i of an array / entry of a map (the last of equal keys wins) / field i of a record: false
 * when there is none. */
bool nested_at(const struct type *t, const void *p, uint32_t n, int64_t i, struct nested_value *v);
bool nested_entry(const struct type *t, const void *p, uint32_t n, const char *key, uint32_t key_n,
                  struct nested_value *v);
bool nested_field(const struct type *record, const void *p, uint32_t n, uint16_t i,
                  struct nested_value *v);
/* Appends an item of type t. */
void nested_put(struct buffer *b, const struct type *t, const struct nested_value *v);

/* A value without its presence byte: appended (it is not null), or read at p; returns the byte
 * behind it, or NULL on damage. Key bytes are made of these. */
void nested_put_value(struct buffer *b, const struct type *t, const struct nested_value *v);
const uint8_t *nested_read_value(const struct type *t, const uint8_t *p, const uint8_t *end,
                                 struct nested_value *v);
/* As text: scalars plain, bytes as base64, arrays, maps and records as JSON; null: "null". */
void nested_print(struct buffer *b, const struct type *t, const struct nested_value *v);

#endif
