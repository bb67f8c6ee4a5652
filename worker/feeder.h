/* Feeders and drains: threads that move rows between connectors and topics.
 *
 *   feeder   connector (generator, file, …) -> topic of its stream; rows and the position behind
 *            them in one transaction, the position in the compacted topic NAME-sources
 *   drain    topic of a sink -> connector (log, file, …) or the terminal; offsets commit after the
 *            connector has flushed
 */
#ifndef KLAMM_WORKER_FEEDER_H
#define KLAMM_WORKER_FEEDER_H

#include "engine/plan.h"
#include "worker/client.h"

struct feeder;
int feeder_start(struct feeder **out, const struct client *c, const struct plan *plan,
                 const struct plan_source *source, struct err *e);
/* 0 running, 1 at the end of its source, negative: failed (see feeder_stop). */
int feeder_status(const struct feeder *f);
/* Stops, waits and frees; the result is what ended it. */
int feeder_stop(struct feeder *f, struct err *e);

struct drain;
/* sink->drain NULL: records are shown on stdout (a live table on a terminal). */
int drain_start(struct drain **out, const struct client *c, const struct plan *plan,
                const struct plan_sink *sink, struct err *e);
int drain_status(const struct drain *d);
/* Reads what is there up to now, then stops. */
int drain_stop(struct drain *d, struct err *e);

#endif
