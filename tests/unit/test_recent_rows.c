/* The window of a learner of batches: beside a list that keeps everything. */
#include "ml/recent_rows.h"

#include "engine/memory.h"
#include "engine/random.h"
#include "ml/learn_mode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ROWS    700
#define COLUMNS 3

struct list {
    double x[ROWS][COLUMNS], y[ROWS];
    int64_t time[ROWS];
    int64_t trained_at, since;
    uint32_t n;
};

static void check_window(struct recent_rows *r, const struct list *all, uint32_t first)
{
    double *x, *y;
    uint32_t n = recent_rows_take(r, &x, &y);
    assert_int_equal(n, all->n - first);
    assert_memory_equal(x, all->x[first], (size_t)n * COLUMNS * sizeof(double));
    assert_memory_equal(y, &all->y[first], n * sizeof(double));
    mem_free(x);
    mem_free(y);
}

static uint32_t first_of(const struct list *all, const struct batch_plan *plan)
{
    uint32_t first = all->n > plan->window_rows ? all->n - (uint32_t)plan->window_rows : 0;
    int64_t newest = all->time[all->n - 1];
    while (plan->window_ms > 0 && all->time[first] < newest - plan->window_ms) {
        first++;
    }
    return first;
}

static bool is_due(struct list *all, const struct batch_plan *plan, uint32_t first)
{
    int64_t now = all->time[all->n - 1];
    all->since++;
    bool is_first = all->trained_at == INT64_MIN;
    bool is_over = plan->every_ms > 0 ? !is_first && now - all->trained_at >= plan->every_ms
                                      : all->since >= plan->every_rows;
    if (all->n - first < plan->min_rows || (!is_first && !is_over)) {
        return false;
    }
    all->since = 0;
    all->trained_at = now;
    return true;
}

/* With a save and load in the middle. */
static void check_plan(const struct batch_plan *plan)
{
    static struct list all;
    struct recent_rows r;
    struct random random;
    random_seed(&random, 3, 0);
    memset(&all, 0, sizeof all);
    all.trained_at = INT64_MIN;
    recent_rows_init(&r, COLUMNS);
    uint32_t trainings = 0;
    for (uint32_t i = 0; i < ROWS; i++) {
        for (int c = 0; c < COLUMNS; c++) {
            all.x[i][c] = random_normal(&random);
        }
        all.y[i] = random_normal(&random);
        all.time[i] = (i ? all.time[i - 1] : 0) + random_below(&random, 100);
        all.n++;
        bool is_now = recent_rows_add(&r, plan, all.x[i], all.y[i], all.time[i]);
        uint32_t first = first_of(&all, plan);
        assert_int_equal(is_now, is_due(&all, plan, first));
        trainings += is_now;
        if (i % 50 == 0 || i == ROWS - 1) {
            check_window(&r, &all, first);
            struct buffer bytes;
            buffer_init(&bytes);
            struct snapshot s = snapshot_saver(&bytes);
            assert_int_equal(recent_rows_io(&r, &s), 0);
            recent_rows_done(&r);
            recent_rows_init(&r, COLUMNS);
            s = snapshot_loader(bytes.data, bytes.n);
            assert_int_equal(recent_rows_io(&r, &s), 0);
            assert_ptr_equal(s.p, s.end);
            check_window(&r, &all, first);
            buffer_done(&bytes);
        }
    }
    assert_true(trainings > 3);
    recent_rows_done(&r);
}

static void windows_of_rows_and_of_time(void **state)
{
    (void)state;
    const struct batch_plan plan[] = {
        {.window_rows = batch_plan_default.window_rows,
         .every_rows = batch_plan_default.every_rows / 20,
         .min_rows = batch_plan_default.min_rows},
        {.window_rows = 100, .every_rows = 30, .min_rows = 20},
        {.window_rows = 64, .every_ms = 2000, .min_rows = 64},
        {.window_rows = RECENT_ROWS_MOST, .window_ms = 3000, .every_rows = 50, .min_rows = 10},
        {.window_rows = 40, .window_ms = 3000, .every_ms = 1000, .min_rows = 10},
        {.window_rows = 1, .every_rows = 1, .min_rows = 1},
    };
    for (size_t i = 0; i < sizeof plan / sizeof plan[0]; i++) {
        check_plan(&plan[i]);
    }
}

/* A window that the topology made smaller holds what it says from the next row on. */
static void a_smaller_window_lets_go(void **state)
{
    (void)state;
    const struct batch_plan before = {.window_rows = 100, .every_rows = 10, .min_rows = 10},
                            after = {.window_rows = 30, .every_rows = 10, .min_rows = 10};
    struct recent_rows r;
    const double x[COLUMNS] = {1, 2, 3};
    recent_rows_init(&r, COLUMNS);
    for (int i = 0; i < 250; i++) {
        recent_rows_add(&r, i < 150 ? &before : &after, x, i, i);
        assert_int_equal(r.n, i < 100 ? i + 1 : i < 150 ? 100 : 30);
    }
    double *features, *y;
    assert_int_equal(recent_rows_take(&r, &features, &y), 30);
    assert_true(y[0] == 220 && y[29] == 249);
    mem_free(features);
    mem_free(y);
    recent_rows_done(&r);
}

static void damage_is_refused(void **state)
{
    (void)state;
    const struct batch_plan plan = {.window_rows = 20, .every_rows = 30, .min_rows = 20};
    struct recent_rows r;
    struct buffer bytes;
    const double x[COLUMNS] = {1, 2, 3};
    recent_rows_init(&r, COLUMNS);
    for (int i = 0; i < 25; i++) {
        recent_rows_add(&r, &plan, x, i, 1000 * i);
    }
    buffer_init(&bytes);
    struct snapshot s = snapshot_saver(&bytes);
    recent_rows_io(&r, &s);
    for (size_t n = 0; n < bytes.n; n++) {
        struct recent_rows other;
        recent_rows_init(&other, COLUMNS);
        s = snapshot_loader(bytes.data, n);
        assert_int_equal(recent_rows_io(&other, &s), -ERR_DATA);
        recent_rows_done(&other);
    }
    struct recent_rows wider;
    recent_rows_init(&wider, COLUMNS + 1);
    s = snapshot_loader(bytes.data, bytes.n);
    assert_int_equal(recent_rows_io(&wider, &s), -ERR_DATA);
    recent_rows_done(&wider);
    buffer_done(&bytes);
    recent_rows_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_of_rows_and_of_time),
        cmocka_unit_test(a_smaller_window_lets_go),
        cmocka_unit_test(damage_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
