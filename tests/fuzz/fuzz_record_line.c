/* Any bytes as a record line: an error, or a record that prints to a line that parses to the same.
 */
#include "schemas/record_line.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void print(struct buffer *out, const struct record_line *l)
{
    struct record r = {.topic = l->topic,
                       .partition = l->partition,
                       .offset = l->offset,
                       .timestamp = l->timestamp,
                       .headers = l->headers,
                       .nheaders = l->nheaders};
    record_line_print(out, &r, l->key, l->value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct record_line l;
    struct err e = {0};
    struct buffer first, second;
    record_line_init(&l);
    buffer_init(&first);
    buffer_init(&second);
    if (record_line_parse(&l, (const char *)data, size, &e) == 0) {
        print(&first, &l);
        if (record_line_parse(&l, first.data, first.n, &e) < 0) {
            abort();
        }
        print(&second, &l);
        if (first.n != second.n || memcmp(first.data, second.data, first.n) != 0) {
            abort();
        }
    }
    buffer_done(&first);
    buffer_done(&second);
    record_line_done(&l);
    return 0;
}
