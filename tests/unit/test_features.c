/* Features: patterns, types, missing values, categories; rows gathered from columns. */
#include "ml/features.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

extern const struct learner_def learner_gaussian_nb;
extern const struct learner_def learner_perceptron;

static struct arena arena;
static struct diags diags;
static struct learner_def tree; /* takes categories */

static struct schema *columns(void)
{
    struct schema *s = schema_new(&arena, 9);
    schema_add(s, "cpu_user", &type_double, true, false);
    schema_add(s, "cpu_idle", &type_long, true, false);
    schema_add(s, "disk", &type_double, true, false);
    schema_add(s, "up", &type_boolean, true, false);
    schema_add(s, "zone", &type_string, true, false);
    schema_add(s, "_offset", &type_long, false, true);
    schema_add(s, "state", &type_long, true, false);
    schema_add(s, "words", type_array(&arena, &type_string), true, false);
    return s;
}

static struct config_text text_of(const char *text)
{
    return (struct config_text){
        .text = text, .path = "features", .at = {"t", 3, 10}, .in_place = true};
}

/* Binds a list of up to 8 texts against columns() with `state` as label. */
static int bind(struct features *f, const struct learner_def *def, const char *const *text)
{
    static struct config_item item[8];
    struct config_list list = {.item = item};
    struct config_text label_text = text_of("state");
    const struct expression *label;
    struct schema *in = columns();
    for (; text[list.n]; list.n++) {
        item[list.n] = (struct config_item){.value = text_of(text[list.n])};
    }
    assert_int_equal(expression_compile(&label, &arena, &label_text, in, &diags), 0);
    struct features_setup setup = {
        .list = &list,
        .whole = text_of(""),
        .in = in,
        .label = label,
        .def = def,
        .nsparse = 1000,
        .mem = &arena,
        .diags = &diags,
    };
    return features_bind(f, &setup);
}

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena);
    diags_init(&diags);
    tree = learner_gaussian_nb;
    tree.takes_categories = true;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    diags_done(&diags);
    arena_done(&arena);
    return 0;
}

static void assert_names(const char *const *text, const char *const *expected)
{
    struct features f;
    uint32_t n = 0;
    assert_int_equal(bind(&f, &learner_gaussian_nb, text), 0);
    for (; expected[n]; n++) {
        assert_true(n < f.n);
        assert_string_equal(f.column[n].name, expected[n]);
    }
    assert_int_equal(f.n, n);
}

static void patterns_mean_visible_numeric_columns_without_the_label(void **state)
{
    (void)state;
    assert_names((const char *[]){"cpu_*", NULL}, (const char *[]){"cpu_user", "cpu_idle", NULL});
    assert_names((const char *[]){"*", NULL},
                 (const char *[]){"cpu_user", "cpu_idle", "disk", NULL});
    assert_names((const char *[]){"*i*", "up", NULL},
                 (const char *[]){"cpu_idle", "disk", "up", NULL});
    assert_names((const char *[]){"disk*cpu_user", NULL}, (const char *[]){"disk*cpu_user", NULL});
}

static void one_text_may_hold_several(void **state)
{
    (void)state;
    assert_names(
        (const char *[]){" disk , greatest(disk, cpu_user),cpu_*", NULL},
        (const char *[]){"disk", "greatest(disk, cpu_user)", "cpu_user", "cpu_idle", NULL});
}

static void problems_point_into_the_text(void **state)
{
    (void)state;
    struct features f;
    assert_int_equal(bind(&f, &learner_gaussian_nb, (const char *[]){"disk, dusk", "zone", NULL}),
                     -ERR_CONFIG);
    assert_int_equal(diags.n, 2);
    assert_int_equal(diags.item[0].at.column, 16); /* of dusk */
    assert_non_null(strstr(diags.item[1].text, "takes numbers"));
}

static struct batch *make_batch(uint16_t rows)
{
    struct batch *b = batch_new(&arena, columns(), rows, NULL);
    b->nsel = rows;
    for (uint16_t r = 0; r < rows; r++) {
        b->col[0].d[r] = r * 0.5;
        b->col[1].i[r] = r;
        b->col[2].d[r] = 1;
        b->col[3].b[r] = r % 2;
        b->col[4].s[r] = str_ref(r % 3 ? "west" : "a zone of many letters", r % 3 ? 4 : 22);
    }
    return b;
}

