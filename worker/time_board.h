/* Time board: how far event time is in every input partition, as far as this process knows. Lanes
 * write their own partitions and read what idle ones are to follow (docs/time.md). Thread-safe.
 *
 *   own      written at each tick by the lane that has it
 *   others'  as committed by whoever has it, asked for while somebody waits; one that says so, or
 *            has not changed for time.idle, counts as idle
 */
#ifndef KLAMM_WORKER_TIME_BOARD_H
#define KLAMM_WORKER_TIME_BOARD_H

#include "engine/task.h"

struct time_board;

/* tasks: per sub-plan, how many partitions its inputs have. Both must outlive the board. */
struct time_board *time_board_new(const struct plan *p, const int32_t *tasks);
void time_board_free(struct time_board *b);
/* A partition of ours. source and topic are the plan's. */
void time_board_set(struct time_board *b, const struct plan_source *source, const char *topic,
                    int32_t partition, struct part_time time);
/* The same for an input of a task; whether it is idle. Internal ones have no place here, and say it
 * themselves. */
bool time_board_say(struct time_board *b, const struct task *t, int input, int64_t now);
/* An input that is idle follows the others of its topic, once all have said how far they are. */
void time_board_follow(struct time_board *b, struct task *t, int input, int64_t now);
/* The partition has gone to somebody else. */
void time_board_give_up(struct time_board *b, const char *topic, int32_t partition, int64_t now);
/* The least watermark of the topic's partitions that are not idle. When all are, the greatest:
 * nothing is left to read. */
struct others time_board_read(struct time_board *b, const struct plan_source *source,
                              const char *topic);
/* Whether it is time to ask for the partitions of others: true at most four times a second over all
 * lanes, and twice while the answers stay the same. */
bool time_board_asks(struct time_board *b, int64_t now);
/* Calls each for every partition of a topic that is not ours; it must not come back here. */
void time_board_others(struct time_board *b, const char *topic,
                       void (*each)(void *ctx, int32_t partition), void *ctx);
/* What another member has committed there: the metadata of its offset, NULL for none. */
void time_board_heard(struct time_board *b, const char *topic, int32_t partition,
                      const char *metadata, int64_t now);

#endif
