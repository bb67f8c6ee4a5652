/* Columns to a schema for writing.
 *
 *   value   record <record_name> in <namespace_>, one field per visible column, in order
 *   key     one key column: its plain type; otherwise record <record_name>Key of the key columns
 *
 *   nullable column   ["null", T], default null (key columns never are: a null key is dropped
 *                     before)
 *   timestamp         {"type": "long", "logicalType": "timestamp-millis"}
 *   array, map        of ["null", T], since the type of a column does not say whether items may be
 *                     null
 *   record<...>       inside arrays and maps: record <record_name>_<field>
 *
 * Every character outside [A-Za-z0-9_] of a name becomes `_` (the dots of a namespace stay), and a
 * digit in front gets one put before it. Two columns that then have one name are an error.
 */
#include "schemas/avro_generate.h"

#include "engine/memory.h"
#include "schemas/columns.h"

#include <string.h>

static void put_name(struct buffer *b, const char *name, bool keep_dots)
{
    for (const char *c = name; *c; c++) {
        bool is_letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || *c == '_';
        bool is_digit = *c >= '0' && *c <= '9';
        if (((unsigned char)*c & 0xc0) == 0x80) {
            continue; /* inside a character */
        }
        if (is_digit && (c == name || (keep_dots && c[-1] == '.'))) {
            buffer_byte(b, '_');
        }
        buffer_byte(b, is_letter || is_digit || (keep_dots && *c == '.') ? (uint8_t)*c : '_');
    }
    if (name[0] == '\0') {
        buffer_byte(b, '_');
    }
}

static void put_type(struct buffer *b, const struct type *t, const char *record);

static void put_nullable(struct buffer *b, const struct type *t, const char *record)
{
    buffer_text(b, "[\"null\",");
    put_type(b, t, record);
    buffer_byte(b, ']');
}

static void put_record(struct buffer *b, const struct type *t, const char *record)
{
    buffer_printf(b, "{\"type\":\"record\",\"name\":\"%s\",\"fields\":[", record);
    for (uint16_t i = 0; i < t->nfields; i++) {
        struct buffer inner;
        buffer_init(&inner);
        buffer_printf(&inner, "%s_", record);
        put_name(&inner, t->field[i].name, false);
        buffer_text(b, i ? ",{\"name\":\"" : "{\"name\":\"");
        put_name(b, t->field[i].name, false);
        buffer_text(b, "\",\"type\":");
        put_nullable(b, t->field[i].type, buffer_cstr(&inner));
        buffer_text(b, ",\"default\":null}");
        buffer_done(&inner);
    }
    buffer_text(b, "]}");
}

static void put_type(struct buffer *b, const struct type *t, const char *record)
{
    static const char *const plain[] = {
        [TYPE_BOOLEAN] = "\"boolean\"",
        [TYPE_LONG] = "\"long\"",
        [TYPE_DOUBLE] = "\"double\"",
        [TYPE_TIMESTAMP] = "{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}",
        [TYPE_STRING] = "\"string\"",
        [TYPE_BYTES] = "\"bytes\"",
    };
    if (t->kind == TYPE_RECORD) {
        put_record(b, t, record);
    } else if (t->kind == TYPE_ARRAY || t->kind == TYPE_MAP) {
        buffer_text(b, t->kind == TYPE_ARRAY ? "{\"type\":\"array\",\"items\":"
                                             : "{\"type\":\"map\",\"values\":");
        put_nullable(b, t->of, record);
        buffer_byte(b, '}');
    } else {
        buffer_text(b, plain[t->kind]);
    }
}

/* Two columns whose names become one. */
static int check_names(const uint16_t *cols, uint16_t n, const struct schema *schema, struct err *e)
{
    int rc = 0;
    char **name = mem_array((size_t)n + 1, sizeof *name);
    for (uint16_t i = 0; i < n; i++) {
        struct buffer b;
        buffer_init(&b);
        put_name(&b, schema->col[cols[i]].name, false);
        name[i] = mem_strdup(buffer_cstr(&b));
        buffer_done(&b);
        for (uint16_t k = 0; k < i && rc == 0; k++) {
            if (strcmp(name[i], name[k]) == 0) {
                rc = err_set(e, ERR_CONFIG,
                             "columns %s and %s would both be the Avro field %s: rename one",
                             schema->col[cols[k]].name, schema->col[cols[i]].name, name[i]);
            }
        }
    }
    for (uint16_t i = 0; i < n; i++) {
        mem_free(name[i]);
    }
    mem_free(name);
    return rc;
}

static void put_field(struct buffer *b, const struct column *c, bool is_key, const char *record)
{
    struct buffer inner;
    buffer_init(&inner);
    buffer_printf(&inner, "%s_", record);
    put_name(&inner, c->name, false);
    buffer_text(b, "{\"name\":\"");
    put_name(b, c->name, false);
    buffer_text(b, "\",\"type\":");
    if (c->nullable && !is_key) {
        put_nullable(b, c->type, buffer_cstr(&inner));
        buffer_text(b, ",\"default\":null");
    } else {
        put_type(b, c->type, buffer_cstr(&inner));
    }
    buffer_byte(b, '}');
    buffer_done(&inner);
}

int avro_generate(struct buffer *json, uint16_t *cols, uint16_t *n, const struct codec_spec *spec,
                  const struct schema *schema, struct err *e)
{
    *n = columns_to_write(spec, schema, cols);
    int rc = check_names(cols, *n, schema, e);
    if (rc < 0) {
        return rc;
    }
    struct buffer record;
    buffer_init(&record);
    put_name(&record, spec->record_name ? spec->record_name : "Value", false);
    buffer_text(&record, spec->is_key ? "Key" : "");
    const char *name = buffer_cstr(&record);
    if (spec->is_key && *n == 1) {
        put_type(json, schema->col[cols[0]].type, name);
        buffer_done(&record);
        return 0;
    }
    buffer_printf(json, "{\"type\":\"record\",\"name\":\"%s\"", name);
    if (spec->namespace_ && spec->namespace_[0]) {
        buffer_text(json, ",\"namespace\":\"");
        put_name(json, spec->namespace_, true);
        buffer_byte(json, '"');
    }
    buffer_text(json, ",\"fields\":[");
    for (uint16_t i = 0; i < *n; i++) {
        buffer_text(json, i ? "," : "");
        put_field(json, &schema->col[cols[i]], spec->is_key, name);
    }
    buffer_text(json, "]}");
    buffer_done(&record);
    return 0;
}
