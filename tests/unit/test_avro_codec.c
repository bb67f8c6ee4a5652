/* The codecs avro and avro_raw through struct codec_def: columns, wire format, schema lookups, both
 * directions.
 */
#include "engine/memory.h"
#include "engine/registry.h"
#include "tests/support/avro_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

extern const struct codec_def codec_avro, codec_avro_raw;

#define SAMPLE                                                                                     \
    "{\"type\":\"record\",\"name\":\"Sample\",\"fields\":["                                        \
    "{\"name\":\"host\",\"type\":\"string\"},{\"name\":\"ts\",\"type\":"                           \
    "{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}},"                                   \
    "{\"name\":\"load\",\"type\":[\"null\",\"double\"],\"default\":null}]}"

struct fixture {
    struct arena arena, mem;
    struct avro_store store;
    struct codec_spec spec;
    struct diags diags;
    struct err err;
    struct schema *schema;
};

static int setup(void **state)
{
    struct fixture *f = mem_zalloc(sizeof *f);
    arena_init(&f->arena);
    arena_init(&f->mem);
    avro_store_init(&f->store);
    diags_init(&f->diags);
    f->schema = schema_new(&f->arena, 64);
    f->spec = (struct codec_spec){.def = &codec_avro,
                                  .topic = "loads",
                                  .path = "streams.x.from",
                                  .subject = "out-value",
                                  .record_name = "HostLoad",
                                  .namespace_ = "klamm.host-load"};
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    diags_done(&f->diags);
    avro_store_done(&f->store);
    arena_done(&f->mem);
    arena_done(&f->arena);
    mem_free(f);
    return 0;
}

static void test_infer(void **state)
{
    struct fixture *f = *state;
    f->spec.schema_json = SAMPLE;
    assert_int_equal(codec_avro.infer(&f->spec, &f->arena, f->schema, &f->diags), 0);
    struct buffer b;
    buffer_init(&b);
    schema_print(&b, f->schema);
    assert_string_equal(buffer_cstr(&b), "host: string, ts: timestamp, load: double?");
    buffer_done(&b);
}

static void test_infer_without_schema_says_what_to_do(void **state)
{
    struct fixture *f = *state;
    assert_true(codec_avro.infer(&f->spec, &f->arena, f->schema, &f->diags) < 0);
    assert_non_null(strstr(f->diags.item[0].text, "no schema for topic loads"));
    f->spec.schema_json = "{\"type\":\"nothing\"}";
    assert_true(codec_avro.infer(&f->spec, &f->arena, f->schema, &f->diags) < 0);
    assert_non_null(strstr(f->diags.item[1].text, "unknown type \"nothing\""));
}

static void test_root_without_record_is_one_column(void **state)
{
    struct fixture *f = *state;
    f->spec.is_key = true;
    f->spec.schema_json = "\"string\"";
    assert_int_equal(codec_avro.infer(&f->spec, &f->arena, f->schema, &f->diags), 0);
    assert_string_equal(f->schema->col[0].name, "_key");
    assert_true(f->schema->col[0].hidden);
    uint32_t id = avro_store_add(&f->store, "loads-key", "\"string\"");
    struct codec_reader *r;
    assert_int_equal(
        codec_avro.reader_open(&r, &f->spec, f->schema, NULL, &f->store.store, &f->err), 0);
    struct batch *b = batch_new(&f->mem, f->schema, 1, NULL);
    const uint8_t data[] = {0, 0, 0, 0, (uint8_t)id, 4, 'h', '1'};
    assert_int_equal(codec_avro.read(r, data, sizeof data, b, 0, &f->err), 0);
    assert_int_equal(b->col[0].s[0].n, 2);
    codec_avro.reader_close(r);
}

