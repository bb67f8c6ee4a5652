/* A forecaster by its name, and its options where no step is there to report each of their
 * problems: the first one is the message, behind the forecaster's name and the option's:
 *
 *     ridge: lags: expected a value from 1 to 256, found 0
 */
#include "ml/forecaster_choice.h"

#include "engine/registry.h"

#include <string.h>

#define KNOWN_MOST 63

const struct forecaster_def *forecaster_find(const char *name, struct err *e)
{
    const char *names[KNOWN_MOST + 1];
    size_t n = 0;
    for (; registry_forecasters[n] && n < KNOWN_MOST; n++) {
        names[n] = registry_forecasters[n]->name;
    }
    names[n] = NULL;
    int at = name_find("forecaster", name, names, e);
    return at < 0 ? NULL : registry_forecasters[at];
}

/* An option under the name that another library gives it. */
static int refuse_aliases(const struct forecaster_def *def, const struct yaml *given, struct err *e)
{
    for (int i = 0; i < given->n; i++) {
        for (const struct learner_alias *a = def->aliases; a && a->other; a++) {
            if (strcmp(a->other, given->key[i]) == 0) {
                return err_set(e, ERR_CONFIG, "%s: `%s` is called `%s` here", def->name, a->other,
                               a->name);
            }
        }
    }
    return 0;
}

const void *forecaster_parse(const struct forecaster_def *def, const struct yaml *given,
                             struct arena *a, struct err *e)
{
    struct yaml none = {.kind = YAML_MAP};
    given = given && given->kind != YAML_NULL ? given : &none;
    if (given->kind != YAML_MAP) {
        err_set(e, ERR_CONFIG, "%s: options are a map, {name: value}", def->name);
        return NULL;
    }
    if (refuse_aliases(def, given, e) < 0) {
        return NULL;
    }
    struct diags d;
    struct err own = {0};
    void *parsed = arena_zalloc(a, def->options_size + 1);
    diags_init(&d);
    int status = config_parse(def->options, parsed, given, def->name, a, &d);
    if (status < 0) {
        const char *path = d.item[0].path, *dot = strrchr(path, '.');
        err_set(e, ERR_CONFIG, "%s: %s%s%s", def->name, dot ? dot + 1 : "", dot ? ": " : "",
                d.item[0].text);
    } else if (def->check && def->check(parsed, &own) < 0) {
        status = err_set(e, ERR_CONFIG, "%s: %s", def->name, own.text);
    }
    diags_done(&d);
    return status < 0 ? NULL : parsed;
}
