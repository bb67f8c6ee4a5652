/* A learner over a CSV file, row by row: predicted, printed, learned. For comparison with other
 * libraries by the scripts beside it (peers.py calls it).
 *
 *   learner_driver ALGORITHM none|standard boolean|string|value|none OPTIONS FILE [ROWS [SEED]]
 *
 * OPTIONS is a YAML map ("{lr: 0.1}"); FILE has a header and the label in its last column; ROWS: no
 * more than the first ones (0: all). What the label is decides on the task:
 *
 *   boolean  classes, "1" is true. A line per row: the predicted class, then a tab and
 *   string   CLASS=PROBABILITY for each class known; "-" before the first row was learned.
 *            Last: "# ACCURACY MAJORITY NO_CHANGE LOG_LOSS ROWS NANOSECONDS"
 *   value    a number. A line per row: the predicted value, also before the first row was learned.
 *            Last: "# MAE RMSE R2 ROWS NANOSECONDS", the errors of all rows but the first
 *   none     scores or clusters, whatever the learner does; the last column is left out. A line per
 *            row: the score or cluster. Last: "# ROWS NANOSECONDS"
 *
 * NANOSECONDS is the time that predict and learn of a row took, without reading and printing.
 */
#include "engine/config.h"
#include "engine/memory.h"
#include "engine/registry.h"
#include "ml/classifier.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COLUMNS_ROOM 256

struct table {
    uint32_t columns, rows;
    double *x;
    char **label;
};

static void fail(const char *what)
{
    fprintf(stderr, "learner_driver: %s\n", what);
    exit(2);
}

/* Splits a line in place; returns the number of fields. */
static uint32_t split(char *line, char **field)
{
    uint32_t n = 0;
    line[strcspn(line, "\r\n")] = '\0';
    for (char *p = line; n < COLUMNS_ROOM; p++) {
        field[n++] = p;
        p += strcspn(p, ",");
        if (*p == '\0') {
            break;
        }
        *p = '\0';
    }
    return n;
}

static struct table read_table(const char *file, uint32_t most)
{
    struct table t = {0};
    char *line = NULL, *field[COLUMNS_ROOM];
    size_t room = 0, cap = 0;
    FILE *f = fopen(file, "r");
    if (!f || getline(&line, &room, f) < 0) {
        fail("cannot read the file");
    }
    t.columns = split(line, field) - 1;
    while (t.rows < most && getline(&line, &room, f) > 0) {
        if (split(line, field) != t.columns + 1) {
            fail("a row of another length");
        }
        if (t.rows == cap) {
            cap = cap ? cap * 2 : 1024;
            t.x = mem_resize(t.x, cap * t.columns, sizeof(double));
            t.label = mem_resize(t.label, cap, sizeof(char *));
        }
        for (uint32_t c = 0; c < t.columns; c++) {
            t.x[(size_t)t.rows * t.columns + c] = strtod(field[c], NULL);
        }
        t.label[t.rows++] = mem_strdup(field[t.columns]);
    }
    free(line);
    fclose(f);
    return t;
}

static void free_table(struct table *t)
{
    for (uint32_t r = 0; r < t->rows; r++) {
        mem_free(t->label[r]);
    }
    mem_free(t->label);
    mem_free(t->x);
}

/* All labels as one column of rows 0 to n - 1, which must be fewer than 65,536 at a time. */
static struct vec label_vec(const struct table *t, const struct type *type, uint32_t row,
                            struct arena *a)
{
    struct vec v = vec_new(a, type, 1);
    if (type->kind == TYPE_BOOLEAN) {
        v.b[0] = strcmp(t->label[row], "1") == 0;
    } else {
        v.s[0] = str_ref(t->label[row], (uint32_t)strlen(t->label[row]));
    }
    return v;
}

