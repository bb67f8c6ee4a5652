/* Arena: bump allocation in pages, or one malloc per object under KLAMM_ARENA_MALLOC.
 *
 *   first -> [full] -> [full] -> page [ used | at ... end ] -> [free] -> [free]
 *
 * Pages behind `page` are free. When the page in use is full, the smallest free page that fits is
 * moved up behind it, so that the same sequence of sizes finds the same pages again after a reset.
 * Pages double from 64 KiB to 1 MiB with what is held; a bigger object gets a page of its own size.
 * A reset or release returns free pages to the system only while more than KEEP_BYTES are held: one
 * monstrous batch must not bloat the task for ever.
 *
 * With one malloc per object the list runs the other way: `page` is the newest object and `next`
 * the one before it; a mark remembers the newest object at its time.
 */
#include "engine/arena.h"

#include "engine/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_LEAST ((size_t)64 << 10)
#define PAGE_MOST  ((size_t)1 << 20)
#define KEEP_BYTES ((size_t)64 << 20)
#define ALIGN      ((size_t)16)

struct arena_page {
    struct arena_page *next;
    size_t size; /* of the bytes behind this struct */
};

static char *page_data(struct arena_page *p)
{
    return (char *)(p + 1);
}

static struct arena_page *page_new(struct arena *a, size_t size)
{
    struct arena_page *p = mem_alloc(sizeof *p + size);
    p->next = NULL;
    p->size = size;
    a->bytes += size;
    return p;
}

static void page_free(struct arena *a, struct arena_page *p)
{
    a->bytes -= p->size;
    mem_free(p);
}

void arena_init(struct arena *a)
{
    *a = (struct arena){0};
}

#ifdef KLAMM_ARENA_MALLOC

void arena_done(struct arena *a)
{
    arena_release(a, (struct arena_mark){0});
}

void *arena_alloc(struct arena *a, size_t size)
{
    struct arena_page *p = page_new(a, size);
    p->next = a->page;
    a->page = p;
    if (a->first == NULL) {
        a->first = p;
    }
    return page_data(p);
}

struct arena_mark arena_mark(const struct arena *a)
{
    return (struct arena_mark){a->page, NULL};
}

void arena_release(struct arena *a, struct arena_mark m)
{
    while (a->page != m.page) {
        struct arena_page *p = a->page;
        a->page = p->next;
        page_free(a, p);
    }
    if (a->page == NULL) {
        a->first = NULL;
    }
}

#else

void arena_done(struct arena *a)
{
    while (a->first) {
        struct arena_page *p = a->first;
        a->first = p->next;
        page_free(a, p);
    }
    *a = (struct arena){0};
}

/* Takes the smallest free page of at least `size` bytes out of the list; NULL when there is none.
 */
static struct arena_page *take_free_page(struct arena *a, size_t size)
{
    struct arena_page **best = NULL;
    struct arena_page **link = a->page ? &a->page->next : &a->first;
    for (; *link; link = &(*link)->next) {
        if ((*link)->size >= size && (best == NULL || (*link)->size < (*best)->size)) {
            best = link;
        }
    }
    if (best == NULL) {
        return NULL;
    }
    struct arena_page *p = *best;
    *best = p->next;
    return p;
}

static void next_page(struct arena *a, size_t size)
{
    struct arena_page *p = take_free_page(a, size);
    if (p == NULL) {
        size_t usual = a->bytes < PAGE_LEAST ? PAGE_LEAST : a->bytes;
        if (usual > PAGE_MOST) {
            usual = PAGE_MOST;
        }
        p = page_new(a, size > usual ? size : usual);
    }
    struct arena_page **link = a->page ? &a->page->next : &a->first;
    p->next = *link;
    *link = p;
    a->page = p;
    a->at = page_data(p);
    a->end = a->at + p->size;
}

void *arena_alloc(struct arena *a, size_t size)
{
    if (size > SIZE_MAX - PAGE_MOST) {
        return mem_alloc(size); /* cannot be had: ends the process */
    }
    size = (size + ALIGN - 1) & ~(ALIGN - 1);
    if ((size_t)(a->end - a->at) < size || a->at == NULL) {
        next_page(a, size);
    }
    void *p = a->at;
    a->at += size;
    return p;
}

struct arena_mark arena_mark(const struct arena *a)
{
    return (struct arena_mark){a->page, a->at};
}

void arena_release(struct arena *a, struct arena_mark m)
{
    a->page = m.page;
    a->at = m.at;
    a->end = m.page ? page_data(m.page) + m.page->size : NULL;
    struct arena_page **link = a->page ? &a->page->next : &a->first;
    while (*link && a->bytes > KEEP_BYTES) {
        struct arena_page *p = *link;
        *link = p->next;
        page_free(a, p);
    }
}

#endif

void arena_reset(struct arena *a)
{
    arena_release(a, (struct arena_mark){0});
}

void *arena_zalloc(struct arena *a, size_t size)
{
    void *p = arena_alloc(a, size);
    memset(p, 0, size);
    return p;
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes)) {
        bytes = SIZE_MAX;
    }
    return arena_alloc(a, bytes);
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
    char *copy = arena_alloc(a, n + 1);
    memcpy(copy, s, n);
    copy[n] = '\0';
    return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
    return arena_strndup(a, s, strlen(s));
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    size_t size = n < 0 ? 1 : (size_t)n + 1;
    char *text = arena_alloc(a, size);
    text[0] = '\0';
    vsnprintf(text, size, fmt, again);
    va_end(again);
    return text;
}
