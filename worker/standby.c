/* The standby's thread, and what lanes ask of it.
 *
 *   ┌─> members, every 3 s (`standby: n`) ── open copies, or let go ── poll ── records to copies ─┐
 *   └── every second: to disk, with the mark <── where do the changelogs end? one copy a turn <───┘
 *
 * A copy changes hands under the mutex: the lane's thread closes it itself, so it never waits for
 * more than a batch of records to be copied. The thread, and librdkafka's behind it, run at a lower
 * priority than the lanes. Whatever fails here is tried again: the process does not end for a copy.
 *
 * In memory copies may take what the lanes' state leaves of its half of memory.limit. When that is
 * too little the last copy is given up, and comes again only after a lane has had the task.
 */
#include "worker/standby.h"

#include "engine/logger.h"
#include "engine/memory.h"
#include "worker/checkpoint_fit.h"
#include "worker/memory_use.h"
#include "worker/standby_impl.h"

#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define POLL_MS    100
#define WRITE_MS   1000
#define MEMBERS_MS 3000
#define ASK_MS     2000
#define RETRY_MS   5000
#define SAY_MS     10000
#define UNWRITTEN  (4U << 20)
#define NICE       10
#define NAP_NS     20000000

static int64_t now_of(const struct standby *s)
{
    return clock_steady(s->cfg.clock);
}

static const char *name_of(const struct standby *s, const struct copy *c)
{
    return copy_subplan(s, c)->store[0].changelog;
}

/* With the mutex. */
static void put_off(struct standby *s, struct copy *c, const struct err *e)
{
    if (c->status == COPY_LIVE || c->status == COPY_OPENING) {
        copy_let_go(s, c);
    }
    c->retry_at = now_of(s) + RETRY_MS;
    logger(LOG_LEVEL_DEBUG, "standby copy of %s partition %d: %s; trying again in %d s",
           name_of(s, c), c->partition, e->text, RETRY_MS / 1000);
}

/* With the mutex. */
static void refuse(struct standby *s, struct copy *c, const char *why)
{
    copy_let_go(s, c);
    c->status = COPY_REFUSED;
    logger(LOG_LEVEL_WARN, "no standby copy of %s partition %d: %s", name_of(s, c), c->partition,
           why);
}

/* ---- which ---- */

static void ask_members(struct standby *s)
{
    struct standby_members found = {0};
    struct err e = {0};
    if (s->cfg.copies < 0 || now_of(s) < s->members_at) {
        return;
    }
    s->members_at = now_of(s) + MEMBERS_MS;
    if (s->log->ops->members(s->log, standby_members_add, &found, ASK_MS, &e) < 0) {
        standby_members_done(&found); /* what was true before still is, for now */
        return;
    }
    standby_members_done(&s->members);
    s->members = found;
    pthread_mutex_lock(&s->mutex);
    for (size_t i = 0; i < s->n; i++) {
        struct copy *c = &s->copy[i];
        c->is_wanted = standby_members_want(&s->members, s->cfg.process, s->cfg.plan, c->subplan,
                                            c->partition, s->cfg.copies);
    }
    pthread_mutex_unlock(&s->mutex);
}

static void unfollow(struct standby *s, struct copy *c)
{
    for (int i = 0; i < copy_subplan(s, c)->nstores; i++) {
        if (c->is_followed[i]) {
            s->log->ops->unfollow(s->log, copy_subplan(s, c)->store[i].changelog, c->partition);
            c->is_followed[i] = false;
        }
    }
}

/* With the mutex: lets go of a copy that nobody wants, or that has become too old to be caught up.
 * Whether one is to be opened. */
static bool is_to_open(struct standby *s, struct copy *c)
{
    bool is_old = clock_now(s->cfg.clock) - c->caught_at > CHECKPOINT_AGE_MOST;
    if (c->status == COPY_LIVE && (!c->is_wanted || is_old)) {
        struct err e = {0};
        if (copy_write(c, &e) < 0) {
            logger(LOG_LEVEL_DEBUG, "%s", e.text);
        }
        copy_let_go(s, c);
    }
    return c->status == COPY_NONE && c->is_wanted && !c->lane && now_of(s) >= c->retry_at;
}

