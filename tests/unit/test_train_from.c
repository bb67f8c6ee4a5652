/* train_from: a model that learned a file, a topic or a stream predicts as one to which its rows
 * came in the stream. */
#include "ml/train_from.h"

#include "engine/memory.h"
#include "engine/random.h"
#include "tests/support/task_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { ROWS = 5000, FIRST = 4500 }; /* the first go into the file: three batches of them */
static char *rows[ROWS];
static const char *keys[ROWS];
static const char *const host[] = {"h0", "h1"};
static char folder[64], csv[80], jsonl[80];

static int make_rows(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 5, 1);
    snprintf(folder, sizeof folder, P_tmpdir "/klamm-train-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(csv, sizeof csv, "%s/rows.csv", folder);
    snprintf(jsonl, sizeof jsonl, "%s/rows.jsonl", folder);
    FILE *c = fopen(csv, "w"), *j = fopen(jsonl, "w");
    assert_true(c && j);
    fprintf(c, "y,unknown,host,a\n");
    for (int i = 0; i < ROWS; i++) {
        double a = random_normal(&random), y = 2 * a + random_normal(&random);
        keys[i] = host[random_below(&random, 2)];
        bool has_label = i % 7 != 0;
        rows[i] = has_label
                      ? mem_printf("{\"host\": \"%s\", \"a\": %.17g, \"y\": %.17g}", keys[i], a, y)
                      : mem_printf("{\"host\": \"%s\", \"a\": %.17g, \"y\": null}", keys[i], a);
        if (i < FIRST) {
            fprintf(j, "%s\n", rows[i]);
            fprintf(c, has_label ? "%.17g" : "", y);
            fprintf(c, ",x,%s,%.17g\n", keys[i], a);
        }
    }
    fclose(c);
    fclose(j);
    return 0;
}

static int free_rows(void **state)
{
    (void)state;
    for (int i = 0; i < ROWS; i++) {
        mem_free(rows[i]);
    }
    unlink(csv);
    unlink(jsonl);
    rmdir(folder);
    return 0;
}

#define COLUMNS "{host: string, a: double, y: double}"

static void run_with(const char *step, const char *more, int from, const struct task_run_past *past,
                     struct task_result *r)
{
    char topology[3000];
    snprintf(topology, sizeof topology,
             "name: test\n"
             "streams:\n"
             "  s:\n"
             "    from: {topic: in, key: {host: string}, value: json,\n"
             "           columns: " COLUMNS "}\n"
             "    steps:\n"
             "      - %s\n"
             "    to: {topic: out, key: none, value: json}\n%s",
             step, more);
    struct task_run how = {.topology = topology,
                           .topic = "in",
                           .value = (const char *const *)rows + from,
                           .key = keys + from,
                           .n = (size_t)(ROWS - from),
                           .restart_every = 100,
                           .past = past};
    task_run(&how, r);
}

static void run(const char *step, int from, struct task_result *r)
{
    run_with(step, "", from, NULL, r);
}

static const char *const step[] = {
    "regress: {algorithm: linear_regression, features: [a], label: y, as: p, per: partition, "
    "scale: standard, coverage: 0.5",
    "classify: {algorithm: gaussian_nb, features: [a], label: y > 0, as: p, per: key",
    "classify: {algorithm: hoeffding_tree, features: [a, host], label: y > 0, as: p, per: "
    "partition",
    "cluster: {algorithm: kmeans, features: [a], as: p, per: key",
    "detect: {algorithm: half_space_trees, features: [a], as: p, per: global",
};

static void is_as_if_the_rows_had_come(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof step / sizeof step[0]; i++) {
        for (int is_csv = 0; is_csv < 2; is_csv++) {
            char text[500];
            struct task_result all = {0}, rest = {0};
            snprintf(text, sizeof text, "%s}", step[i]);
            run(text, 0, &all);
            snprintf(text, sizeof text, "%s, train_from: {file: %s}}", step[i],
                     is_csv ? csv : jsonl);
            run(text, FIRST, &rest);
            assert_int_equal(all.status, 0);
            assert_int_equal(rest.status, 0);
            const char *a = all.out.data, *b = buffer_cstr(&rest.out);
            for (int k = 0; k < FIRST; k++) {
                a = strchr(a, '\n') + 1;
            }
            if (strcmp(a, b) != 0) {
                fail_msg("%s: not the same behind %s", step[i], is_csv ? csv : jsonl);
            }
            assert_null(strstr(b, "\"p\":null"));
            task_result_done(&all);
            task_result_done(&rest);
        }
    }
}

