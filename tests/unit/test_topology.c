/* Topology files: every shape of `from` and `to`, and every problem with its place, all at once.
 */
#include "tests/support/plan_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static const struct stream *read_stream(struct plan_rig *r, const char *text, const char *name)
{
    int status = plan_rig_read(r, text);
    if (status < 0) {
        print_message("%s", plan_rig_problems(r));
    }
    assert_int_equal(status, 0);
    const struct stream *s = topology_stream(r->topology, name);
    assert_non_null(s);
    return s;
}

static void defaults(void **state)
{
    (void)state;
    struct plan_rig r;
    const struct stream *s =
        read_stream(&r, "name: t\nstreams:\n  a:\n    from: {topic: in}\n    to: out\n", "a");
    const struct topology *t = r.topology;
    assert_string_equal(t->name, "t");
    assert_string_equal(t->folder, ".");
    assert_int_equal(t->guarantee, EXACTLY_ONCE);
    assert_int_equal(t->lanes, 1);
    assert_int_equal(t->seed, 1);
    assert_int_equal(t->commit_interval, 100);
    assert_int_equal(t->errors.tolerance, TOLERATE_NONE);
    assert_int_equal(s->time.out_of_order, 0);
    assert_int_equal(s->time.idle, 30000);
    assert_int_equal(s->time.max_ahead, 86400000);
    assert_false(s->has_time);
    assert_null(topology_stream(t, "b"));
    assert_string_equal(topology_path(t, &r.mem, "x.avsc"), "./x.avsc");
    assert_string_equal(topology_path(t, &r.mem, "/x.avsc"), "/x.avsc");
    plan_rig_done(&r);
}

static void shapes_of_from(void **state)
{
    (void)state;
    struct plan_rig r;
    const char *text = "name: t\n"
                       "streams:\n"
                       "  one: {from: {topic: in, value: json, key: long, columns: {a: long}}}\n"
                       "  two: {from: {topic: [x, y], schema: s.avsc}}\n"
                       "  three: {from: one}\n"
                       "  four: {from: [one, two.branch]}\n"
                       "  five: {from: {generator: {rate: 5}}}\n";
    const struct end *e = &read_stream(&r, text, "one")->from;
    assert_int_equal(e->kind, END_TOPICS);
    assert_int_equal(e->names.n, 1);
    assert_string_equal(e->value, "json");
    assert_string_equal(e->key->text, "long");
    assert_non_null(e->columns);
    e = &topology_stream(r.topology, "two")->from;
    assert_int_equal(e->names.n, 2);
    assert_string_equal(e->names.item[1].value.text, "y");
    assert_string_equal(e->schema, "s.avsc");
    assert_string_equal(e->value, "avro");
    assert_int_equal(topology_stream(r.topology, "three")->from.kind, END_STREAMS);
    e = &topology_stream(r.topology, "four")->from;
    assert_int_equal(e->kind, END_STREAMS);
    assert_string_equal(e->names.item[1].value.text, "two.branch");
    e = &topology_stream(r.topology, "five")->from;
    assert_int_equal(e->kind, END_CONNECTOR);
    assert_string_equal(e->connector, "generator");
    assert_int_equal(e->options->kind, YAML_MAP);
    plan_rig_done(&r);
}

static void shapes_of_to(void **state)
{
    (void)state;
    struct plan_rig r;
    const char *text = "name: t\n"
                       "streams:\n"
                       "  a:\n"
                       "    from: {topic: in}\n"
                       "    to:\n"
                       "      - plain\n"
                       "      - {topic: rich, value: csv, key: none, partitions: 7, replication: 2,"
                       " subject: s, config: {retention.ms: 5}}\n"
                       "      - {log: {}}\n"
                       "  b: {from: a, to: single}\n"
                       "  c: {from: a}\n";
    const struct stream *s = read_stream(&r, text, "a");
    assert_int_equal(s->nto, 3);
    assert_int_equal(s->to[0].kind, END_TOPICS);
    assert_string_equal(s->to[0].names.item[0].value.text, "plain");
    assert_string_equal(s->to[0].value, "avro");
    assert_int_equal(s->to[1].partitions, 7);
    assert_int_equal(s->to[1].replication, 2);
    assert_string_equal(s->to[1].subject, "s");
    assert_string_equal(s->to[1].config.item[0].name, "retention.ms");
    assert_string_equal(s->to[2].connector, "log");
    assert_int_equal(topology_stream(r.topology, "b")->nto, 1);
    assert_int_equal(topology_stream(r.topology, "c")->nto, 0);
    plan_rig_done(&r);
}

