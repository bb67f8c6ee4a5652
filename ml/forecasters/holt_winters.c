/* holt_winters: level, trend and seasons by exponential smoothing (ml/smoother.h has formulas and
 * sources). With parameters given it computes what River 0.26's time_series.HoltWinters does; else
 * they are fitted on line.
 *
 *   form      `multiplicative: auto`: where parameters are fitted and there are seasons, both forms run
 *             beside each other, each with its own parameters; that with the lesser error of its last
 *             fit forecasts (both of as many parameters, over the same values), until then sums
 *   state     that of each form (ml/smoother.c), of two their errors: version 1
 *   cost      that of a form, of two twice as much
 */
#include "engine/memory.h"
#include "ml/smoother.h"

#include <math.h>

static const char *const inits[] = {"decompose", "river", NULL};

enum form { SUMS, FACTORS, EITHER };
static const char *const multiplicatives[] = {"false", "true", "auto", NULL};

struct options {
    struct smoother_options smoother;
    int multiplicative; /* enum form */
};

/* One of them may be missing. */
struct holt_winters {
    struct smoother *sums, *factors;
};

static const struct config_field fields[] = {
    {"alpha", CONFIG_DOUBLE, offsetof(struct options, smoother.alpha), .min = 0, .max = 1,
     .doc = "how fast the level follows; absent: all parameters are fitted on line"},
    {"beta", CONFIG_DOUBLE, offsetof(struct options, smoother.beta), .min = 0, .max = 1,
     .doc = "how fast the trend follows; absent where alpha is given: no trend"},
    {"gamma", CONFIG_DOUBLE, offsetof(struct options, smoother.gamma), .min = 0, .max = 1,
     .doc = "how fast seasons follow; absent where alpha is given: no seasons"},
    {"phi", CONFIG_DOUBLE, offsetof(struct options, smoother.phi), .min = 0, .max = 1,
     .doc = "what is left of the trend a step later; 1: not damped, and the default where alpha is "
            "given; else fitted"},
    {"multiplicative", CONFIG_ENUM, offsetof(struct options, multiplicative), .def = "auto",
     .values = multiplicatives,
     .doc = "seasons are factors, for positive series that swing more the higher they are; auto: "
            "where "
            "that fits past values better than sums do, and false where alpha is given"},
    {"init", CONFIG_ENUM, offsetof(struct options, smoother.init), .def = "decompose",
     .values = inits, .doc = "the first state: from means by phase, or as River has it"},
    {"window", CONFIG_LONG, offsetof(struct options, smoother.window), .def = "1000", .min = 50,
     .max = 100000, .doc = "steps over which parameters are fitted, at least"},
    {0},
};

static const struct learner_alias aliases[] = {
    {"smoothing_level", "alpha"},
    {"smoothing_trend", "beta"},
    {"smoothing_seasonal", "gamma"},
    {"damping_trend", "phi"},
    {"damped", "phi"},
    {"damped_trend", "phi"},
    {"seasonal", "multiplicative"},
    {"seasonality", "season (of the step)"},
    {"seasonal_periods", "season (of the step)"},
    {"initialization_method", "init"},
    {0},
};

static int holt_winters_check(const void *options, struct err *e)
{
    const struct options *o = options;
    if (isnan(o->smoother.alpha) && (!isnan(o->smoother.beta) || !isnan(o->smoother.gamma))) {
        return err_set(e, ERR_CONFIG,
                       "beta and gamma are given, alpha is not: give alpha too, or none of them");
    }
    if (isnan(o->smoother.alpha) && o->smoother.init == INIT_RIVER) {
        return err_set(e, ERR_CONFIG, "init: river needs alpha (and beta, gamma) to be given");
    }
    return 0;
}

static void holt_winters_layout(const void *options, struct buffer *words)
{
    static const char *const form[] = {"sums", "factors", "sums or factors"};
    const struct options *o = options;
    int is = o->multiplicative == EITHER && !isnan(o->smoother.alpha) ? SUMS : o->multiplicative;
    buffer_printf(words, "%s, %s, window %lld%s%s\n", form[is],
                  isnan(o->smoother.alpha) ? "fitted" : "given", (long long)o->smoother.window,
                  isnan(o->smoother.beta) ? "" : ", trend",
                  isnan(o->smoother.gamma) ? "" : ", seasons");
}

static void *holt_winters_open(const struct forecaster_setup *setup)
{
    struct holt_winters *m = mem_zalloc(sizeof(*m));
    const struct options *o = setup->options;
    int form = o->multiplicative;
    if (form == EITHER && (!isnan(o->smoother.alpha) || setup->nseasons == 0)) {
        form = SUMS;
    }
    m->sums = form == FACTORS ? NULL : smoother_new(setup, &o->smoother, false);
    m->factors = form == SUMS ? NULL : smoother_new(setup, &o->smoother, true);
    return m;
}

static void holt_winters_close(void *f)
{
    struct holt_winters *m = f;
    smoother_free(m->sums);
    smoother_free(m->factors);
    mem_free(m);
}

static void holt_winters_learn(void *f, double y)
{
    struct holt_winters *m = f;
    if (m->sums) {
        smoother_learn(m->sums, y);
    }
    if (m->factors) {
        smoother_learn(m->factors, y);
    }
}

static void holt_winters_predict(const void *f, double *out)
{
    const struct holt_winters *m = f;
    bool is_factor =
        !m->sums || (m->factors && smoother_error(m->factors) < smoother_error(m->sums));
    smoother_predict(is_factor ? m->factors : m->sums, out);
}

static int holt_winters_io(void *f, struct snapshot *s)
{
    struct holt_winters *m = f;
    struct smoother *form[] = {m->sums, m->factors};
    for (int i = 0; i < 2; i++) {
        if (form[i] && smoother_io(form[i], s) < 0) {
            return snapshot_status(s);
        }
        if (m->sums && m->factors) {
            smoother_error_io(form[i], s);
        }
    }
    return snapshot_status(s);
}

static uint64_t holt_winters_size(const void *f)
{
    const struct holt_winters *m = f;
    return sizeof(*m) + smoother_size(m->sums) + smoother_size(m->factors);
}

const struct forecaster_def forecaster_holt_winters = {
    .name = "holt_winters",
    .doc = "exponential smoothing of level, trend and seasons",
    .most_seasons = SEASONS_MAX,
    .options = fields,
    .options_size = sizeof(struct options),
    .aliases = aliases,
    .version = 1,
    .layout = holt_winters_layout,
    .check = holt_winters_check,
    .open = holt_winters_open,
    .predict = holt_winters_predict,
    .learn = holt_winters_learn,
    .io = holt_winters_io,
    .size = holt_winters_size,
    .close = holt_winters_close,
};
