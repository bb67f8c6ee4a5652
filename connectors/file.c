/* Source and sink file: rows out of a file of lines, record lines into one.
 *
 *     file: {path: data/in.csv, format: csv, columns: {host: string, value: double}}
 *
 *   jsonl     each line an object, by the codec json
 *   records   record lines: rows are their values, event times their timestamps (without one: now)
 *   csv       by the codec csv; the first record is a header that names the fields, unless
 *             `header: false`, where they stand in the order of `columns`
 *   position  byte offset behind the last line read; with `follow` a last line without line end
 *             waits for the rest of it, otherwise it counts
 *   follow    asks again every FOLLOW_MS; a file that was replaced or cut is read from its
 *             beginning
 *   bad line  -ERR_DATA with its byte offset; the next call goes on behind it. Empty lines are
 *             skipped
 *   sink      appends lines, each whole: what a crash has torn is ended with a line end at opening;
 *             flush is fsync
 *
 * Codecs are found by name in the registry. The columns of a record line are those of its member
 * `value`: a column c is read as `value.c`, so that the codec json does all of it.
 */
#include "engine/codec.h"
#include "engine/connector.h"
#include "engine/memory.h"
#include "engine/registry.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_MAX_BYTES (16U << 20)
#define CHUNK          (256U << 10)
#define FOLLOW_MS      200
#define BUFFERED       (256U << 10) /* what a sink gathers before it writes */

enum format { FORMAT_JSONL, FORMAT_RECORDS, FORMAT_CSV };

struct file_cfg {
    const char *path;
    int format;
    const struct yaml *columns;
    bool follow, header;
};

static const char *const formats[] = {"jsonl", "records", "csv", NULL};

static const struct config_field fields[] = {
    {.name = "path",
     .kind = CONFIG_TEXT,
     .offset = offsetof(struct file_cfg, path),
     .required = true,
     .doc = "The file."},
    {.name = "format",
     .kind = CONFIG_ENUM,
     .offset = offsetof(struct file_cfg, format),
     .def = "jsonl",
     .values = formats,
     .doc = "jsonl: a JSON object a line; records: record lines; csv: with a header. A sink writes "
            "record lines."},
    {.name = "columns",
     .kind = CONFIG_YAML,
     .offset = offsetof(struct file_cfg, columns),
     .doc = "Columns of a source and their types."},
    {.name = "follow",
     .kind = CONFIG_BOOLEAN,
     .offset = offsetof(struct file_cfg, follow),
     .doc = "Wait for more at the end of the file."},
    {.name = "header",
     .kind = CONFIG_BOOLEAN,
     .offset = offsetof(struct file_cfg, header),
     .def = "true",
     .doc = "The first CSV record names the fields."},
    {0},
};

struct connector {
    int fd;
    char *path;
    struct buffer data; /* source: read but not used; sink: not yet written */

    /* Of a source. */
    size_t used; /* bytes of data that are used up */
    int64_t at;  /* byte offset in the file of data[used] */
    ino_t inode;
    enum format format;
    bool follow, has_header, at_end;
    struct arena plan;
    const struct schema *schema; /* of the rows handed out */
    const struct codec_def *codec;
    struct codec_reader *reader;
    struct schema *read; /* what the codec fills: the columns by the file's own names */
    int32_t *source;     /* by column of `schema`: its number in `read`, or -1 */
    int32_t time;        /* column of `read` with the timestamp, or -1 */
    bool *needs;
};

static const struct codec_def *find_codec(const char *name)
{
    for (const struct codec_def *const *c = registry_codecs; *c != NULL; c++) {
        if (strcmp((*c)->name, name) == 0) {
            return *c;
        }
    }
    return NULL;
}

static const struct codec_def *codec_of(int format)
{
    return find_codec(format == FORMAT_CSV ? "csv" : "json");
}

static bool file_is_endless(const void *config)
{
    const struct file_cfg *cfg = config;
    return cfg->follow;
}

static int file_columns(const void *config, struct place at, const char *path, struct arena *a,
                        struct schema **out, struct diags *d)
{
    const struct file_cfg *cfg = config;
    struct codec_spec spec = {.def = codec_of(cfg->format), .at = at, .path = path};
    spec.columns = cfg->columns;
    *out = schema_new(a, COLUMNS_MAX);
    return spec.def->infer(&spec, a, *out, d);
}

static int system_error(const struct connector *c, const char *what, struct err *e)
{
    return err_set(e, errno == ENOENT || errno == EACCES ? ERR_CONFIG : ERR_RETRY,
                   "file %s cannot be %s: %s", c->path, what, strerror(errno));
}

