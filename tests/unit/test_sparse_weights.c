/* Sparse weights beside an array of all weights; and every learner that takes sparse features
 * beside itself with the same features dense. */
#include "ml/sparse_weights.h"

#include "engine/random.h"
#include "engine/registry.h"
#include "tests/unit/learner_harness.h"

enum { DENSE = 3, SPARSE = 20, COLUMNS = DENSE + SPARSE, SPACE = 16777216, ROWS = 300 };

/* Numbers that sparse columns have, far from each other and all over the space. */
static uint32_t number_of(uint32_t column)
{
    return (column * 7919919U + 5) % SPACE;
}

struct sample {
    double x[COLUMNS], y;
    struct sparse_item item[SPARSE];
    uint32_t n;
};

static struct sample samples[ROWS];

static void make_samples(uint32_t classes)
{
    struct random random;
    random_seed(&random, 11, 0);
    for (uint32_t r = 0; r < ROWS; r++) {
        struct sample *s = &samples[r];
        *s = (struct sample){.y = random_below(&random, classes)};
        for (uint32_t c = 0; c < COLUMNS; c++) {
            bool is_there = c < DENSE || (c % classes == (uint32_t)s->y && r > 2 * c) ||
                            random_below(&random, 4) == 0;
            s->x[c] = is_there ? random_normal(&random) + (c % 2 ? 1 : -1) : 0;
            if (c >= DENSE && is_there) {
                s->item[s->n++] = (struct sparse_item){number_of(c), s->x[c]};
            }
        }
    }
}

static void *open_with(const struct learner_def *def, const void *options, enum learner_task task,
                       uint32_t columns, uint32_t nsparse)
{
    static const struct learner_column column[COLUMNS];
    struct learner_setup setup = {.task = task,
                                  .options = options,
                                  .column = column,
                                  .ncolumns = columns,
                                  .nsparse = nsparse,
                                  .seed = 3};
    return def->open(&setup);
}

static void predict(const struct learner_def *def, void *l, const struct sample *s, double *out)
{
    struct sparse_row row = {s->item, s->n};
    def->predict_sparse(l, s->x, &row, out);
}

static void learn(const struct learner_def *def, void *l, const struct sample *s)
{
    struct sparse_row row = {s->item, s->n};
    def->learn_sparse(l, s->x, &row, s->y, 1);
}

static uint32_t classes_of(const struct learner_def *def)
{
    return def->is_binary ? 2 : 4;
}

static void check_beside_dense(const struct learner_def *def, enum learner_task task,
                               const char *text)
{
    double p[8] = {0}, q[8] = {0};
    const void *options = options_of(def, text);
    void *dense = open_with(def, options, task, COLUMNS, 0);
    void *sparse = open_with(def, options, task, DENSE, SPACE);
    for (uint32_t c = 1; task == LEARN_CLASSES && def->grow && c <= classes_of(def); c++) {
        def->grow(dense, c);
        def->grow(sparse, c);
    }
    for (uint32_t r = 0; r < ROWS; r++) {
        const struct sample *s = &samples[r];
        def->predict(dense, s->x, 1, p, 8);
        predict(def, sparse, s, q);
        for (int i = 0; i < 8; i++) {
            assert_true(fabs(p[i] - q[i]) <= 1e-9 * fmax(1, fabs(p[i])));
        }
        def->learn(dense, s->x, 1, &s->y, NULL);
        learn(def, sparse, s);
    }
    assert_true(def->size(sparse) < 60000); /* of 16 million only those that were there */
    def->close(dense);
    def->close(sparse);
}

