/* Tree walk: see tree_walk.h. No cleverness here: it is to be obviously right.
 *
 * A value that failed fails everything computed from it, unless an operand is never looked at: the
 * right side of a settled `and` or `or`, branches of case and if not taken, arguments of coalesce
 * behind the first that is not null.
 */
#include "tests/support/tree_walk.h"

#include "engine/expression/unicode.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

__extension__ typedef __int128 wide; /* any result of two longs */

#define NO_KIND TYPE_RECORD /* of a null literal */

static bool is_call(const struct node *x, const char *name)
{
    return x->kind == NODE_CALL && strcmp(x->name, name) == 0;
}

static bool is_operator(const struct node *x, const char *name)
{
    return x->kind == NODE_OPERATOR && strcmp(x->name, name) == 0;
}

/* ---- types ---- */

static enum type_kind common(enum type_kind a, enum type_kind b)
{
    if (a == NO_KIND || b == NO_KIND) {
        return a == NO_KIND ? b : a;
    }
    return a == b ? a : TYPE_DOUBLE;
}

static enum type_kind kind_of_all(const struct schema *s, const struct node *x, int from, int step)
{
    enum type_kind kind = NO_KIND;
    for (int k = from; k < x->n; k += step) {
        kind = x->child[k] != NULL ? common(kind, walk_kind(s, x->child[k])) : kind;
    }
    return kind;
}

static enum type_kind kind_of_case(const struct schema *s, const struct node *x)
{
    enum type_kind kind = NO_KIND;
    for (int k = 2; k < x->n; k += 2) {
        kind = common(kind, walk_kind(s, x->child[k]));
    }
    const struct node *otherwise = x->child[x->n - 1];
    return otherwise != NULL ? common(kind, walk_kind(s, otherwise)) : kind;
}

static enum type_kind kind_of_name(const char *name)
{
    static const char *const names[] = {"boolean", "long", "double", "timestamp", "string"};
    for (int k = 0; k < 5; k++) {
        if (strcmp(names[k], name) == 0) {
            return (enum type_kind)k;
        }
    }
    abort();
}

static enum type_kind kind_of_operator(const struct schema *s, const struct node *x)
{
    if (strchr("=<>", x->name[0]) != NULL) {
        return TYPE_BOOLEAN;
    }
    enum type_kind a = walk_kind(s, x->child[0]);
    if (x->n == 1) {
        return a;
    }
    enum type_kind b = walk_kind(s, x->child[1]);
    if (is_operator(x, "||")) {
        return TYPE_STRING;
    }
    if (a == TYPE_TIMESTAMP && b == TYPE_TIMESTAMP) {
        return TYPE_LONG;
    }
    return a == TYPE_TIMESTAMP || b == TYPE_TIMESTAMP ? TYPE_TIMESTAMP : common(a, b);
}

static enum type_kind kind_of_call(const struct schema *s, const struct node *x)
{
    static const char *const strings[] = {"substr", "upper", "trim", "concat", "split_part"};
    static const char *const booleans[] = {"contains", "starts_with", "is_nan"};
    for (size_t k = 0; k < sizeof strings / sizeof strings[0]; k++) {
        if (is_call(x, strings[k])) {
            return TYPE_STRING;
        }
    }
    for (size_t k = 0; k < sizeof booleans / sizeof booleans[0]; k++) {
        if (is_call(x, booleans[k])) {
            return TYPE_BOOLEAN;
        }
    }
    if (is_call(x, "length")) {
        return TYPE_LONG;
    }
    return kind_of_all(s, x, is_call(x, "if"), 1);
}

enum type_kind walk_kind(const struct schema *s, const struct node *x)
{
    switch (x->kind) {
    case NODE_NULL:
        return NO_KIND;
    case NODE_LONG:
        return TYPE_LONG;
    case NODE_DOUBLE:
        return TYPE_DOUBLE;
    case NODE_STRING:
        return TYPE_STRING;
    case NODE_COLUMN:
        return s->col[schema_find(s, x->name)].type->kind;
    case NODE_CALL:
        return kind_of_call(s, x);
    case NODE_OPERATOR:
        return kind_of_operator(s, x);
    case NODE_CASE:
        return kind_of_case(s, x);
    case NODE_CAST:
        return kind_of_name(x->name);
    case NODE_BOOLEAN:
    case NODE_AND:
    case NODE_OR:
    case NODE_NOT:
    case NODE_BETWEEN:
    case NODE_IN:
    case NODE_LIKE:
    case NODE_IS:
        return TYPE_BOOLEAN;
    case NODE_FIELD:
    case NODE_INDEX:
        break;
    }
    abort();
}

