/* Buffer: doubles when full. varints are Avro's: zig-zag, then 7 bits a byte, least significant
 * first, the high bit set on all but the last.
 */
#include "engine/buffer.h"

#include "engine/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buffer_init(struct buffer *b)
{
    *b = (struct buffer){0};
}

void buffer_done(struct buffer *b)
{
    mem_free(b->data);
    *b = (struct buffer){0};
}

void buffer_clear(struct buffer *b)
{
    b->n = 0;
}

char *buffer_reserve(struct buffer *b, size_t more)
{
    if (b->cap - b->n < more || b->data == NULL) {
        size_t need;
        if (__builtin_add_overflow(b->n, more, &need)) {
            need = SIZE_MAX;
        }
        size_t cap = b->cap < SIZE_MAX / 2 ? b->cap * 2 : SIZE_MAX;
        cap = cap < 64 ? 64 : cap;
        cap = cap < need ? need : cap;
        b->data = mem_resize(b->data, cap, 1);
        b->cap = cap;
    }
    return b->data + b->n;
}

void buffer_add(struct buffer *b, const void *p, size_t n)
{
    char *to = buffer_reserve(b, n);
    if (n > 0) {
        memcpy(to, p, n);
    }
    b->n += n;
}

void buffer_byte(struct buffer *b, uint8_t byte)
{
    *buffer_reserve(b, 1) = (char)byte;
    b->n++;
}

void buffer_text(struct buffer *b, const char *s)
{
    buffer_add(b, s, strlen(s));
}

void buffer_printf(struct buffer *b, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    char *to = buffer_reserve(b, 64);
    int n = vsnprintf(to, b->cap - b->n, fmt, args);
    va_end(args);
    if (n > 0 && (size_t)n >= b->cap - b->n) {
        to = buffer_reserve(b, (size_t)n + 1);
        vsnprintf(to, (size_t)n + 1, fmt, again);
    }
    va_end(again);
    b->n += n > 0 ? (size_t)n : 0;
}

char *buffer_cstr(struct buffer *b)
{
    *buffer_reserve(b, 1) = '\0';
    return b->data;
}

void buffer_varint(struct buffer *b, int64_t v)
{
    uint64_t u = ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
    char *to = buffer_reserve(b, 10);
    size_t n = 0;
    while (u >= 0x80) {
        to[n++] = (char)(uint8_t)(u | 0x80);
        u >>= 7;
    }
    to[n++] = (char)(uint8_t)u;
    b->n += n;
}

const uint8_t *varint_read(const uint8_t *p, const uint8_t *end, int64_t *v)
{
    uint64_t u = 0;
    for (unsigned shift = 0; shift < 70 && p < end; shift += 7) {
        uint8_t byte = *p++;
        if (shift == 63 && byte > 1) {
            return NULL;
        }
        u |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *v = (int64_t)(u >> 1) ^ -(int64_t)(u & 1);
            return p;
        }
    }
    return NULL;
}
