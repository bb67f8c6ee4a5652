/* ADWIN: the alarms, widths and means that River has on the same values; the same as a detector. */
#include "ml/adwin.h"

#include "engine/memory.h"
#include "engine/random.h"
#include "tests/support/drift_check.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

extern const struct drift_def drift_adwin;

struct expected {
    struct adwin_config config;
    struct {
        int at, width;
    } alarms[7];
    int width;
    double mean;
};

static void alarms_are_those_of_river(void **state)
{
    (void)state;
    const struct expected cases[] = {
        {adwin_config_default,
         {{735, 192}, {1439, 128}, {2143, 128}, {2847, 112}, {3551, 128}, {4255, 112}, {4959, 128}},
         40,
         1.006188118811881},
        {{.delta = 0.05, .clock = 1, .max_buckets = 3, .min_window_length = 2, .grace_period = 1},
         {{718, 335}, {1417, 443}, {2116, 187}, {2816, 188}, {3517, 317}, {4216, 251}, {4914, 250}},
         85,
         0.982818870122306},
        {{.delta = 0.002,
          .clock = 8,
          .max_buckets = 20,
          .min_window_length = 5,
          .grace_period = 500},
         {{735, 200}, {1431, 256}, {2135, 176}, {2831, 256}, {3535, 208}, {4231, 264}, {4935, 184}},
         64,
         0.9942759900990099},
    };
    for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
        struct adwin *a = adwin_new(&cases[k].config);
        int alarms = 0;
        for (int i = 0; i < 5000; i++) {
            if (adwin_update(a, drift_value(i))) {
                assert_true(alarms < 7);
                assert_int_equal(i, cases[k].alarms[alarms].at);
                assert_int_equal(adwin_width(a), cases[k].alarms[alarms].width);
                alarms++;
            }
        }
        assert_int_equal(alarms, 7);
        assert_int_equal(adwin_width(a), cases[k].width);
        assert_true(adwin_mean(a) == cases[k].mean);
        adwin_free(a);
    }
}

static void constant_values_raise_no_alarm(void **state)
{
    (void)state;
    struct adwin *a = adwin_new(&adwin_config_default);
    assert_true(adwin_mean(a) == 0);
    assert_int_equal(adwin_width(a), 0);
    for (int i = 0; i < 20000; i++) {
        assert_false(adwin_update(a, 3));
    }
    assert_int_equal(adwin_width(a), 20000);
    assert_true(adwin_mean(a) == 3);
    assert_true(adwin_size(a) < 2000);
    adwin_reset(a);
    assert_int_equal(adwin_width(a), 0);
    assert_false(adwin_update(a, 7));
    assert_true(adwin_mean(a) == 7);
    adwin_free(a);
}

/* As few buckets and boundaries as can be asked for; huge values among small ones. */
static void odd_options_and_values_do_no_harm(void **state)
{
    (void)state;
    const struct adwin_config config = {.delta = 1, .clock = 1, .max_buckets = 2};
    struct adwin *a = adwin_new(&config);
    struct random random;
    random_seed(&random, 4, 1);
    for (int i = 0; i < 5000; i++) {
        adwin_update(a, random_below(&random, 50) ? random_normal(&random) : 1e150);
        assert_true(adwin_width(a) >= 1 && adwin_width(a) <= i + 1);
        assert_true(isfinite(adwin_mean(a)));
    }
    adwin_free(a);
}

/* What formulas say of a window in which each value is a bucket of its own, as long as there are
 * enough of them: alarms at every boundary, whatever is told of them without dividing. */
static bool is_cut_somewhere(const double *x, int n, const struct adwin_config *config)
{
    double total = 0, variance = 0, u0 = 0, least = config->min_window_length;
    for (int i = 0; i < n; i++) {
        variance += i > 0 ? i * pow(x[i] - total / i, 2) / (i + 1) : 0;
        total += x[i];
    }
    const double d = log(2 * log(n) / config->delta);
    for (int n0 = 1; n0 < n; n0++) {
        u0 += x[n0 - 1];
        double n1 = n - n0, m = 1 / (n0 - least + 1) + 1 / (n1 - least + 1);
        if (n0 >= least && n1 >= least &&
            fabs(u0 / n0 - (total - u0) / n1) > sqrt(2 * m * variance / n * d) + 2.0 / 3 * d * m) {
            return true;
        }
    }
    return false;
}

static void alarms_are_where_the_formulas_say(void **state)
{
    (void)state;
    const struct adwin_config config = {
        .delta = 0.9, .clock = 7, .max_buckets = 700, .min_window_length = 3, .grace_period = 1};
    struct random random;
    int alarms = 0;
    random_seed(&random, 8, 1);
    for (int round = 0; round < 100; round++) {
        struct adwin *a = adwin_new(&config);
        const double offset = round % 3 == 0 ? 0 : 1e4, jump = round % 4;
        double x[600];
        bool was_cut = false;
        for (int i = 0; i < 600 && !was_cut; i++) {
            x[i] = offset + random_normal(&random) + (i > 300 ? jump : 0);
            bool is_check = (i + 1) % 7 == 0;
            was_cut = is_check && is_cut_somewhere(x, i + 1, &config);
            assert_int_equal(adwin_update(a, x[i]), was_cut);
            assert_true(was_cut || adwin_width(a) == i + 1);
        }
        alarms += was_cut;
        adwin_free(a);
    }
    assert_in_range(alarms, 60, 100);
}