/* ---- values ---- */

static struct walk_value null_of(enum type_kind kind)
{
    return (struct walk_value){.kind = kind, .is_null = true};
}

static struct walk_value boolean(bool v)
{
    return (struct walk_value){.kind = TYPE_BOOLEAN, .i = v};
}

static struct walk_value long_of(int64_t v)
{
    return (struct walk_value){.kind = TYPE_LONG, .i = v};
}

static struct walk_value double_of(double v)
{
    return (struct walk_value){.kind = TYPE_DOUBLE, .d = v};
}

static struct walk_value string_of(const char *p, size_t n)
{
    return (struct walk_value){.kind = TYPE_STRING, .p = p, .n = (uint32_t)n};
}

static struct walk_value failure(enum type_kind kind)
{
    return (struct walk_value){.kind = kind, .is_null = true, .failed = true};
}

struct walk_value walk_value_of(const struct vec *v, uint16_t row)
{
    struct walk_value x = null_of(v->type->kind);
    if (vec_is_null(v, row)) {
        return x;
    }
    x.is_null = false;
    if (type_is_str(v->type)) {
        x.p = str_data(&v->s[row]);
        x.n = v->s[row].n;
    } else if (v->type->kind == TYPE_DOUBLE) {
        x.d = v->d[row];
    } else {
        x.i = v->type->kind == TYPE_BOOLEAN ? v->b[row] : v->i[row];
    }
    return x;
}

bool walk_same(const struct walk_value *x, const struct walk_value *y)
{
    if (x->kind != y->kind || x->is_null != y->is_null || x->failed != y->failed) {
        return false;
    }
    if (x->is_null) {
        return true;
    }
    if (x->kind == TYPE_STRING) {
        return x->n == y->n && memcmp(x->p, y->p, x->n) == 0;
    }
    if (x->kind == TYPE_DOUBLE) {
        return (isnan(x->d) && isnan(y->d)) || (x->d == y->d && signbit(x->d) == signbit(y->d));
    }
    return x->i == y->i;
}

static struct walk_value converted(struct walk_value v, enum type_kind to)
{
    if (to == TYPE_DOUBLE && v.kind == TYPE_LONG) {
        v.d = (double)v.i;
    }
    v.kind = to;
    return v;
}

/* ---- operators ---- */

static struct walk_value long_operator(char op, int64_t a, int64_t b, enum type_kind kind)
{
    wide r = 0;
    if ((op == '/' || op == '%') && b == 0) {
        return failure(kind);
    }
    switch (op) {
    case '+':
        r = (wide)a + b;
        break;
    case '-':
        r = (wide)a - b;
        break;
    case '*':
        r = (wide)a * b;
        break;
    case '/':
        r = (wide)a / b;
        break;
    default:
        r = (wide)a % b;
    }
    if (r > INT64_MAX || r < INT64_MIN) {
        return failure(kind);
    }
    struct walk_value v = long_of((int64_t)r);
    v.kind = kind;
    return v;
}

static struct walk_value double_operator(char op, double a, double b)
{
    return double_of(op == '+'   ? a + b
                     : op == '-' ? a - b
                     : op == '*' ? a * b
                     : op == '/' ? a / b
                                 : fmod(a, b));
}

/* -1, 0, 1; 2: no order (NaN). */
static int compare(struct walk_value a, struct walk_value b)
{
    enum type_kind kind = common(a.kind, b.kind);
    a = converted(a, kind);
    b = converted(b, kind);
    if (kind == TYPE_STRING) {
        int order = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);
        order = order != 0 ? order : a.n < b.n ? -1 : a.n > b.n;
        return (order > 0) - (order < 0);
    }
    if (kind == TYPE_DOUBLE) {
        return isnan(a.d) || isnan(b.d) ? 2 : (a.d > b.d) - (a.d < b.d);
    }
    return (a.i > b.i) - (a.i < b.i);
}

