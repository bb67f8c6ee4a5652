/* Random typed expressions over random batches: the evaluator against a plain tree walk.
 *
 * Every round has its own seed, printed when it fails: KLAMM_SEED=n runs that round alone. Rows
 * outside the selection hold poison (pointers to nowhere), so that reading them shows.
 */
#include "engine/expression/expression.h"
#include "engine/random.h"
#include "tests/support/tree_walk.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- random text ---- */

struct writer {
    struct random r;
    struct buffer text;
};

static uint32_t pick(struct writer *w, uint32_t n)
{
    return random_below(&w->r, n);
}

static void put(struct writer *w, const char *s)
{
    buffer_text(&w->text, s);
}

static void put_one(struct writer *w, const char *const *list, uint32_t n)
{
    put(w, list[pick(w, n)]);
}
#define PUT_ONE(W, ...)                                                                            \
    put_one(W, (const char *const[]){__VA_ARGS__},                                                 \
            (uint32_t)(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *)))

static void expr(struct writer *w, enum type_kind kind, int depth);

static void leaf(struct writer *w, enum type_kind kind)
{
    if (kind == TYPE_BOOLEAN) {
        PUT_ONE(w, "f", "g", "g", "true", "false", "cast(null as boolean)");
    } else if (kind == TYPE_LONG) {
        PUT_ONE(w, "a", "a", "b", "b", "0", "1", "-1", "2", "7", "10m", "9223372036854775807",
                "-9223372036854775808", "cast(null as long)");
    } else if (kind == TYPE_DOUBLE) {
        PUT_ONE(w, "x", "x", "y", "y", "0.0", "1.5", "-2.25", "1e300", "cast(null as double)");
    } else if (kind == TYPE_TIMESTAMP) {
        PUT_ONE(w, "t", "v", "cast(5 as timestamp)");
    } else {
        PUT_ONE(w, "s", "s", "u", "u", "''", "'a'", "'12'", "'it''s ü'",
                "'longer than twelve bytes'", "cast(null as string)");
    }
}

/* A number, of either kind. */
static void number(struct writer *w, int depth)
{
    expr(w, pick(w, 2) ? TYPE_LONG : TYPE_DOUBLE, depth);
}

static void two(struct writer *w, enum type_kind kind, int depth, const char *between)
{
    expr(w, kind, depth);
    put(w, between);
    expr(w, kind, depth);
}

static void operands(struct writer *w, const char *op, int depth)
{
    static const enum type_kind kinds[] = {TYPE_BOOLEAN, TYPE_LONG, TYPE_DOUBLE, TYPE_TIMESTAMP,
                                           TYPE_STRING};
    uint32_t k = pick(w, 7);
    put(w, "(");
    if (k < 5) {
        two(w, kinds[k], depth, op);
    } else {
        number(w, depth);
        put(w, op);
        number(w, depth);
    }
    put(w, ")");
}

static void boolean(struct writer *w, int depth)
{
    switch (pick(w, 13)) {
    case 0:
        two(w, TYPE_BOOLEAN, depth, " and ");
        break;
    case 1:
        two(w, TYPE_BOOLEAN, depth, " or ");
        break;
    case 2:
        put(w, "not ");
        expr(w, TYPE_BOOLEAN, depth);
        break;
    case 3:
        expr(w, TYPE_BOOLEAN, depth);
        PUT_ONE(w, " is true", " is not true", " is false", " is not false");
        break;
    case 4:
        expr(w, (enum type_kind)pick(w, 5), depth);
        PUT_ONE(w, " is null", " is not null");
        break;
    case 5:
        number(w, depth);
        PUT_ONE(w, " between ", " not between ");
        number(w, depth);
        put(w, " and ");
        number(w, depth);
        break;
    case 6:
        expr(w, TYPE_STRING, depth);
        PUT_ONE(w, " in ('a', '12', 'longer than twelve bytes')", " not in ('', 'b')",
                " in ('a', null)", " in (u, s, 'b')");
        break;
    case 7:
        number(w, depth);
        PUT_ONE(w, " in (1, 2, 7)", " in (0.0, 1, 1.5)", " not in (1, null)", " in (a, x, 3)");
        break;
    case 8:
        expr(w, TYPE_STRING, depth);
        PUT_ONE(w, " like ", " not like ");
        PUT_ONE(w, "'a%'", "'%b%'", "'_'", "'%'", "''", "'%ü%_'", "'\\%'", "u");
        break;
    case 9:
        PUT_ONE(w, "contains(", "starts_with(");
        two(w, TYPE_STRING, depth, ", ");
        put(w, ")");
        break;
    case 10:
        put(w, "is_nan(");
        number(w, depth);
        put(w, ")");
        break;
    default: {
        static const char *const ops[] = {" = ", " <> ", " < ", " <= ", " > ", " >= "};
        operands(w, ops[pick(w, 6)], depth);
    }
    }
}

