/* What is done with a tree once it is read: look up a key, set a path, write it as JSON.
 *
 * A path of `--set` is a chain of keys with dots between, where a key may itself hold dots and a
 * list item is `[i]` or `.i`: `streams.load.steps[2].window.grace`, `kafka.bootstrap.servers`. At
 * each map the longest key that is there wins. Where none is, a new key is made of the next word;
 * in `kafka` and `config`, whose keys are property names, of all that is left.
 */
#include "engine/yaml.h"

#include "engine/buffer.h"
#include "engine/vector.h"
#include "engine/yaml_expand.h"
#include "engine/yaml_scalar.h"

#include <stdlib.h>
#include <string.h>

#define PATH_PARTS_MAX 50

const char *yaml_kind_name(enum yaml_kind kind)
{
    static const char *const names[] = {"nothing", "a boolean", "a whole number", "a number",
                                        "text",    "a list",    "a map"};
    return names[kind];
}

static int find_key(const struct yaml *map, const char *key, size_t n)
{
    for (int i = 0; i < map->n; i++) {
        if (strncmp(map->key[i], key, n) == 0 && map->key[i][n] == 0) {
            return i;
        }
    }
    return -1;
}

const struct yaml *yaml_get(const struct yaml *map, const char *key)
{
    if (map == NULL || map->kind != YAML_MAP) {
        return NULL;
    }
    int i = find_key(map, key, strlen(key));
    return i < 0 ? NULL : map->item[i];
}

/* Appends an entry to a map. */
static struct yaml *append(struct yaml *y, struct arena *a, const char *key, struct place at)
{
    size_t n = (size_t)y->n;
    struct yaml *child = arena_zalloc(a, sizeof *child);
    *child = (struct yaml){.kind = YAML_NULL, .at = at, .text = ""};
    struct yaml **item = arena_array(a, n + 1, sizeof(struct yaml *));
    const char **keys = arena_array(a, n + 1, sizeof(const char *));
    struct place *key_at = arena_array(a, n + 1, sizeof(struct place));
    if (n > 0) {
        memcpy(item, y->item, n * sizeof(struct yaml *));
        memcpy(keys, y->key, n * sizeof(const char *));
        memcpy(key_at, y->key_at, n * sizeof(struct place));
    }
    item[n] = child;
    keys[n] = key;
    key_at[n] = at;
    y->item = item;
    y->key = keys;
    y->key_at = key_at;
    y->n++;
    return child;
}

/* Length of the longest beginning of path, cut before a dot or bracket, that is a key of the map.
 */
static size_t longest_key(const struct yaml *map, const char *path, int *index)
{
    for (size_t n = strlen(path); n > 0; n--) {
        bool is_cut = path[n] == 0 || path[n] == '.' || path[n] == '[';
        if (is_cut && (*index = find_key(map, path, n)) >= 0) {
            return n;
        }
    }
    return 0;
}

/* Goes one key down from a map, making it where it is missing. Returns the path behind, or NULL. */
static const char *enter_map(struct yaml **y, struct arena *a, const char *path, const char *parent,
                             struct place at, const char **key)
{
    if ((*y)->kind == YAML_NULL) {
        (*y)->kind = YAML_MAP;
    }
    if ((*y)->kind != YAML_MAP) {
        return NULL;
    }
    int index = -1;
    size_t n = longest_key(*y, path, &index);
    if (n > 0) {
        *key = (*y)->key[index];
        *y = (*y)->item[index];
        return path + n;
    }
    bool is_properties = strcmp(parent, "kafka") == 0 || strcmp(parent, "config") == 0;
    n = is_properties ? strlen(path) : strcspn(path, ".[");
    if (n == 0) {
        return NULL;
    }
    *key = arena_strndup(a, path, n);
    *y = append(*y, a, *key, at);
    return path + n;
}

/* `[2]`, or `2` where the path has a dot before it. */
static const char *enter_list(struct yaml **y, const char *path)
{
    bool in_brackets = *path == '[';
    const char *digits = path + in_brackets;
    char *end;
    long i = *digits >= '0' && *digits <= '9' ? strtol(digits, &end, 10) : -1;
    if ((*y)->kind != YAML_LIST || i < 1 || i > (*y)->n ||
        (in_brackets ? *end != ']' : *end != 0 && *end != '.' && *end != '[')) {
        return NULL;
    }
    *y = (*y)->item[i - 1];
    return end + in_brackets;
}

