/* Any bytes as Avro data: "writer's schema 0 reader's schema 0 datum" (an empty reader's schema:
 * the writer's). What can be read is written again with the reader's schema; if that succeeds,
 * reading it once more gives the same row. */
#include "schemas/avro_encode.h"
#include "tests/support/avro_support.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const struct avro_case *c, const char *reader)
{
    struct avro_case again;
    struct avro_encoder *encoder;
    struct buffer bytes, first, second;
    buffer_init(&bytes);
    buffer_init(&first);
    buffer_init(&second);
    bool is_open = avro_case_open(&again, reader, NULL) == 0;
    if (is_open &&
        avro_encoder_compile(&encoder, &again.arena, again.shape, c->schema, NULL) == 0 &&
        avro_encode(encoder, c->b, 0, &bytes, NULL) == 0) {
        avro_case_print(&first, c, 0);
        if (avro_case_decode(&again, buffer_cstr(&bytes), bytes.n) < 0) {
            abort();
        }
        avro_case_print(&second, &again, 0);
        bool is_same =
            first.n == second.n && (first.n == 0 || memcmp(first.data, second.data, first.n) == 0);
        /* JSON text may come back from another branch of its union, as an equal value written
         * differently; decimals are rounded to their scale. */
        if (!is_same && !strstr(reader, "decimal") && !strchr(buffer_cstr(&first), '"')) {
            abort();
        }
    }
    avro_case_done(&again);
    buffer_done(&bytes);
    buffer_done(&first);
    buffer_done(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *one = memchr(data, 0, size);
    const uint8_t *two = one ? memchr(one + 1, 0, size - (size_t)(one + 1 - data)) : NULL;
    if (!two) {
        return 0;
    }
    const char *writer = (const char *)data, *reader = (const char *)one + 1;
    reader = reader[0] ? reader : writer;
    size_t n = size - (size_t)(two + 1 - data);
    struct avro_case c;
    struct buffer text;
    buffer_init(&text);
    if (avro_case_open(&c, writer, reader) == 0 && avro_case_decode(&c, two + 1, n) == 0) {
        avro_case_print(&text, &c, 0);
        check_again(&c, reader);
    }
    avro_case_done(&c);
    buffer_done(&text);
    return 0;
}
