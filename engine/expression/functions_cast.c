/* Casts: cast(x as type) is a function named "cast TYPE" of one argument.
 *
 *   boolean    from a long (not 0), from text: true false t f yes no 1 0
 *   long       from a boolean, a timestamp (ms), a double (towards zero; NaN and what is too large
 *              are row errors), text (a whole number)
 *   double     from a boolean, a long, text (a number, NaN, Infinity, -Infinity)
 *   timestamp  from a long of ms, text as to_timestamp() reads it
 *   string     from everything; timestamps in ISO 8601, bytes only when they are UTF-8
 *   bytes      from text
 *
 * Spaces around text are allowed. A failed cast is a row error, under try_cast null.
 */
#include "engine/clock.h"
#include "engine/expression/calendar.h"
#include "engine/expression/kernel.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3")
#endif

static struct text trimmed(const struct vec *v, uint16_t row)
{
    struct text t = kernel_text(v, row);
    while (t.n > 0 && strchr(" \t\r\n", t.p[0]) != NULL && t.p[0] != 0) {
        t.p++;
        t.n--;
    }
    while (t.n > 0 && strchr(" \t\r\n", t.p[t.n - 1]) != NULL && t.p[t.n - 1] != 0) {
        t.n--;
    }
    return t;
}

static void cannot(struct kernel_call *c, uint16_t row, const char *to)
{
    struct text t = kernel_text(&c->arg[0], row);
    kernel_error(c, row, "cannot cast '%.*s%s' to %s", (int)(t.n > 60 ? 60 : t.n), t.p,
                 t.n > 60 ? "…" : "", to);
}

static bool read_long(struct text t, int64_t *v)
{
    bool is_negative = t.n > 0 && t.p[0] == '-';
    uint32_t k = t.n > 0 && (t.p[0] == '-' || t.p[0] == '+');
    int64_t x = 0;
    if (k == t.n) {
        return false;
    }
    for (; k < t.n; k++) {
        int digit = t.p[k] - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(x, (int64_t)10, &x) ||
            __builtin_sub_overflow(x, (int64_t)digit, &x)) {
            return false;
        }
    }
    *v = x;
    return is_negative || !__builtin_sub_overflow((int64_t)0, x, v);
}

static bool is_word(struct text t, const char *word)
{
    return t.n == strlen(word) && strncasecmp(t.p, word, t.n) == 0;
}

/* Digits with a sign, a point and an exponent: what strtod() reads beyond that is not text of ours.
 */
static bool read_double(struct text t, double *v)
{
    char buf[400];
    if (is_word(t, "nan") || is_word(t, "infinity") || is_word(t, "-infinity")) {
        *v = t.p[0] == '-' ? -HUGE_VAL : t.n == 3 ? nan("") : HUGE_VAL;
        return true;
    }
    if (t.n == 0 || t.n >= sizeof buf) {
        return false;
    }
    for (uint32_t k = 0; k < t.n; k++) {
        if (t.p[k] == 0 || strchr("0123456789+-.eE", t.p[k]) == NULL) {
            return false;
        }
    }
    memcpy(buf, t.p, t.n);
    buf[t.n] = 0;
    char *end;
    *v = strtod(buf, &end);
    return *end == 0;
}

static int boolean_long(struct kernel_call *c)
{
    for (uint16_t k = 0; k < c->nsel; k++) {
        c->out->b[c->sel[k]] = c->arg[0].i[c->sel[k]] != 0;
    }
    return 0;
}

static int boolean_text(struct kernel_call *c)
{
    static const char *const words[] = {"false", "true", "f", "t", "no", "yes", "0", "1"};
    for (uint16_t k = 0; k < c->nsel; k++) {
        uint16_t row = c->sel[k];
        struct text t = trimmed(&c->arg[0], row);
        int w = 0;
        while (w < 8 && !is_word(t, words[w])) {
            w++;
        }
        if (w == 8) {
            cannot(c, row, "boolean");
        } else {
            c->out->b[row] = w & 1;
        }
    }
    return 0;
}

static int long_boolean(struct kernel_call *c)
{
    for (uint16_t k = 0; k < c->nsel; k++) {
        c->out->i[c->sel[k]] = c->arg[0].b[c->sel[k]];
    }
    return 0;
}

static int same_long(struct kernel_call *c)
{
    for (uint16_t k = 0; k < c->nsel; k++) {
        c->out->i[c->sel[k]] = c->arg[0].i[c->sel[k]];
    }
    return 0;
}

static int long_double(struct kernel_call *c)
{
    for (uint16_t k = 0; k < c->nsel; k++) {
        uint16_t row = c->sel[k];
        double d = c->arg[0].d[row];
        if (d >= -0x1p63 && d < 0x1p63) {
            c->out->i[row] = (int64_t)d;
        } else {
            kernel_error(c, row, "cannot cast %g to long", d);
        }
    }
    return 0;
}

static int long_text(struct kernel_call *c)
{
    for (uint16_t k = 0; k < c->nsel; k++) {
        uint16_t row = c->sel[k];
        if (!read_long(trimmed(&c->arg[0], row), &c->out->i[row])) {
            cannot(c, row, "long");
        }
    }
    return 0;
}

