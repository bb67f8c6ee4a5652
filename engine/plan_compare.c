/* Comparing two plans, for what the one has left behind and the other finds.
 *
 *   offsets   the consumer group: of another one nothing is known, and inputs are read anew; and topics
 *             that are new to it, or that it reads no more
 *   state     stores are paired by their changelogs, whose names have topology, stream and step
 *   rows      internal topics hold rows of one topology for itself, with its columns
 *
 * What becomes of a store is decided by its layouts, in migration.c, as it is at a restore: the two
 * cannot diverge. Only a table is its own judge (engine/table.h).
 *
 * A store that is gone and a new one of the same layout look as if something was renamed; they name
 * each other.
 */
#include "engine/plan_compare.h"

#include "engine/layout.h"
#include "engine/migration.h"
#include "engine/table.h"

#include <string.h>

#define UNDO "undo the change; or " MIGRATION_REMEDY
#define DRAIN                                                                                      \
    "run the old topology once more with --until-end, while nothing else of it runs, which uses "  \
    "them up"

struct comparing {
    const struct plan *before, *after;
    struct plan_comparison *out;
    struct arena *a;
};

/* A store of either plan. */
struct found {
    const struct plan *plan;
    const struct subplan *subplan;
    const struct plan_store *store; /* NULL: there is none */
    const struct node *node;
};

const char *plan_fate_name(enum plan_fate fate)
{
    static const char *const names[FATES] = {"keep", "migrate", "rebuild", "new", "gone", "drain"};
    return names[fate];
}

static void add(struct comparing *c, struct plan_change change)
{
    struct plan_comparison *out = c->out;
    if (out->n == out->cap) {
        int cap = out->cap ? out->cap * 2 : 16;
        struct plan_change *more = arena_array(c->a, (size_t)cap, sizeof *more);
        if (out->n > 0) {
            memcpy(more, out->item, (size_t)out->n * sizeof *more);
        }
        out->item = more;
        out->cap = cap;
    }
    out->item[out->n++] = change;
    out->wants_remedy |= change.remedy != NULL;
}

/* ---- stores ---- */

static struct found store_at(const struct plan *p, uint16_t subplan, uint16_t store)
{
    const struct subplan *s = &p->subplan[subplan];
    return (struct found){p, s, &s->store[store], p->vertex[s->store[store].vertex]->node};
}

static struct found find_store(const struct plan *p, const char *changelog)
{
    for (uint16_t i = 0; i < p->nsubplans; i++) {
        for (uint16_t k = 0; k < p->subplan[i].nstores; k++) {
            if (strcmp(p->subplan[i].store[k].changelog, changelog) == 0) {
                return store_at(p, i, k);
            }
        }
    }
    return (struct found){0};
}

static struct layout *layout_in(struct comparing *c, const struct found *f)
{
    return layout_of(f->node, f->plan->topology->name, c->a);
}

static struct plan_change change_of(const struct found *f, enum plan_fate fate)
{
    return (struct plan_change){.fate = fate,
                                .what = "state",
                                .name = f->store->changelog,
                                .stream = f->node->stream,
                                .path = f->node->path,
                                .at = f->node->at};
}

static bool table_differs(const struct found *was, const struct found *is)
{
    struct buffer before, after;
    buffer_init(&before);
    buffer_init(&after);
    table_words(was->node->bound, &before);
    table_words(is->node->bound, &after);
    bool differs = before.n != after.n || memcmp(before.data, after.data, after.n) != 0;
    buffer_done(&before);
    buffer_done(&after);
    return differs;
}

static void judge_table(const struct found *was, const struct found *is, struct plan_change *x)
{
    const struct table_cfg *cfg = is->node->cfg;
    if (x->fate == FATE_KEEP && table_differs(was, is)) {
        x->fate = FATE_REBUILD;
        x->why = table_can_rewind(cfg) ? "its columns have changed: its topic is read again"
                 : cfg->has_topic      ? "its columns have changed, and its topic cannot be read "
                                         "again, as a stream has read its changes"
                                  : "its columns have changed, and what its stream said before "
                                    "cannot be read again";
        x->remedy = table_can_rewind(cfg) ? NULL
                                          : "give the table another name, or delete its changelog, "
                                            "to begin with an empty one";
    }
}

