/* Residual: scores of a small forecaster worked out by hand, missing values, anomalies, save and
 * load.
 */
#include "ml/residual.h"

#include "engine/memory.h"
#include "engine/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Expects the last value again, or what it was a season ago. */
struct last {
    uint32_t season;
    int64_t n;
    double value[8];
};

static void *last_open(const struct forecaster_setup *setup)
{
    assert_int_equal(setup->nhorizons, 1);
    assert_int_equal(setup->horizon[0], 1);
    if (setup->seed == 13) {
        return NULL;
    }
    struct last *f = mem_zalloc(sizeof(*f));
    f->season = setup->nseasons > 0 ? setup->season[0] : 1;
    return f;
}

static void last_predict(const void *l, double *out)
{
    const struct last *f = l;
    *out = f->n < f->season ? (double)NAN : f->value[f->n % f->season];
}

static void last_learn(void *l, double y)
{
    struct last *f = l;
    if (!isnan(y)) {
        f->value[f->n % f->season] = y;
    }
    f->n++;
}

static int last_io(void *l, struct snapshot *s)
{
    struct last *f = l;
    snapshot_version(s, 1);
    snapshot_count(s, &f->n);
    snapshot_array(s, f->value, 8);
    return snapshot_status(s);
}

static const struct forecaster_def last = {
    .name = "last",
    .version = 1,
    .open = last_open,
    .predict = last_predict,
    .learn = last_learn,
    .io = last_io,
    .close = mem_free,
};

static struct residual *residual_open(const uint32_t *season, double fading_factor)
{
    struct residual_config config = {
        .def = &last,
        .season = season,
        .nseasons = season ? 1 : 0,
        .fading_factor = fading_factor,
    };
    struct residual *r = residual_new(&config);
    assert_non_null(r);
    return r;
}

static void scores_by_hand(void **state)
{
    (void)state;
    struct residual *r = residual_open(NULL, 0.5);
    assert_true(isnan(residual_score(r, 1)));
    residual_learn(r, 1);
    assert_true(residual_expected(r) == 1);
    assert_true(isnan(residual_score(r, 5))); /* a forecast, but no spread yet */
    residual_learn(r, 3);                     /* |e| = 2: mean 2 */
    assert_true(fabs(residual_score(r, 8) - 5 / (1.2533 * 2)) < 1e-12);
    residual_learn(r, 4);
    residual_learn(r, 8); /* |e| = 1, 4: mean 1.5, then 2.75 */
    assert_true(fabs(residual_score(r, 4) - 4 / (1.2533 * 2.75)) < 1e-12);
    assert_true(isnan(residual_score(r, NAN)));
    residual_learn(r, NAN); /* missing: nothing learned of the spread */
    assert_true(fabs(residual_score(r, 4) - 4 / (1.2533 * 2.75)) < 1e-12);
    residual_free(r);
    residual_free(NULL);
}

static void a_season_explains_its_peaks(void **state)
{
    (void)state;
    const uint32_t season = 4;
    struct residual *with = residual_open(&season, RESIDUAL_FADING);
    struct residual *without = residual_open(NULL, RESIDUAL_FADING);
    struct random random;
    random_seed(&random, 1, 1);
    for (int i = 0; i < 400; i++) {
        double y = (i % 4 == 3 ? 50 : 0) + random_normal(&random);
        residual_learn(with, y);
        residual_learn(without, y);
    }
    /* The next is no peak; a value of 50 is odd only for the one that knows the season. */
    assert_true(residual_score(with, 50) > 20);
    assert_true(residual_score(with, 0) < 4);
    assert_true(residual_score(without, 100) < 4);
    residual_free(with);
    residual_free(without);
}

