/* Linear models as River 0.26's linear_model.base.GLM: the intercept descends by itself, at a rate
 * of its own, all other weights as the optimizer wants it.
 *
 *   score     z = w.x + b
 *   gradient  g = d loss / d z, times the row's weight, clipped to +-clip_gradient
 *   step      b <- b - intercept_lr * g;   w <- optimizer(w, g x + l2 w)
 *   l1        cumulative penalty (Tsuruoka, Tsujii and Ananiadou 2009): u grows by l1 * lr a row;
 *             each weight is moved towards 0, not past it, by what it is still due of u
 *
 *   sparse    ml/sparse_weights.c: of features that a row does not have no weight moves, neither by l2
 *             nor by l1, which they are still due of when they come again
 *
 *   state     which optimizer and whether penalties follow; steps, intercept, u, weights, slots,
 *             what each weight has had of u (with l1 only); where there are sparse features, those
 *   overflow  a learning rate too high for the data makes weights that are not finite, now or some
 *             rows later; they stay so, and the host gives null for predictions from then on
 *   constant  a feature that is always 0 keeps its weight at 0; any other constant acts as a second
 *             intercept
 *   cost      three passes over the features a row has
 */
#include "ml/linear.h"

#include "engine/memory.h"

#include <math.h>
#include <string.h>

int linear_check(const struct linear_options *o, struct err *e)
{
    struct optimizer optimizer;
    if (o->l1 > 0 && o->l2 > 0) {
        return err_set(e, ERR_CONFIG, "l1 and l2 exclude each other: set one of them to 0");
    }
    return optimizer_read(&optimizer, o->optimizer, o->lr, "sgd", e);
}

void linear_layout(const struct linear_options *o, struct buffer *words)
{
    struct optimizer optimizer;
    optimizer_read(&optimizer, o->optimizer, o->lr, "sgd", NULL);
    buffer_printf(words, "optimizer %s%s\n", optimizer.def->name, o->l1 > 0 ? ", l1" : "");
}

void linear_init(struct linear *m, const struct linear_options *o,
                 const struct learner_setup *setup)
{
    uint32_t n = setup->ncolumns;
    optimizer_read(&m->optimizer, o->optimizer, o->lr, "sgd", NULL);
    uint32_t nslots = n * m->optimizer.def->slots;
    size_t doubles = (size_t)n + nslots + (o->l1 > 0 ? n : 0);
    m->options = o;
    m->n = n;
    m->steps = 0;
    m->penalty = 0;
    m->intercept = o->intercept_init;
    m->weight = mem_zalloc((doubles > 0 ? doubles : 1) * sizeof(double));
    m->slot = m->weight + n;
    m->had = o->l1 > 0 ? m->slot + nslots : NULL;
    uint32_t width = 1 + m->optimizer.def->slots + (o->l1 > 0 ? 1 : 0);
    sparse_weights_init(&m->sparse, setup->nsparse, width, setup->seed);
    sparse_weights_grow(&m->sparse, setup->nsparse > 0 ? 1 : 0);
}

void linear_done(struct linear *m)
{
    mem_free(m->weight);
    m->weight = m->slot = m->had = NULL;
    sparse_weights_done(&m->sparse);
}

/* Takes from a weight what it is still due of the cumulative l1 penalty. */
static void collect(double penalty, double *weight, double *had)
{
    double before = *weight, after = before;
    if (before > 0) {
        after = fmax(0, before - (penalty + *had));
    } else if (before < 0) {
        after = fmin(0, before + (penalty - *had));
    }
    *weight = after;
    *had += after - before;
}

static void apply_penalty(struct linear *m)
{
    m->penalty += m->options->l1 * m->optimizer.option[0];
    for (uint32_t i = 0; i < m->n; i++) {
        collect(m->penalty, &m->weight[i], &m->had[i]);
    }
}

/* NaN stays NaN: a model that has diverged does not come back with clipped steps. */
static double clip(double g, double most)
{
    g = g > most ? most : g;
    return g < -most ? -most : g;
}

double linear_score_sparse(struct linear *m, const double *x, const struct sparse_row *row)
{
    sparse_weights_find(&m->sparse, row);
    return linear_score(m, x) + sparse_weights_dot(&m->sparse, 0, row);
}

/* Of the features that the row has. */
static void descend_sparse(struct linear *m, const struct sparse_row *row, double g)
{
    struct sparse_weights *w = &m->sparse;
    struct sparse_step step = {&m->optimizer, optimizer_rate(&m->optimizer, m->steps), g,
                               m->options->l2};
    sparse_weights_descend(w, 0, &step, row);
    double penalty = m->penalty + m->options->l1 * m->optimizer.option[0];
    for (uint32_t k = 0; m->had && k < row->n; k++) {
        if (w->place[k] != SPARSE_NONE) {
            double *record = sparse_weights_at(w, 0, w->place[k]);
            collect(penalty, &record[0], &record[w->width - 1]);
        }
    }
}

void linear_descend_sparse(struct linear *m, const double *x, const struct sparse_row *row,
                           double g)
{
    descend_sparse(m, row, clip(g, m->options->clip_gradient));
    linear_descend(m, x, g);
}

void linear_descend(struct linear *m, const double *x, double g)
{
    const struct linear_options *o = m->options;
    double rate = optimizer_rate(&m->optimizer, m->steps), l2 = o->l2;
    g = clip(g, o->clip_gradient);
    m->intercept -= o->intercept_lr * g;
    for (uint32_t at = 0; at < m->n; at += OPTIMIZER_PIECE) {
        uint32_t n = m->n - at < OPTIMIZER_PIECE ? m->n - at : OPTIMIZER_PIECE;
        double gradient[OPTIMIZER_PIECE];
        for (uint32_t i = 0; i < n; i++) {
            gradient[i] = x[at + i] * g + l2 * m->weight[at + i];
        }
        optimizer_step(&m->optimizer, rate, m->weight + at, gradient, m->slot + at, m->n, n);
    }
    m->steps++;
    if (m->had) {
        apply_penalty(m);
    }
}

int linear_io(struct linear *m, struct snapshot *s)
{
    uint32_t number = m->optimizer.def->number, penalised = m->had ? 1 : 0;
    snapshot_u32(s, &number);
    snapshot_u32(s, &penalised);
    if (number != m->optimizer.def->number || penalised != (m->had ? 1 : 0)) {
        s->status = -ERR_DATA; /* saved with another optimizer, or with another l1 */
        return s->status;
    }
    snapshot_count(s, &m->steps);
    snapshot_double(s, &m->intercept);
    snapshot_double(s, &m->penalty);
    snapshot_array(s, m->weight, m->n);
    snapshot_array(s, m->slot, (size_t)m->n * m->optimizer.def->slots);
    if (m->had) {
        snapshot_array(s, m->had, m->n);
    }
    if (m->sparse.nsparse > 0) {
        sparse_weights_io(&m->sparse, 1, s);
    }
    return snapshot_status(s);
}

uint64_t linear_size(const struct linear *m)
{
    uint64_t per_weight = 1 + m->optimizer.def->slots + (m->had ? 1 : 0);
    return m->n * per_weight * sizeof(double) + sparse_weights_size(&m->sparse);
}

double linear_sigmoid(double z)
{
    if (z < -30) {
        return 0;
    }
    return z > 30 ? 1 : 1 / (1 + exp(-z));
}
