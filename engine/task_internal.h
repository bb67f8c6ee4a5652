/* What task.c and task_*.c share. Not for others. */
#ifndef KLAMM_ENGINE_TASK_INTERNAL_H
#define KLAMM_ENGINE_TASK_INTERNAL_H

#include "engine/layout.h"
#include "engine/migration.h"
#include "engine/task.h"

#define EVENT_TIME_LIMIT 10000000000000000 /* ms; keeps sums of times and durations in range */
#define METRICS_MAX      32

/* A vertex at work. */
struct spot {
    struct op op; /* first: op_emit() finds its spot by it */
    const struct vertex *vertex;
    const struct errors_cfg *errors;
    int nin;               /* inputs, when there are several: of unions, of steps with two */
    int64_t *in_watermark; /* per input then */
    int64_t watermark;     /* passed on */
    bool owes;             /* not to all behind it yet */
    int64_t lag;
    int nmetrics;
    struct metric {
        const char *name;
        double value;
    } metric[METRICS_MAX];
    struct codec_writer *value_writer, *key_writer; /* of sinks */
    struct buffer bytes;
    uint32_t layout;         /* of stateful steps: stands in front of every saved value; of
                               repartitions: in front of every row */
    struct layouts *layouts; /* of stateful steps: all that its changelog is known to have */
    int64_t sent_watermark;  /* of repartitions: already told downstream */
    bool sent_idle;          /* likewise */
};

/* One partition that feeds a source of the task. */
struct input {
    const struct plan_source *source;
    const char *topic;
    uint16_t spot;
    int64_t next;     /* offset, -1 unknown */
    int64_t max_time; /* TIME_MIN before the first row */
    int64_t watermark;
    int64_t last_record; /* steady clock; at first when it was opened */
    bool has_had;        /* a record since then */
    int nparts;          /* of a repartition: source partitions upstream */
    uint32_t layout;     /* of a repartition: what its rows must begin with */
    struct part_time *part;
    bool is_idle; /* as of the last tick */
    struct others others;
    struct codec_reader *value_reader, *key_reader;
    struct codec_reader *time_reader; /* of task_record_time(), once it was asked */
    bool *needs;                      /* columns that the value reader fills */
    struct schema *key_schema;
};

/* Records that came while the task was behind: copies, in the order in which they came. */
struct backlog {
    struct arena mem;
    struct backlog_run {
        int input;
        struct record *record;
        size_t n, at;
    } * run;
    size_t n, head, cap;
};

struct task {
    const struct plan *plan;
    const struct subplan *subplan;
    int32_t partition;
    struct task_env env;
    struct arena mem;   /* the task's life */
    struct arena batch; /* the batch in hand; steps give parts of it back */
    struct spot *spot;  /* per vertex of the sub-plan */
    uint16_t nspots;
    uint16_t *spot_of; /* per vertex of the plan */
    struct input *input;
    int ninputs;
    struct task_counts counts;
    bool dirty;
    struct err failure; /* what a step or sink said last */
    int64_t *reach;     /* scratch of next_fire(): lag and bound per spot */
    int64_t now;        /* wall clock as of the last call from outside */
    int64_t steady;     /* and the steady one, by which inputs are idle */
    bool collects_dead; /* a batch is on its way: bad records wait for its end */
    size_t ndead, cap_dead;
    struct dead *dead;
    struct arena dead_mem; /* their texts */
    bool pauses;           /* between slices */
    bool owes;             /* a watermark is on its way: some spots owe it */
    int64_t left;          /* work that this slice may still do */
    struct backlog backlog;
    struct state_disk *disk; /* below the stores, or NULL */
    struct task_mark mark;
    bool has_mark;           /* one that is not written yet */
    uint64_t unsettled;      /* restored bytes in the disk's batch */
    bool has_told_elsewhere; /* of something bad */
    struct study *study;     /* steps that read their histories; NULL: none does */
};

int task_pass(struct task *t, const struct edges *edges, struct batch *b);

/* task_slice.c. A new slice begins. */
void slice_begin(struct task *t);
/* The watermark that a step passes on now. */
int64_t step_passes(const struct spot *p);
/* Raises what a spot passes on, and tells those behind. Positive: the slice is used up. */
int spot_raise(struct task *t, struct spot *p, int64_t watermark);
/* The same from outside of a pass; a task that pauses is behind then. 0 or what failed. */
int slice_raise(struct task *t, struct spot *p, int64_t watermark);
/* Goes on where a pass ended: a slice, or, in a task that does not pause, all of it. */
int slice_go_on(struct task *t);
/* All that is left of it. */
int slice_all(struct task *t);
/* Sends the changes of state so far, so that a commit has little left to send. */
int slice_send(struct task *t, struct err *e);
void backlog_add(struct task *t, int input, const struct record *r, size_t n);
void backlog_done(struct task *t);
/* Gives waiting records to `push`, which says how many it has used, until one fails, or the task
 * owes a watermark again. */
