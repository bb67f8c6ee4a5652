/* Ring of values, newest first.
 *
 *   state   n, then the values from the oldest to the newest: loaded, it goes on as it was
 */
#include "ml/lags.h"

#include "engine/memory.h"

#include <assert.h>
#include <math.h>

void lags_init(struct lags *l, uint32_t capacity)
{
    *l = (struct lags){.capacity = capacity};
    l->value = mem_array(capacity > 0 ? capacity : 1, sizeof(*l->value));
}

void lags_done(struct lags *l)
{
    mem_free(l->value);
}

void lags_add(struct lags *l, double value)
{
    if (l->capacity == 0) {
        return;
    }
    l->value[l->next] = value;
    l->next = l->next + 1 < l->capacity ? l->next + 1 : 0;
    l->n += l->n < l->capacity ? 1 : 0;
}

double lags_at(const struct lags *l, uint32_t lag)
{
    assert(lag >= 1 && lag <= l->n);
    return l->value[l->next >= lag ? l->next - lag : l->next + l->capacity - lag];
}

void lags_clear(struct lags *l)
{
    l->n = l->next = 0;
}

int lags_io(struct lags *l, struct snapshot *s)
{
    uint32_t n = l->n;
    snapshot_u32(s, &n);
    if (s->loading) {
        lags_clear(l);
        if (n > l->capacity) {
            s->status = -ERR_DATA;
            return s->status;
        }
    }
    for (uint32_t i = n; i-- > 0;) {
        double value = s->loading ? 0 : lags_at(l, i + 1);
        snapshot_double(s, &value);
        if (!isfinite(value)) {
            s->status = -ERR_DATA;
            value = 0;
        }
        if (s->loading) {
            lags_add(l, value);
        }
    }
    return snapshot_status(s);
}
