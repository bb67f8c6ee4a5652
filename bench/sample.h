/* The samples of the bench, made and written by hand. Any two loads are the same bytes, and what a
 * job must make of them can be found by brute force. See sample.c for what they are.
 */
#ifndef KLAMM_BENCH_SAMPLE_H
#define KLAMM_BENCH_SAMPLE_H

#include "engine/buffer.h"

#include <stdint.h>

#define BASE_TS  1700000000000LL
#define LATE     2000
#define HOSTS    1000
#define VISITORS 50
#define KEYS     1000000

enum kind { METRICS, SESSIONS, LEFT_ROWS, RIGHT_ROWS, WIDE };

struct sample {
    char host[16];
    int host_number;
    const char *metric, *unit;
    int64_t ts;
    double value;
};

/* By its name on the command line: metrics, sessions, left, right, wide; -1: no such. */
int sample_kind(const char *name);
void sample_at(enum kind kind, int64_t i, struct sample *s);
/* As Avro behind the header of schema 1. */
void sample_encode(struct buffer *out, const struct sample *s);
uint64_t sample_mix(uint64_t x);

#endif
