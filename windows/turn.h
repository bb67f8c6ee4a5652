/* Turn: the date of an agenda whose items are dealt with, in the order of their keys and in slices.
 *
 *   begin -> ready, until it is 0 -> item[at ..]; `at` is moved by whoever deals with them
 *
 * Zeroed: it is nobody's turn. One owner: the task.
 */
#ifndef KLAMM_WINDOWS_TURN_H
#define KLAMM_WINDOWS_TURN_H

#include "engine/step.h"
#include "windows/agenda.h"
#include "windows/key_order.h"

struct turn {
    struct date *date; /* NULL: nobody's */
    uint32_t looked;   /* items looked at, for those that choose among them */
    uint32_t n, at;    /* items, those dealt with */
    bool is_sorting;
    struct key_sort sort;
};

/* The first n items of the date; by NULL: in any order. */
void turn_begin(struct turn *x, struct date *d, uint32_t n, const struct key_by *by);
/* Sorts them. Positive: not yet. */
int turn_ready(struct turn *x, struct op *op);
/* It is over, or given up. */
void turn_end(struct turn *x);

#endif
