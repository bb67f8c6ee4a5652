/* Joins against brute force: random rows of both sides, out of order, at equal times, late, with
 * null keys, of several partitions behind a repartition, in batches of any size, with restarts and
 * commits. The model is the definition over a list of all rows ever taken.
 *
 * Seeds are printed on failure; KLAMM_SEEDS sets how many are tried, KLAMM_SEED the first.
 */
#include "tests/unit/join_harness.h"

#include "engine/random.h"
#include "tests/support/seeds.h"

#include <stdlib.h>

#define ROWS  150
#define PARTS 3

static const char *const key_types[] = {"string", "long", "string,double"};
static const char *const names[] = {"a", "bb", "a key longer than twelve", "ccc",
                                    "zzzz"}; /* lengths differ */

struct setting {
    int type; /* 0 inner, 1 left, 2 outer */
    int64_t before, after, grace;
    const char *key;
};

/* A row that the model has taken. */
struct taken {
    const struct join_row *r;
    int number;
    bool has_met, is_out;
};

struct model {
    const struct setting *s;
    struct taken row[ROWS];
    int n;
    int64_t watermark;
    struct buffer out;
    uint64_t late, null_keys;
};

static bool is_kept(const struct model *m, int side)
{
    return m->s->type == 2 || (m->s->type == 1 && side == LEFT);
}

static int64_t end_of(const struct model *m, const struct join_row *r)
{
    return r->time + (r->side == LEFT ? m->s->after : m->s->before) + m->s->grace;
}

static void print_key(struct model *m, const char *key, const char *name)
{
    if (strcmp(name, "k2") == 0) {
        buffer_printf(&m->out, "k2=");
        print_double(&m->out, key ? (double)strlen(key) / 2 : 0);
        buffer_printf(&m->out, " ");
    } else if (!key) {
        buffer_printf(&m->out, "k=null ");
    } else if (strcmp(m->s->key, "long") == 0) {
        buffer_printf(&m->out, "k=%zu ", strlen(key));
    } else {
        buffer_printf(&m->out, "k=%s ", key);
    }
}

static void print_long(struct model *m, const char *name, const struct join_row *r)
{
    if (!r || r->v == NONE) {
        buffer_printf(&m->out, "%s=null ", name);
    } else {
        buffer_printf(&m->out, "%s=%lld ", name, (long long)r->v);
    }
}

static void print_result(struct model *m, const struct join_row *l, const struct join_row *r)
{
    int64_t time = !l ? r->time : !r ? l->time : l->time > r->time ? l->time : r->time;
    const char *key = l ? l->key : r->key;
    print_long(m, "v", l);
    print_key(m, key, "k");
    buffer_printf(&m->out, "s=%s ", l && l->s ? l->s : "null");
    if (strchr(m->s->key, ',')) {
        print_key(m, key, "k2");
    }
    print_long(m, "right_v", r);
    buffer_printf(&m->out, "t=%s @%lld\n", r && r->s ? r->s : "null", (long long)time);
}

static void print_alone(struct model *m, const struct join_row *r)
{
    print_result(m, r->side == LEFT ? r : NULL, r->side == LEFT ? NULL : r);
}

static struct model *sorting;

static int compare_keys(const char *a, const char *b)
{
    if (strcmp(sorting->s->key, "long") == 0) {
        char x[24], y[24];
        snprintf(x, sizeof x, "%zu", strlen(a));
        snprintf(y, sizeof y, "%zu", strlen(b));
        return strcmp(x, y);
    }
    if (strchr(sorting->s->key, ',')) {
        char x[80], y[80]; /* k|k2 */
        snprintf(x, sizeof x, "%s|%.1f", a, (double)strlen(a) / 2);
        snprintf(y, sizeof y, "%s|%.1f", b, (double)strlen(b) / 2);
        return strcmp(x, y);
    }
    return strcmp(a, b);
}

