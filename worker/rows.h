/* Rows: the files that commands read: record lines, rows as JSON or CSV, Avro object containers.
 * Whatever the file, a record's value comes as JSON text, but for containers: Avro bytes of the
 * file's schema. One owner.
 */
#ifndef KLAMM_WORKER_ROWS_H
#define KLAMM_WORKER_ROWS_H

#include "engine/error.h"
#include "engine/record.h"
#include "engine/schema.h"

enum rows_format {
    ROWS_RECORD_LINES, /* {"key":…,"value":…} a line */
    ROWS_JSON,         /* a value a line */
    ROWS_CSV,          /* a header, then a value a record */
    ROWS_CONTAINER,    /* Avro object container */
};

struct rows;

/* path "-" is stdin. columns: types of CSV fields; fields without a column are left out. Kept until
 * close. */
int rows_open(struct rows **out, const char *path, enum rows_format format,
              const struct schema *columns, struct err *e);
/* Format by the file's ending: .jsonl .csv .avro; -ERR_CONFIG for others. */
int rows_format_of(const char *path, struct err *e);
/* 1 with a record that lives until the next call, 0 at the end, -ERR_DATA with file and line. Key:
 * the text of a JSON string, or other JSON as written; topic NULL, partition -1, timestamp -1 where
 * the file does not say. */
int rows_next(struct rows *r, struct record *out, struct err *e);
/* Writer's schema of a container. */
const char *rows_schema(const struct rows *r);
/* Share of the file that has been read, 0..1; negative when unknown. */
double rows_share(const struct rows *r);
void rows_close(struct rows *r);

#endif
