/* decode(encode(x)) = x for random schemas and batches; the same schemas and bytes beside avro-c.
 *
 * Schemas are made at random with every type that columns can hold, rows with nulls, strings of all
 * lengths and extreme numbers. avro-c is the oracle for identical schemas: what we write it reads
 * and writes to the same values, what it writes we read. The seed of a failure is in its message;
 * KLAMM_SEED starts elsewhere.
 */
#include "engine/memory.h"
#include "engine/nested.h"
#include "engine/random.h"
#include "schemas/avro_encode.h"
#include "tests/support/avro_support.h"

#include <avro.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SCHEMAS 400
#define ROWS    8

struct maker {
    struct random r;
    struct buffer text;
    uint32_t names;
};

static void make_type(struct maker *m, int depth);

static void make_named(struct maker *m, const char *kind, const char *prefix)
{
    buffer_printf(&m->text, "{\"type\":\"%s\",\"name\":\"%s%u\",", kind, prefix, m->names++);
}

static void make_record(struct maker *m, int depth)
{
    uint32_t n = 1 + random_below(&m->r, 5);
    make_named(m, "record", "R");
    buffer_text(&m->text, "\"fields\":[");
    for (uint32_t i = 0; i < n; i++) {
        buffer_printf(&m->text, "%s{\"name\":\"f%u\",\"type\":", i ? "," : "", i);
        make_type(m, depth - 1);
        buffer_byte(&m->text, '}');
    }
    buffer_text(&m->text, "]}");
}

static void make_scalar(struct maker *m)
{
    static const char *const scalars[] = {
        "\"boolean\"",
        "\"int\"",
        "\"long\"",
        "\"float\"",
        "\"double\"",
        "\"string\"",
        "\"bytes\"",
        "{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}",
        "{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}",
        "{\"type\":\"int\",\"logicalType\":\"date\"}",
        "{\"type\":\"string\",\"logicalType\":\"uuid\"}",
    };
    uint32_t i = random_below(&m->r, 13);
    if (i == 11) {
        make_named(m, "enum", "E");
        buffer_text(&m->text, "\"symbols\":[\"A\",\"B\",\"A_RATHER_LONG_SYMBOL\"]}");
    } else if (i == 12) {
        make_named(m, "fixed", "X");
        buffer_printf(&m->text, "\"size\":%u}", 1 + random_below(&m->r, 20));
    } else {
        buffer_text(&m->text, scalars[i]);
    }
}

static void make_type(struct maker *m, int depth)
{
    uint32_t i = random_below(&m->r, depth > 0 ? 12 : 6);
    if (i < 4) {
        make_scalar(m);
    } else if (i < 6) {
        bool null_first = random_below(&m->r, 2) == 0;
        buffer_text(&m->text, null_first ? "[\"null\"," : "[");
        make_scalar(m);
        buffer_text(&m->text, null_first ? "]" : ",\"null\"]");
    } else if (i < 8) {
        buffer_text(&m->text, "{\"type\":\"array\",\"items\":");
        make_type(m, depth - 1);
        buffer_byte(&m->text, '}');
    } else if (i < 9) {
        buffer_text(&m->text, "[\"null\",{\"type\":\"map\",\"values\":");
        make_type(m, depth - 1);
        buffer_text(&m->text, "}]");
    } else {
        buffer_text(&m->text, i == 11 ? "[\"null\"," : "");
        make_record(m, depth);
        buffer_text(&m->text, i == 11 ? "]" : "");
    }
}

static int64_t make_long(struct maker *m, bool is_int)
{
    static const int64_t extremes[] = {0, -1, 63, 64, -64, -65, INT32_MAX, INT32_MIN};
    int64_t v = (int64_t)((uint64_t)random_u32(&m->r) << 32 | random_u32(&m->r));
    uint32_t shift = random_below(&m->r, 64);
    if (random_below(&m->r, 3) == 0) {
        return extremes[random_below(&m->r, 8)];
    }
    return is_int ? (int32_t)(v >> 32) : v / (int64_t)(1ULL << (shift > 62 ? 62 : shift));
}