static void long_number(struct writer *w, int depth)
{
    switch (pick(w, 8)) {
    case 0:
        put(w, "length(");
        expr(w, TYPE_STRING, depth);
        put(w, ")");
        break;
    case 1:
        PUT_ONE(w, "abs(", "sign(", "floor(", "-(");
        expr(w, TYPE_LONG, depth);
        put(w, ")");
        break;
    case 2:
        PUT_ONE(w, "least(", "greatest(", "nullif(", "coalesce(");
        two(w, TYPE_LONG, depth, ", ");
        put(w, ")");
        break;
    case 3:
        PUT_ONE(w, "cast(", "try_cast(");
        expr(w,
             (enum type_kind[]){TYPE_BOOLEAN, TYPE_DOUBLE, TYPE_TIMESTAMP, TYPE_STRING}[pick(w, 4)],
             depth);
        put(w, " as long)");
        break;
    case 4:
        two(w, TYPE_TIMESTAMP, depth, " - ");
        break;
    default: {
        static const char *const ops[] = {" + ", " - ", " * ", " / ", " % "};
        two(w, TYPE_LONG, depth, ops[pick(w, 5)]);
    }
    }
}

static void double_number(struct writer *w, int depth)
{
    switch (pick(w, 6)) {
    case 0:
        PUT_ONE(w, "abs(", "sign(", "floor(", "-(");
        expr(w, TYPE_DOUBLE, depth);
        put(w, ")");
        break;
    case 1:
        PUT_ONE(w, "least(", "greatest(", "nullif(", "coalesce(");
        expr(w, TYPE_DOUBLE, depth);
        put(w, ", ");
        number(w, depth);
        put(w, ")");
        break;
    case 2:
        PUT_ONE(w, "cast(", "try_cast(");
        expr(w, pick(w, 2) ? TYPE_LONG : TYPE_STRING, depth);
        put(w, " as double)");
        break;
    default: {
        static const char *const ops[] = {" + ", " - ", " * ", " / ", " % "};
        expr(w, TYPE_DOUBLE, depth);
        put(w, ops[pick(w, 5)]);
        number(w, depth);
    }
    }
}

static void timestamp(struct writer *w, int depth)
{
    switch (pick(w, 4)) {
    case 0:
        put(w, "cast(");
        expr(w, TYPE_LONG, depth);
        put(w, " as timestamp)");
        break;
    case 1:
        expr(w, TYPE_LONG, depth);
        put(w, " + ");
        expr(w, TYPE_TIMESTAMP, depth);
        break;
    default:
        expr(w, TYPE_TIMESTAMP, depth);
        PUT_ONE(w, " + ", " - ");
        expr(w, TYPE_LONG, depth);
    }
}

