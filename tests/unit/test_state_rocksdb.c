/* State in RocksDB: batches, ranges, restarts; the same store over it as over memory; what is
 * damaged, left behind by kill -9, or in use.
 */
#include "engine/hash.h"
#include "engine/logger.h"
#include "engine/memory.h"
#include "engine/state.h"
#include "engine/state_rocksdb.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MEMORY (64 << 20)

struct rig {
    char folder[64], path[100];
    struct state_db *db;
    struct err e;
};

static void on_files(const char *path, void (*each)(const char *file))
{
    DIR *d = opendir(path);
    struct dirent *x;
    while (d && (x = readdir(d)) != NULL) {
        char file[400];
        snprintf(file, sizeof file, "%s/%s", path, x->d_name);
        if (x->d_name[0] != '.') {
            each(file);
        }
    }
    if (d) {
        closedir(d);
    }
}

static void remove_file(const char *file)
{
    unlink(file);
}

static int set_up(void **state)
{
    struct rig *r = mem_zalloc(sizeof *r);
    snprintf(r->folder, sizeof r->folder, P_tmpdir "/klamm-rocksdb-XXXXXX");
    assert_non_null(mkdtemp(r->folder));
    snprintf(r->path, sizeof r->path, "%s/state", r->folder);
    *state = r;
    logger_level(LOG_LEVEL_ERROR);
    return 0;
}

static int tear_down(void **state)
{
    struct rig *r = *state;
    state_db_close(r->db);
    on_files(r->path, remove_file);
    rmdir(r->path);
    rmdir(r->folder);
    mem_free(r);
    return 0;
}

static void open_db(struct rig *r)
{
    assert_int_equal(state_db_open(&r->db, r->path, MEMORY, &r->e), 0);
}

static void close_db(struct rig *r)
{
    state_db_close(r->db);
    r->db = NULL;
}

static struct state_disk *open_task(struct rig *r, const char *name)
{
    struct state_disk *d;
    int status = state_db_task(r->db, name, 1, &d, &r->e);
    if (status < 0) {
        fail_msg("%s", r->e.text);
    }
    return d;
}

static void put(struct state_disk *d, uint16_t store, const char *key, const char *value)
{
    d->ops->put(d, store, key, strlen(key), value, value ? strlen(value) : 0);
}

static void commit(struct state_disk *d)
{
    struct err e = {0};
    assert_int_equal(d->ops->write(d, 1000, &e), 0);
}

/* The value; "-": there is none. */
static const char *get(struct state_disk *d, uint16_t store, const char *key)
{
    static char text[100];
    struct buffer value;
    buffer_init(&value);
    int found = d->ops->get(d, store, key, strlen(key), &value);
    snprintf(text, sizeof text, "%s", found > 0 ? buffer_cstr(&value) : found == 0 ? "-" : "!");
    buffer_done(&value);
    return text;
}

static int list_one(void *ctx, const void *key, size_t key_n, const void *value, size_t value_n)
{
    struct buffer *out = ctx;
    buffer_add(out, key, key_n);
    buffer_text(out, "=");
    buffer_add(out, value, value_n);
    buffer_text(out, " ");
    return key_n == 4 && memcmp(key, "stop", 4) == 0;
}

static const char *list(struct state_disk *d, uint16_t store, const char *prefix)
{
    static char text[200];
    struct buffer out;
    buffer_init(&out);
    int status = d->ops->each(d, store, prefix, strlen(prefix), strlen(prefix), list_one, &out);
    snprintf(text, sizeof text, "%s%s", buffer_cstr(&out), status > 0 ? "." : "");
    buffer_done(&out);
    return text;
}

static void batches(void **state)
{
    struct rig *r = *state;
    open_db(r);
    struct state_disk *d = open_task(r, "one-0");
    put(d, 0, "a", "1");
    put(d, 0, "", "empty key");
    put(d, 1, "a", "other store");
    put(d, 0, "e", "");
    assert_string_equal(get(d, 0, "a"), "-"); /* still in the batch */
    commit(d);
    assert_string_equal(get(d, 0, "a"), "1");
    assert_string_equal(get(d, 0, ""), "empty key");
    assert_string_equal(get(d, 1, "a"), "other store");
    assert_string_equal(get(d, 0, "e"), "");
    assert_string_equal(get(d, 2, "a"), "-");
    put(d, 0, "a", "2");
    put(d, 0, "e", NULL);
    commit(d);
    assert_string_equal(get(d, 0, "a"), "2");
    assert_string_equal(get(d, 0, "e"), "-");
    assert_int_equal(d->failed, 0);
    d->ops->close(d);
}

