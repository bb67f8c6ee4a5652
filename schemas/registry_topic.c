/* Schema registry without a registry: every process reads the same records in the same order and so
 * comes to the same table.
 *
 *   register   read to the end; unless the subject has the schema, append a proposal with the id of
 *              the same text, else the highest id + 1, and the subject's next version; read on; the
 *              proposal has won when the table now says so; else the loser proposes again
 *   fold       the first record that claims an id with a text has it for ever; a later one that
 *              claims the id with another text is void. The first record of (subject, version) has
 *              that too; a later one counts only when it is of the same id (a change of `deleted`)
 *   deletion   {"deleted":true}: hidden from latest(), its id stays readable; a null value forgets
 *              the version, so that its number is free again, and leaves the id
 *
 * Compaction keeps the last record of a key, so a void claim must not outlive the valid one of its
 * key. With begin() there are no void claims: whoever read before another began cannot append.
 * Without it a loser whose key belongs to the winner appends the winner's record once more, and one
 * whose key is free proposes again with the same key.
 *
 * Records that are no schemas (NOOP, CONFIG, DELETE_SUBJECT, other JSON) are passed over.
 */
#include "schemas/registry_topic.h"

#include "engine/memory.h"
#include "schemas/compatibility.h"
#include "schemas/json_print.h"
#include "schemas/json_pull.h"
#include "schemas/schema_table.h"
#include "schemas/schema_text.h"

#include <pthread.h>
#include <string.h>

#define TRIES_MAX 100

struct registry_topic {
    struct schema_store store;
    pthread_mutex_t io;   /* reading and appending; taken before `lock` */
    pthread_mutex_t lock; /* the table */
    struct schema_table table;
    struct registry_log log;
    struct json_pull pull;
    struct buffer text; /* of the record being folded */
};

/* Members of a key or value that matter. */
struct members {
    struct buffer subject, keytype, schema, schema_type;
    int64_t version, id;
    bool is_deleted;
};

static void members_done(struct members *m)
{
    buffer_done(&m->subject);
    buffer_done(&m->keytype);
    buffer_done(&m->schema);
    buffer_done(&m->schema_type);
}

static bool is_text(const struct json_text *t, const char *s)
{
    return t->n == strlen(s) && memcmp(t->p, s, t->n) == 0;
}

static void take_string(struct json_pull *j, struct buffer *out)
{
    struct json_text t;
    buffer_clear(out);
    if (json_peek(j) != JSON_STRING) {
        (void)json_skip(j, NULL);
    } else if (json_string(j, &t) && memchr(t.p, '\0', t.n) == NULL) {
        buffer_add(out, t.p, t.n);
    }
}

static int64_t take_number(struct json_pull *j)
{
    struct json_number v = {0};
    if (json_peek(j) != JSON_NUMBER) {
        (void)json_skip(j, NULL);
        return 0;
    }
    return json_number(j, &v) && v.is_long ? v.i : 0;
}

/* Reads one object; false when it is none. */
static bool read_members(struct json_pull *j, const void *p, size_t n, struct members *m)
{
    struct json_text key;
    json_begin(j, p, n);
    if (json_peek(j) != JSON_OBJECT || !json_enter(j)) {
        return false;
    }
    while (json_key(j, &key)) {
        if (is_text(&key, "subject")) {
            take_string(j, &m->subject);
        } else if (is_text(&key, "keytype")) {
            take_string(j, &m->keytype);
        } else if (is_text(&key, "schema")) {
            take_string(j, &m->schema);
        } else if (is_text(&key, "schemaType")) {
            take_string(j, &m->schema_type);
        } else if (is_text(&key, "version")) {
            m->version = take_number(j);
        } else if (is_text(&key, "id")) {
            m->id = take_number(j);
        } else if (is_text(&key, "deleted") && json_peek(j) == JSON_BOOLEAN) {
            (void)json_boolean(j, &m->is_deleted);
        } else {
            (void)json_skip(j, NULL);
        }
    }
    return json_finish(j);
}

static bool is_schema_key(struct members *m)
{
    return m->subject.n > 0 && m->version > 0 && m->version <= INT32_MAX &&
           strcmp(buffer_cstr(&m->keytype), "SCHEMA") == 0;
}

/* A value that claims an id and a version. */
static int fold_claim(struct registry_topic *t, struct members *m, const char *subject,
                      int32_t version)
{
    bool is_avro = m->schema_type.n == 0 || strcmp(buffer_cstr(&m->schema_type), "AVRO") == 0;
    buffer_clear(&t->text);
    if (m->id <= 0 || m->id > UINT32_MAX || !is_avro ||
        schema_text(&t->text, m->schema.data ? m->schema.data : "", m->schema.n, NULL) < 0) {
        return 0;
    }
    uint32_t id = (uint32_t)m->id;
    const char *text = buffer_cstr(&t->text);
    const char *known = schema_table_json(&t->table, id);
    struct schema_version *v = schema_table_version(&t->table, subject, version);
    if ((known != NULL && strcmp(known, text) != 0) || (v != NULL && v->id != id)) {
        return 0;
    }
    if (v != NULL && v->is_deleted == m->is_deleted) {
        return 0;
    }
    if (known == NULL) {
        schema_table_add(&t->table, id, text);
    }
    if (v == NULL) {
        schema_table_add_version(&t->table, subject, version, id);
        v = schema_table_version(&t->table, subject, version);
    }
    v->is_deleted = m->is_deleted;
    return 1;
}

