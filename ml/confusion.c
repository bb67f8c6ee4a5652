/* Confusion matrix.
 *
 *   recall_i            n_ii / row i                         precision_i   n_ii / column i
 *   balanced accuracy   mean of recall_i over rows that are not empty
 *   F1_i                2 n_ii / (row i + column i), 0 where both are empty
 *   kappa               (p - q) / (1 - q): p the share of hits, q = sum of row i * column i / n^2;
 *                       0 where q is 1 (Cohen 1960)
 *
 *   without rows        all are 0
 *   state               n; counts, row by row: version 1
 */
#include "ml/confusion.h"

#include "engine/memory.h"

#include <string.h>

void confusion_done(struct confusion *c)
{
    mem_free(c->count);
    *c = (struct confusion){0};
}

static void make_room(struct confusion *c, uint32_t n)
{
    if (n > c->room) {
        uint32_t room = c->room ? c->room : 2;
        while (room < n) {
            room *= 2;
        }
        int64_t *count = mem_array((size_t)room * room, sizeof(int64_t));
        memset(count, 0, (size_t)room * room * sizeof(int64_t));
        for (uint32_t i = 0; i < c->n; i++) {
            memcpy(count + (size_t)i * room, c->count + (size_t)i * c->room,
                   c->n * sizeof(int64_t));
        }
        mem_free(c->count);
        c->count = count;
        c->room = room;
    }
    c->n = n > c->n ? n : c->n;
}

void confusion_add(struct confusion *c, uint32_t label, uint32_t predicted, int64_t count)
{
    uint32_t most = label > predicted ? label : predicted;
    if (most >= CONFUSION_CLASSES_MAX) {
        return;
    }
    make_room(c, most + 1);
    c->count[(size_t)label * c->room + predicted] += count;
    c->rows += count;
}

static double at(const struct confusion *c, uint32_t label, uint32_t predicted)
{
    return (double)c->count[(size_t)label * c->room + predicted];
}

static double row_sum(const struct confusion *c, uint32_t label)
{
    double sum = 0;
    for (uint32_t i = 0; i < c->n; i++) {
        sum += at(c, label, i);
    }
    return sum;
}

static double column_sum(const struct confusion *c, uint32_t predicted)
{
    double sum = 0;
    for (uint32_t i = 0; i < c->n; i++) {
        sum += at(c, i, predicted);
    }
    return sum;
}

double confusion_balanced_accuracy(const struct confusion *c)
{
    double sum = 0;
    uint32_t classes = 0;
    for (uint32_t i = 0; i < c->n; i++) {
        double labels = row_sum(c, i);
        sum += labels > 0 ? at(c, i, i) / labels : 0;
        classes += labels > 0;
    }
    return classes > 0 ? sum / classes : 0;
}

double confusion_kappa(const struct confusion *c)
{
    double n = (double)c->rows, hits = 0, chance = 0;
    for (uint32_t i = 0; i < c->n; i++) {
        hits += at(c, i, i) / n;
        chance += row_sum(c, i) / n * (column_sum(c, i) / n);
    }
    return n > 0 && chance < 1 ? (hits - chance) / (1 - chance) : 0;
}

double confusion_f1(const struct confusion *c, uint32_t class)
{
    double all = class < c->n ? row_sum(c, class) + column_sum(c, class) : 0;
    return all > 0 ? 2 * at(c, class, class) / all : 0;
}

double confusion_macro_f1(const struct confusion *c)
{
    double sum = 0;
    uint32_t classes = 0;
    for (uint32_t i = 0; i < c->n; i++) {
        sum += confusion_f1(c, i);
        classes += row_sum(c, i) + column_sum(c, i) > 0;
    }
    return classes > 0 ? sum / classes : 0;
}

uint64_t confusion_size(const struct confusion *c)
{
    return (uint64_t)c->room * c->room * sizeof(int64_t);
}

int confusion_io(struct confusion *c, struct snapshot *s)
{
    uint32_t n = c->n;
    snapshot_version(s, 1);
    snapshot_u32(s, &n);
    if (n > CONFUSION_CLASSES_MAX) {
        s->status = -ERR_DATA;
    }
    if (snapshot_status(s) < 0) {
        return snapshot_status(s);
    }
    if (s->loading) {
        make_room(c, n);
        c->rows = 0;
    }
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t k = 0; k < n; k++) {
            int64_t *count = &c->count[(size_t)i * c->room + k];
            snapshot_count(s, count);
            c->rows += s->loading && *count < INT64_C(1) << 40 ? *count : 0;
        }
    }
    return snapshot_status(s);
}
