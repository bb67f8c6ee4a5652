/* histogram(x, n): how many values lie around each of at most n centres, as a map: the centre as
 * text to the count, in ascending order: {"0.0": 3, "7.5": 12}.
 *
 *   method    Ben-Haim and Tom-Tov, "A streaming parallel decision tree algorithm", JMLR 11, 2010,
 *             section 2.1: a new value is a bin of its own; when there are too many bins, the two
 *             nearest become one at their weighted mean (the lower pair when two are as near)
 *   bins      4 n of them are kept, 128 to 1024, and brought down to n for the result only, so that
 *             a few hundred different values give the same bins in any order
 *
 *   state     { blob }, bins of { centre, count } in ascending order; version 1
 *   null      skipped, and so are NaN and infinities, which have no place between others; no rows
 *             give an empty map
 *   merge     exact while no two bins had to become one; beyond, counts still add up to the number
 *             of rows, and centres depend on the order a little
 */
#include "windows/aggregates/value.h"

#define BINS_MOST  256
#define KEPT_LEAST 128
#define KEPT_MOST  1024

struct bin {
    double at;
    int64_t n;
};

struct histogram_bound {
    uint32_t bins, kept;
};

static int histogram_bind(struct aggregate_call *c, struct arena *a, struct err *e)
{
    struct histogram_bound *bound = arena_zalloc(a, sizeof *bound);
    int64_t n;
    if (!type_is_numeric(c->arg_type[0])) {
        return wrong_type(c, "a number", e);
    }
    if (!constant_long(c, 1, 1, BINS_MOST, &n)) {
        return err_set(e, ERR_CONFIG, "histogram(x, n): n is a whole number from 1 to %d",
                       BINS_MOST);
    }
    bound->bins = (uint32_t)n;
    bound->kept = bound->bins * 4 < KEPT_LEAST  ? KEPT_LEAST
                  : bound->bins * 4 > KEPT_MOST ? KEPT_MOST
                                                : bound->bins * 4;
    c->bound = bound;
    c->type = type_map(a, &type_long);
    c->nullable = true;
    return 0;
}

static double weighted_mean(const struct bin *x, const struct bin *y)
{
    double n = (double)x->n, m = (double)y->n, sum = x->at * n + y->at * m;
    return isfinite(sum) ? sum / (n + m) : x->at * (n / (n + m)) + y->at * (m / (n + m));
}

/* Joins the two nearest until there are at most `most`. Returns how many there are. */
static uint32_t reduce(struct bin *bin, uint32_t n, uint32_t most)
{
    while (n > most) {
        uint32_t best = 0;
        double nearest = (double)INFINITY;
        for (uint32_t i = 0; i + 1 < n; i++) {
            double gap = bin[i + 1].at / 2 - bin[i].at / 2; /* halves: no overflow */
            best = gap < nearest ? i : best;
            nearest = gap < nearest ? gap : nearest;
        }
        struct bin *x = &bin[best], *y = x + 1;
        x->at = weighted_mean(x, y);
        x->n += y->n;
        memmove(y, y + 1, (n - best - 2) * sizeof *y);
        n--;
    }
    return n;
}

static struct bin *bins_of(const struct blob *b, uint32_t *n)
{
    *n = b->n / (uint32_t)sizeof(struct bin);
    return (struct bin *)(void *)b->p;
}

static void add_bin(const struct histogram_bound *bound, struct blob *b, struct bin more)
{
    uint32_t count, from = 0;
    struct bin *bin = bins_of(b, &count);
    for (uint32_t n = count; n > 0;) {
        uint32_t half = n / 2;
        bool is_below = bin[from + half].at < more.at;
        from = is_below ? from + half + 1 : from;
        n = is_below ? n - half - 1 : half;
    }
    if (from < count && bin[from].at == more.at) {
        bin[from].n += more.n;
        return;
    }
    bin = (struct bin *)(void *)blob_room(b, sizeof *bin);
    memmove(bin + from + 1, bin + from, (count - from) * sizeof *bin);
    bin[from] = more;
    b->n = reduce(bin, count + 1, bound->kept) * (uint32_t)sizeof *bin;
}

static int histogram_update(const struct aggregate_call *c, const struct aggregate_rows *r,
                            struct row_errors *errors)
{
    (void)errors;
    const struct vec *v = &r->arg[0];
    for (uint16_t i = 0; i < r->n; i++) {
        uint16_t row = r->row[i];
        double x = vec_is_null(v, row) ? (double)NAN : number_at(v, row);
        if (isfinite(x)) {
            add_bin(c->bound, r->state[i], (struct bin){x + 0.0, 1}); /* -0.0 becomes 0.0 */
        }
    }
    return 0;
}

static void histogram_combine(const struct aggregate_call *c, void *into, const void *from)
{
    uint32_t n;
    const struct bin *bin = bins_of(from, &n);
    for (uint32_t i = 0; i < n; i++) {
        add_bin(c->bound, into, bin[i]);
    }
}

static void histogram_result(const struct aggregate_call *c, const void *state, struct vec *out,
                             uint16_t row, uint16_t rows, struct arena *mem)
{
    const struct histogram_bound *bound = c->bound;
    struct bin copy[KEPT_MOST];
    uint32_t n;
    (void)rows;
    const struct bin *bin = bins_of(state, &n);
    n = n < KEPT_MOST ? n : KEPT_MOST;
    if (n > 0) {
        memcpy(copy, bin, n * sizeof *bin);
        n = reduce(copy, n, bound->bins);
    }
    struct buffer b, key;
    buffer_init(&b);
    buffer_init(&key);
    buffer_varint(&b, n);
    for (uint32_t i = 0; i < n; i++) {
        buffer_clear(&key);
        print_double(&key, copy[i].at);
        buffer_varint(&b, (int64_t)key.n);
        buffer_add(&b, key.data, key.n);
        nested_put(&b, &type_long, &(struct nested_value){.i = copy[i].n});
    }
    out->s[row] = str_copy(mem, b.data, (uint32_t)b.n);
    buffer_done(&b);
    buffer_done(&key);
}

static bool histogram_is_sound(const struct aggregate_call *c, const void *state)
{
    const struct histogram_bound *bound = c->bound;
    struct blob blob;
    memcpy(&blob, state, sizeof blob);
    bool is_sound = blob.n % sizeof(struct bin) == 0 && blob.n / sizeof(struct bin) <= bound->kept;
    for (uint32_t i = 0; is_sound && i < blob.n / sizeof(struct bin); i++) {
        const struct bin *x = (const struct bin *)(const void *)blob.p + i;
        is_sound = isfinite(x->at) && x->n > 0 && x->n <= INT64_MAX / BINS_MOST / KEPT_MOST;
    }
    return is_sound;
}

const struct aggregate_def aggregate_histogram = {
    .name = "histogram",
    .doc = "histogram(x, n): a map from the centre of each of at most n (1 to 256) bins to the "
           "number of values around it; bins lie where values are (Ben-Haim and Tom-Tov). NaN and "
           "infinities are left out.",
    .min_args = 2,
    .max_args = 2,
    .state_size = sizeof(struct blob),
    .has_blob = true,
    .version = 1,
    .bind = histogram_bind,
    .update = histogram_update,
    .combine = histogram_combine,
    .result = histogram_result,
    .is_sound = histogram_is_sound,
};
