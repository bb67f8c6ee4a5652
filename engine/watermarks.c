/* Watermarks as text: differences to the partition before, in few letters.
 *
 *     d<shift>,<base>:<items>          d0,1700000000000:AoH*DB~
 *
 *   base     the least of them, ms
 *   item     letters      (w - base) >> shift, less that of the item before (0 at the start)
 *            ~            this partition has no watermark yet
 *            * letters    the last item again, so many times
 *            !            partitions from here on are idle; the next one: no longer
 *   letters  a number, 5 bits in each letter of A-Z a-z 0-9 + / with the lowest first; 32 is added
 *            while more follow. Differences are signed: 0, -1, 1, -2, 2, … are 0, 1, 2, 3, 4, …
 *
 * Watermarks within 8 minutes take at most 4 letters each, so 1,000 fit into the 4096 bytes that a
 * broker takes by default, and equal ones cost next to nothing. What does not fit is rounded down
 * to multiples of 2^shift ms above the base, with the least shift that does. A lower watermark
 * judges some late rows as in time, but loses none. What still does not fit is left out.
 */
#include "engine/watermarks.h"

#include "engine/clock.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#define SHIFT_MOST 63

/* Text under construction; p stays within end even when it does not fit. */
struct writer {
    char *p;
    const char *end; /* last byte, for the NUL */
    bool is_full;
};

static void put(struct writer *w, char c)
{
    if (w->p == w->end) {
        w->is_full = true;
        return;
    }
    *w->p++ = c;
}

static void put_number(struct writer *w, uint64_t v)
{
    for (; v >= 32; v >>= 5) {
        put(w, digits[32 + (v & 31)]);
    }
    put(w, digits[v]);
}

static void put_repeats(struct writer *w, uint64_t n)
{
    if (n > 0) {
        put(w, '*');
        put_number(w, n);
    }
}

static uint64_t fold(uint64_t difference)
{
    return difference << 1 ^ (difference >> 63 ? UINT64_MAX : 0);
}

static uint64_t unfold(uint64_t v)
{
    return v >> 1 ^ (v & 1 ? UINT64_MAX : 0);
}

static bool print_items(struct writer *out, const struct part_time *part, int n, int64_t base,
                        int shift)
{
    uint64_t before = 0, repeats = 0;
    bool was_none = false, was_idle = false;
    for (int i = 0; i < n && !out->is_full; i++) {
        int64_t w = part[i].watermark;
        bool is_none = w == TIME_MIN;
        uint64_t steps = is_none ? before : ((uint64_t)w - (uint64_t)base) >> shift;
        if (i > 0 && is_none == was_none && steps == before && part[i].is_idle == was_idle) {
            repeats++;
            continue;
        }
        put_repeats(out, repeats);
        repeats = 0;
        if (part[i].is_idle != was_idle) {
            put(out, '!');
        }
        if (is_none) {
            put(out, '~');
        } else {
            put_number(out, fold(steps - before));
        }
        before = steps;
        was_none = is_none;
        was_idle = part[i].is_idle;
    }
    put_repeats(out, repeats);
    return !out->is_full;
}

void watermarks_print(char *text, size_t size, const struct part_time *part, int n)
{
    int64_t base = TIME_MAX;
    bool is_any = false;
    for (int i = 0; i < n; i++) {
        int64_t w = part[i].watermark;
        is_any |= w != TIME_MIN || part[i].is_idle;
        base = w != TIME_MIN && w < base ? w : base;
    }
    for (int shift = 0; is_any && shift <= SHIFT_MOST; shift++) {
        int head = snprintf(text, size, "d%d,%" PRId64 ":", shift, base);
        if (head < 0 || (size_t)head >= size) {
            break;
        }
        struct writer out = {text + head, text + size - 1, false};
        if (print_items(&out, part, n, base, shift)) {
            *out.p = '\0';
            return;
        }
    }
    if (size > 0) {
        text[0] = '\0';
    }
}

static bool get_number(const char **p, uint64_t *v)
{
    *v = 0;
    for (int bit = 0; bit < 64; bit += 5) {
        const char *digit = **p ? strchr(digits, **p) : NULL;
        if (!digit) {
            return false;
        }
        uint64_t d = (uint64_t)(digit - digits);
        (*p)++;
        *v |= (d & 31) << bit;
        if (d < 32) {
            return true;
        }
    }
    return false;
}

static int read_items(const char *p, struct part_time *part, int n, int64_t base, int shift)
{
    uint64_t steps = 0, v;
    bool is_none = true, is_idle = false;
    int i = 0;
    while (i < n && *p && *p != ';') {
        uint64_t times = 1;
        if (*p == '!') {
            is_idle = !is_idle;
            p++;
            continue;
        }
        if (*p == '~') {
            is_none = true;
            p++;
        } else if (*p == '*') {
            p++;
            if (!get_number(&p, &times)) {
                return i;
            }
        } else if (get_number(&p, &v)) {
            steps += unfold(v);
            is_none = false;
        } else {
            return i;
        }
        for (; times > 0 && i < n; times--, i++) {
            part[i].is_idle = is_idle;
            if (!is_none) {
                part[i].watermark = (int64_t)((uint64_t)base + (steps << shift));
            }
        }
    }
    return i;
}

int watermarks_read(const char *text, struct part_time *part, int n)
{
    char *at;
    long shift = text[0] == 'd' ? strtol(text + 1, &at, 10) : -1;
    if (shift < 0 || shift > SHIFT_MOST || *at != ',') {
        return 0;
    }
    int64_t base = strtoll(at + 1, &at, 10);
    return *at == ':' ? read_items(at + 1, part, n, base, (int)shift) : 0;
}
