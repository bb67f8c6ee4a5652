/* avro: Avro in the wire format of schema registries. Byte 0, the id of the writer's schema in 4
 * bytes big endian, the datum. See schemas/avro_codec.c.
 */
#include "schemas/avro_codec.h"

const struct codec_def codec_avro = {
    .name = "avro",
    .doc = "Avro with a schema id in front, as schema registries have it",
    .for_key = true,
    .for_value = true,
    .infer = avro_codec_infer,
    .reader_open = avro_codec_reader_open,
    .read = avro_codec_read,
    .reader_close = avro_codec_reader_close,
    .check = avro_codec_check,
    .writer_open = avro_codec_writer_open,
    .write = avro_codec_write,
    .writer_close = avro_codec_writer_close,
};
