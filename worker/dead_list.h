/* What stands in a dead-letter topic, for people: causes with their counts, then the last letters
 * with a look at their values; or each letter as one JSON object. One thread.
 */
#ifndef KLAMM_WORKER_DEAD_LIST_H
#define KLAMM_WORKER_DEAD_LIST_H

#include "worker/client.h"
#include "worker/dead_letter.h"

struct dead_list;
/* most: how many letters are shown, the last ones; negative: all. */
struct dead_list *dead_list_new(const struct client *c, const char *topic, int64_t most,
                                bool is_json);
/* Reads the topic up to its end now. */
int dead_list_read(struct dead_list *l, struct err *e);
void dead_list_print(const struct dead_list *l, struct buffer *out);
void dead_list_free(struct dead_list *l);

#endif
