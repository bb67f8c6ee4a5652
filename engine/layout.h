/* Layout: all that gives the saved keys and values of a step their meaning, in words, and what may
 * be taken apart of a value. It is made of a bound step, or read from a changelog, where every task
 * leaves it beside the values that it has saved. Immutable; lives in the arena that it is given. */
#ifndef KLAMM_ENGINE_LAYOUT_H
#define KLAMM_ENGINE_LAYOUT_H

#include "engine/arena.h"
#include "engine/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct node;
struct schema;

/* One of the things that stand side by side in a value: the state of an aggregate. */
struct layout_part {
    const char *words; /* what it is, of what */
    uint32_t words_n;
    uint16_t version; /* second of the words, when it is not 0 */
    bool has_blob;
    uint32_t fixed; /* bytes besides the blob */
};

/* value | head | fixed bytes of each part | tail | of parts with a blob: varint n, n bytes | */
struct layout {
    const char *topology, *stream, *step;
    uint16_t version; /* state_version of the step */
    uint32_t hash;    /* of `words` and those of the parts; in front of every value */
    const char *words;
    size_t words_n; /* without those of the parts */
    uint32_t head, tail;
    uint16_t nparts;
    struct layout_part *part;
    const char *initial; /* of a bound step with parts: a value of no rows, as it is saved */
    size_t initial_n;
};

/* Of a bound step. */
struct layout *layout_of(const struct node *n, const char *topology, struct arena *a);
/* For state_parts: one more part. words: without the line's end. */
void layout_add_part(struct layout *l, const struct layout_part *part, struct arena *a);

/* Hash of the columns that a repartition carries, in front of each of its rows. */
uint32_t layout_of_columns(const struct schema *s);

/* As text, and back. -ERR_DATA: it is none. */
void layout_write(const struct layout *l, struct buffer *out);
int layout_read(struct layout **out, const void *p, size_t n, struct arena *a);

#endif
