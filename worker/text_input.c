/* A string key is its text; a long one 8 bytes, big endian, as Kafka's LongSerializer writes it;
 * bytes are base64 in JSON; an avro key stays JSON and is read as such. Values of string and bytes
 * are JSON strings.
 */
#include "worker/text_input.h"
#include "engine/big_endian.h"
#include "engine/history.h"
#include "schemas/base64.h"
#include "schemas/record_line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The next source of a history behind `at`, which begins as {0, -1}; NULL at the end. */
struct past_at {
    uint16_t history;
    int source;
};

static struct plan_source *next_past(const struct plan *p, struct past_at *at)
{
    for (; at->history < p->nhistories; at->history++, at->source = -1) {
        const struct plan *own = p->history[at->history]->plan;
        if (++at->source < own->nsources) {
            return own->source[at->source];
        }
    }
    return NULL;
}

static bool has_topic(const struct plan_source *s, const char *topic)
{
    for (int i = 0; i < s->ntopics; i++) {
        if (strcmp(s->topic[i], topic) == 0) {
            return true;
        }
    }
    return false;
}

const char *text_input_topic(const struct plan_source *s, const char *name)
{
    for (int i = 0; i < s->ntopics && strcmp(s->stream, name) != 0; i++) {
        if (strcmp(s->topic[i], name) == 0) {
            return s->topic[i];
        }
    }
    return s->topic[0];
}

bool text_input_is_read(const struct plan *p, const char *topic)
{
    for (uint16_t i = 0; i < p->nsources; i++) {
        if (has_topic(p->source[i], topic)) {
            return true;
        }
    }
    return false;
}

/* A step reads the topic before its first row. */
static bool is_past(const struct plan *p, const char *topic)
{
    struct past_at at = {0, -1};
    for (const struct plan_source *s; (s = next_past(p, &at));) {
        if (has_topic(s, topic)) {
            return true;
        }
    }
    return false;
}

void text_input_use_json_past(const struct plan *p, const char *topic)
{
    struct past_at at = {0, -1};
    for (struct plan_source *s; (s = next_past(p, &at));) {
        if (has_topic(s, topic)) {
            text_input_use_json(s);
        }
    }
}

struct plan_source *text_input_any(const struct plan *p, const char *name, struct err *e)
{
    struct past_at at = {0, -1};
    bool is_stream = false;
    for (uint16_t i = 0; i < p->nsources; i++) {
        is_stream |= p->source[i]->repartition < 0 && strcmp(p->source[i]->stream, name) == 0;
    }
    for (uint16_t i = 0; i < p->nsources && !is_stream; i++) {
        if (!p->source[i]->feeder && has_topic(p->source[i], name) && is_past(p, name)) {
            return p->source[i]; /* its rows go to both */
        }
    }
    for (struct plan_source *s; !is_stream && (s = next_past(p, &at));) {
        if (has_topic(s, name)) {
            return s;
        }
    }
    return text_input_source(p, name, e);
}

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
    err_set(e, ERR_CONFIG, "no stream \"%s\" reads a topic%s%s%s%s%s%s", stream,
            near ? ": did you mean \"" : "", near ? near : "",
            near ? "\"? (streams: " : "; there are ", buffer_cstr(&all), n > 20 ? ", …" : "",
            near ? ")" : "");
    buffer_done(&all);
    return NULL;
}

bool text_input_is_plain(const struct codec_def *format)
{
    return strcmp(format->name, "string") == 0 || strcmp(format->name, "bytes") == 0;
}

void text_input_use_json(struct plan_source *s)
{
    const struct codec_def *json = codec_named("json");
    s->value.def = text_input_is_plain(s->value.def) ? s->value.def : json;
    s->key.def = strcmp(s->key.def->name, "avro") == 0 ? json : s->key.def;
}

static int put_long(struct buffer *bytes, const char *text, size_t n)
{
    char *end;
    errno = 0;
    uint64_t v = (uint64_t)strtoll(text, &end, 10);
    if (n == 0 || end != text + n || errno) {
        return -ERR_DATA;
    }
    big_endian_add(bytes, v);
    return 0;
}

int text_input_key(const struct codec_def *format, struct record *r, struct buffer *bytes,
                   struct err *e)
{
    if (!r->key) {
        return 0;
    }
    buffer_clear(bytes);
    const char *name = format->name, *text = r->key;
    int shown = (int)(r->key_n > 60 ? 60 : r->key_n);
    if (strcmp(name, "long") == 0) {
        if (put_long(bytes, text, r->key_n) < 0) {
            return err_set(e, ERR_DATA, "the key must be a whole number, found \"%.*s\"", shown,
                           text);
        }
    } else if (strcmp(name, "bytes") == 0) {
        if (!base64_decode(bytes, text, r->key_n)) {
            return err_set(e, ERR_DATA, "the key must be base64, found \"%.*s\"", shown, text);
        }
    } else {
        buffer_add(bytes, r->key, r->key_n);
    }
    r->key = buffer_cstr(bytes);
    r->key_n = bytes->n;
    return 0;
}

int text_input_value(const struct codec_def *format, struct record *r, struct buffer *bytes,
                     struct err *e)
{
    if (!r->value || !text_input_is_plain(format)) {
        return 0;
    }
    struct buffer text;
    buffer_init(&text);
    buffer_clear(bytes);
    struct json_text json = {.p = r->value, .n = (uint32_t)r->value_n};
    int result = 0;
    if (!record_line_text(&text, json)) {
        result =
            err_set(e, ERR_DATA, "a value of format %s is a JSON string, found %.*s", format->name,
                    (int)(r->value_n > 60 ? 60 : r->value_n), (const char *)r->value);
    } else if (strcmp(format->name, "string") == 0) {
        buffer_add(bytes, text.data, text.n);
    } else if (!base64_decode(bytes, buffer_cstr(&text), text.n)) {
        result = err_set(e, ERR_DATA, "a value of format bytes is base64 in a JSON string");
    }
    r->value = result == 0 ? buffer_cstr(bytes) : r->value;
    r->value_n = result == 0 ? bytes->n : r->value_n;
    buffer_done(&text);
    return result;
}
