/* Late labels: `label_from`. A row is predicted when it comes, and learned when a row of another
 * stream brings its label.
 */
#ifndef KLAMM_ML_LATE_LABELS_H
#define KLAMM_ML_LATE_LABELS_H

#include "engine/row.h"
#include "ml/learning.h"

struct label_cfg {
    struct config_text label;
    const struct yaml *from;
};

#define LABEL_FIELDS(type, member, what)                                                           \
    {"label", CONFIG_EXPRESSION, offsetof(type, member.label), .required = true, .doc = what},     \
    {                                                                                              \
        "label_from", CONFIG_YAML, offsetof(type, member.from),                                    \
            .doc =                                                                                 \
                "`{stream, on, within, else}`: rows of that stream bring the label, over "         \
                "`STREAM.column`, of the rows that are equal in `on` and at most `within` older; " \
                "rows still without one are taught `else`, or dropped and counted"                 \
    }

struct late_plan {
    int64_t within;
    const struct schema *both;          /* in[0]'s columns, then STREAM.column of in[1] */
    struct row_layout kept;             /* of `both`: what labels read of the waiting row */
    const struct expression *label;     /* over both */
    const struct expression *otherwise; /* over both, of the own columns only; may be NULL */
};

/* For step_def.second: the stream, where there is a label_from. */
int late_labels_second(const struct node *n, const struct label_cfg *cfg, struct second_input *out);
/* Compiles the label: over the row into p->label or, with a label_from, over both into p->late.
 * -ERR_CONFIG with all problems in the node's diags. */
int late_labels_bind(struct node *n, const struct label_cfg *cfg, struct learning *p,
                     const struct type **type);
void late_labels_needs(const struct late_plan *late, const struct node *n, bool *in);
void late_labels_second_needs(const struct node *n, const bool *out, bool *in);
void late_labels_layout(const struct late_plan *late, struct buffer *words);

/* A row was predicted: it waits. */
void late_labels_wait(struct learning_pass *p, void *object, uint16_t row, bool predicted);
/* Rows of the stream of labels. */
int late_labels_push(struct op *op, struct batch *b);
int late_labels_expire(struct op *op, int64_t watermark);

#endif