/* With one partition their order is that of the file. */
static const struct task_run_past past = {
    .topic = "old", .value = (const char *const *)rows, .key = keys, .n = FIRST, .partitions = 1};

#define OLD_TOPIC "{topic: old, key: {host: string}, value: json, columns: " COLUMNS "}"
#define OLD_STREAM                                                                                 \
    "  before:\n"                                                                                  \
    "    from: " OLD_TOPIC "\n"                                                                    \
    "    steps:\n"                                                                                 \
    "      - add: a + 0.0 as b\n"                                                                  \
    "      - drop: [a]\n"                                                                          \
    "  old:\n"                                                                                     \
    "    from: before\n"                                                                           \
    "    steps:\n"                                                                                 \
    "      - rename: {a: b}\n"

/* Byte for byte, restarts or not, and a restart reads nothing. */
static void a_topic_and_a_stream_are_as_a_file(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof step / sizeof step[0]; i++) {
        char text[500];
        struct task_result file = {0}, topic = {0}, stream = {0};
        snprintf(text, sizeof text, "%s, train_from: {file: %s}}", step[i], jsonl);
        run(text, FIRST, &file);
        snprintf(text, sizeof text, "%s, train_from: " OLD_TOPIC "}", step[i]);
        run_with(text, "", FIRST, &past, &topic);
        snprintf(text, sizeof text, "%s, train_from: {stream: old}}", step[i]);
        run_with(text, OLD_STREAM, FIRST, &past, &stream);
        assert_int_equal(file.status, 0);
        assert_int_equal(topic.status, 0);
        assert_int_equal(stream.status, 0);
        assert_true(file.out.n > 0);
        assert_string_equal(buffer_cstr(&file.out), buffer_cstr(&topic.out));
        assert_string_equal(buffer_cstr(&file.out), buffer_cstr(&stream.out));
        assert_int_equal(topic.past_reads, 1);
        assert_int_equal(stream.past_reads, 1);
        task_result_done(&file);
        task_result_done(&topic);
        task_result_done(&stream);
    }
}

/* Several partitions: first all of number 0, then all of number 1. */
static void partitions_come_by_number(void **state)
{
    (void)state;
    static const char *value[2 * 9], *key[2 * 9];
    struct task_result together = {0}, apart = {0};
    const struct task_run_past two = {
        .topic = "old", .value = value, .key = key, .n = 9, .partitions = 2};
    const struct task_run_past one = {
        .topic = "old", .value = value + 9, .key = key + 9, .n = 9, .partitions = 1};
    for (size_t i = 0; i < 9; i++) {
        size_t at = 9 + (i % 2 == 0 ? i / 2 : 5 + i / 2);
        value[i] = value[at] = rows[i];
        key[i] = key[at] = keys[i];
    }
    char text[500];
    snprintf(text, sizeof text, "%s, train_from: " OLD_TOPIC "}", step[0]);
    run_with(text, "", ROWS - 50, &two, &apart);
    run_with(text, "", ROWS - 50, &one, &together);
    assert_int_equal(apart.status, 0);
    assert_int_equal(apart.past_reads, 2);
    assert_string_equal(buffer_cstr(&apart.out), buffer_cstr(&together.out));
    task_result_done(&apart);
    task_result_done(&together);
}

static void an_empty_topic_is_no_error_and_none_is(void **state)
{
    (void)state;
    const struct task_run_past empty = {.topic = "old", .n = 0, .partitions = 3};
    const struct task_run_past other = {.topic = "another", .n = 0, .partitions = 1};
    char text[500];
    struct task_result r = {0}, plain = {0};
    snprintf(text, sizeof text, "%s, train_from: " OLD_TOPIC "}", step[1]);
    run_with(text, "", FIRST, &other, &r);
    assert_int_equal(r.status, -ERR_CONFIG);
    assert_non_null(strstr(r.err.text, "streams.s.steps[1].classify.train_from"));
    assert_non_null(strstr(r.err.text, "there is no topic old"));
    task_result_done(&r);
    run_with(text, "", FIRST, &empty, &r);
    snprintf(text, sizeof text, "%s}", step[1]);
    run(text, FIRST, &plain);
    assert_int_equal(r.status, 0);
    assert_int_equal(r.past_reads, 0);
    assert_string_equal(buffer_cstr(&r.out), buffer_cstr(&plain.out));
    task_result_done(&r);
    task_result_done(&plain);
}

#define THREE                                                                                      \
    "classify: {algorithm: logistic_regression, features: [a], label: host, as: p, per: "          \
    "partition, train_from: "

static const char *const classes[] = {"{\"host\": \"x\", \"a\": 1}", "{\"host\": \"y\", \"a\": 2}",
                                      "{\"host\": \"z\", \"a\": 3}", "{\"host\": \"x\", \"a\": 4}"};

