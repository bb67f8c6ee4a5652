/* JSON path: a cursor walks to the value and skips the rest.
 *
 *   path    steps: name, .name, [number], ['name'] or ["name"]; a leading $ is allowed
 *   skip    containers are skipped by counting brackets outside of strings, so depth costs no
 *           stack; what is skipped is not checked further
 *
 * Of equal keys the first counts. One pass over the text for all steps, hence linear.
 */
#include "engine/expression/json_path.h"

#include "engine/expression/unicode.h"

#include <string.h>

struct cursor {
    const char *p, *end;
};

struct step {
    bool is_index;
    uint64_t index;
    const char *name;
    uint32_t n;
};

/* ---- paths ---- */

static bool read_index(struct cursor *c, struct step *s)
{
    s->is_index = true;
    s->index = 0;
    const char *begin = c->p;
    for (; c->p < c->end && *c->p >= '0' && *c->p <= '9'; c->p++) {
        s->index = s->index < UINT32_MAX ? s->index * 10 + (uint64_t)(*c->p - '0') : UINT32_MAX;
    }
    return c->p > begin;
}

static bool read_bracket(struct cursor *c, struct step *s)
{
    if (c->p < c->end && (*c->p == '\'' || *c->p == '"')) {
        char quote = *c->p++;
        const char *stop = memchr(c->p, quote, (size_t)(c->end - c->p));
        if (stop == NULL) {
            return false;
        }
        s->is_index = false;
        s->name = c->p;
        s->n = (uint32_t)(stop - c->p);
        c->p = stop + 1;
    } else if (!read_index(c, s)) {
        return false;
    }
    return c->p < c->end && *c->p++ == ']';
}

static bool read_step(struct cursor *c, struct step *s, bool is_first)
{
    if (*c->p == '[') {
        c->p++;
        return read_bracket(c, s);
    }
    if (*c->p == '.') {
        c->p++;
    } else if (!is_first) {
        return false;
    }
    s->is_index = false;
    s->name = c->p;
    while (c->p < c->end && *c->p != '.' && *c->p != '[') {
        c->p++;
    }
    s->n = (uint32_t)(c->p - s->name);
    return s->n > 0;
}

static struct cursor path_begin(const char *path, uint32_t n)
{
    bool has_root = n > 0 && path[0] == '$';
    return (struct cursor){path + has_root, path + n};
}

bool json_path_valid(const char *path, uint32_t n)
{
    struct cursor c = path_begin(path, n);
    struct step s;
    bool is_first = c.p == path;
    while (c.p < c.end) {
        if (!read_step(&c, &s, is_first)) {
            return false;
        }
        is_first = false;
    }
    return n > 0;
}

/* ---- text ---- */

static void skip_space(struct cursor *c)
{
    while (c->p < c->end && (*c->p == ' ' || (*c->p >= '\t' && *c->p <= '\r'))) {
        c->p++;
    }
}

static bool take(struct cursor *c, char ch)
{
    skip_space(c);
    if (c->p >= c->end || *c->p != ch) {
        return false;
    }
    c->p++;
    return true;
}

/* From the opening quote; the string's inside in [*from, *to). */
static bool skip_string(struct cursor *c, const char **from, const char **to)
{
    if (!take(c, '"')) {
        return false;
    }
    *from = c->p;
    for (; c->p < c->end; c->p++) {
        if (*c->p == '"') {
            *to = c->p++;
            return true;
        }
        c->p += *c->p == '\\';
    }
    c->p = c->end;
    return false;
}

static bool skip_container(struct cursor *c)
{
    const char *from, *to;
    uint64_t depth = 0;
    while (c->p < c->end) {
        if (*c->p == '"') {
            if (!skip_string(c, &from, &to)) {
                return false;
            }
            continue;
        }
        depth += *c->p == '{' || *c->p == '[';
        depth -= *c->p == '}' || *c->p == ']';
        c->p++;
        if (depth == 0) {
            return true;
        }
    }
    return false;
}

static bool skip_value(struct cursor *c)
{
    const char *from, *to;
    skip_space(c);
    if (c->p >= c->end) {
        return false;
    }
    if (*c->p == '"') {
        return skip_string(c, &from, &to);
    }
    if (*c->p == '{' || *c->p == '[') {
        return skip_container(c);
    }
    const char *begin = c->p;
    while (c->p < c->end && strchr(",]} \t\r\n", *c->p) == NULL) {
        c->p++;
    }
    return c->p > begin;
}

