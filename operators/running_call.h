/* The calls of `running`: one of them with its arguments, its slot in the state, its update. Pure
 * but for the slot it is given; slots of texts own heap memory. */
#ifndef KLAMM_OPERATORS_RUNNING_CALL_H
#define KLAMM_OPERATORS_RUNNING_CALL_H

#include "engine/buffer.h"
#include "engine/expression/expression.h"

enum running_kind {
    RUNNING_LAG,
    RUNNING_DIFF,
    RUNNING_RATE,
    RUNNING_EWMA,
    RUNNING_CUMSUM,
    RUNNING_COUNT,
    RUNNING_AVG,
    RUNNING_STDDEV,
    RUNNING_MIN,
    RUNNING_MAX,
};

extern const char *const running_names[]; /* by kind, NULL-terminated */

struct running_call {
    enum running_kind kind;
    const struct expression *x; /* NULL for count() */
    const struct type *of;      /* of x */
    const struct type *type;    /* of the result */
    bool nullable;
    uint32_t rows; /* lag, diff: k; avg … max: of the window, 0: all rows */
    double alpha;
    uint32_t offset, size; /* of the slot in the state's value; size is a multiple of 8 */
};

/* Reads the call's arguments. Returns 1, or -ERR_CONFIG with a message. */
int running_call_bind(struct running_call *c, const struct expression_call *call, struct err *e);
/* Takes a row in and writes the result to out[row]. Returns NULL, or what failed: then the slot is
 * as it was and the result null. */
const char *running_call_update(const struct running_call *c, void *slot, const struct vec *x,
                                uint16_t row, int64_t time, struct vec *out, struct arena *a,
                                uint16_t rows);
/* Whether the slot owns memory, so that the bytes of the slot are not its saved form. */
bool running_call_owns(const struct running_call *c);
/* Of one that owns memory: varint n, n bytes. All others are saved as they are. */
void running_call_save(const struct running_call *c, const void *slot, struct buffer *out);
/* Reads what was saved into a zeroed slot; returns the byte behind, or NULL when it is damaged. */
const uint8_t *running_call_load(const struct running_call *c, void *slot, const uint8_t *p,
                                 const uint8_t *end);
/* Bytes that the slot owns. */
uint64_t running_call_size(const struct running_call *c, const void *slot);
void running_call_drop(const struct running_call *c, void *slot);
/* What gives the slot its meaning, appended to b, on one line without its end. */
void running_call_layout(const struct running_call *c, struct buffer *b);

#endif
