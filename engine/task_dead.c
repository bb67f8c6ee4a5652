/* Dead letters: bad records and rows, set aside with their cause, or the end of the task.
 *
 *   record   goes out unchanged, with cause, stage and position in headers named as Kafka Connect
 *            names them; its own headers stand before these, so of equal names the last counts
 *   behind   a repartition the record is that of the internal topic, envelope and all, and so is
 *            its position: sent there again it is the same row of the same time. What it holds
 *            stands as JSON in the header klamm.row
 *   row      behind a window a row has no record: it goes out as JSON, with offset -1
 *   large    with the headers a record may be more than the producer takes: then its value stays
 *            where it was, and the header klamm.left.out says so
 *   once     a record of which several rows fail (flatten) goes out once for each stream that has
 *            trouble with it, with the first cause: else one record could fill a disk
 *   order    that of the records: what one batch yields, at reading and in any step, is kept until
 *            the batch is through and sorted, so that the size of batches does not show
 *   none     with `tolerance: none` the first one fails the task; nothing of the batch commits
 */
#include "engine/logger.h"
#include "engine/memory.h"
#include "engine/task_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ROW_SHOWN 300
#define ROW_MOST  4000 /* of the header klamm.row */
#define ADDED     12   /* headers */

/* A bad record or row of the batch in hand. */
struct dead {
    const struct errors_cfg *errors;
    struct record record;
    int64_t order;
    struct cause why;
    const char *row; /* what an internal record holds, or NULL */
    bool is_row;     /* one of many that a record may have made */
};

/* Where in the topology it happened, from the inside out, as a stack trace has it. */
static void print_trace(struct buffer *b, const struct task *t, const struct dead *d,
                        const char *exception)
{
    buffer_printf(b, "%s: %s\n\tat %s", exception, d->why.text, d->why.by);
    if (d->why.node) {
        const struct node *n = d->why.node;
        buffer_printf(b, " (%s, %s:%d)\n\tat stream %s", n->path, n->at.file ? n->at.file : "",
                      n->at.line, n->stream);
    } else {
        buffer_printf(b, " (%s)", d->why.stage);
    }
    buffer_printf(b, "\n\tat topology %s, sub-plan %d, task %d", t->plan->topology->name,
                  t->subplan->id, t->partition);
}

static size_t size_of(const struct record *r)
{
    size_t n = r->key_n + r->value_n;
    for (size_t i = 0; i < r->nheaders; i++) {
        n += strlen(r->headers[i].name) + r->headers[i].n + 10; /* at most: two lengths */
    }
    return n;
}

/* Makes the record small enough; where it stood and why it is here are kept. own: how many of its
 * headers are the source record's; behind them all there is room for one more. */
static void leave_out(size_t most, struct record *dead, size_t own, struct header *more)
{
    static const char *const parts[] = {"value", "key, value", "key, value, headers"};
    for (int i = 0; most && size_of(dead) > most && i < 3; i++) {
        dead->nheaders += i == 0;
        *more = (struct header){"klamm.left.out", parts[i], strlen(parts[i])};
        if (i == 0) {
            dead->value = NULL;
            dead->value_n = 0;
        } else if (i == 1) {
            dead->key = NULL;
            dead->key_n = 0;
        } else {
            dead->headers += own;
            dead->nheaders -= own;
        }
    }
}