static void rows_are_gathered_as_doubles(void **state)
{
    (void)state;
    struct features f;
    struct feature_rows rows;
    struct row_errors errors = {0};
    struct batch *b = make_batch(5);
    double x[3];
    assert_int_equal(
        bind(&f, &learner_gaussian_nb, (const char *[]){"cpu_user * 2", "cpu_idle", "up", NULL}),
        0);
    assert_int_equal(features_eval(&f, b, &rows, &errors), 0);
    for (uint16_t r = 0; r < 5; r++) {
        features_row(&f, &rows, r, NULL, FEATURE_PREDICT, x);
        assert_true(x[0] == r && x[1] == r && x[2] == r % 2);
        assert_false(rows.is_missing[r]);
    }
}

static void null_nan_and_huge_values_are_missing(void **state)
{
    (void)state;
    struct features f;
    struct feature_rows rows;
    struct row_errors errors = {0};
    struct batch *b = make_batch(7);
    b->col[0].d[0] = NAN;
    b->col[0].d[1] = -INFINITY;
    b->col[0].d[2] = 2e150;
    vec_set_null(&b->col[1], &arena, 7, 3);
    b->col[1].i[4] = INT64_MIN;
    assert_int_equal(bind(&f, &learner_gaussian_nb, (const char *[]){"cpu_*", NULL}), 0);
    assert_int_equal(features_eval(&f, b, &rows, &errors), 0);
    const uint8_t expected[] = {1, 1, 1, 1, 0, 0, 0};
    assert_memory_equal(rows.is_missing, expected, 7);
}

static void failures_of_several_expressions_are_merged(void **state)
{
    (void)state;
    struct features f;
    struct feature_rows rows;
    struct row_errors errors = {0};
    struct batch *b = make_batch(6);
    assert_int_equal(
        bind(&f, &learner_gaussian_nb,
             (const char *[]){"1 / (cpu_idle - 4)", "1 / cpu_idle", "1 / (cpu_idle % 4)", NULL}),
        0);
    assert_int_equal(features_eval(&f, b, &rows, &errors), 0);
    assert_int_equal(errors.n, 2);
    assert_int_equal(errors.item[0].row, 0);
    assert_int_equal(errors.item[1].row, 4);
}

static void categories_are_numbered_when_learned(void **state)
{
    (void)state;
    struct features f;
    struct feature_rows rows;
    struct row_errors errors = {0};
    struct classes zone;
    struct batch *b = make_batch(3);
    double x[2];
    classes_init(&zone, &type_string);
    assert_int_equal(bind(&f, &tree, (const char *[]){"zone", "disk", NULL}), 0);
    assert_int_equal(f.ncategories, 1);
    assert_true(f.column[0].is_category && !f.column[1].is_category);
    assert_int_equal(features_eval(&f, b, &rows, &errors), 0);
    features_row(&f, &rows, 1, &zone, FEATURE_PREDICT, x);
    assert_true(x[0] == -1 && x[1] == 1);
    features_row(&f, &rows, 1, &zone, FEATURE_LEARN, x);
    assert_true(x[0] == 0);
    features_row(&f, &rows, 0, &zone, FEATURE_LEARN, x);
    assert_true(x[0] == 1);
    features_row(&f, &rows, 2, &zone, FEATURE_PREDICT, x);
    assert_true(x[0] == 0);
    classes_done(&zone);
}

static double item_of(const struct bag *b, const char *text)
{
    bool is_negative;
    struct hashed_text t = hashed_begin(0);
    hashed_add(&t, text, strlen(text));
    uint32_t index = hashed_index(hashed_end(&t), 1000, &is_negative);
    for (uint32_t i = 0; i < b->n; i++) {
        if (b->item[i].index == index) {
            return is_negative ? -b->item[i].value : b->item[i].value;
        }
    }
    return 0;
}

static void put_words(struct batch *b, uint16_t row, const char *const *word)
{
    struct buffer items;
    int n = 0;
    while (word[n]) {
        n++;
    }
    buffer_init(&items);
    buffer_varint(&items, n);
    for (int i = 0; i < n; i++) {
        struct nested_value value = {.s = {word[i], (uint32_t)strlen(word[i])}};
        nested_put(&items, &type_string, &value);
    }
    b->col[7].s[row] = str_copy(&arena, items.data, (uint32_t)items.n);
    buffer_done(&items);
}

