/* Planning: streams in the order of what they read, each step bound to the columns before it, cut
 * where rows must change partitions.
 *
 * A `ref` is the end of what has been built so far of one stream: a vertex, one of its outputs, its
 * columns, and whether the rows still lie where their key puts them.
 *
 *   from ──> ref ──step──> ref ──step──> ref ──> sinks; other streams that name this one go on here
 *
 * A stateful step whose input was rekeyed gets a repartition before it: a sink and a source of the
 * internal topic NAME-STREAM-repartition. Sub-plans are joined (union-find) where a union or a
 * shared topic needs rows of two of them in one task.
 */
#include "engine/plan.h"
#include "engine/hash.h"
#include "engine/memory.h"
#include "engine/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ref {
    int vertex; /* -1: could not be built */
    int output;
    const struct schema *schema;
    bool rekeyed;   /* the key is not what the partitioning was made by */
    bool is_split;  /* ends in a split: only its branches have rows */
    bool is_single; /* all rows are in one partition */
};

enum mark { MARK_NEW, MARK_OPEN, MARK_DONE };

struct planner {
    struct plan *p;
    const struct topology *t;
    struct schema_store *schemas;
    struct diags *d;
    enum mark *mark; /* per stream */
    struct ref *end; /* per stream */
    uint16_t *group; /* union-find over sub-plans */
    int ngroups;
    int nrepartitions; /* of the stream being built */
};

#define VERTICES_MAX 4096

static uint16_t group_new(struct planner *b)
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

static void group_join(struct planner *b, uint16_t x, uint16_t y)
{
    uint16_t i = group_find(b, x), j = group_find(b, y);
    b->group[i > j ? i : j] = i > j ? j : i;
}

static struct vertex *vertex_new(struct planner *b, enum vertex_kind kind, const char *stream,
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

static void connect(struct planner *b, const struct ref *from, int to, uint16_t input)
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

static const struct codec_def *codec_find(const char *name, bool is_key)
{
    for (int i = 0; registry_codecs[i]; i++) {
        const struct codec_def *c = registry_codecs[i];
        if (strcmp(c->name, name) == 0 && (is_key ? c->for_key : c->for_value)) {
            return c;
        }
    }
    return NULL;
}

static const struct codec_def *codec_or_error(struct planner *b, const char *name, bool is_key,
                                              struct place at, const char *path)
{
    const struct codec_def *c = codec_find(name, is_key);
    if (!c) {
        const char *names[32];
        int n = 0;
        for (int i = 0; registry_codecs[i] && n < 31; i++) {
            if (is_key ? registry_codecs[i]->for_key : registry_codecs[i]->for_value) {
                names[n++] = registry_codecs[i]->name;
            }
        }
        names[n] = NULL;
        const char *near = nearest_name(name, names);
        char all[200] = "";
        for (int i = 0; i < n; i++) {
            snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", i ? ", " : "", names[i]);
        }
        diags_add(b->d, at, path, "\"%s\" is no format for a %s%s%s%s; there are %s", name,
                  is_key ? "key" : "value", near ? ": did you mean \"" : "", near ? near : "",
                  near ? "\"?" : "", all);
    }
    return c;
}

static char *pascal_case(struct arena *a, const char *s)
{
    char *out = arena_alloc(a, strlen(s) + 2), *o = out;
    bool up = true;
    for (; *s; s++) {
        bool letter = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z');
        bool digit = *s >= '0' && *s <= '9';
        if (!letter && !digit) {
            up = true;
            continue;
        }
        if (o == out && digit) {
            *o++ = '_';
        }
        *o++ = up && *s >= 'a' && *s <= 'z' ? (char)(*s - 'a' + 'A') : *s;
        up = false;
    }
    *o = 0;
    return out;
}

static char *read_text(struct arena *a, const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        return NULL;
    }
    struct buffer b;
    buffer_init(&b);
    size_t n;
    do {
        n = fread(buffer_reserve(&b, 65536), 1, 65536, f);
        b.n += n;
    } while (n > 0 && b.n < 16U << 20);
    fclose(f);
    char *text = arena_strndup(a, b.data ? b.data : "", b.n);
    buffer_done(&b);
    return text;
}

