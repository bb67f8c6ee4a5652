/* Schema of a batch. Looked up by name at plan time only, so a linear search will do;
 * a name to look up may hold a NUL.
 */
#include "engine/schema.h"

#include "engine/arena.h"

#include <assert.h>
#include <string.h>

int schema_find_n(const struct schema *s, const char *name, size_t n)
{
    for (uint16_t c = 0; c < s->n; c++) {
        if (strlen(s->col[c].name) == n && memcmp(s->col[c].name, name, n) == 0) {
            return c;
        }
    }
    return -1;
}

int schema_find(const struct schema *s, const char *name)
{
    return schema_find_n(s, name, strlen(name));
}

int schema_key_number(const struct schema *s, uint16_t column)
{
    for (uint16_t i = 0; i < s->nkey; i++) {
        if (s->key[i] == column) {
            return i;
        }
    }
    return -1;
}

struct schema *schema_new(struct arena *a, uint16_t cap)
{
    struct schema *s = arena_zalloc(a, sizeof *s);
    s->col = arena_zalloc(a, cap * sizeof *s->col);
    s->key = arena_zalloc(a, cap * sizeof *s->key);
    return s;
}

struct schema *schema_copy(struct arena *a, const struct schema *s, uint16_t more)
{
    struct schema *copy = arena_alloc(a, sizeof *copy);
    *copy = *s;
    copy->col = arena_zalloc(a, ((size_t)s->n + more) * sizeof *copy->col);
    copy->key = arena_zalloc(a, ((size_t)s->n + more) * sizeof *copy->key);
    memcpy(copy->col, s->col, s->n * sizeof *s->col);
    memcpy(copy->key, s->key, s->nkey * sizeof *s->key);
    return copy;
}

uint16_t schema_add(struct schema *s, const char *name, const struct type *type, bool nullable,
                    bool hidden)
{
    assert(s->n < COLUMNS_MAX);
    s->col[s->n] = (struct column){name, type, nullable, hidden};
    return s->n++;
}

void schema_print(struct buffer *b, const struct schema *s)
{
    bool is_first = true;
    for (uint16_t c = 0; c < s->n; c++) {
        if (s->col[c].hidden) {
            continue;
        }
        buffer_text(b, is_first ? "" : ", ");
        is_first = false;
        buffer_text(b, s->col[c].name);
        buffer_text(b, ": ");
        type_print(b, s->col[c].type);
        buffer_text(b, s->col[c].nullable ? "?" : "");
    }
}
