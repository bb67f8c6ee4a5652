/* Numbering: clusters that stay, come together, part, come and go. */
#include "ml/numbering.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NONE NUMBER_NONE

static void assign(struct claim *claim, uint32_t n, uint32_t roots, const uint32_t *expected)
{
    struct numbering s = {0};
    uint32_t number_of[8];
    for (int round = 0; round < 2; round++) { /* the scratch of the first is used again */
        numbering_assign(&s, claim, n, number_of, roots);
        for (uint32_t i = 0; i < roots; i++) {
            assert_int_equal(number_of[i], expected[i]);
        }
    }
    numbering_done(&s);
}

static void what_stays_keeps_its_number(void **state)
{
    (void)state;
    struct claim claim[] = {{1, 0, 5}, {9, 2, 1}, {1, 0, NONE}, {1, 0, 5}, {3, 3, NONE}};
    assign(claim, 5, 5, (uint32_t[]){5, NONE, 1, 0, NONE});
}

static void new_ones_get_the_least_free(void **state)
{
    (void)state;
    struct claim claim[] = {{1, 0, NONE}, {1, 1, 0}, {1, 2, NONE}, {1, 3, 2}};
    assign(claim, 4, 4, (uint32_t[]){1, 0, 3, 2});
    assign(NULL, 0, 2, (uint32_t[]){NONE, NONE});
}

static void the_heavier_of_two_that_meet_gives_its_number(void **state)
{
    (void)state;
    struct claim claim[] = {{2, 0, 0}, {3, 0, 1}, {2, 0, 0}, {1, 4, 2}};
    assign(claim, 4, 5, (uint32_t[]){0, NONE, NONE, NONE, 2}); /* 4 against 3 */
}

static void the_heavier_of_two_that_part_keeps_it(void **state)
{
    (void)state;
    struct claim claim[] = {{2, 0, 4}, {3, 1, 4}};
    assign(claim, 2, 2, (uint32_t[]){0, 4});
    struct claim equal[] = {{3, 0, 4}, {3, 1, 4}};
    assign(equal, 2, 2, (uint32_t[]){4, 0});
}

static void a_second_claim_counts_when_the_first_is_lost(void **state)
{
    (void)state;
    struct claim claim[] = {{9, 0, 0}, {8, 1, 0}, {2, 1, 1}, {1, 2, 1}};
    assign(claim, 4, 3, (uint32_t[]){0, 1, 2});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_stays_keeps_its_number),
        cmocka_unit_test(new_ones_get_the_least_free),
        cmocka_unit_test(the_heavier_of_two_that_meet_gives_its_number),
        cmocka_unit_test(the_heavier_of_two_that_part_keeps_it),
        cmocka_unit_test(a_second_claim_counts_when_the_first_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
