/* gaussian_nb: naive Bayes with one Gaussian per class and feature. Formulas are those of River
 * 0.26's naive_bayes.GaussianNB; there are no options.
 *
 *   learn     N_c <- N_c + w; per feature (West 1979)
 *             mean' = mean + (w / N_c)(x - mean);   S <- S + w (x - mean)(x - mean')
 *   density   f = exp(-(x - mean)^2 / 2v) / sqrt(2 pi v), v = S / N_c; 0 while v = 0
 *   joint     L_c = log(N_c / N) + sum over features of log(1e-9 + f)
 *   predict   P(c) = exp(L_c - log sum exp L): the 1e-9 keeps one odd feature from
 *             ruling a class out
 *
 *   state     number of classes; N_c, means and sums of squares of each: version 1
 *   cost      classes x features, an exp and a log each
 *   order     rows one by one: the same bits for any batch size
 */
#include "engine/learner.h"
#include "engine/memory.h"

#include <math.h>
#include <string.h>

#define DENSITY_LEAST 1e-9

static const double sqrt_two_pi = 2.506628274631000502415765284811;

struct gaussian_nb {
    uint32_t n, classes;
    double total;   /* weight of all rows */
    double *weight; /* N_c, per class */
    double *moment; /* per class: n means, n sums of squares */
};

static const struct config_field fields[] = {{0}};

static void *gaussian_open(const struct learner_setup *setup)
{
    struct gaussian_nb *m = mem_zalloc(sizeof(*m));
    m->n = setup->ncolumns;
    return m;
}

static void gaussian_close(void *l)
{
    struct gaussian_nb *m = l;
    mem_free(m->weight);
    mem_free(m->moment);
    mem_free(m);
}

static void gaussian_grow(void *l, uint32_t classes)
{
    struct gaussian_nb *m = l;
    if (classes <= m->classes) {
        return;
    }
    size_t width = 2 * (size_t)m->n;
    m->weight = mem_resize(m->weight, classes, sizeof(double));
    m->moment = mem_resize(m->moment, classes * width + 1, sizeof(double));
    for (uint32_t c = m->classes; c < classes; c++) {
        m->weight[c] = 0;
        memset(m->moment + c * width, 0, width * sizeof(double));
    }
    m->classes = classes;
}

/* log P(c) + log P(x | c); -infinity for a class without rows. */
static double joint(const struct gaussian_nb *m, uint32_t c, const double *x)
{
    const double *mean = m->moment + 2 * (size_t)c * m->n;
    const double *squares = mean + m->n;
    double n = m->weight[c], sum = 0;
    if (n <= 0) {
        return -HUGE_VAL;
    }
    for (uint32_t i = 0; i < m->n; i++) {
        double density = 0, variance = squares[i] / n;
        if (variance > 0) {
            double sigma = sqrt(variance);
            double z = (x[i] - mean[i]) / sigma;
            density = exp(-0.5 * z * z) / sqrt_two_pi / sigma;
        }
        sum += log(DENSITY_LEAST + density);
    }
    return log(n / m->total) + sum;
}

static void predict_row(const struct gaussian_nb *m, const double *x, double *out)
{
    double most = -HUGE_VAL, sum = 0;
    for (uint32_t c = 0; c < m->classes; c++) {
        out[c] = joint(m, c, x);
        most = out[c] > most ? out[c] : most;
    }
    for (uint32_t c = 0; c < m->classes; c++) {
        out[c] = exp(out[c] - most);
        sum += out[c];
    }
    for (uint32_t c = 0; c < m->classes; c++) {
        out[c] /= sum;
    }
}

static void gaussian_predict(void *l, const double *x, uint32_t rows, double *out, uint32_t stride)
{
    struct gaussian_nb *m = l;
    for (uint32_t r = 0; r < rows; r++) {
        predict_row(m, x + (size_t)r * m->n, out + (size_t)r * stride);
    }
}

static void learn_row(struct gaussian_nb *m, const double *x, uint32_t c, double w)
{
    double *mean = m->moment + 2 * (size_t)c * m->n;
    double *squares = mean + m->n;
    m->total += w;
    m->weight[c] += w;
    double share = w / m->weight[c];
    for (uint32_t i = 0; i < m->n; i++) {
        double old = mean[i];
        mean[i] += share * (x[i] - old);
        squares[i] += w * (x[i] - old) * (x[i] - mean[i]);
    }
}

static void gaussian_learn(void *l, const double *x, uint32_t rows, const double *y,
                           const double *w)
{
    struct gaussian_nb *m = l;
    for (uint32_t r = 0; r < rows; r++) {
        if (!w || w[r] > 0) {
            learn_row(m, x + (size_t)r * m->n, (uint32_t)y[r], w ? w[r] : 1);
        }
    }
}

static int gaussian_io(void *l, struct snapshot *s)
{
    struct gaussian_nb *m = l;
    snapshot_version(s, 1);
    uint32_t classes = m->classes;
    snapshot_u32(s, &classes);
    if (s->loading) {
        size_t left = (size_t)(s->end - s->p);
        if (snapshot_status(s) < 0 || classes > CLASSES_MAX ||
            classes * (2 * (size_t)m->n + 1) > left / sizeof(double)) {
            s->status = -ERR_DATA;
            return s->status;
        }
        gaussian_grow(m, classes);
    }
    snapshot_double(s, &m->total);
    snapshot_array(s, m->weight, classes);
    snapshot_array(s, m->moment, 2 * (size_t)classes * m->n);
    return snapshot_status(s);
}

static uint64_t gaussian_size(const void *l)
{
    const struct gaussian_nb *m = l;
    return sizeof(*m) + m->classes * (1 + 2 * (uint64_t)m->n) * sizeof(double);
}

const struct learner_def learner_gaussian_nb = {
    .name = "gaussian_nb",
    .doc = "naive Bayes with a Gaussian per class and feature",
    .tasks = LEARN_CLASSES,
    .options = fields,
    .version = 1,
    .open = gaussian_open,
    .grow = gaussian_grow,
    .predict = gaussian_predict,
    .learn = gaussian_learn,
    .io = gaussian_io,
    .size = gaussian_size,
    .close = gaussian_close,
};
