/* Writing container files: equal input makes equal files, blocks, a full disk. */
#include "schemas/container.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static size_t make(char **data, int rows, int flush_every, enum container_codec codec)
{
    size_t n = 0;
    struct container_writer *w = NULL;
    struct err e = {0};
    *data = NULL;
    FILE *f = open_memstream(data, &n);
    assert_int_equal(container_writer_open(&w, f, "\"boolean\"", codec, &e), 0);
    for (int i = 0; i < rows; i++) {
        assert_int_equal(container_write(w, "\1", 1, &e), 0);
        if (i % flush_every == flush_every - 1) {
            assert_int_equal(container_flush(w, &e), 0);
        }
    }
    assert_int_equal(container_flush(w, &e), 0);
    container_writer_close(w);
    fclose(f);
    return n;
}

static void the_bytes(void **state)
{
    (void)state;
    char *data, *again;
    size_t n = make(&data, 3, 2, CONTAINER_NULL);
    static const char header[] = "Obj\1\4\x16"
                                 "avro.schema\x12\"boolean\"\x14"
                                 "avro.codec\x08null\0";
    size_t h = sizeof header - 1;
    assert_int_equal(n, h + 16 + (1 + 1 + 2 + 16) + (1 + 1 + 1 + 16));
    assert_memory_equal(data, header, h);
    const char *sync = data + h, *block = sync + 16;
    assert_memory_equal(block, "\4\4\1\1", 4);
    assert_memory_equal(block + 4, sync, 16);
    assert_memory_equal(block + 20, "\2\2\1", 3);
    assert_memory_equal(block + 23, sync, 16);
    assert_int_equal(make(&again, 3, 2, CONTAINER_NULL), n);
    assert_memory_equal(data, again, n);
    free(data);
    free(again);
}

static void blocks_end_by_themselves(void **state)
{
    (void)state;
    char *plain, *packed;
    size_t n = make(&plain, 200000, 1 << 30, CONTAINER_NULL);
    assert_true(n > 200000 && n < 200400);
    assert_true(make(&packed, 200000, 1 << 30, CONTAINER_DEFLATE) < 2000);
    free(plain);
    free(packed);
}

static void failures(void **state)
{
    (void)state;
    struct container_writer *w = NULL;
    struct err e = {0};
    FILE *f = fopen("/dev/full", "wb");
    if (f == NULL) {
        skip();
    }
    assert_int_equal(container_writer_open(&w, f, "\"boolean\"", CONTAINER_NULL, &e), -ERR_RETRY);
    assert_non_null(strstr(e.text, "writing failed"));
    fclose(f);
    f = tmpfile();
    err_clear(&e);
    assert_int_equal(container_writer_open(&w, f, "\"bytes\"", CONTAINER_NULL, &e), 0);
    assert_int_equal(container_write(w, "", CONTAINER_BLOCK_MAX, &e), -ERR_DATA);
    container_writer_close(w);
    fclose(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_bytes),
                                       cmocka_unit_test(blocks_end_by_themselves),
                                       cmocka_unit_test(failures)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
