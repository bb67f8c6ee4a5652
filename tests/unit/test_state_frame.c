/* Frames: written, read, and what a damaged one does. */
#include "engine/state_frame.h"

#include "engine/hash.h"
#include "engine/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SEED 5

static int list_one(void *ctx, const void *key, size_t key_n, const void *value, size_t value_n)
{
    struct buffer *out = ctx;
    buffer_add(out, key, key_n);
    if (value) {
        buffer_text(out, "=");
        buffer_add(out, value, value_n);
    }
    buffer_text(out, " ");
    return key_n == 4 && memcmp(key, "stop", 4) == 0;
}

static void assert_list(const struct frame_reader *r, uint16_t store, int status, const char *want)
{
    struct buffer out;
    buffer_init(&out);
    assert_int_equal(frame_each(r, store, list_one, &out), status);
    assert_string_equal(buffer_cstr(&out), want);
    buffer_done(&out);
}

static void put(struct frame *f, uint16_t store, const char *key, const char *value)
{
    frame_put(f, store, key, strlen(key), value, value ? strlen(value) : 0);
}

static uint64_t append(int fd, struct frame *f, uint32_t flags, uint64_t base)
{
    frame_seal(f, flags, base, SEED);
    assert_int_equal(write(fd, f->bytes.data, f->bytes.n), f->bytes.n);
    uint64_t n = f->bytes.n;
    frame_clear(f);
    return n;
}

static void fill(struct frame *f)
{
    put(f, 1, "a", "1");
    put(f, 1, "", "empty key");
    put(f, 3, "c", "");
    put(f, 1, "gone", NULL);
    put(f, 1, "stop", "4");
    put(f, 1, "z", "5");
}

static void frames_are_read_back(void **state)
{
    (void)state;
    struct frame f;
    int fd = memfd_create("frames", 0);
    frame_init(&f);
    fill(&f);
    uint64_t n = append(fd, &f, FRAME_END, 77);
    n += append(fd, &f, FRAME_WHOLE, 78); /* an empty one */
    struct frame_reader r = {.fd = fd, .end = n, .seed = SEED};
    assert_int_equal(frame_read(&r), 1);
    assert_int_equal(r.flags, FRAME_END);
    assert_int_equal(r.base, 77);
    assert_list(&r, 1, 1, "a=1 =empty key gone stop=4 ");
    assert_list(&r, 3, 0, "c= ");
    assert_list(&r, 2, 0, "");
    assert_int_equal(frame_read(&r), 1);
    assert_int_equal(r.flags, FRAME_WHOLE);
    assert_list(&r, 0, 0, "");
    assert_int_equal(r.at, n);
    assert_int_equal(frame_read(&r), 0);
    buffer_done(&r.bytes);
    frame_done(&f);
    close(fd);
}

static void no_damaged_byte_is_missed(void **state)
{
    (void)state;
    struct frame f;
    int fd = memfd_create("frames", 0);
    frame_init(&f);
    fill(&f);
    uint64_t n = append(fd, &f, FRAME_END, 0);
    struct frame_reader r = {.fd = fd, .end = n, .seed = SEED};
    for (uint64_t at = 0; at < n; at++) {
        char was, other;
        assert_int_equal(pread(fd, &was, 1, (off_t)at), 1);
        other = (char)(was ^ (1 << at % 8));
        assert_int_equal(pwrite(fd, &other, 1, (off_t)at), 1);
        r.at = 0;
        assert_int_equal(frame_read(&r), 0);
        assert_int_equal(pwrite(fd, &was, 1, (off_t)at), 1);
    }
    for (r.end = 0; r.end < n; r.end++) { /* torn */
        assert_int_equal(frame_read(&r), 0);
    }
    assert_int_equal(frame_read(&r), 1);
    r.at = 0;
    r.seed = SEED + 1; /* of another file */
    assert_int_equal(frame_read(&r), 0);
    buffer_done(&r.bytes);
    frame_done(&f);
    close(fd);
}

/* Bytes that somebody made up, with good checksums. */
static void sizes_that_lie(void **state)
{
    (void)state;
    struct frame f;
    struct random rnd;
    struct frame_reader r = {0};
    frame_init(&f);
    random_seed(&rnd, 1, 0);
    fill(&f);
    frame_seal(&f, 0, 0, SEED);
    buffer_add(&r.bytes, f.bytes.data + 40, f.bytes.n - 40);
    for (int i = 0; i < 5000; i++) {
        size_t at = random_below(&rnd, (uint32_t)r.bytes.n);
        char was = r.bytes.data[at];
        struct buffer out;
        buffer_init(&out);
        r.bytes.data[at] = (char)random_below(&rnd, 256);
        int status = frame_each(&r, 1, list_one, &out);
        assert_true(status == 0 || status == 1 || status == -ERR_DATA);
        r.bytes.data[at] = was;
        buffer_done(&out);
    }
    r.bytes.n--;
    assert_list(&r, 3, -ERR_DATA, "c= ");
    buffer_done(&r.bytes);
    frame_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_are_read_back),
        cmocka_unit_test(no_damaged_byte_is_missed),
        cmocka_unit_test(sizes_that_lie),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
