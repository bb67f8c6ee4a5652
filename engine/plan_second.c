/* Steps that read a second stream (join): both inputs are keyed and partitioned alike.
 *
 *   resolve   the other stream, found by name; `on` columns of both become their keys
 *   meet      a side whose rows do not lie where that key puts them passes through a repartition:
 *             another key, another format of record keys, one partition here and many there
 *
 *   tables    their keys are what they meet by: `on` may not name others. Two that read one topic
 *             are refused, since a batch of it would go to one, then to the other
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

/* `on`. Rows of a table that delete have their key only, so another one cannot be found for it. */
static int key_both(struct planner *b, struct node *n, const struct second_input *s, struct ref *at,
                    struct ref *other)
{
    struct ref *side[2] = {at, other};
    const char *name[2] = {n->stream, n->second};
    int r = 0;
    for (int i = 0; i < 2; i++) {
        const struct schema *before = side[i]->schema;
        if (plan_key_by(b, side[i], s->on[i], s->non, name[i]) < 0) {
            r = -ERR_CONFIG;
        } else if (s->by_key && side[i]->rows != ROWS_EVENTS && side[i]->schema != before) {
            r = node_error(n, s->on[i][0].at,
                           "tables meet by the keys that they have, and the rows of \"%s\" have "
                           "another one: leave `on` out; or make a table with that key, `tables: "
                           "{NAME: {from: %s, key: COLUMN}}`, and join it",
                           name[i], name[i]);
        }
    }
    return r;
}

int plan_second(struct planner *b, struct node *n, struct ref *at, struct ref *other)
{
    struct second_input s = {.non = 0};
    *other = plan_broken(b, NULL);
    int r = n->def->second(n, &s);
    if (r == 0 && !s.stream.text) {
        return 0;
    }
    n->ninputs = 2;
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
    n->in_rows[1] = other->rows;
    n->in_revised |= other->revised;
    n->out_revised = n->in_revised;
    if (r == 0 && s.non > 0) {
        r = key_both(b, n, &s, at, other);
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

/* Which vertices the rows of a source come to within its sub-plan. */
static void reach(const struct plan *p, uint16_t source, bool *is_behind)
{
    memset(is_behind, 0, p->nvertices);
    is_behind[source] = true;
    for (uint16_t i = source; i < p->nvertices; i++) {
        const struct vertex *v = p->vertex[i];
        for (int o = 0; is_behind[i] && o < v->noutputs; o++) {
            for (uint16_t e = 0; e < v->edges[o].n; e++) {
                is_behind[v->edges[o].item[e].to] = true;
            }
        }
    }
}

static const char *common_topic(const struct plan_source *x, const struct plan_source *y)
{
    for (int i = 0; i < x->ntopics; i++) {
        for (int k = 0; k < y->ntopics; k++) {
            if (strcmp(x->topic[i], y->topic[k]) == 0) {
                return x->topic[i];
            }
        }
    }
    return NULL;
}

/* The first join of tables to which the rows of both come. */
static const struct node *meeting(const struct plan *p, const bool *x, const bool *y)
{
    for (uint16_t i = 0; i < p->nvertices; i++) {
        const struct vertex *v = p->vertex[i];
        if (x[i] && y[i] && v->kind == VERTEX_STEP && v->node->ninputs == 2 &&
            v->node->out_rows == ROWS_TABLE) {
            return v->node;
        }
    }
    return NULL;
}

void plan_check_meetings(struct planner *b)
{
    const struct plan *p = b->p;
    bool *x = arena_zalloc(&b->p->mem, p->nvertices + 1U);
    bool *y = arena_zalloc(&b->p->mem, p->nvertices + 1U);
    for (uint16_t i = 0; i < p->nsources; i++) {
        for (uint16_t k = 0; k < i; k++) {
            const char *topic = common_topic(p->source[i], p->source[k]);
            if (topic) {
                reach(p, p->source[i]->vertex, x);
                reach(p, p->source[k]->vertex, y);
            }
            const struct node *n = topic ? meeting(p, x, y) : NULL;
            if (n) {
                diags_add(b->d, n->at, n->path,
                          "\"%s\" and \"%s\" both read topic %s, so their updates have no order "
                          "among each other: let one table read it, and streams that table",
                          p->source[k]->stream, p->source[i]->stream, topic);
            }
        }
    }
}
