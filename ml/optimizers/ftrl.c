/* ftrl: follow the regularised leader, proximal (McMahan et al. 2013), as River's
 * optim.FTRLProximal.
 *
 *   w <- -(z - sign(z) l1) / ((beta + sqrt(n)) / alpha + l2)    where |z| > l1, else it stays
 *   s  = (sqrt(n + g^2) - sqrt(n)) / alpha
 *   z <- z + g - s w            n <- n + g^2
 *
 * in this order: a weight is worked out from the gradients before the present one, as River does
 * it, so it is one step behind them.
 *
 *   options alpha (0.05), the learning rate; beta (1), l1 (0), l2 (1)
 *   state   z and n of each weight
 */
#include "ml/optimizer.h"

#include <math.h>

enum option { ALPHA, BETA, L1, L2 };

static void ftrl_step(const double *option, double rate, double *restrict weight,
                      const double *restrict gradient, double *restrict slot, uint32_t stride,
                      uint32_t n)
{
    double beta = option[BETA], l1 = option[L1], l2 = option[L2];
    double *restrict z = slot, *restrict squares = slot + stride;
    for (uint32_t i = 0; i < n; i++) {
        double g = gradient[i], root = sqrt(squares[i]);
        double moved = -(z[i] - copysign(l1, z[i])) / ((beta + root) / rate + l2);
        weight[i] = fabs(z[i]) > l1 ? moved : weight[i];
        squares[i] += g * g;
        z[i] += g - (sqrt(squares[i]) - root) / rate * weight[i];
    }
}

const struct optimizer_def optimizer_ftrl = {
    .name = "ftrl",
    .doc = "follow the regularised leader: weights from the sum of all gradients",
    .number = 3,
    .slots = 2,
    .option = {{"alpha", 0.05, 1e-300, 1e6},
               {"beta", 1, 0, 1e6},
               {"l1", 0, 0, 1e6},
               {"l2", 1, 0, 1e6}},
    .step = ftrl_step,
};