static void spec_init(struct planner *b, struct codec_spec *s, const struct codec_def *def,
                      const char *topic, const char *stream, const struct end *end)
{
    struct arena *a = &b->p->mem;
    *s = (struct codec_spec){.def = def, .topic = topic};
    s->record_name = pascal_case(a, stream);
    s->namespace_ = arena_printf(a, "klamm.%s", b->t->name);
    s->subject = arena_printf(a, "%s-value", topic);
    if (end) {
        s->at = end->at;
        s->path = end->path;
        s->columns = end->columns;
        if (end->subject) {
            s->subject = end->subject;
        }
        if (end->schema) {
            s->schema_file = topology_path(b->t, a, end->schema);
            s->schema_json = read_text(a, s->schema_file);
            if (!s->schema_json) {
                diags_add(b->d, end->at, end->path, "cannot read the schema file %s",
                          s->schema_file);
            }
        }
    }
}

/* The registry's latest schema of a subject, when the topology names none. */
static void spec_from_registry(struct planner *b, struct codec_spec *s)
{
    struct err e = {0};
    const char *json;
    if (s->schema_file || s->columns || !b->schemas || strcmp(s->def->name, "avro") != 0) {
        return;
    }
    int r = b->schemas->latest(b->schemas, s->subject, &json, NULL, &e);
    if (r == 1) {
        s->schema_json = arena_strdup(&b->p->mem, json);
    } else if (r < 0) {
        diags_add(b->d, s->at, s->path, "schema of %s: %s", s->subject, e.text);
    }
}

static int add_hidden(struct schema *s, const char *name, const struct type *type, bool nullable)
{
    int at = schema_find(s, name);
    if (at >= 0) {
        s->col[at].hidden = true;
        return at;
    }
    return schema_add(s, name, type, nullable, true);
}

static int infer_key(struct planner *b, struct plan_source *src, struct schema *s)
{
    const struct yaml *key = src->end ? src->end->key : NULL;
    struct arena *a = &b->p->mem;
    const char *name = "string";
    src->key_column = -1;
    if (key && key->kind == YAML_MAP) {
        if (key->n != 1 || !key->item[0]->text) {
            return diags_add(b->d, key->at, src->end->path,
                             "expected one of the key formats, or {column: type} with one column");
        }
        const struct type *type = type_parse(a, key->item[0]->text);
        name = key->item[0]->text;
        if (!type || !codec_find(name, true)) {
            return diags_add(b->d, key->item[0]->at, src->end->path,
                             "expected the type of the key column, string, long or bytes, found "
                             "\"%s\"",
                             name);
        }
        src->key.def = codec_find(name, true);
        int at = schema_find(s, key->key[0]);
        if (at < 0) {
            at = schema_add(s, key->key[0], type, true, false);
            src->key_column = at;
            src->reads_key = true;
        } else if (!type_equal(s->col[at].type, type)) {
            return diags_add(b->d, key->at, src->end->path,
                             "the value's column %s has another type than the key's", key->key[0]);
        }
        s->keyed = true;
        s->nkey = 1;
        s->key[0] = (uint16_t)at;
        return 0;
    }
    name = key && key->text ? key->text : "string";
    src->key.def =
        codec_or_error(b, name, true, key ? key->at : src->key.at, src->end ? src->end->path : "");
    if (!src->key.def) {
        return -ERR_CONFIG;
    }
    uint16_t before = s->n;
    src->key.is_key = true;
    int r = src->key.def->infer(&src->key, a, s, b->d);
    src->reads_key = s->n > before;
    for (uint16_t c = before; c < s->n && s->nkey < s->n; c++) {
        s->key[s->nkey++] = c;
    }
    s->keyed = s->nkey > 0;
    return r;
}

