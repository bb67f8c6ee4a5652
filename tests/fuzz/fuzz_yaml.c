/* YAML and configuration from an enemy: parsing, the tree's limits, every kind of config field.
 *
 * The tree is also walked (as JSON), so that an alias bomb would show as time or memory.
 */
#include "engine/buffer.h"
#include "engine/config.h"
#include "engine/yaml.h"

#include <stdlib.h>

struct inner {
    const char *name;
    int64_t n;
};

struct outer {
    const char *text;
    bool flag;
    int64_t n, wait, size;
    double rate;
    int mode;
    struct config_text filter;
    struct config_list select, names, map;
    struct inner inner;
    const struct yaml *yaml;
};

static const char *const modes[] = {"final", "updates", NULL};

static const struct config_field inner_fields[] = {
    {"name", CONFIG_TEXT, offsetof(struct inner, name), .required = true},
    {"n", CONFIG_LONG, offsetof(struct inner, n), .def = "3", .min = 1, .max = 9},
    {0},
};

static const struct config_field fields[] = {
    {"text", CONFIG_TEXT, offsetof(struct outer, text), .def = NULL},
    {"flag", CONFIG_BOOLEAN, offsetof(struct outer, flag), .def = "true"},
    {"n", CONFIG_LONG, offsetof(struct outer, n), .min = 1},
    {"wait", CONFIG_DURATION, offsetof(struct outer, wait), .def = "10s", .max = 60000},
    {"size", CONFIG_SIZE, offsetof(struct outer, size), .def = "64KB"},
    {"rate", CONFIG_DOUBLE, offsetof(struct outer, rate), .max = 1},
    {"mode", CONFIG_ENUM, offsetof(struct outer, mode), .values = modes, .def = "updates"},
    {"filter", CONFIG_EXPRESSION, offsetof(struct outer, filter), .def = NULL},
    {"select", CONFIG_EXPRESSIONS, offsetof(struct outer, select), .def = NULL},
    {"names", CONFIG_NAMES, offsetof(struct outer, names), .def = NULL},
    {"map", CONFIG_MAP, offsetof(struct outer, map), .def = NULL},
    {"inner", CONFIG_SECTION, offsetof(struct outer, inner), .section = inner_fields},
    {"yaml", CONFIG_YAML, offsetof(struct outer, yaml), .def = NULL},
    {0},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct diags d;
    struct buffer b;
    struct yaml *y = NULL;
    arena_init(&a);
    diags_init(&d);
    buffer_init(&b);
    int rc = yaml_parse(&y, &a, "fuzz.yaml", (const char *)data, size, &d);
    if ((rc == 0) != (d.n == 0) || (rc == 0 && y == NULL)) {
        abort();
    }
    if (y != NULL) {
        struct outer out;
        yaml_to_json(&b, y);
        int before = d.n;
        rc = config_parse(fields, &out, y, "", &a, &d);
        if ((rc == 0) != (d.n == before)) {
            abort();
        }
        (void)yaml_set(y, &a, "inner.name", "x", &d);
        (void)yaml_set(y, &a, "names[0].a.b", "1", &d);
    }
    for (int i = 0; i < d.n; i++) {
        char text[512];
        diags_format(&d, i, text, sizeof text);
    }
    buffer_done(&b);
    diags_done(&d);
    arena_done(&a);
    return 0;
}
