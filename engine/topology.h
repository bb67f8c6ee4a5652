/* Topology: a topology file read into structs, before anything is typed or planned.
 *
 * Everything lives in the arena given to topology_load(). Problems of the whole file are collected
 * in diags. What a stream's `steps` mean is the plan's business (plan.h).
 */
#ifndef KLAMM_ENGINE_TOPOLOGY_H
#define KLAMM_ENGINE_TOPOLOGY_H

#include "engine/config.h"

enum guarantee { EXACTLY_ONCE, AT_LEAST_ONCE };
enum tolerance { TOLERATE_NONE, TOLERATE_ALL };
enum advance { ADVANCE_EVENT_TIME, ADVANCE_WALL_CLOCK };

struct errors_cfg {
    int tolerance;
    const char *dead_letter_topic;
};

struct time_cfg {
    const char *field; /* NULL: the record's own timestamp */
    int64_t out_of_order, idle, max_ahead;
    int advance;
};

enum end_kind {
    END_BROKEN,    /* could not be read; reported */
    END_STREAMS,   /* from: names of streams (union when several) */
    END_TOPICS,    /* one or more topics */
    END_CONNECTOR, /* generator, file, log, … */
    END_METRICS,   /* from: what the steps of a stream measure of themselves */
    END_NONE,      /* no from: a window sends its late rows there */
};

/* One `from`, or one entry of `to`. */
struct end {
    enum end_kind kind;
    struct place at;
    const char *path;
    const struct yaml *yaml;    /* as written */
    struct config_list names;   /* streams or topics */
    const char *connector;      /* kind key of END_CONNECTOR */
    const struct yaml *options; /* value of that key */
    const char *schema;         /* file, relative to the topology's folder */
    const struct yaml *columns;
    const struct yaml *key; /* scalar codec name or map {column: type} */
    const char *value;      /* codec name */
    const char *subject;    /* registry subject for writing; NULL: <topic>-value */
    int64_t partitions, replication;
    struct config_list config; /* of the topic to be created */
    int64_t every;             /* of END_METRICS: rows */
};

struct stream {
    const char *name;
    struct place at;
    const char *path;
    struct end from;
    struct time_cfg time;
    bool has_time;
    struct errors_cfg errors; /* the topology's unless the stream has its own */
    int nsteps;
    const struct yaml **step;
    int nto;
    struct end *to;
};

/* A table: where its rows come from (as a stream without steps), and how they are found. */
struct table {
    struct stream source;   /* its name, place, from, time and errors */
    struct config_text key; /* column; text NULL: the key of the records */
    bool is_global;
    int64_t merge_wait, history;
};

enum state_backend { STATE_MEMORY, STATE_ROCKSDB };

#define STANDBY_ALL  (-1)
#define MEMORY_LIMIT (256LL << 20) /* memory.limit, where none is set */

struct topology {
    const char *file, *folder; /* folder: where relative paths begin, "." or with a slash inside */
    const char *name;
    const char *group; /* consumer group: kafka's group.id, or klamm-<name> */
    struct config_list kafka;
    const struct yaml *schema_registry;
    int guarantee;
    struct state_cfg { /* backend: enum state_backend */
        int backend;
        const char *dir, *standby;
        int64_t copies; /* of state, in other processes: STANDBY_ALL, or so many */
    } state;
    struct errors_cfg errors;
    struct memory_cfg {
        int64_t limit;
    } memory;
    int64_t lanes, seed, commit_interval;
    const struct yaml *tables, *streams;
    int nstreams, ntables;
    struct stream *stream;
    struct table *table;
};

struct setting {
    const char *path, *value; /* --set path=value */
};

/* Reads a topology. Returns 0, or -ERR_CONFIG with every problem in d; then *out holds what could
 * be read, for plan_new() to look at the rest, or is NULL. */
int topology_load(struct topology **out, struct arena *a, const char *file,
                  const struct setting *set, int nset, struct diags *d);
/* The same from text (tests, fuzzing). */
int topology_parse(struct topology **out, struct arena *a, const char *file, const char *text,
                   size_t n, const struct setting *set, int nset, struct diags *d);
/* Reads a `from` that is a map with `topic` (or a connector). 0, or -ERR_CONFIG with problems in d. */
int topology_parse_from(struct end *e, const struct yaml *y, const char *path, struct arena *a,
                        struct diags *d);
/* Tables are found too, by what they have of a stream. */
const struct stream *topology_stream(const struct topology *t, const char *name);
const struct table *topology_table(const struct topology *t, const char *name);
/* "PATH" relative to the topology's folder, in the arena. */
const char *topology_path(const struct topology *t, struct arena *a, const char *path);

/* Tables for the reference page and `klamm schema`. */
extern const struct config_field topology_fields[], stream_fields[], table_fields[],
    topic_from_fields[], topic_to_fields[];

#endif
