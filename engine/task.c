/* A task's life: spots (vertices at work), delivery of batches, watermarks, commits.
 *
 * Rows and watermarks travel the same edges, depth first. A step sees a watermark only after all
 * rows before it; what it emits because of it leaves before the watermark goes on.
 *
 *   union     rows: seen lowered to the least watermark of the other inputs; watermark: the least
 *             (so do steps with two inputs)
 *   step      watermark passed on lowered by what may still come out (lag)
 *   sink      encodes; a repartition also sends its watermark at every commit
 *
 * A watermark that has much to do goes in slices: task_slice.c.
 */
#include "engine/memory.h"
#include "engine/task_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct spot *spot_at(const struct task *t, uint16_t vertex)
{
    return &t->spot[t->spot_of[vertex]];
}

static void make_spots(struct task *t)
{
    const struct subplan *s = t->subplan;
    t->nspots = s->nvertices;
    t->spot = arena_zalloc(&t->mem, s->nvertices * sizeof *t->spot + 1);
    t->spot_of = arena_zalloc(&t->mem, t->plan->nvertices * sizeof *t->spot_of + 1);
    t->reach = arena_zalloc(&t->mem, 2U * s->nvertices * sizeof *t->reach + 1);
    for (uint16_t i = 0; i < s->nvertices; i++) {
        struct spot *p = &t->spot[i];
        p->vertex = t->plan->vertex[s->vertex[i]];
        t->spot_of[s->vertex[i]] = i;
        p->errors = &topology_stream(t->plan->topology, p->vertex->stream)->errors;
        p->watermark = p->sent_watermark = TIME_MIN;
        buffer_init(&p->bytes);
        p->op = (struct op){.task = t,
                            .mem = &t->batch,
                            .watermark = TIME_MIN,
                            .pass = TIME_MAX,
                            .trainer = t->env.trainer};
        if (p->vertex->kind == VERTEX_STEP) {
            p->op.node = p->vertex->node;
            p->lag = p->op.node->def->lag ? p->op.node->def->lag(p->op.node) : 0;
            p->nin = p->op.node->ninputs > 1 ? p->op.node->ninputs : 0;
        } else if (p->vertex->kind == VERTEX_UNION) {
            p->nin = p->vertex->merge->ninputs;
        }
        p->in_watermark = arena_array(&t->mem, (size_t)p->nin + 1, sizeof *p->in_watermark);
        for (int k = 0; k < p->nin; k++) {
            p->in_watermark[k] = TIME_MIN;
        }
    }
    for (uint16_t i = 0; i < s->nstores; i++) {
        struct spot *p = spot_at(t, s->store[i].vertex);
        const struct step_def *def = p->op.node->def;
        p->op.state = state_memory_new(def->state_codec ? def->state_codec(p->op.node) : NULL);
        layouts_open(t, p);
    }
    for (uint16_t i = 0; s->is_global && i < s->nvertices; i++) {
        struct spot *p = &t->spot[i];
        if (p->vertex->kind == VERTEX_STEP && p->op.node->def->stateful) {
            const struct step_def *def = p->op.node->def;
            p->op.state = state_memory_new(def->state_codec ? def->state_codec(p->op.node) : NULL);
        }
    }
}

static int make_inputs(struct task *t, struct err *e)
{
    int n = 0;
    for (uint16_t i = 0; i < t->subplan->nsources; i++) {
        n += t->plan->source[t->subplan->source[i]]->ntopics;
    }
    t->input = arena_zalloc(&t->mem, (size_t)n * sizeof *t->input + 1);
    for (uint16_t i = 0; i < t->subplan->nsources; i++) {
        const struct plan_source *src = t->plan->source[t->subplan->source[i]];
        for (int k = 0; k < src->ntopics; k++) {
            struct input *in = &t->input[t->ninputs++];
            in->source = src;
            in->topic = src->topic[k];
            in->spot = t->spot_of[src->vertex];
            int r = input_open(t, in, e);
            if (r < 0) {
                return err_prefix(e, "topic %s", in->topic);
            }
        }
    }
    return 0;
}

/* Two inputs read one topic: its offset is committed when both are equally far. */
static bool reads_twice(const struct task *t)
{
    for (int i = 0; i < t->ninputs; i++) {
        if (task_input(t, t->input[i].topic, i) >= 0) {
            return true;
        }
    }
    return false;
}

