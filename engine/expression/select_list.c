/* Select list: "a, b * 2 as c" into named expressions.
 *
 * The text is cut at the commas outside of brackets, by tokens, so that texts and quoted names may
 * hold commas. The name is what stands behind a last `as`; a bare column names itself. The part
 * that is left keeps its place in the file. Names must differ.
 */
#include "engine/arena.h"
#include "engine/expression/expression.h"
#include "engine/expression/lexer.h"
#include "engine/expression/tree.h"

#include <string.h>

struct splitter {
    struct arena *a;
    struct diags *d;
    struct named_expression *item;
    int n, cap;
    bool failed;
};

static void add(struct splitter *s, const char *name, const struct config_text *text)
{
    if (s->n == s->cap) {
        int cap = s->cap > 0 ? s->cap * 2 : 8;
        struct named_expression *item = arena_array(s->a, (size_t)cap, sizeof *item);
        if (s->n > 0) {
            memcpy(item, s->item, (size_t)s->n * sizeof *item);
        }
        s->item = item;
        s->cap = cap;
    }
    s->item[s->n++] = (struct named_expression){.name = name, .text = *text, .at = text->at};
}

static bool fail(struct splitter *s, const struct config_text *whole, int pos, const char *message)
{
    struct source source = {whole, s->d};
    source_error(&source, pos, "%s", message);
    s->failed = true;
    return false;
}

/* The part of whole between two byte positions, at its own place. */
static struct config_text part_of(struct splitter *s, const struct config_text *whole, int pos,
                                  int end)
{
    struct config_text part = *whole;
    part.text = arena_strndup(s->a, whole->text + pos, (size_t)(end - pos));
    for (int k = 0; whole->in_place && k < pos; k++) {
        part.at.column += ((unsigned char)whole->text[k] & 0xC0) != 0x80;
    }
    return part;
}

/* "a" or "a.b" when the tokens are nothing else, or NULL. */
static const char *bare_name(struct splitter *s, const struct token *t, int n)
{
    char *name = NULL;
    for (int k = 0; k < n; k++) {
        bool is_name = t[k].kind == TOKEN_NAME || t[k].kind == TOKEN_QUOTED;
        if (is_name != (k % 2 == 0) || (!is_name && !token_is(&t[k], "."))) {
            return NULL;
        }
        if (is_name) {
            name = name == NULL ? arena_strdup(s->a, t[k].text)
                                : arena_printf(s->a, "%s.%s", name, t[k].text);
        }
    }
    return n % 2 == 1 ? name : NULL;
}

static bool add_item(struct splitter *s, const struct config_text *whole, const struct token *t,
                     int n, int pos)
{
    if (n == 0) {
        return fail(s, whole, pos, "expected an expression: there is a comma too many");
    }
    if (n == 1 && token_is(t, "*")) {
        return fail(s, whole, t->pos,
                    "`*` is not a list of columns: name them, or use `add` to keep all");
    }
    const char *name = bare_name(s, t, n);
    int length = n;
    if (n >= 2 && token_is(&t[n - 1], "as")) {
        return fail(s, whole, t[n - 1].end, "expected a name after `as`");
    }
    if (n >= 2 && token_is(&t[n - 2], "as")) {
        if (t[n - 1].kind != TOKEN_NAME && t[n - 1].kind != TOKEN_QUOTED) {
            return fail(s, whole, t[n - 1].pos, "expected a name after `as`");
        }
        name = t[n - 1].text;
        length = n - 2;
    }
    if (length == 0) {
        return fail(s, whole, t->pos, "expected an expression before `as`");
    }
    if (name == NULL) {
        return fail(s, whole, t->pos, "this expression needs a name: write `… as NAME`");
    }
    struct config_text part = part_of(s, whole, t[0].pos, t[length - 1].end);
    add(s, arena_strdup(s->a, name), &part);
    return true;
}

static bool split(struct splitter *s, const struct config_text *whole)
{
    struct token *t;
    int n, pos;
    struct err e = {0};
    if (lexer_read(&t, &n, s->a, whole->text, &pos, &e) < 0) {
        return fail(s, whole, pos, e.text);
    }
    if (n == 0) {
        return fail(s, whole, 0, "a list of expressions is expected, the text is empty");
    }
    int depth = 0, begin = 0;
    bool ok = true;
    for (int k = 0; k < n; k++) {
        depth += token_is(&t[k], "(") || token_is(&t[k], "[");
        depth -= token_is(&t[k], ")") || token_is(&t[k], "]");
        if (depth == 0 && token_is(&t[k], ",")) {
            ok = add_item(s, whole, t + begin, k - begin, t[k].pos) && ok;
            begin = k + 1;
        }
    }
    if (depth != 0) {
        return fail(s, whole, t[n - 1].pos,
                    whole->flow ? "the brackets do not match: inside {…} or […] a comma ends the "
                                  "value, so put the whole list in double quotes"
                                : "the brackets of the list do not match");
    }
    return add_item(s, whole, t + begin, n - begin, t[n].pos) && ok;
}

static void refuse_same_names(struct splitter *s)
{
    for (int i = 0; i < s->n; i++) {
        for (int k = 0; k < i; k++) {
            if (strcmp(s->item[i].name, s->item[k].name) == 0) {
                diags_add(s->d, s->item[i].at, s->item[i].text.path,
                          "two expressions are named '%s'", s->item[i].name);
                s->failed = true;
                break;
            }
        }
    }
}

int expression_list(struct named_expression **out, int *n, struct arena *a,
                    const struct config_list *list, struct diags *d)
{
    struct splitter s = {.a = a, .d = d};
    for (int k = 0; k < list->n; k++) {
        const struct config_item *item = &list->item[k];
        if (item->name != NULL) {
            add(&s, item->name, &item->value);
        } else if (item->value.text == NULL) {
            fail(&s, &item->value, 0, "an expression is expected");
        } else {
            split(&s, &item->value);
        }
    }
    if (s.n > COLUMNS_MAX) {
        fail(&s, &list->item[0].value, 0, "there are more expressions than a row may have columns");
    } else {
        refuse_same_names(&s);
    }
    *out = s.item;
    *n = s.n;
    return s.failed ? -ERR_CONFIG : 0;
}
