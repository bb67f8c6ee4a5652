/* A model's training is the same, bit for bit, in its row, on a copy, and in another thread; one
 * that is cancelled ends early and changes nothing. */
#include "ml/model_training.h"

#include "engine/arena.h"
#include "engine/memory.h"
#include "engine/random.h"
#include "tests/support/learner_options.h"
#include "worker/trainer_thread.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

extern const struct learner_def learner_random_forest, learner_isolation_forest,
    learner_gaussian_nb, learner_mlp, learner_kmeans;

enum { ROWS = 500, COLUMNS = 4 };

static const struct kind {
    const struct learner_def *def;
    enum learner_task task;
    const char *options;
    bool is_scaled;
} kinds[] = {
    {&learner_random_forest, LEARN_CLASSES, "{n_models: 10}", false},
    {&learner_random_forest, LEARN_VALUES, "{n_models: 10}", true},
    {&learner_isolation_forest, LEARN_SCORES, "{}", false},
    {&learner_gaussian_nb, LEARN_CLASSES, "{}", true},
    {&learner_mlp, LEARN_CLASSES, "{}", true},
    {&learner_kmeans, LEARN_CLUSTERS, "{}", true},
};

struct world {
    struct arena mem;
    struct learner_column column[COLUMNS];
    struct model_config config;
    struct model_scratch scratch;
    struct model at_once, later;
    struct random random;
};

static void set_up(struct world *w, const struct kind *k)
{
    arena_init(&w->mem);
    for (int i = 0; i < COLUMNS; i++) {
        w->column[i] = (struct learner_column){.name = i > 0 ? "b" : "a"};
    }
    w->config = (struct model_config){
        .def = k->def,
        .task = k->task,
        .options = learner_options(k->def, &w->mem, k->options),
        .column = w->column,
        .ncolumns = COLUMNS,
        .is_scaled = k->is_scaled,
        .is_batch = true,
        .batch = {.window_rows = 150, .every_rows = 60, .min_rows = 50},
    };
    random_seed(&w->random, 3, 1);
    model_init(&w->at_once, &w->config, 42);
    model_init(&w->later, &w->config, 42);
    model_scratch_init(&w->scratch, &w->config);
    if (k->task == LEARN_CLASSES) {
        model_grow(&w->at_once, 3);
        model_grow(&w->later, 3);
    }
}

static void tear_down(struct world *w)
{
    model_done(&w->at_once);
    model_done(&w->later);
    model_scratch_done(&w->scratch);
    arena_done(&w->mem);
}

static void learn_row(struct world *w, int64_t time)
{
    double x[COLUMNS], y = 0;
    for (int i = 0; i < COLUMNS; i++) {
        x[i] = random_normal(&w->random);
        y += x[i];
    }
    y = w->config.task == LEARN_CLASSES ? (y > 1) + (y > -1) : y;
    w->scratch.trains_later = false;
    model_learn(&w->at_once, x, y, time, &w->scratch);
    w->scratch.trains_later = true;
    model_learn(&w->later, x, y, time, &w->scratch);
}

static void assert_same(struct world *w)
{
    struct buffer a, b;
    buffer_init(&a);
    buffer_init(&b);
    struct snapshot s = snapshot_saver(&a);
    assert_int_equal(model_io(&w->at_once, w->at_once.classes, &s), 0);
    s = snapshot_saver(&b);
    assert_int_equal(model_io(&w->later, w->later.classes, &s), 0);
    assert_int_equal(a.n, b.n);
    assert_memory_equal(a.data, b.data, a.n);
    buffer_done(&a);
    buffer_done(&b);
}

static void on_a_copy(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        struct world w;
        int trainings = 0;
        set_up(&w, &kinds[k]);
        for (int i = 0; i < ROWS; i++) {
            learn_row(&w, i);
            assert_false(w.at_once.owes);
            if (!w.later.owes) {
                continue;
            }
            assert_int_equal(w.later.due, ++trainings);
            assert_int_equal(w.later.version, trainings - 1);
            model_train(&w.later);
            assert_false(w.later.owes);
            assert_same(&w);
        }
        assert_int_equal(trainings, 1 + (ROWS - 50) / 60);
        tear_down(&w);
    }
}

/* Rows go on meanwhile: what the training learns was copied before. */
static void in_another_thread(void **state)
{
    (void)state;
    struct trainer_thread *thread;
    struct err e = {0};
    assert_int_equal(trainer_thread_start(&thread, &e), 0);
    struct trainer *t = trainer_thread_trainer(thread);
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        struct world w;
        struct training *x = NULL;
        set_up(&w, &kinds[k]);
        for (int i = 0; i < 100; i++) {
            learn_row(&w, i);
            if (i == 49) {
                x = t->start(t, &(struct trainer_job){model_training_run, model_training_free,
                                                      model_training_new(&w.later)});
            }
        }
        while (!t->is_done(x)) {
            sched_yield();
        }
        void *data;
        assert_int_equal(t->collect(x, &data), 0);
        model_trainable.take(&w.later, data);
        model_trainable.ended(&w.later, 1);
        model_trainable.free(data);
        assert_int_equal(w.later.version, 1);
        assert_same(&w);
        tear_down(&w);
    }
    trainer_thread_stop(thread);
}

static int asked;

static bool set_at_last(const struct cancel *c)
{
    (void)c;
    return ++asked > 2;
}

static void cancelled(void **state)
{
    (void)state;
    const struct cancel cancel = {set_at_last};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        struct world w;
        set_up(&w, &kinds[k]);
        for (int i = 0; i < 50; i++) {
            learn_row(&w, i);
        }
        struct model_training *t = model_training_new(&w.later);
        asked = 0;
        if (kinds[k].def->fit) { /* else 50 rows are one piece */
            assert_int_equal(model_training_run(t, &cancel), -ERR_ABORT);
            assert_int_equal(asked, 4);
        }
        model_training_free(t);
        assert_int_equal(w.later.version, 0);
        assert_true(w.later.owes);
        assert_int_equal(model_trainable.owes(&w.later), 1);
        model_trainable.ended(&w.later, 1);
        assert_false(w.later.owes);
        tear_down(&w);
    }
}

/* A training that is owed survives a save; older snapshots owe none. */
static void owed_over_a_restart(void **state)
{
    (void)state;
    struct world w;
    struct buffer saved;
    set_up(&w, &kinds[0]);
    for (int i = 0; i < 115; i++) {
        learn_row(&w, i);
    }
    assert_true(w.later.owes && w.later.due == 2 && w.later.version == 0);
    buffer_init(&saved);
    struct snapshot s = snapshot_saver(&saved);
    assert_int_equal(model_io(&w.later, 3, &s), 0);
    model_done(&w.later);
    model_init(&w.later, &w.config, 42);
    s = snapshot_loader(saved.data, saved.n);
    assert_int_equal(model_io(&w.later, 3, &s), 0);
    assert_true(w.later.owes && w.later.due == 2 && w.later.version == 0);
    model_train(&w.later);
    assert_int_equal(w.later.version, 2);
    buffer_done(&saved);
    tear_down(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_a_copy),
        cmocka_unit_test(in_another_thread),
        cmocka_unit_test(cancelled),
        cmocka_unit_test(owed_over_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
