/* The plan in words, as a Graphviz drawing and as JSON.
 *
 *   topology host-load: exactly once, group klamm-host-load
 *
 *   sub-plan 0: one task per partition of metrics
 *     1 read   samples  from metrics (avro), key host
 *              columns: host: string, value: double, ts: timestamp
 *              time:    ts, out of order by at most 2s
 *     2 filter samples  <- 1  value > 5
 *     3 write  load     <- 2  to host-load (avro)
 *
 *   topics
 *     read     metrics (avro)
 *     written  host-load (avro)
 */
#include "engine/history.h"

#include <string.h>

#define DOT_TEXT_MOST 60

static void print_key(struct buffer *b, const struct schema *s)
{
    if (!s->keyed) {
        buffer_text(b, "no key");
        return;
    }
    buffer_text(b, "key ");
    for (uint16_t i = 0; i < s->nkey; i++) {
        buffer_printf(b, "%s%s", i ? ", " : "", s->col[s->key[i]].name);
    }
    if (s->nkey == 0) {
        buffer_text(b, "[] (one group of all rows)");
    }
}

static void print_inputs(struct buffer *b, const struct plan *p, uint16_t vertex)
{
    bool first = true;
    for (uint16_t i = 0; i < vertex; i++) {
        const struct vertex *v = p->vertex[i];
        for (int o = 0; o < v->noutputs; o++) {
            for (uint16_t e = 0; e < v->edges[o].n; e++) {
                if (v->edges[o].item[e].to != vertex) {
                    continue;
                }
                buffer_printf(b, "%s%d", first ? "<- " : ", ", i + 1);
                if (v->kind == VERTEX_STEP && v->node->output_name[o]) {
                    buffer_printf(b, ".%s", v->node->output_name[o]);
                }
                first = false;
            }
        }
    }
}

static void print_columns(struct buffer *b, const char *label, const struct schema *s,
                          const bool *needs, bool want)
{
    bool first = true;
    for (uint16_t c = 0; c < s->n; c++) {
        if (s->col[c].hidden || (needs && needs[c] != want)) {
            continue;
        }
        buffer_printf(b, "%s%s", first ? label : ", ", s->col[c].name);
        if (want) {
            buffer_text(b, ": ");
            type_print(b, s->col[c].type);
            buffer_text(b, s->col[c].nullable ? "?" : "");
        }
        first = false;
    }
    if (!first) {
        buffer_text(b, "\n");
    }
}

static void print_source(struct buffer *b, const struct vertex *v)
{
    const struct plan_source *s = v->source;
    char d[32];
    buffer_text(b, "from ");
    for (int i = 0; i < s->ntopics; i++) {
        buffer_printf(b, "%s%s", i ? ", " : "", s->topic[i]);
    }
    if (s->repartition >= 0) {
        buffer_text(b, " (internal)");
    } else if (s->feeder) {
        buffer_printf(b, " (filled by the %s source)", s->feeder->name);
    } else {
        buffer_printf(b, " (%s)", s->value.def->name);
    }
    buffer_text(b, ", ");
    print_key(b, s->schema);
    buffer_text(b, "\n");
    print_columns(b, "             columns:  ", s->schema, v->needs, true);
    print_columns(b, "             not read: ", s->schema, v->needs, false);
    if (s->repartition < 0) {
        duration_format(s->time.out_of_order, d);
        buffer_printf(b, "             time:     %s, out of order by at most %s\n",
                      s->time_column >= 0 ? s->schema->col[s->time_column].name
                                          : "the record's timestamp",
                      d);
    }
}

static void print_sink(struct buffer *b, const struct vertex *v)
{
    const struct plan_sink *k = v->sink;
    buffer_printf(b, " to %s", k->topic);
    if (k->repartition) {
        buffer_printf(b, " (internal, %s)", k->single ? "one partition" : "by the new key");
    } else if (k->drain) {
        buffer_printf(b, " (emptied by the %s sink)", k->drain->name);
    } else {
        buffer_printf(b, " (%s)", k->value.def->name);
    }
    buffer_text(b, ", ");
    print_key(b, k->schema);
    buffer_text(b, "\n");
    if (!k->repartition) {
        print_columns(b, "             columns:  ", k->schema, NULL, true);
    }
}

