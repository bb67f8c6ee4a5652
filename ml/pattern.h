/* Pattern: `cpu_*`, which stands for several columns where a list of columns is asked for. */
#ifndef KLAMM_ML_PATTERN_H
#define KLAMM_ML_PATTERN_H

#include <stdbool.h>

/* Text that begins or ends with `*` and is otherwise made of letters, digits, `_`, `.` and `*`. */
bool pattern_is(const char *text);
/* `*` stands for any characters, none included. */
bool pattern_matches(const char *pattern, const char *name);

#endif
