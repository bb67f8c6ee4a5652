/* Joins of two tables: when a joined row comes, changes and goes; nulls, times, state, damage. */
#include "tests/unit/join_harness.h"

static void expect(const char *join, const struct join_row *r, int n, const char *expected)
{
    for (int way = 0; way < 3; way++) { /* row by row, in batches, with a restart after each row */
        struct harness h;
        harness_init(&h, join, "string");
        for (int i = 0; i < n;) {
            uint16_t some = 1;
            while (way == 1 && i + some < n && r[i + some].side == r[i].side) {
                some++;
            }
            assert_int_equal(harness_push(&h, &r[i], some), 0);
            i += some;
            if (way == 2) {
                harness_restart(&h);
            }
        }
        assert_string_equal(harness_out(&h), expected);
        harness_done(&h);
    }
}

#define L(time, key, v)                                                                            \
    {                                                                                              \
        LEFT, time, key, v, NULL, TIME_MIN, TIME_MIN                                               \
    }
#define R(time, key, v)                                                                            \
    {                                                                                              \
        RIGHT, time, key, v, NULL, TIME_MIN, TIME_MIN                                              \
    }
#define EXPECT(join, r, ex)  expect(join, r, (int)(sizeof r / sizeof *r), ex)
#define ROW(key, lv, rv, at) "v=" #lv " k=" key " s=null right_v=" #rv " t=null @" #at "\n"
#define GONE(key, at)        "k=" key " deleted @" #at "\n"

static const struct join_row changes[] = {
    L(10, "a", 1),       R(20, "a", 2),       L(15, "a", 3),       R(12, "a", 4),
    R(30, "a", DELETED), R(31, "a", DELETED), L(25, "a", DELETED), L(26, "a", DELETED),
    R(40, "a", 5),       R(41, "a", DELETED), R(50, "a", 6),       L(45, "a", 7),
    L(46, "a", DELETED), L(47, "b", 8)};

static void while_both_are_there(void **state)
{
    (void)state;
    EXPECT("{with: right}", changes,
           ROW("a", 1, 2, 20) ROW("a", 3, 2, 20) ROW("a", 3, 4, 15) GONE("a", 30) ROW("a", 7, 6, 50)
               GONE("a", 50));
}

static void while_the_left_is_there(void **state)
{
    (void)state;
    EXPECT("{with: right, type: left}", changes,
           ROW("a", 1, null, 10) ROW("a", 1, 2, 20) ROW("a", 3, 2, 20) ROW("a", 3, 4, 15)
               ROW("a", 3, null, 30) GONE("a", 25) ROW("a", 7, 6, 50) GONE("a", 50)
                   ROW("b", 8, null, 47));
}

static void while_either_is_there(void **state)
{
    (void)state;
    EXPECT("{with: right, type: outer}", changes,
           ROW("a", 1, null, 10) ROW("a", 1, 2, 20) ROW("a", 3, 2, 20) ROW("a", 3, 4, 15)
               ROW("a", 3, null, 30) GONE("a", 25) ROW("a", null, 5, 40) GONE("a", 41)
                   ROW("a", null, 6, 50) ROW("a", 7, 6, 50) ROW("a", null, 6, 50)
                       ROW("b", 8, null, 47));
}

static void null_keys_and_deletions_of_nothing_are_counted(void **state)
{
    (void)state;
    struct harness h;
    harness_init(&h, "{with: right, type: outer}", "string,double");
    const struct join_row r[] = {L(1, NULL, 1), L(2, "a", DELETED), L(3, "a", NONE)};
    assert_int_equal(harness_push(&h, r, 3), 0);
    assert_string_equal(harness_out(&h), "v=null k=a s=null k2=0.5 right_v=null t=null @3\n");
    assert_int_equal(h.op.counter[COUNT_NULL_KEY], 1);
    assert_int_equal(h.op.counter[COUNT_SKIPPED], 1);
    harness_done(&h);
}

