/* A learner of batches over a CSV file: fitted on the first rows, asked about the others. For
 * comparison with scikit-learn by test_trees.py.
 *
 *   forest_driver ALGORITHM classes|values OPTIONS FILE FITTED SEED
 *
 * FILE has a header and the label in its last column. A line per row after the first FITTED: the
 * predicted class or value. Last: "# FIT_SECONDS PREDICT_NANOSECONDS" (a row).
 */
#include "engine/config.h"
#include "engine/learner.h"
#include "engine/memory.h"
#include "engine/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COLUMNS_ROOM 64

struct table {
    uint32_t columns, rows, classes;
    double *x, *y;
    char *class[CLASSES_MAX];
};

static void fail(const char *what)
{
    fprintf(stderr, "forest_driver: %s\n", what);
    exit(2);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static uint32_t class_of(struct table *t, const char *name)
{
    uint32_t c = 0;
    while (c < t->classes && strcmp(t->class[c], name) != 0) {
        c++;
    }
    if (c == t->classes) {
        if (c == CLASSES_MAX) {
            fail("too many classes");
        }
        t->class[t->classes++] = mem_strdup(name);
    }
    return c;
}

static struct table read_table(const char *file, bool is_values)
{
    struct table t = {0};
    char *line = NULL;
    size_t room = 0, cap = 0;
    FILE *f = fopen(file, "r");
    if (!f || getline(&line, &room, f) < 0) {
        fail("cannot read the file");
    }
    for (const char *p = line; *p; p++) {
        t.columns += *p == ',';
    }
    while (getline(&line, &room, f) > 0) {
        if (t.rows == cap) {
            cap = cap ? cap * 2 : 1024;
            t.x = mem_resize(t.x, cap * t.columns, sizeof(double));
            t.y = mem_resize(t.y, cap, sizeof(double));
        }
        char *at = line;
        for (uint32_t c = 0; c < t.columns; c++) {
            t.x[(size_t)t.rows * t.columns + c] = strtod(at, &at);
            at += *at == ',';
        }
        at[strcspn(at, "\r\n")] = '\0';
        t.y[t.rows++] = is_values ? strtod(at, NULL) : class_of(&t, at);
    }
    free(line);
    fclose(f);
    return t;
}

static void free_table(struct table *t)
{
    for (uint32_t c = 0; c < t->classes; c++) {
        mem_free(t->class[c]);
    }
    mem_free(t->x);
    mem_free(t->y);
}

static const struct learner_def *find(const char *name)
{
    for (size_t i = 0; registry_learners[i]; i++) {
        if (strcmp(registry_learners[i]->name, name) == 0 && registry_learners[i]->fit) {
            return registry_learners[i];
        }
    }
    fail("no such learner of batches");
    return NULL;
}

static void run(const struct learner_def *def, const struct learner_setup *setup, struct table *t,
                uint32_t fitted)
{
    uint32_t width = t->classes > 0 ? t->classes : 1, asked = t->rows - fitted;
    double *out = mem_array((size_t)asked * width + 1, sizeof(*out));
    void *l = def->open(setup);
    if (t->classes > 0) {
        def->grow(l, t->classes);
    }
    double start = seconds();
    def->fit(l, t->x, fitted, t->y, NULL, NULL);
    double middle = seconds();
    def->predict(l, t->x + (size_t)fitted * t->columns, asked, out, width);
    double end = seconds();
    for (uint32_t r = 0; r < asked; r++) {
        const double *p = out + (size_t)r * width;
        uint32_t best = 0;
        for (uint32_t c = 1; c < t->classes; c++) {
            best = p[c] > p[best] ? c : best;
        }
        if (t->classes > 0) {
            printf("%s\n", t->class[best]);
        } else {
            printf("%.17g\n", p[0]);
        }
    }
    printf("# %.6f %.1f\n", middle - start, asked > 0 ? (end - middle) * 1e9 / asked : 0);
    def->close(l);
    mem_free(out);
}

int main(int argc, char **argv)
{
    if (argc != 7) {
        fail("ALGORITHM classes|values OPTIONS FILE FITTED SEED");
    }
    struct learner_column column[COLUMNS_ROOM] = {0};
    const struct learner_def *def = find(argv[1]);
    bool is_values = strcmp(argv[2], "values") == 0;
    struct arena a;
    struct diags d;
    struct yaml *options;
    arena_init(&a);
    diags_init(&d);
    void *parsed = arena_zalloc(&a, def->options_size + 1);
    if (yaml_parse(&options, &a, "options", argv[3], strlen(argv[3]), &d) < 0 ||
        config_parse(def->options, parsed, options, "", &a, &d) < 0) {
        fail("bad options");
    }
    struct table t = read_table(argv[4], is_values);
    uint32_t fitted = (uint32_t)strtoul(argv[5], NULL, 10);
    if (t.columns > COLUMNS_ROOM || fitted > t.rows) {
        fail("too many columns, or too few rows");
    }
    struct learner_setup setup = {.task = is_values ? LEARN_VALUES : LEARN_CLASSES,
                                  .options = parsed,
                                  .column = column,
                                  .ncolumns = t.columns,
                                  .seed = strtoull(argv[6], NULL, 10)};
    run(def, &setup, &t, fitted);
    free_table(&t);
    diags_done(&d);
    arena_done(&a);
    return 0;
}
