/* klamm replay: a topology over files, without Kafka and without a clock.
 *
 *   files ─ head with the least event time next ─ local ─ record lines
 *
 * Values of files are JSON (or Avro bytes of a container), so the sources' codecs are set to match;
 * what goes out is encoded by the sinks' codecs and printed from those bytes, as `tail` would show
 * it. A line that is no row is a bad record of its stream: `errors` says whether it ends the run or
 * goes to the dead letters, as it stands in the file.
 *
 * State is in memory, with `backend: rocksdb` too; with memory.limit it may take half of that.
 */
#include "engine/memory.h"
#include "schemas/registry_memory.h"
#include "worker/client.h"
#include "worker/commands/command.h"
#include "worker/local.h"
#include "worker/memory_use.h"
#include "worker/outputs.h"
#include "worker/rows.h"
#include "worker/show.h"
#include "worker/text_input.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RUN_MOST        1024
#define PARTITIONS_MOST 10000
#define LOOK_RECORDS    1024 /* memory.limit is looked at so often */

/* One --input. */
struct feed {
    char *stream;
    const char *path;
    struct plan_source *source;
    const char *topic; /* that its rows go to */
    struct rows *rows;
    uint32_t schema_id; /* of a container */
    struct codec_reader *time_reader;
    bool at_end;
    bool is_past;        /* no stream reads it: a step does, before its first row */
    struct record head;  /* lives until the next one is read */
    struct err head_err; /* why the head is no row; its value is the line */
    struct buffer key, value, place;
    int64_t time, last_timestamp, offset;
};

struct replay {
    struct topology *topology;
    struct plan *plan;
    struct schema_store *schemas;
    struct arena mem;
    const char *folder;
    int rows; /* --rows: format of all files but containers; -1: as their endings say */
    uint16_t batch_rows;
    int nfeeds;
    struct feed *feed;
    struct outputs outputs;
    struct local *local;
    struct clock clock;
    int64_t began_ns, drawn_ns;
    uint64_t records;
    struct memory_use memory; /* limit 0: none */
    uint64_t held, look_at, recount_at;
};

static int open_time_reader(struct replay *r, struct feed *f, struct err *e)
{
    const struct plan_source *s = f->source;
    if (s->time_column < 0) {
        return 0;
    }
    bool *needs = arena_zalloc(&r->mem, s->schema->n + 1U);
    needs[s->time_column] = true;
    return s->value.def->reader_open(&f->time_reader, &s->value, s->schema, needs, r->schemas, e);
}

static int format_of(const struct replay *r, const char *path, struct err *e)
{
    if (r->rows < 0) {
        return rows_format_of(path, e);
    }
    return rows_format_of(path, NULL) == ROWS_CONTAINER ? ROWS_CONTAINER : r->rows;
}

static int open_feed(struct replay *r, struct feed *f, struct err *e)
{
    int format = format_of(r, f->path, e);
    if (format < 0) {
        return format;
    }
    f->source = text_input_any(r->plan, f->stream, e);
    if (!f->source) {
        return err_prefix(e, "--input %s=%s", f->stream, f->path);
    }
    f->topic = text_input_topic(f->source, f->stream);
    f->is_past = !text_input_is_read(r->plan, f->topic);
    int result = rows_open(&f->rows, f->path, (enum rows_format)format, f->source->schema, e);
    if (result < 0) {
        return result;
    }
    if (strcmp(f->source->value.def->name, "avro") != 0) {
        result = rows_need_all(f->rows, e);
    }
    if (result == 0 && rows_schema(f->rows)) {
        if (strcmp(f->source->value.def->name, "avro") != 0) {
            return err_set(e, ERR_CONFIG, "%s: an Avro file needs a stream with value: avro",
                           f->path);
        }
        result = r->schemas->put(r->schemas, f->path, rows_schema(f->rows), &f->schema_id, e);
    } else if (result == 0) {
        text_input_use_json(f->source);
        text_input_use_json_past(r->plan, f->topic);
    }
    return result;
}

static int64_t event_time(struct replay *r, struct feed *f)
{
    if (!f->time_reader || !f->head.value) {
        return f->head.timestamp;
    }
    struct arena_mark mark = arena_mark(&r->mem);
    bool *needs = arena_zalloc(&r->mem, f->source->schema->n + 1U);
    needs[f->source->time_column] = true;
    struct batch *b = batch_new(&r->mem, f->source->schema, 1, needs);
    struct err e = {0};
    int64_t time = f->head_err.kind ? f->time : f->last_timestamp;
    const struct vec *v = &b->col[f->source->time_column];
    if (!f->head_err.kind &&
        f->source->value.def->read(f->time_reader, f->head.value, f->head.value_n, b, 0, &e) == 0 &&
        !vec_is_null(v, 0)) {
        time = v->i[0];
    }
    arena_release(&r->mem, mark);
    return time;
}

