/* Parser: tokens to a tree, by precedence climbing.
 *
 *   1 or   2 and   3 not   4 = <> < <= > >= is in like between   5 ||   6 + -   7 * / %   8 unary -
 *   9 x[i]  x.field
 *
 * Comparisons do not chain. Names of functions and keywords are read in any case, columns exactly.
 * Nesting is counted, so that no input overflows the stack; so is the height of the tree, for those
 * who walk it. A fault ends the parse: one problem for one text.
 */
#include "engine/expression/tree.h"

#include "engine/buffer.h"
#include "engine/expression/lexer.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum level {
    LEVEL_OR = 1,
    LEVEL_AND,
    LEVEL_NOT,
    LEVEL_COMPARE,
    LEVEL_CONCAT,
    LEVEL_ADD,
    LEVEL_MULTIPLY,
    LEVEL_UNARY,
};

struct parser {
    struct arena *a;
    const struct source *source;
    const struct token *t; /* the next one */
    int nesting;
    bool failed;
};

static const char *const reserved[] = {"and",  "or",   "not",  "between", "in",   "like",
                                       "is",   "null", "true", "false",   "case", "when",
                                       "then", "else", "end",  "as",      NULL};

static struct node *parse(struct parser *p, int level);

/* ---- problems ---- */

static int column_of(const struct config_text *text, int pos)
{
    int column = 0; /* characters, as the YAML reader counts them */
    for (int k = 0; k < pos && text->text[k] != 0; k++) {
        column += ((unsigned char)text->text[k] & 0xC0) != 0x80;
    }
    return column;
}

int source_error(const struct source *s, int pos, const char *fmt, ...)
{
    char text[900];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    struct place at = s->text->at;
    int column = s->text->text != NULL ? column_of(s->text, pos) : 0;
    if (s->text->in_place && at.column > 0) {
        at.column += column;
        return diags_add(s->diags, at, s->text->path, "%s", text);
    }
    return diags_add(s->diags, at, s->text->path, "%s (character %d of the expression)", text,
                     column + 1);
}

/* A comma inside {…} or […] cuts an expression in two: its brackets are left open. */
static bool is_cut_by_comma(const struct config_text *text)
{
    if (!text->flow) {
        return false;
    }
    int open = 0;
    char quote = 0;
    for (const char *s = text->text; *s != 0; s++) {
        if (quote != 0) {
            quote = *s == quote ? 0 : quote;
        } else if (*s == '\'' || *s == '"') {
            quote = *s;
        } else if (*s == '(' || *s == '[') {
            open++;
        } else if (*s == ')' || *s == ']') {
            open--;
        }
    }
    return open != 0 || quote != 0;
}

static int report(const struct source *s, int pos, const char *message)
{
    if (is_cut_by_comma(s->text)) {
        return source_error(
            s, pos,
            "the brackets of the expression do not match: inside {…} or […] a comma "
            "ends the value, so put the whole expression in double quotes");
    }
    return source_error(s, pos, "%s", message);
}

__attribute__((format(printf, 3, 4))) static struct node *fail(struct parser *p, int pos,
                                                               const char *fmt, ...)
{
    if (!p->failed) {
        char text[600];
        va_list args;
        va_start(args, fmt);
        vsnprintf(text, sizeof text, fmt, args);
        va_end(args);
        report(p->source, pos, text);
        p->failed = true;
    }
    return NULL;
}

static const char *show(struct parser *p, const struct token *t)
{
    if (t->kind == TOKEN_END) {
        return "the end of the expression";
    }
    int n = t->end - t->pos;
    return arena_printf(p->a, "`%.*s%s`", n > 40 ? 40 : n, p->source->text->text + t->pos,
                        n > 40 ? "…" : "");
}