/* ---- source ---- */

/* Appends what the file has next; 0 at its end. */
static int read_more(struct connector *c, struct err *e)
{
    if (c->used > 0) {
        memmove(c->data.data, c->data.data + c->used, c->data.n - c->used);
        c->data.n -= c->used;
        c->used = 0;
    }
    ssize_t n = read(c->fd, buffer_reserve(&c->data, CHUNK), CHUNK);
    if (n < 0) {
        return errno == EINTR ? 1 : system_error(c, "read", e);
    }
    c->data.n += (size_t)n;
    return n > 0;
}

/* Length of the line (in CSV: record) at p with its line end, 0 when it is not whole. */
static size_t line_length(const struct connector *c, const char *p, size_t n)
{
    if (c->format != FORMAT_CSV) {
        const char *end = n > 0 ? memchr(p, '\n', n) : NULL;
        return end ? (size_t)(end - p) + 1 : 0;
    }
    bool is_quoted = false; /* a doubled quote changes it twice */
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '\n' && !is_quoted) {
            return i + 1;
        }
        is_quoted ^= p[i] == '"';
    }
    return 0;
}

/* The next line: 1, 0 when there is none yet or no more. The line is used up, so that a bad one is
 * passed. */
static int next_line(struct connector *c, const char **p, size_t *n, struct err *e)
{
    size_t left, length;
    for (;;) {
        left = c->data.n - c->used;
        length = line_length(c, left ? c->data.data + c->used : "", left);
        if (length > 0) {
            break;
        }
        if (left > LINE_MAX_BYTES) {
            return err_set(e, ERR_CONFIG, "file %s: a line of more than %u bytes at byte %lld",
                           c->path, LINE_MAX_BYTES, (long long)c->at);
        }
        int rc = read_more(c, e);
        if (rc < 0) {
            return rc;
        }
        if (rc == 0) {
            c->at_end = true;
            length = c->follow ? 0 : c->data.n;
            if (length == 0) {
                return 0;
            }
            break;
        }
    }
    *p = c->data.data + c->used;
    *n = length;
    c->used += length;
    c->at += (int64_t)length;
    while (*n > 0 && ((*p)[*n - 1] == '\n' || (*p)[*n - 1] == '\r')) {
        --*n;
    }
    return 1;
}

/* Passes a byte order mark. */
static void skip_mark(const char **p, size_t *n)
{
    if (*n >= 3 && memcmp(*p, "\xef\xbb\xbf", 3) == 0) {
        *p += 3;
        *n -= 3;
    }
}

/* The next name of a header; *p is moved behind its comma, and NULL behind the last. */
static const char *header_name(struct arena *a, const char **p, const char *end)
{
    char *name = arena_alloc(a, (size_t)(end - *p) + 1);
    size_t n = 0;
    bool is_quoted = false;
    const char *q = *p;
    for (; q < end && (is_quoted || *q != ','); q++) {
        if (*q == '"') {
            is_quoted = !is_quoted;
            if (is_quoted && q > *p && q[-1] == '"') {
                name[n++] = '"';
            }
        } else {
            name[n++] = *q;
        }
    }
    name[n] = '\0';
    *p = q < end ? q + 1 : NULL;
    return name;
}

/* Columns in the order of a CSV header; names without a column are read by nobody. */
static int columns_of_header(struct connector *c, const char *p, size_t n, struct err *e)
{
    const char *end = p + n;
    while (p != NULL) {
        const char *name = header_name(&c->plan, &p, end);
        if (c->read->n == COLUMNS_MAX) {
            return err_set(e, ERR_CONFIG, "file %s: more than %d fields", c->path, COLUMNS_MAX);
        }
        int known = schema_find(c->schema, name);
        if (known < 0) {
            name = arena_printf(&c->plan, "%s (field %d)", name, c->read->n);
        } else if (c->source[known] >= 0) {
            return err_set(e, ERR_CONFIG, "file %s: the header names '%.100s' twice", c->path,
                           name);
        } else {
            c->source[known] = c->read->n;
        }
        c->needs[c->read->n] = known >= 0;
        schema_add(c->read, name, known >= 0 ? c->schema->col[known].type : &type_string, true,
                   false);
    }
    return 0;
}

/* Columns as they are declared; those of record lines are members of `value`. */
static void columns_as_declared(struct connector *c)
{
    for (uint16_t i = 0; i < c->schema->n; i++) {
        const struct column *col = &c->schema->col[i];
        if (col->hidden) {
            continue;
        }
        const char *name =
            c->format == FORMAT_RECORDS ? arena_printf(&c->plan, "value.%s", col->name) : col->name;
        c->source[i] = c->read->n;
        c->needs[c->read->n] = true;
        schema_add(c->read, name, col->type, true, false);
    }
    if (c->format == FORMAT_RECORDS) {
        c->time = c->read->n;
        c->needs[c->read->n] = true;
        schema_add(c->read, "timestamp", &type_timestamp, true, false);
    }
}