/* Key and value of the head as their formats have them. */
static void make_bytes(struct feed *f)
{
    int result = text_input_key(f->source->key.def, &f->head, &f->key, &f->head_err);
    if (result == 0 && !rows_schema(f->rows)) {
        result = text_input_value(f->source->value.def, &f->head, &f->value, &f->head_err);
    }
    if (result < 0) {
        err_prefix(&f->head_err, "%s: row %lld of stream %s", f->path, (long long)f->offset,
                   f->stream);
    }
}

static int next_head(struct replay *r, struct feed *f, struct err *e)
{
    const char *line;
    size_t n;
    f->head_err.kind = ERR_NONE;
    int result = rows_next(f->rows, &f->head, &f->head_err);
    if (result == 0 || (result < 0 && !rows_bad_line(f->rows, &line, &n))) {
        f->at_end = true;
        return result < 0 ? err_set(e, f->head_err.kind, "%s", f->head_err.text) : 0;
    }
    if (result < 0) {
        f->head = (struct record){.partition = -1, .timestamp = -1, .value = line, .value_n = n};
    }
    if (f->head.timestamp < 0) {
        f->head.timestamp = f->last_timestamp;
    }
    f->last_timestamp = f->head.timestamp;
    f->head.topic = f->topic;
    f->head.partition = f->head.partition < 0 ? 0 : f->head.partition;
    f->head.offset = f->offset++;
    if (result == 1) {
        make_bytes(f);
    }
    if (rows_schema(f->rows)) {
        buffer_clear(&f->value);
        buffer_byte(&f->value, 0);
        for (int shift = 24; shift >= 0; shift -= 8) {
            buffer_byte(&f->value, (uint8_t)(f->schema_id >> shift));
        }
        buffer_add(&f->value, f->head.value, f->head.value_n);
        f->head.value = f->value.data;
        f->head.value_n = f->value.n;
    }
    f->time = r->nfeeds > 1 ? event_time(r, f) : 0;
    return 0;
}

/* Tables come first on ties, then who stands first on the command line. */
static struct feed *least(struct replay *r)
{
    struct feed *best = NULL;
    for (int i = 0; i < r->nfeeds; i++) {
        struct feed *f = &r->feed[i];
        bool is_first = best && f->time == best->time && f->source->table && !best->source->table;
        if (!f->at_end && !f->is_past && (!best || f->time < best->time || is_first)) {
            best = f;
        }
    }
    return best;
}

/* True with the next record that is one; bad lines are told when they are replayed. */
static bool next_record(struct rows *rows, struct record *rec, int *result, struct err *e)
{
    const char *line;
    size_t n;
    struct err why;
    do {
        why.kind = ERR_NONE;
        *result = rows_next(rows, rec, &why);
    } while (*result < 0 && rows_bad_line(rows, &line, &n));
    if (*result < 0) {
        err_set(e, why.kind, "%s", why.text);
    }
    return *result == 1;
}

/* Raises *n to the partitions that the lines of a file name. */
static int count_in(const struct replay *r, const struct feed *f, int32_t *n, struct err *e)
{
    struct rows *rows;
    struct record rec;
    if (format_of(r, f->path, e) != ROWS_RECORD_LINES) {
        return 0;
    }
    int result = rows_open(&rows, f->path, ROWS_RECORD_LINES, NULL, e);
    if (result < 0) {
        return result;
    }
    while (next_record(rows, &rec, &result, e)) {
        if (rec.partition >= PARTITIONS_MOST) {
            result = err_set(e, ERR_DATA, "%s: partition %d: at most %d can be replayed", f->path,
                             rec.partition, PARTITIONS_MOST);
            break;
        }
        *n = rec.partition >= *n ? rec.partition + 1 : *n;
    }
    rows_close(rows);
    return result;
}

/* Partitions of the outside topics: as many as the files' lines say. */
static int count_partitions(struct replay *r, int32_t *n, struct err *e)
{
    int result = 0;
    *n = 1;
    for (int i = 0; i < r->nfeeds && result == 0; i++) {
        result = r->feed[i].is_past ? 0 : count_in(r, &r->feed[i], n, e);
    }
    return result;
}

/* ---- what steps read before their first row: the inputs of these topics, from their beginning
 * ---- */

