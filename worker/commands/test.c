/* klamm test: unit tests of topologies. A file names a topology and cases; each case gives input
 * rows at times of a virtual clock and the rows that must come out.
 *
 *   exact      per topic: exactly these rows, in this order, with exactly these fields
 *   contains   per topic: these rows in this order, others between them and more fields allowed
 *
 * Doubles are equal when they differ by at most 1e-9 of their size, whole numbers when they are the
 * same. Windows stay open at the end of a case unless it says `finish: true`. A failure shows
 * expected and actual rows side by side.
 */
#include "engine/memory.h"
#include "schemas/registry_memory.h"
#include "worker/case_check.h"
#include "worker/client.h"
#include "worker/commands/command.h"
#include "worker/local.h"
#include "worker/outputs.h"
#include "worker/text_input.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct file_cfg {
    const char *topology;
    const struct yaml *cases;
};
static const struct config_field file_fields[] = {
    {"topology", CONFIG_TEXT, offsetof(struct file_cfg, topology), .required = true,
     .doc = "the topology, relative to this file"},
    {"cases", CONFIG_YAML, offsetof(struct file_cfg, cases), .required = true, .doc = "the cases"},
    {0},
};
enum mode { MODE_EXACT, MODE_CONTAINS };
static const char *const modes[] = {"exact", "contains", NULL};
struct case_cfg {
    const char *name;
    const struct yaml *input, *expect;
    int mode;
    bool finish;
    int64_t partitions;
};
static const struct config_field case_fields[] = {
    {"name", CONFIG_TEXT, offsetof(struct case_cfg, name), .required = true, .doc = "its name"},
    {"input", CONFIG_YAML, offsetof(struct case_cfg, input), .required = true, .doc = "rows in"},
    {"expect", CONFIG_YAML, offsetof(struct case_cfg, expect), .required = true, .doc = "rows out"},
    {"mode", CONFIG_ENUM, offsetof(struct case_cfg, mode), .def = "exact", .values = modes,
     .doc = "`exact`, or `contains`: extra fields and rows allowed"},
    {"finish", CONFIG_BOOLEAN, offsetof(struct case_cfg, finish), .def = "false",
     .doc = "event time goes to its end after the last row, so all windows close"},
    {"partitions", CONFIG_LONG, offsetof(struct case_cfg, partitions), .min = 1, .max = 1000,
     .doc = "of outside topics; else as many as the rows name"},
    {0},
};
struct input_cfg {
    const char *stream, *table;
    int64_t at, partition, timestamp;
    const struct yaml *key, *value, *headers;
};
static const struct config_field input_fields[] = {
    {"stream", CONFIG_TEXT, offsetof(struct input_cfg, stream), .doc = "a stream, or a table"},
    {"table", CONFIG_TEXT, offsetof(struct input_cfg, table), .doc = "a table, instead of stream"},
    {"at", CONFIG_DURATION, offsetof(struct input_cfg, at), .def = "0s",
     .doc = "virtual wall clock, and the record's timestamp unless that is given"},
    {"partition", CONFIG_LONG, offsetof(struct input_cfg, partition), .def = "0", .min = 0,
     .max = 999, .doc = "its partition"},
    {"timestamp", CONFIG_LONG, offsetof(struct input_cfg, timestamp), .doc = "of the record, ms"},
    {"key", CONFIG_YAML, offsetof(struct input_cfg, key), .doc = "key"},
    {"value", CONFIG_YAML, offsetof(struct input_cfg, value), .doc = "value"},
    {"headers", CONFIG_YAML, offsetof(struct input_cfg, headers), .doc = "headers, text by name"},
    {0},
};

struct testing {
    struct topology *topology;
    struct plan *plan;
    struct schema_store *schemas;
    struct arena mem;
    struct clock clock;
    struct local *local;
    struct outputs outputs;
    json_t *actual; /* record lines */
    bool restart;
    uint16_t batch_rows;
};

static int keep_output(void *ctx, const struct record *r, struct err *e)
{
    struct testing *t = ctx;
    struct output *o;
    int result = outputs_print(&t->outputs, r, &o, e);
    if (result < 0) {
        return result;
    }
    json_t *line = json_loadb(t->outputs.line.data, t->outputs.line.n, JSON_ALLOW_NUL, NULL);
    return json_array_append_new(t->actual, line) < 0
               ? err_set(e, ERR_FATAL, "%s: output is no JSON", r->topic)
               : 0;
}

