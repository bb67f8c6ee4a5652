/* An item of nested.h: a presence byte, then the value, with one form for each double. */
#include "engine/identity.h"

#include <math.h>

struct nested_value identity_value(const struct vec *v, uint16_t row)
{
    struct nested_value x = vec_value(v, row);
    if (v->type->kind == TYPE_DOUBLE && !x.is_null) {
        x.d = isnan(x.d) ? (double)NAN : x.d == 0 ? 0.0 : x.d;
    }
    return x;
}

void identity_add(struct buffer *b, const struct vec *v, uint16_t row)
{
    struct nested_value x = identity_value(v, row);
    nested_put(b, v->type, &x);
}
