/* Patterns of column names. Matching goes back to the last `*` only, so it takes at most the length
 * of the pattern times that of the name.
 */
#include "ml/pattern.h"

#include <ctype.h>
#include <string.h>

bool pattern_is(const char *text)
{
    size_t n = strlen(text);
    if (n == 0 || (text[0] != '*' && text[n - 1] != '*')) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!isalnum((unsigned char)text[i]) && !strchr("_.*", text[i])) {
            return false;
        }
    }
    return true;
}

bool pattern_matches(const char *pattern, const char *name)
{
    const char *star = NULL, *again = name;
    while (*name) {
        if (*pattern == '*') {
            star = pattern++;
            again = name;
        } else if (*pattern == *name) {
            pattern++;
            name++;
        } else if (star) {
            pattern = star + 1;
            name = ++again;
        } else {
            return false;
        }
    }
    return pattern[strspn(pattern, "*")] == '\0';
}
