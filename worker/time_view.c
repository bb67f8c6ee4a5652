/* Collecting a view, and following a repartition back to the partition behind it.
 *
 *   metrics 3 ──> task 3 of sub-plan 0 ══ repartition ══> task 0 of sub-plan 1 ──> window
 *       ^                                       │ the least R(p) that is not idle: p = 3
 *       └──── the input that its sink waits for ┘
 */
#include "worker/time_view.h"

#include "engine/memory.h"
#include "worker/log.h"

#include <string.h>

void time_view_init(struct time_view *v, const struct plan *p, int64_t now)
{
    *v = (struct time_view){.plan = p, .at = now};
    arena_init(&v->mem);
}

void time_view_done(struct time_view *v)
{
    arena_done(&v->mem);
    mem_free(v->task);
    *v = (struct time_view){0};
}

static void add_input(struct time_view *v, const struct task *t, struct view_input *in, int i)
{
    *in = (struct view_input){.source = task_input_source(t, i),
                              .topic = task_input_topic(t, i),
                              .offset = OFFSET_NONE,
                              .lag = -1,
                              .watermark = task_watermark(t, i),
                              .last_at = task_last_record(t, i),
                              .is_idle = task_idle(t, i, v->at),
                              .nparts = task_parts(t, i)};
    in->part = arena_array(&v->mem, (size_t)in->nparts + 1, sizeof *in->part);
    for (int k = 0; k < in->nparts; k++) {
        in->part[k] = task_part(t, i, k);
    }
}

static void count_step(void *ctx, const struct task_step *s)
{
    (void)s;
    ++*(int *)ctx;
}

static void add_step(void *ctx, const struct task_step *s)
{
    struct view_task *x = ctx;
    x->step[x->nsteps++] = *s;
}

static void find_sinks(struct time_view *v, const struct task *t, struct view_task *x)
{
    const struct plan *p = v->plan;
    x->sink_held_by = arena_array(&v->mem, p->nsinks + 1U, sizeof *x->sink_held_by);
    for (uint16_t i = 0; i < p->nsinks; i++) {
        const struct plan_sink *k = p->sink[i];
        bool is_mine = p->vertex[k->vertex]->subplan == x->subplan;
        x->sink_held_by[i] = is_mine && k->repartition ? task_held_by(t, k->vertex) : -1;
    }
}

/* Number of the first task that does not stand before this one. */
static int place_of(const struct time_view *v, uint16_t subplan, int32_t partition)
{
    int low = 0, high = v->ntasks;
    while (low < high) {
        int middle = low + (high - low) / 2;
        const struct view_task *x = v->task[middle];
        if (x->subplan < subplan || (x->subplan == subplan && x->partition < partition)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct view_task *insert(struct time_view *v, uint16_t subplan, int32_t partition)
{
    if (v->ntasks == v->cap) {
        v->cap = v->cap ? v->cap * 2 : 16;
        v->task = mem_resize(v->task, (size_t)v->cap, sizeof *v->task);
    }
    struct view_task *x = arena_zalloc(&v->mem, sizeof *x);
    int at = place_of(v, subplan, partition);
    memmove(v->task + at + 1, v->task + at, (size_t)(v->ntasks - at) * sizeof *v->task);
    v->task[at] = x;
    v->ntasks++;
    x->subplan = subplan;
    x->partition = partition;
    return x;
}

struct view_task *time_view_add(struct time_view *v, struct task *t)
{
    struct view_task *x = insert(v, task_subplan(t), task_partition(t));
    x->ninputs = task_inputs(t);
    x->input = arena_array(&v->mem, (size_t)x->ninputs + 1, sizeof *x->input);
    for (int i = 0; i < x->ninputs; i++) {
        add_input(v, t, &x->input[i], i);
    }
    int n = 0;
    task_steps(t, count_step, &n);
    x->step = arena_array(&v->mem, (size_t)n + 1, sizeof *x->step);
    task_steps(t, add_step, x);
    find_sinks(v, t, x);
    return x;
}

static const struct view_task *find(const struct time_view *v, uint16_t subplan, int32_t partition)
{
    int at = place_of(v, subplan, partition);
    const struct view_task *x = at < v->ntasks ? v->task[at] : NULL;
    return x && x->subplan == subplan && x->partition == partition ? x : NULL;
}

/* Idle ones follow the others, so they hold nobody up; when all are, all stand still. */
static int least_part(const struct view_input *in)
{
    int least = -1;
    for (int i = 0; i < in->nparts; i++) {
        const struct part_time *best = least < 0 ? NULL : &in->part[least];
        bool is_busier = best && best->is_idle && !in->part[i].is_idle;
        bool is_lower =
            best && best->is_idle == in->part[i].is_idle && in->part[i].watermark < best->watermark;
        least = !best || is_busier || is_lower ? i : least;
    }
    return least;
}

struct holder time_view_holder(const struct time_view *v, const struct view_task *x,
                               const struct task_step *s)
{
    struct holder h = {.heard = TIME_MAX};
    int input = s->held_by;
    for (int depth = 0; x && input >= 0 && depth < v->plan->nsubplans; depth++) {
        const struct view_input *in = &x->input[input];
        if (in->source->repartition < 0) {
            h.topic = in->topic;
            h.partition = x->partition;
            h.watermark = in->watermark;
            h.last_at = in->last_at;
            h.is_idle = in->is_idle;
            h.heard = in->watermark < h.heard ? in->watermark : h.heard;
            return h;
        }
        int part = least_part(in);
        if (part < 0) {
            break;
        }
        h.heard = in->part[part].watermark < h.heard ? in->part[part].watermark : h.heard;
        uint16_t vertex = v->plan->sink[in->source->repartition]->vertex;
        x = find(v, v->plan->vertex[vertex]->subplan, part);
        input = x ? x->sink_held_by[in->source->repartition] : -1;
    }
    h.topic = NULL;
    return h;
}
