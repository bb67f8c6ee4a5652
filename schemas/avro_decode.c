/* Runs a plan over one datum, straight into the columns of a batch at one row.
 *
 * This is the hottest loop of a topology that reads Avro, so it holds what most schemas are made of;
 * all else is one call (avro_walk.c). Lengths are checked where they are used. A string of up to 12
 * bytes is made with two loads and a mask where 16 bytes may be read, and seen to be ASCII in the same
 * registers; a longer one is copied into b->mem. A column that has null flags gets its flag back to 0,
 * since the row may have been filled before. The datum must end with its last byte.
 */
#include "schemas/avro_plan.h"

#define ASCII_MASK 0x8080808080808080ULL

/* A string at p of n bytes (all inside the datum), into *out; false when it is not UTF-8. */
static inline bool store_string(struct str *out, const uint8_t *p, uint64_t n, const uint8_t *end,
                                struct arena *mem)
{
    if (n > STR_INLINE) {
        *out = str_copy(mem, p, (uint32_t)n);
        return avro_is_utf8((const char *)p, n);
    }
    uint64_t low = 0, high = 0;
    if (end - p >= 16) {
        memcpy(&low, p, 8);
        memcpy(&high, p + 8, 8);
        uint64_t bits = 8 * (n & 7);
        uint64_t mask = (1ULL << bits) - 1;
        high = n < 8 ? 0 : high & mask;
        low = n < 8 ? low & mask : low;
    } else {
        char pad[16] = {0};
        memcpy(pad, p, n);
        memcpy(&low, pad, 8);
        memcpy(&high, pad + 8, 8);
    }
    uint64_t word[2] = {n | low << 32, low >> 32 | high << 32};
    memcpy(out, word, sizeof word);
    return ((low | high) & ASCII_MASK) == 0 || utf8_valid((const char *)p, n);
}

static void store_value(struct vec *v, uint16_t row, const struct nested_value *value,
                        struct batch *b)
{
    if (value->is_null) {
        vec_set_null(v, b->mem, b->rows, row);
    } else if (v->type->kind == TYPE_DOUBLE) {
        v->d[row] = value->d;
    } else if (v->type->kind == TYPE_BOOLEAN) {
        v->b[row] = value->i != 0;
    } else if (type_is_str(v->type)) {
        v->s[row] = str_copy(b->mem, value->s.p, value->s.n);
    } else {
        v->i[row] = value->i;
    }
}

static void store_null(struct vec *v, uint16_t row, struct batch *b)
{
    vec_set_null(v, b->mem, b->rows, row);
    memset((char *)v->data + row * vec_width(v->type), 0, vec_width(v->type));
}

static inline struct vec *column(struct batch *b, const struct avro_op *op, uint16_t row)
{
    struct vec *v = &b->col[op->col];
    if (v->null) {
        v->null[row] = 0;
    }
    return v;
}

/* The byte behind n strings, or NULL. */
static inline const uint8_t *skip_slices(const uint8_t *p, const uint8_t *end, uint32_t n)
{
    for (; n > 0; n--) {
        int64_t length;
        p = avro_long(p, end, &length);
        if (!p || length < 0 || length > end - p) {
            return NULL;
        }
        p += length;
    }
    return p;
}

static inline const uint8_t *skip_longs(const uint8_t *p, const uint8_t *end, uint32_t n)
{
    for (; n > 0 && p; n--) {
        int64_t v;
        p = avro_long(p, end, &v);
    }
    return p;
}

static inline const uint8_t *skip_bytes(const uint8_t *p, const uint8_t *end, uint32_t n)
{
    return (int64_t)n > end - p ? NULL : p + n;
}

static const uint8_t *skip_option(const struct avro_op *op, const uint8_t *p, const uint8_t *end)
{
    int64_t branch;
    p = avro_long(p, end, &branch);
    if (!p || branch < 0 || branch > 1) {
        return NULL;
    }
    if (branch == op->null_branch) {
        return p;
    }
    return op->inner == OP_SKIP_SLICES  ? skip_slices(p, end, 1)
           : op->inner == OP_SKIP_LONGS ? skip_longs(p, end, 1)
                                        : skip_bytes(p, end, op->n);
}

__attribute__((noinline, cold)) static int fail(const struct avro_op *op, const struct batch *b,
                                                const char *why, struct err *e)
{
    bool has_column = op->code >= OP_BOOLEAN && op->code <= OP_NULL;
    return err_set(e, ERR_DATA, "Avro: %s%s%s", has_column ? b->schema->col[op->col].name : "",
                   has_column ? ": " : "", why);
}

