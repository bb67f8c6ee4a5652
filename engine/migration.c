/* Migration of saved values from one layout to another.
 *
 *   of before   head | count | sum v      | tail                 words: count 1 / sum 2 (column v)
 *                        \        x
 *   of now      head |    \ count | max w | tail | blob of max   words: count 1 / max 1 (column w)
 *
 * A part is known by its words. One that both layouts have is copied; one that only the layout of
 * now has is as of no rows, which is what `initial` holds: it counts from the change on; one that
 * only the old layout has is left out. All else must be the same, and at least one part must be
 * left: who changes all that a step counts is told so first. A part of the same
 * name and arguments in another version is not the same, nor new: such a value is refused, since to
 * begin anew would lose what it held without a word.
 */
#include "engine/migration.h"

#include "engine/error.h"
#include "engine/layout_words.h"

#include <string.h>

#define NO_PART     UINT16_MAX
#define OTHER_WORDS "was saved by other settings of the step, or under another key: "

struct slice {
    uint32_t at, n;
};

struct migration {
    const struct layout *from, *to;
    uint16_t *source;                     /* per part of `to`: part of `from`, or NO_PART */
    struct slice *initial, *initial_blob; /* per part of `to`, of its layout's initial value */
    struct slice *part, *blob;            /* per part of `from`, of the value in hand */
};

static bool same_words(const struct layout_part *a, const struct layout_part *b)
{
    return a->words_n == b->words_n && memcmp(a->words, b->words, a->words_n) == 0;
}

/* Part of l with the words of p: one that is not taken yet, else any, for equal words are equal
 * values. */
static uint16_t find_part(const struct layout *l, const struct layout_part *p, bool *is_taken)
{
    uint16_t found = NO_PART;
    for (uint16_t i = 0; i < l->nparts; i++) {
        if (!same_words(&l->part[i], p)) {
            continue;
        }
        found = found == NO_PART ? i : found;
        if (is_taken && !is_taken[i]) {
            is_taken[i] = true;
            return i;
        }
    }
    return found;
}

/* The words of a part behind its version. */
static const char *behind_version(const struct layout_part *p, size_t *name_n, size_t *n)
{
    const char *end = p->words + p->words_n;
    const char *name = memchr(p->words, ' ', p->words_n);
    *name_n = name ? (size_t)(name - p->words) : p->words_n;
    const char *rest = name ? memchr(name + 1, ' ', (size_t)(end - name - 1)) : NULL;
    *n = rest ? (size_t)(end - rest) : 0;
    return rest ? rest : end;
}

static bool differs_in_version(const struct layout_part *a, const struct layout_part *b)
{
    size_t a_name, b_name, a_n, b_n;
    const char *a_rest = behind_version(a, &a_name, &a_n);
    const char *b_rest = behind_version(b, &b_name, &b_n);
    return a->version != b->version && a_name == b_name && a_n == b_n &&
           memcmp(a->words, b->words, a_name) == 0 && memcmp(a_rest, b_rest, a_n) == 0;
}

/* ---- comparing ---- */

struct counts {
    bool kept;          /* at least one */
    bool moved;         /* not the same parts in the same places */
    bool is_other_form; /* a part has the words of one before, but not its bytes */
};

static void compare_parts(const struct layout *from, const struct layout *to, struct counts *c)
{
    for (uint16_t i = 0; i < to->nparts; i++) {
        uint16_t k = find_part(from, &to->part[i], NULL);
        c->kept |= k != NO_PART;
        c->moved |= i >= from->nparts || !same_words(&from->part[i], &to->part[i]);
        if (k != NO_PART) {
            c->is_other_form |= from->part[k].fixed != to->part[i].fixed ||
                                from->part[k].has_blob != to->part[i].has_blob;
        }
        for (k = 0; k < from->nparts && find_part(from, &to->part[i], NULL) == NO_PART; k++) {
            c->is_other_form |= differs_in_version(&from->part[k], &to->part[i]);
        }
    }
    c->moved |= from->nparts != to->nparts;
}

static void put_parts(struct buffer *why, const struct layout *of, const struct layout *other,
                      const char *sign, const char *what)
{
    int n = 0;
    for (uint16_t i = 0; i < of->nparts; i++) {
        const struct layout_part *p = &of->part[i];
        if (find_part(other, p, NULL) == NO_PART) {
            buffer_text(why, n++ ? ", " : why->n ? "; " : "");
            buffer_text(why, sign);
            layout_words_part(why, p);
        }
    }
    buffer_text(why, n ? what : "");
}

