/* Topology files: the keys of the top level, of streams and tables, and of `from` and `to`.
 *
 * `from` and `to` have several shapes (a name, a list, a map with exactly one kind key), so they
 * are taken apart here by hand; the options beside a topic come from descriptor tables as
 * everything else.
 *
 *   from: NAME | [NAME, …] | {topic: T or [T, …], options…} | {CONNECTOR: {…}}
 *   to:   TOPIC | {topic: T, options…} | {CONNECTOR: {…}} | a list of these
 */
#include "engine/topology.h"
#include "engine/connector.h"
#include "engine/memory.h"
#include "engine/registry.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."

static const char *const guarantees[] = {"exactly_once", "at_least_once", NULL};
static const char *const tolerances[] = {"none", "all", NULL};
static const char *const advances[] = {"event_time", "wall_clock", NULL};
static const char *const backends[] = {"memory", "rocksdb", NULL};

static const struct config_field errors_fields[] = {
    {"tolerance", CONFIG_ENUM, offsetof(struct errors_cfg, tolerance), .def = "none",
     .values = tolerances,
     .doc = "`none`: a bad record stops the task; `all`: it goes to `dead_letter_topic`"},
    {"dead_letter_topic", CONFIG_TEXT, offsetof(struct errors_cfg, dead_letter_topic),
     .doc = "where bad records go, unchanged, with cause and position in headers"},
    {0},
};
static const struct config_field state_fields[] = {
    {"backend", CONFIG_ENUM, offsetof(struct state_cfg, backend), .def = "memory",
     .values = backends,
     .doc = "where state is kept beside its changelog: in memory, with a copy in files, or in "
            "RocksDB"},
    {"dir", CONFIG_TEXT, offsetof(struct state_cfg, dir), .def = ".klamm",
     .doc = "folder for the process's slot and local state"},
    {"standby", CONFIG_TEXT, offsetof(struct state_cfg, standby), .def = "0",
     .doc = "copies of each task's state that other processes keep up to date: `all`, or how many"},
    {0},
};
static const struct config_field memory_fields[] = {
    {"limit", CONFIG_SIZE, offsetof(struct memory_cfg, limit), .min = 33554432,
     .doc = "memory that queues and state may take, half of it each: `256MB`"},
    {0},
};
static const struct config_field time_fields[] = {
    {"field", CONFIG_TEXT, offsetof(struct time_cfg, field),
     .doc = "column with the event time (timestamp, or long of ms); else the record's timestamp"},
    {"out_of_order", CONFIG_DURATION, offsetof(struct time_cfg, out_of_order), .def = "0s",
     .doc = "how much later than the newest a row may come without being late"},
    {"idle", CONFIG_DURATION, offsetof(struct time_cfg, idle), .def = "30s", .min = 1,
     .doc = "a partition silent for so long follows the others"},
    {"advance", CONFIG_ENUM, offsetof(struct time_cfg, advance), .def = "event_time",
     .values = advances, .doc = "what moves time when all partitions are silent"},
    {"max_ahead", CONFIG_DURATION, offsetof(struct time_cfg, max_ahead), .def = "1d", .min = 1,
     .doc = "a record further ahead of the wall clock is a bad record"},
    {0},
};
struct stream_cfg {
    const struct yaml *from, *steps, *to;
    struct time_cfg time;
    struct errors_cfg errors;
};
#define STREAM(member) offsetof(struct stream_cfg, member)
const struct config_field stream_fields[] = {
    {"from", CONFIG_YAML, STREAM(from),
     .doc = "a stream, a table (its changes), a list of streams, `{topic: …}`, or a connector such "
            "as `{generator: …}`"},
    {"time", CONFIG_SECTION, STREAM(time), .section = time_fields, .doc = "event time"},
    {"steps", CONFIG_YAML, STREAM(steps), .doc = "list of steps, each a map with one key"},
    {"to", CONFIG_YAML, STREAM(to),
     .doc = "a topic name, `{topic: …}`, a connector, or a list of these"},
    {"errors", CONFIG_SECTION, STREAM(errors), .section = errors_fields,
     .doc = "as at the top, for this stream"},
    {0},
};
struct table_cfg {
    const struct yaml *from;
    const char *key;
    bool global;
    int64_t merge_wait, history;
    struct time_cfg time;
    struct errors_cfg errors;
};
#define TABLE(member) offsetof(struct table_cfg, member)
const struct config_field table_fields[] = {
    {"from", CONFIG_YAML, TABLE(from), .required = true,
     .doc = "`{topic: …}`, or a stream whose rows are the table's changes"},
    {"key", CONFIG_TEXT, TABLE(key),
     .doc = "column by which rows are found; else the key of the records"},
    {"global", CONFIG_BOOLEAN, TABLE(global), .def = "false",
     .doc = "every lane has all of the table, so that any column may look it up"},
    {"merge_wait", CONFIG_DURATION, TABLE(merge_wait), .def = "0s",
     .doc = "how long rows of a stream and of the table wait for older ones of each other"},
    {"history", CONFIG_DURATION, TABLE(history), .def = "1d", .min = 1,
     .doc = "how far behind the table's watermark `versioned` lookups still find versions"},
    {"time", CONFIG_SECTION, TABLE(time), .section = time_fields, .doc = "event time"},
    {"errors", CONFIG_SECTION, TABLE(errors), .section = errors_fields,
     .doc = "as at the top, for this table"},
    {0},
};
#define END(member) offsetof(struct end, member)
const struct config_field topic_from_fields[] = {
    {"topic", CONFIG_NAMES, END(names), .required = true, .doc = "a topic or a list of topics"},
    {"schema", CONFIG_TEXT, END(schema),
     .doc = "reader's Avro schema file; else the registry's latest"},
    {"columns", CONFIG_YAML, END(columns), .doc = "types for json and csv: `{host: string}`"},
    {"key", CONFIG_YAML, END(key),
     .doc = "`string` (default), `long`, `bytes`, `avro`, `json`, `none`, or `{column: type}`"},
    {"value", CONFIG_TEXT, END(value), .def = "avro",
     .doc = "`avro`, `avro_raw`, `json`, `csv`, `string`, `bytes`"},
    {0},
};
const struct config_field topic_to_fields[] = {
    {"topic", CONFIG_NAMES, END(names), .required = true, .doc = "the topic"},
    {"schema", CONFIG_TEXT, END(schema),
     .doc = "Avro schema file to write with, instead of the generated one"},
    {"key", CONFIG_YAML, END(key),
     .doc = "`string` (default), `long`, `bytes`, `avro`, `json`, `none`; `windowed`: the key, "
            "`window_start` and `window_end` as a string"},
    {"value", CONFIG_TEXT, END(value), .def = "avro", .doc = "as in `from`"},
    {"subject", CONFIG_TEXT, END(subject), .doc = "registry subject, `<topic>-value` by default"},
    {"partitions", CONFIG_LONG, END(partitions), .min = 1, .max = 100000,
     .doc = "when the topic is created; else those of the input"},
    {"replication", CONFIG_LONG, END(replication), .min = 1, .max = 1000,
     .doc = "when the topic is created; else the broker's default"},
    {"config", CONFIG_MAP, END(config), .doc = "topic settings when it is created"},
    {0},
};
#define TOP(member) offsetof(struct topology, member)
const struct config_field topology_fields[] = {
    {"name", CONFIG_TEXT, TOP(name), .required = true,
     .doc = "names the consumer group `klamm-<name>` and the internal topics"},
    {"kafka", CONFIG_MAP, TOP(kafka), .doc = "any librdkafka property"},
    {"schema_registry", CONFIG_YAML, TOP(schema_registry),
     .doc =
         "`{url, user_info, token, ca, …}`; without it schemas live in the topic `_klamm_schemas`"},
    {"guarantee", CONFIG_ENUM, TOP(guarantee), .def = "exactly_once", .values = guarantees,
     .doc = "what a crash may do to the output"},
    {"state", CONFIG_SECTION, TOP(state), .section = state_fields, .doc = "where state is kept"},
    {"errors", CONFIG_SECTION, TOP(errors), .section = errors_fields, .doc = "bad records"},
    {"memory", CONFIG_SECTION, TOP(memory), .section = memory_fields, .doc = "memory"},
    {"lanes", CONFIG_LONG, TOP(lanes), .def = "1", .min = 1, .max = 256,
     .doc = "threads, each with a consumer and a producer"},
    {"seed", CONFIG_LONG, TOP(seed), .def = "1", .doc = "of everything random"},
    {"commit_interval", CONFIG_DURATION, TOP(commit_interval), .def = "100ms", .min = 20,
     .max = 10000, .doc = "how often results become visible"},
    {"tables", CONFIG_YAML, TOP(tables),
     .doc = "the tables by name, for `lookup`, and to read their changes"},
    {"streams", CONFIG_YAML, TOP(streams), .required = true, .doc = "the streams by name"},
    {0},
};

