/* The core schema of YAML 1.2 (section 10.3.2), for plain scalars only; quoted ones are text.
 *
 *   null     empty ~ null Null NULL
 *   boolean  true True TRUE false False FALSE
 *   long     [-+]? digits | 0o octal | 0x hex        beyond 64 bits it is a double
 *   double   [-+]? (digits [. digits] | . digits) [e [-+]? digits] | [-+]? .inf | .nan
 *   text     the rest: on, no, 12:30, 1_000, 2026-01-31
 *
 * JSON is YAML but for one thing: a character beyond U+FFFF may be escaped as a pair, \ud83d\ude00,
 * which YAML writes as \U0001F600. In a file that begins with a bracket pairs are rewritten so,
 * before the parser sees them; what stands behind one on its line is then told two columns too far
 * left.
 */
#include "engine/yaml_scalar.h"

#include "engine/arena.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_one_of(const struct yaml *y, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (strlen(*words) == y->text_n && memcmp(*words, y->text, y->text_n) == 0) {
            return true;
        }
    }
    return false;
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
}

/* All of p as digits of the base; a number that 64 bits cannot hold becomes a double. */
static bool resolve_digits(struct yaml *y, const char *p, int base, bool negative)
{
    const char *end = y->text + y->text_n;
    if (p == end) {
        return false;
    }
    int64_t number = 0;
    double real = 0;
    bool fits = true;
    for (; p < end; p++) {
        int digit = digit_value(*p);
        if (digit >= base) {
            return false;
        }
        real = real * base + digit;
        fits = fits && !__builtin_mul_overflow(number, base, &number) &&
               !__builtin_sub_overflow(number, digit, &number);
    }
    /* Counted downwards, so that the least long is one. */
    if (fits && !negative) {
        fits = !__builtin_sub_overflow((int64_t)0, number, &number);
    }
    if (fits) {
        y->kind = YAML_LONG;
        y->number = number;
        y->real = (double)number;
    } else {
        y->kind = YAML_DOUBLE;
        y->real = base == 10 ? strtod(y->text, NULL) : real;
    }
    return true;
}

static const char *skip_digits(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9') {
        p++;
    }
    return p;
}

static bool looks_like_double(const char *p, const char *end)
{
    const char *whole = p;
    p = skip_digits(p, end);
    bool has_digits = p > whole;
    if (p < end && *p == '.') {
        const char *fraction = ++p;
        p = skip_digits(p, end);
        has_digits = has_digits || p > fraction;
    }
    if (!has_digits) {
        return false;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '-' || *p == '+')) {
            p++;
        }
        const char *exponent = p;
        p = skip_digits(p, end);
        return p == end && p > exponent;
    }
    return p == end;
}

static bool resolve_number(struct yaml *y)
{
    static const char *const infinities[] = {".inf",  ".Inf",  ".INF",  "+.inf", "+.Inf",
                                             "+.INF", "-.inf", "-.Inf", "-.INF", NULL};
    static const char *const nans[] = {".nan", ".NaN", ".NAN", NULL};
    const char *p = y->text, *end = p + y->text_n;
    if (is_one_of(y, infinities) || is_one_of(y, nans)) {
        y->kind = YAML_DOUBLE;
        y->real =
            is_one_of(y, nans) ? (double)NAN : (*p == '-' ? -(double)INFINITY : (double)INFINITY);
        return true;
    }
    if (y->text_n > 2 && p[0] == '0' && (p[1] == 'x' || p[1] == 'o')) {
        return resolve_digits(y, p + 2, p[1] == 'x' ? 16 : 8, false);
    }
    bool negative = *p == '-';
    if (*p == '-' || *p == '+') {
        p++;
    }
    if (resolve_digits(y, p, 10, negative)) {
        return true;
    }
    if (!looks_like_double(p, end)) {
        return false;
    }
    y->kind = YAML_DOUBLE;
    y->real = strtod(y->text, NULL);
    return true;
}

void yaml_scalar_resolve(struct yaml *y)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const trues[] = {"true", "True", "TRUE", NULL};
    static const char *const falses[] = {"false", "False", "FALSE", NULL};
    if (is_one_of(y, nulls)) {
        y->kind = YAML_NULL;
    } else if (is_one_of(y, trues) || is_one_of(y, falses)) {
        y->kind = YAML_BOOLEAN;
        y->boolean = is_one_of(y, trues);
    } else if (!resolve_number(y)) {
        y->kind = YAML_STRING;
    }
}

/* The value of \uXXXX at p, or -1. */
static int unit_at(const char *p, const char *end)
{
    int unit = 0;
    if (end - p < 6 || p[0] != '\\' || p[1] != 'u') {
        return -1;
    }
    for (int i = 2; i < 6; i++) {
        int digit = digit_value(p[i]);
        if (digit > 15) {
            return -1;
        }
        unit = unit * 16 + digit;
    }
    return unit;
}

const char *yaml_join_surrogates(struct arena *a, const char *text, size_t *n)
{
    const char *end = text + *n, *p = text;
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r')) {
        p++;
    }
    if (p == end || (*p != '{' && *p != '[')) {
        return text;
    }
    char *out = arena_array(a, *n + 1, 1), *to = out;
    for (p = text; p < end;) {
        int high = unit_at(p, end);
        int low = high >= 0xD800 && high < 0xDC00 ? unit_at(p + 6, end) : -1;
        if (low >= 0xDC00 && low < 0xE000) {
            int c = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
            to += snprintf(to, 11, "\\U%08X", (unsigned)c);
            p += 12;
            continue;
        }
        if (*p == '\\' && p + 1 < end) { /* an escaped backslash escapes nothing behind it */
            *to++ = *p++;
        }
        *to++ = *p++;
    }
    *to = '\0';
    *n = (size_t)(to - out);
    return out;
}
