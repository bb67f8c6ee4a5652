/* Recent rows.
 *
 *   window     the last window_rows rows, or those whose time is within window_ms of the newest
 *   training   as soon as there are min_rows; then every `every_rows` rows, or when the event time
 *              of a row is every_ms or more behind the last training's
 *   state      rows in order of arrival, then rows and time since the last training: version 1
 */
#include "ml/recent_rows.h"

#include "engine/memory.h"

#include <string.h>

#define ROOM_FIRST 64

void recent_rows_init(struct recent_rows *r, uint32_t columns)
{
    *r = (struct recent_rows){.columns = columns, .trained_at = INT64_MIN};
}

void recent_rows_done(struct recent_rows *r)
{
    mem_free(r->x);
    mem_free(r->y);
    mem_free(r->time);
}

uint64_t recent_rows_size(const struct recent_rows *r)
{
    return (uint64_t)r->room * ((r->columns + 1) * sizeof(double) + sizeof(int64_t));
}

static uint32_t place(const struct recent_rows *r, uint32_t i)
{
    return (r->first + i) % r->room;
}

/* Another room, rows moved to its beginning. */
static void move(struct recent_rows *r, uint32_t room)
{
    struct recent_rows to = *r;
    size_t row = r->columns * sizeof(double);
    to.x = mem_array((size_t)room * r->columns + 1, sizeof(double));
    to.y = mem_array(room, sizeof(double));
    to.time = mem_array(room, sizeof(int64_t));
    to.room = room;
    to.first = 0;
    for (uint32_t i = 0; i < r->n; i++) {
        uint32_t from = place(r, i);
        memcpy(to.x + (size_t)i * r->columns, r->x + (size_t)from * r->columns, row);
        to.y[i] = r->y[from];
        to.time[i] = r->time[from];
    }
    recent_rows_done(r);
    *r = to;
}

static void drop_first(struct recent_rows *r)
{
    r->first = (r->first + 1) % r->room;
    r->n--;
}

static void put(struct recent_rows *r, const double *x, double y, int64_t time)
{
    uint32_t at = place(r, r->n++);
    memcpy(r->x + (size_t)at * r->columns, x, r->columns * sizeof(double));
    r->y[at] = y;
    r->time[at] = time;
}

static bool is_due(struct recent_rows *r, const struct batch_plan *plan, int64_t time)
{
    if (r->n < plan->min_rows) {
        return false;
    }
    if (r->trained_at == INT64_MIN) {
        return true;
    }
    return plan->every_ms > 0 ? time - r->trained_at >= plan->every_ms
                              : r->since >= plan->every_rows;
}

bool recent_rows_add(struct recent_rows *r, const struct batch_plan *plan, const double *x,
                     double y, int64_t time)
{
    while (r->n > 0 && r->n >= plan->window_rows) { /* over it, when it is smaller than it was */
        drop_first(r);
    }
    while (plan->window_ms > 0 && r->n > 0 && r->time[r->first] < time - plan->window_ms) {
        drop_first(r);
    }
    if (r->n == r->room) {
        move(r, r->room ? r->room * 2 : ROOM_FIRST);
    }
    put(r, x, y, time);
    r->since++;
    if (!is_due(r, plan, time)) {
        return false;
    }
    r->since = 0;
    r->trained_at = time;
    return true;
}

void recent_rows_trained(struct recent_rows *r)
{
    r->since = 0;
    r->trained_at = r->time[place(r, r->n - 1)];
}

uint32_t recent_rows_take(const struct recent_rows *r, double **x, double **y)
{
    *x = mem_array((size_t)r->n * r->columns + 1, sizeof(double));
    *y = mem_array((size_t)r->n + 1, sizeof(double));
    for (uint32_t i = 0; i < r->n; i++) {
        uint32_t from = place(r, i);
        memcpy(*x + (size_t)i * r->columns, r->x + (size_t)from * r->columns,
               r->columns * sizeof(double));
        (*y)[i] = r->y[from];
    }
    return r->n;
}

int recent_rows_io(struct recent_rows *r, struct snapshot *s)
{
    uint32_t n = r->n, columns = r->columns;
    snapshot_version(s, 1);
    snapshot_u32(s, &columns);
    snapshot_u32(s, &n);
    size_t bytes = (size_t)n * ((r->columns + 1) * sizeof(double) + 1);
    if (columns != r->columns || n > RECENT_ROWS_MOST ||
        (s->loading && (size_t)(s->end - s->p) < bytes)) {
        s->status = -ERR_DATA;
        return s->status;
    }
    if (s->loading && n > 0) {
        move(r, n);
        r->n = n;
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = place(r, i);
        snapshot_array(s, r->x + (size_t)at * r->columns, r->columns);
        snapshot_array(s, &r->y[at], 1);
        snapshot_long(s, &r->time[at]);
    }
    snapshot_count(s, &r->since);
    snapshot_long(s, &r->trained_at);
    return snapshot_status(s);
}
