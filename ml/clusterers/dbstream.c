/* dbstream: small clusters that follow dense places, joined where rows lie between them, so that
 * clusters may have any shape and number (Hahsler and Bolanos, "Clustering data streams based on
 * shared density between micro-clusters", IEEE TKDE 2016). Options and defaults are those of River
 * 0.26's cluster.DBSTREAM.
 *
 *   leader    centre, weight W and the row of its last change. Weights fade by 2^(-fading_factor) a row
 *   learn     every leader nearer to the row than clustering_threshold r gets 1 more (after fading) and
 *             moves towards it by exp(-d^2 / (2 (r/3)^2)) of the distance d; two that would come nearer to
 *             each other than r stay where they were. Without such a leader the row is a new one
 *   shared    each pair of leaders that take the same row has a weight S of its own, which fades alike
 *   cleanup   every cleanup_interval rows leaders whose faded W is below 2^(-fading_factor *
 *             cleanup_interval) go, and pairs whose faded S is below intersection_factor times that
 *   clusters  leaders with W of at least minimum_weight are strong; two with W above it are joined when
 *             S / ((W1 + W2) / 2) > intersection_factor. A cluster is all that are joined, directly or
 *             through others. (River follows pairs from the older to the younger leader only, and so may
 *             part what is joined)
 *   predict   the cluster of the nearest strong leader, as in the paper. (River: that of the nearest
 *             weighted centre, which suits round clusters only)
 *   numbers   a leader remembers its cluster's number: of two clusters that come together the heavier
 *             one's stays, of two that part the heavier one keeps it, a new one gets the least that is
 *             free (ml/numbering.c)
 *
 *   memory    at most max_micro_clusters leaders (River: any number): beyond, the one with the least
 *             faded weight gives way. Pairs are kept with both leaders
 *   state     time, leaders with numbers, pairs: version 1
 *   cost      a distance for each leader a row; clusters are found anew only when a leader became strong
 *             or weak or a pair joined or parted
 *   constant  rows are one leader. Rows of weight 0 are left out; one of weight w counts w
 */
#include "engine/learner.h"
#include "engine/memory.h"
#include "ml/lloyd.h"
#include "ml/numbering.h"

#include <math.h>
#include <string.h>

struct options {
    double clustering_threshold, fading_factor, intersection_factor, minimum_weight;
    int64_t cleanup_interval, max_micro_clusters;
};

struct pair {
    double weight;
    int64_t last;
    int64_t until; /* not too weak before */
    uint32_t other;
    bool is_joined;
};

struct leader {
    double weight;
    int64_t last;
    int64_t until; /* not too weak before */
    uint32_t number;
    uint32_t npairs, room;
    struct pair *pair;
};

struct dbstream {
    const struct options *options;
    uint32_t n, most, used, cap; /* features; leaders: at most, now, room for */
    int64_t time;
    bool is_changed; /* the clusters are to be found anew */
    double *centre;
    struct leader *leader;
    /* Scratch, cap of each. */
    uint32_t *near, *root, *number_of;
    double *before; /* centres of those in near */
    struct claim *claim;
    struct numbering numbering;
};

static const struct config_field fields[] = {
    {"clustering_threshold", CONFIG_DOUBLE, offsetof(struct options, clustering_threshold),
     .def = "1", .min = 1e-150, .max = 1e150, .doc = "radius of a small cluster"},
    {"fading_factor", CONFIG_DOUBLE, offsetof(struct options, fading_factor), .def = "0.01",
     .min = 1e-12, .max = 100, .doc = "a row counts half after 1 / fading_factor rows"},
    {"cleanup_interval", CONFIG_LONG, offsetof(struct options, cleanup_interval), .def = "2",
     .min = 1, .max = 1e9, .doc = "rows between two removals of what has become weak"},
    {"intersection_factor", CONFIG_DOUBLE, offsetof(struct options, intersection_factor),
     .def = "0.3", .min = 0, .max = 1,
     .doc = "share of rows in common above which two small clusters are one"},
    {"minimum_weight", CONFIG_DOUBLE, offsetof(struct options, minimum_weight), .def = "1",
     .min = 0, .max = 1e12, .doc = "rows that make a small cluster more than noise"},
    {"max_micro_clusters", CONFIG_LONG, offsetof(struct options, max_micro_clusters), .def = "1000",
     .min = 1, .max = 100000, .doc = "small clusters at most"},
    {0},
};

