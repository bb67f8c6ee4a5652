/* Listing dead letters.
 *
 *   causes   letters of one stage, topic and message, whatever numbers the message has; the most
 *            frequent first. What is beyond CAUSES_MOST kinds counts as "others"
 *   letters  position in the dead-letter topic, where it came from, why, and the value: the row of
 *            an internal record, text as it is, Avro decoded, other bytes in hexadecimal digits
 */
#include "worker/dead_list.h"
#include "engine/buffer.h"
#include "engine/memory.h"
#include "engine/str.h"
#include "schemas/base64.h"
#include "schemas/json_print.h"
#include "worker/printer.h"
#include "worker/sent_offsets.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASK_MS      10000
#define CAUSES_MOST 200
#define VALUE_SHOWN 100
#define BYTES_SHOWN 24
#define CAUSE_SHOWN 120

struct cause_count {
    char *stage, *topic, *message;
    uint64_t n;
};

struct dead_list {
    const struct client *client;
    const char *topic;
    int64_t most;
    bool is_json;
    uint64_t n, nsent, nothers; /* nothers: records that are none */
    int32_t nparts;
    struct sent_offsets *sent; /* by partition: what replay has sent back */
    int ncauses;
    uint64_t others;
    struct cause_count cause[CAUSES_MOST];
    size_t nlines, cap_lines, first; /* a ring when `most` are there */
    char **line;
    struct printer *printer;
    struct arena mem;
    struct buffer text;
};

struct dead_list *dead_list_new(const struct client *c, const char *topic, int64_t most,
                                bool is_json)
{
    struct dead_list *l = mem_zalloc(sizeof *l);
    l->client = c;
    l->topic = topic;
    l->most = most;
    l->is_json = is_json;
    arena_init(&l->mem);
    buffer_init(&l->text);
    printer_new(&l->printer, "bytes", "avro", c->schemas, NULL);
    return l;
}

/* Numbers tell records apart, not causes. */
static char *without_numbers(const char *message)
{
    char *out = mem_strdup(message), *to = out;
    for (const char *p = message; *p;) {
        bool is_number = isdigit((unsigned char)*p);
        *to++ = is_number ? '#' : *p++;
        while (is_number && isdigit((unsigned char)*p)) {
            p++;
        }
    }
    *to = '\0';
    return out;
}

static void count(struct dead_list *l, const struct dead_letter *d)
{
    char *message = without_numbers(d->message);
    const char *topic = d->topic ? d->topic : "";
    for (int i = 0; i < l->ncauses; i++) {
        struct cause_count *c = &l->cause[i];
        if (strcmp(c->message, message) == 0 && strcmp(c->stage, d->stage) == 0 &&
            strcmp(c->topic, topic) == 0) {
            c->n++;
            mem_free(message);
            return;
        }
    }
    if (l->ncauses == CAUSES_MOST) {
        l->others++;
        mem_free(message);
        return;
    }
    l->cause[l->ncauses++] =
        (struct cause_count){mem_strdup(d->stage), mem_strdup(topic), message, 1};
}

/* On one line, cut behind `most` bytes at the end of a character. */
static void add_line(struct buffer *out, const char *p, size_t n, size_t most)
{
    size_t end = n < most ? n : most;
    while (end < n && end > 0 && ((unsigned char)p[end] & 0xC0) == 0x80) {
        end--;
    }
    for (size_t i = 0; i < end; i++) {
        unsigned char c = (unsigned char)p[i];
        buffer_byte(out, c < 0x20 || c == 0x7F ? ' ' : c);
    }
    buffer_text(out, end < n ? "…" : "");
}

static bool is_text(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        if ((c < 0x20 && !isspace(c)) || c == 0x7F) {
            return false;
        }
    }
    return utf8_valid(p, n);
}

static void add_value(struct dead_list *l, const struct dead_letter *d, const struct record *r,
                      struct buffer *out)
{
    const uint8_t *p = r->value;
    struct err ignored = {0};
    struct buffer avro;
    if (d->left) {
        buffer_printf(out, "(%s: too large, still at the origin)", d->left);
        return;
    }
    if (!p) {
        buffer_text(out, "null");
        return;
    }
    buffer_init(&avro);
    if (d->row) {
        add_line(out, d->row, strlen(d->row), VALUE_SHOWN);
    } else if (is_text(r->value, r->value_n)) {
        add_line(out, r->value, r->value_n, VALUE_SHOWN);
    } else if (l->printer && printer_value(l->printer, r, &avro, &ignored) == 0) {
        add_line(out, avro.data, avro.n, VALUE_SHOWN);
    } else {
        for (size_t i = 0; i < r->value_n && i < BYTES_SHOWN; i++) {
            buffer_printf(out, "%s%02x", i ? " " : "bytes ", p[i]);
        }
        buffer_text(out, r->value_n > BYTES_SHOWN ? " …" : "");
    }
    buffer_done(&avro);
}

