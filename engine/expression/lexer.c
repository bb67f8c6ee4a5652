/* Lexer: one pass over the bytes, no look-back.
 *
 *   name      letter or _ or any byte of a multi-byte character, then also digits
 *   "name"    any text, "" for a quote
 *   'text'    any text, '' for a quote
 *   number    12, 1.5, .5, 1e-3; digits and one of ms s m h d: a duration, a long of ms
 *   symbol    + - * / % || = <> != < <= > >= ( ) [ ] , .
 *
 * Text that is not UTF-8 or longer than EXPRESSION_BYTES_MAX is refused before anything is read.
 */
#include "engine/expression/lexer.h"

#include "engine/clock.h"
#include "engine/str.h"

#include <stdlib.h>
#include <strings.h>

struct lexer {
    struct arena *a;
    const char *text;
    int pos, n;
    struct err *e;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

bool token_is(const struct token *t, const char *word)
{
    return (t->kind == TOKEN_NAME || t->kind == TOKEN_SYMBOL) && strcasecmp(t->text, word) == 0;
}

static void skip_space(struct lexer *l)
{
    while (l->pos < l->n && strchr(" \t\r\n", l->text[l->pos]) != NULL) {
        l->pos++;
    }
}

static int read_name(struct lexer *l, struct token *t)
{
    while (l->pos < l->n && (is_letter(l->text[l->pos]) || is_digit(l->text[l->pos]))) {
        l->pos++;
    }
    t->kind = TOKEN_NAME;
    t->n = (uint32_t)(l->pos - t->pos);
    t->text = arena_strndup(l->a, l->text + t->pos, t->n);
    return 0;
}

static int read_quoted(struct lexer *l, struct token *t, char quote)
{
    char *out = arena_alloc(l->a, (size_t)(l->n - l->pos) + 1);
    uint32_t n = 0;
    for (l->pos++; l->pos < l->n; l->pos++) {
        if (l->text[l->pos] == quote) {
            if (l->text[l->pos + 1] != quote) {
                break;
            }
            l->pos++;
        }
        out[n++] = l->text[l->pos];
    }
    if (l->pos >= l->n) {
        int begin = t->pos;
        l->pos = begin;
        return err_set(l->e, ERR_CONFIG, "the %s that begins here does not end: a %c is missing",
                       quote == '\'' ? "text" : "name", quote);
    }
    l->pos++;
    out[n] = 0;
    if (quote == '"' && n == 0) {
        l->pos = t->pos;
        return err_set(l->e, ERR_CONFIG, "a name in double quotes must not be empty");
    }
    t->kind = quote == '\'' ? TOKEN_STRING : TOKEN_QUOTED;
    t->text = out;
    t->n = n;
    return 0;
}

static void skip_digits(struct lexer *l)
{
    while (l->pos < l->n && is_digit(l->text[l->pos])) {
        l->pos++;
    }
}

/* Behind the digits: fraction and exponent. True when there were any. */
static bool skip_fraction(struct lexer *l)
{
    const char *s = l->text;
    bool is_double = false;
    if (s[l->pos] == '.') {
        is_double = true;
        l->pos++;
        skip_digits(l);
    }
    if (s[l->pos] == 'e' || s[l->pos] == 'E') {
        int k = l->pos + 1;
        if (s[k] == '+' || s[k] == '-') {
            k++;
        }
        if (is_digit(s[k])) {
            is_double = true;
            l->pos = k;
            skip_digits(l);
        }
    }
    return is_double;
}

static int read_long(struct lexer *l, struct token *t)
{
    uint64_t v = 0;
    for (int k = t->pos; k < l->pos; k++) {
        uint64_t digit = (uint64_t)(l->text[k] - '0');
        if (v > (UINT64_MAX - digit) / 10) {
            v = UINT64_MAX;
            break;
        }
        v = v * 10 + digit;
    }
    if (v > (uint64_t)INT64_MAX + 1) {
        l->pos = t->pos;
        return err_set(l->e, ERR_CONFIG,
                       "the number does not fit a long (64 bits); write %s.0 for a double",
                       t->text);
    }
    t->kind = TOKEN_LONG;
    t->is_min = v == (uint64_t)INT64_MAX + 1;
    t->i = t->is_min ? INT64_MIN : (int64_t)v;
    return 0;
}

static int read_number(struct lexer *l, struct token *t)
{
    skip_digits(l);
    bool is_double = skip_fraction(l);
    bool has_unit = l->pos < l->n && is_letter(l->text[l->pos]);
    int digits_end = l->pos;
    while (l->pos < l->n && (is_letter(l->text[l->pos]) || is_digit(l->text[l->pos]))) {
        l->pos++;
    }
    t->n = (uint32_t)(l->pos - t->pos);
    t->text = arena_strndup(l->a, l->text + t->pos, t->n);
    if (has_unit) {
        if (!is_double && duration_parse(t->text, t->n, &t->i) == 0) {
            t->kind = TOKEN_LONG;
            return 0;
        }
        l->pos = digits_end;
        return err_set(l->e, ERR_CONFIG,
                       "'%s' is neither a number nor a duration (such as 250ms 5s 10m 1h 2d)",
                       t->text);
    }
    if (!is_double) {
        return read_long(l, t);
    }
    t->kind = TOKEN_DOUBLE;
    t->d = strtod(t->text, NULL);
    if (t->d > 1.7976931348623157e308) {
        l->pos = t->pos;
        return err_set(l->e, ERR_CONFIG, "the number is too large for a double");
    }
    return 0;
}

static int read_symbol(struct lexer *l, struct token *t)
{
    static const char *const symbols[] = {"||", "<>", "!=", "<=", ">=", "+", "-", "*", "/", "%",
                                          "=",  "<",  ">",  "(",  ")",  "[", "]", ",", "."};
    if (strncmp(l->text + l->pos, "==", 2) == 0) {
        return err_set(l->e, ERR_CONFIG, "equality is one `=`, found `==`");
    }
    for (size_t k = 0; k < sizeof symbols / sizeof symbols[0]; k++) {
        size_t n = strlen(symbols[k]);
        if (strncmp(l->text + l->pos, symbols[k], n) == 0) {
            t->kind = TOKEN_SYMBOL;
            t->text = strcmp(symbols[k], "!=") == 0 ? "<>" : symbols[k];
            t->n = (uint32_t)n;
            l->pos += (int)n;
            return 0;
        }
    }
    char c = l->text[l->pos];
    const char *hint = c == '!' ? "; write `not` or `<>`" : c == '&' ? "; write `and`" : "";
    return err_set(l->e, ERR_CONFIG, "the character %s%c%s means nothing here%s",
                   c < ' ' ? "code " : "'", c < ' ' ? '?' : c, c < ' ' ? "" : "'", hint);
}

static int read_token(struct lexer *l, struct token *t)
{
    t->pos = l->pos;
    char c = l->text[l->pos];
    if (is_letter(c)) {
        return read_name(l, t);
    }
    if (c == '\'' || c == '"') {
        return read_quoted(l, t, c);
    }
    if (is_digit(c) || (c == '.' && is_digit(l->text[l->pos + 1]))) {
        return read_number(l, t);
    }
    return read_symbol(l, t);
}

int lexer_read(struct token **out, int *n, struct arena *a, const char *text, int *pos,
               struct err *e)
{
    size_t size = strlen(text);
    *pos = 0;
    if (size > EXPRESSION_BYTES_MAX) {
        return err_set(e, ERR_CONFIG, "the expression is longer than %d bytes",
                       EXPRESSION_BYTES_MAX);
    }
    if (!utf8_valid(text, size)) {
        return err_set(e, ERR_CONFIG, "the expression is not valid UTF-8");
    }
    struct lexer l = {.a = a, .text = text, .n = (int)size, .e = e};
    int cap = 16, have = 0;
    struct token *t = arena_array(a, (size_t)cap, sizeof *t);
    for (;;) {
        if (have == cap) {
            struct token *more = arena_array(a, (size_t)cap * 2, sizeof *t);
            memcpy(more, t, (size_t)cap * sizeof *t);
            t = more;
            cap *= 2;
        }
        skip_space(&l);
        t[have] = (struct token){.kind = TOKEN_END, .pos = l.pos, .end = l.pos, .text = ""};
        if (l.pos >= l.n) {
            break;
        }
        int rc = read_token(&l, &t[have]);
        if (rc < 0) {
            *pos = l.pos;
            return rc;
        }
        t[have++].end = l.pos;
    }
    *out = t;
    *n = have;
    return 0;
}
