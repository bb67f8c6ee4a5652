/* The file's name in places is `t.yaml`, so that messages can be compared whole. */
#include "tests/support/plan_rig.h"

#include <assert.h>
#include <string.h>

int plan_rig_read(struct plan_rig *r, const char *text)
{
    *r = (struct plan_rig){.plan = NULL};
    arena_init(&r->mem);
    diags_init(&r->diags);
    buffer_init(&r->out);
    return topology_parse(&r->topology, &r->mem, "t.yaml", text, strlen(text), NULL, 0, &r->diags);
}

int plan_rig_init(struct plan_rig *r, const char *text)
{
    int status = plan_rig_read(r, text);
    return status < 0 ? status : plan_new(&r->plan, r->topology, NULL, &r->diags);
}

const char *plan_rig_problems(struct plan_rig *r)
{
    buffer_clear(&r->out);
    for (int i = 0; i < r->diags.n; i++) {
        const struct diag *d = &r->diags.item[i];
        buffer_printf(&r->out, "%d:%d %s: %s\n", d->at.line, d->at.column, d->path, d->text);
    }
    return buffer_cstr(&r->out);
}

const char *plan_rig_shape(struct plan_rig *r)
{
    buffer_clear(&r->out);
    for (uint16_t i = 0; i < r->plan->nvertices; i++) {
        const struct vertex *v = r->plan->vertex[i];
        const char *what = v->kind == VERTEX_SOURCE ? v->source->topic[0]
                           : v->kind == VERTEX_SINK ? v->sink->topic
                           : v->kind == VERTEX_STEP ? v->node->def->name
                                                    : "union";
        static const char *const kind[] = {"read", "step", "union", "write"};
        buffer_printf(&r->out, "%d %s %s %s\n", v->subplan, v->stream, kind[v->kind], what);
    }
    return buffer_cstr(&r->out);
}

uint16_t plan_rig_vertex(const struct plan_rig *r, enum vertex_kind kind, const char *stream)
{
    for (uint16_t i = 0; i < r->plan->nvertices; i++) {
        const struct vertex *v = r->plan->vertex[i];
        if (v->kind == kind && strcmp(v->stream, stream) == 0) {
            return i;
        }
    }
    assert(false && "no such vertex");
    return 0;
}

void plan_rig_done(struct plan_rig *r)
{
    plan_free(r->plan);
    buffer_done(&r->out);
    diags_done(&r->diags);
    arena_done(&r->mem);
}
