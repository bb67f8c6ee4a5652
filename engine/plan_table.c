/* Tables, and the steps that look them up.
 *
 *   topic ──> source ──> table            read by lookups in the same task, not through an edge
 *   stream end ──(repartition)──> table
 *
 *   of a task    the table is a part of the sub-plan of each stream that looks it up: partition p
 *                of both lies in one task, where the stream's rows must go by the table's key. The
 *                table never moves: what it reads is keyed by it, or repartitioned before it
 *   read         a stream may read its changes, by an edge behind the step `table`, which then
 *                has to be of a task, and without versions; such a table is not read anew
 *   global       a sub-plan of its own, whose one task every lane keeps; the stream stays where it
 *                is. One made of a stream goes through an internal topic of one partition
 */
#include "engine/plan_build.h"
#include "engine/table.h"

#include <string.h>

/* A table is found by its records' key, or, when it is global, by any column of a topic's. */
static int find_topic_key(struct planner *b, const struct table *t, const struct ref *at,
                          struct table_cfg *cfg)
{
    const struct schema *s = at->schema;
    int c = t->key.text ? schema_find(s, t->key.text) : -1;
    cfg->has_topic = true;
    if (!t->key.text) {
        return s->keyed && s->nkey > 0
                   ? 0
                   : diags_add(b->d, t->source.from.at, t->source.path,
                               "a table is found by the key of its records, but these have none: "
                               "name a column, `key: COLUMN`, and make the table `global: true`");
    }
    if (c < 0) {
        struct config_text key = t->key;
        struct ref copy = *at;
        return plan_key_by(b, &copy, &key, 1, t->source.name);
    }
    if (s->keyed && s->nkey == 1 && s->key[0] == c) {
        return 0;
    }
    if (!t->is_global) {
        return diags_add(b->d, t->key.at, t->source.path,
                         "rows of a topic lie where their record key puts them, so a table by "
                         "another column must be `global: true`; or let a stream read the topic, "
                         "and the table that stream");
    }
    cfg->by = c;
    return 0;
}

/* The end of a stream, keyed and partitioned as the table is. */
static int key_stream(struct planner *b, const struct table *t, struct ref *at)
{
    const struct stream *st = &t->source;
    if (t->key.text && plan_key_by(b, at, &t->key, 1, t->source.from.names.item[0].name) < 0) {
        return -ERR_CONFIG;
    }
    if (!at->schema->keyed) {
        return diags_add(b->d, st->from.at, st->path,
                         "the rows of the stream have no key: name the column by which the table "
                         "is found, `key: COLUMN`");
    }
    bool wants_single = t->is_global || at->schema->nkey == 0;
    if (!t->is_global && (wants_single ? at->is_single : at->is_single || !at->rekeyed)) {
        return 0;
    }
    const char *topic = arena_printf(&b->p->mem, "%s-%s-repartition", b->t->name, st->name);
    int r = plan_repartition(b, st, topic, wants_single, at);
    if (r == 0) {
        b->p->source[b->p->nsources - 1]->table = t;
        b->p->sink[b->p->nsinks - 1]->is_compact = t->is_global && at->schema->nkey == 1;
    }
    return r;
}

static int place_table(struct planner *b, const struct table *t, struct ref *at,
                       struct table_cfg *cfg)
{
    struct node *n = arena_zalloc(&b->p->mem, sizeof *n);
    n->def = plan_internal_step("table");
    n->cfg = cfg;
    n->yaml = t->source.from.yaml;
    n->at = t->source.at;
    n->path = t->source.path;
    n->stream = t->source.name;
    n->number = 1;
    n->table = -1;
    n->ninputs = n->noutputs = 1;
    n->in[0] = at->schema;
    n->in_revised = n->out_revised = at->revised;
    n->keyless = true;
    n->mem = &b->p->mem;
    n->diags = b->d;
    int r = n->def->bind(n);
    r = r < 0 ? r : plan_place(b, &t->source, n, at, NULL);
    n->mem = NULL;
    n->diags = NULL;
    return r;
}

