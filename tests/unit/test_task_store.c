/* Which changes of a topology may go on with the state that stands in the changelog, which are
 * refused, and that damage is told apart from both.
 */
#include "tests/support/task_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define COLUMNS "columns: {h: string, g: string, v: long, w: long, ok: boolean}"

static void write_topology(char *text, size_t size, const char *key, const char *step)
{
    snprintf(text, size,
             "name: t\nstreams:\n  a:\n"
             "    from: {topic: x, value: json, key: {%s: string}, " COLUMNS "}\n"
             "    steps:\n      - %s\n    to: {topic: out, value: json}\n",
             key, step);
}

/* State of a step in the first form, after one row and a commit. */
static void save(struct task_rig *r, const char *key, const char *step)
{
    char text[1000];
    write_topology(text, sizeof text, key, step);
    task_rig_init(r, text, 0);
    task_rig_start(r, 0);
    assert_int_equal(
        task_rig_push_one(r, "x", 5, "k", "{\"h\":\"k\",\"g\":\"k\",\"v\":1,\"w\":2,\"ok\":true}"),
        0);
    task_rig_clear(r);
    assert_int_equal(task_flush(r->task, &r->err), 0);
    assert_true(r->n > 0);
}

static int restore(const struct task_rig *from, const char *key, const char *step, struct err *e)
{
    char text[1000];
    struct task_rig r;
    write_topology(text, sizeof text, key, step);
    task_rig_init(&r, text, 0);
    task_rig_new(&r, 0);
    int status = task_rig_restore(&r, 0, from->item, from->n);
    *e = r.err;
    if (status == 0) {
        assert_int_equal(task_rig_open(&r), 0);
    }
    task_rig_done(&r);
    return status;
}

static const struct change {
    const char *step, *other;
    bool is_refused;
} changes[] = {
    {"window: {tumbling: 60s, aggregate: sum(v) as s}",
     "window: {tumbling: 1m, aggregate: \"sum( v ) as t\", grace: 5s, having: t > 3}", false},
    {"window: {tumbling: 60s, aggregate: sum(v) as s}",
     "window: {tumbling: 60s, aggregate: sum(v) * 100 as share}", false},
    {"window: {tumbling: 60s, aggregate: sum(v) as s}",
     "window: {tumbling: 61s, aggregate: sum(v) as s}", true},
    {"window: {tumbling: 60s, aggregate: sum(v) as s}",
     "window: {tumbling: 60s, aggregate: sum(w) as s}", true},
    {"window: {tumbling: 60s, aggregate: sum(v) as s}",
     "window: {tumbling: 60s, aggregate: sum(v + 0) as s}", true},
    {"window: {tumbling: 60s, aggregate: max(v) as s}",
     "window: {tumbling: 60s, aggregate: min(v) as s}", true},
    {"window: {tumbling: 60s, aggregate: sum(v) as s}",
     "window: {tumbling: 60s, aggregate: \"sum(v) as s, count() as n\"}", false},
    {"window: {tumbling: 60s, aggregate: \"max(v) as a, max(w) as b\"}",
     "window: {tumbling: 60s, aggregate: \"max(w) as b, max(v) as a\"}", false},
    {"dedupe: {by: v, within: 60s}", "dedupe: {by: [v], within: 1m}", false},
    {"dedupe: {by: v, within: 60s}", "dedupe: {by: v, within: 61s}", true},
    {"dedupe: {by: v, within: 60s}", "dedupe: {by: w, within: 60s}", true},
    {"dedupe: {by: v, within: 60s}", "dedupe: {within: 60s}", true},
    {"running: lag(v) as a", "running: lag(v, 1) * 2 as b", false},
    {"running: lag(v) as a", "running: lag(v, 2) as a", true},
    {"running: lag(v) as a", "running: lag(w) as a", true},
    {"running: lag(v) as a", "running: diff(v) as a", true},
    {"running: ewma(v, 0.5) as a", "running: ewma(v, 0.25) as a", true},
    {"running: lag(v) as a", "running: lag(v) as a, count() as n", false},
#define CLASSIFY "classify: {algorithm: logistic_regression, "
    {CLASSIFY "per: key, features: \"v, w\", label: ok, as: p}",
     CLASSIFY "per: key, features: \"v, w\", label: ok, as: q, learn: never, "
              "options: {lr: 0.5, l2: 0.1}}",
     false},
    {CLASSIFY "per: key, features: \"v, w\", label: ok, as: p}",
     CLASSIFY "per: key, features: v, label: ok, as: p}", true},
    {CLASSIFY "per: key, features: \"v, w\", label: ok, as: p}",
     CLASSIFY "per: key, features: \"w, v\", label: ok, as: p}", true},
    {CLASSIFY "per: key, features: {x: v}, label: ok, as: p}",
     CLASSIFY "per: key, features: {x: v + 1}, label: ok, as: p}", true},
    {CLASSIFY "per: key, features: v, label: ok, as: p}",
     CLASSIFY "per: key, features: v, label: not ok, as: p}", true},
    {CLASSIFY "per: key, features: v, label: ok, as: p}",
     CLASSIFY "per: partition, features: v, label: ok, as: p}", true},
    {CLASSIFY "per: key, features: v, label: ok, as: p}",
     CLASSIFY "per: key, features: v, label: ok, as: p, scale: standard}", true},
    {CLASSIFY "per: key, features: v, label: ok, as: p}",
     CLASSIFY "per: key, features: v, label: ok, as: p, options: {l1: 0.1}}", true},
    {CLASSIFY "per: key, features: v, label: ok, as: p}",
     "classify: {algorithm: gaussian_nb, per: key, features: v, label: ok, as: p}", true},
};

