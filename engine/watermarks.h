/* The watermarks of many partitions as one short text, for the metadata of a committed offset.
 * Pure.
 */
#ifndef KLAMM_ENGINE_WATERMARKS_H
#define KLAMM_ENGINE_WATERMARKS_H

#include <stddef.h>
#include <stdint.h>

/* Writes w[0..n) (TIME_MIN: none yet) into text, at most size bytes with the NUL; "" when there is
 * none. Where they would not fit, they are rounded down: what is read back is never above. */
void watermarks_print(char *text, size_t size, const int64_t *w, int n);
/* Reads what print wrote, or the older form "p<partition>:<ms>,…", up to a ';' or the end;
 * partitions that the text does not have stay as they are. */
void watermarks_read(const char *text, int64_t *w, int n);

#endif
