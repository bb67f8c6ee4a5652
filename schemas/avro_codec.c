/* Readers and writers of Avro records.
 *
 *   record   0 | schema id, 4 bytes big endian | datum        (avro_raw: the datum alone)
 *
 * Reading. The reader's schema is the topology's (`schema`), else the latest of the subject
 * <topic>-value or <topic>-key; columns come from it. Where there is neither, `columns` names them
 * and each writer's schema is its own reader: columns are found by name, one that a writer lacks is
 * null. Each writer's schema is compiled once per reader into a plan (schemas/avro_plan.h), found
 * by its id; records of the same id as the last one take one comparison. A writer's schema that
 * cannot be read fails its records, with the same message each time, not the reader.
 *
 * A schema whose root is no record is one column: `_key` or `_value`.
 *
 * Writing. With `schema` that schema, its fields filled from the columns of their names (a.b for
 * nested records); otherwise one generated from the columns (avro_generate.c), registered at open.
 * Its record is named by topology and stream, unless the subject has a record already: that name
 * stays, since a schema of another name could not read what was written before.
 */
#include "schemas/avro_codec.h"

#include "engine/hash.h"
#include "engine/memory.h"
#include "engine/yaml.h"
#include "schemas/avro_encode.h"
#include "schemas/avro_generate.h"
#include "schemas/avro_plan.h"
#include "schemas/columns.h"

#include <string.h>

#define HEAD_BYTES 5

struct entry { /* a writer's schema */
    uint32_t id;
    const struct avro_plan *plan; /* NULL: its data cannot be read */
    const char *problem;
    const uint16_t *absent; /* columns that this writer lacks: null */
    uint16_t nabsent;
};

struct codec_reader {
    const struct avro_plan *plan; /* of the last record, if all there is to do is to run it */
    uint32_t head;                /* and its schema id, as the record has it */
    const struct entry *last;
    struct entry **slot; /* open addressing by id */
    uint32_t nslots, nentries;
    struct avro_scratch scratch;
    struct arena arena;
    struct schema_store *schemas;
    const struct avro_node *reader; /* NULL: each writer's own */
    struct avro_shape *shape;       /* of the reader, targets set */
    const struct schema *schema;
    const bool *needs;
    const struct yaml *columns;
    const char *root_name;
};

struct codec_writer {
    struct arena arena;
    const struct avro_encoder *encoder;
    bool has_prefix;
    uint32_t id;
    int32_t plain_key; /* the one key column that is written without a record, or -1 */
};

static const char *root_name(const struct codec_spec *spec)
{
    return spec->is_key ? "_key" : "_value";
}

/* ---- columns ---- */

static int infer_schema(const struct codec_spec *spec, struct arena *a, struct schema *out,
                        struct err *e)
{
    struct avro_node *s;
    struct avro_shape *shape, **leaf;
    uint32_t n;
    int rc = avro_schema_parse(&s, a, spec->schema_json, strlen(spec->schema_json), e);
    rc = rc < 0 ? rc : avro_columns(&shape, &leaf, &n, a, s, root_name(spec), e);
    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        if (schema_find(out, leaf[i]->name) >= 0) {
            continue;
        }
        if (out->n >= COLUMNS_READ_MAX) {
            return err_set(e, ERR_CONFIG, "more than %d columns", COLUMNS_READ_MAX);
        }
        bool is_root = leaf[i] == shape;
        schema_add(out, leaf[i]->name, leaf[i]->type, leaf[i]->is_nullable, is_root);
    }
    return rc;
}

int avro_codec_infer(const struct codec_spec *spec, struct arena *a, struct schema *out,
                     struct diags *d)
{
    if (spec->schema_json) {
        struct err e = {0};
        int rc = infer_schema(spec, a, out, &e);
        return rc < 0 ? diags_add(d, spec->at, spec->path, "%s", e.text) : 0;
    }
    if (spec->columns) {
        return columns_infer(spec, a, out, d);
    }
    return diags_add(d, spec->at, spec->path,
                     "no schema for topic %s: give `schema: FILE.avsc`, register one under %s-%s, "
                     "or give `columns: {name: type}`",
                     spec->topic, spec->topic, spec->is_key ? "key" : "value");
}

/* ---- reading ---- */

/* The column for a leaf, or -1 when it is not needed. */
static int target_of(const struct codec_reader *r, const struct avro_shape *leaf)
{
    int c = schema_find(r->schema, leaf->name);
    bool is_root = strcmp(leaf->name, r->root_name) == 0;
    if (c < 0 || (r->schema->col[c].hidden && !is_root) || (r->needs && !r->needs[c])) {
        return -1;
    }
    return c;
}

