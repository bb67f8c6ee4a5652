/* A topology from file to lanes.
 *
 *   load ─ connect ─ plan (types from the registry) ─ count tasks per sub-plan ─ create topics
 *   run:  feeders, lanes, drains ─ watch every 50 ms ─ stop feeders, lanes, drains in this order
 *
 * --until-end goes level by level: once all that the outside topics held at the start is committed,
 * what stands in the internal topics behind them is final; and so on to the last level.
 */
#include "worker/runner.h"
#include "engine/logger.h"
#include "engine/memory.h"
#include "worker/client.h"
#include "worker/feed_file.h"
#include "worker/feeder.h"
#include "worker/lane.h"
#include "worker/slot.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ADMIN_MS     15000
#define ASK_MS       1000
#define WATCH_MS     20
#define BACKOFF_MOST 300000

struct lane_slot {
    struct lane *lane;
    int64_t retry_at, backoff;
    char member[400]; /* group.instance.id and transactional.id */
};

struct target { /* --until-end: an input partition and where it ends */
    const char *topic;
    int32_t partition;
    int64_t end;
    bool is_internal;
};

struct runner {
    struct arena mem;
    struct runner_options o;
    struct topology *topology;
    struct client client;
    struct plan *plan;
    int32_t *tasks;
    struct slot slot;
    struct progress *progress;
    char group[300];
    const char **topics, **with_headers;
    bool copartition, from_latest;
    int nlanes, nfeeders, ndrains, ntargets;
    struct lane_slot *lane;
    struct feeder **feeder;
    struct drain **drain;
    struct plan_sink shown;
    struct target *target;
    int level;
    struct log *group_log; /* asks what the group has committed; NULL until needed */
    int64_t ask_at;
};

static int32_t partitions_of(struct runner *r, const char *topic, struct err *e)
{
    int32_t n = 0;
    int result = r->client.log->ops->partitions(r->client.log, topic, &n, ADMIN_MS, e);
    return result < 0 ? result : n;
}

static int create(struct runner *r, const char *topic, int32_t partitions, int64_t replication,
                  bool compact, const char *const *config, struct err *e)
{
    int result = r->client.log->ops->create_topic(
        r->client.log, topic, partitions, replication == CONFIG_UNSET ? -1 : (int16_t)replication,
        compact, config, ADMIN_MS, e);
    return result < 0 ? err_prefix(e, "cannot create topic %s", topic) : 0;
}

/* Partition counts of a source's topics; -1: a configuration error is in e. */
static int32_t count_source(struct runner *r, const struct plan_source *s, struct err *e)
{
    int32_t most = 0;
    for (int k = 0; k < s->ntopics; k++) {
        int32_t n = partitions_of(r, s->topic[k], e);
        if (n < 0) {
            return n;
        }
        if (n == 0 && (s->feeder || r->o.memory)) {
            n = 1;
            int result = create(r, s->topic[k], 1, CONFIG_UNSET, false, NULL, e);
            if (result < 0) {
                return result;
            }
        }
        if (n == 0) {
            return err_set(e, ERR_CONFIG,
                           "%s:%d:%d: %s: there is no topic \"%s\": create it, or correct the name",
                           s->end->at.file, s->end->at.line, s->end->at.column, s->end->path,
                           s->topic[k]);
        }
        if (most && n != most && r->copartition) {
            return err_set(
                e, ERR_CONFIG,
                "%s:%d:%d: %s: topics read together need equally many partitions; \"%s\" "
                "has %d, another has %d: give it a stream of its own with key_by before "
                "they meet",
                s->end->at.file, s->end->at.line, s->end->at.column, s->end->path, s->topic[k], n,
                most);
        }
        most = n > most ? n : most;
    }
    return most;
}

static int count_tasks(struct runner *r, struct err *e)
{
    const struct plan *p = r->plan;
    for (uint16_t level = 0; level < p->nsubplans; level++) {
        for (uint16_t i = 0; i < p->nsubplans; i++) {
            const struct subplan *s = &p->subplan[i];
            for (uint16_t k = 0; s->level == level && k < s->nsources; k++) {
                const struct plan_source *src = p->source[s->source[k]];
                int32_t n = 1;
                if (src->repartition < 0) {
                    n = count_source(r, src, e);
                } else if (!p->sink[src->repartition]->single) {
                    n = r->tasks[p->vertex[p->sink[src->repartition]->vertex]->subplan];
                }
                if (n < 0) {
                    return n;
                }
                r->tasks[i] = n > r->tasks[i] ? n : r->tasks[i];
            }
        }
    }
    return 0;
}

