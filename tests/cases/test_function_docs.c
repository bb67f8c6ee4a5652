/* docs/expressions.md has the functions of the registry: the table between its markers is what this
 * program prints when called with --print (tests/cases/test_docs compares and rewrites it).
 *
 * Here: every function has a sentence, and the page names it.
 */
#include "engine/buffer.h"
#include "engine/expression/functions.h"
#include "engine/registry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Operators and casts are functions too; the page has them in words. */
static bool is_function(const struct function_def *f)
{
    return f->name[strspn(f->name, "abcdefghijklmnopqrstuvwxyz0123456789_")] == 0 &&
           f->name[0] != '_';
}

static const char *letter_name(char letter)
{
    switch (letter) {
    case 'b':
        return "boolean";
    case 'l':
        return "long";
    case 'd':
        return "double";
    case 't':
        return "timestamp";
    case 's':
        return "string";
    case 'y':
        return "bytes";
    case 'A':
        return "array";
    case 'M':
        return "map";
    case 'S':
        return "array<string>";
    case 'e':
        return "its element";
    case '=':
        return "the same";
    default:
        return "any";
    }
}

static void print_function(struct buffer *b, const struct function_def *f)
{
    const char *separator = "";
    bool is_optional = false;
    buffer_printf(b, "| `%s(", f->name);
    for (const char *s = f->args; *s; s++) {
        if (*s == '|') {
            is_optional = true;
        } else if (*s == '+') {
            buffer_text(b, ", …");
        } else {
            buffer_printf(b, "%s%s%s", is_optional ? " [" : "", separator, letter_name(*s));
            separator = ", ";
        }
    }
    buffer_printf(b, "%s)` | %s | %s |\n", is_optional ? "]" : "", letter_name(f->result), f->doc);
}

static void print_tables(struct buffer *b)
{
    for (int i = 0; registry_functions[i]; i++) {
        bool any = false;
        for (const struct function_def *f = registry_functions[i]->functions; f->name; f++) {
            if (is_function(f)) {
                if (!any) {
                    buffer_printf(b, "%sOf %s:\n\n| function | result | meaning |\n|---|---|---|\n",
                                  b->n ? "\n" : "", registry_functions[i]->family);
                }
                any = true;
                print_function(b, f);
            }
        }
    }
}

static void test_all_are_named(void **unused)
{
    static char page[1 << 18];
    FILE *f = fopen(KLAMM_SOURCE_DIR "/docs/expressions.md", "rb");
    int n = 0;
    (void)unused;
    assert_non_null(f);
    page[fread(page, 1, sizeof page - 1, f)] = 0;
    fclose(f);
    for (int i = 0; registry_functions[i]; i++) {
        for (const struct function_def *d = registry_functions[i]->functions; d->name; d++) {
            char call[80];
            snprintf(call, sizeof call, "`%s(", d->name);
            assert_non_null(d->doc);
            if (is_function(d) && !strstr(page, call)) {
                print_error("docs/expressions.md does not name %s\n", d->name);
                n++;
            }
        }
    }
    assert_int_equal(n, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all_are_named)};
    if (argc > 1 && strcmp(argv[1], "--print") == 0) {
        struct buffer b;
        buffer_init(&b);
        print_tables(&b);
        fwrite(b.data, 1, b.n, stdout);
        buffer_done(&b);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
