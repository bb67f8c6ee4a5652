/* klamm tail: the records of a topic as record lines, Avro decoded, from the beginning or only new
 * ones, until interrupted or (--until-end) to the end as of now.
 *
 * Records that are not of the format are told one by one where others are; where none is, the first
 * one is shown once, with the format that it seems to have, and the command fails.
 */
#include "engine/memory.h"
#include "engine/str.h"
#include "schemas/json_pull.h"
#include "worker/commands/connection.h"
#include "worker/printer.h"
#include "worker/show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define REFUSED_MOST 100 /* records that are read in search of the first good one */

struct tailing {
    struct printer *printer;
    const char *key, *value; /* formats */
    struct buffer line;
    int64_t left; /* lines still to print */
    uint64_t printed, refused;
    struct err first; /* why the first record was refused, and what might help */
    const atomic_bool *stop;
    struct err *e;
};

static bool is_text(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7F) {
            return false;
        }
    }
    return utf8_valid(p, n);
}

static bool is_avro(const void *p, size_t n)
{
    return n >= 5 && *(const char *)p == 0;
}

/* The format that bytes seem to have. */
static const char *guess_value(const char *p, size_t n)
{
    struct json_pull j;
    json_pull_init(&j);
    json_begin(&j, p, n);
    bool is_json = n > 0 && json_skip(&j, NULL) && json_finish(&j);
    json_pull_done(&j);
    if (is_avro(p, n)) {
        return NULL; /* of a schema that is not known */
    }
    if (is_json) {
        return "they look like JSON: try --value json";
    }
    if (!is_text(p, n)) {
        return "try --value bytes";
    }
    return memchr(p, ',', n) ? "they look like CSV: try --value string, or --value csv with "
                               "--columns 'NAME: TYPE, …'"
                             : "they look like text: try --value string";
}

/* Keeps why the first record was refused; negative when enough were. */
static int refuse(struct tailing *t, const struct record *r, const struct err *why)
{
    if (t->printed) {
        fprintf(stderr, "%s partition %d offset %lld: %s\n", r->topic, r->partition,
                (long long)r->offset, why->text);
        return 0;
    }
    if (t->refused++ == 0) {
        bool bad_key = strcmp(t->key, "avro") == 0 && r->key && !is_avro(r->key, r->key_n);
        const char *hint = bad_key    ? "the keys are not Avro: try --key string or --key bytes"
                           : r->value ? guess_value(r->value, r->value_n)
                                      : NULL;
        hint = hint && !bad_key && strcmp(t->value, "avro") != 0 ? "try another --value" : hint;
        err_set(&t->first, ERR_DATA,
                "the records of %s are not of the formats key %s and value %s (partition %d offset "
                "%lld: %s)%s%s",
                r->topic, t->key, t->value, r->partition, (long long)r->offset, why->text,
                hint ? "; " : "", hint ? hint : "");
    }
    return t->refused < REFUSED_MOST ? 0 : err_set(t->e, ERR_DATA, "%s", t->first.text);
}

/* JSON is printed as it is, so what is something else must be told here. */
static int check_json(const struct tailing *t, const struct record *r, struct err *e)
{
    if (strcmp(t->value, "json") != 0 || !r->value || !is_avro(r->value, r->value_n)) {
        return 0;
    }
    const uint8_t *b = r->value;
    uint32_t id = (uint32_t)b[1] << 24 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 8 | b[4];
    return err_set(e, ERR_DATA, "it looks like Avro (magic byte 0, schema id %u): use --value avro",
                   id);
}

static int print_record(void *ctx, const struct record *r)
{
    struct tailing *t = ctx;
    struct err e = {0};
    if (t->left == 0 || atomic_load(t->stop)) {
        return 0;
    }
    buffer_clear(&t->line);
    int result = check_json(t, r, &e);
    result = result < 0 ? result : printer_line(t->printer, r, &t->line, &e);
    if (result == -ERR_DATA) {
        return refuse(t, r, &e);
    }
    if (result < 0) {
        err_set(t->e, e.kind, "%s", e.text);
        return result;
    }
    if (t->printed++ == 0 && t->refused) {
        fprintf(stderr, "%llu record%s before it left out: %s\n", (unsigned long long)t->refused,
                t->refused == 1 ? "" : "s", t->first.text);
    }
    buffer_byte(&t->line, '\n');
    fwrite(t->line.data, 1, t->line.n, stdout);
    t->left -= t->left > 0;
    return 0;
}

