/* YAML text -> events of libyaml -> a tree in the arena. The only file that knows libyaml.
 *
 *   event        libyaml scans and reports anchors, styles and places; it does not resolve
 *   scalar       plain: ${…} expanded, then the core schema (yaml_scalar.c); quoted: expanded, text
 *   alias        the anchored node itself, shared, not copied
 *   map          keys are text; duplicates are found by sorting the keys
 *
 * An alias costs what it stands for: its nodes, bytes and height count again wherever it is used.
 * So whoever walks the tree visits at most NODES_MAX nodes of at most BYTES_MAX text, DEPTH_MAX
 * deep, and a bomb of aliases to aliases ends at the first limit. A syntax error ends the parse;
 * problems of single nodes (duplicate keys, unknown tags, unset variables) are collected and come
 * out sorted by place.
 */
#include "engine/yaml.h"

#include "engine/buffer.h"
#include "engine/memory.h"
#include "engine/yaml_error.h"
#include "engine/yaml_expand.h"
#include "engine/yaml_scalar.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>

#define DEPTH_MAX    100
#define NODES_MAX    100000
#define BYTES_MAX    ((size_t)16 << 20)
#define PROBLEMS_MAX 1000
#define ANCHORS_MAX  1000
#define CORE_TAGS    "tag:yaml.org,2002:"

/* What walking a node costs. */
struct cost {
    int nodes, height;
    size_t bytes;
};

struct anchor {
    const char *name;
    struct yaml *node;
    struct cost cost;
};

struct parse {
    yaml_parser_t parser;
    struct arena *a;
    const char *file, *text;
    size_t n;
    struct diags *d;
    int first_diag;
    bool is_broken;     /* a syntax error or a limit ended the parse */
    struct buffer path; /* key path of the node in hand */
    int nodes;          /* of the tree so far, aliases expanded */
    size_t bytes;
    struct anchor *anchor;
    int nanchors, anchors_cap;
};

/* Children of a list or map while their number is not known. */
struct children {
    int n, cap;
    struct yaml **item;
    const char **key;
    struct place *key_at;
};

static struct place place_of(const struct parse *p, yaml_mark_t mark)
{
    const size_t most = 1 << 30;
    return (struct place){p->file, (int)(mark.line < most ? mark.line : most) + 1,
                          (int)(mark.column < most ? mark.column : most) + 1};
}

__attribute__((format(printf, 3, 4))) static int problem(struct parse *p, struct place at,
                                                         const char *fmt, ...)
{
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return diags_add(p->d, at, buffer_cstr(&p->path), "%s", text);
}

/* The byte behind `bytes` bytes of the file as a place. */
static struct place place_of_byte(const struct parse *p, size_t bytes)
{
    struct place at = {p->file, 1, 1};
    for (size_t i = 0; i < bytes && i < p->n; i++) {
        if (p->text[i] == '\n') {
            at.line++;
            at.column = 1;
        } else {
            at.column += (p->text[i] & 0xc0) != 0x80;
        }
    }
    return at;
}

/* The character at a place, as UTF-8. */
static void find_character(const struct parse *p, struct place at, char out[8])
{
    const char *c = p->text, *end = c + p->n;
    for (int line = 1; line < at.line && c < end; line++) {
        c = memchr(c, '\n', (size_t)(end - c));
        c = c == NULL ? end : c + 1;
    }
    for (int column = 1; c < end && *c != '\n'; c++) {
        if (((unsigned char)*c & 0xc0) != 0x80 && column++ == at.column) {
            break;
        }
    }
    out[0] = 0;
    for (int i = 0; c + i < end && i < 4 && *c != '\n'; i++) {
        if (i > 0 && ((unsigned char)c[i] & 0xc0) != 0x80) {
            break;
        }
        out[i] = c[i];
        out[i + 1] = 0;
    }
}