static struct walk_value compared(const char *op, struct walk_value a, struct walk_value b)
{
    if (a.failed || b.failed) {
        return failure(TYPE_BOOLEAN);
    }
    if (a.is_null || b.is_null) {
        return null_of(TYPE_BOOLEAN);
    }
    int order = compare(a, b);
    if (order == 2) {
        return boolean(strcmp(op, "<>") == 0);
    }
    return boolean(strcmp(op, "=") == 0    ? order == 0
                   : strcmp(op, "<>") == 0 ? order != 0
                   : strcmp(op, "<") == 0  ? order < 0
                   : strcmp(op, "<=") == 0 ? order <= 0
                   : strcmp(op, ">") == 0  ? order > 0
                                           : order >= 0);
}

static struct walk_value joined(const struct walk *w, int n, const struct walk_value *v)
{
    size_t size = 0;
    for (int k = 0; k < n; k++) {
        size += v[k].n;
    }
    char *p = arena_alloc(w->a, size + 1);
    size_t at = 0;
    for (int k = 0; k < n; k++) {
        memcpy(p + at, v[k].p, v[k].n);
        at += v[k].n;
    }
    return string_of(p, at);
}

static struct walk_value eval_operator(const struct walk *w, const struct node *x)
{
    struct walk_value v[2] = {walk_eval(w, x->child[0])};
    enum type_kind kind = walk_kind(w->b->schema, x);
    if (x->n == 1) {
        if (v[0].is_null) {
            return v[0];
        }
        return kind == TYPE_DOUBLE ? double_of(-v[0].d) : long_operator('-', 0, v[0].i, kind);
    }
    v[1] = walk_eval(w, x->child[1]);
    if (strchr("=<>", x->name[0]) != NULL) {
        return compared(x->name, v[0], v[1]);
    }
    if (v[0].failed || v[1].failed) {
        return failure(kind);
    }
    if (v[0].is_null || v[1].is_null) {
        return null_of(kind);
    }
    if (kind == TYPE_STRING) {
        return joined(w, 2, v);
    }
    if (kind == TYPE_DOUBLE) {
        return double_operator(x->name[0], converted(v[0], kind).d, converted(v[1], kind).d);
    }
    return long_operator(x->name[0], v[0].i, v[1].i, kind);
}

static struct walk_value not_of(struct walk_value v)
{
    return v.is_null ? v : boolean(!v.i);
}

static struct walk_value eval_logic(const struct walk *w, const struct node *x)
{
    int64_t settling = x->kind == NODE_OR;
    struct walk_value a = converted(walk_eval(w, x->child[0]), TYPE_BOOLEAN);
    if (a.failed || (!a.is_null && a.i == settling)) {
        return a;
    }
    struct walk_value b = converted(walk_eval(w, x->child[1]), TYPE_BOOLEAN);
    if (b.failed || (!b.is_null && b.i == settling)) {
        return b;
    }
    return a.is_null || b.is_null ? null_of(TYPE_BOOLEAN) : boolean(!settling);
}

/* Both sides are evaluated. */
static struct walk_value both(struct walk_value a, struct walk_value b)
{
    if (a.failed || b.failed) {
        return failure(TYPE_BOOLEAN);
    }
    if ((!a.is_null && !a.i) || (!b.is_null && !b.i)) {
        return boolean(false);
    }
    return a.is_null || b.is_null ? null_of(TYPE_BOOLEAN) : boolean(true);
}

static struct walk_value eval_in(const struct walk *w, const struct node *x)
{
    enum type_kind kind = kind_of_all(w->b->schema, x, 0, 1);
    struct walk_value v = converted(walk_eval(w, x->child[0]), kind);
    bool failed = v.failed, found = false, has_null = false;
    for (int k = 1; k < x->n; k++) {
        struct walk_value item = converted(walk_eval(w, x->child[k]), kind);
        failed = failed || item.failed;
        has_null = has_null || item.is_null;
        found = found || (!v.is_null && !item.is_null && compare(v, item) == 0);
    }
    if (failed) {
        return failure(TYPE_BOOLEAN);
    }
    return v.is_null || (!found && has_null) ? null_of(TYPE_BOOLEAN) : boolean(found);
}

