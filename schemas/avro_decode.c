/* Runs a plan over one datum, straight into the columns of a batch at one row.
 *
 *   string 0 -> skip slices 1 -> long 1 -> double 2 -> skip option -> end
 *
 * Each operation is a function that ends with a call of the next one. Compilers make jumps of such
 * calls (same arguments, nothing left to do), so there is no loop, and the position stays in a
 * register; where they do not, as in unoptimised builds, AVRO_OPS_MAX bounds the stack.
 *
 * A function that calls anything else in between must save registers first, even if it seldom does.
 * So each operation that reads a number exists twice: quick, which knows short numbers with room
 * behind them and short ASCII strings, and otherwise jumps to the same operation again, by
 * run_rare, which knows everything. Both are one inline function that is given the function to read
 * numbers with.
 *
 * Lengths are checked where they are used. A string of up to 12 bytes is made with two loads and a
 * mask; a longer one is copied into b->mem. A column that has null flags gets its flag back to 0,
 * since the row may have been filled before. The datum must end with its last byte.
 */
#include "schemas/avro_plan.h"

#define CUT_OFF    "the data is cut off or a number is out of range"
#define BAD_UTF8   "a string is not valid UTF-8"
#define BAD_SYMBOL "an enum symbol is unknown to the reader, whose enum has no default"
#define ASCII_MASK 0x8080808080808080ULL
#define INLINE     static inline __attribute__((always_inline)) int
#define PARAMS                                                                                     \
    const struct avro_op *op, const uint8_t *p, const uint8_t *end, struct avro_scratch *x,        \
        struct batch *b, size_t row
#define ARGS     op, p, end, x, b, row
#define NEXT(at) op[1].run(op + 1, at, end, x, b, row)

typedef struct avro_number read_number(const uint8_t *p, const uint8_t *end);

static int run_rare(PARAMS);

/* Masks that keep the first n of 16 bytes. */
#define KEEP(n)                                                                                    \
    {                                                                                              \
        (n) >= 8 ? ~0ULL : (1ULL << (8 * ((n)&7))) - 1, (n) <= 8 ? 0 : (1ULL << (8 * ((n)&7))) - 1 \
    }
static const uint64_t keep[STR_INLINE + 1][2] = {
    KEEP(0), KEEP(1), KEEP(2), KEEP(3),  KEEP(4),  KEEP(5),  KEEP(6),
    KEEP(7), KEEP(8), KEEP(9), KEEP(10), KEEP(11), KEEP(12),
};

__attribute__((noinline)) static void store_null(struct vec *v, uint16_t row, struct batch *b)
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

/* Says why; where: the column, if the operation has one. */
__attribute__((noinline, cold)) static int fail(const struct avro_op *op, const struct batch *b,
                                                const char *why, struct avro_scratch *x)
{
    bool has_column = op->code >= OP_BOOLEAN && op->code <= OP_NULL;
    return err_set(x->e, ERR_DATA, "Avro: %s%s%s", has_column ? b->schema->col[op->col].name : "",
                   has_column ? ": " : "", why);
}

/* What the quick form does not know goes to run_rare; what that does not know is an error. */
INLINE otherwise(read_number *get, PARAMS)
{
    return get == avro_any_number ? fail(op, b, CUT_OFF, x) : run_rare(ARGS);
}

/* The operation's column, not null at this row. */
static inline struct vec *column(struct batch *b, const struct avro_op *op, size_t row)
{
    struct vec *v = (struct vec *)(void *)((char *)b->col + op->at);
    if (v->null) {
        v->null[row] = 0;
    }
    return v;
}

/* True when n bytes from p on lie before the end; a negative n counts as huge. */
static inline bool has_bytes(const uint8_t *p, const uint8_t *end, int64_t n)
{
    return p && (uint64_t)n <= (uint64_t)(end - p);
}

/* A number from 0 to 63, of one byte: lengths, branches and symbols mostly are. */
static inline struct avro_number tiny_number(const uint8_t *p, const uint8_t *end)
{
    if (p >= end || (*p & 0x81)) {
        return (struct avro_number){NULL, 0};
    }
    return (struct avro_number){p + 1, *p >> 1};
}

/* ---- operations that read numbers ---- */

INLINE skip_longs(read_number *get, PARAMS)
{
    const uint8_t *at = p;
    for (uint32_t i = op->n; i > 0 && at; i--) {
        at = get(at, end).p;
    }
    return at ? NEXT(at) : otherwise(get, ARGS);
}

INLINE skip_slices(read_number *get, PARAMS)
{
    const uint8_t *at = p;
    for (uint32_t i = op->n; i > 0; i--) {
        struct avro_number n = get(at, end);
        if (!has_bytes(n.p, end, n.v)) {
            return otherwise(get, ARGS);
        }
        at = n.p + n.v;
    }
    return NEXT(at);
}

