/* A task whose step reads a history first: in slices, cut off, and when the topic cannot be read.
 */
#include "engine/history.h"
#include "engine/memory.h"
#include "tests/support/fake_disk.h"
#include "tests/support/task_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

enum { ROWS = 1000, PARTS = 2 };
static int fails_at; /* record of a partition; -1: none does */

static const char topology[] =
    "name: t\nstreams:\n"
    "  s:\n    from: {topic: now, value: json, key: {h: string}, columns: {h: string, a: double, "
    "y: "
    "double}}\n    steps:\n"
    "      - regress: {algorithm: linear_regression, features: [a], label: y, as: p, per: key, "
    "train_from: {stream: old}}\n"
    "      - regress: {algorithm: hoeffding_tree, features: [a], label: y, as: q, per: partition, "
    "train_from: {topic: [then, empty], value: json, columns: {a: double, y: double}}}\n"
    "    to: {topic: out, value: json, key: none}\n"
    "  old:\n    from: {topic: then, value: json, key: {h: string}, columns: {h: string, a: "
    "double, "
    "y: double}}\n";

static int partitions(void *ctx, const char *topic, int32_t *n, struct err *e)
{
    (void)ctx;
    (void)e;
    *n = strcmp(topic, "then") == 0 ? PARTS : 1;
    return 0;
}

static int bounds(void *ctx, const char *topic, int32_t partition, int64_t *begin, int64_t *end,
                  struct err *e)
{
    (void)ctx;
    (void)partition;
    (void)e;
    *begin = 0;
    *end = strcmp(topic, "then") == 0 ? ROWS : 0;
    return 0;
}

/* As a log: what has enough is asked no more. */
static int read_then(void *ctx, const char *topic, int32_t partition, int64_t from,
                     int (*each)(void *each_ctx, const struct record *r), void *each_ctx,
                     int64_t *next, struct err *e)
{
    (void)ctx;
    assert_string_equal(topic, "then");
    int status = 0;
    for (int64_t i = from; i < ROWS && status == 0; i++) {
        if (i == fails_at) {
            return err_set(e, ERR_RETRY, "the broker is away");
        }
        char key[20], value[100];
        snprintf(key, sizeof key, "h%d", (int)(i % 3));
        snprintf(value, sizeof value, "{\"h\": \"%s\", \"a\": %d, \"y\": %d}", key,
                 (int)(i * 7 % 50), (int)(i * 7 % 50 * 2 + partition));
        struct record r = {.topic = topic,
                           .partition = partition,
                           .offset = i,
                           .timestamp = i,
                           .key = key,
                           .key_n = strlen(key),
                           .value = value,
                           .value_n = strlen(value)};
        status = each(each_ctx, &r);
        *next = i + 1;
    }
    return status;
}

static const struct task_past past = {partitions, bounds, read_then};

static void begin(struct task_rig *r, bool pauses)
{
    fails_at = -1;
    task_rig_init(r, topology, 100);
    r->past = &past;
    r->pauses = pauses;
    task_rig_new(r, 0);
}

static const char *predict(struct task_rig *r)
{
    static const char *const key[] = {"h0", "h1", "h2", "new"};
    static const char *const value[] = {
        "{\"h\": \"h0\", \"a\": 10, \"y\": 20}", "{\"h\": \"h1\", \"a\": 10, \"y\": 20}",
        "{\"h\": \"h2\", \"a\": 30, \"y\": 20}", "{\"h\": \"new\", \"a\": 30, \"y\": 20}"};
    assert_int_equal(task_rig_push(r, "now", 0, key, value, 4), 0);
    return task_rig_out(r);
}

static int study_all(struct task_rig *r)
{
    int slices = 0, status = 1;
    for (; status == 1 && slices < 10000; slices++) {
        assert_true(task_is_studying(r->task));
        status = task_study(r->task, INT64_MIN, &r->err);
    }
    assert_int_equal(status, 0);
    assert_false(task_is_studying(r->task));
    return slices;
}

static void slices_do_not_show(void **state)
{
    (void)state;
    struct task_rig whole, parts;
    begin(&whole, false);
    assert_int_equal(task_rig_open(&whole), 0);
    assert_false(task_is_studying(whole.task));
    begin(&parts, true);
    assert_int_equal(task_rig_open(&parts), 0);
    assert_true(study_all(&parts) > 2 * PARTS * ROWS / 100);
    const char *expected = predict(&whole);
    assert_string_equal(predict(&parts), expected);
    assert_non_null(strstr(expected, "\"p\":null")); /* of the key that was not there */
    assert_null(strstr(expected, "\"q\":null"));
    task_rig_done(&whole);
    task_rig_done(&parts);
}

/* What was learned is in the changelog, though no row has come; and a task restored from it does
 * not read again. */
static void what_was_learned_is_committed(void **state)
{
    (void)state;
    struct task_rig r;
    begin(&r, true);
    assert_int_equal(task_rig_open(&r), 0);
    study_all(&r);
    assert_true(task_dirty(r.task));
    assert_int_equal(task_flush(r.task, &r.err), 0);
    task_committed(r.task);
    size_t n = r.n;
    struct produced *item = r.item;
    r.n = 0;
    r.item = NULL;
    char *expected = mem_strdup(predict(&r));
    task_rig_stop(&r);
    task_rig_clear(&r);
    task_rig_new(&r, 0);
    for (size_t i = 0; i < n; i++) {
        int store = strstr(item[i].topic, "regress2") != NULL;
        assert_int_equal(task_rig_restore(&r, store, &item[i], 1), 0);
    }
    fails_at = 0;
    assert_int_equal(task_rig_open(&r), 0);
    assert_false(task_is_studying(r.task));
    assert_string_equal(predict(&r), expected);
    mem_free(expected);
    task_rig_clear(&r);
    r.item = item;
    r.n = n;
    task_rig_done(&r);
}

