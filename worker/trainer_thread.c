/* One thread, one queue under a mutex.
 *
 *   start ──> queue ──> at work ──> done ──> collect
 *               │           └── dropped: cancelled, freed by the thread when run() returns
 *               └── dropped: freed at once
 *
 *   priority   nice 10: beside busy lanes a training gets about a tenth of a core and goes on;
 *              with SCHED_IDLE it would stand still as long as a backlog is worked off
 *   bounded    by the tasks, which have a limit each (ml/beside.h)
 */
#include "worker/trainer_thread.h"

#include "engine/memory.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>

#define NICE 10

enum { WAITS, AT_WORK, DONE };

struct training {
    struct cancel cancel; /* the first member */
    struct trainer_thread *thread;
    struct trainer_job job;
    atomic_bool is_cancelled;
    atomic_int at; /* written under the mutex */
    bool is_dropped;
    int result;
    struct training *next; /* of the queue */
};

struct trainer_thread {
    struct trainer trainer; /* the first member */
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct training *first, **last;
    atomic_uint under_way;
    bool stops;
};

static bool is_cancelled(const struct cancel *c)
{
    const struct training *x = (const struct training *)c;
    return atomic_load_explicit(&x->is_cancelled, memory_order_relaxed);
}

static void training_free(struct training *x)
{
    x->job.free(x->job.data);
    mem_free(x);
}

/* ---- trainer ---- */

static struct training *start(struct trainer *trainer, const struct trainer_job *job)
{
    struct trainer_thread *t = (struct trainer_thread *)trainer;
    struct training *x = mem_zalloc(sizeof *x);
    x->cancel.is_set = is_cancelled;
    x->thread = t;
    x->job = *job;
    atomic_init(&x->at, WAITS);
    atomic_fetch_add(&t->under_way, 1);
    pthread_mutex_lock(&t->mutex);
    *t->last = x;
    t->last = &x->next;
    pthread_cond_signal(&t->changed);
    pthread_mutex_unlock(&t->mutex);
    return x;
}

static bool has_begun(const struct training *x)
{
    return atomic_load(&x->at) != WAITS;
}

static bool is_done(const struct training *x)
{
    return atomic_load(&x->at) == DONE;
}

static int collect(struct training *x, void **data)
{
    int result = x->result;
    assert(is_done(x));
    atomic_fetch_sub(&x->thread->under_way, 1);
    *data = x->job.data;
    mem_free(x);
    return result;
}

static void leave_queue(struct trainer_thread *t, struct training *x)
{
    struct training **at = &t->first;
    while (*at != x) {
        at = &(*at)->next;
    }
    *at = x->next;
    t->last = x->next ? t->last : at;
}

static void drop(struct training *x)
{
    struct trainer_thread *t = x->thread;
    atomic_fetch_sub(&t->under_way, 1);
    pthread_mutex_lock(&t->mutex);
    int at = atomic_load(&x->at);
    if (at == WAITS) {
        leave_queue(t, x);
    } else if (at == AT_WORK) {
        x->is_dropped = true;
        atomic_store_explicit(&x->is_cancelled, true, memory_order_relaxed);
    }
    pthread_mutex_unlock(&t->mutex);
    if (at != AT_WORK) {
        training_free(x);
    }
}

static uint32_t under_way(const struct trainer *trainer)
{
    return atomic_load(&((const struct trainer_thread *)trainer)->under_way);
}

/* ---- thread ---- */

static struct training *next(struct trainer_thread *t)
{
    struct training *x = t->first;
    t->first = x->next;
    t->last = t->first ? t->last : &t->first;
    x->next = NULL;
    atomic_store(&x->at, AT_WORK);
    return x;
}

static void *work(void *arg)
{
    struct trainer_thread *t = arg;
    pthread_setname_np(pthread_self(), "trainer");
    setpriority(PRIO_PROCESS, 0, NICE); /* of this thread alone; it may be refused */
    pthread_mutex_lock(&t->mutex);
    while (!t->stops) {
        if (!t->first) {
            pthread_cond_wait(&t->changed, &t->mutex);
            continue;
        }
        struct training *x = next(t);
        pthread_mutex_unlock(&t->mutex);
        x->result = x->job.run(x->job.data, &x->cancel);
        pthread_mutex_lock(&t->mutex);
        bool is_dropped = x->is_dropped;
        atomic_store(&x->at, DONE); /* from now on it is the other thread's */
        if (is_dropped) {
            pthread_mutex_unlock(&t->mutex);
            training_free(x);
            pthread_mutex_lock(&t->mutex);
        }
    }
    pthread_mutex_unlock(&t->mutex);
    return NULL;
}

int trainer_thread_start(struct trainer_thread **out, struct err *e)
{
    struct trainer_thread *t = mem_zalloc(sizeof *t);
    t->trainer = (struct trainer){.start = start,
                                  .has_begun = has_begun,
                                  .is_done = is_done,
                                  .collect = collect,
                                  .drop = drop,
                                  .under_way = under_way};
    t->last = &t->first;
    atomic_init(&t->under_way, 0);
    pthread_mutex_init(&t->mutex, NULL);
    pthread_cond_init(&t->changed, NULL);
    if (pthread_create(&t->thread, NULL, work, t) != 0) {
        mem_free(t);
        return err_set(e, ERR_FATAL, "cannot start a thread for trainings");
    }
    *out = t;
    return 0;
}

struct trainer *trainer_thread_trainer(struct trainer_thread *t)
{
    return &t->trainer;
}

void trainer_thread_stop(struct trainer_thread *t)
{
    pthread_mutex_lock(&t->mutex);
    assert(!t->first);
    t->stops = true;
    pthread_cond_signal(&t->changed);
    pthread_mutex_unlock(&t->mutex);
    pthread_join(t->thread, NULL);
    pthread_mutex_destroy(&t->mutex);
    pthread_cond_destroy(&t->changed);
    mem_free(t);
}
