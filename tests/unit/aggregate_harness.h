/* Drives one aggregate without a window: rows in, result out, in batches of any size, merged from
 * any split. Values come as a vec of `rows` rows, or two; event times and source partitions beside.
 */
#ifndef KLAMM_TESTS_UNIT_AGGREGATE_HARNESS_H
#define KLAMM_TESTS_UNIT_AGGREGATE_HARNESS_H

#include "engine/aggregate.h"
#include "engine/arena.h"
#include "engine/memory.h"
#include "engine/nested.h"
#include "engine/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

struct rig {
    struct arena mem;
    struct aggregate_call call;
    struct vec x, y; /* the first argument, and the second unless it is a constant */
    struct batch batch;
    uint16_t rows;
    struct row_errors errors; /* of the last rig_add() */
};

/* Binds def over an argument of type x (NULL: no argument) and a second one: of type y (NULL:
 * none), or a constant as text. */
static inline int rig_bind_two(struct rig *g, const struct aggregate_def *def, const struct type *x,
                               const struct type *y, const char *constant, struct err *e)
{
    *g = (struct rig){0};
    arena_init(&g->mem);
    g->call.def = def;
    g->call.nargs = (x != NULL) + (y != NULL || constant != NULL);
    g->call.arg_type[0] = x;
    g->call.arg_type[1] = y;
    g->call.size = def->state_size;
    g->call.has_blob = def->has_blob;
    struct diags d;
    diags_init(&d);
    struct schema *none = schema_new(&g->mem, 1);
    uint16_t column = schema_add(none, "y", y ? y : &type_long, true, false);
    assert_int_equal(column, 0);
    struct config_text text = {.text = constant ? constant : "y"};
    assert_int_equal(expression_compile(&g->call.arg[1], &g->mem, &text, none, &d), 0);
    if (constant) {
        g->call.arg_type[1] = expression_type(g->call.arg[1]);
    }
    diags_done(&d);
    return def->bind(&g->call, &g->mem, e);
}

/* Binds def over an argument of this type (NULL: no argument). */
static inline int rig_bind(struct rig *g, const struct aggregate_def *def, const struct type *type,
                           struct err *e)
{
    return rig_bind_two(g, def, type, NULL, NULL, e);
}

static inline void rig_init_two(struct rig *g, const struct aggregate_def *def,
                                const struct type *x, const struct type *y, const char *constant,
                                uint16_t rows)
{
    struct err e = {0};
    assert_int_equal(rig_bind_two(g, def, x, y, constant, &e), 0);
    assert_int_equal(g->call.size % 8, 0);
    g->rows = rows;
    g->x = vec_new(&g->mem, x ? x : &type_long, rows);
    g->y = vec_new(&g->mem, g->call.arg_type[1] ? g->call.arg_type[1] : &type_long, rows);
    g->batch.rows = g->batch.nsel = rows;
    g->batch.mem = &g->mem;
    g->batch.time = arena_zalloc(&g->mem, rows * sizeof *g->batch.time + 1);
}

static inline void rig_init(struct rig *g, const struct aggregate_def *def, const struct type *type,
                            uint16_t rows)
{
    rig_init_two(g, def, type, NULL, NULL, rows);
}

static inline void rig_null(struct rig *g, uint16_t row)
{
    vec_set_null(&g->x, &g->mem, g->rows, row);
}

static inline void *rig_state(struct rig *g)
{
    void *state = arena_zalloc(&g->mem, g->call.size);
    if (g->call.def->init) {
        g->call.def->init(&g->call, state);
    }
    return state;
}

/* Adds rows [from, to) to one state. */
static inline void rig_add(struct rig *g, void *state, uint16_t from, uint16_t to)
{
    uint16_t row[BATCH_ROWS];
    void *states[BATCH_ROWS];
    uint16_t n = 0;
    for (uint16_t i = from; i < to; i++) {
        row[n] = i;
        states[n++] = state;
    }
    const struct vec arg[2] = {g->x, g->y};
    struct aggregate_rows r = {&g->batch, arg, n, row, states};
    g->errors = (struct row_errors){0};
    assert_int_equal(g->call.def->update(&g->call, &r, &g->errors), 0);
}

static inline void rig_drop(struct rig *g, void *state)
{
    if (g->call.has_blob) {
        struct blob b;
        memcpy(&b, state, sizeof b);
        mem_free(b.p);
        memset(state, 0, sizeof b);
    }
}

