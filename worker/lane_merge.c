/* Rows of the topics that a task reads, by event time: tables and streams, both sides of a join,
 * what a union or a list of topics brings together.
 *
 *   hosts    . . 12 . 17 |                       of the heads the least event time is next, on ties
 *   samples  10 . . 13 . 16 18 19 |              a table's, then in the order of the plan
 *
 * That is what `replay` does with its files. There every input has a head until it ends; here one
 * that has nothing in hand is looked at:
 *
 *   has more    the log knows of records that poll() has not handed out, or has not fetched there
 *               yet: all wait for the next one, at most PATIENCE_MS, or QUIET_MS in which nothing
 *               comes at all: an open transaction, a partition without a leader. So a backlog is
 *               read in the order of event times, however it is fetched
 *   at its end  nobody waits, so live rows are not held up; but with merge_wait a row waits that
 *               long for inputs which have not come as far
 *
 * What one poll has brought is merged and gone, and nothing is copied; what must wait is. A route
 * with too many is paused. None of it is committed before it is pushed, so a crash forgets it and
 * reads it again. While the tables of a task are read, nothing waits: its streams are paused.
 */
#include "engine/logger.h"
#include "engine/memory.h"
#include "worker/lane_impl.h"

#include <string.h>

#define WAITING_MOST  10000
#define WAITING_BYTES (8U << 20)
#define PATIENCE_MS   30000
#define QUIET_MS      2000
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

void lane_merge_begin(struct lane *l, struct member *m)
{
    const struct subplan *s = &l->cfg.plan->subplan[m->subplan];
    int nroutes = 0;
    for (int i = 0; i < l->nroutes; i++) {
        nroutes += l->route[i].member == m;
    }
    m->merges |= nroutes > 1; /* what waits may not be overtaken once a route has gone */
    for (uint16_t i = 0; i < s->nsources; i++) {
        const struct table *t = l->cfg.plan->source[s->source[i]]->table;
        m->merge_wait = t && t->merge_wait > m->merge_wait ? t->merge_wait : m->merge_wait;
    }
}

static void make_room(struct waiting *w, size_t n)
{
    size_t left = w->n - w->head;
    if (left > 0 && w->head > 0) {
        memmove(w->record, w->record + w->head, left * sizeof *w->record);
        memmove(w->time, w->time + w->head, left * sizeof *w->time);
        memmove(w->deadline, w->deadline + w->head, left * sizeof *w->deadline);
    }
    w->kept -= w->head;
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
    int64_t wait = r->member->merge_wait, until = wait > 0 ? lane_now(l) + wait : 0;
    make_room(w, n);
    for (size_t i = 0; i < n; i++) {
        w->record[w->n] = records[i];
        w->time[w->n] = TIME_UNKNOWN;
        w->deadline[w->n++] = until;
    }
    w->awaited_at = 0;
    w->is_given_up = false;
    r->member->nwaiting += n;
}

