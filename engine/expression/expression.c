/* Expression: the door to lexer, parser, binder, program and evaluator; filters; select lists. */
#include "engine/expression/expression.h"

#include "engine/expression/bound.h"
#include "engine/expression/kernel.h"
#include "engine/expression/lexer.h"
#include "engine/expression/program.h"
#include "engine/expression/tree.h"
#include "engine/vector.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3")
#endif

/* ---- compiling ---- */

int expression_compile_hosted(const struct expression **out, struct arena *a,
                              const struct config_text *text, const struct schema *outer,
                              const struct schema *inner, const struct expression_host *host,
                              struct diags *d)
{
    struct source source = {text, d};
    struct arena scratch; /* tokens and tree */
    arena_init(&scratch);
    struct binding b = {.a = a, .source = &source, .schema = outer, .inner = inner, .host = host};
    const struct node *tree = parser_read(&scratch, &source);
    *out = tree != NULL ? binder_bind(&b, tree) : NULL;
    arena_done(&scratch);
    return *out != NULL ? 0 : -ERR_CONFIG;
}

int expression_compile(const struct expression **out, struct arena *a,
                       const struct config_text *text, const struct schema *in, struct diags *d)
{
    return expression_compile_hosted(out, a, text, in, NULL, NULL, d);
}

const struct type *expression_type(const struct expression *x)
{
    return x->type;
}

bool expression_nullable(const struct expression *x)
{
    return x->nullable;
}

void expression_needs(const struct expression *x, bool *needs)
{
    for (uint16_t c = 0; c < x->ncolumns; c++) {
        if (x->needs[c]) {
            needs[c] = true;
        }
    }
}

int expression_column(const struct expression *x)
{
    return x->column;
}

bool expression_constant(const struct expression *x, struct nested_value *v)
{
    if (x->is_constant) {
        *v = x->value;
    }
    return x->is_constant;
}

const struct nested_value *constant_argument(const struct expression *x, struct nested_value *v)
{
    return expression_constant(x, v) && !v->is_null ? v : NULL;
}

/* ---- printing ---- */

void expression_layout(struct buffer *b, const struct expression *x)
{
    buffer_text(b, x->text);
    buffer_byte(b, ':');
    type_print(b, x->type);
}

static void print_value(struct buffer *b, const struct program *p, uint32_t k)
{
    const struct value *v = &p->value[k];
    if (v->kind == VALUE_COLUMN) {
        buffer_printf(b, " c%" PRIu32, v->number);
    } else if (v->kind == VALUE_SLOT) {
        buffer_printf(b, " r%" PRIu32, v->number);
    } else if (v->type->kind == TYPE_STRING && !v->constant.is_null) {
        buffer_printf(b, " '%.*s'", (int)(v->constant.s.n > 60 ? 60 : v->constant.s.n),
                      v->constant.s.p);
    } else {
        buffer_byte(b, ' ');
        nested_print(b, v->type, &v->constant);
    }
}

static const char *instruction_name(const struct instruction *in)
{
    static const char *const keeps[] = {"keep-not-false", "keep-not-true", "keep-null"};
    static const char *const names[] = {"", "new", "move", "enter", "keep", "branch", "leave"};
    if (in->op == OP_CALL) {
        return in->fn->name;
    }
    return in->op == OP_KEEP ? keeps[in->keep] : names[in->op];
}

void expression_print(struct buffer *b, const struct expression *x)
{
    const struct program *p = x->program;
    for (uint32_t k = 0; k < p->n; k++) {
        const struct instruction *in = &p->code[k];
        buffer_text(b, instruction_name(in));
        if (in->op == OP_CALL || in->op == OP_NEW || in->op == OP_MOVE) {
            print_value(b, p, in->out);
        }
        for (uint32_t i = 0; i < in->nargs; i++) {
            print_value(b, p, in->arg[i]);
        }
        if (in->op == OP_KEEP || in->op == OP_BRANCH) {
            buffer_printf(b, " else %" PRIu32, in->skip + 1);
        }
        buffer_byte(b, '\n');
    }
    buffer_text(b, "result");
    print_value(b, p, p->result);
    buffer_byte(b, '\n');
}

/* ---- running ---- */

int expression_eval(const struct expression *x, const struct batch *b, struct vec *out,
                    struct row_errors *errors)
{
    program_run(x->program, b, out, errors);
    return 0;
}

int expression_filter(const struct expression *x, const struct batch *b, uint16_t *sel,
                      uint16_t *nsel, struct row_errors *errors)
{
    assert(x->type->kind == TYPE_BOOLEAN);
    struct vec v;
    program_run(x->program, b, &v, errors);
    uint32_t n = 0; /* null rows hold 0 */
    if (b->sel == NULL) {
        for (uint32_t row = 0; row < b->rows; row++) {
            sel[n] = (uint16_t)row;
            n += v.b[row] != 0;
        }
    } else {
        for (uint16_t k = 0; k < b->nsel; k++) {
            sel[n] = b->sel[k];
            n += v.b[b->sel[k]] != 0;
        }
    }
    *nsel = (uint16_t)n;
    return 0;
}
