/* learn: what klamm_ml.h is for, in three parts.
 *
 *   learn iris.csv     classes: flowers, each predicted before it is learned
 *                      anomalies and forecasts: a year of load that has days, hour by hour
 */
#include <klamm_ml.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOURS 8760

static struct klamm_ml *make(const struct klamm_ml_setup *setup)
{
    struct klamm_ml *m;
    struct klamm_ml_error e;
    if (klamm_ml_new(&m, setup, &e) < 0) {
        fprintf(stderr, "%s\n", e.text);
        exit(2);
    }
    return m;
}

/* ---- classes ---- */

static int flowers(const char *path)
{
    const char *feature[] = {"sepal_length", "sepal_width", "petal_length", "petal_width"};
    struct klamm_ml *m = make(&(struct klamm_ml_setup){
        .task = "classify", .algorithm = "gaussian_nb", .feature = feature, .features = 4});
    struct klamm_ml_error e;
    char line[200], name[50];
    int rows = 0, right = 0, scored = 0;
    FILE *f = fopen(path, "r");
    if (!f || !fgets(line, sizeof(line), f)) {
        perror(path);
        return 1;
    }
    while (fgets(line, sizeof(line), f)) {
        double x[4], p[3];
        if (sscanf(line, "%lf,%lf,%lf,%lf,%49s", &x[0], &x[1], &x[2], &x[3], name) != 5) {
            continue;
        }
        double class = klamm_ml_class(m, name, &e); /* 0, 1, 2 in the order of the file */
        if (klamm_ml_predict_learn(m, x, &class, 1, p, 3, &e) < 0) {
            fprintf(stderr, "%s\n", e.text);
            return 1;
        }
        int best = klamm_ml_best(p, 3);
        scored += best >= 0; /* before the first flower there is nothing to say */
        right += best == (int)class;
        rows++;
    }
    fclose(f);
    printf("iris: %d flowers, %d of %d right before they were learned: %.4f\n", rows, right, scored,
           (double)right / scored);

    /* A model that was saved goes on elsewhere, names and all. */
    void *bytes;
    size_t n;
    struct klamm_ml *again;
    if (klamm_ml_save(m, &bytes, &n, &e) < 0 || klamm_ml_load(&again, NULL, bytes, n, &e) < 0) {
        fprintf(stderr, "%s\n", e.text);
        return 1;
    }
    double p[3], x[4] = {5.0, 3.4, 1.5, 0.2};
    klamm_ml_predict(again, x, 1, p, 3, &e);
    int best = klamm_ml_best(p, 3);
    printf("saved, loaded: a flower of 5.0 3.4 1.5 0.2 is %s, p = %.4f\n",
           klamm_ml_class_name(again, (uint32_t)best), p[best]);
    klamm_ml_release(bytes);
    klamm_ml_free(again);
    klamm_ml_free(m);
    return 0;
}

/* ---- a series ---- */

/* Load at an hour: days, noise, and two hours in which all is different. */
static double load_at(int hour, uint32_t *state)
{
    *state = *state * 1664525U + 1013904223U;
    double noise = (double)(*state >> 8) / (1 << 24) - 0.5;
    double load = 100 + 40 * sin(2 * 3.14159265358979 * hour / 24) + 8 * noise;
    return hour == 5000 || hour == 7000 ? load + 60 : load;
}

static void year(void)
{
    struct klamm_ml *detector = make(&(struct klamm_ml_setup){
        .task = "detect",
        .algorithm = "residual",
        .options = "{forecaster: ridge, season: 24}",
        .settings = "{warm_up: 1000, threshold: {false_alarms: 0.0001}}",
        .features = 1,
    });
    struct klamm_ml *forecaster = make(&(struct klamm_ml_setup){
        .task = "forecast",
        .algorithm = "holt_winters",
        .settings = "{horizons: [1, 6, 24], season: 24, every: 1h}",
    });
    double out[9], miss = 0, before = NAN;
    int forecasts = 0;
    uint32_t state = 1;
    for (int hour = 0; hour < HOURS; hour++) {
        double load = load_at(hour, &state), d[3];
        klamm_ml_predict_learn(detector, &load, NULL, 1, d, 3, NULL);
        if (d[KLAMM_ML_FOUND] == 1) {
            printf("hour %d: a load of %.1f is odd: %.1g of the usual hours are as odd\n", hour,
                   load, d[KLAMM_ML_TAIL]);
        }
        if (!isnan(before)) {
            miss += fabs(before - load);
            forecasts++;
        }
        klamm_ml_add(forecaster, hour * INT64_C(3600000), load, NULL);
        klamm_ml_forecast(forecaster, out, 9, NULL);
        before = out[KLAMM_ML_VALUE];
    }
    printf("forecasts of the next hour were off by %.2f on average\n", miss / forecasts);
    static const int ahead[] = {1, 6, 24};
    for (int i = 0; i < 3; i++) {
        printf("in %2d h: %.1f, nine times of ten within %.1f to %.1f\n", ahead[i], out[3 * i],
               out[3 * i + 1], out[3 * i + 2]);
    }
    klamm_ml_free(forecaster);
    klamm_ml_free(detector);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: learn iris.csv\n");
        return 2;
    }
    int status = flowers(argv[1]);
    if (status == 0) {
        year();
    }
    return status;
}
