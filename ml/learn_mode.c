/* `learn: online | never | {batch: {window, every, min_rows}}`. A window or interval is a whole
 * number of rows or a duration of event time; a window of time holds at most RECENT_ROWS_MOST rows.
 */
#include "ml/learn_mode.h"

#include "engine/clock.h"
#include "ml/algorithm.h"

#include <stdlib.h>
#include <string.h>

struct batch_cfg {
    const char *window, *every;
    int64_t min_rows;
};

static const struct config_field fields[] = {
    {"window", CONFIG_TEXT, offsetof(struct batch_cfg, window), .def = "10000",
     .doc = "rows, or event time, to learn from"},
    {"every", CONFIG_TEXT, offsetof(struct batch_cfg, every), .def = "1000",
     .doc = "rows, or event time, between two trainings"},
    {"min_rows", CONFIG_LONG, offsetof(struct batch_cfg, min_rows), .def = "100", .min = 1,
     .max = RECENT_ROWS_MOST,
     .doc = "rows before the first training; without: 100, or as many as the window has if that is "
            "less"},
    {0},
};

const struct batch_plan batch_plan_default = {
    .window_rows = 10000,
    .every_rows = 1000,
    .min_rows = 100,
};

/* A number of rows or a duration, at least 1. */
static int extent(struct node *n, const char *key, const char *text, int64_t *rows, int64_t *ms)
{
    *rows = *ms = 0;
    if (strspn(text, "0123456789") == strlen(text) && *text) {
        *rows = strlen(text) < 10 ? strtoll(text, NULL, 10) : INT64_MAX;
    } else if (duration_parse(text, strlen(text), ms) < 0) {
        return algorithm_problem(
            n, "learn", "%s: `%.50s` is neither a number of rows nor a duration", key, text);
    }
    if ((*rows == 0 && *ms <= 0) || *rows > RECENT_ROWS_MOST) {
        return algorithm_problem(n, "learn", "%s: expected 1 to %d rows, or a duration over 0s",
                                 key, RECENT_ROWS_MOST);
    }
    return 0;
}

static int parse_batch(struct node *n, const struct yaml *value, struct batch_plan *out)
{
    struct yaml none = {.kind = YAML_MAP, .at = value->at};
    struct batch_cfg cfg;
    const struct yaml *map = value->kind == YAML_NULL ? &none : value;
    if (config_parse(fields, &cfg, map, arena_printf(n->mem, "%s.learn.batch", n->path), n->mem,
                     n->diags) < 0) {
        return -ERR_CONFIG;
    }
    *out = (struct batch_plan){.min_rows = cfg.min_rows};
    int status = extent(n, "window", cfg.window, &out->window_rows, &out->window_ms);
    if (status == 0) {
        status = extent(n, "every", cfg.every, &out->every_rows, &out->every_ms);
    }
    if (status == 0 && out->window_ms > 0) {
        out->window_rows = RECENT_ROWS_MOST;
    } else if (status == 0 && !yaml_get(map, "min_rows")) {
        out->min_rows = out->min_rows < out->window_rows ? out->min_rows : out->window_rows;
    } else if (status == 0 && out->min_rows > out->window_rows) {
        status = algorithm_problem(
            n, "learn",
            "min_rows: a window of %lld rows never holds %lld: lower min_rows, or "
            "make the window larger",
            (long long)out->window_rows, (long long)out->min_rows);
    }
    return status;
}

int learn_mode_parse(struct node *n, const struct yaml *value, enum learn_mode *mode,
                     struct batch_plan *batch)
{
    *mode = LEARN_ONLINE;
    *batch = batch_plan_default;
    if (!value || value->kind == YAML_NULL) {
        return 0;
    }
    if (value->kind == YAML_STRING && strcmp(value->text, "online") == 0) {
        return 0;
    }
    if (value->kind == YAML_STRING && strcmp(value->text, "never") == 0) {
        *mode = LEARN_NEVER;
        return 0;
    }
    if (value->kind == YAML_MAP && value->n == 1 && strcmp(value->key[0], "batch") == 0) {
        *mode = LEARN_BATCH;
        return parse_batch(n, value->item[0], batch);
    }
    if (value->kind == YAML_STRING && strcmp(value->text, "batch") == 0) {
        return algorithm_problem(
            n, "learn",
            "`batch` is a map: write `{batch: {}}`, or what differs from the preset "
            "`{batch: {window: 10000, every: 1000, min_rows: 100}}`");
    }
    static const char *const names[] = {"online", "never", "batch", NULL};
    const char *given = value->kind == YAML_STRING            ? value->text
                        : value->kind == YAML_MAP && value->n ? value->key[0]
                                                              : "";
    const char *near = nearest_name(given, names);
    return algorithm_problem(n, "learn", "expected online, never or {batch: {…}}%s%s%s",
                             near ? ": did you mean `" : "", near ? near : "", near ? "`?" : "");
}
