/* From links and shapes to a flat plan.
 *
 *   writer  {host: string, metric: string, ts: long, value: double, unit: ["null", string]}
 *   needed  host, ts, value
 *   plan    string 0 / skip 1 slices / long 1 / double 2 / skip option / end
 *
 * A union becomes a branch with one section per writer's branch, each ending in a jump behind the
 * last one; null branches set the columns below to null. Fields that the writer lacks are read from
 * the reader's default bytes (push, section, pop) at the end of their record. What resolution
 * cannot read becomes a `fail` where the data would be met: an unused field, or an unused branch,
 * fails nobody. Skips in a row become one operation. Records flatten into the same line; what else
 * nests is one `value` operation that walks (avro_walk.c).
 */
#include "schemas/avro_plan.h"

#include "engine/memory.h"

#include <string.h>

#define INLINE_DEPTH 2 /* records to skip are opened up this deeply */

struct compiler {
    struct arena *a;
    struct avro_op *op;
    uint32_t n, cap;
    uint32_t barrier; /* a jump lands here: what follows is not merged with what stands before */
    bool is_too_long;
};

static const struct {
    const char *name;
    bool has_column, has_count;
} codes[] = {
    [OP_END] = {"end", false, false},
    [OP_SKIP_BYTES] = {"skip bytes", false, true},
    [OP_SKIP_LONGS] = {"skip longs", false, true},
    [OP_SKIP_SLICES] = {"skip slices", false, true},
    [OP_SKIP_OPTION] = {"skip option", false, false},
    [OP_SKIP_ANY] = {"skip any", false, false},
    [OP_BOOLEAN] = {"boolean", true, false},
    [OP_INT] = {"int", true, false},
    [OP_LONG] = {"long", true, false},
    [OP_FLOAT] = {"float", true, false},
    [OP_DOUBLE] = {"double", true, false},
    [OP_STRING] = {"string", true, false},
    [OP_BYTES] = {"bytes", true, false},
    [OP_SYMBOL] = {"symbol", true, false},
    [OP_VALUE] = {"value", true, false},
    [OP_NULL] = {"null", true, false},
    [OP_BRANCH] = {"branch", false, true},
    [OP_JUMP] = {"jump", false, true},
    [OP_PUSH] = {"push", false, true},
    [OP_POP] = {"pop", false, false},
    [OP_FAIL] = {"fail", false, false},
};

static void compile(struct compiler *z, const struct avro_link *l, const struct avro_shape *s);

static struct avro_op *emit(struct compiler *z, enum avro_code code)
{
    if (z->n == AVRO_OPS_MAX) {
        z->is_too_long = true;
        z->n = 0;
        z->barrier = 0;
    }
    if (z->n == z->cap) {
        z->cap = z->cap ? 2 * z->cap : 32;
        z->op = mem_resize(z->op, z->cap, sizeof *z->op);
    }
    struct avro_op *op = &z->op[z->n++];
    *op = (struct avro_op){.code = (uint8_t)code};
    return op;
}

static void emit_count(struct compiler *z, enum avro_code code, uint32_t n)
{
    struct avro_op *last = z->n > z->barrier ? &z->op[z->n - 1] : NULL;
    if (last && last->code == code && last->n <= INT32_MAX && n <= INT32_MAX) {
        last->n += n;
    } else {
        emit(z, code)->n = n;
    }
}

/* How a scalar is skipped, or OP_END; *n is its count. */
static enum avro_code skip_code(const struct avro_node *w, uint32_t *n)
{
    *n = 1;
    switch (w->type) {
    case AV_INT:
    case AV_LONG:
    case AV_ENUM:
        return OP_SKIP_LONGS;
    case AV_STRING:
    case AV_BYTES:
        return OP_SKIP_SLICES;
    case AV_BOOLEAN:
    case AV_FLOAT:
    case AV_DOUBLE:
    case AV_FIXED:
        *n = w->type == AV_FIXED     ? w->size
             : w->type == AV_BOOLEAN ? 1
             : w->type == AV_FLOAT   ? 4
                                     : 8;
        return OP_SKIP_BYTES;
    case AV_NULL:
    case AV_RECORD:
    case AV_ARRAY:
    case AV_MAP:
    case AV_UNION:
        break;
    }
    return OP_END;
}

static bool emit_skip_option(struct compiler *z, const struct avro_node *w)
{
    if (w->type != AV_UNION || w->n != 2) {
        return false;
    }
    uint32_t null = w->branch[0]->type == AV_NULL ? 0 : 1, n;
    enum avro_code inner = skip_code(w->branch[1 - null], &n);
    if (w->branch[null]->type != AV_NULL || inner == OP_END) {
        return false;
    }
    struct avro_op *op = emit(z, OP_SKIP_OPTION);
    op->null_branch = null;
    op->inner = (uint8_t)inner;
    op->n = n;
    return true;
}

