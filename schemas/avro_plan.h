/* Plan: a writer's schema and the columns that are needed, compiled into a straight line of
 * operations with forward jumps only. Immutable, in an arena; avro_decode() runs it.
 */
#ifndef KLAMM_SCHEMAS_AVRO_PLAN_H
#define KLAMM_SCHEMAS_AVRO_PLAN_H

#include "engine/batch.h"
#include "schemas/avro_columns.h"
#include "schemas/avro_walk.h"

#define AVRO_OPS_MAX                                                                               \
    32768 /* also bounds the stack where a compiler does not turn calls into jumps */

enum avro_code {
    OP_END,
    OP_SKIP_BYTES,  /* n bytes */
    OP_SKIP_LONGS,  /* n varints */
    OP_SKIP_SLICES, /* n strings or bytes */
    OP_SKIP_OPTION, /* a union of null (branch `null_branch`) and: n varints by `inner` */
    OP_SKIP_ANY,    /* a value of `node` */
    OP_BOOLEAN,     /* to column col, and so on */
    OP_INT,
    OP_LONG,
    OP_FLOAT,
    OP_DOUBLE,
    OP_STRING,
    OP_BYTES,
    OP_SYMBOL, /* an enum of n symbols: symbol[] */
    OP_VALUE,  /* anything else, by `link` */
    OP_NULL,   /* column col is null; takes no bytes */
    OP_BRANCH, /* a union of n branches: forward by target[] */
    OP_JUMP,   /* forward by n */
    OP_PUSH,   /* go on reading the n bytes at `bytes` */
    OP_POP,    /* back to the datum */
    OP_FAIL,   /* data that cannot be read; why */
};

struct avro_op;
/* Runs an operation and all behind it: each ends by calling the next one in its place, so that what
 * is read stays in registers. `end` is the end of the data, x->e takes the message. */
typedef int avro_run(const struct avro_op *op, const uint8_t *p, const uint8_t *end,
                     struct avro_scratch *x, struct batch *b, size_t row);

struct avro_op {
    avro_run *run;
    uint8_t code;
    uint8_t inner; /* of OP_SKIP_OPTION: OP_SKIP_BYTES, OP_SKIP_LONGS or OP_SKIP_SLICES */
    uint16_t col;
    uint32_t n;
    size_t at; /* of column col: bytes from b->col to it */
    union {
        uint32_t null_branch;
        const struct avro_node *node;
        const struct str *symbol; /* n of UINT32_MAX: the reader does not know it */
        const struct avro_link *link;
        uint32_t *target;
        const uint8_t *bytes;
        const char *why;
    };
};

struct avro_plan {
    struct avro_op *op;
    uint32_t n;
};

/* Compiles `link` for a shape of its reader whose leaves have their targets set (is_needed is set
 * here). Targets are columns of the batch of the leaf's type. NULL: too complex. */
struct avro_plan *avro_plan_compile(struct arena *a, const struct avro_link *link,
                                    struct avro_shape *shape);
/* The plan as text, one operation a line, for tests and for people. */
void avro_plan_print(struct buffer *b, const struct avro_plan *p);

/* What runs an operation (avro_decode.c). */
avro_run *avro_run_of(const struct avro_op *op);
/* Fills row `row` of b from one datum, which must end with its last byte. n is at most INT32_MAX.
 * -ERR_DATA with a message in x->e, which may be NULL. */
static inline int avro_decode(const struct avro_plan *plan, struct avro_scratch *x,
                              const void *data, size_t n, struct batch *b, uint16_t row)
{
    const uint8_t *p = data;
    x->fuel = AVRO_ZERO_BYTES_MAX + 8 * (int64_t)n;
    return plan->op->run(plan->op, p, p + n, x, b, row);
}

#endif
