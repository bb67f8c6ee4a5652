/* klamm produce: record lines, rows as JSON or CSV, or plain lines (from a file or stdin) as
 * records of a topic. What a value becomes:
 *
 *   avro            by --schema, which is registered under <topic>-value first, even without rows
 *   json, csv       by the columns of --columns or --schema; else JSON as it is, and CSV rows as
 *                   texts named by their header
 *   string, bytes   JSON strings (bytes: base64)
 *   --rows text     each line as it is, whatever it is meant to be
 */
#include "engine/memory.h"
#include "engine/plan.h"
#include "worker/commands/connection.h"
#include "worker/feed_file.h"
#include "worker/text_input.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const formats[] = {"avro", "json", "csv", "string", "bytes", NULL};
static const char *const row_forms[] = {"json", "csv", "text", NULL};

/* What the flags ask for. */
struct production {
    const char *file;
    struct codec_spec value, key;
    enum rows_format format;
    struct feed_target target;
};

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

/* Columns of --schema or --columns; NULL where there are none. */
static int make_schema(const struct invocation *in, struct connection *c, struct production *p,
                       struct err *e)
{
    const char *file = flag_value(in, "schema"), *columns = flag_value(in, "columns");
    if (!file && !columns) {
        return 0;
    }
    struct codec_spec types = {.def = file ? codec_named("avro") : p->value.def, .topic = ""};
    struct diags d;
    struct schema *s = schema_new(&c->mem, COLUMNS_MAX);
    int r = 0;
    diags_init(&d);
    if (file) {
        types.schema_file = file;
        types.schema_json = read_file(&c->mem, file, e);
        p->value.schema_file = file;
        p->value.schema_json = types.schema_json;
        r = types.schema_json ? 0 : -ERR_CONFIG;
    } else {
        r = flag_columns(in, &c->mem, &types.columns, &d);
    }
    r = r < 0 ? r : types.def->infer(&types, &c->mem, s, &d);
    if (r < 0 && d.n) {
        err_set(e, ERR_CONFIG, "%s: %s", file ? file : "--columns", d.item[0].text);
    }
    diags_done(&d);
    p->target.schema = s;
    return r < 0 ? -ERR_CONFIG : 0;
}

/* How many partitions the topic has, which is created where it is missing. */
static int prepare_topic(const struct invocation *in, struct log *log, int32_t *there,
                         struct err *e)
{
    const char *topic = in->arg[0], *partitions = flag_value(in, "partitions");
    int r = log->ops->partitions(log, topic, there, 10000, e);
    if (r == 0 && *there == 0) {
        int32_t want = partitions ? (int32_t)strtol(partitions, NULL, 10) : -1;
        r = log->ops->create_topic(log, topic, want, -1, false, NULL, 10000, e);
        r = r < 0 ? r : log->ops->partitions(log, topic, there, 10000, e);
    }
    return r;
}

static int produce(const struct invocation *in, struct connection *c, struct production *p,
                   uint64_t *n, struct err *e)
{
    const char *topic = in->arg[0];
    struct log *log = c->client.log;
    p->value.topic = p->key.topic = topic;
    p->value.subject = arena_printf(&c->mem, "%s-value", topic);
    p->target.topic = topic;
    p->target.value = &p->value;
    p->target.key = &p->key;
    p->target.schemas = c->client.schemas;
    p->target.key_name = flag_value(in, "key");
    int r = make_schema(in, c, p, e);
    bool has_columns = p->target.schema || p->format == ROWS_CSV;
    if (p->target.values == FEED_ENCODED && strcmp(p->value.def->name, "json") == 0 &&
        !has_columns) {
        p->target.values = FEED_JSON;
    }
    r = r < 0 ? r : prepare_topic(in, log, &p->target.partitions, e);
    return r < 0 ? r : feed_file(log, &p->target, p->file, p->format, n, show_progress, e);
}

static int name_of(const char *const *names, const char *name)
{
    for (int i = 0; names[i]; i++) {
        if (strcmp(names[i], name) == 0) {
            return i;
        }
    }
    return -1;
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n > m && strcmp(text + n - m, end) == 0;
}

/* Which rows the file has: as --rows says, else as it is called. */
static int choose_rows(const struct invocation *in, struct production *p)
{
    const char *rows = flag_value(in, "rows");
    if (rows && name_of(row_forms, rows) < 0) {
        return print_usage_error(in, "--rows takes json, csv or text; found \"%s\"", rows);
    }
    bool is_csv = rows ? strcmp(rows, "csv") == 0 : ends_with(p->file, ".csv");
    p->format = is_csv                        ? ROWS_CSV
                : rows                        ? ROWS_JSON
                : ends_with(p->file, ".avro") ? ROWS_CONTAINER
                                              : ROWS_RECORD_LINES;
    p->target.values = rows && strcmp(rows, "text") == 0 ? FEED_LINES : FEED_ENCODED;
    return 0;
}