static const struct feed *feed_of(const struct replay *r, const char *topic)
{
    for (int i = 0; i < r->nfeeds; i++) {
        if (strcmp(r->feed[i].topic, topic) == 0) {
            return &r->feed[i];
        }
    }
    for (int i = 0; i < r->nfeeds; i++) {
        const struct plan_source *s = r->feed[i].source;
        for (int k = 0; k < s->ntopics; k++) {
            if (strcmp(s->topic[k], topic) == 0) {
                return &r->feed[i];
            }
        }
    }
    return NULL;
}

static int past_partitions(void *ctx, const char *topic, int32_t *n, struct err *e)
{
    const struct replay *r = ctx;
    const struct feed *f = feed_of(r, topic);
    *n = 1;
    if (!f) {
        return err_set(
            e, ERR_CONFIG,
            "a replay has no topics: give the rows of %s, or of the stream that reads it, "
            "with --input %s=FILE",
            topic, topic);
    }
    if (strcmp(f->path, "-") == 0) {
        return err_set(e, ERR_CONFIG, "--input %s=-: it is read twice, so it must be a file",
                       f->stream);
    }
    return count_in(r, f, n, e);
}

/* The end is not known before it is reached. */
static int past_bounds(void *ctx, const char *topic, int32_t partition, int64_t *begin,
                       int64_t *end, struct err *e)
{
    (void)ctx;
    (void)topic;
    (void)partition;
    (void)e;
    *begin = 0;
    *end = INT64_MAX;
    return 0;
}

static int past_read(void *ctx, const char *topic, int32_t partition, int64_t from,
                     int (*each)(void *each_ctx, const struct record *r), void *each_ctx,
                     int64_t *next, struct err *e)
{
    struct replay *r = ctx;
    const struct feed *f = feed_of(r, topic);
    struct feed x = {.stream = f->stream, .path = f->path};
    buffer_init(&x.key);
    buffer_init(&x.value);
    buffer_init(&x.place);
    int result = open_feed(r, &x, e);
    x.at_end = result < 0 || strcmp(x.topic, topic) != 0; /* all lines are of one of its topics */
    result = x.at_end ? result : next_head(r, &x, e);
    while (result == 0 && !x.at_end) {
        bool is_meant = x.head.partition == partition && x.head.offset >= from;
        *next = x.head.offset + 1;
        buffer_clear(&x.place);
        rows_place(x.rows, &x.place);
        x.head.place = x.head_err.kind ? NULL : buffer_cstr(&x.place);
        x.head.bad = x.head_err.kind ? x.head_err.text : NULL;
        result = is_meant ? each(each_ctx, &x.head) : 0;
        result = result == 0 ? next_head(r, &x, e) : result;
    }
    if (x.rows) {
        rows_close(x.rows);
    }
    buffer_done(&x.key);
    buffer_done(&x.value);
    buffer_done(&x.place);
    return result;
}

static const struct task_past replay_past = {past_partitions, past_bounds, past_read};

static int print_record(void *ctx, const struct record *rec, struct err *e)
{
    struct replay *r = ctx;
    struct output *o;
    int result = outputs_print(&r->outputs, rec, &o, e);
    if (result < 0) {
        return result;
    }
    if (!o->f) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s.jsonl", r->folder ? r->folder : "", o->topic);
        o->f = r->folder ? fopen(path, "wb") : stdout;
        if (!o->f) {
            return err_set(e, ERR_CONFIG, "cannot write %s: %s", path, strerror(errno));
        }
    }
    buffer_byte(&r->outputs.line, '\n');
    if (fwrite(r->outputs.line.data, 1, r->outputs.line.n, o->f) != r->outputs.line.n) {
        return err_set(e, ERR_FATAL, "cannot write the output: %s", strerror(errno));
    }
    return 0;
}

static int flush_outputs(struct replay *r, struct err *e)
{
    for (int i = 0; i < r->outputs.n; i++) {
        struct output *o = &r->outputs.item[i];
        if (o->f && fflush(o->f) != 0) {
            return err_set(e, ERR_FATAL, "cannot write the output of topic %s: %s", o->topic,
                           strerror(errno));
        }
    }
    return 0;
}

static void draw_progress(struct replay *r, const struct feed *f)
{
    int64_t now = clock_monotonic_ns();
    double share = rows_share(f->rows);
    if (!isatty(STDERR_FILENO) || now - r->drawn_ns < 200000000 || share < 0) {
        return;
    }
    r->drawn_ns = now;
    int full = (int)(share * 30);
    fprintf(stderr, "\r[%.*s%.*s] %3.0f %% %llu records\033[K", full,
            "##############################", 30 - full, "..............................",
            share * 100, (unsigned long long)r->records);
}