static void ranges_and_seeks(void **state)
{
    struct rig *r = *state;
    struct buffer key;
    open_db(r);
    struct state_disk *d = open_task(r, "one-0");
    buffer_init(&key);
    put(d, 0, "z", "before");
    put(d, 1, "pb", "2");
    put(d, 1, "pa", "1");
    put(d, 1, "p", "0");
    put(d, 1, "q", "3");
    put(d, 1, "stop", "4");
    put(d, 1, "t", "5");
    put(d, 2, "pz", "behind");
    commit(d);
    assert_string_equal(list(d, 1, "p"), "p=0 pa=1 pb=2 ");
    assert_string_equal(list(d, 1, ""), "p=0 pa=1 pb=2 q=3 stop=4 .");
    assert_string_equal(list(d, 2, ""), "pz=behind ");
    assert_string_equal(list(d, 3, ""), "");
    assert_int_equal(d->ops->seek(d, 1, "pc", 2, &key), 1);
    assert_string_equal(buffer_cstr(&key), "q");
    assert_int_equal(d->ops->seek(d, 1, "u", 1, &key), 0);
    buffer_done(&key);
    d->ops->close(d);
}

static void count_name(void *ctx, const char *name)
{
    assert_string_equal(name, "two-7");
    ++*(int *)ctx;
}

static void tasks_apart_and_again(void **state)
{
    struct rig *r = *state;
    open_db(r);
    struct state_disk *one = open_task(r, "one-0"), *two = open_task(r, "two-7"), *again;
    put(one, 0, "k", "1");
    put(two, 0, "k", "2");
    commit(one);
    commit(two);
    assert_int_equal(state_db_task(r->db, "one-0", 1, &again, &r->e), -ERR_RETRY);
    err_clear(&r->e);
    assert_int_equal(one->ops->share(one), MEMORY / 8 * 3 / 2);
    one->ops->close(one);
    assert_int_equal(two->ops->share(two), MEMORY / 8 * 3);
    put(two, 0, "k", "never written");
    two->ops->close(two);
    close_db(r);

    open_db(r);
    one = open_task(r, "one-0");
    int n = 0;
    state_db_names(r->db, count_name, &n);
    assert_int_equal(n, 1);
    two = open_task(r, "two-7");
    assert_string_equal(get(one, 0, "k"), "1");
    assert_string_equal(get(two, 0, "k"), "2");
    assert_int_equal(one->ops->clear(one, &r->e), 0);
    assert_string_equal(get(one, 0, "k"), "-");
    assert_string_equal(get(two, 0, "k"), "2");
    put(one, 0, "k", "3");
    commit(one);
    assert_string_equal(get(one, 0, "k"), "3");
    one->ops->close(one);
    two->ops->close(two);
}

static void what_failed_is_empty_when_opened_again(void **state)
{
    struct rig *r = *state;
    open_db(r);
    struct state_disk *d = open_task(r, "one-0");
    put(d, 0, "k", "1");
    commit(d);
    assert_int_equal(state_disk_fail(d, "%s", "first"), -ERR_DATA);
    assert_int_equal(state_disk_fail(d, "%s", "second"), -ERR_DATA);
    assert_string_equal(d->why, "first");
    d->ops->close(d);
    d = open_task(r, "one-0");
    assert_int_equal(d->failed, 0);
    assert_string_equal(get(d, 0, "k"), "-");
    d->ops->close(d);
}

/* Writes rounds of a batch each, in which all keys get the round's number, and is killed. */
static void write_and_die(struct rig *r, bool flushes)
{
    open_db(r);
    struct state_disk *d = open_task(r, "one-0");
    for (int round = 1; round <= 50; round++) {
        char key[16], value[16];
        snprintf(value, sizeof value, "%d", round);
        for (int k = 0; k < 200; k++) {
            snprintf(key, sizeof key, "%d", k);
            put(d, 0, key, value);
        }
        if (d->ops->write(d, flushes && round > 30 ? 100000 : 1000, &r->e) < 0) {
            _exit(1);
        }
    }
    usleep(flushes ? 300000 : 0); /* the flush is in the background; a miss of it is no failure */
    kill(getpid(), SIGKILL);
}