/* What does not go together, told before a broker is asked. */
static int check_flags(const struct invocation *in, const struct production *p)
{
    const char *schema = flag_value(in, "schema"), *partitions = flag_value(in, "partitions");
    bool is_avro = strcmp(p->value.def->name, "avro") == 0,
         has_lines = p->target.values == FEED_LINES;
    char *end = NULL;
    if (is_avro && !schema) {
        return print_usage_error(in, "--schema FILE.avsc is missing (or --value json, csv, string "
                                     "or bytes: only avro needs a schema)");
    }
    if (schema && flag_given(in, "columns")) {
        return print_usage_error(in, "--schema and --columns are two ways to say the same");
    }
    if (is_avro && has_lines) {
        return print_usage_error(in, "--rows text writes lines as they are: not with --value avro");
    }
    if (has_lines && flag_given(in, "key") && strcmp(p->value.def->name, "json") != 0) {
        return print_usage_error(in, "--key names a field, which plain lines do not have");
    }
    if (text_input_is_plain(p->value.def) && !has_lines &&
        (p->format == ROWS_CSV || p->format == ROWS_CONTAINER)) {
        return print_usage_error(in,
                                 "--value %s: rows of %s have columns; --rows text takes each "
                                 "line as it is",
                                 p->value.def->name, p->file);
    }
    if (strcmp(p->value.def->name, "csv") == 0 && !has_lines && p->format != ROWS_CSV && !schema &&
        !flag_given(in, "columns")) {
        return print_usage_error(in, "--value csv needs the order of the columns: --columns 'host: "
                                     "string, value: double', or CSV rows with a header");
    }
    if (p->format == ROWS_CONTAINER && !schema && !flag_given(in, "columns")) {
        return print_usage_error(in, "an Avro file needs --schema FILE.avsc");
    }
    if (partitions && (strtol(partitions, &end, 10) < 1 || *end)) {
        return print_usage_error(in, "--partitions takes a number from 1; found \"%s\"",
                                 partitions);
    }
    if (schema && access(schema, R_OK) < 0) {
        return print_usage_error(in, "cannot read the schema file %s: %s", schema, strerror(errno));
    }
    if (strcmp(p->file, "-") != 0 && access(p->file, R_OK) < 0) {
        return print_usage_error(in, "cannot read %s: %s", p->file, strerror(errno));
    }
    return 0;
}

static int run(const struct invocation *in)
{
    struct connection c;
    struct err e = {0};
    uint64_t n = 0;
    const char *value = flag_value(in, "value");
    struct production p = {.file = in->nargs > 1 ? in->arg[1] : "-"};
    value = value ? value : "avro";
    if (name_of(formats, value) < 0) {
        const char *near = nearest_name(value, formats);
        return print_usage_error(
            in, "--value takes avro, json, csv, string or bytes; found \"%s\"%s%s%s", value,
            near ? ": did you mean " : "", near ? near : "", near ? "?" : "");
    }
    p.value = (struct codec_spec){.def = codec_named(value)};
    p.key = (struct codec_spec){.def = codec_named("string"), .is_key = true};
    int code = choose_rows(in, &p);
    code = code ? code : check_flags(in, &p);
    code = code ? code : connection_open(&c, in);
    if (code) {
        return code;
    }
    if (produce(in, &c, &p, &n, &e) < 0) {
        code = print_err(&e);
    }
    fprintf(stderr, "%s%llu record%s to %s\n", isatty(STDERR_FILENO) ? "\r\033[K" : "",
            (unsigned long long)n, n == 1 ? "" : "s", in->arg[0]);
    connection_close(&c);
    return code;
}

static const struct flag flags[] = {
    {"value", "FORMAT", "avro (default), json, csv, string, bytes"},
    {"schema", "FILE.avsc", "Avro schema of the values; only avro needs one"},
    COLUMNS_FLAG,
    {"rows", "json|csv|text",
     "each line is a value, not a record line; text: as it is (default: by the file's ending, .csv "
     "or .avro, else record lines)"},
    {"key", "FIELD", "field whose text is the key of rows without one"},
    {"partitions", "N", "of the topic, if it must be created (default: the broker's)"},
    CONNECTION_FLAGS,
    {0},
};

const struct command command_produce = {
    .name = "produce",
    .usage = "TOPIC [--schema FILE.avsc | --value FORMAT] [FILE] [options]",
    .doc = "writes record lines, JSON rows, CSV or lines as records; creates a missing topic",
    .min_args = 1,
    .max_args = 2,
    .flags = flags,
    .run = run,
};
