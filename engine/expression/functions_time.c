/* Time: now to_timestamp format_timestamp date_trunc extract. All in UTC.
 *
 *   now()                       the wall clock when the batch was taken, the same for all its rows
 *   to_timestamp(x)             of ms, or of text in ISO 8601; to_timestamp(x, pattern) of other
 *                               text
 *   format_timestamp(t, p)      by a pattern such as 'yyyy-MM-dd HH:mm:ss.SSS', see
 *                               calendar_pattern.c
 *   date_trunc('hour', t)       begin of the unit: millisecond … day week month quarter year
 *   extract(hour from t)        a part: the same units, and dow doy epoch; also extract('hour', t)
 *
 * Constant units and patterns are checked once; others are row errors.
 */
#include "engine/expression/calendar.h"
#include "engine/expression/kernel.h"
#include "engine/nested.h"

#include <string.h>

static int now(struct kernel_call *c)
{
    for (uint16_t k = 0; k < c->nsel; k++) {
        c->out->i[c->sel[k]] = c->now;
    }
    return 0;
}

static int from_long(struct kernel_call *c)
{
    for (uint16_t k = 0; k < c->nsel; k++) {
        c->out->i[c->sel[k]] = c->arg[0].i[c->sel[k]];
    }
    return 0;
}

static int shown(struct text t)
{
    return (int)(t.n > 60 ? 60 : t.n);
}

static int from_iso(struct kernel_call *c)
{
    for (uint16_t k = 0; k < c->nsel; k++) {
        uint16_t row = c->sel[k];
        struct text t = kernel_text(&c->arg[0], row);
        if (!calendar_read_iso(t.p, t.n, &c->out->i[row])) {
            kernel_error(c, row, "'%.*s' is not a timestamp such as 2026-01-31T12:00:00Z", shown(t),
                         t.p);
        }
    }
    return 0;
}

/* False after a row error. Constant patterns were checked by prepare. */
static bool is_pattern(struct kernel_call *c, uint16_t row, struct text pattern)
{
    if (c->state != NULL || calendar_pattern_valid(pattern.p, pattern.n)) {
        return true;
    }
    kernel_error(c, row, "'%.*s' is not a pattern of a timestamp", shown(pattern), pattern.p);
    return false;
}

static int from_pattern(struct kernel_call *c)
{
    for (uint16_t k = 0; k < c->nsel; k++) {
        uint16_t row = c->sel[k];
        struct text t = kernel_text(&c->arg[0], row), pattern = kernel_text(&c->arg[1], row);
        if (is_pattern(c, row, pattern) &&
            !calendar_read(t.p, t.n, pattern.p, pattern.n, &c->out->i[row])) {
            kernel_error(c, row, "'%.*s' is not a timestamp of the form %.*s", shown(t), t.p,
                         shown(pattern), pattern.p);
        }
    }
    return 0;
}

static int to_pattern(struct kernel_call *c)
{
    struct buffer b;
    buffer_init(&b);
    for (uint16_t k = 0; k < c->nsel; k++) {
        uint16_t row = c->sel[k];
        struct text pattern = kernel_text(&c->arg[1], row);
        if (is_pattern(c, row, pattern)) {
            buffer_clear(&b);
            calendar_write(&b, c->arg[0].i[row], pattern.p, pattern.n);
            kernel_put(c, row, b.n > 0 ? b.data : "", (uint32_t)b.n);
        }
    }
    buffer_done(&b);
    return 0;
}

static int prepare_pattern(const void **state, struct arena *a, int nargs,
                           const struct expression *const *arg, struct err *e)
{
    struct nested_value v;
    if (constant_argument(arg[nargs - 1], &v) == NULL) {
        return 0;
    }
    if (!calendar_pattern_valid(v.s.p, v.s.n)) {
        return err_set(
            e, ERR_CONFIG,
            "'%.*s' is not a pattern of a timestamp: its letters are y M d D H h a m s S "
            "E X, as in yyyy-MM-dd HH:mm:ss.SSS, other text stands in '…'",
            (int)(v.s.n > 60 ? 60 : v.s.n), v.s.p);
    }
    *state = arena_zalloc(a, 1); /* says: checked */
    return 0;
}

