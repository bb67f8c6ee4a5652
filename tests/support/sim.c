/* The order of things: one step after the other, each the piece of a lane between two pauses.
 *
 *   time-outs ── lanes that are due start ── markers, input, a lane stops or is thrown out ── a step
 *
 * Where every lane waits, the clock goes on to the first that waits no longer.
 */
#include "tests/support/sim.h"

#include "engine/memory.h"
#include "schemas/registry_memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BEGIN_MS    INT64_C(1000000000)
#define DAY_MS      INT64_C(86400000)
#define STEPS_MOST  300000
#define CLOCK_CALLS 8 /* that take a millisecond */

static int64_t virtual_steady(const struct clock *c)
{
    struct sim_clock *mine = (struct sim_clock *)(uintptr_t)c;
    mine->ms += ++mine->calls % CLOCK_CALLS == 0;
    return mine->ms;
}

static int64_t virtual_now(const struct clock *c)
{
    return virtual_steady(c) + ((const struct sim_clock *)c)->wrong_by;
}

static uint32_t below(struct sim *s, uint32_t n)
{
    return random_below(&s->random, n);
}

void sim_note(struct sim_slot *slot, const char *fmt, ...)
{
    struct sim *s = slot->sim;
    char text[300];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    buffer_printf(&s->trace, "%8lld  lane %d  %s\n", (long long)(s->clock.ms - BEGIN_MS),
                  slot->number, text);
}

void sim_pause(struct sim_slot *slot, int64_t ms)
{
    slot->wake_at = slot->sim->clock.ms + ms;
    fiber_yield(slot->fiber);
}

void sim_init(struct sim *s, const struct sim_options *o)
{
    static const uint16_t batch[] = {1, 3, 17, BATCH_ROWS};
    static const uint32_t pace[] = {0, 1, 3, 20, 200}, chance[] = {20, 60, 200, 600};
    static const uint64_t share[] = {0, 300, 3000, 1 << 20};
    struct err e = {0};
    memset(s, 0, sizeof *s);
    s->o = *o;
    s->clock =
        (struct sim_clock){.clock = {.now = virtual_now, .steady = virtual_steady}, .ms = BEGIN_MS};
    random_seed(&s->random, o->seed, 2);
    arena_init(&s->mem);
    buffer_init(&s->trace);
    s->broker = memory_broker_new(1);
    s->schemas = registry_memory_new();
    s->progress = progress_new();
    if (memory_log_open(&s->log, s->broker, &(struct log_config){0}, NULL, &e) < 0 ||
        memory_log_open(&s->group, s->broker, &(struct log_config){.group = "g"}, NULL, &e) < 0) {
        abort();
    }
    rig_topics_create(&s->topics, s->log, o->plan, o->partitions, &s->mem);
    s->times = time_board_new(o->plan, s->topics.tasks);
    s->batch_rows = BATCH_ROWS;
    for (int i = 0; i < SIM_SLOTS; i++) {
        s->slot[i] = (struct sim_slot){.sim = s, .number = i, .start_at = INT64_MAX};
        snprintf(s->slot[i].member, sizeof s->slot[i].member, "member-%d", i);
    }
    s->slot[0].start_at = 0;
    if (o->is_disturbed) {
        s->batch_rows = batch[below(s, 4)];
        s->slice = below(s, 6);
        s->pace = pace[below(s, 5)];
        s->chance = chance[below(s, 4)];
        s->faults = (int)below(s, 25);
        s->has_disks = below(s, 3) > 0;
        s->has_own_disks = below(s, 2);
        rig_disks_init(&s->disks, share[below(s, 4)], o->seed);
        if (below(s, 4)) {
            memory_broker_delay_markers(s->broker);
        }
        for (uint32_t i = 1, n = below(s, SIM_LANES); i <= n; i++) {
            s->slot[i].start_at = below(s, 2) ? 0 : BEGIN_MS + (int64_t)below(s, 3000);
        }
    }
}