enum layout_fate layout_compare(const struct layout *from, const struct layout *to,
                                struct buffer *why)
{
    struct counts c = {0};
    if (from->version != to->version) {
        buffer_printf(why, "was written by another version of klamm (form %d, this one: %d)",
                      from->version, to->version);
        return LAYOUT_OTHER;
    }
    compare_parts(from, to, &c);
    bool is_same_frame = from->words_n == to->words_n && from->head == to->head &&
                         from->tail == to->tail && memcmp(from->words, to->words, to->words_n) == 0;
    if (is_same_frame && !c.is_other_form && !c.moved) {
        return LAYOUT_SAME;
    }
    if (is_same_frame && c.is_other_form) {
        buffer_text(why, "was written by another version of klamm (other forms of aggregates)");
        return LAYOUT_OTHER;
    }
    struct buffer what;
    buffer_init(&what);
    layout_words_differ(&what, from, to);
    bool migrates = is_same_frame && (c.kept || from->nparts == 0);
    put_parts(&what, to, from, "+ ", migrates ? " (from the change on)" : "");
    put_parts(&what, from, to, "- ", migrates ? " (what it held is dropped)" : "");
    buffer_text(&what, migrates && what.n == 0 ? "in another order" : "");
    buffer_text(why, migrates ? "" : OTHER_WORDS);
    buffer_text(why, is_same_frame && !migrates ? "nothing of it is left: " : "");
    buffer_add(why, what.data, what.n);
    buffer_done(&what);
    return migrates ? LAYOUT_MIGRATES : is_same_frame ? LAYOUT_SPENT : LAYOUT_OTHER;
}

/* ---- values ---- */

/* Cuts a saved value into its parts. */
static int cut(const struct layout *l, const void *saved, size_t n, struct slice *part,
               struct slice *blob)
{
    const uint8_t *begin = saved, *end = begin + n;
    uint64_t at = l->head;
    for (uint16_t i = 0; i < l->nparts; i++) {
        part[i] = (struct slice){(uint32_t)at, l->part[i].fixed};
        at += l->part[i].fixed;
    }
    at += l->tail;
    if (at > n || n > UINT32_MAX) {
        return -ERR_DATA;
    }
    const uint8_t *p = begin + at;
    for (uint16_t i = 0; i < l->nparts; i++) {
        int64_t size = 0;
        if (!l->part[i].has_blob) {
            continue;
        }
        const uint8_t *from = p;
        p = varint_read(p, end, &size);
        if (p == NULL || size < 0 || size > end - p) {
            return -ERR_DATA;
        }
        p += size;
        blob[i] = (struct slice){(uint32_t)(from - begin), (uint32_t)(p - from)};
    }
    return p == end ? 0 : -ERR_DATA;
}

struct migration *migration_new(const struct layout *from, const struct layout *to, struct arena *a)
{
    struct migration *m = arena_zalloc(a, sizeof *m);
    bool *is_taken = arena_zalloc(a, from->nparts + 1U);
    *m = (struct migration){.from = from, .to = to};
    m->source = arena_array(a, to->nparts + 1U, sizeof *m->source);
    m->initial = arena_zalloc(a, (to->nparts + 1U) * sizeof *m->initial);
    m->initial_blob = arena_zalloc(a, (to->nparts + 1U) * sizeof *m->initial_blob);
    m->part = arena_zalloc(a, (from->nparts + 1U) * sizeof *m->part);
    m->blob = arena_zalloc(a, (from->nparts + 1U) * sizeof *m->blob);
    for (uint16_t i = 0; i < to->nparts; i++) {
        m->source[i] = find_part(from, &to->part[i], is_taken);
    }
    (void)cut(to, to->initial, to->initial_n, m->initial, m->initial_blob);
    return m;
}

static void put(struct buffer *out, const void *bytes, struct slice s)
{
    buffer_add(out, (const char *)bytes + s.at, s.n);
}

int migration_run(const struct migration *m, const void *saved, size_t n, struct buffer *out)
{
    const struct layout *from = m->from, *to = m->to;
    if (cut(from, saved, n, m->part, m->blob) < 0) {
        return -ERR_DATA;
    }
    uint32_t tail_at = from->head;
    for (uint16_t i = 0; i < from->nparts; i++) {
        tail_at += from->part[i].fixed;
    }
    put(out, saved, (struct slice){0, from->head});
    for (uint16_t i = 0; i < to->nparts; i++) {
        bool is_new = m->source[i] == NO_PART;
        put(out, is_new ? to->initial : saved, is_new ? m->initial[i] : m->part[m->source[i]]);
    }
    put(out, saved, (struct slice){tail_at, from->tail});
    for (uint16_t i = 0; i < to->nparts; i++) {
        bool is_new = m->source[i] == NO_PART;
        put(out, is_new ? to->initial : saved, is_new ? m->initial_blob[i] : m->blob[m->source[i]]);
    }
    return 0;
}
