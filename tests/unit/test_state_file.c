/* The file of a task: what is found again after a stop, torn, damaged, on a full disk, and at every
 * moment of its being written anew.
 */
#include "engine/state_file.h"

#include "engine/hash.h"
#include "engine/logger.h"
#include "engine/memory.h"
#include "engine/random.h"
#include "engine/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define STORE 1
#define KEYS  40

struct rig {
    char folder[64], path[100], copy[100];
    struct state_disk *d;
    struct state *s;
    struct random rnd;
    int batches; /* written: also the mark, and the value that the last batch gave each of its keys */
    struct err e;
};

static int set_up(void **state)
{
    struct rig *r = mem_zalloc(sizeof *r);
    snprintf(r->folder, sizeof r->folder, P_tmpdir "/klamm-file-XXXXXX");
    assert_non_null(mkdtemp(r->folder));
    snprintf(r->path, sizeof r->path, "%s/task-0", r->folder);
    snprintf(r->copy, sizeof r->copy, "%s/copy", r->folder);
    random_seed(&r->rnd, 1, 0);
    *state = r;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *r = *state;
    char path[120];
    state_free(r->s);
    if (r->d) {
        r->d->ops->close(r->d);
    }
    snprintf(path, sizeof path, "%s" STATE_FILE_NEW, r->path);
    unlink(path);
    unlink(r->path);
    unlink(r->copy);
    assert_int_equal(rmdir(r->folder), 0);
    mem_free(r);
    return 0;
}

static struct state_disk *open_at(struct rig *r, const char *path)
{
    struct state_disk *d;
    if (state_file_open(&d, path, "task-0", &r->e) < 0) {
        fail_msg("%s", r->e.text);
    }
    return d;
}

static void open_it(struct rig *r)
{
    r->d = open_at(r, r->path);
    r->s = state_memory_new(NULL);
    assert_int_equal(state_attach(r->s, r->d, STORE, true), 0);
}

static void close_it(struct rig *r)
{
    state_free(r->s);
    r->d->ops->close(r->d);
    r->s = NULL;
    r->d = NULL;
}

static void set(struct rig *r, int k, int64_t value)
{
    char key[16];
    uint32_t n = (uint32_t)snprintf(key, sizeof key, "key%d", k);
    bool is_new;
    struct state_entry *e = state_insert(r->s, hash_bytes(key, n, 0), key, n, 8, &is_new);
    state_touch(r->s, e);
    memcpy(state_value(e), &value, 8);
    if (value == 0) {
        state_delete(r->s, e);
    }
}

static int put_change(void *ctx, const void *key, uint32_t n, const void *value, size_t value_n)
{
    struct state_disk *d = ctx;
    d->ops->put(d, STORE, key, n, value, value_n);
    return 0;
}

static void give(void *ctx, const void *key, uint32_t n, const void *value, size_t value_n)
{
    struct state_disk *d = ctx;
    d->ops->again(d, STORE, key, n, value, value_n);
}

static void put_mark(struct rig *r)
{
    r->d->ops->put(r->d, STATE_DISK_MARK, "", 0, &r->batches, sizeof r->batches);
}

/* What a task does behind a commit. slice: bytes of a store that is written anew, 0: as the file
 * says. */
static void commit(struct rig *r, uint64_t slice)
{
    r->batches++;
    assert_int_equal(state_changes(r->s, put_change, r->d), 0);
    put_mark(r);
    struct state_rewrite *w = r->d->ops->rewrite(r->d);
    if (w && state_walk(r->s, &w->walk, slice ? slice : w->bytes, give, r->d)) {
        put_mark(r);
        w->is_whole = true;
    }
    assert_int_equal(r->d->ops->write(r->d, r->batches, &r->e), 0);
    state_committed(r->s);
}

/* Sums up the entries so that any difference shows. */
static int add_up(void *ctx, struct state_entry *e)
{
    uint32_t n;
    const void *key = state_key(e, &n);
    *(uint64_t *)ctx += hash_stable(state_value(e), 8, hash_stable(key, n, 0));
    return 0;
}

