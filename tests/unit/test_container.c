/* Container files: written and read again, files of avro-c, damage of every byte. */
#include "schemas/container.h"

#include "engine/buffer.h"

#include <avro.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char schema[] =
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"s\",\"type\":"
    "\"string\"},{\"name\":\"n\",\"type\":\"long\"}]}";

/* A file of n records in memory; the caller frees it. */
static char *make(size_t *size, int n, enum container_codec codec)
{
    char *data = NULL;
    FILE *f = open_memstream(&data, size);
    struct container_writer *w = NULL;
    struct err e = {0};
    struct buffer datum;
    buffer_init(&datum);
    assert_int_equal(container_writer_open(&w, f, schema, codec, &e), 0);
    for (int i = 0; i < n; i++) {
        buffer_clear(&datum);
        buffer_varint(&datum, i % 50);
        for (int k = 0; k < i % 50; k++) {
            buffer_byte(&datum, (uint8_t)('a' + i % 26));
        }
        buffer_varint(&datum, i);
        assert_int_equal(container_write(w, datum.data, datum.n, &e), 0);
    }
    assert_int_equal(container_flush(w, &e), 0);
    assert_int_equal(container_flush(w, &e), 0);
    container_writer_close(w);
    fclose(f);
    buffer_done(&datum);
    return data;
}

/* Reads all: the number of datums, or the error. */
static int read_all(char *data, size_t n, struct err *e)
{
    FILE *f = fmemopen(data, n, "rb");
    struct container *c = NULL;
    const void *p;
    size_t size;
    int count = 0;
    err_clear(e);
    int rc = container_open(&c, f, "f.avro", e);
    if (rc == 0) {
        for (rc = container_next(c, &p, &size, e); rc > 0; rc = container_next(c, &p, &size, e)) {
            count++;
        }
        container_close(c);
    }
    fclose(f);
    return rc < 0 ? rc : count;
}

static void round_trip(void **state)
{
    (void)state;
    static const int counts[] = {0, 1, 5, 10000};
    for (size_t i = 0; i < 8; i++) {
        size_t size;
        struct err e = {0};
        char *data = make(&size, counts[i / 2], i % 2 ? CONTAINER_DEFLATE : CONTAINER_NULL);
        assert_int_equal(read_all(data, size, &e), counts[i / 2]);
        free(data);
    }
}

static void datums_have_their_bytes(void **state)
{
    (void)state;
    size_t size;
    char *data = make(&size, 1000, CONTAINER_DEFLATE);
    FILE *f = fmemopen(data, size, "rb");
    struct container *c = NULL;
    struct err e = {0};
    const void *p;
    size_t n;
    assert_int_equal(container_open(&c, f, "f.avro", &e), 0);
    assert_string_equal(container_schema(c), schema);
    for (int i = 0; i < 1000; i++) {
        int64_t number;
        assert_int_equal(container_next(c, &p, &n, &e), 1);
        const uint8_t *bytes = p;
        assert_ptr_equal(varint_read(bytes + 1 + i % 50, bytes + n, &number), bytes + n);
        assert_int_equal(number, i);
    }
    assert_int_equal(container_next(c, &p, &n, &e), 0);
    container_close(c);
    fclose(f);
    free(data);
}

