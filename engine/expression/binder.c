/* Binder: names to columns, calls and operators to kernels, types to everything; constants folded.
 *
 *   column     the longest name with dots that is a column; behind it fields of records
 *   operator   a function named by its symbol: one rule (signature.c) for both
 *   null       a literal without a type until something beside it has one
 *   long       becomes a double next to a double; nothing else is converted unasked
 *   fold       a call whose arguments are constants is run here, once, on one row; when that fails
 *              the call stays, for it may stand where no row gets to
 *
 * Both sides of an operator are bound before giving up, so that one pass reports all problems.
 */
#include "engine/expression/binder.h"
#include "engine/expression/program.h"
#include "engine/vector.h"

#include <assert.h>
#include <string.h>

struct bound *binder_new(struct binding *b, enum bound_kind kind, const struct type *type, int n)
{
    struct bound *x = arena_zalloc(b->a, sizeof *x);
    x->kind = kind;
    x->type = type;
    x->n = n;
    x->arg = n > 0 ? arena_zalloc(b->a, (size_t)n * sizeof *x->arg) : NULL;
    return x;
}

static struct bound *constant(struct binding *b, const struct type *type, struct nested_value v)
{
    struct bound *x = binder_new(b, BOUND_CONSTANT, type, 0);
    x->value = v;
    x->nullable = v.is_null;
    x->is_harmless = true;
    return x;
}

struct bound *binder_null(struct binding *b, const struct type *type)
{
    return constant(b, type, (struct nested_value){.is_null = true});
}

struct bound *binder_fail(struct binding *b, const struct node *x, const char *text)
{
    source_error(b->source, x->pos, "%s", text);
    return NULL;
}

/* ---- constants ---- */

static struct nested_value value_of(struct arena *a, const struct vec *v)
{
    struct nested_value x = {.is_null = vec_is_null(v, 0)};
    if (x.is_null) {
        return x;
    }
    if (type_is_str(v->type)) {
        x.s.n = v->s[0].n;
        x.s.p = arena_strndup(a, str_data(&v->s[0]), x.s.n);
    } else if (v->type->kind == TYPE_BOOLEAN) {
        x.i = v->b[0];
    } else {
        x.i = v->i[0];
    }
    return x;
}

/* Functions without arguments (now) are not constant. */
static bool is_foldable(const struct bound *x)
{
    for (int k = 0; k < x->n; k++) {
        if (x->arg[k] != NULL && x->arg[k]->kind != BOUND_CONSTANT) {
            return false;
        }
    }
    return x->n > 0;
}

struct bound *binder_fold(struct binding *b, struct bound *x)
{
    if (!is_foldable(x)) {
        return x;
    }
    struct arena scratch;
    arena_init(&scratch);
    struct batch one = {.rows = 1, .nsel = 1, .mem = &scratch};
    struct row_errors errors = {0};
    struct vec v;
    program_run(program_build(&scratch, x), &one, &v, &errors);
    struct bound *folded = x;
    if (errors.n == 0) {
        folded = constant(b, x->type, value_of(b->a, &v));
    }
    arena_done(&scratch);
    return folded;
}

/* ---- calls ---- */

struct bound *binder_coerce(struct binding *b, const struct node *at, struct bound *x,
                            const struct type *to)
{
    if (x->type == NULL) {
        return binder_null(b, to);
    }
    if (to == NULL || type_equal(x->type, to)) {
        return x;
    }
    assert(to->kind == TYPE_DOUBLE && x->type->kind == TYPE_LONG);
    const struct type *common;
    const struct function_def *fn = signature_find("cast double", 1, &x, &common);
    return binder_call_of(b, at, fn, 1, &x, common);
}

static const struct type *parameter_type(const struct bound *arg, char letter,
                                         const struct type *common)
{
    if (letter == '*') {
        return common != NULL ? common : &type_long;
    }
    const struct type *t = signature_type(letter);
    return t != NULL ? t : arg->type;
}

static const struct type *result_type(struct binding *b, const struct function_def *fn,
                                      struct bound *const *arg, const struct type *common)
{
    switch (fn->result) {
    case '=':
        return common;
    case 'e':
        return arg[0]->type->of;
    case 'S':
        return type_array(b->a, &type_string);
    default:
        return signature_type(fn->result);
    }
}