static int report_syntax(struct parse *p)
{
    p->is_broken = true;
    const yaml_parser_t *y = &p->parser;
    struct yaml_syntax_error x = {.problem = y->problem,
                                  .context = y->context,
                                  .path = buffer_cstr(&p->path),
                                  .at = place_of(p, y->problem_mark),
                                  .context_line = place_of(p, y->context_mark).line,
                                  .context_column = place_of(p, y->context_mark).column};
    if (y->error == YAML_READER_ERROR) {
        x.at = place_of_byte(p, y->problem_offset);
    } else if (y->error == YAML_MEMORY_ERROR) {
        x.problem = "out of memory";
    } else {
        find_character(p, x.at, x.found);
    }
    return yaml_syntax_explain(&x, p->d);
}

static int next_event(struct parse *p, yaml_event_t *event)
{
    if (!yaml_parser_parse(&p->parser, event)) {
        return report_syntax(p);
    }
    return 0;
}

/* Counts a node against the limits. */
static int charge(struct parse *p, struct place at, int depth, const struct cost *cost)
{
    p->nodes += cost->nodes;
    p->bytes += cost->bytes;
    p->is_broken = true;
    if (depth + cost->height > DEPTH_MAX) {
        return problem(p, at, "nested more than %d deep", DEPTH_MAX);
    }
    if (p->nodes > NODES_MAX) {
        return problem(p, at, "more than %d values (aliases count as what they stand for)",
                       NODES_MAX);
    }
    if (p->bytes > BYTES_MAX) {
        return problem(p, at, "more than 16 MiB of text (aliases count as what they stand for)");
    }
    if (p->d->n - p->first_diag >= PROBLEMS_MAX) {
        return problem(p, at, "too many problems: stopped here");
    }
    p->is_broken = false;
    return 0;
}

static int remember_anchor(struct parse *p, const char *name, struct yaml *node, struct cost cost)
{
    if (p->nanchors == ANCHORS_MAX) {
        p->is_broken = true;
        return problem(p, node->at, "more than %d anchors", ANCHORS_MAX);
    }
    if (p->nanchors == p->anchors_cap) {
        p->anchors_cap = p->anchors_cap == 0 ? 8 : p->anchors_cap * 2;
        p->anchor = mem_resize(p->anchor, (size_t)p->anchors_cap, sizeof *p->anchor);
    }
    p->anchor[p->nanchors++] = (struct anchor){name, node, cost};
    return 0;
}

static int build_alias(struct parse *p, const yaml_event_t *event, int depth, struct yaml **out,
                       struct cost *cost)
{
    const char *name = (const char *)event->data.alias.anchor;
    struct place at = place_of(p, event->start_mark);
    for (int i = p->nanchors - 1; i >= 0; i--) {
        if (strcmp(p->anchor[i].name, name) == 0) {
            *out = p->anchor[i].node;
            *cost = p->anchor[i].cost;
            return charge(p, at, depth, cost);
        }
    }
    *out = arena_zalloc(p->a, sizeof **out);
    **out = (struct yaml){.kind = YAML_NULL, .at = at, .text = "", .broken = true};
    *cost = (struct cost){.nodes = 1, .height = 1};
    problem(p, at, "alias `*%.100s` without an anchor `&%.100s` before it", name, name);
    return charge(p, at, depth, cost);
}

/* Replaces references in y's text; quoted text and text around a reference stay text. */
static void expand(struct parse *p, struct yaml *y, bool is_plain)
{
    struct err e = {0};
    struct expansion x;
    struct buffer b;
    buffer_init(&b);
    if (yaml_expand(&b, &x, p->file, y->text, y->text_n, &e) < 0) {
        problem(p, y->at, "%s", e.text);
        y->kind = YAML_STRING;
        y->broken = true;
    } else if (x.count > 0) {
        y->secret = true;
        y->plain = false;
        y->text_n = b.n;
        y->text = arena_strndup(p->a, buffer_cstr(&b), b.n);
        y->kind = YAML_STRING;
        if (is_plain && x.whole) {
            yaml_scalar_resolve(y);
        }
    } else if (is_plain) {
        yaml_scalar_resolve(y);
    }
    buffer_done(&b);
}

