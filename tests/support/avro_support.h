/* Helpers of the Avro tests: a schema store in memory, batches from a schema, values as text. */
#ifndef KLAMM_TESTS_AVRO_SUPPORT_H
#define KLAMM_TESTS_AVRO_SUPPORT_H

#include "engine/batch.h"
#include "engine/codec.h"
#include "schemas/avro_plan.h"

#define AVRO_STORE_MAX 64

/* Ids count from 1; `put` does not check compatibility. */
struct avro_store {
    struct schema_store store;
    uint32_t n;
    char *subject[AVRO_STORE_MAX], *json[AVRO_STORE_MAX];
    int asked; /* how often for the latest */
};

void avro_store_init(struct avro_store *s);
void avro_store_done(struct avro_store *s);
/* Registers a schema and returns its id. */
uint32_t avro_store_add(struct avro_store *s, const char *subject, const char *json);

/* A writer's schema with everything that reading it as `reader` yields, ready to decode. */
struct avro_case {
    struct arena arena, mem;
    struct avro_node *writer, *reader;
    struct avro_shape *shape, **leaf;
    uint32_t nleaves;
    struct schema *schema;
    struct avro_plan *plan;
    struct avro_scratch scratch;
    struct err err;
    struct batch *b;
};

/* reader NULL: the writer's. 0, or the message is in c->err. Needs avro_case_done() either way. */
int avro_case_open(struct avro_case *c, const char *writer, const char *reader);
void avro_case_done(struct avro_case *c);
/* Decodes into row 0 of a fresh batch of two rows. */
int avro_case_decode(struct avro_case *c, const void *p, size_t n);
/* "a=1 b=null c="x"": a row as text, nested bytes decoded, appended to out. */
void avro_case_print(struct buffer *out, const struct avro_case *c, uint16_t row);
/* Nested bytes as text. */
void avro_print_nested(struct buffer *out, const struct type *t, const void *p, uint32_t n);

#endif
