/* Copies of records: nothing of what a log lends is looked at again, and nulls stay nulls.
 */
#include "engine/record.h"

#include "engine/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static void a_copy_outlives_what_was_lent(void **state)
{
    (void)state;
    struct arena mem;
    char key[] = "k\0ey", value[] = "value", name[] = "name", text[] = "text";
    char place[] = "file:3", bad[] = "no row";
    struct header lent[] = {{name, text, 4}, {name, NULL, 0}, {name, "", 0}};
    struct record r = {
        .topic = "t",
        .partition = 3,
        .offset = 7,
        .timestamp = 9,
        .key = key,
        .key_n = 4,
        .value = value,
        .value_n = 5,
        .headers = lent,
        .nheaders = 3,
        .place = place,
        .bad = bad,
    };
    arena_init(&mem);
    struct record copy = record_copy(&mem, &r);
    memset(key, 'x', sizeof key);
    memset(value, 'x', sizeof value);
    memset(name, 'x', sizeof name);
    memset(text, 'x', sizeof text);
    memset(lent, 0, sizeof lent);
    memset(place, 'x', sizeof place);
    memset(bad, 'x', sizeof bad);
    assert_string_equal(copy.topic, "t");
    assert_int_equal(copy.partition, 3);
    assert_int_equal(copy.offset, 7);
    assert_int_equal(copy.timestamp, 9);
    assert_int_equal(copy.key_n, 4);
    assert_memory_equal(copy.key, "k\0ey", 4);
    assert_int_equal(copy.value_n, 5);
    assert_memory_equal(copy.value, "value", 5);
    assert_int_equal(copy.nheaders, 3);
    assert_string_equal(copy.headers[0].name, "name");
    assert_memory_equal(copy.headers[0].value, "text", 4);
    assert_null(copy.headers[1].value);
    assert_non_null(copy.headers[2].value); /* empty is not null */
    assert_string_equal(copy.place, "file:3");
    assert_string_equal(copy.bad, "no row");
    arena_done(&mem);
}

static void nulls_stay_nulls(void **state)
{
    (void)state;
    struct arena mem;
    const struct record tombstone = {.topic = "t", .key = "", .offset = -1};
    arena_init(&mem);
    struct record copy = record_copy(&mem, &tombstone);
    assert_non_null(copy.key);
    assert_int_equal(copy.key_n, 0);
    assert_null(copy.value);
    assert_null(copy.place);
    assert_null(copy.bad);
    assert_int_equal(copy.nheaders, 0);
    arena_done(&mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_outlives_what_was_lent),
        cmocka_unit_test(nulls_stay_nulls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
