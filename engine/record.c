/* Records: copies of what a log lends.
 */
#include "engine/record.h"

#include "engine/arena.h"

struct record record_copy(struct arena *mem, const struct record *r)
{
    struct record copy = *r;
    struct header *h = arena_array(mem, r->nheaders + 1, sizeof *h);
    copy.key = r->key ? arena_strndup(mem, r->key, r->key_n) : NULL;
    copy.value = r->value ? arena_strndup(mem, r->value, r->value_n) : NULL;
    for (size_t i = 0; i < r->nheaders; i++) {
        h[i] = r->headers[i];
        h[i].name = arena_strdup(mem, h[i].name);
        h[i].value = h[i].value ? arena_strndup(mem, h[i].value, h[i].n) : NULL;
    }
    copy.headers = h;
    copy.place = r->place ? arena_strdup(mem, r->place) : NULL;
    copy.bad = r->bad ? arena_strdup(mem, r->bad) : NULL;
    return copy;
}
