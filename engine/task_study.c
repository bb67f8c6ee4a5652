/* Steps read their histories (engine/history.h) before the first row: one step after the other,
 * topic by topic, partition by partition.
 *
 *   begin   where each partition begins, and where it ends now: rows that come later are none of it
 *   read    records ─> a task of the history's own plan ─> the step `history` ─> columns by name ─>
 *           past() of the step that learns
 *   end     past() hears of it; then time goes on as in any other task
 *
 * The task of a history has one partition, and is gone with it: its rows meet no others there. It
 * reads in slices, as a restore does, and nothing of the outer task is committed meanwhile: whoever
 * is cut off begins anew, with what is there then.
 *
 *   keys    behind a repartition a step that works per key gets the rows of the keys that are put into
 *           its partition. Who put rows into a topic from outside is not known: there it gets all
 *   bad     as `errors` of the streams says: the end of the task, or left out. They are no dead letters,
 *           which they were when they came: they are counted, and the first is logged
 */
#include "engine/hash.h"
#include "engine/history.h"
#include "engine/key.h"
#include "engine/logger.h"
#include "engine/memory.h"
#include "engine/task_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TELL_MS     5000
#define CLOCK_EVERY 64 /* records */

/* A partition of a topic of the history. */
struct study_part {
    const char *topic;
    int32_t partition;
    int64_t next, end;
};

/* Records on their way: what read() hands out lives for a moment. */
struct study_run {
    struct arena mem;
    size_t n;
    struct record record[BATCH_ROWS];
};

struct study {
    struct task *outer;
    uint16_t nspots, spot; /* of the outer task; the one that learns now */
    const struct history *h;
    size_t nparts, part;
    struct study_part *parts;
    struct task *task; /* for this part */
    struct study_run *run;
    const struct codec_spec *key; /* by which rows are put into partitions; NULL: all are taken */
    struct codec_writer *key_writer;
    struct buffer bytes;
    uint64_t records, rows, bad, all; /* all: offsets, about as many as there are records; or 0 */
    bool has_told;                    /* of a bad one */
    bool is_past_end, is_over;        /* the part; the slice */
    int64_t began_at, told_at, until;
    struct err *e;
};

/* ---- rows ---- */

int history_take(struct op *op, struct batch *b)
{
    const struct task_env *env = &op->task->env;
    return env->take(env->ctx, op, b);
}

/* As the step that learns has its columns. */
static struct batch with_columns(const struct history *h, struct batch *b)
{
    const struct schema *in = h->reader->in[0];
    struct batch out = batch_reshape(b, in);
    for (uint16_t c = 0; c < in->n; c++) {
        if (h->column[c] >= 0) {
            out.col[c] = b->col[h->column[c]];
        } else {
            out.col[c] = vec_new(b->mem, in->col[c].type, b->rows);
            memset(vec_nulls(&out.col[c], b->mem, b->rows), 1, b->rows);
        }
    }
    return out;
}

/* The keys of the repartition before the step, if that says which rows are its own. */
static const struct codec_spec *key_of(const struct task *t, const struct node *n)
{
    const struct codec_spec *key = NULL;
    if (n->def->keyless || n->keyless || n->single_partition || !n->in[0]->nkey) {
        return NULL;
    }
    for (int i = 0; i < t->ninputs; i++) {
        int repartition = t->input[i].source->repartition;
        if (repartition < 0 || t->plan->sink[repartition]->single) {
            return NULL;
        }
        key = &t->plan->sink[repartition]->key;
    }
    return key;
}

static bool is_own(struct study *s, const struct batch *b, uint16_t row)
{
    struct err ignored = {
        0}; /* what has no key, or none that can be written, is the step's matter */
    const struct task *t = s->outer;
    int32_t n = t->env.tasks(t->env.ctx, t->subplan->id);
    buffer_clear(&s->bytes);
    if (key_is_null(b, row) ||
        s->key->def->write(s->key_writer, b, row, &s->bytes, &ignored) != 0) {
        return true;
    }
    uint32_t hash = hash_murmur2(s->bytes.data, s->bytes.n) & 0x7fffffff;
    return (int32_t)(hash % (uint32_t)n) == t->partition;
}

static struct batch own_rows(struct study *s, const struct batch *b)
{
    uint16_t *sel = arena_array(b->mem, b->nsel + 1U, sizeof *sel), n = 0;
    for (uint16_t k = 0; k < b->nsel; k++) {
        uint16_t row = batch_row(b, k);
        sel[n] = row;
        n = (uint16_t)(n + is_own(s, b, row));
    }
    return batch_select(b, sel, n);
}

static int take(void *ctx, struct op *from, struct batch *b)
{
    struct study *s = ctx;
    struct op *op = &s->outer->spot[s->spot].op;
    struct batch rows = with_columns(s->h, b);
    rows = s->key ? own_rows(s, &rows) : rows;
    s->rows += rows.nsel;
    return op->node->def->past(op, from, &rows);
}