/* librdkafka properties that klamm sets itself, and why. */
static const struct {
    const char *name, *why;
} owned[] = {
    {"enable.auto.commit", "offsets commit together with the results"},
    {"enable.auto.offset.store", "offsets commit together with the results"},
    {"isolation.level", "exactly_once reads committed records only"},
    {"transactional.id", "it identifies the lane; the slot under state.dir makes it"},
    {"partition.assignment.strategy", "the plan decides it: joins need equal partitions together"},
    {"partitioner", "keyed output is partitioned as the Java clients do (murmur2)"},
};

static int parse_connector(struct end *e, const struct yaml *y, bool is_source, struct diags *d)
{
    const char *names[64];
    int n = 0, found = -1;
    names[n++] = "topic";
    if (is_source) {
        names[n++] = "metrics";
    }
    for (int i = 0; registry_connectors[i] && n < 63; i++) {
        const struct connector_def *c = registry_connectors[i];
        if (is_source ? c->columns != NULL : c->sink_open != NULL) {
            names[n++] = c->name;
        }
    }
    names[n] = NULL;
    for (int k = 0; k < y->n; k++) {
        for (int i = 1; i < n; i++) {
            if (strcmp(y->key[k], names[i]) == 0) {
                found = k;
                e->connector = names[i];
            }
        }
    }
    if (found < 0) {
        const char *near = y->n ? nearest_name(y->key[0], names) : NULL;
        struct buffer all;
        buffer_init(&all);
        for (int i = 0; i < n; i++) {
            buffer_printf(&all, "%s%s", i ? ", " : "", names[i]);
        }
        if (near) {
            diags_add(d, y->key_at[0], e->path, "unknown kind \"%s\": did you mean \"%s\"?",
                      y->key[0], near);
        } else {
            diags_add(d, y->n ? y->key_at[0] : y->at, e->path,
                      "expected exactly one kind key (%s), found %s", buffer_cstr(&all),
                      y->n ? y->key[0] : "none");
        }
        buffer_done(&all);
        return -ERR_CONFIG;
    }
    e->kind = END_CONNECTOR;
    e->options = y->item[found];
    for (int k = 0; k < y->n; k++) {
        if (k != found) {
            return diags_add(
                d, y->key_at[k], e->path,
                "options of \"%s\" stand inside it, and only one kind is allowed here: "
                "move \"%s\" into %s: {…}",
                e->connector, y->key[k], e->connector);
        }
    }
    return 0;
}