static void add_member(struct buffer *out, const char *name, const char *text, size_t n)
{
    buffer_printf(out, ",\"%s\":", name);
    json_print_string(out, text, n);
}

/* Text as it is; other bytes as base64, under a name that says so. */
static void add_bytes(struct buffer *out, const char *name, const void *p, size_t n)
{
    char as[40];
    struct buffer text;
    if (!p) {
        buffer_printf(out, ",\"%s\":null", name);
    } else if (is_text(p, n)) {
        add_member(out, name, p, n);
    } else {
        buffer_init(&text);
        base64_encode(&text, p, n);
        snprintf(as, sizeof as, "%s_base64", name);
        add_member(out, as, buffer_cstr(&text), text.n);
        buffer_done(&text);
    }
}

static void print_json(struct buffer *out, const struct dead_letter *d, const struct record *r)
{
    buffer_printf(out, "{\"partition\":%d,\"offset\":%lld,\"timestamp\":%lld", r->partition,
                  (long long)r->offset, (long long)r->timestamp);
    buffer_text(out, ",\"origin\":");
    if (d->topic) {
        buffer_text(out, "{\"topic\":");
        json_print_string(out, d->topic, strlen(d->topic));
        buffer_printf(out, ",\"partition\":%d,\"offset\":%lld}", d->partition,
                      (long long)d->offset);
    } else {
        buffer_text(out, "null");
    }
    add_member(out, "topology", d->owner, strlen(d->owner));
    add_member(out, "stage", d->stage, strlen(d->stage));
    add_member(out, "by", d->by, strlen(d->by));
    add_member(out, "message", d->message, strlen(d->message));
    buffer_printf(out, ",\"replays\":%lld", (long long)d->replays);
    if (d->left) {
        add_member(out, "left_out", d->left, strlen(d->left));
    }
    if (d->row) {
        add_member(out, "row", d->row, strlen(d->row));
    }
    add_bytes(out, "key", r->key, r->key_n);
    add_bytes(out, "value", r->value, r->value_n);
    buffer_text(out, "}\n");
}

static bool was_sent(const struct dead_list *l, const struct dead_letter *d, const struct record *r)
{
    return d->topic && d->offset >= 0 && r->partition < l->nparts &&
           sent_has(&l->sent[r->partition], r->offset);
}

static void print_letter(struct dead_list *l, const struct dead_letter *d, const struct record *r,
                         struct buffer *out)
{
    buffer_printf(out, "%d/%lld  ", r->partition, (long long)r->offset);
    if (!d->topic) {
        buffer_text(out, "no dead letter: it has no header __connect.errors.topic\n");
        return;
    }
    if (d->offset >= 0) {
        buffer_printf(out, "%s partition %d offset %lld", d->topic, d->partition,
                      (long long)d->offset);
    } else {
        buffer_printf(out, "a row of topology %s, task %d", d->owner, d->partition);
    }
    if (d->replays) {
        buffer_printf(out, ", sent back %lld time%s", (long long)d->replays,
                      d->replays == 1 ? "" : "s");
    }
    buffer_text(out, was_sent(l, d, r) ? ", sent since" : "");
    buffer_printf(out, "\n      %s: ", d->stage);
    add_line(out, d->message, strlen(d->message), 400);
    buffer_text(out, "\n      ");
    add_value(l, d, r, out);
    buffer_byte(out, '\n');
}

static void keep_line(struct dead_list *l)
{
    if (l->most == 0) {
        return;
    }
    char *line = mem_strndup(l->text.data, l->text.n);
    if (l->most > 0 && l->nlines == (size_t)l->most) {
        mem_free(l->line[l->first]);
        l->line[l->first] = line;
        l->first = (l->first + 1) % l->nlines;
        return;
    }
    if (l->nlines == l->cap_lines) {
        l->cap_lines = l->cap_lines * 2 + 64;
        l->line = mem_resize(l->line, l->cap_lines, sizeof *l->line);
    }
    l->line[l->nlines++] = line;
}

static int look_at(void *ctx, const struct record *r)
{
    struct dead_list *l = ctx;
    struct dead_letter d;
    arena_reset(&l->mem);
    dead_letter_read(&d, r, &l->mem);
    if (d.topic) {
        l->n++;
        l->nsent += was_sent(l, &d, r);
        count(l, &d);
    } else {
        l->nothers++;
    }
    buffer_clear(&l->text);
    if (l->is_json) {
        print_json(&l->text, &d, r);
    } else {
        print_letter(l, &d, r, &l->text);
    }
    keep_line(l);
    return 0;
}

