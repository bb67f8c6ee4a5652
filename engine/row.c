/* Rows as bytes: items of nested.h, one behind the other, see row.h.
 */
#include "engine/row.h"

#include "engine/error.h"
#include "engine/nested.h"

struct row_layout row_layout_new(struct arena *a, const struct schema *schema)
{
    return (struct row_layout){.schema = schema,
                               .col = arena_array(a, schema->n + 1U, sizeof(uint16_t))};
}

void row_layout_add(struct row_layout *l, uint16_t column)
{
    l->col[l->n++] = column;
}

void row_layout_words(const struct row_layout *l, struct buffer *words)
{
    for (uint16_t i = 0; i < l->n; i++) {
        const struct column *c = &l->schema->col[l->col[i]];
        buffer_printf(words, "column %s ", c->name);
        type_print(words, c->type);
        buffer_byte(words, '\n');
    }
}

void row_save(struct buffer *out, const struct row_layout *l, const struct batch *b, uint16_t row)
{
    for (uint16_t i = 0; i < l->n; i++) {
        const struct vec *v = &b->col[l->col[i]];
        struct nested_value x = vec_value(v, row);
        nested_put(out, v->type, &x);
    }
}

int row_load(const struct row_layout *l, const void *p, size_t n, struct vec *col,
             const uint16_t *to, uint16_t row, uint16_t rows, struct arena *a)
{
    const uint8_t *at = p, *end = at + n;
    for (uint16_t i = 0; i < l->n; i++) {
        uint16_t c = to ? to[i] : l->col[i];
        struct vec *v = c == ROW_SKIP ? NULL : &col[c];
        struct nested_value x;
        if (at == end || *at > 1) {
            return -ERR_DATA;
        }
        bool is_null = *at++ == 0;
        if (!is_null) {
            at = nested_read_value(l->schema->col[l->col[i]].type, at, end, &x);
        }
        if (at == NULL) {
            return -ERR_DATA;
        }
        if (v && is_null) {
            vec_set_null(v, a, rows, row);
        } else if (v) {
            vec_set_value(v, a, row, &x);
        }
    }
    return at == end ? 0 : -ERR_DATA;
}