int registry_topic_fold(struct registry_topic *t, const struct record *r)
{
    struct members key = {0}, value = {0};
    int changed = 0;
    if (r->key != NULL && read_members(&t->pull, r->key, r->key_n, &key) && is_schema_key(&key)) {
        const char *subject = buffer_cstr(&key.subject);
        int32_t version = (int32_t)key.version;
        if (r->value == NULL) {
            changed = schema_table_version(&t->table, subject, version) != NULL;
            schema_table_drop(&t->table, subject, version);
        } else if (read_members(&t->pull, r->value, r->value_n, &value)) {
            changed = fold_claim(t, &value, subject, version);
        }
    }
    members_done(&key);
    members_done(&value);
    return changed;
}

static struct registry_topic *of(struct schema_store *s)
{
    return (struct registry_topic *)s; /* store is the first member */
}

static int fold_locked(void *ctx, const struct record *r)
{
    struct registry_topic *t = ctx;
    pthread_mutex_lock(&t->lock);
    registry_topic_fold(t, r);
    pthread_mutex_unlock(&t->lock);
    return 0;
}

static int read_new(struct registry_topic *t, struct err *e)
{
    int rc = t->log.read_new(t->log.ctx, fold_locked, t, e);
    return rc < 0 ? err_prefix(e, "schemas cannot be read from their topic") : 0;
}

static const char *json_of(struct registry_topic *t, uint32_t id)
{
    pthread_mutex_lock(&t->lock);
    const char *json = schema_table_json(&t->table, id);
    pthread_mutex_unlock(&t->lock);
    return json;
}

static int topic_by_id(struct schema_store *s, uint32_t id, const char **json, struct err *e)
{
    struct registry_topic *t = of(s);
    *json = json_of(t, id);
    if (*json != NULL) {
        return 0;
    }
    pthread_mutex_lock(&t->io);
    int rc = read_new(t, e);
    pthread_mutex_unlock(&t->io);
    *json = rc < 0 ? NULL : json_of(t, id);
    return rc < 0 || *json != NULL ? rc : err_set(e, ERR_DATA, "there is no schema with id %u", id);
}

/* 1 with the latest schema of a subject as the table has it, else 0. */
static int find_latest(struct registry_topic *t, const char *subject, const char **json,
                       uint32_t *id)
{
    pthread_mutex_lock(&t->lock);
    const struct schema_version *v = schema_table_latest(&t->table, subject);
    if (v != NULL) {
        *json = schema_table_json(&t->table, v->id);
        *id = v->id;
    }
    pthread_mutex_unlock(&t->lock);
    return v != NULL;
}

static int topic_latest(struct schema_store *s, const char *subject, const char **json,
                        uint32_t *id, struct err *e)
{
    struct registry_topic *t = of(s);
    uint32_t found;
    pthread_mutex_lock(&t->io);
    int rc = read_new(t, e);
    pthread_mutex_unlock(&t->io);
    return rc < 0 ? rc : find_latest(t, subject, json, id ? id : &found);
}

static int topic_known(struct schema_store *s, const char *subject, const char **json)
{
    uint32_t id;
    return find_latest(of(s), subject, json, &id);
}

static void print_claim(const char *subject, int32_t version, uint32_t id, const char *text,
                        struct buffer *key, struct buffer *value)
{
    buffer_clear(key);
    buffer_text(key, "{\"keytype\":\"SCHEMA\",\"subject\":");
    json_print_string(key, subject, strlen(subject));
    buffer_printf(key, ",\"version\":%d,\"magic\":1}", version);
    buffer_clear(value);
    buffer_text(value, "{\"subject\":");
    json_print_string(value, subject, strlen(subject));
    buffer_printf(value, ",\"version\":%d,\"id\":%u,\"schema\":", version, id);
    json_print_string(value, text, strlen(text));
    buffer_text(value, ",\"deleted\":false}");
}

/* The greatest version of a subject, deleted ones included. */
static int32_t max_version(const struct schema_table *t, const char *subject)
{
    int32_t max = 0;
    for (size_t i = 0; i < t->nversions; i++) {
        if (t->version[i].version > max && strcmp(t->version[i].subject, subject) == 0) {
            max = t->version[i].version;
        }
    }
    return max;
}

