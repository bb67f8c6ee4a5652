/* Runs a topology over records in memory, without a log: for tests of steps. One task per sub-plan;
 * what goes to a repartition is read back at once. */
#ifndef KLAMM_TESTS_SUPPORT_TASK_RUN_H
#define KLAMM_TESTS_SUPPORT_TASK_RUN_H

#include "engine/buffer.h"
#include "engine/task.h"

/* Rows of a topic that stand there before all others: row i in partition i % partitions. */
struct task_run_past {
    const char *topic;
    const char *const *value;
    const char *const *key; /* NULL: none */
    size_t n;
    int32_t partitions;
};

/* How a run goes; zero means the default. */
struct task_run {
    const char *topology;     /* YAML text */
    const char *topic;        /* of the rows */
    const char *const *value; /* rows, JSON or whatever the topology reads; timestamps 0, 1, 2, … */
    const char *const *key;   /* of the rows; NULL: none */
    size_t n;
    uint16_t batch_rows;  /* BATCH_ROWS */
    size_t restart_every; /* rows after which everything is committed, closed and restored; never */
    const struct task_run_past *past; /* for steps that read a history; NULL: no topic has any */
    size_t commit_every; /* rows after which everything is committed; where it restarts */
    bool has_disk;       /* the stores lie over disks (fake ones), which restarts read */
    uint64_t share;      /* then: bytes that a lazy store may keep in memory */
    size_t spoils;       /* then: so many reads of a disk succeed, the next does not; all do */
};

struct task_result {
    int status;            /* 0, or minus an err_kind */
    struct err err;        /* of a failed run */
    struct diags diags;    /* of a topology that does not plan */
    struct buffer out;     /* "TOPIC VALUE\n" per record that is not internal */
    struct buffer state;   /* bytes of all changelogs at the end, by store and key */
    struct buffer metrics; /* "NAME=VALUE\n" of all steps */
    size_t past_reads;     /* partitions of run->past that were read */
};

/* r must be zeroed; free it with task_result_done. */
void task_run(const struct task_run *run, struct task_result *r);
void task_result_done(struct task_result *r);
/* All problems as lines "PATH: TEXT", in r->out. */
const char *task_result_problems(struct task_result *r);
/* A metric's value, NaN when there is none. */
double task_result_metric(const struct task_result *r, const char *name);

#endif
