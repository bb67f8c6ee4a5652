/* Where Avro schemas live: a schema registry over HTTP, the compacted topic _klamm_schemas, or
 * memory.
 *
 * One interface for the codecs. Implementations cache; a hit costs a table look-up. Thread-safe.
 */
#ifndef KLAMM_ENGINE_SCHEMA_STORE_H
#define KLAMM_ENGINE_SCHEMA_STORE_H

#include "engine/error.h"

#include <stdint.h>

struct schema_store {
    /* Schema text (JSON) of an id; lives as long as the store. -ERR_DATA: there is no such id;
     * -ERR_RETRY: the store cannot be reached. */
    int (*by_id)(struct schema_store *s, uint32_t id, const char **json, struct err *e);
    /* Latest schema registered under a subject: 1 found, 0 none. id may be NULL. */
    int (*latest)(struct schema_store *s, const char *subject, const char **json, uint32_t *id,
                  struct err *e);
    /* Registers; the same schema under the same subject gives the same id. -ERR_CONFIG: an
     * incompatible change (BACKWARD rule: the new schema must read what the latest one wrote). */
    int (*put)(struct schema_store *s, const char *subject, const char *json, uint32_t *id,
               struct err *e);
    void (*free)(struct schema_store *s);
    /* The last schema that is known to stand under a subject, because this process has registered
     * it: 1 known, 0 not. Asks nobody. NULL: latest asks nobody either. */
    int (*known)(struct schema_store *s, const char *subject, const char **json);
    /* Whoever asks now or later waits at most this long, then gets -ERR_RETRY: the process is to
     * end. NULL: nobody waits for long. */
    void (*hurry)(struct schema_store *s, int ms);
};

#endif
