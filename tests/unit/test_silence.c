/* Silence: what is said and when, against rows told one by one in the order in which they count. */
#include "windows/silence.h"

#include "engine/error.h"
#include "engine/memory.h"
#include "engine/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static void hear(struct silence *s, const struct silence_rule *rule, int64_t seen, int64_t time,
                 int32_t part, int number)
{
    struct buffer row;
    buffer_init(&row);
    buffer_printf(&row, "%d", number);
    silence_hear(s, rule, seen, time, part, &row);
    buffer_done(&row);
}

/* All that is said below the watermark, "DUE:ROW ". */
static void say(struct silence *s, const struct silence_rule *rule, int64_t watermark,
                struct buffer *out)
{
    while (s->n > 0 && silence_next(s) < watermark) {
        int64_t due = silence_due(s);
        if (due >= watermark) {
            break;
        }
        const struct stretch *x = &s->stretch[0];
        buffer_printf(out, "%lld:%.*s@%lld ", (long long)due, (int)x->n, x->row,
                      (long long)x->last);
        silence_said(s, rule);
    }
}

static void test_edges(void **state)
{
    (void)state;
    struct silence_rule rule = {10, 5, 22};
    struct silence s = {0};
    struct buffer out;
    buffer_init(&out);
    hear(&s, &rule, 0, 0, 0, 1);
    say(&s, &rule, 10, &out);
    hear(&s, &rule, 10, 10, 0, 2); /* just in time */
    say(&s, &rule, 20, &out);
    assert_string_equal(buffer_cstr(&out), "");
    say(&s, &rule, 21, &out);
    hear(&s, &rule, 27, 27, 0, 3);
    say(&s, &rule, 1000, &out);
    assert_string_equal(buffer_cstr(&out), "20:2@10 25:2@10 37:3@27 42:3@27 47:3@27 ");
    assert_true(silence_next(&s) == INT64_MAX);
    assert_int_equal(silence_due(&s), INT64_MAX);
    assert_int_equal(s.n, 0);
    rule.every = 0;
    rule.forget = rule.after;
    buffer_clear(&out);
    hear(&s, &rule, 50, 50, 0, 4);
    hear(&s, &rule, 50, 50, 0, 5);
    say(&s, &rule, 1000, &out);
    assert_string_equal(buffer_cstr(&out), "60:5@50 ");
    silence_done(&s);
    buffer_done(&out);
}

/* No overflow at the ends of time. */
static void test_far(void **state)
{
    (void)state;
    struct silence_rule rule = {1000, 7, 3155760000000};
    struct silence s = {0};
    hear(&s, &rule, INT64_MAX, INT64_MIN, 0, 1);
    assert_true(silence_next(&s) == INT64_MAX);
    hear(&s, &rule, INT64_MAX - 1, INT64_MAX - 500, 0, 2);
    assert_true(silence_next(&s) == INT64_MAX);
    hear(&s, &rule, INT64_MIN, INT64_MIN, 0, 3);
    assert_true(silence_next(&s) == INT64_MIN + 1000);
    silence_done(&s);
}

#define ROWS 40

struct row {
    int64_t seen, time;
    int32_t part;
    int number;
};

static int by_seen(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    if (x->seen != y->seen) {
        return x->seen < y->seen ? -1 : 1;
    }
    return x->number - y->number;
}

/* The definition: rows in the order in which they count, one moment after the other. */
static void model(const struct silence_rule *rule, const struct row *sorted, int n, int64_t end,
                  struct buffer *out)
{
    const struct row *last = NULL;
    int i = 0;
    for (int64_t now = 0; now < end; now++) {
        while (i < n && sorted[i].seen <= now) {
            const struct row *r = &sorted[i++];
            if (!last || r->time > last->time || (r->time == last->time && r->part >= last->part)) {
                last = r;
            }
        }
        int64_t silent = last ? now - last->time : 0;
        bool is_first = last && silent == rule->after;
        bool is_later = last && silent > rule->after && silent <= rule->forget && rule->every > 0 &&
                        (silent - rule->after) % rule->every == 0;
        if (is_first || is_later) {
            buffer_printf(out, "%lld:%d@%lld ", (long long)now, last->number,
                          (long long)last->time);
        }
    }
}

