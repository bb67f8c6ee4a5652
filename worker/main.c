/* klamm: command line.
 *
 * Every command has a table of flags; unknown ones get the nearest name. SIGINT and SIGTERM end the
 * process at once until the command has begun to look at the flag that they then set; a second
 * SIGINT, a second later or more, ends it always.
 */
#include "engine/clock.h"
#include "engine/logger.h"
#include "engine/memory.h"
#include "generated/version.h"
#include "worker/commands/command.h"
#include "worker/crash_report.h"
#include "worker/show.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define AGAIN_NS 1000000000 /* a shell may send one SIGINT twice */

static atomic_bool stop, terminated, catches, ends_by_signal;
static _Atomic int64_t stopped_at;

static const struct command *const commands[] = {
    &command_run,     &command_replay,       &command_test,   &command_check, &command_tail,
    &command_produce, &command_dead_letters, &command_schema, NULL,
};

static void on_signal(int number)
{
    if (!atomic_load(&catches)) {
        _exit(atomic_load(&ends_by_signal) ? EXIT_OK : 128 + number);
    }
    int64_t now = clock_monotonic_ns(), first = 0;
    bool is_first = atomic_compare_exchange_strong(&stopped_at, &first, now);
    if (is_first) {
        atomic_store(&terminated, number == SIGTERM);
    }
    if (is_first || number != SIGINT) {
        atomic_store(&stop, true);
        return;
    }
    if (now - first > AGAIN_NS) {
        static const char text[] = "\nklamm: ended at once; what was not committed is read again\n";
        ssize_t ignored = write(STDERR_FILENO, text, sizeof text - 1);
        (void)ignored;
        _exit(130);
    }
}

static void print_help(FILE *f)
{
    fprintf(f,
            "klamm %s: a stream processor for Apache Kafka with machine learning built in\n\n"
            "usage: klamm COMMAND [options]\n\n",
            KLAMM_VERSION);
    for (int i = 0; commands[i]; i++) {
        fprintf(f, "  %-12s %s\n", commands[i]->name, commands[i]->doc);
    }
    fprintf(f, "\n`klamm COMMAND --help` explains a command.\n");
}

static void print_version(void)
{
    printf("klamm %s\n", KLAMM_VERSION);
}

static void print_command_help(const struct command *c)
{
    printf("usage: klamm %s %s\n\n%s\n", c->name, c->usage, c->doc);
    for (const struct flag *f = c->flags; f && f->name; f++) {
        char name[64];
        snprintf(name, sizeof name, "--%s%s%s", f->name, f->value ? " " : "",
                 f->value ? f->value : "");
        printf("%s  %-24s %s\n", f == c->flags ? "\n" : "", name, f->doc);
    }
}

static int parse_flag(struct invocation *in, int argc, char **argv, int *i)
{
    const char *text = argv[*i] + 2, *equals = strchr(text, '=');
    size_t n = equals ? (size_t)(equals - text) : strlen(text);
    const char *names[64];
    int nnames = 0;
    for (const struct flag *f = in->command->flags; f && f->name; f++) {
        names[nnames++] = f->name;
        if (strlen(f->name) != n || memcmp(f->name, text, n) != 0) {
            continue;
        }
        const char *value = equals ? equals + 1 : NULL;
        if (f->value && !value) {
            if (*i + 1 >= argc) {
                return print_usage_error(in, "--%s needs a value: %s", f->name, f->value);
            }
            value = argv[++*i];
        }
        if (!f->value && value) {
            return print_usage_error(in, "--%s takes no value", f->name);
        }
        in->given[in->nflags++] = (struct given){f, value};
        return 0;
    }
    names[nnames++] = "help";
    names[nnames++] = "version";
    names[nnames] = NULL;
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)n, text);
    const char *near = nearest_name(name, names);
    return print_usage_error(in, "unknown option --%s%s%s%s", name, near ? ": did you mean --" : "",
                             near ? near : "", near ? "?" : "");
}

static int invoke(const struct command *c, int argc, char **argv)
{
    struct invocation in = {
        .command = c, .stop = &stop, .terminated = &terminated, .catches = &catches};
    in.arg = mem_zalloc(((size_t)argc + 1) * sizeof *in.arg);
    in.given = mem_zalloc(((size_t)argc + 1) * sizeof *in.given);
    int r = 0;
    bool only_args = false;
    for (int i = 0; i < argc && r == 0; i++) {
        bool asks_help = strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0;
        bool asks_version = strcmp(argv[i], "--version") == 0;
        if (!only_args && (asks_help || asks_version)) {
            if (asks_help) {
                print_command_help(c);
            } else {
                print_version();
            }
            mem_free(in.arg);
            mem_free(in.given);
            return EXIT_OK;
        }
        if (!only_args && strcmp(argv[i], "--") == 0) {
            only_args = true;
        } else if (!only_args && strncmp(argv[i], "--", 2) == 0) {
            r = parse_flag(&in, argc, argv, &i);
        } else {
            in.arg[in.nargs++] = argv[i];
        }
    }
    if (r == 0 && in.nargs < c->min_args) {
        r = print_usage_error(&in, "something is missing");
    } else if (r == 0 && c->max_args >= 0 && in.nargs > c->max_args) {
        r = print_usage_error(&in, "unexpected argument \"%s\"", in.arg[c->max_args]);
    }
    r = r ? r : c->run(&in);
    mem_free(in.arg);
    mem_free(in.given);
    return r;
}

/* As programs end whose reader has gone: quietly, by SIGPIPE, which shells show as 141. By now all
 * that is to be committed or closed is. */
static int end_cut(void)
{
    signal(SIGPIPE, SIG_DFL);
    raise(SIGPIPE);
    return EXIT_CUT;
}

/* Output that could not be written is a failure. */
static int finish(int code)
{
    errno = 0;
    bool is_lost = fflush(stdout) != 0 || ferror(stdout);
    if (code == EXIT_CUT || (is_lost && code == EXIT_OK && (errno == EPIPE || show_is_over()))) {
        return end_cut();
    }
    if (is_lost && code == EXIT_OK) {
        fprintf(stderr, "klamm: cannot write the output%s%s\n", errno ? ": " : "",
                errno ? strerror(errno) : "");
        code = EXIT_FAILED;
    }
    return code;
}

/* A closed stdin, stdout or stderr would become the number of a file opened later. */
static void fill_closed(void)
{
    int fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO) {
        fd = open("/dev/null", O_RDWR);
    }
    close(fd);
}

int main(int argc, char **argv)
{
    fill_closed();
    crash_report_install();
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        print_version();
        return finish(EXIT_OK);
    }
    bool asks_help = strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
                     strcmp(argv[1], "help") == 0;
    if (asks_help) {
        print_help(stdout);
        return finish(EXIT_OK);
    }
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a limit of file sizes is a disk that is full */
    const char *names[16];
    int n = 0;
    for (int i = 0; commands[i]; i++) {
        names[n++] = commands[i]->name;
        if (strcmp(argv[1], commands[i]->name) == 0) {
            atomic_store(&ends_by_signal, commands[i]->ends_by_signal);
            return finish(invoke(commands[i], argc - 2, argv + 2));
        }
    }
    names[n] = NULL;
    const char *near = nearest_name(argv[1], names);
    fprintf(stderr, "klamm: there is no command \"%s\"%s%s%s\n", argv[1],
            near ? ": did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    fprintf(stderr, "`klamm --help` lists them.\n");
    return EXIT_USAGE;
}
