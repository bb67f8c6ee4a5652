/* Avro object container files, read.
 *
 *     "Obj" 1 | metadata: map<bytes> | sync (16 bytes)
 *     { count | size | size bytes, perhaps deflated | sync }*
 *
 * The datums of a block are not delimited, so each is found by skipping it with the writer's
 * schema.
 *
 * Hostile files: sizes are checked against CONTAINER_BLOCK_MAX before memory is taken, and memory
 * grows with what is really there; inflating stops at the same limit; a block's datums must end
 * with its bytes; datums without any bytes (schema null) end at AVRO_ZERO_BYTES_MAX per file.
 */
#include "schemas/container.h"

#include "engine/arena.h"
#include "engine/buffer.h"
#include "engine/memory.h"
#include "schemas/avro_read.h"
#include "schemas/schema_text.h"

#include <string.h>
#include <zlib.h>

#define ENTRIES_MAX 1024
#define CHUNK       65536

struct container {
    FILE *f;
    const char *name;
    struct arena mem;
    const char *schema;
    struct avro_node *node;
    enum container_codec codec;
    uint8_t sync[16];
    struct buffer packed, unpacked;
    const uint8_t *p, *end; /* what is left of the block */
    int64_t left;           /* datums in it */
    int64_t empty;          /* datums without bytes so far */
};

static int damaged(const struct container *c, struct err *e, const char *what)
{
    return err_set(e, ERR_DATA, "%s: not an Avro container file, or damaged: %s", c->name, what);
}

/* n bytes into `to`, which is cleared before; memory is taken as they come. */
static int read_bytes(struct container *c, struct buffer *to, size_t n, struct err *e)
{
    buffer_clear(to);
    while (to->n < n) {
        size_t want = n - to->n < CHUNK ? n - to->n : CHUNK;
        size_t got = fread(buffer_reserve(to, want), 1, want, c->f);
        to->n += got;
        if (got < want) {
            return damaged(c, e, "it ends in the middle");
        }
    }
    return 0;
}

/* 1 with a long, 0 when the file ends before its first byte. */
static int read_long(struct container *c, int64_t *v, struct err *e)
{
    uint8_t bytes[10];
    size_t n = 0;
    for (int byte = fgetc(c->f); byte != EOF; byte = fgetc(c->f)) {
        bytes[n++] = (uint8_t)byte;
        if (byte < 0x80) {
            return varint_read(bytes, bytes + n, v) ? 1 : damaged(c, e, "a number is malformed");
        }
        if (n == sizeof bytes) {
            return damaged(c, e, "a number is malformed");
        }
    }
    return n == 0 ? 0 : damaged(c, e, "it ends in the middle");
}

static int need_long(struct container *c, int64_t *v, struct err *e)
{
    int rc = read_long(c, v, e);
    return rc == 0 ? damaged(c, e, "it ends in the middle") : rc;
}

/* A string of the metadata into `to`. */
static int read_slice(struct container *c, struct buffer *to, struct err *e)
{
    int64_t n;
    int rc = need_long(c, &n, e);
    if (rc < 0) {
        return rc;
    }
    if (n < 0 || n > SCHEMA_BYTES_MAX) {
        return damaged(c, e, "its metadata are too long");
    }
    return read_bytes(c, to, (size_t)n, e);
}

static bool is_text(const struct buffer *b, const char *s)
{
    return b->n == strlen(s) && memcmp(b->data ? b->data : "", s, b->n) == 0;
}

static int read_entry(struct container *c, struct err *e)
{
    int rc = read_slice(c, &c->packed, e);
    rc = rc < 0 ? rc : read_slice(c, &c->unpacked, e);
    if (rc < 0) {
        return rc;
    }
    if (is_text(&c->packed, "avro.schema")) {
        buffer_cstr(&c->unpacked);
        if (strlen(c->unpacked.data) != c->unpacked.n) {
            return damaged(c, e, "its schema holds a NUL");
        }
        c->schema = arena_strndup(&c->mem, c->unpacked.data, c->unpacked.n);
    } else if (is_text(&c->packed, "avro.codec")) {
        bool is_deflate = is_text(&c->unpacked, "deflate");
        if (!is_deflate && !is_text(&c->unpacked, "null")) {
            return err_set(e, ERR_DATA, "%s: codec '%.40s' is not known (null and deflate are)",
                           c->name, buffer_cstr(&c->unpacked));
        }
        c->codec = is_deflate ? CONTAINER_DEFLATE : CONTAINER_NULL;
    }
    return 0;
}

static int read_metadata(struct container *c, struct err *e)
{
    int64_t count, size, seen = 0;
    for (;;) {
        int rc = need_long(c, &count, e);
        if (rc < 0 || count == 0) {
            return rc < 0 ? rc : 0;
        }
        if (count < 0) { /* a block that gives its size */
            rc = need_long(c, &size, e);
            count = count == INT64_MIN ? INT64_MAX : -count;
        }
        for (int64_t i = 0; i < count && rc >= 0; i++) {
            rc =
                ++seen > ENTRIES_MAX ? damaged(c, e, "it has too many metadata") : read_entry(c, e);
        }
        if (rc < 0) {
            return rc;
        }
    }
}