static int by_count(const void *a, const void *b)
{
    const struct cause_count *x = a, *y = b;
    int order = (x->n < y->n) - (x->n > y->n);
    order = order ? order : strcmp(x->stage, y->stage);
    order = order ? order : strcmp(x->topic, y->topic);
    return order ? order : strcmp(x->message, y->message);
}

/* What the group of `replay` has committed; where that cannot be read, no letter is marked. */
static void read_sent(struct dead_list *l, int32_t nparts)
{
    struct err ignored = {0};
    struct log *group;
    const char *name = arena_printf(&l->mem, "klamm-dead-letters-%s", l->topic);
    struct log_config cfg = {.group = name, .property = l->client->property};
    if (client_log(l->client, &group, &cfg, NULL, &ignored) < 0) {
        return;
    }
    struct log_position *p = mem_zalloc(((size_t)nparts + 1) * sizeof *p);
    for (int32_t i = 0; i < nparts; i++) {
        p[i] = (struct log_position){.topic = l->topic, .partition = i};
    }
    if (group->ops->committed(group, p, (size_t)nparts, ASK_MS, &ignored) == 0) {
        l->sent = mem_zalloc(((size_t)nparts + 1) * sizeof *l->sent);
        l->nparts = nparts;
        for (int32_t i = 0; i < nparts; i++) {
            sent_read(&l->sent[i], p[i].offset, p[i].metadata);
        }
    }
    mem_free(p);
    group->ops->close(group, true);
}

int dead_list_read(struct dead_list *l, struct err *e)
{
    struct log *log = l->client->log;
    int32_t nparts;
    int r = log->ops->partitions(log, l->topic, &nparts, ASK_MS, e);
    if (r == 0 && nparts == 0) {
        return client_no_topic(l->client, l->topic, e);
    }
    if (r == 0) {
        read_sent(l, nparts);
    }
    for (int32_t p = 0; r == 0 && p < nparts; p++) {
        int64_t begin, end, next;
        r = log->ops->bounds(log, l->topic, p, &begin, &end, ASK_MS, e);
        if (r == 0 && begin < end) {
            r = log->ops->read_on(log, l->topic, p, begin, look_at, l, &next, e);
        }
    }
    qsort(l->cause, (size_t)l->ncauses, sizeof *l->cause, by_count);
    return r;
}

static void print_causes(const struct dead_list *l, struct buffer *out)
{
    int stage = 5, topic = 5;
    for (int i = 0; i < l->ncauses; i++) {
        int s = (int)strlen(l->cause[i].stage), t = (int)strlen(l->cause[i].topic);
        stage = s > stage ? s : stage;
        topic = t > topic ? t : topic;
    }
    buffer_printf(out, "%8s  %-*s  %-*s  %s\n", "letters", stage, "stage", topic, "topic", "cause");
    for (int i = 0; i < l->ncauses; i++) {
        const struct cause_count *c = &l->cause[i];
        buffer_printf(out, "%8llu  %-*s  %-*s  ", (unsigned long long)c->n, stage, c->stage, topic,
                      c->topic);
        add_line(out, c->message, strlen(c->message), CAUSE_SHOWN);
        buffer_byte(out, '\n');
    }
    if (l->others) {
        buffer_printf(out, "%8llu  of other causes\n", (unsigned long long)l->others);
    }
}

void dead_list_print(const struct dead_list *l, struct buffer *out)
{
    if (!l->is_json) {
        buffer_printf(out, "%s: %llu dead letter%s", l->topic, (unsigned long long)l->n,
                      l->n == 1 ? "" : "s");
        if (l->nsent) {
            buffer_printf(out, ", %llu sent before", (unsigned long long)l->nsent);
        }
        if (l->nothers) {
            buffer_printf(out, ", %llu other record%s", (unsigned long long)l->nothers,
                          l->nothers == 1 ? "" : "s");
        }
        buffer_byte(out, '\n');
    }
    if (!l->is_json && l->n + l->nothers > 0) {
        if (l->n) {
            print_causes(l, out);
        }
        buffer_text(out, l->nlines ? "\n" : "");
        if (l->nlines < l->n + l->nothers && l->nlines) {
            buffer_printf(out, "the last %zu:\n", l->nlines);
        }
    }
    for (size_t i = 0; i < l->nlines; i++) {
        buffer_text(out, l->line[(l->first + i) % l->nlines]);
    }
}

void dead_list_free(struct dead_list *l)
{
    for (int i = 0; i < l->ncauses; i++) {
        mem_free(l->cause[i].stage);
        mem_free(l->cause[i].topic);
        mem_free(l->cause[i].message);
    }
    for (size_t i = 0; i < l->nlines; i++) {
        mem_free(l->line[i]);
    }
    mem_free(l->line);
    mem_free(l->sent);
    if (l->printer) {
        printer_free(l->printer);
    }
    buffer_done(&l->text);
    arena_done(&l->mem);
    mem_free(l);
}