/* Opens the codec's reader; 0 when the header is not there yet. */
static int open_reader(struct connector *c, int64_t position, struct err *e)
{
    arena_reset(&c->plan);
    c->read = schema_new(&c->plan, COLUMNS_MAX);
    c->needs = arena_zalloc(&c->plan, COLUMNS_MAX * sizeof *c->needs);
    c->source = arena_array(&c->plan, c->schema->n + 1U, sizeof *c->source);
    memset(c->source, 0xff, (c->schema->n + 1U) * sizeof *c->source);
    c->time = -1;
    int rc = 1;
    if (c->format == FORMAT_CSV && c->has_header) {
        const char *p;
        size_t n;
        rc = next_line(c, &p, &n, e);
        if (rc <= 0) {
            return rc;
        }
        skip_mark(&p, &n);
        rc = columns_of_header(c, p, n, e);
    } else {
        columns_as_declared(c);
    }
    struct codec_spec spec = {.def = c->codec};
    rc = rc < 0 ? rc : c->codec->reader_open(&c->reader, &spec, c->read, c->needs, NULL, e);
    if (rc >= 0 && position > c->at) { /* go on where the last run stopped */
        buffer_clear(&c->data);
        c->used = 0;
        c->at = position;
        rc = lseek(c->fd, position, SEEK_SET) < 0 ? system_error(c, "read", e) : 0;
    }
    return rc < 0 ? rc : 1;
}

static void close_reader(struct connector *c)
{
    if (c->reader != NULL) {
        c->codec->reader_close(c->reader);
        c->reader = NULL;
    }
}

static int open_file(struct connector *c, struct err *e)
{
    struct stat st;
    c->fd = open(c->path, O_RDONLY | O_CLOEXEC);
    if (c->fd < 0 || fstat(c->fd, &st) < 0) {
        return system_error(c, "opened", e);
    }
    c->inode = st.st_ino;
    c->at = 0;
    c->used = 0;
    buffer_clear(&c->data);
    return 0;
}

static void file_close(struct connector *c)
{
    close_reader(c);
    if (c->fd >= 0) {
        close(c->fd);
    }
    buffer_done(&c->data);
    arena_done(&c->plan);
    mem_free(c->path);
    mem_free(c);
}

static struct connector *file_new(const struct file_cfg *cfg)
{
    struct connector *c = mem_zalloc(sizeof *c);
    c->fd = -1;
    c->path = mem_strdup(cfg->path);
    c->format = (enum format)cfg->format;
    c->follow = cfg->follow;
    c->has_header = cfg->header;
    c->codec = codec_of(cfg->format);
    arena_init(&c->plan);
    buffer_init(&c->data);
    return c;
}

static int file_open(struct connector **out, const void *cfg, const struct schema *schema,
                     int64_t position, struct err *e)
{
    struct connector *c = file_new(cfg);
    c->schema = schema;
    int rc = open_file(c, e);
    struct stat st;
    if (rc == 0 && fstat(c->fd, &st) == 0 && st.st_size < position) {
        position = 0; /* another file than the one that was read */
    }
    rc = rc < 0 ? rc : open_reader(c, position, e);
    if (rc < 0) {
        file_close(c);
        return rc;
    }
    *out = c;
    return 0;
}

/* At the end of a followed file: 1 when it was cut or replaced, and is read from its beginning. */
static int check_change(struct connector *c, struct err *e)
{
    struct stat st, named;
    if (fstat(c->fd, &st) < 0 || stat(c->path, &named) < 0) {
        return 0; /* it is being replaced */
    }
    int64_t end = c->at + (int64_t)(c->data.n - c->used);
    if (st.st_size >= end && named.st_ino == c->inode) {
        return 0;
    }
    close(c->fd);
    close_reader(c);
    int rc = open_file(c, e);
    return rc < 0 ? rc : 1;
}

/* Fills rows until the batch is full or there are no more lines: their number, or an error at the
 * first row. */
