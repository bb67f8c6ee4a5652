/* Allocation over malloc, counted per thread: see memory.h.
 *
 * The counter is the only state and belongs to its thread, so that reading it costs nothing and
 * disturbs nobody.
 */
#include "engine/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local uint64_t allocations;

static _Noreturn void out_of_memory(size_t size)
{
    fprintf(stderr, "klamm: out of memory (%zu bytes wanted)\n", size);
    abort();
}

void *mem_try_alloc(size_t size)
{
    allocations++;
    return malloc(size ? size : 1);
}

void *mem_alloc(size_t size)
{
    void *p = mem_try_alloc(size);
    if (p == NULL) {
        out_of_memory(size);
    }
    return p;
}

void *mem_zalloc(size_t size)
{
    allocations++;
    void *p = calloc(1, size ? size : 1);
    if (p == NULL) {
        out_of_memory(size);
    }
    return p;
}

void *mem_array(size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes)) {
        out_of_memory(SIZE_MAX);
    }
    return mem_alloc(bytes);
}

void *mem_try_resize(void *p, size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes)) {
        return NULL;
    }
    allocations++;
    return realloc(p, bytes ? bytes : 1);
}

void *mem_resize(void *p, size_t n, size_t size)
{
    void *grown = mem_try_resize(p, n, size);
    if (grown == NULL) {
        out_of_memory(n);
    }
    return grown;
}

char *mem_strndup(const char *s, size_t n)
{
    char *copy = mem_alloc(n + 1);
    memcpy(copy, s, n);
    copy[n] = '\0';
    return copy;
}

char *mem_strdup(const char *s)
{
    return mem_strndup(s, strlen(s));
}

char *mem_printf(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *text = NULL;
    allocations++;
    if (vasprintf(&text, fmt, args) < 0 || text == NULL) {
        out_of_memory(strlen(fmt));
    }
    va_end(args);
    return text;
}

void mem_free(void *p)
{
    free(p);
}

uint64_t mem_count(void)
{
    return allocations;
}