static int parse_names(struct end *e, const struct yaml *y, const char *path, struct arena *a,
                       struct diags *d)
{
    static const struct config_field field = {"from", CONFIG_NAMES, 0, .required = true};
    return config_parse_value(&field, &e->names, y, path, a, d);
}

struct metrics_cfg {
    struct config_text stream;
    int64_t every;
};

static const struct config_field metrics_fields[] = {
    {"stream", CONFIG_EXPRESSION, offsetof(struct metrics_cfg, stream), .required = true,
     .doc = "whose steps are measured"},
    {"every", CONFIG_LONG, offsetof(struct metrics_cfg, every), .def = "100", .min = 1, .max = 1e9,
     .doc = "rows measured between two sets of rows"},
    {0},
};

/* {metrics: STREAM} or {metrics: {stream: STREAM, every: ROWS}} */
static int parse_metrics(struct end *e, const struct yaml *y, struct arena *a, struct diags *d)
{
    struct metrics_cfg cfg = {.every = 100};
    const struct yaml *value = yaml_get(y, "metrics");
    const char *path = arena_printf(a, "%s.metrics", e->path);
    if (y->n != 1) {
        return diags_add(d, y->at, e->path,
                         "options of `metrics` stand inside it: `{metrics: "
                         "{stream: NAME, every: 100}}`");
    }
    int r = value->kind == YAML_MAP
                ? config_parse(metrics_fields, &cfg, value, path, a, d)
                : config_parse_value(&metrics_fields[0], &cfg.stream, value, path, a, d);
    if (r < 0) {
        return r;
    }
    e->kind = END_METRICS;
    e->every = cfg.every;
    e->names.n = 1;
    e->names.item = arena_zalloc(a, sizeof *e->names.item);
    e->names.item[0].value = cfg.stream;
    return 0;
}

