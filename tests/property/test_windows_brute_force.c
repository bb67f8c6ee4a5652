/* Every kind of window against brute force: random rows, out of order, with grace, in batches of
 * any size, with restarts. The models keep every row and apply the definitions to all of them; they
 * know nothing of slices, points or agendas.
 *
 * Each seed runs twice, cut and restarted differently: the bytes must agree, those of doubles too.
 * Seeds are printed on failure; KLAMM_SEEDS sets how many are tried, KLAMM_SEED the first.
 */
#include "tests/unit/window_harness.h"

#include "engine/random.h"
#include "tests/support/seeds.h"

#include <stdlib.h>

#define ROWS    120
#define RESULTS 6000

struct result {
    int64_t start, end;
    const char *host;
    int64_t n, sum, least, first, last, first_time, last_time;
    int32_t first_part, last_part;
};

/* One random run. */
struct trial {
    uint64_t seed;
    struct row row[ROWS];
    int32_t part[ROWS]; /* source partition */
    int64_t seen[ROWS]; /* watermark by which each row is judged: of its partition, as of it */
    int64_t mark[ROWS]; /* watermark of the task behind each row: the least of both partitions */
    int64_t size, every, grace, out_of_order;
};

/* What must come out. */
struct model {
    const struct trial *t;
    struct result result[RESULTS];
    int n;
    uint64_t late;
    bool is_late[ROWS];
    int rows;                     /* how many of the trial's have come */
    struct result replaced[ROWS]; /* sessions that the last row merged */
    int nreplaced;
};

/* Of rows of one time the one of the lesser partition is first, then the one that came first. */
static void add_row(struct result *w, const struct row *r, int32_t part)
{
    bool is_empty = w->n == 0;
    w->n++;
    w->sum += r->v;
    w->least = is_empty || r->v < w->least ? r->v : w->least;
    if (is_empty || r->time < w->first_time || (r->time == w->first_time && part < w->first_part)) {
        w->first = r->v;
        w->first_time = r->time;
        w->first_part = part;
    }
    if (is_empty || r->time > w->last_time || (r->time == w->last_time && part >= w->last_part)) {
        w->last = r->v;
        w->last_time = r->time;
        w->last_part = part;
    }
}

static struct result *window_of(struct model *m, const char *host, int64_t start, int64_t end)
{
    for (int i = 0; i < m->n; i++) {
        struct result *w = &m->result[i];
        if (w->start == start && w->end == end && strcmp(w->host, host) == 0) {
            return w;
        }
    }
    assert_true(m->n < RESULTS);
    m->result[m->n] = (struct result){.start = start, .end = end, .host = host};
    return &m->result[m->n++];
}

static int by_end_start_key(const void *a, const void *b)
{
    const struct result *x = a, *y = b;
    if (x->end != y->end) {
        return x->end < y->end ? -1 : 1;
    }
    if (x->start != y->start) {
        return x->start < y->start ? -1 : 1;
    }
    return strcmp(x->host, y->host);
}

/* ---- the definitions ---- */

static void model_hopping(struct model *m)
{
    const struct trial *t = m->t;
    for (int i = 0; i < m->rows; i++) {
        const struct row *r = &t->row[i];
        bool is_taken = false;
        for (int64_t start = 0; start <= r->time; start += t->every) {
            int64_t end = start + t->size;
            if (r->time < end && t->seen[i] < end + t->grace) {
                add_row(window_of(m, r->host, start, end), r, t->part[i]);
                is_taken = true;
            }
        }
        m->is_late[i] = !is_taken;
        m->late += !is_taken;
    }
}

/* Adds what the window [end - size, end] of the key holds, if it holds anything. */
static void add_sliding(struct model *m, const char *host, int64_t end)
{
    const struct trial *t = m->t;
    for (int i = 0; i < m->n; i++) {
        if (m->result[i].end == end && strcmp(m->result[i].host, host) == 0) {
            return;
        }
    }
    for (int i = 0; i < m->rows; i++) {
        const struct row *r = &t->row[i];
        if (strcmp(r->host, host) == 0 && !m->is_late[i] && r->time >= end - t->size &&
            r->time <= end && t->seen[i] <= end + t->grace) {
            add_row(window_of(m, host, end - t->size, end), r, t->part[i]);
        }
    }
}

