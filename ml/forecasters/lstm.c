/* lstm: windows of the last values through a recurrent network that gives all horizons at once.
 *
 *   network    ml/lstm_network.h: one LSTM layer (Hochreiter and Schmidhuber 1997), linear head
 *   inputs     ml/lstm_trainer.c: values, their differences to the last one, season by sine and
 *              cosine; `difference: false` and `season_features: false` leave the plain values
 *   loss       Huber's over all horizons, or squares with `delta: 0`; Adam, gradient clipped by norm
 *   training   beside the stream: each value pays for `epochs` windows, and with every `batch_size`
 *              that were paid for, one batch is drawn from the values held and learned. So each
 *              window is learned about `epochs` times while it is held, and no row stalls for longer
 *              than one batch
 *   missing    pays, too; the window repeats the value before (ml/lstm_trainer.c)
 *   forecast   none before the first batch, which comes when there are 64 windows
 *   constant   series are forecast as that constant
 *   state      windows paid for, the values held, the trainer: version 1. About 100 KB, and 8 bytes a
 *              value held
 *   cost       forward and backward, 12 hidden (inputs + hidden) multiplications per step of a window,
 *              in BLAS; a forecast is one window forward
 *   order      the same bits on the same machine; BLAS picks its kernels by the processor, so another
 *              one may differ in the last bits of its floats
 */
#include "engine/forecaster.h"
#include "engine/hash.h"
#include "engine/memory.h"
#include "ml/lstm_fit.h"

#define WINDOWS_FIRST 64
#define WINDOWS_FIT   256

struct options {
    int64_t hidden, window, history, batch_size, epochs;
    int64_t fit_every, fit_epochs, patience;
    double lr, clip_gradient, delta, recent, validation_split;
    bool difference, season_features, direct;
};

struct lstm {
    const struct options *options;
    struct value_ring series;
    struct lstm_trainer trainer;
    uint64_t seed;
    int64_t due; /* windows paid for */
    struct {
        int64_t since;      /* values since the last training was due */
        int64_t due, taken; /* numbers of trainings */
        bool owes;
    } fit;
};

static const struct config_field fields[] = {
    {"hidden", CONFIG_LONG, offsetof(struct options, hidden), .def = "32", .min = 4, .max = 256,
     .doc = "units of the layer, a multiple of 4"},
    {"window", CONFIG_LONG, offsetof(struct options, window), .def = "48", .min = 2, .max = 1000,
     .doc = "values that it looks back on"},
    {"history", CONFIG_LONG, offsetof(struct options, history), .def = "16384", .min = 100,
     .max = 1000000, .doc = "values held to learn from"},
    {"batch_size", CONFIG_LONG, offsetof(struct options, batch_size), .def = "64", .min = 8,
     .max = 1024, .doc = "windows of a step against the gradient"},
    {"epochs", CONFIG_LONG, offsetof(struct options, epochs), .def = "15", .min = 0, .max = 100,
     .doc = "how often a window is learned while it is held; 0 learns nothing"},
    {"lr", CONFIG_DOUBLE, offsetof(struct options, lr), .def = "0.002", .min = 0, .max = 1,
     .doc = "learning rate of Adam"},
    {"clip_gradient", CONFIG_DOUBLE, offsetof(struct options, clip_gradient), .def = "1", .min = 0,
     .max = 1e9, .doc = "bound on the norm of a batch's gradient; 0: none"},
    {"delta", CONFIG_DOUBLE, offsetof(struct options, delta), .def = "0.5", .min = 0, .max = 1e6,
     .doc = "errors beyond it, in mean changes over the longest horizon, count by their size, not "
            "their square; 0: all count by their square"},
    {"recent", CONFIG_DOUBLE, offsetof(struct options, recent), .def = "0.25", .min = 0, .max = 1,
     .doc = "share of each batch that is drawn from the newest 256 windows"},
    {"fit_every", CONFIG_LONG, offsetof(struct options, fit_every), .def = "0", .min = 0,
     .max = 1000000,
     .doc = "values between two trainings from all values held, beside the stream; 0: none"},
    {"fit_epochs", CONFIG_LONG, offsetof(struct options, fit_epochs), .def = "30", .min = 1,
     .max = 10000, .doc = "passes of such a training over all windows, at most"},
    {"patience", CONFIG_LONG, offsetof(struct options, patience), .def = "5", .min = 1,
     .max = 10000,
     .doc = "passes without a lesser error over the part kept back, after which it ends"},
    {"validation_split", CONFIG_DOUBLE, offsetof(struct options, validation_split), .def = "0.1",
     .min = 0, .max = 0.5, .doc = "share of the values, the newest, kept back to judge by"},
    {"difference", CONFIG_BOOLEAN, offsetof(struct options, difference), .def = "true",
     .doc = "learn changes against the last value of the window, not levels"},
    {"season_features", CONFIG_BOOLEAN, offsetof(struct options, season_features), .def = "true",
     .doc = "sine and cosine of each season as inputs, once three of its cycles were seen"},
    {"direct", CONFIG_BOOLEAN, offsetof(struct options, direct), .def = "true",
     .doc = "add an autoregression over the window to what the layer gives"},
    {0},
};

