/* Schema registry over HTTP.
 *
 *     by_id     GET  /schemas/ids/{id}                     cached for ever: ids never change
 *     latest    GET  /subjects/{subject}/versions/latest   not cached: it does
 *     put       POST /subjects/{subject}/versions          cached by subject and canonical text
 *     known     what was put last
 *
 *   no connection, time-out, 5xx, 429   the next URL at once; after a round over all of them a
 *                                       pause, doubling; at last -ERR_RETRY
 *   404                                 by_id: -ERR_DATA; latest: none
 *   401, 403, 409, 422, other 4xx       -ERR_CONFIG with the registry's own message; by_id too,
 *                                       since the record is not to blame
 *
 * Once the process is to end (`hurry`), what is under way is given up in time, also within a
 * request.
 *
 * One request at a time (`io`); hits only take `lock`. Answers are limited to ANSWER_MAX. Messages
 * name the server without user and password.
 */
#include "schemas/registry_http.h"

#include "engine/buffer.h"
#include "engine/clock.h"
#include "engine/memory.h"
#include "schemas/json_print.h"
#include "schemas/json_pull.h"
#include "schemas/schema_table.h"
#include "schemas/schema_text.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define ANSWER_MAX     (16U << 20)
#define URLS_MAX       16
#define PAUSE_SLICE_MS 50

struct registry_http {
    struct schema_store store;
    pthread_mutex_t io, lock; /* io is taken first */
    struct schema_table table;
    CURL *curl;
    struct curl_slist *headers;
    char *url[URLS_MAX];
    int nurls, current; /* the one that answered last */
    int tries;
    int64_t backoff_ms;
    _Atomic int64_t deadline_ns; /* 0: none */
    char curl_error[CURL_ERROR_SIZE];
    struct buffer answer, text;
    struct json_pull pull;
};

static struct registry_http *of(struct schema_store *s)
{
    return (struct registry_http *)s; /* store is the first member */
}

/* Members of an answer that matter; the buffers are empty when absent. */
struct answer {
    long status;
    struct buffer schema, type, message;
    int64_t id;
};

static void answer_done(struct answer *a)
{
    buffer_done(&a->schema);
    buffer_done(&a->type);
    buffer_done(&a->message);
}

static size_t take_body(char *p, size_t size, size_t n, void *ctx)
{
    struct buffer *b = ctx;
    if (size * n > ANSWER_MAX - b->n) {
        return 0;
    }
    buffer_add(b, p, size * n);
    return size * n;
}

static void take_string(struct json_pull *j, struct buffer *out)
{
    struct json_text t;
    if (json_peek(j) != JSON_STRING) {
        (void)json_skip(j, NULL);
    } else if (json_string(j, &t) && memchr(t.p, '\0', t.n) == NULL) {
        buffer_clear(out);
        buffer_add(out, t.p, t.n);
    }
}

static bool is_text(const struct json_text *t, const char *s)
{
    return t->n == strlen(s) && memcmp(t->p, s, t->n) == 0;
}

/* False when the body is no JSON object (a proxy's page, say). */
static bool read_answer(struct registry_http *r, struct answer *a)
{
    struct json_pull *j = &r->pull;
    struct json_text key;
    struct json_number id;
    json_begin(j, r->answer.data ? r->answer.data : "", r->answer.n);
    if (json_peek(j) != JSON_OBJECT || !json_enter(j)) {
        return false;
    }
    while (json_key(j, &key)) {
        if (is_text(&key, "schema")) {
            take_string(j, &a->schema);
        } else if (is_text(&key, "schemaType")) {
            take_string(j, &a->type);
        } else if (is_text(&key, "message")) {
            take_string(j, &a->message);
        } else if (is_text(&key, "id") && json_peek(j) == JSON_NUMBER) {
            a->id = json_number(j, &id) && id.is_long ? id.i : 0;
        } else {
            (void)json_skip(j, NULL);
        }
    }
    return json_finish(j);
}

