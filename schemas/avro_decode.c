/* Runs a plan over one datum, straight into the columns of a batch at one row.
 *
 * This is the hottest loop of a topology that reads Avro, so it holds what most schemas are made
 * of; all else is one call (avro_walk.c). Lengths are checked where they are used. A string of up
 * to 12 bytes is made with two loads and a mask where 16 bytes may be read, and seen to be ASCII in
 * the same registers; a longer one is copied into b->mem. A column that has null flags gets its
 * flag back to 0, since the row may have been filled before. The datum must end with its last byte.
 */
#include "schemas/avro_plan.h"

#define CUT_OFF    "the data is cut off or a number is out of range"
#define ASCII_MASK 0x8080808080808080ULL

/* A short string within 16 bytes of the end. */
__attribute__((noinline)) static bool store_last(struct str *out, const uint8_t *p, uint64_t n)
{
    *out = str_ref(p, (uint32_t)n);
    return avro_is_utf8((const char *)p, n);
}

__attribute__((noinline)) static bool store_long(struct str *out, const uint8_t *p, uint64_t n,
                                                 struct arena *mem)
{
    *out = str_copy(mem, p, (uint32_t)n);
    return avro_is_utf8((const char *)p, n);
}

/* A string at p of n bytes (all inside the datum), into *out; false when it is not UTF-8. */
static inline bool store_string(struct str *out, const uint8_t *p, uint64_t n, const uint8_t *end,
                                struct arena *mem)
{
    if (n > STR_INLINE) {
        return store_long(out, p, n, mem);
    }
    if (__builtin_expect(end - p < 16, 0)) {
        return store_last(out, p, n);
    }
    uint64_t low, high;
    memcpy(&low, p, 8);
    memcpy(&high, p + 8, 8);
    uint64_t mask = (1ULL << (8 * (n & 7))) - 1;
    high = n < 8 ? 0 : high & mask;
    low = n < 8 ? low & mask : low;
    uint64_t first = n | low << 32, second = low >> 32 | high << 32;
    memcpy(out, &first, 8);
    memcpy(out->tail, &second, 8);
    return __builtin_expect(((low | high) & ASCII_MASK) == 0, 1) || store_last(out, p, n);
}

static void store_null(struct vec *v, uint16_t row, struct batch *b)
{
    vec_set_null(v, b->mem, b->rows, row);
    memset((char *)v->data + row * vec_width(v->type), 0, vec_width(v->type));
}

