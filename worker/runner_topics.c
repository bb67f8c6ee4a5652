/* Before a topology runs: how many tasks each sub-plan has, and the topics that are missing.
 *
 * A sub-plan has as many tasks as its outside topics have partitions; behind a repartition as many
 * as that topic has, which is made like the input before it and stays so when the input gains
 * partitions; or one. Outputs, repartitions and changelogs are made to match; a changelog of
 * another size is an error, since state is bound to partitions.
 */
#include "engine/hash.h"
#include "engine/history.h"
#include "engine/memory.h"
#include "worker/runner_impl.h"

#include <stdio.h>
#include <string.h>

int32_t runner_partitions(struct runner *r, const char *topic, struct err *e)
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
        int32_t n = runner_partitions(r, s->topic[k], e);
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
            client_no_topic(&r->client, s->topic[k], e);
            return err_prefix(e, "%s:%d:%d: %s", s->end->at.file, s->end->at.line,
                              s->end->at.column, s->end->path);
        }
        bool is_global = s->table && s->table->is_global;
        if (most && n != most && r->copartition && !is_global) {
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

/* State and watermarks need partition p of all inputs of a sub-plan in one task. */
static bool needs_equal_counts(const struct plan *p, const struct subplan *s)
{
    bool passes_time = s->nstores > 0;
    for (uint16_t k = 0; k < s->nvertices; k++) {
        const struct vertex *v = p->vertex[s->vertex[k]];
        passes_time |= v->kind == VERTEX_SINK && v->sink->repartition;
    }
    return passes_time;
}

/* Whether streams read the changes of this table. */
static bool tells_changes(const struct plan *p, const struct plan_source *src)
{
    const struct edges *edges = &p->vertex[src->vertex]->edges[0];
    bool is_read = false;
    for (uint16_t i = 0; i < edges->n; i++) {
        is_read |= p->vertex[edges->item[i].to]->edges[0].n > 0;
    }
    return is_read;
}

/* met: what was counted before; NULL: a single task. */
static int refuse_counts(const struct plan *p, const struct plan_source *src, int32_t n,
                         const struct plan_source *met, int32_t other, struct err *e)
{
    char with[600] = "all rows must meet in one task";
    if (met) {
        snprintf(with, sizeof with, "topic %s of %s %s, with which it meets, has %d", met->topic[0],
                 met->table ? "table" : "stream", met->stream, other);
    }
    const struct plan_source *table = met && met->table ? met : src->table ? src : NULL;
    const struct plan_source *fewer = met && n > other ? met : src;
    if (fewer->table && tells_changes(p, fewer)) {
        return err_set(e, ERR_CONFIG,
                       "%s %s: topic %s has %d partitions, but %s: create both with equally many, "
                       "or repartition %s: a stream `from: %s` with the step `key_by: KEY || '' as "
                       "key`, a table `from` that stream, which passes through an internal topic, "
                       "and the join with that table",
                       src->table ? "table" : "stream", src->stream, src->topic[0], n, with,
                       fewer->topic[0], fewer->stream);
    }
    if (table && !tells_changes(p, table)) {
        return err_set(e, ERR_CONFIG,
                       "%s %s: topic %s has %d partitions, but %s: create both with equally many, "
                       "or make the table %s `global: true`",
                       src->table ? "table" : "stream", src->stream, src->topic[0], n, with,
                       table->stream);
    }
    return err_set(e, ERR_CONFIG,
                   "stream %s: topic %s has %d partitions, but %s: create both with equally many, "
                   "or give one a key that is computed before they meet, `key_by: KEY || '' as "
                   "key`, so that it passes through an internal topic",
                   src->stream, src->topic[0], n, with);
}

/* Tasks of a sub-plan: the partitions of its outside topics; else of its repartitions; else of what
 * fills them, and they are made with as many. */
static int count_subplan(struct runner *r, const struct subplan *s, struct err *e)
{
    const struct plan *p = r->plan;
    int32_t outside = 0, inside = 0, before = 1;
    const struct plan_source *met = NULL;
    for (uint16_t k = 0; k < s->nsources; k++) {
        const struct plan_source *src = p->source[s->source[k]];
        if (src->repartition >= 0) {
            int32_t up = r->tasks[p->vertex[p->sink[src->repartition]->vertex]->subplan];
            int32_t have = s->single ? 1 : runner_partitions(r, src->topic[0], e);
            if (have < 0) {
                return have;
            }
            inside = have > inside ? have : inside;
            before = up > before ? up : before;
            continue;
        }
        int32_t n = count_source(r, src, e), other = s->single ? 1 : outside;
        if (n < 0) {
            return n;
        }
        if (other && n != other && !s->is_global && needs_equal_counts(p, s)) {
            return refuse_counts(p, src, n, met, other, e);
        }
        met = met ? met : src;
        outside = n > outside ? n : outside;
    }
    r->tasks[s->id] = s->is_global ? 1 : outside ? outside : inside ? inside : before;
    return 0;
}

/* Topics that steps read first. On a broker one that is missing need not be there any more: the
 * tasks that would read it say so. */
static int make_past(struct runner *r, const struct history *h, struct err *e)
{
    int result = 0;
    for (uint16_t i = 0; i < h->plan->nsources && r->o.memory; i++) {
        const struct plan_source *s = h->plan->source[i];
        for (int k = 0; k < s->ntopics && result == 0; k++) {
            int32_t n = runner_partitions(r, s->topic[k], e);
            result = n < 0    ? n
                     : n == 0 ? create(r, s->topic[k], 1, CONFIG_UNSET, false, NULL, e)
                              : 0;
        }
    }
    return result;
}

static bool is_fed_by_connector(const struct plan *p, const char *topic)
{
    for (uint16_t i = 0; i < p->nsources; i++) {
        if (p->source[i]->feeder && strcmp(p->source[i]->topic[0], topic) == 0) {
            return true;
        }
    }
    return false;
}

/* A topic in memory that a step is to learn from, and that nobody has given a row. */
static int check_past(struct runner *r, const struct history *h, const char *topic, struct err *e)
{
    int64_t begin, end = 0;
    int32_t n = runner_partitions(r, topic, e);
    for (int32_t i = 0; i < n && end == 0; i++) {
        int result = r->client.log->ops->bounds(r->client.log, topic, i, &begin, &end, ADMIN_MS, e);
        n = result < 0 ? result : n;
    }
    if (n < 0 || end > 0 || is_fed_by_connector(r->plan, topic)) {
        return n < 0 ? n : 0;
    }
    return err_set(
        e, ERR_CONFIG,
        "%s: topics in memory begin empty, so nothing would be learned from %s: give its "
        "rows with --input %s=FILE, or leave the key out",
        h->path, topic, topic);
}

int runner_check_pasts(struct runner *r, struct err *e)
{
    int result = 0;
    for (uint16_t i = 0; i < r->plan->nhistories && r->o.memory; i++) {
        const struct history *h = r->plan->history[i];
        for (uint16_t k = 0; k < h->plan->nsources && result == 0; k++) {
            const struct plan_source *s = h->plan->source[k];
            for (int t = 0; t < s->ntopics && result == 0; t++) {
                result = check_past(r, h, s->topic[t], e);
            }
        }
    }
    return result;
}

static int count_tasks(struct runner *r, struct err *e)
{
    int result = 0;
    for (uint16_t i = 0; i < r->plan->nhistories && result == 0; i++) {
        result = make_past(r, r->plan->history[i], e);
    }
    for (uint16_t level = 0; level < r->plan->nsubplans; level++) {
        for (uint16_t i = 0; i < r->plan->nsubplans && result == 0; i++) {
            if (r->plan->subplan[i].level == level) {
                result = count_subplan(r, &r->plan->subplan[i], e);
            }
        }
    }
    return result;
}

/* A topic of klamm's own, whose partitions are tied to those of tasks. input: the one that they
 * read, which nobody should alter, or NULL. */
static int create_internal(struct runner *r, const char *topic, int32_t want, bool is_compact,
                           const char *what, const char *input, struct err *e)
{
    static const char *const keep[] = {"retention.ms", "-1", NULL};
    int result = create(r, topic, want, CONFIG_UNSET, is_compact, is_compact ? NULL : keep, e);
    int32_t n = result < 0 ? result : runner_partitions(r, topic, e);
    if (n > 0 && n != want) {
        result = err_set(
            e, ERR_CONFIG, "%s %s has %d partitions, but %s has %d now: %s", what, topic, n,
            input        ? input
            : is_compact ? "the input"
                         : "what is read together with it",
            want,
            is_compact && !input ? "state is bound to partitions; put a key_by (repartition) "
                                   "before the step, or delete the changelog to begin anew"
                                 : "give the topology another name, so that it begins anew; or "
                                   "reset it as docs/operations.md tells");
    }
    return result;
}

/* Tasks behind a repartition. */
static int32_t tasks_behind(const struct runner *r, const struct plan_sink *k)
{
    const struct plan *p = r->plan;
    for (uint16_t i = 0; i < p->nsources; i++) {
        if (p->source[i]->repartition >= 0 && p->sink[p->source[i]->repartition] == k) {
            return r->tasks[p->vertex[p->source[i]->vertex]->subplan];
        }
    }
    return 1;
}

static int create_sink(struct runner *r, const struct plan_sink *k, struct err *e)
{
    int32_t n = r->tasks[r->plan->vertex[k->vertex]->subplan];
    if (k->repartition) {
        return create_internal(r, k->topic, k->single ? 1 : tasks_behind(r, k), k->is_compact,
                               "repartition", NULL, e);
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
            result = create_internal(r, p->subplan[i].store[k].changelog, r->tasks[i], true,
                                     "changelog", plan_comes_through(p, &p->subplan[i]), e);
        }
    }
    for (int i = 0; result == 0 && i < r->topology->nstreams; i++) {
        const struct errors_cfg *x = &r->topology->stream[i].errors;
        if (x->tolerance == TOLERATE_ALL) {
            result = create(r, x->dead_letter_topic, 1, CONFIG_UNSET, false, NULL, e);
        }
    }
    for (int i = 0; result == 0 && i < r->topology->ntables; i++) {
        const struct table *x = &r->topology->table[i];
        if (x->source.errors.tolerance == TOLERATE_ALL && !x->is_global) {
            result = create(r, x->source.errors.dead_letter_topic, 1, CONFIG_UNSET, false, NULL, e);
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
static int list_topics_with_headers(const struct plan *p, const char **topic)
{
    int n = 0;
    for (uint16_t i = 0; i < p->nsources; i++) {
        const struct plan_source *s = p->source[i];
        int column = s->meta[META_HEADERS];
        bool read = column >= 0 && p->vertex[s->vertex]->needs[column];
        for (int t = 0; (read || s->errors.tolerance == TOLERATE_ALL) && t < s->ntopics; t++) {
            topic[n++] = s->topic[t];
        }
    }
    return n;
}

static int count_topics(const struct plan *p)
{
    int n = 0;
    for (uint16_t i = 0; i < p->nsources; i++) {
        n += p->source[i]->ntopics;
    }
    return n;
}

static void list_inputs(struct runner *r)
{
    const struct plan *p = r->plan;
    int n = 0, most = count_topics(p) + 1, headers = most;
    r->topics = arena_zalloc(&r->mem, (size_t)most * sizeof *r->topics);
    for (uint16_t i = 0; i < p->nhistories; i++) {
        headers += count_topics(p->history[i]->plan);
    }
    r->with_headers = arena_zalloc(&r->mem, (size_t)headers * sizeof *r->with_headers);
    headers = list_topics_with_headers(p, r->with_headers);
    for (uint16_t i = 0; i < p->nhistories; i++) {
        headers += list_topics_with_headers(p->history[i]->plan, r->with_headers + headers);
    }
    for (uint16_t i = 0; i < p->nsubplans; i++) {
        int inputs = 0;
        for (uint16_t k = 0; k < p->subplan[i].nsources && !p->subplan[i].is_global; k++) {
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

/* Which topics the changelogs are: a checkpoint of one that was deleted since is of no use. */
static int identify_changelogs(struct runner *r, struct err *e)
{
    const struct log_ops *ops = r->client.log->ops;
    int result = 0;
    r->identity = arena_zalloc(&r->mem, r->plan->nsubplans * sizeof *r->identity + 1);
    for (uint16_t i = 0; i < r->plan->nsubplans && ops->topic_id; i++) {
        const struct subplan *s = &r->plan->subplan[i];
        for (uint16_t k = 0; k < s->nstores && result == 0; k++) {
            char id[TOPIC_ID];
            result = ops->topic_id(r->client.log, s->store[k].changelog, id, ADMIN_MS, e);
            r->identity[i] = result < 0 ? 0 : hash_stable(id, strlen(id), r->identity[i]);
        }
    }
    return result;
}

static int prepare_disks(struct runner *r, struct err *e)
{
    const struct topology *t = r->topology;
    struct memory_shares shares = memory_shares(r->memory.limit, t->lanes);
    bool is_rocksdb = t->state.backend == STATE_ROCKSDB;
    const char *path = arena_printf(&r->mem, "%s/%s/%s-%d", t->state.dir, t->name,
                                    is_rocksdb ? "state" : "files", r->slot.number);
    if (!r->disks) {
        r->disks = is_rocksdb ? disks_new(path, shares.state) : disks_new_files(path);
    }
    return identify_changelogs(r, e);
}

int runner_prepare(struct runner *r, struct err *e)
{
    const struct topology *t = r->topology;
    list_inputs(r);
    r->tasks = arena_zalloc(&r->mem, r->plan->nsubplans * sizeof *r->tasks + 1);
    int result = count_tasks(r, e);
    result = result < 0 ? result : create_topics(r, e);
    if (result < 0) {
        return result;
    }
    for (int i = 0; i < t->kafka.n; i++) {
        if (strcmp(t->kafka.item[i].name, "auto.offset.reset") == 0) {
            const char *v = t->kafka.item[i].value.text;
            r->from_latest =
                strcmp(v, "latest") == 0 || strcmp(v, "largest") == 0 || strcmp(v, "end") == 0;
        }
    }
    if (!r->o.memory) {
        result = r->from_latest ? runner_begin_at_end(r, e) : 0;
        if (result < 0) {
            return result;
        }
        result = r->slot.fd < 0 ? slot_take(&r->slot, t->state.dir, t->name, e) : 0;
        result = result < 0 ? result : prepare_disks(r, e);
    } else {
        snprintf(r->slot.id, sizeof r->slot.id, "memory");
    }
    return result;
}
