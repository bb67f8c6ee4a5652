/* Sorting by key text. The texts are made once, before the sort; each item carries the first 8
 * bytes of its own, so that most comparisons touch nothing else. A key of one string is its own
 * text.
 *
 *   in steps   | run | run | run | run |     each sorted by itself, one a step; then the least of
 *                ^     ^     ^     ^         their heads goes on, a run's worth a step. Only heads
 *                                            have their texts at hand
 */
#include "windows/key_order.h"

#include "engine/key.h"
#include "engine/memory.h"

#include <stdlib.h>
#include <string.h>

struct sortable {
    uint64_t head; /* first 8 bytes of the text, big-endian, padded with zeros */
    const char *text;
    const void *key;
    uint32_t n, key_n;
    void *item;
    const struct key_by *by;
};

struct key_run {
    uint32_t at, end; /* items left */
    struct sortable head;
    struct buffer text;
};

static int compare_items(const void *a, const void *b)
{
    const struct sortable *x = a, *y = b;
    int order = x->by->first ? x->by->first(x->item, y->item) : 0;
    if (order != 0) {
        return order;
    }
    if (x->head != y->head) {
        return x->head < y->head ? -1 : 1;
    }
    order = bytes_compare(x->text, x->n, y->text, y->n);
    /* Keys that differ and print alike: by their bytes. */
    return order != 0 ? order : bytes_compare(x->key, x->key_n, y->key, y->key_n);
}

static uint64_t text_head(const char *text, uint32_t n)
{
    uint64_t head = 0;
    for (uint32_t i = 0; i < 8; i++) {
        head = head << 8 | (i < n ? (uint8_t)text[i] : 0);
    }
    return head;
}

bool key_is_text(const struct schema *schema)
{
    return schema->nkey == 1 && schema->col[schema->key[0]].type->kind == TYPE_STRING;
}

/* text: where the item's text is made, unless its key is that. It has to be copied or kept. */
static void look_at(struct sortable *s, void *item, const struct key_by *by, struct buffer *text)
{
    *s = (struct sortable){.item = item, .by = by};
    s->key = by->key_of(by->ctx, item, &s->key_n);
    s->text = s->key;
    s->n = s->key_n;
    if (!key_is_text(by->schema)) {
        buffer_clear(text);
        key_text(by->schema, s->key, s->key_n, text);
        s->n = (uint32_t)text->n;
        s->text = buffer_cstr(text);
    }
    s->head = text_head(s->text, s->n);
}

static void sort_items(void **item, uint32_t n, const struct key_by *by, struct arena *scratch)
{
    if (n < 2) {
        return;
    }
    struct sortable *list = arena_array(scratch, n, sizeof *list);
    struct buffer text;
    buffer_init(&text);
    for (uint32_t i = 0; i < n; i++) {
        look_at(&list[i], item[i], by, &text);
        if (list[i].text != list[i].key) {
            list[i].text = arena_strndup(scratch, list[i].text, list[i].n);
        }
    }
    buffer_done(&text);
    qsort(list, n, sizeof *list, compare_items);
    for (uint32_t i = 0; i < n; i++) {
        item[i] = list[i].item;
    }
}

void key_order(void **item, uint32_t n, key_of_fn key_of, const void *ctx,
               const struct schema *schema, struct arena *scratch)
{
    struct key_by by = {.key_of = key_of, .ctx = ctx, .schema = schema};
    sort_items(item, n, &by, scratch);
}

int key_compare(const struct schema *schema, const void *a, uint32_t a_n, const void *b,
                uint32_t b_n)
{
    struct buffer x, y;
    buffer_init(&x);
    buffer_init(&y);
    key_text(schema, a, a_n, &x);
    key_text(schema, b, b_n, &y);
    int order = bytes_compare(x.data, (uint32_t)x.n, y.data, (uint32_t)y.n);
    buffer_done(&x);
    buffer_done(&y);
    return order != 0 ? order : bytes_compare(a, a_n, b, b_n);
}

/* ---- in steps ---- */

void key_sort_begin(struct key_sort *s, void **item, uint32_t n, const struct key_by *by)
{
    key_sort_done(s);
    *s = (struct key_sort){.by = *by, .item = item, .n = n};
}

void key_sort_done(struct key_sort *s)
{
    for (uint32_t i = 0; s->run && i < (s->n + KEY_SORT_RUN - 1) / KEY_SORT_RUN; i++) {
        buffer_done(&s->run[i].text);
    }
    mem_free(s->run);
    mem_free(s->heap);
    mem_free(s->out);
    *s = (struct key_sort){0};
}

/* The heap's first run has another head: moves it to where it belongs. */
static void sift(struct key_sort *s, uint32_t at)
{
    struct key_run *run = s->heap[at];
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= s->nruns) {
            break;
        }
        if (child + 1 < s->nruns &&
            compare_items(&s->heap[child + 1]->head, &s->heap[child]->head) < 0) {
            child++;
        }
        if (compare_items(&run->head, &s->heap[child]->head) <= 0) {
            break;
        }
        s->heap[at] = s->heap[child];
        at = child;
    }
    s->heap[at] = run;
}

static void begin_merge(struct key_sort *s)
{
    s->nruns = (s->n + KEY_SORT_RUN - 1) / KEY_SORT_RUN;
    s->run = mem_zalloc(s->nruns * sizeof *s->run);
    s->heap = mem_array(s->nruns, sizeof(struct key_run *));
    s->out = mem_array(s->n, sizeof(void *));
    for (uint32_t i = 0; i < s->nruns; i++) {
        struct key_run *run = &s->run[i];
        run->at = i * KEY_SORT_RUN;
        run->end = run->at + KEY_SORT_RUN < s->n ? run->at + KEY_SORT_RUN : s->n;
        buffer_init(&run->text);
        look_at(&run->head, s->item[run->at], &s->by, &run->text);
        s->heap[i] = run;
    }
    for (uint32_t i = s->nruns / 2; i-- > 0;) {
        sift(s, i);
    }
}

/* Up to a run's worth of items; true: that was all. */
static bool merge(struct key_sort *s)
{
    for (uint32_t k = 0; k < KEY_SORT_RUN && s->nruns > 0; k++) {
        struct key_run *run = s->heap[0];
        s->out[s->nout++] = s->item[run->at++];
        if (run->at < run->end) {
            look_at(&run->head, s->item[run->at], &s->by, &run->text);
        } else {
            s->heap[0] = s->heap[--s->nruns];
        }
        if (s->nruns > 0) {
            sift(s, 0);
        }
    }
    return s->nruns == 0;
}

bool key_sort_step(struct key_sort *s, struct arena *scratch)
{
    if (s->sorted < s->n) {
        uint32_t left = s->n - s->sorted, n = left < KEY_SORT_RUN ? left : KEY_SORT_RUN;
        struct arena_mark mark = arena_mark(scratch);
        sort_items(s->item + s->sorted, n, &s->by, scratch);
        arena_release(scratch, mark);
        s->sorted += n;
        if (s->sorted == s->n && s->n > KEY_SORT_RUN) {
            begin_merge(s);
        }
    } else if (s->run && merge(s)) {
        memcpy(s->item, s->out, s->n * sizeof(void *));
        key_sort_done(s);
        return true;
    }
    bool is_done = s->sorted == s->n && s->run == NULL;
    if (is_done) {
        *s = (struct key_sort){0};
    }
    return is_done;
}
