/* Rows: the files that commands read: record lines, rows as JSON or CSV, Avro object containers.
 * Whatever the file, a record's value comes as JSON text, but for containers: Avro bytes of the
 * file's schema. One owner.
 */
#ifndef KLAMM_WORKER_ROWS_H
#define KLAMM_WORKER_ROWS_H

#include "engine/error.h"
#include "engine/record.h"
#include "engine/schema.h"

#include <stdbool.h>

enum rows_format {
    ROWS_RECORD_LINES, /* {"key":…,"value":…} a line */
    ROWS_JSON,         /* a value a line */
    ROWS_CSV,          /* a header, then a value a record */
    ROWS_CONTAINER,    /* Avro object container */
};

struct rows;

/* path "-" is stdin. columns: types of CSV fields, kept until close; fields without a column are
 * left out, unless a column is missing that one of them resembles. NULL: every field is a text, see
 * rows_columns(). */
int rows_open(struct rows **out, const char *path, enum rows_format format,
              const struct schema *columns, struct err *e);
/* The columns of a CSV file: those given to rows_open(), else the header's. */
const struct schema *rows_columns(const struct rows *r);
/* -ERR_DATA when a CSV file's header lacks one of the columns. */
int rows_need_all(const struct rows *r, struct err *e);
/* The line that rows_next() read last, as it stands in the file: of a record that it refused. False
 * where there is none, and where reading cannot go on behind it. */
bool rows_bad_line(const struct rows *r, const char **text, size_t *n);
/* Format by the file's ending: .jsonl .csv .avro; -ERR_CONFIG for others. */
int rows_format_of(const char *path, struct err *e);
/* 1 with a record that lives until the next call, 0 at the end, -ERR_DATA with file and line. Key:
 * the text of a JSON string, or other JSON as written; topic NULL, partition -1, timestamp -1 where
 * the file does not say. */
int rows_next(struct rows *r, struct record *out, struct err *e);
/* The file's name, for messages. */
const char *rows_name(const struct rows *r);
/* Adds where the record that rows_next() gave last stands: file and line, or its number in a
 * container. */
void rows_place(const struct rows *r, struct buffer *out);
/* Writer's schema of a container. */
const char *rows_schema(const struct rows *r);
/* Share of the file that has been read, 0..1; negative when unknown. */
double rows_share(const struct rows *r);
void rows_close(struct rows *r);

#endif
