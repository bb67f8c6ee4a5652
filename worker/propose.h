/* Proposals of columns: what the first records of a topic look like, as the `columns` line that its
 * user has left out. One thread.
 */
#ifndef KLAMM_WORKER_PROPOSE_H
#define KLAMM_WORKER_PROPOSE_H

#include "engine/topology.h"
#include "worker/client.h"

/* Types of the values seen, merged. */
struct proposal;
struct proposal *proposal_new(void);
void proposal_free(struct proposal *p);
/* One value; what is not of the format is passed over. */
void proposal_add_json(struct proposal *p, const void *value, size_t n);
void proposal_add_csv(struct proposal *p, const void *value, size_t n);
/* "columns: {host: string, load.mean: double}" appended; nothing when no value told anything. */
void proposal_print(const struct proposal *p, struct buffer *out);

/* Adds to each problem of `d` that a topic's end has no types the columns its records suggest.
 * Reads 100 records of a topic at most, as a member of no group; what cannot be read adds nothing.
 */
void propose_columns(const struct topology *t, const struct client *c, struct diags *d);

#endif
