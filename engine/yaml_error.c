/* Syntax errors of YAML, said so that the reader knows what to change.
 *
 * libyaml tells what its scanner expected; users ask what they wrote wrongly. The table maps the
 * one to the other, its first line that matches wins: `problem` and `context` are parts of
 * libyaml's texts. `%o` in a text becomes "line L, column C" of the place where the construct
 * began, `%c` the character found. What the table does not know is reported in libyaml's words.
 */
#include "engine/yaml_error.h"

#include "engine/buffer.h"

#include <stdbool.h>
#include <string.h>

static const struct explanation {
    const char *problem, *context, *text;
} explanations[] = {
    {"cannot start any token", "\t", "a tab cannot indent or begin a value: use spaces"},
    {"cannot start any token", NULL, "text cannot begin with `%c`: put quotes around it"},
    {"tab character", NULL, "a tab cannot indent: use spaces"},
    {"',' or '}'", NULL,
     "the map {…} that begins at %o is not closed here: expected `,` or `}`; text with , [ ] { } "
     "in "
     "it needs quotes"},
    {"',' or ']'", NULL,
     "the list […] that begins at %o is not closed here: expected `,` or `]`; text with , [ ] { } "
     "in "
     "it needs quotes"},
    {"expected key", NULL,
     "expected a key with the indentation of the map that begins at %o: this line is indented "
     "otherwise, or a value goes on behind its closing quote"},
    {"'-' indicator", NULL,
     "expected `- ` with the indentation of the list that begins at %o, or a less indented key"},
    {"mapping values are not allowed", NULL,
     "a `: ` cannot stand here: text with `: ` in it needs quotes, and a key the indentation of "
     "its "
     "neighbours"},
    {"mapping keys are not allowed", NULL, "a key cannot begin here: check the indentation"},
    {"block sequence entries are not allowed", NULL,
     "a list item cannot begin here: put `- ` on a line of its own below the key"},
    {"could not find expected ':'", NULL,
     "expected `:` and a space behind the key that begins at %o"},
    {"node content", NULL, "expected a value before `%c`"},
    {"unexpected end of stream", NULL, "the quote that opens at %o is never closed"},
    {"unexpected document indicator", NULL,
     "the quote that opens at %o is not closed before the end of the document"},
    {"unknown escape", NULL,
     "unknown escape behind \\ in a double-quoted text: write \\\\ for a backslash, or use single "
     "quotes"},
    {"hexdecimal number", NULL, "expected hexadecimal digits in the escape"},
    {"Unicode character escape", NULL, "the escape is not a Unicode character"},
    {"indentation indicator", NULL, "the number behind | or > must be 1 to 9"},
    {"comment or line break", "block scalar",
     "expected the end of the line behind | or >: the text begins on the next line"},
    {"undefined tag handle", NULL, "unknown tag: only the core tags such as !!str are known"},
    {"tag", NULL, "malformed tag: text that begins with ! needs quotes"},
    {"URI", NULL, "malformed tag: text that begins with ! needs quotes"},
    {"alphabetic or numeric", "anchor",
     "expected a name behind &: text that begins with & needs quotes"},
    {"alphabetic or numeric", "alias",
     "expected a name behind *: text that begins with * needs quotes"},
    {"<document start>", NULL, "expected the end of the file, or --- here"},
    {"incompatible YAML document", NULL, "only YAML 1.1 and 1.2 can be read"},
    {"directive", NULL, "malformed % directive: only %YAML and %TAG are known"},
    {"octet", NULL, "the file is not UTF-8: invalid byte"},
    {"length of a UTF-8", NULL, "the file is not UTF-8: invalid byte"},
    {"surrogate", NULL, "the file is not valid UTF-16"},
    {"invalid Unicode character", NULL, "the file is not UTF-8: not a Unicode character"},
    {"control characters", NULL,
     "a control character is not allowed: write it as an escape in double quotes"},
    {"tag prefix", NULL, "malformed %TAG directive"},
};

static bool matches(const struct explanation *row, const struct yaml_syntax_error *x)
{
    if (x->problem == NULL || strstr(x->problem, row->problem) == NULL) {
        return false;
    }
    if (row->context == NULL || strcmp(row->context, x->found) == 0) {
        return true;
    }
    return x->context != NULL && strstr(x->context, row->context) != NULL;
}

static void write_explanation(struct buffer *b, const struct yaml_syntax_error *x, const char *text)
{
    for (const char *p = text; *p != 0; p++) {
        if (p[0] == '%' && p[1] == 'o') {
            buffer_printf(b, "line %d, column %d", x->context_line, x->context_column);
            p++;
        } else if (p[0] == '%' && p[1] == 'c') {
            buffer_text(b, x->found[0] == 0 ? "the end of the file" : x->found);
            p++;
        } else {
            buffer_byte(b, (uint8_t)*p);
        }
    }
}

int yaml_syntax_explain(const struct yaml_syntax_error *x, struct diags *d)
{
    struct buffer b;
    buffer_init(&b);
    const size_t n = sizeof explanations / sizeof explanations[0];
    size_t i = 0;
    while (i < n && !matches(&explanations[i], x)) {
        i++;
    }
    if (i < n) {
        write_explanation(&b, x, explanations[i].text);
    } else {
        buffer_printf(&b, "not YAML: %s%s%s", x->problem != NULL ? x->problem : "unreadable",
                      x->context != NULL ? ", " : "", x->context != NULL ? x->context : "");
    }
    diags_add(d, x->at, x->path, "%s", buffer_cstr(&b));
    buffer_done(&b);
    return -ERR_CONFIG;
}
