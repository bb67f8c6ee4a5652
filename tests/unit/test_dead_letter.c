/* Dead letters: headers read, and taken off again. */
#include "worker/dead_letter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define H(name, text)                                                                              \
    {                                                                                              \
        name, text, sizeof text - 1                                                                \
    }

static const struct header whole[] = {H("mine", "kept"),
                                      H("__connect.errors.topic", "older"),
                                      {"__connect.errors.stage", NULL, 0},
                                      H("__connect.errors.topic", "t-s-repartition"),
                                      H("__connect.errors.partition", "3"),
                                      H("__connect.errors.offset", "17"),
                                      H("__connect.errors.connector.name", "t"),
                                      H("__connect.errors.stage", "TRANSFORMATION"),
                                      H("__connect.errors.class.name", "add"),
                                      H("__connect.errors.exception.message", "division"),
                                      H("klamm.row", "{\"v\":1}"),
                                      H("klamm.left.out", "value"),
                                      H("klamm.replayed", "2"),
                                      {"null", NULL, 0}};

static void headers_are_read_and_taken_off(void **state)
{
    (void)state;
    struct arena a;
    struct dead_letter d;
    struct record r = {.topic = "dead",
                       .partition = 0,
                       .offset = 9,
                       .timestamp = 5,
                       .key = "k",
                       .key_n = 1,
                       .value = "v",
                       .value_n = 1,
                       .headers = whole,
                       .nheaders = sizeof whole / sizeof *whole};
    arena_init(&a);
    dead_letter_read(&d, &r, &a);
    assert_string_equal(d.topic, "t-s-repartition");
    assert_int_equal(d.partition, 3);
    assert_int_equal(d.offset, 17);
    assert_string_equal(d.owner, "t");
    assert_string_equal(d.stage, "TRANSFORMATION");
    assert_string_equal(d.by, "add");
    assert_string_equal(d.message, "division");
    assert_string_equal(d.row, "{\"v\":1}");
    assert_string_equal(d.left, "value");
    assert_int_equal(d.replays, 2);
    assert_true(dead_letter_is_internal(&d));
    struct record back = dead_letter_restore(&d, &r, &a);
    assert_int_equal(back.nheaders, 3);
    assert_string_equal(back.headers[0].name, "mine");
    assert_string_equal(back.headers[1].name, "null");
    assert_null(back.headers[1].value);
    assert_string_equal(back.headers[2].name, "klamm.replayed");
    assert_memory_equal(back.headers[2].value, "3", 1);
    assert_ptr_equal(back.value, r.value);
    assert_int_equal(back.timestamp, 5);
    arena_done(&a);
}

/* Whatever stands in them: nothing is trusted. */
static void strange_headers(void **state)
{
    (void)state;
    static const struct header odd[] = {
        H("__connect.errors.topic", "in"), H("__connect.errors.partition", "99999999999"),
        H("__connect.errors.offset", "-5"), H("klamm.replayed", "many")};
    struct arena a;
    struct dead_letter d;
    struct record r = {.headers = odd, .nheaders = 4};
    arena_init(&a);
    dead_letter_read(&d, &r, &a);
    assert_int_equal(d.partition, -1);
    assert_int_equal(d.offset, -1);
    assert_int_equal(d.replays, 0);
    assert_string_equal(d.message, "");
    assert_false(dead_letter_is_internal(&d));
    r.nheaders = 0;
    dead_letter_read(&d, &r, &a);
    assert_null(d.topic);
    assert_false(dead_letter_is_internal(&d));
    arena_done(&a);
}

static void internal_topics_bear_the_name_of_their_topology(void **state)
{
    (void)state;
    static const struct {
        const char *topic, *owner;
        bool is_internal;
    } cases[] = {{"t-s-repartition", "t", true},  {"t-s-window-changelog", "t", true},
                 {"t-s-repartition", "x", false}, {"t-s-repartition", "", false},
                 {"t-orders", "t", false},        {"ts-repartition", "t", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dead_letter d = {.topic = cases[i].topic, .owner = cases[i].owner};
        assert_int_equal(dead_letter_is_internal(&d), cases[i].is_internal);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_are_read_and_taken_off),
        cmocka_unit_test(strange_headers),
        cmocka_unit_test(internal_topics_bear_the_name_of_their_topology),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
