/* Unicode: decoding that takes any bytes, and case by ranges.
 *
 * The tables hold what is regular: a range of capitals at a fixed distance from their small
 * letters, or one where capital and small letter take turns. Letters whose case changes their
 * number (ß) and those of other scripts stay as they are. A stray byte is a code point of its own,
 * so that damaged text passes through unchanged.
 */
#include "engine/expression/unicode.h"

#include <stddef.h>

#define STRAY 0xDC00u /* low surrogates: never in text */

static uint32_t size_by_head(unsigned char c)
{
    return c < 0x80 ? 1 : c < 0xC2 ? 0 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : c < 0xF5 ? 4 : 0;
}

/* 0 for a byte that begins no code point. */
static uint32_t decode(const char *p, const char *end, uint32_t *code)
{
    const unsigned char *s = (const unsigned char *)p;
    uint32_t n = size_by_head(s[0]);
    if (n == 0 || (size_t)(end - p) < n) {
        return 0;
    }
    uint32_t c = n == 1 ? s[0] : s[0] & (0xFFu >> (n + 1));
    for (uint32_t k = 1; k < n; k++) {
        if ((s[k] & 0xC0) != 0x80) {
            return 0;
        }
        c = (c << 6) | (s[k] & 0x3Fu);
    }
    if ((n == 3 && c < 0x800) || (n == 4 && (c < 0x10000 || c > 0x10FFFF)) ||
        (c >= 0xD800 && c <= 0xDFFF)) {
        return 0;
    }
    *code = c;
    return n;
}

uint32_t utf8_size(const char *p, const char *end)
{
    uint32_t code;
    uint32_t n = decode(p, end, &code);
    return n > 0 ? n : 1;
}

uint32_t utf8_read(const char *p, const char *end)
{
    uint32_t code;
    return decode(p, end, &code) > 0 ? code : STRAY + (unsigned char)*p;
}

uint32_t utf8_write(char *p, uint32_t code)
{
    if (code < 0x80) {
        p[0] = (char)code;
        return 1;
    }
    if (code >= STRAY && code <= STRAY + 0xFF) {
        p[0] = (char)(code - STRAY);
        return 1;
    }
    uint32_t n = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const uint32_t head[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (uint32_t k = n - 1; k > 0; k--) {
        p[k] = (char)(0x80 | (code & 0x3F));
        code >>= 6;
    }
    p[0] = (char)(head[n] | code);
    return n;
}

int64_t utf8_count(const char *p, uint32_t n)
{
    const char *end = p + n;
    int64_t count = 0;
    for (; p < end; p += utf8_size(p, end)) {
        count++;
    }
    return count;
}

const char *utf8_skip(const char *p, const char *end, int64_t count)
{
    for (; p < end && count > 0; count--) {
        p += utf8_size(p, end);
    }
    return p;
}

/* ---- case ---- */

struct range {
    uint16_t first, last; /* capitals */
    int16_t to_lower;     /* distance; 1: capital and small letter take turns from `first` */
};

static const struct range ranges[] = {
    {'A', 'Z', 32},       {0xC0, 0xD6, 32},   {0xD8, 0xDE, 32},    {0x100, 0x12F, 1},
    {0x132, 0x137, 1},    {0x139, 0x148, 1},  {0x14A, 0x177, 1},   {0x178, 0x178, -121},
    {0x179, 0x17E, 1},    {0x1CD, 0x1DC, 1},  {0x1DE, 0x1EF, 1},   {0x1F8, 0x21F, 1},
    {0x222, 0x233, 1},    {0x386, 0x386, 38}, {0x388, 0x38A, 37},  {0x38C, 0x38C, 64},
    {0x38E, 0x38F, 63},   {0x391, 0x3A1, 32}, {0x3A3, 0x3AB, 32},  {0x400, 0x40F, 80},
    {0x410, 0x42F, 32},   {0x460, 0x481, 1},  {0x48A, 0x4BF, 1},   {0x4C1, 0x4CE, 1},
    {0x4D0, 0x52F, 1},    {0x531, 0x556, 48}, {0x1E00, 0x1E95, 1}, {0x1EA0, 0x1EFF, 1},
    {0xFF21, 0xFF3A, 32},
};

uint32_t unicode_lower(uint32_t code)
{
    for (size_t k = 0; k < sizeof ranges / sizeof ranges[0]; k++) {
        const struct range *r = &ranges[k];
        if (code >= r->first && code <= r->last) {
            if (r->to_lower == 1) {
                return code + ((code - r->first) % 2 == 0);
            }
            return (uint32_t)((int32_t)code + r->to_lower);
        }
    }
    return code;
}

uint32_t unicode_upper(uint32_t code)
{
    if (code == 0xB5 || code == 0x3C2) {
        return code == 0xB5 ? 0x39C : 0x3A3; /* micro sign, final sigma */
    }
    for (size_t k = 0; k < sizeof ranges / sizeof ranges[0]; k++) {
        const struct range *r = &ranges[k];
        if (r->to_lower == 1) {
            if (code > r->first && code <= r->last && (code - r->first) % 2 == 1) {
                return code - 1;
            }
            continue;
        }
        int32_t capital = (int32_t)code - r->to_lower;
        if (capital >= r->first && capital <= r->last) {
            return (uint32_t)capital;
        }
    }
    return code;
}