/* A value of schema s as one of its column type t; bytes go to *text. */
static void make_value(struct maker *m, const struct avro_node *s, const struct type *t,
                       struct nested_value *v, struct buffer *text)
{
    static const char *const words[] = {"",
                                        "a",
                                        "eleven chars",
                                        "twelve chars",
                                        "thirteen chars",
                                        "\xc3\xa4\xe4\xb8\xad",
                                        "a string that is somewhat longer"};
    bool is_nullable;
    s = avro_without_null(s, &is_nullable);
    buffer_clear(text);
    *v = (struct nested_value){.is_null = is_nullable && random_below(&m->r, 3) == 0};
    if (v->is_null) {
        return;
    }
    bool is_micros = s->logical == AV_TIMESTAMP_MICROS;
    if (t->kind == TYPE_BOOLEAN) {
        v->i = random_below(&m->r, 2);
    } else if (t->kind == TYPE_LONG || t->kind == TYPE_TIMESTAMP) {
        v->i = make_long(m, s->type == AV_INT) / (is_micros ? 1000 : 1);
    } else if (t->kind == TYPE_DOUBLE) {
        double d = random_below(&m->r, 8) ? random_normal(&m->r) * 1e3 : HUGE_VAL;
        v->d = s->type == AV_FLOAT ? (double)(float)d : d;
    } else if (s->type == AV_ENUM) {
        buffer_text(text, s->symbol[random_below(&m->r, s->n)]);
    } else if (s->type == AV_FIXED) {
        for (uint32_t i = 0; i < s->size; i++) {
            buffer_byte(text, (uint8_t)random_u32(&m->r));
        }
    } else if (t->kind == TYPE_STRING || t->kind == TYPE_BYTES) {
        buffer_text(text, words[random_below(&m->r, 7)]);
    } else {
        uint32_t n = t->kind == TYPE_RECORD ? s->n : random_below(&m->r, 4);
        if (t->kind != TYPE_RECORD) {
            buffer_varint(text, n);
        }
        for (uint32_t i = 0; i < n; i++) {
            struct nested_value item;
            struct buffer inner;
            bool is_record = t->kind == TYPE_RECORD;
            const struct type *of = is_record ? t->field[i].type : t->of;
            buffer_init(&inner);
            if (t->kind == TYPE_MAP) {
                buffer_varint(text, 2);
                buffer_printf(text, "k%u", i);
            }
            make_value(m, is_record ? s->field[i].type : s->branch[0], of, &item, &inner);
            nested_put(text, of, &item);
            buffer_done(&inner);
        }
    }
    v->s.p = t->kind >= TYPE_STRING ? buffer_cstr(text) : v->s.p;
    v->s.n = t->kind >= TYPE_STRING ? (uint32_t)text->n : v->s.n;
}

static void fill_row(struct maker *m, struct avro_case *c, uint16_t row)
{
    struct buffer text;
    buffer_init(&text);
    for (uint32_t i = 0; i < c->nleaves; i++) {
        struct vec *v = &c->b->col[i];
        struct nested_value value;
        make_value(m, c->leaf[i]->node, v->type, &value, &text);
        if (value.is_null) {
            vec_set_null(v, c->b->mem, c->b->rows, row);
        } else if (type_is_str(v->type)) {
            v->s[row] = str_copy(c->b->mem, value.s.p, value.s.n);
        } else if (v->type->kind == TYPE_DOUBLE) {
            v->d[row] = value.d;
        } else if (v->type->kind == TYPE_BOOLEAN) {
            v->b[row] = (uint8_t)value.i;
        } else {
            v->i[row] = value.i;
        }
    }
    buffer_done(&text);
}

