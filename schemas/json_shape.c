/* Shape: the columns' names split at dots and put into a tree.
 *
 *     host, load.mean, load.p99        {"host": …, "load": {"mean": …, "p99": …}}
 *
 * A name stays whole where splitting it would not come out even: when a part is empty, when it is
 * deeper than JSON_DEPTH, or when a column bears the name of one of its objects ("a" and "a.b").
 */
#include "schemas/json_shape.h"

#include "engine/hash.h"
#include "schemas/json_pull.h"

#include <string.h>

#define FEW 6 /* children that are found faster one by one */

static bool has_column(const struct schema *schema, const uint16_t *column, uint16_t n,
                       const char *name, size_t name_n)
{
    for (uint16_t i = 0; i < n; i++) {
        const char *other = schema->col[column[i]].name;
        if (strncmp(other, name, name_n) == 0 && other[name_n] == '\0') {
            return true;
        }
    }
    return false;
}

static bool can_split(const struct schema *schema, const uint16_t *column, uint16_t n,
                      const char *name)
{
    int depth = 1;
    const char *part = name;
    for (const char *dot = strchr(name, '.'); dot != NULL; dot = strchr(part, '.')) {
        if (dot == part || has_column(schema, column, n, name, (size_t)(dot - name))) {
            return false;
        }
        depth++;
        part = dot + 1;
    }
    return *part != '\0' && depth < JSON_DEPTH;
}

static struct json_node *find_linear(const struct json_node *node, const char *name, size_t n)
{
    for (uint16_t i = 0; i < node->nchild; i++) {
        struct json_node *child = node->child[i];
        if (child->name_n == n && memcmp(child->name, name, n) == 0) {
            return child;
        }
    }
    return NULL;
}

static struct json_node *add_child(struct arena *a, struct json_node *node, const char *name,
                                   size_t n)
{
    struct json_node *child = arena_zalloc(a, sizeof *child);
    child->name = name;
    child->name_n = (uint32_t)n;
    child->column = -1;
    child->index = node->nchild;
    if ((node->nchild & (node->nchild - 1)) == 0) { /* full at each power of two */
        struct json_node **more = arena_array(a, node->nchild * 2U + 1, sizeof *more);
        if (node->nchild > 0) {
            memcpy(more, node->child, node->nchild * sizeof *more);
        }
        node->child = more;
    }
    node->child[node->nchild++] = child;
    return child;
}

static void add_column(struct arena *a, struct json_node *root, const char *name, bool is_split,
                       uint16_t c)
{
    struct json_node *node = root;
    const char *part = name;
    const char *dot = is_split ? strchr(part, '.') : NULL;
    for (; dot != NULL; dot = strchr(part, '.')) {
        size_t n = (size_t)(dot - part);
        struct json_node *child = find_linear(node, part, n);
        node = child ? child : add_child(a, node, part, n);
        part = dot + 1;
    }
    add_child(a, node, part, strlen(part))->column = c;
}

static void index_children(struct arena *a, struct json_node *node)
{
    for (uint16_t i = 0; i < node->nchild; i++) {
        index_children(a, node->child[i]);
    }
    if (node->nchild <= FEW) {
        return;
    }
    uint32_t size = 16;
    while (size < node->nchild * 2U) {
        size *= 2;
    }
    node->mask = size - 1;
    node->table = arena_zalloc(a, size * sizeof *node->table);
    for (uint16_t i = 0; i < node->nchild; i++) {
        uint64_t h = hash_bytes(node->child[i]->name, node->child[i]->name_n, 0);
        while (node->table[h & node->mask] != 0) {
            h++;
        }
        node->table[h & node->mask] = (uint16_t)(i + 1);
    }
}

struct json_node *json_shape(struct arena *a, const struct schema *schema, const uint16_t *column,
                             uint16_t n)
{
    struct json_node *root = arena_zalloc(a, sizeof *root);
    root->column = -1;
    for (uint16_t i = 0; i < n; i++) {
        const char *name = arena_strdup(a, schema->col[column[i]].name);
        add_column(a, root, name, can_split(schema, column, n, name), column[i]);
    }
    index_children(a, root);
    return root;
}

uint16_t json_visible_columns(const struct schema *schema, uint16_t *column)
{
    uint16_t n = 0;
    for (uint16_t c = 0; c < schema->n; c++) {
        if (!schema->col[c].hidden) {
            column[n++] = c;
        }
    }
    return n;
}

struct json_node *json_child(const struct json_node *node, const char *name, size_t n)
{
    if (node->table == NULL) {
        return find_linear(node, name, n);
    }
    for (uint64_t h = hash_bytes(name, n, 0); node->table[h & node->mask] != 0; h++) {
        struct json_node *child = node->child[node->table[h & node->mask] - 1];
        if (child->name_n == n && memcmp(child->name, name, n) == 0) {
            return child;
        }
    }
    return NULL;
}
