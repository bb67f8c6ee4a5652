/* Text: || concat lower upper trim length substr replace split_part starts_with ends_with contains
 * and `like`.
 *
 *   length, substr        count code points; substr begins at 1, a negative start counts from
 *                         the end
 *   length of bytes       counts bytes
 *   lower, upper          letter by letter, see unicode.h
 *   split_part(s, d, n)   part n of s cut at each d, from 1; a negative n counts from the end; ''
 *                         when there is none
 *   like                  % any text, _ one code point, \ takes the next character as it is
 *
 * A result that is part of an argument shares its bytes.
 */
#include "engine/expression/kernel.h"
#include "engine/expression/unicode.h"
#include "engine/nested.h"

#include <stdlib.h>

#define LIKE_STEPS_MAX (1u << 28)

static const char *find(const char *p, const char *end, struct text what)
{
    return end - p < (int64_t)what.n ? NULL : memmem(p, (size_t)(end - p), what.p, what.n);
}

static int concat(struct kernel_call *c)
{
    for (uint16_t k = 0; k < c->nsel; k++) {
        uint16_t row = c->sel[k];
        uint64_t n = 0;
        for (int i = 0; i < c->nargs; i++) {
            n += c->arg[i].s[row].n;
        }
        char *p = kernel_room(c, row, n);
        if (p == NULL) {
            continue;
        }
        uint32_t at = 0;
        for (int i = 0; i < c->nargs; i++) {
            struct text t = kernel_text(&c->arg[i], row);
            memcpy(p + at, t.p, t.n);
            at += t.n;
        }
        kernel_put_part(c, row, p, at);
    }
    return 0;
}

/* Two or three bytes may become three: room for all. */
static void map_case(struct kernel_call *c, uint32_t (*map)(uint32_t))
{
    for (uint16_t k = 0; k < c->nsel; k++) {
        uint16_t row = c->sel[k];
        struct text t = kernel_text(&c->arg[0], row);
        char *out = kernel_room(c, row, (uint64_t)t.n * 2);
        if (out == NULL) {
            continue;
        }
        uint32_t n = 0;
        const char *p = t.p, *end = t.p + t.n;
        for (; p < end && (unsigned char)*p < 0x80; p++) {
            unsigned char folded = (unsigned char)(*p | 32);
            bool is_letter = folded >= 'a' && folded <= 'z';
            out[n++] = is_letter ? (char)(map == unicode_lower ? folded : folded - 32) : *p;
        }
        for (; p < end; p += utf8_size(p, end)) {
            n += utf8_write(out + n, map(utf8_read(p, end)));
        }
        kernel_put_part(c, row, out, n);
    }
}

static int lower(struct kernel_call *c)
{
    map_case(c, unicode_lower);
    return 0;
}

static int upper(struct kernel_call *c)
{
    map_case(c, unicode_upper);
    return 0;
}

static bool is_space(char ch)
{
    return ch == ' ' || (ch >= '\t' && ch <= '\r');
}

static int trim(struct kernel_call *c)
{
    for (uint16_t k = 0; k < c->nsel; k++) {
        uint16_t row = c->sel[k];
        struct text t = kernel_text(&c->arg[0], row);
        const char *p = t.p, *end = t.p + t.n;
        while (p < end && is_space(*p)) {
            p++;
        }
        while (end > p && is_space(end[-1])) {
            end--;
        }
        kernel_put_part(c, row, p, (uint32_t)(end - p));
    }
    return 0;
}

static int length(struct kernel_call *c)
{
    for (uint16_t k = 0; k < c->nsel; k++) {
        struct text t = kernel_text(&c->arg[0], c->sel[k]);
        c->out->i[c->sel[k]] = utf8_count(t.p, t.n);
    }
    return 0;
}

static int length_bytes(struct kernel_call *c)
{
    for (uint16_t k = 0; k < c->nsel; k++) {
        c->out->i[c->sel[k]] = c->arg[0].s[c->sel[k]].n;
    }
    return 0;
}

