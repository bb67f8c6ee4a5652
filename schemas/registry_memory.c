/* Schema store in memory.
 *
 *   id        counts from 1; the same canonical text has the same id, whatever the subject
 *   version   put() of a schema that the subject has already changes nothing
 *   change    a new schema must be able to read what the latest of its subject wrote
 */
#include "schemas/registry_memory.h"

#include "engine/memory.h"
#include "schemas/compatibility.h"
#include "schemas/schema_table.h"
#include "schemas/schema_text.h"

#include <pthread.h>
#include <string.h>

struct registry_memory {
    struct schema_store store;
    pthread_mutex_t lock;
    struct schema_table table;
};

static struct registry_memory *of(struct schema_store *s)
{
    return (struct registry_memory *)s; /* store is the first member */
}

static int memory_by_id(struct schema_store *s, uint32_t id, const char **json, struct err *e)
{
    struct registry_memory *m = of(s);
    pthread_mutex_lock(&m->lock);
    *json = schema_table_json(&m->table, id);
    pthread_mutex_unlock(&m->lock);
    return *json ? 0 : err_set(e, ERR_DATA, "there is no schema with id %u", id);
}

static int memory_latest(struct schema_store *s, const char *subject, const char **json,
                         uint32_t *id, struct err *e)
{
    (void)e;
    struct registry_memory *m = of(s);
    pthread_mutex_lock(&m->lock);
    const struct schema_version *v = schema_table_latest(&m->table, subject);
    if (v != NULL) {
        *json = schema_table_json(&m->table, v->id);
        if (id != NULL) {
            *id = v->id;
        }
    }
    pthread_mutex_unlock(&m->lock);
    return v != NULL;
}

static int put_locked(struct registry_memory *m, const char *subject, const char *text,
                      uint32_t *id, struct err *e)
{
    *id = schema_table_id(&m->table, text);
    if (*id != 0 && schema_table_find(&m->table, subject, *id) != NULL) {
        return 0;
    }
    const struct schema_version *latest = schema_table_latest(&m->table, subject);
    if (latest != NULL &&
        compatibility_check(text, schema_table_json(&m->table, latest->id), e) < 0) {
        return err_prefix(e,
                          "subject %.200s: an incompatible change of its schema; undo it, or "
                          "write to another topic",
                          subject);
    }
    if (*id == 0) {
        *id = schema_table_max(&m->table) + 1;
        schema_table_add(&m->table, *id, text);
    }
    schema_table_add_version(&m->table, subject, latest ? latest->version + 1 : 1, *id);
    return 0;
}

static int memory_put(struct schema_store *s, const char *subject, const char *json, uint32_t *id,
                      struct err *e)
{
    struct registry_memory *m = of(s);
    struct buffer text;
    buffer_init(&text);
    int rc = schema_text(&text, json, strlen(json), e);
    if (rc >= 0) {
        pthread_mutex_lock(&m->lock);
        rc = put_locked(m, subject, buffer_cstr(&text), id, e);
        pthread_mutex_unlock(&m->lock);
    }
    buffer_done(&text);
    return rc;
}

static void memory_free(struct schema_store *s)
{
    struct registry_memory *m = of(s);
    schema_table_done(&m->table);
    pthread_mutex_destroy(&m->lock);
    mem_free(m);
}

struct schema_store *registry_memory_new(void)
{
    struct registry_memory *m = mem_zalloc(sizeof *m);
    m->store =
        (struct schema_store){memory_by_id, memory_latest, memory_put, memory_free, NULL, NULL};
    pthread_mutex_init(&m->lock, NULL);
    schema_table_init(&m->table);
    return &m->store;
}