/* The key of the map that a new one was most likely meant to be. */
static const char *near_key(const struct yaml *map, const char *key)
{
    const char *names[65];
    int n = 0;
    for (int i = 0; i < map->n && n < 64; i++) {
        if (map->key[i] != key) {
            names[n++] = map->key[i];
        }
    }
    names[n] = NULL;
    return nearest_name(key, names);
}

static int set_scalar(struct yaml *y, struct arena *a, const char *value, struct place at,
                      const char *path, struct diags *d)
{
    struct buffer b;
    struct expansion x;
    struct err e = {0};
    buffer_init(&b);
    int rc = yaml_expand(&b, &x, "", value, strlen(value), &e);
    if (rc < 0) {
        diags_add(d, at, path, "%s", e.text);
    } else {
        *y = (struct yaml){.kind = YAML_STRING, .at = at, .secret = x.count > 0};
        y->text_n = b.n;
        y->text = arena_strndup(a, buffer_cstr(&b), b.n);
        if (x.count == 0 || x.whole) {
            yaml_scalar_resolve(y);
        }
    }
    buffer_done(&b);
    return rc;
}

int yaml_set(struct yaml *root, struct arena *a, const char *path, const char *value,
             struct diags *d)
{
    struct place at = {"--set", 0, 0};
    struct yaml *y = root;
    const char *rest = path, *key = "";
    for (int parts = 0; *rest != 0; parts++) {
        if (parts > PATH_PARTS_MAX) {
            return diags_add(d, at, path, "the path has more than %d parts", PATH_PARTS_MAX);
        }
        const char *from = rest;
        const struct yaml *parent = y;
        int before = parent->n;
        rest = *rest == '[' || y->kind == YAML_LIST ? enter_list(&y, rest)
                                                    : enter_map(&y, a, rest, key, at, &key);
        bool is_new = rest && parent->kind == YAML_MAP && parent->n > before;
        const char *near = is_new && *rest ? near_key(parent, key) : NULL;
        if (near) {
            return diags_add(d, at, path, "there is no `%.200s`: did you mean `%.200s`?", key,
                             near);
        }
        if (rest == NULL) {
            return diags_add(
                d, at, path, "there is nothing to set at `%.200s`: its parent is %s%s", from,
                yaml_kind_name(y->kind),
                y->kind == YAML_LIST
                    ? ", of which only items that exist can be set, as [1] or .1, counted "
                      "from 1"
                    : "");
        }
        if (*rest == '.') {
            rest++;
            if (*rest == 0) {
                return diags_add(d, at, path, "the path ends with a dot");
            }
        }
    }
    if (y == root) {
        return diags_add(d, at, path, "expected PATH=VALUE");
    }
    return set_scalar(y, a, value, at, path, d);
}

void yaml_json_text(struct buffer *b, const char *p, size_t n)
{
    buffer_byte(b, '"');
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        if (c == '"' || c == '\\') {
            buffer_byte(b, '\\');
            buffer_byte(b, c);
        } else if (c == '\n') {
            buffer_text(b, "\\n");
        } else if (c == '\t') {
            buffer_text(b, "\\t");
        } else if (c < 0x20) {
            buffer_printf(b, "\\u%04x", c);
        } else {
            buffer_byte(b, c);
        }
    }
    buffer_byte(b, '"');
}

static void json_double(struct buffer *b, double d)
{
    bool is_finite = d - d == 0;
    if (!is_finite) {
        buffer_byte(b, '"');
    }
    print_double(b, d);
    if (!is_finite) {
        buffer_byte(b, '"');
    }
}

void yaml_to_json(struct buffer *b, const struct yaml *y)
{
    if (y->secret) {
        buffer_text(b, "\"***\"");
        return;
    }
    switch (y->kind) {
    case YAML_NULL:
        buffer_text(b, "null");
        break;
    case YAML_BOOLEAN:
        buffer_text(b, y->boolean ? "true" : "false");
        break;
    case YAML_LONG:
        buffer_printf(b, "%lld", (long long)y->number);
        break;
    case YAML_DOUBLE:
        json_double(b, y->real);
        break;
    case YAML_STRING:
        yaml_json_text(b, y->text, y->text_n);
        break;
    case YAML_LIST:
    case YAML_MAP:
        buffer_byte(b, y->kind == YAML_MAP ? '{' : '[');
        for (int i = 0; i < y->n; i++) {
            if (i > 0) {
                buffer_byte(b, ',');
            }
            if (y->kind == YAML_MAP) {
                yaml_json_text(b, y->key[i], strlen(y->key[i]));
                buffer_byte(b, ':');
            }
            yaml_to_json(b, y->item[i]);
        }
        buffer_byte(b, y->kind == YAML_MAP ? '}' : ']');
        break;
    }
}
