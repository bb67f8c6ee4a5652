/* Saved models of klamm_ml.h, in the terms of engine/snapshot.h:
 *
 *   "klamm-ml" | version 1 | setup: task, algorithm, options, settings, features, seed
 *              | layout, which tells what else can go on with this | names of classes | categories
 *              | counts of a watch | the object's own snapshot | hash of all before, 8 bytes
 *
 * The hash finds damage; bytes that someone has made up to fit it are refused by what reads them,
 * or give a model of odd numbers. A version of klamm that has come to save an algorithm in another
 * form, or one with other presets, is told by the layout.
 */
#include "engine/hash.h"
#include "engine/memory.h"
#include "ml/klamm_ml_model.h"

#include <string.h>

#define MAGIC      "klamm-ml"
#define MAGIC_SIZE 8
#define HASH_SIZE  8

/* ---- parts ---- */

/* A text that may be absent. Loaded into the arena. */
static void text_io(const char **text, struct arena *mem, struct snapshot *s)
{
    uint32_t is_there = *text != NULL, n = 0;
    char *bytes = NULL;
    snapshot_u32(s, &is_there);
    if (!is_there) {
        return;
    }
    if (!s->loading) {
        n = (uint32_t)strlen(*text);
        bytes = mem_strndup(*text, n);
    }
    snapshot_bytes(s, &bytes, &n, UINT32_MAX);
    if (s->loading && s->status == 0) {
        if (n > 0 && memchr(bytes, '\0', n)) {
            s->status = -ERR_DATA;
        }
        *text = arena_strndup(mem, bytes ? bytes : "", n);
    }
    mem_free(bytes);
}

static void features_io(struct klamm_ml_setup *setup, struct arena *mem, struct snapshot *s)
{
    snapshot_u32(s, &setup->features);
    if (s->status < 0 || setup->features > KLAMM_ML_FEATURES_MAX) {
        s->status = -ERR_DATA;
        return;
    }
    const char **name = arena_zalloc(mem, (setup->features + 1) * sizeof(*name));
    bool *is_category = arena_zalloc(mem, setup->features + 1);
    for (uint32_t i = 0; i < setup->features && s->status == 0; i++) {
        uint32_t flag = s->loading ? 0 : setup->is_category[i];
        name[i] = s->loading ? NULL : setup->feature[i];
        text_io(&name[i], mem, s);
        snapshot_u32(s, &flag);
        is_category[i] = flag != 0;
    }
    if (s->loading) {
        setup->feature = name;
        setup->is_category = is_category;
    }
}

static int setup_io(struct klamm_ml_setup *setup, struct arena *mem, struct snapshot *s)
{
    int64_t seed;
    memcpy(&seed, &setup->seed, sizeof(seed));
    snapshot_version(s, 1);
    text_io(&setup->task, mem, s);
    text_io(&setup->algorithm, mem, s);
    text_io(&setup->options, mem, s);
    text_io(&setup->settings, mem, s);
    features_io(setup, mem, s);
    snapshot_long(s, &seed);
    memcpy(&setup->seed, &seed, sizeof(seed));
    return snapshot_status(s);
}

/* Words that must be the same; where they are not, the saved ones are told. */
static int layout_io(const struct klamm_ml *m, struct snapshot *s, struct klamm_ml_error *e)
{
    struct buffer own;
    const char *saved;
    int status = 0;
    buffer_init(&own);
    klamm_ml_layout(m, &own);
    saved = buffer_cstr(&own);
    struct arena mem;
    arena_init(&mem);
    text_io(&saved, &mem, s);
    if (s->status < 0 || !saved) {
        status = klamm_ml_fail(e, KLAMM_ML_BYTES, "damaged bytes");
    } else if (strcmp(saved, buffer_cstr(&own)) != 0) {
        status = klamm_ml_fail(
            e, KLAMM_ML_BYTES,
            "saved as %.*s: this setup, or this version, is %.*s; "
            "what they learned does not fit",
            (int)(strcspn(saved, "\n") < 300 ? strcspn(saved, "\n") : 300), saved,
            (int)(strcspn(own.data, "\n") < 300 ? strcspn(own.data, "\n") : 300), own.data);
    }
    arena_done(&mem);
    buffer_done(&own);
    return status;
}

static void names_io(struct klamm_ml *m, struct snapshot *s)
{
    uint32_t n = m->nnames;
    snapshot_u32(s, &n);
    for (uint32_t i = 0; i < n && s->status == 0; i++) {
        const char *name = s->loading ? NULL : m->name[i];
        struct arena mem;
        arena_init(&mem);
        text_io(&name, &mem, s);
        if (s->loading && s->status == 0 && (!name || klamm_ml_add_name(m, name) < 0)) {
            s->status = -ERR_DATA;
        }
        arena_done(&mem);
    }
}

