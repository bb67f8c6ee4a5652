/* A small world around tasks: produced records go to the tasks that read their topic, to the
 * changelog or to the output. A restart flushes, commits and throws every task away; the new ones
 * are restored from the changelogs, or from their disks.
 */
#include "tests/support/task_run.h"

#include "engine/clock.h"
#include "engine/memory.h"
#include "schemas/registry_memory.h"
#include "tests/support/fake_disk.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct stored {
    char *topic, *key, *value; /* value NULL: deleted */
    size_t key_n, value_n;
};

#define INPUTS_MOST 8

struct world {
    const struct task_run *run;
    struct task_result *result;
    struct plan *plan;
    struct task *task[16];
    struct fake_disk disk[16];
    struct position {
        int64_t offset; /* 0: nothing committed yet */
        char metadata[200];
    } position[16][INPUTS_MOST];
    struct clock clock;
    struct schema_store *schemas;
    struct stored *changelog; /* in order of first write */
    size_t nchangelog;
    struct stored *queue; /* for repartitions */
    size_t nqueue;
};

static struct stored *append(struct stored **list, size_t *n, const struct record *r)
{
    *list = mem_resize(*list, *n + 1, sizeof(**list));
    struct stored *s = &(*list)[(*n)++];
    *s = (struct stored){
        .topic = mem_strdup(r->topic),
        .key = r->key ? mem_strndup(r->key, r->key_n) : NULL,
        .value = r->value ? mem_strndup(r->value, r->value_n) : NULL,
        .key_n = r->key_n,
        .value_n = r->value_n,
    };
    return s;
}

static void drop(struct stored *s)
{
    mem_free(s->topic);
    mem_free(s->key);
    mem_free(s->value);
}

static void change(struct world *w, const struct record *r)
{
    for (size_t i = 0; i < w->nchangelog; i++) {
        struct stored *s = &w->changelog[i];
        if (strcmp(s->topic, r->topic) == 0 && s->key_n == r->key_n &&
            memcmp(s->key, r->key, r->key_n) == 0) {
            mem_free(s->value);
            s->value = r->value ? mem_strndup(r->value, r->value_n) : NULL;
            s->value_n = r->value_n;
            return;
        }
    }
    append(&w->changelog, &w->nchangelog, r);
}

static bool is_changelog(const struct world *w, const char *topic)
{
    for (uint16_t s = 0; s < w->plan->nsubplans; s++) {
        for (uint16_t i = 0; i < w->plan->subplan[s].nstores; i++) {
            if (strcmp(w->plan->subplan[s].store[i].changelog, topic) == 0) {
                return true;
            }
        }
    }
    return false;
}

static bool is_read(const struct world *w, const char *topic)
{
    for (uint16_t s = 0; s < w->plan->nsubplans; s++) {
        if (task_input(w->task[s], topic, -1) >= 0) {
            return true;
        }
    }
    return false;
}

static int produce(void *ctx, const struct record *r, size_t n, struct err *e)
{
    (void)e;
    struct world *w = ctx;
    for (size_t i = 0; i < n; i++) {
        if (is_changelog(w, r[i].topic)) {
            change(w, &r[i]);
        } else if (is_read(w, r[i].topic)) {
            append(&w->queue, &w->nqueue, &r[i]);
        } else {
            buffer_printf(&w->result->out, "%s %.*s\n", r[i].topic, (int)r[i].value_n,
                          r[i].value ? (const char *)r[i].value : "null");
        }
    }
    return 0;
}

static int32_t tasks(void *ctx, uint16_t subplan)
{
    (void)ctx;
    (void)subplan;
    return 1;
}

static int past_partitions(void *ctx, const char *topic, int32_t *n, struct err *e)
{
    const struct world *w = ctx;
    (void)e;
    *n = strcmp(topic, w->run->past->topic) == 0 ? w->run->past->partitions : 0;
    return 0;
}

/* The end lies before the rows that were written meanwhile: one of each partition, which is
 * garbage. */
static int past_bounds(void *ctx, const char *topic, int32_t partition, int64_t *begin,
                       int64_t *end, struct err *e)
{
    const struct world *w = ctx;
    const struct task_run_past *p = w->run->past;
    (void)topic;
    (void)e;
    *begin = 0;
    *end = ((int64_t)p->n - partition + p->partitions - 1) / p->partitions;
    return 0;
}

static int past_read(void *ctx, const char *topic, int32_t partition, int64_t from,
                     int (*each)(void *each_ctx, const struct record *r), void *each_ctx,
                     int64_t *next, struct err *e)
{
    struct world *w = ctx;
    const struct task_run_past *p = w->run->past;
    int64_t end;
    int status = past_bounds(ctx, topic, partition, &(int64_t){0}, &end, e);
    w->result->past_reads++;
    for (int64_t offset = from; offset <= end && status == 0; offset++) {
        size_t i = (size_t)(offset * p->partitions + partition);
        const char *value = offset < end ? p->value[i] : "written meanwhile";
        struct record r = {.topic = topic,
                           .partition = partition,
                           .offset = offset,
                           .timestamp = offset,
                           .value = value,
                           .value_n = strlen(value)};
        r.key = p->key && offset < end ? p->key[i] : NULL;
        r.key_n = r.key ? strlen(r.key) : 0;
        status = each(each_ctx, &r);
        *next = offset + 1;
    }
    return status;
}