/* ---- units ---- */

static int prepare_unit(const void **state, struct arena *a, const struct expression *arg, int last,
                        struct err *e)
{
    struct nested_value v;
    if (constant_argument(arg, &v) == NULL) {
        return 0;
    }
    int unit = unit_find(v.s.p, v.s.n);
    if (unit < 0 || unit > last) {
        char *name = arena_strndup(a, v.s.p, v.s.n > 60 ? 60 : v.s.n);
        const char *nearest = nearest_name(name, unit_names);
        return err_set(
            e, ERR_CONFIG,
            "'%s' is not a unit here%s%s%s: millisecond second minute hour day week month "
            "quarter year%s",
            name, nearest != NULL ? "; did you mean '" : "", nearest != NULL ? nearest : "",
            nearest != NULL ? "'?" : "", last > UNIT_YEAR ? " dow doy epoch" : "");
    }
    int *known = arena_alloc(a, sizeof *known);
    *known = unit;
    *state = known;
    return 0;
}

static int prepare_trunc(const void **state, struct arena *a, int nargs,
                         const struct expression *const *arg, struct err *e)
{
    (void)nargs;
    return prepare_unit(state, a, arg[0], UNIT_YEAR, e);
}

static int prepare_extract(const void **state, struct arena *a, int nargs,
                           const struct expression *const *arg, struct err *e)
{
    (void)nargs;
    return prepare_unit(state, a, arg[0], UNIT_EPOCH, e);
}

/* -1 after a row error. */
static int unit_of(struct kernel_call *c, uint16_t row, int last)
{
    const int *known = c->state;
    if (known != NULL) {
        return *known;
    }
    struct text t = kernel_text(&c->arg[0], row);
    int unit = unit_find(t.p, t.n);
    if (unit < 0 || unit > last) {
        kernel_error(c, row, "'%.*s' is not a unit of time", shown(t), t.p);
        return -1;
    }
    return unit;
}

static int date_trunc(struct kernel_call *c)
{
    for (uint16_t k = 0; k < c->nsel; k++) {
        uint16_t row = c->sel[k];
        int unit = unit_of(c, row, UNIT_YEAR);
        if (unit >= 0 && !calendar_truncate((enum unit)unit, c->arg[1].i[row], &c->out->i[row])) {
            kernel_error(c, row, "date_trunc() of a timestamp before all time");
        }
    }
    return 0;
}

static int extract(struct kernel_call *c)
{
    for (uint16_t k = 0; k < c->nsel; k++) {
        uint16_t row = c->sel[k];
        int unit = unit_of(c, row, UNIT_EPOCH);
        if (unit >= 0) {
            c->out->i[row] = calendar_part((enum unit)unit, c->arg[1].i[row]);
        }
    }
    return 0;
}

static const struct function_def functions[] = {
    {"now", "", 't', NULL_IF_ANY, now,
     .doc = "the wall clock; that of the test in `test`, 1970 in `replay`, which has no clock"},
    {"to_timestamp", "l", 't', NULL_IF_ANY, from_long, .doc = "of ms since the epoch",
     .is_harmless = true},
    {"to_timestamp", "s", 't', NULL_IF_ANY, from_iso, .doc = "of text in ISO 8601"},
    {"to_timestamp", "ss", 't', NULL_IF_ANY, from_pattern, prepare_pattern,
     .doc = "of text by a pattern such as yyyy-MM-dd HH:mm:ss"},
    {"format_timestamp", "ts", 's', NULL_IF_ANY, to_pattern, prepare_pattern,
     .doc = "as text by a pattern such as yyyy-MM-dd HH:mm:ss"},
    {"date_trunc", "st", 't', NULL_IF_ANY, date_trunc, prepare_trunc,
     .doc = "the begin of its hour, day, week, …"},
    {"extract", "st", 'l', NULL_IF_ANY, extract, prepare_extract,
     .doc = "a part: extract(hour from t)"},
    {0},
};

const struct function_table functions_time = {
    .family = "time",
    .functions = functions,
};