static void model_sliding(struct model *m)
{
    const struct trial *t = m->t;
    for (int i = 0; i < m->rows; i++) {
        const struct row *r = &t->row[i];
        m->is_late[i] = r->time < 0 || t->seen[i] > r->time + t->size + t->grace;
        m->late += m->is_late[i];
    }
    for (int i = 0; i < m->rows; i++) {
        const struct row *r = &t->row[i];
        if (m->is_late[i]) {
            continue;
        }
        int64_t left = r->time < t->size ? t->size : r->time;
        if (t->seen[i] <= left + t->grace) {
            add_sliding(m, r->host, left);
        }
        add_sliding(m, r->host, r->time + 1 + t->size);
    }
}

static void model_session(struct model *m)
{
    const struct trial *t = m->t;
    for (int i = 0; i < m->rows; i++) {
        const struct row *r = &t->row[i];
        int64_t limit = t->seen[i] - t->size - t->grace; /* size is the gap */
        struct result merged = {.start = r->time, .end = r->time, .host = r->host};
        bool joins[RESULTS] = {false};
        for (int k = 0; k < m->n; k++) {
            const struct result *w = &m->result[k];
            joins[k] = strcmp(w->host, r->host) == 0 && w->end >= limit &&
                       w->end >= r->time - t->size && w->start <= r->time + t->size;
            merged.start = joins[k] && w->start < merged.start ? w->start : merged.start;
            merged.end = joins[k] && w->end > merged.end ? w->end : merged.end;
        }
        m->nreplaced = 0;
        m->is_late[i] = r->time < 0 || merged.end < limit;
        if (m->is_late[i]) {
            m->late++;
            continue;
        }
        int kept = 0;
        for (int k = 0; k < m->n; k++) {
            const struct result *w = &m->result[k];
            if (!joins[k]) {
                m->result[kept++] = *w;
                continue;
            }
            m->replaced[m->nreplaced++] = *w;
            bool is_first = merged.n == 0;
            merged.least = is_first || w->least < merged.least ? w->least : merged.least;
            if (is_first || w->first_time < merged.first_time) {
                merged.first = w->first;
                merged.first_time = w->first_time;
                merged.first_part = w->first_part;
            }
            if (is_first || w->last_time >= merged.last_time) {
                merged.last = w->last;
                merged.last_time = w->last_time;
                merged.last_part = w->last_part;
            }
            merged.n += w->n;
            merged.sum += w->sum;
        }
        add_row(&merged, r, t->part[i]);
        m->result[kept] = merged;
        m->n = kept + 1;
    }
}

/* The last `size` rows of a key, at every `every`-th. Comes out in the order of rows. */
static void model_count(struct model *m)
{
    const struct trial *t = m->t;
    for (int i = 0; i < m->rows; i++) {
        int64_t n = 0;
        for (int k = 0; k <= i; k++) {
            n += strcmp(t->row[k].host, t->row[i].host) == 0;
        }
        if (n < t->size || (n - t->size) % t->every != 0) {
            continue;
        }
        struct result w = {.host = t->row[i].host};
        int64_t at = 0;
        for (int k = 0; k <= i; k++) {
            const struct row *r = &t->row[k];
            if (strcmp(r->host, w.host) != 0 || ++at <= n - t->size) {
                continue;
            }
            add_row(&w, r, t->part[k]);
            w.start = w.n == 1 || r->time < w.start ? r->time : w.start;
            w.end = w.n == 1 || r->time > w.end ? r->time : w.end;
        }
        m->result[m->n++] = w;
    }
}

/* ---- a trial ---- */

struct kind {
    const char *name;
    void (*model)(struct model *m);
    bool hops, by_rows, includes_end;
};

static const struct kind kinds[] = {
    {"tumbling", model_hopping, false, false, false},
    {"hopping", model_hopping, true, false, false},
    {"sliding", model_sliding, false, false, true},
    {"session", model_session, false, false, true},
    {"count", model_count, false, true, true},
    {"count", model_count, true, true, true},
};

