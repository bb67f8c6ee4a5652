/* A connector opened from YAML, as a stream's `from` does it, and polled by hand: the test says
 * what time it is. Rows are printed as "@TIME {columns as JSON}", one a line.
 */
#include "tests/support/connector_rig.h"

#include "schemas/json_print.h"

#include <string.h>

int source_init(struct source_rig *r, const struct connector_def *def, const char *yaml)
{
    memset(r, 0, sizeof *r);
    r->def = def;
    arena_init(&r->plan);
    arena_init(&r->mem);
    buffer_init(&r->out);
    diags_init(&r->diags);
    struct yaml *y = NULL;
    int rc = yaml_parse(&y, &r->plan, "test", yaml, strlen(yaml), &r->diags);
    r->cfg = arena_zalloc(&r->plan, def->config_size + 1);
    rc = rc < 0 ? rc : config_parse(def->config, r->cfg, y, "from", &r->plan, &r->diags);
    if (rc == 0 && def->columns != NULL) {
        struct place at = {"test", 1, 1};
        rc = def->columns(r->cfg, at, "from", &r->plan, &r->schema, &r->diags);
    }
    return rc;
}

int source_open(struct source_rig *r, int64_t position)
{
    err_clear(&r->err);
    return r->def->source_open(&r->connector, r->cfg, r->schema, position, &r->err);
}

int source_poll(struct source_rig *r, int64_t now)
{
    arena_reset(&r->mem);
    err_clear(&r->err);
    r->batch = NULL;
    return r->def->source_poll(r->connector, now, &r->mem, &r->batch, &r->position, &r->next,
                               &r->err);
}

const char *source_rows(struct source_rig *r)
{
    buffer_clear(&r->out);
    struct json_rows rows;
    json_rows_init(&rows, r->schema);
    for (uint16_t k = 0; r->batch != NULL && k < r->batch->nsel; k++) {
        uint16_t row = batch_row(r->batch, k);
        buffer_printf(&r->out, "@%lld ", (long long)r->batch->time[row]);
        json_rows_print(&rows, r->batch, row, &r->out);
        buffer_byte(&r->out, '\n');
    }
    json_rows_done(&rows);
    return buffer_cstr(&r->out);
}

void source_close(struct source_rig *r)
{
    if (r->connector != NULL) {
        r->def->close(r->connector);
        r->connector = NULL;
    }
}

void source_done(struct source_rig *r)
{
    source_close(r);
    buffer_done(&r->out);
    diags_done(&r->diags);
    arena_done(&r->mem);
    arena_done(&r->plan);
}
