/* Checks that every learner passes; see the header. Data are Gaussian clouds from a fixed seed. */
#include "tests/support/learner_check.h"

#include "engine/memory.h"
#include "engine/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct learner_data learner_data_new(uint32_t rows, uint32_t columns, uint32_t classes,
                                     uint64_t seed)
{
    struct random random;
    random_seed(&random, seed, 1);
    struct learner_data d = {
        rows,          columns, classes, mem_array((size_t)rows * columns, 8), mem_array(rows, 8),
        LEARN_CLASSES, NULL};
    double *centre = mem_array((size_t)classes * columns, 8);
    for (uint32_t i = 0; i < classes * columns; i++) {
        centre[i] = random_normal(&random);
    }
    for (uint32_t r = 0; r < rows; r++) {
        uint32_t class = r < classes ? r : random_below(&random, classes);
        d.y[r] = class;
        for (uint32_t c = 0; c < columns; c++) {
            d.x[r * columns + c] = centre[class * columns + c] + 0.7 * random_normal(&random);
        }
    }
    mem_free(centre);
    return d;
}

struct learner_data learner_values_new(uint32_t rows, uint32_t columns, uint64_t seed)
{
    struct random random;
    random_seed(&random, seed, 2);
    struct learner_data d = {
        rows,         columns, 0, mem_array((size_t)rows * columns, 8), mem_array(rows, 8),
        LEARN_VALUES, NULL};
    for (uint32_t r = 0; r < rows; r++) {
        d.y[r] = 1 + 0.1 * random_normal(&random);
        for (uint32_t c = 0; c < columns; c++) {
            double x = random_normal(&random);
            d.x[r * columns + c] = x;
            d.y[r] += (c % 2 == 0 ? 0.5 : -0.25) * x;
        }
    }
    return d;
}

void learner_data_free(struct learner_data *d)
{
    mem_free(d->x);
    mem_free(d->y);
}

void *learner_open(const struct learner_def *def, const void *options, const struct learner_data *d)
{
    static const struct learner_column column[64];
    struct learner_setup setup = {
        .task = d->task ? d->task : LEARN_CLASSES,
        .options = options,
        .column = d->column ? d->column : column,
        .ncolumns = d->columns,
        .seed = 42,
    };
    assert_true(d->columns <= 64);
    void *l = def->open(&setup);
    assert_non_null(l);
    return l;
}

void learner_feed(const struct learner_def *def, void *l, const struct learner_data *d,
                  uint32_t from, uint32_t to)
{
    uint32_t classes = 0;
    bool grows = def->grow && d->task != LEARN_VALUES;
    for (uint32_t r = 0; r < to; r++) {
        if (grows && (uint32_t)d->y[r] >= classes) {
            classes = (uint32_t)d->y[r] + 1;
        }
        if (r < from) {
            continue;
        }
        if (grows) {
            def->grow(l, classes);
        }
        def->learn(l, d->x + (size_t)r * d->columns, 1, d->y + r, NULL);
    }
}

static void save(const struct learner_def *def, void *l, struct buffer *out)
{
    buffer_init(out);
    struct snapshot s = snapshot_saver(out);
    assert_int_equal(def->io(l, &s), 0);
}

static void assert_same_bytes(const struct buffer *a, const struct buffer *b)
{
    assert_int_equal(a->n, b->n);
    assert_memory_equal(a->data, b->data, a->n);
}

void check_learns_rows_one_by_one(const struct learner_def *def, const void *options,
                                  const struct learner_data *d)
{
    struct buffer one, many;
    void *a = learner_open(def, options, d), *b = learner_open(def, options, d);
    learner_feed(def, a, d, 0, d->rows);
    /* The second one gets its rows in pieces of growing size, once all classes are known. */
    learner_feed(def, b, d, 0, d->classes);
    for (uint32_t at = d->classes, n = 1; at < d->rows; at += n, n += 3) {
        n = n > d->rows - at ? d->rows - at : n;
        def->learn(b, d->x + (size_t)at * d->columns, n, d->y + at, NULL);
    }
    save(def, a, &one);
    save(def, b, &many);
    assert_same_bytes(&one, &many);
    buffer_done(&one);
    buffer_done(&many);
    def->close(a);
    def->close(b);
}

