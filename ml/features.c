/* Features of a batch: each expression is evaluated once for all rows, then rows are gathered one
 * by one, since each is predicted before it is learned.
 *
 *   numbers     long and double as they are, boolean as 0 and 1
 *   categories  strings, only for learners that take them: numbered in the order in which they were
 *               learned; one that was never learned, or one too many, is -1
 *   pattern     text that begins or ends with `*` and is otherwise a name: every visible numeric
 *               column that it matches, in the order of the input, but those that the label reads
 *   bags        array<string>, maps of numbers and strings, only for learners that take sparse
 *               features: hashed as feature_hash does (ml/hashed.c). Texts of a bag that was given a
 *               name, {title: tokenize(title)}, begin with it ("title=word"), else equal words of
 *               two bags are one feature; those of a string always do
 *   missing     a null, NaN or infinite feature, or one beyond +-1e150: the row has no prediction
 *               and is not learned. In a bag a null or such a value adds nothing, an empty one is no
 *               feature at all
 */
#include "ml/features.h"

#include "engine/memory.h"
#include "ml/pattern.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>

/* ---- binding ---- */

struct binding {
    struct features *f;
    const struct features_setup *setup;
    bool *is_label; /* per column: read by the label */
    uint32_t cap;
    int status;
};

static void add_feature(struct binding *x, const char *name, const struct expression *expression,
                        bool is_category)
{
    struct features *f = x->f;
    struct arena *mem = x->setup->mem;
    if (f->n == x->cap) {
        x->cap = x->cap ? x->cap * 2 : 8;
        struct learner_column *column = arena_array(mem, x->cap, sizeof(*column));
        const struct expression **all = arena_array(mem, x->cap, sizeof(*all));
        if (f->n > 0) {
            memcpy(column, f->column, f->n * sizeof(*column));
            memcpy(all, f->expression, f->n * sizeof(*all));
        }
        f->column = column;
        f->expression = all;
    }
    f->column[f->n] = (struct learner_column){.name = name, .is_category = is_category};
    f->expression[f->n++] = expression;
    f->ncategories += is_category;
}

static bool is_bag(const struct type *t)
{
    return (t->kind == TYPE_ARRAY && t->of->kind == TYPE_STRING) ||
           (t->kind == TYPE_MAP && type_is_numeric(t->of));
}

static void add_bag(struct binding *x, const char *name, const struct config_text *text,
                    const struct expression *expression)
{
    struct features *f = x->f;
    struct feature_bag *all = arena_array(x->setup->mem, f->nbags + 1, sizeof(*all));
    struct feature_bag bag = {.name = name ? name : text->text,
                              .expression = expression,
                              .begin = hashed_begin(0),
                              .is_named = name != NULL};
    if (name || expression_type(expression)->kind == TYPE_STRING) {
        hashed_add(&bag.begin, bag.name, strlen(bag.name));
        hashed_add(&bag.begin, "=", 1);
    }
    if (f->nbags > 0) {
        memcpy(all, f->bag, f->nbags * sizeof(*all));
    }
    all[f->nbags++] = bag;
    f->bag = all;
    f->nsparse = x->setup->nsparse;
}

static void refuse_bag(struct binding *x, const struct config_text *text, const struct type *type)
{
    struct buffer kind;
    buffer_init(&kind);
    type_print(&kind, type);
    x->status = diags_add(x->setup->diags, text->at, text->path,
                          "'%s' is of type %s, which %s does not take%s%s; or make columns of it "
                          "before: `feature_hash: {columns: …, as: h, n_features: 256}`",
                          text->text, buffer_cstr(&kind), x->setup->def->name,
                          x->setup->sparse_learners ? "; these do: " : "",
                          x->setup->sparse_learners ? x->setup->sparse_learners : "");
    buffer_done(&kind);
}

