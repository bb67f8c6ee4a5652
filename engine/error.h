/* Errors: one caller-owned struct, kinds that name who must act.
 *
 * Every fallible function returns an int: zero or positive is fine, negative is minus an err_kind.
 * Cold functions take `struct err *e` last and leave a sentence there; hot functions return the
 * kind only. The first (lowest) message is kept; callers add context in front with err_prefix(),
 * once, at the boundary. Any thread may use its own struct err.
 */
#ifndef KLAMM_ENGINE_ERROR_H
#define KLAMM_ENGINE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>

enum err_kind {
    ERR_NONE = 0,
    ERR_DATA = 1,   /* the record is bad: dead-letter the row, or stop */
    ERR_RETRY = 2,  /* an outside system failed for now: try again */
    ERR_ABORT = 3,  /* the transaction must be aborted and its input read again */
    ERR_CONFIG = 4, /* the user must change the configuration */
    ERR_FATAL = 5,  /* the lane cannot go on */
};

struct err {
    enum err_kind kind;
    char text[1024];
};

/* Sets kind and message unless a message is there already; returns -kind. `e` may be NULL. */
__attribute__((format(printf, 3, 4))) int err_set(struct err *e, enum err_kind kind,
                                                  const char *fmt, ...);
/* Puts "text: " in front of the message; returns -e->kind. `e` may be NULL (returns -ERR_FATAL). */
__attribute__((format(printf, 2, 3))) int err_prefix(struct err *e, const char *fmt, ...);
/* Forgets the message, so that the struct can be used again. */
void err_clear(struct err *e);
/* "data", "retry", "abort", "config", "fatal". */
const char *err_kind_name(enum err_kind kind);

/* A place in a file that a user wrote. line and column count from 1; 0 is unknown. */
struct place {
    const char *file; /* as given by the user; lives as long as the parsed file */
    int line, column;
};

/* All problems of a configuration, in the order found: users see every one, not only the first. */
struct diags {
    struct diag {
        struct place at; /* its file is a copy */
        char *path;   /* key path, `streams.load.steps[2].window.tumbling`; "" for the whole file */
        char *text;   /* what is wrong, what was expected, the nearest valid name */
        bool is_echo; /* may be due to a problem before */
        enum err_kind kind; /* who must act; ERR_CONFIG but after diags_blame() */
    } * item;
    int n, cap;
};

void diags_init(struct diags *d);
void diags_done(struct diags *d);
/* Adds a problem; returns -ERR_CONFIG. The file's name and `path` are copied; both may be NULL. */
__attribute__((format(printf, 4, 5))) int diags_add(struct diags *d, struct place at,
                                                    const char *path, const char *fmt, ...);
/* Says of the last problem that it is none of the configuration: a server did not answer. */
void diags_blame(struct diags *d, enum err_kind kind);
/* Says of the last problem that it may be due to one before: an unknown column behind a step that
 * could not be planned. */
void diags_mark_echo(struct diags *d);
/* Adds to the text of problem i. */
__attribute__((format(printf, 3, 4))) void diags_append(struct diags *d, int i, const char *fmt,
                                                        ...);
/* Removes the problems that are echoes. */
void diags_drop_echoes(struct diags *d);
/* Writes item i as "FILE:LINE:COLUMN: PATH: TEXT" into buf (cut if too long). */
void diags_format(const struct diags *d, int i, char *buf, unsigned long size);

/* The candidate nearest to `name` by edit distance, or NULL when none is near enough to suggest.
 * `candidates` ends with NULL. */
const char *nearest_name(const char *name, const char *const *candidates);
/* The place of `name` among `names` (which end with NULL); -ERR_CONFIG with a message that says
 * which KIND is unknown, and the nearest or all of those that there are. */
int name_find(const char *kind, const char *name, const char *const *names, struct err *e);

#endif
