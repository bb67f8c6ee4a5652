/* Arrays, maps and JSON: x[i] m['k'] array_length array_dot map_get json_get, and fields of
 * records.
 *
 *   x[i]            from 0; null outside of the array
 *   m['k'] map_get  null when there is no such key
 *   array_dot       sum of products; null with a null element, a row error when lengths differ
 *   json_get(s, p)  text of the value at a path such as 'a.b[0]'; null when there is none, and
 *                   where the text is not JSON
 */
#include "engine/expression/json_path.h"
#include "engine/expression/kernel.h"
#include "engine/nested.h"

#include <inttypes.h>

static void put_value(struct kernel_call *c, uint16_t row, bool found, const struct nested_value *v)
{
    struct vec *out = c->out;
    if (!found || v->is_null) {
        kernel_set_null(c, row);
    } else if (type_is_str(out->type)) {
        kernel_put_part(c, row, v->s.p, v->s.n);
    } else if (out->type->kind == TYPE_BOOLEAN) {
        out->b[row] = v->i != 0;
    } else if (out->type->kind == TYPE_DOUBLE) {
        out->d[row] = v->d;
    } else {
        out->i[row] = v->i;
    }
}

static int element(struct kernel_call *c)
{
    for (uint16_t k = 0; k < c->nsel; k++) {
        uint16_t row = c->sel[k];
        struct text t = kernel_text(&c->arg[0], row);
        int64_t i = c->arg[1].i[row];
        struct nested_value v = {0};
        bool found = i >= 0 && nested_at(c->arg[0].type, t.p, t.n, i, &v);
        put_value(c, row, found, &v);
    }
    return 0;
}

static int entry(struct kernel_call *c)
{
    for (uint16_t k = 0; k < c->nsel; k++) {
        uint16_t row = c->sel[k];
        struct text t = kernel_text(&c->arg[0], row), key = kernel_text(&c->arg[1], row);
        struct nested_value v = {0};
        bool found = nested_entry(c->arg[0].type, t.p, t.n, key.p, key.n, &v);
        put_value(c, row, found, &v);
    }
    return 0;
}

static int field(struct kernel_call *c)
{
    const uint16_t *number = c->state;
    for (uint16_t k = 0; k < c->nsel; k++) {
        uint16_t row = c->sel[k];
        struct text t = kernel_text(&c->arg[0], row);
        struct nested_value v = {0};
        bool found = nested_field(c->arg[0].type, t.p, t.n, *number, &v);
        put_value(c, row, found, &v);
    }
    return 0;
}

static int array_length(struct kernel_call *c)
{
    for (uint16_t k = 0; k < c->nsel; k++) {
        struct text t = kernel_text(&c->arg[0], c->sel[k]);
        c->out->i[c->sel[k]] = nested_count(t.p, t.n);
    }
    return 0;
}

/* ---- array_dot ---- */

static int prepare_dot(const void **state, struct arena *a, int nargs,
                       const struct expression *const *arg, struct err *e)
{
    (void)a;
    *state = NULL;
    for (int k = 0; k < nargs; k++) {
        const struct type *of = expression_type(arg[k])->of;
        if (!type_is_numeric(of)) {
            return err_set(e, ERR_CONFIG,
                           "array_dot() takes two arrays of numbers, argument %d is none", k + 1);
        }
    }
    return 0;
}

static double number_of(const struct nested_cursor *c, const struct nested_value *v)
{
    return c->item->kind == TYPE_DOUBLE ? v->d : (double)v->i;
}

static void dot(struct kernel_call *c, uint16_t row)
{
    struct text x = kernel_text(&c->arg[0], row), y = kernel_text(&c->arg[1], row);
    struct nested_cursor xs = nested_open(c->arg[0].type, x.p, x.n);
    struct nested_cursor ys = nested_open(c->arg[1].type, y.p, y.n);
    if (xs.left != ys.left) {
        kernel_error(c, row, "array_dot() of arrays of %" PRId64 " and %" PRId64 " elements",
                     xs.left, ys.left);
        return;
    }
    struct nested_value u, v;
    double sum = 0;
    bool has_null = false;
    while (nested_next(&xs, NULL, NULL, &u) && nested_next(&ys, NULL, NULL, &v)) {
        has_null = has_null || u.is_null || v.is_null;
        sum += number_of(&xs, &u) * number_of(&ys, &v);
    }
    if (has_null) {
        kernel_set_null(c, row);
    } else {
        c->out->d[row] = sum;
    }
}

static int array_dot(struct kernel_call *c)
{
    for (uint16_t k = 0; k < c->nsel; k++) {
        dot(c, c->sel[k]);
    }
    return 0;
}

/* ---- JSON ---- */

static int prepare_path(const void **state, struct arena *a, int nargs,
                        const struct expression *const *arg, struct err *e)
{
    (void)nargs;
    struct nested_value v;
    if (constant_argument(arg[1], &v) == NULL) {
        return 0;
    }
    if (!json_path_valid(v.s.p, v.s.n)) {
        return err_set(e, ERR_CONFIG,
                       "'%.*s' is not a path in JSON, such as 'a.b[0]' or '$.a[''b c'']'",
                       (int)(v.s.n > 60 ? 60 : v.s.n), v.s.p);
    }
    *state = arena_zalloc(a, 1); /* says: checked */
    return 0;
}

static int json_get(struct kernel_call *c)
{
    struct buffer b;
    buffer_init(&b);
    for (uint16_t k = 0; k < c->nsel; k++) {
        uint16_t row = c->sel[k];
        struct text t = kernel_text(&c->arg[0], row), path = kernel_text(&c->arg[1], row);
        buffer_clear(&b);
        if (c->state == NULL && !json_path_valid(path.p, path.n)) {
            kernel_error(c, row, "'%.*s' is not a path in JSON", (int)(path.n > 60 ? 60 : path.n),
                         path.p);
        } else if (json_path_get(&b, t.p, t.n, path.p, path.n)) {
            kernel_put(c, row, b.n > 0 ? b.data : "", (uint32_t)b.n);
        } else {
            kernel_set_null(c, row);
        }
    }
    buffer_done(&b);
    return 0;
}

static const struct function_def functions[] = {
    {"_[_]", "Al", 'e', NULL_MORE, element, .doc = "element i of an array, from 0; else null"},
    {"_[_]", "Ms", 'e', NULL_MORE, entry, .doc = "the value of a key of a map; else null"},
    {"record field", "R", 'e', NULL_MORE, field, .doc = "a field of an element"},
    {"map_get", "Ms", 'e', NULL_MORE, entry, .doc = "the value of a key of a map; else null"},
    {"array_length", "A", 'l', NULL_IF_ANY, array_length, .doc = "number of elements",
     .is_harmless = true},
    {"array_length", "M", 'l', NULL_IF_ANY, array_length, .doc = "number of entries",
     .is_harmless = true},
    {"array_dot", "AA", 'd', NULL_MORE, array_dot, prepare_dot,
     .doc = "sum of the products of two arrays of numbers"},
    {"json_get", "ss", 's', NULL_MORE, json_get, prepare_path,
     .doc = "text of the value at a path such as a.b[0]; else null"},
    {0},
};

const struct function_table functions_nested = {
    .family = "arrays, maps and JSON",
    .functions = functions,
};
