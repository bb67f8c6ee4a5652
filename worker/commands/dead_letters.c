/* klamm dead-letters: what stands in a dead-letter topic, and sending it back.
 *
 *   list TOPIC|TOPOLOGY   causes with their counts, then the last letters
 *   replay TOPIC          each record to where it came from, once; first it says what it would send
 *
 * A topology's file names its dead-letter topics, and the cluster.
 */
#include "engine/buffer.h"
#include "engine/memory.h"
#include "worker/commands/connection.h"
#include "worker/dead_list.h"
#include "worker/dead_replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIST_LETTERS 20
#define TOPICS_MOST  64

static bool is_file(const char *name)
{
    static const char *const ends[] = {".yaml", ".yml", ".json"};
    size_t n = strlen(name);
    for (int i = 0; i < 3; i++) {
        size_t m = strlen(ends[i]);
        if (n > m && strcmp(name + n - m, ends[i]) == 0) {
            return true;
        }
    }
    return strchr(name, '/') != NULL;
}

static int add_topic(const char **topic, int n, const struct errors_cfg *errors)
{
    if (errors->tolerance != TOLERATE_ALL || n == TOPICS_MOST) {
        return n;
    }
    for (int i = 0; i < n; i++) {
        if (strcmp(topic[i], errors->dead_letter_topic) == 0) {
            return n;
        }
    }
    topic[n] = errors->dead_letter_topic;
    return n + 1;
}

/* The argument, or the dead-letter topics of its file: how many, 0 after telling the user. */
static int find_topics(const struct connection *c, const char *arg, const char **topic)
{
    if (!is_file(arg)) {
        topic[0] = arg;
        return 1;
    }
    int n = 0;
    for (int i = 0; i < c->topology->nstreams; i++) {
        n = add_topic(topic, n, &c->topology->stream[i].errors);
    }
    for (int i = 0; i < c->topology->ntables; i++) {
        n = add_topic(topic, n, &c->topology->table[i].source.errors);
    }
    if (n == 0) {
        struct err e = {0};
        err_set(&e, ERR_CONFIG,
                "%s: the topology has no dead letters: errors: {tolerance: all, "
                "dead_letter_topic: …} sets bad records aside",
                arg);
        print_err(&e);
    }
    return n;
}

static int list(const struct invocation *in, const struct connection *c)
{
    const char *topic[TOPICS_MOST];
    const char *text = flag_value(in, "limit");
    bool is_json = flag_given(in, "json");
    int64_t most = text ? strtoll(text, NULL, 10) : is_json ? -1 : LIST_LETTERS;
    int n = find_topics(c, in->arg[1], topic), code = n ? EXIT_OK : EXIT_USAGE;
    for (int i = 0; i < n && code == EXIT_OK; i++) {
        struct err e = {0};
        struct buffer out;
        buffer_init(&out);
        struct dead_list *l = dead_list_new(&c->client, topic[i], most, is_json);
        if (dead_list_read(l, &e) < 0) {
            code = print_err(&e);
        } else {
            buffer_text(&out, i > 0 && !is_json ? "\n" : "");
            dead_list_print(l, &out);
            fwrite(out.data ? out.data : "", 1, out.n, stdout);
        }
        dead_list_free(l);
        buffer_done(&out);
    }
    return code;
}

static void print_left(uint64_t n, const char *why)
{
    if (n) {
        fprintf(stderr, "  %llu %s\n", (unsigned long long)n, why);
    }
}

/* A filter that takes nothing may name a stage that no letter has. */
static void print_stages(const struct dead_replay *x)
{
    bool has_stage = false;
    for (int i = 0; i < x->nfilters; i++) {
        has_stage = has_stage || strcmp(x->filter[i].name, "stage") == 0;
    }
    if (!has_stage || x->sent > 0 || x->nstages == 0) {
        return;
    }
    fprintf(stderr, "  the stages of these letters are ");
    for (int i = 0; i < x->nstages; i++) {
        fprintf(stderr, "%s%s", i ? ", " : "", x->stage[i]);
    }
    fprintf(stderr, "\n");
}

static void print_counts(const struct dead_replay *x, const char *verb)
{
    fprintf(stderr, "%s: %llu %s\n", x->topic, (unsigned long long)x->sent, verb);
    for (int i = 0; i < x->ntargets; i++) {
        if (x->target[i].n) {
            fprintf(stderr, "  %llu to %s\n", (unsigned long long)x->target[i].n,
                    x->target[i].topic);
        }
    }
    print_left(x->filtered, "left by --filter");
    print_stages(x);
    print_left(x->tired, "left: sent back so often already and bad again (--attempts)");
    print_left(x->internal, "left: they stood in internal topics (--internal sends them there)");
    print_left(x->gone, "left: their topic is gone, or the record in it (--to TOPIC)");
    print_left(x->rows, "passed over: rows behind a window, which stood in no topic");
    print_left(x->again, "passed over: another letter of a record that goes already");
    print_left(x->unknown, "passed over: no dead letters");
}

/* True when the user says so. */
static bool asks(void)
{
    char line[16];
    fprintf(stderr, "send them? [y/N] ");
    return fgets(line, sizeof line, stdin) && (line[0] == 'y' || line[0] == 'Y');
}

