/* Ranking: the best rows of a group so far, best first, as `top` keeps them.
 *
 * Rows are ordered by a value, descending; of equal ones the lesser text is first. NaN comes behind
 * numbers, null behind all. One owner: the task.
 */
#ifndef KLAMM_WINDOWS_RANKING_H
#define KLAMM_WINDOWS_RANKING_H

#include "engine/buffer.h"
#include "engine/type.h"
#include "engine/vector.h"

struct ranked; /* a row with what orders it */

struct ranking {
    struct ranked **row; /* in order */
    uint32_t n, cap;
};

void ranking_done(struct ranking *r);
/* The row stays if it is among the first `limit`; one that is no longer goes. by: item `at` of a
 * column. Returns whether anything changed. */
bool ranking_add(struct ranking *r, uint32_t limit, const struct vec *by, uint16_t at,
                 const struct buffer *tie, const struct buffer *row);
/* Bytes of a row as they were given; die with it. */
const void *ranking_row(const struct ranking *r, uint32_t i, size_t *n);

/* Bytes that it owns. */
uint64_t ranking_size(const struct ranking *r);

/* For the changelog. r must be zeroed before ranking_load(), which returns 0 or -ERR_DATA; what it
 * made until then is freed by ranking_done(). */
void ranking_save(const struct ranking *r, struct buffer *out);
int ranking_load(struct ranking *r, const struct type *by, const void *p, size_t n);

#endif