static void add_meta(struct plan_source *src, struct schema *s, struct arena *a)
{
    src->meta[META_KEY] = schema_find(s, "_key");
    src->meta[META_TOPIC] = add_hidden(s, "_topic", &type_string, false);
    src->meta[META_PARTITION] = add_hidden(s, "_partition", &type_long, false);
    src->meta[META_OFFSET] = add_hidden(s, "_offset", &type_long, false);
    src->meta[META_TIME] = add_hidden(s, "_time", &type_timestamp, false);
    src->meta[META_HEADERS] = add_hidden(s, "_headers", type_map(a, &type_string), false);
}

static void find_time(struct planner *b, struct plan_source *src, const struct stream *st)
{
    src->time_column = -1;
    src->time = st->time;
    if (!st->time.field) {
        return;
    }
    int c = schema_find(src->schema, st->time.field);
    struct place at = st->at;
    if (c < 0) {
        diags_add(b->d, at, arena_printf(&b->p->mem, "%s.time.field", st->path),
                  "there is no column \"%s\"", st->time.field);
    } else if (src->schema->col[c].type->kind != TYPE_TIMESTAMP &&
               src->schema->col[c].type->kind != TYPE_LONG) {
        diags_add(b->d, at, arena_printf(&b->p->mem, "%s.time.field", st->path),
                  "event time must be a timestamp or a long of ms; \"%s\" is neither",
                  st->time.field);
    }
    src->time_column = c;
}

static struct plan_source *source_new(struct planner *b, const struct stream *st, uint16_t group,
                                      int *vertex)
{
    struct plan_source *src = arena_zalloc(&b->p->mem, sizeof *src);
    struct vertex *v = vertex_new(b, VERTEX_SOURCE, st->name, group, vertex);
    src->stream = st->name;
    src->vertex = (uint16_t)*vertex;
    src->repartition = -1;
    src->key_column = -1;
    src->errors = st->errors;
    v->source = src;
    v->noutputs = 1;
    b->p->source[b->p->nsources++] = src;
    return src;
}

/* Parses a connector's options and gives its columns. */
static int plan_feeder(struct planner *b, struct plan_source *src, const struct end *end,
                       struct schema *s)
{
    struct arena *a = &b->p->mem;
    for (int i = 0; registry_connectors[i]; i++) {
        if (strcmp(registry_connectors[i]->name, end->connector) == 0) {
            src->feeder = registry_connectors[i];
        }
    }
    const char *path = arena_printf(a, "%s.%s", end->path, end->connector);
    void *cfg = arena_zalloc(a, src->feeder->config_size + 1);
    src->feeder_cfg = cfg;
    int r = config_parse(src->feeder->config, cfg, end->options, path, a, b->d);
    struct schema *cols = NULL;
    if (r == 0) {
        r = src->feeder->columns(cfg, end->at, path, a, &cols, b->d);
    }
    if (r == 0) {
        src->feeder_schema = cols;
        for (uint16_t c = 0; c < cols->n; c++) {
            schema_add(s, cols->col[c].name, cols->col[c].type, cols->col[c].nullable, false);
        }
    }
    return r;
}

static int plan_topic_source(struct planner *b, const struct stream *st, struct ref *out)
{
    struct arena *a = &b->p->mem;
    const struct end *end = &st->from;
    int vertex, before = b->d->n;
    struct plan_source *src = source_new(b, st, group_new(b), &vertex);
    src->end = end;
    struct schema *s = schema_new(a, COLUMNS_MAX);
    const char **topics = arena_array(a, (size_t)end->names.n + 2, sizeof *topics);
    if (end->kind == END_CONNECTOR) {
        topics[0] = arena_printf(a, "%s-%s-source", b->t->name, st->name);
        src->ntopics = 1;
    } else {
        src->ntopics = end->names.n;
        for (int i = 0; i < end->names.n; i++) {
            topics[i] = end->names.item[i].value.text;
        }
    }
    src->topic = topics;
    const struct codec_def *def = codec_or_error(b, end->value, false, end->at, end->path);
    if (!def) {
        return -ERR_CONFIG;
    }
    spec_init(b, &src->value, def, topics[0], st->name, end);
    src->key = src->value;
    src->key.columns = NULL;
    src->key.schema_file = src->key.schema_json = NULL;
    src->key.is_key = true;
    src->key.subject = arena_printf(a, "%s-key", topics[0]);
    if (end->kind == END_CONNECTOR) {
        plan_feeder(b, src, end, s);
        src->key.def = codec_find("none", true);
    } else {
        spec_from_registry(b, &src->value);
        if (b->d->n == before) {
            def->infer(&src->value, a, s, b->d);
            infer_key(b, src, s);
        }
    }
    add_meta(src, s, a);
    src->schema = src->read_schema = s;
    if (b->d->n > before) {
        return -ERR_CONFIG;
    }
    for (uint16_t i = 0; i + 1 < b->p->nsources; i++) { /* a topic that two streams read */
        for (int x = 0; x < src->ntopics; x++) {
            for (int y = 0; y < b->p->source[i]->ntopics; y++) {
                if (strcmp(src->topic[x], b->p->source[i]->topic[y]) == 0) {
                    group_join(b, b->p->vertex[vertex]->subplan,
                               b->p->vertex[b->p->source[i]->vertex]->subplan);
                }
            }
        }
    }
    find_time(b, src, st);
    b->p->vertex[vertex]->out[0] = s;
    *out = (struct ref){.vertex = vertex, .schema = s};
    return b->d->n > before ? -ERR_CONFIG : 0;
}

