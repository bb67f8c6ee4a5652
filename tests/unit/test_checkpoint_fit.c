/* When a mark fits its changelogs, and what the broker is asked for that. */
#include "worker/checkpoint_fit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct bounded {
    struct log log; /* first */
    int64_t begin, end, written;
    int asked;
    bool is_away;
};

static int bounds(struct log *l, const char *topic, int32_t partition, int64_t *begin, int64_t *end,
                  int ms, struct err *e)
{
    struct bounded *b = (struct bounded *)l;
    assert_string_equal(topic, b->asked++ == 0 ? "c1" : "c2");
    assert_int_equal(partition, 3);
    (void)ms;
    *begin = b->begin;
    *end = b->end;
    return b->is_away ? err_set(e, ERR_RETRY, "away") : 0;
}

static int written(struct log *l, const char *topic, int32_t partition, int64_t *end, int ms,
                   struct err *e)
{
    (void)topic;
    (void)partition;
    (void)ms;
    (void)e;
    *end = ((struct bounded *)l)->written;
    return 0;
}

static const struct log_ops ops = {.bounds = bounds, .written = written};

#define NOW 1700000000000

static const char *fit(struct bounded *b, int found, int64_t age, int64_t next, int status)
{
    struct plan_store store[] = {{.changelog = "c1"}, {.changelog = "c2"}};
    struct subplan s = {.nstores = 2, .store = store};
    int64_t offsets[] = {b->begin, next};
    struct task_mark mark = {.time = NOW - age, .n = 2, .next = offsets};
    static struct state_disk disk = {.why = "broken"};
    struct err e = {0};
    const char *why = "?";
    b->log.ops = &ops;
    b->asked = 0;
    assert_int_equal(checkpoint_fit(&b->log, &s, 3, found, &mark, &disk, NOW, &why, &e), status);
    return why;
}

static void what_was_found_without_a_mark(void **state)
{
    (void)state;
    struct bounded b = {0};
    assert_null(fit(&b, CHECKPOINT_NONE, 0, 0, 0));
    assert_string_equal(fit(&b, CHECKPOINT_OTHER, 0, 0, 0),
                        "it is of other settings, or of another changelog");
    assert_string_equal(fit(&b, CHECKPOINT_UNMARKED, 0, 0, 0), "it has no mark of how far it goes");
    assert_string_equal(fit(&b, -ERR_DATA, 0, 0, 0), "broken");
    assert_int_equal(b.asked, 0);
}

static void offsets_that_the_changelog_has(void **state)
{
    (void)state;
    struct bounded b = {.begin = 10, .end = 20, .written = 22};
    const char *other = "the changelog has other offsets";
    assert_null(fit(&b, CHECKPOINT_THERE, 0, 10, 0));
    assert_null(fit(&b, CHECKPOINT_THERE, 0, 22, 0)); /* behind an open transaction */
    assert_int_equal(b.asked, 2);
    assert_string_equal(fit(&b, CHECKPOINT_THERE, 0, 9, 0), other);
    assert_string_equal(fit(&b, CHECKPOINT_THERE, 0, 23, 0), other);
    b.is_away = true;
    assert_null(fit(&b, CHECKPOINT_THERE, 0, 10, -ERR_RETRY));
}

static void deletions_may_be_gone(void **state)
{
    (void)state;
    struct bounded b = {.begin = 10, .end = 20, .written = 22};
    assert_null(fit(&b, CHECKPOINT_THERE, CHECKPOINT_AGE_MOST, 15, 0));
    assert_string_equal(fit(&b, CHECKPOINT_THERE, CHECKPOINT_AGE_MOST + 1, 15, 0), "it is too old");
    assert_int_equal(b.asked, 0);
}

static void a_clock_that_was_set_back(void **state)
{
    (void)state;
    struct bounded b = {.begin = 10, .end = 20, .written = 22};
    assert_null(fit(&b, CHECKPOINT_THERE, -CHECKPOINT_AGE_MOST / 12, 15, 0)); /* a little */
    assert_string_equal(fit(&b, CHECKPOINT_THERE, -CHECKPOINT_AGE_MOST / 12 - 1, 15, 0),
                        "the clock was set back since, so its age is not known");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_found_without_a_mark),
        cmocka_unit_test(offsets_that_the_changelog_has),
        cmocka_unit_test(deletions_may_be_gone),
        cmocka_unit_test(a_clock_that_was_set_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
