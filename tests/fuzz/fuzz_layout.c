/* Any bytes as two layouts and a value, split at zero bytes: read, compared, migrated. */
#include "engine/migration.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Up to the next zero byte, in a block of its own. */
static char *take(const uint8_t **p, size_t *left, size_t *n)
{
    const uint8_t *end = *left > 0 ? memchr(*p, 0, *left) : NULL;
    *n = end ? (size_t)(end - *p) : *left;
    char *copy = malloc(*n + 1);
    if (*n > 0) {
        memcpy(copy, *p, *n);
    }
    *p += *n + (end != NULL);
    *left -= *n + (end != NULL);
    return copy;
}

/* A value of no rows, as a bound step would have it; false: a large one. */
static bool make_initial(struct layout *l, struct buffer *out)
{
    uint64_t n = (uint64_t)l->head + l->tail;
    for (uint16_t i = 0; i < l->nparts; i++) {
        n += l->part[i].fixed;
    }
    if (n > 1U << 20) {
        return false;
    }
    memset(buffer_reserve(out, n), 0, n);
    out->n += n;
    for (uint16_t i = 0; i < l->nparts; i++) {
        if (l->part[i].has_blob) {
            buffer_varint(out, 0);
        }
    }
    l->initial = out->data;
    l->initial_n = out->n;
    return true;
}

static void migrate(const struct layout *from, struct layout *to, const char *value, size_t n,
                    struct arena *a)
{
    struct buffer why, out, initial;
    buffer_init(&why);
    buffer_init(&out);
    buffer_init(&initial);
    enum layout_fate fate = layout_compare(from, to, &why);
    if (fate != LAYOUT_OTHER && make_initial(to, &initial)) {
        (void)migration_run(migration_new(from, to, a), value, n, &out);
    }
    buffer_done(&why);
    buffer_done(&out);
    buffer_done(&initial);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct layout *from, *to;
    size_t n[2];
    char *text[2];
    if (size > 20000) {
        return 0;
    }
    arena_init(&a);
    for (int i = 0; i < 2; i++) {
        text[i] = take(&data, &size, &n[i]);
    }
    if (layout_read(&from, text[0], n[0], &a) == 0 && layout_read(&to, text[1], n[1], &a) == 0) {
        char *value = malloc(size + 1);
        if (size > 0) {
            memcpy(value, data, size);
        }
        migrate(from, to, value, size, &a);
        free(value);
    }
    free(text[0]);
    free(text[1]);
    arena_done(&a);
    return 0;
}