static const struct learner_alias aliases[] = {
    {"eps", "clustering_threshold"},
    {"r", "clustering_threshold"},
    {"lambda", "fading_factor"},
    {"gaptime", "cleanup_interval"},
    {"alpha", "intersection_factor"},
    {"Cm", "minimum_weight"},
    {0},
};

static void *dbstream_open(const struct learner_setup *setup)
{
    struct dbstream *m = mem_zalloc(sizeof(*m));
    m->options = setup->options;
    m->n = setup->ncolumns;
    m->most = (uint32_t)m->options->max_micro_clusters;
    return m;
}

static void dbstream_close(void *l)
{
    struct dbstream *m = l;
    for (uint32_t i = 0; i < m->cap; i++) {
        mem_free(m->leader[i].pair);
    }
    mem_free(m->leader);
    mem_free(m->centre);
    mem_free(m->before);
    mem_free(m->near);
    mem_free(m->claim);
    numbering_done(&m->numbering);
    mem_free(m);
}

static double *centre_of(const struct dbstream *m, uint32_t i)
{
    return m->centre + (size_t)i * m->n;
}

/* Room for this many leaders. */
static void reserve(struct dbstream *m, uint32_t n)
{
    if (n <= m->cap) {
        return;
    }
    uint32_t cap = m->cap * 2 < 16 ? 16 : m->cap * 2;
    cap = cap < n ? n : cap;
    cap = cap > m->most ? m->most : cap;
    m->centre = mem_resize(m->centre, (size_t)cap * m->n, sizeof(double));
    m->before = mem_resize(m->before, (size_t)cap * m->n, sizeof(double));
    m->leader = mem_resize(m->leader, cap, sizeof(*m->leader));
    memset(m->leader + m->cap, 0, (cap - m->cap) * sizeof(*m->leader));
    m->near = mem_resize(m->near, (size_t)cap * 3, sizeof(uint32_t));
    m->root = m->near + cap;
    m->number_of = m->root + cap;
    m->claim = mem_resize(m->claim, cap, sizeof(*m->claim));
    m->cap = cap;
}

static double faded(const struct dbstream *m, double weight, int64_t last)
{
    return weight * exp2(-m->options->fading_factor * (double)(m->time - last));
}

static bool is_strong(const struct dbstream *m, uint32_t i)
{
    return m->leader[i].weight >= m->options->minimum_weight;
}

/* ---- pairs: each is kept by both of its leaders, in the order of the other's number ---- */

/* Where it is, or belongs. */
static uint32_t place_of(const struct leader *l, uint32_t other)
{
    uint32_t at = 0;
    while (at < l->npairs && l->pair[at].other < other) {
        at++;
    }
    return at;
}

static struct pair *find_pair(struct leader *l, uint32_t other)
{
    uint32_t at = place_of(l, other);
    return at < l->npairs && l->pair[at].other == other ? &l->pair[at] : NULL;
}

static struct pair *add_pair(struct leader *l, uint32_t other)
{
    uint32_t at = place_of(l, other);
    if (l->npairs == l->room) {
        l->room = l->room < 4 ? 4 : l->room * 2;
        l->pair = mem_resize(l->pair, l->room, sizeof(*l->pair));
    }
    memmove(l->pair + at + 1, l->pair + at, (l->npairs++ - at) * sizeof(*l->pair));
    l->pair[at] = (struct pair){.other = other};
    return &l->pair[at];
}

static void drop_pair(struct leader *l, uint32_t other)
{
    uint32_t at = place_of(l, other);
    if (at < l->npairs && l->pair[at].other == other) {
        memmove(l->pair + at, l->pair + at + 1, (--l->npairs - at) * sizeof(*l->pair));
    }
}

static bool joins(const struct dbstream *m, uint32_t i, const struct pair *p)
{
    double a = m->leader[i].weight, b = m->leader[p->other].weight;
    const struct options *o = m->options;
    return a > o->minimum_weight && b > o->minimum_weight &&
           p->weight / ((a + b) / 2) > o->intersection_factor;
}

/* The leader's weight or one of its pairs' is another one. */
static void review_pairs(struct dbstream *m, uint32_t i)
{
    struct leader *l = &m->leader[i];
    for (uint32_t k = 0; k < l->npairs; k++) {
        struct pair *p = &l->pair[k];
        bool is_joined = joins(m, i, p);
        if (is_joined != p->is_joined) {
            struct pair *same = find_pair(&m->leader[p->other], i);
            p->is_joined = is_joined;
            m->is_changed = true;
            if (same) {
                same->is_joined = is_joined;
            }
        }
    }
}