/* The server of a URL without user and password. */
static const char *server_of(const char *url)
{
    const char *host = strstr(url, "://");
    host = host ? host + 3 : url;
    const char *at = strrchr(host, '@');
    return at ? at + 1 : host;
}

static bool is_over(const struct registry_http *r)
{
    int64_t deadline = atomic_load(&r->deadline_ns);
    return deadline != 0 && clock_monotonic_ns() >= deadline;
}

static void pause_ms(const struct registry_http *r, int64_t ms)
{
    for (; ms > 0 && !is_over(r); ms -= PAUSE_SLICE_MS) {
        int64_t some = ms < PAUSE_SLICE_MS ? ms : PAUSE_SLICE_MS;
        nanosleep(&(struct timespec){.tv_nsec = some * 1000000}, NULL);
    }
}

/* libcurl asks now and then, at least once a second; not 0 ends the transfer. */
static int give_up(void *ctx, curl_off_t dltotal, curl_off_t dlnow, curl_off_t ultotal,
                   curl_off_t ulnow)
{
    (void)dltotal;
    (void)dlnow;
    (void)ultotal;
    (void)ulnow;
    return is_over(ctx);
}

/* Asks one server: 0, or -ERR_RETRY when another try may help. */
static int ask_one(struct registry_http *r, const char *url, const char *path, const char *body,
                   struct answer *a, struct err *e)
{
    char *whole = mem_printf("%s%s", url, path);
    buffer_clear(&r->answer);
    r->curl_error[0] = '\0';
    curl_easy_setopt(r->curl, CURLOPT_URL, whole);
    curl_easy_setopt(r->curl, CURLOPT_HTTPGET, 1L);
    if (body != NULL) {
        curl_easy_setopt(r->curl, CURLOPT_POSTFIELDS, body);
        curl_easy_setopt(r->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
        curl_easy_setopt(r->curl, CURLOPT_POST, 1L);
    }
    CURLcode rc = curl_easy_perform(r->curl);
    mem_free(whole);
    if (rc != CURLE_OK) {
        return err_set(e, ERR_RETRY, "schema registry %s: %s", server_of(url),
                       r->curl_error[0] ? r->curl_error : curl_easy_strerror(rc));
    }
    curl_easy_getinfo(r->curl, CURLINFO_RESPONSE_CODE, &a->status);
    bool is_json = read_answer(r, a);
    if (a->status >= 500 || a->status == 429 || (a->status == 200 && !is_json)) {
        return err_set(e, ERR_RETRY, "schema registry %s answered %ld: %.300s", server_of(url),
                       a->status, a->message.n ? buffer_cstr(&a->message) : "no valid JSON");
    }
    return 0;
}

/* Asks until one of the servers answers. */
static int ask(struct registry_http *r, const char *path, const char *body, struct answer *a,
               struct err *e)
{
    int rc = -ERR_RETRY;
    int64_t pause = r->backoff_ms;
    if (is_over(r)) {
        return err_set(e, ERR_RETRY, "schema registry %s: not asked any more, the process ends",
                       server_of(r->url[r->current]));
    }
    for (int round = 0; round < r->tries && rc < 0 && !is_over(r); round++) {
        if (round > 0) {
            pause_ms(r, pause);
            pause *= 2;
        }
        for (int i = 0; i < r->nurls && rc < 0 && (i == 0 || !is_over(r)); i++) {
            int u = (r->current + i) % r->nurls;
            err_clear(e);
            answer_done(a);
            *a = (struct answer){0};
            rc = ask_one(r, r->url[u], path, body, a, e);
            if (rc == 0) {
                r->current = u;
            }
        }
    }
    return rc;
}

/* Turns a 4xx that has no other meaning into an error. */
static int check_status(struct registry_http *r, struct answer *a, const char *what, struct err *e)
{
    if (a->status == 200) {
        return 0;
    }
    const char *reason = a->message.n ? buffer_cstr(&a->message)
                         : a->status == 401 || a->status == 403
                             ? "access denied; check the registry's user and password"
                             : "no message";
    return err_set(e, ERR_CONFIG, "schema registry %s refused %.200s (%ld): %.500s",
                   server_of(r->url[r->current]), what, a->status, reason);
}

/* Puts the answer's schema into the table; *json lives as long as that. */
static int keep_schema(struct registry_http *r, struct answer *a, uint32_t id, const char **json,
                       struct err *e)
{
    if (a->type.n > 0 && strcasecmp(buffer_cstr(&a->type), "AVRO") != 0) {
        return err_set(e, ERR_DATA, "schema %u is %.40s, not Avro", id, a->type.data);
    }
    buffer_clear(&r->text);
    if (schema_text(&r->text, a->schema.data ? a->schema.data : "", a->schema.n, e) < 0) {
        return err_prefix(e, "schema %u", id);
    }
    pthread_mutex_lock(&r->lock);
    *json = schema_table_json(&r->table, id);
    if (*json == NULL) {
        *json = schema_table_add(&r->table, id, buffer_cstr(&r->text));
    }
    pthread_mutex_unlock(&r->lock);
    return 0;
}

static const char *json_of(struct registry_http *r, uint32_t id)
{
    pthread_mutex_lock(&r->lock);
    const char *json = schema_table_json(&r->table, id);
    pthread_mutex_unlock(&r->lock);
    return json;
}

static int fetch_id(struct registry_http *r, uint32_t id, const char **json, struct err *e)
{
    struct answer a = {0};
    char path[64];
    snprintf(path, sizeof path, "/schemas/ids/%u", id);
    int rc = ask(r, path, NULL, &a, e);
    if (rc == 0 && a.status == 404) {
        rc = err_set(e, ERR_DATA, "the schema registry has no schema with id %u", id);
    }
    rc = rc < 0 ? rc : check_status(r, &a, path, e);
    rc = rc < 0 ? rc : keep_schema(r, &a, id, json, e);
    answer_done(&a);
    return rc;
}

static int http_by_id(struct schema_store *s, uint32_t id, const char **json, struct err *e)
{
    struct registry_http *r = of(s);
    *json = json_of(r, id);
    if (*json != NULL) {
        return 0;
    }
    struct err own = {0};
    pthread_mutex_lock(&r->io);
    *json = json_of(r, id); /* another thread may have fetched it meanwhile */
    int rc = *json != NULL ? 0 : fetch_id(r, id, json, e ? e : &own);
    pthread_mutex_unlock(&r->io);
    return rc;
}

/* "/subjects/SUBJECT/versions" and `tail`; heap. */
static char *subject_path(struct registry_http *r, const char *subject, const char *tail)
{
    char *escaped = curl_easy_escape(r->curl, subject, 0);
    char *path = mem_printf("/subjects/%s/versions%s", escaped ? escaped : "", tail);
    curl_free(escaped);
    return path;
}

static int http_latest(struct schema_store *s, const char *subject, const char **json, uint32_t *id,
                       struct err *e)
{
    struct registry_http *r = of(s);
    struct answer a = {0};
    struct err own = {0};
    e = e ? e : &own;
    pthread_mutex_lock(&r->io);
    char *path = subject_path(r, subject, "/latest");
    int rc = ask(r, path, NULL, &a, e);
    bool is_none = rc == 0 && a.status == 404;
    rc = rc < 0 || is_none ? rc : check_status(r, &a, path, e);
    if (rc == 0 && !is_none && (a.id <= 0 || a.id > UINT32_MAX)) {
        rc = err_set(e, ERR_RETRY, "schema registry: the answer for %.200s has no id", subject);
    }
    if (rc == 0 && !is_none) {
        rc = keep_schema(r, &a, (uint32_t)a.id, json, e);
        if (id != NULL) {
            *id = (uint32_t)a.id;
        }
    }
    pthread_mutex_unlock(&r->io);
    mem_free(path);
    answer_done(&a);
    return rc < 0 ? rc : !is_none;
}

static int http_known(struct schema_store *s, const char *subject, const char **json)
{
    struct registry_http *r = of(s);
    pthread_mutex_lock(&r->lock);
    const struct schema_version *v = schema_table_latest(&r->table, subject);
    *json = v ? schema_table_json(&r->table, v->id) : NULL;
    pthread_mutex_unlock(&r->lock);
    return *json != NULL;
}

static bool find_put(struct registry_http *r, const char *subject, const char *text, uint32_t *id)
{
    bool is_known = false;
    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < r->table.nversions && !is_known; i++) {
        const struct schema_version *v = &r->table.version[i];
        const char *json = schema_table_json(&r->table, v->id);
        is_known = strcmp(v->subject, subject) == 0 && json != NULL && strcmp(json, text) == 0;
        *id = v->id;
    }
    pthread_mutex_unlock(&r->lock);
    return is_known;
}