/* Compiles one expression and checks that the learner can take it. */
static void bind_expression(struct binding *x, const char *name, const struct config_text *text)
{
    const struct features_setup *setup = x->setup;
    const struct expression *expression;
    if (expression_compile(&expression, setup->mem, text, setup->in, setup->diags) < 0) {
        x->status = -ERR_CONFIG;
        return;
    }
    const struct type *type = expression_type(expression);
    bool takes_bags = setup->def->learn_sparse != NULL;
    int column = expression_column(expression);
    if (setup->label && column >= 0 && column == expression_column(setup->label)) {
        x->status = diags_add(setup->diags, text->at, text->path,
                              "'%s' is the label: a feature must be known before it", text->text);
    } else if (takes_bags && (is_bag(type) || type->kind == TYPE_STRING)) {
        add_bag(x, name, text, expression);
    } else if (is_bag(type)) {
        refuse_bag(x, text, type);
    } else if (type->kind == TYPE_STRING && !setup->def->takes_categories) {
        x->status =
            diags_add(setup->diags, text->at, text->path,
                      "'%s' is a string, and %s takes numbers and booleans, such as `%s = '…'`",
                      text->text, setup->def->name, text->text);
    } else if (!type_is_numeric(type) && type->kind != TYPE_BOOLEAN && type->kind != TYPE_STRING) {
        struct buffer kind;
        buffer_init(&kind);
        type_print(&kind, type);
        x->status = diags_add(setup->diags, text->at, text->path,
                              "'%s' is of type %s; a feature is a long, double or boolean",
                              text->text, buffer_cstr(&kind));
        buffer_done(&kind);
    } else {
        add_feature(x, name ? name : text->text, expression, type->kind == TYPE_STRING);
    }
}

static void bind_pattern(struct binding *x, const struct config_text *text)
{
    const struct schema *in = x->setup->in;
    uint32_t before = x->f->n;
    for (uint16_t c = 0; c < in->n; c++) {
        const struct column *column = &in->col[c];
        if (column->hidden || x->is_label[c] || !type_is_numeric(column->type) ||
            !pattern_matches(text->text, column->name)) {
            continue;
        }
        struct config_text name = *text;
        name.text = column->name;
        bind_expression(x, column->name, &name);
    }
    if (x->f->n == before && x->status == 0) {
        x->status = diags_add(x->setup->diags, text->at, text->path,
                              "no numeric column matches '%s'", text->text);
        if (in->partial) {
            diags_mark_echo(x->setup->diags);
        }
    }
}

static void bind_item(struct binding *x, const char *name, const struct config_text *text)
{
    if (pattern_is(text->text)) {
        bind_pattern(x, text);
    } else {
        bind_expression(x, name, text);
    }
}

/* Length of the text up to the next comma outside brackets and quotes. */
static size_t item_length(const char *text)
{
    int depth = 0;
    char quote = 0;
    size_t i = 0;
    for (; text[i]; i++) {
        char c = text[i];
        if (quote) {
            quote = c == quote ? 0 : quote;
        } else if (c == '\'' || c == '"') {
            quote = c;
        } else if (c == '(' || c == '[') {
            depth++;
        } else if (c == ')' || c == ']') {
            depth--;
        } else if (c == ',' && depth <= 0) {
            break;
        }
    }
    return i;
}

/* "mean, p99" in one string. */
static void bind_texts(struct binding *x, const struct config_text *text)
{
    const char *at = text->text;
    for (;;) {
        size_t n = item_length(at), skip = strspn(at, " \t\r\n");
        bool is_last = at[n] == '\0';
        const char *next = at + n + 1;
        struct config_text item = *text;
        at += skip < n ? skip : n;
        n -= skip < n ? skip : n;
        while (n > 0 && isspace((unsigned char)at[n - 1])) {
            n--;
        }
        item.text = arena_strndup(x->setup->mem, at, n);
        item.at.column += item.in_place ? (int)(at - text->text) : 0;
        bind_item(x, NULL, &item);
        if (is_last) {
            return;
        }
        at = next;
    }
}