static bool result_nullable(const struct function_def *fn, int n, struct bound *const *arg)
{
    bool any = false, all = n > 0;
    for (int k = 0; k < n; k++) {
        any = any || arg[k]->nullable;
        all = all && arg[k]->nullable;
    }
    switch (fn->nulls) {
    case NULL_IF_ANY:
        return any;
    case NULL_IF_ALL:
        return all;
    case NULL_NEVER:
        return false;
    case NULL_MORE:
    case NULL_OWN:
        break;
    }
    return true;
}

static struct expression *expression_of(struct binding *b, const struct bound *x)
{
    struct expression *e = arena_zalloc(b->a, sizeof *e);
    e->type = x->type;
    e->nullable = x->nullable;
    e->is_constant = x->kind == BOUND_CONSTANT;
    e->column = x->kind == BOUND_COLUMN ? x->column : -1;
    e->value = x->value;
    return e;
}

static void mark_needs(const struct bound *x, bool *needs)
{
    if (x->kind == BOUND_COLUMN) {
        needs[x->column] = true;
    }
    for (int k = 0; k < x->n; k++) {
        if (x->arg[k] != NULL) {
            mark_needs(x->arg[k], needs);
        }
    }
}

/* The whole of it: program, columns and text. */
static struct expression *compiled(struct binding *b, const struct bound *x,
                                   const struct node *tree)
{
    struct expression *e = expression_of(b, x);
    struct buffer text;
    buffer_init(&text);
    tree_print(&text, tree);
    e->text = arena_strndup(b->a, text.data, text.n);
    buffer_done(&text);
    e->program = program_build(b->a, x);
    e->ncolumns = (uint16_t)(b->schema->n + b->host_calls);
    e->needs = arena_zalloc(b->a, (size_t)e->ncolumns + 1);
    mark_needs(x, e->needs);
    return e;
}

/* The function's own look at its arguments. */
static bool prepare(struct binding *b, const struct node *at, struct bound *x)
{
    if (x->fn->prepare == NULL) {
        return true;
    }
    const struct expression **arg = arena_array(b->a, (size_t)x->n + 1, sizeof *arg);
    for (int k = 0; k < x->n; k++) {
        arg[k] = expression_of(b, x->arg[k]);
    }
    struct err e = {0};
    if (x->fn->prepare(&x->state, b->a, x->n, arg, &e) < 0) {
        source_error(b->source, at->pos, "%s", e.text);
        return false;
    }
    return true;
}

struct bound *binder_call_of(struct binding *b, const struct node *at,
                             const struct function_def *fn, int n, struct bound **arg,
                             const struct type *common)
{
    struct bound *x = binder_new(b, BOUND_CALL, result_type(b, fn, arg, common), n);
    if (fn->result == '=' && common == NULL) {
        return binder_null(b, NULL);
    }
    x->fn = fn;
    x->is_harmless = fn->is_harmless;
    for (int k = 0; k < n; k++) {
        const struct type *to = parameter_type(arg[k], signature_letter(fn, k), common);
        x->arg[k] = binder_coerce(b, at, arg[k], to);
        x->is_harmless = x->is_harmless && x->arg[k]->is_harmless;
    }
    x->nullable = result_nullable(fn, n, x->arg);
    return prepare(b, at, x) ? binder_fold(b, x) : NULL;
}

const char *binder_types(struct binding *b, int n, struct bound *const *arg)
{
    struct buffer t;
    buffer_init(&t);
    buffer_byte(&t, '(');
    for (int k = 0; k < n && t.n < 300; k++) {
        buffer_text(&t, k > 0 ? ", " : "");
        buffer_text(&t, type_text(b->a, arg[k]->type));
    }
    buffer_byte(&t, ')');
    const char *text = arena_strndup(b->a, t.data, t.n);
    buffer_done(&t);
    return text;
}

struct bound *binder_call(struct binding *b, const struct node *at, const char *name,
                          const char *shown, int n, struct bound **arg)
{
    const struct type *common;
    const struct function_def *fn = signature_find(name, n, arg, &common);
    if (fn != NULL) {
        return binder_call_of(b, at, fn, n, arg, common);
    }
    return binder_misfit(b, at, name, shown, n, arg);
}

