/* CSV as text, after RFC 4180.
 *
 *     a,"b, with comma","say ""hi""",,""
 *
 *   field     plain up to the next comma, or in double quotes with quotes doubled; a quote within a
 *             plain field is text
 *   line end  LF or CRLF; inside quotes it is text
 *   null      nothing between two commas; "" is the empty text
 */
#include "schemas/csv.h"

#include <string.h>

void csv_fields_init(struct csv_fields *f)
{
    memset(f, 0, sizeof *f);
    buffer_init(&f->text);
}

void csv_fields_done(struct csv_fields *f)
{
    buffer_done(&f->text);
}

void csv_begin(struct csv_fields *f, const char *p, size_t n)
{
    if (n > 0 && p[n - 1] == '\n') {
        n--;
    }
    if (n > 0 && p[n - 1] == '\r') {
        n--;
    }
    f->p = p;
    f->end = p + n;
    f->fault = NULL;
}

/* A field in quotes, p behind the first one; rewritten into f->text only when it holds quotes. */
static bool quoted(struct csv_fields *f, const char *p, const char **text, size_t *n)
{
    buffer_clear(&f->text);
    for (;;) {
        const char *quote = memchr(p, '"', (size_t)(f->end - p));
        if (quote == NULL) {
            f->fault = "a quoted field has no end";
            return false;
        }
        bool is_last = quote + 1 == f->end || quote[1] != '"';
        if (is_last && f->text.n == 0) {
            *text = p;
            *n = (size_t)(quote - p);
        } else {
            buffer_add(&f->text, p, (size_t)(quote - p) + !is_last);
            *text = f->text.data;
            *n = f->text.n;
        }
        p = quote + 1 + !is_last;
        if (is_last) {
            break;
        }
    }
    if (p < f->end && *p != ',') {
        f->fault = "a comma is expected behind the quoted field";
        return false;
    }
    f->p = p < f->end ? p + 1 : NULL;
    return true;
}

bool csv_next(struct csv_fields *f, const char **text, size_t *n, bool *is_quoted)
{
    if (f->p == NULL || f->fault != NULL) {
        return false;
    }
    *is_quoted = f->p < f->end && *f->p == '"';
    if (*is_quoted) {
        return quoted(f, f->p + 1, text, n);
    }
    const char *comma = memchr(f->p, ',', (size_t)(f->end - f->p));
    *text = f->p;
    *n = (size_t)((comma ? comma : f->end) - f->p);
    f->p = comma ? comma + 1 : NULL;
    return true;
}

size_t csv_record(const char *p, size_t n)
{
    bool is_inside = false, at_start = true;
    for (size_t i = 0; i < n; i++) {
        if (is_inside) {
            const char *quote = memchr(p + i, '"', n - i);
            if (quote == NULL) {
                return 0;
            }
            i = (size_t)(quote - p);
            if (i + 1 < n && p[i + 1] == '"') {
                i++;
            } else {
                is_inside = false;
            }
        } else if (p[i] == '"' && at_start) {
            is_inside = true;
        } else if (p[i] == '\n') {
            return i + 1;
        }
        at_start = p[i] == ',';
    }
    return 0;
}

void csv_print_field(struct buffer *out, const char *text, size_t n)
{
    if (text == NULL) {
        return;
    }
    bool is_plain = n > 0;
    for (size_t i = 0; i < n && is_plain; i++) {
        is_plain = text[i] != '"' && text[i] != ',' && text[i] != '\n' && text[i] != '\r';
    }
    if (is_plain) {
        buffer_add(out, text, n);
        return;
    }
    buffer_byte(out, '"');
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '"') {
            buffer_byte(out, '"');
        }
        buffer_byte(out, (uint8_t)text[i]);
    }
    buffer_byte(out, '"');
}