/* A column may be wider than the leaf where there is no reader's schema that says it. */
static bool is_readable(const struct type *leaf, const struct type *column)
{
    return type_equal(leaf, column) ||
           (leaf->kind == TYPE_LONG &&
            (column->kind == TYPE_DOUBLE || column->kind == TYPE_TIMESTAMP));
}

static int set_targets(struct codec_reader *r, struct avro_shape *const *leaf, uint32_t n,
                       struct err *e)
{
    for (uint32_t i = 0; i < n; i++) {
        int c = target_of(r, leaf[i]);
        leaf[i]->target = c;
        if (c < 0) {
            continue;
        }
        const struct type *t = r->schema->col[c].type;
        if (!is_readable(leaf[i]->type, t)) {
            struct buffer b;
            buffer_init(&b);
            type_print(&b, leaf[i]->type);
            buffer_text(&b, ", not ");
            type_print(&b, t);
            err_set(e, ERR_CONFIG, "Avro field %s is %s", leaf[i]->name, buffer_cstr(&b));
            buffer_done(&b);
            return -ERR_CONFIG;
        }
        leaf[i]->type = t;
    }
    return 0;
}

static struct entry **find_slot(const struct codec_reader *r, uint32_t id)
{
    for (uint64_t h = hash_bytes(&id, sizeof id, 0);; h++) {
        struct entry **slot = &r->slot[h & (r->nslots - 1)];
        if (!*slot || (*slot)->id == id) {
            return slot;
        }
    }
}

static void add_entry(struct codec_reader *r, struct entry *entry)
{
    if (2 * r->nentries >= r->nslots) {
        struct entry **old = r->slot;
        uint32_t n = r->nslots;
        r->nslots = n ? 2 * n : 16;
        r->slot = mem_zalloc(r->nslots * sizeof(struct entry *));
        for (uint32_t i = 0; i < n; i++) {
            if (old[i]) {
                *find_slot(r, old[i]->id) = old[i];
            }
        }
        mem_free(old);
    }
    *find_slot(r, entry->id) = entry;
    r->nentries++;
}

/* Columns that a writer without reader's schema lacks: they are null. */
static void find_absent(const struct codec_reader *r, struct entry *entry,
                        struct avro_shape *const *leaf, uint32_t n, struct arena *a)
{
    uint16_t *absent = arena_array(a, (size_t)r->schema->n + 1, sizeof *absent);
    for (uint16_t c = 0; c < r->schema->n; c++) {
        const struct column *col = &r->schema->col[c];
        bool is_ours = r->columns ? yaml_get(r->columns, col->name) != NULL : !col->hidden;
        is_ours = is_ours && (!r->needs || r->needs[c]);
        for (uint32_t i = 0; is_ours && i < n; i++) {
            is_ours = leaf[i]->target != c;
        }
        if (is_ours) {
            absent[entry->nabsent++] = c;
        }
    }
    entry->absent = absent;
}

static int compile_entry(struct codec_reader *r, struct entry *entry, const char *json,
                         struct err *e)
{
    struct arena *a = &r->arena;
    struct avro_node *writer;
    struct avro_shape *shape = r->shape, **leaf;
    uint32_t n;
    int rc = avro_schema_parse(&writer, a, json, strlen(json), e);
    if (rc == 0 && !r->reader) {
        rc = avro_columns(&shape, &leaf, &n, a, writer, r->root_name, e);
        rc = rc < 0 ? rc : set_targets(r, leaf, n, e);
        if (rc == 0) {
            find_absent(r, entry, leaf, n, a);
        }
    }
    if (rc < 0) {
        return rc;
    }
    const struct avro_link *link = avro_resolve(a, writer, r->reader ? r->reader : writer);
    entry->plan = link ? avro_plan_compile(a, link, shape) : NULL;
    return entry->plan ? 0 : err_set(e, ERR_CONFIG, "the schemas are too complex");
}

/* Compiles a writer's schema; what is wrong with it becomes the entry's problem. */
static const struct entry *make_entry(struct codec_reader *r, uint32_t id, const char *json)
{
    struct entry *entry = arena_zalloc(&r->arena, sizeof *entry);
    struct err why = {0};
    entry->id = id;
    if (compile_entry(r, entry, json, &why) < 0) {
        entry->plan = NULL;
        entry->problem = arena_printf(&r->arena, "schema %u: %s", id, why.text);
    }
    add_entry(r, entry);
    return entry;
}

