/* Forecast series: the step of a row is the whole number of `every` nearest to its distance from
 * the first row, so that rows that come about regularly are one a step, whatever their phase.
 *
 *       every            first row = step 0, here with one row missing and one too many
 *     |-------|
 *     0       1       2       3
 *     *     *                 *  *
 *     a     b       (NaN)     c  d      learned: a b NaN c, then d in place of c
 *
 *   first     a value is learned with its row, not when its step is over: forecasts know it
 *   again     another row of the same step counts in its place: what had been learned before it is
 *             kept as a snapshot, which is loaded. Only series that have had two rows in a step pay for
 *             that: of their first such step the first row counts
 *   missing   steps without a row, and rows without a value, are learned as missing. A row without a
 *             value does not replace one
 *   late      a row of a step before the last is not learned
 *   gap       behind more than FORECAST_GAP_MAX steps without a row everything starts anew
 *   state     the grid, the snapshot before the last step, the model: version 1
 */
#include "ml/forecast_series.h"

#include "engine/memory.h"

#include <math.h>

#define SNAPSHOT_MAX (1U << 30)

struct forecast_series {
    const struct forecast_grid *grid;
    uint64_t seed;
    struct forecast_model *model;
    int64_t first, step; /* time of the first row; number of the last step learned */
    bool is_begun, has_doubles;
    char *before; /* the model before it; NULL: not kept */
    uint32_t nbefore;
};

struct forecast_series *forecast_series_new(const struct forecast_grid *grid, uint64_t seed)
{
    struct forecast_series *s = mem_zalloc(sizeof(*s));
    s->grid = grid;
    s->seed = seed;
    s->model = forecast_model_new(&grid->config, seed);
    return s;
}

void forecast_series_free(struct forecast_series *s)
{
    forecast_model_free(s->model);
    mem_free(s->before);
    mem_free(s);
}

uint64_t forecast_series_size(const struct forecast_series *s)
{
    return sizeof(*s) + s->nbefore + forecast_model_size(s->model);
}

const struct forecast_model *forecast_series_model(const struct forecast_series *s)
{
    return s->model;
}

/* ---- taking back ---- */

static void keep(struct forecast_series *s, struct forecast_model *m)
{
    struct buffer saved;
    buffer_init(&saved);
    struct snapshot out = snapshot_saver(&saved);
    forecast_model_io(m, &out);
    s->before = mem_resize(s->before, saved.n + 1, 1);
    s->nbefore = (uint32_t)saved.n;
    for (size_t i = 0; i < saved.n; i++) {
        s->before[i] = saved.data[i];
    }
    buffer_done(&saved);
}

static void renew(struct forecast_series *s)
{
    forecast_model_free(s->model);
    s->model = forecast_model_new(&s->grid->config, s->seed);
}

/* What was kept; NULL: it is damaged. */
static struct forecast_model *kept(const struct forecast_series *s)
{
    struct snapshot in = snapshot_loader(s->before, s->nbefore);
    struct forecast_model *m = forecast_model_new(&s->grid->config, s->seed);
    if (forecast_model_io(m, &in) < 0 || in.p != in.end) {
        forecast_model_free(m);
        return NULL;
    }
    return m;
}

/* False when the bytes are damaged: the model stays. */
static bool take_back(struct forecast_series *s)
{
    struct forecast_model *m = kept(s);
    if (!m) {
        return false;
    }
    forecast_model_free(s->model);
    s->model = m;
    return true;
}

/* ---- trainings ---- */

/* The data of one, and whose functions they are for: the series may be gone when they are freed. */
struct series_training {
    const struct trainable *def;
    void *data;
};

static const struct trainable *training_of(const struct forecast_series *s)
{
    return s->grid->config.def[RULE_FORECAST]->training;
}

static int64_t owes(const void *object)
{
    const struct forecast_series *s = object;
    const void *f = forecast_model_trains(s->model);
    return f ? training_of(s)->owes(f) : 0;
}

static uint64_t bytes(const void *object)
{
    const struct forecast_series *s = object;
    return training_of(s)->bytes(forecast_model_trains(s->model));
}