/* Where the rows of a store come from decides which task has a key. */
static void judge_place(struct comparing *c, const struct found *was, const struct found *is,
                        struct plan_change *x)
{
    const char *before = plan_comes_through(was->plan, was->subplan);
    const char *after = plan_comes_through(is->plan, is->subplan);
    if (was->subplan->single != is->subplan->single) {
        x->fate = FATE_REBUILD;
        x->why = is->subplan->single
                     ? "all rows meet in one task now: its changelog has a partition "
                       "for each task of before"
                     : "rows are in several tasks now: its changelog has one "
                       "partition";
        x->remedy = UNDO;
    } else if (!before != !after && x->fate != FATE_REBUILD) {
        x->why =
            arena_printf(c->a,
                         "%s%sits rows %s the internal topic %s: a key goes on with its state "
                         "only where the input is partitioned as Java's clients do",
                         x->why ? x->why : "", x->why ? "; " : "",
                         after ? "come through" : "no longer come through", after ? after : before);
    }
}

static bool fits(struct comparing *c, const struct found *was, const struct found *is)
{
    struct buffer ignored;
    buffer_init(&ignored);
    enum layout_fate fate = layout_compare(layout_in(c, was), layout_in(c, is), &ignored);
    buffer_done(&ignored);
    return fate == LAYOUT_SAME;
}

/* Stores are numbered by the place of their step among those of its kind in a stream. Where another
 * of them fits better, steps have changed places, or one was put before. */
static void judge_order(struct comparing *c, const struct found *was, const struct found *is,
                        struct plan_change *x)
{
    for (uint16_t i = 0; i < c->after->nsubplans && x->fate == FATE_MIGRATE; i++) {
        for (uint16_t k = 0; k < c->after->subplan[i].nstores; k++) {
            struct found other = store_at(c->after, i, k);
            if (other.store != is->store && other.node->def == is->node->def &&
                strcmp(other.node->stream, is->node->stream) == 0 && fits(c, was, &other)) {
                x->why =
                    arena_printf(c->a,
                                 "%s; but it is %s that goes on as the step of before did, and "
                                 "state goes by the place among steps of a kind",
                                 x->why, other.node->path);
                x->remedy =
                    "put the new step behind those of its kind, or into a stream of its own";
                return;
            }
        }
    }
}

static void compare_store(struct comparing *c, const struct found *was, const struct found *is)
{
    static const enum plan_fate fates[] = {[LAYOUT_SAME] = FATE_KEEP,
                                           [LAYOUT_MIGRATES] = FATE_MIGRATE,
                                           [LAYOUT_SPENT] = FATE_REBUILD,
                                           [LAYOUT_OTHER] = FATE_REBUILD};
    struct buffer why;
    buffer_init(&why);
    enum layout_fate fate = layout_compare(layout_in(c, was), layout_in(c, is), &why);
    struct plan_change x = change_of(is, fates[fate]);
    x.why = why.n ? arena_strdup(c->a, buffer_cstr(&why)) : NULL;
    buffer_done(&why);
    if (x.fate == FATE_REBUILD) {
        x.remedy = UNDO;
        x.why = arena_printf(c->a, "%s (before: %s:%d:%d)", x.why, was->node->at.file,
                             was->node->at.line, was->node->at.column);
    } else if (strcmp(is->node->def->name, "table") == 0) {
        judge_table(was, is, &x);
    }
    judge_order(c, was, is, &x);
    judge_place(c, was, is, &x);
    add(c, x);
}

/* A store of p that `other` has not, with a layout that fits that of f: it may be the same under
 * another name. */
static struct found find_renamed(struct comparing *c, const struct found *f, const struct plan *p,
                                 const struct plan *other)
{
    for (uint16_t i = 0; i < p->nsubplans; i++) {
        for (uint16_t k = 0; k < p->subplan[i].nstores; k++) {
            struct found x = store_at(p, i, k);
            if (find_store(other, x.store->changelog).store ||
                strcmp(x.node->def->name, f->node->def->name) != 0) {
                continue;
            }
            if (fits(c, &x, f)) {
                return x;
            }
        }
    }
    return (struct found){0};
}

