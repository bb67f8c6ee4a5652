/* Brokers come from --bootstrap, else from the topology, else (client.c) from $KAFKA, else
 * localhost:9092. */
#include "worker/commands/connection.h"

#include <string.h>

static void add_property(struct connection *c, struct config_list *list, const char *name,
                         const char *value)
{
    for (int i = 0; i < list->n; i++) {
        if (strcmp(list->item[i].name, name) == 0) {
            list->item[i].value.text = value;
            return;
        }
    }
    struct config_item *more = arena_array(&c->mem, (size_t)list->n + 1, sizeof *more);
    for (int i = 0; i < list->n; i++) {
        more[i] = list->item[i];
    }
    more[list->n] = (struct config_item){name, {.text = value}};
    list->item = more;
    list->n++;
}

static int load(struct connection *c, const struct invocation *in, const char *file,
                struct config_list *kafka, const struct yaml **registry, struct diags *d)
{
    struct topology *t;
    struct yaml *y;
    const char *url = flag_value(in, "registry");
    if (file) {
        if (topology_load(&t, &c->mem, file, NULL, 0, d) < 0) {
            return -ERR_CONFIG;
        }
        c->topology = t;
        *kafka = t->kafka;
        *registry = t->schema_registry;
    }
    if (url) {
        const char *text = arena_printf(&c->mem, "{\"url\": \"%s\"}", url);
        if (yaml_parse(&y, &c->mem, "--registry", text, strlen(text), d) < 0) {
            return -ERR_CONFIG;
        }
        *registry = y;
    }
    const char *servers = flag_value(in, "bootstrap");
    if (servers) {
        add_property(c, kafka, "bootstrap.servers", servers);
    }
    const char *v;
    for (int i = 0; (v = flag_nth(in, "set", i)); i++) {
        const char *equals = strchr(v, '=');
        if (!equals) {
            return print_usage_error(in, "--set takes NAME=VALUE; found \"%s\"", v);
        }
        add_property(c, kafka, arena_strndup(&c->mem, v, (size_t)(equals - v)), equals + 1);
    }
    return 0;
}

int connection_open(struct connection *c, const struct invocation *in)
{
    return connection_open_file(c, in, NULL);
}

int connection_open_file(struct connection *c, const struct invocation *in, const char *file)
{
    file = file ? file : flag_value(in, "topology");
    struct config_list kafka = {0};
    const struct yaml *registry = NULL;
    struct diags d;
    struct err e = {0};
    *c = (struct connection){0};
    arena_init(&c->mem);
    diags_init(&d);
    int code = EXIT_OK, r = load(c, in, file, &kafka, &registry, &d);
    r = r == 0 ? client_check(&kafka, registry, &d) : r;
    if (r == 0 && client_open(&c->client, NULL, &kafka, registry, &e) < 0) {
        code = print_err(&e);
    } else if (r != 0) {
        code = d.n ? print_diags(&d) : EXIT_USAGE;
    }
    diags_done(&d);
    if (code) {
        arena_done(&c->mem);
    }
    return code;
}

void connection_close(struct connection *c)
{
    client_close(&c->client);
    arena_done(&c->mem);
}
