/* What happens at the calls of a lane in a simulation. Each call is a point, and another where it
 * is done:
 *
 *   point ──> others go on for a while ──> crash? ──> freeze?
 *
 * A lane that has crashed goes on to its end at once, but with all doors closed: each call fails,
 * and none has any effect. So its memory is freed, and nobody hears of it.
 *
 * Calls that wait at a real broker wait here in steps, while others go on.
 */
#include "engine/memory.h"
#include "tests/support/sim.h"

#include <string.h>

#define WAIT_MOST_MS 100000
#define SESSION_MS   6000
#define OPEN_MOST_MS 10000

static struct sim_log *self(struct log *l)
{
    return (struct sim_log *)l;
}

static uint32_t below(struct sim_slot *slot, uint32_t n)
{
    return random_below(&slot->sim->random, n);
}

static bool strikes(struct sim_slot *slot)
{
    struct sim *s = slot->sim;
    if (!s->o.is_disturbed || s->faults <= 0 || below(slot, s->chance) != 0) {
        return false;
    }
    s->faults--;
    slot->is_excused = true;
    return true;
}

static void crash(struct sim_slot *slot, const char *call)
{
    sim_note(slot, "crashes at %s", call);
    slot->is_dead = true;
    if (slot->log) {
        slot->log->is_dead = true;
    }
}

/* It does nothing for some seconds. Time-outs run. */
static void freeze(struct sim_slot *slot, const char *call)
{
    struct sim *s = slot->sim;
    struct sim_log *f = slot->log;
    int64_t ms = 1000 + (int64_t)below(slot, 15000);
    sim_note(slot, "freezes at %s for %lld ms", call, (long long)ms);
    f->evict_at = s->clock.ms + SESSION_MS;
    f->expire_at = s->clock.ms + OPEN_MOST_MS;
    if (below(slot, 3) == 0) {
        sim_replace(slot);
    }
    sim_pause(slot, ms);
    f->evict_at = f->expire_at = 0;
    sim_note(slot, "goes on");
}

/* False: the lane is dead. */
static bool point(struct sim_slot *slot, const char *call)
{
    const struct sim *s = slot->sim;
    if (slot->is_dead || !s->o.is_disturbed) {
        return !slot->is_dead;
    }
    if (below(slot, 2)) {
        sim_pause(slot, (int64_t)below(slot, s->pace + 1));
    }
    if (strikes(slot)) {
        if (slot->log && below(slot, 3) == 0) {
            freeze(slot, call);
        } else {
            crash(slot, call);
        }
    }
    return !slot->is_dead;
}

bool sim_disk_call(void *slot, const char *call)
{
    return point(slot, call);
}

static int dead(struct err *e)
{
    return err_set(e, ERR_FATAL, "the process is dead");
}

static int fail(struct sim_slot *slot, const char *call, enum err_kind kind, struct err *e)
{
    sim_note(slot, "%s: %s", call, err_kind_name(kind));
    return err_set(e, kind, "injected at %s", call);
}

/* Before a call: 0, or what it fails with. `hard`: what it may fail with beside RETRY. */
static int enter(struct sim_log *f, const char *call, enum err_kind hard, struct err *e)
{
    if (f->is_dead || !point(f->slot, call)) {
        return dead(e);
    }
    if (strikes(f->slot)) {
        return fail(f->slot, call, below(f->slot, 2) ? hard : ERR_RETRY, e);
    }
    return 0;
}

static int leave(struct sim_log *f, const char *call, int result, struct err *e)
{
    return point(f->slot, call) ? result : dead(e);
}

