/* As worker/runner_topics.c would, with all inputs equally partitioned. */
#include "tests/support/rig_topics.h"

#include "engine/history.h"
#include "engine/memory.h"

#include <stdlib.h>
#include <string.h>

#define INPUTS_MOST 60

static void create(struct log *log, const char *topic, int32_t n, bool is_compact)
{
    struct err e = {0};
    if (log->ops->create_topic(log, topic, n, -1, is_compact, NULL, 0, &e) < 0) {
        abort();
    }
}

/* A source's topics; those that lanes subscribe to are listed. */
static int add_inputs(struct rig_topics *all, const struct plan_source *s, int n)
{
    for (int t = 0; t < s->ntopics && n < INPUTS_MOST; t++) {
        bool is_known = false;
        for (int x = 0; x < n; x++) {
            is_known |= strcmp(all->inputs[x], s->topic[t]) == 0;
        }
        if (!is_known) {
            all->inputs[n++] = s->topic[t];
        }
    }
    return n;
}

void rig_topics_create(struct rig_topics *all, struct log *log, const struct plan *p,
                       int32_t partitions, struct arena *mem)
{
    int n = 0;
    all->copartition = false;
    all->tasks = arena_zalloc(mem, (p->nsubplans + 1U) * sizeof *all->tasks);
    all->inputs = arena_zalloc(mem, (INPUTS_MOST + 1) * sizeof *all->inputs);
    for (uint16_t i = 0; i < p->nsubplans; i++) {
        const struct subplan *s = &p->subplan[i];
        int before = n;
        all->tasks[i] = s->single || s->is_global ? 1 : partitions;
        for (uint16_t k = 0; k < s->nstores; k++) {
            create(log, s->store[k].changelog, all->tasks[i], true);
        }
        for (uint16_t k = 0; k < s->nsources; k++) {
            const struct plan_source *source = p->source[s->source[k]];
            for (int t = 0; t < source->ntopics; t++) {
                create(log, source->topic[t], s->single ? 1 : partitions, false);
            }
            n = s->is_global ? n : add_inputs(all, source, n);
        }
        all->copartition |= n - before > 1;
    }
    for (uint16_t i = 0; i < p->nsinks; i++) {
        create(log, p->sink[i]->topic, partitions, false);
    }
    for (uint16_t i = 0; i < p->nhistories; i++) {
        const struct plan *own = p->history[i]->plan;
        for (uint16_t k = 0; k < own->nsources; k++) {
            create(log, own->source[k]->topic[0], partitions, false);
        }
    }
}

struct lines {
    size_t n;
    struct line {
        char *key, *text;
        size_t order;
    } * item;
};

static int add_line(void *ctx, const struct record *r)
{
    struct lines *all = ctx;
    all->item = mem_resize(all->item, all->n + 1, sizeof *all->item);
    all->item[all->n] = (struct line){
        r->key ? mem_printf("%d %.*s", r->partition, (int)r->key_n, (const char *)r->key)
               : mem_strdup("-"),
        mem_printf("%.*s", (int)r->value_n, r->value ? (const char *)r->value : "null"), all->n};
    all->n++;
    return 0;
}

static int by_key(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    int order = strcmp(x->key, y->key);
    order = order || strcmp(x->key, "-") != 0 ? order : strcmp(x->text, y->text);
    return order ? order : (x->order > y->order) - (x->order < y->order);
}

void rig_topics_print(struct log *log, const char *topic, struct buffer *out)
{
    struct lines all = {0};
    struct err e = {0};
    int32_t n = 0;
    int64_t next;
    log->ops->partitions(log, topic, &n, 0, &e);
    for (int32_t p = 0; p < n; p++) {
        log->ops->read_on(log, topic, p, 0, add_line, &all, &next, &e);
    }
    if (all.n) {
        qsort(all.item, all.n, sizeof *all.item, by_key);
    }
    for (size_t i = 0; i < all.n; i++) {
        buffer_printf(out, "%s %s\n", all.item[i].key, all.item[i].text);
        mem_free(all.item[i].key);
        mem_free(all.item[i].text);
    }
    mem_free(all.item);
}
