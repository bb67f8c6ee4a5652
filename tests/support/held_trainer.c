/* A list in the order of start(). */
#include "tests/support/held_trainer.h"

#include "engine/memory.h"

#include <assert.h>

enum { WAITS, AT_WORK, DONE };

struct training {
    struct held_trainer *trainer;
    struct trainer_job job;
    int at, result;
    struct training *next;
};

static int *count_of(struct held_trainer *t, int at)
{
    return at == WAITS ? &t->waiting : at == AT_WORK ? &t->at_work : &t->done;
}

static struct training *start(struct trainer *trainer, const struct trainer_job *job)
{
    struct held_trainer *t = (struct held_trainer *)trainer;
    struct training *x = mem_zalloc(sizeof *x), **at = &t->first;
    x->trainer = t;
    x->job = *job;
    while (*at) {
        at = &(*at)->next;
    }
    *at = x;
    t->waiting++;
    return x;
}

static bool has_begun(const struct training *x)
{
    return x->at != WAITS;
}

static bool is_done(const struct training *x)
{
    return x->at == DONE;
}

static void leave(struct training *x)
{
    struct training **at = &x->trainer->first;
    while (*at != x) {
        at = &(*at)->next;
    }
    *at = x->next;
    --*count_of(x->trainer, x->at);
}

static int collect(struct training *x, void **data)
{
    int result = x->result;
    assert(is_done(x));
    leave(x);
    *data = x->job.data;
    mem_free(x);
    return result;
}

static void drop(struct training *x)
{
    leave(x);
    x->trainer->dropped++;
    x->job.free(x->job.data);
    mem_free(x);
}

static struct training *oldest(const struct held_trainer *t)
{
    struct training *x = t->first;
    while (x && x->at == DONE) {
        x = x->next;
    }
    assert(x);
    return x;
}

static void go_to(struct training *x, int at)
{
    --*count_of(x->trainer, x->at);
    ++*count_of(x->trainer, at);
    x->at = at;
}

void held_trainer_init(struct held_trainer *t)
{
    *t = (struct held_trainer){.trainer = {.start = start,
                                           .has_begun = has_begun,
                                           .is_done = is_done,
                                           .collect = collect,
                                           .drop = drop}};
}

void held_trainer_begin(struct held_trainer *t)
{
    go_to(oldest(t), AT_WORK);
}

void held_trainer_run(struct held_trainer *t)
{
    struct training *x = oldest(t);
    x->result = x->job.run(x->job.data, NULL);
    go_to(x, DONE);
}

void held_trainer_fail(struct held_trainer *t, int status)
{
    struct training *x = oldest(t);
    x->result = status;
    go_to(x, DONE);
}
