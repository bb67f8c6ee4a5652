/* CSV (RFC 4180) as text: where records end and what their fields are. Pure functions; the codec of
 * the same name is in csv.c. */
#ifndef KLAMM_SCHEMAS_CSV_H
#define KLAMM_SCHEMAS_CSV_H

#include "engine/codec.h"

#include <stdbool.h>
#include <stddef.h>

/* A cursor over the fields of one record. */
struct csv_fields {
    const char *p, *end; /* p NULL: no field is left */
    struct buffer text;  /* of the last field when it held doubled quotes */
    const char *fault;
};

void csv_fields_init(struct csv_fields *f);
void csv_fields_done(struct csv_fields *f);
/* Begins reading a record; one line end behind it is ignored. */
void csv_begin(struct csv_fields *f, const char *p, size_t n);
/* The next field; false at the end or at a fault. The text is good until the next call; is_quoted
 * tells "" (empty text) from nothing (null). */
bool csv_next(struct csv_fields *f, const char **text, size_t *n, bool *is_quoted);
/* Length of the first record of a text with its line end (quotes may hold line ends); 0 when it
 * does not end within n bytes. */
size_t csv_record(const char *p, size_t n);
/* Prints one field, quoted where it must be; NULL is a null. */
void csv_print_field(struct buffer *out, const char *text, size_t n);

/* Reads columns in the order of a header record instead of the declared one: columns that it does
 * not name are null, names without a column are skipped. `r` is an open reader of the codec csv. */
int csv_header(struct codec_reader *r, const char *p, size_t n, struct err *e);

#endif