static void words_and_strings_are_hashed(void **state)
{
    (void)state;
    struct features f;
    struct feature_rows rows;
    struct row_errors errors = {0};
    struct bag bag;
    struct batch *b = make_batch(3);
    double x[1];
    put_words(b, 0, (const char *[]){"cat", "dog", "cat", NULL});
    put_words(b, 1, (const char *[]){NULL});
    vec_set_null(&b->col[7], &arena, 3, 2);
    bag_init(&bag, 1);
    assert_int_equal(bind(&f, &learner_perceptron, (const char *[]){"words", "disk", "zone", NULL}),
                     0);
    assert_true(f.n == 1 && f.nbags == 2 && f.nsparse == 1000);
    assert_int_equal(features_eval(&f, b, &rows, &errors), 0);
    assert_true(!rows.is_missing[0] && !rows.is_missing[1] && rows.is_missing[2]);
    features_row(&f, &rows, 0, NULL, FEATURE_PREDICT, x);
    features_bag(&f, &rows, 0, &bag);
    assert_true(x[0] == 1 && bag.n == 3);
    assert_true(item_of(&bag, "cat") == 2 && item_of(&bag, "dog") == 1);
    assert_true(item_of(&bag, "zone=a zone of many letters") == 1);
    features_bag(&f, &rows, 1, &bag);
    assert_true(bag.n == 1 && item_of(&bag, "zone=west") == 1);
    bag_done(&bag);
}

static void named_words_begin_with_their_name(void **state)
{
    (void)state;
    struct features f;
    struct feature_rows rows;
    struct row_errors errors = {0};
    struct bag bag;
    struct batch *b = make_batch(1);
    struct config_item item = {.name = "title", .value = text_of("words")};
    struct config_list list = {.n = 1, .item = &item};
    struct features_setup setup = {.list = &list,
                                   .whole = text_of(""),
                                   .in = columns(),
                                   .def = &learner_perceptron,
                                   .nsparse = 1000,
                                   .mem = &arena,
                                   .diags = &diags};
    put_words(b, 0, (const char *[]){"cat", NULL});
    bag_init(&bag, 1);
    assert_int_equal(features_bind(&f, &setup), 0);
    assert_int_equal(features_eval(&f, b, &rows, &errors), 0);
    features_bag(&f, &rows, 0, &bag);
    assert_true(bag.n == 1 && item_of(&bag, "title=cat") == 1);
    bag_done(&bag);
}

static void rows_of_a_changelog_are_looked_at(void **state)
{
    (void)state;
    struct features f;
    assert_int_equal(bind(&f, &learner_perceptron, (const char *[]){"words", "disk", NULL}), 0);
    double row[] = {0.5, 2, 7, 1, 999, -1};
    assert_int_equal(features_length(&f, row), 6);
    assert_true(features_hold(&f, row, 6));
    assert_false(features_hold(&f, row, 5));
    assert_false(features_hold(&f, row, 1));
    const double count[] = {-1, 1, 3, 1e9, (double)NAN};
    for (int i = 0; i < 5; i++) {
        row[1] = count[i];
        assert_false(features_hold(&f, row, 6));
    }
    row[1] = 2;
    row[4] = 1000;
    assert_false(features_hold(&f, row, 6));
    assert_int_equal(bind(&f, &learner_perceptron, (const char *[]){"disk", NULL}), 0);
    assert_true(features_hold(&f, row, 1) && !features_hold(&f, row, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(patterns_mean_visible_numeric_columns_without_the_label,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_text_may_hold_several, set_up, tear_down),
        cmocka_unit_test_setup_teardown(problems_point_into_the_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rows_are_gathered_as_doubles, set_up, tear_down),
        cmocka_unit_test_setup_teardown(null_nan_and_huge_values_are_missing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failures_of_several_expressions_are_merged, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(categories_are_numbered_when_learned, set_up, tear_down),
        cmocka_unit_test_setup_teardown(words_and_strings_are_hashed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(named_words_begin_with_their_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rows_of_a_changelog_are_looked_at, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