static bool is_reserved(const struct token *t)
{
    for (int k = 0; t->kind == TOKEN_NAME && reserved[k] != NULL; k++) {
        if (strcasecmp(t->text, reserved[k]) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_plain_name(const struct token *t)
{
    return t->kind == TOKEN_NAME && !is_reserved(t);
}

/* ---- nodes ---- */

static struct node *node_new(struct parser *p, enum node_kind kind, int pos, int n)
{
    struct node *x = arena_zalloc(p->a, sizeof *x);
    x->kind = kind;
    x->pos = pos;
    x->n = n;
    x->child = n > 0 ? arena_zalloc(p->a, (size_t)n * sizeof *x->child) : NULL;
    return x;
}

/* To be called when the children are set. */
static struct node *node_done(struct parser *p, struct node *x)
{
    int height = 0;
    for (int k = 0; k < x->n; k++) {
        if (x->child[k] != NULL && x->child[k]->height > height) {
            height = x->child[k]->height;
        }
    }
    if (height + 1 > TREE_HEIGHT_MAX) {
        return fail(p, x->pos, "the expression has more than %d operators in a chain",
                    TREE_HEIGHT_MAX);
    }
    x->height = (uint16_t)(height + 1);
    return x;
}

static struct node *node_of(struct parser *p, enum node_kind kind, int pos, struct node *a,
                            struct node *b)
{
    if (a == NULL) {
        return NULL;
    }
    struct node *x = node_new(p, kind, pos, b != NULL ? 2 : 1);
    x->child[0] = a;
    if (b != NULL) {
        x->child[1] = b;
    }
    return node_done(p, x);
}

struct nodes {
    struct node **item;
    int n, cap;
};

static void nodes_add(struct parser *p, struct nodes *list, struct node *x)
{
    if (list->n == list->cap) {
        int cap = list->cap > 0 ? list->cap * 2 : 4;
        struct node **item = arena_array(p->a, (size_t)cap, sizeof *item);
        if (list->n > 0) {
            memcpy(item, list->item, (size_t)list->n * sizeof *item);
        }
        list->item = item;
        list->cap = cap;
    }
    list->item[list->n++] = x;
}

static struct node *node_from(struct parser *p, enum node_kind kind, int pos,
                              const struct nodes *list)
{
    struct node *x = node_new(p, kind, pos, 0);
    x->n = list->n;
    x->child = list->item;
    return node_done(p, x);
}

static bool accept(struct parser *p, const char *word)
{
    if (!token_is(p->t, word)) {
        return false;
    }
    p->t++;
    return true;
}

static bool expect(struct parser *p, const char *word, const char *where)
{
    if (accept(p, word)) {
        return true;
    }
    fail(p, p->t->pos, "expected `%s` %s, found %s", word, where, show(p, p->t));
    return false;
}

/* ---- operands ---- */

/* Expressions up to `)`; the bracket is behind us. */
static bool parse_arguments(struct parser *p, struct nodes *list, const char *where)
{
    do {
        struct node *x = parse(p, LEVEL_OR);
        if (x == NULL) {
            return false;
        }
        nodes_add(p, list, x);
    } while (accept(p, ","));
    return expect(p, ")", where);
}

static struct node *parse_call(struct parser *p)
{
    const struct token *name = p->t;
    p->t += 2;
    char *lower = arena_strdup(p->a, name->text);
    for (char *s = lower; *s != 0; s++) {
        *s = (char)(*s >= 'A' && *s <= 'Z' ? *s + 32 : *s);
    }
    struct nodes list = {0};
    bool is_count = strcmp(lower, "count") == 0 && token_is(p->t, "*");
    p->t += is_count;
    if (strcmp(lower, "extract") == 0 && p->t->kind == TOKEN_NAME && token_is(p->t + 1, "from")) {
        struct node *unit = node_new(p, NODE_STRING, p->t->pos, 0);
        unit->name = p->t->text;
        unit->name_n = p->t->n;
        nodes_add(p, &list, node_done(p, unit));
        p->t += 2;
    }
    if (token_is(p->t, "distinct") && (p->t[1].kind == TOKEN_QUOTED || is_plain_name(p->t + 1))) {
        return fail(p, p->t->pos, "`distinct` is no keyword: write count_distinct(%s)",
                    p->t[1].text);
    }
    if (list.n == 0 && accept(p, ")")) {
        /* no arguments */
    } else if (is_count) {
        return fail(p, p->t->pos, "expected `)` after count(*, found %s", show(p, p->t));
    } else if (!parse_arguments(p, &list, "after the arguments of the call")) {
        return NULL;
    }
    struct node *x = node_from(p, NODE_CALL, name->pos, &list);
    if (x != NULL) {
        x->name = lower;
        x->name_n = name->n;
    }
    return x;
}

static struct node *parse_cast(struct parser *p)
{
    const struct token *word = p->t;
    p->t += 2;
    struct node *operand = parse(p, LEVEL_OR);
    if (operand == NULL || !expect(p, "as", "before the type of the cast")) {
        return NULL;
    }
    int begin = p->t->pos, end = begin;
    while (p->t->kind != TOKEN_END && !token_is(p->t, ")")) {
        end = p->t->end;
        p->t++;
    }
    if (!expect(p, ")", "after the type of the cast")) {
        return NULL;
    }
    struct node *x = node_of(p, NODE_CAST, word->pos, operand, NULL);
    if (x != NULL) {
        char *type = arena_strndup(p->a, p->source->text->text + begin, (size_t)(end - begin));
        for (char *s = type; *s != 0; s++) {
            *s = (char)(*s >= 'A' && *s <= 'Z' ? *s + 32 : *s);
        }
        x->name = type;
        x->name_n = (uint32_t)(end - begin);
        x->negated = token_is(word, "try_cast");
    }
    return x;
}

static struct node *parse_case(struct parser *p)
{
    int pos = p->t->pos;
    p->t++;
    struct nodes list = {0};
    struct node *x = NULL;
    if (!token_is(p->t, "when") && (x = parse(p, LEVEL_OR)) == NULL) {
        return NULL;
    }
    nodes_add(p, &list, x);
    while (accept(p, "when")) {
        struct node *when = parse(p, LEVEL_OR);
        if (when == NULL || !expect(p, "then", "after the condition of `case`")) {
            return NULL;
        }
        struct node *then = parse(p, LEVEL_OR);
        if (then == NULL) {
            return NULL;
        }
        nodes_add(p, &list, when);
        nodes_add(p, &list, then);
    }
    if (list.n == 1) {
        return fail(p, p->t->pos, "expected `when` in `case`, found %s", show(p, p->t));
    }
    x = NULL;
    if (accept(p, "else") && (x = parse(p, LEVEL_OR)) == NULL) {
        return NULL;
    }
    nodes_add(p, &list, x);
    return expect(p, "end", "to close `case`") ? node_from(p, NODE_CASE, pos, &list) : NULL;
}

static struct node *parse_column(struct parser *p)
{
    struct node *x = node_new(p, NODE_COLUMN, p->t->pos, 0);
    const char *name = p->t->text;
    p->t++;
    if (token_is(p->t, ".")) {
        struct buffer b;
        buffer_init(&b);
        buffer_text(&b, name);
        while (token_is(p->t, ".") &&
               (p->t[1].kind == TOKEN_NAME || p->t[1].kind == TOKEN_QUOTED)) {
            buffer_byte(&b, '.');
            buffer_add(&b, p->t[1].text, p->t[1].n);
            p->t += 2;
        }
        name = arena_strndup(p->a, b.data, b.n);
        buffer_done(&b);
    }
    x->name = name;
    x->name_n = (uint32_t)strlen(name);
    return node_done(p, x);
}

static struct node *parse_literal(struct parser *p)
{
    const struct token *t = p->t;
    struct node *x = node_new(p, NODE_NULL, t->pos, 0);
    x->name = t->text;
    x->name_n = t->n;
    x->i = t->i;
    x->d = t->d;
    if (t->kind == TOKEN_LONG) {
        x->kind = NODE_LONG;
        if (t->is_min) {
            return fail(p, t->pos, "the number does not fit a long (64 bits)");
        }
    } else if (t->kind == TOKEN_DOUBLE) {
        x->kind = NODE_DOUBLE;
    } else if (t->kind == TOKEN_STRING) {
        x->kind = NODE_STRING;
    } else if (!token_is(t, "null")) {
        x->kind = NODE_BOOLEAN;
        x->i = token_is(t, "true");
    }
    p->t++;
    return node_done(p, x);
}

static struct node *parse_primary(struct parser *p)
{
    const struct token *t = p->t;
    if (t->kind == TOKEN_LONG || t->kind == TOKEN_DOUBLE || t->kind == TOKEN_STRING ||
        token_is(t, "null") || token_is(t, "true") || token_is(t, "false")) {
        return parse_literal(p);
    }
    if (accept(p, "(")) {
        struct node *x = parse(p, LEVEL_OR);
        return x != NULL && expect(p, ")", "to close the bracket") ? x : NULL;
    }
    if (token_is(t, "case")) {
        return parse_case(p);
    }
    if (t->kind == TOKEN_QUOTED) {
        return parse_column(p);
    }
    if (t->kind != TOKEN_NAME) {
        return fail(p, t->pos, "expected a value, found %s", show(p, t));
    }
    if (is_reserved(t)) {
        return fail(p, t->pos,
                    "expected a value, found the keyword %s; a column of that name is written "
                    "\"%s\" in double quotes",
                    show(p, t), t->text);
    }
    if (token_is(t + 1, "(")) {
        return token_is(t, "cast") || token_is(t, "try_cast") ? parse_cast(p) : parse_call(p);
    }
    return parse_column(p);
}

static struct node *parse_postfix(struct parser *p)
{
    struct node *x = parse_primary(p);
    while (x != NULL && (token_is(p->t, "[") || token_is(p->t, "."))) {
        int pos = p->t->pos;
        if (accept(p, "[")) {
            struct node *index = parse(p, LEVEL_OR);
            if (index == NULL || !expect(p, "]", "after the index")) {
                return NULL;
            }
            x = node_of(p, NODE_INDEX, pos, x, index);
            continue;
        }
        p->t++;
        if (p->t->kind != TOKEN_NAME && p->t->kind != TOKEN_QUOTED) {
            return fail(p, p->t->pos, "expected the name of a field after the dot, found %s",
                        show(p, p->t));
        }
        x = node_of(p, NODE_FIELD, pos, x, NULL);
        if (x != NULL) {
            x->name = p->t->text;
            x->name_n = p->t->n;
        }
        p->t++;
    }
    return x;
}

static struct node *parse_prefix(struct parser *p)
{
    int pos = p->t->pos;
    if (token_is(p->t, "not")) {
        p->t++;
        return node_of(p, NODE_NOT, pos, parse(p, LEVEL_COMPARE), NULL);
    }
    if (accept(p, "+")) {
        return parse(p, LEVEL_UNARY);
    }
    if (!accept(p, "-")) {
        return parse_postfix(p);
    }
    if ((p->t->kind == TOKEN_LONG || p->t->kind == TOKEN_DOUBLE) && !token_is(p->t + 1, "[")) {
        struct token t = *p->t;
        t.is_min = false;
        t.i = p->t->is_min ? t.i : -t.i;
        t.d = -t.d;
        const struct token *next = p->t + 1;
        p->t = &t;
        struct node *x = parse_literal(p);
        p->t = next;
        return x;
    }
    struct node *x = node_of(p, NODE_OPERATOR, pos, parse(p, LEVEL_UNARY), NULL);
    if (x != NULL) {
        x->name = "neg";
    }
    return x;
}

/* ---- operators ---- */

static bool is_comparison(const struct token *t)
{
    static const char *const symbols[] = {"=", "<>", "<", "<=", ">", ">=", NULL};
    for (int k = 0; t->kind == TOKEN_SYMBOL && symbols[k] != NULL; k++) {
        if (strcmp(t->text, symbols[k]) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_word_test(const struct token *t)
{
    return token_is(t, "in") || token_is(t, "like") || token_is(t, "between");
}

/* 0: no operator. */
static int level_of(const struct token *t)
{
    if (is_comparison(t) || is_word_test(t) || token_is(t, "is") ||
        (token_is(t, "not") && is_word_test(t + 1))) {
        return LEVEL_COMPARE;
    }
    static const struct {
        const char *word;
        int level;
    } operators[] = {{"or", LEVEL_OR},      {"and", LEVEL_AND},   {"||", LEVEL_CONCAT},
                     {"+", LEVEL_ADD},      {"-", LEVEL_ADD},     {"*", LEVEL_MULTIPLY},
                     {"/", LEVEL_MULTIPLY}, {"%", LEVEL_MULTIPLY}};
    for (size_t k = 0; k < sizeof operators / sizeof operators[0]; k++) {
        if (token_is(t, operators[k].word)) {
            return operators[k].level;
        }
    }
    return 0;
}

static struct node *parse_is(struct parser *p, struct node *left)
{
    int pos = p->t->pos;
    p->t++;
    bool negated = accept(p, "not");
    static const char *const words[] = {"null", "true", "false", NULL};
    for (int k = 0; words[k] != NULL; k++) {
        if (accept(p, words[k])) {
            struct node *x = node_of(p, NODE_IS, pos, left, NULL);
            if (x != NULL) {
                x->name = words[k];
                x->negated = negated;
            }
            return x;
        }
    }
    return fail(p, p->t->pos, "expected null, true or false after `is`, found %s", show(p, p->t));
}

/* left [not] in (…), like …, between … and … */
static struct node *parse_word_test(struct parser *p, struct node *left)
{
    int pos = p->t->pos;
    bool negated = accept(p, "not");
    struct nodes list = {0};
    nodes_add(p, &list, left);
    enum node_kind kind = NODE_LIKE;
    if (accept(p, "in")) {
        kind = NODE_IN;
        if (!expect(p, "(", "after `in`") ||
            !parse_arguments(p, &list, "after the values of `in`")) {
            return NULL;
        }
    } else {
        kind = token_is(p->t, "like") ? NODE_LIKE : NODE_BETWEEN;
        p->t++;
        struct node *x = parse(p, LEVEL_CONCAT);
        nodes_add(p, &list, x);
        if (x == NULL) {
            return NULL;
        }
        if (kind == NODE_BETWEEN) {
            if (!expect(p, "and", "after the lower bound of `between`") ||
                (x = parse(p, LEVEL_CONCAT)) == NULL) {
                return NULL;
            }
            nodes_add(p, &list, x);
        }
    }
    struct node *x = node_from(p, kind, pos, &list);
    if (x != NULL) {
        x->negated = negated;
    }
    return x;
}

static struct node *parse_infix(struct parser *p, struct node *left, int level)
{
    const struct token *t = p->t;
    if (token_is(t, "is")) {
        return parse_is(p, left);
    }
    if (level == LEVEL_COMPARE && !is_comparison(t)) {
        return parse_word_test(p, left);
    }
    p->t++;
    struct node *right = parse(p, level + 1);
    if (right == NULL) {
        return NULL;
    }
    enum node_kind kind = level == LEVEL_OR    ? NODE_OR
                          : level == LEVEL_AND ? NODE_AND
                                               : NODE_OPERATOR;
    struct node *x = node_of(p, kind, t->pos, left, right);
    if (x != NULL) {
        x->name = t->text;
        x->name_n = t->n;
    }
    return x;
}

static struct node *parse_operators(struct parser *p, int level)
{
    struct node *left = parse_prefix(p);
    bool compared = false;
    while (left != NULL) {
        int next = level_of(p->t);
        if (next == 0 || next < level) {
            break;
        }
        if (next == LEVEL_COMPARE && !token_is(p->t, "is")) {
            if (compared) {
                return fail(p, p->t->pos,
                            "comparisons cannot be chained: join them with `and`, or use brackets");
            }
            compared = true;
        } else if (next < LEVEL_COMPARE) {
            compared = false;
        }
        left = parse_infix(p, left, next);
    }
    return left;
}

static struct node *parse(struct parser *p, int level)
{
    if (p->nesting >= PARSER_NESTING_MAX) {
        return fail(p, p->t->pos, "the expression is nested more than %d deep", PARSER_NESTING_MAX);
    }
    p->nesting++;
    struct node *x = parse_operators(p, level);
    p->nesting--;
    return x;
}

static struct node *fail_behind(struct parser *p)
{
    const struct token *t = p->t;
    if (token_is(t, ",")) {
        return fail(p, t->pos, "expected one expression, found a comma behind it");
    }
    if (token_is(t, ")") || token_is(t, "]")) {
        return fail(p, t->pos, "the bracket %s was never opened", show(p, t));
    }
    if (token_is(t, "as")) {
        return fail(p, t->pos, "`as` names a column only where a list of expressions is expected");
    }
    return fail(p, t->pos, "expected an operator or the end of the expression, found %s",
                show(p, t));
}

struct node *parser_read(struct arena *a, const struct source *s)
{
    if (s->text->text == NULL) {
        source_error(s, 0, "an expression is expected");
        return NULL;
    }
    struct token *tokens;
    int n, pos;
    struct err e = {0};
    if (lexer_read(&tokens, &n, a, s->text->text, &pos, &e) < 0) {
        report(s, pos, e.text);
        return NULL;
    }
    if (n == 0) {
        source_error(s, 0, "an expression is expected, the text is empty");
        return NULL;
    }
    struct parser p = {.a = a, .source = s, .t = tokens};
    struct node *x = parse(&p, LEVEL_OR);
    if (x != NULL && p.t->kind != TOKEN_END) {
        return fail_behind(&p);
    }
    return x;
}
