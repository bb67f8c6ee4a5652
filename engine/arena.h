/* Arena: memory that dies together. Plans live in one arena; each task has one for the batch in
 * hand.
 *
 * Pages are kept on reset and release, so a task allocates nothing once it is warm. With
 * KLAMM_ARENA_MALLOC (sanitizer builds) each object is its own malloc, so that the sanitizers see
 * every overrun and every use after release. Not thread-safe: one owner.
 */
#ifndef KLAMM_ENGINE_ARENA_H
#define KLAMM_ENGINE_ARENA_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct arena_page;

struct arena {
    struct arena_page *first, *page; /* all pages; the one in use */
    char *at, *end;
    size_t bytes; /* held in pages */
};

struct arena_mark {
    struct arena_page *page;
    char *at;
};

void arena_init(struct arena *a);
void arena_done(struct arena *a);
/* 16-byte aligned, not zeroed, never NULL. */
void *arena_alloc(struct arena *a, size_t size) __attribute__((returns_nonnull));
void *arena_zalloc(struct arena *a, size_t size) __attribute__((returns_nonnull));
/* n * size with overflow check. */
void *arena_array(struct arena *a, size_t n, size_t size) __attribute__((returns_nonnull));
char *arena_strdup(struct arena *a, const char *s) __attribute__((returns_nonnull));
char *arena_strndup(struct arena *a, const char *s, size_t n) __attribute__((returns_nonnull));
__attribute__((format(printf, 2, 3), returns_nonnull)) char *arena_printf(struct arena *a,
                                                                          const char *fmt, ...);
/* Everything allocated after the mark is released; marks nest. */
struct arena_mark arena_mark(const struct arena *a);
void arena_release(struct arena *a, struct arena_mark m);
void arena_reset(struct arena *a);

#endif
