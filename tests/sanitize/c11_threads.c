/* C11 threads on top of pthreads, for the tsan build: librdkafka uses the former, and the thread
 * sanitizer watches only the latter. Without this it crashes in the first thread that it has not
 * seen begin, and would see no lock of librdkafka's.
 *
 * In glibc mtx_t, cnd_t and thrd_t have the sizes of their pthread counterparts, and whoever makes
 * one here uses it here. The names replace glibc's in shared libraries too, so they are visible.
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

#pragma GCC visibility push(default)

_Static_assert(sizeof(mtx_t) >= sizeof(pthread_mutex_t), "a mutex fits");
_Static_assert(sizeof(cnd_t) >= sizeof(pthread_cond_t), "a condition fits");
_Static_assert(sizeof(thrd_t) == sizeof(pthread_t), "a thread fits");

struct beginning {
    thrd_start_t function;
    void *arg;
};

static int result_of(int error)
{
    switch (error) {
    case 0:
        return thrd_success;
    case ETIMEDOUT:
        return thrd_timedout;
    case EBUSY:
        return thrd_busy;
    case ENOMEM:
        return thrd_nomem;
    default:
        return thrd_error;
    }
}

static void *begin(void *arg)
{
    struct beginning b = *(struct beginning *)arg;
    free(arg);
    return (void *)(intptr_t)b.function(b.arg);
}

int thrd_create(thrd_t *t, thrd_start_t function, void *arg)
{
    struct beginning *b = malloc(sizeof *b);
    if (b == NULL) {
        return thrd_nomem;
    }
    *b = (struct beginning){function, arg};
    int error = pthread_create(t, NULL, begin, b);
    if (error != 0) {
        free(b);
    }
    return result_of(error);
}

int thrd_join(thrd_t t, int *result)
{
    void *value = NULL;
    int error = pthread_join(t, &value);
    if (result != NULL) {
        *result = (int)(intptr_t)value;
    }
    return result_of(error);
}

int thrd_detach(thrd_t t)
{
    return result_of(pthread_detach(t));
}

static pthread_mutex_t *mutex_of(mtx_t *m)
{
    return (pthread_mutex_t *)m;
}

static pthread_cond_t *condition_of(cnd_t *c)
{
    return (pthread_cond_t *)c;
}

int mtx_init(mtx_t *m, int type)
{
    pthread_mutexattr_t a;
    pthread_mutexattr_init(&a);
    pthread_mutexattr_settype(&a, type & mtx_recursive ? PTHREAD_MUTEX_RECURSIVE
                                                       : PTHREAD_MUTEX_NORMAL);
    int error = pthread_mutex_init(mutex_of(m), &a);
    pthread_mutexattr_destroy(&a);
    return result_of(error);
}

int mtx_lock(mtx_t *m)
{
    return result_of(pthread_mutex_lock(mutex_of(m)));
}

int mtx_trylock(mtx_t *m)
{
    return result_of(pthread_mutex_trylock(mutex_of(m)));
}

int mtx_timedlock(mtx_t *restrict m, const struct timespec *restrict until)
{
    return result_of(pthread_mutex_timedlock(mutex_of(m), until));
}

int mtx_unlock(mtx_t *m)
{
    return result_of(pthread_mutex_unlock(mutex_of(m)));
}

void mtx_destroy(mtx_t *m)
{
    pthread_mutex_destroy(mutex_of(m));
}

int cnd_init(cnd_t *c)
{
    return result_of(pthread_cond_init(condition_of(c), NULL));
}

int cnd_signal(cnd_t *c)
{
    return result_of(pthread_cond_signal(condition_of(c)));
}

int cnd_broadcast(cnd_t *c)
{
    return result_of(pthread_cond_broadcast(condition_of(c)));
}

int cnd_wait(cnd_t *c, mtx_t *m)
{
    return result_of(pthread_cond_wait(condition_of(c), mutex_of(m)));
}

int cnd_timedwait(cnd_t *restrict c, mtx_t *restrict m, const struct timespec *restrict until)
{
    return result_of(pthread_cond_timedwait(condition_of(c), mutex_of(m), until));
}

void cnd_destroy(cnd_t *c)
{
    pthread_cond_destroy(condition_of(c));
}

#pragma GCC visibility pop
