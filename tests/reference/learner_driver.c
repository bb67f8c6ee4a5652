/* A learner over a CSV file, row by row: predicted, printed, learned. For comparison with other
 * libraries by test_learners.py.
 *
 *   learner_driver ALGORITHM none|standard boolean|string OPTIONS FILE
 *
 * OPTIONS is a YAML map ("{lr: 0.1}"); FILE has a header and the label in its last column
 * (boolean: "1" is true). A line per row: the predicted class, then a tab and CLASS=PROBABILITY for
 * each class known; "-" before the first row was learned. Last comes a line "# ACCURACY MAJORITY
 * NO_CHANGE LOG_LOSS ROWS NANOSECONDS", the last figure being the time a row took without reading
 * and printing.
 */
#include "engine/config.h"
#include "engine/memory.h"
#include "engine/registry.h"
#include "ml/model.h"

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

static struct table read_table(const char *file)
{
    struct table t = {0};
    char *line = NULL, *field[COLUMNS_ROOM];
    size_t room = 0, cap = 0;
    FILE *f = fopen(file, "r");
    if (!f || getline(&line, &room, f) < 0) {
        fail("cannot read the file");
    }
    t.columns = split(line, field) - 1;
    while (getline(&line, &room, f) > 0) {
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

static void print_row(const struct model *m, int predicted, const double *proba)
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

enum output { QUIET, PRINTED };

/* One pass over the table; returns nanoseconds a row. */
static double pass(const struct model_config *config, const struct table *t, enum output output)
{
    struct arena a;
    struct model_scratch scratch;
    struct timespec from, to;
    struct outcome outcome;
    const char *problem;
    struct model *m = model_new(config, 1);
    model_scratch_init(&scratch, config);
    arena_init(&a);
    struct vec *label = mem_array(t->rows, sizeof(*label));
    for (uint32_t r = 0; r < t->rows; r++) {
        label[r] = label_vec(t, config->label, r, &a);
    }
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (uint32_t r = 0; r < t->rows; r++) {
        const double *x = t->x + (size_t)r * t->columns;
        int predicted = model_predict(m, x, &scratch);
        if (output == PRINTED) {
            print_row(m, predicted, scratch.proba);
        }
        if (model_learn(m, x, &label[r], 0, predicted, &scratch, &outcome, &problem) < 0) {
            fail(problem);
        }
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    double ns = ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) /
                (double)t->rows;
    if (output == QUIET) {
        const struct scores *s = &m->evaluation.scores;
        printf("# %.17g %.17g %.17g %.17g %lld %.1f\n", scores_accuracy(s, SCORE_LEARNER),
               scores_accuracy(s, SCORE_MAJORITY), scores_accuracy(s, SCORE_NO_CHANGE),
               scores_log_loss(s), (long long)s->rows, ns);
    }
    mem_free(label);
    model_scratch_done(&scratch);
    model_free(m);
    arena_done(&a);
    return ns;
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

int main(int argc, char **argv)
{
    if (argc != 6) {
        fail("ALGORITHM none|standard boolean|string OPTIONS FILE");
    }
    struct arena a;
    struct diags d;
    struct yaml *options;
    arena_init(&a);
    diags_init(&d);
    struct table t = read_table(argv[5]);
    struct learner_column *column = arena_zalloc(&a, t.columns * sizeof(*column));
    for (uint32_t c = 0; c < t.columns; c++) {
        column[c].name = "x";
    }
    struct model_config config = {
        .def = find(argv[1]),
        .column = column,
        .ncolumns = t.columns,
        .is_scaled = strcmp(argv[2], "standard") == 0,
        .label = strcmp(argv[3], "boolean") == 0 ? &type_boolean : &type_string,
    };
    void *parsed = arena_zalloc(&a, config.def->options_size + 1);
    if (yaml_parse(&options, &a, "options", argv[4], strlen(argv[4]), &d) < 0 ||
        config_parse(config.def->options, parsed, options, "", &a, &d) < 0) {
        fail("bad options");
    }
    config.options = parsed;
    pass(&config, &t, PRINTED);
    pass(&config, &t, QUIET);
    free_table(&t);
    diags_done(&d);
    arena_done(&a);
    return 0;
}
