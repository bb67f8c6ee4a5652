/* drift inside a topology: the detecting rows, stretches, nulls, keys, bad rows, and the same bytes
 * for every batch size and across restarts. */
enum { ROWS = 3000 };
#define COLUMNS "host: string, v: double, n: long, miss: boolean"
#include "tests/support/drift_check.h"
#include "tests/unit/learning_harness.h"

static const char *const host[] = {"h0", "h1"};

/* Two hosts in turn, each with the same values. */
static int make_rows(void **state)
{
    (void)state;
    for (int i = 0; i < ROWS; i++) {
        keys[i] = host[i % 2];
        rows[i] = mem_printf("{\"host\": \"%s\", \"v\": %.17g, \"n\": %d, \"miss\": %s}", keys[i],
                             drift_value(i / 2), i % 7, drift_error(i / 2) > 0 ? "true" : "false");
    }
    return 0;
}

/* Numbers of the output rows in which `text` stands; returns how many. */
static int find(const struct task_result *r, const char *text, int *at, int most)
{
    int row = 0, n = 0;
    const char *end = r->out.data + r->out.n;
    for (const char *p = r->out.data; p < end; row++) {
        const char *next = memchr(p, '\n', (size_t)(end - p));
        if (memmem(p, (size_t)(next - p), text, strlen(text))) {
            assert_true(n < most);
            at[n++] = row;
        }
        p = next + 1;
    }
    return n;
}

/* River's drift.ADWIN and drift.binary.DDM tell of their changes with these values. */
static void tells_of_changes_per_key(void **state)
{
    (void)state;
    static const char *const step[] = {"{algorithm: adwin, of: v, as: d}",
                                       "{algorithm: ddm, of: miss, as: d}"};
    static const int alarm[2][2] = {{735, 1439}, {777, -1}};
    for (int k = 0; k < 2; k++) {
        struct task_result r = {0};
        char topology[1000];
        int at[ROWS];
        snprintf(topology, sizeof(topology), KEYED "      - drift: %s\n" TAIL, step[k]);
        run_all(topology, &r);
        int n = find(&r, "\"d\":true", at, ROWS);
        assert_int_equal(n, k == 0 ? 4 : 2);
        for (int i = 0; i < n; i++) {
            assert_int_equal(at[i], alarm[k][i / 2] * 2 + i % 2);
        }
        assert_int_equal(find(&r, "\"d\":false", at, ROWS), ROWS - n);
        /* The stretch before the first change, the detecting row with it. */
        assert_int_equal(find(&r, "\"d_model_version\":1", at, ROWS), (alarm[k][0] + 1) * 2);
        assert_true(task_result_metric(&r, "values") == ROWS);
        assert_true(task_result_metric(&r, "detections") == n);
        task_result_done(&r);
    }
}

static void same_state_and_detections(const struct task_result *first, const struct task_result *r)
{
    assert_same_state(first, r);
    assert_true(task_result_metric(r, "values") == ROWS);
    assert_true(task_result_metric(r, "detections") == task_result_metric(first, "detections"));
}

static void is_the_same_for_every_batch_size_and_restart(void **state)
{
    (void)state;
    static const char *const topology[] = {
        KEYED "      - drift: {algorithm: adwin, of: v * 2, as: d}\n" TAIL,
        KEYED "      - drift: {algorithm: kswin, of: v, as: d}\n" TAIL,
        HEAD "      - drift: {algorithm: page_hinkley, of: v, as: d, per: partition,\n"
             "                options: {threshold: 5}}\n" TAIL,
        HEAD
        "      - drift: {algorithm: psi, of: n, as: d, per: global, options: {window: 50}}\n" TAIL,
        KEYED "      - drift: {algorithm: eddm, of: miss, as: d}\n" TAIL,
    };
    static const struct way way[] = {{1, 0}, {3, 0}, {2048, 37}, {64, 1499}};
    for (int t = 0; t < 5; t++) {
        assert_same(topology[t], way, 4, same_state_and_detections);
    }
}