/* Binds all children; NULL ones stay NULL. False when one failed. */
static bool bind_children(struct binding *b, const struct node *x, struct bound **arg)
{
    bool ok = true;
    for (int k = 0; k < x->n; k++) {
        arg[k] = x->child[k] != NULL ? binder_node(b, x->child[k]) : NULL;
        ok = ok && (arg[k] != NULL || x->child[k] == NULL);
    }
    return ok;
}

struct bound **binder_children(struct binding *b, const struct node *x)
{
    struct bound **arg = arena_array(b->a, (size_t)x->n + 1, sizeof *arg);
    return bind_children(b, x, arg) ? arg : NULL;
}

struct bound *binder_negate(struct binding *b, const struct node *at, struct bound *x)
{
    return x == NULL || !at->negated ? x : binder_call(b, at, "not _", "not", 1, &x);
}

/* ---- columns ---- */

static struct bound *column_of(struct binding *b, int c)
{
    struct bound *x = binder_new(b, BOUND_COLUMN, b->schema->col[c].type, 0);
    x->column = c;
    x->nullable = b->schema->col[c].nullable;
    x->is_harmless = true;
    return x;
}

static struct bound *field_of(struct binding *b, const struct node *at, struct bound *x,
                              const char *name)
{
    if (x->type == NULL || x->type->kind != TYPE_RECORD) {
        source_error(b->source, at->pos, "'.%s' needs a record, found %s", name,
                     type_text(b->a, x->type));
        return NULL;
    }
    const char **names = arena_array(b->a, (size_t)x->type->nfields + 1, sizeof *names);
    uint16_t k = 0;
    while (k < x->type->nfields && strcmp(x->type->field[k].name, name) != 0) {
        names[k] = x->type->field[k].name;
        k++;
    }
    names[k] = NULL;
    if (k == x->type->nfields) {
        const char *nearest = nearest_name(name, names);
        source_error(b->source, at->pos, "there is no field '%s' in %s%s%s%s", name,
                     type_text(b->a, x->type), nearest != NULL ? "; did you mean '" : "",
                     nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "");
        return NULL;
    }
    const struct type *common;
    struct bound *f = binder_new(b, BOUND_CALL, x->type->field[k].type, 1);
    f->fn = signature_find("record field", 1, &x, &common);
    f->arg[0] = x;
    f->nullable = true;
    uint16_t *state = arena_alloc(b->a, sizeof *state);
    *state = k;
    f->state = state;
    return f;
}

static struct bound *bind_column(struct binding *b, const struct node *x)
{
    int c = schema_find(b->schema, x->name);
    if (c < 0) {
        return binder_unknown_column(b, x);
    }
    return column_of(b, c);
}

static struct bound *bind_field(struct binding *b, const struct node *x)
{
    struct bound *of = binder_node(b, x->child[0]);
    return of != NULL ? field_of(b, x, of, x->name) : NULL;
}

/* ---- function calls ---- */

static bool is_host_name(const struct binding *b, const char *name)
{
    for (int k = 0; b->host != NULL && b->host->names[k] != NULL; k++) {
        if (strcmp(b->host->names[k], name) == 0) {
            return true;
        }
    }
    return false;
}

static struct expression *argument_of(struct binding *inner, const struct node *x)
{
    struct bound *y = binder_node(inner, x);
    if (y == NULL) {
        return NULL;
    }
    if (y->type == NULL) {
        binder_fail(inner, x, "the type of this null is not known: write cast(null as TYPE)");
        return NULL;
    }
    return compiled(inner, y, x);
}