static void *make(const void *object)
{
    const struct forecast_series *s = object;
    struct series_training *t = mem_zalloc(sizeof(*t));
    t->def = training_of(s);
    t->data = t->def->make(forecast_model_trains(s->model));
    return t;
}

static int run(void *data, const struct cancel *c)
{
    struct series_training *t = data;
    return t->def->run(t->data, c);
}

static void free_training(void *data)
{
    struct series_training *t = data;
    t->def->free(t->data);
    mem_free(t);
}

/* What the last step would be taken back to gets it, too. */
static void take(void *object, void *data)
{
    struct forecast_series *s = object;
    struct series_training *t = data;
    t->def->take(forecast_model_trains(s->model), t->data);
    struct forecast_model *before = s->before ? kept(s) : NULL;
    if (before) {
        void *f = forecast_model_trains(before);
        t->def->take(f, t->data);
        t->def->ended(f, s->grid->config.def[RULE_FORECAST]->trained(f));
        keep(s, before);
        forecast_model_free(before);
    }
}

static void ended(void *object, int64_t number)
{
    struct forecast_series *s = object;
    training_of(s)->ended(forecast_model_trains(s->model), number);
}

const struct trainable forecast_trainable = {
    .owes = owes,
    .bytes = bytes,
    .make = make,
    .run = run,
    .free = free_training,
    .take = take,
    .ended = ended,
};

/* ---- rows ---- */

static void learn(struct forecast_series *s, double y)
{
    if (s->has_doubles) {
        keep(s, s->model);
    }
    forecast_model_learn(s->model, y);
}

static enum forecast_take take_again(struct forecast_series *s, double y)
{
    if (isnan(y)) {
        return TAKE_FIRST;
    }
    if (!s->has_doubles || !s->before || !take_back(s)) {
        s->has_doubles = true;
        return TAKE_FIRST;
    }
    forecast_model_learn(s->model, y);
    return TAKE_AGAIN;
}

/* The step of a time; times of a topology are far within 64 bits, those of strangers may not be. */
static int64_t step_of(const struct forecast_series *s, int64_t time)
{
    int64_t every = s->grid->every, by;
    if (__builtin_sub_overflow(time, s->first, &by) || __builtin_add_overflow(by, every / 2, &by)) {
        return time < s->first ? INT64_MIN : INT64_MAX;
    }
    return by / every - (by % every < 0);
}

enum forecast_take forecast_series_take(struct forecast_series *s, int64_t time, double y)
{
    enum forecast_take take = TAKE_STEP;
    if (s->grid->every == 0) {
        forecast_model_learn(s->model, y);
        return TAKE_STEP;
    }
    int64_t step = s->is_begun ? step_of(s, time) : 0;
    if (s->is_begun && step <= s->step) {
        return step < s->step ? TAKE_LATE : take_again(s, y);
    }
    if (s->is_begun && step - s->step - 1 > FORECAST_GAP_MAX) {
        renew(s);
        s->is_begun = false;
        take = TAKE_ANEW;
    }
    if (!s->is_begun) {
        s->is_begun = true;
        s->first = time;
        s->step = step = 0;
    } else {
        for (s->step++; s->step < step; s->step++) {
            forecast_model_learn(s->model, NAN);
        }
    }
    learn(s, y);
    return take;
}

int forecast_series_io(struct forecast_series *s, struct snapshot *snapshot)
{
    uint32_t flags = s->is_begun + 2U * s->has_doubles + 4U * (s->before != NULL);
    snapshot_version(snapshot, 1);
    snapshot_u32(snapshot, &flags);
    snapshot_long(snapshot, &s->first);
    snapshot_count(snapshot, &s->step);
    if (flags > 7) {
        snapshot->status = -ERR_DATA;
        return snapshot->status;
    }
    s->is_begun = flags & 1;
    s->has_doubles = flags & 2;
    if (flags & 4) {
        snapshot_bytes(snapshot, &s->before, &s->nbefore, SNAPSHOT_MAX);
    }
    return snapshot->status < 0 ? snapshot->status : forecast_model_io(s->model, snapshot);
}
