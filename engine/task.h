/* Task: one sub-plan at work on one partition: its operators, its state, its watermarks.
 *
 *   NEW ──task_restore()*──> NEW ──task_open()──> OPEN ──task_push(), task_tick() …──┐
 *                                                   ^                                │
 *                                                   └── task_flush(), commit, task_committed()
 *
 * A task is touched by one thread. What it produces goes out through task_env; after an aborted
 * transaction the task is thrown away and restored anew.
 *
 * With env.pauses a call returns when it has done much while a watermark runs through the steps
 * (a million windows close). The task is behind then: it keeps the records that it is given, and
 * goes on with task_go_on(), a slice each time. It may be flushed and committed in between.
 */
#ifndef KLAMM_ENGINE_TASK_H
#define KLAMM_ENGINE_TASK_H

#include "engine/plan.h"
#include "engine/record.h"
#include "engine/state_disk.h"
#include "engine/watermarks.h"

struct task;

/* Topics that are read from their beginning to where they end when they are asked for, beside the
 * inputs: what steps read before their first row (engine/history.h). ctx: that of the task_env. */
struct task_past {
    /* Partitions of a topic. *n 0: there is no such topic. */
    int (*partitions)(void *ctx, const char *topic, int32_t *n, struct err *e);
    /* Where a partition begins, and where what is committed ends. */
    int (*bounds)(void *ctx, const char *topic, int32_t partition, int64_t *begin, int64_t *end,
                  struct err *e);
    /* Calls each for the committed records from `from` on, in order, until it returns something
     * else than 0, or there are none: 0 then, else what it returned. *next is the offset to go on
     * from. One that is `bad` counts as one that cannot be decoded. */
    int (*read)(void *ctx, const char *topic, int32_t partition, int64_t from,
                int (*each)(void *each_ctx, const struct record *r), void *each_ctx, int64_t *next,
                struct err *e);
};

/* What a task needs of the world; the same for all tasks of a lane. */
struct task_env {
    void *ctx;
    const struct clock *clock;
    struct schema_store *schemas;
    uint16_t batch_rows; /* 1 .. BATCH_ROWS; the output does not depend on it */
    bool one_at_a_time;  /* one row a batch, where the order over all sinks is shown (replay) */
    bool limit_ahead;    /* records too far ahead of the wall clock are bad (not in replay) */
    size_t most_bytes;   /* of a record's key, value and headers, beyond which produce refuses it;
                            0: no limit */
    uint64_t most_state; /* bytes that a step may come to keep in memory while it takes a batch, for
                            nobody can look meanwhile (op_room); 0: no limit */
    bool pauses;         /* returns between slices: task_is_behind() */
    uint32_t slice;      /* work of a slice (op_spent), 0: the usual; the output does not depend on
                            it */
    /* Copies the records. partition -1: by the key. NULL: the task is only looked at: it is
     * restored and opened, and nothing leaves any of its steps. */
    int (*produce)(void *ctx, const struct record *r, size_t n, struct err *e);
    /* Where steps have work done that takes long; outlives the task. NULL: at once. */
    struct trainer *trainer;
    /* The lane's task of a global table, which lives as long as the tasks that look it up. */
    struct task *(*table)(void *ctx, uint16_t subplan);
    /* Tasks of a sub-plan: how many source partitions a repartition carries. */
    int32_t (*tasks)(void *ctx, uint16_t subplan);
    const struct task_past *past; /* NULL: no topic has any rows before the first */
    /* Of the task that reads a history for another one: takes its rows. */
    int (*take)(void *ctx, struct op *from, struct batch *b);
};

struct task_counts {
    uint64_t records;    /* read from outside topics */
    uint64_t rows_out;   /* written to outside topics */
    uint64_t bad;        /* to dead letters */
    uint64_t tombstones; /* null values skipped */
    uint64_t late;       /* rows that no window took */
    uint64_t no_key;     /* rows that a keyed step dropped, for a key column is null */
};

int task_new(struct task **out, const struct plan *plan, uint16_t subplan, int32_t partition,
             const struct task_env *env, struct err *e);
/* Number of an input, or -1. One topic may feed several inputs: call with after = -1, then with the
 * answer, until it is -1. */