static bool name_is_legal(const char *s)
{
    size_t n = strlen(s);
    return n > 0 && n < 150 && strspn(s, NAME_LETTERS) == n;
}

static struct place place_of(const struct yaml *map, const char *key)
{
    const struct yaml *y = yaml_get(map, key);
    return y ? y->at : map->at;
}

/* Kafka's rule for topics, so that what it would refuse is told with its place. */
static void check_topic(const char *topic, struct place at, const char *path, struct diags *d)
{
    size_t n = strlen(topic);
    if (n == 0 || n > 249 || strspn(topic, NAME_LETTERS) != n || strcmp(topic, ".") == 0 ||
        strcmp(topic, "..") == 0) {
        diags_add(d, at, path,
                  "a topic's name is made of at most 249 letters, digits, `_`, `-` and `.`, "
                  "found \"%.260s\"",
                  topic);
    }
}

static void check_topics(const struct end *e, struct diags *d)
{
    for (int i = 0; i < e->names.n; i++) {
        const struct config_text *t = &e->names.item[i].value;
        check_topic(t->text, t->at, e->path, d);
        for (int k = 0; k < i; k++) {
            if (strcmp(e->names.item[k].value.text, t->text) == 0) {
                diags_add(d, t->at, e->path, "topic %s is named twice", t->text);
            }
        }
    }
}

static int parse_shape(struct end *e, const struct yaml *y, const char *path, bool is_source,
                       struct arena *a, struct diags *d)
{
    *e = (struct end){.at = y->at, .path = path, .yaml = y, .value = "avro"};
    e->partitions = e->replication = CONFIG_UNSET;
    if (y->broken) {
        return -ERR_CONFIG;
    }
    if (y->kind == YAML_MAP) {
        if (yaml_get(y, "topic_pattern")) {
            return diags_add(d, y->at, path,
                             "topic_pattern is not yet available: list "
                             "the topics, `topic: [a, b]`");
        }
        if (is_source && yaml_get(y, "metrics")) {
            return parse_metrics(e, y, a, d);
        }
        if (!yaml_get(y, "topic")) {
            return parse_connector(e, y, is_source, d);
        }
        e->kind = END_TOPICS;
        int r = config_parse(is_source ? topic_from_fields : topic_to_fields, e, y, path, a, d);
        e->at = y->at;
        e->path = path;
        check_topics(e, d);
        if (r == 0 && is_source && e->names.n == 0) {
            return diags_add(d, yaml_get(y, "topic")->at, path, "`topic` names no topic");
        }
        if (r == 0 && !is_source && e->names.n != 1) {
            return diags_add(d, y->at, path,
                             "a `to` writes to one topic; make `to` a list instead");
        }
        return r;
    }
    if (y->kind == YAML_NULL || (y->kind == YAML_LIST && (!is_source || y->n == 0))) {
        return diags_add(d, y->at, path, "expected %s",
                         is_source ? "a stream name, a list of stream names, {topic: …} or a "
                                     "connector such as {generator: …}"
                                   : "a topic name, {topic: …} or a connector such as {log: {}}");
    }
    e->kind = is_source ? END_STREAMS : END_TOPICS;
    int r = parse_names(e, y, path, a, d);
    if (r == 0 && e->kind == END_TOPICS) {
        check_topics(e, d);
    }
    return r;
}

