/* Topics of a topology: which are made, with how many partitions, and what does not fit together.
 */
#include "tests/unit/runner_harness.h"

#include "engine/logger.h"

#define STREAM(name, topic)                                                                        \
    "  " name ":\n    from: {topic: " topic                                                        \
    ", value: json, key: {h: string}, columns: {h: string, "                                       \
    "v: long}}\n"
#define COUNT "      - window: {tumbling: 1s, aggregate: count() as n}\n"

static void topics_are_made(void **state)
{
    (void)state;
    struct running r;
    running_init(&r);
    create(&r, "x", 3);
    assert_runs(&r,
                "name: t\nerrors: {tolerance: all, dead_letter_topic: dead}\nstreams:\n" STREAM(
                    "a", "x") "    steps:\n      - key_by: v\n" COUNT "      - key_by: []\n" COUNT
                              "    to: [{topic: out}, {topic: wide, partitions: 7}, {log: {}}]\n"
                              "  g: {from: {generator: {rows: 1, columns: {v: row}}}}\n",
                NULL);
    assert_int_equal(partitions_of(&r, "t-a-repartition"), 3);
    assert_int_equal(partitions_of(&r, "t-a-4-repartition"), 1);
    assert_int_equal(partitions_of(&r, "t-a-window-changelog"), 3);
    assert_int_equal(partitions_of(&r, "t-a-window2-changelog"), 1);
    assert_int_equal(partitions_of(&r, "out"), 1);
    assert_int_equal(partitions_of(&r, "wide"), 7);
    assert_int_equal(partitions_of(&r, "t-a-log"), 1);
    assert_int_equal(partitions_of(&r, "dead"), 1);
    assert_int_equal(partitions_of(&r, "t-g-source"), 1);
    assert_int_equal(partitions_of(&r, "t-sources"), 1);
    running_done(&r);
}

static void state_is_bound_to_partitions(void **state)
{
    (void)state;
    struct running r;
    running_init(&r);
    create(&r, "x", 2);
    create(&r, "t-a-window-changelog", 3);
    assert_int_equal(
        running_run(&r, "name: t\nstreams:\n" STREAM("a", "x") "    steps:\n" COUNT "    to: out\n",
                    NULL),
        -ERR_CONFIG);
    assert_non_null(strstr(r.err.text, "changelog t-a-window-changelog has 3 partitions, but the "
                                       "input has 2 now"));
    assert_non_null(strstr(r.err.text, "repartition"));
    running_done(&r);
    running_init(&r);
    create(&r, "x", 2);
    create(&r, "t-a-repartition", 5);
    create(&r, "t-a-window-changelog", 2);
    assert_int_equal(
        running_run(&r,
                    "name: t\nstreams:\n" STREAM("a", "x") "    steps:\n      - key_by: v\n" COUNT
                                                           "    to: out\n",
                    NULL),
        -ERR_CONFIG);
    assert_string_equal(
        r.err.text, "changelog t-a-window-changelog has 2 partitions, but t-a-repartition has 5 "
                    "now: give the topology another name, so that it begins anew; or "
                    "reset it as docs/operations.md tells");
    running_done(&r);
}

#define UNLIKE(stream, topic, n, other, other_topic, m)                                            \
    "stream " stream ": topic " topic " has " #n " partitions, but topic " other_topic             \
    " of stream " other ", with which it meets, has " #m ": create both with equally many, or "    \
    "give one a key that is computed before they meet, `key_by: KEY || '' as key`, so that it "    \
    "passes through an internal topic"

static void united_topics_must_be_alike_where_time_matters(void **state)
{
    (void)state;
    struct running r;
    running_init(&r);
    create(&r, "x", 2);
    create(&r, "y", 3);
#define BOTH "name: t\nstreams:\n" STREAM("a", "x") STREAM("b", "y") "  u:\n    from: [a, b]\n"
    assert_int_equal(running_run(&r, BOTH "    steps:\n" COUNT "    to: out\n", NULL), -ERR_CONFIG);
    assert_string_equal(r.err.text, UNLIKE("b", "y", 3, "a", "x", 2));
    assert_runs(&r, BOTH "    to: out\n", "{\"value\":{\"h\":\"k\",\"v\":1}}\n");
    assert_string_equal(memory_client_topic(&r.m, "out", "avro"), "k {\"h\":\"k\",\"v\":1}\n");
    assert_runs(
        &r,
        "name: t\nstreams:\n" STREAM("a", "x") "    steps:\n      - key_by: v\n" COUNT STREAM(
            "b", "y") "    steps:\n      - key_by: v\n" COUNT
                      "  u:\n    from: [a, b]\n    to: out2\n",
        NULL);
    running_done(&r);
}

/* The remedy that the message names works. */
static void joined_topics_must_be_alike(void **state)
{
    (void)state;
    struct running r;
    running_init(&r);
    create(&r, "x", 2);
    create(&r, "y", 3);
#define KEYED(name, topic)                                                                         \
    "  " name ": \n    from: {topic: " topic ", value: json, key: {h: string}, columns: {h: "      \
    "string, v: long}}\n"
#define JOIN "    steps:\n      - join: {with: b, within: 1s}\n    to: out\n"
    assert_int_equal(running_run(&r,
                                 "name: t\nstreams:\n" KEYED("a", "x")
                                     KEYED("b", "y") "  j:\n    from: a\n" JOIN,
                                 NULL),
                     -ERR_CONFIG);
    assert_string_equal(r.err.text, UNLIKE("b", "y", 3, "a", "x", 2));
    assert_runs(
        &r,
        "name: t\nstreams:\n" KEYED("a", "x") "    steps:\n      - key_by: h || '' as key\n" KEYED(
            "b", "y") "  j:\n    from: a\n" JOIN,
        NULL);
    assert_int_equal(partitions_of(&r, "t-j-repartition"), 3);
    running_done(&r);
}

