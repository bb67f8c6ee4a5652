/* Every aggregate of the registry: rows cut into pieces that are combined in order, in any
 * bracketing, with every state saved and loaded on the way, give what adding all rows gives.
 *
 * Rows are sorted by event time, with ties, then shuffled within their pieces; source partitions
 * are random. Results are equal as text, doubles that come from sums within 1e-12 of them. Seeds
 * are printed on failure; KLAMM_SEEDS sets how many are tried, KLAMM_SEED the first.
 */
#include "tests/unit/aggregate_harness.h"

#include "engine/registry.h"
#include "tests/support/seeds.h"

#include <stdlib.h>

#define ROWS_MAX   400
#define PIECES_MAX 6
#define POOL       60

/* Aggregates whose doubles depend on the order of additions in their last bits. */
static const char *const rounded[] = {"sum",  "avg",  "var",  "stddev", "slope",
                                      "corr", "ewma", "rate", NULL};

static bool is_rounded(const char *name)
{
    for (int i = 0; rounded[i]; i++) {
        if (strcmp(rounded[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static void put(struct vec *v, uint16_t row, uint32_t n, struct arena *mem, bool has_odd)
{
    static const double odd[] = {(double)NAN, (double)INFINITY, -(double)INFINITY, -0.0, 1e300};
    if (v->type->kind == TYPE_DOUBLE) {
        v->d[row] = has_odd && n < 5 ? odd[n] : sin(n * 37.5) * 1000;
    } else if (v->type->kind == TYPE_BOOLEAN) {
        v->b[row] = n % 2;
    } else if (type_is_str(v->type)) {
        const char *text =
            arena_printf(mem, "%.*s%u", (int)(n % 30), "a text that may be very long.", n);
        v->s[row] = str_ref(text, (uint32_t)strlen(text));
    } else {
        v->i[row] = (int64_t)(n * 7919) % 2000 - 1000;
    }
}

static void fill(struct rig *g, struct random *r, const uint16_t *cut, int pieces, bool has_odd)
{
    int64_t time = 0;
    g->batch.part = arena_array(&g->mem, g->rows + 1U, sizeof *g->batch.part);
    for (uint16_t i = 0; i < g->rows; i++) {
        time += random_below(r, 3) ? (int64_t)random_below(r, 100) : 0;
        g->batch.time[i] = time;
        g->batch.part[i] = (int32_t)random_below(r, 3);
        put(&g->x, i, random_below(r, POOL), &g->mem, has_odd);
        if (random_below(r, 5) == 0) {
            rig_null(g, i);
        }
        put(&g->y, i, random_below(r, POOL), &g->mem, has_odd);
        if (random_below(r, 9) == 0) {
            vec_set_null(&g->y, &g->mem, g->rows, i);
        }
    }
    for (int p = 0; p < pieces; p++) {
        for (uint16_t i = cut[p]; i + 1 < cut[p + 1] && random_below(r, 2); i++) {
            uint16_t k = (uint16_t)(i + random_below(r, (uint32_t)(cut[p + 1] - i)));
            int64_t swap = g->batch.time[i];
            g->batch.time[i] = g->batch.time[k];
            g->batch.time[k] = swap;
        }
    }
}

/* What the changelog does to a state: fixed bytes, and exactly the bytes of the blob. */
static void save_and_load(struct rig *g, void **state)
{
    void *copy = arena_alloc(&g->mem, g->call.size);
    memcpy(copy, *state, g->call.size);
    if (g->call.has_blob) {
        struct blob old, b = {0};
        memcpy(&old, *state, sizeof old);
        if (old.n > 0) {
            b = (struct blob){mem_alloc(old.n), old.n, old.n};
            memcpy(b.p, old.p, old.n);
        }
        memcpy(copy, &b, sizeof b);
        rig_drop(g, *state);
    }
    *state = copy;
}

static bool is_near(const struct rig *g, const struct vec *a, const struct vec *b)
{
    if (!is_rounded(g->call.def->name) || g->call.type->kind != TYPE_DOUBLE) {
        return false;
    }
    if (vec_is_null(a, 0) || vec_is_null(b, 0)) {
        return false;
    }
    return fabs(a->d[0] - b->d[0]) <= 1e-12 * (1 + fabs(a->d[0])) || fabs(a->d[0]) > 1e100 ||
           isnan(a->d[0]);
}

static bool try_one(struct rig *g, struct random *r, bool has_odd)
{
    uint16_t cut[PIECES_MAX + 1] = {0};
    int pieces = 1 + (int)random_below(r, PIECES_MAX);
    for (int p = 1; p < pieces; p++) {
        cut[p] = (uint16_t)random_below(r, g->rows + 1U);
        for (int k = p; k > 1 && cut[k] < cut[k - 1]; k--) {
            uint16_t swap = cut[k];
            cut[k] = cut[k - 1];
            cut[k - 1] = swap;
        }
    }
    cut[pieces] = g->rows;
    fill(g, r, cut, pieces, has_odd);
    struct vec whole = rig_all(g);
    void *piece[PIECES_MAX];
    for (int p = 0; p < pieces; p++) {
        piece[p] = rig_state(g);
        rig_add(g, piece[p], cut[p], cut[p + 1]);
        save_and_load(g, &piece[p]);
    }
    while (pieces > 1) {
        int at = (int)random_below(r, (uint32_t)pieces - 1);
        g->call.def->combine(&g->call, piece[at], piece[at + 1]);
        rig_drop(g, piece[at + 1]);
        memmove(&piece[at + 1], &piece[at + 2], (size_t)(pieces - at - 2) * sizeof *piece);
        save_and_load(g, &piece[at]);
        pieces--;
    }
    struct vec out = rig_result(g, piece[0]);
    rig_drop(g, piece[0]);
    bool is_same = strcmp(rig_text(g, &out), rig_text(g, &whole)) == 0 || is_near(g, &whole, &out);
    if (!is_same) {
        print_message("%s: %s, not %s\n", g->call.def->name, rig_text(g, &out),
                      rig_text(g, &whole));
    }
    return is_same;
}

/* Calls of def: with every type of x, a constant or every type of y, as far as it takes them. */
static int try_aggregate(const struct aggregate_def *def, uint64_t seed)
{
    static const struct type *const types[] = {&type_long, &type_double, &type_string,
                                               &type_boolean, &type_timestamp};
    static const char *const constants[] = {"0.5", "3", NULL};
    int tried = 0;
    for (int x = 0; x < 5; x++) {
        for (int second = 0; second < (def->max_args > 1 ? 7 : 1); second++) {
            const struct type *y = second >= 2 ? types[second - 2] : NULL;
            const char *constant = def->max_args > 1 && second < 2 ? constants[second] : NULL;
            struct rig g;
            struct err e = {0};
            struct random r;
            random_seed(&r, seed, 1);
            int status = rig_bind_two(&g, def, types[x], y, constant, &e);
            rig_done(&g);
            if (status < 0) {
                continue;
            }
            uint16_t rows = (uint16_t)random_below(&r, random_below(&r, 2) ? 20 : ROWS_MAX);
            rig_init_two(&g, def, types[x], y, constant, rows);
            bool is_fine = try_one(&g, &r, seed % 4 == 0);
            if (!is_fine) {
                print_message("seed %llu: %s(%d, %d)\n", (unsigned long long)seed, def->name, x,
                              second);
            }
            assert_true(is_fine);
            rig_done(&g);
            tried++;
        }
    }
    return tried;
}

static void any_split_combined_in_order(void **state)
{
    (void)state;
    struct seeds s = seeds_from_env(100);
    int aggregates = 0;
    for (int i = 0; registry_aggregates[i]; i++, aggregates++) {
        for (uint64_t seed = s.first; seed < s.end; seed++) {
            assert_true(try_aggregate(registry_aggregates[i], seed) > 0);
        }
    }
    assert_true(aggregates >= 21);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(any_split_combined_in_order)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