static int poll_log(struct log *l, int timeout_ms, const struct record **r, size_t *n,
                    struct err *e)
{
    struct sim_log *f = self(l);
    *n = 0;
    int result = enter(f, "poll", ERR_RETRY, e);
    if (result < 0) {
        return result;
    }
    if (strikes(f->slot)) {
        sim_note(f->slot, "is evicted");
        memory_log_evict(f->inner);
    }
    result = f->inner->ops->poll(f->inner, 0, r, n, e);
    if (*n == 0 && !f->is_dead) { /* as long as it may, or until something might have come */
        uint32_t ms = timeout_ms > 0 ? (uint32_t)timeout_ms : 1;
        sim_pause(f->slot, f->slot->sim->o.is_disturbed ? 1 + below(f->slot, ms) : ms);
    }
    if (f->is_dead) {
        *n = 0;
        return dead(e);
    }
    if (f->slot->sim->o.is_disturbed && *n > 1 && below(f->slot, 2)) { /* one partition's */
        *n = 1 + below(f->slot, (uint32_t)*n - 1);
        const struct record *next = &(*r)[*n];
        f->inner->ops->seek(f->inner, next->topic, next->partition, next->offset, e);
    }
    return result;
}

static void release(struct log *l)
{
    self(l)->inner->ops->release(self(l)->inner);
}

static int seek(struct log *l, const char *topic, int32_t partition, int64_t offset, struct err *e)
{
    struct sim_log *f = self(l);
    int r = enter(f, "seek", ERR_RETRY, e);
    return r < 0 ? r : f->inner->ops->seek(f->inner, topic, partition, offset, e);
}

static int begin(struct log *l, struct err *e)
{
    struct sim_log *f = self(l);
    int r = enter(f, "begin", ERR_FATAL, e);
    return r < 0 ? r : leave(f, "begin's end", f->inner->ops->begin(f->inner, e), e);
}

static int produce(struct log *l, const struct record *r, size_t n, struct err *e)
{
    struct sim_log *f = self(l);
    int result = f->is_dead || !point(f->slot, "produce") ? dead(e) : 0;
    if (result == 0 && strikes(f->slot)) {
        result = fail(f->slot, "produce", below(f->slot, 2) ? ERR_ABORT : ERR_FATAL, e);
    }
    return result < 0 ? result
                      : leave(f, "produce's end", f->inner->ops->produce(f->inner, r, n, e), e);
}

static int commit(struct log *l, const struct log_position *p, size_t n, struct err *e)
{
    struct sim_log *f = self(l);
    if (f->is_dead || !point(f->slot, "commit")) {
        return dead(e);
    }
    if (strikes(f->slot)) {
        return fail(f->slot, "commit", below(f->slot, 2) ? ERR_ABORT : ERR_FATAL, e);
    }
    if (!f->slot->sim->o.at_least_once && f->slot->sim->o.is_disturbed && below(f->slot, 2)) {
        int r = memory_log_send_offsets(f->inner, p, n, e);
        if (r < 0 || !point(f->slot, "commit, with the offsets sent")) {
            return r < 0 ? r : dead(e);
        }
        if (strikes(f->slot)) {
            return fail(f->slot, "end of transaction", ERR_ABORT, e);
        }
        p = NULL;
        n = 0;
    }
    int r = f->inner->ops->commit(f->inner, p, n, e);
    if (r == 0 && strikes(f->slot)) {
        return fail(f->slot, "commit that was done", ERR_FATAL, e);
    }
    return leave(f, "commit's end", r, e);
}

static int abort_log(struct log *l, struct err *e)
{
    struct sim_log *f = self(l);
    int r = enter(f, "abort", ERR_FATAL, e);
    return r < 0 ? r : leave(f, "abort's end", f->inner->ops->abort(f->inner, e), e);
}

static int partitions(struct log *l, const char *topic, int32_t *n, int ms, struct err *e)
{
    struct sim_log *f = self(l);
    int r = enter(f, "partitions", ERR_RETRY, e);
    return r < 0 ? r : f->inner->ops->partitions(f->inner, topic, n, ms, e);
}

static int bounds(struct log *l, const char *topic, int32_t partition, int64_t *from, int64_t *to,
                  int ms, struct err *e)
{
    struct sim_log *f = self(l);
    int r = enter(f, "bounds", ERR_RETRY, e);
    return r < 0 ? r : f->inner->ops->bounds(f->inner, topic, partition, from, to, ms, e);
}

