/* klamm run: topologies in this process until SIGINT or SIGTERM, or until the end of the input.
 * Several topologies share the process, each with lanes and a group of its own; one that fails is
 * told at once, the others go on, and the exit code is that of the first failure. --input fills
 * topics of the log in memory from files first. */
#include "engine/memory.h"
#include "worker/commands/command.h"
#include "worker/feed_file.h"
#include "worker/runner.h"
#include "worker/show.h"
#include "worker/trainer_thread.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define WATCH_NS 10000000

struct running {
    struct runner *runner;
    pthread_t thread;
    struct err e;
    int result;
    atomic_bool is_done;
    bool is_joined;
};

static void *run_one(void *arg)
{
    struct running *x = arg;
    x->result = runner_run(x->runner, &x->e);
    atomic_store(&x->is_done, true);
    return NULL;
}

/* --input STREAM=FILE, each into the topic of its stream. */
static int feed_inputs(const struct invocation *in, struct running *x, int n, struct err *e)
{
    for (int i = 0, r; flag_nth(in, "input", i); i++) {
        const char *v = flag_nth(in, "input", i), *equals = strchr(v, '=');
        if (!equals) {
            return err_set(e, ERR_CONFIG, "--input takes STREAM=FILE; found \"%s\"", v);
        }
        char *stream = mem_strndup(v, (size_t)(equals - v));
        r = -ERR_CONFIG;
        for (int k = 0; k < n && r == -ERR_CONFIG && !e->kind; k++) {
            r = runner_feed(x[k].runner, stream, equals + 1, e);
        }
        if (r < 0 && n == 1 && !e->kind) {
            runner_no_stream(x->runner, stream, e);
            err_prefix(e, "--input");
        } else if (r < 0) {
            err_set(e, ERR_CONFIG, "--input: no stream \"%s\" reads a topic", stream);
        }
        mem_free(stream);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

/* left: how many are still at work. */
static int end_one(struct running *x, const char *file, int left)
{
    pthread_join(x->thread, NULL);
    x->is_joined = true;
    if (x->result == 0) {
        return EXIT_OK;
    }
    fprintf(stderr, "%s: ", file);
    int code = print_err(&x->e);
    if (left > 0) {
        fprintf(stderr, "%s has ended; %d other%s\n", runner_name(x->runner), left,
                left == 1 ? " goes on" : "s go on");
    }
    return code;
}

/* Until all have ended; a signal, or a reader that has gone, stops them. */
static int run_all(const struct invocation *in, struct running *x, int n, atomic_bool *stop)
{
    int code = EXIT_OK, left = n;
    for (int i = 0; i < n; i++) {
        pthread_create(&x[i].thread, NULL, run_one, &x[i]);
    }
    command_catch(in);
    while (left > 0) {
        for (int i = 0; i < n; i++) {
            if (!x[i].is_joined && atomic_load(&x[i].is_done)) {
                int c = end_one(&x[i], in->arg[i], --left);
                code = code == EXIT_OK ? c : code;
            }
        }
        bool is_over = flag_given(in, "show") && show_is_over();
        if (is_over || atomic_load(in->stop)) {
            atomic_store(stop, true);
        }
        nanosleep(&(struct timespec){0, WATCH_NS}, NULL);
    }
    return code;
}

/* Names joined by dashes can be the same of two topologies: each would damage the other's state. */
static int refuse_shared(const struct running *x, int n, struct err *e)
{
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < i; k++) {
            const char *topic = runner_shared_topic(x[k].runner, x[i].runner);
            if (topic) {
                return err_set(e, ERR_CONFIG,
                               "topologies %s and %s would both keep their own rows in topic %s: "
                               "give one of them, or its stream, another name",
                               runner_name(x[k].runner), runner_name(x[i].runner), topic);
            }
        }
    }
    return 0;
}