static bool same_key(const struct schema *x, const struct schema *y)
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
    if (add_union_columns(b, st, s, in, n) < 0) {
        return -ERR_CONFIG;
    }
    s->keyed = true;
    bool rekeyed = false, is_single = true;
    for (int i = 0; i < n; i++) {
        s->keyed &= same_key(in[0].schema, in[i].schema);
        rekeyed |= in[i].rekeyed;
        is_single &= in[i].is_single;
    }
    s->keyed &= in[0].schema->keyed;
    for (uint16_t i = 0; s->keyed && i < in[0].schema->nkey; i++) {
        const char *name = in[0].schema->col[in[0].schema->key[i]].name;
        s->key[s->nkey++] = (uint16_t)schema_find(s, name);
    }
    int vertex;
    uint16_t group = b->p->vertex[in[0].vertex]->subplan;
    struct vertex *v = vertex_new(b, VERTEX_UNION, st->name, group, &vertex);
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
        group_join(b, group, b->p->vertex[in[i].vertex]->subplan);
        connect(b, &in[i], vertex, (uint16_t)i);
    }
    *out = (struct ref){.vertex = vertex, .schema = s, .rekeyed = rekeyed, .is_single = is_single};
    return 0;
}

static int plan_stream(struct planner *b, int i, struct place from);

static void unknown_stream(struct planner *b, const struct config_text *at, const char *name)
{
    const char **names = arena_array(&b->p->mem, (size_t)b->t->nstreams + 1, sizeof *names);
    for (int i = 0; i < b->t->nstreams; i++) {
        names[i] = b->t->stream[i].name;
    }
    names[b->t->nstreams] = NULL;
    const char *near = nearest_name(name, names);
    diags_add(b->d, at->at, at->path,
              near ? "there is no stream \"%s\": did you mean \"%s\"?"
                   : "there is no stream \"%s\"; to read a topic write `from: {topic: %s}`",
              name, near ? near : name);
}

/* The end of the stream (or of its branch `stream.branch`) that `name` means. */
static int find_ref(struct planner *b, const struct config_text *text, struct ref *out)
{
    const char *name = text->text, *dot = strchr(name, '.');
    size_t n = dot ? (size_t)(dot - name) : strlen(name);
    for (int i = 0; i < b->t->nstreams; i++) {
        const char *s = b->t->stream[i].name;
        if (strlen(s) != n || memcmp(s, name, n) != 0) {
            continue;
        }
        int r = plan_stream(b, i, text->at);
        if (r < 0 || b->end[i].vertex < 0) {
            return -ERR_CONFIG;
        }
        *out = b->end[i];
        const struct vertex *v = b->p->vertex[out->vertex];
        if (!dot && !out->is_split) {
            return 0;
        }
        for (int o = 0; dot && out->is_split && o < v->noutputs; o++) {
            if (strcmp(v->node->output_name[o], dot + 1) == 0) {
                out->output = o;
                out->schema = v->out[o];
                out->is_split = false;
                return 0;
            }
        }
        return diags_add(
            b->d, text->at, text->path,
            dot ? "stream \"%.*s\" has no branch \"%s\"; its last step must be a split "
                  "with that branch"
                : "stream \"%.*s\" ends in a split: name one of its branches, "
                  "`%s.BRANCH`",
            (int)n, s, dot ? dot + 1 : s);
    }
    unknown_stream(b, text, name);
    return -ERR_CONFIG;
}

