/* Kernel: results of strings, and how rows fail. */
#include "engine/expression/kernel.h"

#include <stdio.h>

void kernel_set_null(struct kernel_call *c, uint16_t row)
{
    size_t width = vec_width(c->out->type);
    memset((char *)c->out->data + row * width, 0, width);
    vec_set_null(c->out, c->mem, c->rows, row);
}

void kernel_error(struct kernel_call *c, uint16_t row, const char *fmt, ...)
{
    kernel_set_null(c, row);
    struct row_errors *errors = c->errors;
    if (errors == NULL || errors->n >= c->rows || (c->failed != NULL && c->failed[row])) {
        return;
    }
    if (errors->item == NULL) {
        errors->item = arena_array(c->mem, c->rows, sizeof *errors->item);
    }
    char text[400];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    errors->item[errors->n].row = row;
    errors->item[errors->n].text = arena_strdup(c->mem, text);
    errors->n++;
}

void kernel_put(struct kernel_call *c, uint16_t row, const char *p, uint32_t n)
{
    c->out->s[row] = str_copy(c->mem, p, n);
}

void kernel_put_part(struct kernel_call *c, uint16_t row, const char *p, uint32_t n)
{
    c->out->s[row] = str_ref(p, n);
}

char *kernel_room(struct kernel_call *c, uint16_t row, uint64_t n)
{
    if (n > STRING_BYTES_MAX) {
        kernel_error(c, row, "the result would be longer than %u bytes", STRING_BYTES_MAX);
        return NULL;
    }
    return arena_alloc(c->mem, n + 1);
}