void sim_send(struct sim *s, const char *topic, int32_t partition, const char *key,
              const char *value, int64_t timestamp)
{
    struct err e = {0};
    struct record r = {.topic = topic,
                       .partition = partition,
                       .timestamp = timestamp,
                       .key = key,
                       .key_n = strlen(key),
                       .value = value,
                       .value_n = strlen(value)};
    if (s->log->ops->produce(s->log, &r, 1, &e) < 0) {
        fprintf(stderr, "%s\n", e.text);
        abort();
    }
}

/* ---- lanes ---- */

static int open_disk(void *ctx, const char *name, uint16_t nlazy, struct state_disk **out,
                     struct err *e)
{
    struct sim_slot *slot = ctx;
    struct sim *s = slot->sim;
    char own[700];
    (void)nlazy;
    snprintf(own, sizeof own, "%d/%s", s->has_own_disks ? slot->number : 0, name);
    int r = rig_disks_take(&s->disks, own, out, e);
    if (r == 0) {
        struct fake_disk *f = (struct fake_disk *)*out;
        f->lives = sim_disk_call;
        f->ctx = slot;
    }
    return r;
}

static void close_disk(void *ctx, struct state_disk *d)
{
    struct sim_slot *slot = ctx;
    struct fake_disk *f = (struct fake_disk *)d;
    f->lives = NULL;
    if (slot->is_dead) {
        fake_disk_kill(f);
    }
    rig_disks_give_back(&slot->sim->disks, d);
}

static void run_lane(void *lane)
{
    lane_run(lane);
}

static void start(struct sim_slot *slot)
{
    struct sim *s = slot->sim;
    struct lane_config cfg = {
        .number = slot->number,
        .plan = s->o.plan,
        .clock = &s->clock.clock,
        .schemas = s->schemas,
        .tasks = s->topics.tasks,
        .batch_rows = s->batch_rows,
        .slice = s->slice,
        .progress = s->progress,
        .times = s->times,
        .open_log = sim_log_open,
        .ctx = slot,
        .open_disk = s->has_disks ? open_disk : NULL,
        .close_disk = close_disk,
        .log = {.group = "g",
                .transactional = s->o.at_least_once ? NULL : slot->member,
                .topics = s->topics.inputs,
                .copartition = s->topics.copartition},
    };
    sim_note(slot, "starts as %s", slot->member);
    slot->is_dead = slot->is_leaving = slot->is_excused = false;
    slot->start_at = INT64_MAX;
    slot->wake_at = 0;
    slot->lane = lane_new(&cfg);
    slot->fiber = fiber_new(run_lane, slot->lane);
    for (int i = 0; i < SIM_SLOTS; i++) {
        struct sim_slot *other = &s->slot[i];
        if (other != slot && other->lane && strcmp(other->member, slot->member) == 0) {
            other->is_excused = slot->is_excused = true; /* they fence each other */
        }
    }
    for (int i = 0; i < s->ngraves; i++) { /* as what lives on the same machine may know */
        struct sim_log *f = s->grave[i];
        if (strcmp(f->member, slot->member) == 0 && below(s, 2)) {
            f->evict_at = 0;
            memory_log_evict(f->inner);
        }
    }
}

void sim_replace(struct sim_slot *slot)
{
    struct sim *s = slot->sim;
    struct sim_slot *other = &s->slot[SIM_SLOTS - 1];
    if (!other->lane && other->start_at == INT64_MAX) {
        memcpy(other->member, slot->member, sizeof other->member);
        other->start_at = s->clock.ms + (int64_t)below(s, 12000);
    }
}

