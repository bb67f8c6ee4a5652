/* Buffer: growable bytes. One owner. `data` may move with every append. */
#ifndef KLAMM_ENGINE_BUFFER_H
#define KLAMM_ENGINE_BUFFER_H

#include <stddef.h>
#include <stdint.h>

struct buffer {
    char *data;
    size_t n, cap;
};

void buffer_init(struct buffer *b);
void buffer_done(struct buffer *b);
void buffer_clear(struct buffer *b); /* keeps the memory */
/* Room for `more` bytes behind n; returns where they begin. */
char *buffer_reserve(struct buffer *b, size_t more);
void buffer_add(struct buffer *b, const void *p, size_t n);
void buffer_byte(struct buffer *b, uint8_t byte);
void buffer_text(struct buffer *b, const char *s);
__attribute__((format(printf, 2, 3))) void buffer_printf(struct buffer *b, const char *fmt, ...);
/* A NUL behind the bytes, not counted in n; returns data. */
char *buffer_cstr(struct buffer *b);

/* Avro's variable-length zig-zag long, also used by our own binary formats. */
void buffer_varint(struct buffer *b, int64_t v);
/* Reads one; returns the byte behind it, or NULL when it is truncated or longer than 10 bytes. */
const uint8_t *varint_read(const uint8_t *p, const uint8_t *end, int64_t *v);

#endif
