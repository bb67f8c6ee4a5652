/* Trainings beside the stream: rows go on with the old model, the new one goes in with a commit and
 * is the same that one thread makes; what is lost begins anew, what fails changes nothing. */
#include "ml/learning.h"

#include "engine/logger.h"
#include "engine/memory.h"
#include "engine/random.h"
#include "tests/support/held_trainer.h"
#include "tests/support/task_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 400 };
static char *rows[ROWS];

#define TOPOLOGY(step)                                                                             \
    "name: t\n"                                                                                    \
    "streams:\n"                                                                                   \
    "  s:\n"                                                                                       \
    "    from: {topic: x, value: json, key: {host: string},\n"                                     \
    "           columns: {host: string, a: double, b: double, kind: string}}\n"                    \
    "    steps:\n"                                                                                 \
    "      - " step "\n"                                                                           \
    "    to: {topic: out, key: none, value: json}\n"
#define BATCH "learn: {batch: {window: 100, every: 40, min_rows: 30}}}"

static const char *const forest =
    TOPOLOGY("classify: {algorithm: random_forest, features: [a, b], label: kind, as: p, per: "
             "partition,\n          options: {n_models: 5}, " BATCH);

static int make_rows(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 7, 1);
    for (int i = 0; i < ROWS; i++) {
        double a = random_normal(&random), b = random_normal(&random);
        const char *kind = a + 0.3 * random_normal(&random) > 0 ? "high" : b > 0 ? "odd" : "low";
        rows[i] = mem_printf("{\"host\": \"h%d\", \"a\": %.17g, \"b\": %.17g, \"kind\": \"%s\"}",
                             (int)random_below(&random, 2), a, b, kind);
    }
    return 0;
}

static int free_rows(void **state)
{
    (void)state;
    for (int i = 0; i < ROWS; i++) {
        mem_free(rows[i]);
    }
    return 0;
}

/* One row; what came out, until the next. */
static const char *push(struct task_rig *r, int i)
{
    const char key[] = {'h', rows[i][strlen("{\"host\": \"h")], 0};
    size_t before = r->n;
    assert_int_equal(task_rig_push_one(r, "x", i, key, rows[i]), 0);
    assert_int_equal(r->n, before + 1);
    return r->item[before].value;
}

static int64_t version_of(const char *out)
{
    const char *at = strstr(out, "\"p_model_version\":");
    assert_non_null(at);
    at = strchr(at, ':') + 1;
    return strncmp(at, "null", 4) == 0 ? 0 : strtoll(at, NULL, 10);
}

static void commit(struct task_rig *r)
{
    assert_int_equal(task_flush(r->task, &r->err), 0);
    task_committed(r->task);
}

static void begin(struct task_rig *r, struct held_trainer *t, const char *topology)
{
    held_trainer_init(t);
    task_rig_init(r, topology, 0);
    r->trainer = &t->trainer;
    task_rig_start(r, 0);
}

/* The task dies, and another one goes on from what it has committed. */
static void restart(struct task_rig *r)
{
    task_rig_stop(r);
    task_rig_new(r, 0);
    assert_int_equal(task_rig_restore(r, 0, r->item, r->n), 0);
    assert_int_equal(task_rig_open(r), 0);
}

static void a_new_model_goes_in_with_a_commit(void **state)
{
    (void)state;
    struct task_rig r;
    struct held_trainer t;
    begin(&r, &t, forest);
    for (int i = 0; i < 30; i++) {
        assert_int_equal(version_of(push(&r, i)), 0);
    }
    assert_int_equal(t.waiting, 1);
    commit(&r);
    assert_int_equal(version_of(push(&r, 30)), 0);
    held_trainer_run(&t);
    assert_int_equal(version_of(push(&r, 31)), 0); /* not before a commit */
    commit(&r);
    assert_int_equal(t.done, 0);
    assert_int_equal(version_of(push(&r, 32)), 1);
    for (int i = 33; i < 70; i++) {
        assert_int_equal(version_of(push(&r, i)), 1);
    }
    assert_int_equal(t.waiting, 1); /* the second, of row 69 */
    held_trainer_run(&t);
    commit(&r);
    assert_int_equal(version_of(push(&r, 70)), 2);
    task_rig_done(&r);
}

