/* Watermarks on their way through the steps of a task, in slices (docs/time.md).
 *
 *   source ──> A ──> B          A has emitted for the new watermark, B only in part: source and A
 *              └───> C          `owe` it, C has not heard of it. The next slice begins at the
 *                               source again; what is through does nothing, B goes on, then C
 *
 * A slice ends when steps have done so much work (rows emitted, entries deleted), wherever that is;
 * nothing else runs in the task until the watermark is through. So the output is the same for any
 * size of slices. Records that come meanwhile are copied, and pushed afterwards.
 *
 * Between two slices all may be committed: the offset's watermark is the new one, and what has been
 * emitted is gone from the state. A restart raises the watermark again, which emits the rest.
 */
#include "engine/memory.h"
#include "engine/task_internal.h"

#include <string.h>

#ifdef KLAMM_SMALL
#define SLICE_WORK 2
#else
#define SLICE_WORK 1024
#endif

void slice_begin(struct task *t)
{
    t->left = t->env.slice > 0 ? t->env.slice : SLICE_WORK;
}

/* ---- a watermark on its way ------------------------------------------------------------------ */

static int64_t lowered(int64_t watermark, int64_t lag)
{
    return watermark == TIME_MAX || watermark < TIME_MIN + lag ? watermark : watermark - lag;
}

int64_t step_passes(const struct spot *p)
{
    return lowered(p->op.watermark < p->op.pass ? p->op.watermark : p->op.pass, p->lag);
}

static int step_advance(struct task *t, struct spot *p, int64_t watermark)
{
    const struct step_def *def = p->op.node->def;
    if (watermark > p->op.watermark) {
        if (def->watermark) {
            struct arena_mark m = arena_mark(&t->batch);
            int r = def->watermark(&p->op, watermark);
            arena_release(&t->batch, m);
            if (r != 0) {
                return r;
            }
        }
        p->op.watermark = watermark;
    }
    return spot_raise(t, p, step_passes(p));
}

/* Notes an input's watermark; what all of them allow now. */
static int64_t least_of_inputs(struct spot *p, int input, int64_t watermark)
{
    int64_t *in = &p->in_watermark[input], least = TIME_MAX;
    *in = watermark > *in ? watermark : *in;
    for (int k = 0; k < p->nin; k++) {
        least = p->in_watermark[k] < least ? p->in_watermark[k] : least;
    }
    return least;
}

static int advance(struct task *t, const struct edges *edges, int64_t watermark)
{
    for (uint16_t i = 0; i < edges->n; i++) {
        struct spot *p = &t->spot[t->spot_of[edges->item[i].to]];
        int64_t w = p->nin ? least_of_inputs(p, edges->item[i].input, watermark) : watermark;
        int r = p->vertex->kind == VERTEX_STEP ? step_advance(t, p, w) : spot_raise(t, p, w);
        if (r != 0) {
            return r;
        }
    }
    return 0;
}

int spot_raise(struct task *t, struct spot *p, int64_t watermark)
{
    if (watermark > p->watermark) {
        p->watermark = watermark;
        p->owes = true;
    }
    for (int o = 0; p->owes && o < p->vertex->noutputs; o++) {
        int r = advance(t, &p->vertex->edges[o], p->watermark);
        if (r != 0) {
            return r;
        }
    }
    p->owes = false;
    return 0;
}

/* ---- slices ---------------------------------------------------------------------------------- */

/* All that is owed, in the order of the spots: each stands behind those that it reads. */
static int pay(struct task *t)
{
    for (uint16_t i = 0; i < t->nspots; i++) {
        int r = t->spot[i].owes ? spot_raise(t, &t->spot[i], TIME_MIN) : 0;
        if (r != 0) {
            return r;
        }
    }
    return 0;
}

int slice_all(struct task *t)
{
    int r = 1;
    while (r > 0) {
        slice_begin(t);
        r = pay(t);
    }
    t->owes = r < 0;
    return r;
}

int slice_go_on(struct task *t)
{
    if (!t->pauses) {
        return slice_all(t);
    }
    int r = pay(t);
    t->owes = r != 0;
    return r < 0 ? r : 0;
}

int slice_raise(struct task *t, struct spot *p, int64_t watermark)
{
    if (watermark <= p->watermark) {
        return 0;
    }
    t->dirty = true;
    if (t->owes) { /* another is on its way: this one comes behind it */
        p->watermark = watermark;
        p->owes = true;
        return 0;
    }
    int r = spot_raise(t, p, watermark);
    t->owes = r > 0;
    return r > 0 && !t->pauses ? slice_all(t) : r < 0 ? r : 0;
}

/* What changes again before the commit is sent again. Over a disk that sends entries away nothing
 * may count as committed before it is there: all waits for the commit. */
int slice_send(struct task *t, struct err *e)
{
    int r = 0;
    if (t->disk && !t->disk->ops->is_log) {
        return 0;
    }
    for (uint16_t i = 0; i < t->subplan->nstores && r == 0; i++) {
        const struct plan_store *s = &t->subplan->store[i];
        r = store_flush(t, i, e);
        state_committed(t->spot[t->spot_of[s->vertex]].op.state);
    }
    return r;
}

/* ---- records that wait ----------------------------------------------------------------------- */

void backlog_add(struct task *t, int input, const struct record *r, size_t n)
{
    struct backlog *b = &t->backlog;
    if (n == 0) {
        return;
    }
    if (b->n == b->cap) {
        b->cap = b->cap ? b->cap * 2 : 8;
        b->run = mem_resize(b->run, b->cap, sizeof *b->run);
    }
    struct record *copy = arena_array(&b->mem, n, sizeof *copy);
    for (size_t i = 0; i < n; i++) {
        copy[i] = record_copy(&b->mem, &r[i]);
    }
    b->run[b->n++] = (struct backlog_run){.input = input, .record = copy, .n = n};
}

int backlog_push(struct task *t,
                 int64_t (*push)(struct task *t, int input, const struct record *r, size_t n))
{
    struct backlog *b = &t->backlog;
    while (b->head < b->n && !t->owes) {
        struct backlog_run *run = &b->run[b->head];
        int64_t used = push(t, run->input, run->record + run->at, run->n - run->at);
        if (used < 0) {
            return (int)used;
        }
        run->at += (size_t)used;
        b->head += run->at == run->n;
    }
    if (b->head == b->n) {
        b->n = b->head = 0;
        arena_reset(&b->mem);
    }
    return 0;
}

void backlog_done(struct task *t)
{
    arena_done(&t->backlog.mem);
    mem_free(t->backlog.run);
}
