/* A drain's loop: poll its topic, print each record as a line, hand the lines to the connector (or
 * show them), flush, and only then commit the offsets: a crash repeats lines, it never loses one.
 * What the connector could not take for now is read again after RETRY_MS.
 */
#include "engine/logger.h"
#include "engine/memory.h"
#include "worker/feeder.h"
#include "worker/printer.h"
#include "worker/show.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define STOP_MOST 10000 /* ms */
#define RETRY_MS  100

struct held {
    int32_t partition;
    int64_t next; /* -1: nothing read */
};

struct drain {
    const struct client *client;
    const struct plan *plan;
    const struct plan_sink *sink;
    pthread_t thread;
    atomic_bool stopping;
    atomic_int status;
    struct err failure;
    struct log *log;
    struct printer *printer;
    struct connector *connector;
    struct show *show;
    struct buffer line;
    int nheld;
    struct held *held;
    int64_t deadline; /* of stopping; 0: not yet stopping */
};

static void on_assigned(void *ctx, struct log_position *p, size_t n)
{
    struct drain *d = ctx;
    for (size_t i = 0; i < n; i++) {
        d->held = mem_resize(d->held, (size_t)d->nheld + 1, sizeof *d->held);
        d->held[d->nheld++] = (struct held){p[i].partition, p[i].offset};
    }
}

static void on_revoked(void *ctx, const struct log_position *p, size_t n, bool lost)
{
    struct drain *d = ctx;
    (void)lost;
    for (size_t i = 0; i < n; i++) {
        for (int k = 0; k < d->nheld; k++) {
            if (d->held[k].partition == p[i].partition) {
                d->held[k--] = d->held[--d->nheld];
            }
        }
    }
}

static int drain_open(struct drain *d, struct err *e)
{
    char group[400];
    const char *topics[] = {d->sink->topic, NULL};
    struct log_events ev = {d, on_assigned, on_revoked};
    snprintf(group, sizeof group, "klamm-%s-%s-%s", d->plan->topology->name, d->sink->stream,
             d->sink->drain ? d->sink->drain->name : "show");
    struct log_config cfg = {.group = group, .topics = topics, .property = d->client->property};
    int r = printer_new(&d->printer, d->sink->key.def->name, d->sink->value.def->name,
                        d->client->schemas, e);
    if (r == 0 && d->sink->value.def->needs_columns) {
        r = printer_columns(d->printer, d->sink->schema, e);
    }
    if (r == 0 && d->sink->drain) {
        r = d->sink->drain->sink_open(&d->connector, d->sink->drain_cfg, e);
    } else if (r == 0) {
        d->show = show_new(d->sink->topic);
    }
    return r < 0 ? r : client_log(d->client, &d->log, &cfg, &ev, e);
}

static int write_record(struct drain *d, const struct record *r, struct err *e)
{
    buffer_clear(&d->line);
    int result = printer_line(d->printer, r, &d->line, e);
    if (result == -ERR_DATA) {
        logger(LOG_LEVEL_WARN, "%s offset %lld: %s", r->topic, (long long)r->offset, e->text);
        err_clear(e);
        return 0;
    }
    if (result < 0) {
        return result;
    }
    if (d->show) {
        show_line(d->show, buffer_cstr(&d->line), d->line.n);
        return 0;
    }
    return d->sink->drain->sink_write(d->connector, buffer_cstr(&d->line), d->line.n, e);
}

static int commit(struct drain *d, struct err *e)
{
    struct log_position *p = mem_array((size_t)d->nheld + 1, sizeof *p);
    size_t n = 0;
    for (int i = 0; i < d->nheld; i++) {
        if (d->held[i].next >= 0) {
            p[n++] =
                (struct log_position){d->sink->topic, d->held[i].partition, d->held[i].next, NULL};
        }
    }
    int result = n ? d->log->ops->commit(d->log, p, n, e) : 0;
    mem_free(p);
    return result;
}

static struct held *held_of(struct drain *d, int32_t partition)
{
    for (int i = 0; i < d->nheld; i++) {
        if (d->held[i].partition == partition) {
            return &d->held[i];
        }
    }
    return NULL;
}