static int by_end(const void *a, const void *b)
{
    const struct taken *x = *(struct taken *const *)a, *y = *(struct taken *const *)b;
    int64_t x_end = end_of(sorting, x->r), y_end = end_of(sorting, y->r);
    if (x_end != y_end) {
        return x_end < y_end ? -1 : 1;
    }
    if (x->r->side != y->r->side) {
        return x->r->side - y->r->side;
    }
    int order = compare_keys(x->r->key, y->r->key);
    return order ? order : x->number - y->number;
}

static void advance(struct model *m, int64_t watermark)
{
    struct taken *due[ROWS];
    int n = 0;
    m->watermark = watermark > m->watermark ? watermark : m->watermark;
    for (int i = 0; i < m->n; i++) {
        struct taken *t = &m->row[i];
        if (!t->is_out && end_of(m, t->r) < m->watermark) {
            t->is_out = true;
            if (is_kept(m, t->r->side) && !t->has_met) {
                due[n++] = t;
            }
        }
    }
    sorting = m;
    qsort(due, (size_t)n, sizeof(struct taken *), by_end);
    for (int i = 0; i < n; i++) {
        print_alone(m, due[i]->r);
    }
}

static bool are_partners(const struct model *m, const struct join_row *a, const struct join_row *b)
{
    const struct join_row *l = a->side == LEFT ? a : b, *r = a->side == LEFT ? b : a;
    return l->side != r->side && strcmp(l->key, r->key) == 0 && r->time >= l->time - m->s->before &&
           r->time <= l->time + m->s->after;
}

static int by_time(const void *a, const void *b)
{
    const struct taken *x = *(struct taken *const *)a, *y = *(struct taken *const *)b;
    return x->r->time != y->r->time ? (x->r->time < y->r->time ? -1 : 1) : x->number - y->number;
}

static void take(struct model *m, const struct join_row *r)
{
    advance(m, r->low);
    if (!r->key) {
        if (is_kept(m, r->side)) {
            print_alone(m, r);
        } else {
            m->null_keys++;
        }
        return;
    }
    struct taken *met[ROWS];
    int n = 0;
    for (int i = 0; i < m->n; i++) {
        if (are_partners(m, m->row[i].r, r) && r->seen <= end_of(m, m->row[i].r)) {
            met[n++] = &m->row[i];
        }
    }
    qsort(met, (size_t)n, sizeof(struct taken *), by_time);
    for (int i = 0; i < n; i++) {
        met[i]->has_met = true;
        print_result(m, r->side == LEFT ? r : met[i]->r, r->side == LEFT ? met[i]->r : r);
    }
    if (r->seen <= end_of(m, r)) {
        m->row[m->n] = (struct taken){.r = r, .number = m->n, .has_met = n > 0};
        m->n++;
    } else if (n == 0 && is_kept(m, r->side)) {
        print_alone(m, r);
    } else {
        m->late += n == 0;
    }
}

static int64_t least(const int64_t *w, uint32_t n)
{
    int64_t low = w[0];
    for (uint32_t i = 1; i < n; i++) {
        low = w[i] < low ? w[i] : low;
    }
    return low;
}

