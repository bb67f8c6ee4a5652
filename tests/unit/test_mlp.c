/* mlp: its step is the gradient of the loss by finite differences, layer by layer, for every
 * activation and both tasks, the spare output included; it learns what no line tells apart, also
 * behind rows of one class; snapshots of version 1 are taken. Tests ml/dense.c, too.
 */
#include "engine/random.h"
#include "ml/dense.h"
#include "tests/unit/learner_harness.h"

extern const struct learner_def learner_mlp;
static const struct learner_def *const def = &learner_mlp;

#define WEIGHTS_ROOM 64

static void save(void *l, struct buffer *out)
{
    buffer_init(out);
    struct snapshot s = snapshot_saver(out);
    assert_int_equal(def->io(l, &s), 0);
}

static double double_at(const struct buffer *b, size_t offset)
{
    double v;
    memcpy(&v, b->data + offset, sizeof(v));
    return v;
}

/* Of the bytes where version and number of classes stand. */
enum { VERSION_AT = 0, CLASSES_AT = 6 + 2 + 17 * 8 };

static void set_number(struct buffer *b, size_t offset, char from, char to)
{
    assert_int_equal(b->data[offset], 2 * from); /* engine/snapshot.h: small numbers take a byte */
    b->data[offset] = (char)(2 * to);
}

/* Makes a snapshot of three classes and a spare output one of four classes, as version 1 had it. */
static void count_the_spare_one(struct buffer *b)
{
    set_number(b, VERSION_AT, 2, 1);
    set_number(b, CLASSES_AT, 3, 4);
}

static double loss_of(const char *text, enum learner_task task, struct buffer *b, const double *x,
                      double y)
{
    double p[4];
    void *l = open_for(def, text, 2, task);
    struct snapshot s = snapshot_loader(b->data, b->n);
    assert_int_equal(def->io(l, &s), 0);
    def->predict(l, x, 1, p, 4);
    def->close(l);
    if (task == LEARN_VALUES) {
        return (p[0] - y) * (p[0] - y) / 2;
    }
    return -log(p[(int)y]);
}

static void check_gradient(const char *activation, enum learner_task task)
{
    char text[200];
    const double lr = 1e-3, h = 1e-5;
    uint32_t outputs = task == LEARN_VALUES ? 1 : 4; /* three classes and a spare one */
    snprintf(text, sizeof(text),
             "{hidden_layer_sizes: [3, 2], activation: %s, optimizer: sgd, lr: %g, l2: 0}",
             activation, lr);
    struct learner_data d =
        task == LEARN_VALUES ? learner_values_new(60, 2, 5) : learner_data_new(60, 2, 3, 5);
    void *l = learner_open(def, options_of(def, text), &d);
    for (int round = 0; round < 20; round++) { /* away from the start */
        learner_feed(def, l, &d, 0, d.rows);
    }
    /* head: version, 4 numbers and sizes, steps (2 bytes); then 3 x 3 and 2 x 4 doubles; the number
     * of outputs, their steps (2 bytes each), and 3 doubles of each. */
    size_t at = 6 + 2;
    size_t offset[WEIGHTS_ROOM];
    uint32_t n = 0;
    for (int i = 0; i < 9 + 8; i++, at += 8) {
        offset[n++] = at;
    }
    at += 1 + 2 * (size_t)outputs;
    for (uint32_t i = 0; i < 3 * outputs; i++, at += 8) {
        offset[n++] = at;
    }
    for (uint32_t r = 0; r < 6; r++) {
        const double *x = d.x + (size_t)r * 2;
        struct buffer before, after;
        save(l, &before);
        assert_int_equal(before.n, at);
        if (task == LEARN_CLASSES) {
            count_the_spare_one(&before);
        }
        learn_one(def, l, x, d.y[r]);
        save(l, &after);
        for (uint32_t i = 0; i < n; i++) {
            double w = double_at(&before, offset[i]), moved = double_at(&after, offset[i]);
            double up = w + h, down = w - h;
            memcpy(before.data + offset[i], &up, sizeof(up));
            double more = loss_of(text, task, &before, x, d.y[r]);
            memcpy(before.data + offset[i], &down, sizeof(down));
            double less = loss_of(text, task, &before, x, d.y[r]);
            memcpy(before.data + offset[i], &w, sizeof(w));
            assert_true(fabs((w - moved) / lr - (more - less) / (2 * h)) < 1e-5);
        }
        buffer_done(&before);
        buffer_done(&after);
    }
    def->close(l);
    learner_data_free(&d);
}

static void steps_are_gradients_by_finite_differences(void **state)
{
    (void)state;
    static const char *const activations[] = {"relu", "tanh", "logistic", "identity"};
    for (int i = 0; i < 4; i++) {
        check_gradient(activations[i], LEARN_VALUES);
        check_gradient(activations[i], LEARN_CLASSES);
    }
}