static void streams_inherit_errors(void **state)
{
    (void)state;
    struct plan_rig r;
    const char *text = "name: t\n"
                       "errors: {tolerance: all, dead_letter_topic: dead}\n"
                       "streams:\n"
                       "  a: {from: {topic: in}}\n"
                       "  b: {from: a, errors: {tolerance: none}}\n";
    assert_string_equal(read_stream(&r, text, "a")->errors.dead_letter_topic, "dead");
    assert_int_equal(topology_stream(r.topology, "b")->errors.tolerance, TOLERATE_NONE);
    plan_rig_done(&r);
}

static void settings_override(void **state)
{
    (void)state;
    const char *text = "name: t\nlanes: 3\nstreams:\n  a: {from: {topic: in}}\n";
    const struct setting set[] = {
        {"lanes", "2"}, {"kafka.bootstrap.servers", "h:1"}, {"streams.a.time.out_of_order", "3s"}};
    struct arena mem;
    struct diags d;
    struct topology *t;
    arena_init(&mem);
    diags_init(&d);
    assert_int_equal(topology_parse(&t, &mem, "dir/t.yaml", text, strlen(text), set, 3, &d), 0);
    assert_int_equal(t->lanes, 2);
    assert_string_equal(t->kafka.item[0].name, "bootstrap.servers");
    assert_string_equal(t->kafka.item[0].value.text, "h:1");
    assert_int_equal(t->stream[0].time.out_of_order, 3000);
    assert_string_equal(t->group, "klamm-t");
    const struct setting group = {"kafka.group.id", "mine"};
    assert_int_equal(topology_parse(&t, &mem, "dir/t.yaml", text, strlen(text), &group, 1, &d), 0);
    assert_string_equal(t->group, "mine");
    assert_string_equal(t->folder, "dir");
    assert_string_equal(topology_path(t, &mem, "x.avsc"), "dir/x.avsc");
    diags_done(&d);
    arena_done(&mem);
}

