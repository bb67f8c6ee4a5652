/* Formats of topics: which codec a key or value has, with what schema, under which subject. A
 * schema comes from the file that the topology names, else from the registry's latest.
 */
#include "engine/plan_build.h"
#include "engine/registry.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const struct codec_def *plan_codec(const char *name, bool is_key)
{
    const struct codec_def *c = codec_named(name);
    return c && (is_key ? c->for_key : c->for_value) ? c : NULL;
}

/* Where a key of a `from` or `to` stands; the whole of it when it is not there. */
static struct place place_in(const struct end *end, const char *key)
{
    const struct yaml *y = yaml_get(end->yaml, key);
    return y ? y->at : end->at;
}

/* The format that an end names for its key or its values; NULL after an error. */
const struct codec_def *plan_end_codec(struct planner *b, const struct end *end, bool is_key)
{
    bool is_text = !end->key || (end->key->kind != YAML_MAP && end->key->kind != YAML_LIST);
    const char *name = !is_key     ? end->value
                       : !end->key ? "string"
                       : is_text   ? end->key->text
                                   : NULL;
    const char *what = is_key ? "key" : "value";
    const struct codec_def *c = name ? plan_codec(name, is_key) : NULL;
    if (c) {
        return c;
    }
    const char *names[32];
    int n = 0;
    for (int i = 0; registry_codecs[i] && n < 31; i++) {
        if (is_key ? registry_codecs[i]->for_key : registry_codecs[i]->for_value) {
            names[n++] = registry_codecs[i]->name;
        }
    }
    names[n] = NULL;
    const char *near = name ? nearest_name(name, names) : NULL;
    char all[200] = "";
    for (int i = 0; i < n; i++) {
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", i ? ", " : "", names[i]);
    }
    diags_add(b->d, place_in(end, what), arena_printf(&b->p->mem, "%s.%s", end->path, what),
              "%s%s%s is no format for a %s%s%s%s%s%s", name ? "\"" : "this", name ? name : "",
              name ? "\"" : "", what, near ? ": did you mean \"" : "; there are ",
              near ? near : all, near ? "\"? (formats: " : "", near ? all : "", near ? ")" : "");
    return NULL;
}

static char *pascal_case(struct arena *a, const char *s)
{
    char *out = arena_alloc(a, strlen(s) + 2), *o = out;
    bool up = true;
    for (; *s; s++) {
        bool letter = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z');
        bool digit = *s >= '0' && *s <= '9';
        if (!letter && !digit) {
            up = true;
            continue;
        }
        if (o == out && digit) {
            *o++ = '_';
        }
        *o++ = up && *s >= 'a' && *s <= 'z' ? (char)(*s - 'a' + 'A') : *s;
        up = false;
    }
    *o = 0;
    return out;
}

static char *read_text(struct arena *a, const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        return NULL;
    }
    struct buffer b;
    buffer_init(&b);
    size_t n;
    do {
        n = fread(buffer_reserve(&b, 65536), 1, 65536, f);
        b.n += n;
    } while (n > 0 && b.n < 16U << 20);
    fclose(f);
    char *text = arena_strndup(a, b.data ? b.data : "", b.n);
    buffer_done(&b);
    return text;
}

void plan_spec(struct planner *b, struct codec_spec *s, const struct codec_def *def,
               const char *topic, const char *stream, const struct end *end)
{
    struct arena *a = &b->p->mem;
    *s = (struct codec_spec){.def = def, .topic = topic};
    s->record_name = pascal_case(a, stream);
    s->namespace_ = arena_printf(a, "klamm.%s", b->t->name);
    s->subject = arena_printf(a, "%s-value", topic);
    if (end) {
        s->at = end->at;
        s->path = end->path;
        s->columns = end->columns;
        if (end->subject) {
            s->subject = end->subject;
        }
        if (end->schema) {
            s->schema_file = topology_path(b->t, a, end->schema);
            s->schema_json = read_text(a, s->schema_file);
            if (!s->schema_json) {
                diags_add(b->d, place_in(end, "schema"), arena_printf(a, "%s.schema", end->path),
                          "cannot read the schema file %s: %s", s->schema_file, strerror(errno));
            }
        }
    }
}

/* The registry's latest schema of a subject, when the topology names none. */
void plan_spec_from_registry(struct planner *b, struct codec_spec *s)
{
    struct err e = {0};
    const char *json;
    if (s->schema_file || s->columns || !b->schemas || strcmp(s->def->name, "avro") != 0) {
        return;
    }
    int r = b->schemas->latest(b->schemas, s->subject, &json, NULL, &e);
    if (r == 1) {
        s->schema_json = arena_strdup(&b->p->mem, json);
    } else if (r < 0) {
        diags_add(b->d, s->at, s->path, "schema of %s: %s", s->subject, e.text);
        diags_blame(b->d, e.kind);
    }
}