/* A table, or what a lookup reads one of: neither stands in the step's own lines. */
static void print_table(struct buffer *b, const struct plan *p, const struct vertex *v)
{
    if (v->node->def->internal) {
        const struct table *t = topology_table(p->topology, v->stream);
        buffer_text(b, "  found by ");
        print_key(b, v->out[0]);
        buffer_text(b, t->is_global ? ", global\n" : "\n");
        return;
    }
    plan_print_step(b, v->node);
    if (v->node->table >= 0) {
        const struct vertex *w = p->vertex[v->node->table];
        bool is_global = topology_table(p->topology, w->stream)->is_global;
        buffer_printf(b, "             reads:     step %d, table %s%s\n", v->node->table + 1,
                      w->stream, is_global ? ", global" : "");
    }
}

static const char *where_state_is(const struct plan *p, const struct vertex *v)
{
    bool is_lazy = v->node->def->lazy && v->node->def->lazy(v->node);
    if (p->topology->state.backend == STATE_MEMORY) {
        return "in memory";
    }
    return is_lazy ? "on disk, as much as fits in memory," : "on disk, all of it in memory,";
}

static void print_vertex(struct buffer *b, const struct plan *p, uint16_t i)
{
    static const char *const verb[] = {"read", "", "union", "write"};
    const struct vertex *v = p->vertex[i];
    const char *what = v->kind == VERTEX_STEP ? v->node->def->name : verb[v->kind];
    buffer_printf(b, "  %3d %-8s %-12s ", i + 1, what, v->stream);
    if (v->kind == VERTEX_SOURCE) {
        print_source(b, v);
        return;
    }
    print_inputs(b, p, i);
    if (v->kind == VERTEX_SINK) {
        print_sink(b, v);
        return;
    }
    if (v->kind == VERTEX_UNION) {
        buffer_text(b, "\n");
        return;
    }
    print_table(b, p, v);
    if (v->node->history) {
        buffer_printf(b, "             before:    reads %s, what is there at the first start\n",
                      v->node->history->name);
    }
    const struct subplan *s = &p->subplan[v->subplan];
    for (uint16_t k = 0; k < s->nstores; k++) {
        if (s->store[k].vertex == i) {
            buffer_printf(b, "             state:     %s and %s\n", where_state_is(p, v),
                          s->store[k].changelog);
        }
    }
}

void plan_print_text(struct buffer *b, const struct plan *p)
{
    const struct topology *t = p->topology;
    buffer_printf(b, "topology %s: %s, group %s, %lld lane%s\n", t->name,
                  t->guarantee == EXACTLY_ONCE ? "exactly once" : "at least once", t->group,
                  (long long)t->lanes, t->lanes == 1 ? "" : "s");
    for (uint16_t i = 0; i < p->nsubplans; i++) {
        const struct subplan *s = &p->subplan[i];
        buffer_printf(b, "\nsub-plan %d: ", i);
        if (s->single && !s->is_global) {
            buffer_text(b, "one task, since its rows must meet in one place\n");
        } else {
            buffer_text(b, s->is_global ? "one task on each lane, for all partitions of "
                                        : "one task per partition of ");
            bool first = true;
            for (uint16_t k = 0; k < s->nsources; k++) {
                const struct plan_source *src = p->source[s->source[k]];
                for (int n = 0; n < src->ntopics; n++) {
                    buffer_printf(b, "%s%s%s", first ? "" : ", ", src->topic[n],
                                  src->repartition >= 0 ? " (internal)" : "");
                    first = false;
                }
            }
            buffer_text(b, "\n");
        }
        for (uint16_t k = 0; k < s->nvertices; k++) {
            print_vertex(b, p, s->vertex[k]);
        }
        for (uint16_t k = 0; k < s->nsources; k++) {
            if (p->source[s->source[k]]->row_at_a_time) {
                buffer_printf(b,
                              "      note: rows of %s reach one place on two ways, so they are "
                              "handled one at a time (slower)\n",
                              p->source[s->source[k]]->stream);
            }
        }
    }
    plan_print_topics(b, p);
}

static const char *label_of(const struct vertex *v)
{
    return v->kind == VERTEX_STEP     ? v->node->def->name
           : v->kind == VERTEX_SOURCE ? v->source->topic[0]
           : v->kind == VERTEX_UNION  ? "union"
                                      : v->sink->topic;
}

