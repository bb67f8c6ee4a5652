/* sgd: plain stochastic gradient descent (Robbins and Monro 1951), as River's optim.SGD.
 *
 *   w <- w - lr * g
 *
 *   options lr (0.01)
 *   state   none
 */
#include "ml/optimizer.h"

static void sgd_step(const double *option, double rate, double *restrict weight,
                     const double *restrict gradient, double *slot, uint32_t stride, uint32_t n)
{
    (void)option;
    (void)slot;
    (void)stride;
    for (uint32_t i = 0; i < n; i++) {
        weight[i] -= rate * gradient[i];
    }
}

const struct optimizer_def optimizer_sgd = {
    .name = "sgd",
    .doc = "plain stochastic gradient descent",
    .number = 0,
    .slots = 0,
    .option = {{"lr", 0.01, 0, 1e6}},
    .step = sgd_step,
};