static void string(struct writer *w, int depth)
{
    switch (pick(w, 7)) {
    case 0:
        PUT_ONE(w, "upper(", "trim(");
        expr(w, TYPE_STRING, depth);
        put(w, ")");
        break;
    case 1:
        put(w, "substr(");
        expr(w, TYPE_STRING, depth);
        put(w, ", ");
        expr(w, TYPE_LONG, depth);
        if (pick(w, 2)) {
            put(w, ", ");
            expr(w, TYPE_LONG, depth);
        }
        put(w, ")");
        break;
    case 2:
        put(w, "split_part(");
        two(w, TYPE_STRING, depth, ", ");
        put(w, ", ");
        expr(w, TYPE_LONG, depth);
        put(w, ")");
        break;
    case 3:
        put(w, "cast(");
        expr(w, (enum type_kind)pick(w, 3), depth);
        put(w, " as string)");
        break;
    case 4:
        PUT_ONE(w, "concat(", "least(", "greatest(", "nullif(", "coalesce(");
        two(w, TYPE_STRING, depth, ", ");
        put(w, ")");
        break;
    default:
        two(w, TYPE_STRING, depth, " || ");
    }
}

/* Forms that any type has; a double's branches may be longs. */
static void branches(struct writer *w, enum type_kind kind, int depth)
{
    enum type_kind other = kind == TYPE_DOUBLE && pick(w, 3) == 0 ? TYPE_LONG : kind;
    if (pick(w, 2)) {
        put(w, "if(");
        expr(w, TYPE_BOOLEAN, depth);
        put(w, ", ");
        expr(w, kind, depth);
        put(w, ", ");
        expr(w, other, depth);
        put(w, ")");
        return;
    }
    bool has_operand = pick(w, 2);
    put(w, "case ");
    if (has_operand) {
        number(w, depth);
    }
    for (uint32_t k = 0; k < 2; k++) {
        put(w, " when ");
        if (has_operand) {
            number(w, depth);
        } else {
            expr(w, TYPE_BOOLEAN, depth);
        }
        put(w, " then ");
        expr(w, k == 0 ? kind : other, depth);
    }
    if (pick(w, 2)) {
        put(w, " else ");
        expr(w, other, depth);
    }
    put(w, " end");
}

static void expr(struct writer *w, enum type_kind kind, int depth)
{
    if (depth <= 0 || pick(w, 5) == 0) {
        leaf(w, kind);
        return;
    }
    depth--;
    put(w, "(");
    if (pick(w, 6) == 0) {
        branches(w, kind, depth);
    } else if (kind == TYPE_BOOLEAN) {
        boolean(w, depth);
    } else if (kind == TYPE_LONG) {
        long_number(w, depth);
    } else if (kind == TYPE_DOUBLE) {
        double_number(w, depth);
    } else if (kind == TYPE_TIMESTAMP) {
        timestamp(w, depth);
    } else {
        string(w, depth);
    }
    put(w, ")");
}

/* ---- random batches ---- */

static const struct {
    const char *name;
    enum type_kind kind;
    bool nullable;
} columns[] = {
    {"a", TYPE_LONG, false},     {"b", TYPE_LONG, true},    {"x", TYPE_DOUBLE, false},
    {"y", TYPE_DOUBLE, true},    {"s", TYPE_STRING, false}, {"u", TYPE_STRING, true},
    {"f", TYPE_BOOLEAN, false},  {"g", TYPE_BOOLEAN, true}, {"t", TYPE_TIMESTAMP, false},
    {"v", TYPE_TIMESTAMP, true},
};
enum { NCOLUMNS = sizeof columns / sizeof columns[0] };

static struct schema *make_schema(struct arena *a)
{
    static const struct type *const types[] = {&type_boolean, &type_long, &type_double,
                                               &type_timestamp, &type_string};
    struct schema *s = schema_new(a, NCOLUMNS);
    for (int c = 0; c < NCOLUMNS; c++) {
        schema_add(s, columns[c].name, types[columns[c].kind], columns[c].nullable, false);
    }
    return s;
}

