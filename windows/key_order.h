/* The order in which results of one window come out: by the text of their keys.
 *
 * Thread-safe; what is sorted stays the caller's.
 */
#ifndef KLAMM_WINDOWS_KEY_ORDER_H
#define KLAMM_WINDOWS_KEY_ORDER_H

#include "engine/arena.h"
#include "engine/schema.h"

#include <stdint.h>

/* Key bytes of an item, and how many. */
typedef const void *(*key_of_fn)(const void *ctx, const void *item, uint32_t *n);

/* Sorts n items by the text of their keys, then by their bytes; `schema` holds the key columns.
 * scratch is released by the caller. */
void key_order(void **item, uint32_t n, key_of_fn key_of, const void *ctx,
               const struct schema *schema, struct arena *scratch);

#endif
