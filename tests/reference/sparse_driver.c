/* A learner over rows of words, row by row: predicted, printed, learned. For comparison with River
 * by test_sparse.py.
 *
 *   sparse_driver ALGORITHM classes|value OPTIONS N_FEATURES FILE
 *
 * A line of FILE is the label (a class number or a value), the dense features, and the words, three
 * fields with a tab between them, each of words with a space between them. A line of output per
 * row: the prediction, or the probabilities of the classes so far; last "# NANOSECONDS HASHING
 * BYTES": what predict and learn of a row took, what making its features of its words took, and the
 * learner's size in the end.
 */
#include "engine/buffer.h"
#include "engine/config.h"
#include "engine/memory.h"
#include "engine/registry.h"
#include "ml/bag.h"
#include "ml/hashed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DENSE_MOST = 16 };

struct row {
    double y, x[DENSE_MOST];
    struct str words; /* an array<string> */
    struct sparse_row sparse;
};

struct table {
    struct row *row;
    uint32_t rows, room, columns;
};

static void fail(const char *what)
{
    fprintf(stderr, "sparse_driver: %s\n", what);
    exit(2);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static uint32_t read_numbers(char *text, double *x)
{
    uint32_t n = 0;
    for (char *end; n < DENSE_MOST; text = end) {
        x[n] = strtod(text, &end);
        if (end == text) {
            break;
        }
        n++;
    }
    return n;
}

static struct str read_words(char *text)
{
    struct buffer items, all;
    int64_t n = 0;
    char *rest;
    buffer_init(&items);
    buffer_init(&all);
    for (char *word = strtok_r(text, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest)) {
        struct nested_value value = {.s = {word, (uint32_t)strlen(word)}};
        nested_put(&items, &type_string, &value);
        n++;
    }
    buffer_varint(&all, n);
    buffer_add(&all, items.data, items.n);
    struct str s = str_ref(mem_strndup(all.data, all.n), (uint32_t)all.n);
    buffer_done(&items);
    buffer_done(&all);
    return s;
}

static struct table read_table(const char *file)
{
    struct table t = {0};
    char *line = NULL;
    size_t room = 0;
    FILE *f = fopen(file, "r");
    if (!f) {
        fail("cannot read the file");
    }
    while (getline(&line, &room, f) > 0) {
        char *dense = strchr(line, '\t'), *words = dense ? strchr(dense + 1, '\t') : NULL;
        if (!words) {
            fail("a row without three fields");
        }
        *dense = *words = '\0';
        if (t.rows == t.room) {
            t.room = t.room ? t.room * 2 : 1024;
            t.row = mem_resize(t.row, t.room, sizeof(*t.row));
        }
        struct row *r = &t.row[t.rows++];
        *r = (struct row){.y = strtod(line, NULL), .words = read_words(words + 1)};
        t.columns = read_numbers(dense + 1, r->x);
    }
    free(line);
    fclose(f);
    return t;
}

/* Nanoseconds a row. */
static double hash_rows(struct table *t, uint32_t n_features)
{
    struct type words = {.kind = TYPE_ARRAY, .of = &type_string};
    struct bag bag;
    bag_init(&bag, 1);
    double ns = 0;
    for (uint32_t r = 0; r < t->rows; r++) {
        struct vec v = {.type = &words, .s = &t->row[r].words};
        double start = seconds();
        struct hashed_items items = hashed_open(&v, 0, hashed_begin(0));
        uint32_t hash;
        double value;
        bag_begin(&bag, (uint32_t)hashed_count(&v, 0));
        while (hashed_next(&items, &hash, &value)) {
            bool is_negative;
            uint32_t index = hashed_index(hash, n_features, &is_negative);
            bag_add(&bag, index, is_negative ? -value : value);
        }
        bag_end(&bag);
        ns += (seconds() - start) * 1e9 / t->rows;
        size_t bytes = bag.n * sizeof(*bag.item);
        void *copy = mem_alloc(bytes + 1);
        memcpy(copy, bag.item, bytes);
        t->row[r].sparse = (struct sparse_row){copy, bag.n};
    }
    bag_done(&bag);
    return ns;
}

/* One pass; prints predictions, or nothing where out is NULL. Nanoseconds a row. */
static double pass(const struct learner_def *def, const struct learner_setup *setup,
                   const struct table *t, FILE *out, uint64_t *size)
{
    static double p[CLASSES_MAX];
    bool is_value = setup->task == LEARN_VALUES;
    uint32_t classes = def->is_binary ? 2 : 0;
    void *l = def->open(setup);
    double start = seconds();
    for (uint32_t r = 0; r < t->rows; r++) {
        const struct row *row = &t->row[r];
        def->predict_sparse(l, row->x, &row->sparse, p);
        for (uint32_t c = 0; out && c < (is_value ? 1 : classes); c++) {
            fprintf(out, "%s%.17g", c > 0 ? " " : "", p[c]);
        }
        if (out) {
            fprintf(out, "\n");
        }
        if (!is_value && (uint32_t)row->y >= classes) {
            classes = (uint32_t)row->y + 1;
            def->grow(l, classes);
        }
        def->learn_sparse(l, row->x, &row->sparse, row->y, 1);
    }
    double ns = (seconds() - start) * 1e9 / t->rows;
    *size = def->size(l);
    def->close(l);
    return ns;
}

static const struct learner_def *find(const char *name)
{
    for (size_t i = 0; registry_learners[i]; i++) {
        if (strcmp(registry_learners[i]->name, name) == 0 && registry_learners[i]->learn_sparse) {
            return registry_learners[i];
        }
    }
    fail("no such learner");
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fail("ALGORITHM classes|value OPTIONS N_FEATURES FILE");
    }
    struct arena a;
    struct diags d;
    struct yaml *options;
    uint64_t size;
    arena_init(&a);
    diags_init(&d);
    struct table t = read_table(argv[5]);
    uint32_t n_features = (uint32_t)strtoul(argv[4], NULL, 10);
    const struct learner_def *def = find(argv[1]);
    void *parsed = arena_zalloc(&a, def->options_size + 1);
    if (yaml_parse(&options, &a, "options", argv[3], strlen(argv[3]), &d) < 0 ||
        config_parse(def->options, parsed, options, "", &a, &d) < 0) {
        fail("bad options");
    }
    struct learner_setup setup = {
        .task = strcmp(argv[2], "value") == 0 ? LEARN_VALUES : LEARN_CLASSES,
        .options = parsed,
        .column = arena_zalloc(&a, DENSE_MOST * sizeof(struct learner_column)),
        .ncolumns = t.columns,
        .nsparse = n_features,
        .seed = 1,
    };
    double hashing = hash_rows(&t, n_features);
    pass(def, &setup, &t, stdout, &size);
    double ns = pass(def, &setup, &t, NULL, &size);
    printf("# %.1f %.1f %llu\n", ns, hashing, (unsigned long long)size);
    for (uint32_t r = 0; r < t.rows; r++) {
        union {
            const void *from;
            void *to;
        } items = {.from = t.row[r].sparse.item}, words = {.from = str_data(&t.row[r].words)};
        mem_free(items.to);
        if (t.row[r].words.n > STR_INLINE) {
            mem_free(words.to);
        }
    }
    mem_free(t.row);
    diags_done(&d);
    arena_done(&a);
    return 0;
}
