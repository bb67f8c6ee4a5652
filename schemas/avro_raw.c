/* avro_raw: bare Avro data, written with the schema that the topology gives; no registry is asked.
 * See schemas/avro_codec.c.
 */
#include "schemas/avro_codec.h"

const struct codec_def codec_avro_raw = {
    .name = "avro_raw",
    .doc = "Avro without anything in front; needs `schema`",
    .for_key = true,
    .for_value = true,
    .needs_columns = true,
    .infer = avro_codec_infer,
    .reader_open = avro_codec_raw_reader_open,
    .read = avro_codec_raw_read,
    .reader_close = avro_codec_reader_close,
    .check = avro_codec_check,
    .writer_open = avro_codec_raw_writer_open,
    .write = avro_codec_write,
    .writer_close = avro_codec_writer_close,
};
