/* A field may be a column, or an object whose members are columns: `{a: {b: 1}}` of the column a.b.
 * What is below a column is left to its codec.
 */
#include "worker/case_check.h"
#include "engine/buffer.h"
#include "worker/text_input.h"

#include <string.h>

#define NAMES_MOST 250

struct names {
    const char *name[NAMES_MOST + 1];
    int n;
    bool is_found;
};

static void add_name(struct names *all, const char *name, const char *sought)
{
    all->is_found = all->is_found || strcmp(name, sought) == 0;
    for (int i = 0; i < all->n; i++) {
        if (strcmp(all->name[i], name) == 0) {
            return;
        }
    }
    if (all->n < NAMES_MOST) {
        all->name[all->n++] = name;
    }
}

static int refuse(const struct names *all, const char *what, const char *name, const char *why,
                  struct err *e)
{
    const char *near = nearest_name(name, all->name);
    struct buffer b;
    buffer_init(&b);
    for (int i = 0; i < all->n && b.n < 300; i++) {
        buffer_printf(&b, "%s%s", i ? ", " : "", all->name[i]);
    }
    err_set(e, ERR_CONFIG, "%s \"%.100s\"%s%s%s%s%s", what, name, near ? ": did you mean \"" : why,
            near     ? near
            : all->n ? buffer_cstr(&b)
                     : "none",
            near ? "\"? (" : "", near ? buffer_cstr(&b) : "", near ? ")" : "");
    buffer_done(&b);
    return -ERR_CONFIG;
}

int case_check_topic(const struct plan *p, const char *topic, struct err *e)
{
    struct names all = {0};
    for (uint16_t i = 0; i < p->nsinks; i++) {
        if (!p->sink[i]->repartition) {
            add_name(&all, p->sink[i]->topic, topic);
        } else {
            all.is_found = all.is_found || strcmp(p->sink[i]->topic, topic) == 0;
        }
    }
    for (uint16_t i = 0; i < p->nsources; i++) {
        if (p->source[i]->errors.tolerance == TOLERATE_ALL) {
            add_name(&all, p->source[i]->errors.dead_letter_topic, topic);
        }
    }
    for (int i = 0; i < p->topology->nstreams; i++) {
        if (p->topology->stream[i].errors.tolerance == TOLERATE_ALL) {
            add_name(&all, p->topology->stream[i].errors.dead_letter_topic, topic);
        }
    }
    return all.is_found ? 0
                        : refuse(&all, "the topology writes no topic", topic, "; it writes ", e);
}

static bool has_members(const struct schema *s, const char *name)
{
    size_t n = strlen(name);
    for (uint16_t c = 0; c < s->n; c++) {
        if (strncmp(s->col[c].name, name, n) == 0 && s->col[c].name[n] == '.') {
            return true;
        }
    }
    return false;
}

static int check_fields(const struct schema *s, const struct yaml *map, const char *before,
                        struct place *at, struct err *e)
{
    int r = 0;
    for (int i = 0; i < map->n && r == 0; i++) {
        struct buffer name;
        buffer_init(&name);
        buffer_printf(&name, "%s%s%s", before, *before ? "." : "", map->key[i]);
        const char *full = buffer_cstr(&name);
        int c = schema_find(s, full);
        if (c >= 0 && !s->col[c].hidden) {
            r = 0;
        } else if (has_members(s, full)) {
            r = map->item[i]->kind == YAML_MAP ? check_fields(s, map->item[i], full, at, e) : 0;
        } else {
            struct names all = {0};
            for (uint16_t k = 0; k < s->n; k++) {
                if (!s->col[k].hidden) {
                    add_name(&all, s->col[k].name, full);
                }
            }
            *at = map->key_at[i];
            r = refuse(&all, "there is no column", full, "; there are ", e);
        }
        buffer_done(&name);
    }
    return r;
}

int case_check_value(const struct plan_source *s, const struct yaml *value, struct place *at,
                     struct err *e)
{
    if (!value || value->kind != YAML_MAP || text_input_is_plain(s->value.def)) {
        return 0;
    }
    return check_fields(s->schema, value, "", at, e);
}