static void emit_skip(struct compiler *z, const struct avro_node *w, int depth)
{
    uint32_t n;
    enum avro_code code = skip_code(w, &n);
    if (code != OP_END) {
        emit_count(z, code, n);
    } else if (w->type == AV_RECORD && depth < INLINE_DEPTH && w->n < 64) {
        for (uint32_t i = 0; i < w->n; i++) {
            emit_skip(z, w->field[i].type, depth + 1);
        }
    } else if (w->type != AV_NULL && !emit_skip_option(z, w)) {
        emit(z, OP_SKIP_ANY)->node = w;
    }
}

static void emit_null(struct compiler *z, const struct avro_shape *s)
{
    if (s->is_leaf && s->target >= 0) {
        emit(z, OP_NULL)->col = (uint16_t)s->target;
    }
    for (uint32_t i = 0; i < s->nfields; i++) {
        if (s->field[i].is_needed) {
            emit_null(z, &s->field[i]);
        }
    }
}

static void emit_fail(struct compiler *z, const char *why, const struct avro_shape *s)
{
    emit(z, OP_FAIL)->why =
        s->name[0] ? arena_printf(z->a, "%s: %s", s->name, why) : arena_strdup(z->a, why);
}

static const struct str *symbols_of(struct compiler *z, const struct avro_link *l)
{
    struct str *symbol = arena_array(z->a, l->n + 1, sizeof *symbol);
    for (uint32_t i = 0; i < l->n; i++) {
        const char *text = l->to[i] < 0 ? "" : l->r->symbol[l->to[i]];
        symbol[i] = str_ref(text, (uint32_t)strlen(text));
        symbol[i].n = l->to[i] < 0 ? UINT32_MAX : symbol[i].n;
    }
    return symbol;
}

/* The operation that reads a value by this link into a column of type t. */
static enum avro_code leaf_code(const struct avro_link *l, const struct type *t)
{
    const struct avro_node *w = l->w, *r = l->r;
    bool is_plain = w->logical == r->logical || w->logical == AV_PLAIN;
    bool is_ms = r->logical != AV_TIMESTAMP_MICROS && r->logical != AV_LOCAL_TIMESTAMP_MICROS;
    if (l->kind == AV_SYMBOLS && t->kind == TYPE_STRING) {
        return OP_SYMBOL;
    }
    if (l->kind != AV_SCALAR || avro_basic_type(r) == NULL) {
        return OP_VALUE;
    }
    if (w->type == AV_BOOLEAN && t->kind == TYPE_BOOLEAN) {
        return OP_BOOLEAN;
    }
    if (w->type == AV_INT && t->kind == TYPE_LONG && is_plain && r->type <= AV_LONG) {
        return r->logical == AV_TIME_MICROS && w->logical == AV_TIME_MILLIS ? OP_VALUE : OP_INT;
    }
    if (w->type == AV_LONG && (t->kind == TYPE_LONG || t->kind == TYPE_TIMESTAMP) && is_plain &&
        is_ms && r->type == AV_LONG) {
        return OP_LONG;
    }
    if (w->type == AV_FLOAT && t->kind == TYPE_DOUBLE) {
        return OP_FLOAT;
    }
    if (w->type == AV_DOUBLE && t->kind == TYPE_DOUBLE) {
        return OP_DOUBLE;
    }
    if ((w->type == AV_STRING || w->type == AV_BYTES) && t->kind == TYPE_STRING) {
        return OP_STRING;
    }
    return (w->type == AV_STRING || w->type == AV_BYTES) && t->kind == TYPE_BYTES ? OP_BYTES
                                                                                  : OP_VALUE;
}

static void compile_leaf(struct compiler *z, const struct avro_link *l, const struct avro_shape *s)
{
    bool is_text = avro_is_text(s->node, s->type);
    const struct avro_link *value = l;
    if (l->kind == AV_READER_UNION) {
        value = l->of[0];
    }
    if (value->kind == AV_FAIL) {
        emit_fail(z, value->why, s);
        return;
    }
    if (value->w->type == AV_NULL) {
        emit_null(z, s);
        return;
    }
    enum avro_code code = is_text ? OP_VALUE : leaf_code(value, s->type);
    struct avro_op *op = emit(z, code);
    op->col = (uint16_t)s->target;
    op->at = op->col * sizeof(struct vec);
    if (code == OP_SYMBOL) {
        op->n = value->n;
        op->symbol = symbols_of(z, value);
    } else if (code == OP_VALUE) {
        op->link = l;
    }
}