int backlog_push(struct task *t,
                 int64_t (*push)(struct task *t, int input, const struct record *r, size_t n));

/* task_layout.c: under which layouts the values in a changelog were saved. */
struct known_layout {
    struct layout *layout;
    enum layout_fate fate;       /* of its values, under the layout of now */
    struct migration *migration; /* when they migrate */
    const char *why;
    bool is_told; /* that there are values of it */
    struct known_layout *next;
};
struct layouts {
    const struct layout *now;
    struct known_layout *known;
    uint32_t nknown;
    bool is_written;  /* the layout of now stands in the changelog */
    bool is_puzzled;  /* there is a value of a layout that is not known */
    bool has_learned; /* all of the changelog was searched for layouts */
};
/* Once all are known: values of which nothing is left migrate too, when topologies in between kept
 * some of them each. */
void layouts_connect(struct task *t, struct layouts *l);
void layouts_open(struct task *t, struct spot *p);
struct known_layout *layouts_find(const struct layouts *l, uint32_t hash);
/* Before the first value of a task: says in the changelog what is in it. */
int layouts_send(struct task *t, struct spot *p, const char *topic, struct err *e);
/* Keys of a changelog: a key of the store as it is written there; whether one is that of a layout;
 * and back, NULL: it is damaged. Either may answer with what is in `room`. */
const void *changelog_key(const void *key, size_t *n, struct buffer *room);
bool changelog_is_layout(const struct record *r);
const void *changelog_store_key(const void *key, size_t *n, struct buffer *room);
/* A record with a layout. -ERR_DATA: it is damaged. */
int layouts_learn(struct task *t, struct spot *p, const struct record *r);

/* Says of a message about damage in which changelog it is. */
void store_blame(const struct task *t, const struct spot *p, struct err *e);
/* Sends what changed in a store since the last commit to its changelog. */
int store_flush(struct task *t, uint16_t store, struct err *e);
/* Between two batches. */
void stores_trim(struct task *t);

/* task_study.c: what has set wants_history; 0 when nothing has. */
void study_begin(struct task *t);
void study_free(struct task *t);
/* task.c: after it, the steps learn how far time was at the last commit. */
int task_follow_restored(struct task *t, struct err *e);

/* task_checkpoint.c: restored changes go to the disk, when they are more than these bytes. */
int checkpoint_settle(struct task *t, uint64_t most_bytes, struct err *e);
/* The disk has failed: -ERR_ABORT, whatever was said before. */
int checkpoint_refuse(struct task *t);
static inline bool checkpoint_failed(const struct task *t)
{
    return t->disk && t->disk->failed;
}

/* task_read.c. */
int input_open(struct task *t, struct input *in, struct err *e);
void input_close(struct input *in);
/* One record into row `row`: 1 it is a row, 0 it is none, negative: the task stops. */
int input_read(struct task *t, struct input *in, const struct record *r, struct batch *b,
               uint16_t row, int64_t now);
/* task_time.c: the wall clock went on. */
int input_tick(struct task *t, struct input *in);
/* A repartition's watermark from those of its first n source partitions: all, or those that there
 * were when its offset was committed. */
void input_lift(struct input *in, int n);
/* Nothing comes at any input, and nothing else moves its time. */
bool task_is_silent(const struct task *t);
/* What a failed call returns: the error that was noted; that of a step which says nothing is that
 * what it kept is damaged. */
int task_fail(struct task *t, int r, struct err *e);
/* Raises the watermark of an input's source and lets it run through the steps. */
int task_raise_source(struct task *t, struct input *in, int64_t watermark);
/* Watermark of the source that this input belongs to: the least of its inputs. */
int64_t source_watermark(const struct task *t, const struct input *in);

int sink_open(struct task *t, struct spot *s, struct err *e);
int sink_push(struct task *t, struct spot *s, struct batch *b);
int sink_watermark(struct task *t, struct spot *s);
void sink_close(struct spot *s);

/* What went wrong, in Kafka Connect's words. All but text lives as long as the plan. */
struct cause {
    const char *stage;       /* Connect's: VALUE_CONVERTER, TRANSFORMATION, … */
    const char *by;          /* codec, step or client that refused */
    const struct node *node; /* of a step, else NULL */
    const char *text;
};

/* A record that could not be read or processed: to the dead letters, or -ERR_DATA. */
int bad_record(struct task *t, const struct errors_cfg *errors, const struct record *r,
               const struct cause *why);
/* The same for what is no record: counted, the first logged, or -ERR_DATA. */
int bad_elsewhere(struct task *t, const struct errors_cfg *errors, const char *place,
                  const char *text);

/* The same for a row: the record that it came with, or, behind a window, the row as JSON. */
int bad_row(struct task *t, const struct errors_cfg *errors, const struct batch *b, uint16_t row,
            const struct cause *why);
/* The batch is through (r: with what result): sends what has been set aside since collects_dead was
 * set. Returns r, or what failed. */
int dead_send_all(struct task *t, int r);

#endif
