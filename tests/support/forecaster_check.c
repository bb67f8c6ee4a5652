/* Checks that every forecaster passes; see the header. */
#include "tests/support/forecaster_check.h"

#include "engine/memory.h"
#include "engine/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define DAMAGE_ROWS 60

static const uint32_t horizons[] = {1, 3, 12}, seasons[] = {7, 28};

struct forecaster_series forecaster_series_new(uint32_t n, uint64_t seed)
{
    struct random random;
    random_seed(&random, seed, 1);
    struct forecaster_series s = {n, mem_array(n, sizeof(double))};
    for (uint32_t i = 0; i < n; i++) {
        double noise = random_normal(&random);
        s.y[i] = 100 + 0.02 * i + 10 * sin(2 * M_PI * i / 7) + 5 * cos(2 * M_PI * i / 28) + noise;
        if (random_below(&random, 50) == 0) {
            s.y[i] = NAN;
        }
    }
    return s;
}

void forecaster_series_free(struct forecaster_series *s)
{
    mem_free(s->y);
}

void *forecaster_open(const struct forecaster_def *def, const void *options)
{
    struct forecaster_setup setup = {
        .options = options,
        .horizon = horizons,
        .nhorizons = 3,
        .season = seasons,
        .nseasons = def->most_seasons < 2 ? def->most_seasons : 2,
        .seed = 42,
    };
    void *f = def->open(&setup);
    assert_non_null(f);
    return f;
}

const void *forecaster_options(const struct forecaster_def *def, const char *text, struct arena *a)
{
    struct diags diags;
    struct yaml *y;
    struct err e = {0};
    diags_init(&diags);
    void *out = arena_zalloc(a, def->options_size + 1);
    assert_int_equal(yaml_parse(&y, a, "options", text, strlen(text), &diags), 0);
    assert_int_equal(config_parse(def->options, out, y, "options", a, &diags), 0);
    assert_int_equal(def->check ? def->check(out, &e) : 0, 0);
    diags_done(&diags);
    return out;
}

/* As a host without a trainer does. */
static void learn(const struct forecaster_def *def, void *f, double y)
{
    def->learn(f, y);
    trainable_now(def->training, f);
}

static void save(const struct forecaster_def *def, void *f, struct buffer *out)
{
    buffer_init(out);
    struct snapshot s = snapshot_saver(out);
    assert_int_equal(def->io(f, &s), 0);
}

static void assert_same_state(const struct forecaster_def *def, void *a, void *b)
{
    struct buffer x, y;
    save(def, a, &x);
    save(def, b, &y);
    assert_int_equal(x.n, y.n);
    assert_memory_equal(x.data, y.data, x.n);
    buffer_done(&x);
    buffer_done(&y);
}

void check_forecaster_continues(const struct forecaster_def *def, const void *options,
                                const struct forecaster_series *series)
{
    /* Before the first value, before the first season is over, in the middle. */
    uint32_t cut[] = {0, 1, 5, series->n / 2};
    for (int k = 0; k < 4; k++) {
        struct buffer half;
        void *a = forecaster_open(def, options), *b = forecaster_open(def, options);
        for (uint32_t i = 0; i < cut[k]; i++) {
            learn(def, a, series->y[i]);
        }
        save(def, a, &half);
        struct snapshot s = snapshot_loader(half.data, half.n);
        assert_int_equal(def->io(b, &s), 0);
        assert_ptr_equal(s.p, s.end);
        for (uint32_t i = cut[k]; i < series->n; i++) {
            double p[3] = {0}, q[3] = {0};
            def->predict(a, p);
            def->predict(b, q);
            assert_memory_equal(p, q, sizeof(p));
            learn(def, a, series->y[i]);
            learn(def, b, series->y[i]);
        }
        assert_same_state(def, a, b);
        buffer_done(&half);
        def->close(a);
        def->close(b);
    }
}

