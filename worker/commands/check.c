/* klamm check: reads, types and plans topologies, and prints the plan. --online asks the cluster
 * and the registry too. --time shows how far event time is in what runs, instead of the plan;
 * --against what becomes of the state of another topology. */
#include "engine/history.h"
#include "engine/logger.h"
#include "engine/memory.h"
#include "engine/plan.h"
#include "engine/plan_compare.h"
#include "worker/client.h"
#include "worker/commands/command.h"
#include "worker/propose.h"
#include "worker/time_read.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DRAWN_EVERY_NS INT64_C(250000000)
#define SAID_EVERY_NS  INT64_C(10000000000)

/* h: what a step reads first is looked at, its plan is p; else NULL. */
static int check_topics(const struct plan *p, const struct history *h, struct client *c,
                        struct diags *d, struct err *e)
{
    for (uint16_t i = 0; i < p->nhistories; i++) {
        int r = check_topics(p->history[i]->plan, p->history[i], c, d, e);
        if (r < 0) {
            return r;
        }
    }
    for (uint16_t i = 0; i < p->nsources; i++) {
        const struct plan_source *s = p->source[i];
        for (int k = 0; k < s->ntopics && s->repartition < 0 && !s->feeder; k++) {
            int32_t n;
            int r = c->log->ops->partitions(c->log, s->topic[k], &n, 10000, e);
            if (r < 0) {
                return r;
            }
            if (n == 0) {
                struct err none = {0};
                client_no_topic(c, s->topic[k], &none);
                diags_add(d, h ? h->at : s->end->at, h ? h->path : s->end->path, "%s", none.text);
            } else {
                printf("topic %s: %d partition%s\n", s->topic[k], n, n == 1 ? "" : "s");
            }
        }
    }
    return 0;
}

static void print_plan(const struct plan *p, const char *form)
{
    struct buffer b;
    buffer_init(&b);
    if (strcmp(form, "dot") == 0) {
        plan_print_dot(&b, p);
    } else if (strcmp(form, "json") == 0) {
        plan_print_json(&b, p);
    } else {
        plan_print_text(&b, p);
    }
    fwrite(b.data, 1, b.n, stdout);
    buffer_done(&b);
}

/* What takes long is seen to go on. */
struct going_on {
    int64_t last_ns;
    bool is_drawn;
};

static void show_progress(void *ctx, const struct time_read_progress *p)
{
    struct going_on *x = ctx;
    bool is_terminal = isatty(STDERR_FILENO);
    int64_t now = clock_monotonic_ns();
    if (now - x->last_ns < (is_terminal ? DRAWN_EVERY_NS : SAID_EVERY_NS)) {
        return;
    }
    x->last_ns = now;
    char text[400];
    if (p->changes > 0) {
        snprintf(text, sizeof text, "restoring %s, partition %d of %d: %" PRIu64 " changes",
                 p->topic, p->partition, p->partitions, p->changes);
    } else {
        snprintf(text, sizeof text, "looking at %s, partition %d of %d", p->topic, p->partition,
                 p->partitions);
    }
    if (!is_terminal) {
        logger(LOG_LEVEL_INFO, "%s", text);
        return;
    }
    fprintf(stderr, "%s\033[K\r", text);
    x->is_drawn = true;
}

static int print_time(const struct plan *p, const struct client *c, const char *form, struct err *e)
{
    struct going_on x = {.last_ns = clock_monotonic_ns()};
    const struct time_read_options o = {show_progress, &x};
    struct time_view v;
    struct buffer b;
    buffer_init(&b);
    time_view_init(&v, p, clock_now(&clock_system));
    int r = time_read(&v, c, &o, e);
    if (x.is_drawn) {
        fprintf(stderr, "\033[K");
    }
    if (r == 0 && strcmp(form, "json") == 0) {
        time_view_json(&v, &b);
    } else if (r == 0) {
        time_view_text(&v, &b);
    }
    fwrite(b.data, 1, b.n, stdout);
    time_view_done(&v);
    buffer_done(&b);
    return r;
}

/* What becomes of the state that `file` has left behind. The exit code. */
static int print_comparison(const struct plan *p, const char *file, const struct setting *set,
                            int nset, struct schema_store *schemas, const char *form)
{
    struct arena mem;
    struct diags d;
    struct topology *t = NULL;
    struct plan *before = NULL;
    struct plan_comparison c = {0};
    int code;
    arena_init(&mem);
    diags_init(&d);
    if (topology_load(&t, &mem, file, set, nset, &d) == 0) {
        (void)plan_new(&before, t, schemas, &d);
    }
    if (d.n) {
        code = print_diags(&d);
    } else {
        struct buffer b;
        buffer_init(&b);
        plan_compare(&c, before, p, &mem);
        if (strcmp(form, "json") == 0) {
            plan_compare_json(&b, &c, before, p);
        } else {
            buffer_printf(&b, "topology %s: %s against %s\n\n", p->topology->name,
                          p->topology->file, file);
            plan_compare_text(&b, &c);
        }
        fwrite(b.data, 1, b.n, stdout);
        buffer_done(&b);
        code = c.wants_remedy ? EXIT_USAGE : EXIT_OK;
    }
    plan_free(before);
    diags_done(&d);
    arena_done(&mem);
    return code;
}

