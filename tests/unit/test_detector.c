/* Detector: warm-up, thresholds, and after a load the same bits. */
#include "ml/detector.h"

#include "engine/arena.h"
#include "engine/memory.h"
#include "engine/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

extern const struct learner_def learner_zscore;

enum { ROWS = 4000, WARM_UP = 300 };
static struct arena arena;
static const struct learner_column column[] = {{"a", false}};

static struct detector_config config_of(enum threshold threshold, double bound)
{
    const struct learner_def *def = &learner_zscore;
    struct diags d;
    struct yaml empty = {.kind = YAML_MAP};
    void *options = arena_zalloc(&arena, def->options_size + 1);
    diags_init(&d);
    assert_int_equal(config_parse(def->options, options, &empty, "", &arena, &d), 0);
    diags_done(&d);
    return (struct detector_config){
        .model =
            {.def = def, .task = LEARN_SCORES, .options = options, .column = column, .ncolumns = 1},
        .threshold = threshold,
        .bound = bound,
        .warm_up = WARM_UP,
    };
}

/* Normal rows from .. to-1. */
static void run(struct detector *d, int from, int to)
{
    struct model_scratch scratch;
    struct random random;
    model_scratch_init(&scratch, d->model.config);
    random_seed(&random, 3, 0);
    for (int i = 0; i < to; i++) {
        double x = random_normal(&random);
        struct detection found;
        if (i < from) {
            continue;
        }
        bool is_scored = detector_judge(d, &x, &scratch, &found);
        if (is_scored) {
            assert_int_equal(found.is_judged, i >= WARM_UP);
            assert_true(!found.is_found || found.is_judged);
            assert_true(found.tail > 0 && found.tail <= 1);
        }
        detector_learn(d, &x, i, is_scored ? &found : NULL, &scratch);
    }
    model_scratch_done(&scratch);
}

static void alarms_are_as_many_as_asked_for(void **state)
{
    (void)state;
    const struct {
        enum threshold threshold;
        double bound, least, most; /* share of the rows judged */
    } wanted[] = {
        {FALSE_ALARMS, 0.01, 0.004, 0.018},
        {QUANTILE, 0.98, 0.012, 0.03},
        {VALUE, 2, 0.03, 0.06}, /* |z| > 2: 4.6 % */
    };
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        struct detector_config config = config_of(wanted[i].threshold, wanted[i].bound);
        struct detector *d = detector_new(&config, 1);
        run(d, 0, ROWS);
        assert_int_equal(d->judged, ROWS - WARM_UP);
        double share = (double)d->found / (double)d->judged;
        assert_true(share > wanted[i].least && share < wanted[i].most);
        assert_true(detector_size(d) >= sizeof(*d));
        detector_free(d);
    }
}

static void goes_on_bit_for_bit_after_load(void **state)
{
    (void)state;
    struct detector_config config = config_of(FALSE_ALARMS, 0.01);
    struct detector *a = detector_new(&config, 1), *b = detector_new(&config, 1);
    struct buffer half, end[2];
    struct detector *both[2] = {a, b};
    run(a, 0, 1777);
    buffer_init(&half);
    struct snapshot s = snapshot_saver(&half);
    assert_int_equal(detector_io(a, &s), 0);
    s = snapshot_loader(half.data, half.n);
    assert_int_equal(detector_io(b, &s), 0);
    assert_ptr_equal(s.p, s.end);
    for (int i = 0; i < 2; i++) {
        run(both[i], 1777, ROWS);
        buffer_init(&end[i]);
        s = snapshot_saver(&end[i]);
        detector_io(both[i], &s);
    }
    assert_int_equal(end[0].n, end[1].n);
    assert_memory_equal(end[0].data, end[1].data, end[0].n);
    for (size_t n = 0; n < half.n; n += 11) {
        struct detector *c = detector_new(&config, 1);
        s = snapshot_loader(half.data, n);
        assert_int_equal(detector_io(c, &s), -ERR_DATA);
        detector_free(c);
    }
    buffer_done(&half);
    buffer_done(&end[0]);
    buffer_done(&end[1]);
    detector_free(a);
    detector_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alarms_are_as_many_as_asked_for),
        cmocka_unit_test(goes_on_bit_for_bit_after_load),
    };
    arena_init(&arena);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_done(&arena);
    return failed;
}
