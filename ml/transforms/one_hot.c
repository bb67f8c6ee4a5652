/* one_hot: a column of 0 and 1 for each value that another column can have (River's OneHotEncoder
 * with columns that are known before the first row comes).
 *
 *     kind = b  ->  kind_a 0, kind_b 1, kind_c 0, kind_other 0
 *
 *   categories   the values, given: `[a, b]` for all columns or `{kind: [a, b], up: [true]}`; nothing
 *                is learned. Columns <name>_<value>, characters outside [A-Za-z0-9_] as `_`
 *   n            instead: columns <name>_1 … <name>_n are given to values in the order in which they
 *                first appear, and keep them
 *   unseen       a value without a column of its own counts in <name>_other
 *
 *   in       strings, longs, booleans; out   longs, in the place of the old column, which goes, or
 *            behind all columns when `as` names them
 *   null     a null is null in all its columns (`impute` can give it a value of its own)
 *   order    a row is learned first, so a new value has its column at once
 *   state    per column the values by number, see ml/classes.c: version 1; strings over 1,024 bytes
 *            are never given a column
 *   cost     one comparison for each value that is known, until it is found
 */
#include "engine/memory.h"
#include "ml/algorithm.h"
#include "ml/classes.h"
#include "ml/transform.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct one_hot_cfg {
    struct transform_cfg common;
    const struct yaml *categories;
    int64_t n;
};

static const struct config_field fields[] = {
    TRANSFORM_COLUMNS,
    TRANSFORM_AS,
    {"categories", CONFIG_YAML, offsetof(struct one_hot_cfg, categories),
     .doc = "the values: a list, or a map with a list for each column"},
    {"n", CONFIG_LONG, offsetof(struct one_hot_cfg, n), .min = 1, .max = CLASSES_MAX,
     .doc = "instead: so many columns, given to values in order of appearance"},
    TRANSFORM_PER,
    TRANSFORM_LEARN,
    {0},
};

struct plan {
    struct transform t;
    struct classes *given; /* per column; NULL with `n` */
    uint32_t *first;       /* per column: its first new one; `other` is the last one */
};

static uint32_t width_of(const struct plan *p, uint32_t i)
{
    return p->first[i + 1] - p->first[i] - 1;
}

/* ---- dictionaries ---- */

static void *dictionaries_new(const void *plan, uint64_t seed)
{
    (void)seed;
    const struct transform *t = plan;
    struct classes *c = mem_array(t->n + 1U, sizeof(*c));
    for (uint32_t i = 0; i < t->n; i++) {
        classes_init(&c[i], t->column[i].type);
    }
    c[t->n] = (struct classes){0}; /* without a type: the end */
    return c;
}

static void dictionaries_free(void *object)
{
    struct classes *all = object;
    for (struct classes *c = all; c->type; c++) {
        classes_done(c);
    }
    mem_free(all);
}

static uint64_t dictionaries_size(const void *object)
{
    uint64_t bytes = 0;
    for (const struct classes *c = object; c->type; c++) {
        bytes += sizeof(*c) + classes_size(c);
    }
    return bytes;
}

static int dictionaries_io(void *object, struct snapshot *s)
{
    snapshot_version(s, 1);
    for (struct classes *c = object; c->type && snapshot_status(s) == 0; c++) {
        classes_io(c, s);
    }
    return snapshot_status(s);
}

static void one_hot_learn(void *object, const struct transform_row *r)
{
    const struct plan *p = (const struct plan *)r->t;
    struct classes *c = object;
    for (uint32_t i = 0; i < r->t->n; i++) {
        if (c[i].n < width_of(p, i) && !vec_is_null(&r->from[i], r->row) &&
            classes_find(&c[i], &r->from[i], r->row) < 0) {
            classes_add(&c[i], &r->from[i], r->row); /* too long a text: one of the others */
        }
    }
}

static void one_hot_apply(const void *object, const struct transform_row *r)
{
    const struct plan *p = (const struct plan *)r->t;
    const struct classes *c = object ? object : p->given;
    for (uint32_t i = 0; i < r->t->n; i++) {
        uint32_t width = width_of(p, i);
        bool is_null = vec_is_null(&r->from[i], r->row);
        int found = is_null ? -1 : classes_find(&c[i], &r->from[i], r->row);
        uint32_t hot = found < 0 || (uint32_t)found >= width ? width : (uint32_t)found;
        struct vec *to = &r->to[p->first[i]];
        for (uint32_t k = 0; is_null && k <= width; k++) {
            vec_set_null(&to[k], r->mem, r->rows, r->row);
        }
        if (!is_null) {
            to[hot].i[r->row] = 1;
        }
    }
}

static void one_hot_layout(const void *cfg, struct buffer *words)
{
    const struct one_hot_cfg *c = cfg;
    buffer_printf(words, "%lld\n", (long long)c->n);
}

static const struct transform_def encoder = {
    .takes = TAKE_NUMBERS | TAKE_BOOLEANS | TAKE_STRINGS,
    .what = "strings, longs and booleans",
    .object = {dictionaries_new, dictionaries_io, dictionaries_size, dictionaries_free, NULL},
    .learn = one_hot_learn,
    .apply = one_hot_apply,
    .writes_columns = true,
    .layout = one_hot_layout,
};

/* ---- binding ---- */

