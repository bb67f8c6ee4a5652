/* A topology from file to lanes.
 *
 *   load ─ connect ─ plan (types from the registry) ─ count tasks per sub-plan ─ create topics
 *   run:  feeders, lanes, drains ─ watch every 20 ms ─ stop feeders, lanes, drains in this order
 */
#include "engine/logger.h"
#include "engine/memory.h"
#include "worker/allocator.h"
#include "worker/backoff.h"
#include "worker/feed_file.h"
#include "worker/kafka_log.h"
#include "worker/runner_impl.h"
#include "worker/text_input.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WATCH_MS         20
#define SWEEP_MS         600000
#define STANDBY_DELAY_MS 2000 /* the group gives the lanes their tasks meanwhile */
#define HURRY_MS         1500 /* how long a schema registry may take once all is to stop */

/* --until-end would wait for ever. */
static int refuse_endless(const struct plan *p, struct diags *d)
{
    int result = 0;
    for (uint16_t i = 0; i < p->nsources; i++) {
        const struct plan_source *s = p->source[i];
        if (s->feeder && s->feeder->is_endless && s->feeder->is_endless(s->feeder_cfg)) {
            result = diags_add(d, s->end->at, s->end->path, "--until-end: this %s has no end%s",
                               s->feeder->name,
                               strcmp(s->feeder->name, "generator") == 0
                                   ? ": give it one, `rows: 1000`, or leave --until-end out"
                                   : "; leave --until-end out, or what makes it go on");
        }
    }
    return result;
}