static int double_boolean(struct kernel_call *c)
{
    for (uint16_t k = 0; k < c->nsel; k++) {
        c->out->d[c->sel[k]] = c->arg[0].b[c->sel[k]];
    }
    return 0;
}

static int double_long(struct kernel_call *c)
{
    const int64_t *x = c->arg[0].i;
    double *restrict z = c->out->d;
    if (kernel_is_dense(c)) {
        for (size_t row = 0; row < c->rows; row++) {
            z[row] = (double)x[row];
        }
        return 0;
    }
    for (uint16_t k = 0; k < c->nsel; k++) {
        z[c->sel[k]] = (double)x[c->sel[k]];
    }
    return 0;
}

static int double_text(struct kernel_call *c)
{
    for (uint16_t k = 0; k < c->nsel; k++) {
        uint16_t row = c->sel[k];
        if (!read_double(trimmed(&c->arg[0], row), &c->out->d[row])) {
            cannot(c, row, "double");
        }
    }
    return 0;
}

static int timestamp_text(struct kernel_call *c)
{
    for (uint16_t k = 0; k < c->nsel; k++) {
        uint16_t row = c->sel[k];
        struct text t = trimmed(&c->arg[0], row);
        if (!calendar_read_iso(t.p, t.n, &c->out->i[row])) {
            cannot(c, row, "timestamp");
        }
    }
    return 0;
}

static int string_any(struct kernel_call *c)
{
    struct buffer b;
    buffer_init(&b);
    for (uint16_t k = 0; k < c->nsel; k++) {
        uint16_t row = c->sel[k];
        buffer_clear(&b);
        vec_print(&b, &c->arg[0], row);
        if (b.n > STRING_BYTES_MAX) {
            kernel_error(c, row, "the text of the value is longer than %u bytes", STRING_BYTES_MAX);
        } else {
            kernel_put(c, row, b.data, (uint32_t)b.n);
        }
    }
    buffer_done(&b);
    return 0;
}

static int string_timestamp(struct kernel_call *c)
{
    for (uint16_t k = 0; k < c->nsel; k++) {
        char text[40];
        time_format_iso(c->arg[0].i[c->sel[k]], text);
        kernel_put(c, c->sel[k], text, (uint32_t)strlen(text));
    }
    return 0;
}

static int string_bytes(struct kernel_call *c)
{
    for (uint16_t k = 0; k < c->nsel; k++) {
        uint16_t row = c->sel[k];
        struct text t = kernel_text(&c->arg[0], row);
        if (utf8_valid(t.p, t.n)) {
            c->out->s[row] = c->arg[0].s[row];
        } else {
            kernel_error(c, row, "cannot cast bytes to string: they are not valid UTF-8");
        }
    }
    return 0;
}

static int bytes_text(struct kernel_call *c)
{
    for (uint16_t k = 0; k < c->nsel; k++) {
        c->out->s[c->sel[k]] = c->arg[0].s[c->sel[k]];
    }
    return 0;
}

static const struct function_def functions[] = {
    {"cast boolean", "l", 'b', NULL_IF_ANY, boolean_long, .doc = "not zero", .is_harmless = true},
    {"cast boolean", "s", 'b', NULL_IF_ANY, boolean_text, .doc = "true, false and their like"},
    {"cast long", "b", 'l', NULL_IF_ANY, long_boolean, .doc = "0 or 1", .is_harmless = true},
    {"cast long", "t", 'l', NULL_IF_ANY, same_long, .doc = "ms since the epoch",
     .is_harmless = true},
    {"cast long", "d", 'l', NULL_IF_ANY, long_double, .doc = "towards zero"},
    {"cast long", "s", 'l', NULL_IF_ANY, long_text, .doc = "a whole number"},
    {"cast double", "l", 'd', NULL_IF_ANY, double_long, .doc = "nearest double",
     .is_harmless = true},
    {"cast double", "b", 'd', NULL_IF_ANY, double_boolean, .doc = "0.0 or 1.0",
     .is_harmless = true},
    {"cast double", "s", 'd', NULL_IF_ANY, double_text, .doc = "a number"},
    {"cast timestamp", "l", 't', NULL_IF_ANY, same_long, .doc = "of ms since the epoch",
     .is_harmless = true},
    {"cast timestamp", "s", 't', NULL_IF_ANY, timestamp_text, .doc = "ISO 8601"},
    {"cast string", "t", 's', NULL_IF_ANY, string_timestamp, .doc = "ISO 8601 in UTC"},
    {"cast string", "y", 's', NULL_IF_ANY, string_bytes, .doc = "bytes that are UTF-8"},
    {"cast string", "*", 's', NULL_IF_ANY, string_any, .doc = "the value as text"},
    {"cast bytes", "s", 'y', NULL_IF_ANY, bytes_text, .doc = "UTF-8", .is_harmless = true},
    {0},
};

const struct function_table functions_cast = {
    .family = "casts",
    .functions = functions,
};