static int build(struct planner *b, const struct table *t, struct ref *at, struct table_cfg *cfg)
{
    int r = plan_from(b, &t->source, at);
    if (r < 0 || at->vertex < 0) {
        return -ERR_CONFIG;
    }
    if (at->is_split) {
        return diags_add(b->d, t->source.from.at, t->source.path,
                         "the stream ends in a split: read one of its branches");
    }
    bool is_stream = t->source.from.kind == END_STREAMS;
    r = is_stream ? key_stream(b, t, at) : find_topic_key(b, t, at, cfg);
    return r < 0 ? r : place_table(b, t, at, cfg);
}

int plan_table(struct planner *b, const struct table *t, struct place from, struct ref *out)
{
    struct planned_table *p = &b->table[t - b->t->table];
    *out = p->end;
    if (p->mark == MARK_OPEN) {
        *out = plan_broken(b, NULL);
        return diags_add(b->d, from, t->source.path, "table \"%s\" is made of itself: a cycle",
                         t->source.name);
    }
    if (p->mark == MARK_NEW) {
        int outer = b->nrepartitions;
        struct ref at = plan_broken(b, NULL);
        p->mark = MARK_OPEN;
        p->cfg = arena_zalloc(&b->p->mem, sizeof *p->cfg);
        *p->cfg = (struct table_cfg){.by = -1, .history = t->history};
        if (build(b, t, &at, p->cfg) < 0) {
            at = plan_broken(b, at.schema);
        }
        b->nrepartitions = outer;
        p->mark = MARK_DONE;
        at.rows = ROWS_TABLE;
        *out = p->end = at;
    }
    return out->vertex < 0 ? -ERR_CONFIG : 0;
}

int plan_read_table(struct planner *b, const struct table *t, const struct config_text *name,
                    struct ref *out)
{
    *out = plan_broken(b, NULL);
    if (t->is_global) {
        return diags_add(b->d, name->at, name->path,
                         "table \"%s\" is `global`: every lane reads all of it, so each change "
                         "would come many times: `lookup` it, or take `global` away",
                         t->source.name);
    }
    int r = plan_table(b, t, name->at, out);
    b->table[t - b->t->table].cfg->reader = *name;
    return r;
}

void plan_check_tables(struct planner *b)
{
    for (int i = 0; i < b->t->ntables; i++) {
        const struct table_cfg *cfg = b->table[i].cfg;
        if (cfg && cfg->is_versioned && cfg->reader.text) {
            diags_add(
                b->d, cfg->reader.at, cfg->reader.path,
                "table \"%s\" keeps `versioned` rows for a lookup, but its changes are read "
                "in the order of arrival: make another table of the same topic for that lookup"
                ", or do without `versioned`",
                cfg->reader.text);
        }
    }
}

