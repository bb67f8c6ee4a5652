/* Files into topics: encoded as the topic's format says, keys from columns, faults with their row.
 */
#include "worker/feed_file.h"

#include "engine/arena.h"
#include "engine/registry.h"
#include "tests/support/memory_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

struct feeding {
    struct memory_client m;
    struct arena a;
    struct codec_spec value, key;
    struct feed_target t;
    struct err e;
};

static const struct codec_def *codec(const char *name)
{
    for (int i = 0; registry_codecs[i]; i++) {
        if (strcmp(registry_codecs[i]->name, name) == 0) {
            return registry_codecs[i];
        }
    }
    return NULL;
}

static void begin(struct feeding *f)
{
    *f = (struct feeding){.e = {0}};
    memory_client_init(&f->m);
    arena_init(&f->a);
    struct schema *s = schema_new(&f->a, 4);
    schema_add(s, "host", &type_string, true, false);
    schema_add(s, "v", &type_long, true, false);
    s->keyed = true;
    s->nkey = 1;
    s->key[0] = 0;
    f->value = (struct codec_spec){.def = codec("avro"),
                                   .topic = "x",
                                   .subject = "x-value",
                                   .record_name = "X",
                                   .namespace_ = "n"};
    f->key = (struct codec_spec){.def = codec("string"), .topic = "x", .is_key = true};
    f->t = (struct feed_target){.topic = "x",
                                .value = &f->value,
                                .key = &f->key,
                                .schema = s,
                                .schemas = f->m.client.schemas};
}

static int feed(struct feeding *f, const char *name, const char *text, uint64_t *n)
{
    enum rows_format format = strstr(name, ".csv") ? ROWS_CSV : ROWS_RECORD_LINES;
    err_clear(&f->e);
    return feed_file(f->m.client.log, &f->t, memory_client_file(&f->m, name, text), format, n, NULL,
                     &f->e);
}

static void end(struct feeding *f)
{
    arena_done(&f->a);
    memory_client_done(&f->m);
}

static void csv(void **state)
{
    (void)state;
    struct feeding f;
    uint64_t n;
    begin(&f);
    assert_int_equal(feed(&f, "a.csv", "v,host\n1,a\n,b\n3,\n", &n), 0);
    assert_int_equal(n, 3);
    assert_string_equal(memory_client_topic(&f.m, "x", "avro"),
                        "a {\"host\":\"a\",\"v\":1}\nb {\"host\":\"b\",\"v\":null}\n"
                        "- {\"host\":null,\"v\":3}\n");
    end(&f);
}

static void record_lines(void **state)
{
    (void)state;
    struct feeding f;
    uint64_t n;
    begin(&f);
    assert_int_equal(feed(&f, "a.jsonl",
                          "{\"key\":\"k\",\"value\":{\"v\":1}}\n{\"value\":null,\"key\":"
                          "\"gone\"}\n{\"value\":{\"host\":\"h\"}}\n",
                          &n),
                     0);
    assert_string_equal(memory_client_topic(&f.m, "x", "avro"),
                        "k {\"host\":null,\"v\":1}\ngone null\nh {\"host\":\"h\",\"v\":null}\n");
    end(&f);
}

static void faults_have_their_row(void **state)
{
    (void)state;
    struct feeding f;
    uint64_t n;
    begin(&f);
    assert_int_equal(feed(&f, "a.jsonl", "{\"value\":{\"v\":1}}\n{\"value\":{\"v\":\"x\"}}\n", &n),
                     -ERR_DATA);
    assert_int_equal(n, 1);
    assert_non_null(strstr(f.e.text, "a.jsonl: row 2: "));
    assert_int_equal(feed(&f, "a.csv", "v\nx\n", &n), -ERR_DATA);
    assert_non_null(strstr(f.e.text, "a.csv:2: \"x\" is no whole number (column v)"));
    assert_int_equal(feed(&f, "b.csv", "", &n), -ERR_DATA);
    err_clear(&f.e);
    assert_int_equal(feed_file(f.m.client.log, &f.t, "none.csv", ROWS_CSV, &n, NULL, &f.e),
                     -ERR_CONFIG);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv),
        cmocka_unit_test(record_lines),
        cmocka_unit_test(faults_have_their_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
