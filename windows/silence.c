/* Silence: stretches of rows, in the order of the watermarks at which they count. See silence.h.
 *
 *   stretch    from ........ last          due = last + after (+ k * every), and not before `from`
 *   next one                                       from ......
 *
 * A row joins the stretch before it when it counts at the latest when that falls due, and is
 * dropped when it is older than the last row there. The stretch that it ends up in swallows what
 * follows by the same rule. Only rows of partitions that are ahead make a second stretch: with one
 * partition there is one, but while a batch is on its way.
 */
#include "windows/silence.h"

#include "engine/error.h"
#include "engine/memory.h"

#include <string.h>

void silence_done(struct silence *s)
{
    for (uint32_t i = 0; i < s->n; i++) {
        mem_free(s->stretch[i].row);
    }
    mem_free(s->stretch);
    *s = (struct silence){0};
}

static int64_t after(int64_t time, int64_t ms)
{
    return time > INT64_MAX - ms ? INT64_MAX : time + ms;
}

/* The first time from `from` on at which the silence behind x->last is said. */
static int64_t first_due(const struct silence_rule *rule, const struct stretch *x, int64_t from)
{
    int64_t due = after(x->last, rule->after);
    if (due < from && rule->every > 0) {
        uint64_t steps = ((uint64_t)from - (uint64_t)due - 1) / (uint64_t)rule->every + 1;
        due =
            after(due, rule->forget) < from ? INT64_MAX : after(due, (int64_t)steps * rule->every);
    }
    return due < from || due > after(x->last, rule->forget) ? INT64_MAX : due;
}

static void set_row(struct stretch *x, int64_t time, int32_t part, const char *row, uint32_t n)
{
    if (n > x->cap) {
        x->row = mem_resize(x->row, n, 1);
        x->cap = n;
    }
    if (n > 0) {
        memcpy(x->row, row, n);
    }
    x->n = n;
    x->last = time;
    x->part = part;
}

static bool is_older(int64_t time, int32_t part, const struct stretch *than)
{
    return time < than->last || (time == than->last && part < than->part);
}

static struct stretch *insert(struct silence *s, uint32_t at, int64_t from)
{
    if (s->n == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 1;
        s->stretch = mem_resize(s->stretch, s->cap, sizeof *s->stretch);
    }
    memmove(s->stretch + at + 1, s->stretch + at, (s->n - at) * sizeof *s->stretch);
    s->n++;
    s->stretch[at] = (struct stretch){.from = from};
    return &s->stretch[at];
}

static void erase(struct silence *s, uint32_t at)
{
    mem_free(s->stretch[at].row);
    s->n--;
    memmove(s->stretch + at, s->stretch + at + 1, (s->n - at) * sizeof *s->stretch);
}

/* Stretch `at` changed: it takes in what follows it in time, and what it has overtaken goes. */
static void swallow(struct silence *s, const struct silence_rule *rule, uint32_t at)
{
    while (at + 1 < s->n) {
        struct stretch *x = &s->stretch[at], *next = x + 1;
        if (!is_older(next->last, next->part, x)) {
            if (next->from > after(x->last, rule->after)) {
                break;
            }
            set_row(x, next->last, next->part, next->row, next->n);
        }
        erase(s, at + 1);
    }
    struct stretch *x = &s->stretch[at];
    x->due = first_due(rule, x, x->from);
}

void silence_hear(struct silence *s, const struct silence_rule *rule, int64_t seen, int64_t time,
                  int32_t part, const struct buffer *row)
{
    uint32_t at = s->n;
    while (at > 0 && s->stretch[at - 1].from > seen) {
        at--;
    }
    struct stretch *x = at > 0 ? &s->stretch[at - 1] : NULL;
    if (x && is_older(time, part, x)) {
        return;
    }
    if (x && seen <= after(x->last, rule->after)) {
        at--;
    } else {
        x = insert(s, at, seen);
    }
    set_row(x, time, part, row->data, (uint32_t)row->n);
    swallow(s, rule, at);
}

int64_t silence_next(const struct silence *s)
{
    uint32_t i = 0;
    while (i < s->n && s->stretch[i].due == INT64_MAX) {
        i++;
    }
    return i < s->n ? s->stretch[i].due : INT64_MAX;
}

int64_t silence_due(struct silence *s)
{
    while (s->n > 0) {
        int64_t due = s->stretch[0].due;
        if (due != INT64_MAX && (s->n == 1 || s->stretch[1].from > due)) {
            return due;
        }
        erase(s, 0);
    }
    return INT64_MAX;
}

void silence_said(struct silence *s, const struct silence_rule *rule)
{
    struct stretch *x = &s->stretch[0];
    int64_t due = rule->every > 0 ? after(x->due, rule->every) : INT64_MAX;
    x->due = due > after(x->last, rule->forget) ? INT64_MAX : due;
}

uint64_t silence_size(const struct silence *s)
{
    uint64_t bytes = s->cap * sizeof(struct stretch);
    for (uint32_t i = 0; i < s->n; i++) {
        bytes += s->stretch[i].cap;
    }
    return bytes;
}

/* ---- bytes ------------------------------------------------------------------------------------
 */

void silence_save(const struct silence *s, struct buffer *out)
{
    for (uint32_t i = 0; i < s->n; i++) {
        const struct stretch *x = &s->stretch[i];
        buffer_varint(out, x->from);
        buffer_varint(out, x->last);
        buffer_varint(out, x->due);
        buffer_varint(out, x->part);
        buffer_varint(out, x->n);
        buffer_add(out, x->row, x->n);
    }
}

int silence_load(struct silence *s, const void *p, size_t n)
{
    const uint8_t *at = p, *end = at + n;
    while (at < end) {
        int64_t word[5];
        for (int i = 0; i < 5; i++) {
            at = varint_read(at, end, &word[i]);
            if (at == NULL) {
                return -ERR_DATA;
            }
        }
        if (word[3] < INT32_MIN || word[3] > INT32_MAX || word[4] < 0 || word[4] > end - at ||
            word[4] > UINT32_MAX) {
            return -ERR_DATA;
        }
        struct stretch *x = insert(s, s->n, word[0]);
        set_row(x, word[1], (int32_t)word[3], (const char *)at, (uint32_t)word[4]);
        x->due = word[2];
        at += word[4];
    }
    return 0;
}
