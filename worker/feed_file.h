/* Files into topics: rows are read (rows.h), encoded as the topic's format says, and produced. */
#ifndef KLAMM_WORKER_FEED_FILE_H
#define KLAMM_WORKER_FEED_FILE_H

#include "engine/codec.h"
#include "worker/log.h"
#include "worker/rows.h"

struct feed_target {
    const char *topic;
    const struct codec_spec *value, *key; /* formats to write; key: for rows without one, from the
                                             key columns of schema; NULL: they have none */
    const struct codec_def *row_key;      /* format of the keys that rows have; NULL: their text */
    const struct schema *schema;          /* columns of the value; NULL: a CSV file's header */
    struct schema_store *schemas;
    const char
        *key_name;      /* member of the value whose text is the key of rows without one, or NULL */
    int32_t partitions; /* of the topic; 0: unknown */
    enum feed_values {
        FEED_ENCODED, /* as the codec writes the columns */
        FEED_JSON,    /* JSON as it is */
        FEED_LINES,   /* each line of the file as it is */
    } values;
    bool bad_too; /* what is no row goes into the topic as it is: its reader sets it aside */
};

/* Produces all rows; *n counts them. `progress` (may be NULL) is called now and then. */
int feed_file(struct log *log, const struct feed_target *t, const char *path,
              enum rows_format format, uint64_t *n, void (*progress)(uint64_t n, double share),
              struct err *e);

#endif
