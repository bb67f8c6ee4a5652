/* The graph under construction: vertices, edges, and sub-plans as groups that are joined
 * (union-find) where rows of two of them must meet in one task; at the end the groups are numbered,
 * levelled, and their state stores named.
 */
#include "engine/plan_build.h"

#include <string.h>

uint16_t plan_group_new(struct planner *b)
{
    b->group[b->ngroups] = (uint16_t)b->ngroups;
    return (uint16_t)b->ngroups++;
}

static uint16_t group_find(const struct planner *b, uint16_t g)
{
    while (b->group[g] != g) {
        g = b->group[g];
    }
    return g;
}

void plan_group_join(struct planner *b, uint16_t x, uint16_t y)
{
    uint16_t i = group_find(b, x), j = group_find(b, y);
    b->group[i > j ? i : j] = i > j ? j : i;
}

struct vertex *plan_vertex_new(struct planner *b, enum vertex_kind kind, const char *stream,
                               uint16_t subplan, int *number)
{
    struct vertex *v = arena_zalloc(&b->p->mem, sizeof *v);
    v->kind = kind;
    v->stream = stream;
    v->subplan = subplan;
    *number = b->p->nvertices;
    b->p->vertex[b->p->nvertices++] = v;
    return v;
}

void plan_connect(struct planner *b, const struct ref *from, int to, uint16_t input)
{
    struct edges *e = &b->p->vertex[from->vertex]->edges[from->output];
    if (e->n == e->cap) {
        struct edge *more = arena_array(&b->p->mem, (size_t)e->cap * 2 + 4, sizeof *more);
        if (e->n) {
            memcpy(more, e->item, e->n * sizeof *more);
        }
        e->item = more;
        e->cap = (uint16_t)(e->cap * 2 + 4);
    }
    e->item[e->n++] = (struct edge){.to = (uint16_t)to, .input = input};
}

static void name_stores(struct planner *b, struct subplan *s)
{
    for (uint16_t i = 0; i < s->nvertices; i++) {
        const struct vertex *v = b->p->vertex[s->vertex[i]];
        if (v->kind != VERTEX_STEP || !v->node->def->stateful || v->node->stateless ||
            s->is_global) {
            continue;
        }
        int same = 1;
        for (uint16_t k = 0; k < s->vertex[i]; k++) {
            const struct vertex *w = b->p->vertex[k];
            same += w->kind == VERTEX_STEP && w->node->def == v->node->def &&
                    strcmp(w->stream, v->stream) == 0;
        }
        struct arena *a = &b->p->mem;
        const char *step =
            same == 1 ? v->node->def->name : arena_printf(a, "%s%d", v->node->def->name, same);
        s->store[s->nstores++] = (struct plan_store){
            .vertex = s->vertex[i],
            .changelog = arena_printf(a, "%s-%s-%s-changelog", b->t->name, v->stream, step)};
    }
}

/* The sub-plan that reads a source, and the one that fills it; NULL: it is an outside topic. */
static struct subplan *reader_of(const struct plan *p, uint16_t source)
{
    return &p->subplan[p->vertex[p->source[source]->vertex]->subplan];
}

static const struct subplan *filler_of(const struct plan *p, uint16_t source)
{
    int repartition = p->source[source]->repartition;
    return repartition < 0 ? NULL : &p->subplan[p->vertex[p->sink[repartition]->vertex]->subplan];
}

/* Whether what `from` writes comes to `to`, over any number of repartitions. */
static bool feeds(struct plan *p, const struct subplan *from, const struct subplan *to)
{
    bool *is_behind = arena_zalloc(&p->mem, p->nsubplans + 1U), is_stable = from == to;
    is_behind[from->id] = true;
    while (!is_stable) {
        is_stable = true;
        for (uint16_t i = 0; i < p->nsources; i++) {
            const struct subplan *up = filler_of(p, i), *s = reader_of(p, i);
            if (up && is_behind[up->id] && !is_behind[s->id]) {
                is_behind[s->id] = true;
                is_stable = false;
            }
        }
    }
    return is_behind[to->id];
}

/* A sub-plan stands one level above those that fill its repartitions; unions may join levels, so it
 * takes rounds. Those that feed each other (a stream that meets what is made of it), or one itself,
 * stand on one level. */
static void find_levels(struct plan *p)
{
    bool *is_loop = arena_zalloc(&p->mem, p->nsources + 1U), is_stable = false;
    for (uint16_t i = 0; i < p->nsources; i++) {
        const struct subplan *up = filler_of(p, i);
        is_loop[i] = up && feeds(p, reader_of(p, i), up);
    }
    while (!is_stable) {
        is_stable = true;
        for (uint16_t i = 0; i < p->nsources; i++) {
            const struct subplan *up = filler_of(p, i);
            struct subplan *s = reader_of(p, i);
            if (up && s->level < up->level + !is_loop[i]) {
                s->level = (uint16_t)(up->level + !is_loop[i]);
                is_stable = false;
            }
        }
    }
}

/* Numbers the groups 0.., collects their members, and levels them. */
void plan_collect(struct planner *b)
{
    struct plan *p = b->p;
    struct arena *a = &p->mem;
    int *number = arena_array(a, (size_t)b->ngroups + 1, sizeof *number);
    for (int g = 0; g < b->ngroups; g++) {
        number[g] = -1;
    }
    p->subplan = arena_zalloc(a, ((size_t)b->ngroups + 1) * sizeof *p->subplan);
    for (uint16_t i = 0; i < p->nvertices; i++) {
        uint16_t g = group_find(b, p->vertex[i]->subplan);
        if (number[g] < 0) {
            number[g] = p->nsubplans;
            struct subplan *s = &p->subplan[p->nsubplans];
            s->id = p->nsubplans++;
            s->source = arena_array(a, p->nsources + 1U, sizeof *s->source);
            s->vertex = arena_array(a, p->nvertices + 1U, sizeof *s->vertex);
            s->store = arena_array(a, p->nvertices + 1U, sizeof *s->store);
        }
        struct subplan *s = &p->subplan[number[g]];
        p->vertex[i]->subplan = s->id;
        s->vertex[s->nvertices++] = i;
    }
    for (uint16_t i = 0; i < p->nsources; i++) {
        struct plan_source *src = p->source[i];
        struct subplan *s = &p->subplan[p->vertex[src->vertex]->subplan];
        s->source[s->nsources++] = i;
        s->is_global |= src->table && src->table->is_global;
        s->single |= src->repartition >= 0 && p->sink[src->repartition]->single;
    }
    find_levels(p);
    for (uint16_t i = 0; i < p->nsubplans; i++) {
        name_stores(b, &p->subplan[i]);
    }
}
