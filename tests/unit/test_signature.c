/* Signatures: letters, choice, descriptions of every function there is. */
#include "engine/expression/bound.h"
#include "engine/registry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void reads_letters(void **state)
{
    (void)state;
    struct function_def f = {.name = "f", .args = "sl|l"};
    assert_int_equal(signature_letter(&f, 0), 's');
    assert_int_equal(signature_letter(&f, 2), 'l');
    assert_int_equal(signature_letter(&f, 3), 0);
    f.args = "b*+";
    assert_int_equal(signature_letter(&f, 0), 'b');
    assert_int_equal(signature_letter(&f, 9), '*');
    f.args = "";
    assert_int_equal(signature_letter(&f, 0), 0);
}

static const struct function_def *find(const char *name, const struct type *a, const struct type *b,
                                       const struct type **common)
{
    struct bound x = {.type = a}, y = {.type = b};
    struct bound *const args[] = {&x, &y};
    return signature_find(name, 2, args, common);
}

static void chooses_the_first_that_fits(void **state)
{
    (void)state;
    const struct type *common;
    assert_string_equal(find("+", &type_long, &type_long, &common)->args, "ll");
    assert_string_equal(find("+", &type_long, &type_double, &common)->args, "dd");
    assert_string_equal(find("+", &type_timestamp, &type_long, &common)->args, "tl");
    assert_string_equal(find("+", NULL, &type_double, &common)->args, "dd");
    assert_null(find("+", &type_timestamp, &type_timestamp, &common));
    assert_null(find("+", &type_timestamp, &type_double, &common));
    assert_non_null(find("least", &type_long, &type_double, &common));
    assert_ptr_equal(common, &type_double);
    assert_null(find("least", &type_long, &type_string, &common));
    assert_true(signature_knows("least"));
    assert_false(signature_knows("leas"));
}

static void every_function_is_sound(void **state)
{
    (void)state;
    for (int t = 0; registry_functions[t] != NULL; t++) {
        assert_non_null(registry_functions[t]->family);
        for (const struct function_def *f = registry_functions[t]->functions; f->name; f++) {
            assert_non_null(f->doc);
            assert_true(strspn(f->args, "bldtsyAMR*|+") == strlen(f->args));
            assert_non_null(strchr("bldtsy=eS", f->result));
            assert_true(f->kernel != NULL || strcmp(f->name, "if") == 0 ||
                        strcmp(f->name, "coalesce") == 0);
        }
    }
}

static void names_what_users_can_call(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    static const char *const more[] = {"sum", NULL};
    const char *const *names = signature_names(&a, more);
    bool has_sum = false, has_abs = false;
    for (int k = 0; names[k] != NULL; k++) {
        has_sum = has_sum || strcmp(names[k], "sum") == 0;
        has_abs = has_abs || strcmp(names[k], "abs") == 0;
        assert_null(strpbrk(names[k], " +-*/<>=|%[]"));
    }
    assert_true(has_sum && has_abs);
    assert_string_equal(signature_describe(&a, "substr"), "(string, long, long?)");
    assert_string_equal(signature_describe(&a, "concat"), "(string, …)");
    assert_string_equal(type_text(&a, NULL), "null");
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_letters),
        cmocka_unit_test(chooses_the_first_that_fits),
        cmocka_unit_test(every_function_is_sound),
        cmocka_unit_test(names_what_users_can_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
