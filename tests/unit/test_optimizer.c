/* Optimizers: found by name; sgd steps against the gradient, the same in pieces as in one. */
#include "ml/optimizer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void are_found_by_name(void **state)
{
    (void)state;
    struct err e = {0};
    assert_string_equal(optimizer_find("sgd", &e)->name, "sgd");
    assert_null(optimizer_find("sdg", &e));
    assert_int_equal(e.kind, ERR_CONFIG);
    assert_non_null(strstr(e.text, "did you mean sgd"));
    assert_null(optimizer_find("", NULL));
}

static void sgd_steps_against_the_gradient(void **state)
{
    (void)state;
    const struct optimizer_def *sgd = optimizer_find("sgd", NULL);
    double w[] = {1, 2, 3}, pieces[] = {1, 2, 3};
    const double g[] = {0.5, -1, 0};
    sgd->step(0.1, 0, w, g, NULL, 3, 3);
    assert_true(w[0] == 1 - 0.1 * 0.5 && w[1] == 2 + 0.1 && w[2] == 3);
    sgd->step(0.1, 0, pieces, g, NULL, 3, 2);
    sgd->step(0.1, 0, pieces + 2, g + 2, NULL, 3, 1);
    assert_memory_equal(w, pieces, sizeof(w));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(are_found_by_name),
        cmocka_unit_test(sgd_steps_against_the_gradient),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
