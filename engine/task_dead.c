/* Dead letters: bad records and rows, set aside with their cause, or the end of the task.
 *
 *   record   goes out unchanged, with cause, stage and position in headers named as Kafka Connect
 *            names them; a row behind a window or repartition has no record: it goes out as JSON
 *   order    that of the records: what one batch yields, at reading and in any step, is kept until
 *            the batch is through and sorted, so that the size of batches does not show
 *   none     with `tolerance: none` the first one fails the task; nothing of the batch commits
 */
#include "engine/memory.h"
#include "engine/task_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ROW_SHOWN 300

/* A bad record or row of the batch in hand. */
struct dead {
    const struct errors_cfg *errors;
    struct record record;
    int64_t order;
    const char *stage, *text;
};

static int send_dead(struct task *t, const struct errors_cfg *errors, const struct record *r,
                     const char *stage, const char *text)
{
    char partition[16], offset[24], task[24];
    snprintf(partition, sizeof partition, "%d", r->partition);
    snprintf(offset, sizeof offset, "%" PRId64, r->offset);
    snprintf(task, sizeof task, "%d", t->partition);
    const char *const added[][2] = {
        {"__connect.errors.topic", r->topic},
        {"__connect.errors.partition", partition},
        {"__connect.errors.offset", offset},
        {"__connect.errors.connector.name", t->plan->topology->name},
        {"__connect.errors.task.id", task},
        {"__connect.errors.stage", stage},
        {"__connect.errors.class.name", "klamm"},
        {"__connect.errors.exception.class.name", "DataException"},
        {"__connect.errors.exception.message", text},
    };
    size_t nadded = sizeof added / sizeof *added;
    struct header *h = mem_array(r->nheaders + nadded, sizeof *h);
    for (size_t i = 0; i < r->nheaders; i++) {
        h[i] = r->headers[i];
    }
    for (size_t i = 0; i < nadded; i++) {
        h[r->nheaders + i] = (struct header){added[i][0], added[i][1], strlen(added[i][1])};
    }
    struct record dead = *r;
    dead.topic = errors->dead_letter_topic;
    dead.partition = -1;
    dead.offset = -1;
    dead.headers = h;
    dead.nheaders = r->nheaders + nadded;
    int result = t->env.produce(t->env.ctx, &dead, 1, &t->failure);
    mem_free(h);
    return result;
}

/* Sends it, or, while a batch is on its way, keeps it until the batch is through. What r points to
 * must live until then. */
/* Where a record stands; of a row behind a window or repartition, which stands nowhere, what it is.
 */
static void print_place(struct buffer *b, const struct record *r)
{
    buffer_printf(b, "%s partition %d ", r->topic, r->partition);
    if (r->offset >= 0) {
        buffer_printf(b, "offset %" PRId64, r->offset);
        return;
    }
    char time[40];
    time_format_iso(r->timestamp, time);
    bool is_cut = r->value_n > ROW_SHOWN;
    buffer_printf(b, "row %.*s%s of %s", (int)(is_cut ? ROW_SHOWN : r->value_n),
                  (const char *)r->value, is_cut ? "…" : "", time);
}

static int set_aside(struct task *t, const struct errors_cfg *errors, const struct record *r,
                     int64_t order, const char *stage, const char *text)
{
    t->counts.bad++;
    t->dirty = true;
    if (errors->tolerance == TOLERATE_NONE) {
        struct buffer place;
        buffer_init(&place);
        print_place(&place, r);
        err_clear(&t->failure);
        int result =
            err_set(&t->failure, ERR_DATA,
                    "%s: %s (errors: {tolerance: all, dead_letter_topic: …} sets bad records "
                    "aside instead of stopping)",
                    buffer_cstr(&place), text);
        buffer_done(&place);
        return result;
    }
    if (!t->collects_dead) {
        return send_dead(t, errors, r, stage, text);
    }
    if (t->ndead == t->cap_dead) {
        t->cap_dead = t->cap_dead * 2 + 16;
        t->dead = mem_resize(t->dead, t->cap_dead, sizeof *t->dead);
    }
    t->dead[t->ndead++] = (struct dead){errors, *r, order, stage, arena_strdup(&t->batch, text)};
    return 0;
}

int bad_record(struct task *t, const struct errors_cfg *errors, const struct record *r,
               const char *stage, const char *text)
{
    return set_aside(t, errors, r, r->offset, stage, text);
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

int bad_row(struct task *t, const struct errors_cfg *errors, const struct batch *b, uint16_t row,
            const char *stage, const char *text)
{
    if (b->origin && b->origin[row]) {
        return bad_record(t, errors, b->origin[row], stage, text);
    }
    struct buffer value;
    buffer_init(&value);
    print_row(&value, b, row);
    struct record r = {.topic = t->input[0].topic,
                       .partition = t->partition,
                       .offset = -1,
                       .timestamp = b->time[row],
                       .value = arena_strndup(&t->batch, value.data, value.n),
                       .value_n = value.n};
    buffer_done(&value);
    return set_aside(t, errors, &r, row, stage, text);
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

int dead_send_all(struct task *t, int r)
{
    t->collects_dead = false;
    sort_dead(t->dead, t->ndead);
    for (size_t i = 0; i < t->ndead && r == 0; i++) {
        const struct dead *d = &t->dead[i];
        r = send_dead(t, d->errors, &d->record, d->stage, d->text);
    }
    t->ndead = 0;
    return r;
}
