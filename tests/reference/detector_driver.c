/* A detector over a CSV file, row by row: scored, printed, learned. For comparison with other
 * libraries and for the NAB benchmark by test_anomalies.py.
 *
 *   detector_driver ALGORITHM none|standard OPTIONS SEED FILE
 *
 * OPTIONS is a YAML map ("{n_trees: 25}"). FILE has a header; where its first column is
 * `timestamp`, the last column is the value, otherwise all columns but the last one, the label, are
 * features. A line per row: the raw score ("nan" while there is none) and its calibrated tail
 * probability, both from what came before the row. An algorithm that learns from windows gets all
 * rows at once, before the first score. Last comes "# NANOSECONDS", the processor time that a row
 * took without reading, calibrating and printing.
 */
#include "engine/config.h"
#include "engine/learner.h"
#include "engine/memory.h"
#include "engine/registry.h"
#include "ml/calibration.h"
#include "ml/scaler.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct table {
    uint32_t columns, rows;
    double *x;
};

static void fail(const char *what)
{
    fprintf(stderr, "detector_driver: %s\n", what);
    exit(2);
}

static uint32_t count_fields(const char *line)
{
    uint32_t n = 1;
    for (; *line != '\0'; line++) {
        n += *line == ',';
    }
    return n;
}

/* Field `first` of a line and those behind it as numbers. */
static void read_fields(const char *line, uint32_t first, uint32_t n, double *x)
{
    for (; first > 0; first--) {
        line += strcspn(line, ",");
        line += *line == ',';
    }
    for (uint32_t i = 0; i < n; i++) {
        x[i] = strtod(line, NULL);
        line += strcspn(line, ",");
        line += *line == ',';
    }
}

static struct table read_table(const char *file)
{
    struct table t = {0};
    char *line = NULL;
    size_t room = 0, cap = 0;
    FILE *f = fopen(file, "r");
    if (!f || getline(&line, &room, f) < 0) {
        fail("cannot read the file");
    }
    uint32_t first = strncmp(line, "timestamp", 9) == 0 ? 1 : 0;
    t.columns = count_fields(line) - 1;
    while (getline(&line, &room, f) > 0) {
        if (count_fields(line) != t.columns + 1) {
            fail("a row of another length");
        }
        if (t.rows == cap) {
            cap = cap ? cap * 2 : 1024;
            t.x = mem_resize(t.x, cap * t.columns, sizeof(double));
        }
        read_fields(line, first, t.columns, t.x + (size_t)t.rows++ * t.columns);
    }
    free(line);
    fclose(f);
    return t;
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

enum scaling { UNSCALED, SCALED };

/* Raw scores of all rows; returns nanoseconds a row. */
static double pass(const struct learner_def *def, const struct learner_setup *setup,
                   const struct table *t, enum scaling scaling, double *score)
{
    struct timespec from, to;
    struct scaler scaler;
    void *l = def->open(setup);
    if (!l) {
        fail("the learner refuses its options");
    }
    double *scaled = mem_array((size_t)t->columns + 1, sizeof(double));
    scaler_init(&scaler, t->columns);
    if (def->fit) {
        def->fit(l, t->x, t->rows, NULL, NULL, NULL);
    }
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
    for (uint32_t r = 0; r < t->rows; r++) {
        const double *x = t->x + (size_t)r * t->columns, *used = x;
        if (scaling == SCALED) {
            scaler_transform(&scaler, x, scaled);
            used = scaled;
        }
        def->predict(l, used, 1, &score[r], 1);
        if (scaling == SCALED) {
            scaler_learn(&scaler, x);
            scaler_transform(&scaler, x, scaled);
        }
        if (def->learn) {
            def->learn(l, used, 1, NULL, NULL);
        }
    }
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
    scaler_done(&scaler);
    mem_free(scaled);
    def->close(l);
    return ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) /
           (double)(t->rows > 0 ? t->rows : 1);
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fail("ALGORITHM none|standard OPTIONS SEED FILE");
    }
    struct arena a;
    struct diags d;
    struct yaml *options;
    arena_init(&a);
    diags_init(&d);
    struct table t = read_table(argv[5]);
    const struct learner_def *def = find(argv[1]);
    void *parsed = arena_zalloc(&a, def->options_size + 1);
    if (yaml_parse(&options, &a, "options", argv[3], strlen(argv[3]), &d) < 0 ||
        config_parse(def->options, parsed, options, "", &a, &d) < 0 ||
        (def->check && def->check(parsed, NULL) < 0)) {
        fail("bad options");
    }
    struct learner_column *column = arena_zalloc(&a, t.columns * sizeof(*column));
    for (uint32_t c = 0; c < t.columns; c++) {
        column[c].name = "x";
    }
    struct learner_setup setup = {
        .task = LEARN_SCORES,
        .options = parsed,
        .column = column,
        .ncolumns = t.columns,
        .seed = strtoull(argv[4], NULL, 10),
    };
    struct calibration *calibration = mem_alloc(sizeof(*calibration));
    double *score = mem_array((size_t)t.rows + 1, sizeof(double));
    double ns = pass(def, &setup, &t, strcmp(argv[2], "standard") == 0 ? SCALED : UNSCALED, score);
    calibration_init(calibration, CALIBRATION_MEMORY, setup.seed);
    for (uint32_t r = 0; r < t.rows; r++) {
        printf("%.17g %.17g\n", score[r], calibration_tail(calibration, score[r]));
        calibration_learn(calibration, score[r]);
    }
    printf("# %.1f\n", ns);
    mem_free(score);
    calibration_done(calibration);
    mem_free(calibration);
    mem_free(t.x);
    diags_done(&d);
    arena_done(&a);
    return 0;
}
