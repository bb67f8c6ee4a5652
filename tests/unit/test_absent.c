/* absent: keys that have fallen silent, with their last values. */
#include "tests/unit/step_harness.h"

#include "engine/random.h"

extern const struct step_def op_absent;

static void test_silences(void **state)
{
    (void)state;
    stand_expect(&(struct stand_case){
        &op_absent, "k: string, v: long?, s: string?, _offset: long", "k",
        "{after: 10ms, every: 5ms}",
        "- [0, b, 1, x, 0]\n- [0, a, null, a text longer than twelve bytes, 1]\n"
        "- [3, a, 2, null, 2]\n- [10, b, 3, y, 3]\n- [19, a, 4, z, 4]\n- [21, c, 5, z, 5]\n",
        "13 k=a v=2 s=null last_seen=3\n18 k=a v=2 s=null last_seen=3\n"
        "20 k=b v=3 s=y last_seen=10\n"});
    stand_expect(&(struct stand_case){&op_absent, "k: long?, v: long", "k", "{after: 10ms}",
                                      "- [0, 10, 1]\n- [0, 9, 1]\n- [0, null, 1]\n"
                                      "- [100, 8, 1]\n- [200, 8, 2]\n- [200, 8, 3]\n",
                                      "10 k=10 v=1 last_seen=0\n10 k=9 v=1 last_seen=0\n"
                                      "110 k=8 v=1 last_seen=100\n"});
    stand_expect(&(struct stand_case){&op_absent, "_key: string, v: long", "_key",
                                      "{after: 10ms, every: 1s, forget: 1010ms}",
                                      "- [0, a, 1]\n- [5000, b, 1]\n",
                                      "10 (_key=a) v=1 last_seen=0\n"
                                      "1010 (_key=a) v=1 last_seen=0\n"});
}

static void test_errors(void **state)
{
    (void)state;
    stand_expect(&(struct stand_case){
        &op_absent, "k: long, last_seen: long", "k", "{after: 10ms}", "",
        "1:1 there is a column \"last_seen\" already, which absent adds: rename it before\n"});
    stand_expect(&(struct stand_case){&op_absent, "k: long", "k",
                                      "{after: 10s, every: 1s, forget: 9s}", "",
                                      "1:1 forget (9000 ms) is shorter than after (10000 ms): keys "
                                      "would be forgotten before anything is said of them\n"});
    stand_expect(&(struct stand_case){&op_absent, "k: long", "k",
                                      "{after: 1ms, every: 1ms, forget: 1h}", "",
                                      "1:1 one silence would be said more than 1000000 times: make "
                                      "every larger or forget smaller\n"});
}

/* What is silent at the end of the input is not said; what is forgotten leaves the store. */
static void test_end_and_expiry(void **state)
{
    (void)state;
    struct task t;
    assert_true(
        stand_bind(&t, &(struct stand_case){&op_absent, "k: long", "k",
                                            "{after: 10ms, every: 10ms, forget: 30ms}", "", ""}));
    assert_int_equal(yaml_parse(&t.rows, &t.plan, "r",
                                "- [0, 1]\n- [0, 2]\n- [29, 2]\n- [70, 3]\n- [5, 4]\n", 47,
                                &t.diags),
                     0);
    stand_open(&t);
    stand_push(&t, 0, 3);
    assert_int_equal(state_count(t.op.state), 2);
    assert_int_equal(op_absent.next_time(&t.op), 31);
    stand_push(&t, 3, 4);
    assert_int_equal(state_count(t.op.state), 1);
    stand_push(&t, 4, 5); /* so late that there is nothing to wait for */
    assert_int_equal(state_count(t.op.state), 1);
    stand_advance(&t, TIME_MAX);
    assert_string_equal(buffer_cstr(&t.out[0]),
                        "10 k=1 last_seen=0\n10 k=2 last_seen=0\n20 k=1 last_seen=0\n"
                        "20 k=2 last_seen=0\n30 k=1 last_seen=0\n39 k=2 last_seen=29\n"
                        "49 k=2 last_seen=29\n59 k=2 last_seen=29\n");
    stand_close(&t);
    stand_done(&t);
}

/* ---- mixtures of partitions -------------------------------------------------------------------
 */

#define ROWS  80
#define PARTS 3

struct row {
    int64_t time, seen, k;
};

/* The same rows of each partition, mixed by `seed`: in batches, with restarts. */
static void run_mixture(struct row row[PARTS][ROWS], uint64_t seed, struct buffer *out)
{
    static const struct stand_case c = {
        &op_absent, "k: long, v: long", "k", "{after: 20ms, every: 15ms, forget: 60ms}", "", ""};
    struct random random;
    struct task t;
    struct buffer log;
    int next[PARTS] = {0}, left = PARTS * ROWS;
    int64_t mark[PARTS] = {TIME_MIN, TIME_MIN, TIME_MIN};
    random_seed(&random, seed, 5);
    buffer_init(&log);
    assert_true(stand_bind(&t, &c));
    stand_open(&t);
    while (left > 0) {
        uint16_t n = 0, most = (uint16_t)(1 + random_below(&random, 6));
        struct batch *b = batch_new(&t.batch, t.node.in[0], most, NULL);
        b->part = arena_array(&t.batch, most, sizeof *b->part);
        while (n < most && left > 0) {
            uint32_t p = random_below(&random, PARTS);
            if (next[p] < ROWS) {
                const struct row *r = &row[p][next[p]++];
                b->time[n] = r->time;
                b->seen[n] = mark[p] = r->seen;
                b->part[n] = (int32_t)p;
                b->col[0].i[n] = r->k;
                b->col[1].i[n++] = (int64_t)p * 1000 + next[p];
                left--;
            }
        }
        b->nsel = b->rows = n;
        assert_int_equal(op_absent.push(&t.op, 0, b), 0);
        int64_t least = TIME_MAX;
        for (int p = 0; p < PARTS; p++) {
            least = mark[p] < least ? mark[p] : least;
        }
        stand_advance(&t, least);
        t.watermark = t.op.watermark = least;
        arena_reset(&t.batch);
        if (random_below(&random, 5) == 0) {
            stand_restart(&t, &log);
        }
    }
    stand_advance(&t, 100000);
    assert_int_equal(state_count(t.op.state), 0);
    buffer_add(out, t.out[0].data, t.out[0].n);
    stand_close(&t);
    stand_done(&t);
    buffer_done(&log);
}

static void test_mixtures(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 150; seed++) {
        struct row row[PARTS][ROWS];
        struct random random;
        random_seed(&random, seed, 0);
        for (int p = 0; p < PARTS; p++) {
            int64_t seen = 0;
            for (int i = 0; i < ROWS; i++) {
                int64_t time = seen + (int64_t)random_below(&random, 12) - 4;
                seen = time > seen ? time : seen;
                row[p][i] = (struct row){time, seen, (int64_t)random_below(&random, 9)};
            }
        }
        struct buffer one, other;
        buffer_init(&one);
        buffer_init(&other);
        run_mixture(row, seed, &one);
        run_mixture(row, seed + 1000, &other);
        assert_true(one.n > 0);
        assert_string_equal(buffer_cstr(&one), buffer_cstr(&other));
        buffer_done(&one);
        buffer_done(&other);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_silences),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_end_and_expiry),
        cmocka_unit_test(test_mixtures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