/* The lane has ended: as the runner, starts it again after a while. */
static int reap(struct sim_slot *slot)
{
    struct sim *s = slot->sim;
    struct err e = {0};
    int r = lane_free(slot->lane, &e);
    fiber_free(slot->fiber);
    slot->lane = NULL;
    slot->fiber = NULL;
    sim_note(slot, "has ended: %s", r < 0 ? e.text : "ok");
    bool is_replacement = slot->number == SIM_SLOTS - 1;
    if (!is_replacement && (r < 0 || slot->is_dead || below(s, 2))) {
        slot->start_at = s->clock.ms + (int64_t)below(s, below(s, 2) ? 200 : 8000);
    }
    bool may_end = r == -ERR_RETRY || r == -ERR_FATAL || (r == -ERR_ABORT && !slot->is_leaving);
    if (r == 0 || slot->is_dead || (may_end && slot->is_excused)) {
        return 0;
    }
    return may_end && s->o.is_disturbed && r != -ERR_FATAL
               ? 0
               : err_set(&s->failure, (enum err_kind) - r, "lane %d: %s", slot->number, e.text);
}

/* ---- what time brings ---- */

void sim_bury(struct sim *s, struct sim_log *f)
{
    if (s->ngraves == SIM_GRAVES) {
        abort();
    }
    s->grave[s->ngraves++] = f;
}

/* *next becomes the first time-out that is left. */
static void time_out(struct sim *s, struct sim_log *f, int64_t *next)
{
    if (f->evict_at && s->clock.ms >= f->evict_at) {
        f->evict_at = 0;
        memory_log_evict(f->inner);
    }
    if (f->expire_at && s->clock.ms >= f->expire_at) {
        f->expire_at = 0;
        memory_log_expire(f->inner);
    }
    *next = f->evict_at && f->evict_at < *next ? f->evict_at : *next;
    *next = f->expire_at && f->expire_at < *next ? f->expire_at : *next;
}

static int64_t time_outs(struct sim *s)
{
    int64_t next = INT64_MAX;
    for (int i = 0; i < SIM_SLOTS; i++) {
        if (s->slot[i].log) {
            time_out(s, s->slot[i].log, &next);
        }
    }
    for (int i = 0; i < s->ngraves; i++) {
        struct sim_log *f = s->grave[i];
        time_out(s, f, &next);
        if (!f->evict_at && !f->expire_at) {
            f->inner->ops->close(f->inner, false);
            mem_free(f);
            s->grave[i--] = s->grave[--s->ngraves];
        }
    }
    return next;
}

/* The group's members change, one is thrown out, or the wall clock is set. */
static void disturb(struct sim *s)
{
    static const int64_t wrong_by[] = {0, -2 * DAY_MS, -700, 700, 2 * DAY_MS};
    struct sim_slot *slot = &s->slot[below(s, SIM_LANES)];
    if (s->faults <= 0 || below(s, 200) != 0) {
        return;
    }
    s->faults--;
    if (below(s, 3) == 0) {
        s->clock.wrong_by = wrong_by[below(s, 5)];
    } else if (!slot->lane) {
        slot->start_at = s->clock.ms;
    } else if (!slot->is_leaving) {
        sim_note(slot, "is told to stop");
        slot->is_leaving = true;
        lane_stop(slot->lane, true);
    }
}

/* One lane that need not wait takes a step. 0: all of them wait. */
static int step(struct sim *s)
{
    int n = 0, first = (int)below(s, SIM_SLOTS);
    for (; n < SIM_SLOTS; n++) {
        struct sim_slot *slot = &s->slot[(first + n) % SIM_SLOTS];
        if (!slot->lane && slot->start_at <= s->clock.ms) {
            start(slot);
        }
        if (slot->lane && slot->wake_at <= s->clock.ms) {
            if (!fiber_resume(slot->fiber)) {
                int r = reap(slot);
                return r < 0 ? r : 1;
            }
            return 1;
        }
    }
    return 0;
}

static bool is_all_committed(struct sim *s)
{
    struct err e = {0};
    for (int t = 0; s->topics.inputs[t]; t++) {
        int32_t n = 0;
        s->log->ops->partitions(s->log, s->topics.inputs[t], &n, 0, &e);
        for (int32_t i = 0; i < n; i++) {
            struct log_position p = {.topic = s->topics.inputs[t], .partition = i};
            int64_t end = 0;
            s->log->ops->written(s->log, p.topic, i, &end, 0, &e);
            if (s->group->ops->committed(s->group, &p, 1, 0, &e) < 0 ||
                (p.offset < end && end > 0) || position_is_behind(p.metadata)) {
                return false;
            }
        }
    }
    return true;
}

