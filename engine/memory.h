/* Allocation: mem_* abort when memory is out (a transactional worker recovers by restarting);
 * mem_try_* return NULL and are used wherever a size comes from the network or a user. Sizes of
 * arrays are multiplied with an overflow check. Thread-safe. mem_count() is the number of
 * allocations made through these functions by this thread: benchmarks prove with it that a hot loop
 * allocates nothing per row.
 */
#ifndef KLAMM_ENGINE_MEMORY_H
#define KLAMM_ENGINE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

void *mem_alloc(size_t size) __attribute__((malloc, returns_nonnull));
void *mem_zalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *mem_array(size_t n, size_t size) __attribute__((malloc, returns_nonnull)); /* not zeroed */
void *mem_resize(void *p, size_t n, size_t size) __attribute__((returns_nonnull));
void *mem_try_alloc(size_t size) __attribute__((malloc));
void *mem_try_resize(void *p, size_t n, size_t size);
char *mem_strdup(const char *s) __attribute__((malloc, returns_nonnull));
char *mem_strndup(const char *s, size_t n) __attribute__((malloc, returns_nonnull));
__attribute__((format(printf, 1, 2), malloc, returns_nonnull)) char *mem_printf(const char *fmt,
                                                                                ...);
void mem_free(void *p);
uint64_t mem_count(void);

#endif