/* The records of this poll are read again. */
static void rewind_to(struct drain *d, const struct record *r, size_t n)
{
    for (size_t i = n; i-- > 0;) {
        struct held *h = held_of(d, r[i].partition);
        if (h && (i == 0 || r[i - 1].partition != r[i].partition)) {
            h->next = r[i].offset;
            d->log->ops->seek(d->log, d->sink->topic, h->partition, h->next, NULL);
        }
    }
}

static int drain_once(struct drain *d, struct err *e)
{
    const struct record *r;
    size_t n = 0;
    int result = d->log->ops->poll(d->log, 100, &r, &n, e);
    for (size_t i = 0; i < n && result == 0; i++) {
        result = write_record(d, &r[i], e);
        struct held *h = held_of(d, r[i].partition);
        if (h) {
            h->next = r[i].offset + 1;
        }
    }
    if (result == 0 && n > 0 && d->sink->drain && d->sink->drain->sink_flush) {
        result = d->sink->drain->sink_flush(d->connector, e);
    }
    if (result < 0) {
        rewind_to(d, r, n);
    }
    d->log->ops->release(d->log);
    if (d->show) {
        show_flush(d->show);
    }
    return result < 0 || n == 0 ? result : commit(d, e);
}

/* Asked to stop, and everything that was there is written. */
static bool is_finished(struct drain *d)
{
    if (!atomic_load(&d->stopping)) {
        return false;
    }
    int64_t now = clock_steady(&clock_system), end;
    if (d->deadline == 0) {
        d->deadline = now + STOP_MOST;
    }
    for (int k = 0; k < d->nheld; k++) {
        int64_t at = d->held[k].next;
        d->log->ops->position(d->log, d->sink->topic, d->held[k].partition, &at);
        d->held[k].next = at > d->held[k].next ? at : d->held[k].next;
        if (d->log->ops->written(d->log, d->sink->topic, d->held[k].partition, &end, 1000, NULL) ==
                0 &&
            d->held[k].next < end) {
            return now > d->deadline;
        }
    }
    return d->nheld > 0 || now > d->deadline;
}

static void *drain_main(void *arg)
{
    struct drain *d = arg;
    int r = drain_open(d, &d->failure);
    while (r == 0 && !is_finished(d)) {
        r = drain_once(d, &d->failure);
        if (r == -ERR_RETRY || r == -ERR_ABORT) {
            logger(LOG_LEVEL_WARN, "%s: %s", d->sink->topic, d->failure.text);
            err_clear(&d->failure);
            nanosleep(&(struct timespec){0, RETRY_MS * 1000000}, NULL);
            r = 0;
        }
    }
    if (r < 0) {
        err_prefix(&d->failure, "sink of stream %s", d->sink->stream);
    }
    atomic_store(&d->status, r);
    return NULL;
}

int drain_start(struct drain **out, const struct client *c, const struct plan *plan,
                const struct plan_sink *sink, struct err *e)
{
    struct drain *d = mem_zalloc(sizeof *d);
    d->client = c;
    d->plan = plan;
    d->sink = sink;
    buffer_init(&d->line);
    if (pthread_create(&d->thread, NULL, drain_main, d) != 0) {
        mem_free(d);
        return err_set(e, ERR_FATAL, "cannot start a thread");
    }
    *out = d;
    return 0;
}

int drain_status(const struct drain *d)
{
    return atomic_load(&d->status);
}

int drain_stop(struct drain *d, struct err *e)
{
    atomic_store(&d->stopping, true);
    pthread_join(d->thread, NULL);
    int r = atomic_load(&d->status);
    if (r < 0) {
        err_set(e, d->failure.kind, "%s", d->failure.text);
    }
    if (d->log) {
        d->log->ops->close(d->log, true);
    }
    if (d->connector) {
        d->sink->drain->close(d->connector);
    }
    if (d->show) {
        show_free(d->show);
    }
    if (d->printer) {
        printer_free(d->printer);
    }
    buffer_done(&d->line);
    mem_free(d->held);
    mem_free(d);
    return r;
}
