/* Inputs: a record becomes a row.
 *
 *   record -> envelope (behind a repartition) -> value codec -> key codec -> event time -> _topic …
 *          -> watermark as of this row
 *
 * A value that cannot be read is a bad record; a null value (tombstone) is skipped and counted, but
 * for a table it deletes. Each row's lateness is judged by the watermark of the partition it came
 * from, which an envelope tells.
 */
#include "engine/envelope.h"
#include "engine/nested.h"
#include "engine/task_internal.h"

#include <inttypes.h>
#include <string.h>

#define PARTS_MOST 100000 /* partitions of one topic, as librdkafka has it */

static int open_key(struct task *t, struct input *in, struct err *e)
{
    const struct plan_source *src = in->source;
    const struct schema *schema = src->read_schema;
    const bool *needs = t->spot[in->spot].vertex->needs;
    if (!src->reads_key) {
        return 0;
    }
    bool used = src->key_column >= 0 && needs[src->key_column];
    for (uint16_t i = 0; i < schema->nkey; i++) {
        used |= needs[schema->key[i]];
    }
    if (!used) {
        return 0;
    }
    if (src->key_column >= 0) {
        in->key_schema = schema_new(&t->mem, 1);
        schema_add(in->key_schema, "_key", schema->col[src->key_column].type, true, true);
        schema = in->key_schema;
        needs = NULL;
    }
    return src->key.def->reader_open(&in->key_reader, &src->key, schema, needs, t->env.schemas, e);
}

/* Makes them n: those that come new have no watermark yet. */
static void add_parts(struct task *t, struct input *in, int n)
{
    struct part_time *part = arena_array(&t->mem, (size_t)n + 1, sizeof *part);
    for (int i = 0; i < n; i++) {
        part[i] = i < in->nparts ? in->part[i] : (struct part_time){.watermark = TIME_MIN};
    }
    in->part = part;
    in->nparts = n;
}

int input_open(struct task *t, struct input *in, struct err *e)
{
    const struct plan_source *src = in->source;
    const struct schema *schema = src->read_schema;
    in->next = -1;
    in->max_time = in->watermark = TIME_MIN;
    in->others = (struct others){TIME_MIN, true};
    in->last_record = clock_steady(t->env.clock);
    if (src->repartition >= 0) {
        const struct plan_sink *k = t->plan->sink[src->repartition];
        in->layout = layout_of_columns(k->write_schema);
        add_parts(t, in, t->env.tasks(t->env.ctx, t->plan->vertex[k->vertex]->subplan));
    }
    in->needs = arena_array(&t->mem, schema->n + 1U, sizeof *in->needs);
    for (uint16_t c = 0; c < schema->n; c++) {
        bool is_of_value = !schema->col[c].hidden || strcmp(schema->col[c].name, "_value") == 0;
        in->needs[c] =
            t->spot[in->spot].vertex->needs[c] && is_of_value && (int)c != src->key_column;
    }
    int r = src->value.def->reader_open(&in->value_reader, &src->value, schema, in->needs,
                                        t->env.schemas, e);
    return r < 0 ? r : open_key(t, in, e);
}

void input_close(struct input *in)
{
    if (in->value_reader) {
        in->source->value.def->reader_close(in->value_reader);
    }
    if (in->time_reader) {
        in->source->value.def->reader_close(in->time_reader);
    }
    if (in->key_reader) {
        in->source->key.def->reader_close(in->key_reader);
    }
}

static void put_headers(struct batch *b, struct vec *v, uint16_t row, const struct record *r)
{
    struct buffer bytes;
    buffer_init(&bytes);
    buffer_varint(&bytes, (int64_t)r->nheaders);
    for (size_t i = 0; i < r->nheaders; i++) {
        size_t n = strlen(r->headers[i].name);
        buffer_varint(&bytes, (int64_t)n);
        buffer_add(&bytes, r->headers[i].name, n);
        struct nested_value value = {.is_null = !r->headers[i].value ||
                                                !utf8_valid(r->headers[i].value, r->headers[i].n)};
        value.s.p = r->headers[i].value;
        value.s.n = (uint32_t)r->headers[i].n;
        nested_put(&bytes, &type_string, &value);
    }
    v->s[row] = str_copy(b->mem, bytes.data, (uint32_t)bytes.n);
    buffer_done(&bytes);
}

static void put_meta(const struct input *in, struct batch *b, uint16_t row, const struct record *r)
{
    const int *meta = in->source->meta;
    struct vec *v;
    if (meta[META_TOPIC] >= 0 && (v = &b->col[meta[META_TOPIC]])->data) {
        v->s[row] = str_ref(in->topic, (uint32_t)strlen(in->topic));
    }
    if (meta[META_PARTITION] >= 0 && (v = &b->col[meta[META_PARTITION]])->data) {
        v->i[row] = r->partition;
    }
    if (meta[META_OFFSET] >= 0 && (v = &b->col[meta[META_OFFSET]])->data) {
        v->i[row] = r->offset;
    }
    if (meta[META_TIME] >= 0 && (v = &b->col[meta[META_TIME]])->data) {
        v->i[row] = b->time[row];
    }
    if (meta[META_HEADERS] >= 0 && (v = &b->col[meta[META_HEADERS]])->data) {
        put_headers(b, v, row, r);
    }
}