static json_t *to_json(const struct yaml *y)
{
    struct buffer b;
    buffer_init(&b);
    yaml_to_json(&b, y);
    json_t *j = json_loadb(b.data, b.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    buffer_done(&b);
    return j;
}

static bool matches(const json_t *want, const json_t *got, bool loose)
{
    if (json_is_integer(want) && json_is_integer(got)) {
        return json_integer_value(want) == json_integer_value(got);
    }
    if (json_is_number(want) && json_is_number(got)) {
        double a = json_number_value(want), b = json_number_value(got);
        return a == b || fabs(a - b) <= 1e-9 * fmax(fabs(a), fabs(b));
    }
    if (json_is_object(want) && json_is_object(got)) {
        const char *name;
        json_t *v;
        json_object_foreach((json_t *)(uintptr_t)want, name, v)
        {
            const json_t *other = json_object_get(got, name);
            if (!other || !matches(v, other, loose)) {
                return false;
            }
        }
        return loose || json_object_size(want) == json_object_size(got);
    }
    if (json_is_array(want) && json_is_array(got)) {
        size_t n = json_array_size(want);
        for (size_t i = 0; i < n && n == json_array_size(got); i++) {
            if (!matches(json_array_get(want, i), json_array_get(got, i), loose)) {
                return false;
            }
        }
        return n == json_array_size(got);
    }
    return json_equal(want, got);
}

/* An expected row names what it cares for: topic always, value, key, timestamp, … when given. */
static bool row_matches(const json_t *want, const json_t *got, bool loose)
{
    const char *name;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)want, name, v)
    {
        const json_t *other = json_object_get(got, name);
        bool is_value = strcmp(name, "value") == 0;
        if (strcmp(name, "key") == 0 && json_is_string(other) && !json_is_string(v)) {
            char *text = json_dumps(v, JSON_ENCODE_ANY); /* key: 5 means the key "5" */
            bool same = text && strcmp(text, json_string_value(other)) == 0;
            free(text);
            if (!same) {
                return false;
            }
            continue;
        }
        if (!other ? !json_is_null(v) : !matches(v, other, loose || !is_value)) {
            return false;
        }
    }
    return true;
}

static json_t *of_topic(const json_t *rows, const char *topic)
{
    json_t *some = json_array(), *row;
    size_t i;
    json_array_foreach(rows, i, row)
    {
        const char *name = json_string_value(json_object_get(row, "topic"));
        if (name && strcmp(name, topic) == 0) {
            json_array_append(some, row);
        }
    }
    return some;
}

static bool compare_topic(const json_t *want, const json_t *got, bool loose)
{
    size_t n = json_array_size(want), m = json_array_size(got), i = 0;
    if (!loose && n != m) {
        return false;
    }
    for (size_t k = 0; i < n && k < m; k++) {
        if (row_matches(json_array_get(want, i), json_array_get(got, k), loose)) {
            i++;
        } else if (!loose) {
            return false;
        }
    }
    return i == n;
}

static char *row_text(const json_t *row)
{
    json_t *some = json_object();
    const char *const names[] = {"key", "timestamp", "headers", "value"};
    for (size_t i = 0; i < 4; i++) {
        json_t *v = json_object_get(row, names[i]);
        if (v) {
            json_object_set(some, names[i], v);
        }
    }
    char *text = json_dumps(some, JSON_COMPACT | JSON_REAL_PRECISION(12));
    json_decref(some);
    return text;
}

static void print_side_by_side(const char *topic, const json_t *want, const json_t *got, bool loose)
{
    size_t n = json_array_size(want), m = json_array_size(got);
    int width = 58;
    printf("    topic %s: %zu expected, %zu came\n      %-*s | actual\n", topic, n, m, width,
           "expected");
    for (size_t i = 0; i < n || i < m; i++) {
        char *left = i < n ? row_text(json_array_get(want, i)) : strdup("");
        char *right = i < m ? row_text(json_array_get(got, i)) : strdup("");
        bool same =
            i < n && i < m && row_matches(json_array_get(want, i), json_array_get(got, i), loose);
        printf("    %s %-*s %s %s\n", same ? " " : "!", width, left ? left : "", same ? "|" : "#",
               right ? right : "");
        free(left);
        free(right);
    }
}