static int read_filters(const struct invocation *in, struct dead_replay *x, struct arena *a)
{
    const char *v;
    for (int i = 0; (v = flag_nth(in, "filter", i)); i++) {
        const char *equals = strchr(v, '=');
        const char *name = equals ? arena_strndup(a, v, (size_t)(equals - v)) : "";
        if (i == REPLAY_FILTERS || dead_filter_check(name) < 0) {
            return print_usage_error(in,
                                     "--filter takes stage=, topic=, topology= or by=, as `list` "
                                     "shows them, at most %d; found \"%s\"",
                                     REPLAY_FILTERS, v);
        }
        x->filter[x->nfilters++] = (struct dead_filter){name, equals + 1};
    }
    return EXIT_OK;
}

static int replay_topic(const struct invocation *in, const struct connection *c,
                        struct dead_replay *x)
{
    struct err e = {0};
    bool sends = !flag_given(in, "dry-run");
    if (sends && !flag_given(in, "yes")) {
        x->is_dry = true;
        if (dead_replay_run(x, &c->client, &e) < 0) {
            return print_err(&e);
        }
        print_counts(x, "to send back");
        if (x->sent == 0) {
            return EXIT_OK;
        }
        if (!isatty(STDIN_FILENO)) {
            err_set(&e, ERR_CONFIG,
                    "nothing was sent: --yes sends them, --dry-run only shows this");
            return print_err(&e);
        }
        if (!asks()) {
            return EXIT_OK;
        }
    }
    x->is_dry = !sends;
    command_catch(in);
    int r = dead_replay_run(x, &c->client, &e);
    if (r == 0) {
        print_counts(x, sends ? "sent back" : "to send back");
    }
    return r < 0 ? print_err(&e) : EXIT_OK;
}

static int replay(const struct invocation *in, struct connection *c)
{
    const char *topic[TOPICS_MOST];
    const char *text = flag_value(in, "attempts");
    struct dead_replay x = {.to = flag_value(in, "to"),
                            .attempts = text ? strtoll(text, NULL, 10) : 3,
                            .takes_internal = flag_given(in, "internal"),
                            .stop = in->stop};
    int code = read_filters(in, &x, &c->mem);
    int n = code ? 0 : find_topics(c, in->arg[1], topic);
    code = code || n ? code : EXIT_USAGE;
    for (int i = 0; i < n && code == EXIT_OK; i++) {
        x.topic = topic[i];
        code = replay_topic(in, c, &x);
    }
    dead_replay_done(&x);
    return code;
}

/* 0, or what to say about a flag that takes a number. */
static int check_number(const struct invocation *in, const char *name, int64_t least)
{
    const char *text = flag_value(in, name);
    char *end;
    int64_t n = text ? strtoll(text, &end, 10) : least;
    if (text && (*end || end == text || n < least)) {
        return print_usage_error(in, "--%s takes a number from %lld; found \"%s\"", name,
                                 (long long)least, text);
    }
    return 0;
}

/* The flags of the one verb do nothing for the other. */
static int check_flags(const struct invocation *in, bool is_list)
{
    static const char *const of_list[] = {"limit", "json", NULL};
    static const char *const of_replay[] = {"to",      "filter", "attempts", "internal",
                                            "dry-run", "yes",    NULL};
    for (const char *const *f = is_list ? of_replay : of_list; *f; f++) {
        if (flag_given(in, *f)) {
            return print_usage_error(in, "--%s goes with %s", *f, is_list ? "replay" : "list");
        }
    }
    int bad = check_number(in, "limit", 0);
    return bad ? bad : check_number(in, "attempts", 1);
}

static int run(const struct invocation *in)
{
    struct connection c;
    bool is_list = strcmp(in->arg[0], "list") == 0;
    if (!is_list && strcmp(in->arg[0], "replay") != 0) {
        return print_usage_error(in, "expected list or replay, found \"%s\"", in->arg[0]);
    }
    int code = check_flags(in, is_list);
    code = code ? code : connection_open_file(&c, in, is_file(in->arg[1]) ? in->arg[1] : NULL);
    if (code) {
        return code;
    }
    code = is_list ? list(in, &c) : replay(in, &c);
    connection_close(&c);
    return code;
}

static const struct flag flags[] = {
    {"limit", "N", "list: letters to show, the last ones (default 20; with --json all)"},
    {"json", NULL, "list: one JSON object for each letter, and no table"},
    {"to", "TOPIC", "replay: send all of them to this topic"},
    {"filter", "NAME=VALUE",
     "replay: only letters of this stage, topic, topology or by (step or codec); all must hold"},
    {"attempts", "N", "replay: leave what was sent back N times already (default 3)"},
    {"internal", NULL, "replay: also into internal topics (repartitions)"},
    {"dry-run", NULL, "replay: only say what would be sent"},
    {"yes", NULL, "replay: send without asking"},
    CONNECTION_FLAGS,
    {0},
};

const struct command command_dead_letters = {
    .name = "dead-letters",
    .usage = "list|replay TOPIC|TOPOLOGY [options]",
    .doc = "lists the records that were set aside as bad, or sends them back",
    .min_args = 2,
    .max_args = 2,
    .flags = flags,
    .run = run,
};