static const struct task_past past = {past_partitions, past_bounds, past_read};

/* What a changelog holds, for a task without a disk. */
static int restore(struct world *w, uint16_t s)
{
    const struct subplan *sub = &w->plan->subplan[s];
    int status = 0;
    for (uint16_t i = 0; i < sub->nstores && status == 0; i++) {
        for (size_t k = 0; k < w->nchangelog && status == 0; k++) {
            const struct stored *c = &w->changelog[k];
            struct record r = {.topic = c->topic,
                               .key = c->key,
                               .key_n = c->key_n,
                               .value = c->value,
                               .value_n = c->value_n};
            if (strcmp(c->topic, sub->store[i].changelog) == 0) {
                status = task_restore(w->task[s], i, &r, &w->result->err);
            }
        }
    }
    return status;
}

/* All that is committed is on the disk. */
static int attach(struct world *w, uint16_t s)
{
    static const int64_t next[16] = {0};
    int found = task_take_disk(w->task[s], &w->disk[s].disk, 1);
    assert(found < 0 || found == CHECKPOINT_NONE || found == CHECKPOINT_THERE);
    int status = found < 0 ? found : task_attach(w->task[s]);
    return status < 0 ? err_set(&w->result->err, ERR_ABORT, "%s: cannot be read", "disk")
                      : task_restored(w->task[s], next, &w->result->err);
}

static int start(struct world *w)
{
    struct task_env env = {
        .ctx = w,
        .clock = &w->clock,
        .schemas = w->schemas,
        .batch_rows = w->run->batch_rows ? w->run->batch_rows : BATCH_ROWS,
        .produce = produce,
        .tasks = tasks,
        .past = w->run->past ? &past : NULL,
    };
    for (uint16_t s = 0; s < w->plan->nsubplans; s++) {
        int status = task_new(&w->task[s], w->plan, s, 0, &env, &w->result->err);
        status = status < 0 ? status : w->run->has_disk ? attach(w, s) : restore(w, s);
        for (int in = 0; status == 0 && in < task_inputs(w->task[s]); in++) {
            const struct position *p = &w->position[s][in];
            if (p->offset > 0) {
                task_input_restore(w->task[s], in, p->offset, p->metadata);
            }
        }
        status = status < 0 ? status : task_open(w->task[s], &w->result->err);
        if (status < 0) {
            return status;
        }
    }
    return 0;
}

static void stop(struct world *w)
{
    for (uint16_t s = 0; s < w->plan->nsubplans; s++) {
        task_free(w->task[s]);
        w->task[s] = NULL;
        if (w->run->has_disk) {
            w->disk[s].disk.ops->close(&w->disk[s].disk);
        }
    }
}

static int push(struct world *w, const struct record *r, size_t n)
{
    for (uint16_t s = 0; s < w->plan->nsubplans; s++) {
        for (int in = task_input(w->task[s], r->topic, -1); in >= 0;
             in = task_input(w->task[s], r->topic, in)) {
            int status = task_push(w->task[s], in, r, n, &w->result->err);
            if (status < 0) {
                return status;
            }
        }
    }
    return 0;
}

/* Repartitions until nothing is left to be read. */
static int settle(struct world *w)
{
    static int64_t offset;
    int status = 0;
    while (w->nqueue > 0 && status == 0) {
        struct stored *queue = w->queue;
        size_t n = w->nqueue;
        w->queue = NULL;
        w->nqueue = 0;
        for (size_t i = 0; i < n; i++) {
            struct record r = {.topic = queue[i].topic,
                               .offset = offset++,
                               .key = queue[i].key,
                               .key_n = queue[i].key_n,
                               .value = queue[i].value,
                               .value_n = queue[i].value_n};
            status = status < 0 ? status : push(w, &r, 1);
            drop(&queue[i]);
        }
        mem_free(queue);
    }
    return status;
}

static int commit(struct world *w)
{
    for (uint16_t s = 0; s < w->plan->nsubplans; s++) {
        int status = task_flush(w->task[s], &w->result->err);
        status = status < 0 ? status : settle(w);
        if (status < 0) {
            return status;
        }
        status = task_write_checkpoint(w->task[s], &w->result->err);
        if (status < 0) {
            return status;
        }
        task_committed(w->task[s]);
        assert(task_inputs(w->task[s]) <= INPUTS_MOST);
        for (int in = 0; in < task_inputs(w->task[s]); in++) {
            struct position *p = &w->position[s][in];
            p->offset = task_position(w->task[s], in, p->metadata, sizeof p->metadata);
        }
    }
    return 0;
}