/* Reads our bytes with avro-c and writes them again: the same bytes. */
static void check_with_avro_c(avro_schema_t schema, const struct buffer *bytes, uint64_t seed)
{
    avro_value_iface_t *iface = avro_generic_class_from_schema(schema);
    avro_value_t value;
    assert_int_equal(avro_generic_value_new(iface, &value), 0);
    avro_reader_t reader = avro_reader_memory(bytes->data, (int64_t)bytes->n);
    if (avro_value_read(reader, &value) != 0) {
        fail_msg("seed %llu: avro-c: %s", (unsigned long long)seed, avro_strerror());
    }
    char *again = mem_alloc(bytes->n + 64);
    avro_writer_t writer = avro_writer_memory(again, (int64_t)bytes->n + 64);
    assert_int_equal(avro_value_write(writer, &value), 0);
    /* avro-c may announce the size of blocks, so lengths may differ: compare what we read of it. */
    int64_t n = avro_writer_tell(writer);
    assert_true(n >= (int64_t)bytes->n);
    if (n == (int64_t)bytes->n) {
        assert_memory_equal(again, bytes->data, bytes->n);
    }
    avro_writer_free(writer);
    avro_reader_free(reader);
    avro_value_decref(&value);
    avro_value_iface_decref(iface);
    mem_free(again);
}

/* Writes every row and reads it back; rows that cannot be told apart from a null record stay out.
 */
static void check_rows(struct maker *m, struct avro_case *c, avro_schema_t oracle, uint64_t seed)
{
    struct avro_encoder *encoder;
    struct buffer bytes, want, got;
    buffer_init(&bytes);
    buffer_init(&want);
    buffer_init(&got);
    if (avro_encoder_compile(&encoder, &c->arena, c->shape, c->schema, &c->err) < 0) {
        fail_msg("seed %llu: %s", (unsigned long long)seed, c->err.text);
    }
    struct arena rows;
    arena_init(&rows);
    c->b = batch_new(&rows, c->schema, ROWS, NULL);
    struct batch *source = c->b;
    for (uint16_t row = 0; row < ROWS; row++) {
        c->b = source;
        fill_row(m, c, row);
        buffer_clear(&bytes);
        err_clear(&c->err);
        if (avro_encode(encoder, c->b, row, &bytes, &c->err) < 0) {
            assert_non_null(strstr(c->err.text, "null"));
            continue; /* a required field below a nullable record is null, its neighbour is not */
        }
        buffer_clear(&want);
        buffer_clear(&got);
        avro_case_print(&want, c, row);
        if (avro_case_decode(c, bytes.data, bytes.n) < 0) {
            fail_msg("seed %llu: %s", (unsigned long long)seed, c->err.text);
        }
        avro_case_print(&got, c, 0);
        if (want.n != got.n || memcmp(want.data, got.data, want.n) != 0) {
            fail_msg("seed %llu: wrote %s, read %s", (unsigned long long)seed, buffer_cstr(&want),
                     buffer_cstr(&got));
        }
        check_with_avro_c(oracle, &bytes, seed);
    }
    arena_done(&rows);
    buffer_done(&bytes);
    buffer_done(&want);
    buffer_done(&got);
}

static uint64_t first_seed(void)
{
    const char *text = getenv("KLAMM_SEED");
    return text ? strtoull(text, NULL, 10) : 1;
}

static void test_decode_encode(void **state)
{
    (void)state;
    for (uint64_t seed = first_seed(); seed < first_seed() + SCHEMAS; seed++) {
        struct maker m = {.names = 0};
        struct avro_case c;
        avro_schema_t oracle;
        random_seed(&m.r, seed, 1);
        buffer_init(&m.text);
        make_record(&m, 3);
        if (avro_case_open(&c, buffer_cstr(&m.text), NULL) < 0) {
            fail_msg("seed %llu: %s\n%s", (unsigned long long)seed, c.err.text, m.text.data);
        }
        assert_int_equal(avro_schema_from_json_length(m.text.data, m.text.n, &oracle), 0);
        check_rows(&m, &c, oracle, seed);
        avro_schema_decref(oracle);
        avro_case_done(&c);
        buffer_done(&m.text);
    }
}

