/* Reaching topics: Kafka through librdkafka with the user's properties, or the log in memory; and
 * the schemas: a registry over HTTP when there is one, else the topic `_klamm_schemas`, else
 * memory.
 */
#include "worker/client.h"
#include "engine/buffer.h"
#include "engine/memory.h"
#include "schemas/registry_http.h"
#include "worker/kafka_log.h"
#include "worker/memory_log.h"
#include "worker/schema_topic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOPICS_SHOWN 10

struct registry_cfg {
    const char *url, *user_info, *token, *ca, *cert, *key;
    bool verify;
    int64_t timeout;
};
#define REGISTRY(member) offsetof(struct registry_cfg, member)
static const struct config_field registry_fields[] = {
    {"url", CONFIG_TEXT, REGISTRY(url), .required = true, .doc = "http://host:port, or several"},
    {"user_info", CONFIG_TEXT, REGISTRY(user_info), .doc = "user:password"},
    {"token", CONFIG_TEXT, REGISTRY(token), .doc = "bearer token"},
    {"ca", CONFIG_TEXT, REGISTRY(ca), .doc = "file of trusted certificates"},
    {"cert", CONFIG_TEXT, REGISTRY(cert), .doc = "client's certificate"},
    {"key", CONFIG_TEXT, REGISTRY(key), .doc = "client's key"},
    {"verify", CONFIG_BOOLEAN, REGISTRY(verify), .def = "true", .doc = "check its certificate"},
    {"timeout", CONFIG_DURATION, REGISTRY(timeout), .def = "10s", .min = 1, .doc = "of a request"},
    {0},
};

static int open_registry(struct schema_store **out, const struct yaml *y, struct err *e)
{
    struct registry_cfg c;
    struct arena mem;
    struct diags d;
    arena_init(&mem);
    diags_init(&d);
    int r = config_parse(registry_fields, &c, y, "schema_registry", &mem, &d);
    if (r < 0) {
        char text[900];
        diags_format(&d, 0, text, sizeof text);
        err_set(e, ERR_CONFIG, "%s", text);
    } else {
        struct registry_http_config http = {.url = c.url,
                                            .user_info = c.user_info,
                                            .token = c.token,
                                            .ca = c.ca,
                                            .cert = c.cert,
                                            .key = c.key,
                                            .no_verify = !c.verify,
                                            .timeout_ms = c.timeout};
        r = registry_http_new(out, &http, e);
    }
    diags_done(&d);
    arena_done(&mem);
    return r;
}

/* The topology refuses what klamm owns by itself: once is enough. */
static bool is_reported(const struct diags *d, const char *path)
{
    for (int i = 0; i < d->n; i++) {
        if (strcmp(d->item[i].path, path) == 0) {
            return true;
        }
    }
    return false;
}

int client_check(const struct config_list *kafka, const struct yaml *registry, struct diags *d)
{
    int before = d->n;
    const char **property = mem_zalloc(((size_t)kafka->n * 2 + 1) * sizeof *property);
    for (int i = 0; i < kafka->n; i++) {
        property[2 * i] = kafka->item[i].name;
        property[2 * i + 1] = kafka->item[i].value.text;
    }
    for (int i = 0; i < kafka->n; i++) {
        const struct config_item *k = &kafka->item[i];
        char path[256];
        struct err e = {0};
        snprintf(path, sizeof path, "kafka.%s", k->name);
        if (!is_reported(d, path) && (kafka_property_check(k->name, k->value.text, &e) < 0 ||
                                      kafka_protocol_check(k->name, property, &e) < 0)) {
            diags_add(d, k->value.at, path, "%s", e.text);
        }
    }
    mem_free(property);
    if (registry) {
        struct registry_cfg c;
        struct arena mem;
        arena_init(&mem);
        config_parse(registry_fields, &c, registry, "schema_registry", &mem, d);
        arena_done(&mem);
    }
    return d->n > before ? -ERR_CONFIG : 0;
}

typedef int (*open_schemas_fn)(struct schema_store **out, const struct client *c, struct err *e);