static const struct learner_alias aliases[] = {
    {"hidden_size", "hidden"},
    {"units", "hidden"},
    {"lookback", "window"},
    {"learning_rate", "lr"},
    {"gradient_clip", "clip_gradient"},
    {"batch", "batch_size"},
    {"n_iter_no_change", "patience"},
    {"validation_fraction", "validation_split"},
    {"max_epochs", "fit_epochs"},
    {0},
};

static void lstm_layout(const void *options, struct buffer *words)
{
    const struct options *o = options;
    buffer_printf(words, "hidden %d, window %d, history %d%s%s%s\n", (int)o->hidden, (int)o->window,
                  (int)o->history, o->difference ? ", difference" : "",
                  o->season_features ? ", season_features" : "", o->direct ? ", direct" : "");
}

static int lstm_check(const void *options, struct err *e)
{
    const struct options *o = options;
    if (o->hidden % 4 != 0) {
        return err_set(e, ERR_CONFIG, "hidden is %d: it must be a multiple of 4, such as %d",
                       (int)o->hidden, (int)(o->hidden + 3) / 4 * 4);
    }
    if (o->history < 2 * o->window) {
        return err_set(e, ERR_CONFIG, "history is %d: it must hold at least two windows of %d",
                       (int)o->history, (int)o->window);
    }
    return 0;
}

static struct lstm_config config_of(const struct forecaster_setup *setup)
{
    const struct options *o = setup->options;
    return (struct lstm_config){
        .hidden = (uint32_t)o->hidden,
        .window = (uint32_t)o->window,
        .batch_size = (uint32_t)o->batch_size,
        .lr = o->lr,
        .clip_gradient = o->clip_gradient,
        .delta = o->delta,
        .recent = o->recent,
        .is_difference = o->difference,
        .has_seasons = o->season_features,
        .is_direct = o->direct,
        .horizon = setup->horizon,
        .season = setup->season,
        .nhorizons = setup->nhorizons,
        .nseasons = setup->nseasons,
    };
}

static void *lstm_open(const struct forecaster_setup *setup)
{
    const struct options *o = setup->options;
    struct lstm *f = mem_zalloc(sizeof(*f));
    struct lstm_config config = config_of(setup);
    /* A horizon beyond the history needs a longer one. */
    uint64_t least = (uint64_t)config.window + setup->horizon[setup->nhorizons - 1] + WINDOWS_FIRST;
    uint64_t history = (uint64_t)o->history;
    f->options = o;
    f->seed = setup->seed;
    value_ring_init(&f->series, (uint32_t)(history > least ? history : least));
    lstm_trainer_init(&f->trainer, &config, setup->seed);
    return f;
}

static void lstm_close(void *p)
{
    struct lstm *f = p;
    value_ring_done(&f->series);
    lstm_trainer_done(&f->trainer);
    mem_free(f);
}

static void lstm_predict(const void *p, double *out)
{
    const struct lstm *f = p;
    lstm_trainer_predict(&f->trainer, &f->series, out);
}

