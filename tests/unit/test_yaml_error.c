/* Words for syntax errors: the right line of the table, and what the table does not know. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/yaml_error.h"

static void assert_explained(const struct yaml_syntax_error *x, const char *text)
{
    struct diags d;
    diags_init(&d);
    assert_int_equal(yaml_syntax_explain(x, &d), -ERR_CONFIG);
    assert_int_equal(d.n, 1);
    assert_string_equal(d.item[0].text, text);
    diags_done(&d);
}

static void test_table(void **state)
{
    (void)state;
    struct yaml_syntax_error x = {.problem = "found character that cannot start any token",
                                  .context = "while scanning for the next token",
                                  .path = "a",
                                  .at = {"f", 2, 3},
                                  .found = "\t"};
    assert_explained(&x, "a tab cannot indent or begin a value: use spaces");
    x.found[0] = '%';
    assert_explained(&x, "text cannot begin with `%`: put quotes around it");
    x = (struct yaml_syntax_error){.problem = "did not find expected node content", .path = ""};
    assert_explained(&x, "expected a value before `the end of the file`");
}

static void test_unknown(void **state)
{
    (void)state;
    struct yaml_syntax_error x = {.problem = "new words", .context = "while reading", .path = ""};
    assert_explained(&x, "not YAML: new words, while reading");
    x = (struct yaml_syntax_error){.path = ""};
    assert_explained(&x, "not YAML: unreadable");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
