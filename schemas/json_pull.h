/* JSON as a pull parser: the caller asks for the next key, item or value and says what it expects.
 *
 *     json_begin(&j, p, n);
 *     json_enter(&j);                                at '{' or '['
 *     while (json_key(&j, &key)) { json_skip(&j, NULL); }      or json_item(&j) in an array
 *     json_finish(&j);
 *
 * Strict RFC 8259 over UTF-8, at most JSON_DEPTH levels, no recursion. After a fault every call
 * fails, so loops end by themselves and the fault is looked at once. One owner.
 */
#ifndef KLAMM_SCHEMAS_JSON_PULL_H
#define KLAMM_SCHEMAS_JSON_PULL_H

#include "engine/buffer.h"
#include "engine/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_DEPTH 64

enum json_kind {
    JSON_BAD, /* no value begins here, or there was a fault */
    JSON_NULL,
    JSON_BOOLEAN,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT,
};

/* Part of the input, or of the parser's scratch memory (until the next string is read). */
struct json_text {
    const char *p; /* NULL: absent */
    size_t n;
};

struct json_number {
    bool is_long; /* written without fraction and exponent, and fits in i */
    int64_t i;
    double d; /* always set, finite */
};

struct json_pull {
    const char *begin, *p, *end;
    const char *fault;        /* what is wrong at p; NULL: nothing so far */
    int depth;                /* open objects and arrays */
    uint64_t object, started; /* bit depth-1: it is an object; it has had an item */
    struct buffer scratch;    /* strings with escapes */
};

void json_pull_init(struct json_pull *j);
void json_pull_done(struct json_pull *j);
/* Begins reading p, which stays the caller's and must outlive the reading. */
void json_begin(struct json_pull *j, const char *p, size_t n);
/* What begins here, after white space. */
enum json_kind json_peek(struct json_pull *j);
bool json_enter(struct json_pull *j);
/* The next key of the object (its value is next), or false when the object is closed. */
bool json_key(struct json_pull *j, struct json_text *key);
/* True when another item is next in the array, false when the array is closed. */
bool json_item(struct json_pull *j);
bool json_string(struct json_pull *j, struct json_text *t);
bool json_number(struct json_pull *j, struct json_number *v);
bool json_boolean(struct json_pull *j, bool *v);
bool json_null(struct json_pull *j);
/* Passes over one value of any kind, checking it; raw (may be NULL) is its text. */
bool json_skip(struct json_pull *j, struct json_text *raw);
/* Nothing but white space is left. */
bool json_finish(struct json_pull *j);
/* The fault with its position as an ERR_DATA; returns -ERR_DATA. */
int json_fault(const struct json_pull *j, struct err *e);

#endif