/* Rows in order of arrival, with the watermarks that a task gives them. */
static void make_rows(struct random *rnd, struct join_row *r)
{
    static const char *const texts[] = {"", "x", "a text longer than twelve", NULL};
    uint32_t parts[2], nkeys = 1 + random_below(rnd, 5), spread = 1 + random_below(rnd, 40);
    int64_t newest[2][PARTS], w[2][PARTS], delay[2], now = 0;
    for (int side = 0; side < 2; side++) {
        parts[side] = random_below(rnd, 2) ? 1 : 1 + random_below(rnd, PARTS);
        delay[side] = random_below(rnd, 2) ? random_below(rnd, 12) : 0;
        for (int p = 0; p < PARTS; p++) {
            newest[side][p] = w[side][p] = TIME_MIN;
        }
    }
    int side = 0;
    for (int i = 0; i < ROWS; i++) {
        side = random_below(rnd, 3) ? side : !side;
        uint32_t part = random_below(rnd, parts[side]);
        now += random_below(rnd, 25) == 0 ? random_below(rnd, 100) : random_below(rnd, 3);
        r[i] =
            (struct join_row){.side = side,
                              .time = now - (int64_t)random_below(rnd, spread),
                              .key = random_below(rnd, 12) ? names[random_below(rnd, nkeys)] : NULL,
                              .v = random_below(rnd, 8) ? i : NONE,
                              .s = texts[random_below(rnd, 4)]};
        int64_t *top = &newest[side][part];
        *top = r[i].time > *top ? r[i].time : *top;
        w[side][part] = *top - delay[side];
        int64_t other = least(w[!side], parts[!side]), mine = least(w[side], parts[side]);
        r[i].seen = w[side][part] < other ? w[side][part] : other;
        r[i].low = mine < other ? mine : other;
    }
}

static bool try_seed(uint64_t seed)
{
    static const char *const type_names[] = {"inner", "left", "outer"};
    struct random rnd;
    struct join_row r[ROWS];
    random_seed(&rnd, seed, 1);
    struct setting s = {.type = (int)random_below(&rnd, 3),
                        .before = random_below(&rnd, 20),
                        .grace = random_below(&rnd, 2) ? random_below(&rnd, 25) : 0,
                        .key = key_types[random_below(&rnd, 3)]};
    bool is_even = random_below(&rnd, 2);
    s.after = is_even ? s.before : random_below(&rnd, 20);
    make_rows(&rnd, r);
    struct model m = {.s = &s, .watermark = TIME_MIN};
    buffer_init(&m.out);
    for (int i = 0; i < ROWS; i++) {
        take(&m, &r[i]);
    }
    advance(&m, TIME_MAX);

    char text[200], within[80];
    snprintf(within, sizeof within, is_even ? "%lldms" : "{before: %lldms, after: %lldms}",
             (long long)s.before, (long long)s.after);
    snprintf(text, sizeof text, "{with: right, type: %s, within: %s, grace: %lldms}",
             type_names[s.type], within, (long long)s.grace);
    struct harness h;
    harness_init(&h, text, s.key);
    const uint16_t sizes[] = {1, 3, ROWS};
    uint16_t most = sizes[random_below(&rnd, 3)];
    uint32_t restarts = random_below(&rnd, 2) ? 12 : 0;
    h.crashes = restarts > 0;
    harness_run(&h, r, ROWS, most, restarts, &rnd);
    harness_advance(&h, TIME_MAX);
    bool is_same = strcmp(harness_out(&h), buffer_cstr(&m.out)) == 0 &&
                   h.op.counter[COUNT_LATE] == m.late &&
                   h.op.counter[COUNT_NULL_KEY] == m.null_keys && state_count(h.op.state) == 0;
    if (!is_same) {
        print_message("seed %llu: %s, key %s, batches of %d, restarts %u\n",
                      (unsigned long long)seed, text, s.key, most, restarts);
        for (int i = 0; i < ROWS; i++) {
            print_message("%s t=%lld key=%s v=%lld seen=%lld low=%lld\n",
                          r[i].side == LEFT ? "left" : "right", (long long)r[i].time, r[i].key,
                          (long long)r[i].v, (long long)r[i].seen, (long long)r[i].low);
        }
        fprintf(stderr, "expected (late %llu)\n%sgot (late %llu)\n%s", (unsigned long long)m.late,
                buffer_cstr(&m.out), (unsigned long long)h.op.counter[COUNT_LATE], harness_out(&h));
    }
    buffer_done(&m.out);
    harness_done(&h);
    return is_same;
}

static void joins(void **state)
{
    (void)state;
    struct seeds s = seeds_from_env(300);
    for (uint64_t seed = s.first; seed < s.end; seed++) {
        assert_true(try_seed(seed));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(joins)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
