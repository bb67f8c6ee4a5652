/* Kernel: small helpers for those who write kernels of functions_*.c. */
#ifndef KLAMM_ENGINE_EXPRESSION_KERNEL_H
#define KLAMM_ENGINE_EXPRESSION_KERNEL_H

#include "engine/expression/functions.h"

#define STRING_BYTES_MAX (8u << 20) /* that a function may make */

static inline bool kernel_is_dense(const struct kernel_call *c)
{
    return c->nsel == c->rows;
}

/* Bytes of a string, bytes, array or map value; they live as long as the vector. */
struct text {
    const char *p;
    uint32_t n;
};
static inline struct text kernel_text(const struct vec *v, uint16_t row)
{
    return (struct text){str_data(&v->s[row]), v->s[row].n};
}
/* Sets a string result, copying it. */
void kernel_put(struct kernel_call *c, uint16_t row, const char *p, uint32_t n);
/* Sets a string result that is a part of an argument's value: nothing is copied. */
void kernel_put_part(struct kernel_call *c, uint16_t row, const char *p, uint32_t n);
/* Room for a string result of n bytes, to be set by kernel_put_part(); NULL after a row error: too
 * long. */
char *kernel_room(struct kernel_call *c, uint16_t row, uint64_t n);
void kernel_set_null(struct kernel_call *c, uint16_t row);
/* Constant argument of prepare(): NULL when it is not constant or null. */
const struct nested_value *constant_argument(const struct expression *x, struct nested_value *v);

#endif
