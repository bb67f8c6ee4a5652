/* The folder is removed with everything in it when the client is done. */
#include "tests/support/memory_client.h"

#include "engine/memory.h"
#include "worker/printer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fail(const char *what, const char *text)
{
    fprintf(stderr, "%s: %s\n", what, text);
    abort();
}

void memory_client_init(struct memory_client *m)
{
    struct err e = {0};
    *m = (struct memory_client){.broker = memory_broker_new(1)};
    buffer_init(&m->out);
    snprintf(m->dir, sizeof m->dir, "%s/memory-client-XXXXXX", P_tmpdir);
    if (!mkdtemp(m->dir)) {
        fail("mkdtemp", m->dir);
    }
    if (client_open(&m->client, m->broker, &m->none, NULL, &e) < 0) {
        fail("client_open", e.text);
    }
}

static const char *path_of(const struct memory_client *m, const char *name)
{
    static char path[200];
    snprintf(path, sizeof path, "%s/%s", m->dir, name);
    return path;
}

const char *memory_client_file(struct memory_client *m, const char *name, const char *text)
{
    const char *path = path_of(m, name);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(text, 1, strlen(text), f) != strlen(text)) {
        fail("cannot write", path);
    } else {
        fclose(f);
    }
    return path;
}

const char *memory_client_read(struct memory_client *m, const char *name)
{
    FILE *f = fopen(path_of(m, name), "rb");
    buffer_clear(&m->out);
    for (int c; f && (c = getc(f)) != EOF;) {
        buffer_byte(&m->out, (uint8_t)c);
    }
    if (f) {
        fclose(f);
    }
    return buffer_cstr(&m->out);
}

struct printing {
    struct printer *printer;
    struct buffer *out;
};

static int print(void *ctx, const struct record *r)
{
    struct printing *x = ctx;
    struct err e = {0};
    buffer_printf(x->out, "%.*s ", r->key ? (int)r->key_n : 1, r->key ? (const char *)r->key : "-");
    if (printer_value(x->printer, r, x->out, &e) < 0) {
        buffer_text(x->out, e.text);
    }
    buffer_text(x->out, "\n");
    return 0;
}

const char *memory_client_topic(struct memory_client *m, const char *topic, const char *value)
{
    struct printing x = {.out = &m->out};
    struct err e = {0};
    int32_t n = 0;
    int64_t next;
    const struct log_ops *ops = m->client.log->ops;
    buffer_clear(&m->out);
    if (printer_new(&x.printer, "string", value, m->client.schemas, &e) < 0) {
        fail("printer_new", e.text);
    }
    ops->partitions(m->client.log, topic, &n, 0, &e);
    for (int32_t p = 0; p < n; p++) {
        ops->read_all(m->client.log, topic, p, 0, print, &x, &next, &e);
    }
    printer_free(x.printer);
    return buffer_cstr(&m->out);
}

void memory_client_done(struct memory_client *m)
{
    char command[100];
    client_close(&m->client);
    memory_broker_free(m->broker);
    buffer_done(&m->out);
    snprintf(command, sizeof command, "rm -rf %s", m->dir);
    if (system(command) != 0) {
        fail("cannot remove", m->dir);
    }
}
