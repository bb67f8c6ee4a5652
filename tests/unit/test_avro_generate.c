/* Schemas that klamm writes: names, nullability, types, collisions. All of them parse. */
#include "schemas/avro_generate.h"
#include "schemas/avro_schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    struct arena arena;
    struct schema *schema;
    struct codec_spec spec;
    struct buffer json;
    struct err err;
    uint16_t cols[COLUMNS_MAX], n;
};

static int setup(void **state)
{
    static struct fixture f;
    memset(&f, 0, sizeof f);
    arena_init(&f.arena);
    buffer_init(&f.json);
    f.schema = schema_new(&f.arena, 16);
    f.spec = (struct codec_spec){.record_name = "Load", .namespace_ = "klamm.9lives-x"};
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    buffer_done(&f->json);
    arena_done(&f->arena);
    return 0;
}

static const struct avro_node *generate(struct fixture *f)
{
    struct avro_node *s;
    if (avro_generate(&f->json, f->cols, &f->n, &f->spec, f->schema, &f->err) < 0 ||
        avro_schema_parse(&s, &f->arena, buffer_cstr(&f->json), f->json.n, &f->err) < 0) {
        fail_msg("%s", f->err.text);
    }
    return s;
}

static void test_names_and_types(void **state)
{
    struct fixture *f = *state;
    struct type_field *field = arena_array(&f->arena, 1, sizeof *field);
    struct type *record = arena_zalloc(&f->arena, sizeof *record);
    *field = (struct type_field){"in-ner", &type_bytes};
    *record = (struct type){.kind = TYPE_RECORD, .nfields = 1, .field = field};
    schema_add(f->schema, "_time", &type_timestamp, false, true);
    schema_add(f->schema, "host name", &type_string, false, false);
    schema_add(f->schema, "9th", &type_boolean, true, false);
    schema_add(f->schema, "list", type_array(&f->arena, record), true, false);
    schema_add(f->schema, "map", type_map(&f->arena, &type_double), false, false);
    const struct avro_node *s = generate(f);
    assert_int_equal(f->n, 4);
    assert_int_equal(f->cols[0], 1);
    assert_string_equal(s->name, "klamm._9lives_x.Load");
    assert_string_equal(s->field[0].name, "host_name");
    assert_string_equal(s->field[1].name, "_9th");
    assert_int_equal(s->field[1].type->branch[0]->type, AV_NULL);
    assert_string_equal(s->field[1].json, "null");
    const struct avro_node *item = s->field[2].type->branch[1]->branch[0]->branch[1];
    assert_string_equal(item->name, "klamm._9lives_x.Load_list");
    assert_string_equal(item->field[0].name, "in_ner");
    assert_int_equal(s->field[3].type->type, AV_MAP);
}

static void test_collisions(void **state)
{
    struct fixture *f = *state;
    schema_add(f->schema, "a b", &type_string, false, false);
    schema_add(f->schema, "a-b", &type_string, false, false);
    assert_int_equal(avro_generate(&f->json, f->cols, &f->n, &f->spec, f->schema, &f->err),
                     -ERR_CONFIG);
    assert_string_equal(f->err.text,
                        "columns a b and a-b would both be the Avro field a_b: rename one");
}

static void test_keys_are_never_null(void **state)
{
    struct fixture *f = *state;
    uint16_t key[] = {1, 0};
    schema_add(f->schema, "a", &type_string, true, false);
    schema_add(f->schema, "_key", &type_long, true, true);
    f->schema->key = key;
    f->schema->nkey = 2;
    f->spec.is_key = true;
    const struct avro_node *s = generate(f);
    assert_string_equal(s->name, "klamm._9lives_x.LoadKey");
    assert_string_equal(s->field[0].name, "_key");
    assert_int_equal(s->field[0].type->type, AV_LONG);
    assert_int_equal(s->field[1].type->type, AV_STRING);
    f->schema->nkey = 1;
    buffer_clear(&f->json);
    assert_int_equal(generate(f)->type, AV_LONG);
    f->schema->nkey = 0;
    buffer_clear(&f->json);
    assert_int_equal(generate(f)->n, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_names_and_types),
        TEST(test_collisions),
        TEST(test_keys_are_never_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
