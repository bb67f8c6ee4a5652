/* Shape of objects: splitting, finding, order. */
#include "schemas/json_shape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct json_node *shape(struct arena *a, const char *const *names, uint16_t n)
{
    struct schema *s = schema_new(a, n);
    uint16_t *column = arena_array(a, n, sizeof *column);
    for (uint16_t i = 0; i < n; i++) {
        schema_add(s, names[i], &type_long, true, i % 2 != 0);
        column[i] = i;
    }
    assert_int_equal(json_visible_columns(s, arena_array(a, n, sizeof(uint16_t))), (n + 1) / 2);
    return json_shape(a, s, column, n);
}

static void splitting(void **state)
{
    (void)state;
    static const char *const names[] = {"a.b", "x", "a.c.d", "y", "y.z", "a.", ".b", "p..q"};
    struct arena a;
    arena_init(&a);
    struct json_node *root = shape(&a, names, 8);
    assert_int_equal(root->nchild, 7);
    struct json_node *node = json_child(root, "a", 1);
    assert_int_equal(node->column, -1);
    assert_int_equal(node->nchild, 2);
    assert_int_equal(json_child(node, "b", 1)->column, 0);
    assert_int_equal(json_child(json_child(node, "c", 1), "d", 1)->column, 2);
    static const char *const whole[] = {"x", "y", "y.z", "a.", ".b", "p..q"};
    static const int column[] = {1, 3, 4, 5, 6, 7};
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(json_child(root, whole[i], strlen(whole[i]))->column, column[i]);
    }
    assert_null(json_child(root, "b", 1));
    assert_null(json_child(root, "", 0));
    arena_done(&a);
}

static void many_children(void **state)
{
    (void)state;
    enum { N = 500 };
    static const char *names[N];
    struct arena a;
    arena_init(&a);
    for (int i = 0; i < N; i++) {
        names[i] = arena_printf(&a, "o.%d", i);
    }
    struct json_node *node = json_child(shape(&a, names, N), "o", 1);
    assert_int_equal(node->nchild, N);
    for (uint16_t i = 0; i < N; i++) {
        struct json_node *child = json_child(node, names[i] + 2, strlen(names[i] + 2));
        assert_ptr_equal(child, node->child[i]);
        assert_int_equal(child->column, i);
        assert_int_equal(child->index, i);
    }
    assert_null(json_child(node, "500", 3));
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(splitting),
                                       cmocka_unit_test(many_children)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
