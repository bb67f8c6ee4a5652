/* Saved rows: which columns come out, and in batches of which rows. */
#include "windows/saved_rows.h"

#include "engine/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

struct stand {
    struct op op; /* first: op_emit() finds it by that */
    struct arena plan, mem;
    struct node node;
    struct buffer out, problem;
    int batches;
};

int op_emit(struct op *op, int output, struct batch *b)
{
    struct stand *s = (struct stand *)op;
    assert_int_equal(output, 0);
    s->batches++;
    for (uint16_t k = 0; k < b->nsel; k++) {
        uint16_t row = batch_row(b, k);
        assert_int_equal(b->time[row], b->seen[row]);
        buffer_printf(&s->out, "%lld", (long long)b->time[row]);
        for (uint16_t c = 0; c < b->schema->n; c++) {
            buffer_printf(&s->out, " %s=", b->schema->col[c].name);
            vec_print(&s->out, &b->col[c], row);
        }
        buffer_byte(&s->out, '\n');
    }
    return 0;
}

int64_t op_now(const struct op *op)
{
    (void)op;
    return 0;
}

int node_error(struct node *n, struct place at, const char *fmt, ...)
{
    struct stand *s = (struct stand *)((char *)n - offsetof(struct stand, node));
    char text[300];
    va_list args;
    (void)at;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    buffer_text(&s->problem, text);
    return -ERR_CONFIG;
}

static const struct step_def step = {.name = "stand"};

/* Columns: _key (hidden, the key), _offset (hidden), s, v. */
static void stand_init(struct stand *s)
{
    *s = (struct stand){0};
    arena_init(&s->plan);
    arena_init(&s->mem);
    buffer_init(&s->out);
    buffer_init(&s->problem);
    struct schema *in = schema_new(&s->plan, 4);
    in->key[in->nkey++] = schema_add(in, "_key", &type_string, true, true);
    in->keyed = true;
    schema_add(in, "_offset", &type_long, false, true);
    schema_add(in, "s", &type_string, true, false);
    schema_add(in, "v", &type_long, false, false);
    s->node.def = &step;
    s->node.in[0] = in;
    s->node.mem = &s->plan;
    s->op.node = &s->node;
    s->op.mem = &s->mem;
}

static void stand_done(struct stand *s)
{
    buffer_done(&s->out);
    buffer_done(&s->problem);
    arena_done(&s->mem);
    arena_done(&s->plan);
}

static void save(struct stand *s, const struct saved_schema *schema, int64_t v, struct buffer *out)
{
    struct batch *b = batch_new(&s->mem, s->node.in[0], 1, NULL);
    char text[40];
    int n = snprintf(text, sizeof text, "a long text number %lld", (long long)v);
    b->col[0].s[0] = str_copy(&s->mem, "k", 1);
    b->col[2].s[0] = str_copy(&s->mem, text, (uint32_t)n);
    b->col[3].i[0] = v;
    if (v % 2) {
        vec_set_null(&b->col[2], &s->mem, 1, 0);
    }
    buffer_clear(out);
    row_save(out, &schema->layout, b, 0);
}

static void columns_and_rows(void **state)
{
    (void)state;
    struct stand s;
    struct saved_schema schema;
    struct buffer row;
    stand_init(&s);
    buffer_init(&row);
    assert_int_equal(saved_schema_bind(&schema, &s.node, "rank", &type_long), 0);
    assert_int_equal(schema.out->n, 4);
    assert_int_equal(schema.out->nkey, 1);
    assert_string_equal(schema.out->col[schema.out->key[0]].name, "_key");
    assert_true(schema.out->col[0].hidden);
    struct saved_rows rows = {.op = &s.op, .schema = &schema, .left = 3};
    for (int64_t v = 0; v < 4; v++) { /* one more than was said */
        save(&s, &schema, v, &row);
        assert_int_equal(saved_rows_add(&rows, row.data, row.n, 10 * v, v + 1), 0);
    }
    assert_int_equal(saved_rows_flush(&rows), 0);
    assert_int_equal(saved_rows_flush(&rows), 0);
    assert_int_equal(s.batches, 2);
    assert_string_equal(buffer_cstr(&s.out), "0 _key=k s=a long text number 0 v=0 rank=1\n"
                                             "10 _key=k s=null v=1 rank=2\n"
                                             "20 _key=k s=a long text number 2 v=2 rank=3\n"
                                             "30 _key=k s=null v=3 rank=4\n");
    buffer_done(&row);
    stand_done(&s);
}

static void many_rows(void **state)
{
    (void)state;
    struct stand s;
    struct saved_schema schema;
    struct buffer row;
    stand_init(&s);
    buffer_init(&row);
    assert_int_equal(saved_schema_bind(&schema, &s.node, "rank", &type_long), 0);
    save(&s, &schema, 8, &row);
    struct saved_rows rows = {.op = &s.op, .schema = &schema, .left = 5000};
    for (int i = 0; i < 5000; i++) {
        assert_int_equal(saved_rows_add(&rows, row.data, row.n, i, i), 0);
    }
    assert_int_equal(saved_rows_flush(&rows), 0);
    assert_true(s.batches >= 5000 / BATCH_ROWS + 1);
    assert_non_null(
        strstr(buffer_cstr(&s.out), "4999 _key=k s=a long text number 8 v=8 rank=4999"));
    buffer_done(&row);
    stand_done(&s);
}

static void damage(void **state)
{
    (void)state;
    struct stand s;
    struct saved_schema schema;
    struct buffer row;
    stand_init(&s);
    buffer_init(&row);
    assert_int_equal(saved_schema_bind(&schema, &s.node, "rank", &type_long), 0);
    save(&s, &schema, 8, &row);
    for (size_t n = 0; n < row.n; n++) {
        struct saved_rows rows = {.op = &s.op, .schema = &schema, .left = 1};
        assert_int_equal(saved_rows_add(&rows, row.data, n, 0, 0), -ERR_DATA);
    }
    assert_int_equal(saved_schema_bind(&schema, &s.node, "v", &type_long), -ERR_CONFIG);
    assert_string_equal(buffer_cstr(&s.problem),
                        "there is a column \"v\" already, which stand adds: rename it before");
    buffer_done(&row);
    stand_done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_and_rows),
        cmocka_unit_test(many_rows),
        cmocka_unit_test(damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