/* Text inside a quoted string of Graphviz. */
static void dot_text(struct buffer *b, const char *s)
{
    for (; *s; s++) {
        if (*s == '"' || *s == '\\') {
            buffer_byte(b, '\\');
        }
        buffer_byte(b, (uint8_t)*s);
    }
}

/* What a step does, below its name. */
static void dot_step(struct buffer *b, const struct vertex *v)
{
    if (v->kind != VERTEX_STEP) {
        return;
    }
    struct buffer text;
    buffer_init(&text);
    plan_print_yaml(&text, v->node->yaml, DOT_TEXT_MOST);
    buffer_text(b, "\\n");
    dot_text(b, buffer_cstr(&text));
    buffer_done(&text);
}

void plan_print_dot(struct buffer *b, const struct plan *p)
{
    buffer_text(b, "digraph \"");
    dot_text(b, p->topology->name);
    buffer_text(b, "\" {\n  rankdir=LR;\n  node [fontname=\"sans-serif\"];\n");
    for (uint16_t i = 0; i < p->nsubplans; i++) {
        buffer_printf(b, "  subgraph cluster_%d {\n    label=\"sub-plan %d\";\n", i, i);
        for (uint16_t k = 0; k < p->subplan[i].nvertices; k++) {
            uint16_t n = p->subplan[i].vertex[k];
            const struct vertex *v = p->vertex[n];
            bool topic = v->kind == VERTEX_SOURCE || v->kind == VERTEX_SINK;
            buffer_printf(b, "    v%d [label=\"", n);
            dot_text(b, label_of(v));
            buffer_text(b, "\\n");
            dot_text(b, v->stream);
            dot_step(b, v);
            buffer_printf(b, "\", shape=%s];\n", topic ? "cylinder" : "box");
        }
        buffer_text(b, "  }\n");
    }
    for (uint16_t i = 0; i < p->nvertices; i++) {
        const struct vertex *v = p->vertex[i];
        for (int o = 0; o < v->noutputs; o++) {
            for (uint16_t e = 0; e < v->edges[o].n; e++) {
                buffer_printf(b, "  v%d -> v%d;\n", i, v->edges[o].item[e].to);
            }
        }
        if (v->kind == VERTEX_SOURCE && v->source->repartition >= 0) {
            buffer_printf(b, "  v%d -> v%d [style=dashed];\n",
                          p->sink[v->source->repartition]->vertex, i);
        }
        if (v->kind == VERTEX_STEP && v->node->table >= 0) {
            buffer_printf(b, "  v%d -> v%d [style=dotted];\n", v->node->table, i);
        }
    }
    buffer_text(b, "}\n");
}

static void json_text(struct buffer *b, const char *s)
{
    yaml_json_text(b, s, strlen(s));
}

static void json_columns(struct buffer *b, const struct schema *s)
{
    buffer_text(b, "[");
    bool first = true;
    for (uint16_t c = 0; c < s->n; c++) {
        if (s->col[c].hidden) {
            continue;
        }
        buffer_printf(b, "%s{\"name\":", first ? "" : ",");
        json_text(b, s->col[c].name);
        buffer_text(b, ",\"type\":\"");
        type_print(b, s->col[c].type);
        buffer_printf(b, "\",\"nullable\":%s}", s->col[c].nullable ? "true" : "false");
        first = false;
    }
    buffer_text(b, "]");
}

static void json_tables(struct buffer *b, const struct plan *p)
{
    bool first = true;
    for (uint16_t i = 0; i < p->nvertices; i++) {
        const struct vertex *v = p->vertex[i];
        if (v->kind != VERTEX_STEP || !v->node->def->internal) {
            continue;
        }
        const struct table *t = topology_table(p->topology, v->stream);
        buffer_printf(b, "%s{\"step\":%d,\"name\":", first ? "" : ",", i + 1);
        json_text(b, t->source.name);
        buffer_text(b, ",\"key\":[");
        for (uint16_t k = 0; k < v->out[0]->nkey; k++) {
            buffer_text(b, k ? "," : "");
            json_text(b, v->out[0]->col[v->out[0]->key[k]].name);
        }
        buffer_printf(b, "],\"global\":%s}", t->is_global ? "true" : "false");
        first = false;
    }
}

