/* Sources: records become batches with event times and watermarks.
 *
 * A batch ends when it is full, when the records are used up, or with the row whose watermark makes
 * a step behind it emit: so what comes out never depends on the size of batches. What a record
 * becomes is in task_read.c.
 *
 * The source's watermark is the least over all partitions. A committed offset's metadata is
 * "w<watermark>", with an "i" behind it when the input is idle, or for a repartition the times of
 * all its source partitions (watermarks.c).
 */
#include "engine/envelope.h"
#include "engine/memory.h"
#include "engine/nested.h"
#include "engine/task_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
        int is_row = input_read(t, in, &r[used], b, row, now);
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

/* Pushes records until a watermark is on its way; returns how many were used, or negative. */
static int64_t push_records(struct task *t, int input, const struct record *r, size_t n)
{
    struct input *in = &t->input[input];
    struct spot *p = &t->spot[in->spot];
    bool single = t->env.one_at_a_time || in->source->row_at_a_time;
    size_t at = 0;
    while (at < n && !t->owes) {
        arena_reset(&t->batch);
        stores_trim(t);
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
    stores_trim(t);
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
