/* forecast_grid: horizons and seasons in steps, sorted, with their names; the rules to beat; the
 * words of the layout; what is refused.
 */
#include "ml/forecast_grid.h"

#include "engine/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct bound {
    struct arena mem;
    struct diags diags;
    struct forecast_grid grid;
    const char **names;
    uint64_t seed;
    char problem[500];
};

static const struct yaml *read(struct bound *b, const char *text)
{
    struct yaml *y = NULL;
    if (text) {
        assert_int_equal(yaml_parse(&y, &b->mem, "t", text, strlen(text), &b->diags), 0);
    }
    return y;
}

static int bind(struct bound *b, const char *algorithm, int64_t every, const char *horizons,
                const char *season)
{
    struct yaml none = {.kind = YAML_MAP};
    *b = (struct bound){.grid = {.every = every}};
    arena_init(&b->mem);
    diags_init(&b->diags);
    struct node n = {.yaml = &none, .path = "f", .mem = &b->mem, .diags = &b->diags};
    struct forecast_keys keys = {algorithm, NULL, read(b, horizons), read(b, season)};
    int status = forecast_grid_bind(&n, &b->grid, &keys, &b->names, &b->seed);
    assert_int_equal(b->diags.n > 0, status < 0);
    if (status < 0) {
        diags_format(&b->diags, 0, b->problem, sizeof(b->problem));
    }
    return status;
}

static void done(struct bound *b)
{
    diags_done(&b->diags);
    arena_done(&b->mem);
}

static void test_steps_are_sorted_with_their_names(void **state)
{
    (void)state;
    struct bound b;
    assert_int_equal(bind(&b, "holt_winters", 60000, "[1h, 5, 2m]", "[7d, 1d]"), 0);
    const struct forecast_config *c = &b.grid.config;
    assert_int_equal(c->nhorizons, 3);
    const uint32_t horizon[] = {2, 5, 60}, season[] = {1440, 10080};
    assert_memory_equal(c->horizon, horizon, sizeof(horizon));
    assert_memory_equal(c->season, season, sizeof(season));
    assert_string_equal(b.names[0], "2m");
    assert_string_equal(b.names[1], "5");
    assert_string_equal(b.names[2], "1h");
    assert_string_equal(c->def[RULE_FORECAST]->name, "holt_winters");
    assert_string_equal(c->def[RULE_NO_CHANGE]->name, "naive");
    assert_string_equal(c->def[RULE_SEASONAL]->name, "seasonal_naive");
    struct buffer words;
    buffer_init(&words);
    forecast_grid_layout(&b.grid, &words);
    assert_non_null(
        strstr(buffer_cstr(&words), "every 60000\nhorizons 2 5 60, seasons 1440 10080\n"));
    buffer_done(&words);
    done(&b);
}

static void test_rows_are_steps(void **state)
{
    (void)state;
    struct bound b;
    assert_int_equal(bind(&b, "naive", 0, "12", NULL), 0);
    assert_int_equal(b.grid.config.nhorizons, 1);
    assert_int_equal(b.grid.config.horizon[0], 12);
    assert_null(b.grid.config.def[RULE_SEASONAL]);
    done(&b);
}

static void refuse(const char *algorithm, int64_t every, const char *horizons, const char *season,
                   const char *problem)
{
    struct bound b;
    assert_int_equal(bind(&b, algorithm, every, horizons, season), -ERR_CONFIG);
    assert_string_equal(b.problem, problem);
    done(&b);
}

static void test_what_is_refused(void **state)
{
    (void)state;
    refuse("naiv", 0, "1", NULL, "f.algorithm: unknown forecaster `naiv`: did you mean `naive`?");
    refuse("naive", 0, "5m", NULL,
           "f.horizons: a duration needs `every`, the length of a step; or give a number of steps "
           "(rows)");
    refuse("naive", 60000, "90s", NULL, "f.horizons: `90s` is not a multiple of `every`");
    refuse("naive", 60000, "[1m, 1]", NULL, "f.horizons: `1`: the same 1 steps twice");
    refuse("naive", 0, "[]", NULL, "f.horizons: expected 1 to 64 entries");
    refuse("naive", 0, "x", NULL,
           "f.horizons: expected durations such as 5m, or whole numbers of steps");
    refuse("naive", 0, "0", NULL, "f.horizons: expected 1 to 100000 steps, got 0");
    refuse("naive", 0, "[60000, 60001]", NULL,
           "f.horizons: 120001 steps in all, at most 100000: fewer, or a longer `every`");
    refuse("naive", 0, "1", "1", "f.season: expected 2 to 100000 steps, got 1");
    refuse("naive", 0, "1", "[2, 3, 4, 5, 6]", "f.season: expected 1 to 4 entries");
    refuse("seasonal_naive", 0, "1", NULL,
           "f.algorithm: seasonal_naive needs a season: `season: 1d`");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps_are_sorted_with_their_names),
        cmocka_unit_test(test_rows_are_steps),
        cmocka_unit_test(test_what_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
