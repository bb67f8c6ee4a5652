/* Plan: a topology bound, typed and cut into sub-plans; immutable, shared by all lanes.
 *
 *   source ──> step ──> step ──> sink            sub-plan 0: one task per partition of its input
 *                 └──> repartition ~~> source ──> window ──> sink          sub-plan 1
 *
 * Vertices stand in topological order: every edge goes to a higher number. Sub-plans are cut where
 * key_by changes the partitioning before something stateful, and where a step wants all rows in one
 * partition. Sources that share a sub-plan are co-partitioned: task p reads partition p of each.
 */
#ifndef KLAMM_ENGINE_PLAN_H
#define KLAMM_ENGINE_PLAN_H

#include "engine/codec.h"
#include "engine/connector.h"
#include "engine/step.h"
#include "engine/topology.h"

enum vertex_kind { VERTEX_SOURCE, VERTEX_STEP, VERTEX_UNION, VERTEX_SINK };

struct edge {
    uint16_t to;    /* vertex */
    uint16_t input; /* of that vertex */
};

struct edges {
    uint16_t n, cap;
    struct edge *item;
};

struct vertex {
    enum vertex_kind kind;
    uint16_t subplan;
    const char *stream;
    uint16_t noutputs;
    const struct schema *out[STEP_OUTPUTS_MAX];
    struct edges edges[STEP_OUTPUTS_MAX];
    bool *needs; /* columns of the outputs that anyone reads */
    union {
        struct plan_source *source;
        struct node *node;
        struct plan_union *merge;
        struct plan_sink *sink;
    };
};

/* Columns of `_topic` and the like in a source's schema; -1: not there. */
enum meta { META_KEY, META_TOPIC, META_PARTITION, META_OFFSET, META_TIME, META_HEADERS, METAS };

struct plan_source {
    const char *stream;
    uint16_t vertex;
    int ntopics;
    const char *const *topic;
    const struct end *end;              /* NULL: a repartition */
    const struct table *table;          /* that its rows are for, or NULL */
    const struct connector_def *feeder; /* connector that fills the topic, or NULL */
    const void *feeder_cfg;
    const struct schema *feeder_schema;
    int repartition; /* number of the sink that fills the topic, or -1 */
    struct codec_spec value, key;
    int key_column; /* column that takes a named key; -1: by name */
    bool reads_key;
    const struct schema *schema;
    const struct schema *read_schema; /* of a repartition: as written, nothing hidden */
    int meta[METAS];
    int time_column; /* -1: the record's timestamp */
    struct time_cfg time;
    struct errors_cfg errors;
    bool row_at_a_time; /* rows of one batch could overtake each other on two ways to one place */
};

struct plan_union {
    uint16_t ninputs;
    int16_t **column; /* [input][output column]: input column, or -1 for null */
};

struct plan_sink {
    const char *stream;
    const char *topic;
    const struct end *end;             /* NULL: a repartition */
    const struct connector_def *drain; /* connector that empties the topic, or NULL */
    const void *drain_cfg;
    bool repartition, single; /* single: one partition */
    bool is_compact;          /* of a global table: only the last row of each key counts */
    uint16_t vertex;
    const struct schema *schema; /* of the rows it gets */
    const struct schema *write_schema;
    struct codec_spec value, key;
};

struct plan_store {
    uint16_t vertex;
    const char *changelog; /* topic */
};

struct subplan {
    uint16_t id, level; /* level: 0 reads outside topics only */
    bool single;        /* one task */
    bool is_global;     /* a global table: each lane reads all partitions into a task of its own */
    uint16_t nsources, nvertices, nstores;
    uint16_t *source; /* numbers of plan.source */
    uint16_t *vertex; /* in topological order */
    struct plan_store *store;
};

struct plan {
    struct arena mem;
    const struct topology *topology;
    uint16_t nvertices, nsources, nsinks, nsubplans, nhistories;
    struct vertex **vertex;
    struct plan_source **source;
    struct plan_sink **sink;
    struct subplan *subplan;
    struct history **history; /* that steps read first (engine/history.h) */
};

/* Plans a topology. schemas may be NULL: then types come from `schema` and `columns` only. All
 * problems go to d. The topology must outlive the plan. */
int plan_new(struct plan **out, const struct topology *t, struct schema_store *schemas,
             struct diags *d);
/* Looks for what else is wrong with a topology that has problems. Types that only a registry knows
 * stay open. */
void plan_check(const struct topology *t, struct diags *d);
/* Reads and plans a file with the types that it gives itself: the problems of both at once. */
int plan_load(struct topology **t, struct plan **out, struct arena *a, const char *file,
              const struct setting *set, int nset, struct diags *d);
void plan_free(struct plan *p);
/* An internal topic that two plans would both use, or NULL: names of topology, stream and step are
 * joined by dashes, which they may have themselves. */
const char *plan_shared_topic(const struct plan *a, const struct plan *b);
/* The internal topic that the rows of a sub-plan come through, or NULL. */
const char *plan_comes_through(const struct plan *p, const struct subplan *s);

/* The plan for people, as a Graphviz digraph, and as JSON. */
void plan_print_text(struct buffer *b, const struct plan *p);
void plan_print_dot(struct buffer *b, const struct plan *p);
void plan_print_json(struct buffer *b, const struct plan *p);

#define PLAN_TEXT_MOST 200 /* bytes of a value */
/* Parts of these (plan_describe.c): YAML on one line of at most `most` bytes, without secrets; a
 * step's configuration behind its name; the topics that are read, written and made. */
void plan_print_yaml(struct buffer *b, const struct yaml *y, size_t most);
void plan_print_step(struct buffer *b, const struct node *n);
void plan_print_topics(struct buffer *b, const struct plan *p);

/* plan_needs.c: which columns are read, and where rows must go one at a time. */
void plan_find_needs(struct plan *p);
void plan_find_races(struct plan *p);

#endif
