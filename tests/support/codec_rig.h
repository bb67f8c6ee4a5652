/* For tests of codecs: a codec opened over columns that are written as YAML, and a batch to read
 * into. */
#ifndef KLAMM_TESTS_CODEC_RIG_H
#define KLAMM_TESTS_CODEC_RIG_H

#include "engine/codec.h"

struct rig {
    struct arena plan, mem;
    struct diags diags;
    struct err err;
    struct codec_spec spec;
    struct schema *schema;
    struct codec_reader *reader;
    struct codec_writer *writer;
    struct batch *batch;
    struct buffer out;
};

/* Infers the columns ("{a: long}", NULL: none given) and makes a batch of `rows` rows. */
void rig_init(struct rig *r, const struct codec_def *def, bool is_key, const char *columns,
              uint16_t rows);
/* Opens the reader; needs may be NULL. */
void rig_reader(struct rig *r, const bool *needs);
void rig_writer(struct rig *r);
/* Reads text into a row; the error is cleared before. */
int rig_read(struct rig *r, uint16_t row, const char *text);
int rig_read_bytes(struct rig *r, uint16_t row, const void *p, size_t n);
/* Writes a row; NULL when it fails or is null, else its text. */
const char *rig_write(struct rig *r, uint16_t row);
/* Number of a column; fails the test when there is none. */
uint16_t rig_column(const struct rig *r, const char *name);
/* Text of a value as vec_print() has it. */
const char *rig_value(struct rig *r, const char *name, uint16_t row);
void rig_done(struct rig *r);

#endif
