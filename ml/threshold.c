/* `threshold: {false_alarms: p} | {quantile: q} | {value: x}`: which scores are unusual. The first
 * two are shares, so within (0, 1); the third is of the learner's own score.
 */
#include "ml/threshold.h"

#include "ml/algorithm.h"

#include <math.h>

static const char *const names[] = {"false_alarms", "quantile", "value", NULL};

int threshold_parse(struct node *n, const struct yaml *value, struct detector_config *out)
{
    out->threshold = FALSE_ALARMS;
    out->bound = 0.001;
    if (!value || value->kind == YAML_NULL) {
        return 0;
    }
    if (value->kind != YAML_MAP || value->n != 1) {
        return algorithm_problem(n, "threshold",
                                 "expected one of {false_alarms: p}, {quantile: q} "
                                 "and {value: x}");
    }
    int which = algorithm_named(n, "threshold", "threshold", value->key[0], names);
    if (which < 0) {
        return which;
    }
    const struct yaml *bound = value->item[0];
    bool is_number = bound->kind == YAML_LONG || bound->kind == YAML_DOUBLE;
    if (!is_number || !isfinite(bound->real) ||
        (which != VALUE && !(bound->real > 0 && bound->real < 1))) {
        return algorithm_problem(n, "threshold",
                                 which == VALUE ? "value: expected a finite number"
                                                : "expected a number between 0 and 1");
    }
    out->threshold = (enum threshold)which;
    out->bound = bound->real;
    return 0;
}