INLINE skip_option(read_number *get, PARAMS)
{
    struct avro_number branch = get(p, end);
    if (!branch.p || (uint64_t)branch.v > 1) {
        return otherwise(get, ARGS);
    }
    if (branch.v == op->null_branch) {
        return NEXT(branch.p);
    }
    struct avro_number n = {branch.p, op->n};
    if (op->inner != OP_SKIP_BYTES) {
        n = get(branch.p, end);
        n.v = op->inner == OP_SKIP_LONGS ? 0 : n.v;
    }
    return has_bytes(n.p, end, n.v) ? NEXT(n.p + n.v) : otherwise(get, ARGS);
}

INLINE read_int(read_number *get, PARAMS)
{
    struct avro_number n = get(p, end);
    if (!n.p || n.v != (int32_t)n.v) {
        return otherwise(get, ARGS);
    }
    column(b, op, row)->i[row] = n.v;
    return NEXT(n.p);
}

INLINE read_long(read_number *get, PARAMS)
{
    struct avro_number n = get(p, end);
    if (!n.p) {
        return otherwise(get, ARGS);
    }
    column(b, op, row)->i[row] = n.v;
    return NEXT(n.p);
}

INLINE read_symbol(read_number *get, PARAMS)
{
    struct avro_number n = get(p, end);
    if (!n.p || (uint64_t)n.v >= op->n) {
        return otherwise(get, ARGS);
    }
    if (op->symbol[n.v].n == UINT32_MAX) {
        return fail(op, b, BAD_SYMBOL, x);
    }
    column(b, op, row)->s[row] = op->symbol[n.v];
    return NEXT(n.p);
}

INLINE take_branch(read_number *get, PARAMS)
{
    struct avro_number n = get(p, end);
    if (!n.p || (uint64_t)n.v >= op->n) {
        return otherwise(get, ARGS);
    }
    op += op->target[n.v];
    return op->run(op, n.p, end, x, b, row);
}

static int read_any_string(PARAMS)
{
    struct avro_number n = avro_any_number(p, end);
    if (!has_bytes(n.p, end, n.v)) {
        return fail(op, b, CUT_OFF, x);
    }
    if (op->code == OP_STRING && !avro_is_utf8((const char *)n.p, (size_t)n.v)) {
        return fail(op, b, BAD_UTF8, x);
    }
    column(b, op, row)->s[row] = str_copy(b->mem, n.p, (uint32_t)n.v);
    return NEXT(n.p + n.v);
}

/* Short, ASCII, and 17 bytes to read; anything else the slow way. */
static int run_string(PARAMS)
{
    if (end - p < 17 || *p > 2 * STR_INLINE || (*p & 1)) {
        return read_any_string(ARGS);
    }
    uint64_t n = *p++ / 2, low, high;
    memcpy(&low, p, 8);
    memcpy(&high, p + 8, 8);
    low &= keep[n][0];
    high &= keep[n][1];
    if ((low | high) & ASCII_MASK) {
        return read_any_string(op, p - 1, end, x, b, row);
    }
    struct str *s = &column(b, op, row)->s[row];
    uint64_t first = n | low << 32, second = low >> 32 | high << 32;
    memcpy(s, &first, 8);
    memcpy(s->tail, &second, 8);
    return NEXT(p + n);
}

static int run_skip_longs(PARAMS)
{
    return skip_longs(avro_short_number, ARGS);
}

static int run_skip_slices(PARAMS)
{
    return skip_slices(tiny_number, ARGS);
}

static int run_skip_option(PARAMS)
{
    return skip_option(tiny_number, ARGS);
}

/* The two skips that records have most often, without loop and cases. */
static int run_skip_slice(PARAMS)
{
    if (p >= end || (*p & 0x81) || end - p <= *p >> 1) {
        return run_rare(ARGS);
    }
    return NEXT(p + 1 + (*p >> 1));
}

static int run_skip_optional_slice(PARAMS)
{
    if (p >= end) {
        return run_rare(ARGS);
    }
    if (*p == 2 * op->null_branch) {
        return NEXT(p + 1);
    }
    if (*p != 2 - 2 * op->null_branch || end - p < 2 || (p[1] & 0x81) || end - p - 1 <= p[1] >> 1) {
        return run_rare(ARGS);
    }
    return NEXT(p + 2 + (p[1] >> 1));
}

static int run_int(PARAMS)
{
    return read_int(avro_short_number, ARGS);
}

static int run_long(PARAMS)
{
    return read_long(avro_short_number, ARGS);
}

static int run_symbol(PARAMS)
{
    return read_symbol(tiny_number, ARGS);
}

static int run_branch(PARAMS)
{
    return take_branch(tiny_number, ARGS);
}

