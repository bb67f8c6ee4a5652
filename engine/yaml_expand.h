/* `${env:…}` and `${file:…}` in scalars, in the form of Kafka Connect's ConfigProvider. Not
 * thread-safe against changes of the environment; reads files. */
#ifndef KLAMM_ENGINE_YAML_EXPAND_H
#define KLAMM_ENGINE_YAML_EXPAND_H

#include "engine/buffer.h"
#include "engine/error.h"

#include <stdbool.h>
#include <stddef.h>

struct expansion {
    int count;  /* references replaced */
    bool whole; /* the text was one reference and nothing else */
};

/* Appends text to out with every reference replaced. Relative paths start from the folder of
 * `file`. Returns 0, or -ERR_CONFIG with a message that quotes no value. */
int yaml_expand(struct buffer *out, struct expansion *x, const char *file, const char *text,
                size_t n, struct err *e);

#endif
