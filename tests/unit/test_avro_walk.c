/* Walking: one value as nested bytes and as text. */
#include "schemas/avro_walk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define LONGS "{\"type\":\"array\",\"items\":\"long\"}"

struct fixture {
    struct arena arena;
    struct avro_node *schema;
    struct avro_in in;
};

static void begin(struct fixture *f, const char *json, const void *p, size_t n)
{
    struct err e = {0};
    arena_init(&f->arena);
    if (avro_schema_parse(&f->schema, &f->arena, json, strlen(json), &e) < 0) {
        fail_msg("%s", e.text);
    }
    f->in = (struct avro_in){.p = p, .end = (const uint8_t *)p + n, .fuel = 1000};
}

static void test_value(void **state)
{
    (void)state;
    struct fixture f;
    struct avro_scratch x;
    struct nested_value v;
    avro_scratch_init(&x);
    begin(&f, LONGS, "\2\6\2\7\0", 5);
    const struct avro_link *l = avro_resolve(&f.arena, f.schema, f.schema);
    assert_int_equal(avro_walk_value(&f.in, &x, l, type_array(&f.arena, &type_long), &v), 0);
    assert_int_equal(v.s.n, 5);
    assert_memory_equal(v.s.p, "\4\1\6\1\7", 5);
    f.in.p -= 5;
    assert_int_equal(avro_walk_value(&f.in, &x, l, &type_string, &v), 0);
    assert_int_equal(v.s.n, 6);
    assert_memory_equal(v.s.p, "[3,-4]", 6);
    arena_done(&f.arena);
    avro_scratch_done(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
