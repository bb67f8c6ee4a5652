/* Early stopping.
 *
 *   values    |------------ learned ------------|-- kept back --|
 *   epoch     as many batches as one pass over the windows of the first part has
 *   error     after each epoch, mean |error| in units of change, of at most JUDGED windows, evenly
 *             spaced, whose outputs all lie in the part kept back; of the averaged weights, which
 *             forecast
 *   end       when it has not fallen for `patience` epochs; the weights with the least error are kept.
 *             Too few values to keep any back: all epochs are run, the last weights are kept
 *   begin     from weights of its own seed, so that a training does not depend on those before it
 */
#include "ml/lstm_fit.h"

#include "engine/error.h"
#include "engine/memory.h"

#include <math.h>
#include <string.h>

#define JUDGED        512
#define LEARNED_LEAST 64 /* windows, however large the part kept back would be */

struct lstm_fit {
    struct lstm_trainer trainer;
    struct value_ring all, learned;
    struct lstm_fit_options options;
    uint32_t epochs, best;
    float *kept; /* weights with the least error */
};

struct lstm_fit *lstm_fit_new(const struct lstm_trainer *t, const struct value_ring *s,
                              const struct lstm_fit_options *o, uint64_t seed)
{
    struct lstm_fit *f = mem_zalloc(sizeof(*f));
    f->options = *o;
    lstm_trainer_init(&f->trainer, &t->config, seed);
    uint32_t windows = lstm_trainer_windows(t, s), back = (uint32_t)(o->validation * s->n);
    uint32_t most = windows > LEARNED_LEAST ? windows - LEARNED_LEAST : 0;
    value_ring_head(&f->all, s, s->n);
    value_ring_head(&f->learned, s, s->n - (back < most ? back : most));
    f->kept = mem_array(f->trainer.nweights, sizeof(float));
    return f;
}

void lstm_fit_free(void *fit)
{
    struct lstm_fit *f = fit;
    lstm_trainer_done(&f->trainer);
    value_ring_done(&f->all);
    value_ring_done(&f->learned);
    mem_free(f->kept);
    mem_free(f);
}

/* Mean error over the part kept back; NaN where no window is in it. */
static double judge(struct lstm_fit *f)
{
    uint32_t from = f->learned.n - f->trainer.config.window;
    uint32_t windows = lstm_trainer_windows(&f->trainer, &f->all);
    double sum = 0;
    uint32_t n = windows > from ? windows - from : 0, judged = n < JUDGED ? n : JUDGED, known = 0;
    for (uint32_t i = 0; i < judged; i++) {
        uint32_t at = from + (uint32_t)((uint64_t)i * n / judged);
        double error = lstm_trainer_error(&f->trainer, &f->all, at);
        sum += isnan(error) ? 0 : error;
        known += isnan(error) ? 0 : 1;
    }
    return known > 0 ? sum / known : (double)NAN;
}

static bool run_epoch(struct lstm_fit *f, const struct cancel *c)
{
    struct lstm_trainer *t = &f->trainer;
    uint32_t size = t->config.batch_size, windows = lstm_trainer_windows(t, &f->learned);
    for (uint32_t done = 0; done < windows; done += size) {
        if (cancel_is_set(c)) {
            return false;
        }
        lstm_trainer_batch(t, &f->learned);
    }
    f->epochs++;
    return true;
}

int lstm_fit_run(void *fit, const struct cancel *c)
{
    struct lstm_fit *f = fit;
    struct lstm_trainer *t = &f->trainer;
    double least = HUGE_VAL;
    while (f->epochs < f->options.epochs && f->epochs - f->best < f->options.patience) {
        if (!run_epoch(f, c)) {
            return -ERR_ABORT;
        }
        double error = judge(f);
        if (isnan(error) || error < least) {
            least = isnan(error) ? least : error;
            f->best = f->epochs;
            memcpy(f->kept, t->average, t->nweights * sizeof(float));
        }
    }
    return 0;
}

uint32_t lstm_fit_epochs(const struct lstm_fit *f, uint32_t *best)
{
    *best = f->best;
    return f->epochs;
}

void lstm_fit_take(struct lstm_trainer *t, const struct lstm_fit *f)
{
    lstm_trainer_copy(t, &f->trainer);
    if (f->best > 0) {
        memcpy(t->weight, f->kept, t->nweights * sizeof(float));
        memcpy(t->average, f->kept, t->nweights * sizeof(float));
    }
}
