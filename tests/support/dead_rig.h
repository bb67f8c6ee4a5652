/* For tests of dead letters: a topic "dead" of the log in memory, with letters in it. */
#ifndef KLAMM_TESTS_DEAD_RIG_H
#define KLAMM_TESTS_DEAD_RIG_H

#include "tests/support/memory_client.h"

/* One letter of a record of `topic`, as a task of topology t writes it. replays NULL: none. */
void dead_rig_letter(struct memory_client *m, const char *topic, const char *partition,
                     const char *offset, const char *stage, const char *message,
                     const char *replays, const char *value);
void dead_rig_topic(struct memory_client *m, const char *topic, int32_t partitions);

#endif