static int read_key(struct input *in, const struct record *r, struct batch *b, uint16_t row,
                    struct err *e)
{
    const struct plan_source *src = in->source;
    struct batch view = *b;
    if (src->key_column >= 0) {
        view.schema = in->key_schema;
        view.col = &b->col[src->key_column];
    }
    if (!r->key) {
        for (uint16_t i = 0; i < b->schema->nkey; i++) {
            struct vec *v = &b->col[b->schema->key[i]];
            if (v->data) {
                vec_set_null(v, b->mem, b->rows, row);
            }
        }
        return 0;
    }
    return src->key.def->read(in->key_reader, r->key, r->key_n, &view, row, e);
}

static int read_record_time(const struct task *t, const struct input *in, int64_t time,
                            struct batch *b, uint16_t row, int64_t now, struct err *e)
{
    if (time < -EVENT_TIME_LIMIT || time > EVENT_TIME_LIMIT) {
        return err_set(e, ERR_DATA, "event time %" PRId64 " is out of range", time);
    }
    if (t->env.limit_ahead && time > now + in->source->time.max_ahead) {
        char iso[40];
        time_format_iso(time, iso);
        return err_set(e, ERR_DATA,
                       "event time %s is more than time.max_ahead ahead of the wall clock", iso);
    }
    b->time[row] = time;
    return 0;
}

static int read_time(const struct task *t, const struct input *in, const struct record *r,
                     struct batch *b, uint16_t row, int64_t now, struct err *e)
{
    int64_t time = r->timestamp;
    if (in->source->time_column >= 0) {
        const struct vec *v = &b->col[in->source->time_column];
        if (vec_is_null(v, row)) {
            return err_set(e, ERR_DATA, "event time %s is null", in->source->time.field);
        }
        time = v->i[row];
    }
    return read_record_time(t, in, time, b, row, now, e);
}

/* Event time moves the input's watermark. */
static void follow_time(struct input *in, int64_t time)
{
    if (time > in->max_time) {
        in->max_time = time;
        int64_t w = in->max_time - in->source->time.out_of_order;
        in->watermark = w > in->watermark ? w : in->watermark;
    }
}

static void mark_deleted(struct batch *b, uint16_t row)
{
    if (!b->row_op) {
        b->row_op = arena_zalloc(b->mem, b->rows);
    }
    b->row_op[row] = ROW_DELETE;
}

/* Reads the envelope: 1 a row follows, 0 none; -ERR_DATA: damaged, -ERR_CONFIG: a row of other
 * columns. The topic upstream may have gained partitions meanwhile. */
static int open_envelope(struct task *t, struct input *in, const struct record *r,
                         struct envelope *e)
{
    if (envelope_read(e, r->value, r->value_n) < 0 || e->partition < 0 ||
        e->partition >= PARTS_MOST) {
        return -ERR_DATA;
    }
    bool is_row = e->kind == ENVELOPE_ROW || e->kind == ENVELOPE_DELETE;
    if (is_row && e->layout != in->layout) {
        return -ERR_CONFIG;
    }
    if (e->partition >= in->nparts) {
        add_parts(t, in, (int)e->partition + 1);
    }
    struct part_time *from = &in->part[e->partition];
    bool matters = from->watermark <= in->watermark || from->is_idle;
    from->watermark = e->watermark > from->watermark ? e->watermark : from->watermark;
    from->is_idle = e->kind == ENVELOPE_IDLE;
    if ((matters && from->watermark > in->watermark) || from->is_idle) {
        input_lift(in, in->nparts);
    }
    return is_row;
}

static int other_columns(struct task *t, const struct input *in, const struct record *r)
{
    err_clear(&t->failure);
    return err_set(&t->failure, ERR_CONFIG,
                   "topology %s, stream %s: topic %s partition %d offset %" PRId64
                   " holds a row that was written with other columns, before the topology was "
                   "changed. Undo the change and let --until-end use up what is there; or give the "
                   "topology another name, so that it begins anew; or reset it as "
                   "docs/operations.md tells",
                   t->plan->topology->name, in->source->stream, r->topic, r->partition, r->offset);
}

/* A record of which no row can be made. Whose fault it is not, ends the task: a registry that does
 * not answer. */
static int unreadable(struct task *t, const struct input *in, const struct record *r,
                      const char *stage, const char *by, const struct err *e)
{
    if (e->kind != ERR_DATA) {
        t->failure = *e;
        return -(int)e->kind;
    }
    return bad_record(t, &in->source->errors, r, &(struct cause){stage, by, NULL, e->text});
}

