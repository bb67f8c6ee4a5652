/* klamm produce: record lines, JSON rows or CSV (from a file or stdin) as Avro records of a topic.
 * The schema is registered under <topic>-value first, even when there are no rows. */
#include "engine/memory.h"
#include "engine/plan.h"
#include "engine/registry.h"
#include "worker/commands/connection.h"
#include "worker/feed_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct codec_def *codec_named(const char *name)
{
    for (int i = 0; registry_codecs[i]; i++) {
        if (strcmp(registry_codecs[i]->name, name) == 0) {
            return registry_codecs[i];
        }
    }
    return NULL;
}

static char *read_file(struct arena *a, const char *path, struct err *e)
{
    FILE *f = fopen(path, "rb");
    struct buffer b;
    if (!f) {
        err_set(e, ERR_CONFIG, "cannot read the schema file %s", path);
        return NULL;
    }
    buffer_init(&b);
    for (size_t n = 1; n > 0 && b.n < 16U << 20;) {
        n = fread(buffer_reserve(&b, 65536), 1, 65536, f);
        b.n += n;
    }
    fclose(f);
    char *text = arena_strndup(a, b.data, b.n);
    buffer_done(&b);
    return text;
}

static void show_progress(uint64_t n, double share)
{
    if (isatty(STDERR_FILENO)) {
        fprintf(stderr, "\r%llu rows (%.0f %%)\033[K", (unsigned long long)n,
                share < 0 ? 0 : share * 100);
    }
}

/* Columns of the schema, and --key's column as key. */
static int make_schema(const struct invocation *in, struct arena *a, struct codec_spec *spec,
                       struct schema **out, struct err *e)
{
    struct diags d;
    struct schema *s = schema_new(a, COLUMNS_MAX);
    diags_init(&d);
    int r = spec->def->infer(spec, a, s, &d);
    if (r < 0) {
        err_set(e, ERR_CONFIG, "%s: %s", spec->schema_file, d.n ? d.item[0].text : "");
    }
    diags_done(&d);
    const char *key = flag_value(in, "key");
    if (r == 0 && key) {
        int c = schema_find(s, key);
        if (c < 0) {
            return err_set(e, ERR_CONFIG, "--key %s: the schema has no such field", key);
        }
        s->keyed = true;
        s->nkey = 1;
        s->key[0] = (uint16_t)c;
    }
    *out = s;
    return r;
}

static int produce(const struct invocation *in, struct connection *c, uint64_t *n, struct err *e)
{
    const char *topic = in->arg[0], *file = in->nargs > 1 ? in->arg[1] : "-";
    const char *rows = flag_value(in, "rows"), *partitions = flag_value(in, "partitions");
    struct codec_spec value = {.def = codec_named("avro"), .topic = topic};
    struct codec_spec key = {.def = codec_named("string"), .topic = topic, .is_key = true};
    struct schema *schema = NULL;
    int32_t there;
    enum rows_format format = ROWS_RECORD_LINES;
    if (rows) {
        format = rows[0] == 'c' ? ROWS_CSV : ROWS_JSON;
    } else if (strlen(file) > 5 && strcmp(file + strlen(file) - 5, ".avro") == 0) {
        format = ROWS_CONTAINER;
    }
    value.schema_file = flag_value(in, "schema");
    value.schema_json = read_file(&c->mem, value.schema_file, e);
    value.subject = arena_printf(&c->mem, "%s-value", topic);
    int r = value.schema_json ? make_schema(in, &c->mem, &value, &schema, e) : -ERR_CONFIG;
    struct log *log = c->client.log;
    r = r < 0 ? r : log->ops->partitions(log, topic, &there, 10000, e);
    if (r == 0 && there == 0) {
        int32_t want = partitions ? (int32_t)strtol(partitions, NULL, 10) : -1;
        r = log->ops->create_topic(log, topic, want, -1, false, NULL, 10000, e);
    }
    struct feed_target t = {.topic = topic,
                            .value = &value,
                            .key = &key,
                            .schema = schema,
                            .schemas = c->client.schemas};
    return r < 0 ? r : feed_file(log, &t, file, format, n, show_progress, e);
}

static int run(const struct invocation *in)
{
    struct connection c;
    struct err e = {0};
    uint64_t n = 0;
    const char *rows = flag_value(in, "rows"), *partitions = flag_value(in, "partitions");
    char *end = NULL;
    if (!flag_value(in, "schema")) {
        return print_usage_error(in, "--schema FILE.avsc is missing");
    }
    if (rows && strcmp(rows, "csv") != 0 && strcmp(rows, "json") != 0) {
        return print_usage_error(in, "--rows takes json or csv; found \"%s\"", rows);
    }
    if (partitions && (strtol(partitions, &end, 10) < 1 || *end)) {
        return print_usage_error(in, "--partitions takes a number from 1; found \"%s\"",
                                 partitions);
    }
    const char *file = in->nargs > 1 ? in->arg[1] : "-";
    if (access(flag_value(in, "schema"), R_OK) < 0) {
        return print_usage_error(in, "cannot read the schema file %s: %s", flag_value(in, "schema"),
                                 strerror(errno));
    }
    if (strcmp(file, "-") != 0 && access(file, R_OK) < 0) {
        return print_usage_error(in, "cannot read %s: %s", file, strerror(errno));
    }
    int code = connection_open(&c, in);
    if (code) {
        return code;
    }
    if (produce(in, &c, &n, &e) < 0) {
        code = print_err(&e);
    }
    fprintf(stderr, "%s%llu records to %s\n", isatty(STDERR_FILENO) ? "\r\033[K" : "",
            (unsigned long long)n, in->arg[0]);
    connection_close(&c);
    return code;
}

static const struct flag flags[] = {
    {"schema", "FILE.avsc", "Avro schema of the values"},
    {"rows", "json|csv", "each line is a value, not a record line"},
    {"key", "FIELD", "field whose text is the key of rows without one"},
    {"partitions", "N", "of the topic, if it must be created (default: the broker's)"},
    CONNECTION_FLAGS,
    {0},
};

const struct command command_produce = {
    .name = "produce",
    .usage = "TOPIC --schema FILE.avsc [FILE] [options]",
    .doc = "writes record lines, JSON rows or CSV as Avro records",
    .min_args = 1,
    .max_args = 2,
    .flags = flags,
    .run = run,
};
