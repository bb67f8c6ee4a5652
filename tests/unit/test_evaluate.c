/* Evaluation: totals, baselines and the ring of the last 1000 rows against a plain count. */
#include "ml/evaluate.h"

#include "engine/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 3456 };

/* A plain history of what every rule would have got right. */
struct history {
    int hit[SCORED][ROWS];
    int seen[5];
    int last, n;
};

static uint32_t most_frequent(const struct history *h)
{
    uint32_t best = 0;
    for (uint32_t c = 1; c < 5; c++) {
        best = h->seen[c] > h->seen[best] ? c : best;
    }
    return best;
}

static double share(const int *hit, int from, int to)
{
    double n = 0;
    for (int i = from; i < to; i++) {
        n += hit[i];
    }
    return n / (to - from);
}

static void agrees_with_a_plain_count(void **state)
{
    (void)state;
    static struct history h;
    struct evaluation e = {.last = -1};
    struct random random;
    double loss = 0;
    random_seed(&random, 8, 1);
    h.last = -1;
    for (int r = 0; r < ROWS; r++) {
        uint32_t label = random_below(&random, r < 1500 ? 3 : 5),
                 predicted = random_below(&random, 5);
        double p = random_unit(&random);
        if (r > 0) {
            h.hit[SCORE_LEARNER][h.n] = predicted == label;
            h.hit[SCORE_MAJORITY][h.n] = most_frequent(&h) == label;
            h.hit[SCORE_NO_CHANGE][h.n] = h.last == (int)label;
            h.n++;
            loss -= log(p);
            struct outcome o = evaluation_score(&e, label, predicted, p);
            assert_int_equal(o.hit[SCORE_LEARNER], predicted == label);
        }
        evaluation_label(&e, label);
        h.seen[label]++;
        h.last = (int)label;
        for (int i = 0; i < SCORED && h.n > 0; i++) {
            int from = h.n > ROLLING_ROWS ? h.n - ROLLING_ROWS : 0;
            if (r % 100 == 0 || r == ROWS - 1) {
                assert_true(fabs(scores_accuracy(&e.scores, i) - share(h.hit[i], 0, h.n)) < 1e-12);
                assert_true(fabs(scores_rolling(&e.scores, i) - share(h.hit[i], from, h.n)) <
                            1e-12);
            }
        }
    }
    assert_true(fabs(scores_log_loss(&e.scores) - loss / (ROWS - 1)) < 1e-9);
    evaluation_done(&e);
}

static void an_impossible_label_costs_a_bounded_loss(void **state)
{
    (void)state;
    struct evaluation e = {.last = -1};
    evaluation_label(&e, 0);
    assert_true(fabs(evaluation_score(&e, 1, 0, 0).loss - 34.538776394910684) < 1e-9);
    assert_true(evaluation_score(&e, 0, 0, 1).loss > 0);
    evaluation_done(&e);
}

static void goes_on_after_save_and_load(void **state)
{
    (void)state;
    for (uint32_t rows = 0; rows < 1300; rows += 59) {
        struct evaluation a = {.last = -1}, b = {.last = -1};
        struct buffer saved, again;
        buffer_init(&saved);
        buffer_init(&again);
        for (uint32_t r = 0; r < rows; r++) {
            evaluation_score(&a, r % 3, r % 2, 0.5);
            evaluation_label(&a, r % 3);
        }
        struct snapshot s = snapshot_saver(&saved);
        assert_int_equal(evaluation_io(&a, &s), 0);
        s = snapshot_loader(saved.data, saved.n);
        assert_int_equal(evaluation_io(&b, &s), 0);
        assert_ptr_equal(s.p, s.end);
        assert_memory_equal(&a.scores, &b.scores, sizeof(a.scores));
        s = snapshot_saver(&again);
        evaluation_io(&b, &s);
        assert_int_equal(again.n, saved.n);
        assert_memory_equal(again.data, saved.data, saved.n);
        evaluation_done(&a);
        evaluation_done(&b);
        buffer_done(&saved);
        buffer_done(&again);
    }
}

static void damage_never_does_harm(void **state)
{
    (void)state;
    struct evaluation a = {.last = -1};
    struct buffer saved;
    buffer_init(&saved);
    for (uint32_t r = 0; r < 70; r++) {
        evaluation_score(&a, r % 3, r % 2, 0.5);
        evaluation_label(&a, r % 3);
    }
    struct snapshot s = snapshot_saver(&saved);
    evaluation_io(&a, &s);
    for (size_t i = 0; i < saved.n * 8; i++) {
        struct evaluation b = {.last = -1};
        saved.data[i / 8] = (char)(saved.data[i / 8] ^ (1 << (i % 8)));
        s = snapshot_loader(saved.data, saved.n);
        if (evaluation_io(&b, &s) == 0) {
            evaluation_score(&b, 1, 1, 0.5);
            evaluation_label(&b, 1);
        }
        saved.data[i / 8] = (char)(saved.data[i / 8] ^ (1 << (i % 8)));
        evaluation_done(&b);
    }
    for (size_t n = 0; n < saved.n; n++) {
        struct evaluation b = {.last = -1};
        s = snapshot_loader(saved.data, n);
        assert_int_equal(evaluation_io(&b, &s), -ERR_DATA);
        evaluation_done(&b);
    }
    evaluation_done(&a);
    buffer_done(&saved);
}

static void totals_of_models_add_up(void **state)
{
    (void)state;
    struct scores all = {0}, one = {0}, two = {0};
    struct outcome right = {.hit = {1, 0, 1}, .loss = 0.25}, wrong = {.hit = {0, 1, 0}, .loss = 2};
    scores_add(&one, &right);
    scores_add(&one, &right);
    scores_add(&two, &wrong);
    scores_merge(&all, &one);
    assert_true(scores_rolling(&all, SCORE_LEARNER) == 1);
    scores_merge(&all, &two);
    assert_int_equal(all.rows, 3);
    assert_true(fabs(scores_accuracy(&all, SCORE_LEARNER) - 2.0 / 3) < 1e-15);
    assert_true(fabs(scores_accuracy(&all, SCORE_MAJORITY) - 1.0 / 3) < 1e-15);
    assert_true(fabs(scores_log_loss(&all) - 2.5 / 3) < 1e-15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_a_plain_count),
        cmocka_unit_test(an_impossible_label_costs_a_bounded_loss),
        cmocka_unit_test(goes_on_after_save_and_load),
        cmocka_unit_test(damage_never_does_harm),
        cmocka_unit_test(totals_of_models_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