/* A random value made by avro-c itself, for schemas of one record of scalars. */
static void set_random(struct maker *m, avro_value_t *v)
{
    avro_value_t inner;
    size_t n;
    switch (avro_value_get_type(v)) {
    case AVRO_RECORD:
        avro_value_get_size(v, &n);
        for (size_t i = 0; i < n; i++) {
            avro_value_get_by_index(v, i, &inner, NULL);
            set_random(m, &inner);
        }
        break;
    case AVRO_UNION:
        avro_value_set_branch(v, (int)random_below(&m->r, 2), &inner);
        set_random(m, &inner);
        break;
    case AVRO_ARRAY:
    case AVRO_MAP:
        for (uint32_t i = random_below(&m->r, 4); i > 0; i--) {
            char key[16];
            snprintf(key, sizeof key, "key%u", i);
            if (avro_value_get_type(v) == AVRO_ARRAY) {
                avro_value_append(v, &inner, NULL);
            } else {
                avro_value_add(v, key, &inner, NULL, NULL);
            }
            set_random(m, &inner);
        }
        break;
    case AVRO_BOOLEAN:
        avro_value_set_boolean(v, (int)random_below(&m->r, 2));
        break;
    case AVRO_INT32:
        avro_value_set_int(v, (int32_t)make_long(m, true));
        break;
    case AVRO_INT64:
        avro_value_set_long(v, make_long(m, false));
        break;
    case AVRO_FLOAT:
        avro_value_set_float(v, (float)random_normal(&m->r));
        break;
    case AVRO_DOUBLE:
        avro_value_set_double(v, random_normal(&m->r));
        break;
    case AVRO_STRING:
        avro_value_set_string(v, random_below(&m->r, 2) ? "short" : "this is not a short string");
        break;
    case AVRO_BYTES: {
        char bytes[] = "\1\2\3";
        avro_value_set_bytes(v, bytes, 3);
        break;
    }
    case AVRO_ENUM:
        avro_value_set_enum(v, (int)random_below(&m->r, 3));
        break;
    case AVRO_FIXED: {
        char bytes[32] = {1, 2, 3};
        avro_value_get_fixed(v, NULL, &n);
        avro_value_set_fixed(v, bytes, n);
        break;
    }
    case AVRO_NULL:
        avro_value_set_null(v);
        break;
    case AVRO_LINK:
    default:
        break;
    }
}

/* What avro-c writes we read to the end; written again by us, avro-c reads an equal value. */
static void test_avro_c_writes(void **state)
{
    (void)state;
    for (uint64_t seed = first_seed(); seed < first_seed() + SCHEMAS; seed++) {
        struct maker m = {.names = 0};
        struct avro_case c;
        struct avro_encoder *encoder;
        avro_schema_t schema;
        avro_value_t value, again;
        char data[65536];
        struct buffer bytes;
        random_seed(&m.r, seed, 2);
        buffer_init(&m.text);
        buffer_init(&bytes);
        make_record(&m, 3);
        assert_int_equal(avro_case_open(&c, buffer_cstr(&m.text), NULL), 0);
        assert_int_equal(avro_schema_from_json_length(m.text.data, m.text.n, &schema), 0);
        avro_value_iface_t *iface = avro_generic_class_from_schema(schema);
        avro_generic_value_new(iface, &value);
        avro_generic_value_new(iface, &again);
        set_random(&m, &value);
        avro_writer_t writer = avro_writer_memory(data, sizeof data);
        assert_int_equal(avro_value_write(writer, &value), 0);
        if (avro_case_decode(&c, data, (size_t)avro_writer_tell(writer)) < 0) {
            fail_msg("seed %llu: %s\n%s", (unsigned long long)seed, c.err.text, m.text.data);
        }
        assert_int_equal(avro_encoder_compile(&encoder, &c.arena, c.shape, c.schema, &c.err), 0);
        /* Microseconds are rounded and null records of all-null fields look alike: leave these out.
         */
        if (!strstr(m.text.data, "micros") &&
            !strstr(m.text.data, "[\"null\",{\"type\":\"record\"")) {
            assert_int_equal(avro_encode(encoder, c.b, 0, &bytes, &c.err), 0);
            avro_reader_t reader = avro_reader_memory(bytes.data, (int64_t)bytes.n);
            assert_int_equal(avro_value_read(reader, &again), 0);
            assert_true(avro_value_equal(&value, &again));
            avro_reader_free(reader);
        }
        avro_writer_free(writer);
        avro_value_decref(&value);
        avro_value_decref(&again);
        avro_value_iface_decref(iface);
        avro_schema_decref(schema);
        avro_case_done(&c);
        buffer_done(&bytes);
        buffer_done(&m.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode_encode),
        cmocka_unit_test(test_avro_c_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
