/* The trainer's thread: what becomes of jobs that are collected, dropped while they wait, dropped
 * at work. Nothing here depends on which thread is faster: where a job has to be at work, it says
 * so. Lanes with it lose nothing and repeat nothing. */
#include "worker/trainer_thread.h"

#include "engine/memory.h"
#include "tests/support/lane_rig.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Counts up to `to`; with waits it goes on until it is asked to stop. */
struct counting {
    int to, sum;
    bool waits;
    atomic_bool *begun;
    atomic_int *freed;
};

static int count(void *data, const struct cancel *c)
{
    struct counting *x = data;
    if (x->begun) {
        atomic_store(x->begun, true);
    }
    for (int i = 1; i <= x->to; i++) {
        x->sum += i;
    }
    while (x->waits && !cancel_is_set(c)) {
        sched_yield();
    }
    return cancel_is_set(c) ? -ERR_ABORT : x->sum == 0 ? -ERR_DATA : 0;
}

static void free_counting(void *data)
{
    struct counting *x = data;
    atomic_fetch_add(x->freed, 1);
    mem_free(x);
}

static struct training *start(struct trainer *t, struct counting what)
{
    struct counting *x = mem_alloc(sizeof *x);
    *x = what;
    return t->start(t, &(struct trainer_job){count, free_counting, x});
}

static void wait_for(const atomic_bool *flag)
{
    while (!atomic_load(flag)) {
        sched_yield();
    }
}

static void jobs_run_in_order_and_give_their_data_back(void **state)
{
    (void)state;
    struct trainer_thread *thread;
    struct err e = {0};
    atomic_int freed = 0;
    struct training *x[20];
    assert_int_equal(trainer_thread_start(&thread, &e), 0);
    struct trainer *t = trainer_thread_trainer(thread);
    for (int i = 0; i < 20; i++) {
        x[i] = start(t, (struct counting){.to = i, .freed = &freed});
    }
    while (!t->is_done(x[19])) {
        sched_yield();
    }
    for (int i = 0; i < 20; i++) {
        void *data;
        assert_int_equal(t->under_way(t), 20 - i);
        assert_true(t->is_done(x[i]) && t->has_begun(x[i]));
        assert_int_equal(t->collect(x[i], &data), i == 0 ? -ERR_DATA : 0);
        assert_int_equal(((struct counting *)data)->sum, i * (i + 1) / 2);
        mem_free(data);
    }
    assert_int_equal(atomic_load(&freed), 0);
    trainer_thread_stop(thread);
}

static void dropped_jobs_are_freed_wherever_they_are(void **state)
{
    (void)state;
    struct trainer_thread *thread;
    struct err e = {0};
    atomic_int freed = 0;
    atomic_bool begun = false;
    struct training *waiting[5], *done;
    assert_int_equal(trainer_thread_start(&thread, &e), 0);
    struct trainer *t = trainer_thread_trainer(thread);
    struct training *long_one =
        start(t, (struct counting){.to = 1, .waits = true, .begun = &begun, .freed = &freed});
    for (int i = 0; i < 5; i++) {
        waiting[i] = start(t, (struct counting){.to = 1, .freed = &freed});
    }
    wait_for(&begun);
    assert_true(t->has_begun(long_one) && !t->is_done(long_one));
    assert_false(t->has_begun(waiting[0]));
    t->drop(waiting[4]); /* the last, the first, one between */
    t->drop(waiting[0]);
    t->drop(waiting[2]);
    assert_int_equal(atomic_load(&freed), 3);
    done = start(t, (struct counting){.to = 1, .freed = &freed});
    t->drop(long_one);
    while (!t->is_done(done)) {
        sched_yield();
    }
    assert_int_equal(atomic_load(&freed), 4);
    assert_true(t->is_done(waiting[1]) && t->is_done(waiting[3]));
    t->drop(waiting[1]);
    t->drop(waiting[3]);
    t->drop(done);
    assert_int_equal(atomic_load(&freed), 7);
    trainer_thread_stop(thread);
}

static void stops_behind_a_job_that_was_dropped(void **state)
{
    (void)state;
    struct trainer_thread *thread;
    struct err e = {0};
    atomic_int freed = 0;
    atomic_bool begun = false;
    assert_int_equal(trainer_thread_start(&thread, &e), 0);
    struct trainer *t = trainer_thread_trainer(thread);
    struct training *x =
        start(t, (struct counting){.to = 1, .waits = true, .begun = &begun, .freed = &freed});
    wait_for(&begun);
    t->drop(x);
    trainer_thread_stop(thread);
    assert_int_equal(atomic_load(&freed), 1);
    assert_int_equal(trainer_thread_start(&thread, &e), 0); /* nothing was ever asked of it */
    trainer_thread_stop(thread);
}