static uint64_t sum_of(struct state *s)
{
    uint64_t sum = 0;
    state_each(s, add_up, &sum);
    return sum;
}

static int mark_of(struct state_disk *d)
{
    struct buffer mark;
    int number = 0;
    buffer_init(&mark);
    if (d->ops->get(d, STATE_DISK_MARK, "", 0, &mark) > 0) {
        assert_int_equal(mark.n, sizeof number);
        memcpy(&number, mark.data, sizeof number);
    }
    buffer_done(&mark);
    return number;
}

/* What another process would find in the file at this path. */
static uint64_t found_at(struct rig *r, const char *path, int *mark)
{
    struct state_disk *d = open_at(r, path);
    struct state *s = state_memory_new(NULL);
    *mark = mark_of(d);
    assert_int_equal(state_attach(s, d, STORE, false), 0);
    uint64_t sum = sum_of(s);
    state_free(s);
    d->ops->close(d);
    return sum;
}

static size_t size_of(const char *path)
{
    struct stat s;
    return stat(path, &s) < 0 ? 0 : (size_t)s.st_size;
}

static struct buffer content(const char *path)
{
    struct buffer b;
    buffer_init(&b);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n = size_of(path);
    b.n = fread(buffer_reserve(&b, n + 1), 1, n, f);
    assert_int_equal(b.n, n);
    fclose(f);
    return b;
}