static void print_result(const struct result *w, const struct kind *kind, struct buffer *out)
{
    buffer_printf(out,
                  "host=%s window_start=%lld window_end=%lld n=%lld sum=%lld least=%lld "
                  "first=%lld last=%lld @%lld\n",
                  w->host, (long long)w->start, (long long)w->end, (long long)w->n,
                  (long long)w->sum, (long long)w->least, (long long)w->first, (long long)w->last,
                  (long long)(w->end - !kind->includes_end));
}

static void print_model(const struct model *m, const struct kind *kind, struct buffer *out)
{
    for (int i = 0; i < m->n; i++) {
        print_result(&m->result[i], kind, out);
    }
}

static void make_trial(struct trial *t, const struct kind *kind, uint64_t seed)
{
    static const char *const hosts[] = {"a", "b", "a-host-of-length-20", "z"};
    struct random rnd;
    random_seed(&rnd, seed, 1);
    memset(t, 0, sizeof *t);
    t->seed = seed;
    bool is_wide = random_below(&rnd, 4) == 0; /* many points in a window */
    t->size = 1 + (int64_t)random_below(&rnd, is_wide ? 300 : 20);
    uint32_t most_hops = is_wide ? 100 : 20;
    t->every = 1 + (int64_t)random_below(&rnd, (uint32_t)t->size);
    t->every = t->size / t->every > most_hops ? t->size / most_hops + 1 : t->every;
    t->every = kind->hops ? t->every : t->size;
    t->grace = random_below(&rnd, 2) ? (int64_t)random_below(&rnd, 15) : 0;
    t->out_of_order = random_below(&rnd, 2) ? (int64_t)random_below(&rnd, 10) : 0;
    if (kind->by_rows) {
        t->size = 1 + t->size % 40;
        t->every = kind->hops ? 1 + t->every % t->size : t->size;
        t->grace = 0;
    }
    uint32_t spread = 1 + random_below(&rnd, is_wide ? 150 : 40);
    bool is_split = random_below(&rnd, 3) == 0; /* behind a repartition */
    int64_t now = 0, newest[2] = {TIME_MIN + 100, is_split ? TIME_MIN + 100 : TIME_MAX};
    for (int i = 0; i < ROWS; i++) {
        now += random_below(&rnd, 30) == 0 ? (int64_t)random_below(&rnd, 200)
                                           : (int64_t)random_below(&rnd, 4);
        t->row[i] = (struct row){hosts[random_below(&rnd, 4)],
                                 now - (int64_t)random_below(&rnd, spread),
                                 (int64_t)random_below(&rnd, 100),
                                 random_below(&rnd, 1000) / 7.0,
                                 NULL,
                                 0};
        t->part[i] = is_split && random_below(&rnd, 4) == 0;
        int64_t *mine = &newest[t->part[i]];
        *mine = t->row[i].time > *mine ? t->row[i].time : *mine;
        t->seen[i] = *mine - t->out_of_order;
        t->mark[i] = (newest[0] < newest[1] ? newest[0] : newest[1]) - t->out_of_order;
    }
}

static void window_text(char *text, size_t n, const struct trial *t, const struct kind *kind,
                        const char *aggregate)
{
    char window[100];
    const char *unit = kind->by_rows ? "" : "ms";
    if (kind->hops) {
        snprintf(window, sizeof window, "%s: {size: %lld%s, every: %lld%s}", kind->name,
                 (long long)t->size, unit, (long long)t->every, unit);
    } else {
        snprintf(window, sizeof window, "%s: %lld%s", kind->name, (long long)t->size, unit);
    }
    if (kind->by_rows) {
        snprintf(text, n, "{%s, aggregate: \"%s\"}", window, aggregate);
    } else {
        snprintf(text, n, "{%s, grace: %lldms, aggregate: \"%s\"}", window, (long long)t->grace,
                 aggregate);
    }
}

/* As a task does: a batch ends with the row whose watermark reaches next_time(). */
static void run_rows(struct harness *h, const struct trial *t, size_t at, size_t end, uint16_t size)
{
    while (at < end) {
        struct row row[ROWS];
        int64_t next = op_window.next_time(&h->op);
        uint16_t n = 0;
        do {
            row[n] = t->row[at + n];
            row[n].seen = t->seen[at + n];
            n++;
        } while (n < size && at + n < end && t->mark[at + n - 1] < next);
        h->part = t->part + at;
        assert_int_equal(harness_push(h, row, n), 0);
        at += n;
        assert_int_equal(harness_advance(h, t->mark[at - 1]), 0);
    }
}