static int plan_from(struct planner *b, const struct stream *st, struct ref *out)
{
    if (st->from.kind != END_STREAMS) {
        return plan_topic_source(b, st, out);
    }
    if (st->has_time) {
        diags_add(
            b->d, st->at, st->path,
            "`time` belongs to the stream that reads the topic, not to one that reads a stream");
    }
    int n = st->from.names.n, r = 0;
    struct ref *in = arena_zalloc(&b->p->mem, ((size_t)n + 1) * sizeof *in);
    for (int i = 0; i < n; i++) {
        int q = find_ref(b, &st->from.names.item[i].value, &in[i]);
        r = q < 0 ? q : r;
    }
    if (r < 0) {
        return r;
    }
    if (n == 1) {
        *out = in[0];
        return 0;
    }
    return plan_union(b, st, in, n, out);
}

static struct plan_sink *sink_new(struct planner *b, const struct stream *st, const struct ref *in,
                                  const char *topic)
{
    struct plan_sink *k = arena_zalloc(&b->p->mem, sizeof *k);
    int vertex;
    struct vertex *v =
        vertex_new(b, VERTEX_SINK, st->name, b->p->vertex[in->vertex]->subplan, &vertex);
    v->sink = k;
    k->stream = st->name;
    k->topic = topic;
    k->vertex = (uint16_t)vertex;
    k->schema = k->write_schema = in->schema;
    b->p->sink[b->p->nsinks++] = k;
    connect(b, in, vertex, 0);
    return k;
}

/* Cuts the stream here: `in` becomes the source behind an internal topic. */
static int repartition(struct planner *b, const struct stream *st, int step, bool single,
                       struct ref *in)
{
    struct arena *a = &b->p->mem;
    const char *topic = b->nrepartitions++ == 0
                            ? arena_printf(a, "%s-%s-repartition", b->t->name, st->name)
                            : arena_printf(a, "%s-%s-%d-repartition", b->t->name, st->name, step);
    for (uint16_t i = 0; i < b->p->nsinks; i++) {
        if (strcmp(b->p->sink[i]->topic, topic) == 0) {
            return diags_add(b->d, st->at, st->path,
                             "the internal topic %s would be that of stream \"%s\" too: rename "
                             "one of the streams",
                             topic, b->p->sink[i]->stream);
        }
    }
    struct plan_sink *k = sink_new(b, st, in, topic);
    int number = b->p->nsinks - 1;
    k->repartition = true;
    k->single = single || in->schema->nkey == 0;
    spec_init(b, &k->value, codec_find("avro", false), topic, st->name, NULL);
    spec_init(b, &k->key, codec_find("string", true), topic, st->name, NULL);
    k->key.is_key = true;
    int vertex;
    struct plan_source *src = source_new(b, st, group_new(b), &vertex);
    const char **topics = arena_array(a, 2, sizeof *topics);
    topics[0] = topic;
    src->topic = topics;
    src->ntopics = 1;
    src->repartition = number;
    src->value = k->value;
    src->schema = in->schema;
    src->time_column = -1;
    src->time = st->time;
    for (int m = 0; m < METAS; m++) {
        src->meta[m] = -1;
    }
    b->p->vertex[vertex]->out[0] = in->schema;
    *in = (struct ref){.vertex = vertex, .schema = in->schema, .is_single = k->single};
    return 0;
}