static struct bound *bind_host_call(struct binding *b, const struct node *x)
{
    struct binding inner = {.a = b->a, .source = b->source, .schema = b->inner};
    const struct expression **arg = arena_array(b->a, (size_t)x->n + 1, sizeof *arg);
    bool ok = true;
    for (int k = 0; k < x->n; k++) {
        arg[k] = argument_of(&inner, x->child[k]);
        ok = ok && arg[k] != NULL;
    }
    if (!ok) {
        return NULL;
    }
    struct place at = b->source->text->at;
    at.column += b->source->text->in_place ? x->pos : 0;
    struct expression_call call = {
        .name = arena_strdup(b->a, x->name), .nargs = x->n, .arg = arg, .at = at};
    const struct type *type = NULL;
    bool nullable = true;
    struct err e = {0};
    int rc = b->host->bind(b->host->ctx, &call, &type, &nullable, &e);
    if (rc < 0) {
        source_error(b->source, x->pos, "%s", e.text);
        return NULL;
    }
    if (rc == 0) {
        return binder_unknown_function(b, x);
    }
    struct bound *y = binder_new(b, BOUND_COLUMN, type, 0);
    y->column = b->schema->n + b->host_calls++;
    y->nullable = nullable;
    y->is_harmless = true;
    return y;
}

static struct bound *bind_call(struct binding *b, const struct node *x)
{
    if (strcmp(x->name, "coalesce") == 0) {
        return binder_coalesce(b, x);
    }
    if (strcmp(x->name, "if") == 0) {
        return binder_if(b, x);
    }
    if (signature_knows(x->name)) {
        struct bound **arg = binder_children(b, x);
        const char *shown = arena_printf(b->a, "%s()", x->name);
        return arg != NULL ? binder_call(b, x, x->name, shown, x->n, arg) : NULL;
    }
    if (is_host_name(b, x->name)) {
        return bind_host_call(b, x);
    }
    return binder_unknown_function(b, x);
}

static struct bound *bind_operator(struct binding *b, const struct node *x)
{
    struct bound **arg = binder_children(b, x);
    if (arg == NULL) {
        return NULL;
    }
    bool is_neg = strcmp(x->name, "neg") == 0;
    const char *shown = is_neg ? "unary `-`" : arena_printf(b->a, "`%s`", x->name);
    return binder_call(b, x, is_neg ? "- _" : x->name, shown, x->n, arg);
}

struct bound *binder_node(struct binding *b, const struct node *x)
{
    struct bound **arg;
    switch (x->kind) {
    case NODE_NULL:
        return binder_null(b, NULL);
    case NODE_BOOLEAN:
        return constant(b, &type_boolean, (struct nested_value){.i = x->i});
    case NODE_LONG:
        return constant(b, &type_long, (struct nested_value){.i = x->i});
    case NODE_DOUBLE:
        return constant(b, &type_double, (struct nested_value){.d = x->d});
    case NODE_STRING:
        return constant(
            b, &type_string,
            (struct nested_value){.s = {arena_strndup(b->a, x->name, x->name_n), x->name_n}});
    case NODE_COLUMN:
        return bind_column(b, x);
    case NODE_FIELD:
        return bind_field(b, x);
    case NODE_INDEX:
        return binder_index(b, x);
    case NODE_CALL:
        return bind_call(b, x);
    case NODE_OPERATOR:
        return bind_operator(b, x);
    case NODE_AND:
    case NODE_OR:
        return binder_logic(b, x);
    case NODE_NOT:
        arg = binder_children(b, x);
        return arg != NULL ? binder_call(b, x, "not _", "`not`", 1, arg) : NULL;
    case NODE_BETWEEN:
        return binder_between(b, x);
    case NODE_IN:
        return binder_in(b, x);
    case NODE_LIKE:
        arg = binder_children(b, x);
        return arg != NULL ? binder_negate(b, x, binder_call(b, x, "_ like _", "`like`", 2, arg))
                           : NULL;
    case NODE_IS:
        return binder_is(b, x);
    case NODE_CASE:
        return binder_case(b, x);
    case NODE_CAST:
        return binder_cast(b, x);
    }
    return NULL;
}

const struct expression *binder_bind(struct binding *b, const struct node *x)
{
    struct bound *y = binder_node(b, x);
    if (y == NULL) {
        return NULL;
    }
    if (y->type == NULL) {
        binder_fail(b, x, "the type of this null is not known: write cast(null as TYPE)");
        return NULL;
    }
    if (y->type->kind == TYPE_RECORD) {
        binder_fail(b, x, "a record cannot be a column: name one of its fields, as in x[0].field");
        return NULL;
    }
    return compiled(b, y, x);
}