static void test_reads_by_id_and_latest(void **state)
{
    struct fixture *f = *state;
    f->spec.schema_json = SAMPLE;
    assert_int_equal(codec_avro.infer(&f->spec, &f->arena, f->schema, &f->diags), 0);
    uint32_t old = avro_store_add(&f->store, "loads-value",
                                  "{\"type\":\"record\",\"name\":\"Sample\",\"fields\":["
                                  "{\"name\":\"ts\",\"type\":\"long\"},"
                                  "{\"name\":\"host\",\"type\":\"string\"}]}");
    uint32_t odd = avro_store_add(&f->store, "other-value", "{\"type\":\"bad\"}");
    uint32_t now = avro_store_add(&f->store, "loads-value", SAMPLE);
    f->spec.schema_json = NULL;
    struct codec_reader *r;
    assert_int_equal(
        codec_avro.reader_open(&r, &f->spec, f->schema, NULL, &f->store.store, &f->err), 0);
    struct batch *b = batch_new(&f->mem, f->schema, 4, NULL);
    const uint8_t one[] = {0, 0, 0, 0, (uint8_t)old, 10, 2, 'a'};
    const uint8_t two[] = {0, 0, 0, 0, (uint8_t)now, 2, 'b', 12, 2, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f};
    assert_int_equal(codec_avro.read(r, one, sizeof one, b, 0, &f->err), 0);
    assert_int_equal(codec_avro.read(r, two, sizeof two, b, 1, &f->err), 0);
    assert_int_equal(codec_avro.read(r, one, sizeof one, b, 2, &f->err), 0);
    assert_int_equal(b->col[1].i[0], 5);
    assert_true(vec_is_null(&b->col[2], 0));
    assert_true(b->col[2].d[1] == 1.5);
    assert_false(vec_is_null(&b->col[2], 1));
    assert_true(vec_is_null(&b->col[2], 2));
    const uint8_t unknown[] = {0, 1, 0, 0, 0}, magic[] = {1, 0, 0, 0, 1, 0};
    const uint8_t bad[] = {0, 0, 0, 0, (uint8_t)odd, 1};
    assert_int_equal(codec_avro.read(r, unknown, 5, b, 3, &f->err), -ERR_DATA);
    assert_string_equal(f->err.text, "there is no schema 16777216");
    err_clear(&f->err);
    assert_int_equal(codec_avro.read(r, magic, 6, b, 3, &f->err), -ERR_DATA);
    err_clear(&f->err);
    assert_int_equal(codec_avro.read(r, magic, 3, b, 3, &f->err), -ERR_DATA);
    for (int i = 0; i < 2; i++) {
        err_clear(&f->err);
        assert_int_equal(codec_avro.read(r, bad, 6, b, 3, &f->err), -ERR_DATA);
        assert_string_equal(f->err.text, "schema 2: Avro schema: unknown type \"bad\"");
    }
    assert_int_equal(codec_avro.read(r, one, sizeof one, b, 3, &f->err), 0);
    codec_avro.reader_close(r);
}

static void test_many_ids(void **state)
{
    struct fixture *f = *state;
    f->spec.schema_json = SAMPLE;
    assert_int_equal(codec_avro.infer(&f->spec, &f->arena, f->schema, &f->diags), 0);
    for (int i = 0; i < AVRO_STORE_MAX; i++) {
        char subject[32];
        snprintf(subject, sizeof subject, "s%d", i);
        avro_store_add(&f->store, subject, SAMPLE);
    }
    struct codec_reader *r;
    assert_int_equal(
        codec_avro.reader_open(&r, &f->spec, f->schema, NULL, &f->store.store, &f->err), 0);
    struct batch *b = batch_new(&f->mem, f->schema, 1, NULL);
    for (int i = 0; i < 3 * AVRO_STORE_MAX; i++) {
        uint8_t id = (uint8_t)(1 + i * 7 % AVRO_STORE_MAX);
        const uint8_t data[] = {0, 0, 0, 0, id, 2, 'x', (uint8_t)(2 * id % 64), 0};
        assert_int_equal(codec_avro.read(r, data, sizeof data, b, 0, &f->err), 0);
        assert_int_equal(b->col[1].i[0], id % 32);
    }
    codec_avro.reader_close(r);
}

static void add_columns(struct fixture *f)
{
    schema_add(f->schema, "_key", &type_string, false, true);
    schema_add(f->schema, "a.b", &type_string, false, false);
    schema_add(f->schema, "n", &type_long, true, false);
    schema_add(f->schema, "t", &type_timestamp, false, false);
    schema_add(f->schema, "xs", type_array(&f->arena, &type_double), true, false);
    f->schema->nkey = 2;
    f->schema->key = arena_array(&f->arena, 2, sizeof(uint16_t));
    f->schema->key[0] = 1;
    f->schema->key[1] = 2;
    f->schema->keyed = true;
}