/* Both have taken a row. */
static void share(struct dbstream *m, uint32_t i, uint32_t j, double w)
{
    struct pair *a = find_pair(&m->leader[i], j), *b = find_pair(&m->leader[j], i);
    a = a ? a : add_pair(&m->leader[i], j);
    b = b ? b : add_pair(&m->leader[j], i);
    a->weight = faded(m, a->weight, a->last) + w;
    a->last = m->time;
    b->weight = a->weight;
    b->last = a->last;
}

/* ---- leaders ---- */

static void forget(struct dbstream *m, uint32_t i)
{
    struct leader *l = &m->leader[i];
    m->is_changed = m->is_changed || is_strong(m, i);
    for (uint32_t k = 0; k < l->npairs; k++) {
        drop_pair(&m->leader[l->pair[k].other], i);
    }
    l->npairs = 0;
}

static uint32_t weakest(const struct dbstream *m)
{
    uint32_t found = 0;
    double least = INFINITY;
    for (uint32_t i = 0; i < m->used; i++) {
        double weight = faded(m, m->leader[i].weight, m->leader[i].last);
        if (weight < least) {
            least = weight;
            found = i;
        }
    }
    return found;
}

static void begin(struct dbstream *m, const double *x, double w)
{
    uint32_t i = m->used;
    if (i == m->most) {
        i = weakest(m);
        forget(m, i);
    } else {
        reserve(m, ++m->used);
    }
    struct leader *l = &m->leader[i];
    struct pair *pair = l->pair;
    uint32_t room = l->room;
    *l = (struct leader){
        .weight = w, .last = m->time, .number = NUMBER_NONE, .pair = pair, .room = room};
    memcpy(centre_of(m, i), x, m->n * sizeof(double));
    m->is_changed = m->is_changed || is_strong(m, i);
}

/* Those that take the row, into m->near. */
static uint32_t find_near(struct dbstream *m, const double *x)
{
    double r2 = m->options->clustering_threshold * m->options->clustering_threshold;
    uint32_t n = 0;
    for (uint32_t i = 0; i < m->used; i++) {
        m->near[n] = i;
        n += lloyd_distance2(centre_of(m, i), x, m->n) < r2;
    }
    return n;
}

static void take(struct dbstream *m, uint32_t i, const double *x, double w)
{
    struct leader *l = &m->leader[i];
    double *centre = centre_of(m, i), sigma = m->options->clustering_threshold / 3;
    bool was_strong = is_strong(m, i);
    l->weight = faded(m, l->weight, l->last) + w;
    l->last = m->time;
    m->is_changed = m->is_changed || was_strong != is_strong(m, i);
    double h = exp(-lloyd_distance2(centre, x, m->n) / (2 * (sigma * sigma)));
    for (uint32_t f = 0; f < m->n; f++) {
        centre[f] += h * (x[f] - centre[f]);
    }
}

/* Of the n that have moved, pairs that came too near to each other go back. */
static void keep_apart(struct dbstream *m, uint32_t n)
{
    double r2 = m->options->clustering_threshold * m->options->clustering_threshold;
    size_t bytes = m->n * sizeof(double);
    for (uint32_t a = 0; a < n; a++) {
        for (uint32_t b = a + 1; b < n; b++) {
            double *one = centre_of(m, m->near[a]), *two = centre_of(m, m->near[b]);
            if (lloyd_distance2(one, two, m->n) < r2) {
                memcpy(one, m->before + (size_t)a * m->n, bytes);
                memcpy(two, m->before + (size_t)b * m->n, bytes);
            }
        }
    }
}

/* ---- cleanup ---- */

/* The last row at which a weight is at least `least`, or somewhat before. */
static int64_t strong_until(const struct dbstream *m, double weight, int64_t last, double least)
{
    double rows = log2(weight / least) / m->options->fading_factor - 1;
    if (!(rows > 0)) {
        return last;
    }
    return rows > 1e15 ? last + (int64_t)1e15 : last + (int64_t)rows;
}

static void clean_pairs(struct dbstream *m, uint32_t i, double least)
{
    struct leader *l = &m->leader[i];
    for (uint32_t k = 0; k < l->npairs;) {
        struct pair *p = &l->pair[k];
        if (m->time <= p->until || p->other < i) {
            k++;
        } else if (faded(m, p->weight, p->last) < least) {
            m->is_changed = m->is_changed || p->is_joined;
            drop_pair(&m->leader[p->other], i);
            drop_pair(l, p->other);
        } else {
            p->until = strong_until(m, p->weight, p->last, least);
            k++;
        }
    }
}