/* Saved in the middle: the same bytes in the end. Truncated: refused. Changed: no crash. */
static void check_snapshots(const struct learner_def *def, enum learner_task task, const char *text)
{
    struct buffer half, end_a, end_b;
    double p[8];
    const void *options = options_of(def, text);
    void *a = open_with(def, options, task, DENSE, SPACE);
    uint32_t classes = task == LEARN_CLASSES && def->grow ? classes_of(def) : 0;
    if (classes > 0) {
        def->grow(a, classes);
    }
    for (uint32_t r = 0; r < ROWS / 2; r++) {
        learn(def, a, &samples[r]);
    }
    buffer_init(&half);
    buffer_init(&end_a);
    buffer_init(&end_b);
    struct snapshot s = snapshot_saver(&half);
    assert_int_equal(def->io(a, &s), 0);
    assert_true(half.n < 4 * classes_of(def) * COLUMNS * sizeof(double) + 200);
    void *b = open_with(def, options, task, DENSE, SPACE);
    s = snapshot_loader(half.data, half.n);
    assert_int_equal(def->io(b, &s), 0);
    assert_ptr_equal(s.p, s.end);
    for (uint32_t r = ROWS / 2; r < ROWS; r++) {
        learn(def, a, &samples[r]);
        learn(def, b, &samples[r]);
    }
    s = snapshot_saver(&end_a);
    assert_int_equal(def->io(a, &s), 0);
    s = snapshot_saver(&end_b);
    assert_int_equal(def->io(b, &s), 0);
    assert_int_equal(end_a.n, end_b.n);
    assert_memory_equal(end_a.data, end_b.data, end_a.n);
    def->close(a);
    def->close(b);
    for (size_t n = 0; n < half.n; n++) {
        void *l = open_with(def, options, task, DENSE, SPACE);
        s = snapshot_loader(half.data, n);
        assert_int_equal(def->io(l, &s), -ERR_DATA);
        def->close(l);
    }
    for (size_t i = 0; i < half.n; i++) {
        void *l = open_with(def, options, task, DENSE, SPACE);
        half.data[i] = (char)(half.data[i] ^ (1 << i % 8));
        s = snapshot_loader(half.data, half.n);
        if (def->io(l, &s) == 0) {
            if (classes > 0) {
                def->grow(l, 8);
            }
            predict(def, l, &samples[0], p);
            learn(def, l, &samples[0]);
        }
        half.data[i] = (char)(half.data[i] ^ (1 << i % 8));
        def->close(l);
    }
    buffer_done(&half);
    buffer_done(&end_a);
    buffer_done(&end_b);
}

