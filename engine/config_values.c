/* A parsed configuration as words, one a line, by the table that parsed it: `size=60000`. What was
 * written differently and means the same gives the same words.
 *
 * The words stand in the layouts of saved state, so they may not change from one version to the
 * next. What is absent, zero, false or the first of an enum is left out: a new key whose zero means
 * what was before it changes no layout.
 */
#include "engine/buffer.h"
#include "engine/config.h"

#include <inttypes.h>
#include <math.h>

static void put_text(struct buffer *b, const char *path, const char *name, const char *text)
{
    if (text) {
        buffer_printf(b, "%s%s=%s\n", path, name, text);
    }
}

static void put_whole(struct buffer *b, const char *path, const char *name, int64_t v)
{
    if (v != 0 && v != CONFIG_UNSET) {
        buffer_printf(b, "%s%s=%" PRId64 "\n", path, name, v);
    }
}

static void put_list(struct buffer *b, const char *path, const char *name,
                     const struct config_list *list)
{
    for (int i = 0; i < list->n; i++) {
        buffer_printf(b, "%s%s.%s=%s\n", path, name, list->item[i].name ? list->item[i].name : "",
                      list->item[i].value.text ? list->item[i].value.text : "");
    }
}

static void put_yaml(struct buffer *b, const char *path, const char *name, const struct yaml *y)
{
    if (y) {
        buffer_printf(b, "%s%s=", path, name);
        yaml_to_json(b, y);
        buffer_byte(b, '\n');
    }
}

static void put_field(struct buffer *b, const struct config_field *f, const void *at,
                      const char *path)
{
    switch (f->kind) {
    case CONFIG_TEXT:
        put_text(b, path, f->name, *(const char *const *)at);
        return;
    case CONFIG_BOOLEAN:
        put_whole(b, path, f->name, *(const bool *)at);
        return;
    case CONFIG_LONG:
    case CONFIG_DURATION:
    case CONFIG_SIZE:
        put_whole(b, path, f->name, *(const int64_t *)at);
        return;
    case CONFIG_DOUBLE: {
        double v = *(const double *)at;
        if (!isnan(v) && fpclassify(v) != FP_ZERO) {
            buffer_printf(b, "%s%s=%.17g\n", path, f->name, v);
        }
        return;
    }
    case CONFIG_ENUM: {
        int v = *(const int *)at;
        put_text(b, path, f->name, v != 0 ? f->values[v] : NULL);
        return;
    }
    case CONFIG_EXPRESSION:
        put_text(b, path, f->name, ((const struct config_text *)at)->text);
        return;
    case CONFIG_EXPRESSIONS:
    case CONFIG_NAMES:
    case CONFIG_MAP:
        put_list(b, path, f->name, at);
        return;
    case CONFIG_SECTION: {
        struct buffer below;
        buffer_init(&below);
        buffer_printf(&below, "%s%s.", path, f->name);
        for (const struct config_field *s = f->section; s->name; s++) {
            put_field(b, s, (const char *)at + s->offset, buffer_cstr(&below));
        }
        buffer_done(&below);
        return;
    }
    case CONFIG_YAML:
        put_yaml(b, path, f->name, *(const struct yaml *const *)at);
        return;
    }
}

void config_value(struct buffer *b, const struct config_field *field, const void *cfg)
{
    put_field(b, field, (const char *)cfg + field->offset, "");
}

void config_values(struct buffer *b, const struct config_field *table, const void *cfg)
{
    for (const struct config_field *f = table; f->name; f++) {
        config_value(b, f, cfg);
    }
}
