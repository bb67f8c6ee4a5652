/* one_hot: categories given and learned, unseen values, nulls, names, errors. */
#include "tests/unit/transform_harness.h"

extern const struct step_def op_one_hot;

static const char *const rows = "- [1, a, 7]\n- [2, c d, 8]\n- [3, null, 7]\n- [4, '', 9]\n";

static void given_categories(void **state)
{
    (void)state;
    transform_expect(&op_one_hot, "k: string?, n: long",
                     "{columns: [k, n], categories: {k: [a, c d], n: [8, 9]}}", rows,
                     "1 k_a=1 k_c_d=0 k_other=0 n_8=0 n_9=0 n_other=1\n"
                     "2 k_a=0 k_c_d=1 k_other=0 n_8=1 n_9=0 n_other=0\n"
                     "3 k_a=null k_c_d=null k_other=null n_8=0 n_9=0 n_other=1\n"
                     "4 k_a=0 k_c_d=0 k_other=1 n_8=0 n_9=1 n_other=0\n");
    transform_expect(&op_one_hot, "up: boolean, n: long",
                     "{columns: up, categories: [true], as: u}",
                     "- [1, true, 5]\n- [2, false, 6]\n",
                     "1 up=true n=5 u_true=1 u_other=0\n2 up=false n=6 u_true=0 u_other=1\n");
}

static void in_order_of_appearance(void **state)
{
    (void)state;
    transform_expect(&op_one_hot, "k: string?, n: long", "{columns: k, n: 1, as: '*'}",
                     "- [1, a, 7]\n- [2, b, 7]\n",
                     "1 k=a n=7 k_1=1 k_other=0\n2 k=b n=7 k_1=0 k_other=1\n");
    transform_expect(&op_one_hot, "k: string?, n: long", "{columns: [n, k], n: 2}", rows,
                     "1 k_1=1 k_2=0 k_other=0 n_1=1 n_2=0 n_other=0\n"
                     "2 k_1=0 k_2=1 k_other=0 n_1=0 n_2=1 n_other=0\n"
                     "3 k_1=null k_2=null k_other=null n_1=1 n_2=0 n_other=0\n"
                     "4 k_1=0 k_2=0 k_other=1 n_1=0 n_2=0 n_other=1\n");
}

/* The key moves with the columns that are put before it. */
static void key_columns_stay_the_key(void **state)
{
    (void)state;
    stand_expect(&(struct stand_case){
        &op_one_hot, "k: string, h: string", "h", "{columns: k, n: 1, per: key}",
        "- [1, a, x]\n- [2, b, y]\n- [3, b, x]\n",
        "1 k_1=1 k_other=0 h=x\n2 k_1=1 k_other=0 h=y\n3 k_1=0 k_other=1 h=x\n"});
}

static void errors_name_the_remedy(void **state)
{
    (void)state;
    const char *columns = "k: string, n: long, d: double, k_a: long";
    transform_expect(&op_one_hot, columns, "{columns: k}", "",
                     "1:1 either `categories`, the values, or `n`, a number of columns\n");
    transform_expect(&op_one_hot, columns, "{columns: k, n: 1, categories: [a]}", "",
                     "1:17 either `categories`, the values, or `n`, a number of columns\n");
    transform_expect(&op_one_hot, columns, "{columns: d, n: 1}", "",
                     "1:11 'd' is a double, which has no values to count on: `bin` or cast(… as "
                     "long) makes some\n");
    transform_expect(&op_one_hot, columns, "{columns: k, categories: [a]}", "",
                     "1:11 there is a column 'k_a' already\n");
    transform_expect(&op_one_hot, columns, "{columns: k, categories: [x y, x_y]}", "",
                     "1:11 there is a column 'k_x_y' already\n");
    transform_expect(&op_one_hot, columns, "{columns: k, categories: [b, b]}", "",
                     "1:30 k: the same value twice\n");
    transform_expect(&op_one_hot, columns, "{columns: n, categories: [1, b]}", "",
                     "1:30 n: not a value of its type\n");
    transform_expect(&op_one_hot, columns, "{columns: n, categories: {m: [1]}}", "",
                     "1:26 n: a list of its values is needed\n");
}

static void refuses_damage(void **state)
{
    (void)state;
    transform_expect_damage(&op_one_hot, "k: string?, n: long", "{columns: [k, n], n: 2}", rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(given_categories),         cmocka_unit_test(in_order_of_appearance),
        cmocka_unit_test(key_columns_stay_the_key), cmocka_unit_test(errors_name_the_remedy),
        cmocka_unit_test(refuses_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
