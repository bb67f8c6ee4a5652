/* Regular expressions: the pattern becomes a small program.
 *
 *   x|y    split A, B; A: x; jump C; B: y; C:
 *   x*     A: split B, C; B: x; jump A; C:
 *   x{2,4} xx, then (x(x)?)?
 *
 * The code of an atom stands at the end when its repetition is read, so repeating it means copying
 * it and putting a split in front. The number of instructions is limited, and with it time and
 * memory of matching (regexp_match.c). POSIX's regex.h was tried and left: its time is not bounded,
 * it takes a lock in each match, knows UTF-8 only by way of locales, and its memory does not live
 * in arenas.
 */
#include "engine/expression/regexp_program.h"

#include "engine/expression/unicode.h"

#include <string.h>

#define PATTERN_BYTES_MAX 4096
#define NESTING_MAX       100
#define CODE_MAX          4000
#define RANGES_MAX        2000
#define REPEAT_MAX        1000

struct compiler {
    struct regexp *re;
    const char *p, *end;
    int nesting;
    struct err *e;
    bool failed;
};

static bool fail(struct compiler *c, const char *what)
{
    if (!c->failed) {
        err_set(c->e, ERR_CONFIG, "the regular expression %s", what);
    }
    c->failed = true;
    return false;
}

static uint32_t emit(struct compiler *c, enum code code, uint32_t x, uint32_t y)
{
    if (c->re->n >= CODE_MAX) {
        fail(c, "is too large: its repetitions multiply");
        return 0;
    }
    c->re->ins[c->re->n] = (struct ins){code, false, x, y};
    return c->re->n++;
}

/* Makes room for one instruction at `at`, moving what stands behind; jumps into that move along. */
static void insert(struct compiler *c, uint32_t at, enum code code)
{
    uint32_t n = c->re->n;
    emit(c, CODE_JUMP, 0, 0);
    if (c->failed) {
        return;
    }
    memmove(c->re->ins + at + 1, c->re->ins + at, (n - at) * sizeof *c->re->ins);
    for (uint32_t k = at + 1; k <= n; k++) {
        struct ins *i = &c->re->ins[k];
        if (i->code == CODE_SPLIT || i->code == CODE_JUMP) {
            i->x += i->x >= at;
            i->y += i->y >= at;
        }
    }
    c->re->ins[at] = (struct ins){code, false, 0, 0};
}

static void copy_code(struct compiler *c, uint32_t from, uint32_t n)
{
    uint32_t by = c->re->n - from;
    for (uint32_t k = 0; k < n && !c->failed; k++) {
        struct ins i = c->re->ins[from + k];
        if (i.code == CODE_SPLIT || i.code == CODE_JUMP) {
            i.x += by;
            i.y += by;
        }
        uint32_t at = emit(c, i.code, i.x, i.y);
        c->re->ins[at].negated = i.negated;
    }
}

static void add_range(struct compiler *c, uint32_t first, uint32_t last)
{
    if (c->re->nranges >= RANGES_MAX) {
        fail(c, "has too many characters in brackets");
        return;
    }
    c->re->range[c->re->nranges++] = (struct range){first, last};
}

/* Ranges of \d \w \s or of a POSIX class; false when there is none of that name. */
static bool add_named(struct compiler *c, const char *name, size_t n)
{
    static const struct {
        const char *name;
        struct range range[4];
    } classes[] = {
        {"d", {{'0', '9'}}},
        {"w", {{'a', 'z'}, {'A', 'Z'}, {'0', '9'}, {'_', '_'}}},
        {"s", {{'\t', '\r'}, {' ', ' '}}},
        {"alpha", {{'a', 'z'}, {'A', 'Z'}, {0x80, 0x10FFFF}}},
        {"digit", {{'0', '9'}}},
        {"alnum", {{'a', 'z'}, {'A', 'Z'}, {'0', '9'}, {0x80, 0x10FFFF}}},
        {"upper", {{'A', 'Z'}}},
        {"lower", {{'a', 'z'}}},
        {"space", {{'\t', '\r'}, {' ', ' '}}},
        {"blank", {{'\t', '\t'}, {' ', ' '}}},
        {"punct", {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}}},
        {"xdigit", {{'0', '9'}, {'a', 'f'}, {'A', 'F'}}},
        {"word", {{'a', 'z'}, {'A', 'Z'}, {'0', '9'}, {'_', '_'}}},
    };
    for (size_t k = 0; k < sizeof classes / sizeof classes[0]; k++) {
        if (strlen(classes[k].name) == n && memcmp(classes[k].name, name, n) == 0) {
            for (int r = 0; r < 4 && classes[k].range[r].last != 0; r++) {
                add_range(c, classes[k].range[r].first, classes[k].range[r].last);
            }
            return true;
        }
    }
    return false;
}