/* A core tag on a scalar decides its kind, quoted or not. */
static void apply_tag(struct parse *p, struct yaml *y, const char *tag)
{
    static const struct {
        const char *name;
        enum yaml_kind kind;
    } known[] = {{"null", YAML_NULL},
                 {"bool", YAML_BOOLEAN},
                 {"int", YAML_LONG},
                 {"float", YAML_DOUBLE},
                 {"str", YAML_STRING}};
    if (strcmp(tag, "!") == 0) {
        y->kind = YAML_STRING;
        return;
    }
    const size_t prefix = strlen(CORE_TAGS);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strncmp(tag, CORE_TAGS, prefix) != 0 || strcmp(tag + prefix, known[i].name) != 0) {
            continue;
        }
        if (known[i].kind == YAML_STRING) {
            y->kind = YAML_STRING;
            return;
        }
        yaml_scalar_resolve(y);
        if (y->kind == YAML_LONG && known[i].kind == YAML_DOUBLE) {
            y->kind = YAML_DOUBLE;
        }
        if (y->kind != known[i].kind) {
            problem(p, y->at, "tag !!%s: the value is not %s", known[i].name,
                    yaml_kind_name(known[i].kind));
            y->broken = true;
        }
        return;
    }
    problem(p, y->at, "unknown tag `%.100s`: only the core tags such as !!str are known", tag);
}

static int build_scalar(struct parse *p, const yaml_event_t *event, int depth, bool in_flow,
                        struct yaml **out, struct cost *cost)
{
    const char *value = (const char *)event->data.scalar.value;
    size_t n = event->data.scalar.length;
    const char *tag = (const char *)event->data.scalar.tag;
    bool is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    bool is_quoted = event->data.scalar.style == YAML_SINGLE_QUOTED_SCALAR_STYLE ||
                     event->data.scalar.style == YAML_DOUBLE_QUOTED_SCALAR_STYLE;
    struct yaml *y = arena_zalloc(p->a, sizeof *y);
    y->kind = YAML_STRING;
    y->at = place_of(p, event->start_mark);
    y->text = arena_strndup(p->a, value, n);
    y->text_n = n;
    y->flow = in_flow && is_plain;
    y->skip = is_quoted ? 1 : 0;
    /* On one line and as wide as its text: nothing was escaped or folded. */
    size_t characters = 0;
    for (size_t i = 0; i < n; i++) {
        characters += ((unsigned char)value[i] & 0xc0) != 0x80;
    }
    y->plain =
        tag == NULL && (is_plain || is_quoted) && event->start_mark.line == event->end_mark.line &&
        event->end_mark.column - event->start_mark.column == characters + 2 * (size_t)y->skip;
    expand(p, y, is_plain && tag == NULL);
    if (tag != NULL) {
        apply_tag(p, y, tag);
    }
    *out = y;
    *cost = (struct cost){.nodes = 1, .height = 1, .bytes = y->text_n};
    return charge(p, y->at, depth, cost);
}

static void add_child(struct children *c, const char *key, struct place key_at, struct yaml *item)
{
    if (c->n == c->cap) {
        c->cap = c->cap == 0 ? 8 : c->cap * 2;
        c->item = mem_resize(c->item, (size_t)c->cap, sizeof *c->item);
        c->key = mem_resize(c->key, (size_t)c->cap, sizeof *c->key);
        c->key_at = mem_resize(c->key_at, (size_t)c->cap, sizeof *c->key_at);
    }
    c->item[c->n] = item;
    c->key[c->n] = key;
    c->key_at[c->n++] = key_at;
}

/* Moves the children into the arena. */
static void adopt(struct parse *p, struct yaml *y, const struct children *c)
{
    y->n = c->n;
    if (c->n == 0) {
        return;
    }
    size_t n = (size_t)c->n;
    y->item = arena_array(p->a, n, sizeof(struct yaml *));
    memcpy(y->item, c->item, n * sizeof(struct yaml *));
    if (y->kind == YAML_MAP) {
        y->key = arena_array(p->a, n, sizeof(const char *));
        memcpy(y->key, c->key, n * sizeof(const char *));
        y->key_at = arena_array(p->a, n, sizeof(struct place));
        memcpy(y->key_at, c->key_at, n * sizeof(struct place));
    }
}

