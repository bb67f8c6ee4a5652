/* The optimizers by name, and their options. The list is short and closed: an optimizer is an
 * option of a learner, not a thing that users add. Reading allocates nothing, so that each model of
 * a million reads its own.
 */
#include "ml/optimizer.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

extern const struct optimizer_def optimizer_sgd;
extern const struct optimizer_def optimizer_adam;
extern const struct optimizer_def optimizer_adagrad;
extern const struct optimizer_def optimizer_ftrl;

static const struct optimizer_def *const optimizers[] = {
    &optimizer_sgd,
    &optimizer_adam,
    &optimizer_adagrad,
    &optimizer_ftrl,
};
static const char *const names[] = {"sgd", "adam", "adagrad", "ftrl", NULL};

static const struct optimizer_def *find(const char *name, struct err *e)
{
    for (size_t i = 0; i < sizeof(optimizers) / sizeof(optimizers[0]); i++) {
        if (strcmp(optimizers[i]->name, name) == 0) {
            return optimizers[i];
        }
    }
    const char *near = nearest_name(name, names);
    err_set(e, ERR_CONFIG, "optimizer '%.100s' is unknown; %s%s", name,
            near ? "did you mean " : "there are ", near ? near : "sgd, adam, adagrad and ftrl");
    return NULL;
}

/* The number of an option, or -1 with a message. */
static int option_of(const struct optimizer_def *def, const char *name, struct err *e)
{
    const char *known[OPTIMIZER_OPTIONS + 1] = {NULL};
    for (int i = 0; i < OPTIMIZER_OPTIONS && def->option[i].name; i++) {
        known[i] = def->option[i].name;
        if (strcmp(known[i], name) == 0) {
            return i;
        }
    }
    const char *near = nearest_name(name, known);
    err_set(e, ERR_CONFIG, "optimizer %s has no option '%.100s'%s%s", def->name, name,
            near ? "; did you mean " : "", near ? near : "");
    return -1;
}

static int set_option(struct optimizer *o, int i, double value, struct err *e)
{
    const struct optimizer_option *option = &o->def->option[i];
    if (!(value >= option->min && value <= option->max)) {
        return err_set(e, ERR_CONFIG, "optimizer %s: %s is a number from %g to %g", o->def->name,
                       option->name, option->min, option->max);
    }
    o->option[i] = value;
    return 0;
}

static int read_map(struct optimizer *o, const struct yaml *map, bool has_rate, struct err *e)
{
    for (int k = 0; k < map->n; k++) {
        const struct yaml *value = map->item[k];
        if (strcmp(map->key[k], "name") == 0) {
            continue;
        }
        int i = option_of(o->def, map->key[k], e);
        if (i < 0) {
            return -ERR_CONFIG;
        }
        if (i == 0 && has_rate) {
            return err_set(e, ERR_CONFIG, "the learning rate stands twice: as lr, and as %s of %s",
                           map->key[k], o->def->name);
        }
        bool is_number = value->kind == YAML_LONG || value->kind == YAML_DOUBLE;
        int status = set_option(o, i, is_number ? value->real : (double)NAN, e);
        if (status < 0) {
            return status;
        }
    }
    return 0;
}

int optimizer_read(struct optimizer *o, const struct yaml *given, double lr, const char *otherwise,
                   struct err *e)
{
    bool is_map = given && given->kind == YAML_MAP;
    const struct yaml *name = is_map ? yaml_get(given, "name") : given;
    if ((name && name->kind != YAML_STRING) || (is_map && !name)) {
        return err_set(e, ERR_CONFIG,
                       "optimizer is a name or a map with one: {name: adam, lr: 0.1}");
    }
    o->def = find(!name ? otherwise : name->secret ? "***" : name->text, e);
    if (!o->def) {
        return -ERR_CONFIG;
    }
    for (int i = 0; i < OPTIMIZER_OPTIONS; i++) {
        o->option[i] = o->def->option[i].def;
    }
    int status = isnan(lr) ? 0 : set_option(o, 0, lr, e);
    return status == 0 && is_map ? read_map(o, given, !isnan(lr), e) : status;
}