static int read_header(struct container *c, struct err *e)
{
    int rc = read_bytes(c, &c->packed, 4, e);
    if (rc < 0 || memcmp(c->packed.data, "Obj\1", 4) != 0) {
        return rc < 0 ? rc : damaged(c, e, "it does not begin with 'Obj'");
    }
    rc = read_metadata(c, e);
    rc = rc < 0 ? rc : read_bytes(c, &c->packed, sizeof c->sync, e);
    if (rc < 0) {
        return rc;
    }
    memcpy(c->sync, c->packed.data, sizeof c->sync);
    if (c->schema == NULL) {
        return damaged(c, e, "it has no schema");
    }
    struct err cause = {0};
    if (avro_schema_parse(&c->node, &c->mem, c->schema, strlen(c->schema), &cause) < 0) {
        return err_set(e, ERR_DATA, "%s: its schema: %.800s", c->name, cause.text);
    }
    return 0;
}

int container_open(struct container **out, FILE *f, const char *name, struct err *e)
{
    struct container *c = mem_zalloc(sizeof *c);
    c->f = f;
    c->name = name;
    arena_init(&c->mem);
    buffer_init(&c->packed);
    buffer_init(&c->unpacked);
    int rc = read_header(c, e);
    if (rc < 0) {
        container_close(c);
        return rc;
    }
    *out = c;
    return 0;
}

const char *container_schema(const struct container *c)
{
    return c->schema;
}

void container_close(struct container *c)
{
    buffer_done(&c->packed);
    buffer_done(&c->unpacked);
    arena_done(&c->mem);
    mem_free(c);
}

static int inflate_block(struct container *c, struct err *e)
{
    z_stream z = {.next_in = (Bytef *)c->packed.data, .avail_in = (uInt)c->packed.n};
    if (inflateInit2(&z, -15) != Z_OK) {
        return err_set(e, ERR_FATAL, "%s: zlib cannot start", c->name);
    }
    buffer_clear(&c->unpacked);
    int state = Z_OK;
    while (state == Z_OK && c->unpacked.n <= CONTAINER_BLOCK_MAX) {
        z.next_out = (Bytef *)buffer_reserve(&c->unpacked, CHUNK);
        z.avail_out = CHUNK;
        state = inflate(&z, Z_NO_FLUSH);
        c->unpacked.n += CHUNK - z.avail_out;
    }
    inflateEnd(&z);
    if (c->unpacked.n > CONTAINER_BLOCK_MAX) {
        return damaged(c, e, "a block is too large");
    }
    return state == Z_STREAM_END ? 0 : damaged(c, e, "a block cannot be inflated");
}

/* 1 with the next block, 0 at the end of the file. */
static int read_block(struct container *c, struct err *e)
{
    int64_t size;
    int rc = read_long(c, &c->left, e);
    if (rc <= 0) {
        return rc;
    }
    rc = need_long(c, &size, e);
    if (rc < 0) {
        return rc;
    }
    if (c->left < 0 || size < 0 || size > CONTAINER_BLOCK_MAX) {
        return damaged(c, e, "a block has no valid size");
    }
    uint8_t sync[sizeof c->sync];
    rc = read_bytes(c, &c->packed, (size_t)size, e);
    if (rc < 0) {
        return rc;
    }
    if (fread(sync, 1, sizeof sync, c->f) != sizeof sync ||
        memcmp(sync, c->sync, sizeof sync) != 0) {
        return damaged(c, e, "a block does not end with the sync marker");
    }
    rc = c->codec == CONTAINER_DEFLATE ? inflate_block(c, e) : 0;
    const struct buffer *b = c->codec == CONTAINER_DEFLATE ? &c->unpacked : &c->packed;
    c->p = (const uint8_t *)(b->data ? b->data : "");
    c->end = c->p + b->n;
    return rc < 0 ? rc : 1;
}

int container_next(struct container *c, const void **p, size_t *n, struct err *e)
{
    while (c->left == 0) {
        if (c->p != c->end) {
            return damaged(c, e, "a block is longer than its data");
        }
        int rc = read_block(c, e);
        if (rc <= 0) {
            return rc;
        }
    }
    struct avro_in in = {.p = c->p, .end = c->end};
    in.fuel = AVRO_ZERO_BYTES_MAX + 8 * (c->end - c->p);
    if (avro_read_skip(&in, c->node, 0) < 0) {
        return damaged(c, e, in.why);
    }
    c->empty += in.p == c->p;
    if (c->empty > AVRO_ZERO_BYTES_MAX) {
        return damaged(c, e, "it has too many data of no bytes");
    }
    *p = c->p;
    *n = (size_t)(in.p - c->p);
    c->p = in.p;
    c->left--;
    return 1;
}
