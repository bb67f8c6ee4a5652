/* What the files of planning share: plan.c (steps, sinks), plan_from.c, plan_source.c,
 * plan_format.c, plan_graph.c, plan_topics.c. Not for others.
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
    int64_t idle;   /* of the sources behind it, the longest */
};

enum mark { MARK_NEW, MARK_OPEN, MARK_DONE };

struct planner {
    struct plan *p;
    const struct topology *t;
    struct schema_store *schemas;
    struct diags *d;
    enum mark *mark; /* per stream */
    struct ref *end; /* per stream */
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
/* plan_from.c */
bool plan_same_key(const struct schema *x, const struct schema *y);
int plan_from(struct planner *b, const struct stream *st, struct ref *out);
/* plan_topics.c */
void plan_check_topics(struct planner *b);
/* plan.c */
int plan_stream(struct planner *b, int i, struct place from);
struct ref plan_broken(struct planner *b, const struct schema *known);

#endif