static bool compare(const struct testing *t, const char *name, const json_t *expected, bool loose)
{
    json_t *topics = json_object(), *row, *mark;
    const char *topic;
    size_t i;
    bool good = true;
    json_array_foreach(expected, i, row)
    {
        const char *of = json_string_value(json_object_get(row, "topic"));
        json_object_set_new(topics, of ? of : "", json_true());
    }
    json_array_foreach(t->actual, i, row)
    {
        if (!loose) {
            json_object_set_new(topics, json_string_value(json_object_get(row, "topic")),
                                json_true());
        }
    }
    json_object_foreach(topics, topic, mark)
    {
        json_t *want = of_topic(expected, topic), *got = of_topic(t->actual, topic);
        if (!compare_topic(want, got, loose)) {
            if (good) {
                printf("FAIL %s\n", name);
            }
            good = false;
            print_side_by_side(topic, want, got, loose);
        }
        json_decref(want);
        json_decref(got);
    }
    json_decref(topics);
    return good;
}

static int push_input(struct testing *t, const struct input_cfg *in, int64_t offset, struct err *e)
{
    struct plan_source *s = text_input_source(t->plan, in->stream, e);
    struct buffer key, value, bytes, text;
    int result = 0;
    if (!s) {
        return -ERR_CONFIG;
    }
    text_input_use_json(s);
    buffer_init(&key);
    buffer_init(&value);
    buffer_init(&bytes);
    buffer_init(&text);
    struct record r = {.topic = s->topic[0],
                       .partition = (int32_t)in->partition,
                       .offset = offset,
                       .timestamp = in->timestamp == CONFIG_UNSET ? in->at : in->timestamp};
    if (in->key && in->key->kind != YAML_NULL) {
        if (in->key->text) {
            buffer_add(&key, in->key->text, in->key->text_n);
        } else {
            yaml_to_json(&key, in->key);
        }
        r.key = buffer_cstr(&key);
        r.key_n = key.n;
        result = text_input_key(s->key.def, &r, &bytes, e);
    }
    if (in->value && in->value->kind != YAML_NULL) {
        yaml_to_json(&value, in->value);
        r.value = value.data;
        r.value_n = value.n;
        result = result < 0 ? result : text_input_value(s->value.def, &r, &text, e);
    }
    struct header h[64];
    for (int i = 0; in->headers && i < in->headers->n && i < 64; i++) {
        const struct yaml *v = in->headers->item[i];
        h[r.nheaders++] = (struct header){in->headers->key[i], v->text, v->text_n};
    }
    r.headers = h;
    if (result < 0) {
        err_prefix(e, "stream %s", s->stream);
    }
    if (result == 0 && in->at > t->clock.fixed) {
        t->clock.fixed = in->at;
        result = local_tick(t->local, in->at, e);
    }
    result = result < 0 ? result : local_push(t->local, &r, 1, e);
    result = result == 0 && t->restart ? local_restart(t->local, e) : result;
    buffer_done(&key);
    buffer_done(&value);
    buffer_done(&bytes);
    buffer_done(&text);
    return result;
}

/* Either `stream` or `table` names where a row goes. */
static int name_input(struct input_cfg *in, const struct yaml *y, const char *path, struct diags *d)
{
    if (!in->stream == !in->table) {
        return diags_add(d, y->at, path, "an input row names one `stream` or one `table`");
    }
    in->stream = in->stream ? in->stream : in->table;
    return 0;
}

/* The stream must be one that reads a topic, and the partition one that there is. */
static void check_input(struct testing *t, const struct input_cfg *in, const struct yaml *y,
                        const char *path, int64_t partitions, struct diags *d)
{
    struct err e = {0};
    const struct yaml *stream = yaml_get(y, in->table ? "table" : "stream"),
                      *partition = yaml_get(y, "partition");
    const struct plan_source *source =
        in->stream ? text_input_source(t->plan, in->stream, &e) : NULL;
    struct place at = y->at;
    if (in->stream && !source) {
        diags_add(d, stream ? stream->at : y->at, arena_printf(&t->mem, "%s.stream", path), "%s",
                  e.text);
    } else if (source && case_check_value(source, in->value, &at, &e) < 0) {
        diags_add(d, at, arena_printf(&t->mem, "%s.value", path), "%s", e.text);
    }
    if (partitions != CONFIG_UNSET && in->partition >= partitions) {
        diags_add(d, partition ? partition->at : y->at, arena_printf(&t->mem, "%s.partition", path),
                  "the case has partitions 0 to %lld", (long long)partitions - 1);
    }
}

