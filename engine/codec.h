/* Codec: bytes of a record's key or value to and from columns. One file each under schemas/.
 *
 * Reading is row by row into a batch under construction; a codec reads only the columns that are
 * needed. A reader or writer belongs to one task; codec_spec lives in the plan's arena.
 */
#ifndef KLAMM_ENGINE_CODEC_H
#define KLAMM_ENGINE_CODEC_H

#include "engine/batch.h"
#include "engine/buffer.h"
#include "engine/error.h"
#include "engine/record.h"
#include "engine/schema_store.h"

struct yaml;

struct codec_reader; /* the codec's own */
struct codec_writer;

/* What a topology says about one key or value. */
struct codec_spec {
    const struct codec_def *def;
    bool is_key;
    const char *topic;
    struct place at; /* of the `from` or `to` */
    const char *path;
    const char *schema_file;    /* avro: reader's schema, already resolved against the topology's
                                   folder; NULL: the registry's latest */
    const char *schema_json;    /* text of schema_file or of the registry's latest; NULL: none */
    const struct yaml *columns; /* `columns: {name: type}`, or NULL */
    const char *subject;        /* registry subject for writing */
    const char *record_name;    /* Avro record: PascalCase stream name */
    const char *namespace_;     /* klamm.<topology> */
};

struct codec_def {
    const char *name, *doc;
    bool for_key, for_value;
    bool needs_columns; /* types must be given: `columns` or `schema` */
    /* Appends the columns that reading yields to `out` (room is there: COLUMNS_MAX). Problems go to
     * d. */
    int (*infer)(const struct codec_spec *spec, struct arena *a, struct schema *out,
                 struct diags *d);
    /* `schema` holds the columns to fill, matched by name (a codec ignores names it does not know
     * and hidden ones); needs[c] false: leave it alone. */
    int (*reader_open)(struct codec_reader **out, const struct codec_spec *spec,
                       const struct schema *schema, const bool *needs, struct schema_store *schemas,
                       struct err *e);
    /* Fills row `row` of b's columns. -ERR_DATA with a message: b's row must be considered garbage
     * and may be filled again. Long strings are copied into b->mem. p is not NULL. */
    int (*read)(struct codec_reader *r, const void *p, size_t n, struct batch *b, uint16_t row,
                struct err *e);
    /* Optional, before the first read: the bytes are a header line, whose names say from now on
     * which field is which column. -ERR_DATA: they are none. */
    int (*header)(struct codec_reader *r, const char *p, size_t n, struct err *e);
    void (*reader_close)(struct codec_reader *r);

    /* Optional, for the plan: whether a writer can be opened for these columns. */
    int (*check)(const struct codec_spec *spec, const struct schema *schema, struct err *e);
    /* Registers the schema where there is one. For values all visible columns are written, for keys
     * the key columns. */
    int (*writer_open)(struct codec_writer **out, const struct codec_spec *spec,
                       const struct schema *schema, struct schema_store *schemas, struct err *e);
    /* Appends the bytes of one row and returns 0; 1: the key or value is null, nothing was
     * appended. -ERR_DATA: the row cannot be written. */
    int (*write)(struct codec_writer *w, const struct batch *b, uint16_t row, struct buffer *out,
                 struct err *e);
    void (*writer_close)(struct codec_writer *w);
};

/* NULL: there is none. */
const struct codec_def *codec_named(const char *name);

#endif