static int put_text(struct registry_http *r, const char *subject, const char *text, uint32_t *id,
                    struct err *e)
{
    struct answer a = {0};
    struct buffer body;
    buffer_init(&body);
    buffer_text(&body, "{\"schema\":");
    json_print_string(&body, text, strlen(text));
    buffer_text(&body, "}");
    char *path = subject_path(r, subject, "");
    int rc = ask(r, path, buffer_cstr(&body), &a, e);
    if (rc == 0 && a.status == 409) {
        rc = err_set(e, ERR_CONFIG,
                     "subject %.200s: the schema registry refuses an incompatible change: %.600s",
                     subject, buffer_cstr(&a.message));
    }
    rc = rc < 0 ? rc : check_status(r, &a, path, e);
    if (rc == 0 && (a.id <= 0 || a.id > UINT32_MAX)) {
        rc = err_set(e, ERR_RETRY, "schema registry: the answer for %.200s has no id", subject);
    }
    if (rc == 0) {
        *id = (uint32_t)a.id;
        pthread_mutex_lock(&r->lock);
        if (schema_table_json(&r->table, *id) == NULL) {
            schema_table_add(&r->table, *id, text);
        }
        int32_t next = (int32_t)r->table.nversions + 1; /* only to tell them apart */
        schema_table_add_version(&r->table, subject, next, *id);
        pthread_mutex_unlock(&r->lock);
    }
    mem_free(path);
    buffer_done(&body);
    answer_done(&a);
    return rc;
}

