/* A sink's topic is printed by the sink's formats; any other topic is one for dead letters, whose
 * values are the bytes that came in: JSON here.
 */
#include "worker/outputs.h"
#include "engine/memory.h"
#include "worker/printer.h"

#include <string.h>

void outputs_init(struct outputs *o, const struct plan *p, struct schema_store *schemas)
{
    *o = (struct outputs){.plan = p, .schemas = schemas};
    buffer_init(&o->line);
}

static int open_output(struct outputs *o, const char *topic, struct output **out, struct err *e)
{
    const char *key = "string", *value = "json";
    const struct schema *columns = NULL;
    for (uint16_t i = 0; i < o->plan->nsinks; i++) {
        const struct plan_sink *k = o->plan->sink[i];
        if (strcmp(k->topic, topic) == 0) {
            key = k->key.def->name;
            value = k->value.def->name;
            columns = k->value.def->needs_columns && strcmp(value, "json") != 0 ? k->schema : NULL;
        }
    }
    struct printer *p;
    int r = printer_new(&p, key, value, o->schemas, e);
    if (r == 0 && columns) {
        r = printer_columns(p, columns, e);
    }
    if (r < 0) {
        return r;
    }
    o->item = mem_resize(o->item, (size_t)o->n + 1, sizeof *o->item);
    o->item[o->n] = (struct output){.topic = mem_strdup(topic), .printer = p};
    *out = &o->item[o->n++];
    return 0;
}

int outputs_print(struct outputs *o, const struct record *r, struct output **out, struct err *e)
{
    *out = NULL;
    for (int i = 0; i < o->n; i++) {
        if (strcmp(o->item[i].topic, r->topic) == 0) {
            *out = &o->item[i];
        }
    }
    int result = *out ? 0 : open_output(o, r->topic, out, e);
    if (result < 0) {
        return result;
    }
    struct output *t = *out;
    if (r->partition >= t->npartitions) {
        t->next = mem_resize(t->next, (size_t)r->partition + 1, sizeof *t->next);
        while (t->npartitions <= r->partition) {
            t->next[t->npartitions++] = 0;
        }
    }
    struct record numbered = *r;
    numbered.offset = t->next[r->partition]++;
    buffer_clear(&o->line);
    return printer_line(t->printer, &numbered, &o->line, e);
}

void outputs_done(struct outputs *o)
{
    for (int i = 0; i < o->n; i++) {
        printer_free(o->item[i].printer);
        if (o->item[i].f && o->item[i].f != stdout) {
            fclose(o->item[i].f);
        }
        mem_free(o->item[i].topic);
        mem_free(o->item[i].next);
    }
    mem_free(o->item);
    buffer_done(&o->line);
}
