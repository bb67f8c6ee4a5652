/* One row per source, topic and partition, under one mutex; a topology has few sources, so rows are
 * found by looking through them. */
#include "worker/time_board.h"

#include "engine/clock.h"
#include "engine/memory.h"

#include <pthread.h>
#include <string.h>

#define ASK_SOONEST 250
#define ASK_LATEST  500

struct place_in_time {
    int64_t watermark;
    int64_t heard_at; /* of others: when it was heard of first, or changed; 0: not yet */
    bool is_ours, is_idle;
};

struct board_input {
    const struct plan_source *source;
    const char *topic;
    int nth; /* of the sources of its sub-plan that read this topic: its place in the metadata */
    int32_t n;
    struct place_in_time *at;
    bool is_read; /* nothing has changed since `others` was found */
    struct others others;
};

struct time_board {
    pthread_mutex_t mutex;
    int n;
    struct board_input *input;
    int64_t asked_at;
    bool has_changed; /* since the last one: an answer was new, or an input has fallen silent */
};

static void add_input(struct time_board *b, const struct plan *p, const struct plan_source *source,
                      const char *topic, const int32_t *tasks)
{
    uint16_t subplan = p->vertex[source->vertex]->subplan;
    struct board_input *in = &b->input[b->n];
    *in = (struct board_input){.source = source, .topic = topic, .n = tasks[subplan]};
    for (int i = 0; i < b->n; i++) {
        in->nth += strcmp(b->input[i].topic, topic) == 0;
    }
    in->at = mem_zalloc(((size_t)in->n + 1) * sizeof *in->at);
    for (int32_t i = 0; i < in->n; i++) {
        in->at[i].watermark = TIME_MIN;
    }
    b->n++;
}

struct time_board *time_board_new(const struct plan *p, const int32_t *tasks)
{
    struct time_board *b = mem_zalloc(sizeof *b);
    size_t n = 1;
    pthread_mutex_init(&b->mutex, NULL);
    for (uint16_t i = 0; i < p->nsources; i++) {
        n += (size_t)p->source[i]->ntopics;
    }
    b->input = mem_array(n, sizeof *b->input);
    for (uint16_t i = 0; i < p->nsources; i++) {
        bool is_global = p->subplan[p->vertex[p->source[i]->vertex]->subplan].is_global;
        bool has_place = p->source[i]->repartition < 0 && !is_global; /* others commit offsets */
        for (int k = 0; has_place && k < p->source[i]->ntopics; k++) {
            add_input(b, p, p->source[i], p->source[i]->topic[k], tasks);
        }
    }
    return b;
}

void time_board_free(struct time_board *b)
{
    if (b) {
        for (int i = 0; i < b->n; i++) {
            mem_free(b->input[i].at);
        }
        mem_free(b->input);
        pthread_mutex_destroy(&b->mutex);
        mem_free(b);
    }
}

static struct board_input *find(struct time_board *b, const struct plan_source *source,
                                const char *topic)
{
    for (int i = 0; i < b->n; i++) {
        if (b->input[i].source == source && b->input[i].topic == topic) {
            return &b->input[i];
        }
    }
    return NULL;
}

void time_board_set(struct time_board *b, const struct plan_source *source, const char *topic,
                    int32_t partition, struct part_time time)
{
    pthread_mutex_lock(&b->mutex);
    struct board_input *in = find(b, source, topic);
    if (in && partition < in->n) {
        b->has_changed |= time.is_idle && !in->at[partition].is_idle;
        in->is_read = false;
        in->at[partition] = (struct place_in_time){
            .watermark = time.watermark, .is_ours = true, .is_idle = time.is_idle};
    }
    pthread_mutex_unlock(&b->mutex);
}

void time_board_give_up(struct time_board *b, const char *topic, int32_t partition, int64_t now)
{
    pthread_mutex_lock(&b->mutex);
    for (int i = 0; i < b->n; i++) {
        struct board_input *in = &b->input[i];
        if (strcmp(in->topic, topic) == 0 && partition < in->n) {
            in->is_read = false;
            in->at[partition].is_ours = false;
            in->at[partition].heard_at = now;
        }
    }
    pthread_mutex_unlock(&b->mutex);
}

