/* Record lines.
 *
 *   key, value   kept as JSON text: only the codec of the topic knows what they are
 *   headers      an object {"name": "text"}; a name that occurs twice makes it a list of such
 *                objects; a value that is not UTF-8 is {"base64": "…"}, null is null
 *   null         topic, partition, offset, timestamp and headers may be null: not given
 *   order        written in the order of the essay in record_line.h, read in any
 *
 * Duplicate members: the last wins, as everywhere. Unknown members are errors, since a misspelt
 * "timestamp" would silently give every record the time 0.
 */
#include "schemas/record_line.h"

#include "engine/str.h"
#include "schemas/base64.h"
#include "schemas/json_print.h"

#include <string.h>

#define HEADERS_MAX 4096

void record_line_init(struct record_line *l)
{
    memset(l, 0, sizeof *l);
    arena_init(&l->mem);
    json_pull_init(&l->pull);
}

void record_line_done(struct record_line *l)
{
    arena_done(&l->mem);
    json_pull_done(&l->pull);
}

static bool is_name(const struct json_text *t, const char *name)
{
    return t->n == strlen(name) && memcmp(t->p, name, t->n) == 0;
}

static bool take_null(struct json_pull *j)
{
    return json_peek(j) == JSON_NULL && json_null(j);
}

/* A whole number from 0 to max; null and -1 are "not given". */
static int parse_number(struct record_line *l, const char *name, int64_t max, int64_t *out,
                        struct err *e)
{
    struct json_number v;
    *out = -1;
    if (take_null(&l->pull)) {
        return 0;
    }
    if (!json_number(&l->pull, &v)) {
        return json_fault(&l->pull, e);
    }
    if (!v.is_long || v.i < -1 || v.i > max) {
        return err_set(e, ERR_DATA, "%s: a whole number from 0 to %lld is expected", name,
                       (long long)max);
    }
    *out = v.i;
    return 0;
}

/* A string without NUL, copied. */
static int parse_text(struct record_line *l, const char *name, const char **out, struct err *e)
{
    struct json_text t;
    *out = NULL;
    if (take_null(&l->pull)) {
        return 0;
    }
    if (!json_string(&l->pull, &t)) {
        return json_fault(&l->pull, e);
    }
    if (memchr(t.p, '\0', t.n) != NULL) {
        return err_set(e, ERR_DATA, "%s: may not hold a NUL", name);
    }
    *out = arena_strndup(&l->mem, t.p, t.n);
    return 0;
}

/* The value {"base64": "…"} of a header. */
static int parse_base64(struct record_line *l, struct header *h, struct err *e)
{
    struct json_text key, text;
    struct buffer bytes;
    buffer_init(&bytes);
    bool is_ok = json_enter(&l->pull) && json_key(&l->pull, &key) && is_name(&key, "base64") &&
                 json_string(&l->pull, &text) && base64_decode(&bytes, text.p, text.n) &&
                 !json_key(&l->pull, &key) && l->pull.fault == NULL;
    if (is_ok) {
        h->n = bytes.n;
        h->value = memcpy(arena_alloc(&l->mem, bytes.n + 1), bytes.n ? bytes.data : "", bytes.n);
    }
    buffer_done(&bytes);
    return is_ok ? 0 : err_set(e, ERR_DATA, "headers: {\"base64\": \"…\"} is expected");
}

static int parse_header_value(struct record_line *l, struct header *h, struct err *e)
{
    struct json_text t;
    switch (json_peek(&l->pull)) {
    case JSON_NULL:
        return json_null(&l->pull) ? 0 : json_fault(&l->pull, e);
    case JSON_OBJECT:
        return parse_base64(l, h, e);
    case JSON_STRING:
        if (!json_string(&l->pull, &t)) {
            return json_fault(&l->pull, e);
        }
        h->n = t.n;
        h->value = arena_strndup(&l->mem, t.p, t.n);
        return 0;
    case JSON_BAD:
    case JSON_BOOLEAN:
    case JSON_NUMBER:
    case JSON_ARRAY:
    default:
        return err_set(e, ERR_DATA, "headers: text, null or {\"base64\": \"…\"} is expected");
    }
}