/* What models own is counted when the records have become a quarter more: that way each is looked
 * at some five times, however many records come. */
static int hold_memory(struct replay *r, struct err *e)
{
    if (r->memory.limit == 0 || r->records < r->look_at) {
        return 0;
    }
    r->look_at = r->records + LOOK_RECORDS;
    if (r->records >= r->recount_at) {
        r->recount_at = r->records + r->records / 4;
        local_recount(r->local);
    }
    return memory_use_set(&r->memory, &r->held, local_kept_bytes(r->local), e);
}

static int replay_rows(struct replay *r, struct err *e)
{
    struct arena kept;
    struct record *run = mem_array(RUN_MOST, sizeof *run);
    int result = 0;
    arena_init(&kept);
    for (int i = 0; i < r->nfeeds && result == 0; i++) {
        result = r->feed[i].is_past ? 0 : next_head(r, &r->feed[i], e);
    }
    for (struct feed *f = least(r); result == 0 && f; f = least(r)) {
        if (f->head_err.kind) {
            r->records++;
            result = local_refuse(r->local, &f->head, f->head_err.text, e);
            result = result < 0 ? result : hold_memory(r, e);
            result = result < 0 ? result : next_head(r, f, e);
            continue;
        }
        size_t n = 0;
        int32_t partition = f->head.partition;
        arena_reset(&kept);
        do {
            run[n++] = record_copy(&kept, &f->head);
            result = next_head(r, f, e);
        } while (result == 0 && n < RUN_MOST && !f->at_end && !f->head_err.kind && least(r) == f &&
                 f->head.partition == partition);
        r->records += n;
        result = result < 0 ? result : local_push(r->local, run, n, e);
        result = result < 0 ? result : hold_memory(r, e);
        draw_progress(r, f);
    }
    arena_done(&kept);
    mem_free(run);
    return result;
}

static void print_metric(void *ctx, int32_t partition, const struct node *n, const char *name,
                         double value)
{
    struct buffer line;
    (void)ctx;
    buffer_init(&line);
    summary_metric(partition, n, name, value, &line);
    fputs(buffer_cstr(&line), stderr);
    buffer_done(&line);
}

static void print_summary(struct replay *r)
{
    struct task_counts c = local_counts(r->local);
    double seconds = (double)(clock_monotonic_ns() - r->began_ns) / 1e9;
    struct buffer left_out;
    buffer_init(&left_out);
    summary_left_out(c.no_key, c.tombstones, &left_out);
    fprintf(stderr, "%s%llu records in %.2f s (%.0f/s), %llu written, %llu late, %llu bad%s\n",
            isatty(STDERR_FILENO) ? "\r\033[K" : "", (unsigned long long)r->records, seconds,
            seconds > 0 ? (double)r->records / seconds : 0, (unsigned long long)c.rows_out,
            (unsigned long long)c.late, (unsigned long long)c.bad, buffer_cstr(&left_out));
    buffer_done(&left_out);
    struct state_sum sum = local_state(r->local);
    state_sum_report(&sum, stderr);
    local_metrics(r->local, print_metric, r);
}

/* `| head` has seen enough. */
static bool is_cut(const struct replay *r)
{
    return !r->folder && show_is_over();
}

static int replay(struct replay *r, const struct invocation *in, struct err *e)
{
    int32_t partitions;
    int result = 0;
    for (int i = 0; i < r->nfeeds && result == 0; i++) {
        result = open_feed(r, &r->feed[i], e);
        result = result < 0 ? result : open_time_reader(r, &r->feed[i], e);
    }
    result = result < 0 ? result : count_partitions(r, &partitions, e);
    if (result < 0) {
        return result;
    }
    int64_t limit = r->topology->memory.limit;
    r->memory = (struct memory_use){.topology = r->topology->name,
                                    .limit = limit == CONFIG_UNSET ? 0 : (uint64_t)limit,
                                    .in_replay = true};
    struct local_config cfg = {.plan = r->plan,
                               .clock = &r->clock,
                               .schemas = r->schemas,
                               .partitions = partitions,
                               .batch_rows = r->batch_rows,
                               .ordered = r->folder == NULL,
                               .output = print_record,
                               .past = &replay_past,
                               .most_state = memory_use_most(&r->memory),
                               .ctx = r};
    outputs_init(&r->outputs, r->plan, r->schemas);
    result = local_new(&r->local, &cfg, e);
    r->began_ns = clock_monotonic_ns();
    result = result < 0 ? result : replay_rows(r, e);
    if (result == 0 && !flag_given(in, "keep-open")) {
        result = local_finish(r->local, e);
    }
    result = result < 0 ? result : flush_outputs(r, e);
    if (r->local && !(result < 0 && is_cut(r))) {
        print_summary(r);
    }
    return result;
}