static void save(struct adwin *a, struct buffer *out)
{
    buffer_init(out);
    struct snapshot s = snapshot_saver(out);
    assert_int_equal(adwin_io(a, &s), 0);
}

/* Saved at any place, an alarm among them, it goes on as if nothing had been. */
static void goes_on_after_a_load(void **state)
{
    (void)state;
    const int places[] = {0, 1, 40, 699, 736, 737, 1000};
    for (size_t k = 0; k < sizeof(places) / sizeof(places[0]); k++) {
        struct adwin *a = adwin_new(&adwin_config_default), *b = adwin_new(&adwin_config_default);
        struct buffer saved, again;
        int i = 0;
        for (; i < places[k]; i++) {
            adwin_update(a, drift_value(i));
        }
        save(a, &saved);
        struct snapshot s = snapshot_loader(saved.data, saved.n);
        assert_int_equal(adwin_io(b, &s), 0);
        assert_ptr_equal(s.p, s.end);
        assert_int_equal(adwin_width(a), adwin_width(b));
        for (; i < 2000; i++) {
            assert_int_equal(adwin_update(a, drift_value(i)), adwin_update(b, drift_value(i)));
            assert_true(adwin_mean(a) == adwin_mean(b));
        }
        buffer_done(&saved);
        save(a, &saved);
        save(b, &again);
        assert_int_equal(saved.n, again.n);
        assert_memory_equal(saved.data, again.data, saved.n);
        buffer_done(&saved);
        buffer_done(&again);
        adwin_free(a);
        adwin_free(b);
    }
}

static int load_and_use(const struct buffer *bytes, size_t n)
{
    struct adwin *a = adwin_new(&adwin_config_default);
    struct snapshot s = snapshot_loader(bytes->data, n);
    int status = adwin_io(a, &s);
    for (int i = 0; i < 100; i++) {
        adwin_update(a, drift_value(i));
    }
    assert_true(adwin_size(a) < 10000);
    adwin_free(a);
    return status;
}

static void refuses_damage(void **state)
{
    (void)state;
    struct adwin *a = adwin_new(&adwin_config_default);
    struct buffer saved;
    for (int i = 0; i < 690; i++) {
        adwin_update(a, drift_value(i));
    }
    save(a, &saved);
    for (size_t n = 0; n < saved.n; n++) {
        assert_int_equal(load_and_use(&saved, n), -ERR_DATA);
    }
    for (size_t i = 0; i < saved.n * 8; i++) {
        saved.data[i / 8] = (char)(saved.data[i / 8] ^ (1 << i % 8));
        load_and_use(&saved, saved.n);
        saved.data[i / 8] = (char)(saved.data[i / 8] ^ (1 << i % 8));
    }
    assert_int_equal(load_and_use(&saved, saved.n), 0);
    buffer_done(&saved);
    adwin_free(a);
}

static void allocates_nothing_per_value(void **state)
{
    (void)state;
    struct adwin *a = adwin_new(&adwin_config_default);
    for (int i = 0; i < 700; i++) {
        adwin_update(a, drift_value(i));
    }
    uint64_t before = mem_count();
    for (int i = 700; i < 3000; i++) {
        adwin_update(a, drift_value(i));
    }
    assert_int_equal(mem_count(), before);
    adwin_free(a);
}

static void is_a_detector(void **state)
{
    (void)state;
    struct arena arena;
    const struct drift_def *def = &drift_adwin;
    arena_init(&arena);
    check_alarms(def, drift_options(&arena, def, "{}"), drift_value, 5000,
                 (int[]){735, 1439, 2143, 2847, 3551, 4255, 4959}, 7);
    check_alarms(def,
                 drift_options(&arena, def,
                               "{delta: 0.05, clock: 1, max_buckets: 3, min_window_length: 2, "
                               "grace_period: 1}"),
                 drift_value, 5000, (int[]){718, 1417, 2116, 2816, 3517, 4216, 4914}, 7);
    check_drift_detector(def, drift_options(&arena, def, "{}"), drift_value);
    check_no_alarm(def, drift_options(&arena, def, "{}"), 0.1, 10000);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alarms_are_those_of_river),
        cmocka_unit_test(constant_values_raise_no_alarm),
        cmocka_unit_test(odd_options_and_values_do_no_harm),
        cmocka_unit_test(alarms_are_where_the_formulas_say),
        cmocka_unit_test(goes_on_after_a_load),
        cmocka_unit_test(refuses_damage),
        cmocka_unit_test(allocates_nothing_per_value),
        cmocka_unit_test(is_a_detector),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