static int send_dead(struct task *t, const struct dead *d)
{
    const struct record *r = &d->record;
    const char *exception = strcmp(d->why.stage, "KAFKA_PRODUCE") == 0
                                ? "org.apache.kafka.common.errors.RecordTooLargeException"
                                : "org.apache.kafka.connect.errors.DataException";
    char partition[16], offset[24], task[24];
    struct buffer trace;
    buffer_init(&trace);
    print_trace(&trace, t, d, exception);
    snprintf(partition, sizeof partition, "%d", r->partition);
    snprintf(offset, sizeof offset, "%" PRId64, r->offset);
    snprintf(task, sizeof task, "%d", t->partition);
    const char *const added[][2] = {
        {"__connect.errors.topic", r->topic},
        {"__connect.errors.partition", partition},
        {"__connect.errors.offset", offset},
        {"__connect.errors.connector.name", t->plan->topology->name},
        {"__connect.errors.task.id", task},
        {"__connect.errors.stage", d->why.stage},
        {"__connect.errors.class.name", d->why.by},
        {"__connect.errors.exception.class.name", exception},
        {"__connect.errors.exception.message", d->why.text},
        {"__connect.errors.exception.stacktrace", buffer_cstr(&trace)},
        {"klamm.row", d->row},
    };
    struct header *h = mem_array(r->nheaders + ADDED, sizeof *h);
    size_t n = 0;
    for (; n < r->nheaders; n++) {
        h[n] = r->headers[n];
    }
    for (size_t i = 0; i < sizeof added / sizeof *added; i++) {
        if (added[i][1]) {
            h[n++] = (struct header){added[i][0], added[i][1], strlen(added[i][1])};
        }
    }
    struct record dead = *r;
    dead.topic = d->errors->dead_letter_topic;
    dead.partition = -1;
    dead.offset = -1;
    dead.headers = h;
    dead.nheaders = n;
    leave_out(t->env.most_bytes, &dead, r->nheaders, &h[n]);
    int result = t->env.produce(t->env.ctx, &dead, 1, &t->failure);
    buffer_done(&trace);
    mem_free(h);
    return result;
}

/* Where a record stands, and, behind a window or repartition, what the row is. */
static void print_place(struct buffer *b, const struct dead *d)
{
    const struct record *r = &d->record;
    if (r->place) {
        buffer_printf(b, "%s", r->place);
        return;
    }
    buffer_printf(b, "%s partition %d ", r->topic, r->partition);
    if (r->offset >= 0) {
        buffer_printf(b, "offset %" PRId64 "%s", r->offset, d->row ? ", " : "");
    }
    const char *row = r->offset < 0 ? r->value : d->row;
    if (row) {
        size_t n = strlen(row);
        buffer_printf(b, "row %.*s%s", (int)(n > ROW_SHOWN ? ROW_SHOWN : n), row,
                      n > ROW_SHOWN ? "…" : "");
    }
    if (r->offset < 0) {
        char time[40];
        time_format_iso(r->timestamp, time);
        buffer_printf(b, " of %s", time);
    }
}

static bool is_same(const struct dead *a, const struct dead *b)
{
    return !a->is_row && !b->is_row && a->order == b->order && a->errors == b->errors;
}

/* Sends it, or, while a batch is on its way, keeps it until the batch is through. What d->record
 * points to must live until then. */
static int set_aside(struct task *t, const struct dead *d)
{
    t->dirty = true;
    if (t->collects_dead && t->ndead > 0 && is_same(&t->dead[t->ndead - 1], d)) {
        return 0;
    }
    t->counts.bad++;
    if (d->errors->tolerance == TOLERATE_NONE) {
        struct buffer place;
        buffer_init(&place);
        print_place(&place, d);
        err_clear(&t->failure);
        int result =
            err_set(&t->failure, ERR_DATA,
                    "%s: %s (errors: {tolerance: all, dead_letter_topic: …} sets bad records "
                    "aside instead of stopping)",
                    buffer_cstr(&place), d->why.text);
        buffer_done(&place);
        return result;
    }
    if (!t->collects_dead) {
        return send_dead(t, d);
    }
    if (t->ndead == t->cap_dead) {
        t->cap_dead = t->cap_dead * 2 + 16;
        t->dead = mem_resize(t->dead, t->cap_dead, sizeof *t->dead);
    }
    t->dead[t->ndead] = *d;
    t->dead[t->ndead++].why.text = arena_strdup(&t->dead_mem, d->why.text);
    return 0;
}

int bad_record(struct task *t, const struct errors_cfg *errors, const struct record *r,
               const struct cause *why)
{
    return set_aside(t, &(struct dead){errors, *r, r->offset, *why, NULL, false});
}