static void close_all(struct replay *r)
{
    if (r->local) {
        local_free(r->local);
    }
    for (int i = 0; i < r->nfeeds; i++) {
        struct feed *f = &r->feed[i];
        if (f->time_reader) {
            f->source->value.def->reader_close(f->time_reader);
        }
        if (f->rows) {
            rows_close(f->rows);
        }
        buffer_done(&f->key);
        buffer_done(&f->value);
        mem_free(f->stream);
    }
    outputs_done(&r->outputs);
    mem_free(r->feed);
    plan_free(r->plan);
    if (r->schemas) {
        r->schemas->free(r->schemas);
    }
    arena_done(&r->mem);
}

static int parse_inputs(struct replay *r, const struct invocation *in)
{
    int n = 0;
    while (flag_nth(in, "input", n)) {
        n++;
    }
    if (n == 0) {
        return print_usage_error(in, "name at least one --input STREAM=FILE");
    }
    r->feed = mem_zalloc((size_t)n * sizeof *r->feed);
    for (; r->nfeeds < n; r->nfeeds++) {
        const char *v = flag_nth(in, "input", r->nfeeds), *equals = strchr(v, '=');
        if (!equals || equals == v || !equals[1]) {
            return print_usage_error(in, "--input takes STREAM=FILE; found \"%s\"", v);
        }
        struct feed *f = &r->feed[r->nfeeds];
        f->stream = mem_strndup(v, (size_t)(equals - v));
        f->path = equals + 1;
        buffer_init(&f->key);
        buffer_init(&f->value);
    }
    return 0;
}

static int run(const struct invocation *in)
{
    struct replay r = {.folder = flag_value(in, "output"), .rows = -1, .clock = clock_virtual(0)};
    const char *rows = flag_value(in, "rows");
    struct setting set[64];
    struct diags d;
    struct err e = {0};
    int nset = flag_settings(in, set, 64), code = nset < 0 ? EXIT_USAGE : EXIT_OK;
    arena_init(&r.mem);
    diags_init(&d);
    code = code ? code : flag_batch_rows(in, &r.batch_rows);
    code = code ? code : parse_inputs(&r, in);
    if (code == EXIT_OK && rows) {
        r.rows = strcmp(rows, "csv") == 0 ? ROWS_CSV : strcmp(rows, "json") == 0 ? ROWS_JSON : -1;
        code = r.rows < 0 ? print_usage_error(in, "--rows takes json or csv; found \"%s\"", rows)
                          : EXIT_OK;
    }
    if (code == EXIT_OK && r.folder && mkdir(r.folder, 0755) < 0 && errno != EEXIST) {
        code = print_usage_error(in, "cannot create %s: %s", r.folder, strerror(errno));
    }
    if (code == EXIT_OK) {
        r.schemas = registry_memory_new();
        int result = plan_load(&r.topology, &r.plan, &r.mem, in->arg[0], set, nset, &d);
        if (r.topology && client_check(&r.topology->kafka, r.topology->schema_registry, &d) < 0) {
            result = -ERR_CONFIG;
        }
        result = result < 0 ? result : replay(&r, in, &e);
        if (d.n) {
            code = print_diags(&d);
        } else if (result < 0) {
            code = is_cut(&r) ? EXIT_CUT : print_err(&e);
        }
    }
    diags_done(&d);
    close_all(&r);
    for (int i = 0; i < nset; i++) {
        mem_free((void *)(uintptr_t)set[i].path);
    }
    return code;
}

static const struct flag flags[] = {
    {"input", "STREAM=FILE",
     "rows of a stream or table, or of a topic to train from: .jsonl (record lines), .csv or "
     ".avro; repeatable"},
    {"rows", "json|csv",
     "each line of a file is a value, whatever its ending or CSV with a header"},
    {"output", "DIR", "write DIR/<topic>.jsonl instead of stdout"},
    {"keep-open", NULL, "do not close the open windows at the end"},
    SETTING_FLAG,
    {"batch-rows", "N", "rows a batch at most (for tests; the output does not depend on it)"},
    {0},
};

const struct command command_replay = {
    .name = "replay",
    .usage = "TOPOLOGY --input STREAM=FILE... [options]",
    .doc = "runs a topology over files, with no Kafka and no clock",
    .min_args = 1,
    .max_args = 1,
    .flags = flags,
    .run = run,
};
