/* Model: test, then train; classes as they appear; everything saved together. */
#include "ml/classifier.h"

#include "engine/arena.h"
#include "engine/memory.h"
#include "ml/model.h"
#include "tests/support/learner_check.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

extern const struct learner_def learner_logistic_regression, learner_softmax_regression,
    learner_gaussian_nb;

static struct arena arena;
static const char *problem; /* of the last label that was refused */
static const struct learner_column column[] = {{"a", false}, {"b", false}, {"c", false}};
static const char *const name[] = {"low", "high, by a long name", "middle"};

/* Options of a learner's defaults. */
static const void *defaults(const struct learner_def *def)
{
    struct diags d;
    struct yaml empty = {.kind = YAML_MAP};
    void *out = arena_zalloc(&arena, def->options_size + 1);
    diags_init(&d);
    assert_int_equal(config_parse(def->options, out, &empty, "", &arena, &d), 0);
    diags_done(&d);
    return out;
}

static struct classifier_config config_of(const struct learner_def *def, const struct type *label,
                                          bool is_scaled)
{
    return (struct classifier_config){
        .model = {.def = def,
                  .task = LEARN_CLASSES,
                  .options = defaults(def),
                  .column = column,
                  .ncolumns = 3,
                  .is_scaled = is_scaled},
        .label = label,
        .has_confusion = true,
        .has_auc = label->kind == TYPE_BOOLEAN,
    };
}

static struct vec label_of(const struct type *type, int class)
{
    struct vec v = vec_new(&arena, type, 1);
    if (type->kind == TYPE_STRING) {
        v.s[0] = str_ref(name[class], (uint32_t)strlen(name[class]));
    } else if (type->kind == TYPE_BOOLEAN) {
        v.b[0] = class != 0;
    } else {
        v.i[0] = class * 100;
    }
    return v;
}

/* As the step does: 1 when scored, 0 when not, or -ERR_DATA. */
static int teach(struct classifier *m, const double *x, const struct vec *label, int predicted,
                 bool learns, struct model_scratch *scratch)
{
    struct outcome outcome;
    uint32_t known = m->classes.n;
    int class = classifier_class(m, label, 0, learns ? MAKE_CLASS : KNOWN_ONLY, &problem);
    if (class < 0) {
        return learns ? class : 0;
    }
    if (m->classes.n > known) {
        scratch->out[class] = 0;
    }
    struct class_prediction told = {predicted, predicted >= 0 ? scratch->out[class] : 0,
                                    m->auc ? classifier_p_true(m, scratch) : 0};
    return classifier_teach(m, x, class, 0, &told, learns, scratch, &outcome);
}

/* Tests, then trains on rows from .. to-1; the number of scored rows. */
static int run(struct classifier *m, const struct learner_data *d, uint32_t from, uint32_t to)
{
    struct model_scratch scratch;
    int scored = 0;
    model_scratch_init(&scratch, m->model.config);
    for (uint32_t r = from; r < to; r++) {
        const double *x = d->x + (size_t)r * 3;
        struct vec label = label_of(m->classes.type, (int)d->y[r]);
        int predicted = classifier_predict(m, x, &scratch);
        int status = teach(m, x, &label, predicted, true, &scratch);
        assert_true(status >= 0);
        scored += status;
    }
    model_scratch_done(&scratch);
    return scored;
}

static void save(struct classifier *m, struct buffer *out)
{
    buffer_init(out);
    struct snapshot s = snapshot_saver(out);
    assert_int_equal(classifier_io(m, &s), 0);
}

static void predicts_from_the_second_row_on(void **state)
{
    (void)state;
    struct learner_data d = learner_data_new(200, 3, 3, 2);
    struct classifier_config config = config_of(&learner_gaussian_nb, &type_string, false);
    struct classifier *m = classifier_new(&config, 1);
    assert_int_equal(run(m, &d, 0, d.rows), 199);
    assert_int_equal(m->model.rows, 200);
    assert_int_equal(m->classes.n, 3);
    assert_int_equal(m->evaluation.scores.rows, 199);
    assert_true(scores_accuracy(&m->evaluation.scores, SCORE_LEARNER) >
                scores_accuracy(&m->evaluation.scores, SCORE_MAJORITY) + 0.2);
    classifier_free(m);
    learner_data_free(&d);
}

static void a_binary_learner_refuses_a_third_class(void **state)
{
    (void)state;
    struct learner_data d = learner_data_new(40, 3, 2, 2);
    struct classifier_config config = config_of(&learner_logistic_regression, &type_string, true);
    struct classifier *m = classifier_new(&config, 1);
    struct model_scratch scratch;
    struct buffer before, after;
    model_scratch_init(&scratch, &config.model);
    run(m, &d, 0, 1);
    assert_int_equal(classifier_predict(m, d.x, &scratch), 0);
    assert_true(scratch.out[0] == 1); /* one class known: it is that one */
    run(m, &d, 1, d.rows);
    save(m, &before);
    struct vec third = label_of(&type_string, 2);
    assert_int_equal(teach(m, d.x, &third, 0, true, &scratch), -ERR_DATA);
    assert_non_null(strstr(problem, "softmax_regression"));
    save(m, &after);
    assert_int_equal(before.n, after.n);
    assert_memory_equal(before.data, after.data, before.n); /* nothing was learned or scored */
    buffer_done(&before);
    buffer_done(&after);
    model_scratch_done(&scratch);
    classifier_free(m);
    learner_data_free(&d);
}