int task_new(struct task **out, const struct plan *plan, uint16_t subplan, int32_t partition,
             const struct task_env *env, struct err *e)
{
    struct task *t = mem_zalloc(sizeof *t);
    t->plan = plan;
    t->subplan = &plan->subplan[subplan];
    t->partition = partition;
    t->env = *env;
    arena_init(&t->mem);
    arena_init(&t->batch);
    arena_init(&t->dead_mem);
    arena_init(&t->backlog.mem);
    make_spots(t);
    int r = make_inputs(t, e);
    t->pauses = env->pauses && !reads_twice(t);
    if (r < 0) {
        task_free(t);
        return r;
    }
    *out = t;
    return 0;
}

int task_input(const struct task *t, const char *topic, int after)
{
    for (int i = after + 1; i < t->ninputs; i++) {
        if (strcmp(t->input[i].topic, topic) == 0) {
            return i;
        }
    }
    return -1;
}

int task_inputs(const struct task *t)
{
    return t->ninputs;
}

const char *task_input_topic(const struct task *t, int input)
{
    return t->input[input].topic;
}

bool task_input_is_table(const struct task *t, int input)
{
    return t->input[input].source->table != NULL;
}

bool task_input_rewinds(const struct task *t, int input)
{
    const struct input *in = &t->input[input];
    const struct edges *edges = &t->spot[in->spot].vertex->edges[0];
    bool rewinds = false;
    for (uint16_t i = 0; in->source->table && i < edges->n; i++) {
        rewinds |= spot_at(t, edges->item[i].to)->op.rewinds;
    }
    return rewinds;
}

const struct plan_source *task_input_source(const struct task *t, int input)
{
    return t->input[input].source;
}

/* A row is judged by its own watermark and by those of the other inputs: the least. */
static void lower_seen(const struct spot *p, int input, struct batch *b)
{
    int64_t least = TIME_MAX, *seen = arena_array(b->mem, b->rows, sizeof *seen);
    int64_t *low = b->low ? arena_array(b->mem, b->rows, sizeof *low) : NULL;
    for (int k = 0; k < p->nin; k++) {
        if (k != input && p->in_watermark[k] < least) {
            least = p->in_watermark[k];
        }
    }
    for (uint16_t row = 0; row < b->rows; row++) {
        seen[row] = b->seen[row] < least ? b->seen[row] : least;
        if (low) {
            low[row] = b->low[row] < least ? b->low[row] : least;
        }
    }
    b->seen = seen;
    b->low = low;
}

static int union_push(struct task *t, struct spot *p, uint16_t input, struct batch *b)
{
    const struct plan_union *u = p->vertex->merge;
    struct batch out = batch_reshape(b, p->vertex->out[0]);
    for (uint16_t c = 0; c < out.schema->n; c++) {
        int16_t from = u->column[input][c];
        if (from >= 0) {
            out.col[c] = b->col[from];
        } else {
            out.col[c] = vec_new(b->mem, out.schema->col[c].type, b->rows);
            memset(vec_nulls(&out.col[c], b->mem, b->rows), 1, b->rows);
        }
    }
    lower_seen(p, input, &out);
    return task_pass(t, &p->vertex->edges[0], &out);
}

/* In the small preset every batch carries a selection vector, so that no step relies on its
 * absence. */
static void wrap_selection(struct batch *b)
{
#ifdef KLAMM_SMALL
    if (!b->sel) {
        uint16_t *sel = arena_array(b->mem, b->nsel + 1U, sizeof *sel);
        for (uint16_t k = 0; k < b->nsel; k++) {
            sel[k] = k;
        }
        b->sel = sel;
    }
#else
    (void)b;
#endif
}

struct op *op_table_of(struct op *op)
{
    struct task *t = op->task;
    uint16_t vertex = (uint16_t)op->node->table, subplan = t->plan->vertex[vertex]->subplan;
    if (subplan != t->subplan->id) {
        t = t->env.table(t->env.ctx, subplan);
    }
    return &spot_at(t, vertex)->op;
}

int task_pass(struct task *t, const struct edges *edges, struct batch *b)
{
    if (checkpoint_failed(t)) { /* the rows were made of what could not be read */
        return checkpoint_refuse(t);
    }
    if (b->nsel == 0 || !t->env.produce) {
        return 0;
    }
    for (uint16_t i = 0; i < edges->n; i++) {
        struct spot *p = spot_at(t, edges->item[i].to);
        struct batch mine = *b;
        int r;
        wrap_selection(&mine);
        mine.now = t->now;
        if (p->vertex->kind == VERTEX_STEP) {
            if (p->nin) {
                lower_seen(p, edges->item[i].input, &mine);
            }
            r = p->op.node->def->push(&p->op, edges->item[i].input, &mine);
        } else if (p->vertex->kind == VERTEX_SINK) {
            r = sink_push(t, p, &mine);
        } else {
            r = union_push(t, p, edges->item[i].input, &mine);
        }
        if (r < 0) {
            if (!t->failure.kind) {
                err_set(&t->failure, (enum err_kind) - r, "%s failed", p->vertex->stream);
            }
            return r;
        }
    }
    return 0;
}