/* Loads bytes and, when they are taken, uses what came of it. */
static int load_and_use(const struct forecaster_def *def, const void *options, const char *bytes,
                        size_t n)
{
    double out[3];
    void *f = forecaster_open(def, options);
    struct snapshot s = snapshot_loader(bytes, n);
    int status = def->io(f, &s);
    if (status == 0) {
        for (int i = 0; i < 3; i++) {
            def->predict(f, out);
            learn(def, f, 100 + i);
        }
    }
    def->close(f);
    return status;
}

void check_forecaster_refuses_damage(const struct forecaster_def *def, const void *options,
                                     const struct forecaster_series *series)
{
    struct buffer good;
    void *f = forecaster_open(def, options);
    for (uint32_t i = 0; i < series->n && i < DAMAGE_ROWS; i++) {
        learn(def, f, series->y[i]);
    }
    save(def, f, &good);
    def->close(f);
    size_t pace = 1 + good.n / 2000; /* of a large snapshot, some places: all of its first bytes */
    for (size_t n = 0; n < good.n; n += n < 200 ? 1 : pace) {
        assert_int_equal(load_and_use(def, options, good.data, n), -ERR_DATA);
    }
    for (size_t i = 0; i < good.n; i += i < 200 ? 1 : pace) {
        for (int bit = 0; bit < 8; bit++) {
            good.data[i] = (char)(good.data[i] ^ (1 << bit));
            load_and_use(def, options, good.data, good.n);
            good.data[i] = (char)(good.data[i] ^ (1 << bit));
        }
    }
    assert_int_equal(load_and_use(def, options, good.data, good.n), 0);
    buffer_done(&good);
}

void check_forecaster_predict_is_pure(const struct forecaster_def *def, const void *options,
                                      const struct forecaster_series *series)
{
    void *a = forecaster_open(def, options), *b = forecaster_open(def, options);
    for (uint32_t i = 0; i < series->n; i++) {
        double p[3] = {-7.5e307, -7.5e307, -7.5e307}, q[3];
        def->predict(a, p);
        def->predict(a, q);
        assert_memory_equal(p, q, sizeof(p));
        for (int h = 0; h < 3; h++) {
            assert_true(p[h] != -7.5e307 && !isinf(p[h]));
        }
        learn(def, a, series->y[i]);
        learn(def, b, series->y[i]);
    }
    assert_same_state(def, a, b);
    def->close(a);
    def->close(b);
}

static double odd_value(int kind, uint32_t i)
{
    static const double jumps[] = {1e150, -1e150, 0, 1, NAN, 1e-300, -1e150, 5e-324};
    switch (kind) {
    case 0:
        return NAN;
    case 1:
        return 0;
    case 2:
        return 42;
    case 3:
        return -1e150;
    case 4:
        return jumps[i % 8];
    case 5:
        return i % 9 == 0 ? 3 : (double)NAN;
    default:
        return i < 200 ? 5 : 1e150;
    }
}

void check_forecaster_odd_series(const struct forecaster_def *def, const void *options)
{
    for (int kind = 0; kind < 7; kind++) {
        void *f = forecaster_open(def, options);
        double out[3], constant = odd_value(kind, 0);
        for (uint32_t i = 0; i < 400; i++) {
            def->predict(f, out);
            for (int h = 0; h < 3; h++) {
                assert_true(!isinf(out[h]));
                assert_true(kind > 0 || isnan(out[h]));
            }
            learn(def, f, odd_value(kind, i));
        }
        def->predict(f, out);
        for (int h = 0; h < 3 && kind >= 1 && kind <= 3; h++) {
            assert_true(fabs(out[h] - constant) <= fabs(constant) * 1e-3 + 1e-6);
        }
        def->close(f);
    }
}

void check_forecaster(const struct forecaster_def *def, const void *options)
{
    struct forecaster_series s = forecaster_series_new(400, 11);
    check_forecaster_predict_is_pure(def, options, &s);
    check_forecaster_continues(def, options, &s);
    check_forecaster_refuses_damage(def, options, &s);
    check_forecaster_odd_series(def, options);
    forecaster_series_free(&s);
}
