/* Calibration: tail probabilities mean what they say on any distribution, whatever anomalies come,
 * and while it drifts.
 */
#include "ml/calibration.h"

#include "engine/memory.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum kind {
    NORMAL,
    EXPONENTIAL,
    LOG_NORMAL,
    UNIFORM,
    STUDENT_3,
    ROUNDED,
    POISSON,
    MOSTLY_ZERO,
    KINDS
};

static double draw(struct random *r, enum kind kind)
{
    double z = random_normal(r), sum = 0;
    switch (kind) {
    case EXPONENTIAL:
        return -log(1 - random_unit(r));
    case LOG_NORMAL:
        return exp(z);
    case UNIFORM:
        return random_unit(r);
    case STUDENT_3:
        for (int i = 0; i < 3; i++) {
            double each = random_normal(r);
            sum += each * each / 3;
        }
        return z / sqrt(sum);
    case ROUNDED:
        return floor(10 * z);
    case POISSON:
        return random_poisson(r, 3);
    case MOSTLY_ZERO:
        return random_unit(r) < 0.99 ? 0 : z;
    case NORMAL:
    case KINDS:
        break;
    }
    return z;
}

static struct calibration *calibration_new(void)
{
    struct calibration *c = mem_alloc(sizeof(*c));
    calibration_init(c, CALIBRATION_MEMORY, 1);
    return c;
}

static void calibration_free(struct calibration *c)
{
    calibration_done(c);
    mem_free(c);
}

/* Alarms among rows from..to-1 of each of `runs` streams, as a rate. */
static double alarm_rate(enum kind kind, double p, int from, int to, int runs)
{
    long alarms = 0;
    for (int run = 0; run < runs; run++) {
        struct calibration *c = calibration_new();
        struct random r;
        random_seed(&r, (uint64_t)run, kind);
        for (int i = 0; i < to; i++) {
            double x = draw(&r, kind);
            alarms += i >= from && calibration_tail(c, x) <= p;
            calibration_learn(c, x);
        }
        calibration_free(c);
    }
    return (double)alarms / ((double)(to - from) * runs);
}

/* Within a factor of 2 of 0.001 where the distribution is continuous: about 200 alarms are
 * expected. */
static void gives_one_alarm_in_a_thousand(void **state)
{
    (void)state;
    for (enum kind kind = 0; kind < KINDS; kind++) {
        double rate = alarm_rate(kind, 0.001, 5000, 30000, 8);
        assert_true(rate < 0.002);
        assert_true(kind >= ROUNDED || rate > 0.0005);
        assert_true(kind != ROUNDED || rate > 0.0004); /* a step is worth a tenth of a deviation */
    }
}

static void holds_at_other_rates(void **state)
{
    (void)state;
    for (enum kind kind = 0; kind < KINDS; kind++) {
        double rate = alarm_rate(kind, 0.01, 2000, 10000, 4);
        assert_true(rate < 0.015);
        assert_true(kind > ROUNDED || rate > 0.006);
        rate = alarm_rate(kind, 0.0001, 5000, 30000, 8);
        /* Bounded scores: the estimated end of the tail is a little short at times. */
        assert_true(rate < (kind == UNIFORM ? 0.001 : 0.0006));
    }
}

static void is_careful_at_first(void **state)
{
    (void)state;
    for (enum kind kind = 0; kind < KINDS; kind++) {
        assert_true(alarm_rate(kind, 0.001, 100, 1000, 50) < 0.003);
        assert_true(alarm_rate(kind, 0.001, 0, 20, 200) ==
                    0); /* 20 rows tell nothing of 1 in 1000 */
    }
}

static void tails_fall_as_scores_rise(void **state)
{
    (void)state;
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct calibration *c = calibration_new();
        struct random r;
        random_seed(&r, 7, kind);
        assert_true(calibration_tail(c, 0) == 1);
        assert_true(isnan(calibration_quantile(c, 0.5)));
        for (int i = 0; i < 3000; i++) {
            calibration_learn(c, draw(&r, kind));
            if (i % 100 > 0 && i > 100) {
                continue;
            }
            double before = 1;
            for (double s = -6; s < 40; s += 0.125) {
                double p = calibration_tail(c, s);
                assert_true(p > 0 && p <= before);
                before = p;
            }
            assert_true(calibration_tail(c, 1e300) > 0 && calibration_tail(c, -1e300) == 1);
            double q50 = calibration_quantile(c, 0.5), q99 = calibration_quantile(c, 0.99);
            assert_true(q50 <= q99 && q99 <= calibration_quantile(c, 0.9999));
        }
        assert_true(calibration_tail(c, NAN) == 1);
        calibration_free(c);
    }
}