static int http_put(struct schema_store *s, const char *subject, const char *json, uint32_t *id,
                    struct err *e)
{
    struct registry_http *r = of(s);
    struct err own = {0};
    struct buffer text;
    e = e ? e : &own;
    buffer_init(&text);
    int rc = schema_text(&text, json, strlen(json), e);
    if (rc == 0 && !find_put(r, subject, buffer_cstr(&text), id)) {
        pthread_mutex_lock(&r->io);
        rc = put_text(r, subject, buffer_cstr(&text), id, e);
        pthread_mutex_unlock(&r->io);
    }
    buffer_done(&text);
    return rc;
}

static void http_hurry(struct schema_store *s, int ms)
{
    atomic_store(&of(s)->deadline_ns, clock_monotonic_ns() + ms * 1000000LL);
}

static void http_free(struct schema_store *s)
{
    struct registry_http *r = of(s);
    for (int i = 0; i < r->nurls; i++) {
        mem_free(r->url[i]);
    }
    curl_slist_free_all(r->headers);
    curl_easy_cleanup(r->curl);
    schema_table_done(&r->table);
    buffer_done(&r->answer);
    buffer_done(&r->text);
    json_pull_done(&r->pull);
    pthread_mutex_destroy(&r->io);
    pthread_mutex_destroy(&r->lock);
    mem_free(r);
}

