/* ucontext, with a word to the sanitizers at each switch: they keep books of stacks. */
#include "tests/support/fiber.h"

#include "engine/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#define STACK_BYTES (4U << 20)
#else
#define STACK_BYTES (1U << 20)
#endif
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif

struct fiber {
    ucontext_t own, caller;
    void (*run)(void *arg);
    void *arg;
    void *stack;
    bool has_ended;
    void *tsan_own, *tsan_caller; /* thread sanitizer */
    void *fake_own, *fake_caller; /* address sanitizer */
    const void *caller_stack;
    size_t caller_bytes;
};

/* Before and after a switch to a stack; NULL for the fiber's last. */
static void leave(void **fake, const void *stack, size_t n)
{
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_start_switch_fiber(fake, stack, n);
#else
    (void)fake;
    (void)stack;
    (void)n;
#endif
}

static void arrive(void *fake, const void **from, size_t *n)
{
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(fake, from, n);
#else
    (void)fake;
    (void)from;
    (void)n;
#endif
}

static void become(void *tsan)
{
#ifdef __SANITIZE_THREAD__
    __tsan_switch_to_fiber(tsan, 0);
#else
    (void)tsan;
#endif
}

/* makecontext() passes ints: the pointer comes in two halves. */
static void begin(unsigned high, unsigned low)
{
    struct fiber *f = (struct fiber *)((uintptr_t)high << 16 << 16 | low);
    arrive(NULL, &f->caller_stack, &f->caller_bytes);
    f->run(f->arg);
    f->has_ended = true;
    leave(NULL, f->caller_stack, f->caller_bytes);
    become(f->tsan_caller);
    setcontext(&f->caller);
}

struct fiber *fiber_new(void (*run)(void *arg), void *arg)
{
    struct fiber *f = mem_zalloc(sizeof *f);
    f->run = run;
    f->arg = arg;
    f->stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (f->stack == MAP_FAILED || getcontext(&f->own) < 0) {
        abort();
    }
    f->own.uc_stack.ss_sp = f->stack;
    f->own.uc_stack.ss_size = STACK_BYTES;
    uintptr_t self = (uintptr_t)f;
    makecontext(&f->own, (void (*)(void))begin, 2, (unsigned)(self >> 16 >> 16), (unsigned)self);
#ifdef __SANITIZE_THREAD__
    f->tsan_own = __tsan_create_fiber(0);
#endif
    return f;
}

bool fiber_resume(struct fiber *f)
{
    if (f->has_ended) {
        return false;
    }
#ifdef __SANITIZE_THREAD__
    f->tsan_caller = __tsan_get_current_fiber();
#endif
    leave(&f->fake_caller, f->stack, STACK_BYTES);
    become(f->tsan_own);
    swapcontext(&f->caller, &f->own);
    arrive(f->fake_caller, NULL, NULL);
    return !f->has_ended;
}

void fiber_yield(struct fiber *f)
{
    leave(&f->fake_own, f->caller_stack, f->caller_bytes);
    become(f->tsan_caller);
    swapcontext(&f->own, &f->caller);
    arrive(f->fake_own, &f->caller_stack, &f->caller_bytes);
}

void fiber_free(struct fiber *f)
{
#ifdef __SANITIZE_THREAD__
    __tsan_destroy_fiber(f->tsan_own);
#endif
    munmap(f->stack, STACK_BYTES);
    mem_free(f);
}