/* The four bytes of the id as they lie there. */
static inline uint32_t head_of(const uint8_t *p)
{
    uint32_t head;
    memcpy(&head, p + 1, sizeof head);
    return head;
}

/* The entry of an id, made at first sight. */
static int find_entry(struct codec_reader *r, uint32_t id, struct err *e)
{
    const struct entry *found = r->nslots ? *find_slot(r, id) : NULL;
    if (!found) {
        const char *json;
        if (!r->schemas) {
            return err_set(e, ERR_DATA, "schema %u: there is no schema registry", id);
        }
        int rc = r->schemas->by_id(r->schemas, id, &json, e);
        if (rc < 0) {
            return rc;
        }
        found = make_entry(r, id, json);
    }
    r->last = found;
    r->plan = found->nabsent == 0 ? found->plan : NULL;
    r->head = __builtin_bswap32(id);
    return 0;
}

static int open_reader(struct codec_reader *r, const char *json, struct err *e)
{
    struct avro_node *reader;
    struct avro_shape **leaf;
    uint32_t n;
    int rc = avro_schema_parse(&reader, &r->arena, json, strlen(json), e);
    rc = rc < 0 ? rc : avro_columns(&r->shape, &leaf, &n, &r->arena, reader, r->root_name, e);
    rc = rc < 0 ? rc : set_targets(r, leaf, n, e);
    r->reader = reader;
    return rc;
}

/* Latest schema of the topic in the registry, or NULL. */
static int find_latest(const struct codec_spec *spec, struct schema_store *schemas,
                       const char **json, struct err *e)
{
    if (!schemas) {
        return 0;
    }
    bool is_named = spec->subject && !spec->is_key;
    char *subject = is_named ? mem_strdup(spec->subject)
                             : mem_printf("%s-%s", spec->topic, spec->is_key ? "key" : "value");
    int rc = schemas->latest(schemas, subject, json, NULL, e);
    mem_free(subject);
    return rc < 0 ? rc : 0;
}

static struct codec_reader *new_reader(const struct codec_spec *spec, const struct schema *schema,
                                       const bool *needs, struct schema_store *schemas)
{
    struct codec_reader *r = mem_zalloc(sizeof *r);
    arena_init(&r->arena);
    avro_scratch_init(&r->scratch);
    r->schemas = schemas;
    r->schema = schema;
    r->columns = spec->columns;
    r->root_name = root_name(spec);
    if (needs) {
        bool *copy = arena_array(&r->arena, (size_t)schema->n + 1, sizeof *copy);
        memcpy(copy, needs, schema->n * sizeof *copy);
        r->needs = copy;
    }
    return r;
}

int avro_codec_reader_open(struct codec_reader **out, const struct codec_spec *spec,
                           const struct schema *schema, const bool *needs,
                           struct schema_store *schemas, struct err *e)
{
    const char *json = spec->schema_json;
    int rc = json || spec->columns ? 0 : find_latest(spec, schemas, &json, e);
    if (rc < 0) {
        return rc;
    }
    struct codec_reader *r = new_reader(spec, schema, needs, schemas);
    rc = json ? open_reader(r, json, e) : 0;
    if (rc < 0) {
        avro_codec_reader_close(r);
        return rc;
    }
    *out = r;
    return 0;
}

int avro_codec_raw_reader_open(struct codec_reader **out, const struct codec_spec *spec,
                               const struct schema *schema, const bool *needs,
                               struct schema_store *schemas, struct err *e)
{
    if (!spec->schema_json) {
        return err_set(e, ERR_CONFIG, "avro_raw needs `schema: FILE.avsc`");
    }
    int rc = avro_codec_reader_open(out, spec, schema, needs, schemas, e);
    if (rc < 0) {
        return rc;
    }
    (*out)->last = make_entry(*out, 0, spec->schema_json);
    return 0;
}

void avro_codec_reader_close(struct codec_reader *r)
{
    if (r) {
        mem_free(r->slot);
        avro_scratch_done(&r->scratch);
        arena_done(&r->arena);
        mem_free(r);
    }
}

/* By r->last: a schema that cannot be read, or one that lacks columns. */
__attribute__((noinline)) static int read_rare(struct codec_reader *r, const void *p, size_t n,
                                               struct batch *b, uint16_t row, struct err *e)
{
    if (!r->last->plan) {
        return err_set(e, ERR_DATA, "%s", r->last->problem);
    }
    for (uint16_t i = 0; i < r->last->nabsent; i++) {
        vec_set_null(&b->col[r->last->absent[i]], b->mem, b->rows, row);
    }
    r->scratch.e = e;
    return avro_decode(r->last->plan, &r->scratch, p, n, b, row);
}

