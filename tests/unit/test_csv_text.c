/* CSV as text: fields, records, quoting. */
#include "schemas/csv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* The fields of a record as "[a][b]", quoted ones as "(a)"; NULL at a fault. */
static const char *fields_of(struct buffer *out, const char *record)
{
    struct csv_fields f;
    const char *text;
    size_t n;
    bool is_quoted;
    buffer_clear(out);
    csv_fields_init(&f);
    csv_begin(&f, record, strlen(record));
    while (csv_next(&f, &text, &n, &is_quoted)) {
        buffer_byte(out, is_quoted ? '(' : '[');
        buffer_add(out, text, n);
        buffer_byte(out, is_quoted ? ')' : ']');
    }
    bool is_bad = f.fault != NULL;
    csv_fields_done(&f);
    return is_bad ? NULL : buffer_cstr(out);
}

static void fields(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"a,b", "[a][b]"},
        {"", "[]"},
        {",", "[][]"},
        {"a,", "[a][]"},
        {"\"\"", "()"},
        {"\"a\"\"b\",c", "(a\"b)[c]"},
        {"\"a,\nb\"", "(a,\nb)"},
        {"\"\"\"\"", "(\")"},
        {"a\"b,c", "[a\"b][c]"},
        {"a,b\r\n", "[a][b]"},
        {"a,b\n", "[a][b]"},
        {"\"a\"\r\n", "(a)"},
        {"\"\"\"a\"\"\",x", "(\"a\")[x]"},
        {" a , b ", "[ a ][ b ]"},
    };
    struct buffer out;
    buffer_init(&out);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        assert_string_equal(fields_of(&out, pairs[i][0]), pairs[i][1]);
    }
    assert_null(fields_of(&out, "\""));
    assert_null(fields_of(&out, "\"a"));
    assert_null(fields_of(&out, "\"a\"b"));
    assert_null(fields_of(&out, "x,\"a\"\"\n"));
    buffer_done(&out);
}

static void records(void **state)
{
    (void)state;
    assert_int_equal(csv_record("a,b\nc", 5), 4);
    assert_int_equal(csv_record("a,\"x\ny\"\nc", 9), 8);
    assert_int_equal(csv_record("a,\"x\"\"\ny\"\nc", 11), 10);
    assert_int_equal(csv_record("a\"b\nc", 5), 4);
    assert_int_equal(csv_record("a,\"b", 4), 0);
    assert_int_equal(csv_record("abc", 3), 0);
    assert_int_equal(csv_record("\n", 1), 1);
    assert_int_equal(csv_record("", 0), 0);
}

static void printing(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"a", "a"},           {"", "\"\""},     {"a,b", "\"a,b\""}, {"a\"b", "\"a\"\"b\""},
        {"a\nb", "\"a\nb\""}, {"\r", "\"\r\""}, {" a", " a"},
    };
    struct buffer out;
    buffer_init(&out);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        buffer_clear(&out);
        csv_print_field(&out, pairs[i][0], strlen(pairs[i][0]));
        assert_string_equal(buffer_cstr(&out), pairs[i][1]);
    }
    buffer_clear(&out);
    csv_print_field(&out, NULL, 0);
    assert_int_equal(out.n, 0);
    buffer_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(fields), cmocka_unit_test(records),
                                       cmocka_unit_test(printing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