static int written(struct log *l, const char *topic, int32_t partition, int64_t *end, int ms,
                   struct err *e)
{
    struct sim_log *f = self(l);
    int r = enter(f, "written", ERR_RETRY, e);
    return r < 0 ? r
                 : leave(f, "written's end",
                         f->inner->ops->written(f->inner, topic, partition, end, ms, e), e);
}

static int create_topic(struct log *l, const char *topic, int32_t n, int16_t replication,
                        bool is_compact, const char *const *config, int ms, struct err *e)
{
    struct sim_log *f = self(l);
    int r = enter(f, "create_topic", ERR_RETRY, e);
    return r < 0 ? r
                 : f->inner->ops->create_topic(f->inner, topic, n, replication, is_compact, config,
                                               ms, e);
}

/* Something may happen between two records. */
struct reading {
    struct sim_log *log;
    int (*each)(void *ctx, const struct record *r);
    void *ctx;
    struct err *e;
};

static int read_record(void *ctx, const struct record *r)
{
    const struct reading *x = ctx;
    if (strikes(x->log->slot)) {
        if (below(x->log->slot, 2)) {
            return fail(x->log->slot, "read in the middle", ERR_RETRY, x->e);
        }
        crash(x->log->slot, "read in the middle");
        return dead(x->e);
    }
    return x->each(x->ctx, r);
}

/* What is written when it begins is decided first; what a zombie still adds is not waited for. */
static int wait_for_decisions(struct sim_log *f, const char *topic, int32_t partition, int64_t from,
                              struct err *e)
{
    int64_t begin, stable = 0, end = 0, begun = f->slot->sim->clock.ms;
    struct err ignored = {0};
    int r = f->inner->ops->written(f->inner, topic, partition, &end, 0, &ignored);
    if (r == 0 && from > end) {
        return err_set(e, ERR_DATA, "%s [%d]: ends at %lld", topic, partition, (long long)end);
    }
    while (r == 0) {
        r = f->inner->ops->bounds(f->inner, topic, partition, &begin, &stable, 0, &ignored);
        if (r < 0 || stable >= end) {
            break;
        }
        if (f->slot->sim->clock.ms - begun > WAIT_MOST_MS) {
            return err_set(e, ERR_RETRY, "%s [%d]: a transaction stays open", topic, partition);
        }
        sim_pause(f->slot, 5 + (int64_t)below(f->slot, 50));
        if (!point(f->slot, "read_all, waiting")) {
            return dead(e);
        }
    }
    return 0;
}

static int read_all(struct log *l, const char *topic, int32_t partition, int64_t from,
                    int (*each)(void *ctx, const struct record *r), void *ctx, int64_t *next,
                    struct err *e)
{
    struct sim_log *f = self(l);
    struct reading x = {f, each, ctx, e};
    int r = enter(f, "read_all", ERR_RETRY, e);
    r = r < 0 ? r : wait_for_decisions(f, topic, partition, from, e);
    r = r < 0 ? r
              : f->inner->ops->read_on(f->inner, topic, partition, from, read_record, &x, next, e);
    return r < 0 ? r : leave(f, "read_all's end", r, e);
}

static int read_on(struct log *l, const char *topic, int32_t partition, int64_t from,
                   int (*each)(void *ctx, const struct record *r), void *ctx, int64_t *next,
                   struct err *e)
{
    struct sim_log *f = self(l);
    struct reading x = {f, each, ctx, e};
    int r = enter(f, "read_on", ERR_RETRY, e);
    return r < 0
               ? r
               : f->inner->ops->read_on(f->inner, topic, partition, from, read_record, &x, next, e);
}

static int pause_log(struct log *l, const char *topic, int32_t partition)
{
    struct sim_log *f = self(l);
    return enter(f, "pause", ERR_RETRY, NULL) < 0
               ? -ERR_RETRY
               : f->inner->ops->pause(f->inner, topic, partition);
}

