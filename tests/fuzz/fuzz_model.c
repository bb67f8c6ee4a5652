/* Snapshots of models: whatever the bytes, loading either refuses them or gives a model that
 * predicts, learns and saves. The first byte chooses learner, scaling and type of label. */
#include "engine/memory.h"
#include "ml/model.h"

#include <assert.h>
#include <math.h>

extern const struct learner_def learner_logistic_regression, learner_softmax_regression,
    learner_gaussian_nb;
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct learner_def *const defs[] = {
    &learner_logistic_regression,
    &learner_softmax_regression,
    &learner_gaussian_nb,
};
static const struct type *const types[] = {&type_string, &type_long, &type_boolean};
static const struct learner_column column[] = {{"a", false}, {"b", false}};

static void use(struct model *m, struct arena *a)
{
    const double x[] = {1.5, -2};
    struct model_scratch scratch;
    struct outcome outcome;
    const char *problem;
    struct vec label = vec_new(a, m->config->label, 1);
    model_scratch_init(&scratch, m->config);
    for (int i = 0; i < 3; i++) {
        int predicted = model_predict(m, x, &scratch);
        assert(predicted < (int)m->classes.n);
        assert(predicted < 0 || isfinite(scratch.proba[predicted]));
        model_learn(m, x, &label, 0, predicted, &scratch, &outcome, &problem);
    }
    struct buffer saved;
    buffer_init(&saved);
    struct snapshot s = snapshot_saver(&saved);
    assert(model_io(m, &s) == 0);
    buffer_done(&saved);
    model_scratch_done(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    struct arena a;
    struct diags d;
    struct yaml empty = {.kind = YAML_MAP};
    arena_init(&a);
    diags_init(&d);
    struct model_config config = {
        .def = defs[data[0] % 3],
        .column = column,
        .ncolumns = 2,
        .is_scaled = data[0] / 3 % 2 != 0,
        .label = types[data[0] / 6 % 3],
    };
    void *options = arena_zalloc(&a, config.def->options_size + 1);
    config_parse(config.def->options, options, &empty, "", &a, &d);
    config.options = options;
    struct model *m = model_new(&config, 1);
    struct snapshot s = snapshot_loader(data + 1, size - 1);
    if (model_io(m, &s) == 0) {
        use(m, &a);
    }
    model_free(m);
    diags_done(&d);
    arena_done(&a);
    return 0;
}