static int same_round(void *ctx, const void *key, size_t key_n, const void *value, size_t value_n)
{
    char text[16] = "";
    (void)key;
    (void)key_n;
    memcpy(text, value, value_n);
    int round = atoi(text), *first = ctx;
    assert_true(*first == 0 || *first == round);
    *first = round;
    return 0;
}

static void after_kill_there_is_a_commit(void **state)
{
    struct rig *r = *state;
    for (int flushes = 0; flushes < 2; flushes++) {
        fflush(NULL);
        pid_t child = fork();
        if (child == 0) { /* main() anew: a forked process has none of the threads */
            execl("/proc/self/exe", "test_state_rocksdb", r->path, flushes ? "flushes" : "", NULL);
            _exit(1);
        }
        int how;
        assert_int_equal(waitpid(child, &how, 0), child);
        assert_true(WIFSIGNALED(how));
        open_db(r);
        struct state_disk *d = open_task(r, "one-0");
        int round = 0;
        assert_int_equal(d->ops->each(d, 0, "", 0, 0, same_round, &round), 0);
        assert_true(round == 0 || (flushes && round >= 31));
        d->ops->close(d);
        close_db(r);
    }
}

static void damage_file(const char *file)
{
    const char *dot = strrchr(file, '.');
    if (dot && strcmp(dot, ".sst") == 0) {
        FILE *f = fopen(file, "r+");
        assert_non_null(f);
        for (long at = 0; at < 2000; at++) { /* the first data block */
            fseek(f, at, SEEK_SET);
            fputc('x', f);
        }
        fclose(f);
    }
}

static void remove_sst(const char *file)
{
    const char *dot = strrchr(file, '.');
    if (dot && strcmp(dot, ".sst") == 0) {
        unlink(file);
    }
}

static void damage_manifest(const char *file)
{
    if (strstr(file, "MANIFEST")) {
        assert_int_equal(truncate(file, 20), 0);
    }
}

static void fill(struct rig *r)
{
    open_db(r);
    struct state_disk *d = open_task(r, "one-0");
    for (int k = 0; k < 5000; k++) {
        char key[16], value[80];
        snprintf(key, sizeof key, "%06d", k);
        snprintf(value, sizeof value, "%d %d %d", k * 7919, k * 104729, k * 3571 % 1003);
        put(d, 0, key, value);
    }
    commit(d);
    d->ops->close(d);
    close_db(r);
}

static void damaged_blocks_are_noticed(void **state)
{
    struct rig *r = *state;
    fill(r);
    on_files(r->path, damage_file);
    open_db(r);
    struct state_disk *d = open_task(r, "one-0");
    assert_string_equal(get(d, 0, "000000"), "!");
    assert_int_equal(d->failed, -ERR_DATA);
    assert_non_null(strstr(d->why, "Corruption"));
    d->ops->close(d);
    d = open_task(r, "one-0");
    assert_string_equal(get(d, 0, "000000"), "-");
    d->ops->close(d);
    close_db(r);

    fill(r);
    on_files(r->path, damage_file);
    open_db(r);
    d = open_task(r, "one-0");
    struct state *s = state_memory_new(NULL);
    assert_int_equal(state_attach(s, d, 0, false), -ERR_DATA);
    state_free(s);
    d->ops->close(d);
}

static void damaged_databases_begin_anew(void **state)
{
    struct rig *r = *state;
    void (*const damage[])(const char *file) = {remove_sst, damage_manifest};
    for (int i = 0; i < 2; i++) {
        fill(r);
        on_files(r->path, damage[i]);
        open_db(r);
        struct state_disk *d = open_task(r, "one-0");
        assert_string_equal(get(d, 0, "000007"), "-");
        put(d, 0, "k", "1");
        commit(d);
        d->ops->close(d);
        close_db(r);
        open_db(r);
        d = open_task(r, "one-0");
        assert_string_equal(get(d, 0, "k"), "1");
        d->ops->close(d);
        close_db(r);
    }
}