static void an_anomaly_does_not_hide_the_next(void **state)
{
    (void)state;
    struct residual *r = residual_open(NULL, RESIDUAL_FADING);
    struct random random;
    random_seed(&random, 2, 1);
    for (int i = 0; i < 300; i++) {
        residual_learn(r, random_normal(&random));
    }
    double before = residual_score(r, 1e6);
    residual_learn(r, 1e150);
    residual_learn(r, 0);
    double after = residual_score(r, 1e6);
    assert_true(before > 1e5 && after > 0.8 * before);
    for (int i = 0; i < 3000; i++) { /* but a wider spread is learned */
        residual_learn(r, 100 * random_normal(&random));
    }
    assert_true(residual_score(r, 300) < 10);
    residual_free(r);
}

static void constants_and_extremes(void **state)
{
    (void)state;
    struct residual *r = residual_open(NULL, RESIDUAL_FADING);
    for (int i = 0; i < 50; i++) {
        residual_learn(r, 7);
    }
    assert_true(residual_score(r, 7) == 0);
    assert_true(residual_score(r, 7.5) > 1e9);
    const double odd[] = {1e150, -1e150, 0, 1e-300, 1e300, -0.0};
    for (int i = 0; i < 500; i++) {
        assert_true(isfinite(residual_score(r, odd[i * 5 / 3 % 6])));
        residual_learn(r, odd[i * 5 / 3 % 6]);
    }
    residual_free(r);
}

static void a_forecaster_may_refuse(void **state)
{
    (void)state;
    struct residual_config config = {.def = &last, .fading_factor = 0.1, .seed = 13};
    assert_null(residual_new(&config));
}

static void save(struct residual *r, struct buffer *out)
{
    buffer_init(out);
    struct snapshot s = snapshot_saver(out);
    assert_int_equal(residual_io(r, &s), 0);
}

static void goes_on_after_a_load_and_refuses_damage(void **state)
{
    (void)state;
    struct residual *a = residual_open(NULL, 0.1), *b = residual_open(NULL, 0.1);
    struct buffer good, ends[2];
    struct random random;
    random_seed(&random, 4, 1);
    for (int i = 0; i < 50; i++) {
        residual_learn(a, random_normal(&random));
    }
    save(a, &good);
    struct snapshot s = snapshot_loader(good.data, good.n);
    assert_int_equal(residual_io(b, &s), 0);
    assert_ptr_equal(s.p, s.end);
    for (int i = 0; i < 50; i++) {
        double y = random_normal(&random);
        assert_true(residual_score(a, y) == residual_score(b, y));
        residual_learn(a, y);
        residual_learn(b, y);
    }
    save(a, &ends[0]);
    save(b, &ends[1]);
    assert_int_equal(ends[0].n, ends[1].n);
    assert_memory_equal(ends[0].data, ends[1].data, ends[0].n);
    residual_free(b);
    for (size_t i = 0; i < good.n * 9; i++) {
        size_t n = i < good.n ? i : good.n, at = i / 9;
        char bit = (char)(i < good.n ? 0 : 1 << i % 8);
        good.data[at] = (char)(good.data[at] ^ bit);
        b = residual_open(NULL, 0.1);
        s = snapshot_loader(good.data, n);
        int status = residual_io(b, &s);
        assert_true(i < good.n ? status == -ERR_DATA : status == 0 || status == -ERR_DATA);
        if (status == 0) {
            residual_learn(b, 1);
            assert_false(residual_score(b, 2) < 0);
        }
        residual_free(b);
        good.data[at] = (char)(good.data[at] ^ bit);
    }
    assert_true(residual_size(a) > 0);
    buffer_done(&good);
    buffer_done(&ends[0]);
    buffer_done(&ends[1]);
    residual_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_by_hand),
        cmocka_unit_test(a_season_explains_its_peaks),
        cmocka_unit_test(an_anomaly_does_not_hide_the_next),
        cmocka_unit_test(constants_and_extremes),
        cmocka_unit_test(a_forecaster_may_refuse),
        cmocka_unit_test(goes_on_after_a_load_and_refuses_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