static void what_changes_the_meaning_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        const struct change *c = &changes[i];
        struct task_rig from;
        struct err e;
        save(&from, "h", c->step);
        assert_int_equal(restore(&from, "h", c->step, &e), 0);
        int status = restore(&from, "h", c->other, &e);
        if (status != (c->is_refused ? -ERR_CONFIG : 0)) {
            fail_msg("%s\n-> %s\n%d %s", c->step, c->other, status, e.text);
        }
        task_rig_done(&from);
    }
}

static void another_key_is_refused(void **state)
{
    (void)state;
    static const char step[] = "window: {tumbling: 60s, aggregate: count() as n}";
    struct task_rig from;
    struct err e;
    save(&from, "h", step);
    assert_int_equal(restore(&from, "g", step, &e), -ERR_CONFIG);
    task_rig_done(&from);
}

/* One model for all rows of a partition: the key that rows happen to have is not in its state. */
static void a_model_for_a_partition_has_no_key(void **state)
{
    (void)state;
    static const char step[] = CLASSIFY "per: partition, features: v, label: ok, as: p}";
    struct task_rig from;
    struct err e;
    save(&from, "h", step);
    assert_int_equal(restore(&from, "g", step, &e), 0);
    task_rig_done(&from);
}

static void the_message_names_place_and_remedy(void **state)
{
    (void)state;
    static const char *const words[] = {"topology t,",
                                        "stream a,",
                                        "step `window` (streams.a.steps[1].window)",
                                        "changelog topic t-a-window-changelog",
                                        "Undo the change",
                                        "another name",
                                        "docs/operations.md"};
    struct task_rig from;
    struct err e;
    save(&from, "h", "window: {tumbling: 60s, aggregate: count() as n}");
    assert_int_equal(restore(&from, "h", "window: {tumbling: 1s, aggregate: count() as n}", &e),
                     -ERR_CONFIG);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!strstr(e.text, words[i])) {
            fail_msg("no %s in %s", words[i], e.text);
        }
    }
    task_rig_done(&from);
}

/* Every cut of a good value, and keys that are none. */
static void damage_ends_the_task(void **state)
{
    (void)state;
    static const char *const steps[] = {
        "window: {tumbling: 60s, aggregate: \"sum(v) as s, max(h) as m\"}", "dedupe: {within: 60s}",
        "running: \"lag(h) as a, lag(v, 3) as b\"",
        CLASSIFY "per: key, features: \"v, w\", label: ok, as: p}"};
    for (size_t s = 0; s < sizeof steps / sizeof *steps; s++) {
        struct task_rig from;
        save(&from, "h", steps[s]);
        const struct produced *p = &from.item[1]; /* behind the layout */
        size_t whole = p->value_n;
        for (size_t n = 0; n < whole; n++) {
            struct produced cut = *p;
            cut.value_n = n;
            struct task_rig r;
            char text[1000];
            write_topology(text, sizeof text, "h", steps[s]);
            task_rig_init(&r, text, 0);
            task_rig_new(&r, 0);
            int status = task_rig_restore(&r, 0, &cut, 1);
            status = status == 0 ? task_rig_open(&r) : status;
            assert_int_equal(status, -ERR_DATA);
            assert_non_null(strstr(r.err.text, "damaged"));
            assert_non_null(strstr(r.err.text, "changelog topic t-a-"));
            task_rig_done(&r);
        }
        task_rig_done(&from);
    }
}

static void another_version_is_refused(void **state)
{
    (void)state;
    struct task_rig from;
    struct err e;
    save(&from, "h", "dedupe: {within: 60s}");
    from.item[1].value[0] = 77;
    assert_int_equal(restore(&from, "h", "dedupe: {within: 60s}", &e), -ERR_CONFIG);
    assert_non_null(strstr(e.text, "was written by another version of klamm (form 77, this one: "));
    task_rig_done(&from);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_changes_the_meaning_is_refused),
        cmocka_unit_test(another_key_is_refused),
        cmocka_unit_test(a_model_for_a_partition_has_no_key),
        cmocka_unit_test(the_message_names_place_and_remedy),
        cmocka_unit_test(damage_ends_the_task),
        cmocka_unit_test(another_version_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