struct expect_cfg {
    const char *topic;
    const struct yaml *key, *value, *timestamp, *headers, *partition, *offset;
};
#define EXPECT(member) offsetof(struct expect_cfg, member)
static const struct config_field expect_fields[] = {
    {"topic", CONFIG_TEXT, EXPECT(topic), .required = true, .doc = "a topic that is written"},
    {"key", CONFIG_YAML, EXPECT(key), .doc = "key"},
    {"value", CONFIG_YAML, EXPECT(value), .doc = "value"},
    {"timestamp", CONFIG_YAML, EXPECT(timestamp), .doc = "of the record, ms"},
    {"headers", CONFIG_YAML, EXPECT(headers), .doc = "headers, text by name"},
    {"partition", CONFIG_YAML, EXPECT(partition), .doc = "its partition"},
    {"offset", CONFIG_YAML, EXPECT(offset), .doc = "its offset"},
    {0},
};

static int parse_case(struct testing *t, const struct yaml *y, const char *path, struct case_cfg *c,
                      struct input_cfg **in, struct diags *d)
{
    int before = d->n;
    config_parse(case_fields, c, y, path, &t->mem, d);
    if ((c->input && c->input->kind != YAML_LIST) || (c->expect && c->expect->kind != YAML_LIST)) {
        diags_add(d, y->at, path, "input and expect are lists of rows");
        return -ERR_CONFIG;
    }
    int n = c->input ? c->input->n : 0;
    *in = arena_array(&t->mem, (size_t)n + 1, sizeof **in);
    int64_t most = 1;
    for (int i = 0; i < n; i++) {
        const char *at = arena_printf(&t->mem, "%s.input[%d]", path, i + 1);
        struct input_cfg *row = &(*in)[i];
        if (config_parse(input_fields, row, c->input->item[i], at, &t->mem, d) == 0 &&
            name_input(row, c->input->item[i], at, d) == 0) {
            check_input(t, row, c->input->item[i], at, c->partitions, d);
        }
        most = row->partition >= most ? row->partition + 1 : most;
    }
    for (int i = 0; c->expect && i < c->expect->n; i++) {
        const char *at = arena_printf(&t->mem, "%s.expect[%d]", path, i + 1);
        struct expect_cfg row;
        struct err e = {0};
        if (config_parse(expect_fields, &row, c->expect->item[i], at, &t->mem, d) == 0 &&
            case_check_topic(t->plan, row.topic, &e) < 0) {
            diags_add(d, yaml_get(c->expect->item[i], "topic")->at,
                      arena_printf(&t->mem, "%s.topic", at), "%s", e.text);
        }
    }
    c->partitions = c->partitions == CONFIG_UNSET ? most : c->partitions;
    return d->n > before ? -ERR_CONFIG : 0;
}