/* A commit for its sake, though no row comes. */
static void a_trained_model_asks_for_a_commit(void **state)
{
    (void)state;
    struct task_rig r;
    struct held_trainer t;
    begin(&r, &t, forest);
    for (int i = 0; i < 30; i++) {
        push(&r, i);
    }
    commit(&r);
    assert_int_equal(task_tick(r.task, 1, &r.err), 0);
    assert_false(task_dirty(r.task));
    held_trainer_begin(&t);
    assert_int_equal(task_tick(r.task, 2, &r.err), 0);
    assert_false(task_dirty(r.task));
    held_trainer_run(&t);
    assert_int_equal(task_tick(r.task, 3, &r.err), 0);
    assert_true(task_dirty(r.task));
    size_t before = r.n;
    commit(&r);
    assert_true(r.n > before); /* the model is in this commit */
    assert_int_equal(task_tick(r.task, 4, &r.err), 0);
    assert_false(task_dirty(r.task));
    restart(&r);
    assert_int_equal(version_of(push(&r, 30)), 1);
    task_rig_done(&r);
}

/* Where both have the same version they say the same, however long the trainings take. */
static void models_are_those_of_one_thread(void **state)
{
    (void)state;
    static const char *const topology[] = {
        TOPOLOGY("classify: {algorithm: random_forest, features: [a, b], label: kind, as: p, per: "
                 "key,\n          options: {n_models: 5}, " BATCH),
        TOPOLOGY("classify: {algorithm: gaussian_nb, features: [a, b], label: kind, as: p, per: "
                 "partition,\n          scale: standard, " BATCH),
        TOPOLOGY("cluster: {algorithm: kmeans, features: [a, b], as: p, per: partition, " BATCH),
        TOPOLOGY("cluster: {algorithm: kmeans, features: [a, b], as: p, per: key, scale: standard,"
                 "\n          " BATCH),
    };
    struct random random;
    random_seed(&random, 11, 1);
    for (int k = 0; k < 4; k++) {
        struct task_rig r, alone;
        struct held_trainer t;
        int same = 0;
        begin(&r, &t, topology[k]);
        task_rig_init(&alone, topology[k], 0);
        task_rig_start(&alone, 0);
        for (int i = 0; i < ROWS; i++) {
            char *out = mem_strdup(push(&r, i));
            const char *expected = push(&alone, i);
            assert_true(version_of(out) <= version_of(expected));
            if (version_of(out) == version_of(expected)) {
                assert_string_equal(out, expected);
                same += version_of(out) > 0;
            }
            mem_free(out);
            if (random_below(&random, 8) ==
                0) { /* at once, so that none is at work when one is due */
                while (t.waiting > 0) {
                    held_trainer_run(&t);
                }
                commit(&r);
            }
        }
        assert_true(same > ROWS / 2);
        task_rig_done(&r);
        task_rig_done(&alone);
    }
}

static void of_many_trainings_the_newest_wins(void **state)
{
    (void)state;
    struct task_rig r;
    struct held_trainer t;
    begin(&r, &t, forest);
    for (int i = 0; i < 70; i++) {
        push(&r, i);
    }
    assert_int_equal(t.waiting, 1);
    assert_int_equal(t.dropped,
                     1); /* the second took the place of the first, which had not begun */
    held_trainer_begin(&t);
    for (int i = 70; i < 160; i++) {
        push(&r, i);
    }
    assert_int_equal(t.waiting, 0); /* the third and fourth are owed */
    held_trainer_run(&t);
    commit(&r);
    assert_int_equal(version_of(push(&r, 160)), 2);
    assert_int_equal(t.waiting, 1);
    held_trainer_run(&t);
    commit(&r);
    assert_int_equal(version_of(push(&r, 161)), 4);
    assert_int_equal(t.waiting, 0);
    task_rig_done(&r);
}

