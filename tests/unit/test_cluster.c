/* cluster inside a topology: numbers that hold, nulls, and the same bytes for every batch size and
 * across restarts. */
enum { ROWS = 900 };
#define COLUMNS "host: string, a: double, b: double, n: long"
#include "tests/unit/learning_harness.h"

static const char *const host[] = {"h0", "h1"};

/* Three blobs, far apart; n is the blob. */
static int make_rows(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 5, 1);
    for (int i = 0; i < ROWS; i++) {
        int blob = (int)random_below(&random, 3);
        keys[i] = host[i % 2];
        rows[i] = mem_printf("{\"host\": \"%s\", \"a\": %.17g, \"b\": %.17g, \"n\": %d}", keys[i],
                             (blob == 1 ? 20 : 0) + random_normal(&random),
                             (blob == 2 ? 20 : 0) + random_normal(&random), blob);
    }
    return 0;
}

#define STEP(algorithm, more)                                                                      \
    "      - cluster: {algorithm: " algorithm ", features: [a, b], as: c, per: partition" more "}" \
    "\n"

static void tells_blobs_apart(void **state)
{
    (void)state;
    static const char *const step[] = {
        STEP("kmeans", ", options: {n_clusters: 3, halflife: 0.1, sigma: 10, seed: 1}"),
        STEP("clustream", ", options: {n_macro_clusters: 3}"),
        STEP("dbstream", ", options: {clustering_threshold: 4}"),
    };
    for (size_t i = 0; i < sizeof step / sizeof step[0]; i++) {
        char topology[2000];
        struct task_result r = {0};
        int of[3][64] = {{0}}, row = 0, right = 0, judged = 0;
        snprintf(topology, sizeof topology, HEAD "%s" TAIL, step[i]);
        run_all(topology, &r);
        for (char *line = r.out.data; line < r.out.data + r.out.n;
             line = strchr(line, '\n') + 1, row++) {
            const char *c = strstr(line, "\"c\":");
            assert_non_null(c);
            int blob = atoi(strstr(line, "\"n\":") + 4), number = atoi(c + 4);
            if (row == 0) {
                assert_int_equal(strncmp(c + 4, "null", 4), 0);
            }
            if (row < ROWS / 2 || strncmp(c + 4, "null", 4) == 0) {
                continue;
            }
            assert_in_range(number, 0, 63);
            of[blob][number]++;
            judged++;
        }
        for (int k = 0; k < 64; k++) { /* a cluster's rows are of one blob */
            int most = of[0][k] > of[1][k] ? of[0][k] : of[1][k];
            right += most > of[2][k] ? most : of[2][k];
        }
        if (judged < ROWS / 3 || right < 0.95 * judged) {
            print_message("%s: %d of %d\n", step[i], right, judged);
            fail();
        }
        task_result_done(&r);
    }
}

static void is_the_same_for_every_batch_size_and_restart(void **state)
{
    (void)state;
    static const char *const topology[] = {
        HEAD STEP("kmeans", ", scale: standard") TAIL,
        HEAD STEP("clustream", "") TAIL,
        HEAD STEP("dbstream", "") TAIL,
    };
    static const struct way way[] = {{1, 0}, {2048, 300}, {7, 111}};
    for (int t = 0; t < 3; t++) {
        assert_same(topology[t], way, 3, NULL);
    }
}

static void a_missing_feature_has_no_cluster(void **state)
{
    (void)state;
    static const char *const some[] = {"{\"a\": 1, \"b\": 2}", "{\"a\": 1}",
                                       "{\"a\": 1, \"b\": 2}"};
    struct task_result r = {0};
    run(HEAD STEP("kmeans", "") TAIL, some, 3, &r);
    assert_int_equal(r.status, 0);
    char *second = strchr(r.out.data, '\n') + 1, *third = strchr(second, '\n') + 1;
    const char *null = strstr(second, "\"c\":null");
    assert_true(null && null < third);
    assert_int_equal(strchr(third, '\n') + 1 - r.out.data, (int)r.out.n);
    task_result_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_blobs_apart),
        cmocka_unit_test(is_the_same_for_every_batch_size_and_restart),
        cmocka_unit_test(a_missing_feature_has_no_cluster),
    };
    return cmocka_run_group_tests(tests, make_rows, free_rows);
}
