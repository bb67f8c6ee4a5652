/* Crash report: only what a signal handler may call. backtrace() is not on that list, for it loads
 * its library at the first call: that one is made at install. A stack that overflowed has room for
 * the report in the main thread alone, whose handler has its own.
 */
#include "worker/crash_report.h"

#include "generated/version.h"

#include <execinfo.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define FRAMES_MAX 64

static const struct {
    int number;
    const char *name;
} signals[] = {
    {SIGSEGV, "SIGSEGV"}, {SIGBUS, "SIGBUS"},   {SIGILL, "SIGILL"},
    {SIGFPE, "SIGFPE"},   {SIGABRT, "SIGABRT"},
};

static void put(const char *text)
{
    ssize_t ignored = write(STDERR_FILENO, text, strlen(text));
    (void)ignored;
}

static void put_address(const void *address)
{
    char text[2 + 2 * sizeof(uintptr_t) + 1] = "0x", *end = text + 2;
    int digits = 1;
    uintptr_t at = (uintptr_t)address;
    while (digits < (int)(2 * sizeof at) && at >> (4 * digits) != 0) {
        digits++;
    }
    while (digits-- > 0) {
        *end++ = "0123456789abcdef"[at >> (4 * digits) & 15];
    }
    put(text);
}

static const char *name_of(int number)
{
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        if (signals[i].number == number) {
            return signals[i].name;
        }
    }
    return "a signal";
}

static void on_crash(int number, siginfo_t *info, void *context)
{
    (void)context;
    if (info->si_code == SI_USER) { /* somebody wants it to end so */
        raise(number);
        return;
    }
    char thread[17] = "";
    void *frame[FRAMES_MAX];
    prctl(PR_GET_NAME, thread);
    put("klamm " KLAMM_VERSION ": ");
    put(name_of(number));
    if (info->si_code > 0 && number != SIGABRT) { /* the kernel's: there is an address */
        put(" at ");
        put_address(info->si_addr);
    }
    put(" in thread ");
    put(thread);
    put(": a defect of klamm. What was not committed is read again. Please report these lines:\n");
    backtrace_symbols_fd(frame, backtrace(frame, FRAMES_MAX), STDERR_FILENO);
    raise(number); /* blocked until this returns; by then its default is back */
}

void crash_report_install(void)
{
    static char room[1 << 16];
    void *frame[1];
    backtrace(frame, 1);
    sigaltstack(&(stack_t){.ss_sp = room, .ss_size = sizeof room}, NULL);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        struct sigaction before, action = {.sa_sigaction = on_crash,
                                           .sa_flags = SA_SIGINFO | SA_ONSTACK | (int)SA_RESETHAND};
        if (sigaction(signals[i].number, NULL, &before) == 0 && before.sa_handler == SIG_DFL) {
            sigaction(signals[i].number, &action, NULL);
        }
    }
}

void crash_report_let_through(void)
{
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        sigaddset(&set, signals[i].number);
    }
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}
