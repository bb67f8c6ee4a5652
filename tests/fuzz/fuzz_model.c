/* Snapshots of models: whatever the bytes, loading either refuses them or gives a model that
 * predicts, learns and saves. The first byte chooses the learner, the second its task, scaling and
 * type of label. */
#include "engine/memory.h"
#include "engine/registry.h"
#include "ml/classifier.h"

#include <assert.h>
#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct type *const types[] = {&type_string, &type_long, &type_boolean};
static const enum learner_task tasks[] = {LEARN_CLASSES, LEARN_VALUES, LEARN_CLUSTERS,
                                          LEARN_SCORES};
static const struct learner_column column[] = {{"a", false}, {"b", false}};
static const double x[] = {1.5, -2};

static void save(int status, struct buffer *saved)
{
    assert(status == 0);
    buffer_done(saved);
}

static void use_classifier(struct classifier *c, struct arena *a)
{
    struct model_scratch scratch;
    struct outcome outcome;
    const char *problem;
    struct vec label = vec_new(a, c->classes.type, 1);
    model_scratch_init(&scratch, c->model.config);
    for (int i = 0; i < 3; i++) {
        int predicted = classifier_predict(c, x, &scratch);
        assert(predicted < (int)c->classes.n);
        assert(predicted < 0 || isfinite(scratch.out[predicted]));
        int class = classifier_class(c, &label, 0, MAKE_CLASS, &problem);
        struct class_prediction told = {predicted, 0.5, 0.5};
        if (class >= 0) {
            classifier_teach(c, x, class, 0, &told, true, &scratch, &outcome);
        }
    }
    struct buffer saved;
    buffer_init(&saved);
    struct snapshot s = snapshot_saver(&saved);
    save(classifier_io(c, &s), &saved);
    model_scratch_done(&scratch);
}

static void use_model(struct model *m)
{
    struct model_scratch scratch;
    model_scratch_init(&scratch, m->config);
    for (int i = 0; i < 3; i++) {
        model_predict(m, x, &scratch);
        model_learn(m, x, i, i, &scratch);
    }
    struct buffer saved;
    buffer_init(&saved);
    struct snapshot s = snapshot_saver(&saved);
    save(model_io(m, 0, &s), &saved);
    model_scratch_done(&scratch);
}

static void load(const struct classifier_config *config, const uint8_t *data, size_t size,
                 struct arena *a)
{
    struct snapshot s = snapshot_loader(data, size);
    if (config->model.task == LEARN_CLASSES) {
        struct classifier *c = classifier_new(config, 1);
        if (classifier_io(c, &s) == 0) {
            use_classifier(c, a);
        }
        classifier_free(c);
        return;
    }
    struct model m;
    model_init(&m, &config->model, 1);
    if (model_io(&m, 0, &s) == 0) {
        use_model(&m);
    }
    model_done(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t learners = 0;
    while (registry_learners[learners]) {
        learners++;
    }
    const struct learner_def *def = size < 2 ? NULL : registry_learners[data[0] % learners];
    enum learner_task task = def ? tasks[data[1] % 4] : LEARN_CLASSES;
    if (!def || !(def->tasks & (unsigned)task)) {
        return 0;
    }
    struct arena a;
    struct diags d;
    struct yaml empty = {.kind = YAML_MAP};
    arena_init(&a);
    diags_init(&d);
    void *options = arena_zalloc(&a, def->options_size + 1);
    config_parse(def->options, options, &empty, "", &a, &d);
    const struct classifier_config config = {
        .model = {.def = def,
                  .task = task,
                  .options = options,
                  .column = column,
                  .ncolumns = 2,
                  .is_scaled = data[1] / 4 % 2 != 0,
                  .is_batch = !def->learn,
                  .batch = {.window_rows = 10, .every_rows = 1, .min_rows = 1}},
        .label = types[data[1] / 8 % 3],
        .has_confusion = true,
    };
    load(&config, data + 2, size - 2, &a);
    diags_done(&d);
    arena_done(&a);
    return 0;
}
