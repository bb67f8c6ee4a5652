/* The optimizers by name. The list is short and closed: an optimizer is an option of a learner, not
 * a thing that users add.
 */
#include "ml/optimizer.h"

#include "engine/error.h"

#include <stddef.h>
#include <string.h>

extern const struct optimizer_def optimizer_sgd;

static const struct optimizer_def *const optimizers[] = {&optimizer_sgd};
static const char *const names[] = {"sgd", NULL};

const struct optimizer_def *optimizer_find(const char *name, struct err *e)
{
    for (size_t i = 0; i < sizeof(optimizers) / sizeof(optimizers[0]); i++) {
        if (strcmp(optimizers[i]->name, name) == 0) {
            return optimizers[i];
        }
    }
    const char *near = nearest_name(name, names);
    err_set(e, ERR_CONFIG, "optimizer '%s' is unknown; %s%s", name,
            near ? "did you mean " : "there is ", near ? near : "sgd");
    return NULL;
}
