/* adam: steps scaled by running means of the gradient and of its square (Kingma and Ba 2014), as
 * River's optim.Adam.
 *
 *   m <- beta_1 m + (1 - beta_1) g            v <- beta_2 v + (1 - beta_2) g^2
 *   w <- w - rate * m / (sqrt(v) + eps)
 *   rate = lr * sqrt(1 - beta_2^t) / (1 - beta_1^t) in the t-th step: both means begin at 0
 *
 *   options lr (0.1), beta_1 (0.9), beta_2 (0.999), eps (1e-8)
 *   state   m and v of each weight
 */
#include "ml/optimizer.h"

#include <math.h>

enum option { LR, BETA_1, BETA_2, EPS };

/* 1 - beta^t: beta^t <= exp(-t (1 - beta)), so from t (1 - beta) = 40 on it rounds to 1. */
static double weight_so_far(double beta, double t)
{
    return t * (1 - beta) > 40 ? 1 : 1 - pow(beta, t);
}

static double adam_rate(const double *option, int64_t step)
{
    double t = (double)step + 1;
    return option[LR] * sqrt(weight_so_far(option[BETA_2], t)) / weight_so_far(option[BETA_1], t);
}

static void adam_step(const double *option, double rate, double *restrict weight,
                      const double *restrict gradient, double *restrict slot, uint32_t stride,
                      uint32_t n)
{
    double beta_1 = option[BETA_1], beta_2 = option[BETA_2], eps = option[EPS];
    double *restrict mean = slot, *restrict square = slot + stride;
    for (uint32_t i = 0; i < n; i++) {
        double g = gradient[i];
        mean[i] = beta_1 * mean[i] + (1 - beta_1) * g;
        square[i] = beta_2 * square[i] + (1 - beta_2) * (g * g);
        weight[i] -= rate * mean[i] / (sqrt(square[i]) + eps);
    }
}

const struct optimizer_def optimizer_adam = {
    .name = "adam",
    .doc = "steps scaled by running means of the gradient and of its square",
    .number = 2,
    .slots = 2,
    .option = {{"lr", 0.1, 0, 1e6},
               {"beta_1", 0.9, 0, 0.999999999},
               {"beta_2", 0.999, 0, 0.999999999},
               {"eps", 1e-8, 1e-300, 1e6}},
    .rate = adam_rate,
    .step = adam_step,
};
