/* klamm run: topologies in this process until SIGINT or SIGTERM, or until the end of the input.
 * Several topologies share the process, each with lanes and a group of its own. --input fills
 * topics of the log in memory from files first. */
#include "engine/memory.h"
#include "worker/commands/command.h"
#include "worker/feed_file.h"
#include "worker/runner.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

struct running {
    struct runner *runner;
    pthread_t thread;
    struct err e;
    int result;
};

static void *run_one(void *arg)
{
    struct running *x = arg;
    x->result = runner_run(x->runner, &x->e);
    return NULL;
}

/* --input STREAM=FILE, each into the topic of its stream. */
static int feed_inputs(const struct invocation *in, struct running *x, int n, struct err *e)
{
    for (int i = 0, r; flag_nth(in, "input", i); i++) {
        const char *v = flag_nth(in, "input", i), *equals = strchr(v, '=');
        char *stream = mem_strndup(v, (size_t)(equals - v));
        r = -ERR_CONFIG;
        for (int k = 0; k < n && r == -ERR_CONFIG && !e->kind; k++) {
            r = runner_feed(x[k].runner, stream, equals + 1, e);
        }
        if (r < 0) {
            err_set(e, ERR_CONFIG, "--input: no stream \"%s\" reads a topic", stream);
        }
        mem_free(stream);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

static int run_all(const struct invocation *in, struct running *x, int n)
{
    int code = EXIT_OK;
    for (int i = 0; i < n; i++) {
        pthread_create(&x[i].thread, NULL, run_one, &x[i]);
    }
    for (int i = 0; i < n; i++) {
        pthread_join(x[i].thread, NULL);
        if (x[i].result < 0) {
            fprintf(stderr, "%s: ", in->arg[i]);
            int c = print_err(&x[i].e);
            code = code == EXIT_OK ? c : code;
        }
    }
    return code;
}

/* Before anything is opened. */
static int check_inputs(const struct invocation *in)
{
    const char *v = flag_value(in, "input");
    if (v && !flag_given(in, "in-memory")) {
        return print_usage_error(in, "--input goes with --in-memory; for Kafka there is `produce`");
    }
    for (int i = 0; (v = flag_nth(in, "input", i)); i++) {
        const char *equals = strchr(v, '=');
        if (!equals || equals == v || !equals[1]) {
            return print_usage_error(in, "--input takes STREAM=FILE; found \"%s\"", v);
        }
    }
    return 0;
}

static int run(const struct invocation *in)
{
    struct setting set[64];
    struct runner_options o = {
        .until_end = flag_given(in, "until-end"), .show = flag_value(in, "show"), .stop = in->stop};
    if (flag_batch_rows(in, &o.batch_rows) != 0 || check_inputs(in) != 0) {
        return EXIT_USAGE;
    }
    int nset = flag_settings(in, set, 64), n = 0, code = EXIT_OK;
    if (nset < 0) {
        return EXIT_USAGE;
    }
    if (flag_given(in, "in-memory")) {
        o.memory = memory_broker_new(1);
    }
    struct running *x = mem_zalloc((size_t)in->nargs * sizeof *x);
    for (; n < in->nargs && code == EXIT_OK; n++) {
        struct diags d;
        struct err e = {0};
        diags_init(&d);
        if (runner_new(&x[n].runner, in->arg[n], set, nset, &o, &d, &e) < 0) {
            code = d.n ? print_diags(&d) : print_err(&e);
            n--;
        }
        diags_done(&d);
    }
    struct err e = {0};
    if (code == EXIT_OK && feed_inputs(in, x, n, &e) < 0) {
        code = print_err(&e);
    }
    code = code == EXIT_OK ? run_all(in, x, n) : code;
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
    {"until-end", NULL, "stop at the end offsets seen at start, leaving open windows in state"},
    {"input", "STREAM=FILE",
     "with --in-memory: rows for the topic of a stream (.jsonl .csv .avro)"},
    {"show", "TOPIC", "print the records of an output topic as they come (a table on a terminal)"},
    {"set", "PATH=VALUE", "override a key of the topology, e.g. --set lanes=2"},
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
    .run = run,
};
