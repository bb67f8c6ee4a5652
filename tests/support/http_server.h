/* For tests of HTTP clients: a server on a free local port, in a thread of its own. */
#ifndef KLAMM_TESTS_HTTP_SERVER_H
#define KLAMM_TESTS_HTTP_SERVER_H

#include <stddef.h>

struct http_server;

/* What a handler sees and answers; strings live as long as the call. */
struct http_exchange {
    const char *method, *path; /* path with query, as sent */
    const char *body;
    const char *authorization; /* NULL: none */
    int status;                /* 200 unless set */
    char answer[4096];         /* body of the answer */
};

/* Calls handle(ctx, x) for each request, in the server's thread. */
struct http_server *http_server_new(void (*handle)(void *ctx, struct http_exchange *x), void *ctx);
int http_server_port(const struct http_server *s);
void http_server_free(struct http_server *s);

#endif
