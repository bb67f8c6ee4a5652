/* Compatibility by Avro's own rules: both schemas are resolved as for reading (avro_resolve.c),
 * then the graph of links is searched for anything that could fail on some datum: types that do not
 * match, fields without default, enum symbols that the reader does not know, union branches without
 * partner. What a reader cannot read only in some branch of a union is incompatible here, though
 * reading fails only for the data that uses it.
 *
 *   path    fields by name, [] items of arrays, {} values of maps, branches of unions by type
 */
#include "schemas/compatibility.h"

#include "engine/memory.h"
#include "schemas/avro_resolve.h"

#include <string.h>

struct search {
    uint8_t *seen; /* by link id */
    struct buffer path;
    struct err *e;
};

static int search(struct search *s, const struct avro_link *l);

static int search_at(struct search *s, const struct avro_link *l, const char *dot, const char *name)
{
    size_t n = s->path.n;
    buffer_text(&s->path, n ? dot : "");
    buffer_text(&s->path, name);
    int rc = search(s, l);
    s->path.n = n;
    return rc;
}

static int search_symbols(struct search *s, const struct avro_link *l)
{
    for (uint32_t i = 0; i < l->n; i++) {
        if (l->to[i] < 0) {
            return err_set(s->e, ERR_CONFIG,
                           "%s: the enum has lost the symbol %.200s and has no default",
                           s->path.n ? buffer_cstr(&s->path) : "schema", l->w->symbol[i]);
        }
    }
    return 0;
}

static int search_fields(struct search *s, const struct avro_link *l)
{
    int rc = 0;
    for (uint32_t i = 0; i < l->n && rc == 0; i++) {
        if (l->to[i] >= 0) {
            rc = search_at(s, l->of[i], ".", l->w->field[i].name);
        }
    }
    for (uint32_t i = 0; i < l->nabsent && rc == 0; i++) {
        rc = search_at(s, l->absent[i].link, ".", l->r->field[l->absent[i].field].name);
    }
    return rc;
}

static int search(struct search *s, const struct avro_link *l)
{
    if (s->seen[l->id]) {
        return 0;
    }
    s->seen[l->id] = 1;
    int rc = 0;
    switch (l->kind) {
    case AV_FAIL:
        return err_set(s->e, ERR_CONFIG, "%s: %s", s->path.n ? buffer_cstr(&s->path) : "schema",
                       l->why);
    case AV_SCALAR:
        return 0;
    case AV_SYMBOLS:
        return search_symbols(s, l);
    case AV_FIELDS:
        return search_fields(s, l);
    case AV_ITEMS:
        return search_at(s, l->of[0], "", l->w->type == AV_ARRAY ? "[]" : "{}");
    case AV_WRITER_UNION:
        for (uint32_t i = 0; i < l->n && rc == 0; i++) {
            const struct avro_node *b = l->w->branch[i];
            rc = l->n == 1 || b->type == AV_NULL
                     ? search(s, l->of[i])
                     : search_at(s, l->of[i], ".", b->name ? b->name : avro_type_name(b->type));
        }
        return rc;
    case AV_READER_UNION:
        return search(s, l->of[0]);
    }
    return -ERR_CONFIG;
}

int compatibility_check(const char *reader, const char *writer, struct err *e)
{
    struct arena a;
    arena_init(&a);
    struct avro_node *r, *w;
    int rc = avro_schema_parse(&r, &a, reader, strlen(reader), e);
    rc = rc < 0 ? rc : avro_schema_parse(&w, &a, writer, strlen(writer), e);
    const struct avro_link *l = rc == 0 ? avro_resolve(&a, w, r) : NULL;
    if (l) {
        struct search s = {.seen = mem_zalloc(AVRO_LINKS_MAX + 1), .e = e};
        buffer_init(&s.path);
        rc = search(&s, l);
        buffer_done(&s.path);
        mem_free(s.seen);
    } else if (rc == 0) {
        rc = err_set(e, ERR_CONFIG, "the schemas are too complex");
    }
    arena_done(&a);
    return rc;
}
