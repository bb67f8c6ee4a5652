/* Tasks of all partitions side by side, internal records in one queue.
 *
 *   push -> task -> output / queue;  then, until the queue is empty: queue -> task -> …
 *
 * After each push the tasks that were touched tell their repartitions the watermark, so windows
 * behind a repartition close as soon as the direct ones would. Changelogs are kept as the last
 * value of each key, for local_restart().
 */
#include "worker/local.h"
#include "engine/hash.h"
#include "engine/memory.h"
#include "engine/state.h"
#include "worker/time_board.h"

#include <string.h>

struct queued {
    struct record record;
    char bytes[];
};

struct changelog {
    const char *topic;
    int32_t partition;
    struct state *last; /* key -> value */
};

struct local {
    struct local_config cfg;
    int32_t *tasks; /* per sub-plan */
    struct time_board *times;
    struct task ***task;
    struct arena mem;
    size_t nqueue, cap_queue, head;
    struct queued **queue;
    int nchangelogs;
    struct changelog *changelog;
};

static struct changelog *changelog_of(struct local *l, const char *topic, int32_t partition)
{
    for (int i = 0; i < l->nchangelogs; i++) {
        if (l->changelog[i].partition == partition && strcmp(l->changelog[i].topic, topic) == 0) {
            return &l->changelog[i];
        }
    }
    return NULL;
}

static void keep_change(struct changelog *c, const struct record *r)
{
    uint64_t h = hash_bytes(r->key, r->key_n, 0);
    struct state_entry *e = state_find(c->last, h, r->key, (uint32_t)r->key_n);
    if (!r->value) {
        if (e) {
            state_delete(c->last, e);
        }
        return;
    }
    if (!e) {
        bool is_new;
        e = state_insert(c->last, h, r->key, (uint32_t)r->key_n, (uint32_t)r->value_n, &is_new);
    } else {
        e = state_resize(c->last, e, (uint32_t)r->value_n);
    }
    memcpy(state_value(e), r->value, r->value_n);
}

static void enqueue(struct local *l, const struct record *r, int32_t partition)
{
    struct queued *q = mem_alloc(sizeof *q + r->key_n + r->value_n);
    q->record = *r;
    q->record.partition = partition;
    q->record.offset = 0;
    q->record.nheaders = 0;
    if (r->key) {
        memcpy(q->bytes, r->key, r->key_n);
        q->record.key = q->bytes;
    }
    if (r->value) {
        memcpy(q->bytes + r->key_n, r->value, r->value_n);
        q->record.value = q->bytes + r->key_n;
    }
    if (l->nqueue == l->cap_queue) {
        l->cap_queue = l->cap_queue * 2 + 256;
        l->queue = mem_resize(l->queue, l->cap_queue, sizeof *l->queue);
    }
    l->queue[l->nqueue++] = q;
}

/* Next sub-plan behind `after` that reads a topic, or -1. Several do where global tables read what
 * a stream reads. */
static int reader_of(const struct plan *p, const char *topic, int after)
{
    int least = -1;
    for (uint16_t i = 0; i < p->nsources; i++) {
        int subplan = p->vertex[p->source[i]->vertex]->subplan;
        for (int k = 0; k < p->source[i]->ntopics; k++) {
            if (subplan > after && (least < 0 || subplan < least) &&
                strcmp(p->source[i]->topic[k], topic) == 0) {
                least = subplan;
            }
        }
    }
    return least;
}

static int local_produce(void *ctx, const struct record *r, size_t n, struct err *e)
{
    struct local *l = ctx;
    for (size_t i = 0; i < n; i++) {
        struct changelog *c = changelog_of(l, r[i].topic, r[i].partition);
        if (c) {
            keep_change(c, &r[i]);
            continue;
        }
        int subplan = reader_of(l->cfg.plan, r[i].topic, -1);
        int32_t of = subplan >= 0 ? l->tasks[subplan] : l->cfg.partitions, p = r[i].partition;
        if (p < 0) {
            p = r[i].key
                    ? (int32_t)((hash_murmur2(r[i].key, r[i].key_n) & 0x7fffffff) % (uint32_t)of)
                    : 0;
        }
        if (subplan >= 0) {
            enqueue(l, &r[i], p);
            continue;
        }
        struct record out = r[i];
        out.partition = p;
        int result = l->cfg.output(l->cfg.ctx, &out, e);
        if (result < 0) {
            return result;
        }
    }
    return 0;
}

static int32_t local_tasks(void *ctx, uint16_t subplan)
{
    const struct local *l = ctx;
    return l->tasks[subplan];
}