int avro_decode(const struct avro_plan *plan, struct avro_scratch *x, const void *data, size_t n,
                struct batch *b, uint16_t row, struct err *e)
{
    const uint8_t *p = data, *end = p + n, *datum = NULL, *datum_end = NULL;
    int64_t fuel = AVRO_ZERO_BYTES_MAX + 8 * (int64_t)n;
    const char *why = "the data is cut off or a number is out of range";
    const struct avro_op *op = plan->op;
    if (n > INT32_MAX) {
        return fail(&plan->op[plan->n - 1], b, "the record is too large", e);
    }
    for (;; op++) {
        int64_t v;
        switch ((enum avro_code)op->code) {
        case OP_END:
            if (p != end) {
                why = "bytes are left behind the value";
                goto bad;
            }
            return 0;
        case OP_SKIP_BYTES:
            p = skip_bytes(p, end, op->n);
            break;
        case OP_SKIP_LONGS:
            p = skip_longs(p, end, op->n);
            break;
        case OP_SKIP_SLICES:
            p = skip_slices(p, end, op->n);
            break;
        case OP_SKIP_OPTION:
            p = skip_option(op, p, end);
            break;
        case OP_BOOLEAN:
            if (p == end || *p > 1) {
                goto bad;
            }
            column(b, op, row)->b[row] = *p++;
            break;
        case OP_INT:
            p = avro_long(p, end, &v);
            if (p && v != (int32_t)v) {
                goto bad;
            }
            column(b, op, row)->i[row] = v;
            break;
        case OP_LONG:
            p = avro_long(p, end, &v);
            column(b, op, row)->i[row] = v;
            break;
        case OP_FLOAT: {
            float f;
            if (end - p < 4) {
                goto bad;
            }
            memcpy(&f, p, 4);
            p += 4;
            column(b, op, row)->d[row] = (double)f;
            break;
        }
        case OP_DOUBLE:
            if (end - p < 8) {
                goto bad;
            }
            memcpy(&column(b, op, row)->d[row], p, 8);
            p += 8;
            break;
        case OP_STRING:
            p = avro_long(p, end, &v);
            if (!p || v < 0 || v > end - p) {
                goto bad;
            }
            if (!store_string(&column(b, op, row)->s[row], p, (uint64_t)v, end, b->mem)) {
                why = "a string is not valid UTF-8";
                goto bad;
            }
            p += v;
            break;
        case OP_BYTES:
            p = avro_long(p, end, &v);
            if (!p || v < 0 || v > end - p) {
                goto bad;
            }
            column(b, op, row)->s[row] = str_copy(b->mem, p, (uint32_t)v);
            p += v;
            break;
        case OP_SYMBOL:
            p = avro_long(p, end, &v);
            if (!p || v < 0 || v >= op->n) {
                goto bad;
            }
            if (op->symbol[v].n == UINT32_MAX) {
                why = "an enum symbol is unknown to the reader, whose enum has no default";
                goto bad;
            }
            column(b, op, row)->s[row] = op->symbol[v];
            break;
        case OP_VALUE:
        case OP_SKIP_ANY: {
            struct avro_in in = {.p = p, .end = end, .fuel = fuel, .why = why};
            struct nested_value value = {0};
            int rc = op->code == OP_VALUE ? avro_value(&in, x, op->link, op->type, &value)
                                          : avro_skip(&in, op->node, 0);
            if (rc < 0) {
                why = in.why;
                goto bad;
            }
            if (op->code == OP_VALUE) {
                store_value(column(b, op, row), row, &value, b);
            }
            p = in.p;
            fuel = in.fuel;
            break;
        }
        case OP_NULL:
            store_null(&b->col[op->col], row, b);
            break;
        case OP_BRANCH:
            p = avro_long(p, end, &v);
            if (!p || v < 0 || v >= op->n) {
                goto bad;
            }
            op = &plan->op[op->target[v]] - 1;
            break;
        case OP_JUMP:
            op = &plan->op[op->n] - 1;
            break;
        case OP_PUSH:
            datum = p;
            datum_end = end;
            p = op->bytes;
            end = p + op->n;
            break;
        case OP_POP:
            p = datum;
            end = datum_end;
            break;
        case OP_FAIL:
            why = op->why;
            goto bad;
        }
        if (__builtin_expect(!p, 0)) {
            goto bad;
        }
    }
bad:
    return fail(op, b, why, e);
}
