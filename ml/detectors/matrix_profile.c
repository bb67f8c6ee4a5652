/* matrix_profile: how unlike all that came before the last rows are, over stretches of several
 * lengths. A left matrix profile (Yeh et al., "Matrix profile I", ICDM 2016; discords: Keogh, Lin
 * and Fu 2005; on line, looking back only: Lu et al., "DAMP", KDD 2022) of plain Euclidean
 * distances, so that level and spread count as well as shape. For time series: one feature, or a
 * few.
 *
 *   lengths  w = length * factor^k, k = 0 .. n_lengths-1 (2, 8 and 32 rows)
 *   s_w      = distance of the last w rows to the nearest w rows that ended w to `history` rows ago
 *   p_w      = tail probability of s_w among those so far (ml/calibration.h)
 *   score    = sum of -log10 p_w (Fisher 1932), of the oddest feature; 0 for the refractory - 1 rows behind
 *            one of at least `level`: what is odd for a while is one anomaly, found at its beginning
 *
 * Something odd is odd once: when it comes again, or stays, it has been seen. A new level, a rare
 * but known peak, or a noisy hour like an earlier one therefore raise no second alarm.
 *
 *   D        for each lag L the sum over the last w rows of (x[i] - x[i-L])^2, from row to row by the new
 *            term and the one that leaves; and anew from all its terms every REFRESH rows, so that
 *            rounding errors (after 1e150, everything) are gone as soon
 *   cost     6 operations a lag, length and feature, in vectors; a row predicted and then learned is
 *            worked out once
 *   constant distances are 0 and their tails 1: the score is 0. The first other value is odd
 *   state    rows, refractory rows left, the last values, calibrations: version 1; 8 bytes a row of
 *            history and feature. D follows from the values, bit for bit
 *   none     NaN until grace_period rows
 *   order    rows one by one: the same bits for any batch size
 */
#include "engine/learner.h"
#include "engine/memory.h"
#include "ml/calibration.h"
#include "ml/spread.h"

#include <math.h>
#include <string.h>

#define LENGTHS_MAX 8
#define LENGTH_MAX  4096
#define REFRESH     64
#define FIRST       20 /* rows, and 3 w, before the distances of a length are learned */

struct options {
    int64_t length, factor, n_lengths, history, refractory, grace_period;
    double level;
};

/* Of one feature. */
struct line {
    double *past; /* the last `room` values twice, newest first: see recent() */
    double *d[LENGTHS_MAX],
        *next[LENGTHS_MAX]; /* D by lag, 1 .. history; those with one row more */
    struct calibration calibration[LENGTHS_MAX];
    double distance[LENGTHS_MAX]; /* of the row last looked at */
};

struct profile {
    const struct options *options;
    uint32_t n, lengths, history, room;
    uint32_t w[LENGTHS_MAX];
    int64_t rows;
    int64_t quiet; /* refractory rows left */
    struct line *line;
    double *seen; /* the row last looked at; NaN: none */
    double score; /* of it */
};

static const struct config_field fields[] = {
    {"length", CONFIG_LONG, offsetof(struct options, length), .def = "2", .min = 1,
     .max = LENGTH_MAX, .doc = "rows of the shortest stretch"},
    {"factor", CONFIG_LONG, offsetof(struct options, factor), .def = "4", .min = 2, .max = 100,
     .doc = "each stretch is this many times as long as the one before"},
    {"n_lengths", CONFIG_LONG, offsetof(struct options, n_lengths), .def = "3", .min = 1,
     .max = LENGTHS_MAX, .doc = "number of lengths"},
    {"history", CONFIG_LONG, offsetof(struct options, history), .def = "4096", .min = 100,
     .max = 1000000, .doc = "rows that are remembered"},
    {"level", CONFIG_DOUBLE, offsetof(struct options, level), .def = "4.5", .min = 0, .max = 1000,
     .doc = "score from which on a row starts a refractory time"},
    {"refractory", CONFIG_LONG, offsetof(struct options, refractory), .def = "100", .min = 1,
     .max = 1e9, .doc = "rows within which a second score of that level is none"},
    {"grace_period", CONFIG_LONG, offsetof(struct options, grace_period), .def = "150", .min = 1,
     .max = 1e9, .doc = "rows to learn before the first score"},
    {0},
};

