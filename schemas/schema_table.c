/* Table of schemas. A cluster has hundreds of them, asked for when a batch meets an id for the
 * first time: linear searches over small entries will do.
 */
#include "schemas/schema_table.h"

#include "engine/hash.h"
#include "engine/memory.h"

#include <string.h>

void schema_table_init(struct schema_table *t)
{
    memset(t, 0, sizeof *t);
    arena_init(&t->mem);
}

void schema_table_done(struct schema_table *t)
{
    mem_free(t->schema);
    mem_free(t->version);
    arena_done(&t->mem);
}

const char *schema_table_json(const struct schema_table *t, uint32_t id)
{
    for (size_t i = 0; i < t->nschemas; i++) {
        if (t->schema[i].id == id) {
            return t->schema[i].json;
        }
    }
    return NULL;
}

uint32_t schema_table_id(const struct schema_table *t, const char *json)
{
    uint64_t hash = hash_stable(json, strlen(json), 0);
    for (size_t i = 0; i < t->nschemas; i++) {
        if (t->schema[i].hash == hash && strcmp(t->schema[i].json, json) == 0) {
            return t->schema[i].id;
        }
    }
    return 0;
}

uint32_t schema_table_max(const struct schema_table *t)
{
    uint32_t max = 0;
    for (size_t i = 0; i < t->nschemas; i++) {
        max = t->schema[i].id > max ? t->schema[i].id : max;
    }
    return max;
}

const char *schema_table_add(struct schema_table *t, uint32_t id, const char *json)
{
    if (t->nschemas == t->cap_schemas) {
        t->cap_schemas = t->cap_schemas * 2 + 16;
        t->schema = mem_resize(t->schema, t->cap_schemas, sizeof *t->schema);
    }
    size_t n = strlen(json);
    struct schema_entry *s = &t->schema[t->nschemas++];
    *s = (struct schema_entry){id, arena_strndup(&t->mem, json, n), hash_stable(json, n, 0)};
    return s->json;
}

const struct schema_version *schema_table_latest(const struct schema_table *t, const char *subject)
{
    const struct schema_version *latest = NULL;
    for (size_t i = 0; i < t->nversions; i++) {
        const struct schema_version *v = &t->version[i];
        if (!v->is_deleted && (latest == NULL || v->version > latest->version) &&
            strcmp(v->subject, subject) == 0) {
            latest = v;
        }
    }
    return latest;
}

struct schema_version *schema_table_version(const struct schema_table *t, const char *subject,
                                            int32_t version)
{
    for (size_t i = 0; i < t->nversions; i++) {
        if (t->version[i].version == version && strcmp(t->version[i].subject, subject) == 0) {
            return &t->version[i];
        }
    }
    return NULL;
}

const struct schema_version *schema_table_find(const struct schema_table *t, const char *subject,
                                               uint32_t id)
{
    for (size_t i = 0; i < t->nversions; i++) {
        const struct schema_version *v = &t->version[i];
        if (v->id == id && !v->is_deleted && strcmp(v->subject, subject) == 0) {
            return v;
        }
    }
    return NULL;
}

void schema_table_add_version(struct schema_table *t, const char *subject, int32_t version,
                              uint32_t id)
{
    if (t->nversions == t->cap_versions) {
        t->cap_versions = t->cap_versions * 2 + 16;
        t->version = mem_resize(t->version, t->cap_versions, sizeof *t->version);
    }
    t->version[t->nversions++] =
        (struct schema_version){arena_strdup(&t->mem, subject), version, id, false};
}

void schema_table_drop(struct schema_table *t, const char *subject, int32_t version)
{
    struct schema_version *v = schema_table_version(t, subject, version);
    if (v != NULL) {
        *v = t->version[--t->nversions];
    }
}
