/* Detector: scored, then learned; the score is learned by the calibration.
 *
 *   state      model; calibration; rows judged and found unusual: version 1
 */
#include "ml/detector.h"

#include "engine/memory.h"

#include <math.h>
#include <string.h>

const void *detector_options(const struct learner_def *def, const void *options,
                             const struct yaml *step, const struct yaml *given, int64_t warm_up,
                             struct arena *mem)
{
    const struct config_field *f = def->options;
    while (f->name && strcmp(f->name, "grace_period") != 0) {
        f++;
    }
    if (!f->name || !step || !yaml_get(step, "warm_up") ||
        (given && yaml_get(given, "grace_period"))) {
        return options;
    }
    char *own = arena_zalloc(mem, def->options_size);
    memcpy(own, options, def->options_size);
    int64_t grace;
    memcpy(&grace, own + f->offset, sizeof grace);
    int64_t rows = warm_up > 1 ? warm_up : 1;
    grace = grace < rows ? grace : rows;
    memcpy(own + f->offset, &grace, sizeof grace);
    return own;
}

struct detector *detector_new(const struct detector_config *config, uint64_t seed)
{
    struct detector *d = mem_zalloc(sizeof(*d));
    d->config = config;
    model_init(&d->model, &config->model, seed);
    /* Whatever the step is called: where the learner draws nothing, equal steps say the same. */
    calibration_init(&d->calibration, CALIBRATION_MEMORY, 0);
    return d;
}

void detector_free(struct detector *d)
{
    if (!d) {
        return;
    }
    model_done(&d->model);
    calibration_done(&d->calibration);
    mem_free(d);
}

uint64_t detector_size(const struct detector *d)
{
    return sizeof(*d) + model_size(&d->model) + calibration_size(&d->calibration);
}

static bool is_unusual(const struct detector *d, const struct detection *found)
{
    switch (d->config->threshold) {
    case QUANTILE:
        return found->raw > calibration_quantile(&d->calibration, d->config->bound);
    case VALUE:
        return found->raw >= d->config->bound;
    case FALSE_ALARMS:
        break;
    }
    return found->tail <= d->config->bound;
}

bool detector_judge(struct detector *d, const double *x, struct model_scratch *scratch,
                    struct detection *out)
{
    if (!model_predict(&d->model, x, scratch) || isnan(scratch->out[0])) {
        return false;
    }
    out->raw = scratch->out[0];
    out->tail = calibration_tail(&d->calibration, out->raw);
    out->is_judged = d->model.rows >= d->config->warm_up;
    out->is_found = out->is_judged && is_unusual(d, out);
    return true;
}

void detector_count(struct detector *d, const struct detection *scored)
{
    d->judged += scored->is_judged;
    d->found += scored->is_found;
}

void detector_learn(struct detector *d, const double *x, int64_t time,
                    const struct detection *scored, struct model_scratch *scratch)
{
    if (scored) {
        calibration_learn(&d->calibration, scored->raw);
        detector_count(d, scored);
    }
    model_learn(&d->model, x, 0, time, scratch);
}

void detector_hindsight(struct detector *d, double raw)
{
    calibration_learn(&d->calibration, raw);
}

int detector_io(struct detector *d, struct snapshot *s)
{
    snapshot_version(s, 1);
    if (model_io(&d->model, 0, s) < 0) {
        return snapshot_status(s);
    }
    snapshot_count(s, &d->judged);
    snapshot_count(s, &d->found);
    return calibration_io(&d->calibration, s);
}