static int create_sink(struct runner *r, const struct plan_sink *k, struct err *e)
{
    int32_t n = r->tasks[r->plan->vertex[k->vertex]->subplan];
    if (k->repartition) {
        static const char *const keep[] = {"retention.ms", "-1", NULL};
        return create(r, k->topic, k->single ? 1 : n, CONFIG_UNSET, false, keep, e);
    }
    const struct config_list *list = &k->end->config;
    const char **config = arena_zalloc(&r->mem, ((size_t)list->n * 2 + 1) * sizeof *config);
    for (int i = 0; i < list->n; i++) {
        config[2 * i] = list->item[i].name;
        config[2 * i + 1] = list->item[i].value.text;
    }
    n = k->end->partitions == CONFIG_UNSET ? n : (int32_t)k->end->partitions;
    return create(r, k->topic, n, k->end->replication, false, config, e);
}

static int create_topics(struct runner *r, struct err *e)
{
    const struct plan *p = r->plan;
    int result = 0;
    for (uint16_t i = 0; result == 0 && i < p->nsinks; i++) {
        result = create_sink(r, p->sink[i], e);
    }
    for (uint16_t i = 0; result == 0 && i < p->nsubplans; i++) {
        for (uint16_t k = 0; result == 0 && k < p->subplan[i].nstores; k++) {
            const char *topic = p->subplan[i].store[k].changelog;
            result = create(r, topic, r->tasks[i], CONFIG_UNSET, true, NULL, e);
            int32_t n = result < 0 ? result : partitions_of(r, topic, e);
            if (n > 0 && n != r->tasks[i]) {
                result =
                    err_set(e, ERR_CONFIG,
                            "changelog %s has %d partitions, but the input has %d now: state is "
                            "bound to partitions; put a key_by (repartition) before the step, or "
                            "delete the changelog to begin anew",
                            topic, n, r->tasks[i]);
            }
        }
    }
    for (int i = 0; result == 0 && i < r->topology->nstreams; i++) {
        const struct errors_cfg *x = &r->topology->stream[i].errors;
        if (x->tolerance == TOLERATE_ALL) {
            result = create(r, x->dead_letter_topic, 1, CONFIG_UNSET, false, NULL, e);
        }
    }
    bool feeds = false;
    for (uint16_t i = 0; i < p->nsources; i++) {
        feeds |= p->source[i]->feeder != NULL;
    }
    if (result == 0 && feeds) {
        result = create(r, arena_printf(&r->mem, "%s-sources", r->topology->name), 1, CONFIG_UNSET,
                        true, NULL, e);
    }
    return result;
}

/* Topics whose headers somebody reads: the column _headers, or dead letters, which keep them. */
static void list_topics_with_headers(struct runner *r, int most)
{
    const struct plan *p = r->plan;
    int n = 0;
    r->with_headers = arena_zalloc(&r->mem, (size_t)most * sizeof *r->with_headers);
    for (uint16_t i = 0; i < p->nsources; i++) {
        const struct plan_source *s = p->source[i];
        int column = s->meta[META_HEADERS];
        bool read = column >= 0 && p->vertex[s->vertex]->needs[column];
        for (int t = 0; (read || s->errors.tolerance == TOLERATE_ALL) && t < s->ntopics; t++) {
            r->with_headers[n++] = s->topic[t];
        }
    }
}

static void list_inputs(struct runner *r)
{
    const struct plan *p = r->plan;
    int n = 0, most = 1;
    for (uint16_t i = 0; i < p->nsources; i++) {
        most += p->source[i]->ntopics;
    }
    r->topics = arena_zalloc(&r->mem, (size_t)most * sizeof *r->topics);
    list_topics_with_headers(r, most);
    for (uint16_t i = 0; i < p->nsubplans; i++) {
        int inputs = 0;
        for (uint16_t k = 0; k < p->subplan[i].nsources; k++) {
            const struct plan_source *s = p->source[p->subplan[i].source[k]];
            for (int t = 0; t < s->ntopics; t++) {
                bool known = false;
                for (int x = 0; x < n; x++) {
                    known |= strcmp(r->topics[x], s->topic[t]) == 0;
                }
                if (!known) {
                    r->topics[n++] = s->topic[t];
                    inputs++;
                }
            }
        }
        r->copartition |= inputs > 1;
    }
}

