/* Schema registry in a topic: the fold, races between writers, deletions, compaction. */
#include "schemas/registry_topic.h"

#include "engine/memory.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char long_[] = "\"long\"", string_[] = "\"string\"", int_[] = "\"int\"";

/* A topic shared by several stores; each has its own position. */
struct topic {
    pthread_mutex_t lock;
    struct entry {
        char *key, *value;
    } entry[4096];
    size_t n;
    int writer; /* who began last */
};

struct handle {
    struct topic *topic;
    size_t at;
    int number;
    void (*before_append)(struct handle *h); /* a rival, once */
};

static void add(struct topic *t, const char *key, const char *value)
{
    pthread_mutex_lock(&t->lock);
    assert_true(t->n < sizeof t->entry / sizeof *t->entry);
    t->entry[t->n++] = (struct entry){mem_strdup(key), value ? mem_strdup(value) : NULL};
    pthread_mutex_unlock(&t->lock);
}

static int append(void *ctx, const void *key, size_t key_n, const void *value, size_t value_n,
                  struct err *e)
{
    struct handle *h = ctx;
    (void)e;
    if (h->before_append != NULL) {
        void (*rival)(struct handle *) = h->before_append;
        h->before_append = NULL;
        rival(h);
    }
    char *k = mem_strndup(key, key_n), *v = mem_strndup(value, value_n);
    add(h->topic, k, v);
    mem_free(k);
    mem_free(v);
    return 0;
}

static int begin(void *ctx, struct err *e)
{
    struct handle *h = ctx;
    (void)e;
    pthread_mutex_lock(&h->topic->lock);
    h->topic->writer = h->number;
    pthread_mutex_unlock(&h->topic->lock);
    return 0;
}

static int fenced_append(void *ctx, const void *key, size_t key_n, const void *value,
                         size_t value_n, struct err *e)
{
    struct handle *h = ctx;
    pthread_mutex_lock(&h->topic->lock);
    bool is_fenced = h->topic->writer != h->number;
    if (!is_fenced) {
        h->topic->entry[h->topic->n++] =
            (struct entry){mem_strndup(key, key_n), mem_strndup(value, value_n)};
    }
    pthread_mutex_unlock(&h->topic->lock);
    return is_fenced ? err_set(e, ERR_ABORT, "fenced") : 0;
}

static int read_new(void *ctx, int (*each)(void *, const struct record *), void *each_ctx,
                    struct err *e)
{
    struct handle *h = ctx;
    (void)e;
    pthread_mutex_lock(&h->topic->lock);
    size_t end = h->topic->n;
    pthread_mutex_unlock(&h->topic->lock);
    for (; h->at < end; h->at++) {
        struct entry *x = &h->topic->entry[h->at];
        struct record r = {.key = x->key, .value = x->value, .offset = (int64_t)h->at};
        r.key_n = strlen(x->key);
        r.value_n = x->value ? strlen(x->value) : 0;
        each(each_ctx, &r);
    }
    return 0;
}

static struct topic *topic_new(void)
{
    struct topic *t = mem_zalloc(sizeof *t);
    pthread_mutex_init(&t->lock, NULL);
    return t;
}

static void topic_free(struct topic *t)
{
    for (size_t i = 0; i < t->n; i++) {
        mem_free(t->entry[i].key);
        mem_free(t->entry[i].value);
    }
    pthread_mutex_destroy(&t->lock);
    mem_free(t);
}

static struct schema_store *store(struct handle *h)
{
    struct registry_log log = {.ctx = h, .append = append, .read_new = read_new};
    return registry_topic_store(registry_topic_new(&log));
}

static uint32_t put(struct schema_store *s, const char *subject, const char *json)
{
    struct err e = {0};
    uint32_t id = 0;
    if (s->put(s, subject, json, &id, &e) < 0) {
        fail_msg("%s", e.text);
    }
    return id;
}