static void open_copies(struct standby *s)
{
    for (size_t i = 0; i < s->n && !atomic_load(&s->stopping); i++) {
        struct copy *c = &s->copy[i];
        struct err e = {0};
        pthread_mutex_lock(&s->mutex);
        bool opens = is_to_open(s, c);
        bool is_live = c->status == COPY_LIVE;
        pthread_mutex_unlock(&s->mutex);
        if (!is_live) {
            unfollow(s, c);
        }
        if (opens && copy_open(s, c, &e) < 0) {
            pthread_mutex_lock(&s->mutex);
            put_off(s, c, &e);
            pthread_mutex_unlock(&s->mutex);
        }
    }
}

/* ---- records ---- */

static int store_of(const struct standby *s, const struct copy *c, const struct record *r)
{
    const struct subplan *p = copy_subplan(s, c);
    for (int i = 0; c->partition == r->partition && i < p->nstores; i++) {
        if (strcmp(p->store[i].changelog, r->topic) == 0) {
            return i;
        }
    }
    return -1;
}

static struct copy *copy_of(struct standby *s, const struct record *r, int *store)
{
    if (s->last && (*store = store_of(s, s->last, r)) >= 0) {
        return s->last;
    }
    for (size_t i = 0; i < s->n; i++) {
        if ((*store = store_of(s, &s->copy[i], r)) >= 0) {
            return s->last = &s->copy[i];
        }
    }
    return NULL;
}

/* With the mutex. A record that is older than the last: the topic was made anew, and so is the
 * copy. */
static void begin_anew(struct standby *s, struct copy *c, const struct err *e)
{
    struct err ignored = {0};
    logger(LOG_LEVEL_INFO, "standby: %s", e->text);
    if (c->disk && task_drop_checkpoint(c->task, &ignored) < 0) {
        logger(LOG_LEVEL_DEBUG, "%s", ignored.text);
    }
    copy_let_go(s, c);
}

static void add_records(struct standby *s, const struct record *r, size_t n)
{
    pthread_mutex_lock(&s->mutex);
    for (size_t i = 0; i < n; i++) {
        struct err e = {0};
        int store = -1;
        struct copy *c = copy_of(s, &r[i], &store);
        if (!c || c->status != COPY_LIVE) {
            continue;
        }
        bool is_older = r[i].offset < c->next[store];
        int status = copy_add(c, store, &r[i], &e);
        s->changes += status == 0;
        if (is_older) {
            begin_anew(s, c, &e);
        } else if (status < 0) {
            refuse(s, c, e.text);
        } else if (c->unwritten > UNWRITTEN && copy_write(c, &e) < 0) {
            put_off(s, c, &e);
        }
    }
    pthread_mutex_unlock(&s->mutex);
}

/* With the mutex. */
static uint64_t bytes_held(const struct standby *s)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < s->n; i++) {
        bytes += s->copy[i].task ? task_state_bytes(s->copy[i].task) : 0;
    }
    return bytes;
}

static void hold_memory(struct standby *s)
{
    pthread_mutex_lock(&s->mutex);
    for (size_t i = s->n; i > 0 && s->cfg.memory; i--) {
        struct copy *c = &s->copy[i - 1];
        if (memory_use_fits(s->cfg.memory, bytes_held(s))) {
            break;
        }
        if (c->status == COPY_LIVE) {
            refuse(s, c, "with it, state would take more than its half of memory.limit");
        }
    }
    pthread_mutex_unlock(&s->mutex);
}

/* ---- from time to time ---- */