static void test_writes_generated_schema(void **state)
{
    struct fixture *f = *state;
    add_columns(f);
    struct codec_writer *w;
    assert_int_equal(codec_avro.writer_open(&w, &f->spec, f->schema, &f->store.store, &f->err), 0);
    assert_string_equal(
        f->store.json[0],
        "{\"type\":\"record\",\"name\":\"HostLoad\",\"namespace\":\"klamm.host_load\","
        "\"fields\":[{\"name\":\"a_b\",\"type\":\"string\"},"
        "{\"name\":\"n\",\"type\":[\"null\",\"long\"],\"default\":null},"
        "{\"name\":\"t\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}},"
        "{\"name\":\"xs\",\"type\":[\"null\",{\"type\":\"array\",\"items\":[\"null\",\"double\"]}],"
        "\"default\":null}]}");
    struct batch *b = batch_new(&f->mem, f->schema, 2, NULL);
    b->col[1].s[0] = str_ref("hi", 2);
    b->col[2].i[0] = 3;
    b->col[3].i[0] = 4;
    vec_set_null(&b->col[4], b->mem, 2, 0);
    struct buffer out;
    buffer_init(&out);
    assert_int_equal(codec_avro.write(w, b, 0, &out, &f->err), 0);
    const uint8_t want[] = {0, 0, 0, 0, 1, 4, 'h', 'i', 2, 6, 8, 0};
    assert_int_equal(out.n, sizeof want);
    assert_memory_equal(out.data, want, sizeof want);
    vec_set_null(&b->col[3], b->mem, 2, 0);
    assert_int_equal(codec_avro.write(w, b, 0, &out, &f->err), -ERR_DATA);
    assert_string_equal(f->err.text, "Avro: column t: null, but the schema has no null there");
    assert_int_equal(out.n, sizeof want);
    buffer_done(&out);
    codec_avro.writer_close(w);
}

