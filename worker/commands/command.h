/* Commands of the program: one file and one `struct command` each; main.c lists them, parses flags
 * from their tables and prints their help. Exit codes: 0 success, 1 failed at run time, 2 wrong
 * usage or configuration.
 */
#ifndef KLAMM_WORKER_COMMANDS_COMMAND_H
#define KLAMM_WORKER_COMMANDS_COMMAND_H

#include "engine/error.h"
#include "engine/topology.h"

#include <stdatomic.h>
#include <stdbool.h>

/* EXIT_CUT: the reader of standard output has gone (`| head`); the process ends as by SIGPIPE. */
enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_CUT = 128 + 13 };

struct flag {
    const char *name;  /* without the dashes; NULL ends the table */
    const char *value; /* placeholder of its value; NULL: a switch */
    const char *doc;
};

/* What the user wrote. */
struct invocation {
    const struct command *command;
    int nargs;
    const char **arg;
    int nflags;
    struct given {
        const struct flag *flag;
        const char *value;
    } * given;
    const atomic_bool *stop;       /* set by SIGINT and SIGTERM once command_catch() was called */
    const atomic_bool *terminated; /* the first of them was SIGTERM */
    atomic_bool *catches;
};

struct command {
    const char *name, *usage, *doc;
    int min_args, max_args; /* max -1: any number */
    bool ends_by_signal;    /* a signal is its ordinary end: exit code 0 */
    const struct flag *flags;
    int (*run)(const struct invocation *in);
};

/* Flags that commands with topologies share. */
#define BOOTSTRAP_FLAG                                                                             \
    {                                                                                              \
        "bootstrap", "HOST:PORT,…",                                                                \
            "brokers (default: the topology's bootstrap.servers, else $KAFKA, else "               \
            "localhost:9092)"                                                                      \
    }
#define COLUMNS_FLAG                                                                               \
    {                                                                                              \
        "columns", "'NAME: TYPE, …'",                                                              \
            "columns and types, as in a topology: 'host: string, value: double'"                   \
    }
#define SETTING_FLAG                                                                               \
    {                                                                                              \
        "set", "PATH=VALUE",                                                                       \
            "override a key of the topology: lanes=2, kafka.linger.ms=5, "                         \
            "streams.s.steps[1].filter='x > 0' (or steps.1; steps count from 1)"                   \
    }

/* From now on the command looks at in->stop; before, a signal ends the process at once. */
void command_catch(const struct invocation *in);
/* Value of the last use of a flag, or NULL. */
const char *flag_value(const struct invocation *in, const char *name);
bool flag_given(const struct invocation *in, const char *name);
/* The i-th value of a flag that may be repeated, or NULL. */
const char *flag_nth(const struct invocation *in, const char *name, int i);
/* `--set path=value` flags, and `--bootstrap` as one of them; -1 after telling the user what is
 * wrong. */
int flag_settings(const struct invocation *in, struct setting *out, int most);
/* `--batch-rows`, 1..2048; BATCH_ROWS when absent. For tests: the output does not depend on it. */
int flag_batch_rows(const struct invocation *in, uint16_t *rows);
/* `--log-level`: how much of what the program logs is shown. */
int flag_log_level(const struct invocation *in);

/* `--columns 'name: type, …'` as a map; 0, or -ERR_CONFIG with what is wrong in d. *out NULL: not
 * given. */
int flag_columns(const struct invocation *in, struct arena *a, const struct yaml **out,
                 struct diags *d);

/* Prints problems of a file to stderr, each with its place; the exit code that goes with them. */
int print_diags(struct diags *d);
/* Prints an error; the exit code that goes with it. */
int print_err(const struct err *e);
/* Prints a message about usage; returns EXIT_USAGE. */
__attribute__((format(printf, 2, 3))) int print_usage_error(const struct invocation *in,
                                                            const char *fmt, ...);

extern const struct command command_run, command_replay, command_check, command_test, command_tail,
    command_produce, command_schema, command_dead_letters;

#endif