static struct task *local_table(void *ctx, uint16_t subplan)
{
    const struct local *l = ctx;
    return l->task[subplan][0];
}

/* ---- topics as they were before the first row ---- */

static int past_partitions(void *ctx, const char *topic, int32_t *n, struct err *e)
{
    const struct local *l = ctx;
    return l->cfg.past->partitions(l->cfg.ctx, topic, n, e);
}

static int past_bounds(void *ctx, const char *topic, int32_t partition, int64_t *begin,
                       int64_t *end, struct err *e)
{
    const struct local *l = ctx;
    return l->cfg.past->bounds(l->cfg.ctx, topic, partition, begin, end, e);
}

static int past_read(void *ctx, const char *topic, int32_t partition, int64_t from,
                     int (*each)(void *each_ctx, const struct record *r), void *each_ctx,
                     int64_t *next, struct err *e)
{
    const struct local *l = ctx;
    return l->cfg.past->read(l->cfg.ctx, topic, partition, from, each, each_ctx, next, e);
}

static const struct task_past local_past = {past_partitions, past_bounds, past_read};

/* ---- tasks ---- */

static bool rows_could_overtake(const struct local *l)
{
    const struct plan *p = l->cfg.plan;
    int sinks = 0, internal = 0;
    for (uint16_t i = 0; i < p->nsinks; i++) {
        internal += p->sink[i]->repartition;
        sinks += !p->sink[i]->repartition;
    }
    for (int i = 0; i < p->topology->nstreams; i++) {
        sinks += p->topology->stream[i].errors.tolerance == TOLERATE_ALL;
    }
    for (int i = 0; i < p->topology->ntables; i++) {
        sinks += p->topology->table[i].source.errors.tolerance == TOLERATE_ALL;
    }
    if (internal && p->topology->ntables > 0) { /* a row and the change of a table it made */
        return true;
    }
    return l->cfg.ordered && (sinks > 1 || (internal && l->cfg.partitions > 1));
}

static int build_task(struct local *l, uint16_t subplan, int32_t partition, struct err *e)
{
    struct task_env env = {.ctx = l,
                           .clock = l->cfg.clock,
                           .schemas = l->cfg.schemas,
                           .batch_rows = l->cfg.batch_rows,
                           .one_at_a_time = rows_could_overtake(l),
                           .limit_ahead = l->cfg.limit_ahead,
                           .most_state = l->cfg.most_state,
                           .produce = local_produce,
                           .table = local_table,
                           .tasks = local_tasks,
                           .past = l->cfg.past ? &local_past : NULL};
    return task_new(&l->task[subplan][partition], l->cfg.plan, subplan, partition, &env, e);
}

static void count_tasks(struct local *l)
{
    const struct plan *p = l->cfg.plan;
    for (uint16_t level = 0; level < p->nsubplans; level++) {
        for (uint16_t i = 0; i < p->nsubplans; i++) {
            const struct subplan *s = &p->subplan[i];
            bool is_one = s->single || s->is_global;
            l->tasks[i] = s->level != level ? l->tasks[i] : is_one ? 1 : l->cfg.partitions;
        }
    }
}

int local_new(struct local **out, const struct local_config *cfg, struct err *e)
{
    struct local *l = mem_zalloc(sizeof *l);
    const struct plan *p = cfg->plan;
    l->cfg = *cfg;
    arena_init(&l->mem);
    l->tasks = arena_zalloc(&l->mem, p->nsubplans * sizeof *l->tasks + 1);
    l->task = arena_zalloc(&l->mem, p->nsubplans * sizeof *l->task + 1);
    count_tasks(l);
    l->times = time_board_new(p, l->tasks);
    int r = 0, nstores = 0;
    for (uint16_t i = 0; i < p->nsubplans; i++) {
        nstores += p->subplan[i].nstores * l->tasks[i];
        l->task[i] = arena_zalloc(&l->mem, (size_t)l->tasks[i] * sizeof(struct task *));
    }
    l->changelog = arena_array(&l->mem, (size_t)nstores + 1, sizeof *l->changelog);
    for (uint16_t i = 0; i < p->nsubplans; i++) {
        for (int32_t k = 0; k < l->tasks[i] && r == 0; k++) {
            for (uint16_t s = 0; s < p->subplan[i].nstores; s++) {
                l->changelog[l->nchangelogs++] =
                    (struct changelog){p->subplan[i].store[s].changelog, k, state_memory_new(NULL)};
            }
            r = build_task(l, i, k, e);
            r = r < 0 ? r : task_open(l->task[i][k], e);
        }
    }
    if (r < 0) {
        local_free(l);
        return r;
    }
    *out = l;
    return 0;
}

