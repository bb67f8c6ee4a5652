/* Two walks over the finished plan.
 *
 * Needs: from the sinks backwards, which columns anyone reads; sources decode only those, and a
 * repartition carries its key and what is read behind it.
 *
 * Races: where rows of one batch can reach the same place on two ways (a stream that splits and is
 * united again, or writes one topic twice), whole batches would arrive one way after the other, and
 * the order would show the size of batches. Such a source hands out its rows one at a time.
 */
#include "engine/layout.h"
#include "engine/plan.h"

#include <inttypes.h>
#include <string.h>

static void needs_of_step(const struct vertex *v, int input, const bool *out, bool *in)
{
    const struct node *n = v->node;
    const struct schema *s = n->in[input];
    void (*needs)(const struct node *n, const bool *out, bool *in) =
        input == 0 ? n->def->needs : n->def->second_needs;
    bool *mine = in;
    if (!needs) {
        for (uint16_t c = 0; c < s->n; c++) {
            mine[c] |= !s->col[c].hidden || (n->out[0] == s && out[c]);
        }
        for (uint16_t i = 0; i < s->nkey; i++) {
            mine[s->key[i]] = true;
        }
    } else {
        needs(n, out, mine);
    }
    if (n->def->stateful && !n->stateless) {
        for (uint16_t i = 0; i < s->nkey; i++) {
            in[s->key[i]] = true;
        }
    }
}

/* Columns that are read of a vertex's output, which has n of them. */
static void needs_of_output(const struct plan *p, const struct vertex *v, int output, uint16_t n,
                            bool *needs);

/* Late rows of a window: its input's columns, whatever its results need. */
static void needs_of_side(const struct plan *p, const struct vertex *v, bool *in)
{
    const struct node *node = v->node;
    for (int o = 1; o < v->noutputs; o++) {
        if (v->out[o] == node->in[0] && v->out[0] != node->in[0]) {
            needs_of_output(p, v, o, node->in[0]->n, in);
        }
    }
}

static void needs_of_sink(const struct plan *p, const struct plan_sink *k, bool *in)
{
    for (uint16_t c = 0; c < k->schema->n; c++) {
        in[c] |= !k->schema->col[c].hidden && !k->repartition;
    }
    int whole = schema_find(k->schema, "_value"); /* hidden, but what string and bytes may write */
    if (whole >= 0 && !k->repartition &&
        (strcmp(k->value.def->name, "string") == 0 || strcmp(k->value.def->name, "bytes") == 0)) {
        in[whole] = true;
    }
    for (uint16_t i = 0; i < k->schema->nkey; i++) {
        in[k->schema->key[i]] = true;
    }
    for (uint16_t i = 0; k->repartition && i < p->nsources; i++) {
        if (p->source[i]->repartition >= 0 && p->sink[p->source[i]->repartition] == k) {
            const bool *behind = p->vertex[p->source[i]->vertex]->needs;
            for (uint16_t c = 0; c < k->schema->n; c++) {
                in[c] |= behind[c];
            }
        }
    }
}

/* A name that Avro takes as it is: `a.b` and `a_b` may both be there. */
static const char *plain_name(struct arena *a, const struct schema *taken, const char *name)
{
    char *plain = arena_printf(a, "%s%s", *name >= '0' && *name <= '9' ? "_" : "", name);
    for (char *c = plain; *c; c++) {
        bool is_letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z');
        *c = is_letter || (*c >= '0' && *c <= '9') ? *c : '_';
    }
    const char *base = plain;
    for (int i = 2; schema_find(taken, plain) >= 0; i++) {
        plain = arena_printf(a, "%s_%d", base, i);
    }
    return plain;
}

/* What travels through a repartition: the needed columns, none of them hidden. Its subject is one
 * of these columns, which no schema of before has to fit: rows of other columns are refused by
 * their envelope. */
