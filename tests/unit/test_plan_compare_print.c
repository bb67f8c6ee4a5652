/* A comparison as text and as JSON. */
#include "engine/plan_compare.h"
#include "tests/unit/plan_harness.h"

#include <jansson.h>

static struct plan_change changes[] = {
    {.fate = FATE_KEEP,
     .what = "state",
     .name = "t-a-window-changelog",
     .stream = "a",
     .path = "streams.a.steps[1].window",
     .at = {"new.yaml", 6, 9}},
    {.fate = FATE_DRAIN,
     .what = "rows",
     .name = "t-a-repartition",
     .stream = "a",
     .why = "a \"reason\"",
     .remedy = "do it"},
    {.fate = FATE_GONE, .what = "offsets", .name = "g", .why = "why"},
};

static void as_text(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b);
    plan_compare_text(&b, &(struct plan_comparison){.n = 3, .item = changes, .wants_remedy = true});
    assert_string_equal(buffer_cstr(&b), "keep     state t-a-window-changelog\n"
                                         "           new.yaml:6:9: streams.a.steps[1].window\n"
                                         "drain    rows t-a-repartition\n"
                                         "           stream a: a \"reason\"\n"
                                         "           to do: do it\n"
                                         "gone     offsets g\n"
                                         "           why\n"
                                         "something is to be done first: see above\n");
    buffer_clear(&b);
    plan_compare_text(&b, &(struct plan_comparison){0});
    assert_string_equal(buffer_cstr(&b),
                        "no state, and none before: the new topology goes on where "
                        "the old one has stopped\n");
    buffer_done(&b);
}

static void as_json(void **state)
{
    (void)state;
    struct plan_rig r;
    struct buffer b;
    buffer_init(&b);
    plan(&r, HEAD IN("none") "    to: out\n");
    plan_compare_json(&b, &(struct plan_comparison){.n = 3, .item = changes, .wants_remedy = true},
                      r.plan, r.plan);
    json_t *all = json_loadb(b.data, b.n, 0, NULL), *list = json_object_get(all, "changes");
    assert_int_equal(json_array_size(list), 3);
    const json_t *first = json_array_get(list, 0), *second = json_array_get(list, 1);
    assert_string_equal(json_string_value(json_object_get(all, "topology")), "t");
    assert_true(json_is_false(json_object_get(all, "goes_on")));
    assert_string_equal(json_string_value(json_object_get(first, "fate")), "keep");
    assert_int_equal(json_integer_value(json_object_get(first, "line")), 6);
    assert_string_equal(json_string_value(json_object_get(second, "why")), "a \"reason\"");
    assert_string_equal(json_string_value(json_object_get(second, "remedy")), "do it");
    json_decref(all);
    buffer_done(&b);
    plan_rig_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(as_text), cmocka_unit_test(as_json)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