/* To the task of one sub-plan. */
static int give_to(struct local *l, uint16_t subplan, const struct record *r, size_t n,
                   struct err *e)
{
    int32_t p = r->partition < l->tasks[subplan] ? r->partition : 0;
    struct task *t = l->task[subplan][p];
    int result = 0;
    for (int in = -1; result == 0 && (in = task_input(t, r->topic, in)) >= 0;) {
        result = task_push(t, in, r, n, e);
    }
    return result < 0 ? result : task_forward(t, e);
}

/* To all that read the topic; global tables first. */
static int give(struct local *l, const struct record *r, size_t n, struct err *e)
{
    const struct plan *p = l->cfg.plan;
    int result = 0;
    for (int turn = 0; turn < 2; turn++) {
        for (int i = -1; result == 0 && (i = reader_of(p, r->topic, i)) >= 0;) {
            if (p->subplan[i].is_global == (turn == 0)) {
                result = give_to(l, (uint16_t)i, r, n, e);
            }
        }
    }
    return result;
}

static int drain(struct local *l, struct err *e)
{
    int result = 0;
    while (result == 0 && l->head < l->nqueue) {
        struct queued *q = l->queue[l->head++];
        result = give(l, &q->record, 1, e);
        mem_free(q);
    }
    for (; l->head < l->nqueue; l->head++) {
        mem_free(l->queue[l->head]);
    }
    l->nqueue = l->head = 0;
    return result;
}

int local_push(struct local *l, const struct record *r, size_t n, struct err *e)
{
    if (reader_of(l->cfg.plan, r->topic, -1) < 0) {
        return err_set(e, ERR_CONFIG, "no stream reads the topic %s", r->topic);
    }
    size_t step = rows_could_overtake(l) ? 1 : n;
    int result = 0;
    for (size_t i = 0; i < n && result == 0; i += step) {
        result = give(l, r + i, step, e);
        result = result < 0 ? result : drain(l, e);
    }
    return result;
}

int local_refuse(struct local *l, const struct record *r, const char *text, struct err *e)
{
    int result = 0;
    for (int i = -1; result == 0 && (i = reader_of(l->cfg.plan, r->topic, i)) >= 0;) {
        struct task *t = l->task[i][r->partition < l->tasks[i] ? r->partition : 0];
        for (int in = -1; result == 0 && (in = task_input(t, r->topic, in)) >= 0;) {
            result = task_refuse(t, in, r, text, e);
        }
    }
    return result < 0 ? result : drain(l, e);
}

int local_tick(struct local *l, int64_t now, struct err *e)
{
    int result = 0;
    for (int round = 0; round < 2; round++) {
        for (uint16_t i = 0; i < l->cfg.plan->nsubplans; i++) {
            for (int32_t k = 0; k < l->tasks[i]; k++) {
                struct task *t = l->task[i][k];
                for (int in = 0; in < task_inputs(t); in++) {
                    if (round == 0) {
                        time_board_say(l->times, t, in, now);
                    } else {
                        time_board_follow(l->times, t, in, now);
                    }
                }
            }
        }
    }
    for (uint16_t i = 0; i < l->cfg.plan->nsubplans; i++) {
        for (int32_t k = 0; k < l->tasks[i] && result == 0; k++) {
            result = task_tick(l->task[i][k], now, e);
            result = result < 0 ? result : task_forward(l->task[i][k], e);
        }
    }
    return result < 0 ? result : drain(l, e);
}

int local_finish(struct local *l, struct err *e)
{
    const struct plan *p = l->cfg.plan;
    int result = 0;
    for (uint16_t level = 0; level < p->nsubplans; level++) {
        for (uint16_t i = 0; i < p->nsubplans; i++) {
            for (int32_t k = 0; p->subplan[i].level == level && k < l->tasks[i] && result == 0;
                 k++) {
                result = task_finish(l->task[i][k], e);
                result = result < 0 ? result : task_forward(l->task[i][k], e);
            }
        }
        result = result < 0 ? result : drain(l, e);
    }
    return result;
}

struct refill {
    struct task *task;
    int store;
    struct err *e;
};

static int refill_entry(void *ctx, struct state_entry *entry)
{
    struct refill *x = ctx;
    uint32_t n;
    struct record r = {.key = state_key(entry, &n)};
    r.key_n = n;
    r.value = state_value(entry);
    r.value_n = state_value_size(entry);
    return task_restore(x->task, x->store, &r, x->e);
}