/* No map of one key; a key that --set has added is most likely misspelled. */
static int refuse_step(const struct yaml *step, const char *path, struct diags *d)
{
    const char *names[16];
    int n = 0, added = -1;
    for (int i = 0; step->kind == YAML_MAP && i < step->n && n < 15; i++) {
        if (strcmp(step->key_at[i].file, "--set") == 0) {
            added = i;
        } else {
            names[n++] = step->key[i];
        }
    }
    names[n] = NULL;
    if (added < 0) {
        return diags_add(d, step->at, path,
                         "a step is a map with exactly one key, the step's name (`- filter: value "
                         "> 0`)%s",
                         step->kind == YAML_MAP && step->n > 1
                             ? "; is an option of the step indented too little?"
                             : "");
    }
    const char *near = nearest_name(step->key[added], names);
    return diags_add(d, step->key_at[added], path, "the step is a `%s`, it has no `%s`%s%s%s",
                     names[0] ? names[0] : "", step->key[added], near ? ": did you mean `" : "",
                     near ? near : "", near ? "`?" : "");
}

/* A broken end is reported and then left alone by the plan. */
static int parse_end(struct end *e, const struct yaml *y, const char *path, bool is_source,
                     struct arena *a, struct diags *d)
{
    int before = d->n;
    if (parse_shape(e, y, path, is_source, a, d) == 0 && d->n == before) {
        return 0;
    }
    e->kind = END_BROKEN;
    return -ERR_CONFIG;
}

int topology_parse_from(struct end *e, const struct yaml *y, const char *path, struct arena *a,
                        struct diags *d)
{
    return parse_end(e, y, path, true, a, d);
}

static int parse_steps(struct stream *s, const struct yaml *y, struct arena *a, struct diags *d)
{
    if (!y || y->kind == YAML_NULL) {
        return 0;
    }
    if (y->kind != YAML_LIST) {
        return diags_add(d, y->at, arena_printf(a, "%s.steps", s->path),
                         "expected a list of steps, each behind a dash, found %s",
                         yaml_kind_name(y->kind));
    }
    s->nsteps = y->n;
    s->step = arena_array(a, (size_t)y->n + 1, sizeof *s->step);
    int r = 0;
    for (int i = 0; i < y->n; i++) {
        s->step[i] = y->item[i];
        if (y->item[i]->broken) {
            r = -ERR_CONFIG;
        } else if (y->item[i]->kind != YAML_MAP || y->item[i]->n != 1) {
            r = refuse_step(y->item[i], arena_printf(a, "%s.steps[%d]", s->path, i + 1), d);
        }
    }
    return r;
}

/* `time` and `errors` of a stream or table. */
static void parse_common(struct stream *s, const struct topology *t, const struct yaml *y,
                         const struct time_cfg *time, const struct errors_cfg *errors,
                         struct diags *d)
{
    s->time = *time;
    s->has_time = yaml_get(y, "time") != NULL;
    s->errors = yaml_get(y, "errors") ? *errors : t->errors;
    if (yaml_get(y, "errors") && errors->dead_letter_topic) {
        check_topic(errors->dead_letter_topic, place_of(yaml_get(y, "errors"), "dead_letter_topic"),
                    s->path, d);
    }
    if (s->errors.tolerance == TOLERATE_ALL && !s->errors.dead_letter_topic) {
        diags_add(d, y->at, s->path,
                  "errors: {tolerance: all} needs a dead_letter_topic, so that nothing is lost");
    }
}