static int take_urls(struct registry_http *r, const char *list, struct err *e)
{
    for (const char *p = list ? list : ""; *p != '\0';) {
        size_t n = strcspn(p, ",");
        const char *from = p;
        p += n + (p[n] == ',');
        while (n > 0 && *from == ' ') {
            from++;
            n--;
        }
        while (n > 0 && (from[n - 1] == ' ' || from[n - 1] == '/')) {
            n--;
        }
        if (strncasecmp(from, "http://", 7) != 0 && strncasecmp(from, "https://", 8) != 0) {
            return err_set(e, ERR_CONFIG,
                           "the schema registry's url is http://HOST:PORT or https://HOST:PORT");
        }
        if (r->nurls == URLS_MAX) {
            return err_set(e, ERR_CONFIG, "more than %d urls of schema registries", URLS_MAX);
        }
        r->url[r->nurls++] = mem_strndup(from, n);
    }
    return r->nurls > 0 ? 0 : err_set(e, ERR_CONFIG, "the schema registry has no url");
}

static void set_options(struct registry_http *r, const struct registry_http_config *cfg)
{
    int64_t timeout = cfg->timeout_ms > 0 ? cfg->timeout_ms : 10000;
    curl_easy_setopt(r->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(r->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(r->curl, CURLOPT_TIMEOUT_MS, (long)timeout);
    curl_easy_setopt(r->curl, CURLOPT_CONNECTTIMEOUT_MS, (long)timeout);
    curl_easy_setopt(r->curl, CURLOPT_ERRORBUFFER, r->curl_error);
    curl_easy_setopt(r->curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(r->curl, CURLOPT_XFERINFOFUNCTION, give_up);
    curl_easy_setopt(r->curl, CURLOPT_XFERINFODATA, r);
    curl_easy_setopt(r->curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(r->curl, CURLOPT_WRITEDATA, &r->answer);
    r->headers =
        curl_slist_append(NULL, "Accept: application/vnd.schemaregistry.v1+json, application/json");
    r->headers =
        curl_slist_append(r->headers, "Content-Type: application/vnd.schemaregistry.v1+json");
    r->headers = curl_slist_append(r->headers, "Expect:");
    curl_easy_setopt(r->curl, CURLOPT_HTTPHEADER, r->headers);
    if (cfg->user_info != NULL) {
        curl_easy_setopt(r->curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        curl_easy_setopt(r->curl, CURLOPT_USERPWD, cfg->user_info);
    } else if (cfg->token != NULL) {
        curl_easy_setopt(r->curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
        curl_easy_setopt(r->curl, CURLOPT_XOAUTH2_BEARER, cfg->token);
    }
    if (cfg->ca != NULL) {
        curl_easy_setopt(r->curl, CURLOPT_CAINFO, cfg->ca);
    }
    if (cfg->cert != NULL) {
        curl_easy_setopt(r->curl, CURLOPT_SSLCERT, cfg->cert);
        curl_easy_setopt(r->curl, CURLOPT_SSLKEY, cfg->key ? cfg->key : cfg->cert);
    }
    if (cfg->no_verify) {
        curl_easy_setopt(r->curl, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(r->curl, CURLOPT_SSL_VERIFYHOST, 0L);
    }
}

int registry_http_new(struct schema_store **out, const struct registry_http_config *cfg,
                      struct err *e)
{
    struct registry_http *r = mem_zalloc(sizeof *r);
    r->store =
        (struct schema_store){http_by_id, http_latest, http_put, http_free, http_known, http_hurry};
    r->tries = cfg->tries > 0 ? cfg->tries : 3;
    r->backoff_ms = cfg->backoff_ms > 0 ? cfg->backoff_ms : 100;
    pthread_mutex_init(&r->io, NULL);
    pthread_mutex_init(&r->lock, NULL);
    schema_table_init(&r->table);
    buffer_init(&r->answer);
    buffer_init(&r->text);
    json_pull_init(&r->pull);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    r->curl = curl_easy_init();
    int rc = r->curl ? take_urls(r, cfg->url, e) : err_set(e, ERR_FATAL, "libcurl cannot start");
    if (rc < 0) {
        http_free(&r->store);
        return rc;
    }
    set_options(r, cfg);
    *out = &r->store;
    return 0;
}
