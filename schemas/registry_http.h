/* Schema store that asks a Confluent Schema Registry (or one that speaks its REST API). */
#ifndef KLAMM_SCHEMAS_REGISTRY_HTTP_H
#define KLAMM_SCHEMAS_REGISTRY_HTTP_H

#include "engine/schema_store.h"

#include <stdbool.h>

struct registry_http_config {
    const char *url;        /* http://host:port, several separated by commas */
    const char *user_info;  /* basic authentication, "user:password"; NULL: none */
    const char *token;      /* bearer authentication; NULL: none */
    const char *ca;         /* file of trusted certificates; NULL: the system's */
    const char *cert, *key; /* files of the client's certificate; NULL: none */
    bool no_verify;         /* do not check the server's certificate */
    int64_t timeout_ms;     /* of one request; 0: 10 s */
    int64_t backoff_ms;     /* before the second round, doubling; 0: 100 ms */
    int tries;              /* rounds over all URLs; 0: 3 */
};

/* Nothing is asked before the first call of the store. Text of cfg is copied. -ERR_CONFIG when a
 * URL is none. */
int registry_http_new(struct schema_store **out, const struct registry_http_config *cfg,
                      struct err *e);

#endif
