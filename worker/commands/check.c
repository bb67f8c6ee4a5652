/* klamm check: reads, types and plans topologies, and prints the plan. --online asks the cluster
 * and the registry too. */
#include "engine/memory.h"
#include "engine/plan.h"
#include "worker/client.h"
#include "worker/commands/command.h"

#include <stdio.h>
#include <string.h>

static int check_topics(const struct plan *p, struct client *c, struct diags *d, struct err *e)
{
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
                diags_add(d, s->end->at, s->end->path, "%s", none.text);
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
    bool online = flag_given(in, "online");
    int r = online ? topology_load(&t, &mem, file, set, nset, &d)
                   : plan_load(&t, &p, &mem, file, set, nset, &d);
    if (t && client_check(&t->kafka, t->schema_registry, &d) < 0) {
        r = -ERR_CONFIG;
    }
    if (r < 0 && t && online) {
        plan_check(t, &d);
    }
    if (r == 0 && online) {
        r = client_open(&c, NULL, &t->kafka, t->schema_registry, &e);
        r = r < 0 ? r : plan_new(&p, t, c.schemas, &d);
    }
    if (r == 0 && c.log) {
        r = check_topics(p, &c, &d, &e);
    }
    if (d.n) {
        code = print_diags(&d);
    } else if (r < 0) {
        code = print_err(&e);
    } else {
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
    int code = EXIT_OK;
    for (int i = 0; i < in->nargs; i++) {
        int c = check_one(in, in->arg[i], form);
        code = c > code ? c : code;
    }
    return code;
}

static const struct flag flags[] = {
    {"plan", "text|dot|json", "how the plan is printed (text)"},
    {"online", NULL, "ask the cluster and the schema registry too"},
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