static void what_is_no_value_is_not_looked_at(void **state)
{
    (void)state;
    static const char *const some[] = {
        "{\"v\": null, \"n\": 1}",         "{\"v\": 5, \"n\": 1}",     "{\"v\": \"NaN\", \"n\": 1}",
        "{\"v\": \"Infinity\", \"n\": 1}", "{\"v\": 1e200, \"n\": 1}", "{\"v\": 6, \"n\": 1}",
    };
    struct task_result r = {0};
    int at[10];
    run(HEAD "      - drift: {algorithm: adwin, of: v, as: d, per: partition}\n" TAIL, some, 6, &r);
    assert_int_equal(r.status, 0);
    assert_int_equal(find(&r, "\"d\":null", at, 10), 4);
    assert_int_equal(find(&r, "\"d\":false", at, 10), 2);
    assert_int_equal(find(&r, "\"d\":null,\"d_model_version\":null", at, 10), 1); /* the first */
    assert_int_equal(find(&r, "\"d\":null,\"d_model_version\":1", at, 10), 3);
    assert_true(task_result_metric(&r, "values") == 2);
    task_result_done(&r);
}

/* All of them: the step that left them out says so, for nothing else shows it. */
static void rows_without_key_are_told_of(void **state)
{
    (void)state;
    static const char *const some[] = {"{\"v\": 1}", "{\"v\": 5}"};
    struct task_result r = {0};
    struct task_run how = {.topology =
                               KEYED "      - drift: {algorithm: adwin, of: v, as: d}\n" TAIL,
                           .topic = "in",
                           .value = some,
                           .n = 2};
    task_run(&how, &r);
    assert_int_equal(r.status, 0);
    assert_true(task_result_metric(&r, "without_key") == 2);
    assert_true(task_result_metric(&r, "values") == 0);
    task_result_done(&r);
    run(HEAD "      - drift: {algorithm: adwin, of: v, as: d, per: partition}\n" TAIL, some, 2, &r);
    assert_true(isnan(task_result_metric(&r, "without_key")));
    task_result_done(&r);
}

static void a_failed_expression_is_a_bad_row(void **state)
{
    (void)state;
    static const char *const some[] = {"{\"v\": 1, \"n\": 1}", "{\"v\": 2, \"n\": 0}",
                                       "{\"v\": 3, \"n\": 1}"};
    struct task_result r = {0};
    int at[10];
    run("errors: {tolerance: all, dead_letter_topic: dead}\n" HEAD
        "      - drift: {algorithm: adwin, of: 10 / n, as: d, per: partition}\n" TAIL,
        some, 3, &r);
    assert_int_equal(r.status, 0);
    assert_int_equal(find(&r, "out {", at, 10), 2);
    assert_int_equal(find(&r, "dead ", at, 10), 1);
    task_result_done(&r);
}

/* A step that does not plan, and what the problem must say. */
static const struct {
    const char *step, *says;
} wrong[] = {
    {"{algorithm: adwim, of: v, as: d, per: global}", "did you mean `adwin`"},
    {"{algorithm: something, of: v, as: d, per: global}", "page_hinkley"},
    {"{algorithm: adwin, of: v, as: d}", "key_by"},
    {"{algorithm: adwin, of: host, as: d, per: global}", "a number or a boolean"},
    {"{algorithm: adwin, of: w, as: d, per: global}", "w"},
    {"{algorithm: ddm, of: v, as: d, per: global}", "predicted != label"},
    {"{algorithm: adwin, of: v, as: host, per: global}", "already"},
    {"{algorithm: adwin, of: v, as: '', per: global}", "name"},
    {"{algorithm: adwin, of: v, per: global}", "as"},
    {"{algorithm: adwin, as: d, per: global}", "of"},
    {"{algorithm: adwin, of: v, as: d, per: global, options: {delta: 2}}", "delta"},
    {"{algorithm: page_hinkley, of: v, as: d, per: global, options: {lambda: 2}}",
     "`lambda` is called `threshold` here"},
    {"{algorithm: kswin, of: v, as: d, per: global, options: {stat_size: 60}}", "half"},
};

static void problems_say_what_to_do(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_step_refused(HEAD, "drift", wrong[i].step, wrong[i].says);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_of_changes_per_key),
        cmocka_unit_test(is_the_same_for_every_batch_size_and_restart),
        cmocka_unit_test(what_is_no_value_is_not_looked_at),
        cmocka_unit_test(rows_without_key_are_told_of),
        cmocka_unit_test(a_failed_expression_is_a_bad_row),
        cmocka_unit_test(problems_say_what_to_do),
    };
    return cmocka_run_group_tests(tests, make_rows, free_rows);
}