/* Runs the trial in pieces and with restarts that `salt` chooses; two in three over the disk, which
 * gets room for nothing or for little. */
static void run_trial(struct harness *h, const struct trial *t, const char *text, uint64_t salt,
                      struct fake_disk *disk)
{
    static const uint16_t sizes[] = {1, 3, 2048};
    static const uint64_t shares[] = {0, 1500};
    struct random rnd;
    random_seed(&rnd, t->seed, salt);
    fake_disk_init(disk, shares[random_below(&rnd, 2)]);
    harness_init_on(h, text, random_below(&rnd, 3) ? disk : NULL);
    h->slice = 1 + random_below(&rnd, 9);
    h->crashes = random_below(&rnd, 2) == 0;
    h->judged_by_row = strstr(text, "count:") || strstr(text, "updates");
    uint16_t batch = sizes[random_below(&rnd, 3)];
    for (size_t at = 0; at < ROWS;) {
        size_t n = 1 + random_below(&rnd, ROWS);
        n = n > ROWS - at ? ROWS - at : n;
        run_rows(h, t, at, at + n, batch);
        at += n;
        if (random_below(&rnd, 3) == 0) {
            harness_restart(h);
        }
    }
    harness_advance(h, TIME_MAX);
}

/* The first line that differs. */
static void print_difference(const char *expected, const char *got)
{
    size_t line = 0;
    for (size_t i = 0; expected[i] && expected[i] == got[i]; i++) {
        line = expected[i] == '\n' ? i + 1 : line;
    }
    print_message("expected %.*s\ngot      %.*s\n", (int)strcspn(expected + line, "\n"),
                  expected + line, (int)strcspn(got + line, "\n"), got + line);
}

static bool try_model(const struct trial *t, const struct kind *kind)
{
    static struct model m;
    struct buffer expected;
    char text[400];
    struct harness h;
    struct fake_disk disk;
    memset(&m, 0, sizeof m);
    m.t = t;
    m.rows = ROWS;
    kind->model(&m);
    if (!kind->by_rows) {
        qsort(m.result, (size_t)m.n, sizeof *m.result, by_end_start_key);
    }
    buffer_init(&expected);
    print_model(&m, kind, &expected);
    window_text(text, sizeof text, t, kind,
                "count() as n, sum(v) as sum, min(v) as least, first(v) as first, last(v) as last");
    run_trial(&h, t, text, 2, &disk);
    bool is_same = strcmp(harness_out(&h), buffer_cstr(&expected)) == 0 &&
                   h.op.counter[COUNT_LATE] == m.late &&
                   (kind->by_rows || (state_count(h.op.state) == 0 && disk.n == 0));
    if (!is_same) {
        print_message("seed %llu: %s, out of order %lld\n", (unsigned long long)t->seed, text,
                      (long long)t->out_of_order);
        print_message("late: %llu, got %llu; %llu entries left\n", (unsigned long long)m.late,
                      (unsigned long long)h.op.counter[COUNT_LATE],
                      (unsigned long long)state_count(h.op.state));
        print_difference(buffer_cstr(&expected), harness_out(&h));
    }
    buffer_done(&expected);
    harness_done(&h);
    fake_disk_done(&disk);
    return is_same;
}

static bool has_window(const struct model *m, const struct result *w)
{
    for (int i = 0; i < m->n; i++) {
        const struct result *x = &m->result[i];
        if (x->start == w->start && x->end == w->end && strcmp(x->host, w->host) == 0) {
            return true;
        }
    }
    return false;
}