/* Everybody waits: the clock goes on to the first who does no longer. */
static int skip(struct sim *s, int64_t next)
{
    bool is_any = false;
    for (int i = 0; i < SIM_SLOTS; i++) {
        const struct sim_slot *slot = &s->slot[i];
        int64_t at = slot->lane ? slot->wake_at : slot->start_at;
        is_any |= at != INT64_MAX;
        next = at < next ? at : next;
    }
    if (!is_any) { /* nobody would come again */
        s->slot[0].start_at = s->clock.ms;
        return 0;
    }
    s->clock.ms = next > s->clock.ms ? next : s->clock.ms;
    return 0;
}

static int stop_all(struct sim *s)
{
    int r = 0;
    s->faults = 0;
    for (int i = 0; i < SIM_SLOTS; i++) {
        s->slot[i].start_at = INT64_MAX;
        if (s->slot[i].lane) {
            lane_stop(s->slot[i].lane, true);
        }
    }
    for (bool is_any = true; is_any && r == 0;) {
        int64_t next = time_outs(s);
        is_any = s->ngraves > 0; /* what they have open ends */
        for (int i = 0; i < SIM_SLOTS && r == 0; i++) {
            struct sim_slot *slot = &s->slot[i];
            is_any |= slot->lane != NULL;
            next = slot->lane && slot->wake_at < next ? slot->wake_at : next;
            if (slot->lane && slot->wake_at <= s->clock.ms && !fiber_resume(slot->fiber)) {
                r = reap(slot);
                slot->start_at = INT64_MAX;
            }
        }
        memory_broker_write_marker(s->broker, below(s, 1000));
        s->clock.ms = next != INT64_MAX && next > s->clock.ms ? next : s->clock.ms;
    }
    while (memory_broker_write_marker(s->broker, 0)) {
    }
    return r;
}

int sim_run(struct sim *s)
{
    bool has_more = true;
    int r = 0;
    while (r >= 0) {
        int64_t next = time_outs(s);
        if (++s->steps > STEPS_MOST) {
            return err_set(&s->failure, ERR_RETRY, "it does not come to an end");
        }
        if (has_more && (!s->o.is_disturbed || below(s, 4) == 0)) {
            has_more = s->feed(s->ctx);
        }
        if (s->o.is_disturbed) {
            disturb(s);
            if (below(s, 3) == 0) {
                memory_broker_write_marker(s->broker, below(s, 1000));
            }
        }
        r = step(s);
        if (r == 0) {
            memory_broker_write_marker(s->broker, below(s, 1000));
            if (!has_more && is_all_committed(s)) {
                break;
            }
            r = skip(s, next);
        }
    }
    return r < 0 ? r : stop_all(s);
}

/* A lane that is still there ends as if it had crashed. */
void sim_done(struct sim *s)
{
    for (int i = 0; i < SIM_SLOTS; i++) {
        struct sim_slot *slot = &s->slot[i];
        struct err e = {0};
        if (slot->lane) {
            slot->is_dead = true;
            if (slot->log) {
                slot->log->is_dead = true;
            }
            lane_stop(slot->lane, false);
            while (fiber_resume(slot->fiber)) {
            }
            lane_free(slot->lane, &e);
            fiber_free(slot->fiber);
        }
    }
    for (int i = 0; i < s->ngraves; i++) {
        s->grave[i]->inner->ops->close(s->grave[i]->inner, false);
        mem_free(s->grave[i]);
    }
    s->log->ops->close(s->log, true);
    s->group->ops->close(s->group, true);
    memory_broker_free(s->broker);
    time_board_free(s->times);
    progress_free(s->progress);
    s->schemas->free(s->schemas);
    if (s->o.is_disturbed) {
        rig_disks_done(&s->disks);
    }
    buffer_done(&s->trace);
    arena_done(&s->mem);
}
