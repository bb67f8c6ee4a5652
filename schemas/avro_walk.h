/* Reading Avro data value by value: whatever the plan's straight line does not do itself. That is
 * arrays and maps (to the bytes of engine/nested.h), mixed values (to JSON text), and promotions.
 */
#ifndef KLAMM_SCHEMAS_AVRO_WALK_H
#define KLAMM_SCHEMAS_AVRO_WALK_H

#include "schemas/avro_read.h"

#define AVRO_VALUE_MAX (64u << 20) /* bytes of one array, map or JSON text */

/* Growing memory of one reader, kept from row to row. */
struct avro_scratch {
    struct buffer out, other, spots;
    int64_t fuel; /* what is left of the datum's fuel between two values */
    const char *why;
    const uint8_t *datum, *datum_end; /* where to go on after a default */
    struct err *e;                    /* where avro_decode() leaves its message */
};

void avro_scratch_init(struct avro_scratch *x);
void avro_scratch_done(struct avro_scratch *x);

/* Reads a value as one of type t; 0 or -ERR_DATA with in->why. Strings point into the data, arrays,
 * maps and texts into x->out: until the next call. */
int avro_walk_value(struct avro_in *in, struct avro_scratch *x, const struct avro_link *l,
                    const struct type *t, struct nested_value *v);

#endif
