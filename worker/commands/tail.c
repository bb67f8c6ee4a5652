/* klamm tail: the records of a topic as record lines, Avro decoded, from the beginning or only new
 * ones, until interrupted or (--until-end) to the end as of now. */
#include "engine/memory.h"
#include "worker/commands/connection.h"
#include "worker/printer.h"
#include "worker/show.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct tailing {
    struct printer *printer;
    struct buffer line;
    int64_t left; /* lines still to print */
    const atomic_bool *stop;
    struct err *e;
};

static int print_record(void *ctx, const struct record *r)
{
    struct tailing *t = ctx;
    struct err e = {0};
    if (t->left == 0 || atomic_load(t->stop)) {
        return 0;
    }
    buffer_clear(&t->line);
    int result = printer_line(t->printer, r, &t->line, &e);
    if (result == -ERR_DATA) {
        fprintf(stderr, "%s partition %d offset %lld: %s\n", r->topic, r->partition,
                (long long)r->offset, e.text);
        return 0;
    }
    if (result < 0) {
        err_set(t->e, e.kind, "%s", e.text);
        return result;
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
        return err_set(e, ERR_CONFIG, "there is no topic \"%s\"", topic);
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
        if (once) {
            break;
        }
        nanosleep(&(struct timespec){0, 100000000}, NULL);
    }
    mem_free(next);
    return r;
}

static int run(const struct invocation *in)
{
    struct connection c;
    struct err e = {0};
    const char *key = flag_value(in, "key"), *value = flag_value(in, "value"),
               *lines = flag_value(in, "lines");
    struct tailing t = {.left = lines ? strtoll(lines, NULL, 10) : -1, .stop = in->stop, .e = &e};
    char *end = NULL;
    if (lines && (strtoll(lines, &end, 10) < 0 || *end || end == lines)) {
        return print_usage_error(in, "--lines takes a number; found \"%s\"", lines);
    }
    int code = connection_open(&c, in);
    if (code) {
        return code;
    }
    buffer_init(&t.line);
    int r =
        printer_new(&t.printer, key ? key : "string", value ? value : "avro", c.client.schemas, &e);
    r = r < 0 ? r : tail(in, &c, &t, &e);
    if (r < 0) {
        code = print_err(&e);
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
    {"value", "FORMAT", "avro (default), json, string, bytes"},
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