/* By the definition: % takes any number of code points. */
static bool is_like(const char *t, const char *tend, const char *p, const char *pend)
{
    if (p == pend) {
        return t == tend;
    }
    if (*p == '%') {
        for (;; t += utf8_size(t, tend)) {
            if (is_like(t, tend, p + 1, pend)) {
                return true;
            }
            if (t == tend) {
                return false;
            }
        }
    }
    if (t == tend) {
        return false;
    }
    if (*p == '_') {
        return is_like(t + utf8_size(t, tend), tend, p + 1, pend);
    }
    p += *p == '\\' && p + 1 < pend;
    return *p == *t && is_like(t + 1, tend, p + 1, pend);
}

static struct walk_value eval_like(const struct walk *w, const struct node *x)
{
    struct walk_value t = walk_eval(w, x->child[0]), p = walk_eval(w, x->child[1]);
    if (t.failed || p.failed) {
        return failure(TYPE_BOOLEAN);
    }
    if (t.is_null || p.is_null) {
        return null_of(TYPE_BOOLEAN);
    }
    return boolean(is_like(t.p, t.p + t.n, p.p, p.p + p.n));
}

static struct walk_value eval_is(const struct walk *w, const struct node *x)
{
    struct walk_value v = walk_eval(w, x->child[0]);
    if (v.failed) {
        return failure(TYPE_BOOLEAN);
    }
    bool is = strcmp(x->name, "null") == 0 ? v.is_null
                                           : !v.is_null && v.i == (strcmp(x->name, "true") == 0);
    return boolean(is != x->negated);
}

static struct walk_value eval_case(const struct walk *w, const struct node *x)
{
    enum type_kind kind = walk_kind(w->b->schema, x);
    struct walk_value operand = {0};
    if (x->child[0] != NULL && (operand = walk_eval(w, x->child[0])).failed) {
        return failure(kind);
    }
    for (int k = 1; k + 1 < x->n; k += 2) {
        struct walk_value when = walk_eval(w, x->child[k]);
        when = x->child[0] != NULL ? compared("=", operand, when) : when;
        if (when.failed) {
            return failure(kind);
        }
        if (!when.is_null && when.i) {
            return converted(walk_eval(w, x->child[k + 1]), kind);
        }
    }
    const struct node *otherwise = x->child[x->n - 1];
    return otherwise != NULL ? converted(walk_eval(w, otherwise), kind) : null_of(kind);
}

static struct walk_value cast_text(struct walk_value v, enum type_kind to)
{
    char buf[64], *end;
    if (v.n == 0 || v.n >= sizeof buf) {
        return failure(to);
    }
    memcpy(buf, v.p, v.n);
    buf[v.n] = 0;
    static const char *const words[] = {"NaN", "Infinity", "-Infinity"};
    static const double meant[] = {(double)NAN, (double)INFINITY, (double)-INFINITY};
    for (int k = 0; k < 3 && to == TYPE_DOUBLE; k++) {
        if (strcmp(buf, words[k]) == 0) {
            return double_of(meant[k]);
        }
    }
    if (strspn(buf, "0123456789.eE+-") != v.n) {
        return failure(to);
    }
    if (to == TYPE_LONG) {
        errno = 0;
        long long i = strtoll(buf, &end, 10);
        return *end == 0 && errno == 0 ? long_of(i) : failure(to);
    }
    double d = strtod(buf, &end);
    return *end == 0 ? double_of(d) : failure(to);
}

static struct walk_value cast_string(const struct walk *w, struct walk_value v)
{
    struct buffer b;
    buffer_init(&b);
    if (v.kind == TYPE_DOUBLE) {
        print_double(&b, v.d);
    } else if (v.kind == TYPE_BOOLEAN) {
        buffer_text(&b, v.i ? "true" : "false");
    } else {
        buffer_printf(&b, "%" PRId64, v.i);
    }
    struct walk_value s = string_of(arena_strndup(w->a, b.data, b.n), b.n);
    buffer_done(&b);
    return s;
}

static struct walk_value eval_cast(const struct walk *w, const struct node *x)
{
    enum type_kind to = kind_of_name(x->name);
    struct walk_value v = walk_eval(w, x->child[0]);
    if (v.failed || v.is_null || v.kind == to) {
        return converted(v, to);
    }
    struct walk_value r = v;
    if (v.kind == TYPE_STRING) {
        r = cast_text(v, to);
    } else if (to == TYPE_STRING) {
        r = cast_string(w, v);
    } else if (to == TYPE_BOOLEAN) {
        r = boolean(v.i != 0);
    } else if (to == TYPE_DOUBLE) {
        r = double_of((double)v.i);
    } else if (v.kind == TYPE_DOUBLE) {
        r = v.d >= -9223372036854775808.0 && v.d < 9223372036854775808.0 ? long_of((int64_t)v.d)
                                                                         : failure(to);
    }
    return r.failed && x->negated ? null_of(to) : converted(r, to);
}