int task_input(const struct task *t, const char *topic, int after);
int task_inputs(const struct task *t);
const char *task_input_topic(const struct task *t, int input);
/* Whether an input is read for a table only: its rows come before those of streams. */
bool task_input_is_table(const struct task *t, int input);
/* After open: the state of its table is of no use; the input is to be read from its beginning. */
bool task_input_rewinds(const struct task *t, int input);
/* Watermarks as committed with the input's offset (metadata may be NULL). */
void task_input_restore(struct task *t, int input, int64_t offset, const char *metadata);
/* The same for all inputs that read a topic: the metadata of several stand one after the other,
 * between semicolons. */
void task_topic_restore(struct task *t, const char *topic, int64_t offset, const char *metadata);
/* One record of the changelog of store number `store` (plan's subplan.store). */
int task_restore(struct task *t, int store, const struct record *r, struct err *e);
/* It has met a value of a layout that it does not know (-ERR_CONFIG), which may yet stand in the
 * changelog: give task_learn() all of its records, then restore again. False after that. */
bool task_is_puzzled(const struct task *t, int store);
int task_learn(struct task *t, int store, const struct record *r, struct err *e);
void task_has_learned(struct task *t, int store);

/* Local checkpoints (task_checkpoint.c). Before any restore, in this order: */
struct task_mark {
    uint64_t fingerprint;
    int64_t time;  /* wall clock */
    uint16_t n;    /* stores */
    int64_t *next; /* per store: all of its changelog below this offset is on disk */
};
enum { CHECKPOINT_NONE, CHECKPOINT_THERE, CHECKPOINT_OTHER, CHECKPOINT_UNMARKED };
/* The stores will stand over this disk, which must outlive the task. identity: of the changelogs,
 * beyond their names. What was found: nothing; a checkpoint, task_mark() says of when; one of other
 * settings or topics; one without a mark. -ERR_DATA: cannot be read. */
int task_take_disk(struct task *t, struct state_disk *d, uint64_t identity);
const struct task_mark *task_mark(const struct task *t);
/* Wall clock of the mark on a disk, 0: there is none, or it cannot be read. */
int64_t task_mark_time(struct state_disk *d);
/* It is of no use: all marks are 0 then. */
int task_drop_checkpoint(struct task *t, struct err *e);
/* -ERR_DATA: cannot be read. */
int task_attach(struct task *t);
/* The changelogs were read up to these offsets. */
int task_restored(struct task *t, const int64_t *next, struct err *e);
/* Later, right before task_flush(): the changelogs end there now. It counts with the next
 * task_write_checkpoint(). */
void task_set_mark(struct task *t, const int64_t *next);
/* Stores of a sub-plan's tasks that may leave entries on disk. */
uint16_t task_lazy_stores(const struct plan *p, uint16_t subplan);

/* Copies of tasks that run elsewhere (worker/standby.c): these are never opened. Over a disk that
 * is no log: a record of a changelog goes there as it is, past the store. -ERR_CONFIG, -ERR_DATA:
 * as task_restore(), which does for the others. */
int task_copy(struct task *t, int store, const struct record *r, struct err *e);
/* What was copied since the last call is written, with a mark: the changelogs were read up to
 * these offsets, and ended there, or before, at that time. -ERR_RETRY. */
int task_copied(struct task *t, const int64_t *next, int64_t time, struct err *e);
/* A task, not opened, gets the stores of a copy in place of its own, and the disk below them, which
 * is returned (NULL: there is none). */
struct state_disk *task_take_state(struct task *t, struct task *copy);

/* Steps that read a history first do so now, in a task that does not pause; one that does is
 * studying then. */
int task_open(struct task *t, struct err *e);
/* Not to its end: nothing but the following may be done to it before, besides task_free(),
 * task_topic_restore() and task_state_bytes(). */
bool task_is_studying(const struct task *t);
/* Goes on with it until a steady time of env.clock: 1 when there is more. */
int task_study(struct task *t, int64_t until, struct err *e);

/* Event time of a record of an input; its timestamp where it cannot be read. The time of a
 * repartition's watermark is that watermark. */
int64_t task_record_time(struct task *t, int input, const struct record *r);
/* Runs records of one input, in offset order, through the steps. -ERR_DATA: a record that must not
 * be skipped; e names it. */
int task_push(struct task *t, int input, const struct record *r, size_t n, struct err *e);
/* A watermark is not through yet, or records wait for that. */
bool task_is_behind(const struct task *t);
/* One more slice of it. */
int task_go_on(struct task *t, struct err *e);
/* A record that could not even be made of its input (replay): as bad as one that cannot be decoded,
 * `errors` says what happens. r's value is what there is of it. */