int features_bind(struct features *f, const struct features_setup *setup)
{
    const struct config_list *list = setup->list;
    struct binding x = {
        .f = f,
        .setup = setup,
        .is_label = arena_zalloc(setup->mem, setup->in->n + 1),
    };
    *f = (struct features){0};
    if (setup->label) {
        expression_needs(setup->label, x.is_label);
    }
    for (int i = 0; i < list->n; i++) {
        const struct config_item *item = &list->item[i];
        if (item->name) {
            bind_item(&x, item->name, &item->value);
        } else {
            bind_texts(&x, &item->value);
        }
    }
    if (f->n + f->nbags > COLUMNS_MAX) {
        x.status = diags_add(setup->diags, setup->whole.at, setup->whole.path,
                             "%u features; at most %d", (unsigned)(f->n + f->nbags), COLUMNS_MAX);
    }
    if (f->n + f->nbags == 0 && x.status == 0) {
        x.status = diags_add(setup->diags, setup->whole.at, setup->whole.path,
                             "at least one feature is needed");
    }
    return x.status;
}

void features_needs(const struct features *f, bool *in)
{
    for (uint32_t i = 0; i < f->n; i++) {
        expression_needs(f->expression[i], in);
    }
    for (uint32_t i = 0; i < f->nbags; i++) {
        expression_needs(f->bag[i].expression, in);
    }
}

void features_layout(const struct features *f, struct buffer *words)
{
    for (uint32_t i = 0; i < f->n; i++) {
        expression_layout(words, f->expression[i]);
        buffer_byte(words, '\n');
    }
    for (uint32_t i = 0; i < f->nbags; i++) {
        buffer_printf(words, "hashed to %u as '%s': ", (unsigned)f->nsparse,
                      f->bag[i].is_named ? f->bag[i].name : "");
        expression_layout(words, f->bag[i].expression);
        buffer_byte(words, '\n');
    }
}

/* ---- rows ---- */

/* Doubles of a numeric or boolean column for the rows selected. */
static const double *as_doubles(const struct vec *v, const struct batch *b)
{
    if (v->type->kind == TYPE_DOUBLE) {
        return v->d;
    }
    double *d = arena_array(b->mem, b->rows, sizeof(double));
    bool is_boolean = v->type->kind == TYPE_BOOLEAN;
    for (uint16_t k = 0; k < b->nsel; k++) {
        uint16_t row = batch_row(b, k);
        d[row] = is_boolean ? v->b[row] != 0 : (double)v->i[row];
    }
    return d;
}

static void mark_missing(const struct vec *v, const double *d, const struct batch *b,
                         uint8_t *is_missing)
{
    for (uint16_t k = 0; k < b->nsel; k++) {
        uint16_t row = batch_row(b, k);
        bool is_finite = d == NULL || fabs(d[row]) <= FEATURE_MOST;
        is_missing[row] |= (uint8_t)(!is_finite || vec_is_null(v, row));
    }
}

/* Two lists of failed rows, each ascending, as one; the first error of a row counts. */
static void merge_errors(struct row_errors *into, const struct row_errors *more, struct arena *mem)
{
    if (more->n == 0) {
        return;
    }
    struct row_errors all = {.item =
                                 arena_array(mem, (size_t)into->n + more->n, sizeof(all.item[0]))};
    uint16_t i = 0, j = 0;
    while (i < into->n || j < more->n) {
        bool from_first = j == more->n || (i < into->n && into->item[i].row <= more->item[j].row);
        if (from_first && j < more->n && into->item[i].row == more->item[j].row) {
            j++;
        }
        all.item[all.n++] = from_first ? into->item[i++] : more->item[j++];
    }
    *into = all;
}

