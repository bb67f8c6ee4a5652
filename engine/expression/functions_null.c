/* Null and choice: coalesce nullif if is_nan hash.
 *
 * coalesce and if evaluate only what is needed; the binder compiles them to branches, and stand
 * here without kernel. hash(x) is the same for ever: of the bytes of text, of the 8 bytes (little
 * endian) of a long, timestamp or double (all NaN alike, -0 as 0), of the one byte of a boolean;
 * its top bit is cleared, so that hash(x) % n is a bucket.
 */
#include "engine/expression/kernel.h"
#include "engine/hash.h"

#include <math.h>

static bool is_equal(const struct vec *x, const struct vec *y, uint16_t row)
{
    if (vec_is_null(x, row) || vec_is_null(y, row)) {
        return false;
    }
    return x->type->kind == TYPE_DOUBLE ? x->d[row] == y->d[row] : vec_same(x, row, y, row);
}

static int nullif(struct kernel_call *c)
{
    size_t width = vec_width(c->out->type);
    const char *from = c->arg[0].data;
    for (uint16_t k = 0; k < c->nsel; k++) {
        uint16_t row = c->sel[k];
        if (vec_is_null(&c->arg[0], row) || is_equal(&c->arg[0], &c->arg[1], row)) {
            kernel_set_null(c, row);
        } else {
            memcpy((char *)c->out->data + row * width, from + row * width, width);
        }
    }
    return 0;
}

static int is_nan(struct kernel_call *c)
{
    for (uint16_t k = 0; k < c->nsel; k++) {
        double x = c->arg[0].d[c->sel[k]];
        c->out->b[c->sel[k]] = x != x;
    }
    return 0;
}

static uint64_t hash_word(uint64_t v)
{
    uint8_t bytes[8];
    for (int k = 0; k < 8; k++) {
        bytes[k] = (uint8_t)(v >> (8 * k));
    }
    return hash_stable(bytes, sizeof bytes, 0);
}

static uint64_t hash_double(double d)
{
    uint64_t bits = 0x7ff8000000000000u;
    if (d == 0) {
        bits = 0;
    } else if (!isnan(d)) {
        memcpy(&bits, &d, sizeof bits);
    }
    return hash_word(bits);
}

static int hash_any(struct kernel_call *c)
{
    const struct vec *v = &c->arg[0];
    for (uint16_t k = 0; k < c->nsel; k++) {
        uint16_t row = c->sel[k];
        uint64_t h;
        if (type_is_str(v->type)) {
            struct text t = kernel_text(v, row);
            h = hash_stable(t.p, t.n, 0);
        } else if (v->type->kind == TYPE_DOUBLE) {
            h = hash_double(v->d[row]);
        } else if (v->type->kind == TYPE_BOOLEAN) {
            h = hash_stable(&v->b[row], 1, 0);
        } else {
            h = hash_word((uint64_t)v->i[row]);
        }
        c->out->i[row] = (int64_t)(h & INT64_MAX);
    }
    return 0;
}

static const struct function_def functions[] = {
    {"coalesce", "*+", '=', NULL_IF_ALL, NULL, .doc = "the first that is not null"},
    {"if", "b**", '=', NULL_OWN, NULL, .doc = "the second where the first is true, else the third"},
    {"nullif", "**", '=', NULL_OWN, nullif, .doc = "null where both are equal, else the first",
     .is_harmless = true},
    {"is_nan", "d", 'b', NULL_IF_ANY, is_nan, .doc = "true for a double that is not a number",
     .is_harmless = true},
    {"hash", "*", 'l', NULL_IF_ANY, hash_any,
     .doc = "a number from 0 to 2^63 - 1, the same for ever for the same value",
     .is_harmless = true},
    {0},
};

const struct function_table functions_null = {
    .family = "null and choice",
    .functions = functions,
};
