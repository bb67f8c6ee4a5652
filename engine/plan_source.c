/* Sources: the columns of a topic (or connector), its key, and its event time.
 *
 *   columns   value codec's, then those of the key that the value has not, then the hidden ones
 *   key       `key: {host: string}` names the column; else the key codec's columns (`_key`)
 *   hidden    `_topic` and the like, of every record: no other column may have their names
 */
#include "engine/plan_build.h"
#include "engine/registry.h"

#include <string.h>

static int refuse_reserved(struct planner *b, const struct end *end, const char *name)
{
    return diags_add(b->d, end->at, end->path,
                     "the column `%s` has the name of what every record has: leave it out of "
                     "`columns`, or pin a `schema` without it",
                     name);
}

/* A column that value and key have is one: both say the same. A table reads it from the key: a
 * deletion has no value. */
static int add_key_column(struct planner *b, struct plan_source *src, struct schema *s,
                          const struct column *k)
{
    int at = schema_find(s, k->name);
    if (at < 0 && s->n >= COLUMNS_MAX - METAS) {
        return diags_add(b->d, src->end->at, src->end->path, "more than %d columns",
                         COLUMNS_MAX - METAS);
    }
    if (at >= 0 && !type_equal(s->col[at].type, k->type)) {
        return diags_add(b->d, src->end->at, src->end->path,
                         "the value's column %s has another type than the key's", k->name);
    }
    src->reads_key |= at < 0 || src->table;
    at = at < 0 ? schema_add(s, k->name, k->type, k->nullable, k->hidden) : at;
    s->col[at].nullable |= src->table != NULL;
    s->key[s->nkey++] = (uint16_t)at;
    return 0;
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
        if (!type || !plan_codec(name, true)) {
            return diags_add(b->d, key->item[0]->at, src->end->path,
                             "expected the type of the key column, string, long or bytes, found "
                             "\"%s\"",
                             name);
        }
        src->key.def = plan_codec(name, true);
        int at = schema_find(s, key->key[0]);
        if (at >= 0 && !type_equal(s->col[at].type, type)) {
            return diags_add(b->d, key->at, src->end->path,
                             "the value's column %s has another type than the key's", key->key[0]);
        }
        if (at < 0 || src->table) { /* a deletion has no value to read it from */
            at = at < 0 ? schema_add(s, key->key[0], type, true, false) : at;
            s->col[at].nullable = true;
            src->key_column = at;
            src->reads_key = true;
        }
        s->keyed = true;
        s->nkey = 1;
        s->key[0] = (uint16_t)at;
        return 0;
    }
    src->key.def = plan_end_codec(b, src->end, true);
    if (!src->key.def) {
        return -ERR_CONFIG;
    }
    if (schema_find(s, "_key") >= 0) {
        return refuse_reserved(b, src->end, "_key");
    }
    struct schema *k = schema_new(a, COLUMNS_MAX);
    src->key.is_key = true;
    plan_spec_from_registry(b, &src->key);
    int r = src->key.def->infer(&src->key, a, k, b->d);
    for (uint16_t c = 0; c < k->n && r == 0; c++) {
        r = add_key_column(b, src, s, &k->col[c]);
    }
    s->keyed = s->nkey > 0;
    return r;
}

static void add_meta(struct planner *b, struct plan_source *src, struct schema *s)
{
    struct arena *a = &b->p->mem;
    const struct {
        const char *name;
        const struct type *type;
        int meta;
    } all[] = {
        {"_topic", &type_string, META_TOPIC},
        {"_partition", &type_long, META_PARTITION},
        {"_offset", &type_long, META_OFFSET},
        {"_time", &type_timestamp, META_TIME},
        {"_headers", type_map(a, &type_string), META_HEADERS},
    };
    src->meta[META_KEY] = schema_find(s, "_key");
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (schema_find(s, all[i].name) >= 0) {
            refuse_reserved(b, src->end, all[i].name);
        }
        src->meta[all[i].meta] = schema_add(s, all[i].name, all[i].type, false, true);
    }
}

static void unknown_time(struct planner *b, const struct schema *s, const struct stream *st,
                         struct place at)
{
    const char **names = arena_array(&b->p->mem, s->n + 1U, sizeof *names);
    uint16_t n = 0;
    for (uint16_t c = 0; c < s->n; c++) {
        if (!s->col[c].hidden) {
            names[n++] = s->col[c].name;
        }
    }
    names[n] = NULL;
    const char *near = nearest_name(st->time.field, names);
    diags_add(b->d, at, arena_printf(&b->p->mem, "%s.time.field", st->path),
              "there is no column \"%s\"%s%s%s", st->time.field, near ? ": did you mean \"" : "",
              near ? near : "", near ? "\"?" : "");
}

static void find_time(struct planner *b, struct plan_source *src, const struct stream *st)
{
    src->time_column = -1;
    src->time = st->time;
    if (!st->time.field) {
        return;
    }
    int c = schema_find(src->schema, st->time.field);
    const struct yaml *all = src->table ? b->t->tables : b->t->streams;
    const struct yaml *time = yaml_get(yaml_get(all, st->name), "time");
    const struct yaml *field = yaml_get(time, "field");
    struct place at = field ? field->at : st->at;
    if (c < 0) {
        unknown_time(b, src->schema, st, at);
    } else if (src->schema->col[c].type->kind != TYPE_TIMESTAMP &&
               src->schema->col[c].type->kind != TYPE_LONG) {
        diags_add(b->d, at, arena_printf(&b->p->mem, "%s.time.field", st->path),
                  "event time must be a timestamp or a long of ms; \"%s\" is neither",
                  st->time.field);
    }
    src->time_column = c;
}

