/* A forecaster over one column of a CSV file, step by step: the next value is learned, the horizons
 * are predicted and printed. For comparison with other libraries by test_forecasts.py.
 *
 *   forecast_driver ALGORITHM OPTIONS HORIZONS SEASONS FILE COLUMN
 *
 * OPTIONS is a YAML map ("{alpha: 0.1}"); HORIZONS are steps ("1,2,12" or "1-12"), SEASONS too, or
 * "-"; FILE has a header, COLUMN is a name of it; an empty field is a missing value. The i-th line
 * has what was forecast once value i was learned (horizon h stands for value i + h), a tab between
 * two horizons, "nan" where there is no forecast. Last comes "# PREDICT_NS LEARN_NS ROWS BYTES":
 * mean times of a call (of this thread, on the processor, without the clock's own), and the size of
 * the snapshot at the end.
 */
#include "engine/config.h"
#include "engine/forecaster.h"
#include "engine/memory.h"
#include "engine/registry.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct series {
    uint32_t n;
    double *y;
};

static void fail(const char *what)
{
    fprintf(stderr, "forecast_driver: %s\n", what);
    exit(2);
}

/* The text of field `at`, ended; NULL when the line has fewer. */
static char *field_of(char *line, uint32_t at)
{
    line[strcspn(line, "\r\n")] = '\0';
    for (; at > 0; at--) {
        line += strcspn(line, ",");
        if (*line == '\0') {
            return NULL;
        }
        line++;
    }
    line[strcspn(line, ",")] = '\0';
    return line;
}

static uint32_t column_number(const char *header, const char *name)
{
    for (uint32_t c = 0;; c++) {
        char *copy = mem_strdup(header), *field = field_of(copy, c);
        bool is_end = !field, is_found = field && strcmp(field, name) == 0;
        mem_free(copy);
        if (is_found) {
            return c;
        }
        if (is_end) {
            fail("no such column");
        }
    }
}

static struct series read_series(const char *file, const char *name)
{
    struct series s = {0};
    char *line = NULL;
    size_t room = 0, cap = 0;
    FILE *f = fopen(file, "r");
    if (!f || getline(&line, &room, f) < 0) {
        fail("cannot read the file");
    }
    uint32_t column = column_number(line, name);
    while (getline(&line, &room, f) > 0) {
        if (s.n == cap) {
            cap = cap ? cap * 2 : 1024;
            s.y = mem_resize(s.y, cap, sizeof(double));
        }
        const char *text = field_of(line, column);
        s.y[s.n++] = text && *text ? strtod(text, NULL) : (double)NAN;
    }
    free(line);
    fclose(f);
    return s;
}

/* "1,2,12" or "1-12" or "-"; returns how many. */
static uint32_t read_steps(const char *text, uint32_t *out, uint32_t most)
{
    uint32_t n = 0;
    char *end;
    if (strcmp(text, "-") == 0) {
        return 0;
    }
    for (const char *p = text; *p; p = *end ? end + 1 : end) {
        unsigned long from = strtoul(p, &end, 10), to = from;
        if (*end == '-') {
            to = strtoul(end + 1, &end, 10);
        }
        if (from == 0 || to > STEPS_MAX || (*end && *end != ',')) {
            fail("horizons and seasons are steps: 1,2,12 or 1-12");
        }
        for (; from <= to; from++) {
            if (n == most || (n > 0 && from <= out[n - 1])) {
                fail("too many steps, or not ascending");
            }
            out[n++] = (uint32_t)from;
        }
    }
    return n;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Of a call of seconds(), which many a forecaster is quicker than. */
static double clock_cost(void)
{
    enum { CALLS = 2000 };
    double start = seconds();
    for (int i = 1; i < CALLS; i++) {
        seconds();
    }
    return (seconds() - start) / CALLS;
}

static size_t snapshot_size(const struct forecaster_def *def, void *f)
{
    struct buffer saved;
    buffer_init(&saved);
    struct snapshot s = snapshot_saver(&saved);
    def->io(f, &s);
    size_t n = saved.n;
    buffer_done(&saved);
    return n;
}

static void run(const struct forecaster_def *def, const struct forecaster_setup *setup,
                const struct series *series)
{
    double out[HORIZONS_MAX], learning = 0, predicting = 0;
    void *f = def->open(setup);
    if (!f) {
        fail("the forecaster did not open");
    }
    for (uint32_t i = 0; i < series->n; i++) {
        double start = seconds();
        def->learn(f, series->y[i]);
        trainable_now(def->training, f);
        double between = seconds();
        def->predict(f, out);
        predicting += seconds() - between;
        learning += between - start;
        for (uint32_t h = 0; h < setup->nhorizons; h++) {
            printf("%s%.17g", h > 0 ? "\t" : "", out[h]);
        }
        printf("\n");
    }
    double rows = series->n > 0 ? series->n : 1, clock = clock_cost();
    printf("# %.1f %.1f %u %zu\n", fmax(0, predicting / rows - clock) * 1e9,
           fmax(0, learning / rows - clock) * 1e9, series->n, snapshot_size(def, f));
    def->close(f);
}

static const struct forecaster_def *find(const char *name)
{
    for (size_t i = 0; registry_forecasters[i]; i++) {
        if (strcmp(registry_forecasters[i]->name, name) == 0) {
            return registry_forecasters[i];
        }
    }
    fail("no such forecaster");
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 7) {
        fail("ALGORITHM OPTIONS HORIZONS SEASONS FILE COLUMN");
    }
    struct arena a;
    struct diags d;
    struct yaml *options;
    struct err e = {0};
    uint32_t horizon[HORIZONS_MAX], season[SEASONS_MAX];
    arena_init(&a);
    diags_init(&d);
    const struct forecaster_def *def = find(argv[1]);
    void *parsed = arena_zalloc(&a, def->options_size + 1);
    if (yaml_parse(&options, &a, "options", argv[2], strlen(argv[2]), &d) < 0 ||
        config_parse(def->options, parsed, options, "", &a, &d) < 0 ||
        (def->check && def->check(parsed, &e) < 0)) {
        fail(e.text[0] ? e.text : "bad options");
    }
    struct forecaster_setup setup = {
        .options = parsed, .horizon = horizon, .season = season, .seed = 42};
    setup.nhorizons = read_steps(argv[3], horizon, HORIZONS_MAX);
    setup.nseasons = read_steps(argv[4], season, SEASONS_MAX);
    if (setup.nhorizons == 0 || setup.nseasons < def->least_seasons ||
        setup.nseasons > def->most_seasons) {
        fail("too few horizons, or not as many seasons as the forecaster wants");
    }
    struct series series = read_series(argv[5], argv[6]);
    run(def, &setup, &series);
    mem_free(series.y);
    diags_done(&d);
    arena_done(&a);
    return 0;
}
