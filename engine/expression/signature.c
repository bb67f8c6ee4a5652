/* Signature: which kernel a call means. Functions and operators are found by name over all tables
 * of the registry; of several signatures the first that fits counts, where a long fits a double and
 * the literal null fits everything but arrays and maps.
 */
#include "engine/expression/bound.h"
#include "engine/registry.h"

#include <string.h>

char signature_letter(const struct function_def *f, int i)
{
    char last = 0;
    int at = 0;
    for (const char *s = f->args; *s != 0; s++) {
        if (*s == '|') {
            continue;
        }
        if (*s == '+') {
            return last;
        }
        last = *s;
        if (at++ == i) {
            return last;
        }
    }
    return 0;
}

static int least_arguments(const struct function_def *f)
{
    int n = 0;
    for (const char *s = f->args; *s != 0 && *s != '|'; s++) {
        n += *s != '+';
    }
    return n;
}

const struct type *signature_type(char letter)
{
    switch (letter) {
    case 'b':
        return &type_boolean;
    case 'l':
        return &type_long;
    case 'd':
        return &type_double;
    case 't':
        return &type_timestamp;
    case 's':
        return &type_string;
    case 'y':
        return &type_bytes;
    default:
        return NULL;
    }
}

const struct type *type_common(const struct type *a, const struct type *b, bool *ok)
{
    *ok = true;
    if (a == NULL || b == NULL) {
        return a != NULL ? a : b;
    }
    if (type_equal(a, b)) {
        return a;
    }
    if (type_is_numeric(a) && type_is_numeric(b)) {
        return &type_double;
    }
    *ok = false;
    return NULL;
}

static bool fits(char letter, const struct type *t, const struct type **common)
{
    bool ok = true;
    if (letter == '*') {
        *common = type_common(*common, t, &ok);
        return ok;
    }
    if (letter == 'A' || letter == 'M') {
        return t != NULL && t->kind == (letter == 'A' ? TYPE_ARRAY : TYPE_MAP);
    }
    if (letter == 'R') {
        return t != NULL && t->kind == TYPE_RECORD;
    }
    const struct type *wanted = signature_type(letter);
    if (t == NULL || wanted == NULL) {
        return wanted != NULL;
    }
    return t->kind == wanted->kind || (letter == 'd' && t->kind == TYPE_LONG);
}

static bool all_fit(const struct function_def *f, int n, struct bound *const *arg,
                    const struct type **common)
{
    *common = NULL;
    if (n < least_arguments(f)) {
        return false;
    }
    for (int i = 0; i < n; i++) {
        char letter = signature_letter(f, i);
        if (letter == 0 || !fits(letter, arg[i]->type, common)) {
            return false;
        }
    }
    return true;
}

const struct function_def *signature_find(const char *name, int n, struct bound *const *arg,
                                          const struct type **common)
{
    for (int t = 0; registry_functions[t] != NULL; t++) {
        for (const struct function_def *f = registry_functions[t]->functions; f->name; f++) {
            if (strcmp(f->name, name) == 0 && all_fit(f, n, arg, common)) {
                return f;
            }
        }
    }
    return NULL;
}

bool signature_knows(const char *name)
{
    for (int t = 0; registry_functions[t] != NULL; t++) {
        for (const struct function_def *f = registry_functions[t]->functions; f->name; f++) {
            if (strcmp(f->name, name) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* Operators are named by symbols or by words with a space, which no call can be. */
static bool is_callable(const char *name)
{
    return name[0] >= 'a' && name[0] <= 'z' && strchr(name, ' ') == NULL;
}

const char *const *signature_names(struct arena *a, const char *const *more)
{
    size_t n = 3;
    for (int t = 0; registry_functions[t] != NULL; t++) {
        for (const struct function_def *f = registry_functions[t]->functions; f->name; f++) {
            n++;
        }
    }
    for (int k = 0; more != NULL && more[k] != NULL; k++) {
        n++;
    }
    const char **names = arena_array(a, n, sizeof *names);
    n = 0;
    names[n++] = "cast";
    names[n++] = "try_cast";
    for (int t = 0; registry_functions[t] != NULL; t++) {
        for (const struct function_def *f = registry_functions[t]->functions; f->name; f++) {
            if (is_callable(f->name)) {
                names[n++] = f->name;
            }
        }
    }
    for (int k = 0; more != NULL && more[k] != NULL; k++) {
        names[n++] = more[k];
    }
    names[n] = NULL;
    return names;
}

static const char *letter_text(char letter)
{
    switch (letter) {
    case 'A':
        return "array";
    case 'M':
        return "map";
    case '*':
        return "any";
    default:
        break;
    }
    const struct type *t = signature_type(letter);
    return t == &type_boolean     ? "boolean"
           : t == &type_long      ? "long"
           : t == &type_double    ? "double"
           : t == &type_timestamp ? "timestamp"
           : t == &type_string    ? "string"
                                  : "bytes";
}

static void describe(struct buffer *b, const struct function_def *f)
{
    buffer_byte(b, '(');
    bool is_first = true;
    bool is_optional = false;
    for (const char *s = f->args; *s != 0; s++) {
        if (*s == '|') {
            is_optional = true;
        } else if (*s == '+') {
            buffer_text(b, ", …");
        } else {
            buffer_text(b, is_first ? "" : ", ");
            is_first = false;
            buffer_text(b, letter_text(*s));
            buffer_text(b, is_optional ? "?" : "");
        }
    }
    buffer_byte(b, ')');
}

const char *signature_describe(struct arena *a, const char *name)
{
    struct buffer b;
    buffer_init(&b);
    for (int t = 0; registry_functions[t] != NULL; t++) {
        for (const struct function_def *f = registry_functions[t]->functions; f->name; f++) {
            if (strcmp(f->name, name) == 0 && b.n < 300) {
                buffer_text(&b, b.n > 0 ? " or " : "");
                describe(&b, f);
            }
        }
    }
    const char *text = arena_strndup(a, b.n > 0 ? b.data : "", b.n);
    buffer_done(&b);
    return text;
}

const char *type_text(struct arena *a, const struct type *t)
{
    if (t == NULL) {
        return "null";
    }
    struct buffer b;
    buffer_init(&b);
    type_print(&b, t);
    const char *text = arena_strndup(a, b.data, b.n > 200 ? 200 : b.n);
    buffer_done(&b);
    return text;
}
