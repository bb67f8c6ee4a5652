/* What a newcomer wants to know of a plan: what each step does, its configuration as it was
 * written, on one line, or, where it has several keys, a line for each; and which topics are
 * touched.
 *
 *     3 window   load         <- 2
 *              tumbling:  10s
 *              aggregate: count() as n, avg(value) as mean
 *
 * Values from ${…} are not shown; what is long is cut.
 */
#include "engine/history.h"

#include <stdio.h>
#include <string.h>

#define KEY_WIDTH 10

/* YAML as one line: what is inside a list or a map stands in brackets. */
static void print_flow(struct buffer *b, const struct yaml *y, bool is_inside)
{
    if (y->secret) {
        buffer_text(b, "***");
        return;
    }
    switch (y->kind) {
    case YAML_LIST:
    case YAML_MAP:
        buffer_text(b, !is_inside ? "" : y->kind == YAML_MAP ? "{" : "[");
        for (int i = 0; i < y->n; i++) {
            buffer_text(b, i ? ", " : "");
            if (y->kind == YAML_MAP) {
                buffer_printf(b, "%s: ", y->key[i]);
            }
            print_flow(b, y->item[i], true);
        }
        buffer_text(b, !is_inside ? "" : y->kind == YAML_MAP ? "}" : "]");
        break;
    case YAML_NULL:
        buffer_text(b, "null");
        break;
    case YAML_BOOLEAN:
    case YAML_LONG:
    case YAML_DOUBLE:
    case YAML_STRING:
        buffer_add(b, y->text, y->text_n);
        break;
    }
}

/* White space of several lines becomes one blank, control characters a dot. */
static void squeeze(struct buffer *b, size_t from)
{
    size_t n = from;
    for (size_t i = from; i < b->n; i++) {
        unsigned char c = (unsigned char)b->data[i];
        bool is_space = c == ' ' || c == '\n' || c == '\t' || c == '\r';
        if (is_space && n > from && b->data[n - 1] == ' ') {
            continue;
        }
        b->data[n++] = (char)(is_space ? ' ' : c < 0x20 || c == 0x7F ? '.' : c);
    }
    while (n > from && b->data[n - 1] == ' ') {
        n--;
    }
    b->n = n;
}

void plan_print_yaml(struct buffer *b, const struct yaml *y, size_t most)
{
    size_t from = b->n;
    print_flow(b, y, false);
    squeeze(b, from);
    if (b->n - from > most) {
        b->n = from + most;
        while (b->n > from && ((unsigned char)b->data[b->n] & 0xC0) == 0x80) {
            b->n--; /* not inside a character */
        }
        buffer_text(b, "…");
    }
}

void plan_print_step(struct buffer *b, const struct node *n)
{
    bool has_keys = n->yaml->kind == YAML_MAP && n->def->config != NULL;
    if (!has_keys) {
        buffer_text(b, "  ");
        plan_print_yaml(b, n->yaml, PLAN_TEXT_MOST);
        buffer_text(b, "\n");
        return;
    }
    buffer_text(b, "\n");
    for (int i = 0; i < n->yaml->n; i++) {
        char key[80];
        snprintf(key, sizeof key, "%s:", n->yaml->key[i]);
        buffer_printf(b, "             %-*s ", KEY_WIDTH, key);
        plan_print_yaml(b, n->yaml->item[i], PLAN_TEXT_MOST);
        buffer_text(b, "\n");
    }
}

/* A list of topics behind its label; each name once. */
struct topic_list {
    struct buffer *b;
    const char *label;
    int n;
    const char *seen[256];
};

static void list_topic(struct topic_list *l, const char *topic, const char *note)
{
    for (int i = 0; i < l->n && i < 256; i++) {
        if (strcmp(l->seen[i], topic) == 0) {
            return;
        }
    }
    if (l->n < 256) {
        l->seen[l->n] = topic;
    }
    buffer_printf(l->b, "%s%s", l->n++ ? ", " : l->label, topic);
    if (note) {
        buffer_printf(l->b, " (%s)", note);
    }
}

static void end_list(struct topic_list *l)
{
    if (l->n) {
        buffer_text(l->b, "\n");
    }
}

static void print_inner_topics(struct topic_list *l, const struct plan *p)
{
    bool feeds = false;
    for (uint16_t i = 0; i < p->nsources; i++) {
        if (p->source[i]->feeder) {
            list_topic(l, p->source[i]->topic[0], NULL);
            feeds = true;
        }
    }
    if (feeds) {
        buffer_printf(l->b, ", %s-sources", p->topology->name);
    }
    for (uint16_t i = 0; i < p->nsinks; i++) {
        if (p->sink[i]->repartition || p->sink[i]->drain) {
            list_topic(l, p->sink[i]->topic, NULL);
        }
    }
    for (uint16_t i = 0; i < p->nsubplans; i++) {
        for (uint16_t k = 0; k < p->subplan[i].nstores; k++) {
            list_topic(l, p->subplan[i].store[k].changelog, NULL);
        }
    }
}

/* All topics that are touched: what somebody else fills or reads, and klamm's own. */
void plan_print_topics(struct buffer *b, const struct plan *p)
{
    struct topic_list read = {.b = b, .label = "  read         "};
    struct topic_list written = {.b = b, .label = "  written      "};
    struct topic_list dead = {.b = b, .label = "  dead letters "};
    struct topic_list inner = {.b = b, .label = "  internal     "};
    buffer_text(b, "\ntopics\n");
    for (uint16_t i = 0; i < p->nsources; i++) {
        const struct plan_source *s = p->source[i];
        for (int k = 0; k < s->ntopics && s->repartition < 0 && !s->feeder; k++) {
            list_topic(&read, s->topic[k], s->value.def->name);
        }
    }
    for (uint16_t i = 0; i < p->nhistories; i++) {
        const struct plan *own = p->history[i]->plan;
        for (uint16_t k = 0; k < own->nsources; k++) {
            for (int n = 0; n < own->source[k]->ntopics && !own->source[k]->feeder; n++) {
                list_topic(&read, own->source[k]->topic[n], own->source[k]->value.def->name);
            }
        }
    }
    end_list(&read);
    for (uint16_t i = 0; i < p->nsinks; i++) {
        if (!p->sink[i]->repartition && !p->sink[i]->drain) {
            list_topic(&written, p->sink[i]->topic, p->sink[i]->value.def->name);
        }
    }
    end_list(&written);
    for (uint16_t i = 0; i < p->nsources; i++) {
        if (p->source[i]->errors.tolerance == TOLERATE_ALL) {
            list_topic(&dead, p->source[i]->errors.dead_letter_topic, NULL);
        }
    }
    end_list(&dead);
    print_inner_topics(&inner, p);
    end_list(&inner);
}
