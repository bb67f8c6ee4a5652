/* Offsets that were sent, as ranges.
 *
 *   offsets   0 1 2 3 4 5 6 7 8        base 3, ranges 4-5 7-8: as metadata "s1-2,4-5"
 *   sent      x x x . x x . x x
 *
 * Numbers in the metadata count from base, both ends included. Offsets between two records that
 * were sent one after the other (markers, what compaction has taken) belong to their range.
 */
#include "worker/sent_offsets.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void sent_read(struct sent_offsets *s, int64_t offset, const char *metadata)
{
    *s = (struct sent_offsets){.base = offset < 0 ? 0 : offset};
    const char *p = offset >= 0 && metadata && metadata[0] == 's' ? metadata + 1 : "";
    int64_t last = s->base;
    while (*p && s->n < SENT_RANGES) {
        char *end;
        int64_t from = strtoll(p, &end, 10), to = *end == '-' ? strtoll(end + 1, &end, 10) : from;
        bool is_sound = isdigit((unsigned char)*p) && to >= from && to < INT64_MAX - s->base - 1 &&
                        s->base + from >= last;
        if (!is_sound) {
            return;
        }
        s->range[s->n++] = (struct sent_range){s->base + from, s->base + to + 1};
        last = s->base + to + 1;
        p = end + (*end == ',');
    }
}

bool sent_has(const struct sent_offsets *s, int64_t offset)
{
    bool has = offset < s->base;
    for (int i = 0; i < s->n && !has; i++) {
        has = offset >= s->range[i].from && offset < s->range[i].to;
    }
    return has;
}

bool sent_has_room(const struct sent_offsets *s)
{
    return s->n < SENT_RANGES - 1 || s->is_run || !s->has_left;
}

void sent_add(struct sent_offsets *s, int64_t offset)
{
    if (!s->has_left) {
        s->base = offset + 1;
    } else if (s->is_run) {
        s->range[s->n - 1].to = offset + 1;
    } else {
        assert(s->n < SENT_RANGES);
        s->range[s->n++] = (struct sent_range){offset, offset + 1};
    }
    s->is_run = true;
}

void sent_leave(struct sent_offsets *s, int64_t offset)
{
    s->base = s->has_left ? s->base : offset;
    s->has_left = true;
    s->is_run = false;
}

static void print_range(struct buffer *out, int64_t from, int64_t to)
{
    buffer_printf(out, "%s%" PRId64, out->n > 1 ? "," : "", from);
    if (to > from) {
        buffer_printf(out, "-%" PRId64, to);
    }
}

void sent_print(const struct sent_offsets *s, const struct sent_offsets *before, int64_t upto,
                struct buffer *out)
{
    buffer_clear(out);
    buffer_text(out, "s");
    for (int i = 0; i < s->n; i++) {
        print_range(out, s->range[i].from - s->base, s->range[i].to - 1 - s->base);
    }
    int room = SENT_RANGES - s->n;
    for (int i = 0; i < before->n && room > 0; i++) {
        int64_t from = before->range[i].from, to = before->range[i].to;
        from = from < upto ? upto : from;
        if (from < to) {
            print_range(out, from - s->base, to - 1 - s->base);
            room--;
        }
    }
}
