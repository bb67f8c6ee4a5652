/* JSON path: one value out of JSON text, without a tree. Pure. */
#ifndef KLAMM_ENGINE_EXPRESSION_JSON_PATH_H
#define KLAMM_ENGINE_EXPRESSION_JSON_PATH_H

#include "engine/buffer.h"

#include <stdbool.h>

/* Whether a path is well formed: "a.b", "$.a[0]", "a['b c'][2]". */
bool json_path_valid(const char *path, uint32_t n);
/* The value at the path appended to out: a string without quotes and escapes, everything else as
 * written. False when there is none, when it is null, or when the text is damaged on the way. */
bool json_path_get(struct buffer *out, const char *json, uint32_t n, const char *path,
                   uint32_t path_n);

#endif