/* 1 passed, 0 failed, negative: the case could not run. */
static int run_case(struct testing *t, const struct yaml *y, const char *path, struct diags *d,
                    struct err *e)
{
    struct case_cfg c;
    struct input_cfg *in = NULL;
    struct diags none; /* the topology has been planned before: it has no problems */
    diags_init(&none);
    int r = plan_new(&t->plan, t->topology, NULL, &none);
    diags_done(&none);
    if (r == 0) {
        r = parse_case(t, y, path, &c, &in, d);
    }
    if (r < 0) {
        plan_free(t->plan);
        t->plan = NULL;
        return -ERR_CONFIG;
    }
    t->schemas = registry_memory_new();
    t->actual = json_array();
    t->clock = clock_virtual(0);
    outputs_init(&t->outputs, t->plan, t->schemas);
    for (uint16_t i = 0; i < t->plan->nsources; i++) {
        if (t->plan->source[i]->repartition < 0) {
            text_input_use_json(t->plan->source[i]);
        }
    }
    struct local_config cfg = {.plan = t->plan,
                               .clock = &t->clock,
                               .schemas = t->schemas,
                               .partitions = (int32_t)c.partitions,
                               .batch_rows = t->batch_rows,
                               .output = keep_output,
                               .ctx = t};
    r = local_new(&t->local, &cfg, e);
    for (int i = 0; i < c.input->n && r == 0; i++) {
        r = push_input(t, &in[i], i, e);
        if (r < 0) {
            const struct place *at = &c.input->item[i]->at;
            err_prefix(e, "%s:%d: input[%d]", at->file, at->line, i + 1);
        }
    }
    r = r == 0 && c.finish ? local_finish(t->local, e) : r;
    if (r == 0) {
        json_t *expected = to_json(c.expect);
        bool good = compare(t, c.name, expected, c.mode == MODE_CONTAINS);
        json_decref(expected);
        if (good) {
            printf("ok   %s\n", c.name);
        }
        r = good;
    } else {
        printf("FAIL %s: %s\n", c.name, e->text);
        r = 0;
    }
    if (t->local) {
        local_free(t->local);
        t->local = NULL;
    }
    outputs_done(&t->outputs);
    json_decref(t->actual);
    t->schemas->free(t->schemas);
    plan_free(t->plan);
    t->plan = NULL;
    return r;
}

static int run_file(const struct invocation *in, const char *file, struct testing *t, int *passed,
                    int *failed, struct diags *d)
{
    struct yaml *root;
    struct file_cfg cfg;
    struct setting set[64];
    int nset = flag_settings(in, set, 64);
    int r = nset < 0 ? -ERR_CONFIG : yaml_load(&root, &t->mem, file, d);
    r = r < 0 ? r : config_parse(file_fields, &cfg, root, "", &t->mem, d);
    if (r == 0 && cfg.cases->kind != YAML_LIST) {
        r = diags_add(d, cfg.cases->at, "cases", "expected a list of cases");
    }
    const char *slash = strrchr(file, '/');
    if (r == 0) {
        const char *path =
            slash && cfg.topology[0] != '/'
                ? arena_printf(&t->mem, "%.*s/%s", (int)(slash - file), file, cfg.topology)
                : cfg.topology;
        struct plan *first = NULL;
        r = plan_load(&t->topology, &first, &t->mem, path, set, nset, d);
        plan_free(first);
        if (t->topology && client_check(&t->topology->kafka, t->topology->schema_registry, d) < 0) {
            r = -ERR_CONFIG;
        }
    }
    for (int i = 0, n = r == 0 ? cfg.cases->n : 0; i < n; i++) {
        struct err e = {0};
        int good =
            run_case(t, cfg.cases->item[i], arena_printf(&t->mem, "cases[%d]", i + 1), d, &e);
        if (good < 0) {
            r = good;
        } else {
            *passed += good;
            *failed += !good;
        }
    }
    for (int i = 0; i < nset; i++) {
        mem_free((void *)(uintptr_t)set[i].path);
    }
    return r;
}

static int run(const struct invocation *in)
{
    int passed = 0, failed = 0, code = EXIT_OK;
    for (int i = 0; i < in->nargs; i++) {
        struct testing t = {.restart = flag_given(in, "restart")};
        struct diags d;
        if (flag_batch_rows(in, &t.batch_rows) != 0) {
            return EXIT_USAGE;
        }
        arena_init(&t.mem);
        diags_init(&d);
        printf("%s\n", in->arg[i]);
        if (run_file(in, in->arg[i], &t, &passed, &failed, &d) < 0) {
            fflush(stdout);
            code = print_diags(&d);
        }
        diags_done(&d);
        arena_done(&t.mem);
    }
    printf("%d passed, %d failed\n", passed, failed);
    return code ? code : failed ? EXIT_FAILED : EXIT_OK;
}

static const struct flag flags[] = {
    {"restart", NULL, "restart every task from its changelog after each row (must change nothing)"},
    SETTING_FLAG,
    {"batch-rows", "N", "rows a batch at most (must change nothing)"},
    {0},
};

const struct command command_test = {
    .name = "test",
    .usage = "[options] FILE...",
    .doc = "runs unit tests of topologies, with a virtual clock and no broker",
    .min_args = 1,
    .max_args = -1,
    .flags = flags,
    .run = run,
};
