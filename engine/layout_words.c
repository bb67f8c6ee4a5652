/* Words of layouts for people. Expressions stand there as trees, and are shown as they are written:
 *
 *     sum 2 (op + (column v):… (long 1)):long   ->   sum(v + 1)
 *     within 60000                                   as it is
 *
 * What does not look like a tree is shown as it is: the text may come from a topic. Long text is
 * cut, and bytes that are no letters become dots. Of two lines types are shown where nothing else
 * differs, and long ones begin where they part.
 */
#include "engine/layout_words.h"

#include <string.h>

#define DEPTH_MOST  40
#define DIFFER_MOST 8 /* lines shown */

struct tree {
    const char *p, *end;
    struct buffer *out;
    int depth;
};

static bool put_tree(struct tree *t);

static bool starts(const struct tree *t, const char *text)
{
    size_t n = strlen(text);
    return (size_t)(t->end - t->p) >= n && memcmp(t->p, text, n) == 0;
}

/* Up to a space before the next tree, or the end of this one. */
static const char *take_text(struct tree *t, size_t *n)
{
    const char *from = t->p;
    while (t->p < t->end && *t->p != ')' && !starts(t, " (")) {
        t->p++;
    }
    *n = (size_t)(t->p - from);
    return from;
}

/* The children, with `between` between them. */
static bool put_children(struct tree *t, const char *between, const char *more)
{
    for (int n = 0; starts(t, " ("); n++) {
        t->p++;
        buffer_text(t->out, n ? between : "");
        if (!put_tree(t)) {
            return false;
        }
    }
    buffer_text(t->out, more);
    return true;
}

static bool put_string(struct tree *t)
{
    size_t n = 0;
    while (t->p < t->end && *t->p >= '0' && *t->p <= '9' && n < UINT32_MAX) {
        n = n * 10 + (size_t)(*t->p++ - '0');
    }
    if (t->p == t->end || *t->p++ != ':' || n > (size_t)(t->end - t->p)) {
        return false;
    }
    buffer_byte(t->out, '\'');
    buffer_add(t->out, t->p, n);
    buffer_byte(t->out, '\'');
    t->p += n;
    return true;
}

static bool put_operator(struct tree *t, const char *name, size_t n)
{
    char between[40] = " ";
    if (n + 3 > sizeof between) {
        return false;
    }
    memcpy(between + 1, name, n);
    memcpy(between + 1 + n, " ", 2);
    buffer_text(t->out, t->depth > 1 ? "(" : "");
    return put_children(t, between, t->depth > 1 ? ")" : "");
}

static bool put_call(struct tree *t, const char *name, size_t n, const char *more)
{
    buffer_add(t->out, name, n);
    buffer_byte(t->out, '(');
    return put_children(t, ", ", more);
}

static bool is_word(const char *word, size_t n, const char *text)
{
    return n == strlen(text) && memcmp(word, text, n) == 0;
}

/* What stands behind a node's word. */
static bool put_node(struct tree *t, const char *word, size_t word_n)
{
    size_t n = 0;
    const char *name = "";
    bool has_name = t->p < t->end && *t->p == ' ' && !starts(t, " (");
    t->p += has_name;
    if (is_word(word, word_n, "string")) {
        return put_string(t);
    }
    if (has_name) {
        name = take_text(t, &n);
    }
    if (is_word(word, word_n, "boolean")) {
        buffer_text(t->out, is_word(name, n, "1") ? "true" : "false");
        return true;
    }
    if (is_word(word, word_n, "op") || is_word(word, word_n, "and") ||
        is_word(word, word_n, "or")) {
        return has_name ? put_operator(t, name, n) : put_operator(t, word, word_n);
    }
    if (is_word(word, word_n, "field")) {
        bool is_good = put_children(t, "", ".");
        buffer_add(t->out, name, n);
        return is_good;
    }
    if (is_word(word, word_n, "call")) {
        return put_call(t, name, n, ")");
    }
    if (starts(t, " (")) {
        bool is_good = put_call(t, word, word_n, has_name ? " as " : ")");
        buffer_add(t->out, name, n);
        buffer_text(t->out, has_name ? ")" : "");
        return is_good;
    }
    buffer_add(t->out, has_name ? name : word, has_name ? n : word_n);
    return true;
}

static bool put_tree(struct tree *t)
{
    t->p++; /* the bracket */
    if (t->depth >= DEPTH_MOST) {
        return false;
    }
    if (starts(t, "!")) {
        buffer_text(t->out, "not ");
        t->p++;
    }
    const char *word = t->p;
    while (t->p < t->end && *t->p >= 'a' && *t->p <= 'z') {
        t->p++;
    }
    size_t n = (size_t)(t->p - word);
    t->depth++;
    bool is_good = n > 0 && put_node(t, word, n) && t->p < t->end && *t->p == ')';
    t->depth--;
    t->p += is_good;
    return is_good;
}

enum types { TYPES_LEFT_OUT, TYPES_SHOWN };

/* Of a tree, if one follows. */
static void put_type(struct tree *t, enum types types)
{
    if (t->p == t->end || *t->p != ':') {
        return;
    }
    const char *from = t->p + 1;
    while (t->p < t->end && *t->p != ' ') {
        t->p++;
    }
    if (types == TYPES_SHOWN) {
        buffer_text(t->out, " of type ");
        buffer_add(t->out, from, (size_t)(t->p - from));
    }
}