static int open_client(struct client *c, struct memory_broker *memory,
                       const struct config_list *kafka, const struct yaml *registry,
                       open_schemas_fn open_schemas, struct err *e)
{
    *c = (struct client){.memory = memory};
    c->property = mem_zalloc(((size_t)kafka->n * 2 + 3) * sizeof(char *));
    const char *servers = getenv("KAFKA");
    c->property[0] = "bootstrap.servers"; /* the last one counts */
    c->property[1] = servers && servers[0] ? servers : "localhost:9092";
    for (int i = 0; i < kafka->n; i++) {
        c->property[2 * i + 2] = kafka->item[i].name;
        c->property[2 * i + 3] = kafka->item[i].value.text;
    }
    struct log_config cfg = {.property = c->property};
    int r = client_log(c, &c->log, &cfg, NULL, e);
    if (r == 0 && !memory) {
        r = client_wait(c, 10000, e);
    }
    c->has_answered = r == 0;
    if (r == 0 && registry && !memory) {
        r = open_registry(&c->schemas, registry, e);
    } else if (r == 0) {
        r = open_schemas(&c->schemas, c, e);
    }
    if (r < 0) {
        client_close(c);
    }
    return r;
}

int client_open(struct client *c, struct memory_broker *memory, const struct config_list *kafka,
                const struct yaml *registry, struct err *e)
{
    return open_client(c, memory, kafka, registry, schema_topic_open, e);
}

int client_look(struct client *c, struct memory_broker *memory, const struct config_list *kafka,
                const struct yaml *registry, struct err *e)
{
    return open_client(c, memory, kafka, registry, schema_topic_look, e);
}

int client_log(const struct client *c, struct log **out, const struct log_config *cfg,
               const struct log_events *ev, struct err *e)
{
    return c->memory ? memory_log_open(out, c->memory, cfg, ev, e)
                     : kafka_log_open(out, cfg, ev, e);
}

int client_wait(struct client *c, int timeout_ms, struct err *e)
{
    int32_t count;
    const char *servers = "";
    for (int i = 0; c->property[i]; i += 2) {
        if (strcmp(c->property[i], "bootstrap.servers") == 0) {
            servers = c->property[i + 1];
        }
    }
    struct err why = {0};
    if (c->log->ops->partitions(c->log, "_klamm_schemas", &count, timeout_ms, &why) < 0) {
        return err_set(e, ERR_RETRY,
                       "no Kafka broker answers at %s within %d s (%s): name one by --bootstrap, "
                       "kafka: {bootstrap.servers: …} or $KAFKA; `run --in-memory` needs none",
                       servers, timeout_ms / 1000, why.text);
    }
    return 0;
}

struct names {
    struct arena mem;
    int n;
    const char *item[1001];
};

static void keep_name(void *ctx, const char *topic)
{
    struct names *all = ctx;
    bool is_internal = strncmp(topic, "__", 2) == 0;
    if (!is_internal && all->n < 1000) {
        all->item[all->n++] = arena_strdup(&all->mem, topic);
    }
}

int client_no_topic(const struct client *c, const char *topic, struct err *e)
{
    struct names *all = mem_zalloc(sizeof *all);
    struct buffer hint;
    arena_init(&all->mem);
    buffer_init(&hint);
    if (c->log->ops->topics) {
        c->log->ops->topics(c->log, keep_name, all, 10000, NULL);
    }
    const char *near = nearest_name(topic, all->item);
    if (near) {
        buffer_printf(&hint, ": did you mean \"%s\"?", near);
    } else if (all->n) {
        buffer_text(&hint, "; there are ");
        for (int i = 0; i < all->n && i < TOPICS_SHOWN; i++) {
            buffer_printf(&hint, "%s%s", i ? ", " : "", all->item[i]);
        }
        buffer_text(&hint, all->n > TOPICS_SHOWN ? ", …" : "");
    }
    int r = err_set(e, ERR_CONFIG, "there is no topic \"%s\"%s", topic, buffer_cstr(&hint));
    buffer_done(&hint);
    arena_done(&all->mem);
    mem_free(all);
    return r;
}

void client_close(struct client *c)
{
    if (c->schemas) {
        c->schemas->free(c->schemas);
    }
    if (c->log) {
        c->log->ops->close(c->log, true);
    }
    mem_free(c->property);
    *c = (struct client){.has_answered = c->has_answered};
}
