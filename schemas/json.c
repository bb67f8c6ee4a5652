/* codec json: one JSON object per key or value.
 *
 *   columns in    members by name, those of nested objects as a.b; arrays and maps as nested bytes;
 *                 types are declared (`columns` or an Avro `schema`), see json_value.c
 *   columns out   all visible columns (of a key: the key columns), nested again, see json_shape.c
 *   null          a missing member is null; a column that may not be null makes the row bad
 *   twice         of equal members the last wins, with everything in it
 *   unknown       members without a column are checked and skipped
 *
 * Members usually come in the same order in every row: after a hit the child behind it is tried
 * first, so most look-ups are one comparison. Which columns a row had is told by row numbers (seen)
 * instead of flags that would have to be cleared.
 */
#include "engine/codec.h"
#include "engine/memory.h"
#include "schemas/columns.h"
#include "schemas/json_print.h"
#include "schemas/json_value.h"

#include <string.h>

struct codec_reader {
    const struct schema *schema;
    struct arena arena;
    struct json_values values;
    struct json_node *root;
    uint16_t *column; /* to fill */
    uint16_t ncolumns;
    uint32_t *seen;  /* by column: the row that had it last */
    uint32_t number; /* of the row being read */
};

struct codec_writer {
    struct json_rows rows;
};

static int json_infer(const struct codec_spec *spec, struct arena *a, struct schema *out,
                      struct diags *d)
{
    return columns_infer(spec, a, out, d);
}

static int json_reader_open(struct codec_reader **out, const struct codec_spec *spec,
                            const struct schema *schema, const bool *needs,
                            struct schema_store *schemas, struct err *e)
{
    (void)schemas;
    (void)e;
    struct codec_reader *r = mem_zalloc(sizeof *r);
    r->schema = schema;
    arena_init(&r->arena);
    json_values_init(&r->values);
    r->column = arena_array(&r->arena, schema->n + 1U, sizeof *r->column);
    r->ncolumns = columns_to_read(spec, schema, needs, r->column);
    r->root = json_shape(&r->arena, schema, r->column, r->ncolumns);
    r->seen = arena_zalloc(&r->arena, (schema->n + 1U) * sizeof *r->seen);
    *out = r;
    return 0;
}

static void json_reader_close(struct codec_reader *r)
{
    json_values_done(&r->values);
    arena_done(&r->arena);
    mem_free(r);
}

/* Forgets what an earlier member of the same name brought. */
static void forget(struct codec_reader *r, struct json_node *node)
{
    node->seen = 0;
    if (node->column >= 0) {
        r->seen[node->column] = 0;
    }
    for (uint16_t i = 0; i < node->nchild; i++) {
        forget(r, node->child[i]);
    }
}

static struct json_node *find_child(struct json_node *node, const struct json_text *key)
{
    if (node->next < node->nchild) {
        struct json_node *child = node->child[node->next];
        if (child->name_n == key->n && memcmp(child->name, key->p, key->n) == 0) {
            node->next++;
            return child;
        }
    }
    struct json_node *child = json_child(node, key->p, key->n);
    if (child != NULL) {
        node->next = (uint16_t)(child->index + 1);
    }
    return child;
}

static int read_column(struct codec_reader *r, uint16_t c, struct batch *b, uint16_t row,
                       struct err *e)
{
    struct nested_value v;
    int rc = json_value_read(&r->values, r->schema->col[c].type, &v, e);
    if (rc < 0) {
        return err_prefix(e, "%.200s", r->schema->col[c].name);
    }
    if (rc > 0) {
        vec_set_value(&b->col[c], b->mem, row, &v);
    }
    r->seen[c] = rc > 0 ? r->number : 0;
    return 0;
}

/* The members of the object at hand; as deep as the shape, which is bounded. */
static int read_object(struct codec_reader *r, struct json_node *node, struct batch *b,
                       uint16_t row, struct err *e)
{
    struct json_pull *j = &r->values.pull;
    struct json_text key;
    node->next = 0;
    (void)json_enter(j);
    while (json_key(j, &key)) {
        struct json_node *child = find_child(node, &key);
        if (child == NULL) {
            (void)json_skip(j, NULL);
            continue;
        }
        int rc = 0;
        if (child->column >= 0) {
            rc = read_column(r, (uint16_t)child->column, b, row, e);
        } else {
            if (child->seen == r->number) {
                forget(r, child);
            }
            child->seen = r->number;
            enum json_kind kind = json_peek(j);
            if (kind == JSON_OBJECT) {
                rc = read_object(r, child, b, row, e);
            } else if (kind == JSON_NULL) {
                (void)json_null(j);
            } else {
                rc = kind == JSON_BAD
                         ? json_fault(j, e)
                         : err_set(e, ERR_DATA, "%.*s: an object is expected",
                                   (int)(child->name_n < 200 ? child->name_n : 200), child->name);
            }
        }
        if (rc < 0) {
            return rc;
        }
    }
    return j->fault ? json_fault(j, e) : 0;
}

static int fill_missing(struct codec_reader *r, struct batch *b, uint16_t row, struct err *e)
{
    for (uint16_t i = 0; i < r->ncolumns; i++) {
        uint16_t c = r->column[i];
        if (r->seen[c] == r->number) {
            continue;
        }
        if (!r->schema->col[c].nullable) {
            return err_set(e, ERR_DATA, "%.200s: is missing or null, and may not be",
                           r->schema->col[c].name);
        }
        vec_clear_row(&b->col[c], b->mem, b->rows, row);
    }
    return 0;
}

static int json_read(struct codec_reader *r, const void *p, size_t n, struct batch *b, uint16_t row,
                     struct err *e)
{
    struct json_pull *j = &r->values.pull;
    if (++r->number == 0) { /* the numbers have wrapped round: old ones must not count */
        forget(r, r->root);
        r->number = 1;
    }
    json_begin(j, p, n);
    if (json_peek(j) != JSON_OBJECT) {
        return err_set(e, ERR_DATA, "a JSON object is expected");
    }
    int rc = read_object(r, r->root, b, row, e);
    if (rc < 0) {
        return rc;
    }
    return json_finish(j) ? fill_missing(r, b, row, e) : json_fault(j, e);
}

static int json_writer_open(struct codec_writer **out, const struct codec_spec *spec,
                            const struct schema *schema, struct schema_store *schemas,
                            struct err *e)
{
    (void)schemas;
    (void)e;
    struct codec_writer *w = mem_zalloc(sizeof *w);
    uint16_t *column = mem_array(schema->n + 1U, sizeof *column);
    uint16_t n = columns_to_write(spec, schema, column);
    json_rows_init_columns(&w->rows, schema, column, n);
    mem_free(column);
    *out = w;
    return 0;
}

static int json_write(struct codec_writer *w, const struct batch *b, uint16_t row,
                      struct buffer *out, struct err *e)
{
    (void)e;
    json_rows_print(&w->rows, b, row, out);
    return 0;
}

static void json_writer_close(struct codec_writer *w)
{
    json_rows_done(&w->rows);
    mem_free(w);
}

const struct codec_def codec_json = {
    .name = "json",
    .doc = "one JSON object; members of nested objects are columns a.b",
    .for_key = true,
    .for_value = true,
    .needs_columns = true,
    .infer = json_infer,
    .reader_open = json_reader_open,
    .read = json_read,
    .reader_close = json_reader_close,
    .writer_open = json_writer_open,
    .write = json_write,
    .writer_close = json_writer_close,
};