/* Copies what was not pushed: the poll's records end with it. */
static void keep_rest(struct waiting *w)
{
    for (size_t i = w->kept > w->head ? w->kept : w->head; i < w->n; i++) {
        w->record[i] = keep(&w->record[i]);
        w->bytes += w->record[i].key_n + w->record[i].value_n;
    }
    w->kept = w->n;
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

/* Records of it are to come, as far as is known. When no partition has brought anything for a while
 * it is an open transaction, or has no leader. */
static bool is_awaited(struct lane *l, struct route *r, int64_t now)
{
    struct waiting *w = &r->waiting;
    if (has_any(r) || w->is_given_up) {
        return false;
    }
    int has_more = l->log->ops->has_more(l->log, r->topic, r->partition);
    if (has_more == 0) {
        w->awaited_at = 0;
        return false;
    }
    w->awaited_at = w->awaited_at ? w->awaited_at : now;
    int64_t since = w->awaited_at > l->quiet_at ? w->awaited_at : l->quiet_at;
    bool is_quiet = has_more > 0 && l->quiet_at && now - since >= QUIET_MS;
    w->is_given_up = is_quiet || now - w->awaited_at >= PATIENCE_MS;
    if (w->is_given_up) {
        logger(LOG_LEVEL_DEBUG, "lane %d: nothing comes from topic %s partition %d, others go on",
               l->cfg.number, r->topic, r->partition);
    }
    return !w->is_given_up;
}

static bool is_any_awaited(struct lane *l, const struct member *m, int64_t now)
{
    bool is_any = false;
    for (int i = 0; i < l->nroutes && !m->waits && m->nwaiting > 0; i++) {
        is_any |= l->route[i].member == m && is_awaited(l, &l->route[i], now);
    }
    return is_any;
}

/* Whether the head of a goes before that of b. */
static bool is_before(const struct route *a, const struct route *b)
{
    int64_t x = a->waiting.time[a->waiting.head], y = b->waiting.time[b->waiting.head];
    if (x != y) {
        return x < y;
    }
    return is_table(a) != is_table(b) ? is_table(a) : a->rank < b->rank;
}

/* The route whose head is next, NULL when nothing is there. *limit: the least head of the others,
 * INT64_MAX without any. */
static struct route *next_route(struct lane *l, const struct member *m, int64_t *limit)
{
    struct route *best = NULL;
    *limit = INT64_MAX;
    for (int i = 0; i < l->nroutes; i++) {
        struct route *r = &l->route[i];
        if (r->member != m || !has_any(r)) {
            continue;
        }
        bool is_first = !best || is_before(r, best);
        const struct route *other = is_first ? best : r;
        if (other && other->waiting.time[other->waiting.head] < *limit) {
            *limit = other->waiting.time[other->waiting.head];
        }
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

/* Records that have been pushed, or are given up. */
static void drop_waiting(struct route *r, size_t n)
{
    struct waiting *w = &r->waiting;
    for (size_t i = 0; i < n; i++, w->head++) {
        if (w->head < w->kept) {
            w->bytes -= w->record[w->head].key_n + w->record[w->head].value_n;
            forget(&w->record[w->head]);
        }
    }
    r->member->nwaiting -= n;
}

static int push_run(struct route *r, size_t n, struct err *e)
{
    struct waiting *w = &r->waiting;
    struct task *t = r->member->task;
    int result = 0;
    for (int in = -1; result == 0 && (in = task_input(t, r->topic, in)) >= 0;) {
        result = task_push(t, in, w->record + w->head, n, e);
    }
    for (size_t i = w->head; i < w->head + n; i++) {
        w->newest = w->time[i] > w->newest ? w->time[i] : w->newest;
    }
    drop_waiting(r, n);
    return result;
}

static int merge_member(struct lane *l, struct member *m, struct err *e)
{
    int64_t limit, now = lane_now(l);
    int result = 0;
    find_times(l, m);
    m->awaits = is_any_awaited(l, m, now);
    for (struct route *r; result == 0 && !m->awaits && (r = next_route(l, m, &limit)) != NULL;) {
        size_t n = run_length(l, r, limit, now);
        if (n == 0) {
            break;
        }
        result = push_run(r, n, e);
        m->awaits = !has_any(r) && is_any_awaited(l, m, now);
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
        struct member *m = l->member[i];
        if (m->nwaiting > 0 && m->task) {
            result = merge_member(l, m, e);
        }
    }
    for (int i = 0; i < l->nroutes && result == 0; i++) {
        keep_rest(&l->route[i].waiting);
        result = limit_waiting(l, &l->route[i]);
    }
    return result;
}

int64_t lane_merge_due(const struct lane *l)
{
    int64_t due = INT64_MAX;
    for (int i = 0; i < l->nroutes; i++) {
        const struct waiting *w = &l->route[i].waiting;
        const struct member *m = l->route[i].member;
        bool is_timed = has_any(&l->route[i]) && m->merge_wait > 0 && !m->awaits;
        due = is_timed && w->deadline[w->head] < due ? w->deadline[w->head] : due;
    }
    return due;
}

void lane_merge_drop(struct route *r)
{
    struct waiting *w = &r->waiting;
    drop_waiting(r, w->n - w->head);
    mem_free(w->record);
    mem_free(w->time);
    mem_free(w->deadline);
    *w = (struct waiting){.newest = INT64_MIN};
}
