/* Fold: what a window sees against a plain sum; what it costs. */
#include "tests/unit/window_harness.h"

#include "engine/hash.h"
#include "engine/random.h"
#include "windows/fold.h"

struct rig {
    struct harness h;
    struct state *store;
    struct series_set set;
    struct fold fold;
    struct series *s;
    int64_t *value; /* count, sum of v */
};

static const struct window *window_of(const struct harness *h)
{
    return h->node.bound; /* first in the plan of the step */
}

static void rig_init(struct rig *r)
{
    harness_init(&r->h,
                 "{hopping: {size: 10ms, every: 5ms}, aggregate: \"count() as n, sum(v) as s\"}");
    const struct window *w = window_of(&r->h);
    r->store = state_memory_new(NULL);
    series_init(&r->set, r->store, w->value_size, 2);
    fold_init(&r->fold, w);
    r->value = mem_zalloc(w->value_size);
}

static void rig_done(struct rig *r)
{
    mem_free(r->value);
    fold_done(&r->fold);
    series_done(&r->set);
    state_free(r->store);
    harness_done(&r->h);
}

static void add(struct rig *r, int64_t pos, int64_t from, int64_t v)
{
    bool is_new;
    struct str key = str_ref("k", 1);
    int64_t *value =
        state_value(series_entry(&r->set, hash_bytes("k", 1, 0), &key, pos, from, &r->s, &is_new));
    if (is_new) {
        fold_forget(&r->fold, r->s, pos);
    }
    value[0] += 1;
    value[1] += v;
    value[2] += 1; /* values in the sum */
}

static uint32_t fold(struct rig *r, int64_t low, int64_t high, int64_t window)
{
    memset(r->value, 0, window_of(&r->h)->value_size);
    return fold_range(&r->fold, r->s, low, high, window, true, r->value);
}

static void drop_before(struct rig *r, int64_t pos)
{
    uint32_t n = 0;
    while (n < r->s->n && series_points(r->s)[n].pos < pos) {
        fold_forget(&r->fold, r->s, series_points(r->s)[n++].pos);
    }
    if (n > 0) {
        series_remove(&r->set, r->s, 0, n);
    }
}

/* Windows [w, w + size) for rising w, with points that only later windows see. */
static void against_plain_sums(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        static int64_t sum[3000][3000 / 100]; /* by pos, and by window / 100 that sees it */
        memset(sum, 0, sizeof sum);
        struct rig r = {0};
        struct random rnd;
        random_seed(&rnd, seed, 1);
        rig_init(&r);
        int64_t size = 1 + (int64_t)random_below(&rnd, 900);
        uint32_t gap = 1 + random_below(&rnd, 5);
        int64_t newest = 0;
        for (int64_t w = 0; w + size < 3000; w += 1 + random_below(&rnd, 30)) {
            for (; newest < w + size; newest += random_below(&rnd, gap) + 1) {
                add(&r, newest, 0, newest);
                sum[newest][0] += newest;
            }
            if (w % 100 < 30 && w > 100 && w / 100 + 1 < 30) {
                int64_t pos = w + (int64_t)random_below(&rnd, (uint32_t)size);
                add(&r, pos, (w / 100 + 1) * 100, 7);
                sum[pos][w / 100 + 1] += 7;
            }
            int64_t expected = 0;
            for (int64_t pos = w; pos < w + size; pos++) {
                for (int64_t from = 0; from * 100 <= w; from++) {
                    expected += sum[pos][from];
                }
            }
            fold(&r, w, w + size - 1, w);
            assert_int_equal(r.value[1], expected);
            if (w + 1 < 3000 - size) {
                add(&r, 2999, 0, 0);
                drop_before(&r, w + 1);
            }
        }
        rig_done(&r);
    }
}

/* A window of 3600 points, one on and one off at every step. */
static void costs_the_logarithm(void **state)
{
    (void)state;
    struct rig r = {0};
    rig_init(&r);
    for (int64_t pos = 0; pos < 3600; pos++) {
        add(&r, pos, 0, 1);
    }
    fold(&r, 0, 3599, 0);
    uint64_t most = 0, before = r.fold.combines;
    for (int64_t w = 1; w <= 4000; w++) {
        add(&r, 3599 + w, 0, 1);
        drop_before(&r, w);
        uint64_t at = r.fold.combines;
        uint32_t n = fold(&r, w, 3599 + w, w);
        assert_int_equal(n, 3600);
        assert_int_equal(r.value[0], 3600);
        most = r.fold.combines - at > most ? r.fold.combines - at : most;
    }
    assert_true((r.fold.combines - before) / 4000 < 24);
    assert_true(most < 60);
    /* Blocks that no window can use are gone. */
    assert_true(r.fold.count < 3600 / 5);
    fold_clear(&r.fold);
    assert_int_equal(r.fold.count, 0);
    assert_int_equal(fold(&r, 4000, 7599, 4000), 3600); /* as if none had been kept */
    assert_int_equal(r.value[0], 3600);
    drop_before(&r, 7599);
    assert_int_equal(r.fold.count, 0);
    rig_done(&r);
}

static void the_ends_of_positions(void **state)
{
    (void)state;
    struct rig r = {0};
    rig_init(&r);
    add(&r, 0, 0, 1);
    add(&r, INT64_MAX - 1, 0, 2);
    add(&r, INT64_MAX, 0, 4);
    assert_int_equal(fold(&r, 0, INT64_MAX, 0), 3);
    assert_int_equal(r.value[1], 7);
    assert_int_equal(fold(&r, 1, INT64_MAX, 0), 2);
    assert_int_equal(fold(&r, 1, INT64_MAX - 2, 0), 0);
    rig_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(against_plain_sums),
        cmocka_unit_test(costs_the_logarithm),
        cmocka_unit_test(the_ends_of_positions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
