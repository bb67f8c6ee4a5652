/* Replay of dead letters.
 *
 *   group       klamm-dead-letters-TOPIC, behind it "-to-TARGET" with another target
 *   per record  sent already? filtered? may it go back? -> produce, note its offset
 *   commit      every BATCH records: records and offsets in one transaction. Whoever begins later
 *               fences the one before (transactional id), and reads the offsets after that
 *
 *   left for a later run    filtered, internal, sent back too often, topic gone
 *   passed for good         rows that stood nowhere, records that are no dead letters, other letters
 *                           of a record that was sent (two streams may have refused it)
 *
 * Of a record that did not fit behind its headers (klamm.left.out) the one at the origin is sent.
 */
#include "worker/dead_replay.h"
#include "engine/hash.h"
#include "engine/memory.h"
#include "worker/sent_offsets.h"

#include <stdio.h>
#include <string.h>

#define ASK_MS 10000
#define BATCH  500

struct part {
    struct sent_offsets now, before;
    int64_t next; /* behind the last record that was looked at */
    bool is_changed;
};

struct replaying {
    struct dead_replay *x;
    const struct client *client;
    struct log *out; /* transactional; NULL when dry */
    struct arena mem;
    struct part *part;
    int32_t nparts;
    int pending;    /* records of the open transaction */
    uint64_t *seen; /* hashes of the origins that were sent; 0: empty; a power of two */
    size_t nseen, cap_seen;
    struct err *e;
};

static const char *const filters[] = {"stage", "topic", "topology", "by", NULL};

int dead_filter_check(const char *name)
{
    for (int i = 0; filters[i]; i++) {
        if (strcmp(filters[i], name) == 0) {
            return 0;
        }
    }
    return -ERR_CONFIG;
}

bool dead_filter_takes(const struct dead_replay *x, const struct dead_letter *d)
{
    const char *const value[] = {d->stage, d->topic, d->owner, d->by};
    for (int i = 0; i < x->nfilters; i++) {
        for (int k = 0; filters[k]; k++) {
            if (strcmp(filters[k], x->filter[i].name) == 0 &&
                strcmp(value[k], x->filter[i].value) != 0) {
                return false;
            }
        }
    }
    return true;
}

static int find_target(struct replaying *y, const char *topic, struct dead_target **out)
{
    struct dead_replay *x = y->x;
    for (int i = 0; i < x->ntargets; i++) {
        if (strcmp(x->target[i].topic, topic) == 0) {
            *out = &x->target[i];
            return 0;
        }
    }
    struct log *log = y->client->log;
    int32_t n;
    int r = log->ops->partitions(log, topic, &n, ASK_MS, y->e);
    if (r < 0) {
        return r;
    }
    x->target = mem_resize(x->target, (size_t)x->ntargets + 1, sizeof *x->target);
    *out = &x->target[x->ntargets++];
    **out = (struct dead_target){mem_strdup(topic), n, 0};
    return 0;
}

static int commit(struct replaying *y)
{
    struct log_position *p = mem_array((size_t)y->nparts + 1, sizeof *p);
    struct buffer *text = mem_zalloc(((size_t)y->nparts + 1) * sizeof *text);
    size_t n = 0;
    for (int32_t i = 0; i < y->nparts; i++) {
        struct part *at = &y->part[i];
        if (at->is_changed) {
            sent_print(&at->now, &at->before, at->next, &text[n]);
            p[n] = (struct log_position){y->x->topic, i, at->now.base, buffer_cstr(&text[n])};
            n++;
        }
    }
    int r = n == 0 ? 0 : y->out->ops->begin(y->out, y->e);
    r = n == 0 || r < 0 ? r : y->out->ops->commit(y->out, p, n, y->e);
    for (size_t i = 0; i < n; i++) {
        buffer_done(&text[i]);
    }
    for (int32_t i = 0; i < y->nparts; i++) {
        y->part[i].is_changed &= r < 0;
    }
    y->pending = 0;
    mem_free(text);
    mem_free(p);
    return r;
}

/* The record at the origin, for what was left out of the letter. */
struct origin {
    const struct dead_letter *d;
    struct arena *mem;
    struct record record;
    bool is_found;
};

static int keep_origin(void *ctx, const struct record *r)
{
    struct origin *o = ctx;
    o->is_found = r->offset == o->d->offset;
    if (o->is_found) {
        struct header *h = arena_array(o->mem, r->nheaders + 1, sizeof *h);
        o->record = *r;
        o->record.key = r->key ? arena_strndup(o->mem, r->key, r->key_n) : NULL;
        o->record.value = r->value ? arena_strndup(o->mem, r->value, r->value_n) : NULL;
        for (size_t i = 0; i < r->nheaders; i++) {
            h[i] = r->headers[i];
            h[i].name = arena_strdup(o->mem, h[i].name);
            h[i].value = h[i].value ? arena_strndup(o->mem, h[i].value, h[i].n) : NULL;
        }
        o->record.headers = h;
    }
    return -ERR_ABORT; /* one is enough */
}