static uint32_t next_code(struct compiler *c)
{
    uint32_t code = utf8_read(c->p, c->end);
    c->p += utf8_size(c->p, c->end);
    return code;
}

/* Behind a backslash, one that stands for a character; false for others. */
static bool escaped_char(struct compiler *c, uint32_t *code)
{
    char ch = *c->p;
    bool is_letter =
        (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9');
    if (!is_letter) {
        *code = next_code(c);
        return true;
    }
    const char *known = strchr("t\tn\nr\rf\f", ch);
    if (known == NULL) {
        return false;
    }
    *code = (uint32_t)known[1];
    c->p++;
    return true;
}

/* \d and its like; the ranges of a capital one are the complement. */
static bool escaped_class(struct compiler *c, bool *negated)
{
    char lower = (char)(*c->p | 32);
    if (lower != 'd' && lower != 'w' && lower != 's') {
        return fail(c, *c->p >= '0' && *c->p <= '9' ? "must not refer back to groups"
                                                    : "has an unknown \\ sequence");
    }
    *negated = *c->p != lower;
    add_named(c, &lower, 1);
    c->p++;
    return true;
}

static bool class_char(struct compiler *c, uint32_t *code)
{
    if (*c->p != '\\') {
        *code = next_code(c);
        return true;
    }
    c->p++;
    return c->p < c->end && escaped_char(c, code);
}

static bool class_item(struct compiler *c)
{
    if (c->end - c->p > 2 && c->p[0] == '[' && c->p[1] == ':') {
        const char *stop = memmem(c->p, (size_t)(c->end - c->p), ":]", 2);
        if (stop == NULL || !add_named(c, c->p + 2, (size_t)(stop - c->p - 2))) {
            return fail(c, "has an unknown class in [: :]");
        }
        c->p = stop + 2;
        return true;
    }
    if (c->end - c->p > 1 && c->p[0] == '\\' && strchr("dws", c->p[1]) != NULL) {
        add_named(c, c->p + 1, 1);
        c->p += 2;
        return true;
    }
    uint32_t first, last;
    if (!class_char(c, &first)) {
        return fail(c, "has an unknown \\ sequence in brackets");
    }
    last = first;
    if (c->end - c->p > 1 && c->p[0] == '-' && c->p[1] != ']') {
        c->p++;
        if (!class_char(c, &last) || last < first) {
            return fail(c, "has a range in brackets that runs backwards");
        }
    }
    add_range(c, first, last);
    return true;
}

static bool parse_class(struct compiler *c)
{
    c->p++;
    bool negated = c->p < c->end && *c->p == '^';
    c->p += negated;
    uint32_t first = c->re->nranges;
    const char *begin = c->p;
    while (c->p < c->end && (*c->p != ']' || c->p == begin)) {
        if (!class_item(c)) {
            return false;
        }
    }
    if (c->p >= c->end) {
        return fail(c, "has a [ without ]");
    }
    c->p++;
    uint32_t at = emit(c, CODE_CLASS, first, c->re->nranges - first);
    c->re->ins[at].negated = negated;
    return true;
}

static bool parse_escape(struct compiler *c)
{
    c->p++;
    if (c->p >= c->end) {
        return fail(c, "ends with a backslash");
    }
    if (*c->p == 'b' || *c->p == 'B') {
        uint32_t at = emit(c, CODE_WORD, 0, 0);
        c->re->ins[at].negated = *c->p++ == 'B';
        return true;
    }
    uint32_t code, first = c->re->nranges;
    if (escaped_char(c, &code)) {
        emit(c, CODE_CHAR, code, 0);
        return true;
    }
    bool negated = false;
    if (!escaped_class(c, &negated)) {
        return false;
    }
    uint32_t at = emit(c, CODE_CLASS, first, c->re->nranges - first);
    c->re->ins[at].negated = negated;
    return true;
}

static bool parse_choice(struct compiler *c);

static bool parse_group(struct compiler *c)
{
    c->p++;
    bool is_plain = c->end - c->p >= 2 && c->p[0] == '?' && c->p[1] == ':';
    if (is_plain) {
        c->p += 2;
    } else if (c->p < c->end && *c->p == '?') {
        return fail(c, "has a (? that is not (?: and not (?i) in front");
    }
    if (c->nesting >= NESTING_MAX) {
        return fail(c, "is nested too deep");
    }
    uint32_t group = is_plain ? 0 : (uint32_t)++c->re->groups;
    c->nesting++;
    if (!is_plain) {
        emit(c, CODE_OPEN, group, 0);
    }
    bool ok = parse_choice(c);
    if (!is_plain) {
        emit(c, CODE_CLOSE, group, 0);
    }
    c->nesting--;
    if (!ok || c->p >= c->end) {
        return fail(c, "has a ( without )");
    }
    c->p++;
    return true;
}

static bool parse_atom(struct compiler *c)
{
    switch (*c->p) {
    case '(':
        return parse_group(c);
    case '[':
        return parse_class(c);
    case '\\':
        return parse_escape(c);
    case '*':
    case '+':
    case '?':
        return fail(c, "has a repetition without something to repeat");
    case '.':
        emit(c, CODE_ANY, 0, 0);
        break;
    case '^':
        emit(c, CODE_BEGIN, 0, 0);
        break;
    case '$':
        emit(c, CODE_END, 0, 0);
        break;
    default: {
        uint32_t code = next_code(c);
        emit(c, CODE_CHAR, c->re->any_case ? unicode_lower(code) : code, 0);
        return true;
    }
    }
    c->p++;
    return true;
}

/* {n}, {n,}, {n,m}; most is -1 without limit. False: the brace stands for itself. */
static bool read_braces(struct compiler *c, int *least, int *most)
{
    const char *p = c->p + 1;
    int v[2] = {0, -1};
    int k = 0;
    bool has_digits = false;
    for (; p < c->end && *p != '}'; p++) {
        if (*p == ',' && k == 0 && has_digits) {
            k = 1;
        } else if (*p >= '0' && *p <= '9') {
            int digit = *p - '0';
            v[k] = v[k] < 0 ? digit : v[k] < 100000 ? v[k] * 10 + digit : v[k];
            has_digits = true;
        } else {
            return false;
        }
    }
    if (p >= c->end || !has_digits) {
        return false;
    }
    c->p = p + 1;
    *least = v[0];
    *most = k == 0 ? v[0] : v[1];
    return true;
}

static bool read_repeat(struct compiler *c, int *least, int *most)
{
    char ch = c->p < c->end ? *c->p : 0;
    if (ch == '*' || ch == '+' || ch == '?') {
        *least = ch == '+';
        *most = ch == '?' ? 1 : -1;
        c->p++;
        return true;
    }
    return ch == '{' && read_braces(c, least, most);
}

static void set_split(struct compiler *c, uint32_t at, uint32_t in, uint32_t out, bool is_lazy)
{
    if (!c->failed) {
        c->re->ins[at].x = is_lazy ? out : in;
        c->re->ins[at].y = is_lazy ? in : out;
    }
}

/* The code from `from` to the end is one atom: makes it repeat. */
static bool repeat(struct compiler *c, uint32_t from, int least, int most, bool is_lazy)
{
    if (least > REPEAT_MAX || most > REPEAT_MAX || (most >= 0 && most < least)) {
        return fail(c, "has a repetition {n,m} that is too large, or whose n is above m");
    }
    uint32_t n = c->re->n - from;
    if (most == 0) {
        c->re->n = from;
        return true;
    }
    for (int k = 1; k < least && !c->failed; k++) {
        copy_code(c, from, n);
    }
    uint32_t last = c->re->n - n; /* begin of the last copy */
    if (most < 0 && least > 0) {
        uint32_t at = emit(c, CODE_SPLIT, 0, 0);
        set_split(c, at, last, at + 1, is_lazy);
    } else if (most < 0) {
        insert(c, from, CODE_SPLIT);
        emit(c, CODE_JUMP, from, 0);
        set_split(c, from, from + 1, c->re->n, is_lazy);
    } else {
        int optional = most - least;
        uint32_t source = from;
        if (least == 0) {
            insert(c, from, CODE_SPLIT);
            source = from + 1;
            optional--;
        }
        uint32_t first = c->re->n;
        for (int k = 0; k < optional && !c->failed; k++) {
            emit(c, CODE_SPLIT, 0, 0);
            copy_code(c, source, n);
        }
        for (uint32_t at = first; at < c->re->n && !c->failed; at += n + 1) {
            set_split(c, at, at + 1, c->re->n, is_lazy);
        }
        if (least == 0) {
            set_split(c, from, from + 1, c->re->n, is_lazy);
        }
    }
    return !c->failed;
}

static bool parse_sequence(struct compiler *c)
{
    while (c->p < c->end && *c->p != '|' && *c->p != ')') {
        uint32_t from = c->re->n;
        if (!parse_atom(c) || c->failed) {
            return false;
        }
        int least, most;
        if (read_repeat(c, &least, &most)) {
            bool is_lazy = c->p < c->end && *c->p == '?';
            c->p += is_lazy;
            if (!repeat(c, from, least, most, is_lazy)) {
                return false;
            }
            if (c->p < c->end && strchr("*+?", *c->p) != NULL) {
                return fail(c, "repeats a repetition: put brackets around it");
            }
        }
    }
    return true;
}

static bool parse_choice(struct compiler *c)
{
    uint32_t begin = c->re->n;
    if (!parse_sequence(c)) {
        return false;
    }
    if (c->p >= c->end || *c->p != '|') {
        return true;
    }
    /* Each further branch: split in front of the one before, jump behind it. */
    uint32_t branch = begin, jumps = UINT32_MAX;
    while (c->p < c->end && *c->p == '|') {
        c->p++;
        insert(c, branch, CODE_SPLIT);
        uint32_t jump = emit(c, CODE_JUMP, 0, 0);
        set_split(c, branch, branch + 1, c->re->n, false);
        c->re->ins[jump].y = jumps; /* a chain, until the end is known */
        c->re->ins[jump].code = CODE_MATCH;
        jumps = jump;
        branch = c->re->n;
        if (c->failed || !parse_sequence(c)) {
            return false;
        }
    }
    while (jumps != UINT32_MAX) {
        uint32_t next = c->re->ins[jumps].y;
        c->re->ins[jumps] = (struct ins){CODE_JUMP, false, c->re->n, 0};
        jumps = next;
    }
    return true;
}

int regexp_compile(const struct regexp **out, struct arena *a, const char *pattern, uint32_t n,
                   struct err *e)
{
    if (n > PATTERN_BYTES_MAX) {
        return err_set(e, ERR_CONFIG, "the regular expression is longer than %d bytes",
                       PATTERN_BYTES_MAX);
    }
    struct arena scratch;
    arena_init(&scratch);
    struct regexp re = {0};
    re.ins = arena_array(&scratch, CODE_MAX, sizeof *re.ins);
    re.range = arena_array(&scratch, RANGES_MAX, sizeof *re.range);
    struct compiler c = {.re = &re, .p = pattern, .end = pattern + n, .e = e};
    re.any_case = n >= 4 && memcmp(pattern, "(?i)", 4) == 0;
    c.p += re.any_case ? 4 : 0;
    emit(&c, CODE_OPEN, 0, 0);
    if (parse_choice(&c) && c.p < c.end) {
        fail(&c, "has a ) without (");
    }
    emit(&c, CODE_CLOSE, 0, 0);
    emit(&c, CODE_MATCH, 0, 0);
    if (!c.failed) {
        struct regexp *kept = arena_alloc(a, sizeof *kept);
        *kept = re;
        kept->is_anchored = re.ins[1].code == CODE_BEGIN;
        kept->ins = arena_array(a, re.n, sizeof *re.ins);
        memcpy(kept->ins, re.ins, re.n * sizeof *re.ins);
        kept->range = arena_array(a, re.nranges + 1, sizeof *re.range);
        memcpy(kept->range, re.range, re.nranges * sizeof *re.range);
        *out = kept;
    }
    arena_done(&scratch);
    return c.failed ? -ERR_CONFIG : 0;
}
