/* kswin: the newest values come from another distribution than those before, by the two-sample test
 * of Kolmogorov and Smirnov (Raab, Heusinger and Schleif, "Reactive soft prototype computing for
 * concept drift streams", 2020). Options and defaults are those of River 0.26's drift.KSWIN.
 *
 *   window    the last window_size values; the stat_size newest against stat_size drawn without
 *             replacement from the others, anew for each value
 *   distance  D = greatest difference of the two empirical distribution functions = h / stat_size
 *   alarm     P(D >= h / n) <= alpha and D > 0.1; the next value begins an empty window. With n = n
 *             values the probability is exact, over paths that stay within a band (Hodges 1957):
 *                 P = 2 sum over k >= 1 of (-1)^(k+1) C(2n, n - k h) / C(2n, n)
 *             so that the least h that is an alarm is found once, at the opening
 *
 *   ranks     the window is kept sorted, each value with its slot; D is then one walk over it: +1
 *             where the slot was drawn, -1 where it is among the newest, read at the end of each run
 *             of equal values
 *   state     values by age, random state: version 1. The draws differ from River's (another
 *             generator, and it is not seeded again after an alarm): alarms agree in distribution
 *   cost      stat_size random numbers and window_size steps a value
 *   constant  no alarm: D is 0. alpha is per value: 0.005 gives false alarms by the dozen in 10,000
 */
#include "engine/drift.h"
#include "engine/memory.h"
#include "engine/random.h"

#include <math.h>
#include <string.h>

struct options {
    double alpha;
    int64_t window_size, stat_size, seed;
};

struct kswin {
    const struct options *options;
    struct random random;
    uint32_t size, stat; /* of the window, of each sample */
    uint32_t least;      /* h that is an alarm */
    uint32_t n, next;    /* values, slot of the next one (a ring) */
    double *sorted;
    uint16_t *slot; /* per place in sorted */
    double *value;  /* per slot */
    int8_t *side;   /* per slot: +1 drawn, -1 among the newest, 0 neither */
    uint16_t *age;  /* to draw from */
};

static const struct config_field fields[] = {
    {"alpha", CONFIG_DOUBLE, offsetof(struct options, alpha), .def = "0.005", .min = 0, .max = 1,
     .doc = "probability, under no change, of what is an alarm; of each value, so keep it small"},
    {"window_size", CONFIG_LONG, offsetof(struct options, window_size), .def = "100", .min = 2,
     .max = 10000, .doc = "values kept"},
    {"stat_size", CONFIG_LONG, offsetof(struct options, stat_size), .def = "30", .min = 1,
     .max = 5000, .doc = "newest values, compared with as many of the others"},
    {"seed", CONFIG_LONG, offsetof(struct options, seed), .def = "0", .doc = "of the draws"},
    {0},
};

static int kswin_check(const void *options, struct err *e)
{
    const struct options *o = options;
    if (2 * o->stat_size > o->window_size) {
        return err_set(e, ERR_CONFIG, "stat_size is at most half of window_size");
    }
    return 0;
}

static void kswin_layout(const void *options, struct buffer *words)
{
    const struct options *o = options;
    buffer_printf(words, "window_size %lld\n", (long long)o->window_size);
}

/* ---- the test ---- */

static double log_choose(int n, int k)
{
    int sign;
    return lgamma_r(n + 1, &sign) - lgamma_r(k + 1, &sign) - lgamma_r(n - k + 1, &sign);
}

/* P(D >= h / n) of two samples of n values each from one distribution. */
static double probability(int n, int h)
{
    double p = 0, all = log_choose(2 * n, n);
    for (int k = 1; k * h <= n; k++) {
        double term = exp(log_choose(2 * n, n - k * h) - all);
        p += k % 2 ? term : -term;
    }
    return 2 * p;
}

