/* Paths of --set, look-up and JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/buffer.h"
#include "engine/yaml.h"

#include <stdlib.h>
#include <string.h>

static const char *const base =
    "kafka: {bootstrap.servers: a, group: {id: 1}}\n"
    "streams: {load: {steps: [{filter: x}, {window: {tumbling: 5s}}]}}\n"
    "state:\n";

/* Sets one path on the tree above and compares all of it. */
static void assert_set(const char *path, const char *value, const char *json)
{
    struct arena a;
    struct diags d;
    struct yaml *y;
    struct buffer b;
    arena_init(&a);
    diags_init(&d);
    buffer_init(&b);
    assert_int_equal(yaml_parse(&y, &a, "t", base, strlen(base), &d), 0);
    int rc = yaml_set(y, &a, path, value, &d);
    if (rc < 0) {
        assert_int_equal(d.n, 1);
        assert_string_equal(d.item[0].text, json);
    } else {
        yaml_to_json(&b, y);
        assert_string_equal(buffer_cstr(&b), json);
    }
    buffer_done(&b);
    diags_done(&d);
    arena_done(&a);
}

#define STREAMS                                                                                    \
    ",\"streams\":{\"load\":{\"steps\":[{\"filter\":\"x\"},{\"window\":{\"tumbling\":\"5s\"}}]}}"
#define KAFKA "\"kafka\":{\"bootstrap.servers\":\"a\",\"group\":{\"id\":1}}"

static void test_set(void **state)
{
    (void)state;
    assert_set("kafka.bootstrap.servers", "b:1",
               "{\"kafka\":{\"bootstrap.servers\":\"b:1\",\"group\":{\"id\":1}}" STREAMS
               ",\"state\":null}");
    assert_set("kafka.group.id", "2",
               "{\"kafka\":{\"bootstrap.servers\":\"a\",\"group\":{\"id\":2}}" STREAMS
               ",\"state\":null}");
    assert_set("kafka.session.timeout.ms", "5",
               "{\"kafka\":{\"bootstrap.servers\":\"a\",\"group\":{\"id\":1},"
               "\"session.timeout.ms\":5}" STREAMS ",\"state\":null}");
    assert_set("streams.load.steps[2].window.grace", "1s",
               "{" KAFKA ",\"streams\":{\"load\":{\"steps\":[{\"filter\":\"x\"},{\"window\":"
               "{\"tumbling\":\"5s\",\"grace\":\"1s\"}}]}},\"state\":null}");
    assert_set("streams.load.steps[1].filter", "true",
               "{" KAFKA ",\"streams\":{\"load\":{\"steps\":[{\"filter\":true},{\"window\":"
               "{\"tumbling\":\"5s\"}}]}},\"state\":null}");
    assert_set("streams.load.steps.1.filter", "true",
               "{" KAFKA ",\"streams\":{\"load\":{\"steps\":[{\"filter\":true},{\"window\":"
               "{\"tumbling\":\"5s\"}}]}},\"state\":null}");
    assert_set("streams.load.steps.2.window.tumbling", "9s",
               "{" KAFKA ",\"streams\":{\"load\":{\"steps\":[{\"filter\":\"x\"},{\"window\":"
               "{\"tumbling\":\"9s\"}}]}},\"state\":null}");
    assert_set("state.dir", "/x", "{" KAFKA STREAMS ",\"state\":{\"dir\":\"/x\"}}");
    assert_set("errors.tolerance", "all",
               "{" KAFKA STREAMS ",\"state\":null,\"errors\":{\"tolerance\":\"all\"}}");
    setenv("KLAMM_A", "5", 1);
    assert_set("seed", "${env:KLAMM_A}", "{" KAFKA STREAMS ",\"state\":null,\"seed\":\"***\"}");
}

static void test_set_errors(void **state)
{
    (void)state;
    assert_set("", "1", "expected PATH=VALUE");
    assert_set("state.", "1", "the path ends with a dot");
    assert_set("streams.load.steps[3].x", "1",
               "there is nothing to set at `[3].x`: its parent is a list, of which only items that "
               "exist can be set, as [1] or .1, counted from 1");
    assert_set("streams.load.steps.0.x", "1",
               "there is nothing to set at `0.x`: its parent is a list, of which only items that "
               "exist can be set, as [1] or .1, counted from 1");
    assert_set("streams.load.steps.1x", "1",
               "there is nothing to set at `1x`: its parent is a list, of which only items that "
               "exist can be set, as [1] or .1, counted from 1");
    assert_set("streams.lod.to", "1", "there is no `lod`: did you mean `load`?");
    assert_set("kafka.bootstrap.servers.x", "1",
               "there is nothing to set at `x`: its parent is text");
    assert_set("a.${env:", "${env:", "${env: has no closing }");
    assert_set("[0]", "1", "there is nothing to set at `[0]`: its parent is a map");
}

static void test_secrets_and_escapes(void **state)
{
    (void)state;
    struct arena a;
    struct diags d;
    struct yaml *y;
    struct buffer b;
    arena_init(&a);
    diags_init(&d);
    buffer_init(&b);
    setenv("KLAMM_A", "5", 1);
    const char *text = "a: ${env:KLAMM_A}\nb: \"${env:KLAMM_A}\"\nc: x${env:KLAMM_A}\n"
                       "d: \"q\\\"\\\\\\n\\t\\x01\"\ne: [.nan, -.inf]\n";
    assert_int_equal(yaml_parse(&y, &a, "t", text, strlen(text), &d), 0);
    yaml_to_json(&b, y);
    assert_string_equal(buffer_cstr(&b), "{\"a\":\"***\",\"b\":\"***\",\"c\":\"***\","
                                         "\"d\":\"q\\\"\\\\\\n\\t\\u0001\","
                                         "\"e\":[\"NaN\",\"-Infinity\"]}");
    assert_int_equal(yaml_get(y, "a")->kind, YAML_LONG);
    assert_int_equal(yaml_get(y, "a")->number, 5);
    assert_int_equal(yaml_get(y, "b")->kind, YAML_STRING);
    assert_int_equal(yaml_get(y, "c")->kind, YAML_STRING);
    assert_string_equal(yaml_get(y, "c")->text, "x5");
    assert_null(yaml_get(y, "z"));
    assert_null(yaml_get(yaml_get(y, "a"), "z"));
    assert_null(yaml_get(NULL, "z"));
    assert_string_equal(yaml_kind_name(YAML_MAP), "a map");
    buffer_done(&b);
    diags_done(&d);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_set_errors),
        cmocka_unit_test(test_secrets_and_escapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