static int parse_stream(struct stream *s, const struct topology *t, const struct yaml *y,
                        struct arena *a, struct diags *d)
{
    int before = d->n;
    struct stream_cfg c;
    if (y->kind != YAML_MAP) {
        return y->broken ? -ERR_CONFIG
                         : diags_add(d, y->at, s->path,
                                     "a stream is a map with `from`, `steps`, `to`, found %s",
                                     yaml_kind_name(y->kind));
    }
    config_parse(stream_fields, &c, y, s->path, a, d);
    parse_common(s, t, y, &c.time, &c.errors, d);
    s->from.kind = END_NONE;
    if (c.from) {
        parse_end(&s->from, c.from, arena_printf(a, "%s.from", s->path), true, a, d);
    }
    parse_steps(s, c.steps, a, d);
    if (c.to && c.to->kind == YAML_LIST) {
        s->nto = c.to->n;
        s->to = arena_array(a, (size_t)c.to->n + 1, sizeof *s->to);
        for (int i = 0; i < c.to->n; i++) {
            parse_end(&s->to[i], c.to->item[i], arena_printf(a, "%s.to[%d]", s->path, i + 1), false,
                      a, d);
        }
    } else if (c.to) {
        s->nto = 1;
        s->to = arena_zalloc(a, sizeof *s->to);
        parse_end(s->to, c.to, arena_printf(a, "%s.to", s->path), false, a, d);
    }
    return d->n > before ? -ERR_CONFIG : 0;
}

static void parse_streams(struct topology *t, struct arena *a, struct diags *d)
{
    if (!t->streams) {
        return;
    }
    if (t->streams->kind != YAML_MAP || t->streams->n == 0) {
        diags_add(d, t->streams->at, "streams", "expected a map of streams by name");
        return;
    }
    t->nstreams = t->streams->n;
    t->stream = arena_zalloc(a, (size_t)t->nstreams * sizeof *t->stream);
    for (int i = 0; i < t->nstreams; i++) {
        struct stream *s = &t->stream[i];
        s->name = t->streams->key[i];
        s->at = t->streams->key_at[i];
        s->path = arena_printf(a, "streams.%s", s->name);
        if (!name_is_legal(s->name) || strchr(s->name, '.')) {
            diags_add(d, s->at, s->path, "a stream's name is made of letters, digits, _ and -");
        }
        parse_stream(s, t, t->streams->item[i], a, d);
    }
}

static void parse_table(struct table *x, const struct topology *t, const struct yaml *y,
                        struct arena *a, struct diags *d)
{
    struct stream *s = &x->source;
    struct table_cfg c;
    if (y->kind != YAML_MAP) {
        if (!y->broken) {
            diags_add(d, y->at, s->path, "a table is a map with `from`, found %s",
                      yaml_kind_name(y->kind));
        }
        return;
    }
    config_parse(table_fields, &c, y, s->path, a, d);
    parse_common(s, t, y, &c.time, &c.errors, d);
    x->is_global = c.global;
    x->merge_wait = c.merge_wait;
    x->history = c.history;
    x->key = (struct config_text){c.key, place_of(y, "key"), s->path, false, false, false};
    if (c.from) {
        parse_end(&s->from, c.from, arena_printf(a, "%s.from", s->path), true, a, d);
    }
}

static void parse_tables(struct topology *t, struct arena *a, struct diags *d)
{
    if (!t->tables) {
        return;
    }
    if (t->tables->kind != YAML_MAP) {
        diags_add(d, t->tables->at, "tables", "expected a map of tables by name");
        return;
    }
    t->table = arena_zalloc(a, (size_t)t->tables->n * sizeof *t->table + 1);
    for (int i = 0; i < t->tables->n; i++) {
        struct stream *s = &t->table[i].source;
        s->name = t->tables->key[i];
        s->at = t->tables->key_at[i];
        s->path = arena_printf(a, "tables.%s", s->name);
        if (!name_is_legal(s->name) || strchr(s->name, '.')) {
            diags_add(d, s->at, s->path, "a table's name is made of letters, digits, _ and -");
        }
        if (topology_stream(t, s->name)) {
            diags_add(d, s->at, s->path,
                      "a stream has the name \"%s\" too: internal topics would be mixed up",
                      s->name);
        }
        parse_table(&t->table[i], t, t->tables->item[i], a, d);
        t->ntables = i + 1;
    }
}