static int tail(const struct invocation *in, struct connection *c, struct tailing *t, struct err *e)
{
    struct log *log = c->client.log;
    const char *topic = in->arg[0];
    bool once = flag_given(in, "until-end");
    int32_t n;
    int r = log->ops->partitions(log, topic, &n, 10000, e);
    if (r == 0 && n == 0) {
        return client_no_topic(&c->client, topic, e);
    }
    int64_t *next = mem_zalloc((size_t)n * sizeof *next + 1);
    for (int32_t p = 0; r == 0 && p < n; p++) {
        int64_t begin, end;
        r = log->ops->bounds(log, topic, p, &begin, &end, 10000, e);
        next[p] = flag_given(in, "new") ? end : begin;
    }
    command_catch(in);
    while (r == 0 && t->left != 0 && !atomic_load(in->stop) && !show_is_over()) {
        for (int32_t p = 0; r == 0 && p < n && t->left != 0; p++) {
            int64_t begin, end;
            r = log->ops->bounds(log, topic, p, &begin, &end, 10000, e);
            if (r == 0 && end > next[p]) {
                next[p] = next[p] < begin ? begin : next[p];
                r = log->ops->read_all(log, topic, p, next[p], print_record, t, &next[p], e);
            }
        }
        fflush(stdout);
        if (r == 0 && t->refused && !t->printed) {
            r = err_set(e, ERR_DATA, "%s", t->first.text);
        }
        if (once) {
            break;
        }
        nanosleep(&(struct timespec){0, 100000000}, NULL);
    }
    mem_free(next);
    return r;
}

/* --columns, for formats whose types must be given. */
static int give_columns(const struct invocation *in, struct connection *c, struct printer *p,
                        const char *format, struct err *e)
{
    struct codec_spec spec = {.def = codec_named(format), .topic = ""};
    struct diags d;
    if (!flag_given(in, "columns")) {
        return 0;
    }
    if (!spec.def->needs_columns || strcmp(format, "json") == 0) {
        return err_set(e, ERR_CONFIG, "--columns goes with --value csv");
    }
    struct schema *s = schema_new(&c->mem, COLUMNS_MAX);
    diags_init(&d);
    int r = flag_columns(in, &c->mem, &spec.columns, &d);
    r = r < 0 ? r : spec.def->infer(&spec, &c->mem, s, &d);
    if (r < 0) {
        err_set(e, ERR_CONFIG, "--columns: %s", d.n ? d.item[0].text : "");
    }
    diags_done(&d);
    return r < 0 ? r : printer_columns(p, s, e);
}

static int run(const struct invocation *in)
{
    struct connection c;
    struct err e = {0};
    const char *key = flag_value(in, "key"), *value = flag_value(in, "value"),
               *lines = flag_value(in, "lines");
    struct tailing t = {.left = lines ? strtoll(lines, NULL, 10) : -1,
                        .key = key ? key : "string",
                        .value = value ? value : "avro",
                        .stop = in->stop,
                        .e = &e};
    char *end = NULL;
    if (lines && (strtoll(lines, &end, 10) < 0 || *end || end == lines)) {
        return print_usage_error(in, "--lines takes a number; found \"%s\"", lines);
    }
    if (strcmp(t.value, "csv") == 0 && !flag_given(in, "columns")) {
        return print_usage_error(in, "--value csv needs --columns 'NAME: TYPE, …' (or --value "
                                     "string prints the lines)");
    }
    int code = connection_open(&c, in);
    if (code) {
        return code;
    }
    buffer_init(&t.line);
    int r = printer_new(&t.printer, t.key, t.value, c.client.schemas, &e);
    r = r < 0 ? r : give_columns(in, &c, t.printer, t.value, &e);
    r = r < 0 ? r : tail(in, &c, &t, &e);
    if (r < 0) {
        code = print_err(&e);
    } else if (t.left != 0 && !atomic_load(in->stop) && !flag_given(in, "until-end")) {
        code = EXIT_CUT;
    }
    if (t.printer) {
        printer_free(t.printer);
    }
    buffer_done(&t.line);
    connection_close(&c);
    return code;
}

static const struct flag flags[] = {
    {"until-end", NULL, "stop at the end of the topic"},
    {"new", NULL, "only records that come from now on"},
    {"lines", "N", "stop after N records"},
    {"key", "FORMAT", "string (default), long, bytes, avro, json, none"},
    {"value", "FORMAT", "avro (default), json, csv (with --columns), string, bytes"},
    COLUMNS_FLAG,
    CONNECTION_FLAGS,
    {0},
};

const struct command command_tail = {
    .name = "tail",
    .usage = "TOPIC [options]",
    .doc = "prints the records of a topic as record lines, Avro decoded",
    .min_args = 1,
    .max_args = 1,
    .flags = flags,
    .ends_by_signal = true,
    .run = run,
};
