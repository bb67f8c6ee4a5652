/* Allocator: mimalloc, which stands in for malloc in the program, holds freed pages for a while, in
 * the hope that they are wanted again. With batches that one thread fills and another frees that
 * was a fifth of what a process with a small limit had resident.
 *
 * Weak: tests and sanitizer builds run without mimalloc, where this does nothing.
 */
#include "worker/allocator.h"

#include <mimalloc.h>
#include <stddef.h>

#pragma weak mi_option_set

void allocator_return_promptly(void)
{
    if (mi_option_set == NULL) {
        return;
    }
#if MI_MALLOC_VERSION < 210
    mi_option_set(mi_option_page_reset, 1);
    mi_option_set(mi_option_decommit_delay, 0);
#else
    mi_option_set(mi_option_purge_delay, 0);
#endif
}
