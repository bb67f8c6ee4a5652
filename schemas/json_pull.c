/* JSON pull parser: one pass over the text, two bit masks instead of a stack.
 *
 *   depth     bit depth-1 of `object` tells what is open, of `started` whether a comma is due;
 *             64 levels fill the masks and are the limit
 *   strings   point into the input; only those with escapes are rewritten, into scratch
 *   numbers   up to 18 digits are gathered as an integer. A decimal of at most 2^53 with a power of
 *             ten of at most 22 is exact with one multiplication or division (both operands are
 *             exact doubles, the result is rounded once); all others go to strtod
 *   refused   NUL and control characters inside strings, invalid UTF-8, lone surrogates, numbers
 *             beyond the range of a double or longer than NUMBER_MAX characters
 */
#include "schemas/json_pull.h"

#include "engine/str.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX 1200 /* the longest exact decimal of a double has 1,077 characters */

void json_pull_init(struct json_pull *j)
{
    memset(j, 0, sizeof *j);
    buffer_init(&j->scratch);
}

void json_pull_done(struct json_pull *j)
{
    buffer_done(&j->scratch);
}

void json_begin(struct json_pull *j, const char *p, size_t n)
{
    j->begin = j->p = p;
    j->end = p + n;
    j->fault = NULL;
    j->depth = 0;
    j->object = j->started = 0;
}

static bool fail(struct json_pull *j, const char *fault)
{
    if (j->fault == NULL) {
        j->fault = fault;
    }
    return false;
}

static void skip_space(struct json_pull *j)
{
    while (j->p < j->end && (*j->p == ' ' || *j->p == '\n' || *j->p == '\r' || *j->p == '\t')) {
        j->p++;
    }
}

enum json_kind json_peek(struct json_pull *j)
{
    if (j->fault != NULL) {
        return JSON_BAD;
    }
    skip_space(j);
    if (j->p == j->end) {
        return JSON_BAD;
    }
    switch (*j->p) {
    case '{':
        return JSON_OBJECT;
    case '[':
        return JSON_ARRAY;
    case '"':
        return JSON_STRING;
    case 't':
    case 'f':
        return JSON_BOOLEAN;
    case 'n':
        return JSON_NULL;
    default:
        return *j->p == '-' || (*j->p >= '0' && *j->p <= '9') ? JSON_NUMBER : JSON_BAD;
    }
}

bool json_enter(struct json_pull *j)
{
    enum json_kind kind = json_peek(j);
    if (kind != JSON_OBJECT && kind != JSON_ARRAY) {
        return fail(j, "an object or array is expected");
    }
    if (j->depth == JSON_DEPTH) {
        return fail(j, "nested more than 64 levels deep");
    }
    uint64_t bit = 1ULL << j->depth++;
    j->object = kind == JSON_OBJECT ? j->object | bit : j->object & ~bit;
    j->started &= ~bit;
    j->p++;
    return true;
}

/* Passes the comma before the next item of what is open, or its closing bracket (false). */
static bool next_item(struct json_pull *j, char closing)
{
    if (j->fault != NULL) {
        return false;
    }
    uint64_t bit = 1ULL << (j->depth - 1);
    skip_space(j);
    if (j->p == j->end) {
        return fail(j, "ends in the middle of a value");
    }
    if (*j->p == closing) {
        j->p++;
        j->depth--;
        return false;
    }
    if (j->started & bit) {
        if (*j->p != ',') {
            return fail(j, closing == '}' ? "',' or '}' is expected" : "',' or ']' is expected");
        }
        j->p++;
        skip_space(j);
    }
    j->started |= bit;
    return true;
}

bool json_item(struct json_pull *j)
{
    return next_item(j, ']');
}

bool json_key(struct json_pull *j, struct json_text *key)
{
    if (!next_item(j, '}')) {
        return false;
    }
    if (json_peek(j) != JSON_STRING) {
        return fail(j, "a key in double quotes is expected");
    }
    if (!json_string(j, key)) {
        return false;
    }
    skip_space(j);
    if (j->p == j->end || *j->p != ':') {
        return fail(j, "':' is expected");
    }
    j->p++;
    return true;
}

static int hex4(const char *p)
{
    int v = 0;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0) {
            return -1;
        }
        v = v << 4 | digit;
    }
    return v;
}

