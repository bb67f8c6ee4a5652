/* Text input: what `replay`, `test` and files into topics share in making records of JSON: the
 * stream's source, read as JSON instead of its own format, and keys and plain values turned into
 * the bytes that their format has. */
#ifndef KLAMM_WORKER_TEXT_INPUT_H
#define KLAMM_WORKER_TEXT_INPUT_H

#include "engine/plan.h"

/* The source of a stream that reads a topic; NULL with a message (and the nearest name) in e. */
struct plan_source *text_input_source(const struct plan *p, const char *stream, struct err *e);
/* The same, or that of a topic which a step trains from: of a stream that reads the topic, too, or
 * else the step's. */
struct plan_source *text_input_any(const struct plan *p, const char *name, struct err *e);
/* The topic that rows of an input of this name go to: the one of that name, or the source's first.
 */
const char *text_input_topic(const struct plan_source *s, const char *name);
/* The streams of a plan read this topic; else only a step does, before its first row. */
bool text_input_is_read(const struct plan *p, const char *topic);
/* From now on the source's values are JSON text, except for string and bytes, which stay what they
 * are: text_input_value() makes them of a JSON string. */
void text_input_use_json(struct plan_source *s);
/* The same of all that steps read of the topic before their first row. */
void text_input_use_json_past(const struct plan *p, const char *topic);
/* Key bytes for r's key, the text of a key in JSON; points r->key into `bytes`. -ERR_DATA: the text
 * is no such key. */
int text_input_key(const struct codec_def *format, struct record *r, struct buffer *bytes,
                   struct err *e);
/* Values of the format are one string: string, bytes. */
bool text_input_is_plain(const struct codec_def *format);
/* Value bytes for r's value, a JSON string, where the format is plain; others stay as they are.
 * Points r->value into `bytes`. -ERR_DATA: it is no such JSON. */
int text_input_value(const struct codec_def *format, struct record *r, struct buffer *bytes,
                     struct err *e);

#endif
