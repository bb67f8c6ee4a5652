/* Show: records as they come. On a terminal a table of the newest rows, redrawn in place; elsewhere
 * one record line each. One owner. */
#ifndef KLAMM_WORKER_SHOW_H
#define KLAMM_WORKER_SHOW_H

#include <stdbool.h>
#include <stddef.h>

struct show;

struct show *show_new(const char *topic);
/* A record line (JSON). */
void show_line(struct show *s, const char *line, size_t n);
/* Draws what is new. */
void show_flush(struct show *s);
void show_free(struct show *s);
/* Whether the reader of standard output has gone (`| head`): there is no point in printing on. */
bool show_is_over(void);

#endif