static void write_copy(struct rig *r, const char *p, size_t n)
{
    FILE *f = fopen(r->copy, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static void assert_found(struct rig *r, const char *path, int mark, uint64_t sum)
{
    int found;
    assert_true(found_at(r, path, &found) == sum);
    assert_int_equal(found, mark);
}

/* A few changes, some of them deletions. */
static void change(struct rig *r, int n)
{
    for (int i = 0; i < n; i++) {
        bool is_gone = random_below(&r->rnd, 5) == 0;
        set(r, (int)random_below(&r->rnd, KEYS),
            is_gone ? 0 : 1 + (int64_t)random_below(&r->rnd, 1000));
    }
}

static void what_was_written_is_found(void **state)
{
    struct rig *r = *state;
    int mark;
    open_it(r);
    assert_int_equal(mark_of(r->d), 0);
    for (int i = 0; i < 20; i++) {
        change(r, 30);
        commit(r, 0);
    }
    uint64_t sum = sum_of(r->s);
    change(r, 10); /* and no commit */
    state_changes(r->s, put_change, r->d);
    close_it(r);
    assert_true(found_at(r, r->path, &mark) == sum);
    assert_int_equal(mark, 20);
    open_it(r);
    assert_true(state_is_complete(r->s));
    assert_int_equal(state_dirty_bytes(r->s), 0);
    set(r, 1, 0);
    set(r, 2, 77);
    commit(r, 0);
    sum = sum_of(r->s);
    close_it(r);
    assert_found(r, r->path, 21, sum);
    assert_int_equal(state_file_open(&r->d, r->path, "task-1", &r->e), 0); /* another's */
    assert_int_equal(mark_of(r->d), 0);
    r->d->ops->close(r->d);
    r->d = NULL;
    assert_found(r, r->path, 0, 0);
}

static void only_the_beginning_is_read(void **state)
{
    struct rig *r = *state;
    struct buffer value;
    buffer_init(&value);
    open_it(r);
    assert_int_equal(r->d->ops->get(r->d, STORE, "k", 1, &value), -ERR_DATA);
    assert_int_equal(r->d->failed, -ERR_DATA);
    close_it(r);
    assert_int_equal(access(r->path, F_OK), -1); /* one that has failed is removed */
    buffer_done(&value);
}

static void torn_at_every_byte_of_the_last_batch(void **state)
{
    struct rig *r = *state;
    open_it(r);
    change(r, 30);
    commit(r, 0);
    uint64_t before = sum_of(r->s);
    size_t from = size_of(r->path);
    change(r, 30);
    commit(r, 0);
    uint64_t behind = sum_of(r->s);
    struct buffer all = content(r->path);
    assert_true(all.n > from && before != behind);
    for (size_t n = from; n < all.n; n++) {
        write_copy(r, all.data, n);
        assert_found(r, r->copy, 1, before);
        assert_int_equal(size_of(r->copy), from); /* cut off: the next batch follows there */
    }
    write_copy(r, all.data, all.n);
    assert_found(r, r->copy, 2, behind);
    for (size_t n = 0; n < 16; n++) { /* not even a head */
        write_copy(r, all.data, n);
        assert_found(r, r->copy, 0, 0);
    }
    buffer_done(&all);
}

/* Whatever byte is damaged, what is found is the state behind some batch, with its mark. */
static void damaged_at_any_byte(void **state)
{
    struct rig *r = *state;
    uint64_t sum[30] = {0};
    open_it(r);
    while (r->batches < 29) {
        change(r, 10);
        commit(r, 0);
        sum[r->batches] = sum_of(r->s);
    }
    struct buffer all = content(r->path);
    for (size_t at = 0; at < all.n; at += 1 + random_below(&r->rnd, 7)) {
        int mark;
        char was = all.data[at];
        all.data[at] ^= (char)(1 << random_below(&r->rnd, 8));
        write_copy(r, all.data, all.n);
        uint64_t found = found_at(r, r->copy, &mark);
        assert_in_range(mark, 0, 28);
        assert_true(found == sum[mark]);
        all.data[at] = was;
    }
    buffer_done(&all);
}

/* ---- written anew ---- */

static void grow_garbage(struct rig *r)
{
    char big[2000];
    memset(big, 'x', sizeof big);
    for (int i = 0; r->d->ops->rewrite(r->d) == NULL; i++) {
        assert_true(i < 20000);
        r->d->ops->put(r->d, STORE, "big", 3, big, sizeof big);
        r->d->ops->put(r->d, STORE, "big", 3, NULL, 0);
        assert_int_equal(r->d->ops->write(r->d, r->batches, &r->e), 0);
    }
}

static void copy_file(struct rig *r, const char *from)
{
    struct buffer b = content(from);
    write_copy(r, b.data, b.n);
    buffer_done(&b);
}

static void stopped_at_every_step_of_writing_it_anew(void **state)
{
    struct rig *r = *state;
    char new[120];
    snprintf(new, sizeof new, "%s" STATE_FILE_NEW, r->path);
    open_it(r);
    for (int k = 0; k < KEYS; k++) {
        set(r, k, k + 1);
    }
    commit(r, 0);
    grow_garbage(r);
    size_t before = size_of(r->path);
    int steps = 0;
    while (access(new, F_OK) == 0) {
        assert_true(++steps < 1000);
        change(r, 3);
        commit(r, 1);
        copy_file(r, r->path);
        assert_found(r, r->copy, r->batches, sum_of(r->s));
        if (access(new, F_OK) == 0) { /* it does not count before it is whole */
            copy_file(r, new);
            assert_found(r, r->copy, 0, 0);
        }
    }
    (void)before;
#ifndef KLAMM_SMALL /* there all keys are one step, and there was little garbage */
    assert_true(steps > 5);
    assert_true(size_of(r->path) < before / 10);
#endif
    change(r, 3);
    commit(r, 0);
    uint64_t sum = sum_of(r->s);
    struct buffer all = content(r->path); /* damage in what is not garbage: there is nothing left */
    all.data[100] ^= 1;
    write_copy(r, all.data, all.n);
    assert_found(r, r->copy, 0, 0);
    buffer_done(&all);
    close_it(r);
    assert_found(r, r->path, r->batches, sum);
}

static void a_new_file_that_was_left_is_removed(void **state)
{
    struct rig *r = *state;
    char new[120];
    snprintf(new, sizeof new, "%s" STATE_FILE_NEW, r->path);
    fclose(fopen(new, "w"));
    open_it(r);
    assert_int_equal(access(new, F_OK), -1);
}

static void garbage_is_bounded(void **state)
{
    struct rig *r = *state;
    size_t most = 0;
    open_it(r);
    for (int i = 0; i < 600; i++) { /* 40 MB of changes to 100 keys */
        for (int k = 0; k < 1000; k++) {
            set(r, k % 100, i * 1000 + k + 1);
        }
        char large[64 << 10];
        memset(large, i, sizeof large);
        r->d->ops->put(r->d, 2, "large", 5, large, sizeof large);
        commit(r, 0);
        most = size_of(r->path) > most ? size_of(r->path) : most;
    }
    assert_true(most < (20U << 20));
    uint64_t sum = sum_of(r->s);
    close_it(r);
    assert_found(r, r->path, 600, sum);
}

/* ---- failures ---- */

static void limit_files(rlim_t n)
{
    struct rlimit l;
    getrlimit(RLIMIT_FSIZE, &l);
    l.rlim_cur = n;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
}

static void a_full_disk_costs_the_file_and_no_more(void **state)
{
    struct rig *r = *state;
    signal(SIGXFSZ, SIG_IGN);
    open_it(r);
    change(r, 30);
    commit(r, 0);
    limit_files(size_of(r->path) + 100);
    for (int i = 0; i < 10; i++) {
        change(r, 30);
        commit(r, 0);
    }
    assert_int_equal(access(r->path, F_OK), -1); /* what cannot go on is no checkpoint */
    limit_files(50);
    r->batches += 60000;
    for (int i = 0; i < 2; i++) { /* tried, in vain */
        change(r, 30);
        commit(r, 0);
    }
    assert_int_equal(access(r->path, F_OK), -1);
    limit_files(RLIM_INFINITY);
    change(r, 30);
    commit(r, 0); /* too soon */
    assert_int_equal(access(r->path, F_OK), -1);
    r->batches += 60000;
    for (int i = 0; i < 100 && access(r->path, F_OK) < 0; i++) {
        change(r, 3);
        commit(r, 0);
    }
    assert_found(r, r->path, r->batches, sum_of(r->s));
    for (int i = 0; i < 3; i++) {
        change(r, 30);
        commit(r, 0);
    }
    uint64_t sum = sum_of(r->s);
    close_it(r);
    assert_found(r, r->path, r->batches, sum);
}

static void a_place_that_cannot_be_written(void **state)
{
    struct rig *r = *state;
    char path[120];
    snprintf(path, sizeof path, "%s/no/such/folder", r->folder);
    assert_int_equal(state_file_open(&r->d, path, "task-0", &r->e), -ERR_RETRY);
    assert_non_null(strstr(r->e.text, path));
    assert_null(r->d);
}

static void cleared_it_is_empty(void **state)
{
    struct rig *r = *state;
    open_it(r);
    change(r, 30);
    commit(r, 0);
    close_it(r);
    r->d = open_at(r, r->path);
    assert_int_equal(mark_of(r->d), 1);
    assert_int_equal(r->d->ops->clear(r->d, &r->e), 0);
    assert_int_equal(mark_of(r->d), 0);
    r->d->ops->put(r->d, STORE, "k", 1, "12345678", 8);
    assert_int_equal(r->d->ops->write(r->d, 0, &r->e), 0);
    r->d->ops->close(r->d);
    open_it(r);
    assert_int_equal(state_count(r->s), 1);
    assert_non_null(state_find(r->s, hash_bytes("k", 1, 0), "k", 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_written_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_the_beginning_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(torn_at_every_byte_of_the_last_batch, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damaged_at_any_byte, set_up, tear_down),
        cmocka_unit_test_setup_teardown(stopped_at_every_step_of_writing_it_anew, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_new_file_that_was_left_is_removed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(garbage_is_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_disk_costs_the_file_and_no_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_place_that_cannot_be_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cleared_it_is_empty, set_up, tear_down),
    };
    logger_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
