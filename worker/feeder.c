/* A feeder's loop: ask the connector for rows that are due, encode, produce, commit with the
 * position.
 *
 * The transactional id belongs to the stream, not to the process: a second process that feeds the
 * same stream fences the first, so rows are never made twice.
 */
#include "worker/feeder.h"
#include "engine/logger.h"
#include "engine/memory.h"
#include "worker/backoff.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SLEEP_MOST 50 /* ms */

struct feeder {
    const struct client *client;
    const struct plan *plan;
    const struct plan_source *source;
    pthread_t thread;
    atomic_bool stopping;
    atomic_int status;
    struct err failure;
    char positions[300]; /* topic */
    struct log *log;
    struct connector *connector;
    struct codec_writer *writer;
    struct arena mem;
    struct buffer bytes;
    int64_t position;
    bool has_fed; /* since it was opened */
};

static int read_position(void *ctx, const struct record *r)
{
    struct feeder *f = ctx;
    if (r->key && r->value && r->key_n == strlen(f->source->stream) && r->value_n < 24 &&
        memcmp(r->key, f->source->stream, r->key_n) == 0) {
        char text[24] = "";
        memcpy(text, r->value, r->value_n);
        f->position = strtoll(text, NULL, 10);
    }
    return 0;
}

static int feeder_open(struct feeder *f, struct err *e)
{
    const struct topology *t = f->plan->topology;
    char id[400];
    snprintf(id, sizeof id, "klamm-%s-feeder-%s", t->name, f->source->stream);
    struct log_config cfg = {.transactional = t->guarantee == EXACTLY_ONCE ? id : NULL,
                             .stopping = &f->stopping,
                             .property = f->client->property};
    int64_t next;
    int r = client_log(f->client, &f->log, &cfg, NULL, e);
    r = r < 0 ? r : f->log->ops->read_all(f->log, f->positions, 0, 0, read_position, f, &next, e);
    r = r < 0 ? r
              : f->source->value.def->writer_open(&f->writer, &f->source->value,
                                                  f->source->feeder_schema, f->client->schemas, e);
    return r < 0 ? r
                 : f->source->feeder->source_open(&f->connector, f->source->feeder_cfg,
                                                  f->source->feeder_schema, f->position, e);
}

static int feed(struct feeder *f, const struct batch *b, int64_t position, struct err *e)
{
    const char *topic = f->source->topic[0];
    int r = f->log->ops->begin(f->log, e);
    for (uint16_t k = 0; r >= 0 && k < b->nsel; k++) {
        uint16_t row = batch_row(b, k);
        buffer_clear(&f->bytes);
        r = f->source->value.def->write(f->writer, b, row, &f->bytes, e);
        struct record rec = {.topic = topic,
                             .partition = -1,
                             .offset = -1,
                             .timestamp = b->time[row],
                             .value = r == 0 ? f->bytes.data : NULL,
                             .value_n = r == 0 ? f->bytes.n : 0};
        r = r < 0 ? r : f->log->ops->produce(f->log, &rec, 1, e);
    }
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, position);
    struct record mark = {.topic = f->positions,
                          .partition = 0,
                          .offset = -1,
                          .timestamp = -1,
                          .key = f->source->stream,
                          .key_n = strlen(f->source->stream),
                          .value = text,
                          .value_n = strlen(text)};
    r = r < 0 ? r : f->log->ops->produce(f->log, &mark, 1, e);
    return r < 0 ? r : f->log->ops->commit(f->log, NULL, 0, e);
}

static int feeder_loop(struct feeder *f, struct err *e)
{
    int at_end = 0;
    while (!atomic_load(&f->stopping) && at_end == 0) {
        struct batch *b = NULL;
        int64_t now = clock_now(&clock_system), next = now + SLEEP_MOST, position = f->position;
        arena_reset(&f->mem);
        at_end =
            f->source->feeder->source_poll(f->connector, now, &f->mem, &b, &position, &next, e);
        if (at_end < 0) {
            return at_end;
        }
        if (b && b->nsel) {
            int r = feed(f, b, position, e);
            if (r < 0) {
                return r;
            }
        }
        f->has_fed |= b && b->nsel;
        f->position = position;
        int64_t wait = next - clock_now(&clock_system);
        wait = wait > SLEEP_MOST ? SLEEP_MOST : wait;
        if (wait > 0 && at_end == 0) {
            nanosleep(&(struct timespec){0, wait * 1000000}, NULL);
        }
    }
    return at_end;
}

static void feeder_close(struct feeder *f)
{
    struct err ignored = {0};
    if (f->connector) {
        f->source->feeder->close(f->connector);
    }
    if (f->writer) {
        f->source->value.def->writer_close(f->writer);
    }
    if (f->log) {
        f->log->ops->abort(f->log, &ignored);
        f->log->ops->close(f->log, true);
    }
    f->connector = NULL;
    f->writer = NULL;
    f->log = NULL;
    f->position = 0;
}

static void wait_before(struct feeder *f, int64_t ms)
{
    for (int64_t waited = 0; waited < ms && !atomic_load(&f->stopping); waited += SLEEP_MOST) {
        nanosleep(&(struct timespec){0, SLEEP_MOST * 1000000}, NULL);
    }
}

/* What fails for now is tried again from the last position that was committed. */
static void *feeder_main(void *arg)
{
    struct feeder *f = arg;
    int r;
    for (int64_t backoff = 0;;) {
        int64_t began = clock_steady(&clock_system);
        r = feeder_open(f, &f->failure);
        r = r < 0 ? r : feeder_loop(f, &f->failure);
        feeder_close(f);
        if ((r != -ERR_RETRY && r != -ERR_ABORT) || atomic_load(&f->stopping)) {
            break;
        }
        backoff = backoff_next(f->has_fed ? 0 : backoff, clock_steady(&clock_system) - began);
        f->has_fed = false;
        logger(LOG_LEVEL_WARN, "source of stream %s: %s; trying again in %lld s", f->source->stream,
               f->failure.text, (long long)backoff / 1000);
        err_clear(&f->failure);
        wait_before(f, backoff);
    }
    if (r < 0) {
        err_prefix(&f->failure, "source of stream %s", f->source->stream);
    }
    atomic_store(&f->status, r);
    return NULL;
}

int feeder_start(struct feeder **out, const struct client *c, const struct plan *plan,
                 const struct plan_source *source, struct err *e)
{
    struct feeder *f = mem_zalloc(sizeof *f);
    f->client = c;
    f->plan = plan;
    f->source = source;
    snprintf(f->positions, sizeof f->positions, "%s-sources", plan->topology->name);
    arena_init(&f->mem);
    buffer_init(&f->bytes);
    if (pthread_create(&f->thread, NULL, feeder_main, f) != 0) {
        mem_free(f);
        return err_set(e, ERR_FATAL, "cannot start a thread");
    }
    *out = f;
    return 0;
}

int feeder_status(const struct feeder *f)
{
    return atomic_load(&f->status);
}

int feeder_stop(struct feeder *f, struct err *e)
{
    atomic_store(&f->stopping, true);
    pthread_join(f->thread, NULL);
    int r = atomic_load(&f->status);
    if (r < 0) {
        err_set(e, f->failure.kind, "%s", f->failure.text);
    }
    arena_done(&f->mem);
    buffer_done(&f->bytes);
    mem_free(f);
    return r;
}
