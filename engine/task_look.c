/* A task as seen from outside: what its steps keep, how much that is, and what holds it up.
 *
 *   source a ──> filter ──> union ──> window         the window's watermark is the least of those
 *   source b ────────────────┘                       that meet on its way: back from the window,
 *                                                    always along the least, to one input
 */
#include "engine/task_internal.h"

static struct spot *spot_at(const struct task *t, uint16_t vertex)
{
    return &t->spot[t->spot_of[vertex]];
}

/* The spot that feeds input `input` of spot p. */
static struct spot *before(const struct task *t, const struct spot *p, uint16_t input)
{
    for (uint16_t i = 0; i < t->nspots; i++) {
        struct spot *q = &t->spot[i];
        for (int o = 0; q->vertex->kind != VERTEX_SINK && o < q->vertex->noutputs; o++) {
            const struct edges *edges = &q->vertex->edges[o];
            for (uint16_t k = 0; k < edges->n; k++) {
                if (spot_at(t, edges->item[k].to) == p && edges->item[k].input == input) {
                    return q;
                }
            }
        }
    }
    return NULL;
}

static int input_of(const struct task *t, const struct spot *source)
{
    int least = -1;
    for (int i = 0; i < t->ninputs; i++) {
        const struct input *in = &t->input[i];
        bool is_of_it = &t->spot[in->spot] == source;
        if (is_of_it && (least < 0 || in->watermark < t->input[least].watermark)) {
            least = i;
        }
    }
    return least;
}

/* The input that the watermark of p waits for. */
static int held_by(const struct task *t, const struct spot *p)
{
    while (p && p->vertex->kind != VERTEX_SOURCE) {
        uint16_t least = 0;
        for (uint16_t k = 1; k < p->nin; k++) {
            least = p->in_watermark[k] < p->in_watermark[least] ? k : least;
        }
        p = before(t, p, least);
    }
    return p ? input_of(t, p) : -1;
}

int task_held_by(const struct task *t, uint16_t vertex)
{
    return held_by(t, spot_at(t, vertex));
}

/* Not when its restore has failed. */
static bool is_open(const struct spot *p)
{
    return p->op.self || !p->op.node->def->open;
}

static uint64_t index_bytes_of(const struct spot *p)
{
    const struct step_def *def = p->op.node->def;
    return is_open(p) && def->index_bytes ? def->index_bytes(&p->op) : 0;
}

static uint64_t bytes_of(const struct spot *p)
{
    return state_bytes(p->op.state) + index_bytes_of(p);
}

static struct task_step look_at(struct task *t, struct spot *p)
{
    const struct step_def *def = p->op.node->def;
    struct task_step s = {.node = p->op.node,
                          .watermark = p->op.watermark,
                          .open = {.what = "entries",
                                   .end = "ends",
                                   .n = state_count(p->op.state),
                                   .start = TIME_MIN,
                                   .stop = TIME_MIN,
                                   .closes_at = TIME_MAX},
                          .held_by = held_by(t, p),
                          .entries = state_count(p->op.state),
                          .bytes = bytes_of(p),
                          .dirty_bytes = state_dirty_bytes(p->op.state)};
    if (is_open(p) && def->describe) {
        def->describe(&p->op, &s.open);
    }
    return s;
}

uint64_t task_state_bytes(const struct task *t)
{
    uint64_t bytes = 0;
    for (uint16_t i = 0; i < t->nspots; i++) {
        bytes += t->spot[i].op.state ? bytes_of(&t->spot[i]) : 0;
    }
    return bytes;
}

uint64_t task_kept_bytes(const struct task *t)
{
    /* What is learned of a history stays until the commit behind it. */
    bool has_room = t->disk && !t->disk->ops->is_log && !task_is_studying(t);
    uint64_t bytes = 0;
    for (uint16_t i = 0; i < t->nspots; i++) {
        const struct spot *p = &t->spot[i];
        if (p->op.state) {
            const struct node *n = p->op.node;
            bool is_lazy = has_room && n->def->lazy && n->def->lazy(n);
            bytes += is_lazy ? index_bytes_of(p) : bytes_of(p);
        }
    }
    return bytes;
}

void task_steps(struct task *t, void (*each)(void *ctx, const struct task_step *s), void *ctx)
{
    for (uint16_t i = 0; i < t->nspots; i++) {
        if (t->spot[i].op.state) {
            struct task_step s = look_at(t, &t->spot[i]);
            each(ctx, &s);
        }
    }
}

void task_recount(struct task *t)
{
    for (uint16_t i = 0; i < t->nspots; i++) {
        if (t->spot[i].op.state) {
            state_recount(t->spot[i].op.state);
        }
    }
}

int task_parts(const struct task *t, int input)
{
    return t->input[input].nparts;
}

struct part_time task_part(const struct task *t, int input, int part)
{
    return t->input[input].part[part];
}