static void add_cost(struct cost *sum, const struct cost *child)
{
    sum->nodes += child->nodes;
    sum->bytes += child->bytes;
    if (child->height + 1 > sum->height) {
        sum->height = child->height + 1;
    }
}

static int build(struct parse *p, const yaml_event_t *event, int depth, bool in_flow,
                 struct yaml **out, struct cost *cost);

static int build_items(struct parse *p, bool in_flow, int depth, struct children *c,
                       struct cost *cost)
{
    size_t path_n = p->path.n;
    for (;;) {
        yaml_event_t event;
        if (next_event(p, &event) < 0) {
            return -ERR_CONFIG;
        }
        if (event.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete(&event);
            return 0;
        }
        struct yaml *item;
        struct cost item_cost;
        buffer_printf(&p->path, "[%d]", c->n + 1);
        int rc = build(p, &event, depth + 1, in_flow, &item, &item_cost);
        p->path.n = path_n;
        yaml_event_delete(&event);
        if (rc < 0) {
            return rc;
        }
        add_cost(cost, &item_cost);
        add_child(c, NULL, item->at, item);
    }
}

/* Text of a key, or NULL when it cannot be one; what is wrong has been reported then, and a key
 * that is a list or map has been read to its end. */
static int read_key(struct parse *p, const yaml_event_t *event, bool in_flow, int depth,
                    const char **key, struct place *at)
{
    *key = NULL;
    *at = place_of(p, event->start_mark);
    if (event->type != YAML_SCALAR_EVENT) {
        problem(p, *at, "a key must be text, not a list, map or alias");
        struct yaml *thrown;
        struct cost cost;
        return build(p, event, depth + 1, in_flow, &thrown, &cost);
    }
    const char *text = (const char *)event->data.scalar.value;
    size_t n = event->data.scalar.length;
    bool is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    struct yaml y = {.text = text, .text_n = n};
    if (is_plain) {
        yaml_scalar_resolve(&y);
    }
    struct cost cost = {.nodes = 0, .height = 1, .bytes = n};
    if (charge(p, *at, depth, &cost) < 0) {
        return -ERR_CONFIG;
    }
    if (y.kind == YAML_BOOLEAN && is_plain) {
        problem(p, *at,
                "the key is the boolean `%s`: a YAML 1.1 tool turned `%s` into it; write the key "
                "`%s`, in quotes for that tool",
                text, y.boolean ? "on` or `yes" : "off` or `no", y.boolean ? "on" : "off");
    } else if (n == 0) {
        problem(p, *at, "the key before `:` is empty");
    } else if (strlen(text) != n) {
        problem(p, *at, "a key cannot hold the character \\0");
    } else if (is_plain && strcmp(text, "<<") == 0) {
        problem(p, *at, "merge keys (<<) are YAML 1.1: write the keys out");
    } else {
        *key = arena_strndup(p->a, text, n);
    }
    return 0;
}

struct key_order {
    const char *key;
    int i;
};

static int compare_keys(const void *a, const void *b)
{
    const struct key_order *x = a, *y = b;
    int order = strcmp(x->key, y->key);
    return order != 0 ? order : x->i - y->i;
}

