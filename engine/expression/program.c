/* Program: from a bound tree to instructions, bottom up.
 *
 *   a and b    r = a; enter; keep r not false; s = b; leave; out = and(r, s)
 *   coalesce   out = new; enter; move out a; keep out null; move out b; …; leave
 *   case       out = new; enter; for each when:  r = when; branch r; move out then; leave
 *              move out else; leave
 *
 * Where the right side of `and`/`or` is harmless the selection is not narrowed: a loop over all
 * rows is faster than a jump. Slots are handed back as soon as their value has been used, and an
 * instruction's result never shares the slot of its operands.
 */
#include "engine/expression/program.h"

#include "engine/vector.h"

#include <assert.h>
#include <string.h>

struct builder {
    struct arena *a;
    struct instruction *code;
    struct value *value;
    uint8_t *slot_width;
    bool *slot_busy;
    uint32_t ncode, code_cap, nvalues, value_cap, nslots, slot_cap;
    uint32_t depth, max_depth;
};

static void *grow(struct arena *a, void *old, uint32_t n, uint32_t *cap, size_t size)
{
    if (n < *cap) {
        return old;
    }
    uint32_t more = *cap > 0 ? *cap * 2 : 16;
    void *p = arena_zalloc(a, more * size);
    if (n > 0) {
        memcpy(p, old, n * size);
    }
    *cap = more;
    return p;
}

static struct instruction *add(struct builder *p, enum op op, uint32_t nargs)
{
    p->code = grow(p->a, p->code, p->ncode, &p->code_cap, sizeof *p->code);
    struct instruction *in = &p->code[p->ncode++];
    uint32_t *arg = nargs > 0 ? arena_zalloc(p->a, nargs * sizeof *arg) : NULL;
    *in = (struct instruction){.op = op, .nargs = nargs, .arg = arg};
    if (op == OP_ENTER || op == OP_BRANCH) {
        p->depth++;
        p->max_depth = p->depth > p->max_depth ? p->depth : p->max_depth;
    } else if (op == OP_LEAVE) {
        p->depth--;
    }
    return in;
}

static struct instruction *add_on(struct builder *p, enum op op, uint32_t value)
{
    struct instruction *in = add(p, op, 1);
    uint32_t *arg = arena_alloc(p->a, sizeof *arg);
    *arg = value;
    in->arg = arg;
    return in;
}

static uint32_t value_new(struct builder *p, struct value v)
{
    p->value = grow(p->a, p->value, p->nvalues, &p->value_cap, sizeof *p->value);
    p->value[p->nvalues] = v;
    return p->nvalues++;
}

static uint32_t slot_new(struct builder *p, uint8_t width)
{
    for (uint32_t k = 0; k < p->nslots; k++) {
        if (!p->slot_busy[k] && p->slot_width[k] == width) {
            p->slot_busy[k] = true;
            return k;
        }
    }
    uint32_t cap = p->slot_cap;
    p->slot_width = grow(p->a, p->slot_width, p->nslots, &cap, 1);
    p->slot_busy = grow(p->a, p->slot_busy, p->nslots, &p->slot_cap, sizeof *p->slot_busy);
    p->slot_width[p->nslots] = width;
    p->slot_busy[p->nslots] = true;
    return p->nslots++;
}

static uint32_t result_new(struct builder *p, const struct type *t)
{
    uint32_t slot = slot_new(p, (uint8_t)vec_width(t));
    return value_new(p, (struct value){.kind = VALUE_SLOT, .type = t, .number = slot});
}

static void release(struct builder *p, uint32_t value)
{
    if (p->value[value].kind != VALUE_COLUMN) {
        p->slot_busy[p->value[value].number] = false;
    }
}

static uint32_t emit(struct builder *p, const struct bound *x);

static uint32_t column_value(struct builder *p, const struct bound *x)
{
    for (uint32_t k = 0; k < p->nvalues; k++) {
        if (p->value[k].kind == VALUE_COLUMN && p->value[k].number == (uint32_t)x->column) {
            return k;
        }
    }
    return value_new(
        p, (struct value){.kind = VALUE_COLUMN, .type = x->type, .number = (uint32_t)x->column});
}

static uint32_t constant_value(struct builder *p, const struct bound *x)
{
    uint32_t slot = slot_new(p, (uint8_t)vec_width(x->type));
    return value_new(
        p, (struct value){
               .kind = VALUE_CONSTANT, .type = x->type, .number = slot, .constant = x->value});
}

static uint32_t emit_call(struct builder *p, const struct function_def *fn, const struct type *type,
                          uint32_t n, const uint32_t *arg)
{
    uint32_t out = result_new(p, type);
    struct instruction *in = add(p, OP_CALL, 0);
    in->fn = fn;
    in->out = out;
    in->nargs = n;
    in->arg = arg;
    return out;
}

static uint32_t emit_function(struct builder *p, const struct bound *x)
{
    uint32_t n = (uint32_t)x->n;
    uint32_t *arg = arena_array(p->a, n > 0 ? n : 1, sizeof *arg);
    for (uint32_t k = 0; k < n; k++) {
        arg[k] = emit(p, x->arg[k]);
    }
    uint32_t out = emit_call(p, x->fn, x->type, n, arg);
    p->code[p->ncode - 1].state = x->state;
    p->code[p->ncode - 1].is_quiet = x->kind == BOUND_TRY;
    for (uint32_t k = 0; k < n; k++) {
        release(p, arg[k]);
    }
    return out;
}

