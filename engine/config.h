/* Descriptor tables for configuration: one table drives parsing, defaults, ranges, did-you-mean,
 * the JSON Schema of `klamm schema` and the reference page.
 *
 *     struct window_cfg { int64_t tumbling, grace; struct config_list aggregate; };
 *     static const struct config_field fields[] = {
 *         {"tumbling", CONFIG_DURATION, offsetof(struct window_cfg, tumbling), .min = 1,
 *          .doc = "..."},
 *         {"grace", CONFIG_DURATION, offsetof(struct window_cfg, grace), .def = "0s",
 *          .doc = "..."},
 *         {"aggregate", CONFIG_EXPRESSIONS, offsetof(struct window_cfg, aggregate),
 *          .required = true, .doc = "..."},
 *         {0},
 *     };
 *
 * Parsed structs live in the arena; all text in them too. A field that is absent and has no default
 * stays zero (NULL, 0, false), except CONFIG_DURATION, CONFIG_LONG and CONFIG_SIZE: CONFIG_UNSET,
 * and CONFIG_DOUBLE: NaN.
 */
#ifndef KLAMM_ENGINE_CONFIG_H
#define KLAMM_ENGINE_CONFIG_H

#include "engine/yaml.h"

#include <stddef.h>
#include <stdint.h>

#define CONFIG_UNSET INT64_MIN

enum config_kind {
    CONFIG_TEXT,        /* const char * */
    CONFIG_BOOLEAN,     /* bool */
    CONFIG_LONG,        /* int64_t */
    CONFIG_DOUBLE,      /* double */
    CONFIG_DURATION,    /* int64_t ms: 7ms 5s 1m 2h 1d */
    CONFIG_SIZE,        /* int64_t bytes: 512, 64KB, 256MB, 2GB (powers of 1024) */
    CONFIG_ENUM,        /* int: index into values[] */
    CONFIG_EXPRESSION,  /* struct config_text */
    CONFIG_EXPRESSIONS, /* struct config_list: a select list in one string, a list of strings, or a
                           map name: expression. The select list is split later, by
                           expression_list() */
    CONFIG_NAMES,   /* struct config_list: one name or a list of names; name and value.text agree */
    CONFIG_MAP,     /* struct config_list: name and scalar text of any keys */
    CONFIG_SECTION, /* struct of section_size bytes in place; section is its table */
    CONFIG_YAML,    /* const struct yaml *: kept as it is, for those who look closer themselves */
};

struct config_text {
    const char *text; /* NULL: absent */
    struct place at;  /* of the first character of text when in_place, else of the value */
    const char *path;
    bool in_place; /* column of an error = at.column + position in text */
    bool flow; /* inside {…} or […]: an unbalanced bracket is due to a comma that ended the value */
    bool secret; /* holds a value from ${…}: no message may quote it */
};

struct config_list { /* absent: item is NULL; an empty list: n is 0, item is not NULL */
    int n;
    struct config_item {
        const char *name; /* NULL in lists without names */
        struct config_text value;
    } * item;
};

struct config_field {
    const char *name; /* NULL ends the table */
    enum config_kind kind;
    size_t offset;
    const char *def;           /* default, as a user would write it; NULL: none */
    double min, max;           /* inclusive; both 0: no bounds. max 0 with min > 0: no upper */
    const char *const *values; /* of CONFIG_ENUM, NULL-terminated */
    const struct config_field *section; /* of CONFIG_SECTION */
    bool required;
    const char *doc; /* one sentence for the reference page */
};

/* Parses a map into out (zeroed or garbage; every field is set). `path` is the key path of the map
 * for messages. Unknown keys get the nearest valid name. Returns 0 or -ERR_CONFIG (all problems in
 * d). */
int config_parse(const struct config_field *table, void *out, const struct yaml *map,
                 const char *path, struct arena *a, struct diags *d);
/* One value, where a step's configuration is a single scalar or list. */
int config_parse_value(const struct config_field *field, void *out, const struct yaml *value,
                       const char *path, struct arena *a, struct diags *d);

/* What was parsed, as words ("size=60000", a line each) appended to b, for the layouts of saved
 * state: equal for equal values however they were written; what is absent or zero is left out. */
void config_values(struct buffer *b, const struct config_field *table, const void *cfg);
void config_value(struct buffer *b, const struct config_field *field, const void *cfg);

/* The properties object of the table's JSON Schema appended to b (a JSON object, no newline). */
void config_json_schema(struct buffer *b, const struct config_field *table);
/* The JSON Schema of a map that the table describes, appended to b. */
void config_json_object(struct buffer *b, const struct config_field *table);
/* A Markdown table with head: | key | type | default | meaning |, nested sections as `a.b`. */
void config_markdown(struct buffer *b, const struct config_field *table);

#endif
