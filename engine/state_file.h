/* The disk of a task whose state is in memory: one file with its changes, written beside the
 * stream. What is written outlives the process, also kill -9; a machine that crashes may lose the
 * end of the file, or all. The file is only of use to a task that holds all of its entries in
 * memory. Opened and used by one thread at a time.
 */
#ifndef KLAMM_ENGINE_STATE_FILE_H
#define KLAMM_ENGINE_STATE_FILE_H

#include "engine/state_disk.h"

/* Beside a file that is being written anew. */
#define STATE_FILE_NEW ".new"

/* Opens or makes the file; what is damaged, torn or of another task is cut off. name: of the task.
 * -ERR_RETRY: it cannot be opened or made. Later failures to write cost the file, never the task:
 * it is removed, and made again when there is room. */
int state_file_open(struct state_disk **out, const char *path, const char *name, struct err *e);

#endif
