/* Slots: who takes which, and that its id outlives it. */
#include "worker/slot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];

static int make_folder(void **unused)
{
    (void)unused;
    snprintf(folder, sizeof folder, P_tmpdir "/klamm-slot-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **unused)
{
    char path[256];
    (void)unused;
    for (int i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/state/t/slot-%d", folder, i);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/state/t", folder);
    rmdir(path);
    snprintf(path, sizeof path, "%s/state", folder);
    rmdir(path);
    snprintf(path, sizeof path, "%s/file", folder);
    unlink(path);
    return rmdir(folder);
}

static const char *below(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void test_two_takers(void **unused)
{
    struct slot a, b, c;
    struct err e = {0};
    (void)unused;
    assert_int_equal(slot_take(&a, below("state"), "t", &e), 0);
    assert_int_equal(slot_take(&b, below("state"), "t", &e), 0);
    assert_int_equal(a.number, 0);
    assert_int_equal(b.number, 1);
    assert_int_equal(strlen(a.id), 16);
    assert_int_equal(strspn(a.id, "0123456789abcdef"), 16);
    assert_string_not_equal(a.id, b.id);
    slot_release(&a);
    assert_int_equal(slot_take(&c, below("state"), "t", &e), 0); /* the lowest free one */
    assert_int_equal(c.number, 0);
    assert_string_equal(c.id, a.id);
    slot_release(&b);
    slot_release(&c);
    slot_release(&c); /* nothing is left to release */
    assert_int_equal(c.fd, -1);
}

static void test_a_torn_id_is_made_anew(void **unused)
{
    static const char *const torn[] = {"", "0123", "not hexadecimal!"};
    struct slot a, b;
    struct err e = {0};
    (void)unused;
    assert_int_equal(slot_take(&a, below("state"), "t", &e), 0);
    slot_release(&a);
    for (size_t i = 0; i < sizeof torn / sizeof *torn; i++) {
        write_file(below("state/t/slot-0"), torn[i]);
        assert_int_equal(slot_take(&a, below("state"), "t", &e), 0);
        assert_int_equal(strspn(a.id, "0123456789abcdef"), 16);
        slot_release(&a);
        assert_int_equal(slot_take(&b, below("state"), "t", &e), 0);
        assert_string_equal(b.id, a.id);
        slot_release(&b);
    }
}

static void expect_refusal(const char *dir, const char *in_message)
{
    struct slot s;
    struct err e = {0};
    assert_int_equal(slot_take(&s, dir, "t", &e), -ERR_CONFIG);
    assert_non_null(strstr(e.text, in_message));
    assert_int_equal(s.fd, -1);
    slot_release(&s);
}

static void test_a_place_that_cannot_be_written(void **unused)
{
    (void)unused;
    write_file(below("file"), "");
    expect_refusal(below("file"), "/file/t");
    expect_refusal(below("no/such/folder"), "state: {dir:");
    char slot[256];
    snprintf(slot, sizeof slot, "%s", below("state"));
    mkdir(slot, 0755);
    mkdir(below("state/t"), 0755);
    assert_int_equal(mkdir(below("state/t/slot-0"), 0755), 0); /* in the way */
    expect_refusal(slot, "slot-0");
    rmdir(below("state/t/slot-0"));
    if (geteuid() != 0) { /* root may write anywhere */
        chmod(below("state/t"), 0555);
        expect_refusal(slot, "Permission denied");
        chmod(below("state/t"), 0755);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_two_takers, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_a_torn_id_is_made_anew, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_a_place_that_cannot_be_written, make_folder,
                                        remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
