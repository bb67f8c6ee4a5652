/* Base64 (RFC 4648, with padding): how bytes appear in JSON and CSV. Pure functions. */
#ifndef KLAMM_SCHEMAS_BASE64_H
#define KLAMM_SCHEMAS_BASE64_H

#include "engine/buffer.h"

#include <stdbool.h>

/* Appends the text of n bytes. */
void base64_encode(struct buffer *out, const void *p, size_t n);
/* Appends the bytes of a text; false when it is none. Padding may be missing, and the URL alphabet
 * (- and _) is understood. */
bool base64_decode(struct buffer *out, const char *p, size_t n);

#endif