/* ---- functions ---- */

static struct walk_value call_substr(int n, const struct walk_value *v)
{
    const char *end = v[0].p + v[0].n;
    int64_t length = utf8_count(v[0].p, v[0].n), start = v[1].i, from;
    if (start < 0) {
        from = start < -length ? 0 : length + start;
    } else {
        from = start == 0 ? 0 : start - 1;
    }
    int64_t count = n == 3 ? v[2].i : length;
    const char *p = utf8_skip(v[0].p, end, from);
    return string_of(p, (size_t)(utf8_skip(p, end, count < 0 ? 0 : count) - p));
}

static struct walk_value call_upper(const struct walk *w, struct walk_value v)
{
    char *p = arena_alloc(w->a, v.n * 2 + 1u);
    uint32_t n = 0;
    for (const char *s = v.p, *end = v.p + v.n; s < end; s += utf8_size(s, end)) {
        n += utf8_write(p + n, unicode_upper(utf8_read(s, end)));
    }
    return string_of(p, n);
}

static struct walk_value call_trim(struct walk_value v)
{
    while (v.n > 0 && v.p[0] == ' ') {
        v.p++;
        v.n--;
    }
    while (v.n > 0 && v.p[v.n - 1] == ' ') {
        v.n--;
    }
    return v;
}

static struct walk_value call_split_part(const struct walk_value *v)
{
    int64_t n = v[2].i, parts = 1, at = 1;
    if (n == 0) {
        return failure(TYPE_STRING);
    }
    const char *end = v[0].p + v[0].n, *from = v[0].p;
    for (const char *p = from; v[1].n > 0 && (p = memmem(p, (size_t)(end - p), v[1].p, v[1].n));
         p += v[1].n) {
        parts++;
    }
    n = n < 0 ? parts + 1 + n : n;
    if (n < 1 || n > parts) {
        return string_of("", 0);
    }
    for (; at < n; at++) {
        from = (const char *)memmem(from, (size_t)(end - from), v[1].p, v[1].n) + v[1].n;
    }
    const char *stop = v[1].n > 0 ? memmem(from, (size_t)(end - from), v[1].p, v[1].n) : NULL;
    return string_of(from, (size_t)((stop != NULL ? stop : end) - from));
}

/* Nulls left out; a NaN is the greatest. */
static struct walk_value call_extreme(const struct node *x, const struct walk_value *v,
                                      enum type_kind kind)
{
    int sign = is_call(x, "least") ? 1 : -1;
    struct walk_value best = null_of(kind);
    for (int k = 0; k < x->n; k++) {
        struct walk_value u = converted(v[k], kind);
        if (u.is_null) {
            continue;
        }
        int order = best.is_null ? -sign : compare(u, best);
        if (order == 2) {
            order = (isnan(u.d) != 0) - (isnan(best.d) != 0);
        }
        best = order * sign < 0 ? u : best;
    }
    return best;
}

static struct walk_value call_number(const struct node *x, struct walk_value v)
{
    bool is_double = v.kind == TYPE_DOUBLE;
    if (is_call(x, "abs")) {
        return is_double          ? double_of(fabs(v.d))
               : v.i == INT64_MIN ? failure(TYPE_LONG)
                                  : long_of(v.i < 0 ? -v.i : v.i);
    }
    if (is_call(x, "floor")) {
        return is_double ? double_of(floor(v.d)) : v;
    }
    if (is_call(x, "is_nan")) {
        return boolean(isnan(converted(v, TYPE_DOUBLE).d));
    }
    double sign = v.d > 0 ? 1 : v.d < 0 ? -1 : v.d;
    return is_double ? double_of(sign) : long_of((v.i > 0) - (v.i < 0));
}

static bool has_prefix(struct walk_value v, struct walk_value prefix)
{
    return v.n >= prefix.n && memcmp(v.p, prefix.p, prefix.n) == 0;
}