static void json_key(struct buffer *b, const struct schema *s)
{
    if (!s->keyed) {
        buffer_text(b, ",\"key\":null");
        return;
    }
    buffer_text(b, ",\"key\":[");
    for (uint16_t i = 0; i < s->nkey; i++) {
        buffer_text(b, i ? "," : "");
        json_text(b, s->col[s->key[i]].name);
    }
    buffer_text(b, "]");
}

/* The topics of what a step reads first. */
static void json_history(struct buffer *b, const struct history *h)
{
    bool first = true;
    if (!h) {
        return;
    }
    buffer_text(b, ",\"history\":[");
    for (uint16_t i = 0; i < h->plan->nsources; i++) {
        for (int k = 0; k < h->plan->source[i]->ntopics; k++) {
            buffer_text(b, first ? "" : ",");
            json_text(b, h->plan->source[i]->topic[k]);
            first = false;
        }
    }
    buffer_text(b, "]");
}

/* A step's configuration, the topics of a source, the topic of a sink. */
static void json_details(struct buffer *b, const struct vertex *v)
{
    if (v->kind == VERTEX_STEP) {
        buffer_text(b, ",\"config\":");
        yaml_to_json(b, v->node->yaml);
        json_history(b, v->node->history);
    } else if (v->kind == VERTEX_SOURCE) {
        buffer_text(b, ",\"topics\":[");
        for (int i = 0; i < v->source->ntopics; i++) {
            buffer_text(b, i ? "," : "");
            json_text(b, v->source->topic[i]);
        }
        buffer_printf(b, "],\"internal\":%s", v->source->repartition >= 0 ? "true" : "false");
    } else if (v->kind == VERTEX_SINK) {
        buffer_printf(b, ",\"internal\":%s", v->sink->repartition ? "true" : "false");
    }
}

void plan_print_json(struct buffer *b, const struct plan *p)
{
    static const char *const kind[] = {"read", "step", "union", "write"};
    buffer_text(b, "{\"topology\":");
    json_text(b, p->topology->name);
    buffer_text(b, ",\"group\":");
    json_text(b, p->topology->group);
    buffer_printf(b, ",\"guarantee\":\"%s\",\"vertices\":[",
                  p->topology->guarantee == EXACTLY_ONCE ? "exactly_once" : "at_least_once");
    for (uint16_t i = 0; i < p->nvertices; i++) {
        const struct vertex *v = p->vertex[i];
        buffer_printf(b, "%s{\"id\":%d,\"kind\":\"%s\",\"name\":", i ? "," : "", i + 1,
                      kind[v->kind]);
        json_text(b, label_of(v));
        buffer_text(b, ",\"stream\":");
        json_text(b, v->stream);
        buffer_printf(b, ",\"subplan\":%d,\"columns\":", v->subplan);
        json_columns(b, v->noutputs ? v->out[0] : v->sink->schema);
        json_key(b, v->noutputs ? v->out[0] : v->sink->schema);
        json_details(b, v);
        buffer_text(b, ",\"to\":[");
        bool first = true;
        for (int o = 0; o < v->noutputs; o++) {
            for (uint16_t e = 0; e < v->edges[o].n; e++) {
                buffer_printf(b, "%s%d", first ? "" : ",", v->edges[o].item[e].to + 1);
                first = false;
            }
        }
        buffer_text(b, "]");
        if (v->kind == VERTEX_STEP && v->node->table >= 0) {
            buffer_printf(b, ",\"table\":%d", v->node->table + 1);
        }
        buffer_text(b, "}");
    }
    buffer_text(b, "],\"tables\":[");
    json_tables(b, p);
    buffer_text(b, "],\"stores\":[");
    bool first = true;
    for (uint16_t i = 0; i < p->nsubplans; i++) {
        for (uint16_t k = 0; k < p->subplan[i].nstores; k++) {
            buffer_printf(b, "%s{\"step\":%d,\"changelog\":", first ? "" : ",",
                          p->subplan[i].store[k].vertex + 1);
            json_text(b, p->subplan[i].store[k].changelog);
            buffer_text(b, "}");
            first = false;
        }
    }
    buffer_text(b, "]}\n");
}
