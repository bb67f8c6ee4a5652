/* Schema store in the memory of this process: tests, replay, --in-memory. */
#ifndef KLAMM_SCHEMAS_REGISTRY_MEMORY_H
#define KLAMM_SCHEMAS_REGISTRY_MEMORY_H

#include "engine/schema_store.h"

/* Ids count from 1; nothing outlives the store. */
struct schema_store *registry_memory_new(void);

#endif
