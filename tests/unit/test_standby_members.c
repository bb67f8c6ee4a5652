/* Who keeps copies of a task: as many as asked, never its owner, the same whoever computes it, and
 * few of them move when a process comes or goes.
 */
#include "engine/memory.h"
#include "tests/support/plan_rig.h"
#include "worker/standby_members.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define TASKS 200

static const char topology[] =
    "name: t\nstreams:\n"
    "  a:\n    from: {topic: x, value: json, key: {h: string}, columns: {h: string, v: long}}\n"
    "    steps:\n      - aggregate: \"count() as n\"\n"
    "    to: {topic: out, value: csv}\n";

static const char *const names[] = {"g-a1", "g-b2", "g-c3", "g-d4", "g-e5"};

/* n processes of two lanes each; task p belongs to process p mod n. */
static void gather(struct standby_members *m, int n)
{
    for (int lane = 0; lane < 2; lane++) {
        for (int i = 0; i < n; i++) {
            struct log_position owned[TASKS];
            char instance[20];
            struct log_member member = {.instance = instance, .owned = owned};
            snprintf(instance, sizeof instance, "%s-%d", names[i], lane);
            for (int p = i; p < TASKS; p += n) {
                if (p / n % 2 == lane) {
                    owned[member.n++] = (struct log_position){.topic = "x", .partition = p};
                }
            }
            standby_members_add(m, &member);
        }
    }
}

static void each_task_has_n_copies_elsewhere(void **state)
{
    const struct plan *plan = ((struct plan_rig *)*state)->plan;
    for (int n = 1; n <= 5; n++) {
        struct standby_members m = {0};
        gather(&m, n);
        assert_int_equal(m.n, n);
        for (int copies = 0; copies <= 5; copies++) {
            for (int p = 0; p < TASKS; p++) {
                int kept = 0;
                for (int i = 0; i < n; i++) {
                    bool wants = standby_members_want(&m, names[i], plan, 0, p, copies);
                    assert_false(wants && p % n == i);
                    kept += wants;
                }
                assert_int_equal(kept, copies < n - 1 ? copies : n - 1);
            }
            assert_false(standby_members_want(&m, "g-stranger", plan, 0, 0, copies));
        }
        standby_members_done(&m);
    }
}

static void they_are_spread(void **state)
{
    const struct plan *plan = ((struct plan_rig *)*state)->plan;
    struct standby_members m = {0};
    gather(&m, 5);
    for (int i = 0; i < 5; i++) {
        int kept = 0;
        for (int p = 0; p < TASKS; p++) {
            kept += standby_members_want(&m, names[i], plan, 0, p, 1);
        }
        assert_in_range(kept, TASKS / 10, TASKS * 3 / 10); /* 40 each, if they were even */
    }
    standby_members_done(&m);
}

/* Nobody owns anything: only who keeps what is looked at. */
static void only_the_copies_of_one_that_goes_move(void **state)
{
    const struct plan *plan = ((struct plan_rig *)*state)->plan;
    struct standby_members all = {0}, four = {0};
    for (int i = 0; i < 5; i++) {
        char instance[20];
        snprintf(instance, sizeof instance, "%s-0", names[i]);
        standby_members_add(&all, &(struct log_member){.instance = instance});
        if (i != 2) {
            standby_members_add(&four, &(struct log_member){.instance = instance});
        }
    }
    for (int p = 0; p < TASKS; p++) {
        for (int i = 0; i < 5; i++) {
            bool kept = standby_members_want(&all, names[i], plan, 0, p, 2);
            bool keeps = standby_members_want(&four, names[i], plan, 0, p, 2);
            assert_true(i == 2 ? !keeps : !kept || keeps);
        }
    }
    standby_members_done(&all);
    standby_members_done(&four);
}

static void members_without_a_name_count_as_one(void **state)
{
    const struct plan *plan = ((struct plan_rig *)*state)->plan;
    struct standby_members m = {0};
    const struct log_position owned = {.topic = "y", .partition = 0}; /* of another topology */
    standby_members_add(&m, &(struct log_member){.owned = &owned, .n = 1});
    standby_members_add(&m, &(struct log_member){.instance = "nodash"});
    standby_members_add(&m, &(struct log_member){.instance = "g-a1-0"});
    assert_int_equal(m.n, 3);
    assert_true(standby_members_want(&m, "g-a1", plan, 0, 0, 3));
    assert_false(standby_members_want(&m, "g-a1", plan, 0, 0, 0));
    standby_members_done(&m);
}

static int set_up(void **state)
{
    static struct plan_rig rig;
    *state = NULL;
    if (plan_rig_init(&rig, topology) < 0) {
        return -1;
    }
    *state = &rig;
    return 0;
}

static int tear_down(void **state)
{
    plan_rig_done(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_task_has_n_copies_elsewhere),
        cmocka_unit_test(they_are_spread),
        cmocka_unit_test(only_the_copies_of_one_that_goes_move),
        cmocka_unit_test(members_without_a_name_count_as_one),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
