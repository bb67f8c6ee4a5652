/* Base64: three bytes are four letters of six bits each.
 *
 *   written   the standard alphabet, padded with '=' to a multiple of four
 *   read      both alphabets; bits left over behind the last whole byte must be zero, so that one
 *             value has one text
 */
#include "schemas/base64.h"

void base64_encode(struct buffer *out, const void *p, size_t n)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *in = p;
    for (size_t i = 0; i < n; i += 3) {
        uint32_t left = (uint32_t)(n - i < 3 ? n - i : 3);
        uint32_t v = (uint32_t)in[i] << 16;
        v |= left > 1 ? (uint32_t)in[i + 1] << 8 : 0;
        v |= left > 2 ? in[i + 2] : 0;
        char four[4] = {letters[v >> 18], letters[v >> 12 & 63], letters[v >> 6 & 63],
                        letters[v & 63]};
        for (uint32_t k = left + 1; k < 4; k++) {
            four[k] = '=';
        }
        buffer_add(out, four, 4);
    }
}

static int letter_value(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

bool base64_decode(struct buffer *out, const char *p, size_t n)
{
    size_t letters = n;
    while (letters > 0 && n - letters < 2 && p[letters - 1] == '=') {
        letters--;
    }
    if ((letters != n && n % 4 != 0) || letters % 4 == 1) {
        return false;
    }
    uint32_t bits = 0;
    int held = 0;
    for (size_t i = 0; i < letters; i++) {
        int v = letter_value(p[i]);
        if (v < 0) {
            return false;
        }
        bits = (bits << 6 | (uint32_t)v) & 0xffff;
        held += 6;
        if (held >= 8) {
            held -= 8;
            buffer_byte(out, (uint8_t)(bits >> held));
        }
    }
    return (bits & ((1U << held) - 1)) == 0;
}
