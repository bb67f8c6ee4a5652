/* JSON, written: compact, members in the order of the columns.
 *
 *   double               the shortest digits that read back the same; "NaN", "Infinity",
 *                        "-Infinity"
 *   timestamp            ms as a number
 *   bytes                base64
 *   array, map, record   as themselves; of a map's equal keys all are written, the last one counts
 *   null                 null; an object of columns is written even when all of them are null
 *
 * Control characters, quotes and backslashes are escaped, all other text stays UTF-8.
 */
#include "schemas/json_print.h"

#include "schemas/base64.h"
#include "schemas/json_value.h"

#include <math.h>
#include <string.h>

static void escape(struct buffer *out, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *simple = c ? strchr(from, c) : NULL;
    char text[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
    if (simple != NULL) {
        text[1] = to[simple - from];
    }
    buffer_add(out, text, simple ? 2 : 6);
}

/* Bytes of the well-formed UTF-8 sequence at p, 0 when there is none. */
static size_t sequence(const char *p, size_t n)
{
    unsigned char lead = (unsigned char)*p;
    size_t want = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    return want <= n && utf8_valid(p, want) ? want : 0;
}

void json_print_string(struct buffer *out, const char *p, size_t n)
{
    bool is_valid = utf8_valid(p, n);
    buffer_byte(out, '"');
    size_t plain = 0; /* where the text not yet written begins */
    for (size_t i = 0; i < n;) {
        unsigned char c = (unsigned char)p[i];
        size_t length = is_valid || c < 0x80 ? 1 : sequence(p + i, n - i);
        if (c >= 0x20 && c != '"' && c != '\\' && length > 0) {
            i += length;
            continue;
        }
        buffer_add(out, p + plain, i - plain);
        if (length == 0) {
            buffer_text(out, "\xef\xbf\xbd");
        } else {
            escape(out, c);
        }
        plain = ++i;
    }
    buffer_add(out, p + plain, n - plain);
    buffer_byte(out, '"');
}

void json_print_double(struct buffer *out, double d)
{
    if (isfinite(d)) {
        print_double(out, d);
        return;
    }
    buffer_byte(out, '"');
    print_double(out, d);
    buffer_byte(out, '"');
}

void json_print_long(struct buffer *out, int64_t v)
{
    char text[20];
    size_t at = sizeof text;
    uint64_t left = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do {
        text[--at] = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (v < 0) {
        text[--at] = '-';
    }
    buffer_add(out, text + at, sizeof text - at);
}

static void print_items(struct buffer *out, const struct type *t, const struct nested_value *v)
{
    struct nested_cursor c = nested_open(t, v->s.p, v->s.n);
    struct nested_value item;
    const char *key;
    uint32_t key_n;
    buffer_byte(out, t->kind == TYPE_MAP ? '{' : '[');
    for (bool is_first = true; nested_next(&c, &key, &key_n, &item); is_first = false) {
        if (!is_first) {
            buffer_byte(out, ',');
        }
        if (t->kind == TYPE_MAP) {
            json_print_string(out, key, key_n);
            buffer_byte(out, ':');
        }
        json_print_value(out, t->of, &item);
    }
    buffer_byte(out, t->kind == TYPE_MAP ? '}' : ']');
}

static void print_fields(struct buffer *out, const struct type *t, const struct nested_value *v)
{
    buffer_byte(out, '{');
    for (uint16_t i = 0; i < t->nfields; i++) {
        struct nested_value field;
        if (!nested_field(t, v->s.p, v->s.n, i, &field)) {
            field = (struct nested_value){.is_null = true};
        }
        if (i > 0) {
            buffer_byte(out, ',');
        }
        json_print_string(out, t->field[i].name, strlen(t->field[i].name));
        buffer_byte(out, ':');
        json_print_value(out, t->field[i].type, &field);
    }
    buffer_byte(out, '}');
}

void json_print_value(struct buffer *out, const struct type *t, const struct nested_value *v)
{
    if (v->is_null) {
        buffer_add(out, "null", 4);
        return;
    }
    switch (t->kind) {
    case TYPE_BOOLEAN:
        buffer_text(out, v->i ? "true" : "false");
        break;
    case TYPE_LONG:
    case TYPE_TIMESTAMP:
        json_print_long(out, v->i);
        break;
    case TYPE_DOUBLE:
        json_print_double(out, v->d);
        break;
    case TYPE_STRING:
        json_print_string(out, v->s.p, v->s.n);
        break;
    case TYPE_BYTES:
        buffer_byte(out, '"');
        base64_encode(out, v->s.p, v->s.n);
        buffer_byte(out, '"');
        break;
    case TYPE_ARRAY:
    case TYPE_MAP:
        print_items(out, t, v);
        break;
    case TYPE_RECORD:
    default:
        print_fields(out, t, v);
        break;
    }
}

void json_rows_init_columns(struct json_rows *r, const struct schema *schema,
                            const uint16_t *column, uint16_t n)
{
    arena_init(&r->arena);
    r->root = json_shape(&r->arena, schema, column, n);
}

void json_rows_init(struct json_rows *r, const struct schema *schema)
{
    arena_init(&r->arena);
    uint16_t *column = arena_array(&r->arena, schema->n + 1U, sizeof *column);
    uint16_t n = json_visible_columns(schema, column);
    r->root = json_shape(&r->arena, schema, column, n);
}

void json_rows_done(struct json_rows *r)
{
    arena_done(&r->arena);
}

static void print_node(const struct json_node *node, const struct batch *b, uint16_t row,
                       struct buffer *out)
{
    if (node->column >= 0) {
        struct nested_value v = vec_value(&b->col[node->column], row);
        json_print_value(out, b->col[node->column].type, &v);
        return;
    }
    buffer_byte(out, '{');
    for (uint16_t i = 0; i < node->nchild; i++) {
        if (i > 0) {
            buffer_byte(out, ',');
        }
        json_print_string(out, node->child[i]->name, node->child[i]->name_n);
        buffer_byte(out, ':');
        print_node(node->child[i], b, row, out);
    }
    buffer_byte(out, '}');
}

void json_rows_print(const struct json_rows *r, const struct batch *b, uint16_t row,
                     struct buffer *out)
{
    print_node(r->root, b, row, out);
}