/* Three partitions, read in any order that keeps each; saved and loaded between. */
static void test_mixtures(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 3000; seed++) {
        struct random random;
        random_seed(&random, seed, 3);
        struct silence_rule rule = {1 + random_below(&random, 20), random_below(&random, 12), 0};
        rule.forget = rule.every > 0 ? rule.after + (int64_t)random_below(&random, 60) : rule.after;
        int64_t late = random_below(&random, 15);
        struct row row[ROWS], sorted[ROWS];
        int64_t seen[3] = {0}, mark[3] = {0};
        for (int i = 0; i < ROWS; i++) {
            struct row *r = &row[i];
            r->part = (int32_t)random_below(&random, 3);
            r->number = i;
            r->time = seen[r->part] + (int64_t)random_below(&random, 30) - late;
            seen[r->part] = r->time > seen[r->part] ? r->time : seen[r->part];
            r->seen = seen[r->part];
            sorted[i] = *r;
        }
        qsort(sorted, ROWS, sizeof *sorted, by_seen);
        struct buffer expected, out;
        buffer_init(&expected);
        buffer_init(&out);
        model(&rule, sorted, ROWS, 4000, &expected);
        struct silence s = {0};
        for (int i = 0; i < ROWS; i++) {
            hear(&s, &rule, row[i].seen, row[i].time, row[i].part, row[i].number);
            mark[row[i].part] = row[i].seen;
            int64_t least = mark[0] < mark[1] ? mark[0] : mark[1];
            say(&s, &rule, least < mark[2] ? least : mark[2], &out);
            if (random_below(&random, 4) == 0) {
                struct buffer saved;
                struct silence again = {0};
                buffer_init(&saved);
                silence_save(&s, &saved);
                assert_int_equal(silence_load(&again, saved.data, saved.n), 0);
                silence_done(&s);
                s = again;
                buffer_done(&saved);
            }
        }
        say(&s, &rule, 4000, &out);
        if (strcmp(buffer_cstr(&out), buffer_cstr(&expected)) != 0) {
            print_message("seed %llu\n", (unsigned long long)seed);
        }
        assert_string_equal(buffer_cstr(&out), buffer_cstr(&expected));
        silence_done(&s);
        buffer_done(&expected);
        buffer_done(&out);
    }
}

static void test_damage(void **state)
{
    (void)state;
    struct silence_rule rule = {10, 5, 22};
    struct silence s = {0};
    struct buffer saved;
    buffer_init(&saved);
    hear(&s, &rule, 500, 500, 0, 12345);
    hear(&s, &rule, 0, 0, 1, 7);
    assert_int_equal(s.n, 2);
    silence_save(&s, &saved);
    for (size_t n = 1; n < saved.n; n++) {
        char *copy = mem_alloc(n);
        memcpy(copy, saved.data, n);
        struct silence x = {0};
        int status = silence_load(&x, copy, n);
        assert_true(status == -ERR_DATA || x.n == 1);
        silence_done(&x);
        mem_free(copy);
    }
    for (size_t i = 0; i < saved.n * 8; i++) {
        struct silence x = {0};
        saved.data[i / 8] ^= (char)(1 << i % 8);
        int status = silence_load(&x, saved.data, saved.n);
        assert_true(status == 0 || status == -ERR_DATA);
        silence_done(&x);
        saved.data[i / 8] ^= (char)(1 << i % 8);
    }
    silence_done(&s);
    buffer_done(&saved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_far),
        cmocka_unit_test(test_mixtures),
        cmocka_unit_test(test_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
