/* `from`: a topic, the end of another stream (or a branch of its split), what its steps measure,
 * the changes of a table, or the union of several by column names. A column that one of the united
 * streams lacks is null there; the union keeps a key only when all of them have the same.
 */
#include "engine/plan_build.h"

#include <string.h>

bool plan_same_key(const struct schema *x, const struct schema *y)
{
    if (x->keyed != y->keyed || x->nkey != y->nkey) {
        return false;
    }
    for (uint16_t i = 0; i < x->nkey; i++) {
        if (strcmp(x->col[x->key[i]].name, y->col[y->key[i]].name) != 0) {
            return false;
        }
    }
    return true;
}

static int add_union_columns(struct planner *b, const struct stream *st, struct schema *s,
                             const struct ref *in, int n)
{
    for (int i = 0; i < n; i++) {
        for (uint16_t c = 0; c < in[i].schema->n; c++) {
            const struct column *col = &in[i].schema->col[c];
            int at = schema_find(s, col->name);
            if (at < 0 && s->n == COLUMNS_MAX) {
                return diags_add(b->d, st->from.at, st->from.path,
                                 "the union has more than %d columns", COLUMNS_MAX);
            }
            if (at < 0) {
                at = schema_add(s, col->name, col->type, col->nullable || i > 0, col->hidden);
            } else if (!type_equal(s->col[at].type, col->type)) {
                struct buffer x;
                buffer_init(&x);
                type_print(&x, s->col[at].type);
                buffer_text(&x, " and ");
                type_print(&x, col->type);
                diags_add(
                    b->d, st->from.at, st->from.path,
                    "column \"%s\" has different types in the united streams: %s; cast one of "
                    "them with `add`",
                    col->name, buffer_cstr(&x));
                buffer_done(&x);
                return -ERR_CONFIG;
            }
            s->col[at].nullable |= col->nullable;
        }
    }
    for (uint16_t c = 0; c < s->n; c++) { /* a column that one of them lacks is null there */
        for (int i = 0; i < n; i++) {
            s->col[c].nullable |= schema_find(in[i].schema, s->col[c].name) < 0;
        }
    }
    return 0;
}

static int plan_union(struct planner *b, const struct stream *st, const struct ref *in, int n,
                      struct ref *out)
{
    struct arena *a = &b->p->mem;
    struct schema *s = schema_new(a, COLUMNS_MAX);
    bool is_broken = add_union_columns(b, st, s, in, n) < 0;
    for (int i = 0; i < n; i++) {
        is_broken |= in[i].vertex < 0;
    }
    if (is_broken) {
        *out = plan_broken(b, s);
        return -ERR_CONFIG;
    }
    s->keyed = true;
    bool rekeyed = false, is_single = true, revised = false;
    const char *key_format = in[0].key_format, *reshaped = NULL;
    int64_t idle = 0;
    for (int i = 0; i < n; i++) {
        key_format = strcmp(in[i].key_format, key_format) == 0 ? key_format : "";
        s->keyed &= plan_same_key(in[0].schema, in[i].schema);
        rekeyed |= in[i].rekeyed;
        is_single &= in[i].is_single;
        revised |= in[i].revised;
        reshaped = in[i].reshaped ? in[i].reshaped : reshaped;
        idle = in[i].idle > idle ? in[i].idle : idle;
    }
    rekeyed |= *key_format == '\0'; /* equal keys under other bytes lie in other partitions */
    s->keyed &= in[0].schema->keyed;
    for (uint16_t i = 0; s->keyed && i < in[0].schema->nkey; i++) {
        const char *name = in[0].schema->col[in[0].schema->key[i]].name;
        s->key[s->nkey++] = (uint16_t)schema_find(s, name);
    }
    int vertex;
    uint16_t group = b->p->vertex[in[0].vertex]->subplan;
    struct vertex *v = plan_vertex_new(b, VERTEX_UNION, st->name, group, &vertex);
    v->noutputs = 1;
    v->out[0] = s;
    v->merge = arena_zalloc(a, sizeof *v->merge);
    v->merge->ninputs = (uint16_t)n;
    v->merge->column = arena_array(a, (size_t)n, sizeof *v->merge->column);
    for (int i = 0; i < n; i++) {
        int16_t *map = arena_array(a, s->n + 1U, sizeof *map);
        for (uint16_t c = 0; c < s->n; c++) {
            map[c] = (int16_t)schema_find(in[i].schema, s->col[c].name);
        }
        v->merge->column[i] = map;
        plan_group_join(b, group, b->p->vertex[in[i].vertex]->subplan);
        plan_connect(b, &in[i], vertex, (uint16_t)i);
    }
    *out = (struct ref){.vertex = vertex,
                        .schema = s,
                        .rekeyed = rekeyed,
                        .is_single = is_single,
                        .revised = revised,
                        .reshaped = reshaped,
                        .idle = idle,
                        .key_format = key_format};
    return 0;
}

