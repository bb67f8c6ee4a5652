/* The matrix beside sums over a list of rows, by the definitions. */
#include "ml/confusion.h"

#include "engine/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 2000, CLASSES = 7 };

static uint32_t label[ROWS], predicted[ROWS];

static void make(struct confusion *c)
{
    struct random random;
    random_seed(&random, 4, 0);
    for (int i = 0; i < ROWS; i++) {
        label[i] = random_below(&random, CLASSES - 1); /* the last class never comes */
        predicted[i] = random_below(&random, 3) ? label[i] : random_below(&random, CLASSES);
        confusion_add(c, label[i], predicted[i], 1);
    }
}

static double count(uint32_t l, uint32_t p)
{
    double n = 0;
    for (int i = 0; i < ROWS; i++) {
        n += (l == CLASSES || label[i] == l) && (p == CLASSES || predicted[i] == p);
    }
    return n;
}

static void follows_the_definitions(void **state)
{
    (void)state;
    struct confusion c = {0};
    double recalls = 0, f1 = 0, hits = 0, chance = 0;
    make(&c);
    for (uint32_t k = 0; k < CLASSES; k++) {
        double labels = count(k, CLASSES), guesses = count(CLASSES, k), right = count(k, k);
        recalls += labels > 0 ? right / labels : 0;
        double own = 2 * right / (labels + guesses);
        assert_true(fabs(confusion_f1(&c, k) - own) < 1e-12);
        f1 += own;
        hits += right / ROWS;
        chance += labels * guesses / ROWS / ROWS;
    }
    assert_true(fabs(confusion_balanced_accuracy(&c) - recalls / (CLASSES - 1)) < 1e-12);
    assert_true(fabs(confusion_macro_f1(&c) - f1 / CLASSES) < 1e-12);
    assert_true(fabs(confusion_kappa(&c) - (hits - chance) / (1 - chance)) < 1e-12);
    confusion_done(&c);
}

static void nothing_and_one_class(void **state)
{
    (void)state;
    struct confusion c = {0};
    assert_true(confusion_kappa(&c) == 0 && confusion_macro_f1(&c) == 0);
    assert_true(confusion_balanced_accuracy(&c) == 0 && confusion_f1(&c, 3) == 0);
    confusion_add(&c, 0, 0, 5);
    assert_true(confusion_kappa(&c) == 0 && confusion_macro_f1(&c) == 1);
    confusion_add(&c, CONFUSION_CLASSES_MAX, 0, 1); /* one class too many: not counted */
    assert_int_equal(c.rows, 5);
    confusion_done(&c);
}

static void saved_and_loaded(void **state)
{
    (void)state;
    struct confusion a = {0};
    struct buffer bytes;
    make(&a);
    buffer_init(&bytes);
    struct snapshot s = snapshot_saver(&bytes);
    assert_int_equal(confusion_io(&a, &s), 0);
    struct confusion b = {0};
    s = snapshot_loader(bytes.data, bytes.n);
    assert_int_equal(confusion_io(&b, &s), 0);
    assert_ptr_equal(s.p, s.end);
    assert_int_equal(b.rows, a.rows);
    assert_true(confusion_kappa(&a) == confusion_kappa(&b));
    confusion_done(&b);
    for (size_t n = 0; n < bytes.n; n++) {
        s = snapshot_loader(bytes.data, n);
        assert_int_equal(confusion_io(&b, &s), -ERR_DATA);
        confusion_done(&b);
    }
    buffer_done(&bytes);
    confusion_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_the_definitions),
        cmocka_unit_test(nothing_and_one_class),
        cmocka_unit_test(saved_and_loaded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