/* What comes out with row i: `before` and `now` are the windows without and with it. */
static void print_updates(const struct model *before, struct model *now, const struct kind *kind,
                          int i, struct buffer *out)
{
    const struct trial *t = now->t;
    const struct row *r = &t->row[i];
    bool is_session = kind->model == model_session;
    qsort(now->replaced, (size_t)now->nreplaced, sizeof *now->replaced, by_end_start_key);
    qsort(now->result, (size_t)now->n, sizeof *now->result, by_end_start_key);
    for (int k = 0; k < now->n && !now->is_late[i]; k++) {
        const struct result *w = &now->result[k];
        int64_t wait = t->grace + (is_session ? t->size : 0);
        bool is_open =
            kind->includes_end ? t->seen[i] <= w->end + wait : t->seen[i] < w->end + wait;
        bool holds = w->start <= r->time && r->time + !kind->includes_end <= w->end;
        bool is_right =
            kind->model == model_sliding && w->start == r->time + 1 && !has_window(before, w);
        if (strcmp(w->host, r->host) != 0 || !is_open || !(holds || is_right)) {
            continue;
        }
        for (int x = 0; is_session && x < now->nreplaced; x++) {
            const struct result *old = &now->replaced[x];
            if (w->start != r->time || w->end != r->time) {
                buffer_printf(out, "host=%s window_start=%lld window_end=%lld deleted @%lld\n",
                              old->host, (long long)old->start, (long long)old->end,
                              (long long)old->end);
            }
        }
        print_result(w, kind, out);
    }
}

static bool try_updates(const struct trial *t, const struct kind *kind)
{
    static struct model m[2];
    struct buffer expected;
    char text[400];
    struct harness h;
    struct fake_disk disk;
    buffer_init(&expected);
    for (int i = 0; i < ROWS; i++) {
        struct model *now = &m[i % 2];
        memset(now, 0, sizeof *now);
        now->t = t;
        now->rows = i + 1;
        kind->model(now);
        print_updates(&m[(i + 1) % 2], now, kind, i, &expected);
    }
    window_text(text, sizeof text, t, kind,
                "count() as n, sum(v) as sum, min(v) as least, first(v) as first, last(v) as "
                "last\", emit: \"updates");
    run_trial(&h, t, text, 5, &disk);
    bool is_same = strcmp(harness_out(&h), buffer_cstr(&expected)) == 0 &&
                   h.op.counter[COUNT_LATE] == m[(ROWS - 1) % 2].late &&
                   state_count(h.op.state) == 0 && disk.n == 0;
    if (!is_same) {
        print_message("seed %llu: %s, out of order %lld\n", (unsigned long long)t->seed, text,
                      (long long)t->out_of_order);
        print_difference(buffer_cstr(&expected), harness_out(&h));
    }
    buffer_done(&expected);
    harness_done(&h);
    fake_disk_done(&disk);
    return is_same;
}

static bool try_pieces(const struct trial *t, const struct kind *kind)
{
    char text[400];
    struct harness a, b;
    struct fake_disk disk[2];
    window_text(text, sizeof text, t, kind, "sum(d) as sum, var(d) as var, max(s) as s");
    run_trial(&a, t, text, 3, &disk[0]);
    run_trial(&b, t, text, 4, &disk[1]);
    bool is_same = strcmp(harness_out(&a), harness_out(&b)) == 0;
    if (!is_same) {
        print_message("seed %llu: %s, out of order %lld, in pieces\n", (unsigned long long)t->seed,
                      text, (long long)t->out_of_order);
        print_difference(harness_out(&a), harness_out(&b));
    }
    harness_done(&a);
    harness_done(&b);
    fake_disk_done(&disk[0]);
    fake_disk_done(&disk[1]);
    return is_same;
}

static void try_seeds(const struct kind *kind)
{
    struct seeds s = seeds_from_env(200);
    for (uint64_t seed = s.first; seed < s.end; seed++) {
        struct trial t;
        make_trial(&t, kind, seed);
        assert_true(try_model(&t, kind));
        assert_true(try_pieces(&t, kind));
        assert_true(kind->by_rows || seed % 4 != 0 || try_updates(&t, kind));
    }
}

static void tumbling(void **state)
{
    (void)state;
    try_seeds(&kinds[0]);
}

static void hopping(void **state)
{
    (void)state;
    try_seeds(&kinds[1]);
}

static void sliding(void **state)
{
    (void)state;
    try_seeds(&kinds[2]);
}

static void session(void **state)
{
    (void)state;
    try_seeds(&kinds[3]);
}

static void count(void **state)
{
    (void)state;
    try_seeds(&kinds[4]);
    try_seeds(&kinds[5]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tumbling), cmocka_unit_test(hopping), cmocka_unit_test(sliding),
        cmocka_unit_test(session),  cmocka_unit_test(count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
