/* Avro 1.11 schema resolution.
 *
 *   writer union       each branch resolves by itself: an impossible one matters only to data that
 *                      uses it
 *   reader union       the branch of the same type (and full name), else the first of the same type
 *                      and unqualified name or alias, else the first that the writer's type is
 *                      promoted to: the order of the Java library, which loses no digits where the
 *                      specification's plain "first match" would
 *   promotion          int > long > float > double, string <> bytes
 *   record enum fixed  unqualified names are equal, or an alias of the reader's type is the
 *                      writer's name
 *   record             fields match by name, then by the reader's aliases, in any order; fields
 *                      that the reader lacks are skipped, those that the writer lacks take the
 *                      default
 *   enum               by symbol; one that the reader lacks becomes the reader's default
 *   fixed              the same size
 *   logical types      belong to the reader and do not change what matches, except that two
 *                      decimals match only with equal precision and scale; times of different units
 *                      are converted by whoever reads the value, since both sides say what they
 *                      mean
 *
 * Links are found again by their pair of nodes, which ends recursion and bounds the work by the
 * number of pairs that meet.
 */
#include "schemas/avro_resolve.h"

#include "engine/hash.h"
#include "engine/memory.h"

#include <string.h>

#define CHAIN_MAX 512 /* nested types on one path; longer chains are no schemas of people */

struct resolver {
    struct arena *a;
    struct avro_link **slot; /* open addressing by pair */
    uint32_t nslots, nlinks;
};

static struct avro_link *resolve(struct resolver *z, const struct avro_node *w,
                                 const struct avro_node *r, int depth);

/* The slot of a pair: its link, or where it belongs. */
static struct avro_link **find_slot(struct resolver *z, const struct avro_node *w,
                                    const struct avro_node *r)
{
    const void *pair[2] = {w, r};
    uint64_t h = hash_bytes(pair, sizeof pair, 0);
    for (;; h++) {
        struct avro_link **slot = &z->slot[h & (z->nslots - 1)];
        if (!*slot || ((*slot)->w == w && (*slot)->r == r)) {
            return slot;
        }
    }
}

static void grow(struct resolver *z)
{
    struct avro_link **old = z->slot;
    uint32_t n = z->nslots;
    z->nslots = n ? 2 * n : 64;
    z->slot = mem_zalloc(z->nslots * sizeof(struct avro_link *));
    for (uint32_t i = 0; i < n; i++) {
        if (old[i]) {
            *find_slot(z, old[i]->w, old[i]->r) = old[i];
        }
    }
    mem_free(old);
}

static bool is_alias(const struct avro_node *r, const char *name)
{
    for (uint32_t i = 0; i < r->naliases; i++) {
        if (strcmp(r->alias[i], name) == 0 ||
            strcmp(avro_short_name(r->alias[i]), avro_short_name(name)) == 0) {
            return true;
        }
    }
    return false;
}

static bool names_match(const struct avro_node *w, const struct avro_node *r)
{
    return strcmp(avro_short_name(w->name), avro_short_name(r->name)) == 0 || is_alias(r, w->name);
}

static bool is_promoted(enum avro_type w, enum avro_type r)
{
    bool is_number = w >= AV_INT && w <= AV_FLOAT && r <= AV_DOUBLE && r > w;
    return is_number || (w == AV_STRING && r == AV_BYTES) || (w == AV_BYTES && r == AV_STRING);
}

static bool decimals_match(const struct avro_node *w, const struct avro_node *r)
{
    return w->logical != AV_DECIMAL || r->logical != AV_DECIMAL ||
           (w->precision == r->precision && w->scale == r->scale);
}

