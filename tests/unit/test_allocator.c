/* Allocator: what mimalloc does with freed pages is another setting behind the call; where a build
 * has no mimalloc (sanitizers) the call does nothing, and there is nothing to look at.
 */
#include "worker/allocator.h"

#include <mimalloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#pragma weak mi_option_get

#if MI_MALLOC_VERSION < 210
#define DELAY mi_option_decommit_delay
#else
#define DELAY mi_option_purge_delay
#endif

static void freed_pages_go_back_at_once(void **state)
{
    (void)state;
    if (mi_option_get == NULL) {
        allocator_return_promptly();
        skip();
    }
    assert_int_not_equal(mi_option_get(DELAY), 0);
    allocator_return_promptly();
    assert_int_equal(mi_option_get(DELAY), 0);
#if MI_MALLOC_VERSION < 210
    assert_int_equal(mi_option_get(mi_option_page_reset), 1);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(freed_pages_go_back_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