/* Another schema than the last record's, or no record at all. */
__attribute__((noinline)) static int read_other(struct codec_reader *r, const uint8_t *p, size_t n,
                                                struct batch *b, uint16_t row, struct err *e)
{
    if (n < HEAD_BYTES) {
        return err_set(e, ERR_DATA, "Avro: %zu bytes are too few for a schema id", n);
    }
    if (p[0] != 0) {
        return err_set(e, ERR_DATA, "Avro: the first byte is %u, not 0: no schema id follows",
                       p[0]);
    }
    if (n > INT32_MAX) {
        return err_set(e, ERR_DATA, "Avro: the record is too large");
    }
    int rc = find_entry(r, __builtin_bswap32(head_of(p)), e);
    return rc < 0 ? rc : read_rare(r, p + HEAD_BYTES, n - HEAD_BYTES, b, row, e);
}

int avro_codec_read(struct codec_reader *r, const void *p, size_t n, struct batch *b, uint16_t row,
                    struct err *e)
{
    const uint8_t *head = p;
    size_t size = n - HEAD_BYTES; /* huge for a record that is too short */
    if (size > INT32_MAX || head[0] != 0 || head_of(head) != r->head || !r->plan) {
        return read_other(r, p, n, b, row, e);
    }
    r->scratch.e = e;
    return avro_decode(r->plan, &r->scratch, head + HEAD_BYTES, size, b, row);
}

int avro_codec_raw_read(struct codec_reader *r, const void *p, size_t n, struct batch *b,
                        uint16_t row, struct err *e)
{
    if (n > INT32_MAX) {
        return err_set(e, ERR_DATA, "Avro: the record is too large");
    }
    return read_rare(r, p, n, b, row, e);
}

/* ---- writing ---- */

/* Leaves of a schema that the user gave: columns of the same names. */
static void match_names(const struct codec_spec *spec, struct avro_shape *const *leaf, uint32_t n,
                        const struct schema *schema)
{
    for (uint32_t i = 0; i < n; i++) {
        int c = schema_find(schema, leaf[i]->name);
        leaf[i]->target = c >= 0 && (!schema->col[c].hidden || leaf[i]->name[0] == '_') ? c : -1;
    }
    if (n == 1 && leaf[0]->target < 0 && spec->is_key && schema->nkey == 1) {
        leaf[0]->target = schema->key[0];
    }
}

static int compile_writer(struct codec_writer *w, const struct codec_spec *spec,
                          const struct schema *schema, const char *json, const uint16_t *cols,
                          struct err *e)
{
    struct avro_node *s;
    struct avro_shape *shape, **leaf;
    struct avro_encoder *encoder;
    uint32_t n;
    int rc = avro_schema_parse(&s, &w->arena, json, strlen(json), e);
    rc = rc < 0 ? rc : avro_columns(&shape, &leaf, &n, &w->arena, s, root_name(spec), e);
    if (rc < 0) {
        return rc;
    }
    if (cols) {
        for (uint32_t i = 0; i < n; i++) {
            leaf[i]->target = cols[i];
        }
    } else {
        match_names(spec, leaf, n, schema);
    }
    w->plain_key = spec->is_key && shape->is_leaf ? shape->target : -1;
    rc = avro_encoder_compile(&encoder, &w->arena, shape, schema, e);
    w->encoder = encoder;
    return rc;
}

/* The schema to write with is the user's own. */
static bool is_given(const struct codec_spec *spec)
{
    return spec->schema_file && spec->schema_json;
}

static char *subject_of(const struct codec_spec *spec)
{
    return spec->subject ? mem_strdup(spec->subject)
                         : mem_printf("%s-%s", spec->topic, spec->is_key ? "key" : "value");
}

/* The subject's latest schema: 1 found, 0 none. A writer is opened with every task, so what was
 * registered for another one is not asked for again. */
static int find_written(const char *subject, struct schema_store *schemas, const char **json,
                        struct err *e)
{
    bool is_known = schemas->known && schemas->known(schemas, subject, json) == 1;
    return is_known ? 1 : schemas->latest(schemas, subject, json, NULL, e);
}

