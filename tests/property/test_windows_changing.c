/* Windows that come out more than once, against those that come out once: a reader who applies all
 * rows and deletions of `emit: updates` or `{every}` ends with the table that `emit: final` gives.
 * And `having` gives what a reader would keep who applies it to each row himself.
 *
 * Random rows, out of order, in batches of any size, with restarts. Seeds are printed on failure;
 * KLAMM_SEEDS sets how many are tried, KLAMM_SEED the first.
 */
#include "tests/unit/window_harness.h"

#include "engine/random.h"
#include "tests/support/seeds.h"

#include <stdlib.h>

#define ROWS      100
#define AGGREGATE "count() as n, sum(v) as sum, last(v) as last"
#define HAVING    "sum(v) % 3 > 0 and n % 4 <> 3"

struct trial {
    struct row row[ROWS];
    int64_t out_of_order;
    char window[120]; /* kind, grace */
    uint64_t seed;
};

static void make_trial(struct trial *t, int kind, uint64_t seed)
{
    static const char *const hosts[] = {"a", "b", "a-host-of-length-20"};
    struct random random;
    random_seed(&random, seed, 21);
    *t = (struct trial){.seed = seed};
    long long size = 1 + random_below(&random, 30), grace = random_below(&random, 12);
    long long every = 1 + size / (1 + random_below(&random, 4));
    every = every > size ? size : every;
    static const char *const plain[] = {"tumbling", "sliding", "session"};
    if (kind == 3) {
        snprintf(t->window, sizeof t->window,
                 "hopping: {size: %lldms, every: %lldms}, grace: %lldms", size, every, grace);
    } else {
        snprintf(t->window, sizeof t->window, "%s: %lldms, grace: %lldms", plain[kind], size,
                 grace);
    }
    t->out_of_order = random_below(&random, 10);
    int64_t now = 0;
    for (int i = 0; i < ROWS; i++) {
        now += random_below(&random, 20) == 0 ? (int64_t)random_below(&random, 100)
                                              : (int64_t)random_below(&random, 5);
        t->row[i] = (struct row){.host = hosts[random_below(&random, 3)],
                                 .time = now - (int64_t)random_below(&random, 25),
                                 .v = (int64_t)random_below(&random, 50)};
    }
}

/* batch: rows of one at most; restarts: whether it restarts now and then. */
static void run(const struct trial *t, const char *emit, const char *having, uint16_t batch,
                bool restarts, struct buffer *out)
{
    struct harness h;
    struct random random;
    char text[500];
    random_seed(&random, t->seed, batch);
    snprintf(text, sizeof text, "{%s, emit: %s, having: \"%s\", aggregate: \"%s\"}", t->window,
             emit, having, AGGREGATE);
    harness_init(&h, text);
    h.out_of_order = t->out_of_order;
    h.judged_by_row = true;
    struct row row[ROWS];
    memcpy(row, t->row, sizeof row);
    for (size_t at = 0; at < ROWS;) {
        size_t n = 1 + random_below(&random, 20);
        n = n < ROWS - at ? n : ROWS - at;
        assert_int_equal(harness_run(&h, row + at, n, batch), 0);
        at += n;
        if (restarts && random_below(&random, 3) == 0) {
            harness_restart(&h);
        }
    }
    assert_int_equal(harness_advance(&h, TIME_MAX), 0);
    assert_int_equal(state_count(h.op.state), 0);
    buffer_text(out, harness_out(&h));
    harness_done(&h);
}

/* ---- a reader ---------------------------------------------------------------------------------
 */

#define LINES 20000

struct table {
    char *line[LINES];
    int n;
};

/* Length of host and bounds. */
static size_t key_length(const char *line)
{
    const char *p = strstr(line, "window_end=");
    return (size_t)(strchr(p, ' ') - line);
}

static int find(const struct table *t, const char *line)
{
    size_t n = key_length(line);
    for (int i = 0; i < t->n; i++) {
        if (key_length(t->line[i]) == n && memcmp(t->line[i], line, n) == 0) {
            return i;
        }
    }
    return -1;
}

static void erase(struct table *t, int i)
{
    mem_free(t->line[i]);
    t->line[i] = t->line[--t->n];
}

static bool is_deletion(const char *line)
{
    return strstr(line, " deleted @") != NULL;
}