static const struct step_def *step_find(struct planner *b, const char *name, struct place at,
                                        const char *path)
{
    const char *names[128];
    int n = 0;
    for (int i = 0; registry_steps[i] && n < 127; i++) {
        names[n++] = registry_steps[i]->name;
        if (strcmp(registry_steps[i]->name, name) == 0) {
            return registry_steps[i];
        }
    }
    names[n] = NULL;
    const char *near = nearest_name(name, names);
    struct buffer all;
    buffer_init(&all);
    for (int i = 0; i < n; i++) {
        buffer_printf(&all, "%s%s", i ? ", " : "", names[i]);
    }
    diags_add(b->d, at, path, "there is no step \"%s\"%s%s%s; there are %s", name,
              near ? ": did you mean \"" : "", near ? near : "", near ? "\"?" : "",
              buffer_cstr(&all));
    buffer_done(&all);
    return NULL;
}

static int parse_step(struct planner *b, struct node *n, const struct yaml *value)
{
    struct arena *a = &b->p->mem;
    void *cfg = arena_zalloc(a, n->def->config_size + 1);
    n->cfg = cfg;
    if (n->def->config && (value->kind == YAML_MAP || !n->def->value)) {
        return config_parse(n->def->config, cfg, value, n->path, a, b->d);
    }
    if (n->def->value) {
        return config_parse_value(n->def->value, cfg, value, n->path, a, b->d);
    }
    return 0;
}

static int plan_step(struct planner *b, const struct stream *st, int i, struct ref *at)
{
    struct arena *a = &b->p->mem;
    const struct yaml *y = st->step[i];
    if (y->kind != YAML_MAP || y->n != 1) {
        return -ERR_CONFIG; /* reported with the file */
    }
    if (at->is_split) {
        return diags_add(b->d, y->key_at[0], arena_printf(a, "%s.steps[%d]", st->path, i + 1),
                         "no step may follow a split in the same stream: go on in streams that "
                         "read its branches, `from: %s.BRANCH`",
                         st->name);
    }
    struct node *n = arena_zalloc(a, sizeof *n);
    n->at = y->key_at[0];
    n->yaml = y->item[0];
    n->path = arena_printf(a, "%s.steps[%d].%s", st->path, i + 1, y->key[0]);
    n->stream = st->name;
    n->number = i + 1;
    n->seed =
        hash_stable(st->name, strlen(st->name), (uint64_t)b->t->seed * 1000003U + (uint64_t)i);
    n->ninputs = 1;
    n->noutputs = 1;
    n->in[0] = at->schema;
    n->mem = a;
    n->diags = b->d;
    n->def = step_find(b, y->key[0], n->at, n->path);
    if (!n->def || parse_step(b, n, n->yaml) < 0 || n->def->bind(n) < 0) {
        return -ERR_CONFIG;
    }
    bool needs_key = n->def->stateful && !n->def->keyless && !n->keyless && !n->single_partition;
    if (needs_key && !at->schema->keyed) {
        return node_error(
            n, n->at,
            "%s works per key, but the rows have none here: put `- key_by: COLUMN` before "
            "it (or `- key_by: []` for one group of all rows)",
            n->def->name);
    }
    bool wants_single = n->single_partition || (needs_key && at->schema->nkey == 0);
    if (!at->is_single && (wants_single || (needs_key && at->rekeyed)) &&
        repartition(b, st, i + 1, n->single_partition, at) < 0) {
        return -ERR_CONFIG;
    }
    int vertex;
    struct vertex *v =
        vertex_new(b, VERTEX_STEP, st->name, b->p->vertex[at->vertex]->subplan, &vertex);
    v->node = n;
    v->noutputs = n->noutputs;
    for (int o = 0; o < n->noutputs; o++) {
        v->out[o] = n->out[o];
    }
    connect(b, at, vertex, 0);
    n->diags = NULL;
    n->mem = NULL;
    *at = (struct ref){.vertex = vertex,
                       .schema = n->out[0],
                       .rekeyed = at->rekeyed || n->rekeys,
                       .is_single = at->is_single,
                       .is_split = n->output_name[0] != NULL};
    return 0;
}

/* Behind a step that could not be bound the columns are unknown, but what the others' configuration
 * has wrong can still be told. */
