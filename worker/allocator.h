/* Allocator: how malloc deals with what was freed. Once, before threads start. */
#ifndef KLAMM_WORKER_ALLOCATOR_H
#define KLAMM_WORKER_ALLOCATOR_H

/* Freed pages go back to the system at once, so that they do not add to what else is resident. It
 * costs little, yet something: for a process with a limit. */
void allocator_return_promptly(void);

#endif