static int object_io(struct klamm_ml *m, struct snapshot *s)
{
    if (m->classifier) {
        int status = classifier_io(m->classifier, s);
        for (uint32_t i = 0; status == 0 && i < m->classifier->classes.n; i++) {
            int64_t number = m->classifier->classes.label[i].number;
            status = number >= 0 && number < CLASSES_MAX ? 0 : -ERR_DATA;
        }
        return status;
    }
    if (m->regressor) {
        return regressor_io(m->regressor, s);
    }
    if (m->detector) {
        return detector_io(m->detector, s);
    }
    if (m->series) {
        return forecast_series_io(m->series, s);
    }
    return m->watch ? m->drift->io(m->watch, s) : model_io(m->rows, 0, s);
}

static int learned_io(struct klamm_ml *m, struct snapshot *s)
{
    names_io(m, s);
    for (uint32_t i = 0; i < m->model.ncategories && s->status == 0; i++) {
        classes_io(&m->category[i], s);
    }
    snapshot_count(s, &m->values);
    snapshot_count(s, &m->drifts);
    return snapshot_status(s) < 0 ? snapshot_status(s) : object_io(m, s);
}

/* ---- calls ---- */

int klamm_ml_save(struct klamm_ml *m, void **bytes, size_t *n, struct klamm_ml_error *e)
{
    if (!m || !bytes || !n) {
        return klamm_ml_fail(e, KLAMM_ML_CALL, "there is no model, or no place for its bytes");
    }
    struct buffer out;
    buffer_init(&out);
    buffer_add(&out, MAGIC, MAGIC_SIZE);
    struct snapshot s = snapshot_saver(&out);
    setup_io(&m->setup, &m->mem, &s);
    layout_io(m, &s, NULL);
    learned_io(m, &s);
    uint64_t hash = hash_stable(out.data, out.n, 0);
    for (int i = 0; i < HASH_SIZE; i++) {
        buffer_byte(&out, (uint8_t)(hash >> (8 * i)));
    }
    *bytes = out.data;
    *n = out.n;
    return 0;
}

static int check_bytes(const uint8_t *p, size_t n, struct klamm_ml_error *e)
{
    if (!p || n < MAGIC_SIZE + HASH_SIZE || memcmp(p, MAGIC, MAGIC_SIZE) != 0) {
        return klamm_ml_fail(e, KLAMM_ML_BYTES, "these bytes are no saved model");
    }
    uint64_t hash = hash_stable(p, n - HASH_SIZE, 0);
    for (size_t i = 0; i < HASH_SIZE; i++) {
        if (p[n - HASH_SIZE + i] != (uint8_t)(hash >> (8 * i))) {
            return klamm_ml_fail(e, KLAMM_ML_BYTES, "damaged bytes: cut off, or changed");
        }
    }
    return 0;
}

/* A model of this setup, with what s goes on with. */
static int load(struct klamm_ml **out, const struct klamm_ml_setup *setup, struct snapshot *s,
                struct klamm_ml_error *e)
{
    int status = klamm_ml_new(out, setup, e);
    if (status < 0) {
        return status;
    }
    status = layout_io(*out, s, e);
    if (status == 0 && (learned_io(*out, s) < 0 || s->p != s->end)) {
        status = klamm_ml_fail(e, KLAMM_ML_BYTES, "damaged bytes");
    }
    if (status < 0) {
        klamm_ml_free(*out);
        *out = NULL;
    } else if ((*out)->classifier) {
        klamm_ml_number_classes(*out);
    }
    return status;
}

int klamm_ml_load(struct klamm_ml **out, const struct klamm_ml_setup *setup, const void *bytes,
                  size_t n, struct klamm_ml_error *e)
{
    if (!out) {
        return klamm_ml_fail(e, KLAMM_ML_CALL, "there is no place for the model");
    }
    *out = NULL;
    int status = check_bytes(bytes, n, e);
    if (status < 0) {
        return status;
    }
    struct klamm_ml_setup saved = {0};
    struct arena mem;
    struct snapshot s =
        snapshot_loader((const char *)bytes + MAGIC_SIZE, n - MAGIC_SIZE - HASH_SIZE);
    arena_init(&mem);
    status = setup_io(&saved, &mem, &s) < 0 ? klamm_ml_fail(e, KLAMM_ML_BYTES, "damaged bytes")
                                            : load(out, setup ? setup : &saved, &s, e);
    arena_done(&mem);
    return status;
}

void klamm_ml_release(void *bytes)
{
    mem_free(bytes);
}