/* What the two have another name of. */
static const char *renamed(struct comparing *c, const struct found *was, const struct found *is)
{
    const char *a = was->plan->topology->name, *b = is->plan->topology->name;
    if (strcmp(a, b) != 0) {
        return arena_printf(c->a, "topology %s, now %s,", a, b);
    }
    a = was->node->stream;
    b = is->node->stream;
    return strcmp(a, b) != 0
               ? arena_printf(c->a, "stream %s, now %s,", a, b)
               : arena_printf(c->a, "step %s, now %s,", was->node->path, is->node->path);
}

static void add_new(struct comparing *c, const struct found *f)
{
    struct found was = find_renamed(c, f, c->before, c->after);
    struct plan_change x = change_of(f, FATE_NEW);
    x.why = was.store ? arena_printf(c->a,
                                     "begins empty. Was %s renamed? State of the same layout is in "
                                     "%s, and is not found under another name",
                                     renamed(c, &was, f), was.store->changelog)
                      : "begins empty, with the rows that come";
    add(c, x);
}

static void add_gone(struct comparing *c, const struct found *f)
{
    struct found is = find_renamed(c, f, c->after, c->before);
    struct plan_change x = change_of(f, FATE_GONE);
    if (is.store) {
        const char *what = renamed(c, f, &is);
        x.why = arena_printf(c->a, "was %s renamed? %s begins empty", what, is.store->changelog);
        x.remedy = "keep the old name to go on with its state, and the names of topics in `to`; "
                   "else it is lost";
    } else {
        x.why = "nothing reads it any more: it is lost to the new topology, and its topic stays";
        x.remedy = "delete the topic, once the old topology is not to come back";
    }
    add(c, x);
}

/* ---- rows on their way ---- */

static const struct plan_sink *find_repartition(const struct plan *p, const char *topic)
{
    for (uint16_t i = 0; i < p->nsinks; i++) {
        if (p->sink[i]->repartition && strcmp(p->sink[i]->topic, topic) == 0) {
            return p->sink[i];
        }
    }
    return NULL;
}

static void put_missing(struct buffer *b, const char *sign, const struct schema *s,
                        const struct schema *other)
{
    for (uint16_t i = 0; i < s->n; i++) {
        const struct column *col = &s->col[i];
        int k = schema_find(other, col->name);
        bool is_there =
            k >= 0 && !other->col[k].hidden && type_equal(other->col[k].type, col->type);
        if (!col->hidden && !is_there) { /* what nobody reads is hidden */
            buffer_printf(b, "%s%s %s ", b->n ? ", " : "", sign, col->name);
            type_print(b, col->type);
        }
    }
}

static const char *columns_differ(struct comparing *c, const struct schema *was,
                                  const struct schema *is)
{
    struct buffer b;
    buffer_init(&b);
    put_missing(&b, "+", is, was);
    put_missing(&b, "-", was, is);
    const char *text =
        arena_printf(c->a, "rows on their way have the columns of the old topology: %s",
                     b.n ? buffer_cstr(&b) : "others in order, key or nulls");
    buffer_done(&b);
    return text;
}

static void compare_repartition(struct comparing *c, const struct plan_sink *was,
                                const struct plan_sink *is)
{
    struct plan_change x = {.fate = FATE_DRAIN,
                            .what = "rows",
                            .name = was->topic,
                            .stream = was->stream,
                            .remedy = DRAIN};
    if (!is) {
        x.why = "nothing reads it any more: rows on their way are lost to the new topology";
        add(c, x);
    } else if (was->single != is->single) {
        x.fate = FATE_REBUILD;
        x.why = is->single ? "all rows meet in one partition now" : "it has one partition only";
        x.remedy = UNDO;
        add(c, x);
    } else if (layout_of_columns(was->write_schema) != layout_of_columns(is->write_schema)) {
        x.why = columns_differ(c, was->write_schema, is->write_schema);
        if (is->is_compact) {
            x.fate = FATE_REBUILD;
            x.remedy = UNDO;
        }
        add(c, x);
    }
}

/* Topics that connectors fill: how far they are is kept by the name of the stream. */
static void compare_feeds(struct comparing *c)
{
    for (uint16_t i = 0; i < c->before->nsources; i++) {
        const struct plan_source *s = c->before->source[i];
        bool is_there = !s->feeder;
        for (uint16_t k = 0; k < c->after->nsources && !is_there; k++) {
            const struct plan_source *other = c->after->source[k];
            is_there = other->feeder && strcmp(other->topic[0], s->topic[0]) == 0;
        }
        if (!is_there) {
            add(c, (struct plan_change){.fate = FATE_GONE,
                                        .what = "rows",
                                        .name = s->topic[0],
                                        .stream = s->stream,
                                        .path = s->end->path,
                                        .at = s->end->at,
                                        .why = "nothing reads it any more; under another name its "
                                               "connector begins anew",
                                        .remedy = DRAIN});
        }
    }
}

