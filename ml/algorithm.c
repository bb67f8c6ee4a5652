/* What every learning step does with `algorithm` and `options`: the learner is found by its name
 * among those that can do the step's task, and its own table parses the options. An option under
 * the name that another library gives it is an error that tells the name here.
 */
#include "ml/algorithm.h"

#include "engine/buffer.h"
#include "engine/hash.h"
#include "engine/registry.h"
#include "engine/reserved.h"
#include "ml/forecaster_choice.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int algorithm_problem(struct node *n, const char *key, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    const struct yaml *value = yaml_get(n->yaml, key);
    return diags_add(n->diags, value ? value->at : n->at,
                     arena_printf(n->mem, "%s.%s", n->path, key), "%s", text);
}

int algorithm_column(struct node *n, const char *name)
{
    if (name_is_reserved(name)) {
        const struct yaml *as = yaml_get(n->yaml, "as");
        return reserved_problem(n, as ? as->at : n->at, arena_printf(n->mem, "%s.as", n->path),
                                name);
    }
    return schema_find(n->in[0], name) < 0
               ? 0
               : algorithm_problem(n, "as", "the input has a column '%s' already", name);
}

int algorithm_named(struct node *n, const char *key, const char *kind, const char *name,
                    const char *const *names)
{
    struct err e = {0};
    int at = name_find(kind, name, names, &e);
    return at < 0 ? algorithm_problem(n, key, "%s", e.text) : at;
}

const struct learner_def *algorithm_find(struct node *n, enum learner_task task, const char *name)
{
    size_t count = 0, usable = 0;
    while (registry_learners[count]) {
        count++;
    }
    const char **names = arena_array(n->mem, count + 1, sizeof(*names));
    const struct learner_def **def = arena_array(n->mem, count + 1, sizeof(*def));
    for (size_t i = 0; i < count; i++) {
        if (registry_learners[i]->tasks & (unsigned)task) {
            def[usable] = registry_learners[i];
            names[usable++] = registry_learners[i]->name;
        }
    }
    names[usable] = NULL;
    int at = algorithm_named(n, "algorithm", "algorithm", name, names);
    return at < 0 ? NULL : def[at];
}

bool algorithm_is_scaled(const struct node *n, const struct learner_def *def, bool is_standard)
{
    return is_standard || (def->is_scaled && !yaml_get(n->yaml, "scale"));
}

const struct forecaster_def *algorithm_forecaster(struct node *n, const char *name)
{
    struct err e = {0};
    const struct forecaster_def *def = forecaster_find(name, &e);
    if (!def) {
        algorithm_problem(n, "algorithm", "%s", e.text);
    }
    return def;
}

const struct drift_def *algorithm_drift(struct node *n, const char *name)
{
    size_t count = 0;
    while (registry_drifts[count]) {
        count++;
    }
    const char **names = arena_array(n->mem, count + 1, sizeof(*names));
    for (size_t i = 0; i < count; i++) {
        names[i] = registry_drifts[i]->name;
    }
    names[count] = NULL;
    int at = algorithm_named(n, "algorithm", "algorithm", name, names);
    return at < 0 ? NULL : registry_drifts[at];
}

/* The option that another library calls `name`, or NULL. */
static const char *own_name(const struct learner_def *def, const char *name)
{
    for (const struct learner_alias *a = def->aliases; a && a->other; a++) {
        if (strcmp(a->other, name) == 0) {
            return a->name;
        }
    }
    return NULL;
}