static void unknown_stream(struct planner *b, const struct config_text *at, const char *name)
{
    int nstreams = b->t->nstreams, ntables = b->t->ntables;
    const char **names = arena_zalloc(&b->p->mem, (size_t)(nstreams + ntables + 1) * sizeof *names);
    for (int i = 0; i < nstreams; i++) {
        names[i] = b->t->stream[i].name;
    }
    for (int i = 0; i < ntables; i++) {
        names[nstreams + i] = b->t->table[i].source.name;
    }
    const char *near = nearest_name(name, names);
    diags_add(b->d, at->at, at->path,
              near ? "there is no stream \"%s\": did you mean \"%s\"?"
                   : "there is no stream \"%s\"; to read a topic write `from: {topic: %s}`",
              name, near ? near : name);
}

static int wrong_branch(struct planner *b, const struct config_text *text, const char *stream,
                        const struct ref *end, const struct vertex *v)
{
    const char *branch[STEP_OUTPUTS_MAX + 1] = {NULL}, *dot = strchr(text->text, '.');
    if (!end->is_split) {
        return diags_add(b->d, text->at, text->path,
                         "stream \"%s\" has no branches: its last step must be a split", stream);
    }
    struct buffer all;
    buffer_init(&all);
    for (int o = 0; o < v->noutputs; o++) {
        branch[o] = v->node->output_name[o];
        buffer_printf(&all, "%s%s.%s", o ? ", " : "", stream, branch[o]);
    }
    const char *near = dot ? nearest_name(dot + 1, branch) : NULL;
    diags_add(b->d, text->at, text->path, "stream \"%s\" %s%s%s%s; its branches are %s", stream,
              dot ? "has no branch \"" : "ends in a split", dot ? dot + 1 : "", dot ? "\"" : "",
              near ? arena_printf(&b->p->mem, ": did you mean \"%s\"?", near) : "",
              buffer_cstr(&all));
    buffer_done(&all);
    return -ERR_CONFIG;
}

int plan_find_ref(struct planner *b, const struct config_text *text, struct ref *out)
{
    const char *name = text->text, *dot = strchr(name, '.');
    size_t n = dot ? (size_t)(dot - name) : strlen(name);
    for (int i = 0; i < b->t->nstreams; i++) {
        const char *s = b->t->stream[i].name;
        if (strlen(s) != n || memcmp(s, name, n) != 0) {
            continue;
        }
        if (plan_stream(b, i, text->at) < 0) {
            *out = plan_broken(b, b->end[i].schema);
            return -ERR_CONFIG;
        }
        const struct ref *end = &b->end[i];
        const struct vertex *v = b->p->vertex[end->vertex];
        if (!dot && !end->is_split) {
            *out = *end;
            return 0;
        }
        for (int o = 0; dot && end->is_split && o < v->noutputs; o++) {
            if (strcmp(v->node->output_name[o], dot + 1) == 0) {
                *out = *end;
                out->output = o;
                out->schema = v->out[o];
                out->is_split = false;
                return 0;
            }
        }
        *out = plan_broken(b, end->schema);
        return wrong_branch(b, text, s, end, v);
    }
    const struct table *t = topology_table(b->t, name);
    if (t) {
        return plan_read_table(b, t, text, out);
    }
    unknown_stream(b, text, name);
    return -ERR_CONFIG;
}

/* Whether a step of the stream sends late rows to `name`. */
static bool sends_late(const struct stream *st, const char *name)
{
    for (int k = 0; k < st->nsteps; k++) {
        const struct yaml *y = st->step[k];
        if (y->kind != YAML_MAP || y->n != 1 || y->item[0]->kind != YAML_MAP) {
            continue;
        }
        const struct yaml *late = yaml_get(y->item[0], "late");
        if (late && late->text && strcmp(late->text, name) == 0) {
            return true;
        }
    }
    return false;
}