/* The least h whose probability is at most alpha and that is over a tenth of n; n + 1: none. */
static uint32_t least_alarm(int n, double alpha)
{
    int low = n / 10 + 1, high = n + 1;
    while (low < high) {
        int middle = (low + high) / 2;
        if (probability(n, middle) <= alpha) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return (uint32_t)low;
}

/* ---- the window ---- */

static void begin(struct kswin *d)
{
    d->n = d->next = 0;
}

static void *kswin_open(const void *options, uint64_t seed)
{
    const struct options *o = options;
    struct kswin *d = mem_zalloc(sizeof(*d));
    d->options = o;
    d->size = (uint32_t)o->window_size;
    d->stat = (uint32_t)o->stat_size;
    d->least = least_alarm((int)o->stat_size, o->alpha);
    d->sorted = mem_array(d->size, sizeof(*d->sorted));
    d->value = mem_array(d->size, sizeof(*d->value));
    d->slot = mem_array(d->size, sizeof(*d->slot));
    d->side = mem_array(d->size, sizeof(*d->side));
    d->age = mem_array(d->size, sizeof(*d->age));
    random_seed(&d->random, seed + (uint64_t)o->seed, 1);
    return d;
}

/* Takes the oldest value's slot out of the sorted ones. */
static void leave(struct kswin *d, uint32_t slot)
{
    uint32_t at = 0;
    while (at + 1 < d->n && d->slot[at] != slot) {
        at++;
    }
    d->n--;
    memmove(d->sorted + at, d->sorted + at + 1, (d->n - at) * sizeof(*d->sorted));
    memmove(d->slot + at, d->slot + at + 1, (d->n - at) * sizeof(*d->slot));
}

static void enter(struct kswin *d, double x)
{
    if (d->n == d->size) {
        leave(d, d->next);
    }
    uint32_t at = 0;
    for (uint32_t end = d->n; at < end;) {
        uint32_t middle = (at + end) / 2;
        if (d->sorted[middle] <= x) {
            at = middle + 1;
        } else {
            end = middle;
        }
    }
    memmove(d->sorted + at + 1, d->sorted + at, (d->n - at) * sizeof(*d->sorted));
    memmove(d->slot + at + 1, d->slot + at, (d->n - at) * sizeof(*d->slot));
    d->sorted[at] = x;
    d->slot[at] = (uint16_t)d->next;
    d->value[d->next] = x;
    d->n++;
    d->next = d->next + 1 < d->size ? d->next + 1 : 0;
}

/* Of a full window: slot `next` is the oldest. */
static void draw(struct kswin *d)
{
    uint32_t old = d->size - d->stat, slot;
    memset(d->side, 0, d->size);
    for (uint32_t age = old; age < d->size; age++) {
        slot = d->next + age;
        d->side[slot < d->size ? slot : slot - d->size] = -1;
    }
    for (uint32_t i = 0; i < old; i++) {
        d->age[i] = (uint16_t)i;
    }
    for (uint32_t i = 0; i < d->stat; i++) {
        uint32_t other = i + random_below(&d->random, old - i);
        uint16_t age = d->age[other];
        d->age[other] = d->age[i];
        slot = d->next + age;
        d->side[slot < d->size ? slot : slot - d->size] = 1;
    }
}

/* h: the greatest difference of the two counts at the end of a run of equal values. */
static uint32_t distance(const struct kswin *d)
{
    int difference = 0, greatest = 0;
    for (uint32_t i = 0; i < d->n; i++) {
        difference += d->side[d->slot[i]];
        int size = difference < 0 ? -difference : difference;
        bool is_end = i + 1 == d->n || d->sorted[i] != d->sorted[i + 1];
        greatest = is_end && size > greatest ? size : greatest;
    }
    return (uint32_t)greatest;
}

static bool kswin_update(void *detector, double x)
{
    struct kswin *d = detector;
    enter(d, x);
    if (d->n < d->size) {
        return false;
    }
    draw(d);
    bool is_drift = distance(d) >= d->least;
    if (is_drift) {
        begin(d);
    }
    return is_drift;
}

/* ---- snapshot ---- */

/* Values from the oldest on. */
static void io_window(struct kswin *d, struct snapshot *s, uint32_t n)
{
    uint32_t oldest = n < d->size ? 0 : d->next;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t slot = oldest + i < d->size ? oldest + i : oldest + i - d->size;
        double x = d->value[slot];
        snapshot_double(s, &x);
        if (!isfinite(x)) {
            s->status = -ERR_DATA;
        }
        if (s->loading && s->status == 0) {
            enter(d, x);
        }
    }
}

static int kswin_io(void *detector, struct snapshot *s)
{
    struct kswin *d = detector;
    uint32_t n = d->n;
    int64_t state = (int64_t)d->random.state, inc = (int64_t)d->random.inc;
    snapshot_version(s, 1);
    snapshot_long(s, &state);
    snapshot_long(s, &inc);
    snapshot_u32(s, &n);
    if (snapshot_status(s) < 0 || n > d->size) {
        s->status = -ERR_DATA;
        return s->status;
    }
    if (s->loading) {
        begin(d);
    }
    io_window(d, s, n);
    d->random = (struct random){.state = (uint64_t)state, .inc = (uint64_t)inc | 1};
    return snapshot_status(s);
}

static uint64_t kswin_size(const void *detector)
{
    const struct kswin *d = detector;
    return sizeof(*d) +
           (uint64_t)d->size * (2 * sizeof(double) + 2 * sizeof(uint16_t) + sizeof(int8_t));
}

static void kswin_close(void *detector)
{
    struct kswin *d = detector;
    mem_free(d->sorted);
    mem_free(d->value);
    mem_free(d->slot);
    mem_free(d->side);
    mem_free(d->age);
    mem_free(d);
}

const struct drift_def drift_kswin = {
    .name = "kswin",
    .doc = "the newest values against a sample of those before, by the Kolmogorov-Smirnov test",
    .options = fields,
    .options_size = sizeof(struct options),
    .version = 1,
    .layout = kswin_layout,
    .check = kswin_check,
    .open = kswin_open,
    .update = kswin_update,
    .io = kswin_io,
    .size = kswin_size,
    .close = kswin_close,
};
