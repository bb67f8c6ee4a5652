/* A wall clock that is set while a program runs: a library to load before it (LD_PRELOAD).
 *
 *   KLAMM_CLOCK_FILE    its first 8 bytes are ms, little-endian, by which the wall clock is wrong; read
 *                       again at each call, so that writing there sets the clock
 *
 *   clock_gettime, gettimeofday, time, timespec_get     of the wall clock: wrong by so much; what goes
 *                                                       on evenly (CLOCK_MONOTONIC) is left alone
 *   pthread_cond_timedwait, cnd_timedwait               end when the wrong clock says so
 *
 * The last line is why libfaketime does not serve here: it knows nothing of cnd_timedwait, by which
 * librdkafka waits, and lets the other go on by the true clock, though a wait that is under way
 * when a real clock is set back by a day takes a day longer. Who waits is woken for nothing twice a
 * second to look at the clock, which POSIX allows. Deadlines that can only be of CLOCK_MONOTONIC,
 * years before the wall clock, are left alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#define LOOK_NS  500000000
#define SECOND   1000000000L
#define OF_TODAY 1000000000 /* s: before, it is no wall clock */

#pragma GCC visibility push(default)

static const volatile int64_t *wrong_by;

__attribute__((constructor)) static void open_file(void)
{
    const char *path = getenv("KLAMM_CLOCK_FILE");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *at = fd >= 0 ? mmap(NULL, sizeof *wrong_by, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
    wrong_by = at == MAP_FAILED ? NULL : at;
    if (fd >= 0) {
        close(fd);
    }
}

static struct timespec later(struct timespec t, int64_t ms)
{
    int64_t ns = t.tv_nsec + ms % 1000 * 1000000;
    t.tv_sec += ms / 1000 + (ns >= SECOND) - (ns < 0);
    t.tv_nsec = ns + (ns < 0 ? SECOND : 0) - (ns >= SECOND ? SECOND : 0);
    return t;
}

int clock_gettime(clockid_t id, struct timespec *t)
{
    int result = (int)syscall(SYS_clock_gettime, id, t);
    bool is_wall = id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE;
    if (result == 0 && is_wall && wrong_by) {
        *t = later(*t, *wrong_by);
    }
    return result;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec t;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &t);
    *out = (struct timeval){t.tv_sec, t.tv_nsec / 1000};
    return 0;
}

time_t time(time_t *out)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    if (out) {
        *out = t.tv_sec;
    }
    return t.tv_sec;
}

int timespec_get(struct timespec *t, int base)
{
    return base == TIME_UTC && clock_gettime(CLOCK_REALTIME, t) == 0 ? base : 0;
}

int pthread_cond_timedwait(pthread_cond_t *restrict c, pthread_mutex_t *restrict m,
                           const struct timespec *restrict until)
{
    struct timespec now, look;
    if (until->tv_sec < OF_TODAY) {
        return pthread_cond_clockwait(c, m, CLOCK_MONOTONIC, until);
    }
    clock_gettime(CLOCK_REALTIME, &now);
    clock_gettime(CLOCK_MONOTONIC, &look);
    int64_t ns = (int64_t)(until->tv_sec - now.tv_sec) * SECOND + until->tv_nsec - now.tv_nsec;
    bool is_near = until->tv_sec - now.tv_sec < 2 && ns < LOOK_NS;
    ns = is_near ? (ns > 0 ? ns : 0) : LOOK_NS;
    look.tv_sec += (look.tv_nsec + ns) / SECOND;
    look.tv_nsec = (look.tv_nsec + ns) % SECOND;
    int result = pthread_cond_clockwait(c, m, CLOCK_MONOTONIC, &look);
    if (result != ETIMEDOUT) {
        return result;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    bool is_over = now.tv_sec > until->tv_sec ||
                   (now.tv_sec == until->tv_sec && now.tv_nsec >= until->tv_nsec);
    return is_over ? ETIMEDOUT : 0;
}

/* glibc's are those of pthread by another name. */
int cnd_timedwait(cnd_t *restrict c, mtx_t *restrict m, const struct timespec *restrict until)
{
    int result = pthread_cond_timedwait((pthread_cond_t *)c, (pthread_mutex_t *)m, until);
    return result == 0 ? thrd_success : result == ETIMEDOUT ? thrd_timedout : thrd_error;
}
