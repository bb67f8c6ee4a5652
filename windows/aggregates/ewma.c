/* ewma(x, alpha): the exponentially weighted mean in the order of event time.
 *
 *   formula   s = alpha x + (1 - alpha) s, the first x begins: as ewma of `running`
 *   state     timeline.h, and of what is folded { s, decay, sum }: the s before it becomes
 *             decay s + sum; version 1
 *   kept      as many values as weigh more than 2^-60 of the newest, 8 to 512 of them: later rows
 *             from further back would hardly count
 *   null      skipped; null when there is no value
 *   merge     within the last bits of a double, exact while nothing is folded
 */
#include "windows/aggregates/timeline.h"

#define KEEP_LEAST 8
#define KEEP_MOST  512

struct ewma {
    struct timeline timeline;
    double s, decay, sum;
};

struct ewma_bound {
    double alpha;
    uint32_t keep;
};

static int ewma_bind(struct aggregate_call *c, struct arena *a, struct err *e)
{
    struct ewma_bound *bound = arena_zalloc(a, sizeof *bound);
    if (!type_is_numeric(c->arg_type[0])) {
        return wrong_type(c, "a number", e);
    }
    if (!constant_number(c, 1, &bound->alpha) || !(bound->alpha > 0 && bound->alpha <= 1)) {
        return err_set(e, ERR_CONFIG, "ewma(x, alpha): alpha is a number above 0, at most 1");
    }
    double keep = bound->alpha < 1 ? ceil(-60 / log2(1 - bound->alpha)) : 0;
    bound->keep = keep < KEEP_LEAST ? KEEP_LEAST : keep > KEEP_MOST ? KEEP_MOST : (uint32_t)keep;
    c->bound = bound;
    c->type = &type_double;
    c->nullable = true;
    return 0;
}

static double ewma_step(double alpha, double x, double s)
{
    return alpha * x + (1 - alpha) * s;
}

static void ewma_fold(const struct aggregate_call *c, void *state, const struct moment *m)
{
    const struct ewma_bound *bound = c->bound;
    struct ewma *w = state;
    double x = moment_value(c, m->bits);
    bool is_first = w->timeline.folded == 0;
    w->s = is_first ? x : ewma_step(bound->alpha, x, w->s);
    w->sum = ewma_step(bound->alpha, x, w->sum);
    w->decay = (is_first ? 1 : w->decay) * (1 - bound->alpha);
}

static void ewma_join(const struct aggregate_call *c, void *into, const void *from)
{
    (void)c;
    struct ewma *a = into;
    const struct ewma *b = from;
    if (a->timeline.folded == 0) {
        a->s = b->s;
        a->decay = b->decay;
        a->sum = b->sum;
        return;
    }
    a->s = b->decay * a->s + b->sum;
    a->decay *= b->decay;
    a->sum = b->decay * a->sum + b->sum;
}

static const struct timeline_def folding = {ewma_fold, ewma_join};

static int ewma_update(const struct aggregate_call *c, const struct aggregate_rows *r,
                       struct row_errors *errors)
{
    (void)errors;
    const struct ewma_bound *bound = c->bound;
    timeline_update(&folding, c, r, bound->keep);
    return 0;
}

static void ewma_combine(const struct aggregate_call *c, void *into, const void *from)
{
    const struct ewma_bound *bound = c->bound;
    timeline_combine(&folding, c, into, from, bound->keep);
}

static void ewma_result(const struct aggregate_call *c, const void *state, struct vec *out,
                        uint16_t row, uint16_t rows, struct arena *mem)
{
    const struct ewma_bound *bound = c->bound;
    const struct ewma *w = state;
    bool is_first = w->timeline.folded == 0;
    double s = w->s;
    for (uint32_t i = 0; i < timeline_length(&w->timeline); i++) {
        double x = moment_value(c, timeline_at(&w->timeline, i)->bits);
        s = is_first ? x : ewma_step(bound->alpha, x, s);
        is_first = false;
    }
    if (is_first) {
        vec_set_null(out, mem, rows, row);
        return;
    }
    out->d[row] = s;
}

const struct aggregate_def aggregate_ewma = {
    .name = "ewma",
    .doc = "ewma(x, alpha): exponentially weighted mean by event time: alpha x + (1 - alpha) times "
           "the mean before.",
    .min_args = 2,
    .max_args = 2,
    .state_size = sizeof(struct ewma),
    .has_blob = true,
    .version = 1,
    .bind = ewma_bind,
    .update = ewma_update,
    .combine = ewma_combine,
    .result = ewma_result,
    .is_sound = timeline_is_sound,
};