int registry_topic_propose(struct registry_topic *t, const char *subject, const char *text,
                           struct buffer *key, struct buffer *value, uint32_t *id)
{
    *id = schema_table_id(&t->table, text);
    if (*id != 0 && schema_table_find(&t->table, subject, *id) != NULL) {
        return 0;
    }
    if (*id == 0) {
        *id = schema_table_max(&t->table) + 1;
    }
    print_claim(subject, max_version(&t->table, subject) + 1, *id, text, key, value);
    return 1;
}

bool registry_topic_resolved(const struct registry_topic *t, const char *subject, const char *text,
                             uint32_t id)
{
    const char *json = schema_table_json(&t->table, id);
    return json != NULL && strcmp(json, text) == 0 &&
           schema_table_find(&t->table, subject, id) != NULL;
}

/* The record of whoever won the version that we claimed in vain; false when it is free. */
static bool print_winner(struct registry_topic *t, const char *subject, int32_t version,
                         struct buffer *key, struct buffer *value)
{
    const struct schema_version *v = schema_table_version(&t->table, subject, version);
    if (v == NULL || v->is_deleted) {
        return false;
    }
    print_claim(subject, version, v->id, schema_table_json(&t->table, v->id), key, value);
    return true;
}

/* One proposal: 1 when the subject has the schema, 0 when it was lost. */
static int try_put(struct registry_topic *t, const char *subject, const char *text, uint32_t *id,
                   struct buffer *key, struct buffer *value, struct err *e)
{
    const char *latest;
    uint32_t latest_id;
    int rc = t->log.begin ? t->log.begin(t->log.ctx, e) : 0;
    rc = rc < 0 ? rc : read_new(t, e);
    if (rc < 0) {
        return rc;
    }
    pthread_mutex_lock(&t->lock);
    int is_due = registry_topic_propose(t, subject, text, key, value, id);
    int32_t version = max_version(&t->table, subject) + 1;
    pthread_mutex_unlock(&t->lock);
    if (!is_due) {
        return 1;
    }
    if (find_latest(t, subject, &latest, &latest_id) && compatibility_check(text, latest, e) < 0) {
        return err_prefix(e,
                          "subject %s: an incompatible change of its schema; undo it, or write "
                          "to another topic",
                          subject);
    }
    rc = t->log.append(t->log.ctx, key->data, key->n, value->data, value->n, e);
    rc = rc < 0 ? rc : read_new(t, e);
    if (rc < 0) {
        return rc;
    }
    pthread_mutex_lock(&t->lock);
    bool is_won = registry_topic_resolved(t, subject, text, *id);
    bool is_taken = !is_won && print_winner(t, subject, version, key, value);
    pthread_mutex_unlock(&t->lock);
    if (is_taken) {
        rc = t->log.append(t->log.ctx, key->data, key->n, value->data, value->n, e);
    }
    return rc < 0 ? rc : is_won;
}

static int put_text(struct registry_topic *t, const char *subject, const char *text, uint32_t *id,
                    struct err *e)
{
    struct buffer key, value;
    buffer_init(&key);
    buffer_init(&value);
    int rc = 0;
    pthread_mutex_lock(&t->io);
    for (int i = 0; i < TRIES_MAX && rc == 0; i++) {
        rc = try_put(t, subject, text, id, &key, &value, e);
        if (rc == -ERR_ABORT) {
            err_clear(e);
            rc = 0;
        }
    }
    pthread_mutex_unlock(&t->io);
    buffer_done(&key);
    buffer_done(&value);
    return rc == 0  ? err_set(e, ERR_RETRY, "subject %s: others register all the time", subject)
           : rc < 0 ? rc
                    : 0;
}

static int topic_put(struct schema_store *s, const char *subject, const char *json, uint32_t *id,
                     struct err *e)
{
    struct buffer text;
    buffer_init(&text);
    int rc = schema_text(&text, json, strlen(json), e);
    rc = rc < 0 ? rc : put_text(of(s), subject, buffer_cstr(&text), id, e);
    buffer_done(&text);
    return rc;
}

static void topic_free(struct schema_store *s)
{
    struct registry_topic *t = of(s);
    schema_table_done(&t->table);
    json_pull_done(&t->pull);
    buffer_done(&t->text);
    pthread_mutex_destroy(&t->io);
    pthread_mutex_destroy(&t->lock);
    mem_free(t);
}

struct registry_topic *registry_topic_new(const struct registry_log *log)
{
    struct registry_topic *t = mem_zalloc(sizeof *t);
    t->store =
        (struct schema_store){topic_by_id, topic_latest, topic_put, topic_free, topic_known, NULL};
    t->log = *log;
    pthread_mutex_init(&t->io, NULL);
    pthread_mutex_init(&t->lock, NULL);
    schema_table_init(&t->table);
    json_pull_init(&t->pull);
    buffer_init(&t->text);
    return t;
}

struct schema_store *registry_topic_store(struct registry_topic *t)
{
    return &t->store;
}
