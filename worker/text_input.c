/* A string key is its text; a long one 8 bytes, big endian, as Kafka's LongSerializer writes it;
 * bytes are base64 in JSON; an avro key stays JSON and is read as such.
 */
#include "worker/text_input.h"
#include "engine/registry.h"
#include "schemas/base64.h"

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
    err_set(e, ERR_CONFIG, "no stream \"%s\" reads a topic%s%s%s", stream,
            near ? ": did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    return NULL;
}

void text_input_use_json(struct plan_source *s)
{
    for (int i = 0; registry_codecs[i]; i++) {
        if (strcmp(registry_codecs[i]->name, "json") == 0) {
            s->value.def = registry_codecs[i];
            if (strcmp(s->key.def->name, "avro") == 0) {
                s->key.def = registry_codecs[i];
            }
        }
    }
}

void text_input_key(const struct plan_source *s, struct record *r, struct buffer *bytes)
{
    if (!r->key) {
        return;
    }
    buffer_clear(bytes);
    if (strcmp(s->key.def->name, "long") == 0) {
        uint64_t v = (uint64_t)strtoll(r->key, NULL, 10);
        for (int shift = 56; shift >= 0; shift -= 8) {
            buffer_byte(bytes, (uint8_t)(v >> shift));
        }
    } else if (strcmp(s->key.def->name, "bytes") == 0) {
        base64_decode(bytes, r->key, r->key_n);
    } else {
        buffer_add(bytes, r->key, r->key_n);
    }
    r->key = buffer_cstr(bytes);
    r->key_n = bytes->n;
}