/* Reports keys that stand there twice and leaves the first of them. */
static void drop_duplicates(struct parse *p, struct children *c)
{
    if (c->n < 2) {
        return;
    }
    struct key_order *order = mem_array((size_t)c->n, sizeof *order);
    for (int i = 0; i < c->n; i++) {
        order[i] = (struct key_order){c->key[i], i};
    }
    qsort(order, (size_t)c->n, sizeof *order, compare_keys);
    int first = 0, ndropped = 0;
    for (int i = 1; i < c->n; i++) {
        if (strcmp(order[i].key, order[first].key) != 0) {
            first = i;
            continue;
        }
        struct place before = c->key_at[order[first].i];
        problem(p, c->key_at[order[i].i],
                "duplicate key `%.100s`: it stands already at line %d, column %d", order[i].key,
                before.line, before.column);
        c->item[order[i].i] = NULL;
        ndropped++;
    }
    mem_free(order);
    int kept = 0;
    for (int i = 0; i < c->n && ndropped > 0; i++) {
        if (c->item[i] != NULL) {
            c->item[kept] = c->item[i];
            c->key[kept] = c->key[i];
            c->key_at[kept++] = c->key_at[i];
        }
    }
    c->n -= ndropped;
}

static int build_entries(struct parse *p, bool in_flow, int depth, struct children *c,
                         struct cost *cost)
{
    size_t path_n = p->path.n;
    for (;;) {
        yaml_event_t event;
        if (next_event(p, &event) < 0) {
            return -ERR_CONFIG;
        }
        if (event.type == YAML_MAPPING_END_EVENT) {
            yaml_event_delete(&event);
            drop_duplicates(p, c);
            return 0;
        }
        const char *key;
        struct place key_at;
        int rc = read_key(p, &event, in_flow, depth, &key, &key_at);
        yaml_event_delete(&event);
        if (rc < 0 || next_event(p, &event) < 0) {
            return -ERR_CONFIG;
        }
        struct yaml *item;
        struct cost item_cost;
        buffer_printf(&p->path, "%s%.64s", path_n > 0 ? "." : "", key != NULL ? key : "?");
        rc = build(p, &event, depth + 1, in_flow, &item, &item_cost);
        p->path.n = path_n;
        yaml_event_delete(&event);
        if (rc < 0) {
            return rc;
        }
        add_cost(cost, &item_cost);
        if (key != NULL) {
            add_child(c, key, key_at, item);
        }
    }
}

static int build_collection(struct parse *p, const yaml_event_t *event, int depth, bool in_flow,
                            struct yaml **out, struct cost *cost)
{
    bool is_map = event->type == YAML_MAPPING_START_EVENT;
    const char *tag =
        (const char *)(is_map ? event->data.mapping_start.tag : event->data.sequence_start.tag);
    bool is_flow = is_map ? event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE
                          : event->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
    struct yaml *y = arena_zalloc(p->a, sizeof *y);
    y->kind = is_map ? YAML_MAP : YAML_LIST;
    y->at = place_of(p, event->start_mark);
    y->text = "";
    y->flow = is_flow || in_flow;
    *out = y;
    *cost = (struct cost){.nodes = 1, .height = 1};
    if (tag != NULL && strcmp(tag, is_map ? CORE_TAGS "map" : CORE_TAGS "seq") != 0) {
        problem(p, y->at, "unknown tag `%.100s`: only the core tags such as !!str are known", tag);
    }
    if (charge(p, y->at, depth, cost) < 0) {
        return -ERR_CONFIG;
    }
    struct children c = {0};
    int rc = is_map ? build_entries(p, y->flow, depth, &c, cost)
                    : build_items(p, y->flow, depth, &c, cost);
    if (rc == 0) {
        adopt(p, y, &c);
    }
    mem_free(c.item);
    mem_free(c.key);
    mem_free(c.key_at);
    return rc;
}

/* The node that begins with this event; the caller deletes the event. */
static int build(struct parse *p, const yaml_event_t *event, int depth, bool in_flow,
                 struct yaml **out, struct cost *cost)
{
    if (event->type == YAML_ALIAS_EVENT) {
        return build_alias(p, event, depth, out, cost);
    }
    bool is_scalar = event->type == YAML_SCALAR_EVENT;
    bool is_map = event->type == YAML_MAPPING_START_EVENT;
    const yaml_char_t *anchor = is_scalar ? event->data.scalar.anchor
                                : is_map  ? event->data.mapping_start.anchor
                                          : event->data.sequence_start.anchor;
    int rc = is_scalar ? build_scalar(p, event, depth, in_flow, out, cost)
                       : build_collection(p, event, depth, in_flow, out, cost);
    if (rc == 0 && anchor != NULL) {
        return remember_anchor(p, arena_strdup(p->a, (const char *)anchor), *out, *cost);
    }
    return rc;
}