static int unknown_table(struct planner *b, const struct config_text *text)
{
    const char **names = arena_array(&b->p->mem, (size_t)b->t->ntables + 1, sizeof *names);
    for (int i = 0; i < b->t->ntables; i++) {
        names[i] = b->t->table[i].source.name;
    }
    names[b->t->ntables] = NULL;
    const char *near = nearest_name(text->text, names);
    if (topology_stream(b->t, text->text)) {
        return diags_add(b->d, text->at, text->path,
                         "\"%s\" is a stream: make a table of it, `tables: {NAME: {from: %s}}`",
                         text->text, text->text);
    }
    return diags_add(b->d, text->at, text->path, "there is no table \"%s\"%s%s%s", text->text,
                     near ? ": did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

/* `_key` means the record key, also where that has a name. */
static struct config_text record_key(const struct schema *s, const struct config_text *on)
{
    struct config_text named = *on;
    if (strcmp(on->text, "_key") == 0 && schema_find(s, "_key") < 0 && s->keyed && s->nkey == 1) {
        named.text = s->col[s->key[0]].name;
    }
    return named;
}

static int check_types(struct planner *b, struct node *n, const uint16_t *on,
                       const struct second_input *s)
{
    const struct schema *x = n->in[0], *y = n->in[1];
    for (uint16_t i = 0; i < y->nkey; i++) {
        const struct column *a = &x->col[on[i]], *c = &y->col[y->key[i]];
        if (!type_equal(a->type, c->type)) {
            struct buffer text;
            buffer_init(&text);
            type_print(&text, a->type);
            buffer_text(&text, ", the table's key ");
            type_print(&text, c->type);
            diags_add(b->d, s->non ? s->on[0][i].at : n->at, n->path,
                      "\"%s\" is a %s: cast it with `add`, or name another column with `on`",
                      a->name, buffer_cstr(&text));
            buffer_done(&text);
            return -ERR_CONFIG;
        }
    }
    return 0;
}

/* What `on` means: columns of the input, which become its key unless the table is global. */
static int find_on(struct planner *b, struct node *n, const struct second_input *s, struct ref *at,
                   const struct table *t)
{
    const struct schema *key = n->in[1];
    struct ref found = *at;
    if (at->schema->partial || key->partial) {
        return -ERR_CONFIG;
    }
    if (s->non > 0 && s->non != key->nkey) {
        return diags_add(b->d, s->on[0][0].at, n->path,
                         "table \"%s\" has %d key columns, `on` names %d", n->second, key->nkey,
                         s->non);
    }
    if (s->non > 0) {
        struct config_text *on = arena_array(&b->p->mem, (size_t)s->non, sizeof *on);
        for (int i = 0; i < s->non; i++) {
            on[i] = record_key(at->schema, &s->on[0][i]);
        }
        if (plan_key_by(b, &found, on, s->non, n->stream) < 0) {
            return -ERR_CONFIG;
        }
    } else if (!at->schema->keyed || at->schema->nkey != key->nkey) {
        return diags_add(b->d, n->at, n->path,
                         "the rows have another number of key columns than table \"%s\": name the "
                         "column to look up by, `on: COLUMN`",
                         n->second);
    }
    n->on = found.schema->key;
    if (!t->is_global) {
        *at = found;
        n->in[0] = at->schema;
    }
    return check_types(b, n, n->on, s);
}

int plan_find_table(struct planner *b, struct node *n, const struct second_input *s, struct ref *at,
                    struct ref *table)
{
    const struct table *t = topology_table(b->t, s->stream.text);
    n->second = s->stream.text;
    *table = plan_broken(b, NULL);
    n->ninputs = 1;
    n->in[1] = table->schema;
    if (!t) {
        return unknown_table(b, &s->stream);
    }
    plan_table(b, t, s->stream.at, table);
    n->in[1] = table->schema;
    n->table = table->vertex;
    b->table[t - b->t->table].cfg->is_versioned |= s->is_versioned;
    int before = b->d->n, r = find_on(b, n, s, at, t);
    return r < 0 && b->d->n > before ? r : 0; /* what is not known yet is no problem of its own */
}

int plan_meet_table(struct planner *b, const struct stream *st, struct node *n, struct ref *at,
                    const struct ref *table)
{
    const struct table *t = topology_table(b->t, n->second);
    if (t->is_global) {
        return 0;
    }
    bool both_single = at->is_single && table->is_single;
    bool moves = at->rekeyed || at->is_single != table->is_single ||
                 strcmp(at->key_format, table->key_format) != 0;
    if (!both_single && moves) {
        if (!table->is_single && strcmp(table->key_format, "string") != 0) {
            return node_error(n, n->at,
                              "the rows must be put where table \"%s\" has them, by the text of "
                              "their key, but its record keys are of format %s: make the table "
                              "`global: true`",
                              n->second, table->key_format);
        }
        const char *topic = plan_repartition_topic(b, st, n->number);
        int r = plan_repartition(b, st, topic, table->is_single, at);
        if (r < 0) {
            return r;
        }
    }
    plan_group_join(b, b->p->vertex[at->vertex]->subplan, b->p->vertex[table->vertex]->subplan);
    return 0;
}
