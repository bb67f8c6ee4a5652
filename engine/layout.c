/* Layouts of saved state.
 *
 *   words   name of the step | key NAME TYPE, a line each | the step's own (state_layout) | those of
 *           its parts (state_parts), a line each
 *   hash    32 bits of all of them
 *
 * As text, which is what stands in a changelog:
 *
 *     klamm layout 1
 *     topology load
 *     stream means
 *     step window
 *     version 1
 *     value 0 0                     bytes of head and tail
 *     part 8 0 1 7                  of each part: fixed bytes, has a blob, version, bytes of words
 *     part 24 0 2 24
 *     words 47                      bytes that follow: the words without the parts', then theirs
 *     window
 *     …
 *
 * Words may hold anything, strings of an expression among them, so they are counted, not split at
 * the ends of lines. The text is read from a topic that others can write to: all in it is checked.
 */
#include "engine/layout.h"

#include "engine/error.h"
#include "engine/hash.h"
#include "engine/step.h"

#include <inttypes.h>
#include <string.h>

#define FORM      "klamm layout 1\n"
#define NAME_MOST 1000

static void add_key(struct buffer *words, const struct schema *in)
{
    for (uint16_t i = 0; i < in->nkey; i++) {
        const struct column *key = &in->col[in->key[i]];
        buffer_printf(words, "key %s ", key->name);
        type_print(words, key->type);
        buffer_byte(words, '\n');
    }
}

static uint32_t hash_of(const struct layout *l)
{
    struct buffer all;
    buffer_init(&all);
    buffer_add(&all, l->words, l->words_n);
    for (uint16_t i = 0; i < l->nparts; i++) {
        buffer_add(&all, l->part[i].words, l->part[i].words_n);
        buffer_byte(&all, '\n');
    }
    uint32_t hash = (uint32_t)hash_stable(all.data, all.n, 0);
    buffer_done(&all);
    return hash;
}

void layout_add_part(struct layout *l, const struct layout_part *part, struct arena *a)
{
    if ((l->nparts & (l->nparts - 1)) == 0) {
        uint32_t cap = l->nparts ? l->nparts * 2U : 1U;
        struct layout_part *more = arena_array(a, cap, sizeof *more);
        if (l->nparts > 0) {
            memcpy(more, l->part, l->nparts * sizeof *more);
        }
        l->part = more;
    }
    l->part[l->nparts] = *part;
    l->part[l->nparts++].words = arena_strndup(a, part->words, part->words_n);
}

struct layout *layout_of(const struct node *n, const char *topology, struct arena *a)
{
    struct layout *l = arena_zalloc(a, sizeof *l);
    struct buffer words;
    buffer_init(&words);
    *l = (struct layout){.topology = topology,
                         .stream = n->stream,
                         .step = n->def->name,
                         .version = n->def->state_version};
    buffer_printf(&words, "%s\n", n->def->name);
    for (uint16_t i = 0; i < n->ninputs && !n->keyless && !n->single_partition; i++) {
        add_key(&words, n->in[i]);
    }
    if (n->def->state_layout) {
        n->def->state_layout(n, &words);
    }
    l->words = arena_strndup(a, words.data, words.n);
    l->words_n = words.n;
    if (n->def->state_parts) {
        n->def->state_parts(n, l, a);
    }
    l->hash = hash_of(l);
    buffer_done(&words);
    return l;
}

uint32_t layout_of_columns(const struct schema *s)
{
    struct buffer words;
    buffer_init(&words);
    schema_print(&words, s);
    for (uint16_t i = 0; i < s->nkey; i++) {
        buffer_printf(&words, " key %d", s->key[i]);
    }
    uint32_t layout = (uint32_t)hash_stable(buffer_cstr(&words), words.n, 0);
    buffer_done(&words);
    return layout;
}

/* ---- as text ---- */

