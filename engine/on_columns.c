/* `on: COLUMN | [COLUMN, …] | {LEFT: RIGHT, …}`. No column may be named twice on one side. */
#include "engine/on_columns.h"

#include <string.h>

enum { LEFT, RIGHT };

static int on_error(const struct node *n, struct place at, const char *path)
{
    return diags_add(n->diags, at, path,
                     "expected what must be equal: a column, a list of columns, or a map "
                     "{left: right} where the names differ");
}

static bool is_name(const struct yaml *y)
{
    return y->kind == YAML_STRING && y->text_n > 0;
}

int on_columns_read(const struct node *n, const struct yaml *on, struct second_input *out)
{
    bool is_map = on->kind == YAML_MAP;
    const char *path = arena_printf(n->mem, "%s.on", n->path);
    bool is_single = !is_map && on->kind != YAML_LIST;
    int count = is_single ? 1 : on->n;
    struct config_text *side[2];
    for (int s = 0; s < 2; s++) {
        side[s] = arena_zalloc(n->mem, ((size_t)count + 1) * sizeof *side[s]);
        out->on[s] = side[s];
    }
    if (count == 0) {
        return on_error(n, on->at, path);
    }
    for (int i = 0; i < count; i++) {
        const struct yaml *right = is_single ? on : on->item[i];
        if (!is_name(right)) {
            return on_error(n, right->at, path);
        }
        side[RIGHT][i] = (struct config_text){.text = right->text, .at = right->at, .path = path};
        side[LEFT][i] = side[RIGHT][i];
        if (is_map) {
            side[LEFT][i].text = on->key[i];
            side[LEFT][i].at = on->key_at[i];
        }
        for (int k = 0; k < i; k++) {
            if (strcmp(side[LEFT][k].text, side[LEFT][i].text) == 0 ||
                strcmp(side[RIGHT][k].text, side[RIGHT][i].text) == 0) {
                return diags_add(n->diags, right->at, path, "column \"%s\" is named twice",
                                 right->text);
            }
        }
    }
    out->non = count;
    return 0;
}
