/* Lanes and sources wait by the same rule. */
#include "worker/backoff.h"

#define FIRST_MS 1000
#define MOST_MS  300000
#define WELL_MS  600000

int64_t backoff_next(int64_t last, int64_t ran_ms)
{
    int64_t next = last == 0 || ran_ms > WELL_MS ? FIRST_MS : last * 2;
    return next > MOST_MS ? MOST_MS : next;
}