/* A stream that has been renamed goes on with the topic's record. */
static void test_keeps_the_name_of_the_record(void **state)
{
    struct fixture *f = *state;
    schema_add(f->schema, "n", &type_long, false, false);
    struct codec_writer *w;
    static const char *const known[][2] = {
        {"{\"type\":\"record\",\"name\":\"a.b.Old\",\"fields\":[]}",
         "{\"type\":\"record\",\"name\":\"Old\",\"namespace\":\"a.b\",\"fields\":[{\"name\":\"n\","
         "\"type\":\"long\"}]}"},
        {"{\"type\":\"record\",\"name\":\"Bare\",\"fields\":[]}",
         "{\"type\":\"record\",\"name\":\"Bare\",\"fields\":[{\"name\":\"n\",\"type\":\"long\"}]}"},
        {"\"string\"",
         "{\"type\":\"record\",\"name\":\"HostLoad\",\"namespace\":\"klamm.host_load\","
         "\"fields\":[{\"name\":\"n\",\"type\":\"long\"}]}"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        avro_store_add(&f->store, "out-value", known[i][0]);
        assert_int_equal(codec_avro.writer_open(&w, &f->spec, f->schema, &f->store.store, &f->err),
                         0);
        assert_string_equal(f->store.json[f->store.n - 1], known[i][1]);
        codec_avro.writer_close(w);
    }
    schema_add(f->schema, "m", &type_long, false, false);
    f->schema->key = (uint16_t[]){0, 1};
    f->schema->nkey = 2;
    f->spec.is_key = true;
    f->spec.subject = "out-key";
    avro_store_add(&f->store, "out-key",
                   "{\"type\":\"record\",\"name\":\"x.OldKey\",\"fields\":[]}");
    assert_int_equal(codec_avro.writer_open(&w, &f->spec, f->schema, &f->store.store, &f->err), 0);
    assert_string_equal(f->store.json[f->store.n - 1],
                        "{\"type\":\"record\",\"name\":\"OldKey\",\"namespace\":\"x\",\"fields\":[{"
                        "\"name\":\"n\",\"type\":\"long\"},{\"name\":\"m\",\"type\":\"long\"}]}");
    codec_avro.writer_close(w);
}

/* As a registry over HTTP knows what it has put. */
static int known_in_store(struct schema_store *s, const char *subject, const char **json)
{
    struct avro_store *m = (struct avro_store *)s;
    for (uint32_t i = m->n; i > 0; i--) {
        if (strcmp(m->subject[i - 1], subject) == 0) {
            *json = m->json[i - 1];
            return 1;
        }
    }
    return 0;
}

/* Writers are opened with every task that comes, while registries are slow or away. */
static void test_asks_for_the_name_once(void **state)
{
    struct fixture *f = *state;
    schema_add(f->schema, "n", &type_long, false, false);
    f->store.store.known = known_in_store;
    for (int i = 0; i < 3; i++) {
        struct codec_writer *w;
        assert_int_equal(codec_avro.writer_open(&w, &f->spec, f->schema, &f->store.store, &f->err),
                         0);
        codec_avro.writer_close(w);
    }
    assert_int_equal(f->store.asked, 1);
    assert_int_equal(f->store.n, 1);
    f->spec.subject = "other";
    f->spec.schema_file = "given.avsc";
    f->spec.schema_json = f->store.json[0];
    struct codec_writer *w;
    assert_int_equal(codec_avro.writer_open(&w, &f->spec, f->schema, &f->store.store, &f->err), 0);
    codec_avro.writer_close(w);
    assert_int_equal(f->store.asked, 1);
}

static void test_writes_keys(void **state)
{
    struct fixture *f = *state;
    add_columns(f);
    f->spec.is_key = true;
    f->spec.subject = "out-key";
    struct codec_writer *w;
    assert_int_equal(codec_avro.writer_open(&w, &f->spec, f->schema, &f->store.store, &f->err), 0);
    assert_string_equal(f->store.json[0],
                        "{\"type\":\"record\",\"name\":\"HostLoadKey\",\"namespace\":"
                        "\"klamm.host_load\",\"fields\":[{\"name\":\"a_b\",\"type\":\"string\"},"
                        "{\"name\":\"n\",\"type\":\"long\"}]}");
    codec_avro.writer_close(w);
    f->schema->nkey = 1;
    assert_int_equal(codec_avro.writer_open(&w, &f->spec, f->schema, &f->store.store, &f->err), 0);
    assert_string_equal(f->store.json[1], "\"string\"");
    codec_avro.writer_close(w);
}

static void test_names_collide(void **state)
{
    struct fixture *f = *state;
    schema_add(f->schema, "a.b", &type_string, false, false);
    schema_add(f->schema, "a_b", &type_string, false, false);
    struct codec_writer *w;
    assert_int_equal(codec_avro.writer_open(&w, &f->spec, f->schema, &f->store.store, &f->err),
                     -ERR_CONFIG);
    assert_string_equal(f->err.text,
                        "columns a.b and a_b would both be the Avro field a_b: rename one");
}

static void test_raw_round_trip(void **state)
{
    struct fixture *f = *state;
    f->spec.def = &codec_avro_raw;
    f->spec.schema_json = SAMPLE;
    f->spec.schema_file = "sample.avsc";
    assert_int_equal(codec_avro_raw.infer(&f->spec, &f->arena, f->schema, &f->diags), 0);
    struct codec_reader *r;
    struct codec_writer *w;
    assert_int_equal(codec_avro_raw.reader_open(&r, &f->spec, f->schema, NULL, NULL, &f->err), 0);
    assert_int_equal(codec_avro_raw.writer_open(&w, &f->spec, f->schema, NULL, &f->err), 0);
    struct batch *b = batch_new(&f->mem, f->schema, 2, NULL);
    const uint8_t data[] = {2, 'b', 12, 2, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f};
    assert_int_equal(codec_avro_raw.read(r, data, sizeof data, b, 1, &f->err), 0);
    struct buffer out;
    buffer_init(&out);
    assert_int_equal(codec_avro_raw.write(w, b, 1, &out, &f->err), 0);
    assert_int_equal(out.n, sizeof data);
    assert_memory_equal(out.data, data, sizeof data);
    buffer_done(&out);
    codec_avro_raw.reader_close(r);
    codec_avro_raw.writer_close(w);
    f->spec.schema_json = NULL;
    assert_int_equal(codec_avro_raw.reader_open(&r, &f->spec, f->schema, NULL, NULL, &f->err),
                     -ERR_CONFIG);
}

static void test_registered(void **state)
{
    (void)state;
    int found = 0;
    for (const struct codec_def *const *d = registry_codecs; *d; d++) {
        found += *d == &codec_avro || *d == &codec_avro_raw;
    }
    assert_int_equal(found, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_infer),
        TEST(test_infer_without_schema_says_what_to_do),
        TEST(test_root_without_record_is_one_column),
        TEST(test_reads_by_id_and_latest),
        TEST(test_many_ids),
        TEST(test_writes_generated_schema),
        TEST(test_keeps_the_name_of_the_record),
        TEST(test_asks_for_the_name_once),
        TEST(test_writes_keys),
        TEST(test_names_collide),
        TEST(test_raw_round_trip),
        cmocka_unit_test(test_registered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
