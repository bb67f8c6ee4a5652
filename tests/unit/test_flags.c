/* Flags as commands see them: last, n-th and repeated ones, settings, numbers out of range.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/batch.h"
#include "engine/memory.h"
#include "worker/commands/command.h"

static const struct flag flags[] = {{"set", "PATH=VALUE", ""},
                                    {"batch-rows", "N", ""},
                                    {"switch", NULL, ""},
                                    {"log-level", "LEVEL", ""},
                                    {0}};
static const struct command command = {.name = "c", .usage = "[options]", .flags = flags};

static void values(void **state)
{
    (void)state;
    struct given given[] = {{&flags[0], "a=1"}, {&flags[2], NULL}, {&flags[0], "b.c=x=y"}};
    struct invocation in = {.command = &command, .nflags = 3, .given = given};
    assert_string_equal(flag_value(&in, "set"), "b.c=x=y");
    assert_string_equal(flag_nth(&in, "set", 0), "a=1");
    assert_string_equal(flag_nth(&in, "set", 1), "b.c=x=y");
    assert_null(flag_nth(&in, "set", 2));
    assert_null(flag_value(&in, "batch-rows"));
    assert_true(flag_given(&in, "switch"));
    assert_false(flag_given(&in, "batch-rows"));
    struct setting set[2];
    assert_int_equal(flag_settings(&in, set, 2), 2);
    assert_string_equal(set[0].path, "a");
    assert_string_equal(set[0].value, "1");
    assert_string_equal(set[1].path, "b.c");
    assert_string_equal(set[1].value, "x=y");
    mem_free((void *)(uintptr_t)set[0].path);
    mem_free((void *)(uintptr_t)set[1].path);
}

static void wrong_settings(void **state)
{
    (void)state;
    static const char *const wrong[] = {"a", "=1", ""};
    for (int i = 0; i < 3; i++) {
        struct given given[] = {{&flags[0], "good=1"}, {&flags[0], wrong[i]}};
        struct invocation in = {.command = &command, .nflags = 2, .given = given};
        struct setting set[64];
        assert_int_equal(flag_settings(&in, set, 64), -1);
    }
    struct given given[] = {{&flags[0], "a=1"}, {&flags[0], "b=1"}, {&flags[0], "c=1"}};
    struct invocation in = {.command = &command, .nflags = 3, .given = given};
    struct setting set[2];
    assert_int_equal(flag_settings(&in, set, 2), -1);
}

static void log_level(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int status;
    } all[] = {{"error", 0}, {"debug", 0}, {"info", 0}, {"Debug", EXIT_USAGE}, {"", EXIT_USAGE}};
    for (int i = 0; i < 5; i++) {
        struct given given[] = {{&flags[3], all[i].text}};
        struct invocation in = {.command = &command, .nflags = 1, .given = given};
        assert_int_equal(flag_log_level(&in), all[i].status);
    }
    struct invocation none = {.command = &command};
    assert_int_equal(flag_log_level(&none), 0);
}

static void batch_rows(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int rows; /* 0: refused */
    } tried[] = {{"1", 1},    {"2048", 2048}, {"0", 0},
                 {"2049", 0}, {"-1", 0},      {"x", 0},
                 {"", 0},     {"1x", 0},      {"99999999999999999999", 0}};
    uint16_t rows = 7;
    struct invocation none = {.command = &command};
    assert_int_equal(flag_batch_rows(&none, &rows), 0);
    assert_int_equal(rows, BATCH_ROWS);
    for (size_t i = 0; i < sizeof tried / sizeof *tried; i++) {
        struct given given = {&flags[1], tried[i].text};
        struct invocation in = {.command = &command, .nflags = 1, .given = &given};
        int r = flag_batch_rows(&in, &rows);
        assert_int_equal(r, tried[i].rows ? 0 : EXIT_USAGE);
        assert_true(tried[i].rows == 0 || rows == tried[i].rows);
    }
}

static void exit_codes(void **state)
{
    (void)state;
    struct err e = {.kind = ERR_CONFIG, .text = "the user"};
    assert_int_equal(print_err(&e), EXIT_USAGE);
    e.kind = ERR_DATA;
    assert_int_equal(print_err(&e), EXIT_FAILED);
    struct diags d;
    diags_init(&d);
    diags_add(&d, (struct place){"f.yaml", 1, 2}, "a.b", "wrong");
    assert_int_equal(print_diags(&d), EXIT_USAGE);
    diags_done(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),     cmocka_unit_test(wrong_settings), cmocka_unit_test(log_level),
        cmocka_unit_test(batch_rows), cmocka_unit_test(exit_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