/* Stream start, document start, the node, document end, stream end; an empty stream is null. */
static int build_document(struct parse *p, struct yaml **out)
{
    bool has_document = false;
    for (;;) {
        yaml_event_t event;
        if (next_event(p, &event) < 0) {
            return -ERR_CONFIG;
        }
        yaml_event_type_t type = event.type;
        struct place at = place_of(p, event.start_mark);
        int rc = 0;
        if (type == YAML_DOCUMENT_START_EVENT && has_document) {
            rc = problem(p, at, "a second document begins: one file holds one document");
        } else if (type == YAML_ALIAS_EVENT || type == YAML_SCALAR_EVENT ||
                   type == YAML_SEQUENCE_START_EVENT || type == YAML_MAPPING_START_EVENT) {
            struct cost cost;
            has_document = true;
            rc = build(p, &event, 0, false, out, &cost);
        }
        yaml_event_delete(&event);
        if (rc < 0 || type == YAML_STREAM_END_EVENT) {
            return rc;
        }
    }
}

static int compare_diags(const void *a, const void *b)
{
    const struct diag *x = a, *y = b;
    return x->at.line != y->at.line ? x->at.line - y->at.line : x->at.column - y->at.column;
}

int yaml_parse(struct yaml **out, struct arena *a, const char *file, const char *text, size_t n,
               struct diags *d)
{
    struct parse p = {
        .a = a, .file = arena_strdup(a, file), .text = text, .n = n, .d = d, .first_diag = d->n};
    struct place start = {p.file, 1, 1};
    *out = NULL;
    if (n > BYTES_MAX) {
        return diags_add(d, start, "", "the file is larger than 16 MiB");
    }
    if (n >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0)) {
        return diags_add(d, start, "", "the file is UTF-16: save it as UTF-8");
    }
    if (!yaml_parser_initialize(&p.parser)) {
        return diags_add(d, start, "", "out of memory");
    }
    yaml_parser_set_encoding(&p.parser, YAML_UTF8_ENCODING);
    if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        p.text += 3;
        p.n -= 3;
    }
    p.text = yaml_join_surrogates(a, p.text, &p.n);
    yaml_parser_set_input_string(&p.parser, (const unsigned char *)p.text, p.n);
    buffer_init(&p.path);
    *out = arena_zalloc(a, sizeof **out);
    **out = (struct yaml){.kind = YAML_NULL, .at = start, .text = ""};
    build_document(&p, out);
    yaml_parser_delete(&p.parser);
    buffer_done(&p.path);
    mem_free(p.anchor);
    if (p.is_broken) {
        *out = NULL;
    }
    if (d->n > p.first_diag) {
        qsort(d->item + p.first_diag, (size_t)(d->n - p.first_diag), sizeof *d->item,
              compare_diags);
        return -ERR_CONFIG;
    }
    return 0;
}

int yaml_load(struct yaml **out, struct arena *a, const char *file, struct diags *d)
{
    struct place at = {arena_strdup(a, file), 0, 0};
    *out = NULL;
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return diags_add(d, at, "", "cannot read the file: %s", strerror(errno));
    }
    struct buffer b;
    buffer_init(&b);
    int rc = 0;
    while (b.n <= BYTES_MAX) {
        ssize_t got = read(fd, buffer_reserve(&b, 65536), 65536);
        if (got < 0 && errno != EINTR) {
            rc = diags_add(d, at, "", "cannot read the file: %s", strerror(errno));
            break;
        }
        if (got == 0) {
            break;
        }
        b.n += got > 0 ? (size_t)got : 0;
    }
    close(fd);
    if (rc == 0) {
        rc = yaml_parse(out, a, file, buffer_cstr(&b), b.n, d);
    }
    buffer_done(&b);
    return rc;
}