static int parse_header_object(struct record_line *l, struct err *e)
{
    struct json_text name;
    if (!json_enter(&l->pull)) {
        return json_fault(&l->pull, e);
    }
    while (json_key(&l->pull, &name)) {
        if (l->nheaders == HEADERS_MAX) {
            return err_set(e, ERR_DATA, "headers: more than %d", HEADERS_MAX);
        }
        if (memchr(name.p, '\0', name.n) != NULL) {
            return err_set(e, ERR_DATA, "headers: a name may not hold a NUL");
        }
        struct header *h = &l->headers[l->nheaders++];
        *h = (struct header){.name = arena_strndup(&l->mem, name.p, name.n)};
        int rc = parse_header_value(l, h, e);
        if (rc < 0) {
            return rc;
        }
    }
    return l->pull.fault ? json_fault(&l->pull, e) : 0;
}

static int parse_headers(struct record_line *l, struct err *e)
{
    l->nheaders = 0;
    if (take_null(&l->pull)) {
        return 0;
    }
    enum json_kind kind = json_peek(&l->pull);
    if (kind != JSON_OBJECT && kind != JSON_ARRAY) {
        return err_set(e, ERR_DATA, "headers: an object is expected");
    }
    if (l->headers == NULL) {
        l->headers = arena_array(&l->mem, HEADERS_MAX, sizeof *l->headers);
    }
    if (kind == JSON_OBJECT) {
        return parse_header_object(l, e);
    }
    (void)json_enter(&l->pull);
    while (json_item(&l->pull)) {
        if (json_peek(&l->pull) != JSON_OBJECT) {
            return err_set(e, ERR_DATA, "headers: a list of objects is expected");
        }
        int rc = parse_header_object(l, e);
        if (rc < 0) {
            return rc;
        }
    }
    return l->pull.fault ? json_fault(&l->pull, e) : 0;
}

static int parse_json(struct record_line *l, struct json_text *out, struct err *e)
{
    *out = (struct json_text){0};
    if (take_null(&l->pull)) {
        return 0;
    }
    return json_skip(&l->pull, out) ? 0 : json_fault(&l->pull, e);
}

/* A member whose name has just been read. */
static int parse_member(struct record_line *l, const struct json_text *name, bool *has_value,
                        struct err *e)
{
    int64_t number = -1;
    if (is_name(name, "value")) {
        *has_value = true;
        return parse_json(l, &l->value, e);
    }
    if (is_name(name, "key")) {
        l->has_key = true;
        return parse_json(l, &l->key, e);
    }
    if (is_name(name, "topic")) {
        return parse_text(l, "topic", &l->topic, e);
    }
    if (is_name(name, "partition")) {
        int rc = parse_number(l, "partition", INT32_MAX, &number, e);
        l->partition = (int32_t)number;
        return rc;
    }
    if (is_name(name, "offset")) {
        return parse_number(l, "offset", INT64_MAX, &l->offset, e);
    }
    if (is_name(name, "timestamp")) {
        return parse_number(l, "timestamp", INT64_MAX, &l->timestamp, e);
    }
    if (is_name(name, "headers")) {
        return parse_headers(l, e);
    }
    static const char *const names[] = {"topic",     "partition", "offset", "key",
                                        "timestamp", "headers",   "value",  NULL};
    char copy[64];
    size_t n = name->n < sizeof copy - 1 ? name->n : sizeof copy - 1;
    memcpy(copy, name->p, n);
    copy[n] = '\0';
    const char *near = nearest_name(copy, names);
    return err_set(e, ERR_DATA, "a record line has no '%s'%s%s%s", copy,
                   near ? "; did you mean '" : " (--rows takes each line as a value)",
                   near ? near : "", near ? "'?" : "");
}

