/* Windows of a series through an LSTM network.
 *
 *   inputs    of each step: (y - mean) / deviation; with is_difference also (y - last) / unit, `last`
 *             being the last known value of the window; then sine and cosine of the phase in each
 *             season, 0 until three of its cycles were seen (before, a slow season is but the time,
 *             and remembers single events). All are held in +-1000
 *   outputs   (y at the horizon - last) / unit, or with y - mean where is_difference is off
 *   unit      mean size of the change over the longest horizon: unlike the deviation it is not
 *             inflated for weeks by one shift of the level
 *   direct    the window's differences reach the head without the layer, which makes an
 *             autoregression of it, as in LSTNet (Lai et al. 2018); these weights start from 0
 *   missing   inputs repeat the value before; an output that is missing counts for nothing. A window
 *             with no value at all forecasts nothing
 *   batch     windows with equal probability, a share `recent` from the newest 256
 *   average   weights are averaged over about the last 50 batches: a batch moves the forecasts little,
 *             and no held-back part is needed to pick a lucky epoch
 *   state     batches, random numbers, scale, weights, averages, Adam: continues bit for bit
 *   room      a batch goes through in pieces that fit 4 MB; allocated for the batch and given back,
 *             as between batches thousands of series may be idle
 */
#include "ml/lstm_trainer.h"

#include "engine/forecaster.h"
#include "engine/memory.h"

#include <math.h>
#include <string.h>

#define PI         3.14159265358979323846
#define PIECE      32        /* rows of a batch at once, fewer where they are large */
#define PIECE_ROOM (1 << 20) /* floats */
#define INPUT_MAX  1000.0
#define VALUE_MAX  1e150
#define NEWEST     256 /* windows that `recent` is about */
#define AVERAGED   50  /* batches */
#define CYCLES     3   /* of a season, before it is shown */

static uint32_t reach(const struct lstm_trainer *t)
{
    return t->config.horizon[t->config.nhorizons - 1];
}

void lstm_trainer_init(struct lstm_trainer *t, const struct lstm_config *config, uint64_t seed)
{
    *t = (struct lstm_trainer){.config = *config};
    struct lstm_network *n = &t->network;
    n->cell.hidden = config->hidden;
    n->cell.steps = config->window;
    n->cell.inputs = 1 + (config->is_difference ? 1 : 0);
    n->cell.inputs += config->has_seasons ? 2 * config->nseasons : 0;
    n->outputs = config->nhorizons;
    n->direct = config->is_direct ? config->window : 0;
    t->nweights = lstm_network_weights(n);
    t->weight = mem_array(2 * t->nweights, sizeof(float));
    t->average = t->weight + t->nweights;
    size_t room = lstm_network_step_room(n) + (size_t)config->window * (n->cell.inputs + 1);
    t->room = mem_array(room + n->outputs, sizeof(float));
    clipped_adam_init(&t->adam, t->nweights);
    random_seed(&t->random, seed, 1);
    lstm_network_start(n, t->weight, &t->random);
    memcpy(t->average, t->weight, t->nweights * sizeof(float));
}

void lstm_trainer_done(struct lstm_trainer *t)
{
    clipped_adam_done(&t->adam);
    mem_free(t->weight);
    mem_free(t->room);
}

uint32_t lstm_trainer_windows(const struct lstm_trainer *t, const struct value_ring *s)
{
    uint64_t most = (uint64_t)t->config.window + reach(t) - 1;
    return s->n > most ? s->n - (uint32_t)most : 0;
}

static struct lstm_scale measure(const struct value_ring *s, uint32_t steps)
{
    struct lstm_scale scale = {0};
    double sum = 0;
    uint32_t known = 0;
    value_ring_moments(s, &scale.mean, &scale.deviation);
    for (uint32_t i = steps; i < s->n; i++) {
        double change = fabs(value_ring_at(s, i) - value_ring_at(s, i - steps));
        sum += isnan(change) ? 0 : change;
        known += isnan(change) ? 0 : 1;
    }
    scale.unit = known > 0 ? sum / known : 0;
    if (!(scale.unit > 1e-12 * fabs(scale.mean))) {
        scale.unit = 0;
    }
    return scale;
}

static float held(double x)
{
    return (float)fmax(fmin(x, INPUT_MAX), -INPUT_MAX);
}

