/* Patterns and words: regexp_like regexp_extract tokenize ngrams.
 *
 *   regexp_like(s, p)         the pattern is found anywhere in s; see regexp.h
 *   regexp_extract(s, p, g)   the group g of the leftmost match, without g the first one if there
 *                             is one, else the whole match; null without a match
 *   tokenize(s)               runs of letters and digits, in small letters
 *   ngrams(words, n)          n neighbours joined by a space
 *   ngrams(s, n)              n neighbouring characters
 *
 * Patterns are constants, compiled once. A text too long for its pattern is a row error: what would
 * take more than STEPS_MAX steps is not begun.
 */
#include "engine/expression/kernel.h"
#include "engine/expression/regexp.h"
#include "engine/expression/unicode.h"
#include "engine/nested.h"

#include <inttypes.h>

#define STEPS_MAX (64u << 20)

struct pattern {
    const struct regexp *re;
    int group;
};

static int prepare_pattern(const void **state, struct arena *a, int nargs,
                           const struct expression *const *arg, struct err *e)
{
    struct nested_value v, group = {.i = -1};
    if (constant_argument(arg[1], &v) == NULL ||
        (nargs == 3 && constant_argument(arg[2], &group) == NULL)) {
        return err_set(e, ERR_CONFIG,
                       "the pattern must be a text in quotes, and the group a number");
    }
    struct pattern *p = arena_zalloc(a, sizeof *p);
    int rc = regexp_compile(&p->re, a, v.s.p, v.s.n, e);
    if (rc < 0) {
        return rc;
    }
    int groups = regexp_groups(p->re);
    if (nargs == 3 && (group.i < 0 || group.i > groups)) {
        return err_set(e, ERR_CONFIG, "the pattern has %d groups, there is no group %" PRId64,
                       groups, group.i);
    }
    p->group = nargs == 3 ? (int)group.i : groups > 0;
    *state = p;
    return 0;
}

/* False after a row error. */
static bool is_affordable(struct kernel_call *c, uint16_t row, const struct regexp *re, uint32_t n)
{
    if (regexp_cost(re, n) <= STEPS_MAX) {
        return true;
    }
    kernel_error(c, row, "a text of %" PRIu32 " bytes is too long for this regular expression", n);
    return false;
}

static int regexp_like(struct kernel_call *c)
{
    const struct pattern *p = c->state;
    struct regexp_run *run = regexp_run_new(c->mem, p->re);
    for (uint16_t k = 0; k < c->nsel; k++) {
        uint16_t row = c->sel[k];
        struct text t = kernel_text(&c->arg[0], row);
        if (is_affordable(c, row, p->re, t.n)) {
            c->out->b[row] = regexp_match(run, t.p, t.n, 0, NULL, NULL);
        }
    }
    return 0;
}

static int regexp_extract(struct kernel_call *c)
{
    const struct pattern *p = c->state;
    struct regexp_run *run = regexp_run_new(c->mem, p->re);
    for (uint16_t k = 0; k < c->nsel; k++) {
        uint16_t row = c->sel[k];
        struct text t = kernel_text(&c->arg[0], row);
        int64_t from, to;
        if (!is_affordable(c, row, p->re, t.n)) {
            continue;
        }
        if (regexp_match(run, t.p, t.n, p->group, &from, &to) && from >= 0) {
            kernel_put_part(c, row, t.p + from, (uint32_t)(to - from));
        } else {
            kernel_set_null(c, row);
        }
    }
    return 0;
}

/* ---- words ---- */

/* An array<string> that is being built. */
struct words {
    struct buffer items;
    int64_t n;
};

static void add_word(struct words *w, const char *p, size_t n)
{
    struct nested_value v = {.s = {p, (uint32_t)n}};
    nested_put(&w->items, &type_string, &v);
    w->n++;
}

static void put_words(struct kernel_call *c, uint16_t row, struct words *w)
{
    if (w->items.n > STRING_BYTES_MAX) {
        kernel_error(c, row, "the result would be longer than %u bytes", STRING_BYTES_MAX);
    } else {
        struct buffer b;
        buffer_init(&b);
        buffer_varint(&b, w->n);
        if (w->items.n > 0) {
            buffer_add(&b, w->items.data, w->items.n);
        }
        kernel_put(c, row, b.data, (uint32_t)b.n);
        buffer_done(&b);
    }
    buffer_clear(&w->items);
    w->n = 0;
}