static int restart_task(struct local *l, uint16_t subplan, int32_t partition, struct err *e)
{
    struct task *old = l->task[subplan][partition];
    const struct subplan *s = &l->cfg.plan->subplan[subplan];
    int n = task_inputs(old), r = task_flush(old, e);
    int64_t *offset = mem_array((size_t)n + 1, sizeof *offset);
    char(*metadata)[4096] = mem_array((size_t)n + 1, sizeof *metadata);
    for (int i = 0; i < n; i++) {
        offset[i] = task_position(old, i, metadata[i], sizeof *metadata);
    }
    task_free(old);
    l->task[subplan][partition] = NULL;
    r = r < 0 ? r : build_task(l, subplan, partition, e);
    for (uint16_t i = 0; i < s->nstores && r == 0; i++) {
        struct refill x = {l->task[subplan][partition], i, e};
        const struct changelog *c = changelog_of(l, s->store[i].changelog, partition);
        r = c ? state_each(c->last, refill_entry, &x) : 0;
    }
    for (int i = 0; i < n && r == 0; i++) {
        task_input_restore(l->task[subplan][partition], i, offset[i], metadata[i]);
    }
    mem_free(offset);
    mem_free(metadata);
    return r < 0 ? r : task_open(l->task[subplan][partition], e);
}

int local_restart(struct local *l, struct err *e)
{
    int r = 0;
    for (uint16_t i = 0; i < l->cfg.plan->nsubplans; i++) {
        bool is_global = l->cfg.plan->subplan[i].is_global; /* it would be read anew, to the same */
        for (int32_t k = 0; k < l->tasks[i] && r == 0 && !is_global; k++) {
            r = restart_task(l, i, k, e);
        }
    }
    return r;
}

struct task_counts local_counts(const struct local *l)
{
    struct task_counts sum = {0};
    for (uint16_t i = 0; i < l->cfg.plan->nsubplans; i++) {
        for (int32_t k = 0; k < l->tasks[i]; k++) {
            struct task_counts c = task_counts(l->task[i][k]);
            sum.records += c.records;
            sum.tombstones += c.tombstones;
            sum.rows_out += c.rows_out;
            sum.bad += c.bad;
            sum.late += c.late;
            sum.no_key += c.no_key;
        }
    }
    return sum;
}

uint64_t local_kept_bytes(const struct local *l)
{
    uint64_t bytes = 0;
    for (uint16_t i = 0; i < l->cfg.plan->nsubplans; i++) {
        for (int32_t k = 0; k < l->tasks[i]; k++) {
            bytes += task_kept_bytes(l->task[i][k]);
        }
    }
    return bytes;
}

void local_recount(const struct local *l)
{
    for (uint16_t i = 0; i < l->cfg.plan->nsubplans; i++) {
        for (int32_t k = 0; k < l->tasks[i]; k++) {
            task_recount(l->task[i][k]);
        }
    }
}

struct state_sum local_state(const struct local *l)
{
    struct state_sum sum = {0};
    local_recount(l);
    for (uint16_t i = 0; i < l->cfg.plan->nsubplans; i++) {
        for (int32_t k = 0; k < l->tasks[i]; k++) {
            task_steps(l->task[i][k], state_sum_add, &sum);
        }
    }
    return sum;
}

struct telling {
    void (*each)(void *ctx, int32_t partition, const struct node *n, const char *name,
                 double value);
    void *ctx;
    int32_t partition;
};

static void tell_metric(void *ctx, const struct node *n, const char *name, double value)
{
    const struct telling *t = ctx;
    t->each(t->ctx, t->partition, n, name, value);
}

void local_metrics(const struct local *l,
                   void (*each)(void *ctx, int32_t partition, const struct node *n,
                                const char *name, double value),
                   void *ctx)
{
    for (uint16_t i = 0; i < l->cfg.plan->nsubplans; i++) {
        for (int32_t k = 0; k < l->tasks[i]; k++) {
            struct telling t = {each, ctx, l->tasks[i] > 1 ? k : -1};
            task_metrics(l->task[i][k], tell_metric, &t);
        }
    }
}

void local_free(struct local *l)
{
    for (uint16_t i = 0; i < l->cfg.plan->nsubplans; i++) {
        for (int32_t k = 0; k < l->tasks[i]; k++) {
            if (l->task[i] && l->task[i][k]) {
                task_free(l->task[i][k]);
            }
        }
    }
    for (int i = 0; i < l->nchangelogs; i++) {
        state_free(l->changelog[i].last);
    }
    for (; l->head < l->nqueue; l->head++) {
        mem_free(l->queue[l->head]);
    }
    mem_free(l->queue);
    time_board_free(l->times);
    arena_done(&l->mem);
    mem_free(l);
}