static void store_value(struct vec *v, uint16_t row, const struct nested_value *value,
                        struct batch *b)
{
    if (value->is_null) {
        store_null(v, row, b);
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

static inline struct vec *column(struct batch *b, const struct avro_op *op, uint16_t row)
{
    struct vec *v = &b->col[op->col];
    if (v->null) {
        v->null[row] = 0;
    }
    return v;
}

/* The byte behind a string, or NULL. */
static inline const uint8_t *skip_slice(const uint8_t *p, const uint8_t *end)
{
    struct avro_number length = avro_number(p, end);
    if (!length.p || (uint64_t)length.v > (uint64_t)(end - length.p)) {
        return NULL;
    }
    return length.p + length.v;
}

static inline const uint8_t *skip_bytes(const uint8_t *p, const uint8_t *end, uint32_t n)
{
    return (int64_t)n > end - p ? NULL : p + n;
}

static inline const uint8_t *skip_option(const struct avro_op *op, const uint8_t *p,
                                         const uint8_t *end)
{
    struct avro_number branch = avro_number(p, end);
    p = branch.p;
    if (!p || (uint64_t)branch.v > 1) {
        return NULL;
    }
    if (branch.v == op->null_branch) {
        return p;
    }
    return op->inner == OP_SKIP_SLICES  ? skip_slice(p, end)
           : op->inner == OP_SKIP_LONGS ? avro_number(p, end).p
                                        : skip_bytes(p, end, op->n);
}

/* OP_VALUE and OP_SKIP_ANY: the byte behind the value, or NULL with x->why. */
__attribute__((noinline)) static const uint8_t *walk(const struct avro_op *op, const uint8_t *p,
                                                     const uint8_t *end, struct avro_scratch *x,
                                                     struct batch *b, uint16_t row)
{
    struct avro_in in = {.p = p, .end = end, .fuel = x->fuel, .why = CUT_OFF};
    struct nested_value value = {0};
    int rc = op->code == OP_VALUE ? avro_value(&in, x, op->link, op->type, &value)
                                  : avro_skip(&in, op->node, 0);
    if (rc == 0 && op->code == OP_VALUE) {
        store_value(column(b, op, row), row, &value, b);
    }
    x->fuel = in.fuel;
    x->why = in.why;
    return rc < 0 ? NULL : in.p;
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
    const char *why = CUT_OFF;
    const struct avro_op *op = plan->op;
    x->fuel = AVRO_ZERO_BYTES_MAX + 8 * (int64_t)n;
    x->why = CUT_OFF;
    if (n > INT32_MAX) {
        return fail(&plan->op[plan->n - 1], b, "the record is too large", e);
    }
    for (;; op++) {
        struct avro_number number;
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
            for (uint32_t i = op->n; i > 0 && p; i--) {
                p = avro_number(p, end).p;
            }
            break;
        case OP_SKIP_SLICES:
            for (uint32_t i = op->n; i > 0 && p; i--) {
                p = skip_slice(p, end);
            }
            break;
        case OP_SKIP_OPTION:
            p = skip_option(op, p, end);
            break;
        case OP_BOOLEAN:
            if (p == end || *p > 1) {
                goto bad;
            }
            column(b, op, row)->b[row] = *p++;
            continue;
        case OP_INT:
            number = avro_number(p, end);
            p = number.p;
            if (number.v != (int32_t)number.v) {
                goto bad;
            }
            column(b, op, row)->i[row] = number.v;
            break;
        case OP_LONG:
            number = avro_number(p, end);
            p = number.p;
            column(b, op, row)->i[row] = number.v;
            break;
        case OP_FLOAT: {
            float f;
            if (end - p < 4) {
                goto bad;
            }
            memcpy(&f, p, 4);
            p += 4;
            column(b, op, row)->d[row] = (double)f;
            continue;
        }
        case OP_DOUBLE:
            if (end - p < 8) {
                goto bad;
            }
            memcpy(&column(b, op, row)->d[row], p, 8);
            p += 8;
            continue;
        case OP_STRING:
            number = avro_number(p, end);
            p = number.p;
            if (!p || (uint64_t)number.v > (uint64_t)(end - p)) {
                goto bad;
            }
            if (!store_string(&column(b, op, row)->s[row], p, (uint64_t)number.v, end, b->mem)) {
                why = "a string is not valid UTF-8";
                goto bad;
            }
            p += number.v;
            continue;
        case OP_BYTES:
            number = avro_number(p, end);
            p = number.p;
            if (!p || (uint64_t)number.v > (uint64_t)(end - p)) {
                goto bad;
            }
            column(b, op, row)->s[row] = str_copy(b->mem, p, (uint32_t)number.v);
            p += number.v;
            continue;
        case OP_SYMBOL:
            number = avro_number(p, end);
            p = number.p;
            if (!p || (uint64_t)number.v >= op->n) {
                goto bad;
            }
            if (op->symbol[number.v].n == UINT32_MAX) {
                why = "an enum symbol is unknown to the reader, whose enum has no default";
                goto bad;
            }
            column(b, op, row)->s[row] = op->symbol[number.v];
            continue;
        case OP_VALUE:
        case OP_SKIP_ANY:
            p = walk(op, p, end, x, b, row);
            why = p ? why : x->why;
            break;
        case OP_NULL:
            store_null(&b->col[op->col], row, b);
            continue;
        case OP_BRANCH:
            number = avro_number(p, end);
            p = number.p;
            if (!p || (uint64_t)number.v >= op->n) {
                goto bad;
            }
            op = &plan->op[op->target[number.v]] - 1;
            continue;
        case OP_JUMP:
            op = &plan->op[op->n] - 1;
            continue;
        case OP_PUSH:
            datum = p;
            datum_end = end;
            p = op->bytes;
            end = p + op->n;
            continue;
        case OP_POP:
            p = datum;
            end = datum_end;
            continue;
        case OP_FAIL:
            why = op->why;
            goto bad;
        default:
            __builtin_unreachable();
        }
        if (__builtin_expect(!p, 0)) {
            goto bad;
        }
    }
bad:
    return fail(op, b, why, e);
}