static void put_utf8(struct buffer *b, uint32_t c)
{
    if (c < 0x80) {
        buffer_byte(b, (uint8_t)c);
    } else if (c < 0x800) {
        buffer_byte(b, (uint8_t)(0xc0 | c >> 6));
        buffer_byte(b, (uint8_t)(0x80 | (c & 0x3f)));
    } else if (c < 0x10000) {
        buffer_byte(b, (uint8_t)(0xe0 | c >> 12));
        buffer_byte(b, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
        buffer_byte(b, (uint8_t)(0x80 | (c & 0x3f)));
    } else {
        buffer_byte(b, (uint8_t)(0xf0 | c >> 18));
        buffer_byte(b, (uint8_t)(0x80 | (c >> 12 & 0x3f)));
        buffer_byte(b, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
        buffer_byte(b, (uint8_t)(0x80 | (c & 0x3f)));
    }
}

/* \uXXXX, and the second half of a surrogate pair; *p is behind the `u`. */
static bool unescape_unicode(struct json_pull *j, const char **p, const char *end)
{
    int first = end - *p < 4 ? -1 : hex4(*p);
    if (first < 0) {
        return fail(j, "four hexadecimal digits are expected after \\u");
    }
    *p += 4;
    uint32_t c = (uint32_t)first;
    if (c >= 0xd800 && c < 0xe000) {
        int second =
            c < 0xdc00 && end - *p >= 6 && (*p)[0] == '\\' && (*p)[1] == 'u' ? hex4(*p + 2) : -1;
        if (second < 0xdc00 || second >= 0xe000) {
            return fail(j, "half of a surrogate pair is missing");
        }
        c = 0x10000 + ((c - 0xd800) << 10) + ((uint32_t)second - 0xdc00);
        *p += 6;
    }
    put_utf8(&j->scratch, c);
    return true;
}

/* Rewrites the escapes of [p, end) into scratch. */
static bool unescape(struct json_pull *j, const char *p, const char *end)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    buffer_clear(&j->scratch);
    buffer_reserve(&j->scratch, (size_t)(end - p));
    while (p < end) {
        const char *plain = memchr(p, '\\', (size_t)(end - p));
        plain = plain ? plain : end;
        buffer_add(&j->scratch, p, (size_t)(plain - p));
        p = plain;
        if (p == end) {
            break;
        }
        char c = p[1]; /* a backslash is never the last character before the closing quote */
        p += 2;
        const char *simple = c ? strchr(from, c) : NULL;
        if (simple != NULL) {
            buffer_byte(&j->scratch, (uint8_t)to[simple - from]);
        } else if (c != 'u') {
            return fail(j, "unknown escape in a string");
        } else if (!unescape_unicode(j, &p, end)) {
            return false;
        }
    }
    return true;
}

bool json_string(struct json_pull *j, struct json_text *t)
{
    if (json_peek(j) != JSON_STRING) {
        return fail(j, "a string is expected");
    }
    const char *p = ++j->p, *start = p;
    bool is_escaped = false;
    unsigned char high = 0;
    for (; p < j->end && *p != '"'; p++) {
        if ((unsigned char)*p < 0x20) {
            j->p = p;
            return fail(j, "control character in a string");
        }
        high |= (unsigned char)*p;
        if (*p == '\\') {
            is_escaped = true;
            if (++p == j->end) {
                break;
            }
        }
    }
    if (p >= j->end) {
        j->p = j->end;
        return fail(j, "a string has no end");
    }
    if (high >= 0x80 && !utf8_valid(start, (size_t)(p - start))) {
        return fail(j, "a string is not valid UTF-8");
    }
    t->p = start;
    t->n = (size_t)(p - start);
    if (is_escaped) {
        if (!unescape(j, start, p)) {
            return false;
        }
        t->p = j->scratch.data;
        t->n = j->scratch.n;
    }
    j->p = p + 1;
    return true;
}

/* A number being read: its digits as far as they fit, and the power of ten that is due. */
struct digits {
    uint64_t mantissa;
    int n;    /* significant digits gathered */
    long ten; /* power of ten */
    bool cut; /* digits were left out of the mantissa */
};

/* Digits at p, `after_point` of them behind the point; returns how far it came. */
static const char *gather(struct digits *d, const char *p, const char *end, int after_point)
{
    for (; p < end && *p >= '0' && *p <= '9'; p++) {
        if (d->n < 18) {
            d->mantissa = d->mantissa * 10 + (uint64_t)(*p - '0');
            d->n += d->mantissa != 0;
            d->ten -= after_point;
        } else {
            d->cut = true;
            d->ten += !after_point;
        }
    }
    return p;
}

static double to_double(const struct digits *d, bool is_negative, const char *text, size_t n)
{
    static const double power[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (!d->cut && d->mantissa <= 1ULL << 53 && d->ten >= -22 && d->ten <= 22) {
        double v = (double)d->mantissa;
        v = d->ten < 0 ? v / power[-d->ten] : v * power[d->ten];
        return is_negative ? -v : v;
    }
    char copy[NUMBER_MAX + 1];
    memcpy(copy, text, n);
    copy[n] = '\0';
    return strtod(copy, NULL);
}

/* More than 18 digits may still fit in a long. */
static bool to_long(const char *p, const char *end, int64_t *v)
{
    bool is_negative = *p == '-';
    int64_t sum = 0;
    for (p += is_negative; p < end; p++) {
        int digit = is_negative ? '0' - *p : *p - '0';
        if (__builtin_mul_overflow(sum, 10, &sum) || __builtin_add_overflow(sum, digit, &sum)) {
            return false;
        }
    }
    *v = sum;
    return true;
}

bool json_number(struct json_pull *j, struct json_number *v)
{
    if (json_peek(j) != JSON_NUMBER) {
        return fail(j, "a number is expected");
    }
    const char *start = j->p, *p = start, *end = j->end;
    bool is_negative = *p == '-';
    p += is_negative;
    const char *whole = p;
    struct digits d = {0};
    p = gather(&d, p, end, 0);
    if (p == whole || (*whole == '0' && p - whole > 1)) {
        return fail(j, "a number is malformed");
    }
    bool is_whole = true;
    const char *int_end = p;
    if (p < end && *p == '.') {
        const char *fraction = ++p;
        is_whole = false;
        p = gather(&d, p, end, 1);
        if (p == fraction) {
            return fail(j, "a number is malformed");
        }
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        is_whole = false;
        p++;
        bool is_small = p < end && *p == '-';
        p += p < end && (*p == '-' || *p == '+');
        const char *exponent = p;
        long ten = 0;
        for (; p < end && *p >= '0' && *p <= '9'; p++) {
            ten = ten < 100000 ? ten * 10 + (*p - '0') : ten;
        }
        if (p == exponent) {
            return fail(j, "a number is malformed");
        }
        d.ten += is_small ? -ten : ten;
    }
    if (p - start > NUMBER_MAX) {
        return fail(j, "a number has too many digits");
    }
    v->is_long = is_whole && to_long(start, int_end, &v->i);
    v->d = to_double(&d, is_negative, start, (size_t)(p - start));
    if (!isfinite(v->d)) {
        return fail(j, "a number is beyond the range of a double");
    }
    j->p = p;
    return true;
}

static bool word(struct json_pull *j, const char *w, size_t n)
{
    if (j->fault != NULL) {
        return false;
    }
    skip_space(j);
    if ((size_t)(j->end - j->p) < n || memcmp(j->p, w, n) != 0) {
        return fail(j, "a value is expected");
    }
    j->p += n;
    return true;
}

bool json_boolean(struct json_pull *j, bool *v)
{
    *v = json_peek(j) == JSON_BOOLEAN && *j->p == 't';
    return *v ? word(j, "true", 4) : word(j, "false", 5);
}

bool json_null(struct json_pull *j)
{
    return word(j, "null", 4);
}

/* A scalar, or the opening bracket of an object or array. */
static bool skip_one(struct json_pull *j)
{
    struct json_text text;
    struct json_number number;
    bool boolean;
    switch (json_peek(j)) {
    case JSON_OBJECT:
    case JSON_ARRAY:
        return json_enter(j);
    case JSON_STRING:
        return json_string(j, &text);
    case JSON_NUMBER:
        return json_number(j, &number);
    case JSON_BOOLEAN:
        return json_boolean(j, &boolean);
    case JSON_NULL:
        return json_null(j);
    case JSON_BAD:
    default:
        return fail(j, j->p == j->end ? "ends in the middle of a value" : "a value is expected");
    }
}

bool json_skip(struct json_pull *j, struct json_text *raw)
{
    int depth = j->depth;
    (void)json_peek(j);
    const char *start = j->p;
    while (skip_one(j)) {
        bool more = false;
        while (!more && j->depth > depth && j->fault == NULL) {
            struct json_text key;
            more = j->object >> (j->depth - 1) & 1 ? json_key(j, &key) : json_item(j);
        }
        if (!more) {
            break;
        }
    }
    if (raw != NULL) {
        raw->p = start;
        raw->n = (size_t)(j->p - start);
    }
    return j->fault == NULL;
}

bool json_finish(struct json_pull *j)
{
    if (j->fault != NULL) {
        return false;
    }
    skip_space(j);
    return j->p == j->end || fail(j, "there is more text behind the value");
}

int json_fault(const struct json_pull *j, struct err *e)
{
    return err_set(e, ERR_DATA, "not valid JSON: %s at byte %zu",
                   j->fault ? j->fault : "a value is expected", (size_t)(j->p - j->begin));
}
