/* Helpers of the Avro tests. */
#include "tests/support/avro_support.h"

#include "engine/memory.h"
#include "engine/nested.h"

#include <string.h>

static int store_by_id(struct schema_store *s, uint32_t id, const char **json, struct err *e)
{
    struct avro_store *m = (struct avro_store *)s;
    if (id == 0 || id > m->n) {
        return err_set(e, ERR_DATA, "there is no schema %u", id);
    }
    *json = m->json[id - 1];
    return 0;
}

static int store_latest(struct schema_store *s, const char *subject, const char **json,
                        uint32_t *id, struct err *e)
{
    struct avro_store *m = (struct avro_store *)s;
    (void)e;
    m->asked++;
    for (uint32_t i = m->n; i > 0; i--) {
        if (strcmp(m->subject[i - 1], subject) == 0) {
            *json = m->json[i - 1];
            if (id) {
                *id = i;
            }
            return 1;
        }
    }
    return 0;
}

static int store_put(struct schema_store *s, const char *subject, const char *json, uint32_t *id,
                     struct err *e)
{
    (void)e;
    *id = avro_store_add((struct avro_store *)s, subject, json);
    return 0;
}

void avro_store_init(struct avro_store *s)
{
    memset(s, 0, sizeof *s);
    s->store.by_id = store_by_id;
    s->store.latest = store_latest;
    s->store.put = store_put;
}

void avro_store_done(struct avro_store *s)
{
    for (uint32_t i = 0; i < s->n; i++) {
        mem_free(s->subject[i]);
        mem_free(s->json[i]);
    }
}

uint32_t avro_store_add(struct avro_store *s, const char *subject, const char *json)
{
    for (uint32_t i = 0; i < s->n; i++) {
        if (strcmp(s->subject[i], subject) == 0 && strcmp(s->json[i], json) == 0) {
            return i + 1;
        }
    }
    if (s->n == AVRO_STORE_MAX) {
        return 0;
    }
    s->subject[s->n] = mem_strdup(subject);
    s->json[s->n] = mem_strdup(json);
    return ++s->n;
}

int avro_case_open(struct avro_case *c, const char *writer, const char *reader)
{
    memset(c, 0, sizeof *c);
    arena_init(&c->arena);
    arena_init(&c->mem);
    avro_scratch_init(&c->scratch);
    int rc = avro_schema_parse(&c->writer, &c->arena, writer, strlen(writer), &c->err);
    c->reader = c->writer;
    if (rc == 0 && reader) {
        rc = avro_schema_parse(&c->reader, &c->arena, reader, strlen(reader), &c->err);
    }
    rc = rc < 0 ? rc
                : avro_columns(&c->shape, &c->leaf, &c->nleaves, &c->arena, c->reader, "_value",
                               &c->err);
    if (rc < 0) {
        return rc;
    }
    c->schema = schema_new(&c->arena, (uint16_t)(c->nleaves + 1));
    for (uint32_t i = 0; i < c->nleaves; i++) {
        c->leaf[i]->target = (int32_t)i;
        schema_add(c->schema, c->leaf[i]->name, c->leaf[i]->type, c->leaf[i]->is_nullable, false);
    }
    const struct avro_link *link = avro_resolve(&c->arena, c->writer, c->reader);
    c->plan = link ? avro_plan_compile(&c->arena, link, c->shape) : NULL;
    return c->plan ? 0 : err_set(&c->err, ERR_CONFIG, "too complex");
}

void avro_case_done(struct avro_case *c)
{
    avro_scratch_done(&c->scratch);
    arena_done(&c->mem);
    arena_done(&c->arena);
}

int avro_case_decode(struct avro_case *c, const void *p, size_t n)
{
    arena_reset(&c->mem);
    err_clear(&c->err);
    c->b = batch_new(&c->mem, c->schema, 2, NULL);
    c->b->nsel = 2;
    c->scratch.e = &c->err;
    return avro_decode(c->plan, &c->scratch, p, n, c->b, 0);
}

static void print_value(struct buffer *out, const struct type *t, const struct nested_value *v)
{
    if (v->is_null) {
        buffer_text(out, "null");
    } else if (t->kind == TYPE_BOOLEAN) {
        buffer_text(out, v->i ? "true" : "false");
    } else if (t->kind == TYPE_DOUBLE) {
        print_double(out, v->d);
    } else if (t->kind == TYPE_LONG || t->kind == TYPE_TIMESTAMP) {
        buffer_printf(out, "%lld", (long long)v->i);
    } else if (t->kind == TYPE_STRING) {
        buffer_byte(out, '"');
        buffer_add(out, v->s.p, v->s.n);
        buffer_byte(out, '"');
    } else if (t->kind == TYPE_BYTES) {
        buffer_text(out, "0x");
        for (uint32_t i = 0; i < v->s.n; i++) {
            buffer_printf(out, "%02x", (uint8_t)v->s.p[i]);
        }
    } else {
        avro_print_nested(out, t, v->s.p, v->s.n);
    }
}

static void print_record(struct buffer *out, const struct type *t, const void *p, uint32_t n)
{
    struct nested_value v;
    buffer_byte(out, '{');
    for (uint16_t i = 0; i < t->nfields; i++) {
        buffer_printf(out, "%s%s:", i ? "," : "", t->field[i].name);
        if (nested_field(t, p, n, i, &v)) {
            print_value(out, t->field[i].type, &v);
        } else {
            buffer_text(out, "?");
        }
    }
    buffer_byte(out, '}');
}

void avro_print_nested(struct buffer *out, const struct type *t, const void *p, uint32_t n)
{
    struct nested_value v;
    const char *key;
    uint32_t key_n;
    bool is_first = true;
    if (t->kind == TYPE_RECORD) {
        print_record(out, t, p, n);
        return;
    }
    struct nested_cursor cursor = nested_open(t, p, n);
    buffer_byte(out, '[');
    while (nested_next(&cursor, &key, &key_n, &v)) {
        buffer_text(out, is_first ? "" : ",");
        is_first = false;
        if (t->kind == TYPE_MAP) {
            buffer_add(out, key, key_n);
            buffer_byte(out, ':');
        }
        print_value(out, t->of, &v);
    }
    buffer_text(out, cursor.left > 0 ? "...]" : "]");
}

void avro_case_print(struct buffer *out, const struct avro_case *c, uint16_t row)
{
    for (uint16_t i = 0; i < c->schema->n; i++) {
        const struct vec *v = &c->b->col[i];
        struct nested_value value = {.is_null = vec_is_null(v, row)};
        if (type_is_str(v->type)) {
            value.s.p = str_data(&v->s[row]);
            value.s.n = v->s[row].n;
        } else if (v->type->kind == TYPE_DOUBLE) {
            value.d = v->d[row];
        } else {
            value.i = v->type->kind == TYPE_BOOLEAN ? v->b[row] : v->i[row];
        }
        buffer_printf(out, "%s%s=", i ? " " : "", c->schema->col[i].name);
        print_value(out, v->type, &value);
    }
}
