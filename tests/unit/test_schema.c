/* Schema: finding and printing columns. */
#include "engine/schema.h"

#include "engine/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void columns(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct schema *s = schema_new(&a, 4);
    assert_int_equal(schema_add(s, "host", &type_string, false, false), 0);
    assert_int_equal(s->nkey, 0);
    assert_int_equal(schema_add(s, "_key", &type_string, true, true), 1);
    assert_int_equal(schema_add(s, "hostname", type_array(&a, &type_long), true, false), 2);
    assert_int_equal(schema_find(s, "hostname"), 2);
    assert_int_equal(schema_find(s, "host"), 0);
    assert_int_equal(schema_find(s, "hos"), -1);
    assert_int_equal(schema_find_n(s, "hostname.x", 8), 2);
    assert_int_equal(schema_find_n(s, "hostname.x", 4), 0);
    assert_int_equal(schema_key_number(s, 2), -1);
    s->key[s->nkey++] = 2;
    s->key[s->nkey++] = 0;
    assert_int_equal(schema_key_number(s, 2), 0);
    assert_int_equal(schema_key_number(s, 0), 1);
    assert_int_equal(schema_key_number(s, 1), -1);
    struct buffer b;
    buffer_init(&b);
    schema_print(&b, s);
    assert_string_equal(buffer_cstr(&b), "host: string, hostname: array<long>?");
    assert_false(s->keyed);
    buffer_done(&b);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(columns)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