static void parse_rest(struct planner *b, const struct stream *st, int i)
{
    for (; i < st->nsteps; i++) {
        const struct yaml *y = st->step[i];
        if (y->kind != YAML_MAP || y->n != 1) {
            continue;
        }
        struct node n = {
            .path = arena_printf(&b->p->mem, "%s.steps[%d].%s", st->path, i + 1, y->key[0])};
        n.def = step_find(b, y->key[0], y->key_at[0], n.path);
        if (n.def) {
            parse_step(b, &n, y->item[0]);
        }
    }
}

static int plan_to(struct planner *b, const struct stream *st, const struct end *end,
                   const struct ref *at)
{
    struct arena *a = &b->p->mem;
    const char *topic = end->kind == END_CONNECTOR
                            ? arena_printf(a, "%s-%s-%s", b->t->name, st->name, end->connector)
                            : end->names.item[0].value.text;
    struct plan_sink *k = sink_new(b, st, at, topic);
    k->end = end;
    const struct codec_def *value = codec_or_error(b, end->value, false, end->at, end->path);
    const char *key = "string";
    if (end->key) {
        if (!end->key->text) {
            return diags_add(b->d, end->key->at, end->path, "expected the name of a key format");
        }
        key = end->key->text;
    }
    const struct codec_def *key_def =
        codec_or_error(b, key, true, end->key ? end->key->at : end->at, end->path);
    if (!value || !key_def) {
        return -ERR_CONFIG;
    }
    spec_init(b, &k->value, value, topic, st->name, end);
    spec_init(b, &k->key, key_def, topic, st->name, NULL);
    k->key.is_key = true;
    k->key.subject = arena_printf(a, "%s-key", topic);
    k->key.record_name = arena_printf(a, "%sKey", k->value.record_name);
    k->key.at = end->at;
    k->key.path = end->path;
    if (end->kind != END_CONNECTOR) {
        return 0;
    }
    for (int i = 0; registry_connectors[i]; i++) {
        if (strcmp(registry_connectors[i]->name, end->connector) == 0) {
            k->drain = registry_connectors[i];
        }
    }
    void *cfg = arena_zalloc(a, k->drain->config_size + 1);
    k->drain_cfg = cfg;
    return config_parse(k->drain->config, cfg, end->options,
                        arena_printf(a, "%s.%s", end->path, end->connector), a, b->d);
}

static int plan_stream(struct planner *b, int i, struct place from)
{
    const struct stream *st = &b->t->stream[i];
    if (b->mark[i] == MARK_DONE) {
        return b->end[i].vertex < 0 ? -ERR_CONFIG : 0;
    }
    if (b->mark[i] == MARK_OPEN) {
        return diags_add(b->d, from, st->path, "stream \"%s\" reads itself: streams form a cycle",
                         st->name);
    }
    b->mark[i] = MARK_OPEN;
    b->end[i].vertex = -1;
    struct ref at = {.vertex = -1};
    int r = plan_from(b, st, &at);
    b->nrepartitions = 0;
    for (int k = 0; r == 0 && k < st->nsteps; k++) {
        r = plan_step(b, st, k, &at);
        if (r < 0) {
            parse_rest(b, st, k + 1);
        }
    }
    for (int k = 0; r == 0 && k < st->nto; k++) {
        if (at.is_split) {
            r = diags_add(
                b->d, st->to[k].at, st->to[k].path,
                "a stream that ends in a split has no output of its own: read its branches "
                "with `from: %s.BRANCH`",
                st->name);
        } else {
            r = plan_to(b, st, &st->to[k], &at);
        }
    }
    b->mark[i] = MARK_DONE;
    if (r == 0) {
        b->end[i] = at;
    }
    return r;
}

