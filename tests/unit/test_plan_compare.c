/* What becomes of state when a topology changes: what stays, what is renamed, what is lost; rows on
 * their way; groups. That verdicts on layouts are what happens: tests/property/test_state_change.c.
 */
#include "engine/plan_compare.h"
#include "tests/unit/plan_harness.h"

#include <stdio.h>

#define KEYED IN("{host: string}")
#define STREAM(name, steps)                                                                        \
    "  " name ":\n    from: in\n    steps:\n" steps "    to: {topic: " name ", value: json}\n"
#define NOTHING   STREAM("o", "      - filter: v > 1\n")
#define COUNTED   "      - " COUNT "\n"
#define REKEYED   "      - key_by: dc\n"
#define SUMMED    "      - window: {tumbling: 1s, aggregate: \"count() as n, sum(v) as s\"}\n"
#define TABLE     "name: t\ntables:\n  h: {from: {topic: h, value: json, columns: {%s}}}\nstreams:\n"
#define LOOKED_UP STREAM("a", "      - lookup: {table: h, take: []}\n")

/* "FATE NAME: WHY" of each, a line; with " !" where something is to be done. */
static const char *compared(struct buffer *b, const char *before, const char *after)
{
    struct plan_rig was, is;
    struct plan_comparison c;
    struct arena a;
    arena_init(&a);
    buffer_clear(b);
    plan(&was, before);
    plan(&is, after);
    plan_compare(&c, was.plan, is.plan, &a);
    bool wants = false;
    for (int i = 0; i < c.n; i++) {
        const struct plan_change *x = &c.item[i];
        buffer_printf(b, "%s %s%s%s%s\n", plan_fate_name(x->fate), x->name, x->why ? ": " : "",
                      x->why ? x->why : "", x->remedy ? " !" : "");
        wants |= x->remedy != NULL;
    }
    assert_int_equal(c.wants_remedy, wants);
    plan_rig_done(&was);
    plan_rig_done(&is);
    arena_done(&a);
    return buffer_cstr(b);
}

static void expect(const char *before, const char *after, const char *changes)
{
    struct buffer b;
    buffer_init(&b);
    assert_string_equal(compared(&b, before, after), changes);
    buffer_done(&b);
}

static void what_stays_is_kept(void **state)
{
    (void)state;
    expect(HEAD KEYED NOTHING, HEAD KEYED NOTHING, "");
    expect(HEAD KEYED STREAM("a", COUNTED), HEAD KEYED STREAM("a", COUNTED),
           "keep t-a-window-changelog\n");
    expect(HEAD KEYED STREAM("a", COUNTED), HEAD KEYED STREAM("a", SUMMED),
           "migrate t-a-window-changelog: + sum(v) (from the change on)\n");
    expect(
        HEAD KEYED STREAM("a", COUNTED),
        HEAD KEYED STREAM("a", "      - window: {tumbling: 2s, aggregate: count() as n}\n"),
        "rebuild t-a-window-changelog: was saved by other settings of the step, or under another "
        "key: tumbling=1000 is now tumbling=2000 (before: t.yaml:8:9) !\n");
    expect(
        HEAD IN("{host: string}") STREAM("a", COUNTED),
        HEAD IN("{dc: string}") STREAM("a", COUNTED),
        "rebuild t-a-window-changelog: was saved by other settings of the step, or under another "
        "key: key host string is now key dc string (before: t.yaml:8:9) !\n");
}

/* A step put before another of its kind would take over its state. */
static void steps_that_change_places_are_noticed(void **state)
{
    (void)state;
#define BOTH "      - running: count() as n, lag(v) as s\n"
    expect(HEAD KEYED STREAM("a", BOTH),
           HEAD KEYED STREAM("a", "      - running: count() as m\n" BOTH),
           "migrate t-a-running-changelog: - lag(v, 1) (what it held is dropped); but it is "
           "streams.a.steps[2].running that goes on as the step of before did, and state goes by "
           "the place among steps of a kind !\n"
           "new t-a-running2-changelog: begins empty, with the rows that come\n");
    expect(HEAD KEYED STREAM("a", BOTH),
           HEAD KEYED STREAM("a", BOTH "      - running: count() as m\n"),
           "keep t-a-running-changelog\n"
           "new t-a-running2-changelog: begins empty, with the rows that come\n");
}