/* The row is named, and no row of the stream is blamed. */
static void a_third_class_is_named(void **state)
{
    (void)state;
    char text[500], bad[100];
    struct task_result r = {0};
    const struct task_run_past three = {.topic = "old", .value = classes, .n = 4, .partitions = 1};
    snprintf(bad, sizeof bad, "%s/three.jsonl", folder);
    FILE *f = fopen(bad, "w");
    fprintf(f, "%s\n\n%s\n%s\n", classes[0], classes[1], classes[2]);
    fclose(f);
    snprintf(text, sizeof text, THREE "{file: %s}}", bad);
    run(text, FIRST, &r);
    assert_int_equal(r.status, -ERR_DATA);
    assert_non_null(strstr(r.err.text, "three.jsonl:4: streams.s.steps[1].classify: "));
    assert_null(strstr(r.err.text, "offset"));
    task_result_done(&r);
    run_with(THREE "{topic: old, value: json, columns: " COLUMNS "}}", "", FIRST, &three, &r);
    assert_int_equal(r.status, -ERR_DATA);
    assert_non_null(strstr(r.err.text, "old partition 0 offset 2: "));
    assert_non_null(strstr(r.err.text, "classify.train_from"));
    task_result_done(&r);
    unlink(bad);
}

#define TOLERANT                                                                                   \
    "  old:\n"                                                                                     \
    "    from: {topic: old, value: json, columns: " COLUMNS "}\n"                                  \
    "    errors: {tolerance: all, dead_letter_topic: dead}\n"

static void bad_rows_are_left_out_where_errors_says_so(void **state)
{
    (void)state;
    static const char *const some[] = {"{\"host\": \"x\", \"a\": 1, \"y\": 1}", "nonsense",
                                       "{\"host\": \"x\", \"a\": 2, \"y\": 3}"};
    static const char *const good[] = {"{\"host\": \"x\", \"a\": 1, \"y\": 1}",
                                       "{\"host\": \"x\", \"a\": 2, \"y\": 3}"};
    const struct task_run_past with = {.topic = "old", .value = some, .n = 3, .partitions = 1};
    const struct task_run_past without = {.topic = "old", .value = good, .n = 2, .partitions = 1};
    char text[500];
    struct task_result x = {0}, y = {0};
    snprintf(text, sizeof text, "%s, train_from: {stream: old}}", step[0]);
    run_with(text, TOLERANT, FIRST, &with, &x);
    run_with(text, TOLERANT, FIRST, &without, &y);
    assert_int_equal(x.status, 0);
    assert_string_equal(buffer_cstr(&x.out), buffer_cstr(&y.out)); /* no dead letter either */
    task_result_done(&x);
    snprintf(text, sizeof text, "%s, train_from: " OLD_TOPIC "}", step[0]);
    run_with(text, "", FIRST, &with, &x);
    assert_int_equal(x.status, -ERR_DATA);
    assert_non_null(strstr(x.err.text, "old partition 0 offset 1: "));
    task_result_done(&x);
    task_result_done(&y);
}

/* Count of a text in what came out. */
static int count(const struct task_result *r, const char *text)
{
    int n = 0;
    for (const char *at = strstr(r->out.data, text); at; at = strstr(at + 1, text)) {
        n++;
    }
    return n;
}

/* What scores and errors mean is learned from the history, too, though nothing is learned behind
 * it; row by row, and from the newer half of the window of a learner of batches. */
static void a_history_alone_gives_alarms_and_intervals(void **state)
{
    (void)state;
    static const char *const detector[] = {"zscore", "half_space_trees", "isolation_forest"};
    static const char *const regressor[] = {"linear_regression", "random_forest"};
    for (size_t i = 0; i < 3; i++) {
        char text[500];
        struct task_result r = {0};
        snprintf(text, sizeof text,
                 "detect: {algorithm: %s, features: [a], as: p, per: partition, learn: never, "
                 "threshold: {false_alarms: 0.05}, train_from: {file: %s}}",
                 detector[i], csv);
        run(text, FIRST, &r);
        assert_int_equal(r.status, 0);
        assert_int_equal(count(&r, "\"p\":null"), 0);
        assert_in_range(count(&r, "\"p\":true"), 10, 50); /* of 500 */
        assert_true(task_result_metric(&r, "rows") == ROWS - FIRST);
        task_result_done(&r);
    }
    for (size_t i = 0; i < 2; i++) {
        char text[500];
        struct task_result r = {0};
        snprintf(text, sizeof text,
                 "regress: {algorithm: %s, features: [a], label: y, as: p, per: partition, learn: "
                 "never, "
                 "coverage: 0.8, train_from: {file: %s}}",
                 regressor[i], csv);
        run(text, FIRST, &r);
        assert_int_equal(r.status, 0);
        assert_int_equal(count(&r, "_lower\":null"), 0);
        double coverage = task_result_metric(&r, "coverage"),
               scored = task_result_metric(&r, "rows");
        assert_true(coverage > 0.65 && coverage < 0.95);    /* as wide as the last errors say */
        assert_true(scored > 400 && scored < ROWS - FIRST); /* those with a label */
        task_result_done(&r);
    }
}