/* Why two types that are no unions do not match, or NULL: without looking inside. */
static const char *mismatch(struct arena *a, const struct avro_node *w, const struct avro_node *r)
{
    if (w->type != r->type) {
        return is_promoted(w->type, r->type)
                   ? NULL
                   : arena_printf(a, "%s cannot be read as %s", avro_type_name(w->type),
                                  avro_type_name(r->type));
    }
    if (w->name && !names_match(w, r)) {
        return arena_printf(a, "%s %.200s cannot be read as %.200s (give it an alias)",
                            avro_type_name(w->type), w->name, r->name);
    }
    if (w->type == AV_FIXED && w->size != r->size) {
        return arena_printf(a, "fixed of %u bytes cannot be read as one of %u", w->size, r->size);
    }
    if (!decimals_match(w, r)) {
        return arena_printf(a, "decimal(%u,%u) cannot be read as decimal(%u,%u)", w->precision,
                            w->scale, r->precision, r->scale);
    }
    return NULL;
}

/* 3: same type and full name, 2: same type and name, 1: promoted, 0: no match. */
static int closeness(struct arena *a, const struct avro_node *w, const struct avro_node *r)
{
    if (mismatch(a, w, r)) {
        return 0;
    }
    if (w->type != r->type) {
        return 1;
    }
    return w->name && strcmp(w->name, r->name) != 0 ? 2 : 3;
}

static void fail(struct avro_link *l, const char *why)
{
    l->kind = AV_FAIL;
    l->why = why;
}

static void link_writer_union(struct resolver *z, struct avro_link *l, int depth)
{
    l->kind = AV_WRITER_UNION;
    l->n = l->w->n;
    l->of = arena_array(z->a, l->n, sizeof(struct avro_link *));
    for (uint32_t i = 0; i < l->n; i++) {
        l->of[i] = resolve(z, l->w->branch[i], l->r, depth + 1);
    }
}

static void link_reader_union(struct resolver *z, struct avro_link *l, int depth)
{
    int best = 0;
    struct arena_mark m = arena_mark(z->a); /* messages of branches that do not match */
    uint32_t chosen = 0;
    for (uint32_t i = 0; i < l->r->n; i++) {
        int c = closeness(z->a, l->w, l->r->branch[i]);
        if (c > best) {
            best = c;
            chosen = i;
        }
    }
    arena_release(z->a, m);
    if (best == 0) {
        fail(l, arena_printf(z->a, "%s%s%.200s matches no branch of the reader's union",
                             avro_type_name(l->w->type), l->w->name ? " " : "",
                             l->w->name ? l->w->name : ""));
        return;
    }
    l->kind = AV_READER_UNION;
    l->n = 1;
    l->to = arena_array(z->a, 1, sizeof *l->to);
    l->of = arena_array(z->a, 1, sizeof(struct avro_link *));
    l->to[0] = (int32_t)chosen;
    l->of[0] = resolve(z, l->w, l->r->branch[chosen], depth + 1);
}

static int32_t find_text(const char *const *list, uint32_t n, const char *s)
{
    for (uint32_t i = 0; i < n; i++) {
        if (strcmp(list[i], s) == 0) {
            return (int32_t)i;
        }
    }
    return -1;
}

static void link_enum(struct resolver *z, struct avro_link *l)
{
    l->kind = AV_SYMBOLS;
    l->n = l->w->n;
    l->to = arena_array(z->a, l->n + 1, sizeof *l->to);
    for (uint32_t i = 0; i < l->n; i++) {
        bool is_same = i < l->r->n && strcmp(l->w->symbol[i], l->r->symbol[i]) == 0;
        int32_t at = is_same ? (int32_t)i : find_text(l->r->symbol, l->r->n, l->w->symbol[i]);
        l->to[i] = at >= 0 ? at : l->r->symbol_default;
    }
}

/* The reader's field for a writer's field: by name, else by alias. */
static int32_t find_field(const struct avro_node *w, uint32_t i, const struct avro_node *r)
{
    const char *name = w->field[i].name;
    if (i < r->n && strcmp(r->field[i].name, name) == 0) {
        return (int32_t)i;
    }
    for (uint32_t k = 0; k < r->n; k++) {
        if (strcmp(r->field[k].name, name) == 0) {
            return (int32_t)k;
        }
    }
    for (uint32_t k = 0; k < r->n; k++) {
        if (find_text(r->field[k].alias, r->field[k].naliases, name) >= 0) {
            return (int32_t)k;
        }
    }
    return -1;
}

