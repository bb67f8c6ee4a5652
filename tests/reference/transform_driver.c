/* A preprocessing step over the rows of a CSV file, for its time only: what comes out is compared
 * by test_transforms.py, through `klamm replay`.
 *
 *   transform_driver STEP OPTIONS COLUMNS FILE ROUNDS
 *
 * OPTIONS is the step's value ("{columns: [a, b], method: robust}"), COLUMNS the types of the
 * file's columns ("a: double?, kind: string?"); an empty field is null. The rows go through the
 * step in batches, ROUNDS times one after the other, with what was learned kept. Prints "# ROWS
 * NANOSECONDS": CPU time of push a row, with the new columns that it makes.
 */
#include "engine/memory.h"
#include "engine/registry.h"
#include "engine/task_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COLUMNS_ROOM 64

static void fail(const char *what)
{
    fprintf(stderr, "transform_driver: %s\n", what);
    exit(2);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static const struct step_def *find(const char *name)
{
    for (size_t i = 0; registry_steps[i]; i++) {
        if (strcmp(registry_steps[i]->name, name) == 0) {
            return registry_steps[i];
        }
    }
    fail("no such step");
    return NULL;
}

/* Splits at commas in place; returns the number of fields. */
static uint16_t split(char *line, char **field)
{
    uint16_t n = 0;
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

static const struct schema *schema_of(struct arena *a, const char *columns)
{
    char *field[COLUMNS_ROOM];
    uint16_t n = split(arena_strndup(a, columns, strlen(columns)), field);
    struct schema *s = schema_new(a, n);
    for (uint16_t c = 0; c < n; c++) {
        char *name = field[c] + strspn(field[c], " "), *type = strstr(name, ": ");
        if (!type) {
            fail("COLUMNS are NAME: TYPE, …");
        }
        *type = '\0';
        type += 2;
        size_t last = strlen(type) - 1;
        bool is_nullable = type[last] == '?';
        type[is_nullable ? last : last + 1] = '\0';
        const struct type *parsed = type_parse(a, type);
        if (!parsed) {
            fail("no such type");
        }
        schema_add(s, name, parsed, is_nullable, false);
    }
    return s;
}

static void put(struct batch *b, uint16_t c, uint16_t row, const char *text)
{
    struct vec *v = &b->col[c];
    if (*text == '\0') {
        vec_set_null(v, b->mem, b->rows, row);
    } else if (v->type->kind == TYPE_STRING) {
        v->s[row] = str_copy(b->mem, text, (uint32_t)strlen(text));
    } else if (v->type->kind == TYPE_DOUBLE) {
        v->d[row] = strtod(text, NULL);
    } else if (v->type->kind == TYPE_BOOLEAN) {
        v->b[row] = strcmp(text, "true") == 0;
    } else {
        v->i[row] = strtoll(text, NULL, 10);
    }
}

/* All rows, up to a batch full. */
static struct batch *read_batch(struct arena *a, const struct schema *s, const char *file)
{
    char *line = NULL, *field[COLUMNS_ROOM];
    size_t room = 0;
    struct batch *b = batch_new(a, s, BATCH_ROWS, NULL);
    FILE *f = fopen(file, "r");
    if (!f || getline(&line, &room, f) < 0) {
        fail("cannot read the file");
    }
    while (b->nsel < BATCH_ROWS && getline(&line, &room, f) > 0) {
        if (split(line, field) != s->n) {
            fail("a row of another length");
        }
        for (uint16_t c = 0; c < s->n; c++) {
            put(b, c, b->nsel, field[c]);
        }
        b->time[b->nsel] = b->seen[b->nsel] = b->nsel;
        b->nsel++;
    }
    b->rows = b->nsel;
    free(line);
    fclose(f);
    return b;
}

/* The step with its configuration, its output going nowhere. */
static void bind(struct node *n, const char *yaml, struct arena *a)
{
    struct diags d;
    struct yaml *y;
    diags_init(&d);
    if (yaml_parse(&y, a, "options", yaml, strlen(yaml), &d) < 0) {
        fail("OPTIONS are no YAML");
    }
    void *cfg = arena_zalloc(a, n->def->config_size + 1);
    n->cfg = cfg;
    n->yaml = y;
    n->mem = a;
    n->diags = &d;
    if (config_parse(n->def->config, cfg, y, n->path, a, &d) < 0 || n->def->bind(n) < 0) {
        fail(d.n > 0 ? d.item[0].text : "bad options");
    }
    diags_done(&d);
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fail("STEP OPTIONS COLUMNS FILE ROUNDS");
    }
    struct arena plan, batch;
    struct err e = {0};
    arena_init(&plan);
    arena_init(&batch);
    struct node node = {
        .def = find(argv[1]), .path = "p", .stream = "s", .number = 1, .ninputs = 1};
    node.in[0] = schema_of(&plan, argv[3]);
    bind(&node, argv[2], &plan);
    struct batch *rows = read_batch(&plan, node.in[0], argv[4]);
    struct vertex vertex = {.kind = VERTEX_STEP};
    struct task task = {0}; /* without a producer: nothing is passed on */
    struct spot spot = {.vertex = &vertex, .op = {.node = &node, .task = &task, .mem = &batch}};
    if (node.def->stateful && !node.stateless) {
        spot.op.state = state_memory_new(node.def->state_codec(&node));
    }
    if (node.def->open(&spot.op, &e) < 0) {
        fail(e.text);
    }
    unsigned long rounds = strtoul(argv[5], NULL, 10);
    double start = seconds();
    for (unsigned long i = 0; i < rounds; i++) {
        struct batch in = *rows;
        in.mem = &batch;
        if (node.def->push(&spot.op, 0, &in) < 0) {
            fail("the step refuses the rows");
        }
        arena_reset(&batch);
    }
    double n = (double)rounds * rows->nsel;
    printf("# %.0f %.2f\n", n, (seconds() - start) * 1e9 / n);
    node.def->close(&spot.op);
    if (spot.op.state) {
        state_free(spot.op.state);
    }
    arena_done(&batch);
    arena_done(&plan);
    return 0;
}