/* Beside the stream; not where the whole run is told by its input alone. */
static int start_trainer(struct trainer_thread **out, struct runner_options *o, struct err *e)
{
    if (o->memory && o->until_end) {
        return 0;
    }
    int r = trainer_thread_start(out, e);
    o->trainer = r == 0 ? trainer_thread_trainer(*out) : NULL;
    return r;
}

static int run(const struct invocation *in)
{
    struct setting set[64];
    atomic_bool stop = false;
    struct runner_options o = {.until_end = flag_given(in, "until-end"),
                               .show = flag_value(in, "show"),
                               .stop = &stop,
                               .stays = flag_given(in, "keep-place") ? in->terminated : NULL};
    if (flag_batch_rows(in, &o.batch_rows) != 0 || flag_log_level(in) != 0) {
        return EXIT_USAGE;
    }
    if (flag_given(in, "input") && !flag_given(in, "in-memory")) {
        return print_usage_error(in, "--input goes with --in-memory");
    }
    if (flag_nth(in, "show", 1)) {
        return print_usage_error(in, "--show takes one topic, and once: found %s and %s",
                                 flag_nth(in, "show", 0), flag_nth(in, "show", 1));
    }
    int nset = flag_settings(in, set, 64), n = 0, code = EXIT_OK;
    if (nset < 0) {
        return EXIT_USAGE;
    }
    if (flag_given(in, "in-memory")) {
        o.memory = memory_broker_new(1);
    }
    struct trainer_thread *trainer = NULL;
    struct err e = {0};
    code = start_trainer(&trainer, &o, &e) < 0 ? print_err(&e) : code;
    struct running *x = mem_zalloc((size_t)in->nargs * sizeof *x);
    for (; n < in->nargs && code == EXIT_OK; n++) {
        struct diags d;
        struct err own = {0};
        diags_init(&d);
        if (runner_new(&x[n].runner, in->arg[n], set, nset, &o, &d, &own) < 0) {
            code = d.n ? print_diags(&d) : print_err(&own);
            n--;
        }
        diags_done(&d);
    }
    if (code == EXIT_OK && (refuse_shared(x, n, &e) < 0 || feed_inputs(in, x, n, &e) < 0)) {
        code = print_err(&e);
    }
    code = code == EXIT_OK ? run_all(in, x, n, &stop) : code;
    if (trainer) { /* before the plans, which its jobs refer to */
        trainer_thread_stop(trainer);
    }
    for (int i = 0; i < n; i++) {
        runner_free(x[i].runner);
    }
    if (o.memory) {
        memory_broker_free(o.memory);
    }
    for (int i = 0; i < nset; i++) {
        mem_free((void *)(uintptr_t)set[i].path);
    }
    mem_free(x);
    return code;
}

static const struct flag flags[] = {
    {"in-memory", NULL, "keep all topics in this process: no Kafka needed, nothing outlives it"},
    {"until-end", NULL,
     "stop at the end offsets seen at start, leaving open windows in state; every generator needs "
     "`rows`, an end"},
    {"input", "STREAM=FILE",
     "with --in-memory: rows for the topic of a stream (.jsonl .csv .avro)"},
    {"keep-place", NULL,
     "SIGTERM is for a restart: the group keeps the partitions for this process, until its session "
     "times out; SIGINT still hands them over"},
    {"show", "TOPIC", "print the records of an output topic as they come (a table on a terminal)"},
    BOOTSTRAP_FLAG,
    SETTING_FLAG,
    {"log-level", "LEVEL", "error, warn, info (default) or debug"},
    {"batch-rows", "N", "rows a batch at most (for tests; the output does not depend on it)"},
    {0},
};

const struct command command_run = {
    .name = "run",
    .usage = "[options] TOPOLOGY...",
    .doc = "runs topologies until SIGINT or SIGTERM",
    .min_args = 1,
    .max_args = -1,
    .flags = flags,
    .ends_by_signal = true,
    .run = run,
};