static int prepare(struct runner *r, struct err *e)
{
    const struct topology *t = r->topology;
    list_inputs(r);
    r->tasks = arena_zalloc(&r->mem, r->plan->nsubplans * sizeof *r->tasks + 1);
    int result = count_tasks(r, e);
    result = result < 0 ? result : create_topics(r, e);
    if (result < 0) {
        return result;
    }
    snprintf(r->group, sizeof r->group, "klamm-%s", t->name);
    for (int i = 0; i < t->kafka.n; i++) {
        if (strcmp(t->kafka.item[i].name, "group.id") == 0) {
            snprintf(r->group, sizeof r->group, "%s", t->kafka.item[i].value.text);
        } else if (strcmp(t->kafka.item[i].name, "auto.offset.reset") == 0) {
            const char *v = t->kafka.item[i].value.text;
            r->from_latest =
                strcmp(v, "latest") == 0 || strcmp(v, "largest") == 0 || strcmp(v, "end") == 0;
        }
    }
    if (!r->o.memory) {
        result = slot_take(&r->slot, t->state.dir, t->name, e);
    } else {
        snprintf(r->slot.id, sizeof r->slot.id, "memory");
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
    if (result == 0 && !o->memory) {
        result = client_check(&r->topology->kafka, d);
    }
    if (result == 0) {
        result = client_open(&r->client, o->memory, &r->topology->kafka,
                             r->topology->schema_registry, e);
    }
    if (result == 0) {
        result = plan_new(&r->plan, r->topology, r->client.schemas, d);
    }
    if (result == 0) {
        result = prepare(r, e);
    }
    if (result < 0) {
        runner_free(r);
        return result;
    }
    *out = r;
    return 0;
}

static int open_lane_log(void *ctx, struct log **out, const struct log_config *cfg,
                         const struct log_events *ev, struct err *e)
{
    const struct runner *r = ctx;
    return client_log(&r->client, out, cfg, ev, e);
}

static int start_lane(struct runner *r, int i, struct err *e)
{
    struct lane_slot *s = &r->lane[i];
    const struct topology *t = r->topology;
    snprintf(s->member, sizeof s->member, "%s-%s-%d", r->group, r->slot.id, i);
    struct lane_config cfg = {
        .number = i,
        .plan = r->plan,
        .clock = &clock_system,
        .schemas = r->client.schemas,
        .tasks = r->tasks,
        .batch_rows = r->o.batch_rows,
        .progress = r->progress,
        .open_log = open_lane_log,
        .ctx = r,
        .log = {.group = r->group,
                .transactional = t->guarantee == EXACTLY_ONCE ? s->member : NULL,
                .instance = s->member,
                .topics = r->topics,
                .with_headers = r->with_headers,
                .copartition = r->copartition,
                .from_latest = r->from_latest,
                .property = r->client.property,
                .memory_limit = t->memory.limit == CONFIG_UNSET ? 0 : t->memory.limit / t->lanes},
    };
    return lane_start(&s->lane, &cfg, e);
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
    if (!shown && result == 0) {
        result = err_set(e, ERR_CONFIG, "--show %s: no stream writes to that topic", r->o.show);
    }
    return result;
}

/* Where a partition ends: an internal topic behind all that the level before has written there,
 * whose last transaction the broker may still be deciding. */
static int end_of(struct runner *r, const struct plan_source *s, const char *topic,
                  int32_t partition, int64_t *end, struct err *e)
{
    const struct log_ops *ops = r->client.log->ops;
    int64_t begin;
    int result = ops->bounds(r->client.log, topic, partition, &begin, end, ADMIN_MS, e);
    if (result == 0 && s->repartition >= 0) {
        result = ops->written(r->client.log, topic, partition, end, ADMIN_MS, e);
    }
    *end = result == 0 && begin == *end ? 0 : *end;
    return result;
}

/* Notes where the inputs of a level end now. */
static int find_targets(struct runner *r, int level, struct err *e)
{
    const struct plan *p = r->plan;
    r->ntargets = 0;
    mem_free(r->target);
    r->target = NULL;
    for (uint16_t i = 0; i < p->nsources; i++) {
        const struct plan_source *s = p->source[i];
        if (p->subplan[p->vertex[s->vertex]->subplan].level != level) {
            continue;
        }
        for (int k = 0; k < s->ntopics; k++) {
            int32_t n = partitions_of(r, s->topic[k], e);
            for (int32_t x = 0; x < n; x++) {
                int64_t end = 0;
                int result = end_of(r, s, s->topic[k], x, &end, e);
                if (result < 0) {
                    return result;
                }
                r->target = mem_resize(r->target, (size_t)r->ntargets + 1, sizeof *r->target);
                r->target[r->ntargets++] =
                    (struct target){s->topic[k], x, end, s->repartition >= 0};
            }
            if (n < 0) {
                return n;
            }
        }
    }
    return 0;
}

static bool targets_reached(const struct runner *r)
{
    for (int i = 0; i < r->ntargets; i++) {
        int64_t at = progress_get(r->progress, r->target[i].topic, r->target[i].partition);
        if (at < r->target[i].end && r->target[i].end > 0) {
            return false;
        }
    }
    return true;
}

/* Partitions of other processes: their progress is what the group has committed. */
static int ask_group(struct runner *r, struct err *e)
{
    int64_t now = clock_now(&clock_system), soonest = r->ask_at;
    if (r->o.memory || now < soonest) {
        return 0;
    }
    r->ask_at = now + ASK_MS;
    if (soonest == 0) {
        return 0;
    }
    int result = 0;
    if (!r->group_log) {
        struct log_config cfg = {.group = r->group, .property = r->client.property};
        result = client_log(&r->client, &r->group_log, &cfg, NULL, e);
    }
    struct log_position *p = mem_array((size_t)r->ntargets + 1, sizeof *p);
    for (int i = 0; i < r->ntargets; i++) {
        p[i] =
            (struct log_position){.topic = r->target[i].topic, .partition = r->target[i].partition};
    }
    if (result == 0 && r->ntargets > 0) {
        result = r->group_log->ops->committed(r->group_log, p, (size_t)r->ntargets, ASK_MS, e);
    }
    for (int i = 0; result == 0 && i < r->ntargets; i++) {
        if (p[i].offset > progress_get(r->progress, p[i].topic, p[i].partition)) {
            progress_set(r->progress, p[i].topic, p[i].partition, p[i].offset);
        }
    }
    mem_free(p);
    if (result == -ERR_RETRY) { /* asked again in a second */
        err_clear(e);
        result = 0;
    }
    return result;
}

/* A sub-plan that feeds itself moves the ends of its internal topics: 1 when one did. */
static int follow_targets(struct runner *r, struct err *e)
{
    int moved = 0;
    for (int i = 0; i < r->ntargets; i++) {
        struct target *t = &r->target[i];
        int64_t end = t->end;
        int result = !t->is_internal ? 0
                                     : r->client.log->ops->written(r->client.log, t->topic,
                                                                   t->partition, &end, ADMIN_MS, e);
        if (result < 0) {
            return result;
        }
        moved |= end > t->end;
        t->end = end > t->end ? end : t->end;
    }
    return moved;
}

/* 1 when the end of the input is reached. */
static int watch_end(struct runner *r, struct err *e)
{
    for (int i = 0; i < r->nfeeders; i++) {
        if (feeder_status(r->feeder[i]) == 0) {
            return 0;
        }
    }
    int last = 0;
    for (uint16_t i = 0; i < r->plan->nsubplans; i++) {
        last = r->plan->subplan[i].level > last ? r->plan->subplan[i].level : last;
    }
    while (r->level < 0 || targets_reached(r)) {
        int result = r->level < 0 ? 0 : follow_targets(r, e);
        if (result != 0 || r->level == last) {
            return result < 0 ? result : result == 0;
        }
        result = find_targets(r, ++r->level, e);
        if (result < 0) {
            return result;
        }
    }
    return ask_group(r, e);
}

static int restart_lane(struct runner *r, int i, int why, struct err *e)
{
    struct lane_slot *s = &r->lane[i];
    s->backoff = s->backoff ? s->backoff * 2 : 1000;
    s->backoff = s->backoff > BACKOFF_MOST ? BACKOFF_MOST : s->backoff;
    s->retry_at = clock_now(&clock_system) + s->backoff;
    logger(LOG_LEVEL_ERROR, "lane %d: %s (%s); starting it again in %lld s", i, e->text,
           err_kind_name((enum err_kind) - why), (long long)s->backoff / 1000);
    err_clear(e);
    return 0;
}

static int watch_lanes(struct runner *r, struct err *e)
{
    int64_t now = clock_now(&clock_system);
    for (int i = 0; i < r->nlanes; i++) {
        struct lane_slot *s = &r->lane[i];
        if (s->lane && lane_is_done(s->lane)) {
            int why = lane_join(s->lane, e);
            s->lane = NULL;
            if (why == -ERR_DATA || why == -ERR_CONFIG) {
                return why;
            }
            restart_lane(r, i, why, e);
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

int runner_feed(struct runner *r, const char *stream, const char *path, struct err *e)
{
    for (uint16_t i = 0; i < r->plan->nsources; i++) {
        const struct plan_source *s = r->plan->source[i];
        if (strcmp(s->stream, stream) != 0 || s->repartition >= 0 || s->feeder) {
            continue;
        }
        struct feed_target t = {.topic = s->topic[0],
                                .value = &s->value,
                                .key = s->reads_key && s->key_column < 0 ? NULL : &s->key,
                                .schema = s->schema,
                                .schemas = r->client.schemas};
        uint64_t n;
        int format = rows_format_of(path, e);
        return format < 0
                   ? format
                   : feed_file(r->client.log, &t, path, (enum rows_format)format, &n, NULL, e);
    }
    return -ERR_CONFIG;
}

static void report(const struct runner *r, const char *end)
{
    struct lane_counts sum = {0};
    for (int i = 0; i < r->nlanes; i++) {
        if (r->lane[i].lane) {
            struct lane_counts c = lane_counts(r->lane[i].lane);
            sum.records += c.records;
            sum.rows_out += c.rows_out;
            sum.bad += c.bad;
            sum.late += c.late;
            sum.commits += c.commits;
        }
    }
    fprintf(stderr, "%s: %llu records read, %llu written, %llu late, %llu bad, %llu commits%s",
            r->topology->name, (unsigned long long)sum.records, (unsigned long long)sum.rows_out,
            (unsigned long long)sum.late, (unsigned long long)sum.bad,
            (unsigned long long)sum.commits, end);
}

static void print_metric(void *ctx, const struct node *n, const char *name, double value)
{
    (void)ctx;
    fprintf(stderr, "  %s %s: %s %.6g\n", n->stream, n->def->name, name, value);
}

static int stop_all(struct runner *r, int result, struct err *e)
{
    struct err late = {0};
    for (int i = 0; i < r->nfeeders; i++) {
        int q = feeder_stop(r->feeder[i], &late);
        result = result == 0 && q < 0 ? q : result;
    }
    for (int i = 0; i < r->nlanes; i++) {
        if (r->lane[i].lane) {
            lane_stop(r->lane[i].lane, true);
        }
    }
    for (int i = 0; i < r->nlanes; i++) {
        while (r->lane[i].lane && !lane_is_done(r->lane[i].lane)) {
            nanosleep(&(struct timespec){0, 1000000}, NULL);
        }
    }
    report(r, "\n");
    for (int i = 0; i < r->nlanes; i++) {
        if (r->lane[i].lane) {
            lane_metrics(r->lane[i].lane, print_metric, r);
            int q = lane_join(r->lane[i].lane, &late);
            r->lane[i].lane = NULL;
            result = result == 0 && q < 0 ? q : result;
        }
    }
    for (int i = 0; i < r->ndrains; i++) {
        int q = drain_stop(r->drain[i], &late);
        result = result == 0 && q < 0 ? q : result;
    }
    r->nfeeders = r->ndrains = 0;
    if (late.kind) {
        err_set(e, late.kind, "%s", late.text);
    }
    return result;
}

int runner_run(struct runner *r, struct err *e)
{
    bool bar = isatty(STDERR_FILENO) && !r->o.show;
    int64_t drawn = 0;
    r->nlanes = (int)r->topology->lanes;
    r->lane = arena_zalloc(&r->mem, (size_t)r->nlanes * sizeof *r->lane);
    int result = start_connectors(r, e);
    for (int i = 0; i < r->nlanes && result == 0; i++) {
        result = start_lane(r, i, e);
    }
    while (result == 0 && !atomic_load(r->o.stop)) {
        result = watch_lanes(r, e);
        if (result == 0 && r->o.until_end) {
            result = watch_end(r, e);
        }
        int64_t now = clock_now(&clock_system);
        if (bar && now - drawn > 250) {
            report(r, "\033[K\r");
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
    plan_free(r->plan);
    if (r->group_log) {
        r->group_log->ops->close(r->group_log, true);
    }
    client_close(&r->client);
    progress_free(r->progress);
    slot_release(&r->slot);
    mem_free(r->target);
    arena_done(&r->mem);
    mem_free(r);
}