static int substr(struct kernel_call *c)
{
    for (uint16_t k = 0; k < c->nsel; k++) {
        uint16_t row = c->sel[k];
        struct text t = kernel_text(&c->arg[0], row);
        const char *end = t.p + t.n;
        int64_t start = c->arg[1].i[row];
        int64_t count = c->nargs == 3 ? c->arg[2].i[row] : INT64_MAX;
        if (start < 0) {
            int64_t n = utf8_count(t.p, t.n);
            start = start < -n ? 1 : n + start + 1;
        }
        const char *p = utf8_skip(t.p, end, start - (start > 0));
        const char *stop = utf8_skip(p, end, count);
        kernel_put_part(c, row, p, (uint32_t)(stop - p));
    }
    return 0;
}

static uint64_t count_of(struct text t, struct text what)
{
    uint64_t n = 0;
    const char *end = t.p + t.n;
    for (const char *p = t.p; (p = find(p, end, what)) != NULL; p += what.n) {
        n++;
    }
    return n;
}

static int replace(struct kernel_call *c)
{
    for (uint16_t k = 0; k < c->nsel; k++) {
        uint16_t row = c->sel[k];
        struct text t = kernel_text(&c->arg[0], row);
        struct text from = kernel_text(&c->arg[1], row), to = kernel_text(&c->arg[2], row);
        uint64_t n = from.n > 0 ? count_of(t, from) : 0;
        if (n == 0) {
            c->out->s[row] = c->arg[0].s[row];
            continue;
        }
        char *out = kernel_room(c, row, t.n - n * from.n + n * to.n);
        if (out == NULL) {
            continue;
        }
        char *at = out;
        const char *p = t.p, *end = t.p + t.n;
        for (const char *q; (q = find(p, end, from)) != NULL; p = q + from.n) {
            memcpy(at, p, (size_t)(q - p));
            at += q - p;
            memcpy(at, to.p, to.n);
            at += to.n;
        }
        memcpy(at, p, (size_t)(end - p));
        at += end - p;
        kernel_put_part(c, row, out, (uint32_t)(at - out));
    }
    return 0;
}

/* Part n, from 1; its length is 0 when there is none. */
static struct text part_of(struct text t, struct text cut, int64_t n)
{
    const char *p = t.p, *end = t.p + t.n;
    if (cut.n == 0) {
        return n == 1 ? t : (struct text){t.p, 0};
    }
    for (; n > 1; n--) {
        const char *q = find(p, end, cut);
        if (q == NULL) {
            return (struct text){t.p, 0};
        }
        p = q + cut.n;
    }
    const char *q = find(p, end, cut);
    return (struct text){p, (uint32_t)((q != NULL ? q : end) - p)};
}

static int split_part(struct kernel_call *c)
{
    for (uint16_t k = 0; k < c->nsel; k++) {
        uint16_t row = c->sel[k];
        struct text t = kernel_text(&c->arg[0], row), cut = kernel_text(&c->arg[1], row);
        int64_t n = c->arg[2].i[row];
        if (n == 0) {
            kernel_error(c, row, "split_part() counts parts from 1 (or from -1 at the end), not 0");
            continue;
        }
        if (n < 0) {
            int64_t parts = cut.n > 0 ? (int64_t)count_of(t, cut) + 1 : 1;
            n = n < -parts ? INT64_MAX : parts + n + 1;
        }
        struct text part = part_of(t, cut, n);
        kernel_put_part(c, row, part.p, part.n);
    }
    return 0;
}

static int starts_with(struct kernel_call *c)
{
    for (uint16_t k = 0; k < c->nsel; k++) {
        uint16_t row = c->sel[k];
        struct text t = kernel_text(&c->arg[0], row), what = kernel_text(&c->arg[1], row);
        c->out->b[row] = t.n >= what.n && memcmp(t.p, what.p, what.n) == 0;
    }
    return 0;
}

static int ends_with(struct kernel_call *c)
{
    for (uint16_t k = 0; k < c->nsel; k++) {
        uint16_t row = c->sel[k];
        struct text t = kernel_text(&c->arg[0], row), what = kernel_text(&c->arg[1], row);
        c->out->b[row] = t.n >= what.n && memcmp(t.p + t.n - what.n, what.p, what.n) == 0;
    }
    return 0;
}

