/* The watermarks of many partitions as one short text, for the metadata of a committed offset.
 * Pure.
 */
#ifndef KLAMM_ENGINE_WATERMARKS_H
#define KLAMM_ENGINE_WATERMARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How far time is in one source partition of a repartition. */
struct part_time {
    int64_t watermark; /* TIME_MIN: none yet */
    bool is_idle;      /* its task has said that nothing comes there */
};

/* Writes part[0..n) into text, at most size bytes with the NUL; "" when all are as at the start.
 * Watermarks that would not fit are rounded down: what is read back is never above. */
void watermarks_print(char *text, size_t size, const struct part_time *part, int n);
/* Reads what print wrote, up to a ';' or the end; returns how many partitions it has, at most n.
 * The others stay as they are. */
int watermarks_read(const char *text, struct part_time *part, int n);

#endif