static void find_write_schema(struct plan *p, struct plan_sink *k, const bool *needs)
{
    struct schema *w = schema_new(&p->mem, k->schema->n);
    for (uint16_t c = 0; c < k->schema->n; c++) {
        const struct column *col = &k->schema->col[c];
        schema_add(w, plain_name(&p->mem, w, col->name), col->type, true, !needs[c]);
    }
    w->keyed = k->schema->keyed;
    w->nkey = k->schema->nkey;
    memcpy(w->key, k->schema->key, w->nkey * sizeof *w->key);
    k->write_schema = w;
    k->value.subject =
        arena_printf(&p->mem, "%s-%08" PRIx32 "-value", k->topic, layout_of_columns(w));
    for (uint16_t i = 0; i < p->nsources; i++) {
        if (p->source[i]->repartition >= 0 && p->sink[p->source[i]->repartition] == k) {
            p->source[i]->read_schema = w;
            p->source[i]->value.subject = k->value.subject;
        }
    }
}

static void needs_of_output(const struct plan *p, const struct vertex *v, int output, uint16_t n,
                            bool *needs)
{
    for (uint16_t e = 0; e < v->edges[output].n; e++) {
        const struct edge *edge = &v->edges[output].item[e];
        const struct vertex *w = p->vertex[edge->to];
        if (w->kind == VERTEX_SINK) {
            for (uint16_t c = 0; c < n; c++) {
                needs[c] |= w->needs[c];
            }
        } else if (w->kind == VERTEX_UNION) {
            for (uint16_t c = 0; c < w->out[0]->n; c++) {
                int16_t from = w->merge->column[edge->input][c];
                if (from >= 0) {
                    needs[from] |= w->needs[c];
                }
            }
        } else {
            needs_of_step(w, edge->input, w->needs, needs);
            needs_of_side(p, w, needs);
        }
    }
}

void plan_find_needs(struct plan *p)
{
    for (uint16_t i = p->nvertices; i-- > 0;) {
        struct vertex *v = p->vertex[i];
        uint16_t n = v->noutputs ? v->out[0]->n : v->sink->schema->n;
        v->needs = arena_zalloc(&p->mem, n + 1U);
        for (int o = 0; o < v->noutputs; o++) {
            if (v->out[o] == v->out[0]) {
                needs_of_output(p, v, o, n, v->needs);
            }
        }
        if (v->kind == VERTEX_SOURCE && v->source->time_column >= 0) {
            v->needs[v->source->time_column] = true;
        }
        if (v->kind == VERTEX_SINK) {
            needs_of_sink(p, v->sink, v->needs);
            if (v->sink->repartition) {
                find_write_schema(p, v->sink, v->needs);
            }
        }
    }
}

static bool meets_twice(struct plan *p, uint16_t source, uint8_t *ways)
{
    memset(ways, 0, p->nvertices);
    ways[source] = 1;
    bool twice = false;
    for (uint16_t i = source; i < p->nvertices; i++) {
        const struct vertex *v = p->vertex[i];
        for (int o = 0; ways[i] && o < v->noutputs; o++) {
            for (uint16_t e = 0; e < v->edges[o].n; e++) {
                uint8_t *w = &ways[v->edges[o].item[e].to];
                *w = (uint8_t)(*w + ways[i] > 2 ? 2 : *w + ways[i]);
                twice |= *w > 1;
            }
        }
    }
    for (uint16_t i = source; i < p->nvertices; i++) { /* a table and those who look it up */
        const struct vertex *v = p->vertex[i];
        int table = v->kind == VERTEX_STEP ? v->node->table : -1;
        twice |= table >= 0 && ways[i] && ways[table];
    }
    for (uint16_t i = 0; i < p->nsinks; i++) {
        for (uint16_t k = 0; k < i; k++) {
            twice |= ways[p->sink[i]->vertex] && ways[p->sink[k]->vertex] &&
                     strcmp(p->sink[i]->topic, p->sink[k]->topic) == 0;
        }
    }
    return twice;
}

void plan_find_races(struct plan *p)
{
    uint8_t *ways = arena_alloc(&p->mem, p->nvertices + 1U);
    for (uint16_t i = 0; i < p->nsources; i++) {
        p->source[i]->row_at_a_time = meets_twice(p, p->source[i]->vertex, ways);
    }
}
