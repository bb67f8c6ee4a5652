/* A dead letter's headers, read and taken off again.
 *
 *   __connect.errors.…   position and cause (engine/task_dead.c)
 *   klamm.row            an internal record as JSON
 *   klamm.left.out       what did not fit
 *   klamm.replayed       how often it was sent back; it stays when the record fails again, since
 *                        dead letters keep all headers of their record
 */
#include "worker/dead_letter.h"

#include <stdlib.h>
#include <string.h>

#define PREFIX       "__connect.errors."
#define REPLAYED     "klamm.replayed"
#define REPLAYS_MOST 1000000

static bool is_named(const struct header *h, const char *name)
{
    return strcmp(h->name, name) == 0;
}

static const char *text_of(const struct record *r, const char *name, struct arena *a)
{
    const char *found = NULL;
    for (size_t i = 0; i < r->nheaders; i++) {
        if (is_named(&r->headers[i], name) && r->headers[i].value) {
            found = arena_strndup(a, r->headers[i].value, r->headers[i].n);
        }
    }
    return found;
}

static int64_t number_of(const struct record *r, const char *name, struct arena *a, int64_t least,
                         int64_t most)
{
    const char *text = text_of(r, name, a);
    char *end;
    int64_t n = text ? strtoll(text, &end, 10) : least;
    return text && (*end || end == text || n < least || n > most) ? least : n;
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

void dead_letter_read(struct dead_letter *d, const struct record *r, struct arena *a)
{
    const char *topic = text_of(r, PREFIX "topic", a);
    *d = (struct dead_letter){.topic = topic && topic[0] ? topic : NULL,
                              .partition =
                                  (int32_t)number_of(r, PREFIX "partition", a, -1, INT32_MAX),
                              .offset = number_of(r, PREFIX "offset", a, -1, INT64_MAX),
                              .owner = or_empty(text_of(r, PREFIX "connector.name", a)),
                              .stage = or_empty(text_of(r, PREFIX "stage", a)),
                              .by = or_empty(text_of(r, PREFIX "class.name", a)),
                              .message = or_empty(text_of(r, PREFIX "exception.message", a)),
                              .row = text_of(r, "klamm.row", a),
                              .left = text_of(r, "klamm.left.out", a),
                              .replays = number_of(r, REPLAYED, a, 0, REPLAYS_MOST)};
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

bool dead_letter_is_internal(const struct dead_letter *d)
{
    size_t n = strlen(d->owner);
    return d->topic && n > 0 && strncmp(d->topic, d->owner, n) == 0 && d->topic[n] == '-' &&
           (ends_with(d->topic, "-repartition") || ends_with(d->topic, "-changelog"));
}

static bool is_ours(const struct header *h)
{
    return strncmp(h->name, PREFIX, strlen(PREFIX)) == 0 || is_named(h, "klamm.row") ||
           is_named(h, "klamm.left.out") || is_named(h, REPLAYED);
}

struct record dead_letter_restore(const struct dead_letter *d, const struct record *r,
                                  struct arena *a)
{
    struct record out = *r;
    struct header *h = arena_array(a, r->nheaders + 1, sizeof *h);
    out.offset = -1;
    out.headers = h;
    out.nheaders = 0;
    for (size_t i = 0; i < r->nheaders; i++) {
        if (!is_ours(&r->headers[i])) {
            h[out.nheaders++] = r->headers[i];
        }
    }
    const char *count = arena_printf(a, "%lld", (long long)d->replays + 1);
    h[out.nheaders++] = (struct header){REPLAYED, count, strlen(count)};
    return out;
}
