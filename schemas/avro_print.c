/* Trees back to text: the whole schema, and the Parsing Canonical Form with its fingerprint.
 *
 *   canonical   full names, no attributes but type name fields symbols items values size, in the
 *               order name type fields symbols items values size, no white space
 *   whole       the same, plus aliases, default, order, logicalType, precision, scale
 *
 * A named type is written out where it first appears and by its name from then on. The fingerprint
 * is the specification's CRC-64-AVRO; its table is made on the fly since it is needed only when a
 * schema is first seen.
 */
#include "schemas/avro_schema.h"

#include "engine/memory.h"

#include <string.h>

struct printer {
    struct buffer *b;
    bool is_whole;
    const struct avro_node **seen; /* named types written out */
    uint32_t nseen, cap;
};

static void print_node(struct printer *p, const struct avro_node *s);

static bool was_seen(struct printer *p, const struct avro_node *s)
{
    for (uint32_t i = 0; i < p->nseen; i++) {
        if (p->seen[i] == s) {
            return true;
        }
    }
    if (p->nseen == p->cap) {
        p->cap = p->cap ? 2 * p->cap : 16;
        p->seen = mem_resize(p->seen, p->cap, sizeof *p->seen);
    }
    p->seen[p->nseen++] = s;
    return false;
}

static void print_names(struct buffer *b, const char *key, const char *const *name, uint32_t n)
{
    buffer_printf(b, ",\"%s\":[", key);
    for (uint32_t i = 0; i < n; i++) {
        buffer_printf(b, "%s\"%s\"", i ? "," : "", name[i]);
    }
    buffer_byte(b, ']');
}

static void print_logical(struct printer *p, const struct avro_node *s)
{
    if (!p->is_whole || s->logical == AV_PLAIN) {
        return;
    }
    buffer_printf(p->b, ",\"logicalType\":\"%s\"", avro_logical_name(s->logical));
    if (s->logical == AV_DECIMAL) {
        buffer_printf(p->b, ",\"precision\":%u,\"scale\":%u", s->precision, s->scale);
    }
}

static void print_field(struct printer *p, const struct avro_field *f)
{
    buffer_printf(p->b, "{\"name\":\"%s\",\"type\":", f->name);
    print_node(p, f->type);
    if (p->is_whole && f->json) {
        buffer_text(p->b, ",\"default\":");
        buffer_text(p->b, f->json);
    }
    if (p->is_whole && f->order != AV_ASCENDING) {
        buffer_printf(p->b, ",\"order\":\"%s\"",
                      f->order == AV_DESCENDING ? "descending" : "ignore");
    }
    if (p->is_whole && f->naliases > 0) {
        print_names(p->b, "aliases", f->alias, f->naliases);
    }
    buffer_byte(p->b, '}');
}

static void print_named(struct printer *p, const struct avro_node *s)
{
    if (was_seen(p, s)) {
        buffer_printf(p->b, "\"%s\"", s->name);
        return;
    }
    buffer_printf(p->b, "{\"name\":\"%s\",\"type\":\"%s\"", s->name, avro_type_name(s->type));
    if (s->type == AV_RECORD) {
        buffer_text(p->b, ",\"fields\":[");
        for (uint32_t i = 0; i < s->n; i++) {
            buffer_text(p->b, i ? "," : "");
            print_field(p, &s->field[i]);
        }
        buffer_byte(p->b, ']');
    } else if (s->type == AV_ENUM) {
        print_names(p->b, "symbols", s->symbol, s->n);
        if (p->is_whole && s->symbol_default >= 0) {
            buffer_printf(p->b, ",\"default\":\"%s\"", s->symbol[s->symbol_default]);
        }
    } else {
        buffer_printf(p->b, ",\"size\":%u", s->size);
        print_logical(p, s);
    }
    if (p->is_whole && s->naliases > 0) {
        print_names(p->b, "aliases", s->alias, s->naliases);
    }
    buffer_byte(p->b, '}');
}

static void print_node(struct printer *p, const struct avro_node *s)
{
    if (s->name) {
        print_named(p, s);
    } else if (s->type == AV_UNION) {
        buffer_byte(p->b, '[');
        for (uint32_t i = 0; i < s->n; i++) {
            buffer_text(p->b, i ? "," : "");
            print_node(p, s->branch[i]);
        }
        buffer_byte(p->b, ']');
    } else if (s->type == AV_ARRAY || s->type == AV_MAP) {
        bool is_array = s->type == AV_ARRAY;
        buffer_text(p->b,
                    is_array ? "{\"type\":\"array\",\"items\":" : "{\"type\":\"map\",\"values\":");
        print_node(p, s->branch[0]);
        buffer_byte(p->b, '}');
    } else if (p->is_whole && s->logical != AV_PLAIN) {
        buffer_printf(p->b, "{\"type\":\"%s\"", avro_type_name(s->type));
        print_logical(p, s);
        buffer_byte(p->b, '}');
    } else {
        buffer_printf(p->b, "\"%s\"", avro_type_name(s->type));
    }
}

void avro_schema_print(struct buffer *b, const struct avro_node *s)
{
    struct printer p = {.b = b, .is_whole = true};
    print_node(&p, s);
    mem_free(p.seen);
}

void avro_schema_canonical(struct buffer *b, const struct avro_node *s)
{
    struct printer p = {.b = b};
    print_node(&p, s);
    mem_free(p.seen);
}

uint64_t avro_schema_fingerprint(const struct avro_node *s)
{
    const uint64_t empty = 0xc15d213aa4d7a795ULL;
    uint64_t table[256];
    for (uint64_t i = 0; i < 256; i++) {
        uint64_t f = i;
        for (int bit = 0; bit < 8; bit++) {
            f = (f >> 1) ^ (empty & (0 - (f & 1)));
        }
        table[i] = f;
    }
    struct buffer b;
    buffer_init(&b);
    avro_schema_canonical(&b, s);
    uint64_t f = empty;
    for (size_t i = 0; i < b.n; i++) {
        f = (f >> 8) ^ table[(f ^ (uint8_t)b.data[i]) & 0xff];
    }
    buffer_done(&b);
    return f;
}

bool avro_schema_same(const struct avro_node *a, const struct avro_node *b)
{
    struct buffer x, y;
    buffer_init(&x);
    buffer_init(&y);
    avro_schema_print(&x, a);
    avro_schema_print(&y, b);
    bool is_same = x.n == y.n && memcmp(buffer_cstr(&x), buffer_cstr(&y), x.n) == 0;
    buffer_done(&x);
    buffer_done(&y);
    return is_same;
}