static uint32_t emit_logic(struct builder *p, const struct bound *x)
{
    uint32_t *arg = arena_array(p->a, 2, sizeof *arg);
    arg[0] = emit(p, x->arg[0]);
    if (x->arg[1]->is_harmless) {
        arg[1] = emit(p, x->arg[1]);
    } else {
        add(p, OP_ENTER, 0);
        uint32_t at = p->ncode;
        add_on(p, OP_KEEP, arg[0])->keep = x->kind == BOUND_AND ? KEEP_NOT_FALSE : KEEP_NOT_TRUE;
        arg[1] = emit(p, x->arg[1]);
        p->code[at].skip = p->ncode;
        add(p, OP_LEAVE, 0);
    }
    uint32_t out = emit_call(p, x->fn, x->type, 2, arg);
    release(p, arg[0]);
    release(p, arg[1]);
    return out;
}

static void emit_move(struct builder *p, uint32_t out, const struct bound *x)
{
    uint32_t from = emit(p, x);
    add_on(p, OP_MOVE, from)->out = out;
    release(p, from);
}

static uint32_t emit_coalesce(struct builder *p, const struct bound *x)
{
    uint32_t out = result_new(p, x->type);
    uint32_t begin = p->ncode;
    add(p, OP_NEW, 0)->out = out;
    add(p, OP_ENTER, 0);
    for (int k = 0; k < x->n; k++) {
        emit_move(p, out, x->arg[k]);
        if (k + 1 < x->n) {
            add_on(p, OP_KEEP, out)->keep = KEEP_NULL;
        }
    }
    for (uint32_t k = begin; k < p->ncode; k++) {
        bool is_ours = p->code[k].op == OP_KEEP && p->code[k].arg[0] == out;
        p->code[k].skip = is_ours ? p->ncode : p->code[k].skip;
    }
    add(p, OP_LEAVE, 0);
    return out;
}

/* Condition k of a case: the boolean itself, or operand = value. */
static uint32_t emit_condition(struct builder *p, const struct bound *x, uint32_t operand, int k)
{
    uint32_t when = emit(p, x->arg[k]);
    if (x->arg[0] == NULL) {
        return when;
    }
    uint32_t *arg = arena_array(p->a, 2, sizeof *arg);
    arg[0] = operand;
    arg[1] = when;
    uint32_t is_equal = emit_call(p, x->fn, &type_boolean, 2, arg);
    release(p, when);
    return is_equal;
}

static uint32_t emit_case(struct builder *p, const struct bound *x)
{
    uint32_t operand = x->arg[0] != NULL ? emit(p, x->arg[0]) : 0;
    uint32_t out = result_new(p, x->type);
    add(p, OP_NEW, 0)->out = out;
    add(p, OP_ENTER, 0);
    uint32_t pairs = (uint32_t)(x->n - 2) / 2;
    uint32_t *leaves = arena_array(p->a, pairs, sizeof *leaves);
    for (uint32_t k = 0; k < pairs; k++) {
        uint32_t when = emit_condition(p, x, operand, (int)(1 + 2 * k));
        uint32_t at = p->ncode;
        add_on(p, OP_BRANCH, when);
        release(p, when);
        emit_move(p, out, x->arg[2 + 2 * k]);
        p->code[at].skip = leaves[k] = p->ncode;
        add(p, OP_LEAVE, 0);
    }
    emit_move(p, out, x->arg[x->n - 1]);
    for (uint32_t k = 0; k < pairs; k++) {
        p->code[leaves[k]].skip = p->ncode;
    }
    add(p, OP_LEAVE, 0);
    if (x->arg[0] != NULL) {
        release(p, operand);
    }
    return out;
}

static uint32_t emit_between(struct builder *p, const struct bound *x)
{
    uint32_t *low = arena_array(p->a, 2, sizeof *low);
    uint32_t *high = arena_array(p->a, 2, sizeof *high);
    uint32_t *both = arena_array(p->a, 2, sizeof *both);
    low[0] = high[0] = emit(p, x->arg[0]);
    low[1] = emit(p, x->arg[1]);
    high[1] = emit(p, x->arg[2]);
    both[0] = emit_call(p, x->fn, &type_boolean, 2, low);
    both[1] = emit_call(p, x->fn2, &type_boolean, 2, high);
    uint32_t out = emit_call(p, x->fn3, &type_boolean, 2, both);
    release(p, low[0]);
    release(p, low[1]);
    release(p, high[1]);
    release(p, both[0]);
    release(p, both[1]);
    return out;
}

static uint32_t emit(struct builder *p, const struct bound *x)
{
    switch (x->kind) {
    case BOUND_CONSTANT:
        return constant_value(p, x);
    case BOUND_COLUMN:
        return column_value(p, x);
    case BOUND_CALL:
    case BOUND_TRY:
        return emit_function(p, x);
    case BOUND_AND:
    case BOUND_OR:
        return emit_logic(p, x);
    case BOUND_CASE:
        return emit_case(p, x);
    case BOUND_COALESCE:
        return emit_coalesce(p, x);
    case BOUND_BETWEEN:
        return emit_between(p, x);
    }
    assert(false);
    return 0;
}

const struct program *program_build(struct arena *a, const struct bound *x)
{
    struct builder b = {.a = a};
    uint32_t result = emit(&b, x);
    assert(b.depth == 0);
    struct program *p = arena_alloc(a, sizeof *p);
    *p = (struct program){.code = b.code,
                          .value = b.value,
                          .n = b.ncode,
                          .nvalues = b.nvalues,
                          .nslots = b.nslots,
                          .slot_width = b.slot_width,
                          .depth = b.max_depth,
                          .result = result};
    return p;
}
