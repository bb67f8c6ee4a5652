/* Classes are few and a learner's work grows with them, so they are searched one after the other: a
 * comparison of two words each for names up to 12 bytes.
 *
 *   state   number of classes; each as its name: version 1
 *   order   of first appearance, hence the same for any batch size
 *   bounds  CLASSES_MAX classes, names up to CLASS_NAME_MAX bytes: a label column that is no label
 *           (an identifier, a text) ends in a clear row error and not in endless growth
 */
#include "ml/classes.h"

#include "engine/arena.h"
#include "engine/learner.h"
#include "engine/memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

void classes_init(struct classes *c, const struct type *type)
{
    *c = (struct classes){.type = type};
}

void classes_done(struct classes *c)
{
    for (uint32_t i = 0; i < c->n; i++) {
        if (c->label[i].text.n > STR_INLINE) {
            union {
                const char *from;
                char *to;
            } owned = {.from = c->label[i].text.p};
            mem_free(owned.to);
        }
    }
    mem_free(c->label);
    c->label = NULL;
    c->n = c->cap = 0;
}

uint64_t classes_size(const struct classes *c)
{
    uint64_t bytes = c->cap * sizeof(*c->label);
    for (uint32_t i = 0; i < c->n; i++) {
        bytes += c->label[i].text.n > STR_INLINE ? c->label[i].text.n : 0;
    }
    return bytes;
}

static int find_number(const struct classes *c, int64_t number)
{
    for (uint32_t i = 0; i < c->n; i++) {
        if (c->label[i].number == number) {
            return (int)i;
        }
    }
    return -1;
}

static int find_text(const struct classes *c, const struct str *text)
{
    for (uint32_t i = 0; i < c->n; i++) {
        if (str_equal(&c->label[i].text, text)) {
            return (int)i;
        }
    }
    return -1;
}

static int64_t number_of(const struct vec *label, uint16_t row)
{
    return label->type->kind == TYPE_BOOLEAN ? label->b[row] : label->i[row];
}

int classes_find(const struct classes *c, const struct vec *label, uint16_t row)
{
    if (c->type->kind == TYPE_STRING) {
        return find_text(c, &label->s[row]);
    }
    return find_number(c, number_of(label, row));
}

/* The name is copied; 0 or -ERR_DATA. */
static int add(struct classes *c, int64_t number, const char *name, size_t n)
{
    if (c->n >= CLASSES_MAX || n > CLASS_NAME_MAX) {
        return -ERR_DATA;
    }
    if (c->n == c->cap) {
        c->cap = c->cap ? c->cap * 2 : 4;
        c->label = mem_resize(c->label, c->cap, sizeof(c->label[0]));
    }
    const char *kept = n > STR_INLINE ? mem_strndup(name, n) : name;
    c->label[c->n++] = (struct class_label){
        .number = number,
        .text = str_ref(kept, (uint32_t)n),
    };
    return 0;
}

static int add_number(struct classes *c, int64_t number)
{
    if (c->type->kind == TYPE_BOOLEAN) {
        const char *name = number ? "true" : "false";
        return add(c, number, name, strlen(name));
    }
    char name[24];
    int n = snprintf(name, sizeof(name), "%lld", (long long)number);
    return add(c, number, name, (size_t)n);
}

int classes_add(struct classes *c, const struct vec *label, uint16_t row)
{
    int status;
    if (c->type->kind == TYPE_STRING) {
        status = add(c, 0, str_data(&label->s[row]), label->s[row].n);
    } else {
        status = add_number(c, number_of(label, row));
    }
    return status < 0 ? status : (int)c->n - 1;
}

void classes_add_booleans(struct classes *c)
{
    add_number(c, 0);
    add_number(c, 1);
}

void classes_put(const struct classes *c, int number, struct vec *v, uint16_t row,
                 struct arena *mem)
{
    const struct class_label *label = &c->label[number];
    if (c->type->kind == TYPE_STRING) {
        v->s[row] = str_copy(mem, str_data(&label->text), label->text.n);
    } else if (c->type->kind == TYPE_BOOLEAN) {
        v->b[row] = label->number != 0;
    } else {
        v->i[row] = label->number;
    }
}

/* A name read from a snapshot: text of a string label, else the number that it spells. */
static int add_loaded(struct classes *c, const char *name, uint32_t n)
{
    if (c->type->kind == TYPE_STRING) {
        struct str text = str_ref(name, n);
        return find_text(c, &text) >= 0 ? -ERR_DATA : add(c, 0, name, n);
    }
    int64_t number;
    if (c->type->kind == TYPE_BOOLEAN) {
        if (!(n == 4 && memcmp(name, "true", 4) == 0) &&
            !(n == 5 && memcmp(name, "false", 5) == 0)) {
            return -ERR_DATA;
        }
        number = n == 4;
    } else {
        char text[24] = {0}, *end;
        if (n == 0 || n >= sizeof(text)) {
            return -ERR_DATA;
        }
        memcpy(text, name, n);
        errno = 0;
        number = strtoll(text, &end, 10);
        if (errno != 0 || *end != '\0') {
            return -ERR_DATA;
        }
    }
    return find_number(c, number) >= 0 ? -ERR_DATA : add_number(c, number);
}

int classes_io(struct classes *c, struct snapshot *s)
{
    snapshot_version(s, 1);
    uint32_t n = c->n;
    snapshot_u32(s, &n);
    for (uint32_t i = 0; i < n && snapshot_status(s) == 0; i++) {
        char *name = NULL;
        uint32_t name_n = 0;
        if (!s->loading) {
            name_n = c->label[i].text.n;
            name = mem_strndup(str_data(&c->label[i].text), name_n);
        }
        snapshot_bytes(s, &name, &name_n, CLASS_NAME_MAX);
        if (s->loading && snapshot_status(s) == 0 && add_loaded(c, name ? name : "", name_n) < 0) {
            s->status = -ERR_DATA;
        }
        mem_free(name);
    }
    return snapshot_status(s);
}