/* avro-c writes with each codec, we read; and the other way round. */
static void other_side(void **state)
{
    (void)state;
    avro_schema_t s;
    assert_int_equal(avro_schema_from_json_length(schema, strlen(schema), &s), 0);
    avro_value_iface_t *iface = avro_generic_class_from_schema(s);
    for (int codec = 0; codec < 2; codec++) {
        char path[] = P_tmpdir "/klamm-container-XXXXXX";
        int fd = mkstemp(path);
        assert_true(fd >= 0);
        close(fd);
        avro_file_writer_t w;
        assert_int_equal(
            avro_file_writer_create_with_codec(path, s, &w, codec ? "deflate" : "null", 0), 0);
        avro_value_t v, field;
        avro_generic_value_new(iface, &v);
        for (int i = 0; i < 1000; i++) {
            avro_value_get_by_index(&v, 0, &field, NULL);
            avro_value_set_string(&field, "text");
            avro_value_get_by_index(&v, 1, &field, NULL);
            avro_value_set_long(&field, i);
            assert_int_equal(avro_file_writer_append_value(w, &v), 0);
        }
        avro_file_writer_close(w);
        FILE *f = fopen(path, "rb");
        struct container *c = NULL;
        struct err e = {0};
        const void *p;
        size_t n;
        assert_int_equal(container_open(&c, f, path, &e), 0);
        for (int i = 0; i < 1000; i++) {
            assert_int_equal(container_next(c, &p, &n, &e), 1);
            assert_memory_equal(p, "\x08text", 5);
        }
        assert_int_equal(container_next(c, &p, &n, &e), 0);
        container_close(c);
        fclose(f);

        size_t size;
        char *data = make(&size, 100, codec ? CONTAINER_DEFLATE : CONTAINER_NULL);
        f = fopen(path, "wb");
        assert_int_equal(fwrite(data, 1, size, f), size);
        fclose(f);
        free(data);
        avro_file_reader_t r;
        assert_int_equal(avro_file_reader(path, &r), 0);
        for (int i = 0; i < 100; i++) {
            int64_t number;
            assert_int_equal(avro_file_reader_read_value(r, &v), 0);
            avro_value_get_by_index(&v, 1, &field, NULL);
            avro_value_get_long(&field, &number);
            assert_int_equal(number, i);
        }
        assert_int_not_equal(avro_file_reader_read_value(r, &v), 0);
        avro_file_reader_close(r);
        avro_value_decref(&v);
        unlink(path);
    }
    avro_value_iface_decref(iface);
    avro_schema_decref(s);
}

/* Every prefix, and every byte changed: an error or fewer rows, never worse. */
static void damage(void **state)
{
    (void)state;
    for (int codec = 0; codec < 2; codec++) {
        size_t size;
        char *data = make(&size, 5, codec ? CONTAINER_DEFLATE : CONTAINER_NULL);
        struct err e = {0};
        for (size_t n = 1; n < size; n++) {
            int rc = read_all(data, n, &e);
            assert_true(rc == -ERR_DATA || rc == 0); /* 0: cut right behind the header */
        }
        for (size_t i = 0; i < size; i++) {
            for (int bit = 0; bit < 8; bit++) {
                data[i] = (char)(data[i] ^ 1 << bit);
                (void)read_all(data, size, &e);
                data[i] = (char)(data[i] ^ 1 << bit);
            }
        }
        free(data);
    }
}

static void hostile_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
    } each[] = {
        {"Obj\1\1\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", 15}, /* 2^63 entries */
        {"Obj\1\2\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", 15}, /* a key of 2^62 bytes */
        {"Obj\1\0aaaaaaaaaaaaaaaa", 21},                       /* no schema */
        {"Obj\1\2\x16"
         "avro.schema\x0c\"null\"\0aaaaaaaaaaaaaaaa"
         "\xff\xff\xff\xff\xff\xff\xff\xff\x7f\0aaaaaaaaaaaaaaaa",
         66}, /* 2^62 nulls */
        {"Obx\1", 4},
        {"Obj", 3},
        {"Obj\1\2\x14"
         "avro.codec\x0csnappy\0aaaaaaaaaaaaaaaa",
         40},
    };
    for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
        struct err e = {0};
        char copy[128];
        memcpy(copy, each[i].bytes, each[i].n);
        assert_int_equal(read_all(copy, each[i].n, &e), -ERR_DATA);
        assert_non_null(strstr(e.text, "f.avro"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip), cmocka_unit_test(datums_have_their_bytes),
        cmocka_unit_test(other_side), cmocka_unit_test(damage), cmocka_unit_test(hostile_sizes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