/* Sine and cosine by turning: a multiplication a step. */
static void fill_season(const struct lstm_trainer *t, const struct value_ring *s, uint32_t from,
                        uint32_t season, float *x, size_t stride)
{
    bool is_shown = s->steps >= (int64_t)CYCLES * season;
    double phase = 2 * PI * (double)((s->steps - s->n + from) % season) / season;
    double turn = 2 * PI / season, turn_sin = sin(turn), turn_cos = cos(turn);
    double now_sin = is_shown ? sin(phase) : 0, now_cos = is_shown ? cos(phase) : 0;
    for (size_t i = 0; i < t->config.window; i++) {
        x[i * stride] = (float)now_sin;
        x[i * stride + 1] = (float)now_cos;
        double next = now_sin * turn_cos + now_cos * turn_sin;
        now_cos = now_cos * turn_cos - now_sin * turn_sin;
        now_sin = next;
    }
}

/* The window whose oldest value is the from-th one held: x[step * stride + input], direct[step].
 * Returns its last known value, NaN where there is none. */
static double fill_window(const struct lstm_trainer *t, const struct value_ring *s, uint32_t from,
                          float *x, size_t stride, float *direct)
{
    const struct lstm_config *c = &t->config;
    const struct lstm_scale *scale = &t->scale;
    double last = NAN, y = scale->mean;
    for (uint32_t i = c->window; i-- > 0 && isnan(last);) {
        last = value_ring_at(s, from + i);
    }
    for (uint32_t i = 0; i < c->window; i++) {
        double value = value_ring_at(s, from + i);
        y = isnan(value) ? y : value;
        float change = isnan(last) ? 0 : held((y - last) / scale->unit);
        float *to = x + i * stride;
        *to++ = held((y - scale->mean) / scale->deviation);
        if (c->is_difference) {
            *to = change;
        }
        direct[i] = change;
    }
    for (uint32_t k = 0; c->has_seasons && k < c->nseasons; k++) {
        fill_season(t, s, from, c->season[k], x + (c->is_difference ? 2 : 1) + 2 * (size_t)k,
                    stride);
    }
    return last;
}

static uint32_t draw_window(struct lstm_trainer *t, uint32_t windows)
{
    bool is_recent = random_unit(&t->random) < t->config.recent;
    uint32_t among = is_recent && windows > NEWEST ? NEWEST : windows;
    return windows - 1 - random_below(&t->random, among);
}

/* n windows as x[step][row][input], direct[row][step] and y[row][output]. */
static void fill_piece(struct lstm_trainer *t, const struct value_ring *s, uint32_t n, float *x,
                       float *direct, float *y)
{
    const struct lstm_config *c = &t->config;
    size_t inputs = t->network.cell.inputs;
    uint32_t windows = lstm_trainer_windows(t, s);
    for (size_t r = 0; r < n; r++) {
        uint32_t from = draw_window(t, windows), end = from + c->window - 1;
        double last = fill_window(t, s, from, x + r * inputs, n * inputs, direct + r * c->window);
        double base = c->is_difference ? last : t->scale.mean;
        for (uint32_t k = 0; k < c->nhorizons; k++) {
            double change = (value_ring_at(s, end + c->horizon[k]) - base) / t->scale.unit;
            y[r * c->nhorizons + k] = isnan(change) ? NAN : held(change);
        }
    }
}

static uint32_t piece_rows(const struct lstm_trainer *t)
{
    size_t fit = PIECE_ROOM / lstm_network_room(&t->network, 1);
    uint32_t rows = fit < PIECE ? (uint32_t)fit : PIECE;
    rows = rows < t->config.batch_size ? rows : t->config.batch_size;
    return rows > 0 ? rows : 1;
}

static void average(struct lstm_trainer *t)
{
    /* At first over the last quarter of all batches, the more so the more there were. */
    float share = (float)(1 / fmin((double)t->batches / 4 + 1, AVERAGED));
    for (size_t i = 0; i < t->nweights; i++) {
        t->average[i] += share * (t->weight[i] - t->average[i]);
    }
}

void lstm_trainer_batch(struct lstm_trainer *t, const struct value_ring *s)
{
    const struct lstm_config *c = &t->config;
    const struct lstm_network *n = &t->network;
    if (lstm_trainer_windows(t, s) == 0) {
        return;
    }
    t->scale = measure(s, reach(t));
    t->batches++;
    if (t->scale.unit <= 0) {
        return; /* nothing to learn from values that are all the same */
    }
    size_t rows = piece_rows(t), nx = rows * c->window * n->cell.inputs;
    size_t ndirect = rows * c->window, ny = rows * n->outputs;
    size_t all = nx + ndirect + ny + t->nweights + lstm_network_room(n, (uint32_t)rows);
    float *x = mem_array(all, sizeof(float)), *direct = x + nx, *y = direct + ndirect;
    float *gradient = y + ny, *room = gradient + t->nweights;
    float share = 1 / (float)((double)c->batch_size * n->outputs);
    memset(gradient, 0, t->nweights * sizeof(float));
    for (uint32_t at = 0; at < c->batch_size; at += (uint32_t)rows) {
        uint32_t left = c->batch_size - at, piece = left < rows ? left : (uint32_t)rows;
        fill_piece(t, s, piece, x, direct, y);
        lstm_network_gradient(n, t->weight, piece, x, direct, y, (float)c->delta, share, room,
                              gradient);
    }
    if (clipped_adam_step(&t->adam, c->lr, c->clip_gradient, t->weight, gradient)) {
        average(t);
    }
    mem_free(x);
}