static void print_row(const struct classifier *m, int predicted, const double *proba)
{
    if (predicted < 0) {
        printf("-\n");
        return;
    }
    const struct class_label *label = m->classes.label;
    printf("%.*s", (int)label[predicted].text.n, str_data(&label[predicted].text));
    for (uint32_t c = 0; c < m->classes.n; c++) {
        printf("\t%.*s=%.17g", (int)label[c].text.n, str_data(&label[c].text), proba[c]);
    }
    printf("\n");
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

enum output { QUIET, PRINTED };

/* One pass of a classifier over the table. */
static void pass_classes(const struct model_config *config, const struct type *type,
                         const struct table *t, uint64_t seed, enum output output)
{
    struct arena a;
    struct model_scratch scratch;
    struct outcome outcome;
    const char *problem;
    const struct classifier_config classifier = {.model = *config, .label = type};
    struct classifier *m = classifier_new(&classifier, seed);
    model_scratch_init(&scratch, config);
    arena_init(&a);
    struct vec *label = mem_array(t->rows, sizeof(*label));
    for (uint32_t r = 0; r < t->rows; r++) {
        label[r] = label_vec(t, type, r, &a);
    }
    double start = seconds();
    for (uint32_t r = 0; r < t->rows; r++) {
        const double *x = t->x + (size_t)r * t->columns;
        int predicted = classifier_predict(m, x, &scratch);
        if (output == PRINTED) {
            print_row(m, predicted, scratch.out);
        }
        uint32_t known = m->classes.n;
        int class = classifier_class(m, &label[r], 0, MAKE_CLASS, &problem);
        if (class < 0) {
            fail(problem);
        }
        if (m->classes.n > known) {
            scratch.out[class] = 0;
        }
        struct class_prediction told = {predicted, predicted >= 0 ? scratch.out[class] : 0, 0};
        classifier_teach(m, x, class, 0, &told, true, &scratch, &outcome);
    }
    double ns = (seconds() - start) * 1e9 / t->rows;
    if (output == QUIET) {
        const struct scores *s = &m->evaluation.scores;
        printf("# %.17g %.17g %.17g %.17g %lld %.1f\n", scores_accuracy(s, SCORE_LEARNER),
               scores_accuracy(s, SCORE_MAJORITY), scores_accuracy(s, SCORE_NO_CHANGE),
               scores_log_loss(s), (long long)s->rows, ns);
    }
    mem_free(label);
    model_scratch_done(&scratch);
    classifier_free(m);
    arena_done(&a);
}

/* Errors of the predictions of all rows but the first, which nobody could know. */
static void print_errors(const double *predicted, const double *y, uint32_t rows, double ns)
{
    double mean = 0, absolute = 0, squared = 0, spread = 0, n = rows - 1;
    for (uint32_t r = 1; r < rows; r++) {
        mean += y[r] / n;
    }
    for (uint32_t r = 1; r < rows; r++) {
        double error = predicted[r] - y[r];
        absolute += fabs(error);
        squared += error * error;
        spread += (y[r] - mean) * (y[r] - mean);
    }
    printf("# %.17g %.17g %.17g %u %.1f\n", absolute / n, sqrt(squared / n), 1 - squared / spread,
           rows, ns);
}

/* A learner without classes over the table, twice: for its predictions, and for its time. */
static void pass_numbers(const struct model_config *config, const struct table *t,
                         enum learner_task task, uint64_t seed)
{
    struct learner_setup setup = {.task = task,
                                  .options = config->options,
                                  .column = config->column,
                                  .ncolumns = config->ncolumns,
                                  .seed = seed};
    const struct learner_def *def = config->def;
    bool is_value = task == LEARN_VALUES;
    double *y = mem_array(t->rows, sizeof(*y)), *predicted = mem_array(t->rows, sizeof(*y)), ns = 0;
    double *scaled = mem_array(t->columns, sizeof(*scaled));
    for (uint32_t r = 0; r < t->rows; r++) {
        y[r] = is_value ? strtod(t->label[r], NULL) : 0;
    }
    for (int round = 0; round < 2; round++) {
        struct scaler scaler;
        void *l = def->open(&setup);
        scaler_init(&scaler, t->columns);
        double start = seconds();
        for (uint32_t r = 0; r < t->rows; r++) {
            const double *x = t->x + (size_t)r * t->columns, *in = x;
            if (config->is_scaled) {
                scaler_transform(&scaler, x, scaled);
                in = scaled;
            }
            def->predict(l, in, 1, &predicted[r], 1);
            if (config->is_scaled) {
                scaler_learn(&scaler, x);
                scaler_transform(&scaler, x, scaled);
            }
            def->learn(l, in, 1, is_value ? &y[r] : NULL, NULL);
        }
        ns = (seconds() - start) * 1e9 / t->rows;
        scaler_done(&scaler);
        def->close(l);
    }
    for (uint32_t r = 0; r < t->rows; r++) {
        printf("%.17g\n", predicted[r]);
    }
    if (is_value) {
        print_errors(predicted, y, t->rows, ns);
    } else {
        printf("# %u %.1f\n", t->rows, ns);
    }
    mem_free(scaled);
    mem_free(predicted);
    mem_free(y);
}

static const struct learner_def *find(const char *name)
{
    for (size_t i = 0; registry_learners[i]; i++) {
        if (strcmp(registry_learners[i]->name, name) == 0) {
            return registry_learners[i];
        }
    }
    fail("no such learner");
    return NULL;
}

static enum learner_task task_of(const char *label, const struct learner_def *def)
{
    if (strcmp(label, "value") == 0) {
        return LEARN_VALUES;
    }
    if (strcmp(label, "none") == 0) {
        return def->tasks & LEARN_SCORES ? LEARN_SCORES : LEARN_CLUSTERS;
    }
    return LEARN_CLASSES;
}

static void run(const struct model_config *config, const char *label, const struct table *t,
                uint64_t seed)
{
    enum learner_task task = task_of(label, config->def);
    if (!(config->def->tasks & (unsigned)task)) {
        fail("the learner cannot do that");
    }
    if (task != LEARN_CLASSES) {
        pass_numbers(config, t, task, seed);
        return;
    }
    const struct type *type = strcmp(label, "boolean") == 0 ? &type_boolean : &type_string;
    pass_classes(config, type, t, seed, PRINTED);
    pass_classes(config, type, t, seed, QUIET);
}

int main(int argc, char **argv)
{
    if (argc < 6 || argc > 8) {
        fail("ALGORITHM none|standard boolean|string|value|none OPTIONS FILE [ROWS [SEED]]");
    }
    struct arena a;
    struct diags d;
    struct yaml *options;
    struct err e = {0};
    arena_init(&a);
    diags_init(&d);
    uint32_t most = argc > 6 ? (uint32_t)strtoul(argv[6], NULL, 10) : 0;
    uint64_t seed = argc > 7 ? strtoull(argv[7], NULL, 10) : 1;
    struct table t = read_table(argv[5], most > 0 ? most : UINT32_MAX);
    struct learner_column *column = arena_zalloc(&a, t.columns * sizeof(*column));
    for (uint32_t c = 0; c < t.columns; c++) {
        column[c].name = "x";
    }
    struct model_config config = {
        .def = find(argv[1]),
        .column = column,
        .ncolumns = t.columns,
        .is_scaled = strcmp(argv[2], "standard") == 0,
        .task = LEARN_CLASSES,
    };
    void *parsed = arena_zalloc(&a, config.def->options_size + 1);
    if (yaml_parse(&options, &a, "options", argv[4], strlen(argv[4]), &d) < 0 ||
        config_parse(config.def->options, parsed, options, "", &a, &d) < 0) {
        fail("bad options");
    }
    if (config.def->check && config.def->check(parsed, &e) < 0) {
        fail(e.text);
    }
    config.options = parsed;
    run(&config, argv[3], &t, seed);
    free_table(&t);
    diags_done(&d);
    arena_done(&a);
    return 0;
}