/* Several tasks in threads of their own, as lanes are. */
static void *use(void *trainer)
{
    struct trainer *t = trainer;
    atomic_int freed = 0;
    for (int i = 1; i <= 50; i++) {
        void *data;
        struct training *kept = start(t, (struct counting){.to = i, .freed = &freed});
        struct training *dropped =
            start(t, (struct counting){.to = i, .waits = i % 2 > 0, .freed = &freed});
        while (!t->is_done(kept)) {
            sched_yield();
        }
        if (t->collect(kept, &data) < 0 || ((struct counting *)data)->sum != i * (i + 1) / 2) {
            return NULL;
        }
        mem_free(data);
        t->drop(dropped);
        while (atomic_load(&freed) < i) { /* they refer to this frame */
            sched_yield();
        }
    }
    return trainer;
}

static void takes_jobs_of_several_threads(void **state)
{
    (void)state;
    struct trainer_thread *thread;
    struct err e = {0};
    pthread_t user[3];
    assert_int_equal(trainer_thread_start(&thread, &e), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&user[i], NULL, use, trainer_thread_trainer(thread)), 0);
    }
    for (int i = 0; i < 3; i++) {
        void *result;
        pthread_join(user[i], &result);
        assert_non_null(result);
    }
    trainer_thread_stop(thread);
}

/* ---- lanes ---- */

static const char topology[] =
    "name: t\nstreams:\n"
    "  s:\n    from: {topic: x, value: json, key: {k: string},\n"
    "           columns: {k: string, a: double, n: long}}\n"
    "    steps:\n"
    "      - classify: {algorithm: random_forest, features: [a], label: a > 0, as: p, per: key,\n"
    "          options: {n_models: 5}, learn: {batch: {window: 200, every: 50, min_rows: 50}}}\n"
    "      - select: n, p_model_version as v\n"
    "    to: {topic: out, value: csv}\n";
enum { KEYS = 6, EACH = 400 };

/* In the order of each key: rows in order, each once, versions that never fall. */
static void check_output(const char *text)
{
    long next[KEYS] = {0}, version[KEYS] = {0}, rows = 0;
    for (const char *p = text; *p; p = strchr(p, '\n') + 1, rows++) {
        int partition, key, used;
        long n, v = 0;
        assert_int_equal(sscanf(p, "%d k%d %ld,%n", &partition, &key, &n, &used), 3);
        v = p[used] == '\n' ? 0 : strtol(p + used, NULL, 10); /* empty: null */
        assert_int_equal(n, next[key]);
        assert_true(v >= version[key] && v <= 1 + n / 50);
        next[key]++;
        version[key] = v;
    }
    assert_int_equal(rows, KEYS * EACH);
}

/* Faults: transactions are aborted, lanes end and begin again, and with them their trainings. */
static void lanes_train_beside_the_stream(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 4; seed++) {
        struct trainer_thread *thread;
        struct err e = {0};
        struct lane_rig r;
        struct buffer out;
        assert_int_equal(trainer_thread_start(&thread, &e), 0);
        buffer_init(&out);
        lane_rig_init(&r, topology, 3);
        r.trainer = trainer_thread_trainer(thread);
        r.seed = seed;
        atomic_store(&r.faults, seed > 0 ? 6 : 0);
        for (int i = 0; i < EACH; i++) {
            for (int k = 0; k < KEYS; k++) {
                char key[16], value[100];
                snprintf(key, sizeof key, "k%d", k);
                snprintf(value, sizeof value, "{\"k\": \"%s\", \"a\": %d, \"n\": %d}", key,
                         (i * 7 + k) % 11 - 5, i);
                lane_rig_send(&r, "x", k % 3, key, value, i);
            }
        }
        assert_int_equal(lane_rig_run(&r, 2), 0);
        lane_rig_output(&r, "out", &out);
        check_output(buffer_cstr(&out));
        trainer_thread_stop(thread); /* before the plan, which its jobs refer to */
        lane_rig_done(&r);
        buffer_done(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_run_in_order_and_give_their_data_back),
        cmocka_unit_test(dropped_jobs_are_freed_wherever_they_are),
        cmocka_unit_test(stops_behind_a_job_that_was_dropped),
        cmocka_unit_test(takes_jobs_of_several_threads),
        cmocka_unit_test(lanes_train_beside_the_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