/* Names the record as the subject's latest schema does, if that is one. */
static int keep_name(struct codec_spec *spec, struct arena *a, struct schema_store *schemas,
                     struct err *e)
{
    const char *json = NULL;
    struct avro_node *root;
    struct err ignored = {0};
    if (!schemas || is_given(spec)) {
        return 0;
    }
    char *subject = subject_of(spec);
    int rc = find_written(subject, schemas, &json, e);
    mem_free(subject);
    if (rc < 1 || avro_schema_parse(&root, a, json, strlen(json), &ignored) < 0 ||
        root->type != AV_RECORD) {
        return rc < 0 ? rc : 0;
    }
    const char *name = avro_short_name(root->name);
    size_t n = strlen(name), prefix = (size_t)(name - root->name);
    if (spec->is_key) { /* generating appends it */
        if (n < 4 || strcmp(name + n - 3, "Key") != 0) {
            return 0;
        }
        n -= 3;
    }
    spec->record_name = arena_strndup(a, name, n);
    spec->namespace_ = prefix > 0 ? arena_strndup(a, root->name, prefix - 1) : NULL;
    return 0;
}

static int register_schema(struct codec_writer *w, const struct codec_spec *spec, const char *json,
                           struct schema_store *schemas, struct err *e)
{
    if (!schemas) {
        return err_set(e, ERR_CONFIG, "writing Avro needs a schema registry or schema topic");
    }
    char *subject = subject_of(spec);
    int rc = schemas->put(schemas, subject, json, &w->id, e);
    mem_free(subject);
    w->has_prefix = true;
    return rc < 0 ? rc : 0;
}

/* Opens a writer; the text of its schema goes to json. */
static int open_writer(struct codec_writer **out, struct buffer *json,
                       const struct codec_spec *spec, const struct schema *schema, struct err *e)
{
    struct codec_writer *w = mem_zalloc(sizeof *w);
    uint16_t *cols = mem_array(COLUMNS_MAX, sizeof *cols);
    uint16_t n;
    arena_init(&w->arena);
    int rc = 0;
    if (is_given(spec)) {
        buffer_text(json, spec->schema_json);
    } else {
        rc = avro_generate(json, cols, &n, spec, schema, e);
    }
    const char *text = buffer_cstr(json);
    rc = rc < 0 ? rc : compile_writer(w, spec, schema, text, is_given(spec) ? NULL : cols, e);
    mem_free(cols);
    if (rc < 0) {
        arena_done(&w->arena);
        mem_free(w);
        return rc;
    }
    *out = w;
    return 0;
}

int avro_codec_check(const struct codec_spec *spec, const struct schema *schema, struct err *e)
{
    struct codec_writer *w = NULL;
    struct buffer json;
    buffer_init(&json);
    int rc = open_writer(&w, &json, spec, schema, e);
    buffer_done(&json);
    avro_codec_writer_close(w);
    return rc;
}

int avro_codec_writer_open(struct codec_writer **out, const struct codec_spec *spec,
                           const struct schema *schema, struct schema_store *schemas, struct err *e)
{
    struct codec_writer *w = NULL;
    struct codec_spec own = *spec;
    struct arena names;
    struct buffer json;
    arena_init(&names);
    buffer_init(&json);
    int rc = keep_name(&own, &names, schemas, e);
    rc = rc < 0 ? rc : open_writer(&w, &json, &own, schema, e);
    rc = rc < 0 ? rc : register_schema(w, spec, buffer_cstr(&json), schemas, e);
    buffer_done(&json);
    arena_done(&names);
    if (rc < 0) {
        avro_codec_writer_close(w);
        return rc;
    }
    *out = w;
    return 0;
}

int avro_codec_raw_writer_open(struct codec_writer **out, const struct codec_spec *spec,
                               const struct schema *schema, struct schema_store *schemas,
                               struct err *e)
{
    (void)schemas;
    struct buffer json;
    buffer_init(&json);
    int rc = open_writer(out, &json, spec, schema, e);
    buffer_done(&json);
    return rc;
}

void avro_codec_writer_close(struct codec_writer *w)
{
    if (w) {
        arena_done(&w->arena);
        mem_free(w);
    }
}

int avro_codec_write(struct codec_writer *w, const struct batch *b, uint16_t row,
                     struct buffer *out, struct err *e)
{
    size_t start = out->n;
    if (w->plain_key >= 0 && vec_is_null(&b->col[w->plain_key], row)) {
        return 1;
    }
    if (w->has_prefix) {
        uint8_t head[5] = {0, (uint8_t)(w->id >> 24), (uint8_t)(w->id >> 16), (uint8_t)(w->id >> 8),
                           (uint8_t)w->id};
        buffer_add(out, head, sizeof head);
    }
    int rc = avro_encode(w->encoder, b, row, out, e);
    if (rc < 0) {
        out->n = start;
    }
    return rc;
}