/* One file with one problem: the whole message. */
static const struct wrong {
    const char *text, *problems;
} wrong[] = {
    {"streams: {a: {from: {topic: x}}}", "1:1 : key `name` is missing\n"},
    {"name: t\n", "1:1 : key `streams` is missing\n"},
    {"- 1\n", "1:1 : a topology is a map with `name` and `streams`"},
    {"name: t/x\nstreams: {a: {from: b}}", "1:7 name: a topology's name is made of letters"},
    {"name: ..\nstreams: {a: {from: b}}", "1:7 name: a topology's name"},
    {"name: t\nstreams: []\n", "2:10 streams: expected a map of streams by name"},
    {"name: t\nstreams: {}\n", "2:10 streams: expected a map of streams by name"},
    {"name: t\nstreams: {a: 5}\n", "2:14 streams.a: a stream is a map with `from`"},
    {"name: t\nstreams: {a.b: {from: x}}\n", "2:11 streams.a.b: a stream's name is made of"},
    {"name: t\nstreams: {a: {from: []}}\n", "2:21 streams.a.from: expected a stream name"},
    {"name: t\nstreams: {a: {from: }}\n", "streams.a.from"},
    {"name: t\nstreams: {a: {from: {topik: x}}}\n",
     "2:22 streams.a.from: unknown kind \"topik\": did you mean \"topic\"?"},
    {"name: t\nstreams: {a: {from: {metric: x}}}\n",
     "2:22 streams.a.from: unknown kind \"metric\": did you mean \"metrics\"?"},
    {"name: t\nstreams: {a: {from: {}}}\n", "expected exactly one kind key (topic, "},
    {"name: t\nstreams: {a: {from: {topic: x, valu: json}}}\n",
     "2:32 streams.a.from: unknown key `valu`: did you mean `value`?"},
    {"name: t\nstreams: {a: {from: {topic_pattern: x.*}}}\n", "topic_pattern is not yet available"},
    {"name: t\nstreams: {a: {from: {topic: [x, x]}}}\n",
     "2:33 streams.a.from: topic x is named twice"},
    {"name: t\nstreams: {a: {from: {topic: \"a b\"}}}\n",
     "2:30 streams.a.from: a topic's name is made of at most 249"},
    {"name: t\nstreams: {a: {from: {topic: x}, to: ../../etc/passwd}}\n",
     "2:37 streams.a.to: a topic's name is made of"},
    {"name: t\nstreams: {a: {from: {topic: x}, to: ..}}\n",
     "2:37 streams.a.to: a topic's name is made of"},
    {"name: t\nstreams: {a: {from: {topic: x}, to: {topic: [x, y]}}}\n",
     "2:37 streams.a.to: a `to` writes to one topic"},
    {"name: t\nstreams: {a: {from: {topic: x}, to: {generator: {}}}}\n", "streams.a.to: "},
    {"name: t\nstreams: {a: {from: {topic: x}, to: [{log: {}, file: {}}]}}\n",
     "only one kind is allowed here"},
    {"name: t\nstreams: {a: {from: {topic: x}, steps: 3}}\n",
     "2:40 streams.a.steps: expected a list of steps"},
    {"name: t\nstreams: {a: {from: {topic: x}, steps: [{filter: x, drop: y}]}}\n",
     "2:41 streams.a.steps[1]: a step is a map with exactly one key, the step's name (`- filter: "
     "value > 0`); is an option of the step indented too little?"},
    {"name: t\nstreams: {a: {from: {topic: x}, steps: [filter]}}\n",
     "2:41 streams.a.steps[1]: a step is a map with exactly one key"},
    {"name: t\nerrors: {tolerance: all}\nstreams: {a: {from: {topic: x}}}\n",
     "needs a dead_letter_topic"},
    {"name: t\nerrors: {tolerance: al, dead_letter_topic: d}\nstreams: {a: {from: {topic: x}}}\n",
     "2:21 errors.tolerance: "},
    {"name: t\nerrors: {dead_letter_topic: a/b}\nstreams: {a: {from: {topic: x}}}\n",
     "2:29 errors: a topic's name is made of"},
    {"name: t\nstate: {backend: rockdb}\nstreams: {a: {from: {topic: x}}}\n",
     "2:18 state.backend: "},
    {"name: t\nlanes: 0\nstreams: {a: {from: {topic: x}}}\n", "2:8 lanes: "},
    {"name: t\ntables: {h: {}}\nstreams: {a: {from: {topic: x}}}\n",
     "2:13 tables.h: key `from` is missing"},
    {"name: t\ntables: [h]\nstreams: {a: {from: {topic: x}}}\n",
     "2:9 tables: expected a map of tables by name"},
    {"name: t\ntables: {h: 5}\nstreams: {a: {from: {topic: x}}}\n",
     "2:13 tables.h: a table is a map with `from`, found"},
    {"name: t\ntables: {h: {from: {topic: h}, globl: true}}\nstreams: {a: {from: {topic: x}}}\n",
     "2:32 tables.h: unknown key `globl`: did you mean `global`?"},
    {"name: t\ntables: {a: {from: {topic: h}}}\nstreams: {a: {from: {topic: x}}}\n",
     "2:10 tables.a: a stream has the name \"a\" too"},
    {"name: t\ntables: {a.b: {from: {topic: h}}}\nstreams: {a: {from: {topic: x}}}\n",
     "2:10 tables.a.b: a table's name is made of"},
    {"name: t\ntables: {h: {from: {topic: h}, history: 0s}}\nstreams: {a: {from: {topic: x}}}\n",
     "tables.h.history: "},
    {"name: t\ntables: {h: {from: {topic: h}, errors: {tolerance: all}}}\nstreams: {a: {from: "
     "{topic: x}}}\n",
     "needs a dead_letter_topic"},
    {"name: t\nkafka: {isolation.level: x}\nstreams: {a: {from: {topic: x}}}\n",
     "2:26 kafka.isolation.level: klamm sets isolation.level itself: exactly_once reads committed"},
    {"name: t\nstreams: {a: {from: {topic: x}, time: {idle: 0s}}}\n", "streams.a.time.idle: "},
    {"name: t\nstreams: {a: {from: {topic: x}, time: {out_of_order: soon}}}\n",
     "2:54 streams.a.time.out_of_order: "},
};

