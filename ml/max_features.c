/* How many of n columns "sqrt", "log2", "all", "3" or "0.5" are.
 *
 *   River         round(sqrt(n)), round(log2(n)), to even at halves; a share is cut
 *   scikit-learn  floor of all three
 *
 * Never fewer than one, never more than there are.
 */
#include "ml/max_features.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The number meant by the text for n columns; NaN of none that is known. */
static double count(const char *text, double n)
{
    char *end;
    if (strcmp(text, "sqrt") == 0) {
        return sqrt(n);
    }
    if (strcmp(text, "log2") == 0) {
        return log2(n);
    }
    if (strcmp(text, "all") == 0) {
        return n;
    }
    double v = strtod(text, &end);
    bool is_share = strchr(text, '.') != NULL;
    if (*end != '\0' || end == text || !(v > 0 && v < 1e9) || (is_share && v > 1)) {
        return NAN;
    }
    return is_share ? floor(v * n) : floor(v);
}

int max_features_check(const char *text, struct err *e)
{
    if (isnan(count(text, 100))) {
        return err_set(e, ERR_CONFIG,
                       "max_features: %s is none of sqrt, log2, all, a number of columns, or a "
                       "share of them such as 0.5",
                       text);
    }
    return 0;
}

uint32_t max_features(const char *text, uint32_t n, bool is_rounded)
{
    double k = count(text, n);
    k = is_rounded ? rint(k) : floor(k);
    k = fmax(k, 1);
    return k > n ? n : (uint32_t)k;
}
