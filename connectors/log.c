/* Sink log: record lines on standard output, one a row. For looking on and for pipes: `to: {log:
 * {}}`.
 *
 *   flush   hands the lines to the system; a reader that has gone away is fatal
 */
#include "engine/connector.h"
#include "engine/memory.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct connector {
    FILE *out;
};

static const struct config_field fields[] = {{0}};

static int log_open(struct connector **out, const void *cfg, struct err *e)
{
    (void)cfg;
    (void)e;
    struct connector *c = mem_zalloc(sizeof *c);
    c->out = stdout;
    *out = c;
    return 0;
}

static int failed(struct err *e)
{
    return err_set(e, errno == EAGAIN ? ERR_RETRY : ERR_FATAL,
                   "standard output cannot be written: %s", strerror(errno));
}

static int log_write(struct connector *c, const char *line, size_t n, struct err *e)
{
    flockfile(c->out); /* several sinks may share it: a line stays whole */
    bool is_ok = fwrite(line, 1, n, c->out) == n && fputc('\n', c->out) != EOF;
    funlockfile(c->out);
    return is_ok ? 0 : failed(e);
}

static int log_flush(struct connector *c, struct err *e)
{
    return fflush(c->out) == 0 ? 0 : failed(e);
}

static void log_close(struct connector *c)
{
    mem_free(c);
}

const struct connector_def connector_log = {
    .name = "log",
    .doc = "Record lines on standard output.",
    .config = fields,
    .config_size = 0,
    .sink_open = log_open,
    .sink_write = log_write,
    .sink_flush = log_flush,
    .close = log_close,
};