static struct avro_link *link_default(struct resolver *z, const struct avro_node *r, uint32_t i,
                                      int depth)
{
    const struct avro_field *f = &r->field[i];
    if (f->bytes) {
        return resolve(z, f->type, f->type, depth + 1);
    }
    struct avro_link *l = arena_zalloc(z->a, sizeof *l);
    l->w = l->r = f->type;
    l->id = ++z->nlinks;
    fail(l,
         f->json
             ? arena_printf(z->a, "the default of field %.200s does not fit its type", f->name)
             : arena_printf(z->a, "the writer has no field %.200s and the reader no default for it",
                            f->name));
    return l;
}

static void link_record(struct resolver *z, struct avro_link *l, int depth)
{
    const struct avro_node *w = l->w, *r = l->r;
    uint8_t *taken = mem_zalloc(r->n + 1);
    l->kind = AV_FIELDS;
    l->n = w->n;
    l->of = arena_zalloc(z->a, (w->n + 1) * sizeof(struct avro_link *));
    l->to = arena_array(z->a, w->n + 1, sizeof *l->to);
    for (uint32_t i = 0; i < w->n; i++) {
        int32_t k = find_field(w, i, r);
        l->to[i] = k >= 0 && !taken[k] ? k : -1;
        if (l->to[i] >= 0) {
            taken[k] = 1;
            l->of[i] = resolve(z, w->field[i].type, r->field[k].type, depth + 1);
        }
    }
    l->absent = arena_array(z->a, r->n + 1, sizeof *l->absent);
    for (uint32_t k = 0; k < r->n; k++) {
        if (!taken[k]) {
            struct avro_link *link = link_default(z, r, k, depth);
            l->absent[l->nabsent++] = (struct avro_absent){.field = k, .link = link};
        }
    }
    mem_free(taken);
}

static void link_pair(struct resolver *z, struct avro_link *l, int depth)
{
    const struct avro_node *w = l->w, *r = l->r;
    if (w->type == AV_UNION) {
        link_writer_union(z, l, depth);
        return;
    }
    if (r->type == AV_UNION) {
        link_reader_union(z, l, depth);
        return;
    }
    const char *why = mismatch(z->a, w, r);
    if (why) {
        fail(l, why);
    } else if (w->type == AV_RECORD) {
        link_record(z, l, depth);
    } else if (w->type == AV_ENUM) {
        link_enum(z, l);
    } else if (w->type == AV_ARRAY || w->type == AV_MAP) {
        l->kind = AV_ITEMS;
        l->n = 1;
        l->of = arena_array(z->a, 1, sizeof(struct avro_link *));
        l->of[0] = resolve(z, w->branch[0], r->branch[0], depth + 1);
    } else {
        l->kind = AV_SCALAR;
    }
}

static struct avro_link *resolve(struct resolver *z, const struct avro_node *w,
                                 const struct avro_node *r, int depth)
{
    if (2 * z->nlinks >= z->nslots) {
        grow(z);
    }
    struct avro_link **slot = find_slot(z, w, r);
    if (*slot) {
        return *slot;
    }
    struct avro_link *l = arena_zalloc(z->a, sizeof *l);
    l->w = w;
    l->r = r;
    *slot = l;
    l->id = ++z->nlinks;
    if (depth > CHAIN_MAX || z->nlinks > AVRO_LINKS_MAX) {
        fail(l, "the schemas are too complex");
        return l;
    }
    link_pair(z, l, depth);
    return l;
}

const struct avro_link *avro_resolve(struct arena *a, const struct avro_node *writer,
                                     const struct avro_node *reader)
{
    struct resolver z = {.a = a};
    const struct avro_link *l = resolve(&z, writer, reader, 0);
    mem_free(z.slot);
    return z.nlinks > AVRO_LINKS_MAX ? NULL : l;
}
