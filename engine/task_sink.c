/* Sinks: rows become records of a topic.
 *
 * All rows of a batch are encoded into one buffer and handed over in one call. Rows whose key has a
 * null column leave without a key. A repartition wraps its rows in an envelope and, before each
 * commit, tells every target partition its watermark when that has risen, and that nothing comes or
 * comes again; but not where the topic is compacted, for a global table: it takes only records with
 * a key.
 */
#include "engine/envelope.h"
#include "engine/key.h"
#include "engine/memory.h"
#include "engine/task_internal.h"

#include <string.h>

int sink_open(struct task *t, struct spot *s, struct err *e)
{
    const struct plan_sink *k = s->vertex->sink;
    s->layout = k->repartition ? layout_of_columns(k->write_schema) : 0;
    int r =
        k->value.def->writer_open(&s->value_writer, &k->value, k->write_schema, t->env.schemas, e);
    if (r == 0 && k->schema->keyed && k->schema->nkey > 0) {
        r = k->key.def->writer_open(&s->key_writer, &k->key, k->write_schema, t->env.schemas, e);
    }
    return r < 0 ? err_prefix(e, "topic %s", k->topic) : 0;
}

void sink_close(struct spot *s)
{
    if (s->value_writer) {
        s->vertex->sink->value.def->writer_close(s->value_writer);
    }
    if (s->key_writer) {
        s->vertex->sink->key.def->writer_close(s->key_writer);
    }
    buffer_done(&s->bytes);
}

/* Offsets into the buffer of one row's key and value; the buffer may move while it grows. */
struct span {
    size_t key, value, end;
    bool has_key, has_value;
};

/* why: gets stage and codec, as far as it came. */
static int encode_row(struct task *t, struct spot *s, const struct batch *b, uint16_t row,
                      struct span *at, struct cause *why, struct err *e)
{
    const struct plan_sink *k = s->vertex->sink;
    struct buffer *out = &s->bytes;
    int r = 0;
    *why = (struct cause){.stage = "TASK_PUT", .by = k->key.def ? k->key.def->name : ""};
    at->key = out->n;
    at->has_key = s->key_writer != NULL && !key_is_null(b, row);
    if (at->has_key) {
        r = k->key.def->write(s->key_writer, b, row, out, e);
        at->has_key = r == 0;
    }
    at->value = out->n;
    bool is_deleted = b->row_op && b->row_op[row] == ROW_DELETE;
    at->has_value = !is_deleted || k->repartition; /* there the columns of its key travel with it */
    if (r >= 0 && k->repartition) {
        envelope_write(out, &(struct envelope){.kind = is_deleted ? ENVELOPE_DELETE : ENVELOPE_ROW,
                                               .partition = t->partition,
                                               .watermark = b->seen[row],
                                               .time = b->time[row],
                                               .layout = s->layout});
    }
    if (r >= 0 && at->has_value) {
        why->by = k->value.def->name;
        r = k->value.def->write(s->value_writer, b, row, out, e);
        at->has_value = r == 0;
    }
    at->end = out->n;
    if (r >= 0 && t->env.most_bytes && at->end - at->key > t->env.most_bytes) {
        *why = (struct cause){.stage = "KAFKA_PRODUCE", .by = "producer"};
        return err_set(e, ERR_DATA,
                       "its record of %zu bytes for topic %s is larger than kafka: "
                       "{message.max.bytes: …} allows",
                       at->end - at->key, k->topic);
    }
    return r;
}

int sink_push(struct task *t, struct spot *s, struct batch *b)
{
    const struct plan_sink *k = s->vertex->sink;
    struct span *at = arena_array(b->mem, b->nsel, sizeof *at);
    struct record *r = arena_zalloc(b->mem, b->nsel * sizeof *r);
    struct batch view = *b;
    view.schema = k->write_schema;
    size_t n = 0;
    buffer_clear(&s->bytes);
    for (uint16_t i = 0; i < b->nsel; i++) {
        uint16_t row = batch_row(b, i);
        size_t begin = s->bytes.n;
        struct cause why;
        struct err e;
        e.kind = ERR_NONE;
        if (encode_row(t, s, &view, row, &at[n], &why, &e) < 0) {
            s->bytes.n = begin;
            why.text = e.text;
            int stop = bad_row(t, s->errors, b, row, &why);
            if (stop < 0) {
                return stop;
            }
            continue;
        }
        if (k->is_compact && !at[n].has_key) {
            s->op.counter[COUNT_NULL_KEY]++;
            s->bytes.n = begin;
            continue;
        }
        r[n] = (struct record){.topic = k->topic,
                               .partition = k->single && k->repartition ? 0 : -1,
                               .offset = -1,
                               .timestamp = b->time[row]};
        n++;
    }
    for (size_t i = 0; i < n; i++) {
        r[i].key = at[i].has_key ? s->bytes.data + at[i].key : NULL;
        r[i].key_n = at[i].has_key ? at[i].value - at[i].key : 0;
        r[i].value = at[i].has_value || k->repartition ? s->bytes.data + at[i].value : NULL;
        r[i].value_n = r[i].value ? at[i].end - at[i].value : 0;
    }
    t->counts.rows_out += k->repartition ? 0 : n;
    t->dirty |= n > 0; /* what comes out with a tick wants a commit too */
    return n ? t->env.produce(t->env.ctx, r, n, &t->failure) : 0;
}

int sink_watermark(struct task *t, struct spot *s)
{
    const struct plan_sink *k = s->vertex->sink;
    bool is_idle = task_is_silent(t);
    if (!k->repartition || k->is_compact ||
        (s->watermark <= s->sent_watermark && is_idle == s->sent_idle)) {
        return 0;
    }
    int32_t targets = 1;
    for (uint16_t i = 0; i < t->plan->nsources && !k->single; i++) {
        const struct plan_source *src = t->plan->source[i];
        if (src->repartition >= 0 && t->plan->sink[src->repartition] == k) {
            targets = t->env.tasks(t->env.ctx, t->plan->vertex[src->vertex]->subplan);
        }
    }
    buffer_clear(&s->bytes);
    envelope_write(&s->bytes, &(struct envelope){.kind = is_idle ? ENVELOPE_IDLE : ENVELOPE_TIME,
                                                 .partition = t->partition,
                                                 .watermark = s->watermark});
    for (int32_t p = 0; p < targets; p++) {
        struct record r = {.topic = k->topic,
                           .partition = p,
                           .offset = -1,
                           .timestamp = clock_now(t->env.clock),
                           .value = s->bytes.data,
                           .value_n = s->bytes.n};
        int result = t->env.produce(t->env.ctx, &r, 1, &t->failure);
        if (result < 0) {
            return result;
        }
    }
    s->sent_watermark = s->watermark;
    s->sent_idle = is_idle;
    t->dirty = true;
    return 0;
}