/* ---- inputs ---- */

/* Whether a stream reads the topic, which others fill. Tables are judged by their stores. */
static bool reads(const struct plan *p, const char *topic)
{
    for (uint16_t i = 0; i < p->nsources; i++) {
        const struct plan_source *s = p->source[i];
        for (int k = 0; k < s->ntopics && !s->table && !s->feeder && s->repartition < 0; k++) {
            if (strcmp(s->topic[k], topic) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* Topics that `these` reads and `those` does not, each once. */
static void add_inputs(struct comparing *c, const struct plan *these, const struct plan *those,
                       struct plan_change change)
{
    int begin = c->out->n;
    for (uint16_t i = 0; i < these->nsources; i++) {
        const struct plan_source *s = these->source[i];
        for (int k = 0; k < s->ntopics; k++) {
            bool is_told = !reads(these, s->topic[k]) || reads(those, s->topic[k]);
            for (int x = begin; x < c->out->n && !is_told; x++) {
                is_told = strcmp(c->out->item[x].name, s->topic[k]) == 0;
            }
            if (!is_told) {
                change.what = "offsets";
                change.name = s->topic[k];
                change.stream = s->stream;
                change.path = s->end->path;
                change.at = s->end->at;
                add(c, change);
            }
        }
    }
}

/* Of one group; another one has no offsets at all. */
static void compare_inputs(struct comparing *c)
{
    if (strcmp(c->before->topology->group, c->after->topology->group) == 0) {
        add_inputs(c, c->after, c->before,
                   (struct plan_change){.fate = FATE_NEW,
                                        .why = "the group has not read it yet: it begins as "
                                               "kafka: {auto.offset.reset: …} says, and its rows "
                                               "come into the state that is there"});
        add_inputs(c, c->before, c->after,
                   (struct plan_change){.fate = FATE_GONE,
                                        .why = "no stream reads it any more: what the group has "
                                               "not read of it is left",
                                        .remedy = DRAIN});
    }
}

/* ---- all ---- */

static void compare_groups(struct comparing *c)
{
    const struct topology *was = c->before->topology, *is = c->after->topology;
    bool is_renamed = strcmp(was->name, is->name) != 0;
    if (strcmp(was->group, is->group) == 0) {
        return;
    }
    add(c,
        (struct plan_change){
            .fate = FATE_GONE,
            .what = "offsets",
            .name = was->group,
            .why = arena_printf(c->a, "group %s reads its inputs from the beginning%s", is->group,
                                is_renamed ? ", and writes its results again"
                                           : ", over the state that is there: rows count twice"),
            .remedy = is_renamed ? "keep the name to go on"
                                 : "keep kafka: {group.id: …}; or give the topology another name"});
}

void plan_compare(struct plan_comparison *out, const struct plan *before, const struct plan *after,
                  struct arena *a)
{
    struct comparing c = {before, after, out, a};
    *out = (struct plan_comparison){0};
    compare_groups(&c);
    compare_inputs(&c);
    for (uint16_t i = 0; i < after->nsubplans; i++) {
        for (uint16_t k = 0; k < after->subplan[i].nstores; k++) {
            struct found is = store_at(after, i, k), was = find_store(before, is.store->changelog);
            if (was.store) {
                compare_store(&c, &was, &is);
            } else {
                add_new(&c, &is);
            }
        }
    }
    for (uint16_t i = 0; i < before->nsubplans; i++) {
        for (uint16_t k = 0; k < before->subplan[i].nstores; k++) {
            struct found was = store_at(before, i, k);
            if (!find_store(after, was.store->changelog).store) {
                add_gone(&c, &was);
            }
        }
    }
    for (uint16_t i = 0; i < before->nsinks; i++) {
        if (before->sink[i]->repartition) {
            compare_repartition(&c, before->sink[i],
                                find_repartition(after, before->sink[i]->topic));
        }
    }
    compare_feeds(&c);
}
