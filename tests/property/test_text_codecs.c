/* decode(encode(x)) = x for json and csv: random columns of random types with random values. The
 * seed is printed; KLAMM_SEED repeats a run. */
#include "engine/codec.h"
#include "engine/memory.h"
#include "engine/nested.h"
#include "engine/random.h"
#include "schemas/json_print.h"
#include "schemas/record_line.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

extern const struct codec_def codec_json, codec_csv;

#define ROWS 20

static uint64_t seed_of(uint64_t otherwise)
{
    const char *text = getenv("KLAMM_SEED");
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static const struct type *random_type(struct random *r, struct arena *a, int depth)
{
    static const struct type *const basic[] = {&type_boolean, &type_long,  &type_double,
                                               &type_string,  &type_bytes, &type_timestamp};
    uint32_t pick = random_below(r, depth > 0 ? 10 : 6);
    if (pick < 6) {
        return basic[pick];
    }
    if (pick < 9) {
        const struct type *of = random_type(r, a, depth - 1);
        return pick == 8 ? type_map(a, of) : type_array(a, of);
    }
    uint16_t n = (uint16_t)(1 + random_below(r, 4));
    struct type_field *field = arena_array(a, n, sizeof *field);
    for (uint16_t i = 0; i < n; i++) {
        field[i].name = arena_printf(a, "f%d", i);
        field[i].type = random_type(r, a, depth - 1);
    }
    struct type *record = arena_zalloc(a, sizeof *record);
    *record = (struct type){.kind = TYPE_RECORD, .nfields = n, .field = field};
    return type_array(a, record);
}

static double random_double(struct random *r)
{
    switch (random_below(r, 8)) {
    case 0:
        return (double)NAN;
    case 1:
        return random_below(r, 2) ? (double)INFINITY : -(double)INFINITY;
    case 2:
        return (double)random_below(r, 1000);
    case 3:
        return -0.0;
    case 4:
        return random_unit(r);
    default: {
        double d;
        uint64_t bits = (uint64_t)random_u32(r) << 32 | random_u32(r);
        memcpy(&d, &bits, sizeof d);
        return isnan(d) ? (double)NAN : d;
    }
    }
}

static int64_t random_long(struct random *r)
{
    uint64_t bits = (uint64_t)random_u32(r) << 32 | random_u32(r);
    return (int64_t)(bits >> random_below(r, 64)) * (random_below(r, 2) ? 1 : -1);
}

/* UTF-8 with everything that has to be escaped. */
static void random_text(struct random *r, struct buffer *b)
{
    static const char *const part[] = {"a",
                                       "\"",
                                       "\\",
                                       "\n",
                                       "\r\n",
                                       "\t",
                                       ",",
                                       "\x01",
                                       "\x7f",
                                       "/",
                                       "\xc3\xa4",
                                       "\xe2\x82\xac",
                                       "\xf0\x9f\x98\x80",
                                       " ",
                                       "\"\"",
                                       "null",
                                       "x",
                                       "\xef\xbb\xbf",
                                       "[",
                                       "'"};
    for (uint32_t n = random_below(r, 12); n > 0; n--) {
        if (random_below(r, 20) == 0) {
            buffer_byte(b, 0);
        }
        buffer_text(b, part[random_below(r, sizeof part / sizeof *part)]);
    }
}

static void random_nested(struct random *r, const struct type *t, struct buffer *b);

static void random_value(struct random *r, const struct type *t, struct nested_value *v,
                         struct buffer *bytes)
{
    *v = (struct nested_value){0};
    if (t->kind == TYPE_STRING) {
        random_text(r, bytes);
    } else if (t->kind == TYPE_BYTES) {
        for (uint32_t n = random_below(r, 20); n > 0; n--) {
            buffer_byte(bytes, (uint8_t)random_u32(r));
        }
    } else if (type_is_str(t)) {
        random_nested(r, t, bytes);
    } else if (t->kind == TYPE_DOUBLE) {
        v->d = random_double(r);
    } else {
        v->i = t->kind == TYPE_BOOLEAN ? random_below(r, 2) : random_long(r);
    }
    if (type_is_str(t)) {
        v->s.p = bytes->data ? bytes->data : "";
        v->s.n = (uint32_t)bytes->n;
    }
}

static void random_item(struct random *r, const struct type *t, struct buffer *b)
{
    struct nested_value v = {.is_null = true};
    struct buffer bytes;
    buffer_init(&bytes);
    if (random_below(r, 6) > 0) {
        random_value(r, t, &v, &bytes);
    }
    nested_put(b, t, &v);
    buffer_done(&bytes);
}

static void random_nested(struct random *r, const struct type *t, struct buffer *b)
{
    if (t->kind == TYPE_RECORD) {
        for (uint16_t i = 0; i < t->nfields; i++) {
            random_item(r, t->field[i].type, b);
        }
        return;
    }
    uint32_t n = random_below(r, 5);
    buffer_varint(b, n);
    for (uint32_t i = 0; i < n; i++) {
        if (t->kind == TYPE_MAP) {
            struct buffer key;
            buffer_init(&key);
            random_text(r, &key);
            buffer_printf(&key, "%u", i);
            buffer_varint(b, (int64_t)key.n);
            buffer_add(b, key.data, key.n);
            buffer_done(&key);
        }
        random_item(r, t->of, b);
    }
}

static void fill(struct random *r, struct batch *b)
{
    for (uint16_t c = 0; c < b->schema->n; c++) {
        const struct type *t = b->schema->col[c].type;
        for (uint16_t row = 0; row < b->rows; row++) {
            struct buffer bytes;
            struct nested_value v;
            buffer_init(&bytes);
            random_value(r, t, &v, &bytes);
            if (random_below(r, 5) == 0) {
                vec_set_null(&b->col[c], b->mem, b->rows, row);
            } else if (type_is_str(t)) {
                b->col[c].s[row] = str_copy(b->mem, v.s.p, v.s.n);
            } else if (t->kind == TYPE_DOUBLE) {
                b->col[c].d[row] = v.d;
            } else if (t->kind == TYPE_BOOLEAN) {
                b->col[c].b[row] = (uint8_t)v.i;
            } else {
                b->col[c].i[row] = v.i;
            }
            buffer_done(&bytes);
        }
    }
}

static void check_rows(const struct codec_def *def, struct batch *b, uint64_t seed)
{
    struct codec_spec spec = {.def = def};
    struct codec_reader *reader = NULL;
    struct codec_writer *writer = NULL;
    struct err e = {0};
    struct buffer text;
    buffer_init(&text);
    assert_int_equal(def->reader_open(&reader, &spec, b->schema, NULL, NULL, &e), 0);
    assert_int_equal(def->writer_open(&writer, &spec, b->schema, NULL, &e), 0);
    struct batch *back = batch_new(b->mem, b->schema, b->rows, NULL);
    for (uint16_t row = 0; row < b->rows; row++) {
        buffer_clear(&text);
        assert_int_equal(def->write(writer, b, row, &text, &e), 0);
        char *exact = mem_strndup(text.data ? text.data : "", text.n);
        if (def->read(reader, exact, text.n, back, row, &e) < 0) {
            fail_msg("seed %llu: %s: %s", (unsigned long long)seed, e.text, exact);
        }
        for (uint16_t c = 0; c < b->schema->n; c++) {
            if (!vec_same(&b->col[c], row, &back->col[c], row)) {
                fail_msg("seed %llu: column %s: %s", (unsigned long long)seed,
                         b->schema->col[c].name, exact);
            }
        }
        mem_free(exact);
    }
    def->reader_close(reader);
    def->writer_close(writer);
    buffer_done(&text);
}

static void codecs_round_trip(void **state)
{
    (void)state;
    for (uint64_t seed = seed_of(1), end = seed_of(0) ? seed + 1 : 300; seed < end; seed++) {
        struct random r;
        struct arena a;
        random_seed(&r, seed, 1);
        arena_init(&a);
        uint16_t n = (uint16_t)(1 + random_below(&r, 12));
        struct schema *s = schema_new(&a, n);
        for (uint16_t c = 0; c < n; c++) {
            const char *name = random_below(&r, 3) ? arena_printf(&a, "c%d", c)
                                                   : arena_printf(&a, "o%d.c%d", c % 2, c);
            schema_add(s, name, random_type(&r, &a, 3), true, false);
        }
        struct batch *b = batch_new(&a, s, ROWS, NULL);
        b->nsel = ROWS;
        fill(&r, b);
        check_rows(&codec_json, b, seed);
        check_rows(&codec_csv, b, seed);
        arena_done(&a);
    }
}

/* A printed record line parses to the same record. */
static void record_lines_round_trip(void **state)
{
    (void)state;
    struct record_line l;
    record_line_init(&l);
    for (uint64_t seed = seed_of(1), end = seed_of(0) ? seed + 1 : 2000; seed < end; seed++) {
        struct random r;
        struct buffer name[3], value[3], topic, key, out;
        struct header header[3];
        random_seed(&r, seed, 2);
        buffer_init(&topic);
        buffer_init(&key);
        buffer_init(&out);
        buffer_printf(&topic, "t%u", random_below(&r, 10));
        struct record record = {.topic = buffer_cstr(&topic), .headers = header, .nheaders = 3};
        record.partition = random_below(&r, 3) ? (int32_t)random_below(&r, 100) : -1;
        record.offset = random_below(&r, 3) ? llabs(random_long(&r)) : -1;
        record.timestamp = random_below(&r, 3) ? llabs(random_long(&r)) : -1;
        for (int i = 0; i < 3; i++) {
            buffer_init(&name[i]);
            buffer_init(&value[i]);
            buffer_printf(&name[i], "h%u", random_below(&r, 4));
            random_text(&r, &value[i]);
            if (random_below(&r, 4) == 0) {
                buffer_byte(&value[i], 0xff);
            }
            header[i] = (struct header){buffer_cstr(&name[i]), value[i].data, value[i].n};
        }
        struct buffer text;
        buffer_init(&text);
        random_text(&r, &text);
        json_print_string(&key, text.data ? text.data : "", text.n);
        struct json_text key_json = {key.data, key.n}, none = {0};
        record_line_print(&out, &record, key_json, random_below(&r, 2) ? key_json : none);
        struct err e = {0};
        if (record_line_parse(&l, out.data, out.n, &e) < 0) {
            fail_msg("seed %llu: %s: %s", (unsigned long long)seed, e.text, buffer_cstr(&out));
        }
        assert_string_equal(l.topic, record.topic);
        assert_int_equal(l.partition, record.partition);
        assert_int_equal(l.offset, record.offset);
        assert_int_equal(l.timestamp, record.timestamp);
        assert_int_equal(l.nheaders, 3);
        for (int i = 0; i < 3; i++) {
            assert_string_equal(l.headers[i].name, header[i].name);
            assert_int_equal(l.headers[i].n, header[i].n);
            assert_int_equal(l.headers[i].value == NULL, header[i].value == NULL);
            assert_true(header[i].n == 0 ||
                        memcmp(l.headers[i].value, header[i].value, header[i].n) == 0);
            buffer_done(&name[i]);
            buffer_done(&value[i]);
        }
        buffer_clear(&out);
        assert_true(record_line_text(&out, l.key));
        assert_int_equal(out.n, text.n);
        assert_true(text.n == 0 || memcmp(out.data, text.data, text.n) == 0);
        buffer_done(&text);
        buffer_done(&topic);
        buffer_done(&key);
        buffer_done(&out);
    }
    record_line_done(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(codecs_round_trip),
                                       cmocka_unit_test(record_lines_round_trip)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
