/* klamm schema: the JSON Schema of topology files, for editors; --reference prints the same tables
 * as the Markdown reference of docs/topology.md. Both come from the descriptor tables, so they
 * cannot go stale.
 */
#include "engine/aggregate.h"
#include "engine/codec.h"
#include "engine/connector.h"
#include "engine/drift.h"
#include "engine/forecaster.h"
#include "engine/learner.h"
#include "engine/registry.h"
#include "engine/step.h"
#include "engine/topology.h"
#include "engine/window.h"
#include "worker/commands/command.h"

#include <stdio.h>
#include <string.h>

/* The schema of one step's value: its table, a scalar or list, or either. */
static void step_schema(struct buffer *b, const struct step_def *s)
{
    if (s->config && s->value) {
        buffer_text(b, "{\"anyOf\":[{\"type\":[\"string\",\"number\",\"boolean\",\"array\"]},");
    }
    if (s->config) {
        config_json_object(b, s->config);
    } else {
        buffer_text(b, "{\"type\":[\"string\",\"number\",\"boolean\",\"array\",\"object\"]}");
    }
    if (s->config && s->value) {
        buffer_text(b, "]}");
    }
}

static void print_json_schema(struct buffer *b)
{
    buffer_text(b, "{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"title\":\"klamm "
                   "topology\",\"definitions\":{\"step\":{\"type\":\"object\",\"minProperties\":1,"
                   "\"maxProperties\":1,\"additionalProperties\":false,\"properties\":{");
    bool is_first = true;
    for (int i = 0; registry_steps[i]; i++) {
        if (!registry_steps[i]->internal) {
            buffer_printf(b, "%s\"%s\":", is_first ? "" : ",", registry_steps[i]->name);
            step_schema(b, registry_steps[i]);
            is_first = false;
        }
    }
    buffer_text(b, "}},\"stream\":{\"allOf\":[");
    config_json_object(b, stream_fields);
    buffer_text(b, ",{\"properties\":{\"steps\":{\"type\":\"array\",\"items\":{\"$ref\":"
                   "\"#/definitions/step\"}}}}]},\"table\":");
    config_json_object(b, table_fields);
    buffer_text(b, "},\"allOf\":[");
    config_json_object(b, topology_fields);
    buffer_text(b, ",{\"properties\":{\"streams\":{\"type\":\"object\",\"additionalProperties\":"
                   "{\"$ref\":\"#/definitions/stream\"}},\"tables\":{\"type\":\"object\","
                   "\"additionalProperties\":{\"$ref\":\"#/definitions/table\"}}}}]}\n");
}

static void print_table(struct buffer *b, const struct config_field *fields)
{
    config_markdown(b, fields);
    buffer_text(b, "\n");
}

/* A map's keys, and the field that a scalar or list stands for. */
static void print_config(struct buffer *b, const struct config_field *config,
                         const struct config_field *value)
{
    if (value) {
        struct config_field alone[2] = {*value, {0}};
        print_table(b, alone);
    }
    if (config && config->name) {
        print_table(b, config);
    }
}

static void print_steps(struct buffer *b)
{
    buffer_text(b, "### Steps\n\n");
    for (int i = 0; registry_steps[i]; i++) {
        const struct step_def *s = registry_steps[i];
        if (s->internal) {
            continue;
        }
        buffer_printf(b, "#### `%s`\n\n%s\n\n", s->name, s->doc);
        print_config(b, s->config, s->value);
    }
    buffer_text(b, "### Kinds of windows\n\n");
    for (int i = 0; registry_windows[i]; i++) {
        const struct window_def *w = registry_windows[i];
        buffer_printf(b, "#### `%s`\n\n%s\n\n", w->name, w->doc);
        print_config(b, w->config, w->value);
    }
    buffer_text(b, "### Aggregates\n\n");
    for (int i = 0; registry_aggregates[i]; i++) {
        buffer_printf(b, "- %s\n", registry_aggregates[i]->doc);
    }
    buffer_text(b, "\n### Learners\n\n");
    for (int i = 0; registry_learners[i]; i++) {
        const struct learner_def *l = registry_learners[i];
        buffer_printf(b, "#### `%s`\n\n%s\n\n", l->name, l->doc);
        print_config(b, l->options, NULL);
    }
    buffer_text(b, "### Forecasters\n\n");
    for (int i = 0; registry_forecasters[i]; i++) {
        const struct forecaster_def *f = registry_forecasters[i];
        buffer_printf(b, "#### `%s`\n\n%s\n\n", f->name, f->doc);
        print_config(b, f->options, NULL);
    }
    buffer_text(b, "### Drift detectors\n\n");
    for (int i = 0; registry_drifts[i]; i++) {
        const struct drift_def *d = registry_drifts[i];
        buffer_printf(b, "#### `%s`\n\n%s\n\n", d->name, d->doc);
        print_config(b, d->options, NULL);
    }
}

static void print_formats(struct buffer *b)
{
    buffer_text(b, "### Formats of keys and values\n\n| format | for | |\n|---|---|---|\n");
    for (int i = 0; registry_codecs[i]; i++) {
        const struct codec_def *c = registry_codecs[i];
        buffer_printf(b, "| `%s` | %s%s%s | %s |\n", c->name, c->for_key ? "key" : "",
                      c->for_key && c->for_value ? ", " : "", c->for_value ? "value" : "", c->doc);
    }
    buffer_text(b, "\n");
}

static void print_reference(struct buffer *b)
{
    buffer_text(b, "### Top level\n\n");
    print_table(b, topology_fields);
    buffer_text(b, "### Streams\n\n");
    print_table(b, stream_fields);
    buffer_text(b, "### Tables\n\n");
    print_table(b, table_fields);
    buffer_text(b, "### `from: {topic: …}`\n\n");
    print_table(b, topic_from_fields);
    buffer_text(b, "### `to: {topic: …}`\n\n");
    print_table(b, topic_to_fields);
    print_formats(b);
    print_steps(b);
    buffer_text(b, "### Sources and sinks beside topics\n\n");
    for (int i = 0; registry_connectors[i]; i++) {
        const struct connector_def *c = registry_connectors[i];
        buffer_printf(b, "#### `%s` (%s%s%s)\n\n%s\n\n", c->name, c->columns ? "source" : "",
                      c->columns && c->sink_open ? ", " : "", c->sink_open ? "sink" : "", c->doc);
        print_config(b, c->config, NULL);
    }
}

static int run(const struct invocation *in)
{
    struct buffer b;
    buffer_init(&b);
    if (flag_given(in, "reference")) {
        print_reference(&b);
    } else {
        print_json_schema(&b);
    }
    fwrite(b.data, 1, b.n, stdout);
    buffer_done(&b);
    return EXIT_OK;
}

static const struct flag flags[] = {
    {"reference", NULL, "print the reference of all keys as Markdown"},
    {0},
};

const struct command command_schema = {
    .name = "schema",
    .usage = "[--reference]",
    .doc = "prints the JSON Schema of topology files",
    .max_args = 0,
    .flags = flags,
    .run = run,
};