static int resume_log(struct log *l, const char *topic, int32_t partition)
{
    struct sim_log *f = self(l);
    return enter(f, "resume", ERR_RETRY, NULL) < 0
               ? -ERR_RETRY
               : f->inner->ops->resume(f->inner, topic, partition);
}

static int committed(struct log *l, struct log_position *p, size_t n, int ms, struct err *e)
{
    struct sim_log *f = self(l);
    int64_t begun = f->slot->sim->clock.ms;
    int r = enter(f, "committed", ERR_RETRY, e);
    if (r < 0) {
        return r;
    }
    struct err own = {0};
    while ((r = f->inner->ops->committed(f->inner, p, n, 0, &own)) == -ERR_RETRY &&
           f->slot->sim->clock.ms - begun < ms) {
        err_clear(&own);
        sim_pause(f->slot, 5 + (int64_t)below(f->slot, 50));
        if (!point(f->slot, "committed, waiting")) {
            return dead(e);
        }
    }
    return r < 0 ? err_set(e, own.kind, "%s", own.text) : leave(f, "committed's end", 0, e);
}

static int position(struct log *l, const char *topic, int32_t partition, int64_t *offset)
{
    return self(l)->inner->ops->position(self(l)->inner, topic, partition, offset);
}

static int has_more(struct log *l, const char *topic, int32_t partition)
{
    return self(l)->inner->ops->has_more(self(l)->inner, topic, partition);
}

static void close_log(struct log *l, bool leaves)
{
    struct sim_log *f = self(l);
    struct sim_slot *slot = f->slot;
    if (!f->is_dead && point(slot, "close")) {
        f->inner->ops->close(f->inner, leaves);
        slot->log = NULL;
        mem_free(f);
        return;
    }
    struct sim *s = slot->sim;
    f->evict_at = s->clock.ms + SESSION_MS;
    f->expire_at = s->clock.ms + OPEN_MOST_MS;
    slot->log = NULL;
    sim_bury(s, f);
}

static const struct log_ops sim_ops = {
    .poll = poll_log,
    .release = release,
    .pause = pause_log,
    .resume = resume_log,
    .seek = seek,
    .begin = begin,
    .produce = produce,
    .commit = commit,
    .abort = abort_log,
    .partitions = partitions,
    .bounds = bounds,
    .written = written,
    .create_topic = create_topic,
    .read_all = read_all,
    .read_on = read_on,
    .committed = committed,
    .position = position,
    .has_more = has_more,
    .close = close_log,
};

static void on_assigned(void *ctx, struct log_position *p, size_t n)
{
    struct sim_log *f = ctx;
    if (!f->is_dead) {
        sim_note(f->slot, "gets %zu partitions, %s/%d", n, p[0].topic, p[0].partition);
        f->ev.assigned(f->ev.ctx, p, n);
    }
}

static void on_revoked(void *ctx, const struct log_position *p, size_t n, bool lost)
{
    struct sim_log *f = ctx;
    if (!f->is_dead) {
        sim_note(f->slot, "%s %zu partitions, %s/%d", lost ? "has lost" : "gives up", n, p[0].topic,
                 p[0].partition);
        f->ev.revoked(f->ev.ctx, p, n, lost);
    }
}

int sim_log_open(void *ctx, struct log **out, const struct log_config *cfg,
                 const struct log_events *ev, struct err *e)
{
    struct sim_slot *slot = ctx;
    struct sim_log *f = mem_zalloc(sizeof *f);
    f->log.ops = &sim_ops;
    f->slot = slot;
    f->ev = *ev;
    memcpy(f->member, slot->member, sizeof f->member);
    struct log_events mine = {f, on_assigned, on_revoked};
    int r = point(slot, "open") ? 0 : dead(e);
    r = r < 0 ? r : memory_log_open(&f->inner, slot->sim->broker, cfg, &mine, e);
    if (r < 0) {
        mem_free(f);
        return r;
    }
    *out = &f->log;
    slot->log = f;
    return 0;
}
