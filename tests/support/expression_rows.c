/* Rows for expressions: see expression_rows.h. Without cmocka, for fuzz targets too. */
#include "tests/support/expression_rows.h"

#include "engine/nested.h"

#include <assert.h>
#include <math.h>

static void set_text(struct fixture *f, uint16_t c, uint16_t row, const char *p, size_t n)
{
    f->batch->col[c].s[row] = str_copy(&f->mem, p, (uint32_t)n);
}

static void set_texts(struct fixture *f, uint16_t c, const char *const *texts)
{
    for (uint16_t row = 0; row < 4; row++) {
        if (texts[row] != NULL) {
            set_text(f, c, row, texts[row], strlen(texts[row]));
        } else {
            vec_set_null(&f->batch->col[c], &f->mem, 4, row);
        }
    }
}

static void set_longs(struct fixture *f, uint16_t c, const int64_t *values)
{
    memcpy(f->batch->col[c].i, values, 4 * sizeof *values);
}

static void set_doubles(struct fixture *f, uint16_t c, const double *values)
{
    memcpy(f->batch->col[c].d, values, 4 * sizeof *values);
}

static struct nested_value text_value(const char *s)
{
    return (struct nested_value){.is_null = s == NULL,
                                 .s = {s != NULL ? s : "", s != NULL ? (uint32_t)strlen(s) : 0}};
}

/* Takes the bytes gathered in b as the value of a row. */
static void set_nested(struct fixture *f, uint16_t c, uint16_t row, struct buffer *b)
{
    set_text(f, c, row, b->data, b->n);
    buffer_clear(b);
}

static void set_tags(struct fixture *f, uint16_t c)
{
    struct buffer b;
    buffer_init(&b);
    struct nested_value p = text_value("p"), q = text_value("q"), null = text_value(NULL);
    buffer_varint(&b, 2);
    nested_put(&b, &type_string, &p);
    nested_put(&b, &type_string, &q);
    set_nested(f, c, 0, &b);
    buffer_varint(&b, 0);
    set_nested(f, c, 1, &b);
    buffer_varint(&b, 1);
    nested_put(&b, &type_string, &null);
    set_nested(f, c, 2, &b);
    vec_set_null(&f->batch->col[c], &f->mem, 4, 3);
    buffer_done(&b);
}

static void set_nums(struct fixture *f, uint16_t c)
{
    static const double numbers[4][2] = {{1, 2}, {0, 0}, {3, 4}, {0.5, 0}};
    struct buffer b;
    buffer_init(&b);
    for (uint16_t row = 0; row < 4; row++) {
        int n = row == 1 ? 0 : 2;
        buffer_varint(&b, n);
        for (int k = 0; k < n; k++) {
            struct nested_value v = {.is_null = row == 3 && k == 1, .d = numbers[row][k]};
            nested_put(&b, &type_double, &v);
        }
        set_nested(f, c, row, &b);
    }
    buffer_done(&b);
}

static void add_entry(struct buffer *b, int64_t value, bool is_null)
{
    struct nested_value v = {.is_null = is_null, .i = value};
    buffer_varint(b, 1);
    buffer_byte(b, 'k');
    nested_put(b, &type_long, &v);
}

static void set_map(struct fixture *f, uint16_t c)
{
    struct buffer b;
    buffer_init(&b);
    buffer_varint(&b, 1);
    add_entry(&b, 7, false);
    set_nested(f, c, 0, &b);
    buffer_varint(&b, 0);
    set_nested(f, c, 1, &b);
    buffer_varint(&b, 1);
    add_entry(&b, 0, true);
    set_nested(f, c, 2, &b);
    buffer_varint(&b, 2);
    add_entry(&b, 1, false);
    add_entry(&b, 2, false);
    set_nested(f, c, 3, &b);
    buffer_done(&b);
}

static void set_records(struct fixture *f, uint16_t c)
{
    struct buffer b;
    buffer_init(&b);
    struct nested_value id = {.i = 5}, name = text_value("n");
    buffer_varint(&b, 1);
    buffer_byte(&b, 1);
    nested_put(&b, &type_long, &id);
    nested_put(&b, &type_string, &name);
    set_nested(f, c, 0, &b);
    for (uint16_t row = 1; row < 4; row++) {
        buffer_varint(&b, 0);
        set_nested(f, c, row, &b);
    }
    buffer_done(&b);
}

static void make_schema(struct fixture *f)
{
    static const struct {
        const char *name, *type;
        bool nullable, hidden;
    } columns[] = {
        {"a", "long", false, false},
        {"b", "long", true, false},
        {"x", "double", false, false},
        {"y", "double", true, false},
        {"s", "string", false, false},
        {"u", "string", true, false},
        {"t", "timestamp", false, false},
        {"f", "boolean", true, false},
        {"raw", "bytes", false, false},
        {"tags", "array<string>", true, false},
        {"nums", "array<double>", false, false},
        {"m", "map<long>", false, false},
        {"recs", "array<record<id: long, name: string>>", false, false},
        {"a.b", "long", false, false},
        {"odd name", "long", false, false},
        {"_key", "string", false, true},
    };
    uint16_t n = sizeof columns / sizeof columns[0];
    f->schema = schema_new(&f->plan, n);
    for (uint16_t c = 0; c < n; c++) {
        const struct type *type = type_parse(&f->plan, columns[c].type);
        assert(type != NULL);
        schema_add(f->schema, columns[c].name, type, columns[c].nullable, columns[c].hidden);
    }
}

void fixture_init(struct fixture *f)
{
    arena_init(&f->plan);
    arena_init(&f->mem);
    make_schema(f);
    struct batch *b = batch_new(&f->mem, f->schema, 4, NULL);
    f->batch = b;
    b->nsel = 4;
    b->now = 1234567;
    set_longs(f, 0, (const int64_t[]){1, 2, -3, INT64_MAX});
    set_longs(f, 1, (const int64_t[]){10, 0, 0, -1});
    vec_set_null(&b->col[1], &f->mem, 4, 1);
    set_doubles(f, 2, (const double[]){0.5, -2.25, nan(""), 1e300});
    set_doubles(f, 3, (const double[]){2, 0, 0, -HUGE_VAL});
    vec_set_null(&b->col[3], &f->mem, 4, 1);
    set_texts(f, 4, (const char *const[]){"abc", "", "Grüße aus Köln", "a,b,c"});
    set_texts(f, 5, (const char *const[]){"x", NULL, "long text: over twelve bytes", "7"});
    set_longs(f, 6, (const int64_t[]){1769862896789, 0, -1, 1709164800000});
    memcpy(b->col[7].b, (const uint8_t[]){1, 0, 0, 1}, 4);
    vec_set_null(&b->col[7], &f->mem, 4, 1);
    set_texts(f, 8, (const char *const[]){"AB", "", "\xff\xfe", "A"});
    set_tags(f, 9);
    set_nums(f, 10);
    set_map(f, 11);
    set_records(f, 12);
    set_longs(f, 13, (const int64_t[]){100, 200, 300, 400});
    set_longs(f, 14, (const int64_t[]){1, 2, 3, 4});
    set_texts(f, 15, (const char *const[]){"k0", "k1", "k2", "k3"});
}

void fixture_done(struct fixture *f)
{
    arena_done(&f->mem);
    arena_done(&f->plan);
}

struct config_text fixture_text(const char *text)
{
    return (struct config_text){
        .text = text, .at = {"test.yaml", 3, 5}, .path = "streams.s", .in_place = true};
}
