/* Schema registry over HTTP, against a small registry in a thread. */
#include "schemas/registry_http.h"
#include "tests/support/http_server.h"

#include "engine/clock.h"
#include "engine/memory.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* Knows schema 7 and subject "in-value" ("a b" needs escaping); misbehaves when told to. */
struct registry {
    atomic_int requests, failures; /* failures: how many 500s are still to come */
    char last_body[512], last_path[256], authorization[128];
};

static void handle(void *ctx, struct http_exchange *x)
{
    struct registry *r = ctx;
    atomic_fetch_add(&r->requests, 1);
    snprintf(r->last_body, sizeof r->last_body, "%s", x->body);
    snprintf(r->last_path, sizeof r->last_path, "%s", x->path);
    snprintf(r->authorization, sizeof r->authorization, "%s",
             x->authorization ? x->authorization : "");
    if (atomic_load(&r->failures) > 0) {
        atomic_fetch_sub(&r->failures, 1);
        x->status = 500;
        strncpy(x->answer, "{\"error_code\":50001,\"message\":\"backend\"}", sizeof x->answer - 1);
        return;
    }
    const char *answer = "{\"error_code\":40403,\"message\":\"Schema not found\"}";
    x->status = 404;
    bool is_post = strcmp(x->method, "POST") == 0;
    if (strcmp(x->path, "/schemas/ids/7") == 0) {
        x->status = 200;
        answer = "{\"schema\":\" \\\"long\\\" \"}";
    } else if (strcmp(x->path, "/schemas/ids/8") == 0) {
        x->status = 200;
        answer = "{\"schema\":\"syntax...\",\"schemaType\":\"PROTOBUF\"}";
    } else if (strcmp(x->path, "/schemas/ids/9") == 0) {
        x->status = 403;
        answer = "{\"message\":\"not yours\"}";
    } else if (strcmp(x->path, "/schemas/ids/10") == 0) {
        x->status = 200;
        answer = "<html>a proxy</html>";
    } else if (strcmp(x->path, "/subjects/in-value/versions/latest") == 0) {
        x->status = 200;
        answer = "{\"subject\":\"in-value\",\"version\":3,\"id\":7,\"schema\":\"\\\"long\\\"\"}";
    } else if (is_post && strcmp(x->path, "/subjects/a%20b%2Fc/versions") == 0) {
        x->status = 200;
        answer = "{\"id\":41}";
    } else if (is_post && strcmp(x->path, "/subjects/clash/versions") == 0) {
        x->status = 409;
        answer = "{\"error_code\":409,\"message\":\"field x has no default\"}";
    } else if (is_post && strcmp(x->path, "/subjects/invalid/versions") == 0) {
        x->status = 422;
        answer = "{\"error_code\":42201,\"message\":\"Invalid schema\"}";
    }
    strncpy(x->answer, answer, sizeof x->answer - 1);
}

struct setup {
    struct registry registry;
    struct http_server *server;
    struct schema_store *store;
    char url[128];
    struct err e;
};

static void begin(struct setup *s, const char *user_info)
{
    memset(s, 0, sizeof *s);
    s->server = http_server_new(handle, &s->registry);
    snprintf(s->url, sizeof s->url, "http://user:secret@127.0.0.1:1, http://127.0.0.1:%d/",
             http_server_port(s->server));
    struct registry_http_config cfg = {.url = s->url, .user_info = user_info, .backoff_ms = 1};
    assert_int_equal(registry_http_new(&s->store, &cfg, &s->e), 0);
}

static void end(struct setup *s)
{
    s->store->free(s->store);
    http_server_free(s->server);
}

static void ids_are_cached(void **state)
{
    (void)state;
    struct setup s;
    const char *json = NULL, *again = NULL;
    begin(&s, "klamm:pw");
    assert_int_equal(s.store->by_id(s.store, 7, &json, &s.e), 0);
    assert_string_equal(json, "\"long\"");
    assert_string_equal(s.registry.authorization, "Basic a2xhbW06cHc=");
    assert_int_equal(s.store->by_id(s.store, 7, &again, &s.e), 0);
    assert_ptr_equal(again, json);
    assert_int_equal(s.registry.requests, 1);
    end(&s);
}

static void what_is_not_there(void **state)
{
    (void)state;
    struct setup s;
    const char *json = NULL;
    begin(&s, NULL);
    assert_int_equal(s.store->by_id(s.store, 5, &json, &s.e), -ERR_DATA);
    assert_null(json);
    err_clear(&s.e);
    assert_int_equal(s.store->by_id(s.store, 8, &json, &s.e), -ERR_DATA);
    assert_non_null(strstr(s.e.text, "PROTOBUF"));
    err_clear(&s.e);
    assert_int_equal(s.store->by_id(s.store, 9, &json, &s.e), -ERR_CONFIG);
    assert_non_null(strstr(s.e.text, "not yours"));
    err_clear(&s.e);
    assert_int_equal(s.store->latest(s.store, "nobody", &json, NULL, &s.e), 0);
    err_clear(&s.e);
    assert_int_equal(s.store->by_id(s.store, 10, &json, &s.e), -ERR_RETRY);
    end(&s);
}