static void add_metric(void *ctx, const struct node *n, const char *name, double value)
{
    (void)n;
    struct world *w = ctx;
    if (strcmp(name, "skipped") !=
        0) { /* since the task was opened: other runs open it at other rows */
        buffer_printf(&w->result->metrics, "%s=%.17g\n", name, value);
    }
}

static int run_rows(struct world *w)
{
    const struct task_run *run = w->run;
    struct record *all = mem_array(run->n + 1, sizeof(*all));
    size_t each = run->restart_every ? run->restart_every : run->n;
    size_t piece = run->commit_every ? run->commit_every : each, since = 0;
    int status = start(w);
    for (size_t i = 0; i < run->n; i++) {
        all[i] = (struct record){.topic = run->topic,
                                 .offset = (int64_t)i,
                                 .timestamp = (int64_t)i,
                                 .key = run->key ? run->key[i] : NULL,
                                 .key_n = run->key ? strlen(run->key[i]) : 0,
                                 .value = run->value[i],
                                 .value_n = strlen(run->value[i])};
    }
    for (size_t at = 0; at < run->n && status == 0; at += piece) {
        size_t n = run->n - at < piece ? run->n - at : piece;
        status = push(w, all + at, n);
        status = status < 0 ? status : settle(w);
        status = status < 0 ? status : commit(w);
        since += n;
        if (status == 0 && since >= each && at + n < run->n) {
            stop(w);
            status = start(w);
            since = 0;
        }
    }
    for (uint16_t s = 0; s < w->plan->nsubplans && status == 0; s++) {
        status = task_finish(w->task[s], &w->result->err);
        status = status < 0 ? status : settle(w);
    }
    status = status < 0 ? status : commit(w);
    for (uint16_t s = 0; s < w->plan->nsubplans && w->task[s]; s++) {
        task_metrics(w->task[s], add_metric, w);
    }
    stop(w);
    mem_free(all);
    return status;
}

static int by_topic_and_key(const void *a, const void *b)
{
    const struct stored *x = a, *y = b;
    int order = strcmp(x->topic, y->topic);
    size_t n = x->key_n < y->key_n ? x->key_n : y->key_n;
    order = order ? order : memcmp(x->key, y->key, n);
    return order ? order : (x->key_n > y->key_n) - (x->key_n < y->key_n);
}

void task_run(const struct task_run *run, struct task_result *r)
{
    struct arena a;
    struct topology *topology;
    struct world w = {
        .run = run,
        .result = r,
        .clock = clock_virtual(0),
        .schemas = registry_memory_new(),
    };
    arena_init(&a);
    diags_init(&r->diags);
    buffer_init(&r->out);
    buffer_init(&r->state);
    buffer_init(&r->metrics);
    r->status = topology_parse(&topology, &a, "test.yaml", run->topology, strlen(run->topology),
                               NULL, 0, &r->diags);
    if (r->status == 0) {
        r->status = plan_new(&w.plan, topology, w.schemas, &r->diags);
    }
    if (r->status == 0) {
        assert(w.plan->nsubplans <= 16);
        for (int i = 0; i < 16; i++) {
            fake_disk_init(&w.disk[i], run->share);
            w.disk[i].reads_left = run->spoils ? (int)run->spoils : -1;
        }
        r->status = run_rows(&w);
        plan_free(w.plan);
        for (int i = 0; i < 16; i++) {
            fake_disk_done(&w.disk[i]);
        }
    }
    if (w.nchangelog > 0) {
        qsort(w.changelog, w.nchangelog, sizeof(w.changelog[0]), by_topic_and_key);
    }
    for (size_t i = 0; i < w.nchangelog; i++) {
        buffer_add(&r->state, w.changelog[i].key, w.changelog[i].key_n);
        buffer_add(&r->state, w.changelog[i].value, w.changelog[i].value_n);
        drop(&w.changelog[i]);
    }
    mem_free(w.changelog);
    for (size_t i = 0; i < w.nqueue; i++) {
        drop(&w.queue[i]);
    }
    mem_free(w.queue);
    w.schemas->free(w.schemas);
    arena_done(&a);
}

void task_result_done(struct task_result *r)
{
    diags_done(&r->diags);
    buffer_done(&r->out);
    buffer_done(&r->state);
    buffer_done(&r->metrics);
    *r = (struct task_result){0};
}

const char *task_result_problems(struct task_result *r)
{
    for (int i = 0; i < r->diags.n; i++) {
        const struct diag *d = &r->diags.item[i];
        buffer_printf(&r->out, "%d:%d %s: %s\n", d->at.line, d->at.column, d->path, d->text);
    }
    return buffer_cstr(&r->out);
}

double task_result_metric(const struct task_result *r, const char *name)
{
    size_t n = strlen(name);
    const char *end = r->metrics.data + r->metrics.n;
    for (const char *line = r->metrics.data; line && line < end; line++) {
        if (strncmp(line, name, n) == 0 && line[n] == '=') {
            return strtod(line + n + 1, NULL);
        }
        line = memchr(line, '\n', (size_t)(end - line));
    }
    return (double)NAN;
}
