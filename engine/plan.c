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
#include "engine/habits.h"
#include "engine/hash.h"
#include "engine/history.h"
#include "engine/memory.h"
#include "engine/plan_build.h"
#include "engine/registry.h"
#include "engine/reserved.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERTICES_MAX 4096

static struct plan_sink *sink_new(struct planner *b, const struct stream *st, const struct ref *in,
                                  const char *topic)
{
    struct plan_sink *k = arena_zalloc(&b->p->mem, sizeof *k);
    int vertex;
    struct vertex *v =
        plan_vertex_new(b, VERTEX_SINK, st->name, b->p->vertex[in->vertex]->subplan, &vertex);
    v->sink = k;
    k->stream = st->name;
    k->topic = topic;
    k->vertex = (uint16_t)vertex;
    k->schema = k->write_schema = in->schema;
    b->p->sink[b->p->nsinks++] = k;
    plan_connect(b, in, vertex, 0);
    return k;
}

const char *plan_repartition_topic(struct planner *b, const struct stream *st, int step)
{
    struct arena *a = &b->p->mem;
    return b->nrepartitions++ == 0
               ? arena_printf(a, "%s-%s-repartition", b->t->name, st->name)
               : arena_printf(a, "%s-%s-%d-repartition", b->t->name, st->name, step);
}

/* Cuts the stream here: `in` becomes the source behind an internal topic. */
int plan_repartition(struct planner *b, const struct stream *st, const char *topic, bool single,
                     struct ref *in)
{
    struct arena *a = &b->p->mem;
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
    plan_spec(b, &k->value, plan_codec("avro", false), topic, st->name, NULL);
    plan_spec(b, &k->key, plan_codec("string", true), topic, st->name, NULL);
    k->key.is_key = true;
    int vertex;
    struct plan_source *src = plan_source_new(b, st, plan_group_new(b), &vertex);
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
    src->time.idle = in->idle;
    *in = (struct ref){.vertex = vertex,
                       .schema = in->schema,
                       .is_single = k->single,
                       .rows = in->rows,
                       .revised = in->revised,
                       .reshaped = in->reshaped,
                       .idle = in->idle,
                       .key_format = "string"};
    return 0;
}

const struct step_def *plan_internal_step(const char *name)
{
    for (int i = 0; registry_steps[i]; i++) {
        if (registry_steps[i]->internal && strcmp(registry_steps[i]->name, name) == 0) {
            return registry_steps[i];
        }
    }
    return NULL;
}