static bool has_option(const struct learner_def *def, const char *name)
{
    for (const struct config_field *f = def->options; f->name; f++) {
        if (strcmp(f->name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* `seed`, of all learners that have no such option of their own. */
static int read_seed(struct node *n, const struct yaml *value, uint64_t *seed)
{
    if (value->kind != YAML_LONG || value->number < 0) {
        return algorithm_problem(n, "options", "seed: expected a whole number from 0 on");
    }
    *seed = hash_stable(&value->number, sizeof(value->number), 0);
    return 0;
}

/* The options but `seed` and those known by another library's name, each of which is reported. */
static struct yaml without_aliases(struct node *n, const struct learner_def *def,
                                   const struct yaml *given, const char *path, uint64_t *seed,
                                   int *status)
{
    struct yaml kept = {.kind = YAML_MAP, .at = n->at};
    if (!given || given->kind == YAML_NULL) {
        return kept;
    }
    kept = *given;
    if (given->kind != YAML_MAP) {
        return kept;
    }
    size_t room = (size_t)given->n + 1;
    kept.n = 0;
    kept.item = arena_array(n->mem, room, sizeof(*kept.item));
    kept.key = arena_array(n->mem, room, sizeof(*kept.key));
    kept.key_at = arena_array(n->mem, room, sizeof(*kept.key_at));
    for (int i = 0; i < given->n; i++) {
        const char *own = own_name(def, given->key[i]);
        own = !own && strcmp(given->key[i], "random_state") == 0 ? "seed" : own;
        if (strcmp(given->key[i], "seed") == 0 && !has_option(def, "seed")) {
            *status = read_seed(n, given->item[i], seed) < 0 ? -ERR_CONFIG : *status;
            continue;
        }
        if (own) {
            *status = diags_add(n->diags, given->key_at[i], path, "`%s` is called `%s` here",
                                given->key[i], own);
            continue;
        }
        kept.item[kept.n] = given->item[i];
        kept.key[kept.n] = given->key[i];
        kept.key_at[kept.n++] = given->key_at[i];
    }
    return kept;
}

/* A message of check() that begins with an option, "members[1]: …" or "season: …", is told where
 * that option stands, else at all of them. */
static void tell(struct node *n, const struct yaml *given, const char *path, const char *text)
{
    size_t name = strcspn(text, ":[ "), all = strcspn(text, ": ");
    const char *key = arena_strndup(n->mem, text, name);
    const struct yaml *value = given && given->kind == YAML_MAP ? yaml_get(given, key) : NULL;
    if (!value || text[all] != ':') {
        algorithm_problem(n, "options", "%s", text);
        return;
    }
    int i = text[name] == '[' ? atoi(text + name + 1) : -1;
    struct place at =
        value->kind == YAML_LIST && i >= 0 && i < value->n ? value->item[i]->at : value->at;
    diags_add(n->diags, at, arena_printf(n->mem, "%s.%.*s", path, (int)all, text), "%s",
              text + all + 1 + strspn(text + all + 1, " "));
}

const void *algorithm_options(struct node *n, const struct learner_def *def,
                              const struct yaml *given, uint64_t *seed)
{
    const char *path = arena_printf(n->mem, "%s.options", n->path);
    int status = 0;
    struct yaml options = without_aliases(n, def, given, path, seed, &status);
    if (def->options[0].name == NULL && options.n > 0) {
        algorithm_problem(n, "options", "%s has no options", def->name);
        return NULL;
    }
    void *parsed = arena_zalloc(n->mem, def->options_size + 1);
    if (config_parse(def->options, parsed, &options, path, n->mem, n->diags) < 0 || status < 0) {
        return NULL;
    }
    struct err e = {0};
    if (def->check && def->check(parsed, &e) < 0) {
        tell(n, given, path, e.text);
        return NULL;
    }
    return parsed;
}

/* What parsing options asks of a forecaster or a detector of drift: they are named as learners'
 * are. */
#define AS_LEARNER(def)                                                                            \
    {                                                                                              \
        .name = (def)->name, .options = (def)->options, .options_size = (def)->options_size,       \
        .aliases = (def)->aliases, .check = (def)->check                                           \
    }

const void *algorithm_forecaster_options(struct node *n, const struct forecaster_def *def,
                                         const struct yaml *given, uint64_t *seed)
{
    const struct learner_def as_learner = AS_LEARNER(def);
    return algorithm_options(n, &as_learner, given, seed);
}

const void *algorithm_drift_options(struct node *n, const struct drift_def *def,
                                    const struct yaml *given, uint64_t *seed)
{
    const struct learner_def as_learner = AS_LEARNER(def);
    return algorithm_options(n, &as_learner, given, seed);
}