static void compile_union(struct compiler *z, const struct avro_link *l, const struct avro_shape *s)
{
    uint32_t n = l->n;
    uint32_t *target = arena_array(z->a, n, sizeof *target);
    uint32_t *jump = mem_array(n, sizeof *jump);
    uint32_t branch = z->n;
    struct avro_op *op = emit(z, OP_BRANCH);
    op->n = n;
    op->target = target;
    for (uint32_t i = 0; i < n && !z->is_too_long; i++) {
        z->barrier = z->n;
        target[i] = z->n - branch;
        compile(z, l->of[i], s);
        jump[i] = z->n;
        emit(z, OP_JUMP);
    }
    for (uint32_t i = 0; i < n && !z->is_too_long; i++) {
        z->op[jump[i]].n = z->n - jump[i];
    }
    z->barrier = z->n;
    mem_free(jump);
}

static void compile_record(struct compiler *z, const struct avro_link *l,
                           const struct avro_shape *s)
{
    for (uint32_t i = 0; i < l->n && !z->is_too_long; i++) {
        const struct avro_shape *field = l->to[i] >= 0 ? &s->field[l->to[i]] : NULL;
        if (field && field->is_needed) {
            compile(z, l->of[i], field);
        } else {
            emit_skip(z, l->w->field[i].type, 0);
        }
    }
    for (uint32_t i = 0; i < l->nabsent && !z->is_too_long; i++) {
        uint32_t k = l->absent[i].field;
        const struct avro_field *f = &l->r->field[k];
        if (!s->field[k].is_needed) {
            continue;
        }
        if (!f->bytes) {
            emit_fail(z, l->absent[i].link->why, &s->field[k]);
            continue;
        }
        struct avro_op *op = emit(z, OP_PUSH);
        op->bytes = f->bytes;
        op->n = f->nbytes;
        compile(z, l->absent[i].link, &s->field[k]);
        emit(z, OP_POP);
    }
}

static void compile(struct compiler *z, const struct avro_link *l, const struct avro_shape *s)
{
    if (z->is_too_long) {
        return;
    }
    if (!s->is_needed) {
        emit_skip(z, l->w, 0);
    } else if (l->kind == AV_WRITER_UNION) {
        compile_union(z, l, s);
    } else if (s->is_leaf) {
        compile_leaf(z, l, s);
    } else {
        l = l->kind == AV_READER_UNION ? l->of[0] : l;
        if (l->kind == AV_FIELDS) {
            compile_record(z, l, s);
        } else if (l->kind == AV_FAIL) {
            emit_fail(z, l->why, s);
        } else {
            emit_null(z, s);
        }
    }
}

static bool mark_needed(struct avro_shape *s)
{
    s->is_needed = s->is_leaf && s->target >= 0;
    for (uint32_t i = 0; i < s->nfields; i++) {
        s->is_needed |= mark_needed(&s->field[i]);
    }
    return s->is_needed;
}

struct avro_plan *avro_plan_compile(struct arena *a, const struct avro_link *link,
                                    struct avro_shape *shape)
{
    struct compiler z = {.a = a};
    mark_needed(shape);
    compile(&z, link, shape);
    emit(&z, OP_END);
    struct avro_plan *p = NULL;
    if (!z.is_too_long) {
        p = arena_alloc(a, sizeof *p);
        p->n = z.n;
        p->op = arena_array(a, z.n, sizeof *p->op);
        memcpy(p->op, z.op, z.n * sizeof *p->op);
        for (uint32_t i = 0; i < z.n; i++) {
            p->op[i].run = avro_run_of(&p->op[i]);
        }
    }
    mem_free(z.op);
    return p;
}

void avro_plan_print(struct buffer *b, const struct avro_plan *p)
{
    for (uint32_t i = 0; i < p->n; i++) {
        const struct avro_op *op = &p->op[i];
        buffer_text(b, codes[op->code].name);
        if (codes[op->code].has_column) {
            buffer_printf(b, " %u", op->col);
        }
        if (codes[op->code].has_count) {
            buffer_printf(b, " %u", op->code == OP_JUMP ? i + op->n : op->n);
        }
        for (uint32_t k = 0; op->code == OP_BRANCH && k < op->n; k++) {
            buffer_printf(b, "%s%u", k ? " " : ": ", i + op->target[k]);
        }
        buffer_text(b, op->code == OP_FAIL ? " " : "");
        buffer_text(b, op->code == OP_FAIL ? op->why : "");
        buffer_byte(b, '\n');
    }
}