int task_fail(struct task *t, int r, struct err *e)
{
    if (checkpoint_failed(t)) {
        r = checkpoint_refuse(t);
    }
    if (t->failure.kind) {
        err_set(e, t->failure.kind, "%s", t->failure.text);
        r = -(int)t->failure.kind;
        err_clear(&t->failure);
    }
    if (r == -ERR_DATA && e->kind == ERR_NONE) {
        return err_set(e, ERR_DATA,
                       "sub-plan %d, partition %d: what a step kept is damaged: reset the topology "
                       "as docs/operations.md tells",
                       (int)t->subplan->id, (int)t->partition);
    }
    return err_set(e, (enum err_kind) - r, "%s", "");
}

int task_raise_source(struct task *t, struct input *in, int64_t watermark)
{
    return slice_raise(t, &t->spot[in->spot], watermark);
}

/* A table is to be read anew: nothing may look it up before. */
static bool rewinds(const struct task *t)
{
    for (uint16_t i = 0; i < t->nspots; i++) {
        if (t->spot[i].op.rewinds) {
            return true;
        }
    }
    return false;
}

/* The steps learn how far time was at the last commit. All that it fires has left before that, but
 * for what a commit between two slices has left: where a table is to be read anew, this waits for
 * the first row that is pushed. */
int task_follow_restored(struct task *t, struct err *e)
{
    int r = 0;
    slice_begin(t);
    bool waits = rewinds(t);
    for (int i = 0; i < t->ninputs && r == 0; i++) {
        if (!waits || task_input_is_table(t, i)) {
            r = task_raise_source(t, &t->input[i], source_watermark(t, &t->input[i]));
        }
    }
    t->dirty = t->owes;
    arena_reset(&t->batch);
    return r < 0 ? task_fail(t, r, e) : 0;
}

int task_open(struct task *t, struct err *e)
{
    for (uint16_t i = 0; i < t->nspots; i++) {
        struct spot *p = &t->spot[i];
        int r = 0;
        if (p->vertex->kind == VERTEX_STEP && p->op.node->def->open) {
            r = p->op.node->def->open(&p->op, e);
        } else if (p->vertex->kind == VERTEX_SINK && t->env.produce) {
            r = sink_open(t, p, e);
        }
        if (checkpoint_failed(t)) {
            err_clear(e);
            return task_fail(t, r, e);
        }
        if (r == -ERR_DATA && p->op.state) {
            store_blame(t, p, e);
        }
        if (r < 0) {
            return err_prefix(e, "stream %s", p->vertex->stream);
        }
    }
    study_begin(t);
    if (!task_is_studying(t)) {
        return task_follow_restored(t, e);
    }
    return t->env.pauses ? 0 : task_study(t, INT64_MAX, e);
}

int task_deliver(struct task *t, uint16_t vertex, const struct message *m, struct err *e)
{
    struct spot *p = spot_at(t, vertex);
    if (p->vertex != t->plan->vertex[vertex] || p->vertex->kind != VERTEX_STEP ||
        !p->op.node->def->deliver) {
        return err_set(e, ERR_CONFIG, "vertex %d takes no messages", vertex + 1);
    }
    t->dirty = true;
    t->now = clock_now(t->env.clock);
    slice_begin(t);
    int r = t->owes ? slice_all(t) : 0;
    r = r < 0 ? r : p->op.node->def->deliver(&p->op, m);
    r = r < 0 ? r : slice_raise(t, p, step_passes(p));
    arena_reset(&t->batch);
    return r < 0 ? task_fail(t, r, e) : 0;
}

int task_tick(struct task *t, int64_t now, struct err *e)
{
    int r = 0;
    t->now = clock_now(t->env.clock);
    t->steady = now;
    if (task_is_behind(t)) { /* what is on its way comes first */
        return 0;
    }
    slice_begin(t);
    for (int i = 0; i < t->ninputs && r == 0; i++) {
        r = input_tick(t, &t->input[i]);
    }
    for (uint16_t i = 0; i < t->nspots && r == 0 && !t->owes; i++) {
        struct spot *p = &t->spot[i];
        if (p->vertex->kind == VERTEX_STEP && p->op.node->def->tick) {
            r = p->op.node->def->tick(&p->op, now);
            t->dirty |= p->op.wants_commit;
            p->op.wants_commit = false;
        }
        bool is_told = p->vertex->kind != VERTEX_SINK || !p->vertex->sink->repartition ||
                       p->sent_idle == task_is_silent(t);
        t->dirty |= !is_told;
    }
    arena_reset(&t->batch);
    return r < 0 ? task_fail(t, r, e) : 0;
}

