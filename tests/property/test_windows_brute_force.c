/* Tumbling windows against brute force: random rows, out of order, with grace, in batches of any
 * size, with restarts. The model keeps every accepted row and adds up at the end.
 *
 * Seeds are printed on failure; KLAMM_SEEDS sets how many are tried.
 */
#include "tests/unit/window_harness.h"

#include "engine/random.h"

#include <stdlib.h>

#define ROWS 120

struct result {
    int64_t start;
    const char *host;
    int64_t n, sum, least, first, last, first_time, last_time;
};

static int by_end_and_key(const void *a, const void *b)
{
    const struct result *x = a, *y = b;
    if (x->start != y->start) {
        return x->start < y->start ? -1 : 1;
    }
    return strcmp(x->host, y->host);
}

static void add_row(struct result *w, const struct row *r)
{
    bool is_empty = w->n == 0;
    w->n++;
    w->sum += r->v;
    w->least = is_empty || r->v < w->least ? r->v : w->least;
    if (is_empty || r->time < w->first_time) {
        w->first = r->v;
        w->first_time = r->time;
    }
    if (is_empty || r->time >= w->last_time) {
        w->last = r->v;
        w->last_time = r->time;
    }
}

/* What must come out, by the definition alone. */
static uint64_t brute_force(const struct row *r, int n, int64_t size, int64_t grace,
                            int64_t out_of_order, struct buffer *out)
{
    static struct result window[ROWS];
    int nwindows = 0;
    int64_t newest = TIME_MIN;
    uint64_t late = 0;
    for (int i = 0; i < n; i++) {
        newest = r[i].time > newest ? r[i].time : newest;
        int64_t watermark = newest - out_of_order;
        if (r[i].time < 0 || watermark >= r[i].time / size * size + size + grace) {
            late++;
            continue;
        }
        int64_t start = r[i].time / size * size;
        int at = 0;
        while (at < nwindows &&
               (window[at].start != start || strcmp(window[at].host, r[i].host) != 0)) {
            at++;
        }
        if (at == nwindows) {
            window[nwindows++] = (struct result){.start = start, .host = r[i].host};
        }
        add_row(&window[at], &r[i]);
    }
    qsort(window, (size_t)nwindows, sizeof *window, by_end_and_key);
    for (int i = 0; i < nwindows; i++) {
        const struct result *w = &window[i];
        buffer_printf(out,
                      "host=%s window_start=%lld window_end=%lld n=%lld sum=%lld least=%lld "
                      "first=%lld last=%lld @%lld\n",
                      w->host, (long long)w->start, (long long)(w->start + size), (long long)w->n,
                      (long long)w->sum, (long long)w->least, (long long)w->first,
                      (long long)w->last, (long long)(w->start + size - 1));
    }
    return late;
}

static bool try_seed(uint64_t seed)
{
    static const char *const hosts[] = {"a", "b", "a-host-of-length-20", "z"};
    struct random rnd;
    random_seed(&rnd, seed, 1);
    int64_t size = 1 + (int64_t)random_below(&rnd, 20);
    int64_t grace = random_below(&rnd, 2) ? (int64_t)random_below(&rnd, 15) : 0;
    int64_t out_of_order = random_below(&rnd, 2) ? (int64_t)random_below(&rnd, 10) : 0;
    uint32_t spread = 1 + random_below(&rnd, 40);
    struct row r[ROWS];
    int64_t now = 0;
    for (int i = 0; i < ROWS; i++) {
        now += random_below(&rnd, 30) == 0 ? (int64_t)random_below(&rnd, 200)
                                           : (int64_t)random_below(&rnd, 4);
        r[i] = (struct row){hosts[random_below(&rnd, 4)],
                            now - (int64_t)random_below(&rnd, spread),
                            (int64_t)random_below(&rnd, 100),
                            0,
                            NULL,
                            0};
    }
    struct buffer expected;
    buffer_init(&expected);
    uint64_t late = brute_force(r, ROWS, size, grace, out_of_order, &expected);

    char text[300];
    snprintf(text, sizeof text,
             "{tumbling: %lldms, grace: %lldms, aggregate: \"count() as n, sum(v) as sum, "
             "min(v) as least, first(v) as first, last(v) as last\"}",
             (long long)size, (long long)grace);
    struct harness h;
    harness_init(&h, text);
    h.out_of_order = out_of_order;
    const uint16_t sizes[] = {1, 3, 2048};
    uint16_t batch = sizes[random_below(&rnd, 3)];
    for (size_t at = 0; at < ROWS;) {
        size_t n = 1 + random_below(&rnd, ROWS);
        n = n > ROWS - at ? ROWS - at : n;
        assert_int_equal(harness_run(&h, r + at, n, batch), 0);
        at += n;
        if (random_below(&rnd, 3) == 0) {
            harness_restart(&h);
        }
    }
    harness_advance(&h, TIME_MAX);
    bool is_same = strcmp(harness_out(&h), buffer_cstr(&expected)) == 0 &&
                   h.op.counter[COUNT_LATE] == late && state_count(h.op.state) == 0;
    if (!is_same) {
        print_message("seed %llu: size %lld grace %lld out of order %lld batches of %d\n",
                      (unsigned long long)seed, (long long)size, (long long)grace,
                      (long long)out_of_order, batch);
        print_message("expected (late %llu)\n%sgot (late %llu)\n%s", (unsigned long long)late,
                      buffer_cstr(&expected), (unsigned long long)h.op.counter[COUNT_LATE],
                      harness_out(&h));
    }
    buffer_done(&expected);
    harness_done(&h);
    return is_same;
}

static void tumbling_windows(void **state)
{
    (void)state;
    const char *seeds = getenv("KLAMM_SEEDS");
    uint64_t n = seeds ? strtoull(seeds, NULL, 10) : 300;
    for (uint64_t seed = 1; seed <= n; seed++) {
        assert_true(try_seed(seed));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(tumbling_windows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
