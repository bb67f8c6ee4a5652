/* One thread runs libevent's loop and calls the handler for each request, so a handler shares its
 * context with the test's thread. A timer looks every 5 ms whether the server is to end.
 */
#include "tests/support/http_server.h"

#include "engine/buffer.h"
#include "engine/memory.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct http_server {
    pthread_t thread;
    struct event_base *base;
    struct evhttp *http;
    int port;
    atomic_bool is_over;
    void (*handle)(void *, struct http_exchange *);
    void *ctx;
};

static const char *method_of(struct evhttp_request *q)
{
    switch ((int)evhttp_request_get_command(q)) {
    case EVHTTP_REQ_GET:
        return "GET";
    case EVHTTP_REQ_POST:
        return "POST";
    case EVHTTP_REQ_PUT:
        return "PUT";
    case EVHTTP_REQ_DELETE:
        return "DELETE";
    default:
        return "OTHER";
    }
}

static void serve(struct evhttp_request *q, void *ctx)
{
    struct http_server *s = ctx;
    struct evbuffer *in = evhttp_request_get_input_buffer(q);
    struct buffer body;
    size_t n = evbuffer_get_length(in);
    buffer_init(&body);
    evbuffer_remove(in, buffer_reserve(&body, n), n);
    body.n = n;
    struct http_exchange x = {.method = method_of(q), .path = evhttp_request_get_uri(q)};
    x.body = buffer_cstr(&body);
    x.authorization = evhttp_find_header(evhttp_request_get_input_headers(q), "Authorization");
    x.status = 200;
    s->handle(s->ctx, &x);
    struct evbuffer *out = evbuffer_new();
    evbuffer_add(out, x.answer, strlen(x.answer));
    evhttp_send_reply(q, x.status, NULL, out);
    evbuffer_free(out);
    buffer_done(&body);
}

static void look(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    struct http_server *s = ctx;
    if (atomic_load(&s->is_over)) {
        event_base_loopbreak(s->base);
    }
}

static void *run(void *ctx)
{
    struct http_server *s = ctx;
    struct timeval often = {.tv_usec = 5000};
    struct event *timer = event_new(s->base, -1, EV_PERSIST, look, s);
    event_add(timer, &often);
    event_base_dispatch(s->base);
    event_free(timer);
    return NULL;
}

struct http_server *http_server_new(void (*handle)(void *ctx, struct http_exchange *x), void *ctx)
{
    struct http_server *s = mem_zalloc(sizeof *s);
    s->handle = handle;
    s->ctx = ctx;
    s->base = event_base_new();
    s->http = evhttp_new(s->base);
    evhttp_set_gencb(s->http, serve, s);
    struct evhttp_bound_socket *bound = evhttp_bind_socket_with_handle(s->http, "127.0.0.1", 0);
    struct sockaddr_storage address;
    socklen_t n = sizeof address;
    if (bound == NULL ||
        getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&address, &n) != 0) {
        abort();
    }
    s->port = ntohs(((struct sockaddr_in *)&address)->sin_port);
    pthread_create(&s->thread, NULL, run, s);
    return s;
}

int http_server_port(const struct http_server *s)
{
    return s->port;
}

void http_server_free(struct http_server *s)
{
    atomic_store(&s->is_over, true);
    pthread_join(s->thread, NULL);
    evhttp_free(s->http);
    event_base_free(s->base);
    mem_free(s);
}
