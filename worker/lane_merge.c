/* Rows of a task's tables and streams by event time, where both are there.
 *
 *   hosts    . . 12 . 17 |                       of what is there the least event time is next, on
 *   samples  10 . . 13 . 16 18 19 |              ties the table's; here 18 may wait for hosts
 *
 * A record may go when each other input has gone at least as far, or has a record there; or when it
 * has waited for merge_wait. Without merge_wait nothing waits, and nothing is copied: what one
 * poll has brought is merged and gone. Those that wait are copied; a route with too many is paused.
 * None of it is committed before it is pushed, so a crash forgets it and reads it again.
 */
#include "engine/memory.h"
#include "worker/lane_impl.h"

#include <string.h>

#define WAITING_MOST  10000
#define WAITING_BYTES (8U << 20)
#define TIME_UNKNOWN  INT64_MIN

static bool is_table(const struct route *r)
{
    int in = task_input(r->member->task, r->topic, -1);
    return in >= 0 && task_input_is_table(r->member->task, in);
}

/* One block: headers, key, value, names and values of headers. */
static struct record keep(const struct record *r)
{
    size_t size = r->nheaders * sizeof *r->headers + r->key_n + r->value_n + 1;
    for (size_t i = 0; i < r->nheaders; i++) {
        size += strlen(r->headers[i].name) + 1 + r->headers[i].n;
    }
    struct header *h = mem_alloc(size);
    char *at = (char *)(h + r->nheaders);
    struct record copy = *r;
    copy.headers = h;
    if (r->key) {
        copy.key = memcpy(at, r->key, r->key_n);
        at += r->key_n;
    }
    if (r->value) {
        copy.value = memcpy(at, r->value, r->value_n);
        at += r->value_n;
    }
    for (size_t i = 0; i < r->nheaders; i++) {
        size_t n = strlen(r->headers[i].name) + 1;
        h[i] = r->headers[i];
        h[i].name = memcpy(at, r->headers[i].name, n);
        at += n;
        if (h[i].value) {
            h[i].value = memcpy(at, r->headers[i].value, h[i].n);
            at += h[i].n;
        }
    }
    return copy;
}

static void forget(struct record *r)
{
    mem_free((void *)(uintptr_t)r->headers);
}

static bool has_any(const struct route *r)
{
    return r->waiting.head < r->waiting.n;
}

static void make_room(struct waiting *w, size_t n)
{
    size_t left = w->n - w->head;
    if (left > 0 && w->head > 0) {
        memmove(w->record, w->record + w->head, left * sizeof *w->record);
        memmove(w->time, w->time + w->head, left * sizeof *w->time);
        memmove(w->deadline, w->deadline + w->head, left * sizeof *w->deadline);
    }
    w->head = 0;
    w->n = left;
    if (left + n > w->cap) {
        w->cap = (left + n) * 2;
        w->record = mem_resize(w->record, w->cap, sizeof *w->record);
        w->time = mem_resize(w->time, w->cap, sizeof *w->time);
        w->deadline = mem_resize(w->deadline, w->cap, sizeof *w->deadline);
    }
}

void lane_merge_add(struct lane *l, struct route *r, const struct record *records, size_t n)
{
    struct waiting *w = &r->waiting;
    int64_t wait = r->member->merge_wait, now = wait > 0 ? clock_now(l->cfg.clock) : 0;
    make_room(w, n);
    for (size_t i = 0; i < n; i++) {
        w->record[w->n] = wait > 0 ? keep(&records[i]) : records[i];
        w->bytes += wait > 0 ? records[i].key_n + records[i].value_n : 0;
        w->time[w->n] = TIME_UNKNOWN;
        w->deadline[w->n++] = now + wait;
    }
}

/* Event times are read where two routes of the task have records, or some must wait. */
static void find_times(struct lane *l, const struct member *m)
{
    int nroutes = 0;
    for (int i = 0; i < l->nroutes; i++) {
        nroutes += l->route[i].member == m && has_any(&l->route[i]);
    }
    for (int i = 0; i < l->nroutes && (nroutes > 1 || m->merge_wait > 0); i++) {
        struct route *r = &l->route[i];
        struct waiting *w = &r->waiting;
        int in = r->member == m && has_any(r) ? task_input(m->task, r->topic, -1) : -1;
        for (size_t k = w->n; in >= 0 && k-- > w->head && w->time[k] == TIME_UNKNOWN;) {
            w->time[k] = task_record_time(m->task, in, &w->record[k]);
        }
    }
}

/* The route whose head is next, NULL when nothing is there. *limit: what the heads of the others
 * allow it, of equal times those before it have gone first. */