static void never_learns_the_file_only(void **state)
{
    (void)state;
    char text[500];
    struct task_result r = {0};
    snprintf(text, sizeof text,
             "classify: {algorithm: random_forest, features: [a], label: y > 0, as: p, per: "
             "partition, learn: never, options: {n_models: 5}, train_from: {file: %s}}",
             csv);
    run(text, FIRST, &r);
    assert_int_equal(r.status, 0);
    assert_true(task_result_metric(&r, "accuracy") >
                task_result_metric(&r, "accuracy_baseline") + 0.1);
    task_result_done(&r);
}

static void problems_say_what_to_do(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"{file: /nowhere/x.csv}", "cannot read /nowhere/x.csv"},
        {"{fil: x}", "`file`"},
        {"{topc: x}", "{stream: NAME}: did you mean `topic`?"},
        {"rows.csv", "expected {file: PATH}, {topic: NAME, …} or {stream: NAME}"},
        {"{}", "expected {file: PATH}"},
        {"{topic: x, value: json, columns: {y: double}}", "topic x has no column a (double)"},
        {"{topic: x, value: json, columns: {y: double, a: string}}", "is no double, as it is"},
        {"{topic: x, value: jsn}", "jsn"},
        {"{topic: x, columns: {y: double}, file: x.csv}", "file"},
        {"{stream: nobody}", "there is no stream \"nobody\""},
        {"{stream: S}", "did you mean \"s\""},
        {"{stream: s}", "the step `regress` (streams.s.steps[1]) is in the way"},
        {"{stream: s, value: json}", "nothing else"},
        {"{file: .}", "no file"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char text[500];
        struct task_result r = {0};
        snprintf(text, sizeof text,
                 "regress: {algorithm: linear_regression, features: [a], label: y, as: p, "
                 "train_from: %s}",
                 wrong[i][0]);
        run(text, FIRST, &r);
        if (r.status != -ERR_CONFIG || !strstr(task_result_problems(&r), wrong[i][1])) {
            print_message("%s\n%s\n", wrong[i][0], task_result_problems(&r));
            fail();
        }
        task_result_done(&r);
    }
}

static void a_bad_line_is_named(void **state)
{
    (void)state;
    char text[500], bad[100];
    struct task_result r = {0};
    snprintf(bad, sizeof bad, "%s/bad.csv", folder);
    FILE *f = fopen(bad, "w");
    fprintf(f, "a,y\n1,1\nx,2\n");
    fclose(f);
    snprintf(text, sizeof text,
             "regress: {algorithm: linear_regression, features: [a], label: y, as: p, train_from: "
             "{file: %s}}",
             bad);
    run(text, FIRST, &r);
    assert_int_equal(r.status, -ERR_CONFIG);
    assert_non_null(strstr(task_result_problems(&r), "bad.csv:3:"));
    task_result_done(&r);
    unlink(bad);
}

enum { FEW = 150 }; /* of a learner of batches, which would begin at 100 and go on every 1000 */

/* However it is cut, one training at its end, of the same rows from a file and from a topic. */
static void batches_are_trained_once_at_the_end(void **state)
{
    (void)state;
    static const char *const per[] = {"global", "key"};
    char few[100], text[600];
    const struct task_run_past old = {
        .topic = "old", .value = (const char *const *)rows, .key = keys, .n = FEW, .partitions = 1};
    snprintf(few, sizeof few, "%s/few.jsonl", folder);
    FILE *f = fopen(few, "w");
    for (int i = 0; i < FEW; i++) {
        fprintf(f, "%s\n", rows[i]);
    }
    fclose(f);
    for (int i = 0; i < 2; i++) {
        struct task_result file = {0}, topic = {0};
        static const char start[] =
            "regress: {algorithm: random_forest, features: [a], label: y, as: p, per: %s, "
            "options: {n_models: 5}, train_from: ";
        int n = snprintf(text, sizeof text, start, per[i]);
        snprintf(text + n, sizeof text - (size_t)n, "{file: %s}}", few);
        run(text, FIRST, &file);
        snprintf(text + n, sizeof text - (size_t)n, "%s}", OLD_TOPIC);
        run_with(text, "", FIRST, &old, &topic);
        assert_int_equal(file.status, 0);
        assert_int_equal(topic.status, 0);
        assert_int_equal(file.out.n, topic.out.n);
        assert_memory_equal(file.out.data, topic.out.data, file.out.n);
        for (const char *line = file.out.data; line < file.out.data + file.out.n;
             line = strchr(line, '\n') + 1) {
            const char *p = strstr(line, "\"p\":");
            assert_false(strncmp(p, "\"p\":null", 8) == 0);
            assert_non_null(strstr(p, "\"p_model_version\":1}"));
        }
        task_result_done(&file);
        task_result_done(&topic);
    }
    unlink(few);
}