static void look_after(struct standby *s)
{
    int64_t now = now_of(s);
    bool writes = now >= s->write_at;
    struct copy *due = NULL;
    pthread_mutex_lock(&s->mutex);
    for (size_t i = 0; i < s->n; i++) {
        struct copy *c = &s->copy[i];
        struct err e = {0};
        if (c->status != COPY_LIVE) {
            continue;
        }
        if (writes || c->asked_at > 0) {
            copy_follow_positions(s, c);
        }
        if (writes && copy_write(c, &e) < 0) {
            put_off(s, c, &e);
        } else if (c->asked_at == 0 && now >= c->asked_next &&
                   (!due || c->asked_next < due->asked_next)) {
            due = c;
        }
    }
    pthread_mutex_unlock(&s->mutex);
    s->write_at = writes ? now + WRITE_MS : s->write_at;
    struct err ignored = {0};
    if (due && copy_ask(s, due, &ignored) < 0) {
        logger(LOG_LEVEL_DEBUG, "standby: %s", ignored.text);
    }
    if (now >= s->said_at) {
        struct standby_counts c = standby_counts(s);
        s->said_at = now + SAY_MS;
        logger(LOG_LEVEL_DEBUG, "standby: %llu copies, %llu changes read, at most %lld behind",
               (unsigned long long)c.copies, (unsigned long long)c.changes, (long long)c.behind);
    }
}

/* ---- the thread ---- */

static int once(struct standby *s, struct err *e)
{
    const struct record *r;
    size_t n = 0;
    ask_members(s);
    open_copies(s);
    int result = s->log->ops->poll(s->log, POLL_MS, &r, &n, e);
    if (result == 0) {
        add_records(s, r, n);
    }
    s->log->ops->release(s->log);
    hold_memory(s);
    look_after(s);
    return result;
}

static void let_go_all(struct standby *s)
{
    pthread_mutex_lock(&s->mutex);
    for (size_t i = 0; i < s->n; i++) {
        struct err e = {0};
        if (copy_write(&s->copy[i], &e) < 0) {
            logger(LOG_LEVEL_DEBUG, "standby: %s", e.text);
        }
        if (s->copy[i].status != COPY_REFUSED) {
            copy_let_go(s, &s->copy[i]);
        }
    }
    pthread_mutex_unlock(&s->mutex);
}

static void close_log(struct standby *s)
{
    let_go_all(s);
    for (size_t i = 0; i < s->n && s->log; i++) {
        unfollow(s, &s->copy[i]);
    }
    if (s->log) {
        s->log->ops->close(s->log, false);
        s->log = NULL;
    }
}

static void wait_until(struct standby *s, int64_t at)
{
    while (!atomic_load(&s->stopping) && now_of(s) < at) {
        nanosleep(&(struct timespec){0, NAP_NS}, NULL);
    }
}

static void *standby_main(void *arg)
{
    struct standby *s = arg;
    pthread_setname_np(pthread_self(), "standby");
    setpriority(PRIO_PROCESS, 0, NICE); /* of this thread, and of those that it starts */
    wait_until(s, s->begin_at);
    while (!atomic_load(&s->stopping)) {
        struct err e = {0};
        int r = s->log ? 0 : s->cfg.open_log(s->cfg.ctx, &s->log, &s->cfg.log, NULL, &e);
        r = r < 0 ? r : once(s, &e);
        if (r < 0 && !atomic_load(&s->stopping)) {
            logger(LOG_LEVEL_WARN, "standby copies: %s; beginning again in %d s", e.text,
                   RETRY_MS / 1000);
            close_log(s);
            wait_until(s, now_of(s) + RETRY_MS);
        }
    }
    close_log(s);
    return NULL;
}

static void list_copies(struct standby *s)
{
    const struct plan *p = s->cfg.plan;
    for (uint16_t i = 0; i < p->nsubplans; i++) {
        uint16_t nstores = p->subplan[i].nstores;
        for (int32_t k = 0; nstores > 0 && !p->subplan[i].is_global && k < s->cfg.tasks[i]; k++) {
            s->copy = mem_resize(s->copy, s->n + 1, sizeof *s->copy);
            s->copy[s->n++] = (struct copy){.subplan = i,
                                            .partition = k,
                                            .is_wanted = s->cfg.copies < 0,
                                            .next = mem_zalloc(nstores * sizeof(int64_t)),
                                            .target = mem_zalloc(nstores * sizeof(int64_t)),
                                            .is_followed = mem_zalloc(nstores * sizeof(bool))};
        }
    }
}