static void quantiles_are_those_of_the_distribution(void **state)
{
    (void)state;
    struct calibration *c = calibration_new();
    struct random r;
    random_seed(&r, 5, 1);
    for (int i = 0; i < 30000; i++) {
        calibration_learn(c, -log(1 - random_unit(&r)));
    }
    const double q[] = {0.1, 0.5, 0.9, 0.99, 0.999};
    for (int i = 0; i < 5; i++) {
        double at = calibration_quantile(c, q[i]);
        assert_true(fabs(1 - exp(-at) - q[i]) < (i < 2 ? 0.08 : 0.4 * (1 - q[i])));
        assert_true(i < 3 || fabs(calibration_tail(c, at) - (1 - q[i])) < 1e-6);
    }
    calibration_free(c);
}

/* One row in 500 is far off, of growing size: usual rows give no more alarms for it, and these do.
 */
static void anomalies_do_not_poison_it(void **state)
{
    (void)state;
    struct calibration *c = calibration_new();
    struct random r;
    long missed = 0, anomalies = 0, alarms = 0;
    random_seed(&r, 9, 1);
    for (int i = 0; i < 40000; i++) {
        int is_anomaly = i > 2000 && i % 500 == 0;
        double x = is_anomaly ? 12 + i : random_normal(&r);
        double p = calibration_tail(c, x);
        anomalies += is_anomaly;
        missed += is_anomaly && p > 0.001;
        alarms += i > 5000 && !is_anomaly && p <= 0.001;
        calibration_learn(c, x);
    }
    assert_true(anomalies > 70 && missed == 0);
    assert_true(alarms > 5 && alarms < 70); /* 35 were expected without anomalies */
    calibration_free(c);
}

static void follows_drift(void **state)
{
    (void)state;
    struct calibration *c = calibration_new();
    struct random r;
    long slow = 0, late = 0;
    random_seed(&r, 10, 1);
    for (int i = 0; i < 200000; i++) { /* the mean rises by half a deviation in the memory */
        double x = random_normal(&r) + (i < 100000 ? i / 20000.0 : 15);
        double p = calibration_tail(c, x);
        slow += i > 20000 && i < 100000 && p <= 0.001;
        late += i >= 160000 && p <= 0.001; /* then a leap */
        calibration_learn(c, x);
    }
    assert_true(slow < 400); /* 0.005 */
    assert_true(late > 10 && late < 120);
    calibration_free(c);
}

static void constants_and_extremes(void **state)
{
    (void)state;
    const double odd[] = {0, 1e150, -1e150, 1e300, -1e300, 1e-300, 5};
    struct calibration *c = calibration_new();
    for (int i = 0; i < 5000; i++) {
        calibration_learn(c, 3);
    }
    assert_true(calibration_tail(c, 3) == 1);
    assert_true(calibration_tail(c, 3.001) < 0.001);
    assert_true(calibration_quantile(c, 0.999) == 3);
    calibration_learn(c, NAN);
    assert_int_equal(c->rows, 5000);
    int alarms = 0; /* of a level that is new, though nothing of it was merged yet */
    for (int i = 0; i < 50; i++) {
        alarms += calibration_tail(c, 3.001) <= 0.001;
        calibration_learn(c, 3.001);
    }
    assert_in_range(alarms, 4, 6);
    for (int i = 0; i < 20000; i++) {
        double p = calibration_tail(c, odd[i * 5 / 3 % 7]);
        assert_true(p > 0 && p <= 1);
        calibration_learn(c, odd[i * 5 / 3 % 7]);
        assert_true(isfinite(calibration_quantile(c, 0.99)));
    }
    assert_true(c->n <= CALIBRATION_ENTRIES);
    calibration_free(c);
}

