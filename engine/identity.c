/* An item of nested.h: a presence byte, then the value, with one form for each double. */
#include "engine/identity.h"

#include "engine/nested.h"

#include <math.h>

void identity_add(struct buffer *b, const struct vec *v, uint16_t row)
{
    struct nested_value x = {.is_null = vec_is_null(v, row)};
    if (x.is_null) {
        nested_put(b, v->type, &x);
        return;
    }
    if (type_is_str(v->type)) {
        x.s.p = str_data(&v->s[row]);
        x.s.n = v->s[row].n;
    } else if (v->type->kind == TYPE_DOUBLE) {
        double d = v->d[row];
        x.d = isnan(d) ? (double)NAN : d == 0 ? 0.0 : d;
    } else {
        x.i = v->type->kind == TYPE_BOOLEAN ? v->b[row] : v->i[row];
    }
    nested_put(b, v->type, &x);
}
