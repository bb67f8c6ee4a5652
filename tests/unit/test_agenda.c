/* Agenda: dates in order, items in the order in which they were added; against a plain model. */
#include "windows/agenda.h"

#include "engine/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#define TIMES 400

static void against_a_model(void **state)
{
    (void)state;
    static uint32_t model[TIMES];
    static char item[TIMES];
    struct agenda a;
    struct random r;
    agenda_init(&a);
    random_seed(&r, 7, 1);
    assert_null(agenda_first(&a));
    agenda_drop_first(&a);
    for (int i = 0; i < 30000; i++) {
        uint32_t at = random_below(&r, TIMES);
        const struct date *there = agenda_find(&a, (int64_t)at - TIMES / 2);
        assert_int_equal(there ? there->n : 0, model[at]);
        if (random_below(&r, 3) > 0) {
            agenda_add(&a, (int64_t)at - TIMES / 2, &item[at]);
            model[at]++;
            continue;
        }
        struct date *d = agenda_first(&a);
        uint32_t least = 0;
        while (least < TIMES && model[least] == 0) {
            least++;
        }
        if (least == TIMES) {
            assert_true(d == NULL || d->time == TIMES);
            continue;
        }
        assert_int_equal(d->time, (int64_t)least - TIMES / 2);
        assert_int_equal(d->n, model[least]);
        for (uint32_t k = 0; k < d->n; k++) {
            assert_ptr_equal(d->item[k], &item[least]);
        }
        agenda_add(&a, TIMES, NULL); /* does not move the date in hand */
        assert_ptr_equal(agenda_first(&a), d);
        agenda_drop_first(&a);
        model[least] = 0;
    }
    agenda_done(&a);
}

static void the_ends_of_time(void **state)
{
    (void)state;
    struct agenda a;
    agenda_init(&a);
    int x, y;
    agenda_add(&a, INT64_MAX, &x);
    agenda_add(&a, INT64_MIN, &y);
    agenda_add(&a, INT64_MIN, &x);
    const struct date *d = agenda_first(&a);
    assert_true(d->time == INT64_MIN && d->n == 2 && d->item[0] == &y && d->item[1] == &x);
    agenda_drop_first(&a);
    assert_true(agenda_first(&a)->time == INT64_MAX);
    agenda_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(against_a_model),
        cmocka_unit_test(the_ends_of_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
