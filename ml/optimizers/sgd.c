/* sgd: plain stochastic gradient descent (Robbins and Monro 1951), as River's optim.SGD.
 *
 *   w <- w - lr * g
 *
 *   state   none
 */
#include "ml/optimizer.h"

static void sgd_step(double lr, int64_t step, double *weight, const double *gradient, double *slot,
                     uint32_t stride, uint32_t n)
{
    (void)step;
    (void)slot;
    (void)stride;
    for (uint32_t i = 0; i < n; i++) {
        weight[i] -= lr * gradient[i];
    }
}

const struct optimizer_def optimizer_sgd = {
    .name = "sgd",
    .doc = "plain stochastic gradient descent",
    .slots = 0,
    .step = sgd_step,
};
