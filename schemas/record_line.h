/* Record lines: one message of a topic as a JSON object on one line, what replay, tail, produce,
 * test and the connectors read and write.
 *
 *     {"topic","partition","offset","key","timestamp","headers","value"}
 *
 * Only value is required. One owner.
 */
#ifndef KLAMM_SCHEMAS_RECORD_LINE_H
#define KLAMM_SCHEMAS_RECORD_LINE_H

#include "engine/arena.h"
#include "engine/buffer.h"
#include "engine/record.h"
#include "schemas/json_pull.h"

/* A parsed line. It owns all that it points to, until the next parse or done. */
struct record_line {
    const char *topic;      /* NULL: not given */
    int32_t partition;      /* -1: not given */
    int64_t offset;         /* -1: not given */
    int64_t timestamp;      /* ms; -1: not given */
    bool has_key;           /* given, though perhaps null */
    struct json_text key;   /* JSON as written; p NULL: null or not given */
    struct json_text value; /* JSON as written; p NULL: null, a tombstone */
    struct header *headers;
    size_t nheaders;

    struct arena mem;
    struct json_pull pull;
};

void record_line_init(struct record_line *l);
void record_line_done(struct record_line *l);
/* Parses n bytes (copied). -ERR_DATA with what is wrong. Of equal members the last wins; others
 * than those above are an error. */
int record_line_parse(struct record_line *l, const char *p, size_t n, struct err *e);

/* Appends a record as a line, without a line end. Topic NULL, partition, offset and timestamp -1,
 * and no headers are left out; key and value of r are not looked at: they come as JSON (p NULL:
 * null). */
void record_line_print(struct buffer *out, const struct record *r, struct json_text key,
                       struct json_text value);

/* The text of a JSON string (its escapes undone), appended to out; false when json is no string.
 * For keys of type string, and values of codec string. */
bool record_line_text(struct buffer *out, struct json_text json);

#endif
