/* feature_hash: the hashes of scikit-learn, every type, what adds nothing. */
#include "tests/unit/transform_harness.h"

extern const struct step_def op_feature_hash;

/* What scikit-learn's FeatureHasher(n_features=4, input_type="string") says of them. */
static void words(void **state)
{
    (void)state;
    transform_expect(&op_feature_hash, "w: array<string>?", "{columns: w, as: h, n_features: 4}",
                     "- [1, [cat, dog, cat]]\n- [2, []]\n- [3, null]\n- [4, ['', null]]\n",
                     "1 w=[\"cat\", \"dog\", \"cat\"] h_0=0.0 h_1=-1.0 h_2=0.0 h_3=2.0\n"
                     "2 w=[] h_0=0.0 h_1=0.0 h_2=0.0 h_3=0.0\n"
                     "3 w=null h_0=null h_1=null h_2=null h_3=null\n"
                     "4 w=[\"\", null] h_0=1.0 h_1=0.0 h_2=0.0 h_3=0.0\n");
}

static void every_type(void **state)
{
    (void)state;
    transform_expect(
        &op_feature_hash, "a: double?, n: long, s: string?, up: boolean",
        "{columns: '*', as: h, n_features: 2, alternate_sign: false}",
        "- [1, 0.5, 2, x, true]\n- [2, .nan, 2, null, false]\n- [3, 1e151, -2, '', true]\n",
        "1 a=0.5 n=2 s=x up=true h_0=3.5 h_1=1.0\n"
        "2 a=NaN n=2 s=null up=false h_0=2.0 h_1=0.0\n"
        "3 a=1e+151 n=-2 s= up=true h_0=-2.0 h_1=2.0\n");
    transform_expect(&op_feature_hash, "m: map<long>?", "{columns: m, as: h, n_features: 2}",
                     "- [1, {cat: 3, dog: -1}]\n- [2, {}]\n- [3, null]\n",
                     "1 m={\"cat\": 3, \"dog\": -1} h_0=0.0 h_1=4.0\n2 m={} h_0=0.0 h_1=0.0\n"
                     "3 m=null h_0=null h_1=null\n");
}

static void lengths(void **state)
{
    (void)state;
    transform_expect(&op_feature_hash, "m: map<double>",
                     "{columns: m, as: h, n_features: 1, norm: l2, alternate_sign: false}",
                     "- [1, {a: 3, b: 4}]\n- [2, {a: 0}]\n- [3, {a: 1e150, b: 1e150}]\n"
                     "- [4, {a: .nan, b: -2}]\n",
                     "1 m={\"a\": 3.0, \"b\": 4.0} h_0=1.0\n2 m={\"a\": 0.0} h_0=0.0\n"
                     "3 m={\"a\": 1e+150, \"b\": 1e+150} h_0=1.0\n"
                     "4 m={\"a\": NaN, \"b\": -2.0} h_0=-1.0\n");
}

static void errors_name_the_remedy(void **state)
{
    (void)state;
    transform_expect(&op_feature_hash, "m: map<string>", "{columns: m, as: h, n_features: 1}", "",
                     "1:11 'm' is of type map<string>; feature_hash takes numbers, booleans, "
                     "strings, array<string> and maps of numbers\n");
    transform_expect(
        &op_feature_hash, "a: long", "{columns: a, as: h, n_features: 4096}", "",
        "1:1 the rows would have 4097 columns (1, and 4096 that feature_hash makes of 1), "
        "more than the 4096 that there may be: make fewer, or `drop` columns before\n");
    transform_expect(&op_feature_hash, "a: long, h_1: long", "{columns: a, as: h, n_features: 2}",
                     "", "1:18 there is a column 'h_1' already\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words),
        cmocka_unit_test(every_type),
        cmocka_unit_test(lengths),
        cmocka_unit_test(errors_name_the_remedy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