static void records_have_confluents_form(void **state)
{
    (void)state;
    struct topic *t = topic_new();
    struct handle h = {.topic = t};
    struct schema_store *s = store(&h);
    assert_int_equal(put(s, "in-value", string_), 1);
    assert_string_equal(
        t->entry[0].key,
        "{\"keytype\":\"SCHEMA\",\"subject\":\"in-value\",\"version\":1,\"magic\":1}");
    assert_string_equal(t->entry[0].value, "{\"subject\":\"in-value\",\"version\":1,\"id\":1,"
                                           "\"schema\":\"\\\"string\\\"\",\"deleted\":false}");
    assert_int_equal(put(s, "in-value", " \"string\" "), 1);
    assert_int_equal(t->n, 1);
    assert_int_equal(put(s, "other", string_), 1);
    assert_int_equal(put(s, "third", int_), 2);
    assert_int_equal(put(s, "third", long_), 3); /* an int can be read as a long */
    struct err e = {0};
    uint32_t id;
    assert_int_equal(s->put(s, "third", string_, &id, &e), -ERR_CONFIG);
    assert_non_null(strstr(e.text, "third"));
    s->free(s);
    topic_free(t);
}

static void rival_same_version(struct handle *h)
{
    add(h->topic, "{\"keytype\":\"SCHEMA\",\"subject\":\"s\",\"version\":1,\"magic\":1}",
        "{\"subject\":\"s\",\"version\":1,\"id\":1,\"schema\":\"\\\"int\\\"\",\"deleted\":false}");
}

static void rival_same_id(struct handle *h)
{
    add(h->topic, "{\"keytype\":\"SCHEMA\",\"subject\":\"u\",\"version\":1,\"magic\":1}",
        "{\"subject\":\"u\",\"version\":1,\"id\":1,\"schema\":\"\\\"int\\\"\",\"deleted\":false}");
}

/* Keeps the last record of each key, as the log cleaner does. */
static void compact(struct topic *t)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++) {
        bool is_last = true;
        for (size_t k = i + 1; k < t->n; k++) {
            is_last = is_last && strcmp(t->entry[i].key, t->entry[k].key) != 0;
        }
        if (is_last) {
            t->entry[n++] = t->entry[i];
        } else {
            mem_free(t->entry[i].key);
            mem_free(t->entry[i].value);
        }
    }
    t->n = n;
}

static void losers_propose_again(void **state)
{
    (void)state;
    void (*const rivals[])(struct handle *) = {rival_same_version, rival_same_id};
    for (size_t i = 0; i < 2; i++) {
        struct topic *t = topic_new();
        struct handle h = {.topic = t, .before_append = rivals[i]};
        struct schema_store *s = store(&h);
        struct err e = {0};
        const char *json;
        uint32_t id;
        assert_int_equal(put(s, "s", long_), 2);
        for (int round = 0; round < 2; round++) { /* a late reader, before and after compaction */
            struct handle late = {.topic = t};
            struct schema_store *l = store(&late);
            assert_int_equal(l->by_id(l, 1, &json, &e), 0);
            assert_string_equal(json, int_);
            assert_int_equal(l->by_id(l, 2, &json, &e), 0);
            assert_string_equal(json, long_);
            assert_int_equal(l->latest(l, "s", &json, &id, &e), 1);
            assert_int_equal(id, 2);
            l->free(l);
            compact(t);
        }
        s->free(s);
        topic_free(t);
    }
}

static void foreign_records_are_passed_over(void **state)
{
    (void)state;
    struct topic *t = topic_new();
    struct handle h = {.topic = t};
    static const char key[] =
        "{\"keytype\":\"SCHEMA\",\"subject\":\"s\",\"version\":1,\"magic\":1}";
    add(t, "{\"keytype\":\"NOOP\",\"magic\":0}", NULL);
    add(t, "{\"keytype\":\"CONFIG\",\"subject\":\"s\",\"magic\":0}",
        "{\"compatibility\":\"NONE\"}");
    add(t, "not json", "x");
    add(t, "[]", "[]");
    add(t, key, "not json");
    add(t, key, "{\"subject\":\"s\",\"version\":1,\"id\":0,\"schema\":\"\\\"int\\\"\"}");
    add(t, key, "{\"subject\":\"s\",\"version\":1,\"id\":-5,\"schema\":\"\\\"int\\\"\"}");
    add(t, key, "{\"subject\":\"s\",\"version\":1,\"id\":5}");
    add(t, key, "{\"schemaType\":\"PROTOBUF\",\"id\":5,\"schema\":\"\\\"int\\\"\"}");
    add(t, "{\"keytype\":\"SCHEMA\",\"subject\":\"s\",\"version\":0}",
        "{\"id\":9,\"schema\":\"\\\"int\\\"\"}");
    struct schema_store *s = store(&h);
    struct err e = {0};
    const char *json;
    assert_int_equal(s->latest(s, "s", &json, NULL, &e), 0);
    assert_int_equal(s->by_id(s, 5, &json, &e), -ERR_DATA);
    assert_int_equal(s->known(s, "s", &json), 0);
    assert_int_equal(put(s, "s", int_), 1);
    assert_int_equal(s->known(s, "s", &json), 1);
    assert_string_equal(json, int_);
    s->free(s);
    topic_free(t);
}