static int parse(struct record_line *l, struct err *e)
{
    struct json_text name;
    bool has_value = false;
    if (json_peek(&l->pull) != JSON_OBJECT) {
        return err_set(e, ERR_DATA, "a record line is a JSON object");
    }
    (void)json_enter(&l->pull);
    while (json_key(&l->pull, &name)) {
        int rc = parse_member(l, &name, &has_value, e);
        if (rc < 0) {
            return rc;
        }
    }
    if (!json_finish(&l->pull)) {
        return json_fault(&l->pull, e);
    }
    return has_value ? 0 : err_set(e, ERR_DATA, "a record line needs a \"value\"");
}

int record_line_parse(struct record_line *l, const char *p, size_t n, struct err *e)
{
    arena_reset(&l->mem);
    l->topic = NULL;
    l->partition = -1;
    l->offset = l->timestamp = -1;
    l->has_key = false;
    l->key = l->value = (struct json_text){0};
    l->headers = NULL;
    l->nheaders = 0;
    json_begin(&l->pull, arena_strndup(&l->mem, p, n), n);
    return parse(l, e);
}

static bool has_equal_names(const struct record *r)
{
    for (size_t i = 1; i < r->nheaders; i++) {
        for (size_t k = 0; k < i; k++) {
            if (strcmp(r->headers[i].name, r->headers[k].name) == 0) {
                return true;
            }
        }
    }
    return false;
}

static void print_header(struct buffer *out, const struct header *h)
{
    json_print_string(out, h->name, strlen(h->name));
    buffer_byte(out, ':');
    if (h->value == NULL) {
        buffer_text(out, "null");
    } else if (utf8_valid(h->value, h->n)) {
        json_print_string(out, h->value, h->n);
    } else {
        buffer_text(out, "{\"base64\":\"");
        base64_encode(out, h->value, h->n);
        buffer_text(out, "\"}");
    }
}

static void print_headers(struct buffer *out, const struct record *r)
{
    const char *between = has_equal_names(r) ? "},{" : ",";
    bool is_list = between[0] == '}';
    buffer_text(out, is_list ? "\"headers\":[{" : "\"headers\":{");
    for (size_t i = 0; i < r->nheaders; i++) {
        buffer_text(out, i > 0 ? between : "");
        print_header(out, &r->headers[i]);
    }
    buffer_text(out, is_list ? "}]," : "},");
}

static void print_number(struct buffer *out, const char *name, int64_t v)
{
    if (v >= 0) {
        json_print_string(out, name, strlen(name));
        buffer_byte(out, ':');
        json_print_long(out, v);
        buffer_byte(out, ',');
    }
}

static void print_json(struct buffer *out, const char *name, struct json_text json)
{
    buffer_text(out, name);
    buffer_add(out, json.p ? json.p : "null", json.p ? json.n : 4);
}

void record_line_print(struct buffer *out, const struct record *r, struct json_text key,
                       struct json_text value)
{
    buffer_byte(out, '{');
    if (r->topic != NULL) {
        buffer_text(out, "\"topic\":");
        json_print_string(out, r->topic, strlen(r->topic));
        buffer_byte(out, ',');
    }
    print_number(out, "partition", r->partition);
    print_number(out, "offset", r->offset);
    print_json(out, "\"key\":", key);
    buffer_byte(out, ',');
    print_number(out, "timestamp", r->timestamp);
    if (r->nheaders > 0) {
        print_headers(out, r);
    }
    print_json(out, "\"value\":", value);
    buffer_byte(out, '}');
}

bool record_line_text(struct buffer *out, struct json_text json)
{
    struct json_pull j;
    struct json_text t;
    json_pull_init(&j);
    json_begin(&j, json.p ? json.p : "", json.n);
    bool is_string = json_string(&j, &t) && json_finish(&j);
    if (is_string) {
        buffer_add(out, t.p, t.n);
    }
    json_pull_done(&j);
    return is_string;
}