int task_refuse(struct task *t, int input, const struct record *r, const char *text, struct err *e);
/* The input has nothing up to this offset (end of partition behind transaction markers). */
void task_caught_up(struct task *t, int input, int64_t offset);
/* An input is idle: nothing has come there for its time.idle; behind a repartition, all of its
 * source partitions are. */
bool task_idle(const struct task *t, int input, int64_t now);
/* What the partitions of an input's topic have reached: it follows that while it is idle, from the
 * next tick on. */
struct others {
    int64_t watermark; /* the least of those that are not idle; when all are, the greatest */
    bool are_idle;     /* all are: time stands still, or goes on with the wall clock */
};
void task_others(struct task *t, int input, struct others others);
/* Wall clock when something last came at an input; INT64_MIN: nothing since it was opened. */
int64_t task_last_record(const struct task *t, int input);
/* Records are there for an input which task_push() has not brought yet: it is not idle. */
void task_expect_more(struct task *t, int input, int64_t now);
/* Nothing will come at an input for now: idle at once. */
void task_expect_nothing(struct task *t, int input);
/* What the metadata of another member's offset (may be NULL) says of the nth input that reads the
 * topic. */
struct part_time task_time_of(const char *metadata, int nth);
const struct plan_source *task_input_source(const struct task *t, int input);
/* The wall clock went on. */
int task_tick(struct task *t, int64_t now, struct err *e);
/* A message for the step at this vertex of the plan; -ERR_CONFIG when it takes none. */
int task_deliver(struct task *t, uint16_t vertex, const struct message *m, struct err *e);
/* The end of time at the outside inputs: every window closes; behind repartitions once their
 * watermarks are read (replay). */
int task_finish(struct task *t, struct err *e);

/* Tells repartitions the task's watermark now, without a commit (replay). */
int task_forward(struct task *t, struct err *e);
/* Before a commit: steps flush, watermarks go to repartitions, changes to changelogs (through
 * env->produce). */
int task_flush(struct task *t, struct err *e);
/* The transaction has committed: first its changes go to the disk, if there is one (-ERR_RETRY: the
 * transaction stands, but the disk cannot be written), then the task goes on. */
int task_write_checkpoint(struct task *t, struct err *e);
void task_committed(struct task *t);
/* Offset of an input to commit (next to read, or the oldest that a step still holds; -1: nothing
 * read yet) with its watermark as text. */
int64_t task_position(const struct task *t, int input, char *metadata, size_t size);
/* Something was read or produced since the last commit. */
bool task_dirty(const struct task *t);
/* Bytes of changes since the last commit. */
uint64_t task_dirty_bytes(const struct task *t);

/* What a step keeps, and what of that waits for its watermark. */
struct task_step {
    const struct node *node;
    int64_t watermark; /* that has reached it, TIME_MIN: none yet */
    struct open_state open;
    int held_by; /* number of the input that its watermark waits for */
    uint64_t entries, bytes, dirty_bytes;
};
/* Calls each for every step that keeps something, in the order of the plan. It costs about as much
 * as the steps have keys: for people and metrics, not for every batch. */
void task_steps(struct task *t, void (*each)(void *ctx, const struct task_step *s), void *ctx);
/* The input whose watermark that of a vertex of the plan waits for, or -1. */
int task_held_by(const struct task *t, uint16_t vertex);
/* Bytes that its steps keep in memory; cheap. */
uint64_t task_state_bytes(const struct task *t);
/* Of these, what cannot go to disk. */
uint64_t task_kept_bytes(const struct task *t);
/* Counts anew what state owns: where nothing commits. */
void task_recount(struct task *t);
/* Source partitions of an input behind a repartition, 0 for others, and the time of one. */
int task_parts(const struct task *t, int input);
struct part_time task_part(const struct task *t, int input, int part);

struct task_counts task_counts(const struct task *t);
uint16_t task_subplan(const struct task *t);
int32_t task_partition(const struct task *t);
/* Watermark of an input, TIME_MIN before the first row. */
int64_t task_watermark(const struct task *t, int input);
/* Metrics that steps have set: calls each for all of them. */
void task_metrics(const struct task *t,
                  void (*each)(void *ctx, const struct node *n, const char *name, double value),
                  void *ctx);
void task_free(struct task *t);

#endif
