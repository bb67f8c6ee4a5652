/* The area beside all pairs of rows. */
#include "ml/auc.h"

#include "engine/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 1500 };

/* Scores of true rows are higher by so much, squeezed towards 0 and 1. */
static void check(double margin, double squeeze)
{
    static struct auc a, half, other;
    static double score[ROWS];
    static bool is_true[ROWS];
    struct random random;
    double above = 0, pairs = 0;
    memset(&a, 0, sizeof a);
    memset(&half, 0, sizeof half);
    memset(&other, 0, sizeof other);
    random_seed(&random, 6, 0);
    for (int i = 0; i < ROWS; i++) {
        is_true[i] = random_below(&random, 3) == 0;
        double z = random_normal(&random) + (is_true[i] ? margin : 0);
        score[i] = 1 / (1 + exp(-squeeze * z));
        auc_add(&a, score[i], is_true[i]);
        auc_add(i % 2 ? &half : &other, score[i], is_true[i]);
    }
    for (int i = 0; i < ROWS; i++) {
        for (int k = 0; k < ROWS; k++) {
            if (is_true[i] && !is_true[k]) {
                above += score[i] > score[k] ? 1 : score[i] == score[k] ? 0.5 : 0;
                pairs++;
            }
        }
    }
    assert_true(fabs(auc_value(&a) - above / pairs) < 0.003);
    auc_merge(&half, &other);
    assert_memory_equal(&half, &a, sizeof a);
}

static void is_the_share_of_pairs(void **state)
{
    (void)state;
    check(0, 1);
    check(1, 1);
    check(3, 4); /* most scores within a thousandth of 0 or 1 */
    check(-1, 0.2);
}

static void one_class_only_and_odd_scores(void **state)
{
    (void)state;
    static struct auc a;
    assert_true(auc_value(&a) == 0.5);
    auc_add(&a, 2, true);
    auc_add(&a, 1, true);
    assert_true(auc_value(&a) == 0.5);
    auc_add(&a, -1, false);
    assert_true(auc_value(&a) == 1);
    struct buffer bytes;
    buffer_init(&bytes);
    struct snapshot s = snapshot_saver(&bytes);
    assert_int_equal(auc_io(&a, &s), 0);
    static struct auc b;
    s = snapshot_loader(bytes.data, bytes.n);
    assert_int_equal(auc_io(&b, &s), 0);
    assert_memory_equal(&a, &b, sizeof a);
    s = snapshot_loader(bytes.data, bytes.n - 1);
    assert_int_equal(auc_io(&b, &s), -ERR_DATA);
    buffer_done(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_the_share_of_pairs),
        cmocka_unit_test(one_class_only_and_odd_scores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
