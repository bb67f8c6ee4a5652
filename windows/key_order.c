/* Sorting by key text. The texts are made once, before the sort; each item carries the first 8
 * bytes of its own, so that most comparisons touch nothing else. A key of one string is its own
 * text.
 */
#include "windows/key_order.h"

#include "engine/key.h"

#include <stdlib.h>
#include <string.h>

struct sortable {
    uint64_t head; /* first 8 bytes of the text, big-endian, padded with zeros */
    const char *text;
    const void *key;
    uint32_t n, key_n;
    void *item;
};

static int compare_bytes(const void *a, uint32_t a_n, const void *b, uint32_t b_n)
{
    uint32_t n = a_n < b_n ? a_n : b_n;
    int order = n > 0 ? memcmp(a, b, n) : 0;
    return order != 0 ? order : (a_n > b_n) - (a_n < b_n);
}

static int compare_text(const void *a, const void *b)
{
    const struct sortable *x = a, *y = b;
    if (x->head != y->head) {
        return x->head < y->head ? -1 : 1;
    }
    int order = compare_bytes(x->text, x->n, y->text, y->n);
    /* Keys that differ and print alike: by their bytes. */
    return order != 0 ? order : compare_bytes(x->key, x->key_n, y->key, y->key_n);
}

static uint64_t text_head(const char *text, uint32_t n)
{
    uint64_t head = 0;
    for (uint32_t i = 0; i < 8; i++) {
        head = head << 8 | (i < n ? (uint8_t)text[i] : 0);
    }
    return head;
}

void key_order(void **item, uint32_t n, key_of_fn key_of, const void *ctx,
               const struct schema *schema, struct arena *scratch)
{
    if (n < 2) {
        return;
    }
    bool is_plain = schema->nkey == 1 && schema->col[schema->key[0]].type->kind == TYPE_STRING;
    struct sortable *list = arena_array(scratch, n, sizeof *list);
    struct buffer text;
    buffer_init(&text);
    for (uint32_t i = 0; i < n; i++) {
        struct sortable *s = &list[i];
        s->item = item[i];
        s->key = key_of(ctx, item[i], &s->key_n);
        s->text = s->key;
        s->n = s->key_n;
        if (!is_plain) {
            buffer_clear(&text);
            key_text(schema, s->key, s->key_n, &text);
            s->n = (uint32_t)text.n;
            s->text = arena_strndup(scratch, buffer_cstr(&text), text.n);
        }
        s->head = text_head(s->text, s->n);
    }
    buffer_done(&text);
    qsort(list, n, sizeof *list, compare_text);
    for (uint32_t i = 0; i < n; i++) {
        item[i] = list[i].item;
    }
}