static struct route *next_route(struct lane *l, const struct member *m, int64_t *limit)
{
    struct route *best = NULL;
    *limit = INT64_MAX;
    for (int i = 0; i < l->nroutes; i++) {
        struct route *r = &l->route[i];
        if (r->member != m || !has_any(r)) {
            continue;
        }
        int64_t time = r->waiting.time[r->waiting.head];
        int64_t least = best ? best->waiting.time[best->waiting.head] : INT64_MAX;
        bool is_first = !best || time < least || (time == least && is_table(r) && !is_table(best));
        *limit = is_first ? (best ? least : *limit) : time < *limit ? time : *limit;
        best = is_first ? r : best;
    }
    return best;
}

/* How far in event time the other routes of the task are known to be; one with a record there does
 * not count, since that is looked at. */
static int64_t others_reach(const struct lane *l, const struct route *mine)
{
    int64_t least = INT64_MAX;
    for (int i = 0; i < l->nroutes; i++) {
        const struct route *r = &l->route[i];
        if (r != mine && r->member == mine->member && !has_any(r) && r->waiting.newest < least) {
            least = r->waiting.newest;
        }
    }
    return least;
}

/* Number of records from the head on that may go now. */
static size_t run_length(const struct lane *l, const struct route *r, int64_t limit, int64_t now)
{
    const struct waiting *w = &r->waiting;
    bool is_free = r->member->waits || r->member->merge_wait == 0; /* tables come first */
    int64_t reach = is_free ? INT64_MAX : others_reach(l, r);
    size_t n = 0;
    for (size_t i = w->head; i < w->n; i++, n++) {
        bool is_next = n == 0 || w->time[i] < limit || limit == INT64_MAX;
        if (!is_next || (w->time[i] > reach && now < w->deadline[i])) {
            break;
        }
    }
    return n;
}

static int push_run(struct route *r, size_t n, struct err *e)
{
    struct waiting *w = &r->waiting;
    struct task *t = r->member->task;
    int result = 0;
    for (int in = -1; result == 0 && (in = task_input(t, r->topic, in)) >= 0;) {
        result = task_push(t, in, w->record + w->head, n, e);
    }
    for (size_t i = 0; i < n; i++, w->head++) {
        w->newest = w->time[w->head] > w->newest ? w->time[w->head] : w->newest;
        if (r->member->merge_wait > 0) {
            w->bytes -= w->record[w->head].key_n + w->record[w->head].value_n;
            forget(&w->record[w->head]);
        }
    }
    return result;
}

static int merge_member(struct lane *l, struct member *m, struct err *e)
{
    int64_t limit, now = m->merge_wait > 0 ? clock_now(l->cfg.clock) : 0;
    int result = 0;
    find_times(l, m);
    for (struct route *r; result == 0 && (r = next_route(l, m, &limit)) != NULL;) {
        size_t n = run_length(l, r, limit, now);
        if (n == 0) {
            break;
        }
        result = push_run(r, n, e);
    }
    return result;
}

/* Pauses routes with too many records, and lets them go on once half of them are gone. */
static int limit_waiting(struct lane *l, struct route *r)
{
    size_t n = r->waiting.n - r->waiting.head, share = r->waiting.is_full ? 2 : 1;
    bool is_full = n > WAITING_MOST / share || r->waiting.bytes > WAITING_BYTES / share;
    if (is_full == r->waiting.is_full || r->is_paused || r->rests) {
        return 0;
    }
    r->waiting.is_full = is_full;
    return (is_full ? l->log->ops->pause : l->log->ops->resume)(l->log, r->topic, r->partition);
}

int lane_merge(struct lane *l, struct err *e)
{
    int result = 0;
    for (int i = 0; i < l->nmembers && result == 0; i++) {
        if (l->member[i]->merges && l->member[i]->task) {
            result = merge_member(l, l->member[i], e);
        }
    }
    for (int i = 0; i < l->nroutes && result == 0; i++) {
        result = limit_waiting(l, &l->route[i]);
    }
    return result;
}

int64_t lane_merge_due(const struct lane *l)
{
    int64_t due = INT64_MAX;
    for (int i = 0; i < l->nroutes; i++) {
        const struct waiting *w = &l->route[i].waiting;
        if (has_any(&l->route[i]) && w->deadline[w->head] < due) {
            due = w->deadline[w->head];
        }
    }
    return due;
}

void lane_merge_drop(struct route *r)
{
    struct waiting *w = &r->waiting;
    for (; r->member->merge_wait > 0 && w->head < w->n; w->head++) {
        forget(&w->record[w->head]);
    }
    mem_free(w->record);
    mem_free(w->time);
    mem_free(w->deadline);
    *w = (struct waiting){.newest = INT64_MIN};
}