/* Leaders close up in their order; those that go leave their memory behind. */
static void close_up(struct dbstream *m, const uint32_t *place, uint32_t kept)
{
    for (uint32_t i = 0; i < m->used; i++) {
        struct leader *l = &m->leader[i];
        if (place[i] == NUMBER_NONE || place[i] == i) {
            continue;
        }
        struct leader gone = m->leader[place[i]];
        m->leader[place[i]] = *l;
        *l = gone;
        memcpy(centre_of(m, place[i]), centre_of(m, i), m->n * sizeof(double));
    }
    m->used = kept;
    for (uint32_t i = 0; i < kept; i++) {
        for (uint32_t k = 0; k < m->leader[i].npairs; k++) {
            m->leader[i].pair[k].other = place[m->leader[i].pair[k].other];
        }
    }
}

static void clean_up(struct dbstream *m)
{
    const struct options *o = m->options;
    double least = exp2(-o->fading_factor * (double)o->cleanup_interval);
    uint32_t *place = m->root, kept = 0;
    for (uint32_t i = 0; i < m->used; i++) {
        struct leader *l = &m->leader[i];
        place[i] = kept;
        if (m->time > l->until && faded(m, l->weight, l->last) < least) {
            forget(m, i);
            place[i] = NUMBER_NONE;
            continue;
        }
        if (m->time > l->until) {
            l->until = strong_until(m, l->weight, l->last, least);
        }
        kept++;
    }
    if (kept < m->used) {
        close_up(m, place, kept);
    }
    for (uint32_t i = 0; i < m->used; i++) {
        clean_pairs(m, i, o->intersection_factor * least);
    }
}

/* ---- clusters ---- */

static uint32_t root_of(uint32_t *root, uint32_t i)
{
    while (root[i] != i) {
        root[i] = root[root[i]];
        i = root[i];
    }
    return i;
}

/* root[i] of each leader: the first of its cluster. */
static void join(struct dbstream *m)
{
    for (uint32_t i = 0; i < m->used; i++) {
        m->root[i] = i;
    }
    for (uint32_t i = 0; i < m->used; i++) {
        const struct leader *l = &m->leader[i];
        for (uint32_t k = 0; k < l->npairs; k++) {
            if (l->pair[k].is_joined && l->pair[k].other < i) {
                uint32_t a = root_of(m->root, i), b = root_of(m->root, l->pair[k].other);
                m->root[a > b ? a : b] = a < b ? a : b;
            }
        }
    }
    for (uint32_t i = 0; i < m->used; i++) {
        m->root[i] = root_of(m->root, i);
    }
}

static void find_clusters(struct dbstream *m)
{
    uint32_t n = 0;
    join(m);
    for (uint32_t i = 0; i < m->used; i++) {
        if (is_strong(m, i)) {
            const struct leader *l = &m->leader[i];
            m->claim[n++] = (struct claim){l->weight, m->root[i], l->number};
        }
    }
    numbering_assign(&m->numbering, m->claim, n, m->number_of, m->used);
    for (uint32_t i = 0; i < m->used; i++) {
        if (is_strong(m, i)) {
            m->leader[i].number = m->number_of[m->root[i]];
        }
    }
    m->is_changed = false;
}

/* ---- rows ---- */

static void learn_row(struct dbstream *m, const double *x, double w)
{
    if (!(w > 0)) {
        return;
    }
    uint32_t n = find_near(m, x);
    if (n == 0) {
        begin(m, x, w);
    }
    for (uint32_t a = 0; a < n; a++) {
        memcpy(m->before + (size_t)a * m->n, centre_of(m, m->near[a]), m->n * sizeof(double));
        take(m, m->near[a], x, w);
        for (uint32_t b = a + 1; b < n; b++) {
            share(m, m->near[a], m->near[b], w);
        }
    }
    for (uint32_t a = 0; a < n; a++) {
        review_pairs(m, m->near[a]);
    }
    keep_apart(m, n);
    m->time++;
    if (m->time % m->options->cleanup_interval == 0) {
        clean_up(m);
    }
    if (m->is_changed) {
        find_clusters(m);
    }
}

static void dbstream_learn(void *l, const double *x, uint32_t rows, const double *y,
                           const double *w)
{
    struct dbstream *m = l;
    (void)y;
    for (uint32_t r = 0; r < rows; r++) {
        reserve(m, 1);
        learn_row(m, x + (size_t)r * m->n, w ? w[r] : 1);
    }
}

