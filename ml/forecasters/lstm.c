/* lstm: experimental */
#include "engine/forecaster.h"
#include "engine/memory.h"
#include "engine/random.h"
#include "ml/clipped_adam.h"
#include "ml/lstm_network.h"
#include "ml/series.h"

#include <math.h>
#include <string.h>
#include <stdlib.h>
#include <stdio.h>

#define PIECE 32
#define PI    3.14159265358979323846

struct options {
    int64_t hidden, window, history, batch, epochs, average;
    double lr, clip, delta;
    bool skip, level, difference, relative, season, adapt, seasonlag;
    double fresh, minlr;
};

struct lstm {
    const struct options *options;
    const struct forecaster_setup *setup;
    struct forecaster_setup s;
    struct lstm_network net;
    struct series series;
    struct clipped_adam adam;
    struct random random;
    size_t nweights;
    float *weight, *average;
    uint32_t reach; /* longest horizon */
    int64_t due, batches;
};

static const struct config_field fields[] = {
    {"hidden", CONFIG_LONG, offsetof(struct options, hidden), .def = "32", .min = 4, .max = 256, .doc = "units"},
    {"window", CONFIG_LONG, offsetof(struct options, window), .def = "48", .min = 2, .max = 1000, .doc = "w"},
    {"history", CONFIG_LONG, offsetof(struct options, history), .def = "16384", .min = 100, .max = 1000000, .doc = "w"},
    {"batch", CONFIG_LONG, offsetof(struct options, batch), .def = "64", .min = 1, .max = 1024, .doc = "w"},
    {"epochs", CONFIG_LONG, offsetof(struct options, epochs), .def = "15", .min = 0, .max = 1024, .doc = "w"},
    {"average", CONFIG_LONG, offsetof(struct options, average), .def = "200", .min = 0, .max = 100000, .doc = "w"},
    {"lr", CONFIG_DOUBLE, offsetof(struct options, lr), .def = "0.002", .min = 0, .max = 1, .doc = "lr"},
    {"minlr", CONFIG_DOUBLE, offsetof(struct options, minlr), .def = "1", .min = 0, .max = 1, .doc = "lr"},
    {"clip", CONFIG_DOUBLE, offsetof(struct options, clip), .def = "1", .min = 0, .max = 1e9, .doc = "lr"},
    {"delta", CONFIG_DOUBLE, offsetof(struct options, delta), .def = "0.5", .min = 0, .max = 1e9, .doc = "lr"},
    {"fresh", CONFIG_DOUBLE, offsetof(struct options, fresh), .def = "0", .min = 0, .max = 1, .doc = "lr"},
    {"skip", CONFIG_BOOLEAN, offsetof(struct options, skip), .def = "false", .doc = "x"},
    {"level", CONFIG_BOOLEAN, offsetof(struct options, level), .def = "true", .doc = "x"},
    {"difference", CONFIG_BOOLEAN, offsetof(struct options, difference), .def = "false", .doc = "x"},
    {"relative", CONFIG_BOOLEAN, offsetof(struct options, relative), .def = "false", .doc = "x"},
    {"season", CONFIG_BOOLEAN, offsetof(struct options, season), .def = "false", .doc = "x"},
    {0},
};

static void *lstm_open(const struct forecaster_setup *setup)
{
    const struct options *o = setup->options;
    struct lstm *f = mem_zalloc(sizeof(*f));
    f->options = o;
    f->s = *setup;
    f->setup = &f->s;
    f->reach = setup->horizon[setup->nhorizons - 1];
    f->net.cell.inputs = (o->level ? 1u : 0u) + (o->difference ? 1u : 0u) + (o->season ? 2 * setup->nseasons : 0);
    f->net.cell.hidden = (uint32_t)o->hidden;
    f->net.cell.steps = (uint32_t)o->window;
    f->net.outputs = setup->nhorizons;
    f->net.direct = o->skip ? (uint32_t)o->window : 0;
    series_init(&f->series, (uint32_t)o->history);
    f->nweights = lstm_network_weights(&f->net);
    f->weight = mem_array(2 * f->nweights, sizeof(float));
    f->average = f->weight + f->nweights;
    random_seed(&f->random, setup->seed, 1);
    lstm_network_start(&f->net, f->weight, &f->random);
    memcpy(f->average, f->weight, f->nweights * sizeof(float));
    clipped_adam_init(&f->adam, f->nweights);
    return f;
}

static void lstm_close(void *p)
{
    struct lstm *f = p;
    series_done(&f->series);
    clipped_adam_done(&f->adam);
    mem_free(f->weight);
    mem_free(f);
}

struct scale { double mean, deviation, level; };

