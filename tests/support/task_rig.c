/* Produced records are kept as copies in the order in which they came. */
#include "tests/support/task_rig.h"

#include "engine/memory.h"
#include "schemas/registry_memory.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int keep(void *ctx, const struct record *r, size_t n, struct err *e)
{
    struct task_rig *rig = ctx;
    if (rig->refuse) {
        return err_set(e, (enum err_kind) - rig->refuse, "refused");
    }
    for (size_t i = 0; i < n; i++) {
        rig->item = mem_resize(rig->item, rig->n + 1, sizeof *rig->item);
        struct buffer h;
        buffer_init(&h);
        for (size_t k = 0; k < r[i].nheaders; k++) {
            const struct header *x = &r[i].headers[k];
            buffer_printf(&h, "%s=%.*s,", x->name, (int)x->n,
                          x->value ? (const char *)x->value : "null");
        }
        rig->item[rig->n++] =
            (struct produced){.topic = mem_strdup(r[i].topic),
                              .key = r[i].key ? mem_strndup(r[i].key, r[i].key_n) : NULL,
                              .value = r[i].value ? mem_strndup(r[i].value, r[i].value_n) : NULL,
                              .headers = mem_strdup(buffer_cstr(&h)),
                              .key_n = r[i].key_n,
                              .value_n = r[i].value_n,
                              .partition = r[i].partition,
                              .timestamp = r[i].timestamp};
        buffer_done(&h);
    }
    return 0;
}

static int32_t tasks(void *ctx, uint16_t subplan)
{
    const struct task_rig *rig = ctx;
    return rig->plan.plan->subplan[subplan].single ? 1 : rig->ntasks;
}

void task_rig_init(struct task_rig *r, const char *topology, uint16_t batch_rows)
{
    *r = (struct task_rig){.clock = clock_virtual(1000000),
                           .schemas = registry_memory_new(),
                           .batch_rows = batch_rows ? batch_rows : BATCH_ROWS,
                           .ntasks = 1};
    buffer_init(&r->out);
    if (plan_rig_init(&r->plan, topology) < 0) {
        fprintf(stderr, "%s\n%s", topology, plan_rig_problems(&r->plan));
        abort();
    }
}

void task_rig_new(struct task_rig *r, uint16_t subplan)
{
    struct task_env env = {.ctx = r,
                           .clock = &r->clock,
                           .schemas = r->schemas,
                           .batch_rows = r->batch_rows,
                           .limit_ahead = r->limit_ahead,
                           .most_bytes = r->most_bytes,
                           .pauses = r->pauses,
                           .slice = r->slice,
                           .trainer = r->trainer,
                           .produce = keep,
                           .tasks = tasks,
                           .past = r->past};
    err_clear(&r->err);
    if (task_new(&r->task, r->plan.plan, subplan, r->partition, &env, &r->err) < 0) {
        fprintf(stderr, "%s\n", r->err.text);
        abort();
    }
}

int task_rig_open(struct task_rig *r)
{
    err_clear(&r->err);
    return task_open(r->task, &r->err);
}

void task_rig_start(struct task_rig *r, uint16_t subplan)
{
    task_rig_new(r, subplan);
    if (task_rig_open(r) < 0) {
        fprintf(stderr, "%s\n", r->err.text);
        abort();
    }
}

void task_rig_stop(struct task_rig *r)
{
    task_free(r->task);
    r->task = NULL;
}

int task_rig_push(struct task_rig *r, const char *topic, int64_t offset, const char *const *key,
                  const char *const *value, size_t n)
{
    struct record *rec = mem_zalloc((n + 1) * sizeof *rec);
    int input = task_input(r->task, topic, -1), status = 0;
    assert(input >= 0);
    for (size_t i = 0; i < n; i++) {
        rec[i] = (struct record){.topic = topic,
                                 .partition = r->partition,
                                 .offset = offset + (int64_t)i,
                                 .timestamp = offset + (int64_t)i,
                                 .key = key ? key[i] : NULL,
                                 .key_n = key && key[i] ? strlen(key[i]) : 0,
                                 .value = value[i],
                                 .value_n = value[i] ? strlen(value[i]) : 0};
    }
    err_clear(&r->err);
    for (; status == 0 && input >= 0; input = task_input(r->task, topic, input)) {
        status = task_push(r->task, input, rec, n, &r->err);
    }
    mem_free(rec);
    return status;
}

int task_rig_push_one(struct task_rig *r, const char *topic, int64_t offset, const char *key,
                      const char *value)
{
    return task_rig_push(r, topic, offset, &key, &value, 1);
}

static bool is_internal(const char *topic)
{
    size_t n = strlen(topic);
    return (n > 12 && strcmp(topic + n - 12, "-repartition") == 0) ||
           (n > 10 && strcmp(topic + n - 10, "-changelog") == 0);
}

const char *task_rig_out(struct task_rig *r)
{
    buffer_clear(&r->out);
    for (size_t i = 0; i < r->n; i++) {
        const struct produced *p = &r->item[i];
        if (!is_internal(p->topic)) {
            buffer_printf(&r->out, "%s %s %s\n", p->topic, p->key ? p->key : "-",
                          p->value ? p->value : "null");
        }
    }
    task_rig_clear(r);
    return buffer_cstr(&r->out);
}

const struct produced *task_rig_find(const struct task_rig *r, const char *topic)
{
    for (size_t i = 0; i < r->n; i++) {
        if (strcmp(r->item[i].topic, topic) == 0) {
            return &r->item[i];
        }
    }
    return NULL;
}

void task_rig_clear(struct task_rig *r)
{
    for (size_t i = 0; i < r->n; i++) {
        mem_free(r->item[i].topic);
        mem_free(r->item[i].key);
        mem_free(r->item[i].value);
        mem_free(r->item[i].headers);
    }
    mem_free(r->item);
    r->item = NULL;
    r->n = 0;
}

static int give(struct task_rig *r, int store, const struct produced *item, size_t n,
                int (*take)(struct task *t, int store, const struct record *r, struct err *e))
{
    const char *topic = r->plan.plan->subplan[task_subplan(r->task)].store[store].changelog;
    int status = 0;
    err_clear(&r->err);
    for (size_t i = 0; i < n && status == 0; i++) {
        struct record rec = {.topic = item[i].topic,
                             .offset = (int64_t)i,
                             .key = item[i].key,
                             .key_n = item[i].key_n,
                             .value = item[i].value,
                             .value_n = item[i].value_n};
        if (strcmp(item[i].topic, topic) == 0) {
            status = take(r->task, store, &rec, &r->err);
        }
    }
    return status;
}

int task_rig_restore(struct task_rig *r, int store, const struct produced *item, size_t n)
{
    int status = give(r, store, item, n, task_restore);
    if (status < 0 && task_is_puzzled(r->task, store)) {
        status = give(r, store, item, n, task_learn);
        task_has_learned(r->task, store);
        status = status < 0 ? status : give(r, store, item, n, task_restore);
    }
    return status;
}

void task_rig_done(struct task_rig *r)
{
    if (r->task) {
        task_rig_stop(r);
    }
    task_rig_clear(r);
    r->schemas->free(r->schemas);
    buffer_done(&r->out);
    plan_rig_done(&r->plan);
}
