/* A comparison of plans for people and for programs.
 *
 *   migrate  state load-means-window-changelog
 *              load.yaml:14:9: streams.means.steps[2].window: + max(value) (from the change on)
 *   rebuild  state load-peaks-window-changelog
 *              load.yaml:20:9: streams.peaks.steps[2].window: was saved by other settings …
 *              to do: undo the change; or …
 */
#include "engine/plan_compare.h"
#include "engine/yaml.h"

#include <string.h>

static void put_place(struct buffer *b, const struct plan_change *x)
{
    if (x->path) {
        buffer_printf(b, "%s:%d:%d: %s", x->at.file, x->at.line, x->at.column, x->path);
    } else if (x->stream) {
        buffer_printf(b, "stream %s", x->stream);
    }
}

void plan_compare_text(struct buffer *b, const struct plan_comparison *c)
{
    for (int i = 0; i < c->n; i++) {
        const struct plan_change *x = &c->item[i];
        bool has_place = x->path || x->stream;
        buffer_printf(b, "%-8s %s %s\n", plan_fate_name(x->fate), x->what, x->name);
        if (has_place || x->why) {
            buffer_text(b, "           ");
            put_place(b, x);
            buffer_printf(b, "%s%s\n", has_place && x->why ? ": " : "", x->why ? x->why : "");
        }
        if (x->remedy) {
            buffer_printf(b, "           to do: %s\n", x->remedy);
        }
    }
    buffer_text(b, c->n == 0 ? "no state, and none before: " : "");
    buffer_text(b, c->wants_remedy ? "something is to be done first: see above\n"
                                   : "the new topology goes on where the old one has stopped\n");
}

/* `"name":"text",`, or nothing. */
static void json_member(struct buffer *b, const char *name, const char *text)
{
    if (text) {
        buffer_printf(b, "\"%s\":", name);
        yaml_json_text(b, text, strlen(text));
        buffer_byte(b, ',');
    }
}

void plan_compare_json(struct buffer *b, const struct plan_comparison *c, const struct plan *before,
                       const struct plan *after)
{
    buffer_byte(b, '{');
    json_member(b, "topology", after->topology->name);
    json_member(b, "file", after->topology->file);
    json_member(b, "against", before->topology->file);
    buffer_text(b, "\"changes\":[");
    for (int i = 0; i < c->n; i++) {
        const struct plan_change *x = &c->item[i];
        buffer_text(b, i ? ",{" : "{");
        json_member(b, "of", x->what);
        json_member(b, "name", x->name);
        json_member(b, "stream", x->stream);
        json_member(b, "path", x->path);
        json_member(b, "why", x->why);
        json_member(b, "remedy", x->remedy);
        if (x->path) {
            json_member(b, "file", x->at.file);
            buffer_printf(b, "\"line\":%d,\"column\":%d,", x->at.line, x->at.column);
        }
        buffer_printf(b, "\"fate\":\"%s\"}", plan_fate_name(x->fate));
    }
    buffer_printf(b, "],\"goes_on\":%s}\n", c->wants_remedy ? "false" : "true");
}
