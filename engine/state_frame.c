/* Frames: see state_frame.h. Entries of one store that follow each other share a section, so that a
 * reader who wants another store skips them at once.
 */
#include "engine/state_frame.h"

#include "engine/hash.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#define MAGIC        0x6d72666bU
#define HEAD         40
#define SECTION_HEAD 8
#define ENTRY_HEAD   8
#define DELETED      UINT32_MAX

struct head {
    uint32_t magic, flags;
    uint64_t n, base, of_payload, of_head;
};

static_assert(sizeof(struct head) == HEAD, "a frame's head has no holes");

/* ---- writing ---- */

void frame_init(struct frame *f)
{
    buffer_init(&f->bytes);
    f->section = 0;
}

void frame_done(struct frame *f)
{
    buffer_done(&f->bytes);
    f->section = 0;
}

void frame_clear(struct frame *f)
{
    buffer_clear(&f->bytes);
    f->section = 0;
}

static void end_section(struct frame *f)
{
    uint64_t word;
    if (f->section) {
        memcpy(&word, f->bytes.data + f->section, sizeof word);
        word |= (uint64_t)(f->bytes.n - f->section - SECTION_HEAD) << 16;
        memcpy(f->bytes.data + f->section, &word, sizeof word);
    }
}

static void begin_section(struct frame *f, uint16_t store)
{
    uint64_t word = store;
    if (f->bytes.n == 0) {
        memset(buffer_reserve(&f->bytes, HEAD), 0, HEAD);
        f->bytes.n = HEAD;
    }
    end_section(f);
    f->section = f->bytes.n;
    buffer_add(&f->bytes, &word, sizeof word);
}

static uint16_t section_store(const struct frame *f)
{
    uint16_t store;
    uint64_t word;
    memcpy(&word, f->bytes.data + f->section, sizeof word);
    store = (uint16_t)word;
    return store;
}

void frame_put(struct frame *f, uint16_t store, const void *key, size_t n, const void *value,
               size_t value_n)
{
    if (!f->section || section_store(f) != store) {
        begin_section(f, store);
    }
    const uint32_t sizes[2] = {(uint32_t)n, value ? (uint32_t)value_n : DELETED};
    value_n = value ? value_n : 0;
    char *p = buffer_reserve(&f->bytes, ENTRY_HEAD + n + value_n);
    memcpy(p, sizes, ENTRY_HEAD);
    if (n > 0) {
        memcpy(p + ENTRY_HEAD, key, n);
    }
    if (value_n > 0) {
        memcpy(p + ENTRY_HEAD + n, value, value_n);
    }
    f->bytes.n += ENTRY_HEAD + n + value_n;
}

static uint64_t head_checksum(const struct head *h, uint64_t seed)
{
    return hash_stable(h, offsetof(struct head, of_head), seed);
}

void frame_seal(struct frame *f, uint32_t flags, uint64_t base, uint64_t seed)
{
    if (f->bytes.n == 0) {
        begin_section(f, 0);
    }
    end_section(f);
    struct head h = {.magic = MAGIC, .flags = flags, .n = f->bytes.n - HEAD, .base = base};
    h.of_payload = hash_stable(f->bytes.data + HEAD, h.n, seed);
    h.of_head = head_checksum(&h, seed);
    memcpy(f->bytes.data, &h, HEAD);
}

/* ---- reading ---- */

static bool read_all(int fd, char *p, size_t n, uint64_t at)
{
    while (n > 0) {
        ssize_t got = pread(fd, p, n, (off_t)at);
        if (got <= 0) {
            return false;
        }
        p += got;
        n -= (size_t)got;
        at += (uint64_t)got;
    }
    return true;
}

static bool read_head(const struct frame_reader *r, struct head *h)
{
    return r->end >= r->at + HEAD && read_all(r->fd, (char *)h, HEAD, r->at) && h->magic == MAGIC &&
           h->of_head == head_checksum(h, r->seed) && h->n <= r->end - r->at - HEAD;
}

int frame_read(struct frame_reader *r)
{
    struct head h;
    buffer_clear(&r->bytes);
    if (!read_head(r, &h)) {
        return 0;
    }
    char *payload = buffer_reserve(&r->bytes, h.n + 1);
    if (!read_all(r->fd, payload, h.n, r->at + HEAD) ||
        hash_stable(payload, h.n, r->seed) != h.of_payload) {
        return 0;
    }
    r->bytes.n = h.n;
    r->at += HEAD + h.n;
    r->flags = h.flags;
    r->base = h.base;
    return 1;
}

static int each_entry(const char *p, const char *end, state_disk_each each, void *ctx)
{
    while (p < end) {
        uint32_t sizes[2];
        if (end - p < ENTRY_HEAD) {
            return -ERR_DATA;
        }
        memcpy(sizes, p, ENTRY_HEAD);
        uint32_t value_n = sizes[1] == DELETED ? 0 : sizes[1];
        const char *key = p + ENTRY_HEAD;
        if ((uint64_t)(end - key) < (uint64_t)sizes[0] + value_n) {
            return -ERR_DATA;
        }
        int status = each(ctx, key, sizes[0], sizes[1] == DELETED ? NULL : key + sizes[0], value_n);
        if (status != 0) {
            return status;
        }
        p = key + sizes[0] + value_n;
    }
    return 0;
}

int frame_each(const struct frame_reader *r, uint16_t store, state_disk_each each, void *ctx)
{
    const char *p = r->bytes.data, *end = p + r->bytes.n;
    int status = 0;
    while (p < end && status == 0) {
        uint64_t word;
        if (end - p < SECTION_HEAD) {
            return -ERR_DATA;
        }
        memcpy(&word, p, sizeof word);
        p += SECTION_HEAD;
        if (word >> 16 > (uint64_t)(end - p)) {
            return -ERR_DATA;
        }
        const char *behind = p + (word >> 16);
        status = (uint16_t)word == store ? each_entry(p, behind, each, ctx) : 0;
        p = behind;
    }
    return status;
}
