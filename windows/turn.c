/* A turn is a sort of the date's items, then a number that counts them off: see turn.h. Sorting an
 * item counts as half of emitting it.
 */
#include "windows/turn.h"

void turn_begin(struct turn *x, struct date *d, uint32_t n, const struct key_by *by)
{
    turn_end(x);
    x->date = d;
    x->n = n;
    if (by) {
        x->is_sorting = true;
        key_sort_begin(&x->sort, d->item, n, by);
    }
}

int turn_ready(struct turn *x, struct op *op)
{
    while (x->is_sorting) {
        uint32_t work = x->n < KEY_SORT_RUN ? x->n : KEY_SORT_RUN;
        x->is_sorting = !key_sort_step(&x->sort, op->mem);
        if (op_spent(op, work / 2) && x->is_sorting) {
            return 1;
        }
    }
    return 0;
}

void turn_end(struct turn *x)
{
    key_sort_done(&x->sort);
    *x = (struct turn){0};
}
