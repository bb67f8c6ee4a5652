/* Avro object container files, written; see container.c for their form.
 *
 *   block   ends at BLOCK bytes, with container_flush(), never in between
 *   sync    from a hash of the schema: equal input makes equal files
 */
#include "schemas/container.h"

#include "engine/buffer.h"
#include "engine/hash.h"
#include "engine/memory.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <zlib.h>

#define BLOCK 65536

struct container_writer {
    FILE *f;
    enum container_codec codec;
    char sync[16];
    struct buffer data, out;
    int64_t count;
};

static void add_slice(struct buffer *b, const char *text)
{
    buffer_varint(b, (int64_t)strlen(text));
    buffer_text(b, text);
}

/* Writes and clears w->out. */
static int write_out(struct container_writer *w, struct err *e)
{
    size_t done = fwrite(w->out.data, 1, w->out.n, w->f);
    bool is_ok = done == w->out.n && fflush(w->f) == 0;
    buffer_clear(&w->out);
    return is_ok ? 0 : err_set(e, ERR_RETRY, "writing failed: %s", strerror(errno));
}

int container_writer_open(struct container_writer **out, FILE *f, const char *schema_json,
                          enum container_codec codec, struct err *e)
{
    struct container_writer *w = mem_zalloc(sizeof *w);
    w->f = f;
    w->codec = codec;
    for (uint64_t half = 0; half < 2; half++) {
        uint64_t h = hash_stable(schema_json, strlen(schema_json), half);
        memcpy(w->sync + 8 * half, &h, sizeof h);
    }
    buffer_init(&w->data);
    buffer_init(&w->out);
    buffer_add(&w->out, "Obj\1", 4);
    buffer_varint(&w->out, 2);
    add_slice(&w->out, "avro.schema");
    add_slice(&w->out, schema_json);
    add_slice(&w->out, "avro.codec");
    add_slice(&w->out, codec == CONTAINER_DEFLATE ? "deflate" : "null");
    buffer_varint(&w->out, 0);
    buffer_add(&w->out, w->sync, sizeof w->sync);
    int rc = write_out(w, e);
    if (rc < 0) {
        container_writer_close(w);
        return rc;
    }
    *out = w;
    return 0;
}

/* Appends w->data, deflated, behind its size. */
static int add_deflated(struct container_writer *w, struct err *e)
{
    z_stream z = {.next_in = (Bytef *)w->data.data, .avail_in = (uInt)w->data.n};
    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        return err_set(e, ERR_FATAL, "zlib cannot start");
    }
    struct buffer packed;
    buffer_init(&packed);
    uLong bound = deflateBound(&z, w->data.n);
    z.next_out = (Bytef *)buffer_reserve(&packed, bound);
    z.avail_out = (uInt)bound;
    int state = deflate(&z, Z_FINISH);
    packed.n = bound - z.avail_out;
    deflateEnd(&z);
    if (state == Z_STREAM_END) {
        buffer_varint(&w->out, (int64_t)packed.n);
        buffer_add(&w->out, packed.data, packed.n);
    }
    buffer_done(&packed);
    return state == Z_STREAM_END ? 0 : err_set(e, ERR_FATAL, "zlib cannot deflate a block");
}

int container_flush(struct container_writer *w, struct err *e)
{
    if (w->count == 0) {
        return 0;
    }
    buffer_varint(&w->out, w->count);
    if (w->codec == CONTAINER_DEFLATE) {
        int rc = add_deflated(w, e);
        if (rc < 0) {
            return rc;
        }
    } else {
        buffer_varint(&w->out, (int64_t)w->data.n);
        buffer_add(&w->out, w->data.data, w->data.n);
    }
    buffer_add(&w->out, w->sync, sizeof w->sync);
    buffer_clear(&w->data);
    w->count = 0;
    return write_out(w, e);
}

int container_write(struct container_writer *w, const void *p, size_t n, struct err *e)
{
    if (n > CONTAINER_BLOCK_MAX / 2) {
        return err_set(e, ERR_DATA, "a datum of %zu bytes is too long for a container file", n);
    }
    buffer_add(&w->data, p, n);
    w->count++;
    return w->data.n >= BLOCK ? container_flush(w, e) : 0;
}

void container_writer_close(struct container_writer *w)
{
    buffer_done(&w->data);
    buffer_done(&w->out);
    mem_free(w);
}
