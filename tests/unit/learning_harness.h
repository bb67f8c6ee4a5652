/* What the tests of learning steps share: rows of a stream `s`, made by the test, and a topology
 * around one step. A test says how many rows and of which columns, then includes this:
 *
 *     enum { ROWS = 600 };
 *     #define COLUMNS "host: string, a: double"
 */
#ifndef KLAMM_TESTS_UNIT_LEARNING_HARNESS_H
#define KLAMM_TESTS_UNIT_LEARNING_HARNESS_H

#include "engine/memory.h"
#include "engine/random.h"
#include "tests/support/task_run.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#ifndef COLUMNS
#define COLUMNS "host: string"
enum { ROWS = 1 };
#endif

/* One task takes all rows, so `per: partition` is `global` without the repartition. */
#define FROM(key)                                                                                  \
    "name: test\n"                                                                                 \
    "streams:\n"                                                                                   \
    "  s:\n"                                                                                       \
    "    from: {topic: in, key: " key ", value: json, columns: {" COLUMNS "}}\n"                   \
    "    steps:\n"
#define HEAD  FROM("none")
#define KEYED FROM("string")
#define TAIL  "    to: {topic: out, key: none, value: json}\n"

static char *rows[ROWS]; /* made by mem_printf() */
static const char *keys[ROWS];

static inline int free_rows(void **state)
{
    (void)state;
    for (int i = 0; i < ROWS; i++) {
        mem_free(rows[i]);
    }
    return 0;
}

static inline void run(const char *topology, const char *const *value, size_t n,
                       struct task_result *r)
{
    struct task_run how = {
        .topology = topology,
        .topic = "in",
        .value = value,
        .key = value == (const char *const *)rows ? keys : NULL,
        .n = n,
    };
    task_run(&how, r);
    if (r->diags.n > 0 || r->status < 0) {
        print_message("%s%s\n", task_result_problems(r), r->err.text);
    }
}

static inline void run_all(const char *topology, struct task_result *r)
{
    run(topology, (const char *const *)rows, ROWS, r);
    assert_int_equal(r->status, 0);
}

/* A way to run all rows: sizes of batches, and rows after which all is committed and restored. */
struct way {
    uint16_t batch_rows;
    size_t restart_every;
};

/* The output is the same, byte for byte, in each way; `also` (may be NULL) says what else is. */
static inline void assert_same(const char *topology, const struct way *way, int ways,
                               void (*also)(const struct task_result *first,
                                            const struct task_result *r))
{
    struct task_result first = {0};
    run_all(topology, &first);
    for (int i = 0; i < ways; i++) {
        struct task_run how = {
            .topology = topology,
            .topic = "in",
            .value = (const char *const *)rows,
            .key = keys,
            .n = ROWS,
            .batch_rows = way[i].batch_rows,
            .restart_every = way[i].restart_every,
        };
        struct task_result r = {0};
        task_run(&how, &r);
        assert_int_equal(r.status, 0);
        assert_int_equal(r.out.n, first.out.n);
        assert_memory_equal(r.out.data, first.out.data, first.out.n);
        if (also) {
            also(&first, &r);
        }
        task_result_done(&r);
    }
    task_result_done(&first);
}

/* For `also`: the same bytes of state. */
static inline void assert_same_state(const struct task_result *first, const struct task_result *r)
{
    assert_int_equal(r->state.n, first->state.n);
    assert_memory_equal(r->state.data, first->state.data, first->state.n);
}

/* The step does not plan, and a problem with it has these words. */
static inline void assert_step_refused(const char *head, const char *name, const char *step,
                                       const char *says)
{
    struct task_result r = {0};
    char topology[2000];
    snprintf(topology, sizeof(topology), "%s      - %s: %s\n" TAIL, head, name, step);
    struct task_run how = {.topology = topology, .topic = "in"};
    task_run(&how, &r);
    const char *problems = task_result_problems(&r);
    if (r.status != -ERR_CONFIG || !strstr(problems, says) ||
        !strstr(problems, "streams.s.steps")) {
        print_message("%s\n%s\n", step, problems);
        fail();
    }
    task_result_done(&r);
}

#endif