/* ASCII letters and digits, and all beyond ASCII but its spaces, dashes and quotation marks. */
static bool is_word_code(uint32_t code)
{
    if (code < 0x80) {
        return (code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z') ||
               (code >= '0' && code <= '9');
    }
    bool is_latin_sign = code < 0xC0 && code != 0xAA && code != 0xB5 && code != 0xBA;
    bool is_mark = (code >= 0x2000 && code <= 0x206F) || (code >= 0x3000 && code <= 0x303F) ||
                   code == 0xD7 || code == 0xF7 || code == 0xFEFF;
    return !is_latin_sign && !is_mark;
}

static int tokenize(struct kernel_call *c)
{
    struct words w = {0};
    struct buffer word;
    buffer_init(&w.items);
    buffer_init(&word);
    for (uint16_t k = 0; k < c->nsel; k++) {
        struct text t = kernel_text(&c->arg[0], c->sel[k]);
        const char *end = t.p + t.n;
        for (const char *p = t.p; p <= end; p += p < end ? utf8_size(p, end) : 1) {
            uint32_t code = p < end ? utf8_read(p, end) : ' ';
            if (is_word_code(code)) {
                char utf8[4];
                buffer_add(&word, utf8, utf8_write(utf8, unicode_lower(code)));
            } else if (word.n > 0) {
                add_word(&w, word.data, word.n);
                buffer_clear(&word);
            }
        }
        put_words(c, c->sel[k], &w);
    }
    buffer_done(&word);
    buffer_done(&w.items);
    return 0;
}

/* False after a row error. */
static bool is_size(struct kernel_call *c, uint16_t row)
{
    if (c->arg[1].i[row] >= 1) {
        return true;
    }
    kernel_error(c, row, "ngrams() needs a number of at least 1, found %" PRId64, c->arg[1].i[row]);
    return false;
}

static int ngrams_chars(struct kernel_call *c)
{
    struct words w = {0};
    buffer_init(&w.items);
    for (uint16_t k = 0; k < c->nsel; k++) {
        uint16_t row = c->sel[k];
        struct text t = kernel_text(&c->arg[0], row);
        int64_t n = c->arg[1].i[row];
        if (!is_size(c, row)) {
            continue;
        }
        const char *from = t.p, *end = t.p + t.n;
        const char *to = utf8_skip(t.p, end, n - 1);
        while (to < end && w.items.n <= STRING_BYTES_MAX) {
            to += utf8_size(to, end);
            add_word(&w, from, (size_t)(to - from));
            from += utf8_size(from, end);
        }
        put_words(c, row, &w);
    }
    buffer_done(&w.items);
    return 0;
}

/* The n words that the cursor gives next, joined; false when fewer are left or one is null. */
static bool join_words(struct nested_cursor at, int64_t n, struct buffer *out, uint64_t *steps)
{
    buffer_clear(out);
    struct nested_value v;
    for (int64_t k = 0; k < n; k++) {
        ++*steps;
        if (!nested_next(&at, NULL, NULL, &v) || v.is_null || out->n > STRING_BYTES_MAX) {
            return false;
        }
        if (k > 0) {
            buffer_byte(out, ' ');
        }
        buffer_add(out, v.s.p, v.s.n);
    }
    return true;
}

static int ngrams_words(struct kernel_call *c)
{
    struct words w = {0};
    struct buffer joined;
    buffer_init(&w.items);
    buffer_init(&joined);
    for (uint16_t k = 0; k < c->nsel; k++) {
        uint16_t row = c->sel[k];
        struct text t = kernel_text(&c->arg[0], row);
        int64_t n = c->arg[1].i[row];
        if (!is_size(c, row)) {
            continue;
        }
        struct nested_cursor at = nested_open(c->arg[0].type, t.p, t.n);
        struct nested_value first;
        uint64_t steps = 0;
        while (at.left >= n && w.items.n <= STRING_BYTES_MAX && steps <= STEPS_MAX) {
            if (join_words(at, n, &joined, &steps)) {
                add_word(&w, joined.n > 0 ? joined.data : "", joined.n);
            }
            if (!nested_next(&at, NULL, NULL, &first)) {
                break;
            }
        }
        if (steps > STEPS_MAX) {
            w.items.n = STRING_BYTES_MAX + 1; /* given up: the same error */
        }
        put_words(c, row, &w);
    }
    buffer_done(&joined);
    buffer_done(&w.items);
    return 0;
}

static int prepare_words(const void **state, struct arena *a, int nargs,
                         const struct expression *const *arg, struct err *e)
{
    (void)a;
    (void)nargs;
    *state = NULL;
    if (expression_type(arg[0])->of->kind != TYPE_STRING) {
        return err_set(e, ERR_CONFIG, "ngrams() takes a string or an array<string>");
    }
    return 0;
}

static const struct function_def functions[] = {
    {"regexp_like", "ss", 'b', NULL_IF_ANY, regexp_like, prepare_pattern,
     .doc = "the pattern is found in the text"},
    {"regexp_extract", "ss|l", 's', NULL_MORE, regexp_extract, prepare_pattern,
     .doc = "a group of the pattern's first match; else null"},
    {"tokenize", "s", 'S', NULL_IF_ANY, tokenize, .doc = "words in small letters"},
    {"ngrams", "sl", 'S', NULL_IF_ANY, ngrams_chars, .doc = "all runs of n characters"},
    {"ngrams", "Al", 'S', NULL_IF_ANY, ngrams_words, prepare_words,
     .doc = "all runs of n words, each joined by spaces"},
    {0},
};

const struct function_table functions_text = {
    .family = "patterns and words",
    .functions = functions,
};