static const struct learner_alias aliases[] = {{"m", "length"},
                                               {"window", "length"},
                                               {"window_size", "length"},
                                               {"warm_up", "grace_period"},
                                               {0}};

/* Length k, or 0 when it is over LENGTH_MAX. */
static uint32_t length_of(const struct options *o, uint32_t k)
{
    int64_t w = o->length;
    while (k-- > 0 && w <= LENGTH_MAX) {
        w *= o->factor;
    }
    return w <= LENGTH_MAX ? (uint32_t)w : 0;
}

static int profile_check(const void *options, struct err *e)
{
    const struct options *o = options;
    uint32_t longest = length_of(o, (uint32_t)o->n_lengths - 1);
    if (longest == 0) {
        return err_set(e, ERR_CONFIG, "length * factor^(n_lengths - 1) is over %d: lower one",
                       LENGTH_MAX);
    }
    if (4 * (int64_t)longest > o->history) {
        return err_set(e, ERR_CONFIG, "history is less than 4 times the longest stretch (%u rows)",
                       longest);
    }
    return 0;
}

static void profile_layout(const void *options, struct buffer *words)
{
    const struct options *o = options;
    buffer_printf(words, "length %lld, factor %lld, n_lengths %lld, history %lld\n",
                  (long long)o->length, (long long)o->factor, (long long)o->n_lengths,
                  (long long)o->history);
}

static void line_init(struct profile *m, struct line *line, uint64_t seed)
{
    size_t lags = (size_t)m->history + 1;
    line->past = mem_zalloc((2 * (size_t)m->room + 2 * m->lengths * lags) * sizeof(double));
    for (uint32_t k = 0; k < m->lengths; k++) {
        line->d[k] = line->past + 2 * (size_t)m->room + 2 * k * lags;
        line->next[k] = line->d[k] + lags;
        calibration_init(&line->calibration[k], CALIBRATION_MEMORY, seed + k);
    }
}

static void *profile_open(const struct learner_setup *setup)
{
    const struct options *o = setup->options;
    if (profile_check(o, NULL) < 0) {
        return NULL;
    }
    struct profile *m = mem_zalloc(sizeof(*m));
    m->options = o;
    m->n = setup->ncolumns;
    m->lengths = (uint32_t)o->n_lengths;
    m->history = (uint32_t)o->history;
    for (uint32_t k = 0; k < m->lengths; k++) {
        m->w[k] = length_of(o, k);
    }
    m->room = m->history + m->w[m->lengths - 1] + REFRESH + 1;
    m->seen = mem_array((size_t)m->n + 1, sizeof(double));
    m->seen[0] = NAN;
    m->line = mem_zalloc(((size_t)m->n + 1) * sizeof(*m->line));
    for (uint32_t i = 0; i < m->n; i++) {
        line_init(m, &m->line[i], setup->seed + i * LENGTHS_MAX);
    }
    return m;
}

static void profile_close(void *l)
{
    struct profile *m = l;
    for (uint32_t i = 0; i < m->n; i++) {
        for (uint32_t k = 0; k < m->lengths; k++) {
            calibration_done(&m->line[i].calibration[k]);
        }
        mem_free(m->line[i].past);
    }
    mem_free(m->line);
    mem_free(m->seen);
    mem_free(m);
}

/* ---- distances by lag ------------------------------------------------------------------------ */

/* A pointer p such that p[back] is the value `back` rows before row i, 1 <= back < room. Row i
 * itself goes to p[0], and to p[room] or p[-room], whichever is within the array. */
static double *recent(const struct profile *m, const struct line *line, int64_t i)
{
    return line->past + (m->room - 1 - (uint32_t)(i % m->room));
}

static double square(double x)
{
    return x * x;
}

/* All w terms of a lag; p as of recent(), with the row itself in p[0]. */
static double sum_terms(const double *p, uint32_t lag, uint32_t w)
{
    double sum = 0;
    for (uint32_t back = w; back-- > 0;) {
        sum += square(p[back] - p[back + lag]);
    }
    return sum;
}