static void activations_and_their_derivatives(void **state)
{
    (void)state;
    const double h = 1e-6;
    for (int f = DENSE_RELU; f <= DENSE_IDENTITY; f++) {
        double a[3] = {-0.75, 0.5, 0.5 + h}, delta[2] = {1, 1};
        dense_activate((enum dense_activation)f, a, 3);
        dense_derive((enum dense_activation)f, a, delta, 2);
        assert_true(fabs(delta[1] - (a[2] - a[1]) / h) < 1e-5);
        assert_true((delta[0] == 0) == (f == DENSE_RELU));
    }
}

static void learns_what_no_line_tells_apart(void **state)
{
    (void)state;
    struct random random;
    void *l = open_for(def, "{hidden_layer_sizes: 16, lr: 0.01}", 2, LEARN_CLASSES);
    uint32_t hits = 0;
    random_seed(&random, 5, 5);
    def->grow(l, 2);
    for (int r = 0; r < 4000; r++) {
        double x[] = {random_normal(&random), random_normal(&random)};
        uint32_t y = (x[0] > 0) != (x[1] > 0);
        if (r >= 3000) {
            hits += (second_of(def, l, x) > 0.5) == (y == 1);
        }
        learn_one(def, l, x, y);
    }
    assert_true(hits > 930);
    def->close(l);
}

/* Share of rows put right of three clouds behind `alone` rows of one class: rows 100 to 400. */
static double right_behind_one_class(uint32_t alone)
{
    struct learner_data d = learner_data_new(400, 4, 3, 8);
    void *l = open_for(def, "{hidden_layer_sizes: [20, 10], lr: 0.005}", 4, LEARN_CLASSES);
    double p[3];
    uint32_t hits = 0;
    def->grow(l, 1);
    for (uint32_t r = 0; r < alone; r++) {
        uint32_t at = r % d.rows;
        if (d.y[at] == 0) {
            learn_one(def, l, d.x + (size_t)at * 4, 0);
        }
    }
    def->grow(l, 3);
    for (uint32_t r = 0; r < d.rows; r++) {
        def->predict(l, d.x + (size_t)r * 4, 1, p, 3);
        uint32_t best = p[1] > p[0] ? 1 : 0;
        best = p[2] > p[best] ? 2 : best;
        hits += r >= 100 && best == (uint32_t)d.y[r];
        learn_one(def, l, d.x + (size_t)r * 4, d.y[r]);
    }
    def->close(l);
    learner_data_free(&d);
    return hits / 300.0;
}

static void is_not_worn_away_by_rows_of_one_class(void **state)
{
    (void)state;
    assert_true(right_behind_one_class(0) > 0.9);
    assert_true(right_behind_one_class(6000) > 0.9);
}

/* The units of a class are the same whenever room is made for it. */
static void room_does_not_change_what_is_drawn(void **state)
{
    (void)state;
    struct learner_data d = learner_data_new(40, 2, 3, 6);
    void *l[2] = {open_for(def, "{hidden_layer_sizes: 4}", 2, LEARN_CLASSES),
                  open_for(def, "{hidden_layer_sizes: 4}", 2, LEARN_CLASSES)};
    struct buffer out[2];
    def->grow(l[1], 7);
    for (int i = 0; i < 2; i++) {
        learner_feed(def, l[i], &d, 0, d.rows);
        save(l[i], &out[i]);
    }
    assert_int_equal(out[0].n, out[1].n);
    assert_memory_equal(out[0].data, out[1].data, out[0].n);
    for (int i = 0; i < 2; i++) {
        buffer_done(&out[i]);
        def->close(l[i]);
    }
    learner_data_free(&d);
}

static void takes_snapshots_of_version_1(void **state)
{
    (void)state;
    struct learner_data d = learner_data_new(60, 2, 3, 5);
    const char *text = "{hidden_layer_sizes: [3, 2], optimizer: sgd}";
    void *l = learner_open(def, options_of(def, text), &d);
    void *old = learner_open(def, options_of(def, text), &d);
    struct buffer b;
    double p[4], sum = 0;
    for (int round = 0; round < 20; round++) {
        learner_feed(def, l, &d, 0, d.rows);
    }
    save(l, &b);
    count_the_spare_one(&b);
    struct snapshot s = snapshot_loader(b.data, b.n);
    assert_int_equal(def->io(old, &s), 0);
    assert_ptr_equal(s.p, s.end);
    def->predict(old, d.x, 1, p, 4);
    for (int c = 0; c < 4; c++) {
        assert_true(p[c] > 0);
        sum += p[c];
    }
    assert_true(fabs(sum - 1) < 1e-12);
    learn_one(def, old, d.x, 0);
    double more[4];
    def->predict(old, d.x, 1, more, 4);
    assert_true(more[0] > p[0]);
    buffer_done(&b);
    def->close(l);
    def->close(old);
    learner_data_free(&d);
}

