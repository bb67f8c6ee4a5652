/* Whatever dies, and whenever: what readers of committed records see is what a run without faults
 * gives.
 *
 * Each seed makes rows, takes a topology, and runs it twice: one lane that nothing happens to; then
 * up to three that crash, freeze, fail, come and go at any call (tests/support/sim.h). Compared are
 * all output topics, key by key. With at_least_once rows may come twice, but none is lost or made
 * up.
 *
 * KLAMM_SEEDS is how many, KLAMM_SEED the first: KLAMM_SEED=N KLAMM_SEEDS=1 replays one, and says
 * all that happened, as does a failure.
 */
#include "engine/clock.h"
#include "engine/logger.h"
#include "engine/memory.h"
#include "tests/support/plan_rig.h"
#include "tests/support/seeds.h"
#include "tests/support/sim_topologies.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(KLAMM_SMALL) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SEEDS 300
#else
#define SEEDS 5000
#endif
#define REPORT_NS (10 * INT64_C(1000000000))

/* Each line of a sorted text once. */
static char *once_each(char *text)
{
    const char *last = "";
    char *out = text;
    for (char *line = text, *end; *line; line = end) {
        end = line + strcspn(line, "\n");
        end += *end == '\n';
        size_t n = (size_t)(end - line);
        if (strlen(last) < n || strncmp(last, line, n) != 0) {
            memmove(out, line, n);
            last = out;
            out += n;
        }
    }
    *out = 0;
    return text;
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Under at_least_once the order of what comes again is nobody's concern. */
static char *sorted(char *text)
{
    size_t n = 0, size = strlen(text);
    for (const char *p = text; *p; p++) {
        n += *p == '\n';
    }
    char **line = mem_array(n + 1, sizeof *line), *out = mem_alloc(size + 1), *at = text;
    for (size_t i = 0; i < n; i++) {
        char *end = strchr(at, '\n');
        line[i] = mem_strndup(at, (size_t)(end - at) + 1);
        at = end + 1;
    }
    qsort(line, n, sizeof *line, compare_lines);
    char *to = out;
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(line[i]);
        memcpy(to, line[i], len);
        to += len;
        mem_free(line[i]);
    }
    *to = 0;
    mem_free(line);
    mem_free(text);
    return once_each(out);
}

static char *result_of(struct sim *s, const struct sim_topology *t)
{
    struct buffer b;
    buffer_init(&b);
    for (int i = 0; t->output[i]; i++) {
        buffer_printf(&b, "== %s\n", t->output[i]);
        rig_topics_print(s->log, t->output[i], &b);
    }
    char *text = mem_strdup(buffer_cstr(&b));
    buffer_done(&b);
    return t->at_least_once ? sorted(text) : text;
}

struct outcome {
    int status;
    char *text, *trace;
};

static struct outcome run(const struct plan *plan, const struct sim_topology *t, uint64_t seed,
                          bool is_disturbed)
{
    struct sim s;
    struct sim_rows rows;
    struct random random;
    random_seed(&random, seed, 3);
    struct sim_options o = {.plan = plan,
                            .seed = seed,
                            .is_disturbed = is_disturbed,
                            .at_least_once = t->at_least_once,
                            .partitions = 1 + (int32_t)random_below(&random, 4)};
    sim_init(&s, &o);
    sim_rows_init(&rows, t, &s, seed);
    struct outcome out = {.status = sim_run(&s)};
    if (out.status < 0) {
        buffer_printf(&s.trace, "%d %s\n", out.status, s.failure.text);
    }
    out.text = result_of(&s, t);
    out.trace = mem_strdup(buffer_cstr(&s.trace));
    sim_done(&s);
    return out;
}

static void tell(const struct sim_topology *t, uint64_t seed, const struct outcome *want,
                 const struct outcome *got)
{
    size_t at = 0;
    while (want->text[at] && want->text[at] == got->text[at]) {
        at++;
    }
    bool is_same = !want->text[at] && !got->text[at];
    at = at > 200 ? at - 200 : 0;
    fprintf(stderr, "seed %llu, topology %s\n%s", (unsigned long long)seed, t->name, got->trace);
    if (!is_same) {
        fprintf(stderr, "expected …%.500s\nfound …%.500s\n", want->text + at, got->text + at);
    }
}

static void the_committed_output_is_the_same(void **state)
{
    struct plan_rig *rig = *state;
    struct seeds seeds = seeds_from_env(SEEDS);
    int64_t begun = clock_monotonic_ns(), told = begun;
    for (uint64_t seed = seeds.first; seed < seeds.end; seed++) {
        int k = (int)(seed % (uint64_t)sim_ntopologies);
        const struct sim_topology *t = &sim_topologies[k];
        struct outcome want = run(rig[k].plan, t, seed, false);
        struct outcome got = run(rig[k].plan, t, seed, true);
        bool is_right = want.status == 0 && got.status == 0 && strcmp(want.text, got.text) == 0;
        if (!is_right || seeds.end - seeds.first == 1) {
            tell(t, seed, &want, &got);
        }
        assert_true(strlen(want.text) > 50);
        mem_free(want.text);
        mem_free(want.trace);
        mem_free(got.text);
        mem_free(got.trace);
        assert_true(is_right);
        int64_t now = clock_monotonic_ns();
        if (now - told > REPORT_NS) {
            told = now;
            print_message("%llu seeds, %.0f s\n", (unsigned long long)(seed - seeds.first + 1),
                          (double)(now - begun) / 1e9);
        }
    }
}

static int make_plans(void **state)
{
    struct plan_rig *rig = mem_array((size_t)sim_ntopologies, sizeof *rig);
    for (int k = 0; k < sim_ntopologies; k++) {
        if (plan_rig_init(&rig[k], sim_topologies[k].text) < 0) {
            fprintf(stderr, "%s\n%s", sim_topologies[k].name, plan_rig_problems(&rig[k]));
            return -1;
        }
    }
    *state = rig;
    return 0;
}

static int free_plans(void **state)
{
    struct plan_rig *rig = *state;
    for (int k = 0; k < sim_ntopologies; k++) {
        plan_rig_done(&rig[k]);
    }
    mem_free(rig);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_committed_output_is_the_same),
    };
    struct seeds seeds = seeds_from_env(SEEDS);
    logger_level(seeds.end - seeds.first == 1 ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, make_plans, free_plans);
}