/* When all are silent, whoever of them was so first: the farthest, as nothing is left to read. */
static struct others find_others(const struct board_input *in)
{
    struct others busy = {TIME_MAX, false}, silent = {TIME_MIN, true};
    for (int32_t i = 0; i < in->n; i++) {
        const struct place_in_time *x = &in->at[i];
        if (!x->is_idle) {
            busy.watermark = x->watermark < busy.watermark ? x->watermark : busy.watermark;
        } else if (x->watermark > silent.watermark) {
            silent.watermark = x->watermark;
        }
    }
    return busy.watermark != TIME_MAX ? busy : silent;
}

struct others time_board_read(struct time_board *b, const struct plan_source *source,
                              const char *topic)
{
    struct others others = {TIME_MIN, true};
    pthread_mutex_lock(&b->mutex);
    struct board_input *in = find(b, source, topic);
    if (in && !in->is_read) {
        in->others = find_others(in);
        in->is_read = true;
    }
    others = in ? in->others : others;
    pthread_mutex_unlock(&b->mutex);
    return others;
}

bool time_board_say(struct time_board *b, const struct task *t, int input, int64_t now)
{
    const struct plan_source *source = task_input_source(t, input);
    if (source->repartition >= 0) {
        return false;
    }
    bool is_idle = task_idle(t, input, now);
    time_board_set(b, source, task_input_topic(t, input), task_partition(t),
                   (struct part_time){task_watermark(t, input), is_idle});
    return is_idle;
}

void time_board_follow(struct time_board *b, struct task *t, int input, int64_t now)
{
    const struct plan_source *source = task_input_source(t, input);
    if (source->repartition < 0 && task_idle(t, input, now)) {
        task_others(t, input, time_board_read(b, source, task_input_topic(t, input)));
    }
}

bool time_board_asks(struct time_board *b, int64_t now)
{
    pthread_mutex_lock(&b->mutex);
    bool is_due = now - b->asked_at >= (b->has_changed ? ASK_SOONEST : ASK_LATEST);
    if (is_due) {
        b->asked_at = now;
        b->has_changed = false;
    }
    pthread_mutex_unlock(&b->mutex);
    return is_due;
}

void time_board_others(struct time_board *b, const char *topic,
                       void (*each)(void *ctx, int32_t partition), void *ctx)
{
    pthread_mutex_lock(&b->mutex);
    for (int i = 0; i < b->n; i++) {
        const struct board_input *in = &b->input[i];
        for (int32_t k = 0; in->nth == 0 && strcmp(in->topic, topic) == 0 && k < in->n; k++) {
            if (!in->at[k].is_ours) {
                each(ctx, k);
            }
        }
    }
    pthread_mutex_unlock(&b->mutex);
}

/* Whether that is new. One that has committed nothing yet has had no records, or nobody reads it:
 * after a while it is not waited for. */
static bool note(struct board_input *in, int32_t partition, struct part_time heard, int64_t now)
{
    struct place_in_time *x = &in->at[partition], before = *x;
    if (x->is_ours) {
        return false;
    }
    in->is_read = false;
    bool is_first = x->heard_at == 0;
    if (is_first || heard.watermark > x->watermark) {
        x->heard_at = now;
        x->watermark = heard.watermark > x->watermark ? heard.watermark : x->watermark;
    }
    x->is_idle = heard.is_idle || now - x->heard_at >= in->source->time.idle;
    return x->watermark != before.watermark || x->is_idle != before.is_idle;
}

void time_board_heard(struct time_board *b, const char *topic, int32_t partition,
                      const char *metadata, int64_t now)
{
    pthread_mutex_lock(&b->mutex);
    for (int i = 0; i < b->n; i++) {
        struct board_input *in = &b->input[i];
        if (strcmp(in->topic, topic) == 0 && partition < in->n) {
            b->has_changed |= note(in, partition, task_time_of(metadata, in->nth), now);
        }
    }
    pthread_mutex_unlock(&b->mutex);
}