static void deletion(void **state)
{
    (void)state;
    struct topic *t = topic_new();
    struct handle h = {.topic = t};
    struct schema_store *s = store(&h);
    struct err e = {0};
    const char *json;
    uint32_t id;
    put(s, "s", int_);
    put(s, "s", long_);
    static const char key2[] =
        "{\"keytype\":\"SCHEMA\",\"subject\":\"s\",\"version\":2,\"magic\":1}";
    add(t, key2,
        "{\"subject\":\"s\",\"version\":2,\"id\":2,\"schema\":\"\\\"long\\\"\","
        "\"deleted\":true}");
    assert_int_equal(s->latest(s, "s", &json, &id, &e), 1);
    assert_int_equal(id, 1);
    assert_int_equal(s->by_id(s, 2, &json, &e), 0);
    assert_int_equal(put(s, "s", long_), 2); /* again, as version 3 */
    assert_non_null(strstr(t->entry[3].key, "\"version\":3"));
    add(t, t->entry[3].key, NULL);
    assert_int_equal(s->latest(s, "s", &json, &id, &e), 1);
    assert_int_equal(id, 1);
    s->free(s);
    topic_free(t);
}

static void *register_many(void *ctx)
{
    struct handle *h = ctx;
    struct registry_log log = {
        .ctx = h, .begin = begin, .append = fenced_append, .read_new = read_new};
    struct schema_store *s = registry_topic_store(registry_topic_new(&log));
    struct err e = {0};
    for (int i = 0; i < 30; i++) {
        char *subject = mem_printf("s%d", i % 10), *own = mem_printf("w%d", h->number);
        char *json =
            mem_printf("{\"type\":\"enum\",\"name\":\"E\",\"default\":\"a\",\"symbols\":[\"a\","
                       "\"b%d\"]}",
                       i);
        uint32_t id, again;
        int rc;
        while ((rc = s->put(s, subject, json, &id, &e)) == -ERR_RETRY) {
            err_clear(&e);
        }
        if (rc == 0) {
            while ((rc = s->put(s, own, json, &again, &e)) == -ERR_RETRY) {
                err_clear(&e);
            }
        }
        if (rc != 0 || id != again) {
            fprintf(stderr, "%s: rc %d, ids %u and %u: %s\n", subject, rc, id, again, e.text);
            abort();
        }
        mem_free(subject);
        mem_free(own);
        mem_free(json);
    }
    s->free(s);
    return NULL;
}

/* Several processes register the same schemas at once: no id is given twice, all agree. */
static void fenced_writers_never_lose(void **state)
{
    (void)state;
    struct topic *t = topic_new();
    pthread_t thread[4];
    struct handle h[4];
    for (int i = 0; i < 4; i++) {
        h[i] = (struct handle){.topic = t, .number = i};
        pthread_create(&thread[i], NULL, register_many, &h[i]);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(thread[i], NULL);
    }
    struct handle late = {.topic = t};
    struct registry_log log = {.ctx = &late, .append = append, .read_new = read_new};
    struct registry_topic *r = registry_topic_new(&log);
    for (size_t i = 0; i < t->n; i++) { /* every record counts: there was no void one */
        struct record x = {.key = t->entry[i].key, .value = t->entry[i].value};
        x.key_n = strlen(x.key);
        x.value_n = strlen(x.value);
        assert_int_equal(registry_topic_fold(r, &x), 1);
    }
    struct schema_store *s = registry_topic_store(r);
    const char *json;
    struct err e = {0};
    assert_int_equal(s->by_id(s, 30, &json, &e), 0);
    assert_int_equal(s->by_id(s, 31, &json, &e), -ERR_DATA);
    s->free(s);
    topic_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_have_confluents_form),    cmocka_unit_test(losers_propose_again),
        cmocka_unit_test(foreign_records_are_passed_over), cmocka_unit_test(deletion),
        cmocka_unit_test(fenced_writers_never_lose),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
