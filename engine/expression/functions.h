/* Function tables: one per family (functions_math.c, functions_string.c, …), each a list of
 * signatures with their kernels. The binder picks the first signature whose parameters the
 * arguments can be converted to (long widens to double; a null literal fits everything).
 */
#ifndef KLAMM_ENGINE_EXPRESSION_FUNCTIONS_H
#define KLAMM_ENGINE_EXPRESSION_FUNCTIONS_H

#include "engine/expression/expression.h"

enum null_rule {
    NULL_IF_ANY, /* the result is null where any argument is; the kernel need not look */
    NULL_MORE,   /* the same, and the kernel may set more nulls */
    NULL_IF_ALL, /* the kernel sees nulls; the result is null only where all arguments are */
    NULL_OWN,    /* the kernel sees nulls and decides */
    NULL_NEVER,  /* the kernel sees nulls; the result is never null */
};

/* What a kernel works on: the rows of sel (never NULL here; nsel == rows means all of them, so that
 * a kernel may run a plain loop). Rows of a null argument hold zero bytes. */
struct kernel_call {
    uint16_t rows, nsel;
    const uint16_t *sel;
    int64_t now; /* wall clock, ms */
    int nargs;
    const struct vec *arg;
    struct vec *out; /* allocated; nulls already set for NULL_IF_ANY */
    struct arena *mem;
    struct row_errors *errors; /* NULL in try_cast: failed rows are only set null */
    const uint8_t *failed; /* rows that have failed before: their messages are not made again; or
                              NULL */
    const void *state;     /* what prepare() made of constant arguments, or NULL */
};

struct function_def {
    const char *name;
    /* "dd" two doubles; letters: b boolean, l long, d double, t timestamp, s string, y bytes, A any
     * array, M any map, * any type (equal letters after * must agree); a last letter followed by
     * "+" repeats one or more times; "|" begins the optional arguments. */
    const char *args;
    char result; /* a letter as above; '=' the (common) type of the * arguments; 'e' element type of
                    the first argument; 'S' array<string> */
    enum null_rule nulls;
    /* NULL: a special form, which the binder compiles to branches (coalesce, if). Operators are
     * functions too, named by their symbols. */
    int (*kernel)(struct kernel_call *c);
    /* Optional, once at compile time: looks at constant arguments (a regular expression, say). */
    int (*prepare)(const void **state, struct arena *a, int nargs,
                   const struct expression *const *arg, struct err *e);
    const char *doc;
    /* Cheap, never fails and may compute on rows that do not matter: evaluated without narrowing
     * the selection first. */
    bool is_harmless;
};

struct function_table {
    const char *family;
    const struct function_def *functions; /* ends with a NULL name */
};

/* Adds a failed row (the first error of a row counts) and sets its result null. */
__attribute__((format(printf, 3, 4))) void kernel_error(struct kernel_call *c, uint16_t row,
                                                        const char *fmt, ...);

#endif
