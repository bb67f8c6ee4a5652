/* Scalars: what a plain one's text means (the YAML 1.2 core schema), and JSON's way to escape what
 * is beyond 16 bits. Pure functions. */
#ifndef KLAMM_ENGINE_YAML_SCALAR_H
#define KLAMM_ENGINE_YAML_SCALAR_H

#include "engine/yaml.h"

/* Sets kind, boolean, number and real of y from its text as a plain scalar. */
void yaml_scalar_resolve(struct yaml *y);
/* Of a text that begins as JSON does: the same with every pair of escaped surrogates, which YAML
 * does not know, as the one escape that it has for them. *n follows. Else the text itself. */
const char *yaml_join_surrogates(struct arena *a, const char *text, size_t *n);

#endif
