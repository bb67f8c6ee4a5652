/* Crash report: of a child that aborts, which sanitizers leave to us. */
#include "worker/crash_report.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* What a child that runs this writes to stderr; its status. */
static int child(void (*run)(void), char *text, size_t size)
{
    int ends[2], status;
    size_t n = 0;
    ssize_t got;
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        dup2(ends[1], STDERR_FILENO);
        run();
        _exit(0);
    }
    close(ends[1]);
    while (n < size - 1 && (got = read(ends[0], text + n, size - 1 - n)) > 0) {
        n += (size_t)got;
    }
    text[n] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void aborts(void)
{
    prctl(PR_SET_NAME, "lane-7");
    crash_report_install();
    abort();
}

static void says_where_and_ends_as_ever(void **state)
{
    (void)state;
    static char text[1 << 16];
    int status = child(aborts, text, sizeof text);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(text, ": SIGABRT in thread lane-7: a defect of klamm. "));
    assert_non_null(strstr(text, "test_crash_report(+0x"));
}

static void *aborts_blocked(void *ctx)
{
    (void)ctx;
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    crash_report_let_through();
    pthread_kill(pthread_self(), SIGABRT);
    return NULL;
}

static void aborts_in_a_thread_of_a_library(void)
{
    pthread_t thread;
    crash_report_install();
    pthread_create(&thread, NULL, aborts_blocked, NULL);
    pthread_join(thread, NULL);
}

static void threads_that_block_signals_say_so_too(void **state)
{
    (void)state;
    static char text[1 << 16];
    int status = child(aborts_in_a_thread_of_a_library, text, sizeof text);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(text, ": SIGABRT in thread "));
}

static void is_killed(void)
{
    crash_report_install();
    kill(getpid(), SIGABRT);
}

static void a_signal_from_outside_is_no_defect(void **state)
{
    (void)state;
    static char text[1 << 16];
    int status = child(is_killed, text, sizeof text);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_string_equal(text, "");
}

static void has_a_handler(void)
{
    signal(SIGABRT, SIG_IGN);
    crash_report_install();
    raise(SIGABRT);
}

static void what_is_handled_stays_so(void **state)
{
    (void)state;
    static char text[1 << 16];
    int status = child(has_a_handler, text, sizeof text);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_string_equal(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_where_and_ends_as_ever),
        cmocka_unit_test(threads_that_block_signals_say_so_too),
        cmocka_unit_test(a_signal_from_outside_is_no_defect),
        cmocka_unit_test(what_is_handled_stays_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