static const struct step_def *step_find(struct planner *b, const char *name, struct place at,
                                        const char *path)
{
    const char *names[128];
    int n = 0;
    for (int i = 0; registry_steps[i] && n < 127; i++) {
        if (registry_steps[i]->internal) {
            continue;
        }
        names[n++] = registry_steps[i]->name;
        if (strcmp(registry_steps[i]->name, name) == 0) {
            return registry_steps[i];
        }
    }
    names[n] = NULL;
    const char *here = habit_of(HABIT_STEP, name);
    if (here) {
        diags_add(b->d, at, path, "there is no step \"%s\": write `%s`", name, here);
        return NULL;
    }
    const char *near = nearest_name(name, names);
    struct buffer all;
    buffer_init(&all);
    for (int i = 0; i < n; i++) {
        buffer_printf(&all, "%s%s", i ? ", " : "", names[i]);
    }
    diags_add(b->d, at, path, "there is no step \"%s\"%s%s%s%s%s", name,
              near ? ": did you mean \"" : "; there are ", near ? near : buffer_cstr(&all),
              near ? "\"? (steps: " : "", near ? buffer_cstr(&all) : "", near ? ")" : "");
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

/* The end of a stream that cannot be built: what is behind it is only looked at for problems. */
struct ref plan_broken(struct planner *b, const struct schema *known)
{
    struct schema *s = known ? arena_alloc(&b->p->mem, sizeof *s) : schema_new(&b->p->mem, 1);
    if (known) {
        *s = *known;
    }
    s->partial = true;
    return (struct ref){.vertex = -1, .schema = s, .key_format = ""};
}

int plan_place(struct planner *b, const struct stream *st, struct node *n, struct ref *at,
               struct ref *other)
{
    bool needs_key = n->def->stateful && !n->def->keyless && !n->keyless && !n->single_partition;
    if (needs_key && !at->schema->keyed && !at->schema->partial) {
        return node_error(
            n, n->at,
            "%s works per key, but the rows have none here: put `- key_by: COLUMN` before "
            "it (or `- key_by: []` for one group of all rows)",
            n->def->name);
    }
    if (at->vertex < 0 || (other && other->vertex < 0)) {
        *at = plan_broken(b, n->out[0]);
        at->is_split = n->output_name[0] != NULL;
        return 0;
    }
    bool wants_single = n->single_partition || (needs_key && at->schema->nkey == 0);
    int r = 0;
    if (n->table >= 0) {
        r = plan_meet_table(b, st, n, at, other);
    } else if (other) {
        r = plan_meet(b, st, n, at, other);
    } else if (!at->is_single && (wants_single || (needs_key && at->rekeyed))) {
        const char *topic = plan_repartition_topic(b, st, n->number);
        r = plan_repartition(b, st, topic, n->single_partition, at);
    }
    if (r < 0) {
        return r;
    }
    int vertex;
    struct vertex *v =
        plan_vertex_new(b, VERTEX_STEP, st->name, b->p->vertex[at->vertex]->subplan, &vertex);
    v->node = n;
    v->noutputs = n->noutputs;
    for (int o = 0; o < n->noutputs; o++) {
        v->out[o] = n->out[o];
    }
    plan_connect(b, at, vertex, 0);
    for (uint16_t o = 1; o < n->noutputs && n->output_name[0] == NULL; o++) {
        struct side *side = &b->side[b->nsides++];
        *side = (struct side){.name = n->output_name[o], .node = n, .ref = *at};
        side->ref.vertex = vertex;
        side->ref.output = o;
        side->ref.schema = n->out[o];
        if (!side->name) {
            side->every = n->metrics_every[o - 1];
            side->ref.rows = ROWS_EVENTS;
            side->ref.revised = side->ref.rekeyed = false;
            side->ref.reshaped = NULL;
        }
    }
    if (other && n->table < 0) {
        plan_connect(b, other, vertex, 1);
    }
    bool reshapes = n->def->reshapes && !yaml_get(n->yaml, "as");
    *at = (struct ref){.vertex = vertex,
                       .schema = n->out[0],
                       .reshaped = reshapes ? n->path : at->reshaped,
                       .rekeyed = at->rekeyed || n->rekeys,
                       .is_single = at->is_single,
                       .rows = n->rekeys ? ROWS_EVENTS : n->out_rows,
                       .revised = n->out_revised,
                       .idle = at->idle,
                       .key_format = at->key_format,
                       .is_split = n->output_name[0] != NULL};
    return 0;
}

/* The time of a row can always be read, also of those that a step makes itself. */
static void add_time(struct node *n)
{
    for (int o = 0; o < n->noutputs; o++) {
        const struct schema *s = n->out[o];
        if (s->n == COLUMNS_MAX || schema_find(s, "_time") >= 0) {
            continue;
        }
        struct schema *more = schema_copy(n->mem, s, 1);
        schema_add(more, "_time", &type_timestamp, false, true);
        n->out[o] = more;
        n->adds_time[o] = true;
    }
}

static bool has_number(const int64_t *list, uint16_t n, int64_t number)
{
    for (uint16_t i = 0; i < n; i++) {
        if (list[i] == number) {
            return true;
        }
    }
    return false;
}

/* How often streams read what the steps of this one measure, in rows, each number once. */
static uint16_t metrics_every(struct planner *b, const char *stream, const int64_t **every)
{
    int64_t *list = arena_array(&b->p->mem, STEP_OUTPUTS_MAX, sizeof *list);
    uint16_t n = 0;
    for (int i = 0; i < b->t->nstreams; i++) {
        const struct end *from = &b->t->stream[i].from;
        bool reads =
            from->kind == END_METRICS && strcmp(from->names.item[0].value.text, stream) == 0;
        if (reads && n < METRICS_EVERY_MAX && !has_number(list, n, from->every)) {
            list[n++] = from->every;
        }
    }
    *every = list;
    return n;
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
    n->in_rows[0] = at->rows;
    n->in_revised = n->out_revised = at->revised;
    n->table = -1;
    n->nmetrics = metrics_every(b, st->name, &n->metrics_every);
    n->reshaped = at->reshaped;
    n->mem = a;
    n->diags = b->d;
    n->def = step_find(b, y->key[0], n->at, n->path);
    int r = -ERR_CONFIG;
    struct ref other;
    if (n->def && parse_step(b, n, n->yaml) == 0 &&
        (!n->def->second || plan_second(b, n, at, &other) == 0) && plan_history(b, st, n) == 0) {
        r = n->def->bind(n);
        diags_drop_echoes(b->d);
        r = r < 0 ? r : plan_history_fits(b, n);
    }
    r = r == 0 ? reserved_check(n) : r;
    if (r == 0) {
        add_time(n);
    }
    if (r == 0) {
        r = plan_place(b, st, n, at, n->ninputs > 1 || n->table >= 0 ? &other : NULL);
    }
    if (r < 0) {
        *at = plan_broken(b, at->schema);
        at->is_split = n->output_name[0] != NULL;
    }
    n->diags = NULL;
    n->mem = NULL;
    return r;
}

/* What a writer would refuse at run time is refused here. */
static int check_writers(struct planner *b, const struct plan_sink *k, const struct schema *schema)
{
    const struct codec_spec *spec[] = {&k->value, &k->key};
    for (int i = 0; i < 2; i++) {
        struct err e = {0};
        bool has_schema = !spec[i]->schema_file || spec[i]->schema_json;
        if (spec[i]->def->check && has_schema && spec[i]->def->check(spec[i], schema, &e) < 0) {
            return diags_add(b->d, k->end->at, k->end->path, "%s", e.text);
        }
    }
    return 0;
}

static bool is_windowed(const struct end *end)
{
    return end->key && end->key->text && strcmp(end->key->text, "windowed") == 0;
}

/* `key: windowed`: the sink's record key is the key columns and the bounds of the window. */
static int add_bounds_to_key(struct planner *b, struct plan_sink *k)
{
    static const char *const bound[] = {"window_start", "window_end"};
    const struct schema *in = k->schema;
    struct schema *s = schema_copy(&b->p->mem, in, 2);
    for (int i = 0; i < 2; i++) {
        int c = schema_find(in, bound[i]);
        bool is_there = c >= 0 && in->col[c].type->kind == TYPE_TIMESTAMP;
        if (!is_there || !in->keyed) {
            return diags_add(b->d, k->end->key->at,
                             arena_printf(&b->p->mem, "%s.key", k->end->path),
                             "`windowed` is for the results of a window, which have a key, "
                             "window_start and window_end: there is no %s here",
                             in->keyed ? bound[i] : "key");
        }
        is_there = false;
        for (uint16_t n = 0; n < in->nkey; n++) {
            is_there |= in->key[n] == c;
        }
        if (!is_there) {
            s->key[s->nkey++] = (uint16_t)c;
        }
    }
    k->schema = k->write_schema = s;
    return 0;
}

static int plan_to(struct planner *b, const struct stream *st, const struct end *end,
                   const struct ref *at)
{
    struct arena *a = &b->p->mem;
    const char *topic = end->kind == END_CONNECTOR
                            ? arena_printf(a, "%s-%s-%s", b->t->name, st->name, end->connector)
                            : end->names.item[0].value.text;
    const struct codec_def *value = plan_end_codec(b, end, false);
    const struct codec_def *key_def =
        is_windowed(end) ? plan_codec("string", true) : plan_end_codec(b, end, true);
    if (!value || !key_def) {
        return -ERR_CONFIG;
    }
    struct plan_sink unbuilt = {0};
    struct plan_sink *k = at->vertex < 0 ? &unbuilt : sink_new(b, st, at, topic);
    k->end = end;
    if (is_windowed(end) && k->schema && !k->schema->partial && add_bounds_to_key(b, k) < 0) {
        return -ERR_CONFIG;
    }
    plan_spec(b, &k->value, value, topic, st->name, end);
    plan_spec(b, &k->key, key_def, topic, st->name, NULL);
    k->key.is_key = true;
    k->key.subject = arena_printf(a, "%s-key", topic);
    k->key.record_name = arena_printf(a, "%sKey", k->value.record_name);
    k->key.at = end->at;
    k->key.path = end->path;
    if (end->kind != END_CONNECTOR) {
        return at->vertex < 0 ? 0 : check_writers(b, k, k->schema);
    }
    return plan_connector(b, end, &k->drain, &k->drain_cfg);
}

int plan_stream(struct planner *b, int i, struct place from)
{
    const struct stream *st = &b->t->stream[i];
    if (b->mark[i] == MARK_DONE) {
        return b->end[i].vertex < 0 ? -ERR_CONFIG : 0;
    }
    if (b->mark[i] == MARK_OPEN) {
        return diags_add(b->d, from, st->path, "stream \"%s\" reads itself: streams form a cycle",
                         st->name);
    }
    int outer = b->nrepartitions; /* of the stream that reads this one */
    b->mark[i] = MARK_OPEN;
    b->end[i] = plan_broken(b, NULL);
    struct ref at = plan_broken(b, NULL);
    plan_from(b, st, &at);
    b->nrepartitions = 0;
    for (int k = 0; k < st->nsteps; k++) {
        plan_step(b, st, k, &at);
    }
    for (int k = 0; k < st->nto; k++) {
        if (at.is_split) {
            diags_add(b->d, st->to[k].at, st->to[k].path,
                      "a stream that ends in a split has no output of its own: read its branches "
                      "with `from: %s.BRANCH`",
                      st->name);
        } else if (st->to[k].kind != END_BROKEN) {
            plan_to(b, st, &st->to[k], &at);
        }
    }
    b->nrepartitions = outer;
    b->mark[i] = MARK_DONE;
    b->end[i] = at;
    return at.vertex < 0 ? -ERR_CONFIG : 0;
}

/* Late rows go to a stream that takes nothing else. */
static void check_sides(struct planner *b)
{
    for (int i = 0; i < b->nsides; i++) {
        if (!b->side[i].name) {
            continue;
        }
        struct node *n = b->side[i].node;
        const struct stream *st = topology_stream(b->t, b->side[i].name);
        if (st == NULL) {
            diags_add(b->d, n->at, n->path,
                      "late: there is no stream \"%s\": add one without `from`, with `steps` or "
                      "`to`",
                      b->side[i].name);
        } else if (st->from.kind != END_NONE) {
            diags_add(b->d, n->at, n->path,
                      "late: stream \"%s\" has a `from`: late rows go to a stream of their own, "
                      "without `from` (others may read it)",
                      st->name);
        }
    }
}

static void build(struct planner *b)
{
    for (int i = 0; i < b->t->nstreams; i++) {
        plan_stream(b, i, b->t->stream[i].at);
    }
    for (int i = 0; i < b->t->ntables; i++) {
        struct ref end;
        plan_table(b, &b->t->table[i], b->t->table[i].source.at, &end);
    }
    check_sides(b);
    plan_check_tables(b);
    if (b->d->n == 0 && b->p->nsinks == 0) {
        diags_add(b->d, b->t->streams->at, "streams", "no stream writes anywhere: give one a `to`");
    }
    if (b->d->n == 0) {
        plan_collect(b);
        plan_check_meetings(b);
        plan_find_needs(b->p);
        plan_find_races(b->p);
        plan_finish_histories(b);
    }
    plan_check_topics(b);
}

int plan_begin(struct planner *b)
{
    const struct topology *t = b->t;
    struct plan *p = mem_zalloc(sizeof *p);
    arena_init(&p->mem);
    p->topology = t;
    b->p = p;
    size_t steps = 2; /* one for what ends a history */
    size_t sides = 1; /* of a step, at most */
    for (int i = 0; i < t->nstreams; i++) {
        steps += 2U + 5U * (size_t)t->stream[i].nsteps + (size_t)t->stream[i].nto;
        sides += t->stream[i].from.kind == END_METRICS && sides < METRICS_EVERY_MAX;
    }
    steps += 5U * (size_t)t->ntables;
    if (steps > VERTICES_MAX) {
        plan_free(p);
        return diags_add(b->d, t->streams->at, "streams", "more than %d steps", VERTICES_MAX);
    }
    p->vertex = arena_array(&p->mem, steps, sizeof *p->vertex);
    p->source = arena_array(&p->mem, steps, sizeof *p->source);
    p->sink = arena_array(&p->mem, steps, sizeof *p->sink);
    p->history = arena_array(&p->mem, steps, sizeof *p->history);
    b->group = arena_array(&p->mem, steps, sizeof *b->group);
    b->mark = arena_zalloc(&p->mem, (size_t)t->nstreams * sizeof *b->mark + 1);
    b->side = arena_zalloc(&p->mem, steps * sides * sizeof *b->side);
    b->end = arena_zalloc(&p->mem, (size_t)t->nstreams * sizeof *b->end + 1);
    b->table = arena_zalloc(&p->mem, (size_t)t->ntables * sizeof *b->table + 1);
    return 0;
}

static int plan_all(struct plan **out, struct planner *b)
{
    int r = plan_begin(b);
    if (r < 0) {
        return r;
    }
    build(b);
    if (b->d->n > 0) { /* with problems from before it is not complete */
        plan_free(b->p);
        return -ERR_CONFIG;
    }
    *out = b->p;
    return 0;
}

int plan_new(struct plan **out, const struct topology *t, struct schema_store *schemas,
             struct diags *d)
{
    struct planner b = {.t = t, .schemas = schemas, .d = d};
    return plan_all(out, &b);
}

void plan_check(const struct topology *t, struct diags *d)
{
    struct plan *p = NULL;
    struct planner b = {.t = t, .d = d, .leaves_open = true};
    if (plan_all(&p, &b) == 0) {
        plan_free(p);
    }
}

int plan_load(struct topology **t, struct plan **out, struct arena *a, const char *file,
              const struct setting *set, int nset, struct diags *d)
{
    int r = topology_load(t, a, file, set, nset, d);
    if (r < 0 && *t) {
        struct plan *rest = NULL;
        plan_new(&rest, *t, NULL, d);
        plan_free(rest);
    }
    return r < 0 ? r : plan_new(out, *t, NULL, d);
}

void plan_free(struct plan *p)
{
    if (p) {
        for (uint16_t i = 0; i < p->nhistories; i++) {
            plan_free(p->history[i]->plan);
        }
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
