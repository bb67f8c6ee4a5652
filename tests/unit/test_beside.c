/* Trainings under way: which are taken, which replace others, what close leaves. */
#include "ml/beside.h"

#include "engine/error.h"
#include "engine/memory.h"
#include "tests/support/held_trainer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int succeed(void *data, const struct cancel *c)
{
    (void)data;
    assert_false(cancel_is_set(c));
    return 0;
}

static void start(struct beside *b, const char *key, int64_t number, uint64_t bytes)
{
    struct str k = str_ref(key, (uint32_t)strlen(key));
    assert_true(beside_takes(b, &k, number, bytes));
    const struct trainer_job job = {succeed, mem_free, mem_printf("%s %d", key, (int)number)};
    beside_start(b, &k, number, bytes, &job);
}

static bool takes(struct beside *b, const char *key, int64_t number, uint64_t bytes)
{
    struct str k = str_ref(key, (uint32_t)strlen(key));
    return beside_takes(b, &k, number, bytes);
}

/* Key and data of what has ended. */
static void expect(struct beside *b, const char *key, const char *data, int status)
{
    struct beside_result x;
    assert_true(beside_collect(b, &x));
    assert_int_equal(x.key_n, strlen(key));
    assert_memory_equal(x.key, key, x.key_n);
    assert_string_equal(x.data, data);
    assert_int_equal(x.status, status);
    mem_free(x.key);
    mem_free(x.data);
}

static void one_an_object(void **state)
{
    (void)state;
    struct held_trainer t;
    struct beside b;
    struct beside_result x;
    held_trainer_init(&t);
    beside_init(&b, &t.trainer);
    start(&b, "", 1, 10);
    start(&b, "a key that is long", 1, 10);
    assert_false(takes(&b, "", 1, 10)); /* it is under way */
    start(&b, "", 2, 10);               /* has not begun: the newer takes its place */
    assert_int_equal(t.dropped, 1);
    assert_int_equal(b.bytes, 20);
    held_trainer_begin(&t); /* that of the long key */
    assert_false(takes(&b, "a key that is long", 2, 10));
    assert_false(beside_has_done(&b));
    assert_false(beside_collect(&b, &x));
    held_trainer_run(&t);
    held_trainer_fail(&t, -ERR_DATA);
    assert_true(beside_has_done(&b));
    expect(&b, "a key that is long", "a key that is long 1", 0);
    expect(&b, "", " 2", -ERR_DATA);
    assert_false(beside_collect(&b, &x));
    assert_int_equal(b.bytes, 0);
    start(&b, "", 3, 10);
    assert_int_equal(beside_close(&b), 1);
    assert_int_equal(beside_close(&b), 0);
    assert_int_equal(t.waiting + t.at_work + t.done, 0);
}

static void bounded_by_number_and_bytes(void **state)
{
    (void)state;
    struct held_trainer t;
    struct beside b;
    char key[20];
    held_trainer_init(&t);
    beside_init(&b, &t.trainer);
    for (int i = 0; i < BESIDE_MOST; i++) {
        snprintf(key, sizeof key, "%d", i);
        start(&b, key, 1, 1);
    }
    assert_false(takes(&b, "one more", 1, 1));
    start(&b, "7", 2, 1); /* in place of another there is room */
    held_trainer_run(&t);
    expect(&b, "0", "0 1", 0);
    assert_true(takes(&b, "one more", 1, 1));
    assert_int_equal(beside_close(&b), BESIDE_MOST - 1);

    start(&b, "huge", 1, (uint64_t)BESIDE_BYTES_MOST * 4); /* alone it may be */
    assert_false(takes(&b, "small", 1, 1));
    held_trainer_run(&t);
    expect(&b, "huge", "huge 1", 0);
    start(&b, "small", 1, 1);
    assert_false(takes(&b, "huge", 2, BESIDE_BYTES_MOST));
    assert_int_equal(beside_close(&b), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_an_object),
        cmocka_unit_test(bounded_by_number_and_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