/* Strict functions; no argument is null. */
static struct walk_value call_plain(const struct walk *w, const struct node *x,
                                    const struct walk_value *v)
{
    if (is_call(x, "length")) {
        return long_of(utf8_count(v[0].p, v[0].n));
    }
    if (is_call(x, "substr")) {
        return call_substr(x->n, v);
    }
    if (is_call(x, "upper")) {
        return call_upper(w, v[0]);
    }
    if (is_call(x, "trim")) {
        return call_trim(v[0]);
    }
    if (is_call(x, "concat")) {
        return joined(w, x->n, v);
    }
    if (is_call(x, "split_part")) {
        return call_split_part(v);
    }
    if (is_call(x, "starts_with")) {
        return boolean(has_prefix(v[0], v[1]));
    }
    if (is_call(x, "contains")) {
        return boolean(memmem(v[0].p, v[0].n, v[1].p, v[1].n) != NULL);
    }
    return call_number(x, v[0]);
}

static struct walk_value eval_coalesce(const struct walk *w, const struct node *x,
                                       enum type_kind kind)
{
    struct walk_value v = null_of(kind);
    for (int k = 0; k < x->n && v.is_null && !v.failed; k++) {
        v = converted(walk_eval(w, x->child[k]), kind);
    }
    return v;
}

static struct walk_value eval_if(const struct walk *w, const struct node *x, enum type_kind kind)
{
    struct walk_value when = walk_eval(w, x->child[0]);
    if (when.failed) {
        return failure(kind);
    }
    if (!when.is_null && when.i) {
        return converted(walk_eval(w, x->child[1]), kind);
    }
    return x->n == 3 ? converted(walk_eval(w, x->child[2]), kind) : null_of(kind);
}

static struct walk_value eval_call(const struct walk *w, const struct node *x)
{
    enum type_kind kind = walk_kind(w->b->schema, x);
    if (is_call(x, "coalesce")) {
        return eval_coalesce(w, x, kind);
    }
    if (is_call(x, "if")) {
        return eval_if(w, x, kind);
    }
    struct walk_value v[8] = {{0}};
    bool has_null = false, failed = false;
    for (int k = 0; k < x->n && k < 8; k++) {
        v[k] = walk_eval(w, x->child[k]);
        has_null = has_null || v[k].is_null;
        failed = failed || v[k].failed;
    }
    if (failed) {
        return failure(kind);
    }
    if (is_call(x, "least") || is_call(x, "greatest")) {
        return call_extreme(x, v, kind);
    }
    if (is_call(x, "nullif")) {
        bool equal = !has_null && compare(v[0], v[1]) == 0;
        return equal ? null_of(kind) : converted(v[0], kind);
    }
    return has_null ? null_of(kind) : call_plain(w, x, v);
}

struct walk_value walk_eval(const struct walk *w, const struct node *x)
{
    struct walk_value v = null_of(NO_KIND);
    switch (x->kind) {
    case NODE_NULL:
        return v;
    case NODE_BOOLEAN:
        return boolean(x->i);
    case NODE_LONG:
        return long_of(x->i);
    case NODE_DOUBLE:
        return double_of(x->d);
    case NODE_STRING:
        return string_of(x->name, x->name_n);
    case NODE_COLUMN:
        return walk_value_of(&w->b->col[schema_find(w->b->schema, x->name)], w->row);
    case NODE_CALL:
        return eval_call(w, x);
    case NODE_OPERATOR:
        return eval_operator(w, x);
    case NODE_AND:
    case NODE_OR:
        return eval_logic(w, x);
    case NODE_NOT:
        return not_of(walk_eval(w, x->child[0]));
    case NODE_BETWEEN:
        v = walk_eval(w, x->child[0]);
        v = both(compared(">=", v, walk_eval(w, x->child[1])),
                 compared("<=", v, walk_eval(w, x->child[2])));
        break;
    case NODE_IN:
        v = eval_in(w, x);
        break;
    case NODE_LIKE:
        v = eval_like(w, x);
        break;
    case NODE_IS:
        return eval_is(w, x);
    case NODE_CASE:
        return eval_case(w, x);
    case NODE_CAST:
        return eval_cast(w, x);
    case NODE_FIELD:
    case NODE_INDEX:
        abort();
    }
    return x->negated ? not_of(v) : v;
}