/* One entry for a key, none once both rows are gone. */
static void state_holds_what_is_there(void **state)
{
    (void)state;
    struct harness h;
    harness_init(&h, "{with: right}", "long");
    const struct join_row l[] = {L(1, "a", 1), L(2, "bb", 2)}, r[] = {R(3, "a", 3), R(4, "ccc", 4)};
    assert_int_equal(harness_push(&h, l, 2), 0);
    assert_int_equal(harness_push(&h, r, 2), 0);
    assert_int_equal(state_count(h.op.state), 3);
    harness_restart(&h);
    const struct join_row gone[] = {L(5, "a", DELETED), L(6, "bb", DELETED)};
    assert_int_equal(harness_push(&h, gone, 2), 0);
    assert_int_equal(state_count(h.op.state), 2);
    const struct join_row rest[] = {R(7, "a", DELETED), R(8, "ccc", DELETED)};
    assert_int_equal(harness_push(&h, rest, 2), 0);
    assert_int_equal(state_count(h.op.state), 0);
    harness_commit(&h); /* its changelog is empty too */
    harness_done(&h);
}

/* A row without columns that anyone reads is still there. */
static void unread_columns(void **state)
{
    (void)state;
    struct harness h;
    assert_int_equal(harness_bind(&h, "{with: right, type: outer}", "string"), 0);
    bool out[16] = {false}, in[16] = {false};
    op_join.needs(&h.node, out, in);
    op_join.second_needs(&h.node, out, in);
    harness_open(&h);
    const struct join_row r[] = {L(1, "a", 1), L(2, "a", DELETED)};
    assert_int_equal(harness_push(&h, r, 2), 0);
    assert_string_equal(harness_out(&h), "k=a @1\nk=a deleted @2\n");
    harness_done(&h);
}

static void damaged_state_is_refused(void **state)
{
    (void)state;
    static const struct {
        size_t n;
        const char *bytes;
    } bad[] = {{0, ""},       {1, "\0"},     {1, "\4"},        {1, "\1"},
               {2, "\1\2"},   {3, "\1\2\4"}, {3, "\1\2\1"},    {4, "\1\2\0x"},
               {3, "\3\2\0"}, {2, "\1\xff"}, {5, "\3\2\0\2\2"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct harness h;
        assert_int_equal(harness_bind(&h, "{with: right}", "string"), 0);
        struct state *s = state_memory_new(op_join.state_codec(&h.node));
        assert_int_equal(state_restore(s, "a", 1, bad[i].bytes, bad[i].n), -ERR_DATA);
        state_free(s);
        harness_done(&h);
    }
}

static void words_of_state(struct buffer *words, const char *join)
{
    struct harness h;
    buffer_init(words);
    assert_int_equal(harness_bind(&h, join, "string"), 0);
    op_join.state_layout(&h.node, words);
    harness_done(&h);
}

/* Events in state are not taken for rows of tables; the type only decides what comes out. */
static void state_of_other_joins_is_told_apart(void **state)
{
    (void)state;
    struct buffer inner, outer, events;
    words_of_state(&inner, "{with: right}");
    words_of_state(&outer, "{with: right, type: outer}");
    words_of_state(&events, "{with: right, within: 1s}");
    assert_string_equal(buffer_cstr(&inner), buffer_cstr(&outer));
    assert_string_not_equal(buffer_cstr(&inner), buffer_cstr(&events));
    buffer_done(&inner);
    buffer_done(&outer);
    buffer_done(&events);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(while_both_are_there),
        cmocka_unit_test(while_the_left_is_there),
        cmocka_unit_test(while_either_is_there),
        cmocka_unit_test(null_keys_and_deletions_of_nothing_are_counted),
        cmocka_unit_test(state_holds_what_is_there),
        cmocka_unit_test(unread_columns),
        cmocka_unit_test(damaged_state_is_refused),
        cmocka_unit_test(state_of_other_joins_is_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
