/* Text input: what `replay` and `test` share in feeding a plan from JSON: the stream's source, read
 * as JSON instead of its own format, and keys turned into the bytes that the key's format has. */
#ifndef KLAMM_WORKER_TEXT_INPUT_H
#define KLAMM_WORKER_TEXT_INPUT_H

#include "engine/plan.h"

/* The source of a stream that reads a topic; NULL with a message (and the nearest name) in e. */
struct plan_source *text_input_source(const struct plan *p, const char *stream, struct err *e);
/* From now on the source's values are JSON text, except for string and bytes, which stay what they
 * are: text_input_value() makes them of a JSON string. */
void text_input_use_json(struct plan_source *s);
/* Value bytes for r's value, which is JSON; may point r->value into `bytes`. -ERR_DATA: no string.
 */
int text_input_value(const struct plan_source *s, struct record *r, struct buffer *bytes,
                     struct err *e);
/* Key bytes for r's key, the text of a key in JSON; points r->key into `bytes`. -ERR_DATA: the text
 * is no such key. */
int text_input_key(const struct plan_source *s, struct record *r, struct buffer *bytes,
                   struct err *e);

#endif
