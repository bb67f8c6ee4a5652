/* Fibers: functions with a stack of their own, of which one at a time runs, until it yields. For
 * simulations: everything in one thread, in an order that the caller decides.
 */
#ifndef KLAMM_TESTS_FIBER_H
#define KLAMM_TESTS_FIBER_H

#include <stdbool.h>

struct fiber;

struct fiber *fiber_new(void (*run)(void *arg), void *arg);
/* Runs it until it yields, or ends: false. */
bool fiber_resume(struct fiber *f);
/* Called by the fiber itself. */
void fiber_yield(struct fiber *f);
/* It has ended, or will never go on. */
void fiber_free(struct fiber *f);

#endif