static void check_kafka(const struct topology *t, struct diags *d)
{
    for (int i = 0; i < t->kafka.n; i++) {
        const struct config_item *k = &t->kafka.item[i];
        for (size_t j = 0; j < sizeof owned / sizeof *owned; j++) {
            if (strcmp(k->name, owned[j].name) == 0) {
                diags_add(d, k->value.at, k->value.path,
                          "klamm sets %s itself: %s; remove the line", k->name, owned[j].why);
            }
        }
    }
}

static void parse_standby(struct topology *t, const struct yaml *root, struct diags *d)
{
    const char *text = t->state.standby ? t->state.standby : "0";
    size_t digits = strspn(text, "0123456789");
    t->state.copies = 0;
    if (strcmp(text, "all") == 0) {
        t->state.copies = STANDBY_ALL;
    } else if (text[0] && !text[digits] && digits <= 3) {
        t->state.copies = strtol(text, NULL, 10);
    } else {
        const struct yaml *state = yaml_get(root, "state");
        diags_add(d, state ? place_of(state, "standby") : root->at, "state.standby",
                  "expected `all`, or how many copies other processes keep, found \"%.40s\"", text);
    }
}

static int build(struct topology **out, struct arena *a, struct yaml *root, const char *file,
                 const struct setting *set, int nset, struct diags *d)
{
    struct topology *t = arena_zalloc(a, sizeof *t);
    if (root->kind != YAML_MAP) {
        return diags_add(d, root->at, "", "a topology is a map with `name` and `streams`");
    }
    for (int i = 0; i < nset; i++) {
        yaml_set(root, a, set[i].path, set[i].value, d);
    }
    config_parse(topology_fields, t, root, "", a, d);
    t->file = arena_strdup(a, file);
    const char *slash = strrchr(file, '/');
    t->folder = slash ? arena_strndup(a, file, (size_t)(slash - file)) : ".";
    if (t->name && (!name_is_legal(t->name) || t->name[0] == '.')) {
        diags_add(d, place_of(root, "name"), "name",
                  "a topology's name is made of letters, digits, `_`, `-` and `.`, found \"%s\"",
                  t->name);
    }
    if (t->errors.dead_letter_topic) {
        check_topic(t->errors.dead_letter_topic,
                    place_of(yaml_get(root, "errors"), "dead_letter_topic"), "errors", d);
    }
    check_kafka(t, d);
    parse_standby(t, root, d);
    parse_streams(t, a, d);
    parse_tables(t, a, d);
    t->name = t->name ? t->name : "topology";
    t->group = arena_printf(a, "klamm-%s", t->name);
    for (int i = 0; i < t->kafka.n; i++) {
        if (strcmp(t->kafka.item[i].name, "group.id") == 0) {
            t->group = t->kafka.item[i].value.text;
        }
    }
    *out = t;
    return d->n ? -ERR_CONFIG : 0;
}

int topology_load(struct topology **out, struct arena *a, const char *file,
                  const struct setting *set, int nset, struct diags *d)
{
    struct yaml *root = NULL;
    *out = NULL;
    int r = yaml_load(&root, a, file, d);
    return root ? build(out, a, root, file, set, nset, d) : r;
}

int topology_parse(struct topology **out, struct arena *a, const char *file, const char *text,
                   size_t n, const struct setting *set, int nset, struct diags *d)
{
    struct yaml *root = NULL;
    *out = NULL;
    int r = yaml_parse(&root, a, file, text, n, d);
    return root ? build(out, a, root, file, set, nset, d) : r;
}

const struct stream *topology_stream(const struct topology *t, const char *name)
{
    for (int i = 0; i < t->nstreams; i++) {
        if (strcmp(t->stream[i].name, name) == 0) {
            return &t->stream[i];
        }
    }
    const struct table *table = topology_table(t, name);
    return table ? &table->source : NULL;
}

const struct table *topology_table(const struct topology *t, const char *name)
{
    for (int i = 0; i < t->ntables; i++) {
        if (strcmp(t->table[i].source.name, name) == 0) {
            return &t->table[i];
        }
    }
    return NULL;
}

const char *topology_path(const struct topology *t, struct arena *a, const char *path)
{
    return path[0] == '/' ? arena_strdup(a, path) : arena_printf(a, "%s/%s", t->folder, path);
}
