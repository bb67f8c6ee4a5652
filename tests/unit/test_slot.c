/* Slots: the lowest free one, its id kept, free again when its holder is gone.
 */
#include "worker/slot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "slots-XXXXXX";

static int make_dir(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    (void)state;
    char command[100];
    snprintf(command, sizeof command, "rm -r %s", dir);
    return system(command);
}

static void two_takers(void **state)
{
    (void)state;
    struct slot a, b, c;
    struct err e = {0};
    assert_int_equal(slot_take(&a, dir, "t", &e), 0);
    assert_int_equal(slot_take(&b, dir, "t", &e), 0);
    assert_int_equal(a.number, 0);
    assert_int_equal(b.number, 1);
    assert_int_equal(strlen(a.id), 16);
    assert_string_not_equal(a.id, b.id);
    char id[17];
    memcpy(id, a.id, sizeof id);
    slot_release(&a);
    slot_release(&a);
    assert_int_equal(slot_take(&c, dir, "t", &e), 0);
    assert_int_equal(c.number, 0);
    assert_string_equal(c.id, id); /* the same member again */
    slot_release(&b);
    slot_release(&c);
}

static void other_topologies_have_their_own(void **state)
{
    (void)state;
    struct slot a, b;
    struct err e = {0};
    assert_int_equal(slot_take(&a, dir, "one", &e), 0);
    assert_int_equal(slot_take(&b, dir, "two", &e), 0);
    assert_int_equal(b.number, 0);
    slot_release(&a);
    slot_release(&b);
}

static void a_killed_holder_frees_its_slot(void **state)
{
    (void)state;
    struct slot s;
    struct err e = {0};
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(slot_take(&s, dir, "killed", &e) == 0 ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(slot_take(&s, dir, "killed", &e), 0);
    assert_int_equal(s.number, 0);
    slot_release(&s);
}

static void a_damaged_id_is_made_anew(void **state)
{
    (void)state;
    struct slot s;
    struct err e = {0};
    char path[100];
    assert_int_equal(slot_take(&s, dir, "damaged", &e), 0);
    slot_release(&s);
    snprintf(path, sizeof path, "%s/damaged/slot-0", dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("not hexadecimal!", f);
    fclose(f);
    assert_int_equal(slot_take(&s, dir, "damaged", &e), 0);
    assert_int_equal(strspn(s.id, "0123456789abcdef"), 16);
    slot_release(&s);
}

static void folders_that_cannot_be(void **state)
{
    (void)state;
    struct slot s;
    struct err e = {0};
    assert_int_equal(slot_take(&s, "no/such/folder", "t", &e), -ERR_CONFIG);
    assert_non_null(strstr(e.text, "cannot create the folder no/such/folder"));
    assert_non_null(strstr(e.text, "set `state: {dir: …}`"));
    slot_release(&s);
    char path[100];
    snprintf(path, sizeof path, "%s/file", dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fclose(f);
    err_clear(&e);
    assert_int_equal(slot_take(&s, path, "t", &e), -ERR_CONFIG);
    slot_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_takers),
        cmocka_unit_test(other_topologies_have_their_own),
        cmocka_unit_test(a_killed_holder_frees_its_slot),
        cmocka_unit_test(a_damaged_id_is_made_anew),
        cmocka_unit_test(folders_that_cannot_be),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