static int64_t wall(const struct clock *c)
{
    (void)c;
    return INT64_C(1790000000000);
}

static int64_t stands_still(const struct clock *c)
{
    return c->fixed;
}

/* A lane's waits go by the clock that nobody sets, which knows nothing of the wall clock's time. */
static void a_slice_ends_by_the_steady_clock(void **state)
{
    (void)state;
    struct task_rig r;
    begin(&r, true);
    r.clock = (struct clock){.now = wall, .steady = stands_still, .fixed = 1000};
    assert_int_equal(task_rig_open(&r), 0);
    assert_int_equal(task_study(r.task, 1000, &r.err), 1);
    assert_int_equal(task_study(r.task, 1001, &r.err), 0);
    assert_false(task_is_studying(r.task));
    task_rig_done(&r);
}

#define FORESTS(per)                                                                               \
    "name: t\nstreams:\n"                                                                          \
    "  s:\n    from: {topic: now, value: json, key: {h: string}, columns: {h: string, a: double, " \
    "y: double}}\n    steps:\n"                                                                    \
    "      - regress: {algorithm: random_forest, options: {n_models: 2}, features: [a], label: "   \
    "y, "                                                                                          \
    "as: p, per: " per ", train_from: {topic: then, value: json, key: {h: string}, columns: {h: "  \
    "string, a: double, y: double}}}\n"                                                            \
    "    to: {topic: out, value: json, key: none}\n"

static int slices_of(const char *text)
{
    struct task_rig r;
    fails_at = -1;
    task_rig_init(&r, text, 100);
    r.past = &past;
    r.pauses = true;
    task_rig_new(&r, 0);
    assert_int_equal(task_rig_open(&r), 0);
    int slices = study_all(&r);
    const char *key = "h1", *value = "{\"h\": \"h1\", \"a\": 10}";
    assert_int_equal(task_rig_push(&r, "now", 0, &key, &value, 1), 0);
    assert_null(strstr(task_rig_out(&r), "\"p\":null"));
    task_rig_done(&r);
    return slices;
}

/* Trainings at its end may take long: the lane polls between two of them. */
static void trainings_at_the_end_are_slices_too(void **state)
{
    (void)state;
    int one = slices_of(FORESTS("partition")), three = slices_of(FORESTS("key"));
    assert_int_equal(three, one + 2);
}

/* Until the commit behind it nothing that was learned can go to disk. */
static void what_is_learned_counts_as_memory(void **state)
{
    (void)state;
    struct task_rig r;
    struct fake_disk f;
    const int64_t next[2] = {0};
    begin(&r, true);
    fake_disk_init(&f, 1 << 20);
    assert_int_equal(task_take_disk(r.task, &f.disk, 1), CHECKPOINT_NONE);
    assert_int_equal(task_attach(r.task), 0);
    assert_int_equal(task_restored(r.task, next, &r.err), 0);
    assert_int_equal(task_rig_open(&r), 0);
    assert_int_equal(task_study(r.task, INT64_MIN, &r.err), 1);
    assert_int_equal(task_kept_bytes(r.task), task_state_bytes(r.task));
    study_all(&r);
    assert_true(task_kept_bytes(r.task) < task_state_bytes(r.task));
    task_rig_done(&r);
    fake_disk_done(&f);
}

static void may_be_cut_off(void **state)
{
    (void)state;
    struct task_rig r;
    begin(&r, true);
    assert_int_equal(task_rig_open(&r), 0);
    assert_int_equal(task_study(r.task, INT64_MIN, &r.err), 1);
    task_rig_done(&r);
}

static void a_read_that_fails_says_what_for(void **state)
{
    (void)state;
    struct task_rig r;
    begin(&r, true);
    fails_at = 500;
    assert_int_equal(task_rig_open(&r), 0);
    int status = 1;
    while (status == 1) {
        status = task_study(r.task, INT64_MIN, &r.err);
    }
    assert_int_equal(status, -ERR_RETRY);
    assert_string_equal(r.err.text, "streams.s.steps[1].regress.train_from: the broker is away");
    task_rig_done(&r);
}

/* Where no topic can be read there is none: in tests of topologies. */
static void without_topics_it_begins_untrained(void **state)
{
    (void)state;
    struct task_rig r;
    begin(&r, false);
    task_rig_stop(&r);
    r.past = NULL;
    task_rig_start(&r, 0);
    assert_non_null(strstr(predict(&r), "\"q\":null"));
    task_rig_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_do_not_show),
        cmocka_unit_test(what_was_learned_is_committed),
        cmocka_unit_test(a_slice_ends_by_the_steady_clock),
        cmocka_unit_test(trainings_at_the_end_are_slices_too),
        cmocka_unit_test(what_is_learned_counts_as_memory),
        cmocka_unit_test(may_be_cut_off),
        cmocka_unit_test(a_read_that_fails_says_what_for),
        cmocka_unit_test(without_topics_it_begins_untrained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
