/* Canonical text of a schema: its JSON without white space, escapes undone where they may be,
 * numbers as they were written. The order of members is kept, and so are doc, defaults and aliases:
 * registries treat a schema with another doc as another schema, and resolution needs the rest.
 */
#include "schemas/schema_text.h"

#include "schemas/json_print.h"
#include "schemas/json_pull.h"

#include <string.h>

static void print_scalar(struct buffer *out, struct json_pull *j)
{
    struct json_text t;
    if (json_peek(j) == JSON_STRING) {
        if (json_string(j, &t)) {
            json_print_string(out, t.p, t.n);
        }
    } else if (json_skip(j, &t)) {
        buffer_add(out, t.p, t.n);
    }
}

/* The brackets that close between two depths. */
static void close_brackets(struct buffer *out, int from, int to, uint64_t object)
{
    for (int depth = from; depth > to; depth--) {
        buffer_byte(out, object >> (depth - 1) & 1 ? '}' : ']');
    }
}

int schema_text(struct buffer *out, const char *json, size_t n, struct err *e)
{
    struct json_pull j;
    if (n > SCHEMA_BYTES_MAX) {
        return err_set(e, ERR_CONFIG, "a schema of %zu bytes is too long", n);
    }
    json_pull_init(&j);
    json_begin(&j, json, n);
    for (bool more = true; more && j.fault == NULL;) {
        enum json_kind kind = json_peek(&j);
        bool is_open = kind == JSON_OBJECT || kind == JSON_ARRAY;
        if (is_open && json_enter(&j)) {
            buffer_byte(out, kind == JSON_OBJECT ? '{' : '[');
        } else {
            print_scalar(out, &j);
        }
        more = false;
        while (!more && j.depth > 0 && j.fault == NULL) {
            int depth = j.depth;
            bool is_object = j.object >> (depth - 1) & 1,
                 is_first = !(j.started >> (depth - 1) & 1);
            struct json_text key;
            more = is_object ? json_key(&j, &key) : json_item(&j);
            close_brackets(out, depth, j.depth, j.object);
            if (more && !is_first) {
                buffer_byte(out, ',');
            }
            if (more && is_object) {
                json_print_string(out, key.p, key.n);
                buffer_byte(out, ':');
            }
        }
    }
    struct err fault = {0};
    int rc = json_finish(&j) ? 0 : json_fault(&j, &fault);
    json_pull_done(&j);
    return rc < 0 ? err_set(e, ERR_CONFIG, "the schema is %s", fault.text) : 0;
}