static void a_boolean_label_has_fixed_classes_in_a_binary_learner(void **state)
{
    (void)state;
    struct classifier_config config = config_of(&learner_logistic_regression, &type_boolean, false);
    struct classifier *m = classifier_new(&config, 1);
    struct model_scratch scratch;
    double x[3] = {1, 2, 3};
    model_scratch_init(&scratch, &config.model);
    assert_int_equal(classifier_predict(m, x, &scratch), -1);
    struct vec yes = label_of(&type_boolean, 1);
    assert_int_equal(teach(m, x, &yes, -1, true, &scratch), 0);
    assert_int_equal(classifier_predict(m, x, &scratch), 1);
    assert_true(scratch.out[1] > 0.5 && scratch.out[0] + scratch.out[1] == 1);
    model_scratch_done(&scratch);
    classifier_free(m);
}

static void scores_without_learning(void **state)
{
    (void)state;
    struct learner_data d = learner_data_new(60, 3, 2, 2);
    struct classifier_config config = config_of(&learner_gaussian_nb, &type_long, true);
    struct classifier *m = classifier_new(&config, 1);
    struct model_scratch scratch;
    model_scratch_init(&scratch, &config.model);
    run(m, &d, 0, d.rows);
    struct vec known = label_of(&type_long, 1), unknown = label_of(&type_long, 2);
    int predicted = classifier_predict(m, d.x, &scratch);
    assert_int_equal(teach(m, d.x, &known, predicted, false, &scratch), 1);
    assert_int_equal(teach(m, d.x, &unknown, predicted, false, &scratch), 0);
    assert_int_equal(teach(m, d.x, &known, -1, false, &scratch), 0);
    assert_int_equal(m->model.rows, 60);
    assert_int_equal(m->evaluation.scores.rows, 60);
    model_scratch_done(&scratch);
    classifier_free(m);
    learner_data_free(&d);
}

static void a_diverged_learner_has_no_prediction(void **state)
{
    (void)state;
    struct classifier_config config = config_of(&learner_softmax_regression, &type_long, false);
    struct classifier *m = classifier_new(&config, 1);
    struct learner_data d = {.rows = 4, .columns = 3};
    double x[12], y[] = {0, 1, 0, 1};
    for (int i = 0; i < 12; i++) {
        x[i] = 1e150 * (i % 2 ? -1 : 1);
    }
    d.x = x;
    d.y = y;
    struct model_scratch scratch;
    model_scratch_init(&scratch, &config.model);
    for (int i = 0; i < 20; i++) {
        run(m, &d, 0, 4);
        int predicted = classifier_predict(m, x, &scratch);
        assert_true(predicted == -1 || isfinite(scratch.out[predicted]));
    }
    model_scratch_done(&scratch);
    classifier_free(m);
}

static void goes_on_bit_for_bit_after_load(void **state)
{
    (void)state;
    const struct learner_def *def[] = {&learner_logistic_regression, &learner_softmax_regression,
                                       &learner_gaussian_nb};
    const struct type *type[] = {&type_string, &type_long, &type_boolean};
    for (int i = 0; i < 9; i++) {
        struct learner_data d = learner_data_new(150, 3, 2, 20);
        struct classifier_config config = config_of(def[i / 3], type[i % 3], i % 2 == 0);
        struct classifier *a = classifier_new(&config, 1), *b = classifier_new(&config, 1);
        struct buffer half, end_a, end_b;
        run(a, &d, 0, 70);
        save(a, &half);
        struct snapshot s = snapshot_loader(half.data, half.n);
        assert_int_equal(classifier_io(b, &s), 0);
        assert_ptr_equal(s.p, s.end);
        run(a, &d, 70, 150);
        run(b, &d, 70, 150);
        save(a, &end_a);
        save(b, &end_b);
        assert_int_equal(end_a.n, end_b.n);
        assert_memory_equal(end_a.data, end_b.data, end_a.n);
        assert_memory_equal(&a->evaluation.scores, &b->evaluation.scores, sizeof(struct scores));
        buffer_done(&half);
        buffer_done(&end_a);
        buffer_done(&end_b);
        classifier_free(a);
        classifier_free(b);
        learner_data_free(&d);
    }
}