static bool has_option(const struct learner_def *def, const char *name)
{
    for (const struct config_field *f = def->options; f->name; f++) {
        if (strcmp(f->name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Features of a row alone move: adam and ftrl, which move all dense ones, are compared with River.
 */
static void learners_are_what_they_are_dense(void **state)
{
    (void)state;
    int n = 0;
    for (size_t i = 0; registry_learners[i]; i++) {
        const struct learner_def *def = registry_learners[i];
        assert_true((def->learn_sparse != NULL) == (def->predict_sparse != NULL));
        if (!def->learn_sparse) {
            continue;
        }
        make_samples(classes_of(def));
        for (unsigned task = LEARN_CLASSES; task <= LEARN_VALUES; task *= 2) {
            if (!(def->tasks & task)) {
                continue;
            }
            n++;
            check_beside_dense(def, task, "{}");
            check_snapshots(def, task, "{}");
            if (has_option(def, "optimizer")) {
                check_beside_dense(def, task, "{optimizer: {name: adagrad, lr: 0.05}}");
                check_snapshots(def, task, "{optimizer: adam}");
            }
            if (has_option(def, "l1")) {
                check_snapshots(def, task, "{l1: 0.01, optimizer: ftrl}");
            }
        }
    }
    assert_int_equal(n, 6);
}

static void weights_of_features_that_are_away_stay(void **state)
{
    (void)state;
    struct optimizer optimizer;
    struct sparse_weights w;
    assert_int_equal(optimizer_read(&optimizer, NULL, 0.5, "adam", NULL), 0);
    sparse_weights_init(&w, 1000, 3, 1);
    sparse_weights_grow(&w, 1);
    const struct sparse_item one = {7, 2}, other = {8, 1};
    struct sparse_row row = {&one, 1}, next = {&other, 1};
    struct sparse_step step = {&optimizer, 0.5, 1, 0.1};
    sparse_weights_find(&w, &row);
    assert_int_equal(w.place[0], SPARSE_NONE);
    sparse_weights_descend(&w, 0, &step, &row);
    assert_int_equal(w.n, 1);
    double before[3];
    memcpy(before, sparse_weights_at(&w, 0, 1), sizeof before);
    assert_true(before[0] < 0 && before[1] > 0 && before[2] > 0);
    sparse_weights_find(&w, &next);
    sparse_weights_descend(&w, 0, &step, &next);
    assert_memory_equal(before, sparse_weights_at(&w, 0, 1), sizeof before);
    sparse_weights_find(&w, &row);
    assert_true(sparse_weights_dot(&w, 0, &row) == 2 * before[0]);
    sparse_weights_done(&w);
}

static void what_does_not_move_has_no_place(void **state)
{
    (void)state;
    struct optimizer optimizer;
    struct sparse_weights w;
    assert_int_equal(optimizer_read(&optimizer, NULL, (double)NAN, "ftrl", NULL), 0);
    sparse_weights_init(&w, 1000, 3, 1);
    sparse_weights_grow(&w, 2);
    const struct sparse_item item[] = {{1, 2}, {2, 3}, {999, 4}};
    struct sparse_row row = {item, 3};
    struct sparse_step still = {&optimizer, 0.5, 0, 0.1}, moving = {&optimizer, 0.5, 1, 0.1};
    sparse_weights_find(&w, &row);
    sparse_weights_descend(&w, 0, &still, &row);
    assert_int_equal(w.n, 0);
    row.n = 1;
    sparse_weights_find(&w, &row);
    sparse_weights_descend(&w, 1, &moving, &row);
    row.n = 3;
    sparse_weights_find(&w, &row);
    sparse_weights_descend(&w, 0, &still, &row);
    assert_int_equal(w.n, 1);
    for (uint32_t b = 0; b < 2; b++) {
        for (int i = 0; i < 3; i++) {
            assert_true(sparse_weights_at(&w, b, SPARSE_NONE)[i] == 0);
        }
    }
    sparse_weights_done(&w);
}

/* Whatever the table's seed: each has its own place, in order of first touch. */
static void many_features_keep_apart(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 5; seed++) {
        struct optimizer optimizer;
        struct sparse_weights w;
        assert_int_equal(optimizer_read(&optimizer, NULL, 1, "sgd", NULL), 0);
        sparse_weights_init(&w, SPACE, 1, seed);
        sparse_weights_grow(&w, 1);
        for (uint32_t round = 0; round < 2; round++) {
            for (uint32_t i = 0; i < 20000; i++) {
                /* All multiples of 256, then neighbours. */
                struct sparse_item item = {i < 10000 ? i * 256 : i, i};
                struct sparse_row row = {&item, 1};
                struct sparse_step step = {&optimizer, 1, -1, 0};
                sparse_weights_find(&w, &row);
                sparse_weights_descend(&w, 0, &step, &row);
            }
        }
        uint32_t twice = 0;
        for (uint32_t i = 10000; i < 20000; i++) {
            twice += i % 256 == 0;
        }
        assert_int_equal(w.n, 19999 - twice); /* feature 0 came with the value 0 */
        struct sparse_item item = {256 * 77.0, 1};
        struct sparse_row row = {&item, 1};
        sparse_weights_find(&w, &row);
        assert_true(sparse_weights_dot(&w, 0, &row) == 2 * (77 + 19712));
        sparse_weights_done(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(learners_are_what_they_are_dense, set_up, tear_down),
        cmocka_unit_test(weights_of_features_that_are_away_stay),
        cmocka_unit_test(what_does_not_move_has_no_place),
        cmocka_unit_test(many_features_keep_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