static void fill(struct writer *w, struct vec *v, struct arena *a, uint16_t row)
{
    static const int64_t longs[] = {0, 1, -1, 2, 3, 7, 600000, INT64_MAX, INT64_MIN, -5};
    static const double doubles[] = {0, -0.0, 1, 1.5, -2.25, 7, 1e300, -1e18, 0.1, 3};
    static const char *const strings[] = {"",
                                          "a",
                                          "b",
                                          "ab",
                                          " a b ",
                                          "12",
                                          "-7",
                                          "1.5",
                                          "ü%a_üb",
                                          "true",
                                          "longer than twelve bytes",
                                          "12345678901234567890"};
    uint32_t k = pick(w, 12);
    switch (v->type->kind) {
    case TYPE_BOOLEAN:
        v->b[row] = k & 1;
        break;
    case TYPE_DOUBLE:
        v->d[row] = k < 10 ? doubles[k] : k == 10 ? nan("") : -HUGE_VAL;
        break;
    case TYPE_STRING:
        v->s[row] = str_copy(a, strings[k], (uint32_t)strlen(strings[k]));
        break;
    case TYPE_LONG:
    case TYPE_TIMESTAMP:
        v->i[row] = k < 10 ? longs[k]
                           : (int64_t)(((uint64_t)random_u32(&w->r) << 32) | random_u32(&w->r)) >>
                                 pick(w, 60);
        break;
    case TYPE_BYTES:
    case TYPE_ARRAY:
    case TYPE_MAP:
    case TYPE_RECORD:
        break;
    }
}

static void poison(struct vec *v, uint16_t row)
{
    memset((char *)v->data + row * vec_width(v->type), 0xAB, vec_width(v->type));
    if (v->null != NULL) {
        v->null[row] = 0xAB;
    }
}

static struct batch *make_batch(struct writer *w, struct arena *a, const struct schema *s,
                                uint16_t rows)
{
    struct batch *b = batch_new(a, s, rows, NULL);
    uint16_t *sel = arena_array(a, rows, sizeof *sel);
    uint32_t density = pick(w, 4); /* 3: all rows, without a selection */
    bool has_nulls = pick(w, 4) > 0;
    for (uint16_t row = 0; row < rows; row++) {
        bool in_use = density == 3 || pick(w, 3) <= density;
        for (int c = 0; c < NCOLUMNS; c++) {
            struct vec *v = &b->col[c];
            if (has_nulls && columns[c].nullable) {
                vec_nulls(v, a, rows);
            }
            if (!in_use) {
                poison(v, row);
            } else if (has_nulls && columns[c].nullable && pick(w, 3) == 0) {
                vec_set_null(v, a, rows, row);
            } else {
                fill(w, v, a, row);
            }
        }
        sel[b->nsel] = row;
        b->nsel = (uint16_t)(b->nsel + in_use);
    }
    b->sel = density == 3 ? NULL : sel;
    return b;
}

/* ---- the property ---- */

struct round {
    struct arena plan, mem;
    const struct expression *x;
    const struct node *tree;
    const struct batch *b;
};

static void show(const char *what, const struct walk_value *v)
{
    if (v->failed || v->is_null) {
        print_message("%s: %s\n", what, v->failed ? "failed" : "null");
    } else if (v->kind == TYPE_STRING) {
        print_message("%s: '%.*s'\n", what, (int)v->n, v->p);
    } else {
        print_message("%s: %lld or %.17g\n", what, (long long)v->i, v->d);
    }
}

