/* Bench, samples. Sample i depends on its kind and i alone, so other systems can be measured on the
 * same topic:
 *
 *   a = mix(0x5eed0000 + kind * 0x100000001 + i * 0xd1342543de82ef95)
 *   b = mix(a), c = mix(b)   splitmix64's finaliser; kind: 0 metrics, 1 sessions, 2 left, 3 right,
 *                            4 wide
 *   ts     = 1700000000000 + i - a mod 2001            up to 2 s late; left and right: i / 10, wide:
 *            i / 250
 *   host   = "host-" and four digits of (a >> 32) mod 1000; sessions: of one of those of 50 hosts
 *            that are active in this slot of 8 s, each with probability 1/2; left and wide: seven
 *            digits of (a >> 32) mod 1000000; right: that of left sample i - (c >> 8) mod 20000, at
 *            most 2 s before it but for lateness, for 7 of 8 (c mod 8), else as left
 *   metric = one of 8 by b mod 8; unit = none or one of 3 by (b / 8) mod 4
 *   value  = 50 + 20 sin(2 pi ts / 60 s + host / 100) + 10 ((b >> 11) / 2^52 - 1), rounded to
 *            1/1024: sums are exact in any order
 */
#include "bench/sample.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define SLOT   8000
#define DENSE  10  /* left and right samples a ms */
#define DENSER 250 /* wide ones */
#define BEHIND 20000
#define PI     3.14159265358979323846

uint64_t sample_mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

int sample_kind(const char *name)
{
    static const char *const names[] = {"metrics", "sessions", "left", "right", "wide"};
    for (int k = 0; k < 5; k++) {
        if (strcmp(names[k], name) == 0) {
            return k;
        }
    }
    return -1;
}

static uint64_t first_random(enum kind kind, int64_t i)
{
    uint64_t seed = 0x5eed0000 + (uint64_t)kind * UINT64_C(0x100000001);
    return sample_mix(seed + (uint64_t)i * UINT64_C(0xd1342543de82ef95));
}

/* Of the hosts active in the slot of sample i, the one that `pick` says. */
static int visitor(int64_t i, uint64_t pick)
{
    uint64_t active = sample_mix(0xac710 + (uint64_t)(i / SLOT)) & ((UINT64_C(1) << VISITORS) - 1);
    for (uint64_t k = pick % (uint64_t)__builtin_popcountll(active); k > 0; k--) {
        active &= active - 1;
    }
    return __builtin_ctzll(active);
}

static int key_at(enum kind kind, int64_t i, uint64_t a, uint64_t c)
{
    int64_t partner = i - (int64_t)((c >> 8) % BEHIND);
    if (kind == RIGHT_ROWS && c % 8 != 0 && partner >= 0) {
        a = first_random(LEFT_ROWS, partner);
    }
    return (int)((a >> 32) % KEYS);
}

void sample_at(enum kind kind, int64_t i, struct sample *s)
{
    static const char *const metrics[] = {"cpu.user",   "cpu.sys", "mem.used", "disk.read",
                                          "disk.write", "net.rx",  "net.tx",   "load.1m"};
    static const char *const units[] = {NULL, "percent", "bytes", "ms"};
    uint64_t a = first_random(kind, i), b = sample_mix(a);
    bool has_keys = kind == LEFT_ROWS || kind == RIGHT_ROWS || kind == WIDE;
    int64_t dense = kind == WIDE ? DENSER : has_keys ? DENSE : 1;
    s->ts = BASE_TS + i / dense - (int64_t)(a % (LATE + 1));
    s->host_number = has_keys          ? key_at(kind, i, a, sample_mix(b))
                     : kind == METRICS ? (int)((a >> 32) % HOSTS)
                                       : visitor(i, a >> 32);
    snprintf(s->host, sizeof s->host, has_keys ? "host-%07d" : "host-%04d", s->host_number);
    s->metric = metrics[b % 8];
    s->unit = units[b / 8 % 4];
    double noise = (double)(b >> 11) / 4503599627370496.0 - 1.0;
    double wave = sin((double)(s->ts % 60000) * (2 * PI / 60000) + s->host_number * 0.01);
    s->value = nearbyint((50 + 20 * wave + 10 * noise) * 1024) / 1024;
}

static void put_text(struct buffer *out, const char *s)
{
    buffer_varint(out, (int64_t)strlen(s));
    buffer_text(out, s);
}

void sample_encode(struct buffer *out, const struct sample *s)
{
    static const uint8_t header[] = {0, 0, 0, 0, 1};
    buffer_add(out, header, sizeof header);
    put_text(out, s->host);
    put_text(out, s->metric);
    buffer_varint(out, s->ts);
    buffer_add(out, &s->value, sizeof s->value);
    buffer_varint(out, s->unit != NULL);
    if (s->unit != NULL) {
        put_text(out, s->unit);
    }
}
