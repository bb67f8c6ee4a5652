/* What holds for every preprocessing step: its rows as step_harness.h runs them (all sizes of
 * batches, restarts), and a damaged snapshot that neither crashes nor is taken for a whole one. */
#ifndef KLAMM_TESTS_TRANSFORM_HARNESS_H
#define KLAMM_TESTS_TRANSFORM_HARNESS_H

#include "tests/unit/step_harness.h"

static inline void transform_expect(const struct step_def *def, const char *columns,
                                    const char *yaml, const char *rows, const char *expected)
{
    stand_expect(&(struct stand_case){def, columns, NULL, yaml, rows, expected});
}

static inline int transform_keep(void *ctx, const void *key, uint32_t key_n, const void *value,
                                 size_t value_n)
{
    struct buffer *kept = ctx;
    assert_int_equal(key_n, 1); /* `per: global` has one */
    assert_memory_equal(key, "o", 1);
    buffer_clear(kept);
    buffer_add(kept, value, value_n);
    return 0;
}

/* A new task with this as its state; where that is accepted, the rows run. */
static inline int transform_try(const struct stand_case *c, const char *saved, size_t n)
{
    struct task t;
    assert_true(stand_bind(&t, c));
    assert_int_equal(yaml_parse(&t.rows, &t.plan, "rows", c->rows, strlen(c->rows), &t.diags), 0);
    stand_open(&t);
    int status = state_restore(t.op.state, "o", 1, saved, n);
    if (status == 0) {
        stand_push(&t, 0, t.rows->n);
    }
    stand_close(&t);
    stand_done(&t);
    return status;
}

/* Every truncation is refused; a changed byte does no more than change numbers. */
static inline void transform_expect_damage(const struct step_def *def, const char *columns,
                                           const char *yaml, const char *rows)
{
    const struct stand_case c = {def, columns, NULL, yaml, rows, NULL};
    struct task t;
    struct buffer saved;
    buffer_init(&saved);
    assert_true(stand_bind(&t, &c));
    assert_int_equal(yaml_parse(&t.rows, &t.plan, "rows", rows, strlen(rows), &t.diags), 0);
    stand_open(&t);
    stand_push(&t, 0, t.rows->n);
    assert_int_equal(c.def->flush(&t.op), 0);
    assert_int_equal(state_changes(t.op.state, transform_keep, &saved), 0);
    stand_close(&t);
    stand_done(&t);
    assert_true(saved.n > 0);
    assert_int_equal(transform_try(&c, saved.data, saved.n), 0);
    for (size_t n = 0; n < saved.n; n++) {
        assert_int_equal(transform_try(&c, saved.data, n), -ERR_DATA);
    }
    for (size_t i = 0; i < saved.n; i++) {
        saved.data[i] = (char)~saved.data[i];
        int status = transform_try(&c, saved.data, saved.n);
        assert_true(status == 0 || status == -ERR_DATA);
        saved.data[i] = (char)~saved.data[i];
    }
    buffer_done(&saved);
}

#endif
