/* YAML (1.2 core schema; JSON is a subset) read into a tree whose nodes know their place.
 *
 * `on`, `no`, `12:30` are text. Anchors and aliases work, bounded against expansion bombs; tags
 * other than the core ones, several documents, duplicate keys and keys that are not scalars are
 * errors.
 * `${env:NAME}`, `${env:NAME:-default}`, `${file:PATH}`, `${file:PATH:KEY}` in scalars are
 * expanded; such a node is `secret`: its value must not be logged or returned. Trees live in the
 * arena.
 */
#ifndef KLAMM_ENGINE_YAML_H
#define KLAMM_ENGINE_YAML_H

#include "engine/arena.h"
#include "engine/error.h"

#include <stdbool.h>

enum yaml_kind {
    YAML_NULL,
    YAML_BOOLEAN,
    YAML_LONG,
    YAML_DOUBLE,
    YAML_STRING,
    YAML_LIST,
    YAML_MAP,
};

struct yaml {
    enum yaml_kind kind;
    struct place at;
    const char *text; /* of a scalar, as written (expanded), NUL-terminated */
    size_t text_n;
    bool plain; /* text stands in the file as it is, on one line: columns inside it are columns
                   there */
    bool flow;  /* unquoted inside a flow map or list: a comma ends the value */
    int skip;   /* columns from at to the first character of text: 1 behind a quote */
    bool secret;
    bool broken;  /* a problem of it is in the diags: no second one is wanted */
    bool boolean; /* of YAML_BOOLEAN */
    int64_t number;
    double real; /* of YAML_DOUBLE, and of YAML_LONG */
    int n;       /* items of a list, entries of a map */
    struct yaml **item;
    const char **key; /* of a map */
    struct place *key_at;
};

/* Parses text (file is the name in messages). Returns 0 with *out, or -ERR_CONFIG with all problems
 * in d and *out the tree without what is wrong (so that its other problems can be found too), or
 * NULL when the text could not be read to its end. A YAML 1.1 tool's `true:` key gets a message
 * that says so. */
int yaml_parse(struct yaml **out, struct arena *a, const char *file, const char *text, size_t n,
               struct diags *d);
/* Reads a file and parses it. */
int yaml_load(struct yaml **out, struct arena *a, const char *file, struct diags *d);
/* Value of a key of a map, or NULL. */
const struct yaml *yaml_get(const struct yaml *map, const char *key);
/* Sets a dotted path ("kafka.bootstrap.servers" tries the longest key first) to a scalar parsed
 * from `value`; creates maps on the way. `--set` of the command line. */
int yaml_set(struct yaml *root, struct arena *a, const char *path, const char *value,
             struct diags *d);
const char *yaml_kind_name(enum yaml_kind kind);
/* The tree as JSON text (secrets as "***") appended to b. */
struct buffer;
void yaml_to_json(struct buffer *b, const struct yaml *y);
/* Text as a JSON string, quotes included, appended to b. */
void yaml_json_text(struct buffer *b, const char *p, size_t n);

#endif
