/* Registry: every descriptor of the tree, found by its name in YAML. The arrays are written by
 * CMake from the sources of the leaf folders (`const struct X_def NAME = {`); each ends with NULL.
 */
#ifndef KLAMM_ENGINE_REGISTRY_H
#define KLAMM_ENGINE_REGISTRY_H

struct step_def;
struct window_def;
struct aggregate_def;
struct learner_def;
struct forecaster_def;
struct drift_def;
struct codec_def;
struct connector_def;
struct function_table;

extern const struct step_def *const registry_steps[];
extern const struct window_def *const registry_windows[];
extern const struct aggregate_def *const registry_aggregates[];
extern const struct learner_def *const registry_learners[];
extern const struct forecaster_def *const registry_forecasters[];
extern const struct drift_def *const registry_drifts[];
extern const struct codec_def *const registry_codecs[];
extern const struct connector_def *const registry_connectors[];
extern const struct function_table *const registry_functions[];

#endif
