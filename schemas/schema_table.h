/* Schemas by id and by subject: the table that every schema store keeps in memory. Not thread-safe;
 * its owner locks. Text lives as long as the table.
 */
#ifndef KLAMM_SCHEMAS_SCHEMA_TABLE_H
#define KLAMM_SCHEMAS_SCHEMA_TABLE_H

#include "engine/arena.h"

#include <stdbool.h>
#include <stdint.h>

struct schema_entry {
    uint32_t id;
    const char *json; /* canonical text */
    uint64_t hash;
};

/* One registered version of a subject. */
struct schema_version {
    const char *subject;
    int32_t version; /* from 1 */
    uint32_t id;
    bool is_deleted;
};

struct schema_table {
    struct arena mem;
    struct schema_entry *schema; /* in order of arrival */
    size_t nschemas, cap_schemas;
    struct schema_version *version;
    size_t nversions, cap_versions;
};

void schema_table_init(struct schema_table *t);
void schema_table_done(struct schema_table *t);
/* Text of an id, or NULL. */
const char *schema_table_json(const struct schema_table *t, uint32_t id);
/* Id of a canonical text, or 0. */
uint32_t schema_table_id(const struct schema_table *t, const char *json);
/* The highest id, or 0. */
uint32_t schema_table_max(const struct schema_table *t);
/* Adds a schema; the id must be new. Copies the text and returns the copy. */
const char *schema_table_add(struct schema_table *t, uint32_t id, const char *json);
/* The greatest version of a subject that is not deleted, or NULL. */
const struct schema_version *schema_table_latest(const struct schema_table *t, const char *subject);
/* The version of a subject, deleted or not, or NULL. */
struct schema_version *schema_table_version(const struct schema_table *t, const char *subject,
                                            int32_t version);
/* The version of a subject that has this id and is not deleted, or NULL. */
const struct schema_version *schema_table_find(const struct schema_table *t, const char *subject,
                                               uint32_t id);
/* Adds a version (new for its subject). */
void schema_table_add_version(struct schema_table *t, const char *subject, int32_t version,
                              uint32_t id);
/* Removes a version, as a tombstone does. */
void schema_table_drop(struct schema_table *t, const char *subject, int32_t version);

#endif
