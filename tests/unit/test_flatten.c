/* flatten: a row per element. */
#include "tests/unit/step_harness.h"

extern const struct step_def op_flatten;

static void test_scalars(void **state)
{
    (void)state;
    stand_expect(&(struct stand_case){
        &op_flatten, "host: string, tags: array<string>?, v: long?", "host", "tags",
        "- [1, a, [x, ~, a text longer than twelve], 1]\n- [2, b, [], 2]\n- [3, c, ~, 3]\n"
        "- [4, d, [y], ~]\n",
        "1 host=a tags=x v=1\n1 host=a tags=null v=1\n1 host=a tags=a text longer than twelve v=1\n"
        "4 host=d tags=y v=null\n"});
}

static void test_records(void **state)
{
    (void)state;
    stand_expect(&(struct stand_case){
        &op_flatten,
        "e: array<record<a: long, p: record<x: double, t: array<long>>, ok: boolean>>, k: long",
        "k", "e",
        "- [1, [{a: 1, p: {x: 0.5, t: [1, 2]}, ok: true}, {a: ~, p: ~, ok: false}, ~], 7]\n",
        "1 e.a=1 e.p.x=0.5 e.p.t=[1, 2] e.ok=true k=7\n"
        "1 e.a=null e.p.x=null e.p.t=null e.ok=false k=7\n"
        "1 e.a=null e.p.x=null e.p.t=null e.ok=null k=7\n"});
}

static void test_many(void **state)
{
    (void)state;
    struct buffer rows, expected;
    buffer_init(&rows);
    buffer_init(&expected);
    for (int r = 0; r < 3; r++) {
        buffer_printf(&rows, "- [%d, [", r);
        for (int i = 0; i < 3000; i++) {
            buffer_printf(&rows, "%d,", i);
            buffer_printf(&expected, "%d v=%d\n", r, i);
        }
        buffer_text(&rows, "]]\n");
    }
    stand_expect(&(struct stand_case){&op_flatten, "v: array<long>", NULL, "v", buffer_cstr(&rows),
                                      buffer_cstr(&expected)});
    buffer_done(&rows);
    buffer_done(&expected);
}

static void test_damaged(void **state)
{
    (void)state;
    struct task t;
    assert_true(
        stand_bind(&t, &(struct stand_case){&op_flatten, "v: array<long>", NULL, "v", "", ""}));
    stand_open(&t);
    struct batch *b = batch_new(&t.batch, t.node.in[0], 1, NULL);
    b->nsel = 1;
    /* a count of 2^40, and bytes for one item only */
    struct buffer bytes;
    buffer_init(&bytes);
    buffer_varint(&bytes, INT64_C(1) << 40);
    buffer_byte(&bytes, 1);
    buffer_varint(&bytes, 5);
    b->col[0].s[0] = str_ref(bytes.data, (uint32_t)bytes.n);
    assert_int_equal(op_flatten.push(&t.op, 0, b), 0);
    assert_string_equal(buffer_cstr(&t.out[0]), "0 v=5\n");
    buffer_done(&bytes);
    stand_close(&t);
    stand_done(&t);
}

static void test_bind(void **state)
{
    (void)state;
    stand_expect(&(struct stand_case){&op_flatten, "v: long", NULL, "v", "",
                                      "1:1 flatten needs an array, `v` is a long\n"});
    stand_expect(&(struct stand_case){&op_flatten, "tags: array<long>", NULL, "tag", "",
                                      "1:1 there is no column `tag`: did you mean `tags`?\n"});
    stand_expect(
        &(struct stand_case){&op_flatten, "a: array<record<x: long>>, a.x: long", NULL, "a", "",
                             "1:1 flatten makes a column `a.x`, which is there already\n"});
    stand_expect(
        &(struct stand_case){&op_flatten, "a: array<record<x: long, x: long>>", NULL, "a", "",
                             "1:1 flatten makes a column `a.x`, which is there already\n"});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scalars), cmocka_unit_test(test_records), cmocka_unit_test(test_many),
        cmocka_unit_test(test_damaged), cmocka_unit_test(test_bind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