void check_continues_after_load(const struct learner_def *def, const void *options,
                                const struct learner_data *d)
{
    struct buffer half, end_a, end_b;
    double p[CLASSES_MAX], q[CLASSES_MAX];
    void *a = learner_open(def, options, d), *b = learner_open(def, options, d);
    learner_feed(def, a, d, 0, d->rows / 2);
    save(def, a, &half);
    struct snapshot s = snapshot_loader(half.data, half.n);
    assert_int_equal(def->io(b, &s), 0);
    assert_ptr_equal(s.p, s.end);
    for (uint32_t r = d->rows / 2; r < d->rows; r++) {
        memset(p, 0, sizeof(p));
        memset(q, 0, sizeof(q));
        def->predict(a, d->x + (size_t)r * d->columns, 1, p, CLASSES_MAX);
        def->predict(b, d->x + (size_t)r * d->columns, 1, q, CLASSES_MAX);
        assert_memory_equal(p, q, sizeof(p));
        learner_feed(def, a, d, r, r + 1);
        learner_feed(def, b, d, r, r + 1);
    }
    save(def, a, &end_a);
    save(def, b, &end_b);
    assert_same_bytes(&end_a, &end_b);
    buffer_done(&half);
    buffer_done(&end_a);
    buffer_done(&end_b);
    def->close(a);
    def->close(b);
}

/* Loads bytes and, when they are taken, uses what came of it. */
static int load_and_use(const struct learner_def *def, const void *options,
                        const struct learner_data *d, const char *bytes, size_t n)
{
    static double out[CLASSES_MAX];
    void *l = learner_open(def, options, d);
    struct snapshot s = snapshot_loader(bytes, n);
    int status = def->io(l, &s);
    if (status == 0) {
        if (def->grow && d->task != LEARN_VALUES) {
            def->grow(l, d->classes);
        }
        def->predict(l, d->x, 1, out, CLASSES_MAX);
        def->learn(l, d->x, 1, d->y, NULL);
    }
    def->close(l);
    return status;
}

void check_refuses_damage(const struct learner_def *def, const void *options,
                          const struct learner_data *d)
{
    struct buffer good;
    void *l = learner_open(def, options, d);
    learner_feed(def, l, d, 0, d->rows);
    save(def, l, &good);
    def->close(l);
    for (size_t n = 0; n < good.n; n++) {
        assert_int_equal(load_and_use(def, options, d, good.data, n), -ERR_DATA);
    }
    for (size_t i = 0; i < good.n; i++) {
        for (int bit = 0; bit < 8; bit++) {
            good.data[i] = (char)(good.data[i] ^ (1 << bit));
            load_and_use(def, options, d, good.data, good.n);
            good.data[i] = (char)(good.data[i] ^ (1 << bit));
        }
    }
    assert_int_equal(load_and_use(def, options, d, good.data, good.n), 0);
    buffer_done(&good);
}

void check_probabilities(const struct learner_def *def, const void *options,
                         const struct learner_data *d)
{
    double p[CLASSES_MAX], odd[64];
    void *l = learner_open(def, options, d);
    learner_feed(def, l, d, 0, d->rows);
    for (int k = 0; k < 4; k++) {
        for (uint32_t c = 0; c < d->columns; c++) {
            odd[c] = (double[]){0, 1e6, -1e100, 1e-300}[k];
        }
        def->predict(l, odd, 1, p, CLASSES_MAX);
        double sum = 0;
        for (uint32_t c = 0; c < d->classes; c++) {
            assert_true(p[c] >= 0 && p[c] <= 1);
            sum += p[c];
        }
        assert_true(fabs(sum - 1) < 1e-12);
    }
    def->close(l);
}

void check_learner(const struct learner_def *def, const void *options, const struct learner_data *d)
{
    check_learns_rows_one_by_one(def, options, d);
    check_continues_after_load(def, options, d);
    check_refuses_damage(def, options, d);
    if (d->task != LEARN_VALUES) {
        check_probabilities(def, options, d);
    }
}