static int fetch_origin(struct replaying *y, const struct dead_letter *d, struct origin *o)
{
    struct err ignored = {0};
    int64_t next;
    *o = (struct origin){.d = d, .mem = &y->mem};
    int r = y->out->ops->read_on(y->out, d->topic, d->partition, d->offset, keep_origin, o, &next,
                                 &ignored);
    return r < 0 && r != -ERR_ABORT ? err_set(y->e, ERR_RETRY, "%s", ignored.text) : 0;
}

/* 1: sent (or would be), 0: it is not there any more. */
static int send_back(struct replaying *y, const struct dead_letter *d, const struct record *r,
                     struct dead_target *target)
{
    struct origin o;
    struct record from = *r;
    if (!y->x->is_dry && d->left) {
        int result = fetch_origin(y, d, &o);
        if (result < 0 || !o.is_found) {
            return result;
        }
        from = o.record;
    }
    target->n++;
    if (y->x->is_dry) {
        return 1;
    }
    struct record out = dead_letter_restore(d, &from, &y->mem);
    out.topic = target->topic;
    out.partition = d->partition < target->partitions ? d->partition : -1;
    int result = y->out->ops->begin(y->out, y->e);
    result = result < 0 ? result : y->out->ops->produce(y->out, &out, 1, y->e);
    return result < 0 ? result : 1;
}

enum fate { SENT, LEFT, PASSED };

static void put_seen(uint64_t *slot, size_t cap, uint64_t hash)
{
    size_t at = hash & (cap - 1);
    while (slot[at] && slot[at] != hash) {
        at = (at + 1) & (cap - 1);
    }
    slot[at] = hash;
}

static uint64_t origin_hash(const struct dead_letter *d)
{
    uint64_t hash = hash_stable(d->topic, strlen(d->topic), (uint64_t)d->partition);
    hash = hash_stable(&d->offset, sizeof d->offset, hash);
    return hash ? hash : 1;
}

static bool was_seen(const struct replaying *y, const struct dead_letter *d)
{
    uint64_t hash = origin_hash(d);
    for (size_t at = hash; y->cap_seen; at++) {
        uint64_t found = y->seen[at & (y->cap_seen - 1)];
        if (found == hash || found == 0) {
            return found == hash;
        }
    }
    return false;
}

static void note_seen(struct replaying *y, const struct dead_letter *d)
{
    if (y->nseen * 2 >= y->cap_seen) {
        size_t cap = y->cap_seen ? y->cap_seen * 2 : 1024;
        uint64_t *slot = mem_zalloc(cap * sizeof *slot);
        for (size_t i = 0; i < y->cap_seen; i++) {
            if (y->seen[i]) {
                put_seen(slot, cap, y->seen[i]);
            }
        }
        mem_free(y->seen);
        y->seen = slot;
        y->cap_seen = cap;
    }
    put_seen(y->seen, y->cap_seen, origin_hash(d));
    y->nseen++;
}

static void note_stage(struct dead_replay *x, const char *stage)
{
    for (int i = 0; i < x->nstages; i++) {
        if (strncmp(x->stage[i], stage, sizeof x->stage[i] - 1) == 0) {
            return;
        }
    }
    if (x->nstages < REPLAY_STAGES) {
        snprintf(x->stage[x->nstages++], sizeof x->stage[0], "%s", stage);
    }
}

/* Which of the three, or a negative error. */
static int decide(struct replaying *y, const struct record *r, bool was_sent)
{
    struct dead_replay *x = y->x;
    struct dead_letter d;
    struct dead_target *target;
    dead_letter_read(&d, r, &y->mem);
    if (was_sent) {
        if (d.topic && d.offset >= 0) {
            note_seen(y, &d);
        }
        return PASSED;
    }
    if (!d.topic || d.offset < 0) {
        *(d.topic ? &x->rows : &x->unknown) += 1;
        return PASSED;
    }
    note_stage(x, d.stage);
    if (!dead_filter_takes(x, &d)) {
        x->filtered++;
        return LEFT;
    }
    if (!x->to && !x->takes_internal && dead_letter_is_internal(&d)) {
        x->internal++;
        return LEFT;
    }
    if (d.replays >= x->attempts) {
        x->tired++;
        return LEFT;
    }
    if (was_seen(y, &d)) {
        x->again++;
        return PASSED;
    }
    int result = find_target(y, x->to ? x->to : d.topic, &target);
    result = result < 0 || target->partitions == 0 ? result : send_back(y, &d, r, target);
    if (result < 0) {
        return result;
    }
    if (result) {
        note_seen(y, &d);
    }
    *(result ? &x->sent : &x->gone) += 1;
    return result ? SENT : LEFT;
}