__attribute__((noinline)) static int run_rare(PARAMS)
{
    switch (op->code) {
    case OP_SKIP_LONGS:
        return skip_longs(avro_any_number, ARGS);
    case OP_SKIP_SLICES:
        return skip_slices(avro_any_number, ARGS);
    case OP_SKIP_OPTION:
        return skip_option(avro_any_number, ARGS);
    case OP_INT:
        return read_int(avro_any_number, ARGS);
    case OP_LONG:
        return read_long(avro_any_number, ARGS);
    case OP_SYMBOL:
        return read_symbol(avro_any_number, ARGS);
    default:
        return take_branch(avro_any_number, ARGS);
    }
}

/* ---- the others ---- */

static int run_end(PARAMS)
{
    (void)row;
    return p == end ? 0 : fail(op, b, "bytes are left behind the value", x);
}

static int run_skip_bytes(PARAMS)
{
    return has_bytes(p, end, op->n) ? NEXT(p + op->n) : fail(op, b, CUT_OFF, x);
}

static int run_boolean(PARAMS)
{
    if (p == end || *p > 1) {
        return fail(op, b, CUT_OFF, x);
    }
    column(b, op, row)->b[row] = *p;
    return NEXT(p + 1);
}

static int run_float(PARAMS)
{
    float f;
    if (end - p < 4) {
        return fail(op, b, CUT_OFF, x);
    }
    memcpy(&f, p, sizeof f);
    column(b, op, row)->d[row] = (double)f;
    return NEXT(p + 4);
}

static int run_double(PARAMS)
{
    if (end - p < 8) {
        return fail(op, b, CUT_OFF, x);
    }
    memcpy(&column(b, op, row)->d[row], p, sizeof(double));
    return NEXT(p + 8);
}

/* A value or skip by walking: the byte behind it, or NULL with x->why. */
__attribute__((noinline)) static const uint8_t *walk(const struct avro_op *op, const uint8_t *p,
                                                     const uint8_t *end, struct avro_scratch *x,
                                                     struct batch *b, size_t row)
{
    struct avro_in in = {.p = p, .end = end, .fuel = x->fuel, .why = CUT_OFF};
    struct nested_value value = {0};
    int rc = op->code == OP_VALUE ? avro_walk_value(&in, x, op->link, b->col[op->col].type, &value)
                                  : avro_read_skip(&in, op->node, 0);
    if (rc == 0 && op->code == OP_VALUE) {
        store_value(column(b, op, row), (uint16_t)row, &value, b);
    }
    x->fuel = in.fuel;
    x->why = in.why;
    return rc < 0 ? NULL : in.p;
}

static int run_walk(PARAMS)
{
    p = walk(op, p, end, x, b, row);
    return p ? NEXT(p) : fail(op, b, x->why, x);
}

static int run_null(PARAMS)
{
    store_null(&b->col[op->col], (uint16_t)row, b);
    return NEXT(p);
}

static int run_jump(PARAMS)
{
    op += op->n;
    return op->run(op, p, end, x, b, row);
}

static int run_push(PARAMS)
{
    x->datum = p;
    x->datum_end = end;
    end = op->bytes + op->n;
    return NEXT(op->bytes);
}

static int run_pop(PARAMS)
{
    (void)p;
    end = x->datum_end;
    return NEXT(x->datum);
}

static int run_fail(PARAMS)
{
    (void)p, (void)end, (void)row;
    return fail(op, b, op->why, x);
}

avro_run *avro_run_of(const struct avro_op *op)
{
    static avro_run *const runs[] = {
        [OP_END] = run_end,
        [OP_SKIP_BYTES] = run_skip_bytes,
        [OP_SKIP_LONGS] = run_skip_longs,
        [OP_SKIP_SLICES] = run_skip_slices,
        [OP_SKIP_OPTION] = run_skip_option,
        [OP_SKIP_ANY] = run_walk,
        [OP_BOOLEAN] = run_boolean,
        [OP_INT] = run_int,
        [OP_LONG] = run_long,
        [OP_FLOAT] = run_float,
        [OP_DOUBLE] = run_double,
        [OP_STRING] = run_string,
        [OP_BYTES] = read_any_string,
        [OP_SYMBOL] = run_symbol,
        [OP_VALUE] = run_walk,
        [OP_NULL] = run_null,
        [OP_BRANCH] = run_branch,
        [OP_JUMP] = run_jump,
        [OP_PUSH] = run_push,
        [OP_POP] = run_pop,
        [OP_FAIL] = run_fail,
    };
    if (op->code == OP_SKIP_SLICES && op->n == 1) {
        return run_skip_slice;
    }
    if (op->code == OP_SKIP_OPTION && op->inner == OP_SKIP_SLICES) {
        return run_skip_optional_slice;
    }
    return runs[op->code];
}