/* Other columns than the stream's, no label, or no row at all. */
static void a_file_that_teaches_nothing_is_refused(void **state)
{
    (void)state;
    static const char *const lines[][2] = {
        {"A,y\n1,1\n2,2\n", "of its 2 rows none can be learned"},
        {"a,Y\n1,1\n", "of its 1 rows none can be learned"},
        {"a,y\n,1\n1,\n", "of its 2 rows none can be learned"},
        {"a,y\n", "of its 0 rows none can be learned"},
        {"", "of its 0 rows none can be learned"},
    };
    char text[500], none[100];
    snprintf(none, sizeof none, "%s/none.csv", folder);
    snprintf(text, sizeof text,
             "regress: {algorithm: linear_regression, features: [a], label: y, as: p, train_from: "
             "{file: %s}}",
             none);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct task_result r = {0};
        FILE *f = fopen(none, "w");
        fputs(lines[i][0], f);
        fclose(f);
        run(text, FIRST, &r);
        assert_int_equal(r.status, -ERR_CONFIG);
        assert_non_null(strstr(task_result_problems(&r), "none.csv: "));
        assert_non_null(strstr(task_result_problems(&r), lines[i][1]));
        task_result_done(&r);
    }
    unlink(none);
}

/* A label that the model does not know says nothing of it, in a restored one neither. */
static void a_label_that_is_not_known_does_not_count(void **state)
{
    (void)state;
    static const char topology[] =
        "name: test\n"
        "streams:\n"
        "  s:\n"
        "    from: {topic: in, key: {host: string}, value: json, columns: " COLUMNS "}\n"
        "    steps:\n"
        "      - classify: {algorithm: random_forest, features: [a], label: \"if(y > 2.0, 'new', "
        "if(y > 0.0, 'up', 'down'))\", as: p, per: partition, learn: never, options: {n_models: "
        "40}, train_from: {stream: low}}\n"
        "    to: {topic: out, key: none, value: json}\n"
        "  all:\n"
        "    from: " OLD_TOPIC "\n"
        "  low:\n"
        "    from: all\n"
        "    steps:\n"
        "      - filter: y < 2.0\n";
    struct task_run how = {.topology = topology,
                           .topic = "in",
                           .value = (const char *const *)rows + FIRST,
                           .key = keys + FIRST,
                           .n = 200,
                           .past = &past};
    struct task_result whole = {0}, cut = {0};
    task_run(&how, &whole);
    how.restart_every = 10;
    task_run(&how, &cut);
    assert_int_equal(whole.status, 0);
    assert_int_equal(cut.status, 0);
    double known = task_result_metric(&whole, "rows");
    assert_true(known > 100 && known < 200);
    assert_string_equal(buffer_cstr(&cut.metrics), buffer_cstr(&whole.metrics));
    task_result_done(&whole);
    task_result_done(&cut);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_as_if_the_rows_had_come),
        cmocka_unit_test(a_history_alone_gives_alarms_and_intervals),
        cmocka_unit_test(never_learns_the_file_only),
        cmocka_unit_test(problems_say_what_to_do),
        cmocka_unit_test(a_bad_line_is_named),
        cmocka_unit_test(batches_are_trained_once_at_the_end),
        cmocka_unit_test(a_file_that_teaches_nothing_is_refused),
        cmocka_unit_test(a_label_that_is_not_known_does_not_count),
        cmocka_unit_test(a_topic_and_a_stream_are_as_a_file),
        cmocka_unit_test(partitions_come_by_number),
        cmocka_unit_test(an_empty_topic_is_no_error_and_none_is),
        cmocka_unit_test(a_third_class_is_named),
        cmocka_unit_test(bad_rows_are_left_out_where_errors_says_so),
    };
    return cmocka_run_group_tests(tests, make_rows, free_rows);
}
