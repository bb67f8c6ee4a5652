/* Program: slots are shared, never between a result and its operands; selections balance. */
#include "engine/expression/program.h"
#include "tests/support/expressions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct program *build(struct fixture *f, const char *text)
{
    struct diags d;
    diags_init(&d);
    const struct expression *x;
    struct config_text t = fixture_text(text);
    assert_int_equal(expression_compile(&x, &f->plan, &t, f->schema, &d), 0);
    diags_done(&d);
    return x->program;
}

static bool is_slot(const struct program *p, uint32_t value, uint32_t slot)
{
    return p->value[value].kind == VALUE_SLOT && p->value[value].number == slot;
}

static void check_sound(const struct program *p)
{
    uint32_t depth = 0;
    for (uint32_t k = 0; k < p->n; k++) {
        const struct instruction *in = &p->code[k];
        depth += in->op == OP_ENTER || in->op == OP_BRANCH;
        assert_true(depth <= p->depth);
        if (in->op == OP_LEAVE) {
            assert_true(depth > 0);
            depth--;
        }
        if (in->op == OP_KEEP || in->op == OP_BRANCH) {
            assert_true(in->skip > k && in->skip < p->n);
            assert_int_equal(p->code[in->skip].op, OP_LEAVE);
        }
        for (uint32_t i = 0; in->op == OP_CALL && i < in->nargs; i++) {
            assert_false(is_slot(p, in->arg[i], p->value[in->out].number));
        }
    }
    assert_int_equal(depth, 0);
}

static void programs_are_sound(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    static const char *const texts[] = {
        "a",
        "1",
        "a + 1",
        "(a + 1) * (a + 2) * (a + 3)",
        "a > 1 and 1 / a > 1 or b / a > 2",
        "case when f then case when a > 1 then 1 else 2 end when b > 1 then 3 end",
        "coalesce(b + 1, b + 2, case a when 1 then coalesce(b, 7) end, 5)",
        "x between a + 1 and a + 2",
        "try_cast(s as long) in (1, b, a + 1)"};
    for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++) {
        check_sound(build(&f, texts[k]));
    }
    fixture_done(&f);
}

static void slots_are_shared(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct buffer b;
    buffer_init(&b);
    buffer_text(&b, "a");
    for (int k = 0; k < 300; k++) {
        buffer_text(&b, " + a");
    }
    const struct program *p = build(&f, buffer_cstr(&b));
    assert_int_equal(p->n, 300);
    assert_int_equal(p->nslots, 2);
    assert_int_equal(build(&f, "a")->n, 0);
    buffer_done(&b);
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(programs_are_sound),
        cmocka_unit_test(slots_are_shared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