/* Window that ends with the value at `end`; x[step * stride + input]. Returns the last known value. */
static double fill_window(const struct lstm *f, const struct scale *sc, uint32_t end, float *x, size_t stride, float *u)
{
    const struct options *o = f->options;
    uint32_t steps = f->net.cell.steps, from = end + 1 - steps;
    double last = NAN;
    for (uint32_t i = end + 1; i-- > from && isnan(last);) {
        last = series_at(&f->series, i);
    }
    if (isnan(last)) last = sc->mean;
    double known = sc->mean;
    for (uint32_t s = 0; s < steps; s++) {
        double y = series_at(&f->series, from + s);
        if (isnan(y)) y = known;
        known = y;
        float *to = x + s * stride;
        if (u) u[s] = (float)((y - last) / sc->deviation);
        if (o->level) *to++ = (float)((y - sc->mean) / sc->level);
        if (o->difference) *to++ = (float)((y - last) / sc->deviation);
    }
    if (o->season) {
        int64_t count = f->series.steps - f->series.n + from;
        uint32_t k = (o->level ? 1u : 0u) + (o->difference ? 1u : 0u);
        for (uint32_t j = 0; j < f->setup->nseasons; j++) {
            uint32_t m = f->setup->season[j];
            if (getenv("CYC") && f->series.n < (uint32_t)atoi(getenv("CYC")) * m) { for (uint32_t q = 0; q < steps; q++) x[q * stride + k + 2 * j] = x[q * stride + k + 2 * j + 1] = 0; continue; }
            double phase = 2 * PI * (double)(count % m) / m, turn = 2 * PI / m;
            double si = sin(phase), co = cos(phase), st = sin(turn), ct = cos(turn);
            for (uint32_t s = 0; s < steps; s++) {
                x[s * stride + k + 2 * j] = (float)si;
                x[s * stride + k + 2 * j + 1] = (float)co;
                double n = si * ct + co * st;
                co = co * ct - si * st;
                si = n;
            }
        }
    }
    return last;
}

static void scales(const struct lstm *f, struct scale *sc)
{
    double dev;
    series_moments(&f->series, &sc->mean, &dev);
    double sum = 0; uint32_t n = 0;
    for (uint32_t i = 0; i + f->reach < f->series.n; i++) {
        double d = fabs(series_at(&f->series, i + f->reach) - series_at(&f->series, i));
        if (!isnan(d)) { sum += d; n++; }
    }
    sc->level = dev;
    sc->deviation = getenv("OLDSCALE") ? dev : n > 0 && sum > 0 ? sum / n : 1;
}

static void train(struct lstm *f)
{
    const struct options *o = f->options;
    const struct lstm_network *net = &f->net;
    struct scale sc;
    scales(f, &sc);
    uint32_t rows = (uint32_t)o->batch, I = net->cell.inputs, K = net->outputs;
    uint32_t windows = f->series.n - net->cell.steps - f->reach + 1;
    size_t nx = (size_t)PIECE * net->cell.steps * I, ny = (size_t)PIECE * K;
    float *x = mem_array(nx + ny + f->nweights + lstm_network_room(net, PIECE), sizeof(float));
    float *y = x + nx, *g = y + ny, *room = g + f->nweights, u[32 * 48];
    memset(g, 0, f->nweights * sizeof(float));
    for (uint32_t at = 0; at < rows; at += PIECE) {
        uint32_t n = rows - at < PIECE ? rows - at : PIECE;
        for (uint32_t r = 0; r < n; r++) {
            uint32_t w = random_below(&f->random, windows);
            if (o->fresh > 0 && random_unit(&f->random) < o->fresh && windows > 256) w = windows - 1 - random_below(&f->random, 256);
            uint32_t end = w + net->cell.steps - 1;
            double last = fill_window(f, &sc, end, x + (size_t)r * I, (size_t)n * I, o->skip ? u + 48 * r : NULL);
            double base = o->relative ? last : sc.mean;
            for (uint32_t k = 0; k < K; k++) {
                y[r * K + k] = (float)((series_at(&f->series, end + f->setup->horizon[k]) - base) / sc.deviation);
            }
        }
        lstm_network_gradient(net, f->weight, n, x, u, y, (float)o->delta, 1.0F / (float)(rows * K), room, g);
    }
    double lr = o->lr;
    if (o->minlr < 1) { double d = 1 / (1 + (double)f->batches * 1e-3); lr = o->lr * (o->minlr + (1 - o->minlr) * d); }
    clipped_adam_step(&f->adam, lr, o->clip, f->weight, g);
    f->batches++;
    float rate = (float)(1 / fmin((double)f->batches / 4 + 1, (double)o->average + 1));
    for (size_t i = 0; i < f->nweights; i++) f->average[i] += rate * (f->weight[i] - f->average[i]);
    mem_free(x);
}

static void lstm_predict(const void *p, double *out)
{
    const struct lstm *f = p;
    uint32_t steps = f->net.cell.steps;
    if (f->batches == 0 || f->series.n < steps) {
        for (uint32_t k = 0; k < f->net.outputs; k++) out[k] = NAN;
        return;
    }
    struct scale sc;
    scales(f, &sc);
    size_t nx = (size_t)steps * f->net.cell.inputs;
    float *x = mem_array(nx + f->net.outputs + lstm_network_step_room(&f->net), sizeof(float));
    float *y = x + nx, u[48];
    double last = fill_window(f, &sc, f->series.n - 1, x, f->net.cell.inputs, u);
    lstm_network_predict(&f->net, f->average, x, u, y, y + f->net.outputs);
    for (uint32_t k = 0; k < f->net.outputs; k++) {
        out[k] = (f->options->relative ? last : sc.mean) + sc.deviation * (double)y[k];
    }
    mem_free(x);
}

static void lstm_learn(void *p, double y)
{
    struct lstm *f = p;
    series_add(&f->series, y);
    if (f->series.n < f->net.cell.steps + f->reach + 63) return;
    f->due += f->options->epochs;
    while (f->due >= f->options->batch) { f->due -= f->options->batch; train(f); }
}

static int lstm_io(void *p, struct snapshot *s) { (void)p; (void)s; return 0; }

const struct forecaster_def forecaster_lstm = {
    .name = "lstm", .doc = "x", .most_seasons = SEASONS_MAX, .options = fields,
    .options_size = sizeof(struct options), .version = 1, .open = lstm_open, .predict = lstm_predict,
    .learn = lstm_learn, .io = lstm_io, .close = lstm_close,
};