static void save(struct calibration *c, struct buffer *out)
{
    buffer_init(out);
    struct snapshot s = snapshot_saver(out);
    assert_int_equal(calibration_io(c, &s), 0);
}

static void goes_on_after_a_load(void **state)
{
    (void)state;
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct calibration *c = calibration_new(), *d = calibration_new();
        struct buffer half, ends[2];
        struct random r;
        random_seed(&r, 3, kind);
        for (int i = 0; i < 20000 + 7 * (int)kind; i++) {
            calibration_learn(c, draw(&r, kind));
        }
        save(c, &half);
        assert_true(half.n < 4000);
        struct snapshot s = snapshot_loader(half.data, half.n);
        assert_int_equal(calibration_io(d, &s), 0);
        assert_ptr_equal(s.p, s.end);
        for (int i = 0; i < 500; i++) {
            double x = draw(&r, kind), p = calibration_tail(c, x), q = calibration_tail(d, x);
            assert_memory_equal(&p, &q, sizeof(p));
            calibration_learn(c, x);
            calibration_learn(d, x);
        }
        save(c, &ends[0]);
        save(d, &ends[1]);
        assert_int_equal(ends[0].n, ends[1].n);
        assert_memory_equal(ends[0].data, ends[1].data, ends[0].n);
        buffer_done(&half);
        buffer_done(&ends[0]);
        buffer_done(&ends[1]);
        calibration_free(c);
        calibration_free(d);
    }
}

static void refuses_damage(void **state)
{
    (void)state;
    struct calibration *c = calibration_new();
    struct buffer good;
    struct random r;
    random_seed(&r, 3, 1);
    for (int i = 0; i < 300; i++) {
        calibration_learn(c, random_normal(&r));
    }
    save(c, &good);
    for (size_t i = 0; i < good.n * 9; i++) {
        size_t n = i < good.n ? i : good.n, at = i / 9;
        char bit = (char)(i < good.n ? 0 : 1 << i % 8);
        good.data[at] = (char)(good.data[at] ^ bit);
        calibration_done(c);
        calibration_init(c, CALIBRATION_MEMORY, 1);
        struct snapshot s = snapshot_loader(good.data, n);
        int status = calibration_io(c, &s);
        assert_true(i < good.n ? status == -ERR_DATA : status == 0 || status == -ERR_DATA);
        for (int k = 0; k < 70; k++) {
            double p = calibration_tail(c, k);
            assert_true(p > 0 && p <= 1);
            calibration_learn(c, k);
        }
        good.data[at] = (char)(good.data[at] ^ bit);
    }
    buffer_done(&good);
    calibration_free(c);
}

/* No memory before the first score, little for few of them, and a bound that holds for any number.
 */
static void takes_memory_as_it_needs_it(void **state)
{
    (void)state;
    static const uint64_t most[][2] = {{100, 1000}, {1000, 2000}, {10000, 2800}, {100000, 3200}};
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct calibration *c = calibration_new();
        struct random r;
        uint64_t rows = 0, before = mem_count();
        random_seed(&r, 3, kind);
        assert_int_equal(calibration_size(c), 0);
        for (size_t i = 0; i < sizeof most / sizeof most[0]; i++) {
            for (; rows < most[i][0]; rows++) {
                calibration_learn(c, draw(&r, kind));
            }
            if (calibration_size(c) + sizeof(*c) > most[i][1]) {
                fail_msg("%d bytes after %d rows", (int)(calibration_size(c) + sizeof(*c)),
                         (int)rows);
            }
        }
        assert_true(mem_count() - before < 60);
        calibration_free(c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_one_alarm_in_a_thousand),
        cmocka_unit_test(holds_at_other_rates),
        cmocka_unit_test(is_careful_at_first),
        cmocka_unit_test(tails_fall_as_scores_rise),
        cmocka_unit_test(quantiles_are_those_of_the_distribution),
        cmocka_unit_test(anomalies_do_not_poison_it),
        cmocka_unit_test(follows_drift),
        cmocka_unit_test(constants_and_extremes),
        cmocka_unit_test(goes_on_after_a_load),
        cmocka_unit_test(refuses_damage),
        cmocka_unit_test(takes_memory_as_it_needs_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