static int too_many_left(struct replaying *y, const struct record *r)
{
    return err_set(y->e, ERR_CONFIG,
                   "too many dead letters of partition %d were left between those that were sent: "
                   "replay what is before offset %lld first, without --filter",
                   r->partition, (long long)r->offset);
}

static int look_at(void *ctx, const struct record *r)
{
    struct replaying *y = ctx;
    struct part *p = &y->part[r->partition];
    arena_reset(&y->mem);
    if (y->x->stop && atomic_load(y->x->stop)) {
        return err_set(y->e, ERR_ABORT, "interrupted");
    }
    if (!sent_has_room(&p->now)) {
        int result = y->x->is_dry ? 0 : commit(y);
        return result < 0 ? result : too_many_left(y, r);
    }
    int fate = decide(y, r, sent_has(&p->before, r->offset));
    if (fate < 0) {
        return fate;
    }
    p->next = r->offset + 1;
    if (fate == LEFT) {
        sent_leave(&p->now, r->offset);
    } else {
        sent_add(&p->now, r->offset);
        p->is_changed = true;
    }
    y->pending += fate == SENT && !y->x->is_dry;
    return y->pending >= BATCH ? commit(y) : 0;
}

/* From which offset on, and what behind it was sent before. */
static int read_offsets(struct replaying *y, struct log *log)
{
    struct log_position *p = mem_zalloc(((size_t)y->nparts + 1) * sizeof *p);
    for (int32_t i = 0; i < y->nparts; i++) {
        p[i] = (struct log_position){.topic = y->x->topic, .partition = i};
    }
    int r = log->ops->committed(log, p, (size_t)y->nparts, ASK_MS, y->e);
    for (int32_t i = 0; r == 0 && i < y->nparts; i++) {
        struct part *at = &y->part[i];
        sent_read(&at->before, p[i].offset, p[i].metadata);
        at->now = (struct sent_offsets){.base = at->before.base};
        at->next = at->before.base;
    }
    mem_free(p);
    return r;
}

static int replay_parts(struct replaying *y)
{
    struct log *log = y->client->log;
    int r = 0;
    for (int32_t i = 0; r == 0 && i < y->nparts; i++) {
        int64_t begin, end, next;
        r = log->ops->bounds(log, y->x->topic, i, &begin, &end, ASK_MS, y->e);
        int64_t from = y->part[i].next < begin ? begin : y->part[i].next;
        if (r == 0 && from < end) {
            r = log->ops->read_on(log, y->x->topic, i, from, look_at, y, &next, y->e);
        }
    }
    return r;
}

static int open_log(struct replaying *y, struct log **out)
{
    struct dead_replay *x = y->x;
    char group[600];
    snprintf(group, sizeof group, "klamm-dead-letters-%s%s%s", x->topic, x->to ? "-to-" : "",
             x->to ? x->to : "");
    struct log_config cfg = {
        .group = group, .transactional = x->is_dry ? NULL : group, .property = y->client->property};
    return client_log(y->client, out, &cfg, NULL, y->e);
}

int dead_replay_run(struct dead_replay *x, const struct client *c, struct err *e)
{
    struct replaying y = {.x = x, .client = c, .e = e};
    struct log *group;
    x->sent = x->filtered = x->tired = x->internal = x->rows = x->gone = x->unknown = x->again = 0;
    x->nstages = 0;
    dead_replay_done(x);
    int r = c->log->ops->partitions(c->log, x->topic, &y.nparts, ASK_MS, e);
    if (r == 0 && y.nparts == 0) {
        return client_no_topic(c, x->topic, e);
    }
    r = r < 0 ? r : open_log(&y, &group);
    if (r < 0) {
        return r;
    }
    y.out = group;
    arena_init(&y.mem);
    y.part = mem_zalloc(((size_t)y.nparts + 1) * sizeof *y.part);
    r = read_offsets(&y, group);
    r = r < 0 ? r : replay_parts(&y);
    if (r == 0 && !x->is_dry) {
        r = commit(&y);
    }
    if (r < 0 && !x->is_dry) {
        struct err ignored = {0};
        group->ops->abort(group, &ignored);
    }
    group->ops->close(group, true);
    mem_free(y.part);
    mem_free(y.seen);
    arena_done(&y.mem);
    return r;
}

void dead_replay_done(struct dead_replay *x)
{
    for (int i = 0; i < x->ntargets; i++) {
        mem_free(x->target[i].topic);
    }
    mem_free(x->target);
    x->target = NULL;
    x->ntargets = 0;
}
