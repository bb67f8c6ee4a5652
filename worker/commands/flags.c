/* Flags and messages that commands share. */
#include "engine/batch.h"
#include "engine/error.h"
#include "engine/logger.h"
#include "engine/memory.h"
#include "worker/commands/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void command_catch(const struct invocation *in)
{
    atomic_store(in->catches, true);
}

const char *flag_value(const struct invocation *in, const char *name)
{
    const char *value = NULL;
    for (int i = 0; i < in->nflags; i++) {
        if (strcmp(in->given[i].flag->name, name) == 0) {
            value = in->given[i].value;
        }
    }
    return value;
}

bool flag_given(const struct invocation *in, const char *name)
{
    for (int i = 0; i < in->nflags; i++) {
        if (strcmp(in->given[i].flag->name, name) == 0) {
            return true;
        }
    }
    return false;
}

const char *flag_nth(const struct invocation *in, const char *name, int n)
{
    for (int i = 0; i < in->nflags; i++) {
        if (strcmp(in->given[i].flag->name, name) == 0 && n-- == 0) {
            return in->given[i].value;
        }
    }
    return NULL;
}

int flag_settings(const struct invocation *in, struct setting *out, int most)
{
    int n = 0;
    for (const char *v; (v = flag_nth(in, "set", n)); n++) {
        const char *equals = strchr(v, '=');
        if (!equals || equals == v || n == most) {
            while (n > 0) {
                mem_free((void *)(uintptr_t)out[--n].path);
            }
            print_usage_error(in, "--set takes path=value, for example --set lanes=2; found \"%s\"",
                              v);
            return -1;
        }
        out[n].path = mem_strndup(v, (size_t)(equals - v));
        out[n].value = equals + 1;
    }
    const char *servers = flag_value(in, "bootstrap");
    if (servers && n < most) {
        out[n].path = mem_strdup("kafka.bootstrap.servers");
        out[n++].value = servers;
    }
    return n;
}

int flag_batch_rows(const struct invocation *in, uint16_t *rows)
{
    const char *v = flag_value(in, "batch-rows");
    char *end;
    long n = v ? strtol(v, &end, 10) : BATCH_ROWS;
    if (v && (*end || n < 1 || n > BATCH_ROWS)) {
        return print_usage_error(in, "--batch-rows takes 1 to %d", BATCH_ROWS);
    }
    *rows = (uint16_t)n;
    return 0;
}

int flag_columns(const struct invocation *in, struct arena *a, const struct yaml **out,
                 struct diags *d)
{
    const char *v = flag_value(in, "columns");
    struct yaml *y = NULL;
    *out = NULL;
    if (!v) {
        return 0;
    }
    const char *text = arena_printf(a, "{%s}", v);
    int r = yaml_parse(&y, a, "--columns", text, strlen(text), d);
    *out = y;
    return r;
}

int flag_log_level(const struct invocation *in)
{
    static const char *const levels[] = {"error", "warn", "info", "debug", NULL};
    const char *v = flag_value(in, "log-level");
    for (int i = 0; v && levels[i]; i++) {
        if (strcmp(v, levels[i]) == 0) {
            logger_level((enum log_level)i);
            return 0;
        }
    }
    return v ? print_usage_error(in, "--log-level takes error, warn, info or debug; found \"%s\"",
                                 v)
             : 0;
}

static const char *red(void)
{
    return isatty(STDERR_FILENO) ? "\033[1;31m" : "";
}

static const char *plain(void)
{
    return isatty(STDERR_FILENO) ? "\033[0m" : "";
}

/* Whether x stands before y in the same file. */
static bool is_before(const struct diag *x, const struct diag *y)
{
    if (!x->at.file || !y->at.file || strcmp(x->at.file, y->at.file) != 0) {
        return false;
    }
    return x->at.line != y->at.line ? x->at.line < y->at.line : x->at.column < y->at.column;
}

/* In the order of the file, whatever looked at it first. Where a server did not answer, what else
 * is missing is due to that. */
int print_diags(struct diags *d)
{
    int code = EXIT_USAGE;
    for (int i = 1; i < d->n; i++) {
        for (int k = i; k > 0 && is_before(&d->item[k], &d->item[k - 1]); k--) {
            struct diag x = d->item[k];
            d->item[k] = d->item[k - 1];
            d->item[k - 1] = x;
        }
    }
    for (int i = 0; i < d->n; i++) {
        code = d->item[i].kind == ERR_CONFIG ? code : EXIT_FAILED;
    }
    for (int i = 0; i < d->n; i++) {
        char text[2048];
        if (code == EXIT_FAILED && d->item[i].kind == ERR_CONFIG) {
            continue;
        }
        diags_format(d, i, text, sizeof text);
        fprintf(stderr, "%serror:%s %s\n", red(), plain(), text);
    }
    return code;
}

int print_err(const struct err *e)
{
    fprintf(stderr, "%serror:%s %s\n", red(), plain(), e->text);
    return e->kind == ERR_CONFIG ? EXIT_USAGE : EXIT_FAILED;
}

int print_usage_error(const struct invocation *in, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fprintf(stderr, "klamm %s: ", in->command->name);
    vfprintf(stderr, fmt, args);
    fprintf(stderr, "\nusage: klamm %s %s\n", in->command->name, in->command->usage);
    va_end(args);
    return EXIT_USAGE;
}
