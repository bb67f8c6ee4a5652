/* Errors: the first message stays, context goes in front, diagnostics print their place. */
#include "engine/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void first_message_is_kept(void **state)
{
    (void)state;
    struct err e = {0};
    assert_int_equal(err_set(&e, ERR_DATA, "row %d is bad", 7), -ERR_DATA);
    assert_int_equal(err_set(&e, ERR_FATAL, "later"), -ERR_FATAL);
    assert_int_equal(e.kind, ERR_DATA);
    assert_string_equal(e.text, "row 7 is bad");
    assert_int_equal(err_prefix(&e, "step %s", "x"), -ERR_DATA);
    assert_string_equal(e.text, "step x: row 7 is bad");
    err_clear(&e);
    assert_int_equal(e.kind, ERR_NONE);
    assert_int_equal(err_set(&e, ERR_RETRY, "again"), -ERR_RETRY);
    assert_string_equal(e.text, "again");
}

static void null_error_still_returns_the_kind(void **state)
{
    (void)state;
    assert_int_equal(err_set(NULL, ERR_CONFIG, "x"), -ERR_CONFIG);
    assert_int_equal(err_prefix(NULL, "x"), -ERR_FATAL);
}

static void long_messages_are_cut(void **state)
{
    (void)state;
    char text[3000];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    struct err e = {0};
    err_set(&e, ERR_DATA, "%s", text);
    assert_int_equal(strlen(e.text), sizeof e.text - 1);
    err_prefix(&e, "%s", "front");
    assert_int_equal(strlen(e.text), sizeof e.text - 1);
    assert_memory_equal(e.text, "front: aaa", 10);
    err_prefix(&e, "%s", text);
    assert_int_equal(strlen(e.text), sizeof e.text - 1);
}

static void kinds_have_names(void **state)
{
    (void)state;
    assert_string_equal(err_kind_name(ERR_DATA), "data");
    assert_string_equal(err_kind_name(ERR_RETRY), "retry");
    assert_string_equal(err_kind_name(ERR_ABORT), "abort");
    assert_string_equal(err_kind_name(ERR_CONFIG), "config");
    assert_string_equal(err_kind_name(ERR_FATAL), "fatal");
}

static void diagnostics_own_their_text(void **state)
{
    (void)state;
    struct diags d;
    diags_init(&d);
    char path[] = "streams.a", file[] = "t.yaml";
    for (int i = 0; i < 20; i++) {
        struct place at = {file, i + 1, 3};
        assert_int_equal(diags_add(&d, at, path, "problem %d", i), -ERR_CONFIG);
    }
    path[0] = file[0] = '?';
    assert_int_equal(d.n, 20);
    char line[200];
    diags_format(&d, 19, line, sizeof line);
    assert_string_equal(line, "t.yaml:20:3: streams.a: problem 19");
    diags_add(&d, (struct place){"t.yaml", 0, 0}, NULL, "whole file");
    diags_format(&d, 20, line, sizeof line);
    assert_string_equal(line, "t.yaml: whole file");
    diags_append(&d, 0, "; write %d", 5);
    assert_non_null(strstr(d.item[0].text, "; write 5"));
    diags_format(&d, 19, line, 10);
    assert_string_equal(line, "t.yaml:20");
    diags_done(&d);
    assert_int_equal(d.n, 0);
}

static void nearest_names(void **state)
{
    (void)state;
    const char *const names[] = {"tumbling", "hopping", "sliding", "session", "count", NULL};
    assert_string_equal(nearest_name("tumblin", names), "tumbling");
    assert_string_equal(nearest_name("tubmling", names), "tumbling"); /* neighbours swapped */
    assert_string_equal(nearest_name("HOPPING", names), "hopping");
    assert_string_equal(nearest_name("conut", names), "count");
    assert_null(nearest_name("aggregate", names));
    assert_null(nearest_name("", names));
    assert_string_equal(nearest_name("umbling", names), "tumbling");
    assert_string_equal(nearest_name("hoping", names), "hopping");
    const char *const other[] = {"other", NULL};
    assert_null(nearest_name("nothere", other)); /* two edits away, and it begins otherwise */
    char monster[500];
    memset(monster, 'x', sizeof monster - 1);
    monster[sizeof monster - 1] = '\0';
    assert_null(nearest_name(monster, names));
}

static void names_are_found_or_suggested(void **state)
{
    (void)state;
    static const char *const names[] = {"naive", "ridge", NULL}, *const one[] = {"only", NULL};
    struct err e = {0};
    assert_int_equal(name_find("rule", "ridge", names, &e), 1);
    assert_int_equal(e.kind, ERR_NONE);
    assert_int_equal(name_find("rule", "rigde", names, &e), -ERR_CONFIG);
    assert_string_equal(e.text, "unknown rule `rigde`: did you mean `ridge`?");
    err_clear(&e);
    assert_int_equal(name_find("rule", "x", names, &e), -ERR_CONFIG);
    assert_string_equal(e.text, "unknown rule `x`: expected one of naive, ridge");
    err_clear(&e);
    assert_int_equal(name_find("rule", "x", one, &e), -ERR_CONFIG);
    assert_string_equal(e.text, "unknown rule `x`: expected only");
    assert_int_equal(name_find("rule", "x", one, NULL), -ERR_CONFIG);
}

static void problems_of_servers_are_not_of_the_file(void **state)
{
    (void)state;
    struct diags d;
    diags_init(&d);
    diags_add(&d, (struct place){0}, NULL, "a");
    diags_add(&d, (struct place){0}, NULL, "b");
    diags_blame(&d, ERR_RETRY);
    assert_int_equal(d.item[0].kind, ERR_CONFIG);
    assert_int_equal(d.item[1].kind, ERR_RETRY);
    diags_done(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_message_is_kept),
        cmocka_unit_test(null_error_still_returns_the_kind),
        cmocka_unit_test(long_messages_are_cut),
        cmocka_unit_test(kinds_have_names),
        cmocka_unit_test(diagnostics_own_their_text),
        cmocka_unit_test(nearest_names),
        cmocka_unit_test(names_are_found_or_suggested),
        cmocka_unit_test(problems_of_servers_are_not_of_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