static int fill(struct connector *c, struct batch *in, int64_t now, int64_t *position,
                struct err *e)
{
    uint16_t row = 0;
    while (row < BATCH_ROWS) {
        const char *p;
        size_t n;
        int64_t start = c->at;
        int rc = next_line(c, &p, &n, e);
        if (rc > 0 && start == 0) {
            skip_mark(&p, &n);
        }
        if (rc > 0 && n > 0) {
            rc = c->codec->read(c->reader, p, n, in, row, e);
            if (rc < 0) {
                err_prefix(e, "file %s, line at byte %lld", c->path, (long long)start);
            }
            in->time[row] = now;
            if (rc >= 0 && c->time >= 0 && !vec_is_null(&in->col[c->time], row)) {
                in->time[row] = in->col[c->time].i[row];
            }
            row = (uint16_t)(row + (rc >= 0));
        } else if (rc == 0) {
            break;
        }
        if (rc < 0 && row > 0) { /* the rows before come first, the error next time */
            err_clear(e);
            c->used -= (size_t)(c->at - start);
            c->at = start;
            break;
        }
        *position = c->at;
        if (rc < 0) {
            return rc;
        }
    }
    *position = c->at;
    return row;
}

/* The rows as the caller wants them: the codec's columns under the declared names. */
static struct batch *hand_out(struct connector *c, struct batch *in, uint16_t n)
{
    struct batch *b = arena_alloc(in->mem, sizeof *b);
    in->rows = in->nsel = n;
    *b = batch_reshape(in, c->schema);
    for (uint16_t i = 0; i < c->schema->n; i++) {
        if (c->source[i] >= 0) {
            b->col[i] = in->col[c->source[i]];
        } else {
            b->col[i] = vec_new(in->mem, c->schema->col[i].type, n);
            memset(vec_nulls(&b->col[i], in->mem, n), 1, n);
        }
    }
    return b;
}

static int file_poll(struct connector *c, int64_t now, struct arena *mem, struct batch **out,
                     int64_t *position, int64_t *next, struct err *e)
{
    *out = NULL;
    *next = now;
    *position = c->at;
    c->at_end = false;
    int rc = c->reader != NULL ? 1 : open_reader(c, 0, e);
    if (rc > 0) {
        struct batch *in = batch_new(mem, c->read, BATCH_ROWS, c->needs);
        rc = fill(c, in, now, position, e);
        if (rc > 0) {
            *out = hand_out(c, in, (uint16_t)rc);
        }
    }
    if (rc < 0 || !c->at_end) {
        return rc < 0 ? rc : 0;
    }
    if (!c->follow) {
        return 1;
    }
    rc = check_change(c, e);
    *next = rc == 0 ? now + FOLLOW_MS : now;
    return rc < 0 ? rc : 0;
}

/* ---- sink ---- */

static int write_all(struct connector *c, struct err *e)
{
    size_t done = 0;
    while (done < c->data.n) {
        ssize_t n = write(c->fd, c->data.data + done, c->data.n - done);
        if (n < 0 && errno != EINTR) {
            memmove(c->data.data, c->data.data + done, c->data.n - done);
            c->data.n -= done;
            return err_set(e, ERR_RETRY, "file %s cannot be written: %s", c->path, strerror(errno));
        }
        done += n > 0 ? (size_t)n : 0;
    }
    buffer_clear(&c->data);
    return 0;
}

static int sink_open(struct connector **out, const void *cfg, struct err *e)
{
    struct connector *c = file_new(cfg);
    c->fd = open(c->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    struct stat st;
    if (c->fd < 0 || fstat(c->fd, &st) < 0) {
        int rc = system_error(c, "opened", e);
        file_close(c);
        return rc;
    }
    char last = '\n';
    if (st.st_size > 0 && pread(c->fd, &last, 1, st.st_size - 1) == 1 && last != '\n') {
        buffer_byte(&c->data, '\n');
    }
    *out = c;
    return 0;
}

static int sink_write(struct connector *c, const char *line, size_t n, struct err *e)
{
    buffer_add(&c->data, line, n);
    buffer_byte(&c->data, '\n');
    return c->data.n >= BUFFERED ? write_all(c, e) : 0;
}

static int sink_flush(struct connector *c, struct err *e)
{
    int rc = write_all(c, e);
    if (rc == 0 && fsync(c->fd) < 0 && errno != EINVAL && errno != EROFS) {
        rc = err_set(e, ERR_RETRY, "file %s cannot be synced: %s", c->path, strerror(errno));
    }
    return rc;
}

const struct connector_def connector_file = {
    .name = "file",
    .doc = "Rows out of a file of lines; record lines into a file.",
    .config = fields,
    .config_size = sizeof(struct file_cfg),
    .columns = file_columns,
    .is_endless = file_is_endless,
    .source_open = file_open,
    .source_poll = file_poll,
    .sink_open = sink_open,
    .sink_write = sink_write,
    .sink_flush = sink_flush,
    .close = file_close,
};