/* Row of the first difference, or -1. */
static int first_difference(const struct round *r, const struct vec *v,
                            const struct row_errors *errors)
{
    struct arena scratch;
    arena_init(&scratch);
    int wrong = -1;
    uint16_t error = 0;
    for (uint16_t k = 0; k < r->b->nsel && wrong < 0; k++) {
        struct walk w = {&scratch, r->b, batch_row(r->b, k)};
        struct walk_value expected = walk_eval(&w, r->tree);
        struct walk_value actual = walk_value_of(v, w.row);
        const char *why = "";
        if (error < errors->n && errors->item[error].row == w.row) {
            actual.failed = true;
            why = errors->item[error++].text;
        }
        bool null_is_known = !actual.is_null || actual.failed || expression_nullable(r->x);
        wrong = walk_same(&expected, &actual) && null_is_known ? -1 : w.row;
        if (wrong >= 0) {
            show("expected", &expected);
            show("actual", &actual);
            print_message("%s\n", why);
        }
    }
    arena_done(&scratch);
    return wrong;
}

static bool filter_agrees(const struct round *r, const struct vec *v)
{
    uint16_t sel[BATCH_ROWS], n = 0, expected = 0;
    struct row_errors errors = {0};
    expression_filter(r->x, r->b, sel, &n, &errors);
    for (uint16_t k = 0; k < r->b->nsel; k++) {
        uint16_t row = batch_row(r->b, k);
        if (!vec_is_null(v, row) && v->b[row]) {
            if (expected >= n || sel[expected] != row) {
                return false;
            }
            expected++;
        }
    }
    return expected == n;
}

static void run_round(uint64_t seed, uint16_t rows)
{
    struct writer w;
    random_seed(&w.r, seed, 0);
    buffer_init(&w.text);
    enum type_kind kind = (enum type_kind)pick(&w, 5);
    expr(&w, kind, 1 + (int)pick(&w, 5));
    const char *text = buffer_cstr(&w.text);

    struct round r = {0};
    arena_init(&r.plan);
    arena_init(&r.mem);
    struct diags d;
    diags_init(&d);
    struct schema *schema = make_schema(&r.plan);
    struct config_text t = {.text = text, .at = {"test", 1, 1}, .in_place = true};
    struct source source = {&t, &d};
    int rc = expression_compile(&r.x, &r.plan, &t, schema, &d);
    if (rc < 0) {
        print_message("seed %llu: %s\n  %s\n", (unsigned long long)seed, text, d.item[0].text);
    }
    assert_int_equal(rc, 0);
    r.tree = parser_read(&r.plan, &source);
    assert_non_null(r.tree);
    assert_int_equal(expression_type(r.x)->kind, walk_kind(schema, r.tree));

    r.b = make_batch(&w, &r.mem, schema, rows);
    struct vec v;
    struct row_errors errors = {0};
    expression_eval(r.x, r.b, &v, &errors);
    int wrong = first_difference(&r, &v, &errors);
    if (wrong >= 0) {
        struct buffer program;
        buffer_init(&program);
        expression_print(&program, r.x);
        print_message("seed %llu, %d rows, row %d:\n%s\n%s", (unsigned long long)seed, rows, wrong,
                      text, buffer_cstr(&program));
        buffer_done(&program);
    }
    assert_int_equal(wrong, -1);
    assert_true(kind != TYPE_BOOLEAN || filter_agrees(&r, &v));
    diags_done(&d);
    buffer_done(&w.text);
    arena_done(&r.mem);
    arena_done(&r.plan);
}

static void rounds(uint64_t first, int n, uint16_t rows)
{
    const char *only = getenv("KLAMM_SEED");
    if (only != NULL) {
        run_round(strtoull(only, NULL, 10), rows);
        return;
    }
    print_message("seeds %llu to %llu, batches of %d rows\n", (unsigned long long)first,
                  (unsigned long long)first + (unsigned)n - 1, rows);
    for (int k = 0; k < n; k++) {
        run_round(first + (unsigned)k, rows);
    }
}

static void one_row(void **state)
{
    (void)state;
    rounds(1, 6000, 1);
}

static void three_rows(void **state)
{
    (void)state;
    rounds(100000, 6000, 3);
}

static void full_batches(void **state)
{
    (void)state;
    rounds(200000, 150, BATCH_ROWS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_row),
        cmocka_unit_test(three_rows),
        cmocka_unit_test(full_batches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
