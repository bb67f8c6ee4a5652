/* A string key is its text; a long one 8 bytes, big endian, as Kafka's LongSerializer writes it;
 * bytes are base64 in JSON; an avro key stays JSON and is read as such. Values of string and bytes
 * are JSON strings.
 */
#include "worker/text_input.h"
#include "engine/registry.h"
#include "schemas/base64.h"
#include "schemas/record_line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct plan_source *text_input_source(const struct plan *p, const char *stream, struct err *e)
{
    const char *names[256];
    int n = 0;
    for (uint16_t i = 0; i < p->nsources; i++) {
        if (p->source[i]->repartition >= 0) {
            continue;
        }
        if (strcmp(p->source[i]->stream, stream) == 0) {
            return p->source[i];
        }
        if (n < 255) {
            names[n++] = p->source[i]->stream;
        }
    }
    names[n] = NULL;
    const char *near = nearest_name(stream, names);
    struct buffer all;
    buffer_init(&all);
    for (int i = 0; i < n && i < 20; i++) {
        buffer_printf(&all, "%s%s", i ? ", " : "", names[i]);
    }
    err_set(e, ERR_CONFIG, "no stream \"%s\" reads a topic%s%s%s; there are %s%s", stream,
            near ? ": did you mean \"" : "", near ? near : "", near ? "\"?" : "",
            buffer_cstr(&all), n > 20 ? ", …" : "");
    buffer_done(&all);
    return NULL;
}

static bool is_text(const struct plan_source *s)
{
    return strcmp(s->value.def->name, "string") == 0;
}

static bool is_bytes(const struct plan_source *s)
{
    return strcmp(s->value.def->name, "bytes") == 0;
}

int text_input_value(const struct plan_source *s, struct record *r, struct buffer *bytes,
                     struct err *e)
{
    if (!r->value || (!is_text(s) && !is_bytes(s))) {
        return 0;
    }
    struct buffer text;
    buffer_init(&text);
    buffer_clear(bytes);
    bool is_good = record_line_text(&text, (struct json_text){r->value, r->value_n});
    if (is_good && is_bytes(s)) {
        is_good = base64_decode(bytes, buffer_cstr(&text), text.n);
    } else if (is_good) {
        buffer_add(bytes, text.data, text.n);
    }
    buffer_done(&text);
    if (!is_good) {
        return err_set(e, ERR_DATA, "stream %s: the value must be a JSON string%s", s->stream,
                       is_bytes(s) ? " of base64" : "");
    }
    r->value = buffer_cstr(bytes);
    r->value_n = bytes->n;
    return 0;
}

void text_input_use_json(struct plan_source *s)
{
    bool is_plain = is_text(s) || is_bytes(s);
    for (int i = 0; registry_codecs[i]; i++) {
        if (strcmp(registry_codecs[i]->name, "json") == 0) {
            s->value.def = is_plain ? s->value.def : registry_codecs[i];
            if (strcmp(s->key.def->name, "avro") == 0) {
                s->key.def = registry_codecs[i];
            }
        }
    }
}

static int put_long(struct buffer *bytes, const char *text, size_t n)
{
    char *end;
    errno = 0;
    uint64_t v = (uint64_t)strtoll(text, &end, 10);
    if (n == 0 || end != text + n || errno) {
        return -ERR_DATA;
    }
    for (int shift = 56; shift >= 0; shift -= 8) {
        buffer_byte(bytes, (uint8_t)(v >> shift));
    }
    return 0;
}

int text_input_key(const struct plan_source *s, struct record *r, struct buffer *bytes,
                   struct err *e)
{
    if (!r->key) {
        return 0;
    }
    buffer_clear(bytes);
    const char *format = s->key.def->name, *text = r->key;
    int shown = (int)(r->key_n > 60 ? 60 : r->key_n);
    if (strcmp(format, "long") == 0) {
        if (put_long(bytes, text, r->key_n) < 0) {
            return err_set(e, ERR_DATA, "stream %s: the key must be a whole number, found \"%.*s\"",
                           s->stream, shown, text);
        }
    } else if (strcmp(format, "bytes") == 0) {
        if (!base64_decode(bytes, text, r->key_n)) {
            return err_set(e, ERR_DATA, "stream %s: the key must be base64, found \"%.*s\"",
                           s->stream, shown, text);
        }
    } else {
        buffer_add(bytes, r->key, r->key_n);
    }
    r->key = buffer_cstr(bytes);
    r->key_n = bytes->n;
    return 0;
}
