/* The other readings of a descriptor table: JSON Schema for editors, Markdown for the reference
 * page.
 *
 * The schema says what config.c accepts: where several forms are taken (one name or a list),
 * `anyOf` the forms. Secrets and ${…} make any value a string, so numbers accept such a string too.
 */
#include "engine/buffer.h"
#include "engine/config.h"

#include <stdio.h>
#include <string.h>

#define REFERENCE "{\"type\":\"string\",\"pattern\":\"^\\\\$\\\\{(env|file):.*\\\\}$\"}"

static void json_string(struct buffer *b, const char *s)
{
    yaml_json_text(b, s, strlen(s));
}

static void json_bounds(struct buffer *b, const struct config_field *f)
{
    bool has_bounds = f->min != 0 || f->max != 0;
    if (has_bounds) {
        buffer_printf(b, ",\"minimum\":%.15g", f->min);
    }
    if (has_bounds && !(f->max == 0 && f->min > 0)) {
        buffer_printf(b, ",\"maximum\":%.15g", f->max);
    }
}

static void json_required(struct buffer *b, const struct config_field *table)
{
    const char *between = "";
    buffer_text(b, ",\"required\":[");
    for (const struct config_field *f = table; f->name != NULL; f++) {
        if (f->required) {
            buffer_text(b, between);
            json_string(b, f->name);
            between = ",";
        }
    }
    buffer_byte(b, ']');
}

#define SCALAR "{\"type\":[\"string\",\"number\",\"boolean\"]}"

/* The members of the schema of a map that the table describes. */
static void json_object(struct buffer *b, const struct config_field *table)
{
    buffer_text(b, "\"type\":\"object\",\"properties\":");
    config_json_schema(b, table);
    json_required(b, table);
    buffer_text(b, ",\"additionalProperties\":false");
}

/* Members of the field's schema object that say what its value may be. */
static void json_type(struct buffer *b, const struct config_field *f)
{
    switch (f->kind) {
    case CONFIG_TEXT:
    case CONFIG_EXPRESSION:
        buffer_text(b, "\"type\":[\"string\",\"number\",\"boolean\"]");
        break;
    case CONFIG_BOOLEAN:
        buffer_text(b, "\"anyOf\":[{\"type\":\"boolean\"}," REFERENCE "]");
        break;
    case CONFIG_LONG:
    case CONFIG_DOUBLE:
        buffer_printf(b, "\"anyOf\":[{\"type\":\"%s\"",
                      f->kind == CONFIG_LONG ? "integer" : "number");
        json_bounds(b, f);
        buffer_text(b, "}," REFERENCE "]");
        break;
    case CONFIG_DURATION:
        buffer_text(
            b,
            "\"anyOf\":[{\"type\":\"string\",\"pattern\":\"^[0-9]+(ms|s|m|h|d)$\"}," REFERENCE "]");
        break;
    case CONFIG_SIZE:
        buffer_text(b, "\"anyOf\":[{\"type\":\"integer\",\"minimum\":0},"
                       "{\"type\":\"string\",\"pattern\":\"^[0-9]+([KMGT]?B)?$\"}," REFERENCE "]");
        break;
    case CONFIG_ENUM:
        buffer_text(b, "\"enum\":[");
        for (int i = 0; f->values[i] != NULL; i++) {
            buffer_text(b, i > 0 ? "," : "");
            json_string(b, f->values[i]);
        }
        buffer_byte(b, ']');
        break;
    case CONFIG_EXPRESSIONS:
        buffer_text(b, "\"anyOf\":[" SCALAR ",{\"type\":\"array\",\"items\":" SCALAR "},"
                       "{\"type\":\"object\",\"additionalProperties\":" SCALAR "}]");
        break;
    case CONFIG_NAMES:
        buffer_text(b, "\"anyOf\":[" SCALAR ",{\"type\":\"array\",\"items\":" SCALAR "}]");
        break;
    case CONFIG_MAP:
        buffer_text(b, "\"type\":\"object\",\"additionalProperties\":" SCALAR);
        break;
    case CONFIG_SECTION:
        json_object(b, f->section);
        break;
    case CONFIG_YAML:
        break;
    }
}