/* What it shows is checked before anything runs. */
static int check_shown(const struct plan *p, const char *topic, struct err *e)
{
    const char *names[256];
    int n = 0;
    if (!topic) {
        return 0;
    }
    for (uint16_t i = 0; i < p->nsinks; i++) {
        if (strcmp(p->sink[i]->topic, topic) == 0) {
            return 0;
        }
        if (!p->sink[i]->repartition && n < 255) {
            names[n++] = p->sink[i]->topic;
        }
    }
    names[n] = NULL;
    const char *near = nearest_name(topic, names);
    near = near ? near : n == 1 ? names[0] : NULL;
    return err_set(e, ERR_CONFIG, "--show %s: no stream writes to that topic%s%s%s", topic,
                   near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static int open_brokers(struct runner *r, struct err *e)
{
    return client_open(&r->client, r->o.memory, &r->topology->kafka, r->topology->schema_registry,
                       e);
}

/* What may pass does not end a start either, once a broker has answered: before that the address
 * may be wrong, which a user wants to hear. */
static int patiently(struct runner *r, int (*part)(struct runner *r, struct err *e), struct err *e)
{
    int64_t wait = 0;
    int result = part(r, e);
    while (result == -ERR_RETRY && r->client.has_answered && !atomic_load(r->o.stop)) {
        wait = backoff_next(wait, 0);
        logger(LOG_LEVEL_ERROR, "start of %s: %s; trying again in %lld s", r->topology->name,
               e->text, (long long)wait / 1000);
        for (int64_t ms = 0; ms < wait && !atomic_load(r->o.stop); ms += WATCH_MS) {
            nanosleep(&(struct timespec){.tv_nsec = WATCH_MS * 1000000L}, NULL);
        }
        if (atomic_load(r->o.stop)) {
            break; /* with what was said last */
        }
        err_clear(e);
        result = part(r, e);
    }
    return result;
}

int runner_new(struct runner **out, const char *file, const struct setting *set, int nset,
               const struct runner_options *o, struct diags *d, struct err *e)
{
    struct runner *r = mem_zalloc(sizeof *r);
    r->o = *o;
    r->slot.fd = -1;
    r->level = -1;
    arena_init(&r->mem);
    r->progress = progress_new();
    int result = topology_load(&r->topology, &r->mem, file, set, nset, d);
    if (r->topology && client_check(&r->topology->kafka, r->topology->schema_registry, d) < 0) {
        result = -ERR_CONFIG;
    }
    if (result < 0 && r->topology) {
        plan_check(r->topology, d);
    }
    if (result == 0) {
        int64_t limit = r->topology->memory.limit;
        r->memory.topology = r->topology->name;
        r->memory.limit = limit == CONFIG_UNSET ? 0 : (uint64_t)limit;
        r->memory.has_disk = r->topology->state.backend == STATE_ROCKSDB;
        if (r->memory.limit > 0) {
            allocator_return_promptly();
        }
        result = patiently(r, open_brokers, e);
    }
    if (result == 0) {
        result = plan_new(&r->plan, r->topology, r->client.schemas, d);
    }
    if (result == 0 && o->until_end) {
        result = refuse_endless(r->plan, d);
    }
    if (result == 0) {
        result = check_shown(r->plan, o->show, e);
    }
    if (result == 0) {
        result = patiently(r, runner_prepare, e);
    }
    if (result < 0) {
        runner_free(r);
        return result;
    }
    r->times = time_board_new(r->plan, r->tasks);
    *out = r;
    return 0;
}

static int open_lane_log(void *ctx, struct log **out, const struct log_config *cfg,
                         const struct log_events *ev, struct err *e)
{
    const struct runner *r = ctx;
    return client_log(&r->client, out, cfg, ev, e);
}

static int open_lane_disk(void *ctx, const char *name, uint16_t nlazy, struct state_disk **out,
                          struct err *e)
{
    return disks_take(((const struct runner *)ctx)->disks, name, nlazy, out, e);
}

static void close_lane_disk(void *ctx, struct state_disk *d)
{
    disks_give_back(((const struct runner *)ctx)->disks, d);
}

static int start_lane(struct runner *r, int i, struct err *e)
{
    struct lane_slot *s = &r->lane[i];
    const struct topology *t = r->topology;
    struct memory_shares shares = memory_shares(r->memory.limit, t->lanes);
    s->started_at = clock_steady(&clock_system);
    snprintf(s->member, sizeof s->member, "%s-%d", r->process, i);
    struct lane_config cfg = {
        .number = i,
        .plan = r->plan,
        .clock = &clock_system,
        .schemas = r->client.schemas,
        .tasks = r->tasks,
        .batch_rows = r->o.batch_rows,
        .most_bytes = kafka_record_most(r->client.property),
        .progress = r->progress,
        .times = r->times,
        .until_end = r->o.until_end,
        .open_log = open_lane_log,
        .ctx = r,
        .memory = r->memory.limit == 0 || (r->memory.has_disk && !r->disks) ? NULL : &r->memory,
        .dirty_most = shares.dirty,
        .open_disk = r->disks ? open_lane_disk : NULL,
        .close_disk = close_lane_disk,
        .identity = r->identity,
        .standby = r->standby,
        .trainer = r->o.trainer,
        .log = {.group = t->group,
                .transactional = t->guarantee == EXACTLY_ONCE ? s->member : NULL,
                .instance = s->member,
                .keeps_place = r->o.stays != NULL,
                .topics = r->topics,
                .with_headers = r->with_headers,
                .copartition = r->copartition,
                .from_latest = r->from_latest && r->o.memory,
                .property = r->client.property,
                .memory_limit = (int64_t)shares.queues},
    };
    return lane_start(&s->lane, &cfg, e);
}

/* Copies of tasks that run in other processes: where state is on a broker there may be some. */
static int start_standby(struct runner *r, struct err *e)
{
    static const char *const no_topics[] = {NULL};
    const struct topology *t = r->topology;
    int64_t limit = t->memory.limit == CONFIG_UNSET ? MEMORY_LIMIT : t->memory.limit;
    if (t->state.copies == 0 || r->o.memory) {
        return 0;
    }
    struct standby_config cfg = {
        .plan = r->plan,
        .clock = &clock_system,
        .schemas = r->client.schemas,
        .tasks = r->tasks,
        .copies = t->state.copies,
        .process = r->process,
        .delay_ms = STANDBY_DELAY_MS,
        .open_log = open_lane_log,
        .ctx = r,
        .memory = t->state.backend == STATE_ROCKSDB || r->memory.limit == 0 ? NULL : &r->memory,
        .open_disk = r->disks ? open_lane_disk : NULL,
        .close_disk = close_lane_disk,
        .identity = r->identity,
        .log = {.group = t->group,
                .with_headers = no_topics,
                .property = r->client.property,
                .memory_limit = limit / 16},
    };
    return standby_start(&r->standby, &cfg, e);
}

static int start_connectors(struct runner *r, struct err *e)
{
    const struct plan *p = r->plan;
    int result = 0;
    r->feeder = arena_zalloc(&r->mem, p->nsources * sizeof(void *) + 1);
    r->drain = arena_zalloc(&r->mem, (p->nsinks + 1U) * sizeof(void *));
    for (uint16_t i = 0; i < p->nsources && result == 0; i++) {
        if (p->source[i]->feeder) {
            result = feeder_start(&r->feeder[r->nfeeders], &r->client, p, p->source[i], e);
            r->nfeeders += result == 0;
        }
    }
    bool shown = r->o.show == NULL;
    for (uint16_t i = 0; i < p->nsinks && result == 0; i++) {
        const struct plan_sink *k = p->sink[i];
        if (!shown && strcmp(k->topic, r->o.show) == 0) {
            shown = true;
            r->shown = *k;
            r->shown.drain = NULL;
            result = drain_start(&r->drain[r->ndrains], &r->client, p, &r->shown, e);
            r->ndrains += result == 0;
        }
        if (k->drain && result == 0) {
            result = drain_start(&r->drain[r->ndrains], &r->client, p, k, e);
            r->ndrains += result == 0;
        }
    }
    return result;
}

static void add_counts(struct lane_counts *sum, struct lane_counts c)
{
    sum->records += c.records;
    sum->rows_out += c.rows_out;
    sum->bad += c.bad;
    sum->late += c.late;
    sum->no_key += c.no_key;
    sum->tombstones += c.tombstones;
    sum->commits += c.commits;
}

/* A lane that has committed since it was started begins with the shortest wait again. */
static void restart_lane(struct runner *r, int i, int why, bool has_committed, struct err *e)
{
    struct lane_slot *s = &r->lane[i];
    int64_t now = clock_steady(&clock_system);
    s->backoff = backoff_next(has_committed ? 0 : s->backoff, now - s->started_at);
    s->retry_at = now + s->backoff;
    logger(LOG_LEVEL_ERROR, "lane %d: %s (%s); starting it again in %lld s", i, e->text,
           err_kind_name((enum err_kind) - why), (long long)s->backoff / 1000);
    err_clear(e);
}

static int watch_lanes(struct runner *r, struct err *e)
{
    int64_t now = clock_steady(&clock_system);
    for (int i = 0; i < r->nlanes; i++) {
        struct lane_slot *s = &r->lane[i];
        if (s->lane && lane_is_done(s->lane)) {
            struct lane_counts counts = lane_counts(s->lane);
            add_counts(&r->gone, counts);
            int why = lane_join(s->lane, e);
            s->lane = NULL;
            if (why == -ERR_DATA || why == -ERR_CONFIG) {
                return why;
            }
            restart_lane(r, i, why, counts.commits > 0, e);
        } else if (!s->lane && now >= s->retry_at) {
            int result = start_lane(r, i, e);
            if (result < 0) {
                return result;
            }
        }
    }
    for (int i = 0; i < r->nfeeders; i++) {
        if (feeder_status(r->feeder[i]) < 0) {
            return feeder_status(r->feeder[i]);
        }
    }
    for (int i = 0; i < r->ndrains; i++) {
        if (drain_status(r->drain[i]) < 0) {
            return drain_status(r->drain[i]);
        }
    }
    return 0;
}

int runner_no_stream(const struct runner *r, const char *stream, struct err *e)
{
    text_input_source(r->plan, stream, e);
    return e->kind ? -(int)e->kind
                   : err_set(e, ERR_CONFIG, "stream \"%s\" is fed by its connector", stream);
}

int runner_feed(struct runner *r, const char *stream, const char *path, struct err *e)
{
    struct err none = {0};
    const struct plan_source *s = text_input_any(r->plan, stream, &none);
    if (!s || s->feeder) {
        return -ERR_CONFIG;
    }
    struct feed_target t = {.topic = text_input_topic(s, stream),
                            .value = &s->value,
                            .key = s->reads_key && s->key_column < 0 ? NULL : &s->key,
                            .row_key = s->key.def,
                            .schema = s->schema,
                            .schemas = r->client.schemas,
                            .bad_too = s->errors.tolerance == TOLERATE_ALL};
    uint64_t n;
    int format = rows_format_of(path, e);
    return format < 0 ? format
                      : feed_file(r->client.log, &t, path, (enum rows_format)format, &n, NULL, e);
}

static void report(const struct runner *r, FILE *f, const char *end)
{
    struct lane_counts sum = r->gone;
    for (int i = 0; i < r->nlanes; i++) {
        if (r->lane[i].lane) {
            add_counts(&sum, lane_counts(r->lane[i].lane));
        }
    }
    struct buffer left_out;
    buffer_init(&left_out);
    summary_left_out(sum.no_key, sum.tombstones, &left_out);
    fprintf(f, "%s: %llu record%s read, %llu written, %llu late, %llu bad%s, %llu commit%s%s",
            r->topology->name, (unsigned long long)sum.records, sum.records == 1 ? "" : "s",
            (unsigned long long)sum.rows_out, (unsigned long long)sum.late,
            (unsigned long long)sum.bad, buffer_cstr(&left_out), (unsigned long long)sum.commits,
            sum.commits == 1 ? "" : "s", end);
    buffer_done(&left_out);
}

static void print_metric(void *ctx, int32_t partition, const struct node *n, const char *name,
                         double value)
{
    struct buffer line;
    buffer_init(&line);
    summary_metric(partition, n, name, value, &line);
    fputs(buffer_cstr(&line), ctx);
    buffer_done(&line);
}

/* Ends the lanes; what there is to say at the end goes to `said`, to be shown below the last table.
 */
static int join_lanes(struct runner *r, FILE *said, int result, struct err *late)
{
    struct state_sum sum = {0};
    report(r, said, "\n");
    for (int i = 0; i < r->nlanes; i++) {
        if (r->lane[i].lane) {
            struct state_sum s = lane_state(r->lane[i].lane);
            sum.entries += s.entries;
            sum.bytes += s.bytes;
        }
    }
    state_sum_report(&sum, said);
    if (r->standby) {
        fprintf(said, "standby: %llu copies, %llu changes read, at most %lld behind\n",
                (unsigned long long)r->copied.copies, (unsigned long long)r->copied.changes,
                (long long)r->copied.behind);
    }
    for (int i = 0; i < r->nlanes; i++) {
        if (r->lane[i].lane) {
            lane_metrics(r->lane[i].lane, print_metric, said);
            struct err why = {0};
            int q = lane_join(r->lane[i].lane, &why);
            r->lane[i].lane = NULL;
            if (q == -ERR_RETRY && result == 0 && atomic_load(r->o.stop)) {
                logger(LOG_LEVEL_WARN, "lane %d: stopped while it waited: %s", i, why.text);
                continue; /* its last commit stands: the next start goes on from there */
            }
            if (q < 0) {
                err_set(late, why.kind, "%s", why.text);
            }
            result = result == 0 && q < 0 ? q : result;
        }
    }
    return result;
}

static int stop_all(struct runner *r, int result, struct err *e)
{
    struct err late = {0};
    struct schema_store *schemas = r->client.schemas;
    if (schemas->hurry && (result < 0 || atomic_load(r->o.stop))) {
        schemas->hurry(schemas, HURRY_MS);
    }
    for (int i = 0; i < r->nfeeders; i++) {
        int q = feeder_stop(r->feeder[i], &late);
        result = result == 0 && q < 0 ? q : result;
    }
    bool stays = result == 0 && r->o.stays && atomic_load(r->o.stop) && atomic_load(r->o.stays);
    if (r->standby) {
        r->copied = standby_counts(r->standby);
        standby_stop(r->standby);
    }
    for (int i = 0; i < r->nlanes; i++) {
        if (r->lane[i].lane) {
            lane_stop(r->lane[i].lane, !stays);
        }
    }
    for (int i = 0; i < r->nlanes; i++) {
        while (r->lane[i].lane && !lane_is_done(r->lane[i].lane)) {
            nanosleep(&(struct timespec){0, 1000000}, NULL);
        }
    }
    char *text = NULL;
    size_t text_n = 0;
    FILE *said = open_memstream(&text, &text_n);
    result = join_lanes(r, said ? said : stderr, result, &late);
    for (int i = 0; i < r->ndrains; i++) {
        int q = drain_stop(r->drain[i], &late);
        result = result == 0 && q < 0 ? q : result;
    }
    if (said) {
        fclose(said);
        fwrite(text, 1, text_n, stderr);
        free(text);
    }
    r->nfeeders = r->ndrains = 0;
    if (result == 0) {
        runner_settle(r);
    }
    if (late.kind) {
        err_set(e, late.kind, "%s", late.text);
    }
    return result;
}

int runner_run(struct runner *r, struct err *e)
{
    bool bar = isatty(STDERR_FILENO) && !r->o.show;
    int64_t drawn = 0, swept = 0;
    r->nlanes = (int)r->topology->lanes;
    r->lane = arena_zalloc(&r->mem, (size_t)r->nlanes * sizeof *r->lane);
    snprintf(r->process, sizeof r->process, "%s-%s", r->topology->group, r->slot.id);
    int result = runner_check_pasts(r, e);
    result = result < 0 ? result : start_connectors(r, e);
    result = result < 0 ? result : start_standby(r, e);
    for (int i = 0; i < r->nlanes && result == 0; i++) {
        result = start_lane(r, i, e);
    }
    while (result == 0 && !atomic_load(r->o.stop)) {
        result = watch_lanes(r, e);
        if (result == 0 && r->o.until_end) {
            result = runner_at_end(r, e);
        }
        int64_t now = clock_steady(&clock_system);
        if (r->disks && now - swept > SWEEP_MS &&
            disks_sweep(r->disks, clock_now(&clock_system)) >= 0) {
            swept = now;
        }
        if (bar && now - drawn > 250) {
            report(r, stderr, "\033[K\r");
            drawn = now;
        }
        if (result == 0) {
            nanosleep(&(struct timespec){0, WATCH_MS * 1000000}, NULL);
        }
    }
    result = result > 0 ? 0 : result;
    return stop_all(r, result, e);
}

void runner_free(struct runner *r)
{
    if (r->standby) {
        standby_free(r->standby);
    }
    plan_free(r->plan);
    if (r->group_log) {
        r->group_log->ops->close(r->group_log, true);
    }
    client_close(&r->client);
    time_board_free(r->times);
    progress_free(r->progress);
    disks_free(r->disks);
    slot_release(&r->slot);
    mem_free(r->target);
    arena_done(&r->mem);
    mem_free(r);
}

const char *runner_shared_topic(const struct runner *a, const struct runner *b)
{
    return plan_shared_topic(a->plan, b->plan);
}

const char *runner_name(const struct runner *r)
{
    return r->topology->name;
}