/* D of row i from those of row i - 1, for all lags. */
static void advance(const double *p, int64_t i, uint32_t history, uint32_t w,
                    const double *restrict d, double *restrict next)
{
    uint32_t most = i < history ? (uint32_t)i : history;
    uint32_t full = i - w < most ? (i >= w ? (uint32_t)(i - w) : 0) : most;
    double x = p[0], old = full > 0 ? p[w] : 0;
    const double *q = p + w;
    for (uint32_t lag = 1; lag <= full; lag++) {
        next[lag] = d[lag] + square(x - p[lag]) - square(old - q[lag]);
    }
    for (uint32_t lag = full + 1; lag <= most; lag++) {
        next[lag] = d[lag] + square(x - p[lag]);
    }
    uint32_t first = (uint32_t)(i % REFRESH);
    for (uint32_t lag = first > 0 ? first : REFRESH; lag <= full; lag += REFRESH) {
        next[lag] = sum_terms(p, lag, w);
    }
}

/* The same, of one lag, from the values alone: from its last refresh on, or from its first row. */
static double replay(const struct profile *m, const struct line *line, int64_t i, uint32_t lag,
                     uint32_t w)
{
    int64_t from = i - (i % REFRESH + REFRESH - lag % REFRESH) % REFRESH;
    double d = 0;
    if (from - w >= lag) {
        d = sum_terms(recent(m, line, from), lag, w);
        from++;
    } else {
        from = lag;
    }
    for (; from <= i; from++) {
        const double *p = recent(m, line, from);
        d += square(p[0] - p[lag]);
        d = from - w >= lag ? d - square(p[w] - p[w + lag]) : d;
    }
    return d;
}

/* The least of D over lags from..to; 0 when there are none. */
static double least(const double *d, uint32_t from, uint32_t to)
{
    double best[4] = {HUGE_VAL, HUGE_VAL, HUGE_VAL, HUGE_VAL};
    uint32_t lag = from;
    for (; lag + 3 <= to; lag += 4) {
        for (uint32_t k = 0; k < 4; k++) {
            best[k] = d[lag + k] < best[k] ? d[lag + k] : best[k];
        }
    }
    for (; lag <= to; lag++) {
        best[0] = d[lag] < best[0] ? d[lag] : best[0];
    }
    double low = fmin(fmin(best[0], best[1]), fmin(best[2], best[3]));
    return from <= to ? fmax(low, 0) : 0;
}

/* ---- scores ---------------------------------------------------------------------------------- */

/* The value of row m->rows takes its place; the one whose place it takes is out of reach. */
static void put(const struct profile *m, struct line *line, double x)
{
    uint32_t at = m->room - 1 - (uint32_t)(m->rows % m->room);
    line->past[at] = line->past[at + m->room] = x;
}

static double score_line(struct profile *m, struct line *line, double x)
{
    double score = 0;
    int64_t i = m->rows;
    put(m, line, spread_bounded(x));
    for (uint32_t k = 0; k < m->lengths; k++) {
        uint32_t w = m->w[k], most = i < m->history ? (uint32_t)i : m->history;
        int64_t last = i - w + 1; /* a lag whose w rows are all there */
        advance(recent(m, line, i), i, m->history, w, line->d[k], line->next[k]);
        uint32_t to = last < most ? (last > 0 ? (uint32_t)last : 0) : most;
        line->distance[k] = sqrt(least(line->next[k], w, to));
        score -= log10(calibration_tail(&line->calibration[k], line->distance[k]));
    }
    return score;
}

/* Works out a row, unless it was the last one. */
static void look_at(struct profile *m, const double *x)
{
    if (memcmp(m->seen, x, m->n * sizeof(double)) == 0) {
        return;
    }
    memcpy(m->seen, x, m->n * sizeof(double));
    m->score = 0;
    for (uint32_t i = 0; i < m->n; i++) {
        m->score = fmax(m->score, score_line(m, &m->line[i], x[i]));
    }
}

static void profile_predict(void *l, const double *x, uint32_t rows, double *out, uint32_t stride)
{
    struct profile *m = l;
    for (uint32_t r = 0; r < rows; r++, x += m->n) {
        if (m->rows < m->options->grace_period) {
            out[(size_t)r * stride] = NAN;
            continue;
        }
        look_at(m, x);
        out[(size_t)r * stride] = m->quiet > 0 ? 0 : m->score;
    }
}

