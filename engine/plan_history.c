/* Planning: rows that a step reads before its first one (`train_from: {topic: …}` or `{stream:
 * …}`).
 *
 *   topic    read as a stream of that `from` without steps would
 *   stream   with those that it reads, all of it planned once more, in a plan of its own which writes
 *            nothing: its rows end in the step `history`
 *   state    none of the steps may keep any, or wait for anything: rows of the past could not be told
 *            from those of now
 *   columns  those of the step's input, by name and type; one that the step needs must be there
 *   errors   those of the streams that are read; of a topic those of the step's own stream
 */
#include "engine/history.h"
#include "engine/memory.h"
#include "engine/plan_build.h"
#include "engine/registry.h"

#include <stdio.h>
#include <string.h>

/* Streams on the way from the topics to the one that is named. */
struct chain {
    struct planner *b;
    const struct history *h;
    struct stream *stream;
    int n;
};

__attribute__((format(printf, 3, 4))) static int problem(struct planner *b, const struct history *h,
                                                         const char *fmt, ...)
{
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return diags_add(b->d, h->at, h->path, "%s", text);
}

/* A step that is known, and that rows of the past may not go through. */
static bool is_in_the_way(const char *name)
{
    for (int i = 0; registry_steps[i]; i++) {
        const struct step_def *d = registry_steps[i];
        if (!d->internal && strcmp(d->name, name) == 0) {
            return d->stateful || d->second || d->tick || d->hold || d->deliver;
        }
    }
    return false;
}

static int check_steps(const struct chain *c, const struct stream *st)
{
    for (int i = 0; i < st->nsteps; i++) {
        const struct yaml *y = st->step[i];
        if (y->kind == YAML_MAP && y->n == 1 && is_in_the_way(y->key[0])) {
            return problem(
                c->b, c->h,
                "the step `%s` (%s.steps[%d]) is in the way: it keeps state or waits for "
                "other rows, and a history passes only steps such as filter and select. "
                "Name a stream before it, or a topic that holds its rows, {topic: …}",
                y->key[0], st->path, i + 1);
        }
    }
    return 0;
}

static int stream_number(const struct topology *t, const char *name, size_t n)
{
    for (int i = 0; i < t->nstreams; i++) {
        if (strlen(t->stream[i].name) == n && memcmp(t->stream[i].name, name, n) == 0) {
            return i;
        }
    }
    return -1;
}

static int unknown_stream(const struct chain *c, const char *name)
{
    const struct topology *t = c->b->t;
    const char **names = arena_zalloc(&c->b->p->mem, ((size_t)t->nstreams + 1) * sizeof *names);
    for (int i = 0; i < t->nstreams; i++) {
        names[i] = t->stream[i].name;
    }
    if (topology_table(t, name)) {
        return problem(c->b, c->h, "\"%s\" is a table: name its topic, {topic: …}", name);
    }
    const char *near = nearest_name(name, names);
    return problem(c->b, c->h,
                   near ? "there is no stream \"%s\": did you mean \"%s\"?"
                        : "there is no stream \"%s\"; of a topic write {topic: %s}",
                   name, near ? near : name);
}

/* The stream (or branch of one) and all that it reads. */
static int take_stream(struct chain *c, const char *name)
{
    const char *dot = strchr(name, '.');
    size_t n = dot ? (size_t)(dot - name) : strlen(name);
    int number = stream_number(c->b->t, name, n), status = 0;
    if (number < 0) {
        return unknown_stream(c, name);
    }
    const struct stream *st = &c->b->t->stream[number];
    for (int i = 0; i < c->n; i++) {
        if (c->stream[i].name == st->name) {
            return 0;
        }
    }
    c->stream[c->n] = *st;
    c->stream[c->n++].nto = 0;
    if (check_steps(c, st) < 0) {
        return -ERR_CONFIG;
    }
    if (st->from.kind == END_NONE || st->from.kind == END_METRICS) {
        return problem(c->b, c->h,
                       "stream \"%s\" has %s, which are in no topic: name a stream that reads one",
                       st->name, st->from.kind == END_NONE ? "late rows of a window" : "metrics");
    }
    for (int i = 0; i < st->from.names.n && st->from.kind == END_STREAMS && status == 0; i++) {
        status = take_stream(c, st->from.names.item[i].value.text);
    }
    return status;
}

/* A stream in place of {topic: …}. */
static int take_topic(struct chain *c, const struct stream *st, const struct yaml *y)
{
    struct stream *s = &c->stream[c->n++];
    *s = (struct stream){.name = st->name, .at = y->at, .path = c->h->path, .time = st->time};
    s->time.field = NULL;
    s->errors = st->errors;
    return topology_parse_from(&s->from, y, c->h->path, &c->b->p->mem, c->b->d);
}

static int take_what(struct chain *c, const struct stream *st, const struct yaml *y,
                     const char **name)
{
    const struct yaml *stream = yaml_get(y, "stream");
    if (!stream) {
        *name = st->name;
        return take_topic(c, st, y);
    }
    *name = stream->text;
    if (stream->kind != YAML_STRING || y->n != 1) {
        return problem(c->b, c->h,
                       "expected {stream: NAME}, the name of a stream, and nothing else");
    }
    int status = take_stream(c, stream->text);
    const char *dot = strchr(stream->text, '.');
    size_t n = dot ? (size_t)(dot - stream->text) : strlen(stream->text);
    /* What is wrong with it is said once, of itself. */
    return status < 0 ? status : plan_stream(c->b, stream_number(c->b->t, stream->text, n), y->at);
}