#define WIDE                                                                                       \
    "a + 1, a + 2, a + 3, a + 4, a + 5, a + 6, a + 7, a + 8, a + 9, b + 1, b + 2, b + 3, b + 4, "  \
    "b + 5, b + 6, b + 7, b + 8, b + 9, a * 2, a * 3, a * 4, a * 5, a * 6, a * 7, a * 8, a * 9, "  \
    "b * 2, b * 3, b * 4, b * 5, b * 6, b * 7, b * 8, b * 9, a - 1, a - 2, a - 3, a - 4, a - 5, "  \
    "a - 6, a - 7, a - 8, a - 9, b - 1, b - 2, b - 3, b - 4, b - 5, b - 6, b - 7, b - 8, b - 9, "

/* A small model, one of which the changelog has parts and logs, and one for each key. */
static const char *const lossy[] = {
    TOPOLOGY("classify: {algorithm: random_forest, features: [a, b], label: kind, as: p, per: "
             "partition,\n          options: {n_models: 5}, " BATCH),
    TOPOLOGY("classify: {algorithm: random_forest, features: [" WIDE "a, b], label: kind, as: p,\n"
             "          per: partition, options: {n_models: 5}, " BATCH),
    TOPOLOGY("classify: {algorithm: random_forest, features: [a, b], label: kind, as: p, per: key,"
             "\n          options: {n_models: 5}, " BATCH),
};

static void a_lost_training_begins_anew(void **state)
{
    (void)state;
    for (int k = 0; k < 3; k++) {
        struct task_rig r;
        struct held_trainer t;
        int i = 0, lost = 0;
        begin(&r, &t, lossy[k]);
        for (; t.waiting == 0; i++) {
            push(&r, i);
            commit(&r);
        }
        restart(&r);
        assert_int_equal(t.waiting, 0); /* dropped with its task */
        lost += t.dropped;
        for (; t.waiting == 0; i++) { /* with the next row of that model */
            assert_int_equal(version_of(push(&r, i)), 0);
            commit(&r);
        }
        assert_true(i <= 90);
        held_trainer_run(&t); /* done, and lost before the commit that would have it */
        restart(&r);
        lost += t.dropped - lost;
        assert_int_equal(lost, 2);
        for (; t.waiting == 0; i++) {
            assert_int_equal(version_of(push(&r, i)), 0);
            commit(&r);
        }
        held_trainer_run(&t);
        commit(&r);
        restart(&r);
        int64_t version = 0;
        for (; version == 0; i++) {
            version = version_of(push(&r, i));
            commit(&r);
        }
        assert_int_equal(version, 1);
        task_rig_done(&r);
    }
}

/* The bytes of the model after a restart are those before it, whichever rows were replayed. */
static void restarts_say_the_same(void **state)
{
    (void)state;
    for (int k = 0; k < 3; k++) {
        struct task_rig r, other;
        struct held_trainer t, other_t;
        begin(&r, &t, lossy[k]);
        begin(&other, &other_t, lossy[k]);
        for (int i = 0; i < ROWS; i++) {
            char *out = mem_strdup(push(&r, i));
            assert_string_equal(out, push(&other, i));
            mem_free(out);
            while (t.waiting > 0) {
                held_trainer_run(&t);
            }
            while (other_t.waiting > 0) {
                held_trainer_run(&other_t);
            }
            if (i % 7 == 6) {
                commit(&r);
                commit(&other);
            }
            if (i % 14 == 13) {
                restart(&r);
            }
        }
        task_rig_done(&r);
        task_rig_done(&other);
    }
}

static int nlines;
static char last_line[1000];

static void keep_line(const char *line, size_t n)
{
    nlines++;
    snprintf(last_line, sizeof last_line, "%.*s", (int)n, line);
}

static void a_failed_training_keeps_the_old_model(void **state)
{
    (void)state;
    struct task_rig r;
    struct held_trainer t;
    begin(&r, &t, forest);
    for (int i = 0; i < 70; i++) {
        push(&r, i);
        if (i == 29) {
            held_trainer_run(&t);
            commit(&r);
        }
    }
    held_trainer_fail(&t, -ERR_DATA);
    nlines = 0;
    logger_to(keep_line);
    commit(&r);
    logger_to(NULL);
    assert_int_equal(nlines, 1);
    assert_non_null(strstr(last_line, "streams.s.steps"));
    assert_non_null(strstr(last_line, "training 2 failed"));
    assert_int_equal(version_of(push(&r, 70)), 1);
    assert_int_equal(t.waiting, 0); /* it is not tried again before the next is due */
    commit(&r);
    restart(&r);
    for (int i = 71; i < 110; i++) {
        assert_int_equal(version_of(push(&r, i)), 1);
    }
    assert_int_equal(t.waiting, 1);
    held_trainer_run(&t);
    commit(&r);
    assert_int_equal(version_of(push(&r, 110)), 3);
    task_rig_done(&r);
}