static void one_class_is_certain(void **state)
{
    (void)state;
    const double x[] = {1, 2};
    double p[2];
    void *l = open_for(def, "{}", 2, LEARN_CLASSES);
    def->grow(l, 1);
    for (int r = 0; r < 50; r++) {
        learn_one(def, l, x, 0);
    }
    def->predict(l, x, 1, p, 2);
    assert_true(p[0] == 1);
    def->grow(l, 2); /* there is room for a second one, but no row of it yet */
    def->predict(l, x, 1, p, 2);
    assert_true(p[0] == 1 && p[1] == 0);
    def->close(l);
}

static void seeds_differ_and_repeat(void **state)
{
    (void)state;
    struct learner_column column[2] = {0};
    double out[3];
    for (int i = 0; i < 3; i++) {
        struct learner_setup setup = {
            LEARN_VALUES, options_of(def, "{}"), column, 2, i < 2 ? 1 : 2, 0};
        struct learner_data d = learner_values_new(50, 2, 1);
        void *l = def->open(&setup);
        learner_feed(def, l, &d, 0, d.rows);
        out[i] = value_of(def, l, d.x);
        def->close(l);
        learner_data_free(&d);
    }
    assert_true(out[0] == out[1] && out[0] != out[2]);
}

static void options_are_checked(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{hidden_layer_sizes: 0}",      "{hidden_layer_sizes: []}",
        "{hidden_layer_sizes: many}",   "{hidden_layer_sizes: [8, 5000]}",
        "{hidden_layer_sizes: [8, x]}", "{hidden_layer_sizes: -3}"};
    for (int i = 0; i < 6; i++) {
        assert_refused(def, bad[i], "hidden_layer_sizes");
    }
    assert_refused(def, "{hidden_layer_sizes: [1,1,1,1,1,1,1,1,1]}", "list of 1 to 8");
    assert_refused(def, "{optimizer: sgdd}", "did you mean sgd");
    assert_int_equal(def->check(options_of(def, "{hidden_layer_sizes: [32, 16]}"), NULL), 0);
    struct buffer words;
    buffer_init(&words);
    def->layout(options_of(def, "{hidden_layer_sizes: [32, 16]}"), &words);
    assert_string_equal(buffer_cstr(&words), "optimizer adam, relu 32 16\n");
    buffer_done(&words);
}

static void passes_what_every_learner_must(void **state)
{
    (void)state;
    struct learner_data d = learner_data_new(30, 3, 3, 2);
    check_learner(def, options_of(def, "{hidden_layer_sizes: 2}"), &d);
    check_learner(def, options_of(def, "{hidden_layer_sizes: [3, 1], optimizer: ftrl}"), &d);
    assert_foreign(def, &d, "{hidden_layer_sizes: 4}", "{hidden_layer_sizes: 5}");
    assert_foreign(def, &d, "{hidden_layer_sizes: 4}", "{hidden_layer_sizes: [4, 4]}");
    assert_foreign(def, &d, "{hidden_layer_sizes: 4}", "{hidden_layer_sizes: 4, activation: tanh}");
    assert_foreign(def, &d, "{hidden_layer_sizes: 4}", "{hidden_layer_sizes: 4, optimizer: ftrl}");
    assert_diverges(def, &d, "{optimizer: sgd, l2: 1e6, lr: 1e6}");
    assert_no_allocation(def, &d, "{}");
    learner_data_free(&d);
    d = learner_values_new(30, 3, 2);
    check_learner(def, options_of(def, "{hidden_layer_sizes: 3, activation: tanh}"), &d);
    learner_data_free(&d);
    d = learner_data_new(30, 64, 2, 12); /* with the bias a unit has more than one piece */
    check_learns_rows_one_by_one(def, options_of(def, "{hidden_layer_sizes: 2}"), &d);
    learner_data_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_are_gradients_by_finite_differences),
        cmocka_unit_test(activations_and_their_derivatives),
        cmocka_unit_test(learns_what_no_line_tells_apart),
        cmocka_unit_test(is_not_worn_away_by_rows_of_one_class),
        cmocka_unit_test(room_does_not_change_what_is_drawn),
        cmocka_unit_test(takes_snapshots_of_version_1),
        cmocka_unit_test(one_class_is_certain),
        cmocka_unit_test(seeds_differ_and_repeat),
        cmocka_unit_test(options_are_checked),
        cmocka_unit_test(passes_what_every_learner_must),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
