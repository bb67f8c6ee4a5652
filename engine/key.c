/* Keys of rows. Bytes of one string column are that string, shared with the batch; all others are
 * built in one piece of arena memory for the whole batch, whose size is bounded beforehand.
 *
 * Doubles are made canonical, so that equal keys have equal bytes: -0.0 is 0.0 and every NaN the
 * same.
 */
#include "engine/key.h"

#include "engine/error.h"
#include "engine/hash.h"
#include "engine/identity.h"

#include <assert.h>

bool key_is_null(const struct batch *b, uint16_t row)
{
    for (uint16_t k = 0; k < b->schema->nkey; k++) {
        if (vec_is_null(&b->col[b->schema->key[k]], row)) {
            return true;
        }
    }
    return false;
}

static bool is_one_string(const struct schema *s)
{
    return s->nkey == 1 && s->col[s->key[0]].type->kind == TYPE_STRING;
}

/* Rows whose key has no null, as an array of their own. */
static void select_keyed(struct keyed_rows *k, const struct batch *b)
{
    k->sel = arena_array(b->mem, b->nsel, sizeof *k->sel);
    for (uint16_t i = 0; i < b->nsel; i++) {
        uint16_t row = batch_row(b, i);
        if (key_is_null(b, row)) {
            k->nulls++;
        } else {
            k->sel[k->nsel++] = row;
        }
    }
}

/* Most bytes that the value of a column takes in a key. */
static size_t item_bound(const struct vec *v, uint16_t row)
{
    return type_is_str(v->type) ? 10 + (size_t)v->s[row].n : 10;
}

static void put_item(struct buffer *out, const struct vec *v, uint16_t row)
{
    struct nested_value x = identity_value(v, row);
    nested_put_value(out, v->type, &x);
}

static void build_keys(struct keyed_rows *k, const struct batch *b)
{
    const struct schema *s = b->schema;
    size_t bound = 1;
    for (uint16_t i = 0; i < k->nsel; i++) {
        for (uint16_t c = 0; c < s->nkey; c++) {
            bound += item_bound(&b->col[s->key[c]], k->sel[i]);
        }
    }
    /* A buffer over arena memory: it never has to grow. */
    struct buffer out = {.data = arena_alloc(b->mem, bound), .cap = bound};
    for (uint16_t i = 0; i < k->nsel; i++) {
        uint16_t row = k->sel[i];
        size_t from = out.n;
        for (uint16_t c = 0; c < s->nkey; c++) {
            put_item(&out, &b->col[s->key[c]], row);
        }
        k->key[row] = str_ref(out.data + from, (uint32_t)(out.n - from));
    }
    assert(out.cap == bound);
}

struct keyed_rows key_rows(const struct batch *b)
{
    struct keyed_rows k = {0};
    k.hash = arena_array(b->mem, b->rows, sizeof *k.hash);
    select_keyed(&k, b);
    if (is_one_string(b->schema)) {
        k.key = b->col[b->schema->key[0]].s;
    } else {
        k.key = arena_array(b->mem, b->rows, sizeof *k.key);
        build_keys(&k, b);
    }
    for (uint16_t i = 0; i < k.nsel; i++) {
        const struct str *key = &k.key[k.sel[i]];
        k.hash[k.sel[i]] = hash_bytes(str_data(key), key->n, 0);
    }
    return k;
}

int key_restore(const struct schema *schema, const void *key, uint32_t n, struct vec *col,
                uint16_t to, uint16_t rows, struct arena *a)
{
    (void)rows;
    if (is_one_string(schema)) {
        col[schema->key[0]].s[to] = str_copy(a, key, n);
        return 0;
    }
    const uint8_t *p = key;
    const uint8_t *end = p + n;
    for (uint16_t c = 0; c < schema->nkey; c++) {
        struct vec *v = &col[schema->key[c]];
        struct nested_value x;
        p = nested_read_value(v->type, p, end, &x);
        if (p == NULL) {
            return -ERR_DATA;
        }
        if (type_is_str(v->type)) {
            v->s[to] = str_copy(a, x.s.p, x.s.n);
        } else if (v->type->kind == TYPE_DOUBLE) {
            v->d[to] = x.d;
        } else if (v->type->kind == TYPE_BOOLEAN) {
            v->b[to] = x.i != 0;
        } else {
            v->i[to] = x.i;
        }
    }
    return p == end ? 0 : -ERR_DATA;
}

void key_text(const struct schema *schema, const void *key, uint32_t n, struct buffer *out)
{
    if (is_one_string(schema)) {
        buffer_add(out, key, n);
        return;
    }
    const uint8_t *p = key;
    const uint8_t *end = p + n;
    for (uint16_t c = 0; c < schema->nkey; c++) {
        const struct type *t = schema->col[schema->key[c]].type;
        struct nested_value x;
        p = nested_read_value(t, p, end, &x);
        if (p == NULL) {
            return;
        }
        buffer_text(out, c ? "|" : "");
        nested_print(out, t, &x);
    }
}
