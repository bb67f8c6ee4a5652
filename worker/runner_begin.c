/* Where a new group begins with `auto.offset.reset: latest`: at the ends that its topics have
 * before any of its members joins. They are committed at once, as if the group had read so far, and
 * everybody who joins goes on from there.
 *
 * So "latest" is a place, not a moment. Were it left to each assignment, rows would be lost that
 * come while a process is down or a transaction is aborted before its partition has had a first
 * commit; that come into a partition which was added later, before the group hears of it; or that
 * wait in klamm's own topics. All these begin at their first record. Tables do too: they are read
 * whole.
 *
 *   group has committed something of the topic   nothing to do: what it lacks was added since
 *   nothing                                      commit of all its ends
 *   that is refused: others are members          asked again, until they have gone
 */
#include "engine/memory.h"
#include "worker/runner_impl.h"

#include <string.h>

/* Whether a stream reads it from outside, and no table does. */
static bool begins_at_end(const struct plan *p, const char *topic)
{
    bool is_read = false, is_other = false;
    for (uint16_t i = 0; i < p->nsources; i++) {
        const struct plan_source *s = p->source[i];
        for (int k = 0; k < s->ntopics; k++) {
            bool is_it = strcmp(s->topic[k], topic) == 0;
            is_read |= is_it;
            is_other |= is_it && (s->table || s->feeder || s->repartition >= 0);
        }
    }
    return is_read && !is_other;
}

/* p: all partitions of a topic. */
static int find_ends(struct log *log, struct log_position *p, int32_t n, struct err *e)
{
    int r = 0;
    for (int32_t i = 0; i < n && r == 0; i++) {
        int64_t begin;
        r = log->ops->bounds(log, p[i].topic, i, &begin, &p[i].offset, ADMIN_MS, e);
    }
    return r;
}

static int begin_topic(struct runner *r, struct log *log, const char *topic, struct err *e)
{
    int32_t n = runner_partitions(r, topic, e);
    if (n <= 0) {
        return n;
    }
    struct log_position *p = mem_array((size_t)n, sizeof *p);
    for (int32_t i = 0; i < n; i++) {
        p[i] = (struct log_position){.topic = topic, .partition = i};
    }
    int result = log->ops->committed(log, p, (size_t)n, ADMIN_MS, e);
    bool is_known = false;
    for (int32_t i = 0; i < n; i++) {
        is_known |= p[i].offset >= 0;
        p[i].metadata = NULL;
    }
    if (result == 0 && !is_known) {
        result = find_ends(log, p, n, e);
        result = result < 0 ? result : log->ops->commit(log, p, (size_t)n, e);
        if (result == -ERR_ABORT) {
            struct err own = *e;
            err_clear(e);
            result =
                err_set(e, ERR_RETRY,
                        "the end of topic %s, where group %s is to begin, cannot be committed "
                        "while it has members (%s): stop the processes of the topology of before",
                        topic, r->topology->group, own.text);
        }
    }
    mem_free(p);
    return result;
}

int runner_begin_at_end(struct runner *r, struct err *e)
{
    struct log *log;
    struct log_config cfg = {.group = r->topology->group, .property = r->client.property};
    int result = client_log(&r->client, &log, &cfg, NULL, e);
    if (result < 0) {
        return result;
    }
    for (int i = 0; r->topics[i] && result == 0; i++) {
        result = begins_at_end(r->plan, r->topics[i]) ? begin_topic(r, log, r->topics[i], e) : 0;
    }
    log->ops->close(log, false);
    return result;
}
