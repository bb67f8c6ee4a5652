/* Turns: a date's items in order, whatever the slices. */
#include "windows/turn.h"

#include "engine/random.h"
#include "engine/task_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define ITEMS 9000

static const void *key_of(const void *ctx, const void *item, uint32_t *n)
{
    (void)ctx;
    *n = (uint32_t)strlen(item);
    return item;
}

/* By the last letter, the greatest first. */
static int by_last(const void *a, const void *b)
{
    return ((const char *)b)[strlen(b) - 1] - ((const char *)a)[strlen(a) - 1];
}

static void check(int (*first)(const void *a, const void *b))
{
    static char text[ITEMS][24];
    struct arena mem;
    arena_init(&mem);
    struct schema *s = schema_new(&mem, 1);
    s->key[s->nkey++] = schema_add(s, "k", &type_string, false, false);
    struct random rnd;
    struct agenda agenda;
    random_seed(&rnd, 3, 1);
    agenda_init(&agenda);
    for (int i = 0; i < ITEMS; i++) {
        snprintf(text[i], sizeof text[i], "%u-%d", random_below(&rnd, 1000), i);
        agenda_add(&agenda, 5, text[i]);
    }
    struct date *d = agenda_first(&agenda);
    struct key_by by = {.first = first, .key_of = key_of, .schema = s};
    struct turn turn = {0};
    struct task t = {.left = 1};
    struct op op = {.task = &t, .mem = &mem};
    turn_begin(&turn, d, d->n, &by);
    int slices = 1;
    for (; turn_ready(&turn, &op) > 0; slices++) {
        t.left = 1;
    }
    assert_true(slices > 4);
    for (uint32_t i = 1; i < d->n; i++) {
        int order = first ? first(d->item[i - 1], d->item[i]) : 0;
        assert_true(order < 0 || (order == 0 && strcmp(d->item[i - 1], d->item[i]) < 0));
    }
    turn_end(&turn);
    assert_null(turn.date);
    turn_begin(&turn, d, d->n, &by); /* given up in the middle */
    t.left = 1;
    assert_int_equal(turn_ready(&turn, &op), 1);
    turn_end(&turn);
    agenda_done(&agenda);
    arena_done(&mem);
}

static void by_key(void **state)
{
    (void)state;
    check(NULL);
}

static void by_something_first(void **state)
{
    (void)state;
    check(by_last);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_key),
        cmocka_unit_test(by_something_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
