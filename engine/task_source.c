/* Sources: records become batches with event times and watermarks.
 *
 *   record -> value codec -> key codec -> _topic … -> event time -> watermark as of this row
 *
 * A batch ends when it is full, when the records are used up, or with the row whose watermark makes
 * a step behind it emit: so what comes out never depends on the size of batches. A value that
 * cannot be read is a bad record; a null value (tombstone) is skipped and counted, but for a table
 * it deletes.
 *
 * Each row's lateness is judged by the watermark of the partition it came from; the source's
 * watermark is the least over all of them. A committed offset's metadata is "w<watermark>", with an
 * "i" behind it when the input is idle, or for a repartition the times of all its source partitions
 * (watermarks.c).
 */
#include "engine/envelope.h"
#include "engine/memory.h"
#include "engine/nested.h"
#include "engine/task_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
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
    in->last_record = clock_now(t->env.clock);
    if (src->repartition >= 0) {
        const struct plan_sink *k = t->plan->sink[src->repartition];
        in->layout = sink_layout(k);
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

int64_t source_watermark(const struct task *t, const struct input *in)
{
    int64_t least = in->watermark;
    for (int i = 0; in->source->ntopics > 1 && i < t->ninputs; i++) {
        if (t->input[i].source == in->source && t->input[i].watermark < least) {
            least = t->input[i].watermark;
        }
    }
    return least;
}

/* The least watermark of this source at which a step behind it emits. lag: how much steps on the
 * way lower the watermark; bound: what other inputs of unions and joins on the way allow. */
static int64_t next_fire(struct task *t, const struct input *in)
{
    int64_t fire = TIME_MAX, *lag = t->reach, *bound = t->reach + t->nspots;
    for (uint16_t i = 0; i < t->nspots; i++) {
        lag[i] = -1;
    }
    lag[in->spot] = 0;
    bound[in->spot] = TIME_MAX;
    for (uint16_t i = in->spot; i < t->nspots; i++) {
        const struct spot *p = &t->spot[i];
        for (int o = 0; lag[i] >= 0 && o < p->vertex->noutputs; o++) {
            for (uint16_t k = 0; k < p->vertex->edges[o].n; k++) {
                const struct edge *edge = &p->vertex->edges[o].item[k];
                uint16_t w = t->spot_of[edge->to];
                struct spot *q = &t->spot[w];
                int64_t limit = bound[i] < p->op.pass ? bound[i] : p->op.pass;
                for (int u = 0; u < q->nin; u++) {
                    int64_t other = q->in_watermark[u];
                    limit = u != edge->input && other < limit ? other : limit;
                }
                if (q->vertex->kind == VERTEX_STEP && q->op.node->def->next_time) {
                    int64_t next = q->op.node->def->next_time(&q->op);
                    if (next <= limit && next != TIME_MAX && next + lag[i] < fire) {
                        fire = next + lag[i];
                    }
                }
                bound[w] = lag[w] < 0 || limit > bound[w] ? limit : bound[w];
                lag[w] = lag[i] + q->lag;
            }
        }
    }
    return fire;
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

/* One record into row `row`: 1 it is a row, 0 it is none, negative: the task stops. */
static int read_row(struct task *t, struct input *in, const struct record *r, struct batch *b,
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

/* Fills one batch from the records; returns how many were used, or negative. */
static int64_t read_batch(struct task *t, struct input *in, const struct record *r, size_t n,
                          struct batch *b, int64_t now)
{
    const struct record **origin = arena_array(&t->batch, b->rows, sizeof *origin);
    int64_t fire = next_fire(t, in);
    uint16_t row = 0;
    size_t used = 0;
    b->low = in->nparts ? arena_array(&t->batch, b->rows, sizeof *b->low) : NULL;
    b->part = in->nparts ? arena_array(&t->batch, b->rows, sizeof *b->part) : NULL;
    while (used < n && row < b->rows) {
        int is_row = read_row(t, in, &r[used], b, row, now);
        if (is_row < 0) {
            return is_row;
        }
        in->next = r[used].offset + 1;
        origin[row] = &r[used++];
        row = (uint16_t)(row + is_row);
        if (source_watermark(t, in) >= fire) {
            break;
        }
    }
    b->origin = (const struct record *const *)origin;
    b->rows = b->nsel = row;
    b->schema = in->source->schema;
    b->now = now;
    return (int64_t)used;
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

/* Pushes records until a watermark is on its way; returns how many were used, or negative. */
static int64_t push_records(struct task *t, int input, const struct record *r, size_t n)
{
    struct input *in = &t->input[input];
    struct spot *p = &t->spot[in->spot];
    bool single = t->env.one_at_a_time || in->source->row_at_a_time;
    size_t at = 0;
    while (at < n && !t->owes) {
        arena_reset(&t->batch);
        size_t most = single ? 1 : t->env.batch_rows;
        most = most < n - at ? most : n - at;
        struct batch *b =
            batch_new(&t->batch, in->source->read_schema, (uint16_t)most, p->vertex->needs);
        t->collects_dead = true;
        int64_t used = read_batch(t, in, r + at, n - at, b, t->now);
        int result = used < 0 ? (int)used : 0;
        if (result == 0) {
            result = task_pass(t, &p->vertex->edges[0], b);
        }
        result = checkpoint_failed(t) ? checkpoint_refuse(t) : result;
        result = dead_send_all(t, result);
        result = result < 0 ? result : slice_raise(t, p, source_watermark(t, in));
        result = checkpoint_failed(t) ? checkpoint_refuse(t) : result;
        if (result < 0) {
            return result;
        }
        at += (size_t)used;
    }
    return (int64_t)at;
}

static int pushed(struct task *t, int64_t result, struct err *e)
{
    arena_reset(&t->batch);
    return result < 0 || checkpoint_failed(t) ? task_fail(t, (int)result, e) : 0;
}

int task_push(struct task *t, int input, const struct record *r, size_t n, struct err *e)
{
    struct input *in = &t->input[input];
    t->dirty = true;
    t->now = in->last_record = clock_now(t->env.clock);
    in->has_had = true;
    if (task_is_behind(t)) {
        backlog_add(t, input, r, n);
        return 0;
    }
    slice_begin(t);
    int raised = task_raise_source(t, in, source_watermark(t, in)); /* nearly always done before */
    int64_t used = raised < 0 ? raised : push_records(t, input, r, n);
    if (used >= 0) {
        backlog_add(t, input, r + used, n - (size_t)used);
    }
    return pushed(t, used, e);
}

bool task_is_behind(const struct task *t)
{
    return t->owes || t->backlog.n > 0;
}

int task_go_on(struct task *t, struct err *e)
{
    t->dirty = true;
    t->now = clock_now(t->env.clock);
    slice_begin(t);
    int r = t->owes ? slice_go_on(t) : 0;
    r = pushed(t, r < 0 ? r : backlog_push(t, push_records), e);
    return r < 0 || !task_is_behind(t) ? r : slice_send(t, e);
}

int task_refuse(struct task *t, int input, const struct record *r, const char *text, struct err *e)
{
    struct input *in = &t->input[input];
    t->dirty = true;
    t->counts.records++;
    in->next = r->offset + 1;
    int result =
        bad_record(t, &in->source->errors, r,
                   &(struct cause){"VALUE_CONVERTER", in->source->value.def->name, NULL, text});
    if (result < 0) {
        err_set(e, t->failure.kind, "%s", t->failure.text);
        err_clear(&t->failure);
    }
    return result;
}

void task_caught_up(struct task *t, int input, int64_t offset)
{
    if (offset > t->input[input].next && !task_is_behind(t)) {
        t->input[input].next = offset;
        t->dirty = true;
    }
}

/* Oldest offset that a step behind this input still holds. */
static int64_t held_offset(const struct task *t, const struct input *in)
{
    int64_t least = INT64_MAX, *is_behind = t->reach;
    memset(is_behind, 0, t->nspots * sizeof *is_behind);
    is_behind[in->spot] = 1;
    for (uint16_t i = in->spot; i < t->nspots; i++) {
        struct spot *p = &t->spot[i];
        for (int o = 0; is_behind[i] && o < p->vertex->noutputs; o++) {
            for (uint16_t k = 0; k < p->vertex->edges[o].n; k++) {
                is_behind[t->spot_of[p->vertex->edges[o].item[k].to]] = 1;
            }
        }
        if (is_behind[i] && p->vertex->kind == VERTEX_STEP && p->op.node->def->hold) {
            int64_t held = p->op.node->def->hold(&p->op);
            least = held < least ? held : least;
        }
    }
    return least;
}

int64_t task_position(const struct task *t, int input, char *metadata, size_t size)
{
    const struct input *in = &t->input[input];
    metadata[0] = 0;
    if (!in->nparts && in->watermark != TIME_MIN) {
        snprintf(metadata, size, "w%" PRId64 "%s", in->watermark, in->is_idle ? "i" : "");
    }
    if (in->nparts) {
        watermarks_print(metadata, size, in->part, in->nparts);
    }
    int64_t held = held_offset(t, in);
    return held < in->next ? held : in->next;
}

void task_input_restore(struct task *t, int input, int64_t offset, const char *metadata)
{
    struct input *in = &t->input[input];
    in->next = offset;
    if (!metadata) {
        return;
    }
    if (!in->nparts && metadata[0] == 'w') {
        int64_t w = task_time_of(metadata, 0).watermark;
        in->watermark = w;
        in->max_time = w == TIME_MIN ? TIME_MIN : w + in->source->time.out_of_order;
    }
    if (in->nparts) {
        input_lift(in, watermarks_read(metadata, in->part, in->nparts));
    }
}

void task_topic_restore(struct task *t, const char *topic, int64_t offset, const char *metadata)
{
    for (int in = -1; (in = task_input(t, topic, in)) >= 0;) {
        task_input_restore(t, in, offset, metadata);
        metadata = metadata ? strchr(metadata, ';') : NULL;
        metadata = metadata ? metadata + 1 : NULL;
    }
}