/* A flush or compaction meets the damage, of whatever task. */
static void damage_that_stops_writing(void **state)
{
    struct rig *r = *state;
    open_db(r);
    for (int i = 0; i < 12; i++) { /* table files for a compaction */
        struct state_disk *d = open_task(r, "one-0");
        char value[8000]; /* more than what is damaged: the file can be opened */
        memset(value, 'a' + i, sizeof value - 1);
        value[sizeof value - 1] = 0;
        put(d, 0, "k", value);
        if (d->ops->write(d, 1000, &r->e) < 0) {
            err_clear(&r->e);
            d->ops->close(d);
            continue;
        }
        d->ops->close(d);
        close_db(r); /* to the end */
        on_files(r->path, damage_file);
        open_db(r);
    }
    close_db(r);
    open_db(r);
    bool is_written = false;
    for (int i = 0; i < 3 && !is_written; i++) {
        struct state_disk *d = open_task(r, "two-0");
        put(d, 0, "k", "1");
        is_written = d->ops->write(d, 1000000 * i, &r->e) == 0;
        err_clear(&r->e);
        d->ops->close(d);
    }
    assert_true(is_written);
}

static void a_folder_that_cannot_be_made(void **state)
{
    struct rig *r = *state;
    char path[200];
    FILE *f = fopen(r->path, "w"); /* a file where the folder should be */
    fclose(f);
    snprintf(path, sizeof path, "%s/deeper", r->path);
    assert_int_equal(state_db_open(&r->db, path, MEMORY, &r->e), -ERR_RETRY);
    assert_non_null(strstr(r->e.text, path));
    assert_null(r->db);
    unlink(r->path);
}

/* ---- a store over it ---- */

static int64_t *slot(struct state *s, int k, bool *is_new)
{
    char key[16];
    uint32_t n = (uint32_t)snprintf(key, sizeof key, "key%d", k);
    struct state_entry *e = state_insert(s, hash_bytes(key, n, 0), key, n, 8, is_new);
    state_touch(s, e);
    return state_value(e);
}

struct committing {
    struct state_disk *d;
};

static int put_change(void *ctx, const void *key, uint32_t key_n, const void *value, size_t value_n)
{
    const struct committing *c = ctx;
    c->d->ops->put(c->d, 5, key, key_n, value, value_n);
    return 0;
}

static void a_store_larger_than_its_share(void **state)
{
    struct rig *r = *state;
    open_db(r);
    struct state_disk *d = open_task(r, "one-0");
    struct state_db *small;
    char path[200];
    d->ops->close(d);
    close_db(r);
    snprintf(path, sizeof path, "%s", r->path);
    assert_int_equal(state_db_open(&small, path, 1 << 18, &r->e), 0);
    assert_int_equal(state_db_task(small, "one-0", 1, &d, &r->e), 0);
    struct state *s = state_memory_new(NULL);
    assert_int_equal(state_attach(s, d, 5, true), 0);
    for (int i = 0; i < 30000; i++) {
        bool is_new;
        int64_t *v = slot(s, i % 10000, &is_new);
        assert_int_equal(is_new, i < 10000);
        assert_int_equal(*v, i / 10000);
        ++*v;
        if (i % 500 == 499) {
            assert_int_equal(state_changes(s, put_change, &(struct committing){d}), 0);
            commit(d);
            state_committed(s);
            assert_true(state_count(s) < 6000);
        }
    }
    assert_false(state_is_complete(s));
    assert_int_equal(d->failed, 0);
    state_free(s);
    d->ops->close(d);
    state_db_close(small);
}

int main(int argc, char **argv)
{
    if (argc == 3) {
        struct rig r = {0};
        snprintf(r.path, sizeof r.path, "%s", argv[1]);
        write_and_die(&r, argv[2][0] != 0);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(batches, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ranges_and_seeks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tasks_apart_and_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_failed_is_empty_when_opened_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(after_kill_there_is_a_commit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damaged_blocks_are_noticed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damaged_databases_begin_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damage_that_stops_writing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_folder_that_cannot_be_made, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_store_larger_than_its_share, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