/* A value as its column's type has it, in a vec of one row; -ERR_CONFIG when it is another. */
static int value_of(struct node *n, const struct transform_column *c, const struct yaml *y,
                    struct vec *v)
{
    enum type_kind kind = c->type->kind;
    *v = vec_new(n->mem, c->type, 1);
    if (kind == TYPE_STRING && y->kind != YAML_NULL && y->text) {
        v->s[0] = str_copy(n->mem, y->text, (uint32_t)y->text_n);
    } else if (kind == TYPE_LONG && y->kind == YAML_LONG) {
        v->i[0] = y->number;
    } else if (kind == TYPE_BOOLEAN && y->kind == YAML_BOOLEAN) {
        v->b[0] = y->boolean;
    } else {
        return -ERR_CONFIG;
    }
    return 0;
}

static const char *column_name(struct node *n, const struct plan *p, uint32_t i, const char *value)
{
    char *name = arena_printf(n->mem, "%s_%s", transform_name(n, &p->t, i), value);
    for (char *c = name + strlen(name) - strlen(value); *c; c++) {
        *c = isalnum((unsigned char)*c) ? *c : '_';
    }
    return name;
}

static int category_problem(struct node *n, const struct yaml *y, const char *column,
                            const char *problem)
{
    return diags_add(n->diags, y->at, arena_printf(n->mem, "%s.categories", n->path), "%s: %s",
                     column, problem);
}

/* The values of one column. Their memory is the plan's. */
static int bind_values(struct node *n, struct plan *p, uint32_t i, const struct yaml *list)
{
    const struct transform_column *column = &p->t.column[i];
    struct classes *c = &p->given[i];
    int status = 0;
    *c = (struct classes){.type = column->type};
    if (list->n > CLASSES_MAX) {
        return category_problem(n, list, column->name, "more than 1000 values");
    }
    c->label = arena_array(n->mem, (size_t)list->n + 1, sizeof(*c->label));
    for (int k = 0; k < list->n; k++) {
        struct vec v;
        if (value_of(n, column, list->item[k], &v) < 0) {
            status = category_problem(n, list->item[k], column->name, "not a value of its type");
        } else if (classes_find(c, &v, 0) >= 0) {
            status = category_problem(n, list->item[k], column->name, "the same value twice");
        } else {
            struct buffer text;
            buffer_init(&text);
            vec_print(&text, &v, 0);
            c->label[c->n++] = (struct class_label){
                .number = column->type->kind == TYPE_BOOLEAN ? v.b[0]
                          : column->type->kind == TYPE_LONG  ? v.i[0]
                                                             : 0,
                .text = column->type->kind == TYPE_STRING ? v.s[0] : (struct str){0},
            };
            transform_out(n, &p->t, column_name(n, p, i, buffer_cstr(&text)), &type_long,
                          p->t.cfg->as ? -1 : (int)i);
            buffer_done(&text);
        }
    }
    return status;
}

/* The list for one column, or NULL after an error. */
static const struct yaml *list_of(struct node *n, const struct plan *p, uint32_t i,
                                  const struct yaml *categories)
{
    const char *name = p->t.column[i].name;
    const struct yaml *list =
        categories->kind == YAML_MAP ? yaml_get(categories, name) : categories;
    if (!list || list->kind != YAML_LIST || list->n == 0) {
        category_problem(n, list ? list : categories, name, "a list of its values is needed");
        return NULL;
    }
    return list;
}

static int bind_columns(struct node *n, struct plan *p, const struct one_hot_cfg *cfg)
{
    int status = 0;
    for (uint32_t i = 0; i < p->t.n; i++) {
        int from = cfg->common.as ? -1 : (int)i;
        p->first[i] = p->t.nout;
        if (p->t.column[i].type->kind == TYPE_DOUBLE) {
            status = algorithm_problem(n, "columns",
                                       "'%s' is a double, which has no values to count on: `bin` "
                                       "or cast(… as long) makes some",
                                       p->t.column[i].name);
        } else if (p->given) {
            const struct yaml *list = list_of(n, p, i, cfg->categories);
            status = !list || bind_values(n, p, i, list) < 0 ? -ERR_CONFIG : status;
        }
        for (int64_t k = 1; !p->given && k <= cfg->n; k++) {
            transform_out(n, &p->t,
                          column_name(n, p, i, arena_printf(n->mem, "%lld", (long long)k)),
                          &type_long, from);
        }
        transform_out(n, &p->t, column_name(n, p, i, "other"), &type_long, from);
    }
    p->first[p->t.n] = p->t.nout;
    return status;
}

static int one_hot_bind(struct node *n)
{
    const struct one_hot_cfg *cfg = n->cfg;
    struct plan *p = arena_zalloc(n->mem, sizeof(*p));
    bool has_n = cfg->n != CONFIG_UNSET;
    int status = transform_columns(n, &p->t, &encoder, &cfg->common, NULL);
    if (has_n == (cfg->categories != NULL)) {
        return algorithm_problem(n, has_n ? "n" : "categories",
                                 "either `categories`, the values, or `n`, a number of columns");
    }
    if (status < 0) {
        return status;
    }
    p->first = arena_array(n->mem, p->t.n + 1U, sizeof(*p->first));
    if (cfg->categories) {
        p->given = arena_zalloc(n->mem, p->t.n * sizeof(*p->given));
        p->t.learns = false;
    }
    status = bind_columns(n, p, cfg);
    return transform_bind(n, &p->t) < 0 ? -ERR_CONFIG : status;
}

const struct step_def op_one_hot = {
    .name = "one_hot",
    .doc = "a column of 0 and 1 for each value of a column",
    .config = fields,
    .config_size = sizeof(struct one_hot_cfg),
    .stateful = true,
    .state_version = 1,
    .bind = one_hot_bind,
    .needs = transform_needs,
    .state_codec = transform_codec,
    .state_layout = transform_layout,
    .lazy = transform_lazy,
    .open = transform_open,
    .push = transform_push,
    .flush = transform_flush,
    .describe = transform_describe,
    .close = transform_close,
};