static void refuses_snapshots_of_others(void **state)
{
    (void)state;
    struct learner_data d = learner_data_new(20, 3, 2, 20);
    static const struct learner_column other_columns[] = {{"a", false}, {"x", false}, {"c", false}};
    struct classifier_config config = config_of(&learner_gaussian_nb, &type_long, false);
    struct classifier_config other[4] = {config, config, config, config};
    other[0] = config_of(&learner_softmax_regression, &type_long, false);
    other[1].model.is_scaled = true;
    other[2].label = &type_string;
    other[3].model.column = other_columns;
    struct classifier *m = classifier_new(&config, 1);
    struct buffer saved;
    run(m, &d, 0, d.rows);
    save(m, &saved);
    for (int i = 0; i < 4; i++) {
        struct classifier *o = classifier_new(&other[i], 1);
        struct snapshot s = snapshot_loader(saved.data, saved.n);
        assert_int_equal(classifier_io(o, &s), -ERR_DATA);
        classifier_free(o);
    }
    buffer_done(&saved);
    classifier_free(m);
    learner_data_free(&d);
}

static void damage_never_does_harm(void **state)
{
    (void)state;
    struct learner_data d = learner_data_new(50, 3, 3, 20);
    struct classifier_config config = config_of(&learner_softmax_regression, &type_string, true);
    struct classifier *m = classifier_new(&config, 1);
    struct buffer saved;
    run(m, &d, 0, 40);
    save(m, &saved);
    for (size_t n = 0; n < saved.n; n++) {
        struct classifier *o = classifier_new(&config, 1);
        struct snapshot s = snapshot_loader(saved.data, n);
        assert_int_equal(classifier_io(o, &s), -ERR_DATA);
        classifier_free(o);
    }
    for (size_t i = 0; i < saved.n * 8; i++) {
        struct classifier *o = classifier_new(&config, 1);
        saved.data[i / 8] = (char)(saved.data[i / 8] ^ (1 << (i % 8)));
        struct snapshot s = snapshot_loader(saved.data, saved.n);
        if (classifier_io(o, &s) == 0) {
            run(o, &d, 40, 42);
        }
        saved.data[i / 8] = (char)(saved.data[i / 8] ^ (1 << (i % 8)));
        classifier_free(o);
    }
    buffer_done(&saved);
    classifier_free(m);
    learner_data_free(&d);
}

static int load_with(const struct classifier_config *config, struct buffer *saved, size_t at,
                     double number)
{
    double kept;
    memcpy(&kept, saved->data + at, sizeof(kept));
    memcpy(saved->data + at, &number, sizeof(number));
    struct classifier *m = classifier_new(config, 1);
    struct snapshot s = snapshot_loader(saved->data, saved->n);
    int status = classifier_io(m, &s);
    classifier_free(m);
    memcpy(saved->data + at, &kept, sizeof(kept));
    return status;
}

/* A learner of batches would take its window's rows as they are: classes are indices of its arrays. */
static void a_window_has_rows_that_can_have_been_kept(void **state)
{
    (void)state;
    static const double no_class[] = {3, 999, -1, 1e300, (double)NAN};
    static const double no_number[] = {(double)NAN, (double)INFINITY, 1.1e150, -1e308};
    struct learner_data d = learner_data_new(30, 3, 3, 10);
    struct classifier_config config = config_of(&learner_softmax_regression, &type_string, true);
    config.model.is_batch = true;
    config.model.batch = (struct batch_plan){.window_rows = 50, .every_rows = 10, .min_rows = 5};
    struct classifier *m = classifier_new(&config, 1);
    struct buffer saved;
    buffer_init(&saved);
    run(m, &d, 0, 30);
    struct snapshot s = snapshot_saver(&saved);
    classifier_io(m, &s);
    size_t row = 0; /* where the eleventh is: its numbers, then its class */
    while (memcmp(saved.data + row, d.x + 30, 3 * sizeof(double)) != 0) {
        row++;
    }
    assert_int_equal(load_with(&config, &saved, row + 24, d.y[10]), 0);
    for (size_t i = 0; i < sizeof(no_class) / sizeof(*no_class); i++) {
        assert_int_equal(load_with(&config, &saved, row + 24, no_class[i]), -ERR_DATA);
    }
    for (size_t i = 0; i < sizeof(no_number) / sizeof(*no_number); i++) {
        assert_int_equal(load_with(&config, &saved, row + 8, no_number[i]), -ERR_DATA);
    }
    buffer_done(&saved);
    classifier_free(m);
    learner_data_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(predicts_from_the_second_row_on),
        cmocka_unit_test(a_binary_learner_refuses_a_third_class),
        cmocka_unit_test(a_boolean_label_has_fixed_classes_in_a_binary_learner),
        cmocka_unit_test(scores_without_learning),
        cmocka_unit_test(a_diverged_learner_has_no_prediction),
        cmocka_unit_test(goes_on_bit_for_bit_after_load),
        cmocka_unit_test(refuses_snapshots_of_others),
        cmocka_unit_test(damage_never_does_harm),
        cmocka_unit_test(a_window_has_rows_that_can_have_been_kept),
    };
    arena_init(&arena);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_done(&arena);
    return failed;
}
