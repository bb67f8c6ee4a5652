/* Reads Avro data as another schema, case by case, for comparison by test_avro_resolution.py.
 *
 *   in    three lines a case: writer's schema, reader's schema, the datum in hexadecimal
 *   out   one line a case: {"column": value, ...} as record lines show values, or "error: ..."
 */
#include "schemas/json_print.h"
#include "tests/support/avro_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int digit(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

static void from_hex(struct buffer *out, const char *s)
{
    for (; s[0] && s[1]; s += 2) {
        buffer_byte(out, (uint8_t)(digit(s[0]) << 4 | digit(s[1])));
    }
}

static void print_row(struct buffer *out, const struct avro_case *c)
{
    buffer_byte(out, '{');
    for (uint16_t i = 0; i < c->schema->n; i++) {
        const struct vec *v = &c->b->col[i];
        struct nested_value value = {.is_null = vec_is_null(v, 0)};
        if (type_is_str(v->type)) {
            value.s.p = str_data(&v->s[0]);
            value.s.n = v->s[0].n;
        } else if (v->type->kind == TYPE_DOUBLE) {
            value.d = v->d[0];
        } else {
            value.i = v->type->kind == TYPE_BOOLEAN ? v->b[0] : v->i[0];
        }
        buffer_text(out, i ? "," : "");
        json_print_string(out, c->schema->col[i].name, strlen(c->schema->col[i].name));
        buffer_byte(out, ':');
        json_print_value(out, v->type, &value);
    }
    buffer_byte(out, '}');
}

static void run_case(char *line[3])
{
    struct avro_case c;
    struct buffer data, out;
    buffer_init(&data);
    buffer_init(&out);
    from_hex(&data, line[2]);
    if (avro_case_open(&c, line[0], line[1]) < 0 || avro_case_decode(&c, data.data, data.n) < 0) {
        buffer_printf(&out, "error: %s", c.err.text);
    } else {
        print_row(&out, &c);
    }
    printf("%s\n", buffer_cstr(&out));
    avro_case_done(&c);
    buffer_done(&data);
    buffer_done(&out);
}

int main(void)
{
    char *line[3] = {NULL, NULL, NULL};
    size_t room[3] = {0, 0, 0};
    for (;;) {
        for (int i = 0; i < 3; i++) {
            ssize_t n = getline(&line[i], &room[i], stdin);
            if (n < 0) {
                free(line[0]);
                free(line[1]);
                free(line[2]);
                return 0;
            }
            line[i][strcspn(line[i], "\n")] = '\0';
        }
        run_case(line);
    }
}