/* State of a task with a trainer in one that has none: what it owes is trained in the next row. */
static void goes_on_without_a_trainer(void **state)
{
    (void)state;
    struct task_rig r;
    struct held_trainer t;
    begin(&r, &t, forest);
    for (int i = 0; i < 30; i++) {
        push(&r, i);
    }
    commit(&r);
    r.trainer = NULL;
    restart(&r);
    assert_int_equal(version_of(push(&r, 30)), 0);
    assert_int_equal(version_of(push(&r, 31)), 1);
    commit(&r);
    restart(&r);
    assert_int_equal(version_of(push(&r, 32)), 1);
    task_rig_done(&r);
}

/* ---- forecast ---- */

static const char *const lstm =
    TOPOLOGY("forecast: {algorithm: lstm, target: a, as: p, per: partition, horizons: [1],\n"
             "          fallback: false, options: {hidden: 4, window: 4, history: 400, batch_size: "
             "8,\n          epochs: 0, fit_every: 280, fit_epochs: 2, patience: 1}}");

static bool has_forecast(const char *out)
{
    return !strstr(out, "\"p_1\":null");
}

/* The weights are those that one thread finds, at the next commit; lost, they are found anew. */
static void forecasters_train_beside_the_stream(void **state)
{
    (void)state;
    struct task_rig r, alone;
    struct held_trainer t;
    begin(&r, &t, lstm);
    task_rig_init(&alone, lstm, 0);
    task_rig_start(&alone, 0);
    for (int i = 0; i < 280; i++) {
        assert_int_equal(version_of(push(&r, i)), 1);
        assert_int_equal(version_of(push(&alone, i)), 1);
    }
    assert_int_equal(t.waiting, 1);
    assert_false(has_forecast(push(&r, 280)));
    assert_int_equal(version_of(push(&alone, 280)), 2);
    assert_true(has_forecast(alone.item[alone.n - 1].value));
    held_trainer_run(&t);
    commit(&r);
    commit(&alone);
    restart(&r);
    restart(&alone);
    for (int i = 281; i < 300; i++) {
        char *out = mem_strdup(push(&r, i));
        const char *expected = push(&alone, i);
        char value[100], *at = strstr(out, "\"p_1\":");
        assert_int_equal(version_of(out), 2);
        snprintf(value, sizeof value, "%.*s", (int)strcspn(at, ","), at);
        assert_true(has_forecast(out));
        assert_non_null(strstr(expected, value)); /* intervals are by errors, which differ */
        mem_free(out);
    }
    task_rig_done(&r);
    task_rig_done(&alone);

    begin(&r, &t, lstm);
    for (int i = 0; i < 280; i++) {
        push(&r, i);
    }
    commit(&r);
    restart(&r);
    assert_int_equal(t.dropped, 1);
    assert_int_equal(version_of(push(&r, 280)), 1);
    assert_int_equal(t.waiting, 1);
    held_trainer_run(&t);
    commit(&r);
    assert_int_equal(version_of(push(&r, 281)), 2);
    task_rig_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_model_goes_in_with_a_commit),
        cmocka_unit_test(a_trained_model_asks_for_a_commit),
        cmocka_unit_test(models_are_those_of_one_thread),
        cmocka_unit_test(of_many_trainings_the_newest_wins),
        cmocka_unit_test(a_lost_training_begins_anew),
        cmocka_unit_test(restarts_say_the_same),
        cmocka_unit_test(a_failed_training_keeps_the_old_model),
        cmocka_unit_test(goes_on_without_a_trainer),
        cmocka_unit_test(forecasters_train_beside_the_stream),
    };
    return cmocka_run_group_tests(tests, make_rows, free_rows);
}