static int check_one(const struct invocation *in, const char *file, const char *form)
{
    struct setting set[64];
    struct arena mem;
    struct diags d;
    struct err e = {0};
    struct topology *t = NULL;
    struct plan *p = NULL;
    struct client c = {0};
    int nset = flag_settings(in, set, 64), code = EXIT_OK;
    if (nset < 0) {
        return EXIT_USAGE;
    }
    arena_init(&mem);
    diags_init(&d);
    bool is_time = flag_given(in, "time"), online = flag_given(in, "online") || is_time;
    int r = online ? topology_load(&t, &mem, file, set, nset, &d)
                   : plan_load(&t, &p, &mem, file, set, nset, &d);
    if (t && client_check(&t->kafka, t->schema_registry, &d) < 0) {
        r = -ERR_CONFIG;
    }
    if (r < 0 && t && online) {
        plan_check(t, &d);
    }
    if (r == 0 && online) {
        r = is_time ? client_look(&c, NULL, &t->kafka, t->schema_registry, &e)
                    : client_open(&c, NULL, &t->kafka, t->schema_registry, &e);
        r = r < 0 ? r : plan_new(&p, t, c.schemas, &d);
        if (d.n && c.log) {
            propose_columns(t, &c, &d);
        }
    }
    if (r == 0 && is_time) {
        r = print_time(p, &c, form, &e);
    } else if (r == 0 && c.log) {
        r = check_topics(p, NULL, &c, &d, &e);
    }
    if (d.n) {
        code = print_diags(&d);
    } else if (r < 0) {
        code = print_err(&e);
    } else if (flag_given(in, "against")) {
        code = print_comparison(p, flag_value(in, "against"), set, nset, c.schemas, form);
    } else if (!is_time) {
        print_plan(p, form);
    }
    plan_free(p);
    client_close(&c);
    diags_done(&d);
    arena_done(&mem);
    for (int i = 0; i < nset; i++) {
        mem_free((void *)(uintptr_t)set[i].path);
    }
    return code;
}

static int run(const struct invocation *in)
{
    const char *form = flag_value(in, "plan");
    form = form ? form : "text";
    if (strcmp(form, "text") != 0 && strcmp(form, "dot") != 0 && strcmp(form, "json") != 0) {
        return print_usage_error(in, "--plan takes text, dot or json; found \"%s\"", form);
    }
    if (flag_given(in, "in-memory")) {
        return print_usage_error(in, "--in-memory leaves nothing to look at: topics in memory end "
                                     "with the process that has them; leave it out");
    }
    if (flag_given(in, "time") && strcmp(form, "dot") == 0) {
        return print_usage_error(in, "--time is printed as text or json, not as dot");
    }
    if (flag_given(in, "against")) {
        bool is_time = flag_given(in, "time"), is_dot = strcmp(form, "dot") == 0;
        if (is_time || is_dot || in->nargs != 1) {
            return print_usage_error(in, "--against compares one topology with another, as text or "
                                         "json, and without --time");
        }
    }
    int code = EXIT_OK;
    for (int i = 0; i < in->nargs; i++) {
        int c = check_one(in, in->arg[i], form);
        code = c > code ? c : code;
    }
    return code;
}

static const struct flag flags[] = {
    {"plan", "text|dot|json",
     "how the plan, event time or what becomes of state is printed (text)"},
    {"online", NULL, "ask the cluster and the schema registry too"},
    {"time", NULL,
     "instead of the plan: how far event time is in each partition, and which of them holds which "
     "windows open; reads only, workers go on"},
    {"against", "FILE",
     "instead of the plan: what becomes of the state that this topology, the one in use, has left; "
     "--set is for both; exit code 2 when something is refused or lost"},
    {"in-memory", NULL, "refused: there is nothing to look at"},
    BOOTSTRAP_FLAG,
    SETTING_FLAG,
    {0},
};

const struct command command_check = {
    .name = "check",
    .usage = "[options] TOPOLOGY...",
    .doc = "parses, types and plans topologies; prints the plan",
    .min_args = 1,
    .max_args = -1,
    .flags = flags,
    .run = run,
};
