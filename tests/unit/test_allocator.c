/* Allocator: without mimalloc there is nothing to set, and memory goes on as before. */
#include "worker/allocator.h"

#include "engine/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void nothing_is_lost(void **state)
{
    (void)state;
    char *before = mem_strdup("kept");
    allocator_return_promptly();
    char *behind = mem_strdup("kept");
    assert_string_equal(before, behind);
    mem_free(before);
    mem_free(behind);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