static void latest_is_asked_each_time(void **state)
{
    (void)state;
    struct setup s;
    const char *json = NULL;
    uint32_t id = 0;
    begin(&s, NULL);
    assert_int_equal(s.store->latest(s.store, "in-value", &json, &id, &s.e), 1);
    assert_int_equal(id, 7);
    assert_string_equal(json, "\"long\"");
    assert_int_equal(s.store->latest(s.store, "in-value", &json, NULL, &s.e), 1);
    assert_int_equal(s.registry.requests, 2);
    end(&s);
}

static void registering(void **state)
{
    (void)state;
    struct setup s;
    uint32_t id = 0;
    const char *json;
    begin(&s, NULL);
    assert_int_equal(s.store->known(s.store, "a b/c", &json), 0);
    assert_int_equal(s.store->put(s.store, "a b/c", "{ \"type\" : \"string\" }", &id, &s.e), 0);
    assert_int_equal(id, 41);
    assert_string_equal(s.registry.last_body, "{\"schema\":\"{\\\"type\\\":\\\"string\\\"}\"}");
    id = 0;
    assert_int_equal(s.store->put(s.store, "a b/c", "{\"type\":\"string\"}", &id, &s.e), 0);
    assert_int_equal(id, 41);
    assert_int_equal(s.registry.requests, 1);
    assert_int_equal(s.store->by_id(s.store, 41, &json, &s.e), 0);
    assert_int_equal(s.store->known(s.store, "a b/c", &json), 1);
    assert_string_equal(json, "{\"type\":\"string\"}");
    assert_int_equal(s.store->known(s.store, "a b", &json), 0);
    assert_int_equal(s.registry.requests, 1);
    assert_int_equal(s.store->put(s.store, "clash", "\"int\"", &id, &s.e), -ERR_CONFIG);
    assert_non_null(strstr(s.e.text, "clash"));
    assert_non_null(strstr(s.e.text, "field x has no default"));
    err_clear(&s.e);
    assert_int_equal(s.store->put(s.store, "invalid", "\"int\"", &id, &s.e), -ERR_CONFIG);
    assert_non_null(strstr(s.e.text, "Invalid schema"));
    err_clear(&s.e);
    assert_int_equal(s.store->put(s.store, "x", "{", &id, &s.e), -ERR_CONFIG);
    end(&s);
}

static void failures_are_tried_again(void **state)
{
    (void)state;
    struct setup s;
    const char *json = NULL;
    begin(&s, NULL);
    s.registry.failures = 2;
    assert_int_equal(s.store->by_id(s.store, 7, &json, &s.e), 0);
    assert_int_equal(s.e.kind, ERR_NONE);
    assert_int_equal(s.registry.requests, 3);
    s.registry.failures = 100;
    assert_int_equal(s.store->by_id(s.store, 5, &json, &s.e), -ERR_RETRY);
    assert_int_equal(s.registry.requests, 6);
    assert_null(strstr(s.e.text, "secret"));
    end(&s);
}

static int64_t now_ms(void)
{
    return clock_monotonic_ns() / 1000000;
}

/* A server that takes connections and never answers; then nobody is asked any more. */
static void whoever_is_to_end_does_not_wait(void **state)
{
    (void)state;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, n), 0);
    assert_int_equal(listen(fd, 5), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d", ntohs(at.sin_port));
    struct registry_http_config cfg = {.url = url, .timeout_ms = 600000, .backoff_ms = 600000};
    struct schema_store *s = NULL;
    struct err e = {0};
    const char *json;
    assert_int_equal(registry_http_new(&s, &cfg, &e), 0);
    s->hurry(s, 50);
    int64_t begin = now_ms();
    assert_int_equal(s->by_id(s, 7, &json, &e), -ERR_RETRY);
    err_clear(&e);
    assert_int_equal(s->by_id(s, 7, &json, &e), -ERR_RETRY);
    assert_non_null(strstr(e.text, "not asked any more"));
    assert_true(now_ms() - begin < 60000); /* not the ten minutes */
    s->free(s);
    close(fd);
}

static void nobody_listens(void **state)
{
    (void)state;
    struct registry_http_config cfg = {
        .url = "http://user:secret@127.0.0.1:1", .backoff_ms = 1, .tries = 2};
    struct schema_store *s = NULL;
    struct err e = {0};
    const char *json;
    assert_int_equal(registry_http_new(&s, &cfg, &e), 0);
    assert_int_equal(s->by_id(s, 7, &json, &e), -ERR_RETRY);
    assert_non_null(strstr(e.text, "127.0.0.1:1"));
    assert_null(strstr(e.text, "secret"));
    s->free(s);
}

static void urls(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "localhost:8081", "file:///etc/passwd",
                                      "http://a,ftp://b", NULL};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct registry_http_config cfg = {.url = bad[i]};
        struct schema_store *s = NULL;
        struct err e = {0};
        assert_int_equal(registry_http_new(&s, &cfg, &e), -ERR_CONFIG);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_cached), cmocka_unit_test(what_is_not_there),
        cmocka_unit_test(registering),    cmocka_unit_test(latest_is_asked_each_time),
        cmocka_unit_test(nobody_listens), cmocka_unit_test(failures_are_tried_again),
        cmocka_unit_test(urls),           cmocka_unit_test(whoever_is_to_end_does_not_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