/* From the window at `from`; the room begins with its inputs. */
static void forecast(const struct lstm_trainer *t, const struct value_ring *s, uint32_t from,
                     double *out)
{
    const struct lstm_config *c = &t->config;
    const struct lstm_network *n = &t->network;
    float *x = t->room, *direct = x + (size_t)c->window * n->cell.inputs;
    float *result = direct + c->window, *room = result + n->outputs;
    double last = NAN;
    if (t->batches > 0 && s->n >= c->window) {
        last = fill_window(t, s, from, x, n->cell.inputs, direct);
    }
    if (isnan(last) || t->scale.unit <= 0) {
        for (uint32_t k = 0; k < n->outputs; k++) {
            out[k] = last;
        }
        return;
    }
    lstm_network_predict(n, t->average, x, direct, result, room);
    for (uint32_t k = 0; k < n->outputs; k++) {
        double base = c->is_difference ? last : t->scale.mean;
        double y = base + t->scale.unit * (double)result[k];
        out[k] = isfinite(y) ? fmax(fmin(y, VALUE_MAX), -VALUE_MAX) : (double)NAN;
    }
}

void lstm_trainer_predict(const struct lstm_trainer *t, const struct value_ring *s, double *out)
{
    uint32_t window = t->config.window;
    forecast(t, s, s->n > window ? s->n - window : 0, out);
}

double lstm_trainer_error(const struct lstm_trainer *t, const struct value_ring *s, uint32_t from)
{
    const struct lstm_config *c = &t->config;
    double out[HORIZONS_MAX], sum = 0;
    uint32_t known = 0;
    forecast(t, s, from, out);
    for (uint32_t k = 0; k < c->nhorizons; k++) {
        double error = fabs(out[k] - value_ring_at(s, from + c->window - 1 + c->horizon[k]));
        sum += isnan(error) ? 0 : error;
        known += isnan(error) ? 0 : 1;
    }
    return known > 0 ? sum / known / (t->scale.unit > 0 ? t->scale.unit : 1) : (double)NAN;
}

void lstm_trainer_copy(struct lstm_trainer *to, const struct lstm_trainer *from)
{
    to->scale = from->scale;
    to->random = from->random;
    to->batches = from->batches;
    memcpy(to->weight, from->weight, 2 * from->nweights * sizeof(float));
    clipped_adam_copy(&to->adam, &from->adam);
}

static void io_random(struct random *r, struct snapshot *snap)
{
    int64_t state = (int64_t)r->state, inc = (int64_t)r->inc;
    snapshot_long(snap, &state);
    snapshot_long(snap, &inc);
    r->state = (uint64_t)state;
    r->inc = (uint64_t)inc;
}

int lstm_trainer_io(struct lstm_trainer *t, struct snapshot *snap)
{
    struct lstm_scale *scale = &t->scale;
    snapshot_count(snap, &t->batches);
    io_random(&t->random, snap);
    snapshot_double(snap, &scale->mean);
    snapshot_double(snap, &scale->deviation);
    snapshot_double(snap, &scale->unit);
    clipped_adam_floats(snap, t->weight, t->nweights);
    clipped_adam_floats(snap, t->average, t->nweights);
    clipped_adam_io(&t->adam, snap);
    bool is_fine = fabs(scale->mean) <= VALUE_MAX && isfinite(scale->deviation) &&
                   isfinite(scale->unit) && scale->unit >= 0;
    if (snap->loading && (!is_fine || (t->batches > 0 && !(scale->deviation > 0)))) {
        *scale = (struct lstm_scale){.deviation = 1};
        snap->status = -ERR_DATA;
    }
    return snapshot_status(snap);
}

uint64_t lstm_trainer_size(const struct lstm_trainer *t)
{
    const struct lstm_network *n = &t->network;
    uint64_t room = lstm_network_step_room(n) + n->outputs;
    room += (uint64_t)t->config.window * (n->cell.inputs + 1);
    return sizeof(*t) + (4 * t->nweights + room) * sizeof(float);
}