static void lstm_learn(void *p, double y)
{
    struct lstm *f = p;
    const struct options *o = f->options;
    value_ring_add(&f->series, y);
    f->fit.since++;
    uint32_t windows = lstm_trainer_windows(&f->trainer, &f->series);
    if (o->fit_every > 0 && f->fit.since >= o->fit_every && windows >= WINDOWS_FIT) {
        f->fit.since = 0;
        f->fit.due++;
        f->fit.owes = true;
    }
    if (windows < WINDOWS_FIRST) {
        return;
    }
    for (f->due += o->epochs; f->due >= o->batch_size; f->due -= o->batch_size) {
        lstm_trainer_batch(&f->trainer, &f->series);
    }
}

/* ---- trainings beside the stream ---- */

struct fit {
    struct lstm_fit *fit;
    int64_t number;
};

static int64_t fit_owes(const void *p)
{
    const struct lstm *f = p;
    return f->fit.owes ? f->fit.due : 0;
}

static int64_t lstm_trained(const void *p)
{
    const struct lstm *f = p;
    return f->fit.taken;
}

static uint64_t fit_bytes(const void *p)
{
    const struct lstm *f = p;
    return 2 * f->series.n * sizeof(double) + lstm_trainer_size(&f->trainer);
}

static void *fit_make(const void *p)
{
    const struct lstm *f = p;
    const struct options *o = f->options;
    struct fit *fit = mem_zalloc(sizeof(*fit));
    struct lstm_fit_options how = {
        .epochs = (uint32_t)o->fit_epochs,
        .patience = (uint32_t)o->patience,
        .validation = o->validation_split,
    };
    fit->number = f->fit.due;
    fit->fit = lstm_fit_new(&f->trainer, &f->series, &how,
                            hash_stable(&fit->number, sizeof(fit->number), f->seed));
    return fit;
}

static int fit_run(void *data, const struct cancel *c)
{
    return lstm_fit_run(((struct fit *)data)->fit, c);
}

static void fit_free(void *data)
{
    struct fit *fit = data;
    lstm_fit_free(fit->fit);
    mem_free(fit);
}

static void fit_take(void *p, void *data)
{
    struct lstm *f = p;
    const struct fit *fit = data;
    if (fit->number > f->fit.due) {
        return; /* of a series that has begun anew since */
    }
    lstm_fit_take(&f->trainer, fit->fit);
    f->fit.taken = fit->number;
}

static void fit_ended(void *p, int64_t number)
{
    struct lstm *f = p;
    f->fit.owes = f->fit.due > number;
}

static const struct trainable training = {
    .owes = fit_owes,
    .bytes = fit_bytes,
    .make = fit_make,
    .run = fit_run,
    .free = fit_free,
    .take = fit_take,
    .ended = fit_ended,
};

static void fit_io(struct lstm *f, struct snapshot *s)
{
    uint32_t owes = f->fit.owes;
    snapshot_count(s, &f->fit.since);
    snapshot_count(s, &f->fit.due);
    snapshot_count(s, &f->fit.taken);
    snapshot_u32(s, &owes);
    f->fit.owes = owes == 1 && f->options->fit_every > 0;
    if (owes > 1 || f->fit.taken > f->fit.due) {
        f->fit.taken = f->fit.due;
        s->status = -ERR_DATA;
    }
}

static int lstm_io(void *p, struct snapshot *s)
{
    struct lstm *f = p;
    snapshot_version(s, 2);
    if (s->version >= 2) {
        fit_io(f, s);
    }
    snapshot_count(s, &f->due);
    if (f->due >= f->options->batch_size) {
        f->due = 0; /* saved with larger batches */
    }
    value_ring_io(&f->series, s);
    lstm_trainer_io(&f->trainer, s);
    return snapshot_status(s);
}

static uint64_t lstm_size(const void *p)
{
    const struct lstm *f = p;
    return sizeof(*f) + f->series.room * sizeof(double) + lstm_trainer_size(&f->trainer);
}

const struct forecaster_def forecaster_lstm = {
    .name = "lstm",
    .doc = "windows of the last values through a recurrent network",
    .most_seasons = SEASONS_MAX,
    .options = fields,
    .options_size = sizeof(struct options),
    .aliases = aliases,
    .version = 1,
    .layout = lstm_layout,
    .check = lstm_check,
    .open = lstm_open,
    .predict = lstm_predict,
    .learn = lstm_learn,
    .io = lstm_io,
    .size = lstm_size,
    .close = lstm_close,
    .training = &training,
    .trained = lstm_trained,
};
