/* Trainer thread: the one thread of a process that does the trainings of all its tasks, one after
 * the other in the order in which they came, at a low priority (engine/trainer.h).
 *
 * Its trainer may be used from every thread; each training by the one that started it. All of them
 * must have been collected or dropped before the thread is stopped, and what their data refer to
 * (plans) must outlive that.
 */
#ifndef KLAMM_WORKER_TRAINER_THREAD_H
#define KLAMM_WORKER_TRAINER_THREAD_H

#include "engine/error.h"
#include "engine/trainer.h"

struct trainer_thread;

/* -ERR_FATAL: no thread. */
int trainer_thread_start(struct trainer_thread **out, struct err *e);
struct trainer *trainer_thread_trainer(struct trainer_thread *t);
/* Waits for the job at work, which was dropped and so is asked to stop. */
void trainer_thread_stop(struct trainer_thread *t);

#endif