static void dbstream_predict(void *l, const double *x, uint32_t rows, double *out, uint32_t stride)
{
    const struct dbstream *m = l;
    for (uint32_t r = 0; r < rows; r++) {
        double least = INFINITY, number = -1;
        for (uint32_t i = 0; i < m->used; i++) {
            double d = lloyd_distance2(centre_of(m, i), x + (size_t)r * m->n, m->n);
            if (d < least && is_strong(m, i)) {
                least = d;
                number = m->leader[i].number;
            }
        }
        out[(size_t)r * stride] = number;
    }
}

/* ---- snapshot ---- */

static void io_leader(struct dbstream *m, struct snapshot *s, uint32_t i)
{
    struct leader *l = &m->leader[i];
    uint32_t number = l->number + 1; /* 0: none */
    snapshot_array(s, centre_of(m, i), m->n);
    snapshot_double(s, &l->weight);
    snapshot_count(s, &l->last);
    snapshot_u32(s, &number);
    if (number > m->most || !(l->weight > 0)) {
        s->status = -ERR_DATA;
        return;
    }
    l->number = number - 1;
}

/* Pairs with leaders behind it. */
static void load_pairs(struct dbstream *m, struct snapshot *s, uint32_t i)
{
    uint32_t n = 0, last = i;
    snapshot_u32(s, &n);
    for (uint32_t k = 0; k < n; k++) {
        struct pair p = {0};
        snapshot_u32(s, &p.other);
        snapshot_double(s, &p.weight);
        snapshot_count(s, &p.last);
        if (s->status < 0 || p.other <= last || p.other >= m->used) {
            s->status = -ERR_DATA;
            return;
        }
        last = p.other;
        struct pair *a = add_pair(&m->leader[i], p.other), *b = add_pair(&m->leader[p.other], i);
        a->weight = b->weight = p.weight;
        a->last = b->last = p.last;
        a->is_joined = b->is_joined = joins(m, i, a);
    }
}

static void save_pairs(struct dbstream *m, struct snapshot *s, uint32_t i)
{
    struct leader *l = &m->leader[i];
    uint32_t from = place_of(l, i), n = l->npairs - from;
    snapshot_u32(s, &n);
    for (uint32_t k = from; k < l->npairs; k++) {
        snapshot_u32(s, &l->pair[k].other);
        snapshot_double(s, &l->pair[k].weight);
        snapshot_count(s, &l->pair[k].last);
    }
}

static void io_leaders(struct dbstream *m, struct snapshot *s)
{
    for (uint32_t i = 0; i < m->used && s->status == 0; i++) {
        io_leader(m, s, i);
    }
    for (uint32_t i = 0; i < m->used && s->status == 0; i++) {
        if (s->loading) {
            load_pairs(m, s, i);
        } else {
            save_pairs(m, s, i);
        }
    }
}

static int dbstream_io(void *l, struct snapshot *s)
{
    struct dbstream *m = l;
    uint32_t used = m->used;
    snapshot_version(s, 1);
    snapshot_count(s, &m->time);
    snapshot_u32(s, &used);
    if (used > m->most || (s->loading && used > (uint64_t)(s->end - s->p))) {
        s->status = -ERR_DATA;
        return s->status;
    }
    reserve(m, used);
    m->used = used;
    io_leaders(m, s);
    if (s->loading && s->status == 0) {
        find_clusters(m); /* as it was, unless the options are others */
    }
    m->used = s->status == 0 ? m->used : 0;
    return snapshot_status(s);
}

static uint64_t dbstream_size(const void *l)
{
    const struct dbstream *m = l;
    uint64_t bytes = sizeof(*m) + m->cap * (2 * m->n * sizeof(double) + sizeof(struct leader) +
                                            sizeof(struct claim) + 4 * sizeof(uint32_t));
    for (uint32_t i = 0; i < m->cap; i++) {
        bytes += m->leader[i].room * sizeof(struct pair);
    }
    return bytes;
}

const struct learner_def learner_dbstream = {
    .name = "dbstream",
    .doc = "dense places of any shape and number",
    .tasks = LEARN_CLUSTERS,
    .options = fields,
    .options_size = sizeof(struct options),
    .aliases = aliases,
    .version = 1,
    .open = dbstream_open,
    .predict = dbstream_predict,
    .learn = dbstream_learn,
    .io = dbstream_io,
    .size = dbstream_size,
    .close = dbstream_close,
};
