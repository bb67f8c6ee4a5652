/* A codec opened as the planner does it: columns from infer(), then a reader or a writer over them.
 * What is read or written is compared as text.
 */
#include "tests/support/codec_rig.h"

#include "engine/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

void rig_init(struct rig *r, const struct codec_def *def, bool is_key, const char *columns,
              uint16_t rows)
{
    memset(r, 0, sizeof *r);
    arena_init(&r->plan);
    arena_init(&r->mem);
    diags_init(&r->diags);
    buffer_init(&r->out);
    r->spec = (struct codec_spec){.def = def, .is_key = is_key, .topic = "t", .path = "from"};
    if (columns != NULL) {
        struct yaml *y = NULL;
        assert_int_equal(yaml_parse(&y, &r->plan, "columns", columns, strlen(columns), &r->diags),
                         0);
        r->spec.columns = y;
    }
    r->schema = schema_new(&r->plan, COLUMNS_MAX);
    assert_int_equal(def->infer(&r->spec, &r->plan, r->schema, &r->diags), 0);
    r->batch = batch_new(&r->mem, r->schema, rows, NULL);
    r->batch->nsel = rows;
}

void rig_reader(struct rig *r, const bool *needs)
{
    assert_int_equal(
        r->spec.def->reader_open(&r->reader, &r->spec, r->schema, needs, NULL, &r->err), 0);
}

void rig_writer(struct rig *r)
{
    assert_int_equal(r->spec.def->writer_open(&r->writer, &r->spec, r->schema, NULL, &r->err), 0);
}

int rig_read_bytes(struct rig *r, uint16_t row, const void *p, size_t n)
{
    err_clear(&r->err);
    return r->spec.def->read(r->reader, p, n, r->batch, row, &r->err);
}

int rig_read(struct rig *r, uint16_t row, const char *text)
{
    return rig_read_bytes(r, row, text, strlen(text));
}

const char *rig_write(struct rig *r, uint16_t row)
{
    err_clear(&r->err);
    buffer_clear(&r->out);
    int rc = r->spec.def->write(r->writer, r->batch, row, &r->out, &r->err);
    return rc == 0 ? buffer_cstr(&r->out) : NULL;
}

uint16_t rig_column(const struct rig *r, const char *name)
{
    int c = schema_find(r->schema, name);
    assert_true(c >= 0);
    return (uint16_t)c;
}

const char *rig_value(struct rig *r, const char *name, uint16_t row)
{
    buffer_clear(&r->out);
    vec_print(&r->out, &r->batch->col[rig_column(r, name)], row);
    return buffer_cstr(&r->out);
}

void rig_done(struct rig *r)
{
    if (r->reader != NULL) {
        r->spec.def->reader_close(r->reader);
    }
    if (r->writer != NULL) {
        r->spec.def->writer_close(r->writer);
    }
    buffer_done(&r->out);
    diags_done(&r->diags);
    arena_done(&r->mem);
    arena_done(&r->plan);
}