/* A default as JSON: bare where it is a number or boolean. */
static void json_default(struct buffer *b, const struct config_field *f)
{
    bool is_bare = f->kind == CONFIG_BOOLEAN || f->kind == CONFIG_LONG || f->kind == CONFIG_DOUBLE;
    buffer_text(b, "\"default\":");
    if (is_bare) {
        buffer_text(b, f->def);
    } else {
        json_string(b, f->def);
    }
}

void config_json_schema(struct buffer *b, const struct config_field *table)
{
    buffer_byte(b, '{');
    for (const struct config_field *f = table; f->name != NULL; f++) {
        buffer_text(b, f == table ? "" : ",");
        json_string(b, f->name);
        buffer_text(b, ":{");
        size_t start = b->n;
        json_type(b, f);
        if (f->def != NULL) {
            buffer_text(b, b->n > start ? "," : "");
            json_default(b, f);
        }
        if (f->doc != NULL) {
            buffer_text(b, b->n > start ? "," : "");
            buffer_text(b, "\"description\":");
            json_string(b, f->doc);
        }
        buffer_byte(b, '}');
    }
    buffer_byte(b, '}');
}

void config_json_object(struct buffer *b, const struct config_field *table)
{
    buffer_byte(b, '{');
    json_object(b, table);
    buffer_byte(b, '}');
}

static const char *type_words(enum config_kind kind)
{
    static const char *const words[] = {
        [CONFIG_TEXT] = "text",
        [CONFIG_BOOLEAN] = "true or false",
        [CONFIG_LONG] = "whole number",
        [CONFIG_DOUBLE] = "number",
        [CONFIG_DURATION] = "duration",
        [CONFIG_SIZE] = "size",
        [CONFIG_ENUM] = "",
        [CONFIG_EXPRESSION] = "expression",
        [CONFIG_EXPRESSIONS] = "named expressions",
        [CONFIG_NAMES] = "name or list of names",
        [CONFIG_MAP] = "map",
        [CONFIG_SECTION] = "map",
        [CONFIG_YAML] = "see text",
    };
    return words[kind];
}

/* Text in a cell: a bar would end it. */
static void markdown_cell(struct buffer *b, const char *s)
{
    for (; *s != 0; s++) {
        if (*s == '|') {
            buffer_byte(b, '\\');
        }
        buffer_byte(b, (uint8_t)*s);
    }
}

static void markdown_rows(struct buffer *b, const struct config_field *table, const char *parent)
{
    for (const struct config_field *f = table; f->name != NULL; f++) {
        buffer_printf(b, "| `%s%s` | ", parent, f->name);
        buffer_text(b, type_words(f->kind));
        for (int i = 0; f->kind == CONFIG_ENUM && f->values[i] != NULL; i++) {
            buffer_printf(b, "%s`%s`", i > 0 ? ", " : "", f->values[i]);
        }
        buffer_text(b, " | ");
        if (f->def != NULL) {
            buffer_printf(b, "`%s`", f->def);
        } else if (f->required) {
            buffer_text(b, "required");
        }
        buffer_text(b, " | ");
        markdown_cell(b, f->doc != NULL ? f->doc : "");
        buffer_text(b, " |\n");
        if (f->kind == CONFIG_SECTION) {
            char path[256];
            snprintf(path, sizeof path, "%s%s.", parent, f->name);
            markdown_rows(b, f->section, path);
        }
    }
}

void config_markdown(struct buffer *b, const struct config_field *table)
{
    buffer_text(b, "| key | type | default | meaning |\n|---|---|---|---|\n");
    markdown_rows(b, table, "");
}
