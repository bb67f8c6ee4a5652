/* cluster: each row gets the number of the cluster that it is nearest to, then is learned.
 *
 *   in      features
 *   out     the input's columns and
 *           <as>                 the cluster's number, from 0; null while there is none
 *           <as>_model_version   1, and one more with each model that replaces it
 *   null, order, state: ml/learning.c
 */
#include "engine/memory.h"
#include "ml/learning.h"
#include "ml/train_from.h"

struct cluster_cfg {
    struct learning_cfg common;
};

static const struct config_field fields[] = {
    LEARNING_FIELDS(struct cluster_cfg, common, "global"),
    {0},
};

/* ---- plan ---- */

static const struct learning_kind kind;

static int cluster_bind(struct node *n)
{
    const struct cluster_cfg *cfg = n->cfg;
    struct learning *p = arena_zalloc(n->mem, sizeof(*p));
    p->cfg = &cfg->common;
    p->kind = &kind;
    if (learning_bind(n, p) < 0) {
        return -ERR_CONFIG;
    }
    static const struct type *const type[] = {&type_long};
    return learning_output(n, p, &cfg->common.as, type, 1);
}

/* ---- models ---- */

static void *make_model(const void *plan, uint64_t seed)
{
    const struct learning *p = plan;
    struct model *m = mem_zalloc(sizeof(*m));
    model_init(m, &p->model, seed);
    return m;
}

static int io_model(void *object, struct snapshot *s)
{
    return model_io(object, 0, s);
}

static uint64_t size_model(const void *object)
{
    return sizeof(struct model) + model_size(object);
}

static void free_model(void *object)
{
    model_done(object);
    mem_free(object);
}

static const struct object_def objects = {
    .make = make_model,
    .io = io_model,
    .size = size_model,
    .free = free_model,
    .replay = learning_replay,
};

/* ---- task ---- */

struct task_cluster {
    struct learning_task task; /* the first member */
    int64_t rows;              /* learned, by all models here */
};

static void add_rows(void *ctx, void *object)
{
    struct task_cluster *t = ctx;
    const struct model *m = object;
    t->rows += m->rows;
}

static int io_rows(void *ctx, struct snapshot *s)
{
    struct task_cluster *t = ctx;
    snapshot_version(s, 1);
    snapshot_count(s, &t->rows);
    return snapshot_status(s);
}

static int cluster_open(struct op *op, struct err *e)
{
    int status = learning_open(op, sizeof(struct task_cluster), e);
    struct task_cluster *t = op->self;
    struct per_totals totals = {t, io_rows, add_rows};
    return status < 0 ? status : per_totals(&t->task.per, op, &totals, e);
}

static bool predict(struct learning_pass *p, void *object, uint16_t row)
{
    if (!model_predict(object, p->task->x, &p->task->scratch) || !(p->task->scratch.out[0] >= 0)) {
        return false;
    }
    p->out[0].i[row] = (int64_t)p->task->scratch.out[0];
    return true;
}

static int learn(struct learning_pass *p, void *object, uint16_t row, bool predicted, bool learns,
                 const char **problem)
{
    (void)predicted;
    (void)problem;
    if (learns) {
        struct task_cluster *t = p->op->self;
        t->rows++;
        model_learn(object, p->task->x, 0, p->in.time[row], &p->task->scratch);
    }
    return 0;
}

static void repeat(void *object, const struct learning_event *event, struct model_scratch *scratch)
{
    if (event->learns) {
        model_learn(object, event->x, 0, event->time, scratch);
    }
}

static int64_t measured(const struct op *op)
{
    const struct task_cluster *t = op->self;
    return t->rows;
}

static void report(struct op *op)
{
    const struct task_cluster *t = op->self;
    op_metric(op, "rows", (double)t->rows);
}

static const struct learning_kind kind = {
    .task = LEARN_CLUSTERS,
    .objects = &objects,
    .predict = predict,
    .learn = learn,
    .measured = measured,
    .repeat = repeat,
    .report = report,
};

const struct step_def op_cluster = {
    .name = "cluster",
    .doc = "tells which cluster each row belongs to, then learns it",
    .config = fields,
    .config_size = sizeof(struct cluster_cfg),
    .stateful = true,
    .state_version = 1,
    .history = "train_from",
    .bind = cluster_bind,
    .needs = learning_needs,
    .state_codec = learning_codec,
    .state_layout = learning_layout,
    .lazy = learning_lazy,
    .open = cluster_open,
    .push = learning_push,
    .tick = learning_tick,
    .past = train_from_past,
    .flush = learning_flush,
    .describe = learning_describe,
    .index_bytes = learning_index_bytes,
    .close = learning_close,
};