static void learn_line(const struct profile *m, struct line *line)
{
    for (uint32_t k = 0; k < m->lengths; k++) {
        double *d = line->d[k];
        line->d[k] = line->next[k];
        line->next[k] = d;
        if (m->rows > 3 * (int64_t)m->w[k] + FIRST) {
            calibration_learn(&line->calibration[k], line->distance[k]);
        }
    }
}

static void profile_learn(void *l, const double *x, uint32_t rows, const double *y, const double *w)
{
    (void)y;
    (void)w;
    struct profile *m = l;
    for (uint32_t r = 0; r < rows; r++, x += m->n) {
        look_at(m, x);
        for (uint32_t i = 0; i < m->n; i++) {
            learn_line(m, &m->line[i]);
        }
        if (m->quiet > 0) {
            m->quiet--;
        } else if (m->rows >= m->options->grace_period && m->score >= m->options->level) {
            m->quiet = m->options->refractory - 1;
        }
        m->rows++;
        m->seen[0] = NAN;
    }
}

/* ---- snapshot -------------------------------------------------------------------------------- */

static int line_io(struct profile *m, struct line *line, struct snapshot *s)
{
    int64_t rows = m->rows, kept = m->room - 1, first = rows > kept ? rows - kept : 0;
    for (int64_t i = first; i < rows && s->status == 0; i++) {
        double x = recent(m, line, i)[0];
        snapshot_double(s, &x);
        if (s->loading) {
            if (!(fabs(x) <= SPREAD_VALUE_MAX)) {
                s->status = -ERR_DATA;
                return s->status;
            }
            m->rows = i;
            put(m, line, x);
        }
    }
    m->rows = rows;
    for (uint32_t k = 0; k < m->lengths && s->status == 0; k++) {
        calibration_io(&line->calibration[k], s);
        uint32_t most = rows - 1 < m->history ? (uint32_t)(rows > 0 ? rows - 1 : 0) : m->history;
        for (uint32_t lag = 1; s->loading && s->status == 0 && lag <= most; lag++) {
            line->d[k][lag] = replay(m, line, rows - 1, lag, m->w[k]);
        }
    }
    return s->status;
}

static int profile_io(void *l, struct snapshot *s)
{
    struct profile *m = l;
    uint32_t shape[3] = {m->history, m->lengths, m->w[m->lengths - 1]};
    snapshot_version(s, 1);
    for (int i = 0; i < 3; i++) {
        snapshot_u32(s, &shape[i]);
    }
    if (shape[0] != m->history || shape[1] != m->lengths || shape[2] != m->w[m->lengths - 1]) {
        s->status = -ERR_DATA;
        return s->status;
    }
    snapshot_count(s, &m->rows);
    snapshot_count(s, &m->quiet);
    m->quiet = m->quiet < m->options->refractory ? m->quiet : m->options->refractory - 1;
    for (uint32_t i = 0; i < m->n && s->status == 0; i++) {
        line_io(m, &m->line[i], s);
    }
    m->seen[0] = NAN;
    return snapshot_status(s);
}

static uint64_t profile_size(const void *l)
{
    const struct profile *m = l;
    uint64_t doubles = 2 * (uint64_t)m->room + 2 * m->lengths * ((uint64_t)m->history + 1);
    uint64_t bytes = sizeof(*m) + m->n * (sizeof(struct line) + doubles * sizeof(double));
    for (uint32_t i = 0; i < m->n; i++) {
        for (uint32_t k = 0; k < m->lengths; k++) {
            bytes += calibration_size(&m->line[i].calibration[k]);
        }
    }
    return bytes;
}

const struct learner_def learner_matrix_profile = {
    .name = "matrix_profile",
    .doc = "distance of the last rows to the nearest rows before them, over several lengths",
    .tasks = LEARN_SCORES,
    .options = fields,
    .options_size = sizeof(struct options),
    .aliases = aliases,
    .version = 1,
    .layout = profile_layout,
    .check = profile_check,
    .open = profile_open,
    .predict = profile_predict,
    .learn = profile_learn,
    .io = profile_io,
    .size = profile_size,
    .close = profile_close,
};
