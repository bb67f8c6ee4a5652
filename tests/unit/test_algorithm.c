/* Algorithms by name and their options, with other libraries' names for them. */
#include "ml/algorithm.h"

#include "engine/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct arena arena;
static struct diags diags;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena);
    diags_init(&diags);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    diags_done(&diags);
    arena_done(&arena);
    return 0;
}

/* A node whose configuration is this text. */
static struct node node_of(const char *text)
{
    struct yaml *y;
    assert_int_equal(yaml_parse(&y, &arena, "t.yaml", text, strlen(text), &diags), 0);
    return (struct node){.yaml = y, .path = "steps[1].classify", .mem = &arena, .diags = &diags};
}

static void is_found_among_those_for_the_task(void **state)
{
    (void)state;
    struct node n = node_of("algorithm: gaussian_nb");
    assert_string_equal(algorithm_find(&n, LEARN_CLASSES, "gaussian_nb")->name, "gaussian_nb");
    assert_int_equal(diags.n, 0);
    assert_null(algorithm_find(&n, LEARN_VALUES, "gaussian_nb"));
    assert_null(algorithm_find(&n, LEARN_CLASSES, "gausian_nb"));
    assert_int_equal(diags.n, 2);
    assert_non_null(strstr(diags.item[1].text, "did you mean `gaussian_nb`"));
    assert_string_equal(diags.item[1].path, "steps[1].classify.algorithm");
    assert_int_equal(diags.item[1].at.line, 1);
    assert_int_equal(diags.item[1].at.column, 12);
}

static uint64_t seed = 11;

static void a_seed_is_an_option_of_all(void **state)
{
    (void)state;
    struct node n = node_of("{options: {seed: 7}}");
    const struct learner_def *def = algorithm_find(&n, LEARN_CLASSES, "gaussian_nb");
    uint64_t own = 11, again = 12;
    assert_non_null(algorithm_options(&n, def, NULL, &own));
    assert_int_equal(own, 11);
    assert_non_null(algorithm_options(&n, def, yaml_get(n.yaml, "options"), &own));
    assert_non_null(algorithm_options(&n, def, yaml_get(n.yaml, "options"), &again));
    assert_true(own != 11 && own == again);
    assert_int_equal(diags.n, 0);
}

static void options_have_defaults(void **state)
{
    (void)state;
    struct node n = node_of("{options: {lr: 0.5}}");
    const struct learner_def *def = algorithm_find(&n, LEARN_CLASSES, "softmax_regression");
    assert_non_null(algorithm_options(&n, def, NULL, &seed));
    assert_non_null(algorithm_options(&n, def, yaml_get(n.yaml, "options"), &seed));
    assert_int_equal(diags.n, 0);
}

static void every_wrong_option_is_reported(void **state)
{
    (void)state;
    struct node n = node_of("options:\n  eta0: 1\n  l3: 2\n  learning_rate: 3\n  lr: fast\n");
    const struct learner_def *def = algorithm_find(&n, LEARN_CLASSES, "logistic_regression");
    assert_null(algorithm_options(&n, def, yaml_get(n.yaml, "options"), &seed));
    assert_int_equal(diags.n, 4);
    assert_string_equal(diags.item[0].text, "`eta0` is called `lr` here");
    assert_int_equal(diags.item[0].at.line, 2);
    assert_string_equal(diags.item[1].text, "`learning_rate` is called `lr` here");
    assert_int_equal(diags.item[1].at.line, 4);
}

/* A message of the learner's own check stands where the option does. */
static void checks_are_told_at_their_option(void **state)
{
    (void)state;
    struct node n = node_of("options:\n  season: [7, 5]\n");
    const struct learner_def *def = algorithm_find(&n, LEARN_SCORES, "residual");
    assert_null(algorithm_options(&n, def, yaml_get(n.yaml, "options"), &seed));
    assert_int_equal(diags.n, 1);
    assert_string_equal(diags.item[0].path, "steps[1].classify.options.season");
    assert_true(diags.item[0].at.line == 2 && diags.item[0].at.column == 11);
    assert_int_equal(strncmp(diags.item[0].text, "expected a number of rows", 25), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(is_found_among_those_for_the_task, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_seed_is_an_option_of_all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(options_have_defaults, set_up, tear_down),
        cmocka_unit_test_setup_teardown(checks_are_told_at_their_option, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_wrong_option_is_reported, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
