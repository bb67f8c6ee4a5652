/* A time view as text and as JSON.
 *
 *                     committed     lag  watermark                               last record
 *   metrics (stream samples)
 *     partition 0          1200       0  1763748004000 2025-11-21T18:00:04.000Z  3 s ago
 *   window of stream means (step 2), partition 0: 12 windows open, …
 *
 * In the text times are UTC, partitions of a topic stand together, and source partitions that are
 * equally far on one line. The JSON has one object for each input partition and for each step and
 * task; times are ms, null where there is none.
 */
#include "engine/clock.h"
#include "engine/yaml.h"
#include "worker/log.h"
#include "worker/summary.h"
#include "worker/time_view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- pieces of text ---- */

static void put_time(struct buffer *b, int64_t ms)
{
    char text[40];
    if (ms == TIME_MIN || ms == TIME_MAX) {
        buffer_text(b, ms == TIME_MIN ? "none yet" : "the end of time");
        return;
    }
    time_format_iso(ms, text);
    buffer_text(b, text);
}

/* About how long: "5 m". */
static void put_span(struct buffer *b, int64_t ms)
{
    static const struct {
        int64_t ms;
        const char *name;
    } unit[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}};
    int i = 0;
    while (i < 3 && ms < 2 * unit[i].ms) {
        i++;
    }
    buffer_printf(b, "%" PRId64 " %s", ms > 0 ? ms / unit[i].ms : 0, unit[i].name);
}

/* Spaces up to a column of the line that began at `begin`; one at least. */
static void put_gap(struct buffer *b, size_t begin, size_t column)
{
    do {
        buffer_byte(b, ' ');
    } while (b->n - begin < column);
}

/* ---- text ---- */

/* Where columns end, or, of the last two, begin. */
#define COLUMN_COMMITTED 44
#define COLUMN_LAG       54
#define COLUMN_WATERMARK 56
#define COLUMN_LAST      96

static void put_right(struct buffer *b, size_t begin, size_t end, int64_t value, const char *none)
{
    char text[32];
    if (value < 0) {
        snprintf(text, sizeof text, "%s", none);
    } else {
        snprintf(text, sizeof text, "%" PRId64, value);
    }
    size_t n = strlen(text);
    put_gap(b, begin, end > n ? end - n : 0);
    buffer_text(b, text);
}

static void put_watermark(struct buffer *b, int64_t ms)
{
    if (ms != TIME_MIN && ms != TIME_MAX) {
        buffer_printf(b, "%" PRId64 " ", ms);
    }
    put_time(b, ms);
}

static void text_input(struct buffer *b, const struct time_view *v, const struct view_task *x,
                       const struct view_input *in)
{
    size_t begin = b->n;
    buffer_printf(b, "  partition %" PRId32, x->partition);
    put_right(b, begin, COLUMN_COMMITTED, in->offset, "nothing");
    put_right(b, begin, COLUMN_LAG, in->lag, "?");
    put_gap(b, begin, COLUMN_WATERMARK);
    put_watermark(b, in->watermark);
    if (in->is_idle || in->last_at != INT64_MIN) {
        put_gap(b, begin, COLUMN_LAST);
        buffer_text(b, in->is_idle ? "idle" : "");
    }
    if (in->last_at != INT64_MIN) {
        buffer_text(b, in->is_idle ? ", " : "");
        put_span(b, v->at - in->last_at);
        buffer_text(b, " ago");
    }
    buffer_byte(b, '\n');
    for (int i = 0, end; i < in->nparts; i = end) {
        const struct part_time *p = &in->part[i];
        for (end = i + 1; end < in->nparts && in->part[end].watermark == p->watermark &&
                          in->part[end].is_idle == p->is_idle;
             end++) {
        }
        begin = b->n;
        if (end > i + 1) {
            buffer_printf(b, "    from source partitions %d-%d", i, end - 1);
        } else {
            buffer_printf(b, "    from source partition %d", i);
        }
        put_gap(b, begin, COLUMN_WATERMARK);
        put_watermark(b, p->watermark);
        if (p->is_idle) {
            put_gap(b, begin, COLUMN_LAST);
            buffer_text(b, "idle");
        }
        buffer_byte(b, '\n');
    }
}

/* All partitions of an input; task: the first of its sub-plan. */
static void text_topic(struct buffer *b, const struct time_view *v, int task, int input)
{
    const struct view_input *in = &v->task[task]->input[input];
    uint16_t subplan = v->task[task]->subplan;
    bool is_internal = in->source->repartition >= 0;
    buffer_printf(b, "%s (%s%s)\n", in->topic,
                  is_internal         ? "internal, before "
                  : in->source->table ? "table "
                                      : "stream ",
                  in->source->stream);
    for (int i = task; i < v->ntasks && v->task[i]->subplan == subplan; i++) {
        if (!v->task[i]->input[input].is_missing) {
            text_input(b, v, v->task[i], &v->task[i]->input[input]);
        }
    }
}

