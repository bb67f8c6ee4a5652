/* Steps that read a second stream (join): both inputs are keyed and partitioned alike.
 *
 *   resolve   the other stream, found by name; `on` columns of both become their keys
 *   meet      a side whose rows do not lie where that key puts them passes through a repartition:
 *             another key, another format of record keys, one partition here and many there
 *
 * That two outside topics have equally many partitions is only known when the topology runs
 * (worker/runner_topics.c).
 */
#include "engine/plan_build.h"

#include <string.h>

static int find_column(struct planner *b, const struct schema *s, const struct config_text *text,
                       const char *stream)
{
    int c = schema_find(s, text->text);
    if (c >= 0 || s->partial) {
        return c;
    }
    const char **names = arena_array(&b->p->mem, s->n + 1U, sizeof *names);
    uint16_t n = 0;
    for (uint16_t i = 0; i < s->n; i++) {
        if (!s->col[i].hidden) {
            names[n++] = s->col[i].name;
        }
    }
    names[n] = NULL;
    const char *near = nearest_name(text->text, names);
    return diags_add(b->d, text->at, text->path, "stream \"%s\" has no column \"%s\"%s%s%s", stream,
                     text->text, near ? ": did you mean \"" : "", near ? near : "",
                     near ? "\"?" : "");
}

int plan_key_by(struct planner *b, struct ref *at, const struct config_text *on, int non,
                const char *stream)
{
    const struct schema *old = at->schema;
    struct schema *s = arena_alloc(&b->p->mem, sizeof *s);
    *s = *old;
    s->key = arena_array(&b->p->mem, (size_t)non + 1, sizeof *s->key);
    s->nkey = 0;
    s->keyed = true;
    bool is_same = old->keyed && old->nkey == non;
    for (int i = 0; i < non; i++) {
        int c = find_column(b, old, &on[i], stream);
        if (c < 0) {
            return -ERR_CONFIG;
        }
        is_same = is_same && old->key[i] == c;
        s->key[s->nkey++] = (uint16_t)c;
    }
    if (!is_same) {
        at->schema = s;
        at->rekeyed = true;
    }
    return 0;
}

static int check_keys(struct node *n, const struct second_input *s)
{
    const struct schema *x = n->in[0], *y = n->in[1];
    if (x->partial || y->partial) {
        return 0;
    }
    if (!x->keyed || !y->keyed || x->nkey != y->nkey) {
        return node_error(n, s->stream.at,
                          "the rows of \"%s\" and \"%s\" have no key in common: name the columns "
                          "that must be equal, `on: COLUMN`",
                          n->stream, n->second);
    }
    for (uint16_t i = 0; i < x->nkey; i++) {
        const struct column *a = &x->col[x->key[i]], *c = &y->col[y->key[i]];
        if (!type_equal(a->type, c->type)) {
            struct buffer text;
            buffer_init(&text);
            type_print(&text, a->type);
            buffer_text(&text, " and ");
            type_print(&text, c->type);
            node_error(n, s->stream.at,
                       "rows meet by equal keys, but \"%s\" of \"%s\" and \"%s\" of \"%s\" are %s: "
                       "cast one of them with `add`",
                       a->name, n->stream, c->name, n->second, buffer_cstr(&text));
            buffer_done(&text);
            return -ERR_CONFIG;
        }
    }
    return 0;
}

int plan_second(struct planner *b, struct node *n, struct ref *at, struct ref *other)
{
    struct second_input s = {.non = 0};
    *other = plan_broken(b, NULL);
    n->ninputs = 2;
    int r = n->def->second(n, &s);
    if (s.is_table) {
        return r < 0 ? r : plan_find_table(b, n, &s, at, other);
    }
    if (r == 0) {
        n->second = s.stream.text;
        r = plan_find_ref(b, &s.stream, other);
    }
    if (r == 0 && other->is_split) {
        r = node_error(n, s.stream.at, "stream \"%s\" ends in a split: read one of its branches",
                       n->second);
    }
    if (r == 0 && s.non > 0) {
        r = plan_key_by(b, at, s.on[0], s.non, n->stream);
        int q = plan_key_by(b, other, s.on[1], s.non, n->second);
        r = r < 0 ? r : q;
    }
    n->in[0] = at->schema;
    n->in[1] = other->schema;
    return r < 0 ? r : check_keys(n, &s);
}

int plan_meet(struct planner *b, const struct stream *st, struct node *n, struct ref *at,
              struct ref *other)
{
    struct ref *side[2] = {at, other};
    bool is_alike = strcmp(at->key_format, other->key_format) == 0;
    bool is_single = n->single_partition || at->schema->nkey == 0;
    bool both_single = at->is_single && other->is_single;
    for (int i = 0; i < 2; i++) {
        struct ref *x = side[i];
        bool moves = x->rekeyed || x->is_single || (!is_alike && strcmp(x->key_format, "string"));
        if (is_single ? x->is_single : both_single || !moves) {
            continue;
        }
        const char *topic = i == 0 ? plan_repartition_topic(b, st, n->number)
                                   : arena_printf(&b->p->mem, "%s-%s-%s-repartition", b->t->name,
                                                  st->name, n->second);
        int r = plan_repartition(b, st, topic, is_single, x);
        if (r < 0) {
            return r;
        }
    }
    plan_group_join(b, b->p->vertex[at->vertex]->subplan, b->p->vertex[other->vertex]->subplan);
    at->idle = other->idle > at->idle ? other->idle : at->idle;
    return 0;
}
