/* Regular expressions, matching: all threads of the program at once (Thompson 1968, with the
 * threads in order of preference as Pike's).
 *
 * A thread is a place in the program and the bounds of the one group asked for. No two threads are
 * at the same place: the first to get there wins. So a character costs at most one step for each
 * instruction, whatever the pattern.
 */
#include "engine/expression/regexp_program.h"

#include "engine/expression/unicode.h"

int regexp_groups(const struct regexp *re)
{
    return re->groups;
}

uint64_t regexp_cost(const struct regexp *re, uint32_t n)
{
    return ((uint64_t)n + 1) * (re->n + re->nranges);
}

struct thread {
    uint32_t at;
    int64_t from, to;
};

struct threads {
    struct thread *item;
    uint32_t n;
};

struct regexp_run {
    const struct regexp *re;
    struct threads now, next;
    uint64_t *seen; /* by instruction: `stamp` and the position it was last reached at */
    uint64_t stamp; /* differs from match to match, so that `seen` needs no clearing */
    struct thread *stack;
    const char *begin, *end;
    int group;
};

struct regexp_run *regexp_run_new(struct arena *a, const struct regexp *re)
{
    struct regexp_run *run = arena_zalloc(a, sizeof *run);
    run->re = re;
    run->now.item = arena_array(a, re->n, sizeof *run->now.item);
    run->next.item = arena_array(a, re->n, sizeof *run->next.item);
    run->seen = arena_zalloc(a, re->n * sizeof *run->seen);
    run->stamp = 1;
    run->stack = arena_array(a, (size_t)re->n + 1, sizeof *run->stack);
    return run;
}

static bool is_word(const char *p, const struct regexp_run *run)
{
    if (p < run->begin || p >= run->end) {
        return false;
    }
    char c = *p;
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool holds(const struct regexp_run *run, const struct ins *i, const char *p)
{
    if (i->code == CODE_BEGIN) {
        return p == run->begin;
    }
    if (i->code == CODE_END) {
        return p == run->end;
    }
    return (is_word(p - 1, run) != is_word(p, run)) != i->negated;
}

/* Follows everything that takes no character from t on; what does goes into the list, in order of
 * preference. Every instruction is entered once a position, so the stack needs no more than that.
 */
static void follow(struct regexp_run *run, struct threads *list, struct thread t, const char *p)
{
    int64_t at = p - run->begin;
    uint64_t mark = run->stamp + (uint64_t)at;
    uint32_t depth = 0;
    run->stack[depth++] = t;
    while (depth > 0) {
        t = run->stack[--depth];
        if (run->seen[t.at] == mark) {
            continue;
        }
        run->seen[t.at] = mark;
        const struct ins *i = &run->re->ins[t.at];
        switch (i->code) {
        case CODE_JUMP:
            t.at = i->x;
            run->stack[depth++] = t;
            break;
        case CODE_SPLIT:
            t.at = i->y;
            if (run->seen[t.at] != mark) {
                run->stack[depth++] = t;
            }
            t.at = i->x;
            run->stack[depth++] = t;
            break;
        case CODE_OPEN:
        case CODE_CLOSE:
            if ((int)i->x == run->group) {
                t.from = i->code == CODE_OPEN ? at : t.from;
                t.to = i->code == CODE_CLOSE ? at : t.to;
            }
            t.at++;
            run->stack[depth++] = t;
            break;
        case CODE_BEGIN:
        case CODE_END:
        case CODE_WORD:
            if (holds(run, i, p)) {
                t.at++;
                run->stack[depth++] = t;
            }
            break;
        case CODE_CHAR:
        case CODE_ANY:
        case CODE_CLASS:
        case CODE_MATCH:
            list->item[list->n++] = t;
            break;
        }
    }
}

static bool in_ranges(const struct regexp *re, const struct ins *i, uint32_t code)
{
    for (uint32_t k = i->x; k < i->x + i->y; k++) {
        if (code >= re->range[k].first && code <= re->range[k].last) {
            return true;
        }
    }
    return false;
}

static bool takes(const struct regexp *re, const struct ins *i, uint32_t code)
{
    if (i->code == CODE_ANY) {
        return code != '\n';
    }
    if (i->code == CODE_CHAR) {
        return i->x == code || (re->any_case && i->x == unicode_lower(code));
    }
    bool found = in_ranges(re, i, code);
    if (!found && re->any_case) {
        found = in_ranges(re, i, unicode_lower(code)) || in_ranges(re, i, unicode_upper(code));
    }
    return found != i->negated;
}

/* All threads take the character at p; true when one has matched before it (in *best). */
static bool advance(struct regexp_run *run, const char *p, struct thread *best)
{
    bool is_end = p >= run->end;
    uint32_t code = is_end ? 0 : utf8_read(p, run->end);
    const char *behind = is_end ? p : p + utf8_size(p, run->end);
    run->next.n = 0;
    for (uint32_t k = 0; k < run->now.n; k++) {
        struct thread t = run->now.item[k];
        const struct ins *i = &run->re->ins[t.at];
        if (i->code == CODE_MATCH) {
            *best = t;
            return true; /* those behind are less preferred */
        }
        if (!is_end && takes(run->re, i, code)) {
            t.at++;
            follow(run, &run->next, t, behind);
        }
    }
    return false;
}

bool regexp_match(struct regexp_run *run, const char *p, uint32_t n, int group, int64_t *from,
                  int64_t *to)
{
    run->begin = p;
    run->end = p + n;
    run->group = group;
    run->now.n = 0;
    struct thread best = {0, -1, -1};
    bool matched = false;
    for (;; p += utf8_size(p, run->end)) {
        bool can_begin = !matched && (p == run->begin || !run->re->is_anchored);
        if (can_begin) {
            follow(run, &run->now, (struct thread){0, -1, -1}, p);
        }
        if (run->now.n == 0 && (matched || run->re->is_anchored)) {
            break;
        }
        matched = advance(run, p, &best) || matched;
        if (p >= run->end || (matched && from == NULL)) {
            break;
        }
        struct threads done = run->now;
        run->now = run->next;
        run->next = done;
    }
    run->stamp += (uint64_t)n + 2;
    if (matched && from != NULL) {
        bool has_group = best.from >= 0 && best.to >= best.from;
        *from = has_group ? best.from : -1;
        *to = best.to;
    }
    return matched;
}
