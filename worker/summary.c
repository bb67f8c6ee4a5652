/* Steps of a kind in one stream are told apart by the names of the columns that they make. Of what
 * steps keep sums are told: stores take some memory before their first entry; that is left out, so
 * that only state is shown.
 */
#include "worker/summary.h"

#include <inttypes.h>

void summary_left_out(uint64_t no_key, uint64_t tombstones, struct buffer *b)
{
    if (no_key > 0) {
        buffer_printf(b, ", %" PRIu64 " without key", no_key);
    }
    if (tombstones > 0) {
        buffer_printf(b, ", %" PRIu64 " null value%s", tombstones, tombstones == 1 ? "" : "s");
    }
}

void summary_metric(int32_t partition, const struct node *n, const char *name, double value,
                    struct buffer *b)
{
    const struct yaml *as = n->yaml ? yaml_get(n->yaml, "as") : NULL;
    bool has_name = as && as->kind == YAML_STRING && !as->secret;
    buffer_printf(b, "  %s %s%s%s", n->stream, n->def->name, has_name ? " " : "",
                  has_name ? as->text : "");
    if (partition >= 0) {
        buffer_printf(b, ", partition %" PRId32, partition);
    }
    buffer_printf(b, ": %s %.6g\n", name, value);
}

void state_sum_add(void *sum, const struct task_step *s)
{
    struct state_sum *x = sum;
    x->entries += s->entries;
    x->bytes += s->entries > 0 ? s->bytes : 0;
}

void state_bytes_print(uint64_t bytes, struct buffer *b)
{
    static const char *const unit[] = {"B", "KB", "MB", "GB", "TB"};
    double n = (double)bytes;
    int i = 0;
    for (; n >= 999.5 && i < 4; i++) {
        n /= 1000;
    }
    buffer_printf(b, i == 0 || n >= 99.95 ? "%.0f %s" : "%.1f %s", n, unit[i]);
}

void state_sum_print(const struct state_sum *sum, struct buffer *b)
{
    if (sum->entries > 0) {
        buffer_printf(b, "state: %" PRIu64 " entr%s, ", sum->entries,
                      sum->entries == 1 ? "y" : "ies");
        state_bytes_print(sum->bytes, b);
        buffer_byte(b, '\n');
    }
}

void state_sum_report(const struct state_sum *sum, FILE *f)
{
    struct buffer b;
    buffer_init(&b);
    state_sum_print(sum, &b);
    fprintf(f, "%s%s", b.n ? "  " : "", buffer_cstr(&b));
    buffer_done(&b);
}