/* Text with its trees; `between`: spaces outside of trees become this. */
static void put_text(struct buffer *out, const char *p, size_t n, const char *between,
                     enum types types)
{
    struct tree t = {p, p + n, out, 0};
    while (t.p < t.end) {
        const char *from = t.p;
        size_t had = out->n;
        if (*t.p == '(' && put_tree(&t)) {
            put_type(&t, types);
            continue;
        }
        t.p = from + 1;
        out->n = had;
        if (*from == ' ') {
            buffer_text(out, between);
        } else {
            buffer_byte(out, (uint8_t)*from);
        }
    }
}

/* At most LAYOUT_WORDS_MOST bytes of one line, from a byte on. */
static void put_short(struct buffer *out, const struct buffer *text, size_t from)
{
    size_t n = text->n - from;
    const char *data = text->data + from;
    buffer_text(out, from > 0 ? "…" : "");
    bool is_cut = n > LAYOUT_WORDS_MOST;
    n = is_cut ? LAYOUT_WORDS_MOST : n;
    while (is_cut && n > 0 && ((uint8_t)data[n] & 0xc0) == 0x80) {
        n--;
    }
    for (size_t i = 0; i < n; i++) {
        uint8_t byte = (uint8_t)data[i];
        buffer_byte(out, byte < ' ' || byte == 0x7f ? '.' : byte);
    }
    buffer_text(out, is_cut ? "…" : "");
}

void layout_words_part(struct buffer *out, const struct layout_part *p)
{
    struct buffer text;
    buffer_init(&text);
    const char *end = p->words + p->words_n, *rest = memchr(p->words, ' ', p->words_n);
    buffer_add(&text, p->words, rest ? (size_t)(rest - p->words) : p->words_n);
    buffer_byte(&text, '(');
    if (rest && p->version != 0) {
        rest = memchr(rest + 1, ' ', (size_t)(end - rest - 1));
    }
    if (rest) {
        put_text(&text, rest + 1, (size_t)(end - rest - 1), ", ", TYPES_LEFT_OUT);
    }
    buffer_byte(&text, ')');
    put_short(out, &text, 0);
    buffer_done(&text);
}

/* ---- what differs ---- */

struct line {
    const char *p;
    size_t n;
};

static bool next_line(const struct layout *l, size_t *at, struct line *line)
{
    if (*at >= l->words_n) {
        return false;
    }
    const char *from = l->words + *at, *end = memchr(from, '\n', l->words_n - *at);
    line->p = from;
    line->n = end ? (size_t)(end - from) : l->words_n - *at;
    *at += line->n + 1;
    return true;
}

static bool has_line(const struct layout *l, const struct line *line)
{
    struct line mine;
    for (size_t at = 0; next_line(l, &at, &mine);) {
        if (mine.n == line->n && memcmp(mine.p, line->p, line->n) == 0) {
            return true;
        }
    }
    return false;
}

/* The next line of `of` that `other` does not have. */
static bool next_other(const struct layout *of, const struct layout *other, size_t *at,
                       struct line *line)
{
    while (next_line(of, at, line)) {
        if (!has_line(other, line)) {
            return true;
        }
    }
    return false;
}

static void put_line(struct buffer *out, const struct line *line)
{
    struct buffer text;
    buffer_init(&text);
    put_text(&text, line->p, line->n, " ", TYPES_LEFT_OUT);
    put_short(out, &text, 0);
    buffer_done(&text);
}

static bool are_equal(const struct buffer *a, const struct buffer *b)
{
    return a->n == b->n && (a->n == 0 || memcmp(a->data, b->data, a->n) == 0);
}

/* Words that two texts begin with, when one of them is too long to be shown whole: bytes. */
static size_t in_common(const struct buffer *a, const struct buffer *b)
{
    size_t words = 0;
    if (a->n <= LAYOUT_WORDS_MOST && b->n <= LAYOUT_WORDS_MOST) {
        return 0;
    }
    for (size_t i = 0; i < a->n && i < b->n && a->data[i] == b->data[i]; i++) {
        words = a->data[i] == ' ' ? i + 1 : words;
    }
    return words;
}

static void put_change(struct buffer *out, const struct line *was, const struct line *is)
{
    struct buffer before, now;
    buffer_init(&before);
    buffer_init(&now);
    for (int types = TYPES_LEFT_OUT; types <= TYPES_SHOWN && are_equal(&before, &now); types++) {
        before.n = now.n = 0;
        put_text(&before, was->p, was->n, " ", (enum types)types);
        put_text(&now, is->p, is->n, " ", (enum types)types);
    }
    size_t from = in_common(&before, &now);
    put_short(out, &before, from);
    buffer_text(out, " is now ");
    put_short(out, &now, from);
    buffer_done(&before);
    buffer_done(&now);
}

void layout_words_differ(struct buffer *out, const struct layout *from, const struct layout *to)
{
    size_t from_at = 0, to_at = 0;
    struct line was, is;
    bool has_was = next_other(from, to, &from_at, &was);
    bool has_is = next_other(to, from, &to_at, &is);
    if (!has_was && !has_is &&
        (from->words_n != to->words_n || memcmp(from->words, to->words, to->words_n) != 0)) {
        buffer_text(out, "the same in another order");
    }
    for (int n = 0; has_was || has_is; n++) {
        buffer_text(out, n ? "; " : "");
        if (n == DIFFER_MOST) {
            buffer_text(out, "…");
            return;
        }
        if (has_was && has_is) {
            put_change(out, &was, &is);
        } else if (has_was) {
            put_line(out, &was);
            buffer_text(out, " is gone");
        } else {
            buffer_text(out, "new is ");
            put_line(out, &is);
        }
        has_was = has_was && next_other(from, to, &from_at, &was);
        has_is = has_is && next_other(to, from, &to_at, &is);
    }
}
