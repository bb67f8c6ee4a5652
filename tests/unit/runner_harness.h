/* For tests of runners: a topology run over the log in memory until its end. */
#ifndef KLAMM_TESTS_RUNNER_HARNESS_H
#define KLAMM_TESTS_RUNNER_HARNESS_H

#include "tests/support/memory_client.h"
#include "worker/runner.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

struct running {
    struct memory_client m;
    atomic_bool stop;
    struct trainer *trainer; /* as in runner_options */
    struct runner *runner;
    struct diags diags;
    struct err err;
};

static inline void running_init(struct running *r)
{
    *r = (struct running){.runner = NULL};
    memory_client_init(&r->m);
    diags_init(&r->diags);
}

static inline int running_new(struct running *r, const char *topology, const char *show)
{
    struct runner_options o = {.memory = r->m.broker,
                               .until_end = true,
                               .show = show,
                               .batch_rows = BATCH_ROWS,
                               .trainer = r->trainer,
                               .stop = &r->stop};
    err_clear(&r->err);
    diags_done(&r->diags);
    diags_init(&r->diags);
    return runner_new(&r->runner, memory_client_file(&r->m, "t.yaml", topology), NULL, 0, &o,
                      &r->diags, &r->err);
}

/* Makes a runner, feeds rows into the stream `a` (NULL: none), runs it to its end. */
static inline int running_run(struct running *r, const char *topology, const char *rows)
{
    int status = running_new(r, topology, NULL);
    if (status == 0 && rows) {
        status =
            runner_feed(r->runner, "a", memory_client_file(&r->m, "rows.jsonl", rows), &r->err);
    }
    if (status == 0) {
        status = runner_run(r->runner, &r->err);
    }
    if (r->runner) {
        runner_free(r->runner);
        r->runner = NULL;
    }
    return status;
}

static inline void assert_runs(struct running *r, const char *topology, const char *rows)
{
    int status = running_run(r, topology, rows);
    if (status < 0) {
        print_message("%d %s %s\n", status, r->err.text,
                      r->diags.n ? r->diags.item[0].text : "no problems");
    }
    assert_int_equal(status, 0);
}

static inline void running_done(struct running *r)
{
    diags_done(&r->diags);
    memory_client_done(&r->m);
}

static inline int32_t partitions_of(struct running *r, const char *topic)
{
    int32_t n = 0;
    struct err e = {0};
    r->m.client.log->ops->partitions(r->m.client.log, topic, &n, 0, &e);
    return n;
}

static inline void create(struct running *r, const char *topic, int32_t partitions)
{
    struct err e = {0};
    assert_int_equal(r->m.client.log->ops->create_topic(r->m.client.log, topic, partitions, -1,
                                                        false, NULL, 0, &e),
                     0);
}

#endif