static void name_stores(struct planner *b, struct subplan *s)
{
    for (uint16_t i = 0; i < s->nvertices; i++) {
        const struct vertex *v = b->p->vertex[s->vertex[i]];
        if (v->kind != VERTEX_STEP || !v->node->def->stateful) {
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

/* A sub-plan stands one level above those that fill its repartitions; unions may join levels, so it
 * takes rounds. One that feeds itself (a union of a stream with what is made of it) stays. */
static void find_levels(struct plan *p)
{
    bool is_stable = false;
    for (uint16_t round = 0; round < p->nsubplans && !is_stable; round++) {
        is_stable = true;
        for (uint16_t i = 0; i < p->nsources; i++) {
            const struct plan_source *src = p->source[i];
            struct subplan *s = &p->subplan[p->vertex[src->vertex]->subplan];
            if (src->repartition < 0) {
                continue;
            }
            const struct plan_sink *k = p->sink[src->repartition];
            const struct subplan *up = &p->subplan[p->vertex[k->vertex]->subplan];
            if (up != s && s->level <= up->level) {
                s->level = (uint16_t)(up->level + 1);
                is_stable = false;
            }
        }
    }
}

/* Numbers the groups 0.., collects their members, and levels them. */
static void collect_subplans(struct planner *b)
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
        s->single |= src->repartition >= 0 && p->sink[src->repartition]->single;
    }
    find_levels(p);
    for (uint16_t i = 0; i < p->nsubplans; i++) {
        name_stores(b, &p->subplan[i]);
    }
}

/* A topic that one stream writes and another reads would hide how they hang together: commits,
 * levels and the end of the input need to know it. */
static void check_topics(struct planner *b)
{
    for (uint16_t k = 0; k < b->p->nsinks; k++) {
        const struct plan_sink *sink = b->p->sink[k];
        for (uint16_t i = 0; sink->end && i < b->p->nsources; i++) {
            const struct plan_source *src = b->p->source[i];
            for (int x = 0; x < src->ntopics; x++) {
                if (strcmp(src->topic[x], sink->topic) == 0) {
                    diags_add(b->d, sink->end->at, sink->end->path,
                              "topic %s is read by stream \"%s\" of the same topology: let it read "
                              "the stream instead, `from: %s` (if that is a cycle, write to "
                              "another topic)",
                              sink->topic, src->stream, sink->stream);
                }
            }
        }
    }
}

static void build(struct planner *b)
{
    for (int i = 0; i < b->t->nstreams; i++) {
        plan_stream(b, i, b->t->stream[i].at);
    }
    check_topics(b);
    if (b->d->n == 0 && b->p->nsinks == 0) {
        diags_add(b->d, b->t->streams->at, "streams", "no stream writes anywhere: give one a `to`");
    }
    if (b->d->n == 0) {
        collect_subplans(b);
        plan_find_needs(b->p);
        plan_find_races(b->p);
    }
}

int plan_new(struct plan **out, const struct topology *t, struct schema_store *schemas,
             struct diags *d)
{
    struct plan *p = mem_zalloc(sizeof *p);
    arena_init(&p->mem);
    p->topology = t;
    struct planner b = {.p = p, .t = t, .schemas = schemas, .d = d};
    size_t steps = 1;
    for (int i = 0; i < t->nstreams; i++) {
        steps += 2U + 3U * (size_t)t->stream[i].nsteps + (size_t)t->stream[i].nto;
    }
    if (steps > VERTICES_MAX) {
        plan_free(p);
        return diags_add(d, t->streams->at, "streams", "more than %d steps", VERTICES_MAX);
    }
    p->vertex = arena_array(&p->mem, steps, sizeof *p->vertex);
    p->source = arena_array(&p->mem, steps, sizeof *p->source);
    p->sink = arena_array(&p->mem, steps, sizeof *p->sink);
    b.group = arena_array(&p->mem, steps, sizeof *b.group);
    b.mark = arena_zalloc(&p->mem, (size_t)t->nstreams * sizeof *b.mark + 1);
    b.end = arena_zalloc(&p->mem, (size_t)t->nstreams * sizeof *b.end + 1);
    int before = d->n;
    build(&b);
    if (d->n > before) {
        plan_free(p);
        return -ERR_CONFIG;
    }
    *out = p;
    return 0;
}

void plan_free(struct plan *p)
{
    if (p) {
        arena_done(&p->mem);
        mem_free(p);
    }
}

int node_error(struct node *n, struct place at, const char *fmt, ...)
{
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return diags_add(n->diags, at, n->path, "%s", text);
}