int bad_elsewhere(struct task *t, const struct errors_cfg *errors, const char *place,
                  const char *text)
{
    t->dirty = true;
    t->counts.bad++;
    if (errors->tolerance == TOLERATE_NONE) {
        err_clear(&t->failure);
        return err_set(&t->failure, ERR_DATA,
                       "%s: %s (errors: {tolerance: all, dead_letter_topic: …} leaves bad rows out "
                       "instead of stopping)",
                       place, text);
    }
    if (!t->has_told_elsewhere) {
        t->has_told_elsewhere = true;
        logger(LOG_LEVEL_WARN, "%s is left out: %s", place, text);
    }
    return 0;
}

static void print_row(struct buffer *out, const struct batch *b, uint16_t row)
{
    struct buffer text;
    buffer_init(&text);
    buffer_text(out, "{");
    for (uint16_t c = 0; c < b->schema->n; c++) {
        const struct vec *v = &b->col[c];
        if (b->schema->col[c].hidden || !v->data) {
            continue;
        }
        buffer_text(out, out->n > 1 ? "," : "");
        yaml_json_text(out, b->schema->col[c].name, strlen(b->schema->col[c].name));
        buffer_text(out, ":");
        buffer_clear(&text);
        vec_print(&text, v, row);
        bool is_plain = vec_is_null(v, row) || !type_is_str(v->type);
        if (is_plain && !(v->type->kind == TYPE_DOUBLE && v->d[row] - v->d[row] != 0)) {
            buffer_add(out, text.data, text.n);
        } else {
            yaml_json_text(out, text.data ? text.data : "", text.n);
        }
    }
    buffer_text(out, "}");
    buffer_done(&text);
}

/* The row as JSON, kept until the batch is through. */
static const char *row_text(struct task *t, const struct batch *b, uint16_t row, size_t *n)
{
    struct buffer value;
    buffer_init(&value);
    print_row(&value, b, row);
    const char *text = arena_strndup(&t->dead_mem, value.data, value.n);
    *n = value.n;
    buffer_done(&value);
    return text;
}

int bad_row(struct task *t, const struct errors_cfg *errors, const struct batch *b, uint16_t row,
            const struct cause *why)
{
    const struct record *origin = b->origin ? b->origin[row] : NULL;
    if (origin && !b->part) {
        return bad_record(t, errors, origin, why);
    }
    size_t n;
    const char *text = row_text(t, b, row, &n);
    struct record r = {.topic = t->input[0].topic,
                       .partition = t->partition,
                       .offset = -1,
                       .timestamp = b->time[row],
                       .value = text,
                       .value_n = n};
    if (origin) {
        return set_aside(t, &(struct dead){errors, *origin, origin->offset, *why,
                                           n <= ROW_MOST ? text : NULL, false});
    }
    return set_aside(t, &(struct dead){errors, r, row, *why, NULL, true});
}

/* Stable, and quick where all is in order already. */
static void sort_dead(struct dead *item, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct dead x = item[i];
        size_t k = i;
        for (; k > 0 && item[k - 1].order > x.order; k--) {
            item[k] = item[k - 1];
        }
        item[k] = x;
    }
}

/* In the same order as one before. */
static bool was_sent(const struct dead *item, size_t i)
{
    for (size_t k = i; k > 0 && !item[i].is_row && item[k - 1].order == item[i].order; k--) {
        if (is_same(&item[k - 1], &item[i])) {
            return true;
        }
    }
    return false;
}

int dead_send_all(struct task *t, int r)
{
    t->collects_dead = false;
    sort_dead(t->dead, t->ndead);
    for (size_t i = 0; i < t->ndead && r == 0; i++) {
        const struct dead *d = &t->dead[i];
        if (was_sent(t->dead, i)) {
            t->counts.bad--;
        } else {
            r = send_dead(t, d);
        }
    }
    t->ndead = 0;
    arena_reset(&t->dead_mem);
    return r;
}
