/* An LSTM network with given weights over given windows, for comparison with PyTorch by
 * test_lstm.py.
 *
 *   lstm_driver < NUMBERS
 *
 * NUMBERS: inputs, hidden, steps, outputs, windows; then as PyTorch has them weight_ih [4
 * hidden][inputs], weight_hh [4 hidden][hidden], bias_ih, bias_hh [4 hidden], head.weight
 * [outputs][hidden], head.bias [outputs]; then windows [windows][steps][inputs]. Prints a line of
 * outputs for every window, and last "# NS", the time of a single step of one row.
 */
#include "engine/memory.h"
#include "ml/lstm_network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define REPEAT 20000

static double number(void)
{
    double x;
    if (scanf("%lf", &x) != 1) {
        fprintf(stderr, "lstm_driver: a number is missing\n");
        exit(2);
    }
    return x;
}

static uint32_t count(void)
{
    double x = number();
    if (x < 1 || x > 4096) {
        fprintf(stderr, "lstm_driver: sizes are 1 to 4096\n");
        exit(2);
    }
    return (uint32_t)x;
}

/* Reads a matrix of `rows` rows and adds it to its transpose at `to`. */
static void read_transposed(float *to, size_t rows, size_t columns)
{
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = 0; c < columns; c++) {
            to[c * rows + r] += (float)number();
        }
    }
}

static void read_weights(const struct lstm_network *n, float *w)
{
    size_t inputs = n->cell.inputs, hidden = n->cell.hidden, wide = 4 * hidden;
    float *head = w + lstm_cell_weights(&n->cell);
    memset(w, 0, lstm_network_weights(n) * sizeof(float));
    read_transposed(w, wide, inputs);
    read_transposed(w + inputs * wide, wide, hidden);
    read_transposed(w + (inputs + hidden) * wide, wide, 1);
    read_transposed(w + (inputs + hidden) * wide, wide, 1);
    read_transposed(head, n->outputs, hidden);
    read_transposed(head + hidden * n->outputs, n->outputs, 1);
}

static double time_step(const struct lstm_network *n, const float *w, const float *x)
{
    struct timespec from, to;
    size_t hidden = n->cell.hidden;
    float *room = mem_zalloc(6 * hidden * sizeof(float));
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
    for (int i = 0; i < REPEAT; i++) {
        lstm_cell_step(&n->cell, w, x, room, room + hidden, room + 2 * hidden);
    }
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
    mem_free(room);
    return ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) / REPEAT;
}

int main(void)
{
    struct lstm_network n = {0};
    n.cell.inputs = count();
    n.cell.hidden = count();
    n.cell.steps = count();
    n.outputs = count();
    uint32_t windows = count();
    size_t nx = (size_t)n.cell.steps * n.cell.inputs;
    float *w = mem_array(lstm_network_weights(&n), sizeof(float));
    float *x = mem_array(nx + n.outputs + lstm_network_step_room(&n), sizeof(float));
    float *out = x + nx;
    read_weights(&n, w);
    for (uint32_t i = 0; i < windows; i++) {
        for (size_t k = 0; k < nx; k++) {
            x[k] = (float)number();
        }
        lstm_network_predict(&n, w, x, NULL, out, out + n.outputs);
        for (uint32_t k = 0; k < n.outputs; k++) {
            printf("%s%.9g", k > 0 ? "\t" : "", (double)out[k]);
        }
        printf("\n");
    }
    printf("# %.0f\n", time_step(&n, w, x));
    mem_free(w);
    mem_free(x);
    return 0;
}
