/* What the files of planning share: plan.c (steps, sinks), plan_from.c, plan_source.c,
 * plan_second.c, plan_table.c, plan_format.c, plan_graph.c, plan_topics.c. Not for others.
 */
#ifndef KLAMM_ENGINE_PLAN_BUILD_H
#define KLAMM_ENGINE_PLAN_BUILD_H

#include "engine/plan.h"

struct ref {
    int vertex; /* -1: could not be built */
    int output;
    const struct schema *schema;
    bool rekeyed;   /* the key is not what the partitioning was made by */
    bool is_split;  /* ends in a split: only its branches have rows */
    bool is_single; /* all rows are in one partition */
    enum rows_kind rows;
    bool revised;           /* results of a window that come again when they have changed */
    const char *reshaped;   /* path of the last step before it that reshapes (step.h), or NULL */
    int64_t idle;           /* of the sources behind it, the longest */
    const char *key_format; /* codec of the record keys by which rows were put into partitions */
};

/* What a step hands to another stream beside its output: late rows of a window, or its metrics. */
struct side {
    const char *name; /* of that stream; NULL: of any that reads the metrics */
    struct node *node;
    struct ref ref;
    int64_t every; /* of metrics: so many rows */
};

enum mark { MARK_NEW, MARK_OPEN, MARK_DONE };

struct table_cfg;

/* A table as far as it has been planned. */
struct planned_table {
    enum mark mark;
    struct ref end; /* the step `table` */
    struct table_cfg *cfg;
};

struct planner {
    struct plan *p;
    const struct topology *t;
    struct schema_store *schemas;
    struct diags *d;
    enum mark *mark; /* per stream */
    struct ref *end; /* per stream */
    struct planned_table *table;
    struct side *side;
    int nsides;
    uint16_t *group; /* union-find over sub-plans */
    int ngroups;
    int nrepartitions; /* of the stream being built */
    bool leaves_open;  /* columns that a registry would give are unknown, which is no problem */
};

/* plan_graph.c */
uint16_t plan_group_new(struct planner *b);
void plan_group_join(struct planner *b, uint16_t x, uint16_t y);
struct vertex *plan_vertex_new(struct planner *b, enum vertex_kind kind, const char *stream,
                               uint16_t subplan, int *number);
void plan_connect(struct planner *b, const struct ref *from, int to, uint16_t input);
void plan_collect(struct planner *b);
/* plan_format.c */
const struct codec_def *plan_codec(const char *name, bool is_key);
const struct codec_def *plan_end_codec(struct planner *b, const struct end *end, bool is_key);
void plan_spec(struct planner *b, struct codec_spec *s, const struct codec_def *def,
               const char *topic, const char *stream, const struct end *end);
void plan_spec_from_registry(struct planner *b, struct codec_spec *s);
/* plan_source.c */
struct plan_source *plan_source_new(struct planner *b, const struct stream *st, uint16_t group,
                                    int *vertex);
int plan_topic_source(struct planner *b, const struct stream *st, struct ref *out);
/* The connector of an end, its options parsed. */
int plan_connector(struct planner *b, const struct end *end, const struct connector_def **def,
                   const void **cfg);
/* plan_from.c */
bool plan_same_key(const struct schema *x, const struct schema *y);
int plan_from(struct planner *b, const struct stream *st, struct ref *out);
/* The end of the stream (or of its branch `stream.branch`) that a name means. */
int plan_find_ref(struct planner *b, const struct config_text *text, struct ref *out);
/* plan_second.c */
int plan_second(struct planner *b, struct node *n, struct ref *at, struct ref *other);
int plan_meet(struct planner *b, const struct stream *st, struct node *n, struct ref *at,
              struct ref *other);
/* The same columns with the named ones as their key. */
int plan_key_by(struct planner *b, struct ref *at, const struct config_text *on, int non,
                const char *stream);
/* Two topics' worth of updates out of one topic have no order among each other. */
void plan_check_meetings(struct planner *b);
/* plan_table.c */
int plan_table(struct planner *b, const struct table *t, struct place from, struct ref *out);
/* The changes of a table, for a stream that reads them. */
int plan_read_table(struct planner *b, const struct table *t, const struct config_text *name,
                    struct ref *out);
/* Once all is planned: what reads a table's changes cannot follow versions. */
void plan_check_tables(struct planner *b);
/* A step that looks up a table: finds it, and what its own rows are found by. */
int plan_find_table(struct planner *b, struct node *n, const struct second_input *s, struct ref *at,
                    struct ref *table);
int plan_meet_table(struct planner *b, const struct stream *st, struct node *n, struct ref *at,
                    const struct ref *table);
/* plan_history.c: what a step reads first, planned, before it is bound; and whether it has the
 * columns that the step needs, once it is. */
int plan_history(struct planner *b, const struct stream *st, struct node *n);
int plan_history_fits(struct planner *b, const struct node *n);
/* Once needs are known: those of the histories' own plans. */
void plan_finish_histories(struct planner *b);
/* plan_topics.c */
void plan_check_topics(struct planner *b);
/* plan.c */
/* An empty plan with room for all of the topology. -ERR_CONFIG: it is too large. */
int plan_begin(struct planner *b);
const struct step_def *plan_internal_step(const char *name);
/* Puts a bound step behind `at`. other: of steps with two inputs or a table, else NULL. */
int plan_place(struct planner *b, const struct stream *st, struct node *n, struct ref *at,
               struct ref *other);
const char *plan_repartition_topic(struct planner *b, const struct stream *st, int step);
int plan_repartition(struct planner *b, const struct stream *st, const char *topic, bool single,
                     struct ref *in);
int plan_stream(struct planner *b, int i, struct place from);
struct ref plan_broken(struct planner *b, const struct schema *known);

#endif