void layout_write(const struct layout *l, struct buffer *out)
{
    size_t n = l->words_n;
    buffer_printf(
        out, FORM "topology %s\nstream %s\nstep %s\nversion %u\nvalue %" PRIu32 " %" PRIu32 "\n",
        l->topology, l->stream, l->step, (unsigned)l->version, l->head, l->tail);
    for (uint16_t i = 0; i < l->nparts; i++) {
        const struct layout_part *p = &l->part[i];
        buffer_printf(out, "part %" PRIu32 " %d %u %" PRIu32 "\n", p->fixed, p->has_blob,
                      (unsigned)p->version, p->words_n);
        n += p->words_n + 1;
    }
    buffer_printf(out, "words %zu\n", n);
    buffer_add(out, l->words, l->words_n);
    for (uint16_t i = 0; i < l->nparts; i++) {
        buffer_add(out, l->part[i].words, l->part[i].words_n);
        buffer_byte(out, '\n');
    }
}

struct reading {
    const char *p, *end;
    struct arena *a;
    bool is_bad;
};

static bool take(struct reading *r, const char *text)
{
    size_t n = strlen(text);
    if ((size_t)(r->end - r->p) < n || memcmp(r->p, text, n) != 0) {
        return false;
    }
    r->p += n;
    return true;
}

static void expect(struct reading *r, const char *text)
{
    r->is_bad |= !take(r, text);
}

static uint64_t take_number(struct reading *r, uint64_t most)
{
    uint64_t value = 0;
    const char *from = r->p;
    for (; r->p < r->end && *r->p >= '0' && *r->p <= '9' && value <= most; r->p++) {
        value = value * 10 + (uint64_t)(*r->p - '0');
    }
    r->is_bad |= r->p == from || value > most;
    return r->is_bad ? 0 : value;
}

/* The rest of a line behind `what`. */
static const char *take_name(struct reading *r, const char *what)
{
    expect(r, what);
    const char *end = r->is_bad ? NULL : memchr(r->p, '\n', (size_t)(r->end - r->p));
    if (!end || end - r->p > NAME_MOST) {
        r->is_bad = true;
        return "";
    }
    const char *name = arena_strndup(r->a, r->p, (size_t)(end - r->p));
    r->p = end + 1;
    return name;
}

static uint32_t take_field(struct reading *r, uint64_t most, const char *behind)
{
    uint32_t value = (uint32_t)take_number(r, most);
    expect(r, behind);
    return value;
}

static void take_parts(struct reading *r, struct layout *l)
{
    while (!r->is_bad && l->nparts < UINT16_MAX && take(r, "part ")) {
        struct layout_part p = {.words = ""};
        p.fixed = take_field(r, UINT32_MAX, " ");
        p.has_blob = take_field(r, 1, " ") != 0;
        p.version = (uint16_t)take_field(r, UINT16_MAX, " ");
        uint32_t n = take_field(r, UINT32_MAX - 1, "\n");
        layout_add_part(l, &p, r->a);
        l->part[l->nparts - 1].words_n = n;
    }
}

/* From behind: each part's words with the end of its line; what is left is the layout's. */
static void take_words(struct reading *r, struct layout *l)
{
    expect(r, "words ");
    size_t n = take_number(r, SIZE_MAX / 20);
    expect(r, "\n");
    if (r->is_bad || n != (size_t)(r->end - r->p)) {
        r->is_bad = true;
        return;
    }
    const char *words = arena_strndup(r->a, r->p, n);
    for (uint16_t i = l->nparts; i > 0 && !r->is_bad; i--) {
        struct layout_part *p = &l->part[i - 1];
        r->is_bad = n < (size_t)p->words_n + 1 || words[n - 1] != '\n';
        n = r->is_bad ? 0 : n - p->words_n - 1;
        p->words = words + n;
    }
    l->words = words;
    l->words_n = n;
}

int layout_read(struct layout **out, const void *p, size_t n, struct arena *a)
{
    struct reading r = {.p = p, .end = (const char *)p + n, .a = a};
    struct layout *l = arena_zalloc(a, sizeof *l);
    expect(&r, FORM);
    l->topology = take_name(&r, "topology ");
    l->stream = take_name(&r, "stream ");
    l->step = take_name(&r, "step ");
    expect(&r, "version ");
    l->version = (uint16_t)take_field(&r, UINT16_MAX, "\n");
    expect(&r, "value ");
    l->head = take_field(&r, UINT32_MAX, " ");
    l->tail = take_field(&r, UINT32_MAX, "\n");
    take_parts(&r, l);
    take_words(&r, l);
    if (r.is_bad) {
        return -ERR_DATA;
    }
    l->hash = hash_of(l);
    *out = l;
    return 0;
}