/* The result in row 0 of a vec. */
static inline struct vec rig_result(struct rig *g, const void *state)
{
    struct vec out = vec_new(&g->mem, g->call.type, 1);
    g->call.def->result(&g->call, state, &out, 0, 1, &g->mem);
    return out;
}

static inline struct vec rig_all(struct rig *g)
{
    void *state = rig_state(g);
    rig_add(g, state, 0, g->rows);
    struct vec out = rig_result(g, state);
    rig_drop(g, state);
    return out;
}

static inline const char *rig_text(struct rig *g, const struct vec *v)
{
    struct buffer b;
    buffer_init(&b);
    vec_print(&b, v, 0);
    const char *text = arena_strdup(&g->mem, buffer_cstr(&b));
    buffer_done(&b);
    return text;
}

/* The same bits in batches of 1, 3 and all. */
static inline void rig_any_batch_size(struct rig *g)
{
    struct vec whole = rig_all(g);
    for (uint16_t step = 1; step <= 3; step = (uint16_t)(step + 2)) {
        void *state = rig_state(g);
        for (uint16_t i = 0; i < g->rows; i = (uint16_t)(i + step)) {
            rig_add(g, state, i, (uint16_t)(i + step < g->rows ? i + step : g->rows));
        }
        struct vec part = rig_result(g, state);
        assert_string_equal(rig_text(g, &whole), rig_text(g, &part));
        rig_drop(g, state);
    }
}

/* (a b) c = a (b c) = abc for every pair of cuts, doubles within a relative `tolerance` (0: the
 * same text). Rows must be in the order of their times. */
static inline void rig_combines(struct rig *g, double tolerance)
{
    struct vec whole = rig_all(g);
    for (uint16_t i = 0; i <= g->rows; i++) {
        for (uint16_t j = i; j <= g->rows; j++) {
            for (int way = 0; way < 2; way++) {
                void *a = rig_state(g), *b = rig_state(g), *c = rig_state(g);
                rig_add(g, a, 0, i);
                rig_add(g, b, i, j);
                rig_add(g, c, j, g->rows);
                if (way == 0) {
                    g->call.def->combine(&g->call, a, b);
                    g->call.def->combine(&g->call, a, c);
                } else {
                    g->call.def->combine(&g->call, b, c);
                    g->call.def->combine(&g->call, a, b);
                }
                struct vec out = rig_result(g, a);
                if (tolerance == 0 || vec_is_null(&whole, 0)) {
                    assert_string_equal(rig_text(g, &out), rig_text(g, &whole));
                } else {
                    double limit = tolerance * (1 + fabs(whole.d[0]));
                    assert_true(fabs(out.d[0] - whole.d[0]) <= limit);
                }
                rig_drop(g, a);
                rig_drop(g, b);
                rig_drop(g, c);
            }
        }
    }
}

static inline void rig_done(struct rig *g)
{
    arena_done(&g->mem);
}

/* Small random numbers of either kind, a quarter of them null. */
static inline void rig_fill(struct rig *g, uint64_t seed)
{
    struct random r;
    random_seed(&r, seed, 1);
    for (uint16_t i = 0; i < g->rows; i++) {
        g->batch.time[i] = i / 3;
        if (random_below(&r, 4) == 0) {
            rig_null(g, i);
        } else if (g->x.type->kind == TYPE_DOUBLE) {
            g->x.d[i] = random_normal(&r) * 1000;
        } else {
            g->x.i[i] = (int64_t)random_below(&r, 2000) - 1000;
        }
    }
}

/* Binding to a type that the aggregate does not take. */
static inline void rig_refuses(const struct aggregate_def *def, const struct type *type,
                               const char *message)
{
    struct rig g;
    struct err e = {0};
    assert_int_equal(rig_bind(&g, def, type, &e), -ERR_CONFIG);
    assert_string_equal(e.text, message);
    rig_done(&g);
}

/* The same, of an aggregate with two arguments. */
static inline void rig_refuses_two(const struct aggregate_def *def, const struct type *x,
                                   const struct type *y, const char *constant, const char *message)
{
    struct rig g;
    struct err e = {0};
    assert_int_equal(rig_bind_two(&g, def, x, y, constant, &e), -ERR_CONFIG);
    assert_string_equal(e.text, message);
    rig_done(&g);
}

#endif