static const char *header(const struct record *r, const char *name)
{
    for (size_t i = r->nheaders; i-- > 0;) {
        if (strcmp(r->headers[i].name, name) == 0) {
            return r->headers[i].value;
        }
    }
    return "";
}

/* Dead letters of the history's task. */
static int leave_out(void *ctx, const struct record *r, size_t n, struct err *e)
{
    (void)e;
    struct study *s = ctx;
    if (n > 0 && !s->has_told) {
        s->has_told = true;
        if (r->place) {
            logger(LOG_LEVEL_WARN, "%s: %s is left out: %s", s->h->path, r->place,
                   header(r, "__connect.errors.exception.message"));
            return 0;
        }
        logger(LOG_LEVEL_WARN, "%s: %s partition %s offset %s is left out: %s", s->h->path,
               header(r, "__connect.errors.topic"), header(r, "__connect.errors.partition"),
               header(r, "__connect.errors.offset"),
               header(r, "__connect.errors.exception.message"));
    }
    return 0;
}

static int32_t one_task(void *ctx, uint16_t subplan)
{
    (void)ctx;
    (void)subplan;
    return 1;
}

/* ---- records ---- */

static int push_run(struct study *s)
{
    struct study_run *run = s->run;
    int r = 0;
    for (int in = -1;
         r == 0 && run->n > 0 && (in = task_input(s->task, s->parts[s->part].topic, in)) >= 0;) {
        r = task_push(s->task, in, run->record, run->n, s->e);
    }
    run->n = 0;
    arena_reset(&run->mem);
    return r;
}

/* One that is none, behind those before it. */
static int refuse_record(struct study *s, const struct record *rec)
{
    int r = push_run(s);
    for (int in = -1; r == 0 && (in = task_input(s->task, rec->topic, in)) >= 0;) {
        r = task_refuse(s->task, in, rec, rec->bad, s->e);
    }
    return r;
}

static void tell(struct study *s, int64_t now)
{
    const struct study_part *p = &s->parts[s->part];
    if (now - s->told_at >= TELL_MS) {
        s->told_at = now;
        char all[40] = "";
        if (s->all > 0) {
            snprintf(all, sizeof all, ", of about %" PRIu64, s->all);
        }
        logger(LOG_LEVEL_INFO,
               "%s: %" PRIu64 " records of %s so far%s (%s partition %d), in %.1f s", s->h->path,
               s->records, s->h->name, all, p->topic, p->partition,
               (double)(now - s->began_at) / 1000);
    }
}

static int read_record(void *ctx, const struct record *r)
{
    struct study *s = ctx;
    if (r->offset >= s->parts[s->part].end) {
        s->is_past_end = true;
        return 1;
    }
    s->records++;
    if (r->bad) {
        int refused = refuse_record(s, r);
        return refused < 0 ? refused : 0;
    }
    s->run->record[s->run->n++] = record_copy(&s->run->mem, r);
    int status = s->run->n == s->outer->env.batch_rows ? push_run(s) : 0;
    if (status < 0 || s->records % CLOCK_EVERY != 0) {
        return status;
    }
    int64_t now = clock_steady(s->outer->env.clock);
    tell(s, now);
    s->is_over = now >= s->until;
    return s->is_over;
}

/* ---- partitions ---- */

static int open_part(struct study *s, struct err *e)
{
    const struct task_env *outer = &s->outer->env;
    struct task_env env = {.ctx = s,
                           .clock = outer->clock,
                           .schemas = outer->schemas,
                           .batch_rows = outer->batch_rows,
                           .one_at_a_time = outer->one_at_a_time,
                           .limit_ahead = outer->limit_ahead,
                           .produce = leave_out,
                           .tasks = one_task,
                           .take = take};
    s->is_past_end = false;
    int r = task_new(&s->task, s->h->plan, 0, s->parts[s->part].partition, &env, e);
    return r < 0 ? r : task_open(s->task, e);
}

static void close_part(struct study *s)
{
    if (s->task) {
        s->bad += task_counts(s->task).bad;
        task_free(s->task);
        s->task = NULL;
    }
}

/* 1: there is more of it. */
static int read_part(struct study *s, struct err *e)
{
    struct study_part *p = &s->parts[s->part];
    const struct task_env *env = &s->outer->env;
    int r = s->task ? 0 : open_part(s, e);
    s->is_over = false;
    s->e = e;
    if (r == 0 && p->next < p->end) {
        r = env->past->read(env->ctx, p->topic, p->partition, p->next, read_record, s, &p->next, e);
    }
    int pushed = r < 0 ? r : push_run(s);
    if (pushed < 0) {
        return pushed;
    }
    bool is_at_end = r == 0 || s->is_past_end || p->next >= p->end;
    if (is_at_end) {
        close_part(s);
    }
    return !is_at_end;
}