#define TABLE(name, topic)                                                                         \
    "  " name ": {from: {topic: " topic                                                            \
    ", value: json, key: {h: string}, columns: {h: string, v: long}}}\n"

/* The same for tables, whose deletions a stream that reads the topic would leave out. */
static void joined_tables_must_be_alike(void **state)
{
    (void)state;
    struct running r;
    running_init(&r);
    create(&r, "x", 2);
    create(&r, "y", 3);
#define JOINED(with)                                                                               \
    "  j:\n    from: b\n    steps:\n      - join: {with: " with ", type: outer}\n"                 \
    "    to: {topic: out, value: json}\n"
    assert_int_equal(running_run(&r,
                                 "name: t\ntables:\n" TABLE("a", "x")
                                     TABLE("b", "y") "streams:\n" JOINED("a"),
                                 NULL),
                     -ERR_CONFIG);
    assert_string_equal(r.err.text,
                        "table a: topic x has 2 partitions, but topic y of table b, with which it "
                        "meets, has 3: create both with equally many, or repartition x: a stream "
                        "`from: a` with the step `key_by: KEY || '' as key`, a table `from` that "
                        "stream, which passes through an internal topic, and the join with that "
                        "table");
#define MOVED "  moved: {from: a, steps: [{key_by: h || '' as key}]}\n"
    assert_runs(&r,
                "name: t\ntables:\n" TABLE("a", "x")
                    TABLE("b", "y") "  c: {from: moved}\nstreams:\n" MOVED JOINED("c"),
                "{\"key\":\"k\",\"value\":{\"v\":1}}\n{\"key\":\"l\",\"value\":{\"v\":2}}\n"
                "{\"key\":\"k\",\"value\":null}\n");
    assert_int_equal(partitions_of(&r, "t-c-repartition"), 3);
    assert_int_equal(partitions_of(&r, "out"), 3);
    assert_string_equal(memory_client_topic(&r.m, "out", "json"),
                        "l {\"h\":\"l\",\"v\":null,\"c_h\":\"l\",\"c_v\":2}\n"
                        "k {\"h\":\"k\",\"v\":null,\"c_h\":\"k\",\"c_v\":1}\nk null\n");
    running_done(&r);
}

#define BY_V "    steps:\n      - key_by: v\n"

/* The input has gained partitions since the internal topic was made: state behind it stays. */
static void an_input_may_gain_partitions_before_a_repartition(void **state)
{
    (void)state;
    struct running r;
    running_init(&r);
    create(&r, "x", 3);
    create(&r, "t-a-repartition", 2);
    assert_runs(&r, "name: t\nstreams:\n" STREAM("a", "x") BY_V COUNT "    to: out\n", NULL);
    assert_int_equal(partitions_of(&r, "t-a-repartition"), 2);
    assert_int_equal(partitions_of(&r, "t-a-window-changelog"), 2);
    assert_int_equal(partitions_of(&r, "out"), 2);
    running_done(&r);
}

/* What meets behind repartitions is partitioned alike, whatever it came from. */
static void repartitions_have_as_many_as_what_reads_them(void **state)
{
    (void)state;
    struct running r;
    running_init(&r);
    create(&r, "x", 2);
    create(&r, "t-a-repartition", 4);
    assert_int_equal(
        running_run(&r,
                    "name: t\nstreams:\n" STREAM("a", "x") "    steps:\n      - key_by: []\n" COUNT
                                                           "    to: out\n",
                    NULL),
        -ERR_CONFIG);
    assert_string_equal(r.err.text,
                        "repartition t-a-repartition has 4 partitions, but what is read together "
                        "with it has 1 now: give the topology another name, so that it begins "
                        "anew; or reset it as docs/operations.md tells");
    running_done(&r);
}

static void topics_of_one_stream_must_be_alike(void **state)
{
    (void)state;
    struct running r;
    running_init(&r);
    create(&r, "x", 2);
    create(&r, "y", 3);
    assert_int_equal(
        running_run(&r, "name: t\nstreams:\n" STREAM("a", "[x, y]") "    to: out\n", NULL),
        -ERR_CONFIG);
    assert_non_null(strstr(r.err.text, "t.yaml:4:11: streams.a.from: topics read together need "
                                       "equally many partitions; \"y\" has 3, another has 2"));
    running_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(topics_are_made),
        cmocka_unit_test(state_is_bound_to_partitions),
        cmocka_unit_test(united_topics_must_be_alike_where_time_matters),
        cmocka_unit_test(joined_topics_must_be_alike),
        cmocka_unit_test(joined_tables_must_be_alike),
        cmocka_unit_test(an_input_may_gain_partitions_before_a_repartition),
        cmocka_unit_test(repartitions_have_as_many_as_what_reads_them),
        cmocka_unit_test(topics_of_one_stream_must_be_alike),
    };
    logger_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