/* The columns that only a value has. */
static void forget_value(const struct input *in, struct batch *b, uint16_t row)
{
    for (uint16_t c = 0; c < b->schema->n; c++) {
        if (in->needs[c] && schema_key_number(b->schema, c) < 0) {
            vec_clear_row(&b->col[c], b->mem, b->rows, row);
        }
    }
}

/* A null value in a table's topic: a row to delete, of which only the key is there. Its time is the
 * record's, which moves the watermark only where all rows have theirs from there. */
static int read_deletion(struct task *t, struct input *in, const struct record *r, struct batch *b,
                         uint16_t row, int64_t now)
{
    struct err e;
    e.kind = ERR_NONE;
    if (in->key_reader && read_key(in, r, b, row, &e) < 0) {
        return unreadable(t, in, r, "KEY_CONVERTER", in->source->key.def->name, &e);
    }
    if (read_record_time(t, in, r->timestamp, b, row, now, &e) < 0) {
        return unreadable(t, in, r, "VALUE_CONVERTER", "time", &e);
    }
    if (in->source->time_column < 0) {
        follow_time(in, b->time[row]);
    }
    mark_deleted(b, row);
    forget_value(in, b, row);
    put_meta(in, b, row, r);
    b->seen[row] = source_watermark(t, in);
    return 1;
}

int input_read(struct task *t, struct input *in, const struct record *r, struct batch *b,
               uint16_t row, int64_t now)
{
    const struct plan_source *src = in->source;
    const uint8_t *value = r->value;
    size_t n = r->value_n;
    int64_t seen = TIME_MIN;
    struct err e;
    e.kind = ERR_NONE;
    t->counts.records += src->repartition < 0;
    if (b->row_op) {
        b->row_op[row] = ROW_UPSERT; /* a row that failed may have been here */
    }
    if (!value) {
        return src->table ? read_deletion(t, in, r, b, row, now) : (t->counts.tombstones++, 0);
    }
    if (in->nparts) {
        struct envelope envelope;
        int is_row = open_envelope(t, in, r, &envelope);
        if (is_row == -ERR_CONFIG) {
            return other_columns(t, in, r);
        }
        if (is_row < 0) {
            err_set(&e, ERR_DATA, "damaged internal record");
            return unreadable(t, in, r, "VALUE_CONVERTER", "repartition", &e);
        }
        if (!is_row) {
            return 0;
        }
        value = envelope.value;
        n = envelope.n;
        seen = envelope.watermark;
        b->part[row] = (int32_t)envelope.partition;
        b->time[row] = envelope.time;
        if (envelope.kind == ENVELOPE_DELETE) {
            mark_deleted(b, row);
        }
    }
    if (src->value.def->read(in->value_reader, value, n, b, row, &e) < 0) {
        return unreadable(t, in, r, "VALUE_CONVERTER", src->value.def->name, &e);
    }
    if (in->key_reader && read_key(in, r, b, row, &e) < 0) {
        return unreadable(t, in, r, "KEY_CONVERTER", src->key.def->name, &e);
    }
    if (!in->nparts) {
        if (read_time(t, in, r, b, row, now, &e) < 0) {
            return unreadable(t, in, r, "VALUE_CONVERTER", "time", &e);
        }
        follow_time(in, b->time[row]);
        seen = source_watermark(t, in);
    }
    put_meta(in, b, row, r);
    b->seen[row] = seen;
    if (b->low) {
        b->low[row] = in->watermark;
    }
    return 1;
}

int64_t task_record_time(struct task *t, int input, const struct record *r)
{
    struct input *in = &t->input[input];
    const struct plan_source *src = in->source;
    struct err e = {0};
    struct envelope envelope;
    if (in->nparts && r->value && envelope_read(&envelope, r->value, r->value_n) == 0) {
        bool is_row = envelope.kind == ENVELOPE_ROW || envelope.kind == ENVELOPE_DELETE;
        return is_row ? envelope.time : envelope.watermark;
    }
    if (src->time_column < 0 || !r->value) {
        return r->timestamp;
    }
    bool *needs = arena_zalloc(&t->batch, src->schema->n + 1U);
    needs[src->time_column] = true;
    int64_t time = r->timestamp;
    if (!in->time_reader && src->value.def->reader_open(&in->time_reader, &src->value, src->schema,
                                                        needs, t->env.schemas, &e) < 0) {
        return time;
    }
    struct batch *b = batch_new(&t->batch, src->schema, 1, needs);
    const struct vec *v = &b->col[src->time_column];
    if (src->value.def->read(in->time_reader, r->value, r->value_n, b, 0, &e) == 0 &&
        !vec_is_null(v, 0)) {
        time = v->i[0];
    }
    arena_reset(&t->batch);
    return time;
}