static int add_topic(struct study *s, const char *topic, struct err *e)
{
    const struct task_env *env = &s->outer->env;
    int32_t n = 0;
    int r = env->past->partitions(env->ctx, topic, &n, e);
    if (r == 0 && n == 0) {
        return err_set(
            e, ERR_CONFIG,
            "there is no topic %s: it is read once, by a step that has learned nothing yet; "
            "create it, or leave it out",
            topic);
    }
    s->parts = mem_resize(s->parts, s->nparts + (size_t)n + 1, sizeof *s->parts);
    for (int32_t i = 0; i < n && r == 0; i++) {
        struct study_part *p = &s->parts[s->nparts++];
        *p = (struct study_part){.topic = topic, .partition = i};
        r = env->past->bounds(env->ctx, topic, i, &p->next, &p->end, e);
        bool is_known = r == 0 && p->end > p->next && p->end < INT64_MAX;
        s->all += is_known ? (uint64_t)(p->end - p->next) : 0;
    }
    return r;
}

/* ---- steps ---- */

static int begin_step(struct study *s, struct err *e)
{
    const struct plan *p = s->h->plan;
    const struct node *n = s->h->reader;
    s->key = key_of(s->outer, n);
    int r = s->key ? s->key->def->writer_open(&s->key_writer, s->key, n->in[0],
                                              s->outer->env.schemas, e)
                   : 0;
    s->nparts = s->part = 0;
    s->records = s->rows = s->bad = s->all = 0;
    s->has_told = false;
    s->began_at = s->told_at = clock_steady(s->outer->env.clock);
    for (uint16_t i = 0; i < p->nsources; i++) {
        for (int k = 0; k < p->source[i]->ntopics && r == 0; k++) {
            r = add_topic(s, p->source[i]->topic[k], e);
        }
    }
    if (s->all > 0) {
        logger(LOG_LEVEL_INFO, "%s: reads %s, about %" PRIu64 " records", s->h->path, s->h->name,
               s->all);
    }
    return r;
}

static void close_key(struct study *s)
{
    if (s->key_writer) {
        s->key->def->writer_close(s->key_writer);
        s->key_writer = NULL;
    }
}

/* 1: it has more to do. */
static int end_step(struct study *s)
{
    struct op *op = &s->outer->spot[s->spot].op;
    int r = 1;
    for (bool is_over = false; r > 0 && !is_over;) {
        r = op->node->def->past(op, NULL, NULL);
        is_over = clock_steady(s->outer->env.clock) >= s->until;
    }
    if (r > 0) {
        return r;
    }
    op->wants_history = false;
    logger(LOG_LEVEL_INFO, "%s: has read %s: %" PRIu64 " rows, %" PRIu64 " bad, in %.1f s",
           s->h->path, s->h->name, s->rows, s->bad,
           (double)(clock_steady(s->outer->env.clock) - s->began_at) / 1000);
    s->outer->counts.bad += s->bad;
    close_key(s);
    s->h = NULL;
    return r;
}

/* 1: there is more of it. */
static int read_step(struct study *s, struct err *e)
{
    int r = 0;
    if (!s->h) {
        s->h = s->outer->spot[s->spot].op.node->history;
        r = begin_step(s, e);
    }
    while (r == 0 && s->part < s->nparts) {
        r = read_part(s, e);
        s->part += r == 0;
    }
    return r == 0 ? end_step(s) : r;
}

/* ---- the whole of it ---- */

void study_begin(struct task *t)
{
    bool is_any = false;
    for (uint16_t i = 0; i < t->nspots; i++) {
        is_any |= t->spot[i].op.wants_history;
    }
    if (!is_any || !t->env.past || !t->env.produce) {
        return;
    }
    t->study = mem_zalloc(sizeof *t->study);
    t->study->outer = t;
    t->study->run = mem_alloc(sizeof *t->study->run);
    t->study->run->n = 0;
    buffer_init(&t->study->bytes);
    arena_init(&t->study->run->mem);
}

void study_free(struct task *t)
{
    struct study *s = t->study;
    if (s) {
        close_part(s);
        close_key(s);
        buffer_done(&s->bytes);
        arena_done(&s->run->mem);
        mem_free(s->run);
        mem_free(s->parts);
        mem_free(s);
        t->study = NULL;
    }
}

bool task_is_studying(const struct task *t)
{
    return t->study != NULL;
}

int task_study(struct task *t, int64_t until, struct err *e)
{
    struct study *s = t->study;
    int r = 0;
    s->until = until;
    while (s->spot < t->nspots && r == 0) {
        r = t->spot[s->spot].op.wants_history ? read_step(s, e) : 0;
        s->spot = (uint16_t)(s->spot + (r == 0));
    }
    if (r > 0) {
        return 1;
    }
    if (r < 0) {
        bool is_named = r == -ERR_DATA || !s->h; /* a bad row says itself where it stands */
        r = !e->kind ? task_fail(t, r, e) : is_named ? r : err_prefix(e, "%s", s->h->path);
        study_free(t);
        return r;
    }
    study_free(t);
    r = task_follow_restored(t, e);
    t->dirty = true; /* what was learned belongs into the next commit */
    return r;
}