static void text_holder(struct buffer *b, const struct time_view *v, const struct holder *h,
                        const struct task_step *s)
{
    if (!h->topic) {
        buffer_text(b, "; the watermark is ");
        put_time(b, s->watermark);
        return;
    }
    buffer_printf(b, "; partition %" PRId32 " of %s ", h->partition, h->topic);
    if (h->watermark == TIME_MIN) {
        buffer_text(b, "has had no row yet");
    } else {
        buffer_text(b, "stands at ");
        put_time(b, h->watermark);
    }
    if (h->heard < h->watermark) {
        buffer_text(b, ", of which is known here: ");
        put_time(b, h->heard);
    }
    if (h->last_at != INT64_MIN) {
        buffer_text(b, h->is_idle ? " (idle " : " (last record ");
        put_span(b, v->at - h->last_at);
        buffer_text(b, h->is_idle ? ")" : " ago)");
    } else if (h->is_idle) {
        buffer_text(b, " (idle)");
    }
}

/* "windows", "entries", "pieces of windows"; of one its first word stands in the singular. */
static void put_count(struct buffer *b, uint64_t n, const char *what)
{
    int word = (int)strcspn(what, " ");
    if (n != 1) {
        buffer_printf(b, "%" PRIu64 " %s", n, what);
    } else if (word > 3 && strncmp(what + word - 3, "ies", 3) == 0) {
        buffer_printf(b, "1 %.*sy%s", word - 3, what, what + word);
    } else {
        buffer_printf(b, "1 %.*s%s", word - 1, what, what + word);
    }
}

static void text_step(struct buffer *b, const struct time_view *v, const struct view_task *x,
                      const struct task_step *s)
{
    const struct open_state *o = &s->open;
    bool waits = o->n > 0 && o->closes_at < TIME_MAX;
    buffer_printf(b, "%s of stream %s (step %d), partition %" PRId32 ": ", s->node->def->name,
                  s->node->stream, s->node->number, x->partition);
    put_count(b, o->n, o->what);
    buffer_printf(b, "%s (", o->closes_at < TIME_MAX ? " open" : "");
    state_bytes_print(s->bytes, b);
    buffer_byte(b, ')');
    if (waits) {
        buffer_text(b, ", the oldest ");
        if (o->start != TIME_MIN) {
            buffer_byte(b, '[');
            put_time(b, o->start);
            buffer_text(b, ", ");
            put_time(b, o->stop);
            buffer_text(b, o->has_stop ? "] " : ") ");
        }
        buffer_printf(b, "%s at watermark ", o->end);
        put_time(b, o->closes_at);
        struct holder h = time_view_holder(v, x, s);
        text_holder(b, v, &h, s);
    }
    buffer_byte(b, '\n');
}

void time_view_text(const struct time_view *v, struct buffer *b)
{
    const struct topology *t = v->plan->topology;
    struct state_sum sum = {0};
    buffer_printf(b, "topology %s: group %s, at ", t->name, t->group);
    put_time(b, v->at);
    size_t begin = b->n + 1;
    buffer_byte(b, '\n');
    put_gap(b, begin, COLUMN_COMMITTED - strlen("committed"));
    buffer_text(b, "committed");
    put_gap(b, begin, COLUMN_LAG - strlen("lag"));
    buffer_text(b, "lag  watermark");
    put_gap(b, begin, COLUMN_LAST);
    buffer_text(b, "last record\n");
    for (int i = 0; i < v->ntasks; i++) {
        bool is_first = i == 0 || v->task[i - 1]->subplan != v->task[i]->subplan;
        for (int k = 0; is_first && k < v->task[i]->ninputs; k++) {
            text_topic(b, v, i, k);
        }
    }
    for (int i = 0; i < v->ntasks; i++) {
        for (int k = 0; k < v->task[i]->nsteps; k++) {
            const struct task_step *s = &v->task[i]->step[k];
            if (s->entries > 0) {
                buffer_text(b, sum.entries == 0 ? "\n" : "");
                text_step(b, v, v->task[i], s);
                state_sum_add(&sum, s);
            }
        }
    }
    buffer_text(b, sum.entries == 0 ? "\nno step keeps anything\n" : "");
    state_sum_print(&sum, b);
}