static void tables_are_read(void **state)
{
    (void)state;
    struct plan_rig r;
    assert_int_equal(
        plan_rig_read(&r, "name: t\nerrors: {tolerance: all, dead_letter_topic: d}\n"
                          "tables:\n"
                          "  h: {from: {topic: hosts, value: json}, global: true, key: host, "
                          "merge_wait: 2s, history: 1h, time: {field: ts}, errors: {tolerance: "
                          "none}}\n"
                          "  s: {from: a}\n"
                          "streams: {a: {from: {topic: x}}}\n"),
        0);
    assert_int_equal(r.topology->ntables, 2);
    const struct table *h = topology_table(r.topology, "h"), *s = topology_table(r.topology, "s");
    assert_string_equal(h->source.from.names.item[0].value.text, "hosts");
    assert_string_equal(h->source.time.field, "ts");
    assert_int_equal(h->source.errors.tolerance, TOLERATE_NONE);
    assert_string_equal(h->key.text, "host");
    assert_true(h->is_global);
    assert_int_equal(h->merge_wait, 2000);
    assert_int_equal(h->history, 3600000);
    assert_int_equal(s->source.from.kind, END_STREAMS);
    assert_int_equal(s->source.errors.tolerance, TOLERATE_ALL);
    assert_null(s->key.text);
    assert_false(s->is_global);
    assert_int_equal(s->merge_wait, 0);
    assert_int_equal(s->history, 86400000);
    assert_ptr_equal(topology_stream(r.topology, "s"), &s->source);
    assert_null(topology_table(r.topology, "a"));
    plan_rig_done(&r);
}

static void every_problem_has_its_place(void **state)
{
    (void)state;
    int bad = 0;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct plan_rig r;
        assert_int_equal(plan_rig_read(&r, wrong[i].text), -4);
        const char *problems = plan_rig_problems(&r);
        if (!strstr(problems, wrong[i].problems)) {
            print_message("%s\nexpected: %sfound: %s\n", wrong[i].text, wrong[i].problems,
                          problems);
            bad++;
        }
        plan_rig_done(&r);
    }
    assert_int_equal(bad, 0);
}

static void all_problems_are_told(void **state)
{
    (void)state;
    struct plan_rig r;
    const char *text = "nam: t\n"
                       "lanes: many\n"
                       "kafka: {partitioner: random}\n"
                       "streams:\n"
                       "  a:\n"
                       "    from: {topic: x, colums: {}}\n"
                       "    time: {fild: ts}\n"
                       "    steps:\n"
                       "      - filter: a\n"
                       "        drop: b\n"
                       "  b:\n"
                       "    from: {kafka: y}\n"
                       "    too: z\n";
    assert_int_equal(plan_rig_read(&r, text), -4);
    const char *problems = plan_rig_problems(&r);
    static const char *const want[] = {"1:1 : unknown key `nam`: did you mean `name`?",
                                       "1:1 : key `name` is missing",
                                       "2:8 lanes: ",
                                       "3:22 kafka.partitioner",
                                       "6:22 ",
                                       "7:12 ",
                                       "9:9 ",
                                       "12:12 ",
                                       "13:5 "};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        if (!strstr(problems, want[i])) {
            print_message("missing: %s\n", want[i]);
            assert_string_equal(problems, "");
        }
    }
    plan_rig_done(&r);
}

static void hostile_text(void **state)
{
    (void)state;
    static const char *const text[] = {
        "",
        "\0",
        "{",
        "name: [",
        "name: t\nstreams: {a: {from: {topic: {}}}}",
        "name: {}\nstreams: {a: {from: {topic: x, key: [1], columns: 5}}}",
        "name: t\nerrors: 5\nstate: x\nkafka: []\nstreams: {a: {from: {generator: 5}, to: [[]]}}",
        "name: t\nstreams: {a: {from: [[x]], to: [null, {}], errors: [], time: 5, steps: {}}}",
        "\xff\xfe\x00",
        "name: t\nname: t\nstreams: {}"};
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
        struct plan_rig r;
        assert_int_equal(plan_rig_read(&r, text[i]), -4);
        assert_true(r.diags.n > 0);
        plan_rig_done(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(shapes_of_from),
        cmocka_unit_test(shapes_of_to),
        cmocka_unit_test(streams_inherit_errors),
        cmocka_unit_test(settings_override),
        cmocka_unit_test(tables_are_read),
        cmocka_unit_test(every_problem_has_its_place),
        cmocka_unit_test(all_problems_are_told),
        cmocka_unit_test(hostile_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