static int hex(char ch)
{
    return ch >= '0' && ch <= '9'   ? ch - '0'
           : ch >= 'a' && ch <= 'f' ? ch - 'a' + 10
           : ch >= 'A' && ch <= 'F' ? ch - 'A' + 10
                                    : -1;
}

/* Four hexadecimal digits at p, or 0xFFFD. */
static uint32_t read_hex(const char *p, const char *end)
{
    uint32_t code = 0;
    for (int k = 0; k < 4; k++) {
        int digit = end - p > k ? hex(p[k]) : -1;
        if (digit < 0) {
            return 0xFFFD;
        }
        code = code * 16 + (uint32_t)digit;
    }
    return code;
}

/* Behind \u; returns how many bytes were used. */
static uint32_t read_unicode(const char *p, const char *end, uint32_t *code)
{
    *code = read_hex(p, end);
    uint32_t used = end - p < 4 ? (uint32_t)(end - p) : 4;
    if (*code >= 0xD800 && *code <= 0xDBFF && end - p >= 10 && p[4] == '\\' && p[5] == 'u') {
        uint32_t low = read_hex(p + 6, end);
        if (low >= 0xDC00 && low <= 0xDFFF) {
            *code = 0x10000 + ((*code - 0xD800) << 10) + (low - 0xDC00);
            return used + 6;
        }
    }
    if (*code >= 0xD800 && *code <= 0xDFFF) {
        *code = 0xFFFD;
    }
    return used;
}

static void unescape(struct buffer *out, const char *p, const char *end)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    while (p < end) {
        if (*p != '\\' || p + 1 >= end) {
            buffer_byte(out, (uint8_t)*p++);
            continue;
        }
        char ch = p[1];
        p += 2;
        if (ch == 'u') {
            uint32_t code;
            char utf8[4];
            p += read_unicode(p, end, &code);
            buffer_add(out, utf8, utf8_write(utf8, code));
            continue;
        }
        const char *known = ch != 0 ? strchr(from, ch) : NULL;
        buffer_byte(out, (uint8_t)(known != NULL ? to[known - from] : ch));
    }
}

/* ---- walking ---- */

static bool is_key(struct buffer *scratch, const char *from, const char *to, const struct step *s)
{
    if (memchr(from, '\\', (size_t)(to - from)) == NULL) {
        return (size_t)(to - from) == s->n && memcmp(from, s->name, s->n) == 0;
    }
    size_t mark = scratch->n;
    unescape(scratch, from, to);
    bool is = scratch->n - mark == s->n && memcmp(scratch->data + mark, s->name, s->n) == 0;
    scratch->n = mark;
    return is;
}

static bool enter_key(struct cursor *c, const struct step *s, struct buffer *scratch)
{
    const char *from, *to;
    if (!take(c, '{')) {
        return false;
    }
    do {
        if (!skip_string(c, &from, &to) || !take(c, ':')) {
            return false;
        }
        if (is_key(scratch, from, to, s)) {
            return true;
        }
    } while (skip_value(c) && take(c, ','));
    return false;
}

static bool enter_index(struct cursor *c, uint64_t index)
{
    if (!take(c, '[')) {
        return false;
    }
    skip_space(c);
    if (c->p < c->end && *c->p == ']') {
        return false;
    }
    for (; index > 0; index--) {
        if (!skip_value(c) || !take(c, ',')) {
            return false;
        }
    }
    return true;
}

bool json_path_get(struct buffer *out, const char *json, uint32_t n, const char *path,
                   uint32_t path_n)
{
    struct cursor c = {json, json + n}, steps = path_begin(path, path_n);
    bool is_first = steps.p == path;
    while (steps.p < steps.end) {
        struct step s;
        if (!read_step(&steps, &s, is_first)) {
            return false;
        }
        is_first = false;
        if (s.is_index ? !enter_index(&c, s.index) : !enter_key(&c, &s, out)) {
            return false;
        }
    }
    skip_space(&c);
    const char *begin = c.p, *from, *to;
    if (begin < c.end && *begin == '"') {
        if (!skip_string(&c, &from, &to)) {
            return false;
        }
        unescape(out, from, to);
        return true;
    }
    if (!skip_value(&c) || (c.p - begin == 4 && memcmp(begin, "null", 4) == 0)) {
        return false;
    }
    buffer_add(out, begin, (size_t)(c.p - begin));
    return true;
}
