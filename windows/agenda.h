/* Agenda: what falls due when. Times are those of windows (a start, an end, a number), not of a
 * clock.
 *
 *   least ──> | 10: a c d | 20: b | 70: a |      one list of items per time
 *
 * Adding costs one look-up and 8 bytes. An item stays until its time is dropped: whoever changes
 * his mind adds another and ignores the first. One owner: the task.
 */
#ifndef KLAMM_WINDOWS_AGENDA_H
#define KLAMM_WINDOWS_AGENDA_H

#include "engine/heap.h"

#include <stdint.h>

struct date {
    int64_t time;
    uint64_t id; /* never used twice */
    void **item; /* in the order in which they were added */
    uint32_t n, cap;
};

struct agenda {
    struct heap times;  /* of struct date */
    struct date **slot; /* by time; a power of two */
    uint32_t nslots;
    uint64_t next_id;
    uint64_t room;     /* for items, over all dates */
    struct date *last; /* that agenda_at() gave */
};

void agenda_init(struct agenda *a);
void agenda_done(struct agenda *a);
/* The date of this time, made when new; valid until it is dropped. */
struct date *agenda_at(struct agenda *a, int64_t time);
/* The same, or NULL: there is none. */
struct date *agenda_find(const struct agenda *a, int64_t time);
void agenda_add(struct agenda *a, int64_t time, void *item);
/* No date has items any more. */
void agenda_forget_items(struct agenda *a);
/* The date with the least time, or NULL; valid until it is dropped, also while others are added. */
struct date *agenda_first(const struct agenda *a);
void agenda_drop_first(struct agenda *a);
uint64_t agenda_items(const struct agenda *a);
uint64_t agenda_bytes(const struct agenda *a);

#endif
