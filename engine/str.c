/* Strings in columns: the functions that are too long to be inline. See str.h for the layout.
 *
 * utf8_valid() follows Unicode's table 3-7: the second byte's range depends on the first, so that
 * overlong forms, surrogates and code points above 10FFFF are excluded.
 */
#include "engine/str.h"

#include "engine/arena.h"

struct str str_copy(struct arena *a, const void *p, uint32_t n)
{
    if (n > STR_INLINE) {
        char *copy = arena_alloc(a, n);
        memcpy(copy, p, n);
        p = copy;
    }
    return str_ref(p, n);
}

int str_compare(const struct str *a, const struct str *b)
{
    uint32_t n = a->n < b->n ? a->n : b->n;
    int order = memcmp(str_data(a), str_data(b), n);
    return order != 0 ? order : (a->n > b->n) - (a->n < b->n);
}

static bool is_tail(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

/* Length of the well-formed sequence at p, 0 when there is none. */
static size_t sequence_length(const uint8_t *p, size_t left)
{
    uint8_t lead = p[0];
    if (lead < 0x80) {
        return 1;
    }
    if (lead < 0xc2 || lead > 0xf4) {
        return 0;
    }
    if (lead < 0xe0) {
        return left >= 2 && is_tail(p[1]) ? 2 : 0;
    }
    if (lead < 0xf0) {
        uint8_t least = lead == 0xe0 ? 0xa0 : 0x80;
        uint8_t most = lead == 0xed ? 0x9f : 0xbf;
        return left >= 3 && p[1] >= least && p[1] <= most && is_tail(p[2]) ? 3 : 0;
    }
    uint8_t least = lead == 0xf0 ? 0x90 : 0x80;
    uint8_t most = lead == 0xf4 ? 0x8f : 0xbf;
    return left >= 4 && p[1] >= least && p[1] <= most && is_tail(p[2]) && is_tail(p[3]) ? 4 : 0;
}

bool utf8_valid(const char *p, size_t n)
{
    const uint8_t *u = (const uint8_t *)p;
    size_t at = 0;
    while (at < n) {
        uint64_t eight;
        if (n - at >= sizeof eight) {
            memcpy(&eight, u + at, sizeof eight);
            if ((eight & 0x8080808080808080ULL) == 0) {
                at += sizeof eight;
                continue;
            }
        }
        size_t length = sequence_length(u + at, n - at);
        if (length == 0) {
            return false;
        }
        at += length;
    }
    return true;
}