int task_finish(struct task *t, struct err *e)
{
    int r = 0;
    slice_begin(t);
    for (int i = 0; i < t->ninputs; i++) {
        if (t->input[i].source->repartition < 0) {
            t->input[i].watermark = TIME_MAX;
        }
    }
    for (int i = 0; i < t->ninputs && r == 0; i++) {
        r = task_raise_source(t, &t->input[i], source_watermark(t, &t->input[i]));
    }
    arena_reset(&t->batch);
    return r < 0 ? task_fail(t, r, e) : 0;
}

int task_forward(struct task *t, struct err *e)
{
    int r = 0;
    for (uint16_t i = 0; i < t->nspots && r == 0; i++) {
        if (t->spot[i].vertex->kind == VERTEX_SINK) {
            r = sink_watermark(t, &t->spot[i]);
        }
    }
    return r < 0 ? task_fail(t, r, e) : 0;
}

int task_flush(struct task *t, struct err *e)
{
    int r = task_forward(t, e);
    for (uint16_t i = 0; i < t->nspots && r == 0; i++) {
        struct spot *p = &t->spot[i];
        if (p->vertex->kind == VERTEX_STEP && p->op.node->def->flush) {
            r = p->op.node->def->flush(&p->op);
        }
    }
    if (r < 0 || checkpoint_failed(t)) {
        return task_fail(t, r, e);
    }
    for (uint16_t i = 0; i < t->subplan->nstores && r == 0; i++) {
        r = store_flush(t, i, e);
    }
    arena_reset(&t->batch);
    return r;
}

void task_committed(struct task *t)
{
    for (uint16_t i = 0; i < t->nspots; i++) {
        if (t->spot[i].op.state) {
            state_committed(t->spot[i].op.state);
        }
    }
    t->dirty = false;
}

bool task_dirty(const struct task *t)
{
    return t->dirty;
}

uint64_t task_dirty_bytes(const struct task *t)
{
    uint64_t n = 0;
    for (uint16_t i = 0; i < t->nspots; i++) {
        n += t->spot[i].op.state ? state_dirty_bytes(t->spot[i].op.state) : 0;
    }
    return n;
}

struct task_counts task_counts(const struct task *t)
{
    struct task_counts c = t->counts;
    for (uint16_t i = 0; i < t->nspots; i++) {
        c.late += t->spot[i].op.counter[COUNT_LATE];
        c.no_key += t->spot[i].op.counter[COUNT_NULL_KEY];
    }
    return c;
}

uint16_t task_subplan(const struct task *t)
{
    return t->subplan->id;
}

int32_t task_partition(const struct task *t)
{
    return t->partition;
}

int64_t task_watermark(const struct task *t, int input)
{
    return t->input[input].watermark;
}

void task_metrics(const struct task *t,
                  void (*each)(void *ctx, const struct node *n, const char *name, double value),
                  void *ctx)
{
    for (uint16_t i = 0; i < t->nspots; i++) {
        for (int k = 0; k < t->spot[i].nmetrics; k++) {
            const struct metric *m = &t->spot[i].metric[k];
            if (!isnan(m->value)) {
                each(ctx, t->spot[i].op.node, m->name, m->value);
            }
        }
        uint64_t skipped = t->spot[i].op.counter[COUNT_SKIPPED];
        if (skipped > 0) {
            each(ctx, t->spot[i].op.node, "skipped", (double)skipped);
        }
        uint64_t no_key = t->spot[i].op.counter[COUNT_NULL_KEY];
        if (no_key > 0 && t->spot[i].vertex->kind == VERTEX_STEP) {
            each(ctx, t->spot[i].op.node, "without_key", (double)no_key);
        }
    }
}

void task_free(struct task *t)
{
    study_free(t);
    for (uint16_t i = 0; i < t->nspots; i++) {
        struct spot *p = &t->spot[i];
        if (p->vertex->kind == VERTEX_STEP && p->op.node->def->close) {
            p->op.node->def->close(&p->op);
        }
        if (p->op.state) {
            state_free(p->op.state);
        }
        sink_close(p);
    }
    for (int i = 0; i < t->ninputs; i++) {
        input_close(&t->input[i]);
    }
    backlog_done(t);
    mem_free(t->dead);
    arena_done(&t->dead_mem);
    arena_done(&t->batch);
    arena_done(&t->mem);
    mem_free(t);
}
