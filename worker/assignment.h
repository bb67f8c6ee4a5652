/* Assignment: what a member of a group owns, in the bytes of Kafka's consumer protocol (an array of
 * topics with their partitions behind a version).
 *
 *     struct assignment a = assignment_of(bytes, n);
 *     while (assignment_next(&a)) { … a.topic, a.topic_n, a.partition … }
 *
 * Bytes that end too early end it, too. Pure functions.
 */
#ifndef KLAMM_WORKER_ASSIGNMENT_H
#define KLAMM_WORKER_ASSIGNMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct assignment {
    const uint8_t *at, *end;
    int64_t topics, partitions; /* left, of the topic in hand */
    const char *topic;          /* not terminated; lives as long as the bytes */
    size_t topic_n;
    int32_t partition;
};

struct assignment assignment_of(const void *bytes, size_t n);
/* The next partition. */
bool assignment_next(struct assignment *a);

#endif
