/* A task's time where the wall clock has a say (docs/time.md): inputs that fall silent.
 *
 *   idle, others are not    follows the least of the topic's partitions that are not
 *   all are idle            stands still, or, with advance: wall_clock, goes on from its last
 *                           record
 *   behind a repartition    a source partition is idle when its task says so, and follows the
 *                           others
 *
 * What has been followed is kept with the offset as any other watermark.
 */
#include "engine/task_internal.h"

#include <stdlib.h>
#include <string.h>

static bool has_fallen_silent(const struct input *in, int64_t now)
{
    return now - in->last_record >= in->source->time.idle;
}

/* Its watermark goes on with the wall clock once all are silent. */
static bool has_own_clock(const struct input *in)
{
    return !in->nparts && in->source->time.advance == ADVANCE_WALL_CLOCK &&
           in->max_time != TIME_MIN;
}

static bool input_is_idle(const struct input *in, int64_t now)
{
    for (int k = 0; k < in->nparts; k++) {
        if (!in->part[k].is_idle) {
            return false;
        }
    }
    return in->nparts || has_fallen_silent(in, now);
}

bool task_idle(const struct task *t, int input, int64_t now)
{
    return input_is_idle(&t->input[input], now);
}

bool task_is_silent(const struct task *t)
{
    for (int i = 0; i < t->ninputs; i++) {
        if (!input_is_idle(&t->input[i], t->steady) || has_own_clock(&t->input[i])) {
            return false;
        }
    }
    return true;
}

void task_others(struct task *t, int input, struct others others)
{
    t->input[input].others = others;
}

int64_t task_last_record(const struct task *t, int input)
{
    const struct input *in = &t->input[input];
    return in->has_had ? in->last_record : INT64_MIN;
}

void task_expect_more(struct task *t, int input, int64_t now)
{
    t->input[input].last_record = now;
}

void task_expect_nothing(struct task *t, int input)
{
    struct input *in = &t->input[input];
    t->steady = clock_steady(t->env.clock);
    in->last_record = t->steady - in->source->time.idle;
    t->dirty = true;
}

struct part_time task_time_of(const char *metadata, int nth)
{
    const char *p = metadata;
    struct part_time time = {.watermark = TIME_MIN};
    for (; p && nth > 0; nth--) {
        p = strchr(p, ';');
        p = p ? p + 1 : NULL;
    }
    if (p && *p == 'w') {
        char *end;
        time.watermark = strtoll(p + 1, &end, 10);
        if (time.watermark > EVENT_TIME_LIMIT || time.watermark < -2 * EVENT_TIME_LIMIT) {
            time.watermark = TIME_MIN; /* no watermark that we have written */
        }
        time.is_idle = *end == 'i';
    }
    return time;
}

void input_lift(struct input *in, int n)
{
    int64_t least = TIME_MAX;
    for (int i = 0; i < n; i++) {
        const struct part_time *x = &in->part[i];
        least = !x->is_idle && x->watermark < least ? x->watermark : least;
    }
    for (int i = 0; i < n && least != TIME_MAX; i++) {
        if (in->part[i].is_idle && in->part[i].watermark < least) {
            in->part[i].watermark = least;
        }
    }
    if (least == TIME_MAX) { /* all are idle */
        for (int i = 0; i < n; i++) {
            least = in->part[i].watermark < least ? in->part[i].watermark : least;
        }
    }
    in->watermark = n > 0 && least > in->watermark ? least : in->watermark;
}

int input_tick(struct task *t, struct input *in)
{
    int64_t w = in->others.watermark;
    bool is_idle = input_is_idle(in, t->steady);
    t->dirty |= is_idle != in->is_idle; /* other members are to know */
    in->is_idle = is_idle;
    if (!in->nparts && is_idle) {
        if (in->others.are_idle && has_own_clock(in)) {
            int64_t own = in->max_time - in->source->time.out_of_order;
            own += t->steady - in->last_record;
            w = own > w ? own : w;
        }
        in->watermark = w > in->watermark ? w : in->watermark;
    }
    return task_raise_source(t, in, source_watermark(t, in));
}
