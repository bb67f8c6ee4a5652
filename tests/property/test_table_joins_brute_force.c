/* Joins of tables against brute force: random changes of both sides, deletions of rows and of
 * nothing, null keys, times out of order, in batches of any size, with restarts and commits. The
 * model looks for the last row of each side in the list of all changes, before and after each one.
 *
 * Seeds are printed on failure; KLAMM_SEEDS sets how many are tried, KLAMM_SEED the first.
 */
#include "tests/unit/join_harness.h"

#include "engine/random.h"
#include "tests/support/seeds.h"

#define ROWS 150

static const char *const key_types[] = {"string", "long", "string,double"};
static const char *const names[] = {"a", "bb", "a key longer than twelve", "ccc", "zzzz"};
static const char *const type_names[] = {"inner", "left", "outer"};

struct model {
    int type;
    const char *key;
    const struct join_row *r;
    struct buffer out;
    uint64_t null_keys, skipped;
};

/* The row of this key and side after the first n changes; NULL: none. */
static const struct join_row *last(const struct model *m, int side, const char *key, int n)
{
    for (int i = n - 1; i >= 0; i--) {
        if (m->r[i].side == side && m->r[i].key && strcmp(m->r[i].key, key) == 0) {
            return m->r[i].v == DELETED ? NULL : &m->r[i];
        }
    }
    return NULL;
}

static bool is_there(const struct model *m, const char *key, int n)
{
    bool l = last(m, LEFT, key, n) != NULL, r = last(m, RIGHT, key, n) != NULL;
    return m->type == 0 ? l && r : m->type == 1 ? l : l || r;
}

static void print_long(struct model *m, const char *name, const struct join_row *r)
{
    if (!r || r->v == NONE) {
        buffer_printf(&m->out, "%s=null ", name);
    } else {
        buffer_printf(&m->out, "%s=%lld ", name, (long long)r->v);
    }
}

static void print_second_key(struct model *m, const char *key)
{
    if (strchr(m->key, ',')) {
        buffer_text(&m->out, "k2=");
        print_double(&m->out, (double)strlen(key) / 2);
        buffer_byte(&m->out, ' ');
    }
}

static void print_first_key(struct model *m, const char *key)
{
    if (strcmp(m->key, "long") == 0) {
        buffer_printf(&m->out, "k=%zu ", strlen(key));
    } else {
        buffer_printf(&m->out, "k=%s ", key);
    }
}

static void take(struct model *m, int at)
{
    const struct join_row *row = &m->r[at];
    if (!row->key) {
        m->null_keys++;
        return;
    }
    const struct join_row *l = last(m, LEFT, row->key, at + 1);
    const struct join_row *r = last(m, RIGHT, row->key, at + 1);
    if (row->v == DELETED && !last(m, row->side, row->key, at)) {
        m->skipped++;
        return;
    }
    bool was = is_there(m, row->key, at), is = is_there(m, row->key, at + 1);
    if (!was && !is) {
        return;
    }
    const struct join_row *other = row->side == LEFT ? r : l;
    int64_t time = other && other->time > row->time ? other->time : row->time;
    if (!is) {
        print_first_key(m, row->key);
        print_second_key(m, row->key);
        buffer_printf(&m->out, "deleted @%lld\n", (long long)time);
        return;
    }
    print_long(m, "v", l);
    print_first_key(m, row->key);
    buffer_printf(&m->out, "s=%s ", l && l->s ? l->s : "null");
    print_second_key(m, row->key);
    print_long(m, "right_v", r);
    buffer_printf(&m->out, "t=%s @%lld\n", r && r->s ? r->s : "null", (long long)time);
}

static void make_rows(struct random *rnd, struct join_row *r)
{
    static const char *const texts[] = {"", "x", "a text longer than twelve", NULL};
    uint32_t nkeys = 1 + random_below(rnd, 5), deletions = random_below(rnd, 60);
    int side = 0;
    for (int i = 0; i < ROWS; i++) {
        side = random_below(rnd, 3) ? side : !side;
        bool deletes = random_below(rnd, 100) < deletions;
        r[i] =
            (struct join_row){.side = side,
                              .time = i + (int64_t)random_below(rnd, 40),
                              .key = random_below(rnd, 15) ? names[random_below(rnd, nkeys)] : NULL,
                              .v = deletes                ? DELETED
                                   : random_below(rnd, 8) ? i
                                                          : NONE,
                              .s = deletes ? NULL : texts[random_below(rnd, 4)],
                              .seen = i,
                              .low = i};
    }
}

static void run(struct harness *h, const struct join_row *r, struct random *rnd)
{
    const uint16_t sizes[] = {1, 3, ROWS};
    uint16_t most = sizes[random_below(rnd, 3)];
    uint32_t restarts = random_below(rnd, 2) ? 12 : 0;
    harness_run(h, r, ROWS, most, restarts, rnd);
}

static bool try_seed(uint64_t seed)
{
    struct random rnd;
    struct join_row r[ROWS];
    random_seed(&rnd, seed, 2);
    struct model m = {
        .type = (int)random_below(&rnd, 3), .key = key_types[random_below(&rnd, 3)], .r = r};
    make_rows(&rnd, r);
    buffer_init(&m.out);
    for (int i = 0; i < ROWS; i++) {
        take(&m, i);
    }
    char text[80];
    snprintf(text, sizeof text, "{with: right, type: %s}", type_names[m.type]);
    struct harness h;
    harness_init(&h, text, m.key);
    run(&h, r, &rnd);
    bool is_same = strcmp(harness_out(&h), buffer_cstr(&m.out)) == 0 &&
                   h.op.counter[COUNT_NULL_KEY] == m.null_keys &&
                   h.op.counter[COUNT_SKIPPED] == m.skipped;
    if (!is_same) {
        print_message("seed %llu: %s, key %s\n", (unsigned long long)seed, text, m.key);
        for (int i = 0; i < ROWS; i++) {
            print_message("%s t=%lld key=%s %s%lld\n", r[i].side == LEFT ? "left" : "right",
                          (long long)r[i].time, r[i].key,
                          r[i].v == DELETED ? "deletes " : "v=", (long long)r[i].v);
        }
        fprintf(stderr, "expected\n%sgot\n%s", buffer_cstr(&m.out), harness_out(&h));
    }
    buffer_done(&m.out);
    harness_done(&h);
    return is_same;
}

static void joins_of_tables(void **state)
{
    (void)state;
    struct seeds s = seeds_from_env(300);
    for (uint64_t seed = s.first; seed < s.end; seed++) {
        assert_true(try_seed(seed));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(joins_of_tables)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