int standby_start(struct standby **out, const struct standby_config *cfg, struct err *e)
{
    struct standby *s = mem_zalloc(sizeof *s);
    s->cfg = *cfg;
    s->cfg.log.stopping = &s->stopping;
    s->begin_at = now_of(s) + cfg->delay_ms;
    s->said_at = s->begin_at + SAY_MS;
    pthread_mutex_init(&s->mutex, NULL);
    list_copies(s);
    if (pthread_create(&s->thread, NULL, standby_main, s) != 0) {
        atomic_store(&s->stopping, true);
        standby_free(s);
        return err_set(e, ERR_FATAL, "cannot start a thread");
    }
    *out = s;
    return 0;
}

void standby_stop(struct standby *s)
{
    if (!atomic_exchange(&s->stopping, true)) {
        pthread_join(s->thread, NULL);
    }
}

void standby_free(struct standby *s)
{
    standby_stop(s);
    for (size_t i = 0; i < s->n; i++) {
        mem_free(s->copy[i].next);
        mem_free(s->copy[i].target);
        mem_free(s->copy[i].is_followed);
    }
    standby_members_done(&s->members);
    pthread_mutex_destroy(&s->mutex);
    mem_free(s->copy);
    mem_free(s);
}

/* ---- for lanes ---- */

static struct copy *find(struct standby *s, uint16_t subplan, int32_t partition)
{
    for (size_t i = 0; i < s->n; i++) {
        if (s->copy[i].subplan == subplan && s->copy[i].partition == partition) {
            return &s->copy[i];
        }
    }
    return NULL;
}

struct task *standby_take(struct standby *s, const void *lane, uint16_t subplan, int32_t partition,
                          int64_t *next)
{
    struct copy *c = find(s, subplan, partition);
    struct task *given = NULL;
    struct err e = {0};
    if (!c) {
        return NULL;
    }
    pthread_mutex_lock(&s->mutex);
    c->lane = lane;
    bool is_live = c->status == COPY_LIVE;
    if (is_live && c->disk && copy_write(c, &e) < 0) {
        logger(LOG_LEVEL_WARN, "standby copy of %s partition %d: %s", name_of(s, c), partition,
               e.text);
    }
    bool is_whole = is_live && (!c->disk || c->disk->ops->is_log);
    if (is_whole && e.kind == ERR_NONE &&
        clock_now(s->cfg.clock) - c->caught_at <= CHECKPOINT_AGE_MOST) {
        memcpy(next, c->next, copy_subplan(s, c)->nstores * sizeof *next);
        given = c->task;
        c->task = NULL;
        c->disk = NULL; /* goes with it */
    }
    copy_let_go(s, c);
    pthread_mutex_unlock(&s->mutex);
    return given;
}

void standby_give_back(struct standby *s, const void *lane, uint16_t subplan, int32_t partition)
{
    struct copy *c = find(s, subplan, partition);
    if (!c) {
        return;
    }
    pthread_mutex_lock(&s->mutex);
    c->lane = c->lane == lane ? NULL : c->lane;
    pthread_mutex_unlock(&s->mutex);
}

struct standby_counts standby_counts(struct standby *s)
{
    struct standby_counts sum = {0};
    pthread_mutex_lock(&s->mutex);
    sum.changes = s->changes;
    for (size_t i = 0; i < s->n; i++) {
        sum.copies += s->copy[i].status == COPY_LIVE;
        sum.behind = s->copy[i].behind > sum.behind ? s->copy[i].behind : sum.behind;
    }
    pthread_mutex_unlock(&s->mutex);
    return sum;
}