/* Bags that are null, and rows of too many items. */
static void mark_bags(const struct features *f, const struct batch *b, struct feature_rows *out)
{
    for (uint16_t k = 0; k < b->nsel && f->nbags > 0; k++) {
        uint16_t row = batch_row(b, k);
        int64_t items = 0;
        for (uint32_t j = 0; j < f->nbags; j++) {
            const struct vec *v = &out->bag[j];
            bool is_null = vec_is_null(v, row);
            int64_t more = is_null ? 0 : hashed_count(v, row);
            out->is_missing[row] |= is_null || more > BAG_ITEMS_MOST || more < 0;
            items += more;
        }
        out->is_missing[row] |= items > BAG_ITEMS_MOST;
    }
}

int features_eval(const struct features *f, const struct batch *b, struct feature_rows *out,
                  struct row_errors *errors)
{
    out->value = arena_array(b->mem, f->n, sizeof(*out->value));
    out->text = arena_array(b->mem, f->n, sizeof(*out->text));
    out->bag = arena_array(b->mem, f->nbags + 1, sizeof(*out->bag));
    out->is_missing = arena_zalloc(b->mem, b->rows + 1U);
    for (uint32_t j = 0; j < f->nbags; j++) {
        struct row_errors failed = {0};
        int status = expression_eval(f->bag[j].expression, b, &out->bag[j], &failed);
        if (status < 0) {
            return status;
        }
        merge_errors(errors, &failed, b->mem);
    }
    for (uint32_t j = 0; j < f->n; j++) {
        struct vec v;
        struct row_errors failed = {0};
        int status = expression_eval(f->expression[j], b, &v, &failed);
        if (status < 0) {
            return status;
        }
        merge_errors(errors, &failed, b->mem);
        bool is_category = f->column[j].is_category;
        out->value[j] = is_category ? NULL : as_doubles(&v, b);
        out->text[j] = is_category ? v.s : NULL;
        mark_missing(&v, out->value[j], b, out->is_missing);
    }
    mark_bags(f, b, out);
    return 0;
}

static double category_of(struct classes *c, const struct str *text, uint16_t row,
                          enum feature_use use)
{
    union {
        const struct str *from;
        struct str *to;
    } shared = {.from = text};
    struct vec v = {.type = &type_string, .s = shared.to};
    int number = classes_find(c, &v, row);
    if (number < 0 && use == FEATURE_LEARN) {
        number = classes_add(c, &v, row);
    }
    return number < 0 ? -1 : number;
}

void features_row(const struct features *f, const struct feature_rows *rows, uint16_t row,
                  struct classes *category, enum feature_use use, double *x)
{
    if (f->ncategories == 0) {
        for (uint32_t j = 0; j < f->n; j++) {
            x[j] = rows->value[j][row];
        }
        return;
    }
    uint32_t next = 0;
    for (uint32_t j = 0; j < f->n; j++) {
        bool is_category = f->column[j].is_category;
        x[j] = is_category ? category_of(&category[next++], rows->text[j], row, use)
                           : rows->value[j][row];
    }
}

void features_bag(const struct features *f, const struct feature_rows *rows, uint16_t row,
                  struct bag *out)
{
    int64_t most = 0;
    for (uint32_t j = 0; j < f->nbags; j++) {
        most += hashed_count(&rows->bag[j], row);
    }
    bag_begin(out, (uint32_t)most);
    for (uint32_t j = 0; j < f->nbags; j++) {
        struct hashed_items items = hashed_open(&rows->bag[j], row, f->bag[j].begin);
        uint32_t hash;
        double value;
        while (hashed_next(&items, &hash, &value)) {
            bool is_negative;
            uint32_t index = hashed_index(hash, f->nsparse, &is_negative);
            bag_add(out, index, is_negative ? -value : value);
        }
    }
    bag_end(out);
}

bool features_hold(const struct features *f, const double *x, size_t n)
{
    if (f->nbags == 0) {
        return n == f->n;
    }
    if (n <= f->n || !(x[f->n] >= 0 && x[f->n] <= BAG_ITEMS_MOST)) {
        return false;
    }
    const void *items = x + f->n + 1;
    uint32_t count = (uint32_t)x[f->n];
    return n == f->n + 1 + 2 * (size_t)count && bag_holds(items, count, f->nsparse);
}