/* ---- its plan ---- */

static void match_columns(struct history *h, const struct schema *in, struct arena *a)
{
    h->column = arena_array(a, in->n + 1U, sizeof *h->column);
    h->needs = arena_zalloc(a, h->schema->n + 1U);
    for (uint16_t c = 0; c < in->n; c++) {
        int at = schema_find(h->schema, in->col[c].name);
        bool fits = at >= 0 && type_equal(h->schema->col[at].type, in->col[c].type);
        h->column[c] = (int16_t)(fits ? at : -1);
    }
}

/* The step behind all others. */
static int end_plan(struct planner *own, struct history *h, const char *name, struct place at)
{
    struct arena *a = &own->p->mem;
    const struct config_text text = {.text = name, .at = at, .path = h->path};
    struct ref ref;
    if (plan_find_ref(own, &text, &ref) < 0) {
        return -ERR_CONFIG;
    }
    struct node *n = arena_zalloc(a, sizeof *n);
    n->def = plan_internal_step("history");
    n->at = at;
    n->path = h->path;
    n->stream = own->p->vertex[ref.vertex]->stream;
    n->ninputs = 1;
    n->in[0] = h->schema = ref.schema;
    n->table = -1;
    n->bound = h;
    n->def->bind(n);
    return plan_place(own, topology_stream(own->t, n->stream), n, &ref, NULL);
}

static int plan_chain(const struct chain *c, struct history *h, const char *name, struct place at)
{
    struct arena *a = &c->b->p->mem;
    struct topology *t = arena_alloc(a, sizeof *t);
    *t = *c->b->t;
    t->stream = c->stream;
    t->nstreams = c->n;
    t->ntables = 0;
    struct planner own = {
        .t = t, .schemas = c->b->schemas, .d = c->b->d, .leaves_open = c->b->leaves_open};
    int status = plan_begin(&own);
    if (status == 0) {
        h->plan = own.p;
        status = end_plan(&own, h, name, at);
    }
    if (status == 0) {
        plan_collect(&own);
    }
    return status;
}

int plan_history(struct planner *b, const struct stream *st, struct node *n)
{
    struct arena *a = &b->p->mem;
    const struct yaml *y = n->def->history ? yaml_get(n->yaml, n->def->history) : NULL;
    if (!y || y->kind != YAML_MAP || (!yaml_get(y, "topic") && !yaml_get(y, "stream"))) {
        return 0;
    }
    struct history *h = arena_zalloc(a, sizeof *h);
    h->reader = n;
    h->at = y->at;
    h->path = arena_printf(a, "%s.%s", n->path, n->def->history);
    struct chain c = {.b = b, .h = h};
    c.stream = arena_zalloc(a, ((size_t)b->t->nstreams + 1) * sizeof *c.stream);
    const char *name;
    if (take_what(&c, st, y, &name) < 0) {
        return -ERR_CONFIG;
    }
    int status = plan_chain(&c, h, name, y->at);
    if (status == 0) {
        const char *what = yaml_get(y, "stream") ? "stream" : "topic";
        const char *topic =
            c.stream[0].from.names.n ? c.stream[0].from.names.item[0].value.text : "";
        h->name = arena_printf(a, "%s %s", what, *what == 's' ? name : topic);
        match_columns(h, n->in[0], a);
        n->history = h;
        b->p->history[b->p->nhistories++] = h;
    } else {
        plan_free(h->plan);
    }
    return status;
}

/* A column that the step needs, and the history has not, or has of another type. */
static int misfit(struct planner *b, const struct history *h, const struct column *col)
{
    struct buffer type;
    int status;
    buffer_init(&type);
    type_print(&type, col->type);
    if (schema_find(h->schema, col->name) < 0) {
        status = problem(b, h, "%s has no column %s (%s), which the step needs", h->name, col->name,
                         buffer_cstr(&type));
    } else {
        status = problem(b, h,
                         "the column %s of %s is no %s, as it is in the stream: cast it, or give "
                         "it that type in `columns`",
                         col->name, h->name, buffer_cstr(&type));
    }
    buffer_done(&type);
    return status;
}

int plan_history_fits(struct planner *b, const struct node *n)
{
    const struct history *h = n->history;
    if (!h || n->in[0]->partial) {
        return 0;
    }
    int status = 0;
    bool *in = arena_zalloc(&b->p->mem, n->in[0]->n + 1U);
    bool *out = arena_zalloc(&b->p->mem, n->out[0]->n + 1U);
    n->def->needs(n, out, in);
    for (uint16_t c = 0; c < n->in[0]->n; c++) {
        if (in[c] && h->column[c] >= 0) {
            h->needs[h->column[c]] = true;
        } else if (in[c]) {
            status = misfit(b, h, &n->in[0]->col[c]);
        }
    }
    return status;
}

void plan_finish_histories(struct planner *b)
{
    for (uint16_t i = 0; i < b->p->nhistories; i++) {
        plan_find_needs(b->p->history[i]->plan);
        plan_find_races(b->p->history[i]->plan);
    }
}
