/* The structural model's Kalman filter with given variances over numbers, for comparison with
 * statsmodels by test_kalman.py.
 *
 *   structural_driver DAMPING HARMONICS SEASON,… VARIANCE,… < NUMBERS
 *
 * VARIANCE are those of level, slope and each season, relative to the noise's. NUMBERS: the values,
 * "nan" where one is missing. All seasons take part from the first value on, whose level is 0 with
 * variance 1e6, as is everything else's. Prints a line per value: what was expected, and its
 * variance.
 */
#include "engine/memory.h"
#include "ml/structural.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define DIFFUSE 1e6

/* "0.1,2,3" into out; returns how many. */
static uint32_t read_numbers(const char *text, double *out, uint32_t most)
{
    uint32_t n = 0;
    char *end;
    for (const char *p = text; *p && n < most; p = *end ? end + 1 : end) {
        out[n++] = strtod(p, &end);
    }
    return n;
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "structural_driver: DAMPING HARMONICS SEASON,... VARIANCE,...\n");
        return 2;
    }
    double seasons[SEASONS_MAX], variance[STRUCTURAL_VARIANCES] = {0}, y;
    uint32_t season[SEASONS_MAX], n = read_numbers(argv[3], seasons, SEASONS_MAX);
    for (uint32_t i = 0; i < n; i++) {
        season[i] = (uint32_t)seasons[i];
    }
    read_numbers(argv[4], variance, STRUCTURAL_VARIANCES);
    struct structural m;
    struct structural_state s;
    structural_init(&m, season, n, (uint32_t)strtoul(argv[2], NULL, 10), strtod(argv[1], NULL));
    structural_state_init(&m, &s);
    structural_begin(&m, &s, 0);
    for (uint32_t i = 0; i < n; i++) {
        structural_show_season(&m, &s, DIFFUSE);
    }
    double *room = mem_array(m.n, sizeof(double));
    const uint32_t next[] = {1};
    while (scanf("%lf", &y) == 1) {
        double expected, f;
        structural_forecast(&m, &s, next, 1, &expected, room);
        structural_step(&m, variance, &s, y, 0, &f, room);
        printf("%.17g\t%.17g\n", expected, f);
    }
    mem_free(room);
    structural_state_done(&s);
    structural_done(&m);
    return 0;
}