static void names_that_change_are_noticed(void **state)
{
    (void)state;
    expect(
        HEAD KEYED STREAM("a", COUNTED), HEAD KEYED STREAM("b", COUNTED),
        "new t-b-window-changelog: begins empty. Was stream a, now b, renamed? State of the same "
        "layout is in t-a-window-changelog, and is not found under another name\n"
        "gone t-a-window-changelog: was stream a, now b, renamed? t-b-window-changelog begins "
        "empty !\n");
    expect(HEAD KEYED STREAM("a", COUNTED), HEAD KEYED STREAM("b", SUMMED),
           "new t-b-window-changelog: begins empty, with the rows that come\n"
           "gone t-a-window-changelog: nothing reads it any more: it is lost to the new topology, "
           "and its topic stays !\n");
    expect(HEAD KEYED NOTHING, HEAD KEYED STREAM("a", COUNTED),
           "new t-a-window-changelog: begins empty, with the rows that come\n");
    expect(
        HEAD KEYED STREAM("a", COUNTED), "name: u\nstreams:\n" KEYED STREAM("a", COUNTED),
        "gone klamm-t: group klamm-u reads its inputs from the beginning, and writes its results "
        "again !\n"
        "new u-a-window-changelog: begins empty. Was topology t, now u, renamed? State of the same "
        "layout is in t-a-window-changelog, and is not found under another name\n"
        "gone t-a-window-changelog: was topology t, now u, renamed? u-a-window-changelog begins "
        "empty !\n");
    expect(
        "name: t\nkafka: {group.id: g}\nstreams:\n" KEYED NOTHING, HEAD KEYED NOTHING,
        "gone g: group klamm-t reads its inputs from the beginning, over the state that is there: "
        "rows count twice !\n");
}

static void rows_on_their_way(void **state)
{
    (void)state;
    expect(
        HEAD KEYED STREAM("a", REKEYED COUNTED), HEAD KEYED STREAM("a", REKEYED SUMMED),
        "migrate t-a-window-changelog: + sum(v) (from the change on)\n"
        "drain t-a-repartition: rows on their way have the columns of the old topology: + v long "
        "!\n");
    expect(
        HEAD KEYED STREAM("a", REKEYED COUNTED), HEAD KEYED NOTHING,
        "gone t-a-window-changelog: nothing reads it any more: it is lost to the new topology, "
        "and its topic stays !\n"
        "drain t-a-repartition: nothing reads it any more: rows on their way are lost to the new "
        "topology !\n");
    expect(HEAD IN("{dc: string}") STREAM("a", COUNTED), HEAD KEYED STREAM("a", REKEYED COUNTED),
           "keep t-a-window-changelog: its rows come through the internal topic t-a-repartition: a "
           "key goes on with its state only where the input is partitioned as Java's clients do\n");
#define MODEL(per)                                                                                 \
    STREAM("a", "      - classify: {algorithm: gaussian_nb, per: " per                             \
                ", features: v, label: v > 1, as: p}\n")
    struct buffer b;
    buffer_init(&b);
    const char *text = compared(&b, HEAD KEYED MODEL("global"), HEAD KEYED MODEL("partition"));
    assert_non_null(strstr(text, "rebuild t-a-classify-changelog: rows are in several tasks now"));
    buffer_done(&b);
}

static void a_table_is_its_own_judge(void **state)
{
    (void)state;
    char before[1000], after[1000];
    snprintf(before, sizeof before, TABLE "%s", "a: string", KEYED LOOKED_UP);
    snprintf(after, sizeof after, TABLE "%s", "a: string, b: long", KEYED LOOKED_UP);
    expect(before, before, "keep t-h-table-changelog\n");
    expect(before, after,
           "rebuild t-h-table-changelog: its columns have changed: its topic is read again\n");
#define READER "  r:\n    from: h\n    to: {topic: r, value: json}\n"
    snprintf(before, sizeof before, TABLE "%s", "a: string", KEYED READER);
    snprintf(after, sizeof after, TABLE "%s", "a: string, b: long", KEYED READER);
    expect(before, after,
           "rebuild t-h-table-changelog: its columns have changed, and its topic cannot be read "
           "again, as a stream has read its changes !\n");
}

static void what_connectors_have_read(void **state)
{
    (void)state;
#define FED(name)                                                                                  \
    HEAD "  " name ":\n    from: {generator: {rate: 1, columns: {v: \"1\"}}}\n    to: {topic: o, " \
         "value: json}\n"
    expect(FED("a"), FED("a"), "");
    expect(FED("a"), FED("b"),
           "gone t-a-source: nothing reads it any more; under another name its connector begins "
           "anew !\n");
}

static void inputs_that_change(void **state)
{
    (void)state;
#define READS(topics, to)                                                                          \
    HEAD "  i:\n    from: {topic: " topics ", value: json, columns: {v: double}}\n"                \
         "    to: {topic: " to ", value: json}\n"
#define UNREAD                                                                                     \
    "the group has not read it yet: it begins as kafka: {auto.offset.reset: …} says, and its "   \
    "rows come into the state that is there\n"
#define LEFT "no stream reads it any more: what the group has not read of it is left !\n"
    expect(READS("a", "x"), READS("a", "y"), "");
    expect(READS("a", "x"), READS("[a, b]", "x"), "new b: " UNREAD);
    expect(READS("a", "x"), READS("b", "x"), "new b: " UNREAD "gone a: " LEFT);
    expect(READS("[a, b]", "x"), READS("b", "x"), "gone a: " LEFT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_stays_is_kept),
        cmocka_unit_test(steps_that_change_places_are_noticed),
        cmocka_unit_test(names_that_change_are_noticed),
        cmocka_unit_test(rows_on_their_way),
        cmocka_unit_test(a_table_is_its_own_judge),
        cmocka_unit_test(what_connectors_have_read),
        cmocka_unit_test(inputs_that_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
