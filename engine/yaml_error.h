/* libyaml's words for a syntax error, in clear ones. Pure functions. */
#ifndef KLAMM_ENGINE_YAML_ERROR_H
#define KLAMM_ENGINE_YAML_ERROR_H

#include "engine/error.h"

#include <stddef.h>

/* What the parser reports. Lines and columns count from 1; 0 is unknown. */
struct yaml_syntax_error {
    const char *problem, *context; /* libyaml's texts, either may be NULL */
    const char *path;              /* key path as far as it was read */
    struct place at;               /* of the problem */
    int context_line;              /* where what is being read begins */
    int context_column;
    char found[8]; /* the character at `at`, "" at the end of the file */
};

/* Adds the problem to d; returns -ERR_CONFIG. */
int yaml_syntax_explain(const struct yaml_syntax_error *x, struct diags *d);

#endif