/* A stream without from: the late rows of the windows that name it. */
static int plan_late(struct planner *b, const struct stream *st, struct ref *out)
{
    int n = 0, status = 0;
    for (int i = 0; i < b->t->nstreams; i++) {
        if (sends_late(&b->t->stream[i], st->name)) {
            status = plan_stream(b, i, st->at) < 0 ? -ERR_CONFIG : status;
            n++;
        }
    }
    if (n == 0) {
        return diags_add(b->d, st->at, st->path,
                         "a stream needs `from`, unless a window sends its late rows there: "
                         "`late: %s`",
                         st->name);
    }
    struct ref *in = arena_zalloc(&b->p->mem, ((size_t)b->nsides + 1) * sizeof *in);
    n = 0;
    for (int i = 0; i < b->nsides; i++) {
        if (b->side[i].name && strcmp(b->side[i].name, st->name) == 0) {
            in[n++] = b->side[i].ref;
        }
    }
    if (status < 0 || n == 0) {
        return -ERR_CONFIG;
    }
    if (n == 1) {
        *out = in[0];
        return 0;
    }
    return plan_union(b, st, in, n, out);
}

/* What the steps of another stream measure of themselves. */
static int plan_metrics(struct planner *b, const struct stream *st, struct ref *out)
{
    const struct config_text *name = &st->from.names.item[0].value;
    int at = -1;
    for (int i = 0; i < b->t->nstreams; i++) {
        at = strcmp(b->t->stream[i].name, name->text) == 0 ? i : at;
    }
    if (at < 0) {
        unknown_stream(b, name, name->text);
        return -ERR_CONFIG;
    }
    if (plan_stream(b, at, name->at) < 0) {
        return -ERR_CONFIG;
    }
    struct ref *in = arena_zalloc(&b->p->mem, ((size_t)b->nsides + 1) * sizeof *in);
    int n = 0;
    bool is_measured = false;
    for (int i = 0; i < b->nsides; i++) {
        const struct side *s = &b->side[i];
        bool is_of = !s->name && strcmp(s->node->stream, name->text) == 0;
        if (is_of && s->every == st->from.every) {
            in[n++] = s->ref;
        }
        is_measured |= is_of;
    }
    if (n == 0 && is_measured) {
        return diags_add(
            b->d, name->at, name->path,
            "the metrics of \"%s\" are read after more than %d different numbers of rows "
            "(`every`): let streams read those of others that do so as often",
            name->text, METRICS_EVERY_MAX);
    }
    if (n == 0) {
        return diags_add(b->d, name->at, name->path,
                         "stream \"%s\" has no step that measures itself, such as `classify`",
                         name->text);
    }
    if (n == 1) {
        *out = in[0];
        return 0;
    }
    return plan_union(b, st, in, n, out);
}

int plan_from(struct planner *b, const struct stream *st, struct ref *out)
{
    if (st->from.kind == END_BROKEN) {
        return -ERR_CONFIG;
    }
    if (st->from.kind == END_NONE) {
        return plan_late(b, st, out);
    }
    if (st->from.kind == END_METRICS) {
        return plan_metrics(b, st, out);
    }
    if (st->from.kind != END_STREAMS) {
        return plan_topic_source(b, st, out);
    }
    if (st->has_time) {
        diags_add(
            b->d, st->at, st->path,
            "`time` belongs to the stream that reads the topic, not to one that reads a stream");
    }
    int n = st->from.names.n;
    struct ref *in = arena_zalloc(&b->p->mem, ((size_t)n + 1) * sizeof *in);
    for (int i = 0; i < n; i++) {
        in[i] = plan_broken(b, NULL);
        plan_find_ref(b, &st->from.names.item[i].value, &in[i]);
        for (int k = 0; k < i; k++) {
            const struct config_text *name = &st->from.names.item[i].value;
            if (strcmp(st->from.names.item[k].value.text, name->text) == 0) {
                diags_add(b->d, name->at, name->path,
                          "stream \"%s\" is named twice, and each of its rows would come twice: "
                          "name it once",
                          name->text);
                break;
            }
        }
    }
    if (n == 1) {
        *out = in[0];
        return out->vertex < 0 ? -ERR_CONFIG : 0;
    }
    return plan_union(b, st, in, n, out);
}
