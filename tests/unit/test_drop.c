/* drop: columns left out, the key hidden rather than lost. */
#include "tests/unit/step_harness.h"

extern const struct step_def op_drop;

#define COLUMNS "host: string, v: long, w: long"

static void test_columns(void **state)
{
    (void)state;
    stand_expect(&(struct stand_case){&op_drop, COLUMNS, NULL, "[v]", "- [1000, a, 1, 2]\n",
                                      "1000 host=a w=2\n"});
    stand_expect(&(struct stand_case){&op_drop, COLUMNS, "host", "[host, w]", "- [1000, a, 1, 2]\n",
                                      "1000 v=1 (host=a)\n"});
}

static void test_bind(void **state)
{
    (void)state;
    stand_expect(&(struct stand_case){&op_drop, COLUMNS, NULL, "[hots, xyzxyz, v, w, host]", "",
                                      "1:2 there is no column `hots`: did you mean `host`?\n"
                                      "1:8 there is no column `xyzxyz`\n"});
    stand_expect(&(struct stand_case){&op_drop, COLUMNS, NULL, "[v, w, host]", "",
                                      "1:1 drop leaves no column\n"});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_bind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
