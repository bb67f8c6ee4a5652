/* The topic of schemas on a log handle: reading goes on where the last reading ended; appending
 * waits for the acknowledgement. The handle is plain (no transactions), so a schema is there before
 * the first record that names it.
 */
#include "worker/schema_topic.h"
#include "engine/memory.h"
#include "schemas/registry_topic.h"
#include "worker/client.h"

#define TOPIC    "_klamm_schemas"
#define ADMIN_MS 15000

struct schema_topic {
    struct schema_store store; /* first */
    struct schema_store *inner;
    struct registry_topic *rules;
    struct log *log;
    int64_t next;
    bool only_reads, is_there;
};

static int append(void *ctx, const void *key, size_t key_n, const void *value, size_t value_n,
                  struct err *e)
{
    struct schema_topic *s = ctx;
    if (s->only_reads) {
        return err_set(e, ERR_CONFIG, "a schema is not in topic %s, and nothing is to be written",
                       TOPIC);
    }
    struct record r = {.topic = TOPIC,
                       .partition = 0,
                       .offset = -1,
                       .timestamp = -1,
                       .key = key,
                       .key_n = key_n,
                       .value = value,
                       .value_n = value_n};
    int result = s->log->ops->produce(s->log, &r, 1, e);
    return result < 0 ? result : s->log->ops->commit(s->log, NULL, 0, e);
}

static int read_new(void *ctx, int (*each)(void *each_ctx, const struct record *r), void *each_ctx,
                    struct err *e)
{
    struct schema_topic *s = ctx;
    int32_t n = s->is_there;
    int r = n ? 0 : s->log->ops->partitions(s->log, TOPIC, &n, ADMIN_MS, e);
    if (r < 0 || n == 0) {
        return r;
    }
    s->is_there = true;
    return s->log->ops->read_all(s->log, TOPIC, 0, s->next, each, each_ctx, &s->next, e);
}

static int by_id(struct schema_store *store, uint32_t id, const char **json, struct err *e)
{
    struct schema_topic *s = (struct schema_topic *)store;
    return s->inner->by_id(s->inner, id, json, e);
}

static int latest(struct schema_store *store, const char *subject, const char **json, uint32_t *id,
                  struct err *e)
{
    struct schema_topic *s = (struct schema_topic *)store;
    return s->inner->latest(s->inner, subject, json, id, e);
}

static int put(struct schema_store *store, const char *subject, const char *json, uint32_t *id,
               struct err *e)
{
    struct schema_topic *s = (struct schema_topic *)store;
    return s->inner->put(s->inner, subject, json, id, e);
}

static int known(struct schema_store *store, const char *subject, const char **json)
{
    struct schema_topic *s = (struct schema_topic *)store;
    return s->inner->known(s->inner, subject, json);
}

static void schema_topic_free(struct schema_store *store)
{
    struct schema_topic *s = (struct schema_topic *)store;
    if (s->inner) {
        s->inner->free(s->inner);
    }
    if (s->log) {
        s->log->ops->close(s->log, true);
    }
    mem_free(s);
}

static int open_store(struct schema_store **out, const struct client *c, bool only_reads,
                      struct err *e)
{
    struct schema_topic *s = mem_zalloc(sizeof *s);
    struct log_config cfg = {.property = c->property};
    s->store = (struct schema_store){by_id, latest, put, schema_topic_free, known, NULL};
    s->only_reads = only_reads;
    int r = client_log(c, &s->log, &cfg, NULL, e);
    if (r == 0 && !only_reads) {
        r = s->log->ops->create_topic(s->log, TOPIC, 1, -1, true, NULL, ADMIN_MS, e);
        s->is_there = true;
    }
    if (r < 0) {
        schema_topic_free(&s->store);
        return r;
    }
    struct registry_log log = {.ctx = s, .append = append, .read_new = read_new};
    s->rules = registry_topic_new(&log);
    s->inner = registry_topic_store(s->rules);
    *out = &s->store;
    return 0;
}

int schema_topic_open(struct schema_store **out, const struct client *c, struct err *e)
{
    return open_store(out, c, false, e);
}

int schema_topic_look(struct schema_store **out, const struct client *c, struct err *e)
{
    return open_store(out, c, true, e);
}