static void apply(struct table *t, const char *line)
{
    int old = find(t, line);
    if (old >= 0) {
        erase(t, old);
    }
    if (is_deletion(line)) {
        assert_true(old >= 0); /* only what is there is deleted */
        return;
    }
    assert_true(t->n < LINES);
    t->line[t->n++] = mem_strdup(line);
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Calls `each` for every line of text, which is cut into pieces. */
static void each_line(struct buffer *text, void (*each)(void *ctx, const char *line), void *ctx)
{
    char *save = NULL, *p = mem_strdup(buffer_cstr(text)), *from = p;
    for (char *line = strtok_r(from, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        each(ctx, line);
    }
    mem_free(p);
}

static void apply_line(void *ctx, const char *line)
{
    apply(ctx, line);
}

static void table_of(struct buffer *text, struct buffer *out)
{
    struct table *t = mem_zalloc(sizeof *t);
    each_line(text, apply_line, t);
    qsort(t->line, (size_t)t->n, sizeof *t->line, compare);
    while (t->n > 0) {
        buffer_printf(out, "%s\n", t->line[--t->n]);
        mem_free(t->line[t->n]);
    }
    mem_free(t);
}

static long long number(const char *line, const char *name)
{
    return strtoll(strstr(line, name) + strlen(name), NULL, 10);
}

struct filter {
    struct table seen;
    struct buffer out;
};

/* HAVING, applied by hand: what a row deletes, and whether it stays. */
static void filter_line(void *ctx, const char *line)
{
    struct filter *f = ctx;
    int old = find(&f->seen, line);
    bool passes =
        !is_deletion(line) && number(line, " sum=") % 3 > 0 && number(line, " n=") % 4 != 3;
    if (passes) {
        buffer_printf(&f->out, "%s\n", line);
        apply(&f->seen, line);
    } else if (old >= 0) {
        buffer_printf(&f->out, "%.*s deleted %s\n", (int)key_length(line), line, strchr(line, '@'));
        erase(&f->seen, old);
    }
}

static void filter(struct buffer *all, struct buffer *out)
{
    struct filter *f = mem_zalloc(sizeof *f);
    buffer_init(&f->out);
    each_line(all, filter_line, f);
    buffer_text(out, buffer_cstr(&f->out));
    while (f->seen.n > 0) {
        erase(&f->seen, 0);
    }
    buffer_done(&f->out);
    mem_free(f);
}

/* ---- properties -------------------------------------------------------------------------------
 */

static void compare_texts(const struct trial *t, const char *emit, struct buffer *a,
                          struct buffer *b)
{
    if (strcmp(buffer_cstr(a), buffer_cstr(b)) != 0) {
        print_message("seed %llu, %s, emit: %s\n", (unsigned long long)t->seed, t->window, emit);
    }
    assert_string_equal(buffer_cstr(a), buffer_cstr(b));
}

static void check(const struct trial *t, const char *emit)
{
    struct buffer final, all, some, other, x, y;
    struct buffer *const buffers[] = {&final, &all, &some, &other, &x, &y};
    for (int i = 0; i < 6; i++) {
        buffer_init(buffers[i]);
    }
    run(t, "final", HAVING, 7, false, &final);
    run(t, emit, "true", 3, false, &all);
    run(t, emit, "true", 17, false, &other);
    compare_texts(t, emit, &other, &all); /* for batches of any size */
    buffer_clear(&other);
    run(t, emit, HAVING, 5, false, &some);
    filter(&all, &x);
    compare_texts(t, emit, &some, &x); /* row by row what it must be */
    buffer_clear(&x);
    table_of(&final, &x);
    table_of(&some, &y);
    compare_texts(t, emit, &y, &x); /* and it ends with what is final */
    buffer_clear(&y);
    run(t, emit, HAVING, 1, true, &other);
    table_of(&other, &y);
    compare_texts(t, emit, &y, &x); /* over restarts too */
    for (int i = 0; i < 6; i++) {
        buffer_done(buffers[i]);
    }
}

static void test_all(void **state)
{
    (void)state;
    struct seeds s = seeds_from_env(60);
    for (uint64_t seed = s.first; seed < s.end; seed++) {
        for (int kind = 0; kind < 4; kind++) {
            struct trial t;
            make_trial(&t, kind, seed);
            check(&t, "updates");
            check(&t, seed % 2 ? "{every: 7ms}" : "{every: 30ms}");
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