/* ---- JSON ---- */

static void json_text(struct buffer *b, const char *name, const char *text)
{
    buffer_printf(b, "\"%s\":", name);
    yaml_json_text(b, text, strlen(text));
}

static void json_time(struct buffer *b, const char *name, int64_t ms)
{
    if (ms == TIME_MIN || ms == TIME_MAX) {
        buffer_printf(b, ",\"%s\":null", name);
    } else {
        buffer_printf(b, ",\"%s\":%" PRId64, name, ms);
    }
}

static void json_count(struct buffer *b, const char *name, int64_t n)
{
    json_time(b, name, n < 0 ? TIME_MIN : n);
}

static void json_input(struct buffer *b, const struct view_task *x, const struct view_input *in)
{
    json_text(b, "topic", in->topic);
    buffer_byte(b, ',');
    json_text(b, "stream", in->source->stream);
    buffer_printf(b, ",\"partition\":%" PRId32 ",\"internal\":%s", x->partition,
                  in->source->repartition >= 0 ? "true" : "false");
    json_count(b, "offset", in->offset);
    json_count(b, "lag", in->lag);
    json_time(b, "watermark", in->watermark);
    buffer_printf(b, ",\"idle\":%s", in->is_idle ? "true" : "false");
    json_time(b, "last_record", in->last_at);
    buffer_text(b, ",\"sources\":[");
    for (int i = 0; i < in->nparts; i++) {
        buffer_printf(b, "%s{\"partition\":%d", i ? "," : "", i);
        json_time(b, "watermark", in->part[i].watermark);
        buffer_printf(b, ",\"idle\":%s}", in->part[i].is_idle ? "true" : "false");
    }
    buffer_byte(b, ']');
}

static void json_holder(struct buffer *b, const struct holder *h)
{
    if (!h->topic) {
        buffer_text(b, ",\"held_by\":null");
        return;
    }
    buffer_text(b, ",\"held_by\":{");
    json_text(b, "topic", h->topic);
    buffer_printf(b, ",\"partition\":%" PRId32, h->partition);
    json_time(b, "watermark", h->watermark);
    json_time(b, "known", h->heard);
    buffer_printf(b, ",\"idle\":%s", h->is_idle ? "true" : "false");
    json_time(b, "last_record", h->last_at);
    buffer_byte(b, '}');
}

static void json_step(struct buffer *b, const struct time_view *v, const struct view_task *x,
                      const struct task_step *s)
{
    const struct open_state *o = &s->open;
    struct holder h = {.topic = NULL};
    json_text(b, "stream", s->node->stream);
    buffer_byte(b, ',');
    json_text(b, "step", s->node->def->name);
    buffer_printf(b, ",\"number\":%d,\"partition\":%" PRId32, s->node->number, x->partition);
    json_time(b, "watermark", s->watermark);
    buffer_byte(b, ',');
    json_text(b, "what", o->what);
    buffer_printf(b, ",\"open\":%" PRIu64, o->n);
    json_time(b, "start", o->start);
    json_time(b, "end", o->stop);
    json_time(b, "closes_at", o->closes_at);
    if (o->n > 0 && o->closes_at < TIME_MAX) {
        h = time_view_holder(v, x, s);
    }
    json_holder(b, &h);
    buffer_printf(b, ",\"entries\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"dirty_bytes\":%" PRIu64,
                  s->entries, s->bytes, s->dirty_bytes);
}

void time_view_json(const struct time_view *v, struct buffer *b)
{
    const char *separator = "{";
    buffer_byte(b, '{');
    json_text(b, "topology", v->plan->topology->name);
    buffer_byte(b, ',');
    json_text(b, "group", v->plan->topology->group);
    json_time(b, "at", v->at);
    buffer_text(b, ",\"inputs\":[");
    for (int i = 0; i < v->ntasks; i++) {
        for (int k = 0; k < v->task[i]->ninputs; k++) {
            if (!v->task[i]->input[k].is_missing) {
                buffer_text(b, separator);
                json_input(b, v->task[i], &v->task[i]->input[k]);
                separator = "},{";
            }
        }
    }
    buffer_text(b, separator[0] == '}' ? "}]" : "]");
    buffer_text(b, ",\"steps\":[");
    separator = "{";
    for (int i = 0; i < v->ntasks; i++) {
        for (int k = 0; k < v->task[i]->nsteps; k++) {
            buffer_text(b, separator);
            json_step(b, v, v->task[i], &v->task[i]->step[k]);
            separator = "},{";
        }
    }
    buffer_text(b, separator[0] == '}' ? "}]}\n" : "]}\n");
}
