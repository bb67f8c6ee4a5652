/* A drift detector over every column of a CSV file with a header, for comparison with other
 * libraries by test_drift.py.
 *
 *   drift_driver ALGORITHM OPTIONS SEED FILE
 *
 * OPTIONS is a YAML map ("{delta: 0.01}"). A line per column: the numbers of the values with which
 * a change was told of, separated by spaces. Last comes "# NANOSECONDS", CPU time a value of the
 * column that took least.
 */
#include "engine/arena.h"
#include "engine/drift.h"
#include "engine/memory.h"
#include "engine/registry.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COLUMNS_ROOM 64

struct table {
    uint32_t columns, rows;
    double *x; /* row by row */
};

static void fail(const char *what)
{
    fprintf(stderr, "drift_driver: %s\n", what);
    exit(2);
}

static struct table read_table(const char *file)
{
    struct table t = {.columns = 1};
    char *line = NULL;
    size_t room = 0, cap = 0;
    FILE *f = fopen(file, "r");
    if (!f || getline(&line, &room, f) < 0) {
        fail("cannot read the file");
    }
    for (const char *p = line; *p; p++) {
        t.columns += *p == ',';
    }
    if (t.columns > COLUMNS_ROOM) {
        fail("too many columns");
    }
    while (getline(&line, &room, f) > 0) {
        if (t.rows == cap) {
            cap = cap ? cap * 2 : 1024;
            t.x = mem_resize(t.x, cap * t.columns, sizeof(double));
        }
        char *p = line;
        for (uint32_t c = 0; c < t.columns; c++) {
            t.x[(size_t)t.rows * t.columns + c] = strtod(p, &p);
            p += *p == ',';
        }
        t.rows++;
    }
    free(line);
    fclose(f);
    return t;
}

static const struct drift_def *find(const char *name)
{
    for (size_t i = 0; registry_drifts[i]; i++) {
        if (strcmp(registry_drifts[i]->name, name) == 0) {
            return registry_drifts[i];
        }
    }
    fail("no such detector");
    return NULL;
}

static const void *parse(const struct drift_def *def, const char *text, struct arena *a)
{
    struct diags d;
    struct yaml *y;
    void *parsed = arena_zalloc(a, def->options_size + 1);
    diags_init(&d);
    if (yaml_parse(&y, a, "options", text, strlen(text), &d) < 0 ||
        config_parse(def->options, parsed, y, "", a, &d) < 0) {
        fail("bad options");
    }
    diags_done(&d);
    return parsed;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* One column; returns the seconds that the updates took. */
static double run(const struct drift_def *def, const void *options, uint64_t seed,
                  const struct table *t, uint32_t column)
{
    uint32_t *alarm = mem_array(t->rows, sizeof(*alarm)), n = 0;
    void *d = def->open(options, seed);
    double start = seconds();
    for (uint32_t r = 0; r < t->rows; r++) {
        if (def->update(d, t->x[(size_t)r * t->columns + column])) {
            alarm[n++] = r;
        }
    }
    double took = seconds() - start;
    for (uint32_t i = 0; i < n; i++) {
        printf("%s%u", i > 0 ? " " : "", alarm[i]);
    }
    printf("\n");
    def->close(d);
    mem_free(alarm);
    return took;
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fail("ALGORITHM OPTIONS SEED FILE");
    }
    struct arena a;
    arena_init(&a);
    const struct drift_def *def = find(argv[1]);
    const void *options = parse(def, argv[2], &a);
    struct table t = read_table(argv[4]);
    double least = HUGE_VAL;
    for (uint32_t c = 0; c < t.columns; c++) {
        least = fmin(least, run(def, options, strtoull(argv[3], NULL, 10), &t, c));
    }
    printf("# %.2f\n", least * 1e9 / t.rows);
    mem_free(t.x);
    arena_done(&a);
    return 0;
}
