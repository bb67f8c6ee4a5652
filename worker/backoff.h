/* Backoff: how long to wait before what failed is started again. Pure. */
#ifndef KLAMM_WORKER_BACKOFF_H
#define KLAMM_WORKER_BACKOFF_H

#include <stdint.h>

/* 1 s, doubling to 5 min; what ran for ten minutes was well and begins anew. last: the wait before
 * this run, 0 for none; ran_ms: how long it went. */
int64_t backoff_next(int64_t last, int64_t ran_ms);

#endif
