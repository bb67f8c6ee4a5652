/* naive: the next values are the last one. What every forecast has to beat.
 *
 *   forecast  y(t + h) = y(t), the last value that was not missing; none before the first
 *   state     that value, NaN while there is none: version 1
 *   cost      nothing
 */
#include "engine/forecaster.h"
#include "engine/memory.h"

#include <math.h>

struct naive {
    uint32_t nhorizons;
    double last;
};

static const struct config_field fields[] = {{0}};

static void *naive_open(const struct forecaster_setup *setup)
{
    struct naive *m = mem_zalloc(sizeof(*m));
    m->nhorizons = setup->nhorizons;
    m->last = NAN;
    return m;
}

static void naive_close(void *f)
{
    mem_free(f);
}

static void naive_predict(const void *f, double *out)
{
    const struct naive *m = f;
    for (uint32_t i = 0; i < m->nhorizons; i++) {
        out[i] = m->last;
    }
}

static void naive_learn(void *f, double y)
{
    struct naive *m = f;
    m->last = isnan(y) ? m->last : y;
}

static int naive_io(void *f, struct snapshot *s)
{
    struct naive *m = f;
    snapshot_version(s, 1);
    snapshot_double(s, &m->last);
    if (s->loading && isinf(m->last)) {
        s->status = -ERR_DATA;
    }
    return snapshot_status(s);
}

static uint64_t naive_size(const void *f)
{
    (void)f;
    return sizeof(struct naive);
}

const struct forecaster_def forecaster_naive = {
    .name = "naive",
    .doc = "the last value",
    .most_seasons = SEASONS_MAX,
    .options = fields,
    .version = 1,
    .open = naive_open,
    .predict = naive_predict,
    .learn = naive_learn,
    .io = naive_io,
    .size = naive_size,
    .close = naive_close,
};
