/* Unicode: code points of UTF-8 text and their simple case mapping, without locales. Pure
 * functions. */
#ifndef KLAMM_ENGINE_EXPRESSION_UNICODE_H
#define KLAMM_ENGINE_EXPRESSION_UNICODE_H

#include <stdint.h>

/* Bytes of the code point at p, 1 for a byte that begins none; never beyond end (p < end). */
uint32_t utf8_size(const char *p, const char *end);
/* The code point at p, of the size that utf8_size() gives; a stray byte reads as U+DC00 + byte,
 * which no text contains. */
uint32_t utf8_read(const char *p, const char *end);
/* Writes at most 4 bytes (a stray byte as itself); returns how many. */
uint32_t utf8_write(char *p, uint32_t code);
/* Code points in n bytes. */
int64_t utf8_count(const char *p, uint32_t n);
/* The place behind `count` code points, at most end. */
const char *utf8_skip(const char *p, const char *end, int64_t count);
/* One to one, for ASCII, Latin, Greek, Cyrillic, Armenian and full-width letters. */
uint32_t unicode_lower(uint32_t code);
uint32_t unicode_upper(uint32_t code);

#endif
