/* adagrad: steps shrink with the sum of squared gradients (Duchi, Hazan and Singer 2011), as
 * River's optim.AdaGrad.
 *
 *   s <- s + g^2            w <- w - lr / sqrt(s + eps) * g
 *
 *   options lr (0.1), eps (1e-8)
 *   state   s of each weight
 */
#include "ml/optimizer.h"

#include <math.h>

enum option { LR, EPS };

static void adagrad_step(const double *option, double rate, double *restrict weight,
                         const double *restrict gradient, double *restrict slot, uint32_t stride,
                         uint32_t n)
{
    (void)stride;
    double eps = option[EPS];
    for (uint32_t i = 0; i < n; i++) {
        double g = gradient[i];
        slot[i] += g * g;
        weight[i] -= rate / sqrt(slot[i] + eps) * g;
    }
}

const struct optimizer_def optimizer_adagrad = {
    .name = "adagrad",
    .doc = "steps shrink with the sum of squared gradients",
    .number = 1,
    .slots = 1,
    .option = {{"lr", 0.1, 0, 1e6}, {"eps", 1e-8, 1e-300, 1e6}},
    .step = adagrad_step,
};
