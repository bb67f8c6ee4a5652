/* Simulation: lanes of a topology in one thread, over the log in memory, with a virtual clock, and
 * with whatever a seed makes happen at their calls of the log and of their disks. Each lane is a
 * fiber; at a call it may have to wait while others go on, so all that happens is decided by the
 * seed, and happens again.
 *
 *     sim_init(&s, &topology, plan, seed, disturbed);  …rows…  sim_run(&s);  sim_result(&s);  sim_done(&s);
 *
 * What happens to a lane, as often as the seed's budget allows:
 *
 *   crash      at any call: what was in memory is gone, and nothing is said to anyone. Its place
 *              in the group and its open transaction stay until their time-outs, or until the next
 *              with its transactional id
 *   freeze     at any call, for seconds: others get its partitions, its transaction ends; then it goes
 *              on, and must be stopped by the broker. Sometimes another takes its id meanwhile
 *   error      what Kafka may answer: for now, abort, fatal; also after the deed was done
 *   evicted    the group throws it out while it runs
 *   stop       it leaves, and comes back
 *   delays     markers of transactions come late and in any order; few records a poll
 *
 * sim.c has the world and the order of things, sim_log.c what happens at calls.
 */
#ifndef KLAMM_TESTS_SIM_H
#define KLAMM_TESTS_SIM_H

#include "engine/arena.h"
#include "engine/random.h"
#include "tests/support/fiber.h"
#include "tests/support/rig_disks.h"
#include "tests/support/rig_topics.h"
#include "worker/lane.h"
#include "worker/memory_log.h"

#define SIM_LANES  3
#define SIM_SLOTS  (SIM_LANES + 1) /* the last for a second lane with the id of a frozen one */
#define SIM_GRAVES 64

struct sim;

/* A lane's handle; it outlives the lane when that has crashed. */
struct sim_log {
    struct log log; /* first */
    struct log *inner;
    struct log_events ev;
    struct sim_slot *slot;
    char member[20];
    bool is_dead;                /* its lane has crashed: nothing reaches the broker */
    int64_t evict_at, expire_at; /* time-outs of a dead or frozen lane; 0: none */
};

struct sim_slot {
    struct sim *sim;
    int number;
    char member[20];
    struct lane *lane; /* NULL: it is not running */
    struct fiber *fiber;
    struct sim_log *log;
    bool is_dead, is_leaving, is_excused; /* something happened that may end it */
    int64_t wake_at;
    int64_t start_at; /* INT64_MAX: not by itself */
};

struct sim_clock {
    struct clock clock;   /* first */
    int64_t ms, wrong_by; /* the wall clock is */
    uint32_t calls;
};

struct sim_options {
    const struct plan *plan;
    uint64_t seed;
    bool is_disturbed, at_least_once;
    int32_t partitions;
};

struct sim {
    struct sim_options o;
    struct sim_clock clock;
    struct random random;
    struct arena mem;
    struct memory_broker *broker;
    struct log *log, *group; /* for producing and questions; for offsets */
    struct schema_store *schemas;
    struct progress *progress;
    struct time_board *times;
    struct rig_topics topics;
    struct rig_disks disks;
    bool has_disks, has_own_disks;
    uint16_t batch_rows;
    uint32_t slice;
    uint32_t pace, chance; /* ms that a call takes at most; one call in so many fails */
    int faults;            /* still to come */
    int64_t steps;
    struct sim_slot slot[SIM_SLOTS];
    int ngraves;
    struct sim_log *grave[SIM_GRAVES];
    struct buffer trace;
    struct err failure;
    /* More input, between steps: false when there is none left. */
    bool (*feed)(void *ctx);
    void *ctx;
};

void sim_init(struct sim *s, const struct sim_options *o);
void sim_send(struct sim *s, const char *topic, int32_t partition, const char *key,
              const char *value, int64_t timestamp);
/* Until all input is there, read and committed. 0, or the failure with its text in s->failure. */
int sim_run(struct sim *s);
void sim_done(struct sim *s);

/* sim_log.c; for sim.c */
int sim_log_open(void *ctx, struct log **out, const struct log_config *cfg,
                 const struct log_events *ev, struct err *e);
/* A call of a slot's disk. False: the lane is dead. */
bool sim_disk_call(void *slot, const char *call);
/* sim.c; for sim_log.c */
__attribute__((format(printf, 2, 3))) void sim_note(struct sim_slot *slot, const char *fmt, ...);
/* The slot's lane waits so long, and others go on. */
void sim_pause(struct sim_slot *slot, int64_t ms);
void sim_bury(struct sim *s, struct sim_log *f);
/* Another lane with the id of this one. */
void sim_replace(struct sim_slot *slot);

#endif
