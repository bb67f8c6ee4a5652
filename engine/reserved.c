/* A row's record can be asked for from any expression behind a source. A column that took one of
 * its names would hide it from there on, or be hidden itself: `_key` is never written out.
 */
#include "engine/reserved.h"

#include <string.h>

bool name_is_reserved(const char *name)
{
    static const char *const reserved[] = {"_key",  "_topic",   "_partition", "_offset",
                                           "_time", "_headers", "_value"};
    for (size_t i = 0; *name == '_' && i < sizeof reserved / sizeof reserved[0]; i++) {
        if (strcmp(name, reserved[i]) == 0) {
            return true;
        }
    }
    return false;
}

int reserved_problem(struct node *n, struct place at, const char *path, const char *name)
{
    return diags_add(n->diags, at, path,
                     "`%s` is the name of something that every record has: choose another name for "
                     "the column",
                     name);
}

static bool comes_in(const struct node *n, const char *name)
{
    for (int i = 0; i < STEP_INPUTS_MAX; i++) {
        if (n->in[i] && schema_find(n->in[i], name) >= 0) {
            return true;
        }
    }
    return false;
}

int reserved_check(struct node *n)
{
    int status = 0;
    const struct yaml *as = yaml_get(n->yaml, "as");
    for (int o = 0; o < n->noutputs; o++) {
        for (uint16_t c = 0; n->out[o] && c < n->out[o]->n; c++) {
            const struct column *column = &n->out[o]->col[c];
            if (!column->hidden && name_is_reserved(column->name) && !comes_in(n, column->name)) {
                status = reserved_problem(n, as ? as->at : n->at, n->path, column->name);
            }
        }
    }
    return status;
}
