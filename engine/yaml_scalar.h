/* The YAML 1.2 core schema: what a plain scalar's text means. Pure functions. */
#ifndef KLAMM_ENGINE_YAML_SCALAR_H
#define KLAMM_ENGINE_YAML_SCALAR_H

#include "engine/yaml.h"

/* Sets kind, boolean, number and real of y from its text as a plain scalar. */
void yaml_scalar_resolve(struct yaml *y);

#endif
