/* Planning, last part: what topics may not be used for.
 *
 *   read and written     would hide how streams hang together: commits, levels and the end of the
 *                        input need to know it
 *   read and dead        a bad record would come back, be bad again, and so on for ever
 *   internal and named   rows among klamm's own records would damage them, or feed themselves
 */
#include "engine/plan_build.h"

#include <string.h>

/* The stream that reads a topic, or NULL. */
static const char *reader_of(const struct plan *p, const char *topic)
{
    for (uint16_t i = 0; i < p->nsources; i++) {
        for (int x = 0; p->source[i]->end && x < p->source[i]->ntopics; x++) {
            if (strcmp(p->source[i]->topic[x], topic) == 0) {
                return p->source[i]->stream;
            }
        }
    }
    return NULL;
}

static bool is_changelog(const struct plan *p, const char *topic)
{
    for (uint16_t i = 0; i < p->nsubplans; i++) {
        for (uint16_t k = 0; k < p->subplan[i].nstores; k++) {
            if (strcmp(p->subplan[i].store[k].changelog, topic) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* What klamm itself keeps in a topic, or NULL. */
static const char *internal_use(const struct plan *p, const char *topic)
{
    size_t n = strlen(p->topology->name);
    if (strncmp(topic, p->topology->name, n) == 0 && strcmp(topic + n, "-sources") == 0) {
        return "how far connectors have read";
    }
    for (uint16_t i = 0; i < p->nsinks; i++) {
        if (p->sink[i]->repartition && strcmp(p->sink[i]->topic, topic) == 0) {
            return "a repartition";
        }
    }
    return is_changelog(p, topic) ? "the state of a step" : NULL;
}

static void refuse_internal(struct planner *b, const char *topic, struct place at, const char *path)
{
    bool is_schemas = strcmp(topic, "_klamm_schemas") == 0;
    const char *use = is_schemas ? "Avro schemas" : internal_use(b->p, topic);
    if (use) {
        diags_add(b->d, at, path, "topic %s is klamm's own, for %s: take another one", topic, use);
    }
}

static void check_sinks(struct planner *b)
{
    for (uint16_t k = 0; k < b->p->nsinks; k++) {
        const struct plan_sink *sink = b->p->sink[k];
        const char *reader = sink->end ? reader_of(b->p, sink->topic) : NULL;
        if (reader) {
            diags_add(b->d, sink->end->at, sink->end->path,
                      "topic %s is read by stream \"%s\" of the same topology: let it read the "
                      "stream instead, `from: %s` (if that is a cycle, write to another topic)",
                      sink->topic, reader, sink->stream);
        } else if (sink->end) {
            refuse_internal(b, sink->topic, sink->end->at, sink->end->path);
        }
    }
}

/* Schemas may be read: that moves nothing. */
static void check_sources(struct planner *b)
{
    for (uint16_t i = 0; i < b->p->nsources; i++) {
        const struct plan_source *s = b->p->source[i];
        for (int x = 0; s->end && !s->feeder && x < s->ntopics; x++) {
            if (strcmp(s->topic[x], "_klamm_schemas") != 0) {
                refuse_internal(b, s->topic[x], s->end->at, s->end->path);
            }
        }
    }
}

static void check_dead_letters(struct planner *b)
{
    for (int i = 0; i < b->t->nstreams; i++) {
        const struct stream *st = &b->t->stream[i];
        const char *topic =
            st->errors.tolerance == TOLERATE_ALL ? st->errors.dead_letter_topic : NULL;
        for (int k = 0; topic && k < i; k++) { /* the topology's is said once */
            topic = b->t->stream[k].errors.dead_letter_topic == topic ? NULL : topic;
        }
        const char *reader = topic ? reader_of(b->p, topic) : NULL;
        if (reader) {
            diags_add(b->d, st->at, st->path,
                      "dead_letter_topic %s is read by stream \"%s\" of the same topology: a bad "
                      "record would come back for ever; take another topic",
                      topic, reader);
        } else if (topic) {
            refuse_internal(b, topic, st->at, st->path);
        }
    }
}

void plan_check_topics(struct planner *b)
{
    check_sinks(b);
    check_sources(b);
    check_dead_letters(b);
}

static bool is_fed(const struct plan *p, const char *topic)
{
    const char *reader = reader_of(p, topic);
    for (uint16_t i = 0; reader && i < p->nsources; i++) {
        if (p->source[i]->feeder && strcmp(p->source[i]->topic[0], topic) == 0) {
            return true;
        }
    }
    return false;
}

const char *plan_shared_topic(const struct plan *a, const struct plan *b)
{
    for (uint16_t i = 0; i < a->nsinks; i++) {
        if (a->sink[i]->repartition && internal_use(b, a->sink[i]->topic)) {
            return a->sink[i]->topic;
        }
    }
    for (uint16_t i = 0; i < a->nsubplans; i++) {
        for (uint16_t k = 0; k < a->subplan[i].nstores; k++) {
            if (internal_use(b, a->subplan[i].store[k].changelog)) {
                return a->subplan[i].store[k].changelog;
            }
        }
    }
    for (uint16_t i = 0; i < a->nsources; i++) {
        if (a->source[i]->feeder && is_fed(b, a->source[i]->topic[0])) {
            return a->source[i]->topic[0];
        }
    }
    return NULL;
}

const char *plan_comes_through(const struct plan *p, const struct subplan *s)
{
    for (uint16_t k = 0; k < s->nsources; k++) {
        const struct plan_source *source = p->source[s->source[k]];
        if (source->repartition >= 0) {
            return source->topic[0];
        }
    }
    return NULL;
}
