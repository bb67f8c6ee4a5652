/* Errors and diagnostics: see error.h for the rules.
 *
 * nearest_name() measures optimal string alignment: insert, delete, replace and the swap of two
 * neighbours cost 1 each (Damerau 1964, in the restricted form), letters compared without case. A
 * candidate is suggested when it is at most a third of the longer name away, and 1 at most where
 * the first letters differ; yet always at 1 (but for names of one letter, near to any other).
 */
#include "engine/error.h"

#include "engine/memory.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define NAME_LONGEST 64

int err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
{
    if (e == NULL || e->kind != ERR_NONE) {
        return -(int)kind;
    }
    va_list args;
    va_start(args, fmt);
    e->kind = kind;
    vsnprintf(e->text, sizeof e->text, fmt, args);
    va_end(args);
    return -(int)kind;
}

int err_prefix(struct err *e, const char *fmt, ...)
{
    if (e == NULL) {
        return -ERR_FATAL;
    }
    char prefix[sizeof e->text];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(prefix, sizeof prefix, fmt, args);
    va_end(args);
    if (n < 0) {
        return -(int)e->kind;
    }
    size_t most = sizeof e->text - 1;
    size_t front = strlen(prefix);
    if (front > most - 2) {
        front = most - 2;
    }
    size_t kept = strlen(e->text);
    if (kept > most - 2 - front) {
        kept = most - 2 - front;
    }
    memmove(e->text + front + 2, e->text, kept);
    memcpy(e->text, prefix, front);
    memcpy(e->text + front, ": ", 2);
    e->text[front + 2 + kept] = '\0';
    return -(int)e->kind;
}

void err_clear(struct err *e)
{
    e->kind = ERR_NONE;
    e->text[0] = '\0';
}

const char *err_kind_name(enum err_kind kind)
{
    static const char *const name[] = {"none", "data", "retry", "abort", "config", "fatal"};
    return (unsigned)kind < sizeof name / sizeof name[0] ? name[kind] : "unknown";
}

void diags_init(struct diags *d)
{
    *d = (struct diags){0};
}

static void diag_done(struct diag *x)
{
    mem_free((char *)(uintptr_t)x->at.file);
    mem_free(x->path);
    mem_free(x->text);
}

void diags_done(struct diags *d)
{
    for (int i = 0; i < d->n; i++) {
        diag_done(&d->item[i]);
    }
    mem_free(d->item);
    *d = (struct diags){0};
}

int diags_add(struct diags *d, struct place at, const char *path, const char *fmt, ...)
{
    if (d->n == d->cap) {
        d->cap = d->cap ? d->cap * 2 : 8;
        d->item = mem_resize(d->item, (size_t)d->cap, sizeof *d->item);
    }
    char text[2048];
    va_list args;
    va_start(args, fmt);
    if (vsnprintf(text, sizeof text, fmt, args) < 0) {
        text[0] = '\0';
    }
    va_end(args);
    at.file = at.file ? mem_strdup(at.file) : NULL;
    d->item[d->n++] =
        (struct diag){at, mem_strdup(path ? path : ""), mem_strdup(text), false, ERR_CONFIG};
    return -ERR_CONFIG;
}

void diags_blame(struct diags *d, enum err_kind kind)
{
    d->item[d->n - 1].kind = kind;
}

void diags_mark_echo(struct diags *d)
{
    d->item[d->n - 1].is_echo = true;
}

void diags_append(struct diags *d, int i, const char *fmt, ...)
{
    char more[2048];
    va_list args;
    va_start(args, fmt);
    if (vsnprintf(more, sizeof more, fmt, args) < 0) {
        more[0] = '\0';
    }
    va_end(args);
    size_t had = strlen(d->item[i].text), n = strlen(more);
    d->item[i].text = mem_resize(d->item[i].text, had + n + 1, 1);
    memcpy(d->item[i].text + had, more, n + 1);
}

void diags_drop_echoes(struct diags *d)
{
    int kept = 0;
    for (int i = 0; i < d->n; i++) {
        if (d->item[i].is_echo) {
            diag_done(&d->item[i]);
        } else {
            d->item[kept++] = d->item[i];
        }
    }
    d->n = kept;
}

void diags_format(const struct diags *d, int i, char *buf, unsigned long size)
{
    const struct diag *x = &d->item[i];
    const char *file = x->at.file ? x->at.file : "";
    char where[64] = "";
    if (x->at.line > 0 && x->at.column > 0) {
        snprintf(where, sizeof where, ":%d:%d", x->at.line, x->at.column);
    } else if (x->at.line > 0) {
        snprintf(where, sizeof where, ":%d", x->at.line);
    }
    snprintf(buf, size, "%s%s%s%s%s%s", file, where, *file || *where ? ": " : "", x->path,
             *x->path ? ": " : "", x->text);
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

static int lower(char c)
{
    return tolower((unsigned char)c);
}

/* Distance of a (n letters) and b (m letters), both at most NAME_LONGEST. */
static int edit_distance(const char *a, size_t n, const char *b, size_t m)
{
    int row[3][NAME_LONGEST + 1]; /* rows i-2, i-1, i by turns */
    for (size_t j = 0; j <= m; j++) {
        row[0][j] = (int)j;
    }
    for (size_t i = 1; i <= n; i++) {
        int *now = row[i % 3];
        const int *up = row[(i + 2) % 3];
        const int *up2 = row[(i + 1) % 3];
        now[0] = (int)i;
        for (size_t j = 1; j <= m; j++) {
            int differs = lower(a[i - 1]) != lower(b[j - 1]);
            now[j] = least(least(up[j] + 1, now[j - 1] + 1), up[j - 1] + differs);
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                lower(a[i - 2]) == lower(b[j - 1])) {
                now[j] = least(now[j], up2[j - 2] + 1);
            }
        }
    }
    return row[n % 3][m];
}

const char *nearest_name(const char *name, const char *const *candidates)
{
    size_t n = strlen(name);
    if (n > NAME_LONGEST) {
        return NULL;
    }
    const char *best = NULL;
    int best_distance = 0;
    for (; *candidates; candidates++) {
        size_t m = strlen(*candidates);
        if (m > NAME_LONGEST) {
            continue;
        }
        int most = (int)(n > m ? n : m) / 3;
        int distance = edit_distance(name, n, *candidates, m);
        bool begins_so = lower(name[0]) == lower((*candidates)[0]);
        if (distance <= (begins_so && most > 1 ? most : 1) && (distance == 0 || n > 1 || m > 2) &&
            (best == NULL || distance < best_distance)) {
            best = *candidates;
            best_distance = distance;
        }
    }
    return best;
}

int name_find(const char *kind, const char *name, const char *const *names, struct err *e)
{
    char list[800] = "";
    size_t n = 0;
    for (int i = 0; names[i]; i++) {
        if (strcmp(names[i], name) == 0) {
            return i;
        }
        if (n < sizeof list) {
            n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", i > 0 ? ", " : "", names[i]);
        }
    }
    const char *near = nearest_name(name, names);
    return near ? err_set(e, ERR_CONFIG, "unknown %s `%.60s`: did you mean `%s`?", kind, name, near)
                : err_set(e, ERR_CONFIG, "unknown %s `%.60s`: expected %s%s", kind, name,
                          names[0] && names[1] ? "one of " : "", list);
}