static int contains(struct kernel_call *c)
{
    for (uint16_t k = 0; k < c->nsel; k++) {
        uint16_t row = c->sel[k];
        struct text t = kernel_text(&c->arg[0], row);
        c->out->b[row] = find(t.p, t.p + t.n, kernel_text(&c->arg[1], row)) != NULL;
    }
    return 0;
}

/* ---- like ---- */

/* One pattern element at p: takes a code point of text at t, or fails. */
static bool element_matches(const char **p, const char *pend, const char **t, const char *tend)
{
    if (*t >= tend) {
        return false;
    }
    const char *q = *p;
    if (*q == '_') {
        *p = q + 1;
        *t += utf8_size(*t, tend);
        return true;
    }
    q += *q == '\\' && q + 1 < pend;
    if (*q != **t) {
        return false;
    }
    *p = q + 1;
    *t += 1;
    return true;
}

/* Only the last % is ever taken back: a longer match of an earlier one cannot help. */
static bool is_like(struct text text, struct text pattern)
{
    const char *p = pattern.p, *pend = p + pattern.n, *t = text.p, *tend = t + text.n;
    const char *retry_p = NULL, *retry_t = NULL;
    while (t < tend || p < pend) {
        if (p < pend && *p == '%') {
            retry_p = ++p;
            retry_t = t;
            continue;
        }
        if (p < pend && element_matches(&p, pend, &t, tend)) {
            continue;
        }
        if (retry_p == NULL || retry_t >= tend) {
            return false;
        }
        retry_t += utf8_size(retry_t, tend);
        p = retry_p;
        t = retry_t;
    }
    return true;
}

static int like(struct kernel_call *c)
{
    for (uint16_t k = 0; k < c->nsel; k++) {
        uint16_t row = c->sel[k];
        struct text t = kernel_text(&c->arg[0], row), pattern = kernel_text(&c->arg[1], row);
        if ((uint64_t)t.n * pattern.n > LIKE_STEPS_MAX) {
            kernel_error(c, row, "text and pattern are too long for `like`: %u and %u bytes", t.n,
                         pattern.n);
        } else {
            c->out->b[row] = is_like(t, pattern);
        }
    }
    return 0;
}

static const struct function_def functions[] = {
    {"||", "ss", 's', NULL_IF_ANY, concat, .doc = "both texts, one behind the other"},
    {"||", "yy", 'y', NULL_IF_ANY, concat, .doc = "both bytes, one behind the other"},
    {"_ like _", "ss", 'b', NULL_IF_ANY, like,
     .doc = "matches a pattern: % any text, _ one character, \\ escapes"},
    {"concat", "s+", 's', NULL_IF_ANY, concat, .doc = "all texts, one behind the other"},
    {"lower", "s", 's', NULL_IF_ANY, lower, .doc = "in small letters"},
    {"upper", "s", 's', NULL_IF_ANY, upper, .doc = "in capital letters"},
    {"trim", "s", 's', NULL_IF_ANY, trim, .doc = "without white space at both ends"},
    {"length", "s", 'l', NULL_IF_ANY, length, .doc = "characters (code points)"},
    {"length", "y", 'l', NULL_IF_ANY, length_bytes, .doc = "bytes"},
    {"substr", "sl|l", 's', NULL_IF_ANY, substr,
     .doc = "from character n (1 is the first, -1 the last), at most so many"},
    {"replace", "sss", 's', NULL_IF_ANY, replace, .doc = "each occurrence of the second replaced"},
    {"split_part", "ssl", 's', NULL_IF_ANY, split_part,
     .doc = "part n of the text cut at a separator, from 1; -1 is the last"},
    {"starts_with", "ss", 'b', NULL_IF_ANY, starts_with, .doc = "begins with the second text"},
    {"ends_with", "ss", 'b', NULL_IF_ANY, ends_with, .doc = "ends with the second text"},
    {"contains", "ss", 'b', NULL_IF_ANY, contains, .doc = "holds the second text"},
    {0},
};

const struct function_table functions_string = {
    .family = "text",
    .functions = functions,
};
