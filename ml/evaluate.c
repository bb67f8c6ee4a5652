/* Prequential scores (Dawid 1984; Gama, Sebastiao and Rodrigues 2013): test, then train.
 *
 *   accuracy   hits / rows, overall and over the last 1000 rows (a ring of bits)
 *   majority   hits of "the most frequent label so far", ties to the class seen first
 *   no change  hits of "the last label": hard to beat on slow streams
 *   log loss   mean of -log P(label), P kept within 1e-15 of 0 and 1
 *
 *   rows       only rows with a prediction and a label count: the first row of a model has no
 *              prediction yet, so n labels give n - 1 scored rows (as River's
 *              progressive_val_score)
 *   state      totals, the ring as far as it is filled, labels per class: version 1
 */
#include "ml/evaluate.h"

#include "engine/learner.h"
#include "engine/memory.h"

#include <math.h>
#include <string.h>

#define PROBABILITY_LEAST 1e-15

void scores_add(struct scores *s, const struct outcome *o)
{
    uint32_t at = (uint32_t)(s->rows % ROLLING_ROWS);
    uint64_t bit = 1ULL << (at % 64);
    for (int i = 0; i < SCORED; i++) {
        uint64_t *word = &s->rolling[i][at / 64];
        s->rolling_hits[i] += (int64_t)o->hit[i] - ((*word & bit) != 0);
        *word = o->hit[i] ? *word | bit : *word & ~bit;
        s->hits[i] += o->hit[i];
    }
    s->loss += o->loss;
    s->rows++;
}

void scores_merge(struct scores *s, const struct scores *from)
{
    if (s->rows == 0) {
        *s = *from;
        return;
    }
    s->rows += from->rows;
    s->loss += from->loss;
    for (int i = 0; i < SCORED; i++) {
        s->hits[i] += from->hits[i];
    }
}

double scores_accuracy(const struct scores *s, enum scored who)
{
    return s->rows > 0 ? (double)s->hits[who] / (double)s->rows : 0;
}

double scores_rolling(const struct scores *s, enum scored who)
{
    int64_t rows = s->rows < ROLLING_ROWS ? s->rows : ROLLING_ROWS;
    return rows > 0 ? (double)s->rolling_hits[who] / (double)rows : 0;
}

double scores_log_loss(const struct scores *s)
{
    return s->rows > 0 ? s->loss / (double)s->rows : 0;
}

void evaluation_done(struct evaluation *e)
{
    mem_free(e->seen);
    e->seen = NULL;
    e->classes = 0;
}

struct outcome evaluation_score(struct evaluation *e, uint32_t label, uint32_t predicted, double p)
{
    struct outcome o = {.loss = -log(fmin(fmax(p, PROBABILITY_LEAST), 1 - PROBABILITY_LEAST))};
    o.hit[SCORE_LEARNER] = predicted == label;
    o.hit[SCORE_MAJORITY] = e->last >= 0 && e->majority == label;
    o.hit[SCORE_NO_CHANGE] = e->last >= 0 && (uint32_t)e->last == label;
    scores_add(&e->scores, &o);
    return o;
}

static void make_room(struct evaluation *e, uint32_t classes)
{
    if (classes > e->classes) {
        e->seen = mem_resize(e->seen, classes, sizeof(e->seen[0]));
        memset(e->seen + e->classes, 0, (classes - e->classes) * sizeof(e->seen[0]));
        e->classes = classes;
    }
}

void evaluation_label(struct evaluation *e, uint32_t label)
{
    make_room(e, label + 1);
    e->seen[label]++;
    int64_t ahead = e->seen[label] - e->seen[e->majority];
    if (ahead > 0 || (ahead == 0 && label < e->majority)) {
        e->majority = label;
    }
    e->last = (int32_t)label;
}

static void rolling_io(struct scores *scores, struct snapshot *s)
{
    int64_t rows = scores->rows < ROLLING_ROWS ? scores->rows : ROLLING_ROWS;
    for (int i = 0; i < SCORED; i++) {
        int64_t hits = 0;
        for (int64_t w = 0; w * 64 < rows; w++) {
            int64_t word;
            memcpy(&word, &scores->rolling[i][w], sizeof(word));
            snapshot_long(s, &word);
            memcpy(&scores->rolling[i][w], &word, sizeof(word));
            hits += __builtin_popcountll(scores->rolling[i][w]);
        }
        scores->rolling_hits[i] = hits;
    }
}

int scores_io(struct scores *scores, struct snapshot *s)
{
    snapshot_count(s, &scores->rows);
    for (int i = 0; i < SCORED; i++) {
        snapshot_count(s, &scores->hits[i]);
    }
    snapshot_double(s, &scores->loss);
    rolling_io(scores, s);
    return snapshot_status(s);
}

int evaluation_io(struct evaluation *e, struct snapshot *s)
{
    snapshot_version(s, 1);
    scores_io(&e->scores, s);
    int64_t last = e->last;
    uint32_t classes = e->classes;
    snapshot_long(s, &last);
    snapshot_u32(s, &e->majority);
    snapshot_u32(s, &classes);
    if (s->loading) {
        if (snapshot_status(s) < 0 || classes > CLASSES_MAX || last < -1 ||
            last >= (int64_t)classes || e->majority >= (classes > 0 ? classes : 1)) {
            s->status = -ERR_DATA;
            return s->status;
        }
        make_room(e, classes);
        e->last = (int32_t)last;
    }
    for (uint32_t i = 0; i < classes; i++) {
        snapshot_count(s, &e->seen[i]);
    }
    return snapshot_status(s);
}
