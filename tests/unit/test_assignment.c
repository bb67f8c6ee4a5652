/* Assignments as bytes: whole, of no topic, and cut off at every byte. */
#include "worker/assignment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* a: 3 and 258; b: none; cd: 0; user data behind them. */
static const uint8_t some[] = {0,   1,   0, 0, 0, 3, 0, 1, 'a', 0, 0,    0,    2,    0,   0,
                               0,   3,   0, 0, 1, 2, 0, 1, 'b', 0, 0,    0,    0,    0,   2,
                               'c', 'd', 0, 0, 0, 1, 0, 0, 0,   0, 0xff, 0xff, 0xff, 0xff};

static size_t list(const void *bytes, size_t n, char *text, size_t size)
{
    struct assignment a = assignment_of(bytes, n);
    size_t found = 0, used = 0;
    text[0] = 0;
    while (assignment_next(&a)) {
        used += (size_t)snprintf(text + used, size - used, "%.*s %d\n", (int)a.topic_n, a.topic,
                                 a.partition);
        found++;
    }
    assert_false(assignment_next(&a));
    return found;
}

static void whole(void **state)
{
    (void)state;
    char text[100];
    assert_int_equal(list(some, sizeof some, text, sizeof text), 3);
    assert_string_equal(text, "a 3\na 258\ncd 0\n");
    assert_int_equal(list("\0\1\0\0\0\0", 6, text, sizeof text), 0);
    assert_int_equal(list(NULL, 0, text, sizeof text), 0);
}

/* What is there before the end is given, and nothing is read behind it (a copy of its own). */
static void cut_off(void **state)
{
    (void)state;
    size_t last = 0;
    for (size_t n = 0; n < sizeof some; n++) {
        char text[100];
        uint8_t *bytes = malloc(n + 1);
        memcpy(bytes, some, n);
        uint8_t *exact = realloc(bytes, n ? n : 1);
        size_t found = list(exact, n, text, sizeof text);
        assert_true(found >= last && found <= 3);
        last = found;
        free(exact);
    }
    char text[100]; /* counts that are too high, or negative */
    assert_int_equal(list("\0\1\x7f\xff\xff\xff\0\1a\x7f\xff\xff\xff\0\0\0\5", 17, text, 100), 1);
    assert_int_equal(list("\0\1\xff\xff\xff\xff\0\1a", 9, text, 100), 0);
    assert_int_equal(list("\0\1\0\0\0\2\0\1a\xff\xff\xff\xff\0\1b\0\0\0\1\0\0\0\7", 24, text, 100),
                     1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole),
        cmocka_unit_test(cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