struct plan_source *plan_source_new(struct planner *b, const struct stream *st, uint16_t group,
                                    int *vertex)
{
    struct plan_source *src = arena_zalloc(&b->p->mem, sizeof *src);
    struct vertex *v = plan_vertex_new(b, VERTEX_SOURCE, st->name, group, vertex);
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

int plan_connector(struct planner *b, const struct end *end, const struct connector_def **def,
                   const void **cfg)
{
    for (int i = 0; registry_connectors[i]; i++) {
        if (strcmp(registry_connectors[i]->name, end->connector) == 0) {
            *def = registry_connectors[i];
        }
    }
    struct arena *a = &b->p->mem;
    void *to = arena_zalloc(a, (*def)->config_size + 1);
    *cfg = to;
    return config_parse((*def)->config, to, end->options,
                        arena_printf(a, "%s.%s", end->path, end->connector), a, b->d);
}

/* Parses a connector's options and gives its columns. */
static int plan_feeder(struct planner *b, struct plan_source *src, const struct end *end,
                       struct schema *s)
{
    struct arena *a = &b->p->mem;
    const char *path = arena_printf(a, "%s.%s", end->path, end->connector);
    int r = plan_connector(b, end, &src->feeder, &src->feeder_cfg);
    struct schema *cols = NULL;
    if (r == 0) {
        r = src->feeder->columns(src->feeder_cfg, end->at, path, a, &cols, b->d);
    }
    if (r == 0 && cols->n > COLUMNS_READ_MAX) {
        r = diags_add(b->d, end->at, path, "more than %d columns", COLUMNS_READ_MAX);
    }
    if (r == 0) {
        src->feeder_schema = cols;
        for (uint16_t c = 0; c < cols->n; c++) {
            schema_add(s, cols->col[c].name, cols->col[c].type, cols->col[c].nullable, false);
        }
    }
    return r;
}

/* A topic that two streams read, or two tables, is read by one task. A stream and a table would
 * see its rows in an order that depends on the size of batches. */
static void share_topic(struct planner *b, const struct plan_source *x, const struct plan_source *y,
                        const char *topic)
{
    if ((x->table && x->table->is_global) || (y->table && y->table->is_global)) {
        return;
    }
    const struct plan_source *table = x->table ? x : y, *other = x->table ? y : x;
    if (table->table && !other->table) {
        diags_add(b->d, table->end->at, table->end->path,
                  "topic %s is read by the stream \"%s\" too: let the table read that, `from: %s`, "
                  "or make it `global: true`",
                  topic, other->stream, other->stream);
        return;
    }
    plan_group_join(b, b->p->vertex[x->vertex]->subplan, b->p->vertex[y->vertex]->subplan);
}

static void share_topics(struct planner *b, const struct plan_source *src)
{
    for (uint16_t i = 0; i + 1 < b->p->nsources; i++) {
        const struct plan_source *other = b->p->source[i];
        for (int x = 0; x < src->ntopics; x++) {
            for (int y = 0; y < other->ntopics; y++) {
                if (strcmp(src->topic[x], other->topic[y]) == 0) {
                    share_topic(b, src, other, src->topic[x]);
                }
            }
        }
    }
}

int plan_topic_source(struct planner *b, const struct stream *st, struct ref *out)
{
    struct arena *a = &b->p->mem;
    const struct end *end = &st->from;
    int vertex, before = b->d->n;
    struct plan_source *src = plan_source_new(b, st, plan_group_new(b), &vertex);
    src->end = end;
    src->table = topology_table(b->t, st->name);
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
    const struct codec_def *def = plan_end_codec(b, end, false);
    if (!def) {
        plan_end_codec(b, end, true);
        return -ERR_CONFIG;
    }
    plan_spec(b, &src->value, def, topics[0], st->name, end);
    src->key = src->value;
    src->key.columns = NULL;
    src->key.schema_file = src->key.schema_json = NULL;
    src->key.is_key = true;
    src->key.subject = arena_printf(a, "%s-key", topics[0]);
    if (b->leaves_open && end->kind != END_CONNECTOR && !end->schema && !end->columns) {
        *out = plan_broken(b, s);
        return -ERR_CONFIG;
    }
    if (end->kind == END_CONNECTOR) {
        plan_feeder(b, src, end, s);
        src->key.def = plan_codec("none", true);
    } else {
        plan_spec_from_registry(b, &src->value);
        if (b->d->n == before) {
            def->infer(&src->value, a, s, b->d);
        }
        infer_key(b, src, s);
    }
    add_meta(b, src, s);
    src->schema = src->read_schema = s;
    if (b->d->n > before) {
        *out = plan_broken(b, s);
        return -ERR_CONFIG;
    }
    share_topics(b, src);
    find_time(b, src, st);
    b->p->vertex[vertex]->out[0] = s;
    *out = (struct ref){
        .vertex = vertex, .schema = s, .idle = st->time.idle, .key_format = src->key.def->name};
    return b->d->n > before ? -ERR_CONFIG : 0;
}
