/* One table a kind, searched from its top: they are asked only when something is wrong. A word that
 * klamm knows itself is never asked for, so none of them stands here on the left.
 */
#include "engine/habits.h"

#include "engine/error.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct habit {
    const char *name, *here;
};

static const struct habit functions[] = {
    {"ifnull", "coalesce(a, b)"},
    {"nvl", "coalesce(a, b)"},
    {"is_null", "a is null"},
    {"isna", "a is null"},
    {"fillna", "coalesce(a, b)"},
    {"log", "ln(a)"},
    {"log1p", "ln(1 + a)"},
    {"log2", "ln(a) / ln(2)"},
    {"power", "pow(a, b)"},
    {"sigmoid", "1 / (1 + exp(-a))"},
    {"clip", "least(greatest(a, low), high)"},
    {"hour", "extract(hour from t)"},
    {"minute", "extract(minute from t)"},
    {"day", "extract(day from t)"},
    {"month", "extract(month from t)"},
    {"year", "extract(year from t)"},
    {"weekday", "extract(dow from t)"},
    {"day_of_week", "extract(dow from t)"},
    {"int", "cast(a as long)"},
    {"float", "cast(a as double)"},
    {"str", "cast(a as string)"},
    {"iff", "if(condition, a, b)"},
    {"iif", "if(condition, a, b)"},
    {"len", "length(text)"},
    {"char_length", "length(text)"},
    {"strlen", "length(text)"},
    {"ucase", "upper(text)"},
    {"lcase", "lower(text)"},
    {"to_string", "cast(a as string)"},
    {"to_long", "cast(a as long)"},
    {"to_int", "cast(a as long)"},
    {"to_double", "cast(a as double)"},
    {"mean", "avg(a)"},
    {"average", "avg(a)"},
    {"percentile", "quantile(a, 0.95)"},
    {"approx_percentile", "quantile(a, 0.95)"},
    {"percentile_cont", "quantile(a, 0.95)"},
    {"distinct", "count_distinct(a)"},
    {"approx_count_distinct", "count_distinct(a)"},
    {"approx_distinct", "count_distinct(a)"},
    {"std", "stddev(a)"},
    {"stddev_samp", "stddev(a)"},
    {"variance", "var(a)"},
    {"var_samp", "var(a)"},
    {"first_value", "first(a)"},
    {"last_value", "last(a)"},
    {"latest_by_offset", "last(a)"},
    {"earliest_by_offset", "first(a)"},
    {"argmax", "arg_max(a, b)"},
    {"argmin", "arg_min(a, b)"},
    {"max_by", "arg_max(a, b)"},
    {"min_by", "arg_min(a, b)"},
    {"array_agg", "collect(a)"},
    {"collect_list", "collect(a)"},
    {"topk", "top_k(a, 10)"},
    {"unnest", "the step `flatten: a`"},
    {"explode", "the step `flatten: a`"},
    {"lag", "lag(a) in the step `running`"},
    {"diff", "diff(a) in the step `running`"},
    {"cumsum", "cumsum(a) in the step `running`"},
    {NULL, NULL},
};

static const struct habit steps[] = {
    {"group_by", "key_by"},
    {"groupbykey", "key_by"},
    {"select_key", "key_by"},
    {"partition_by", "key_by"},
    {"keyby", "key_by"},
    {"repartition", "key_by"},
    {"map", "select` (these columns only) or `add"},
    {"map_values", "select` (these columns only) or `add"},
    {"project", "select"},
    {"with_column", "add"},
    {"where", "filter"},
    {"flat_map", "flatten"},
    {"flat_map_values", "flatten"},
    {"unnest", "flatten"},
    {"explode", "flatten"},
    {"left_join", "join: {type: left, …}"},
    {"outer_join", "join: {type: outer, …}"},
    {"full_join", "join: {type: outer, …}"},
    {"inner_join", "join"},
    {"enrich", "lookup"},
    {"suppress", "emit: final` in the step `window"},
    {"branch", "split"},
    {"distinct", "dedupe"},
    {"deduplicate", "dedupe"},
    {"count", "aggregate: count() as n"},
    {"reduce", "aggregate"},
    {"tumbling", "window: {tumbling: 1m, …}"},
    {"hopping", "window: {hopping: {size: 1m, every: 10s}, …}"},
    {"session", "window: {session: 1m, …}"},
    {"windowed_by", "window"},
    {"standard_scaler", "scale"},
    {"standardize", "scale"},
    {"normalize", "scale"},
    {"min_max_scaler", "scale: {method: min_max, …}"},
    {"robust_scaler", "scale: {method: robust, …}"},
    {"one_hot_encoder", "one_hot"},
    {"imputer", "impute"},
    {"simple_imputer", "impute"},
    {"stat_imputer", "impute"},
    {"fillna", "impute"},
    {"hashing", "feature_hash"},
    {"feature_hasher", "feature_hash"},
    {"hashing_vectorizer", "feature_hash"},
    {"count_vectorizer", "add: tokenize(text) as words"},
    {"bag_of_words", "add: tokenize(text) as words"},
    {"tokenize", "add: tokenize(text) as words"},
    {"discretize", "bin"},
    {"k_bins_discretizer", "bin"},
    {"winsorize", "clip"},
    {"select_k_best", "select_features"},
    {"variance_threshold", "select_features"},
    {"classifier", "classify"},
    {"classification", "classify"},
    {"predict", "classify` or `regress"},
    {"learn", "classify` or `regress"},
    {"regression", "regress"},
    {"regressor", "regress"},
    {"clustering", "cluster"},
    {"anomaly", "detect"},
    {"anomalies", "detect"},
    {"anomaly_detection", "detect"},
    {"outlier_detection", "detect"},
    {"outliers", "detect"},
    {"forecasting", "forecast"},
    {"time_series", "forecast"},
    {"drift_detection", "drift"},
    {"evaluate", "evaluate: [metric, …]` inside `classify"},
    {"sink", "to: …` beside `steps"},
    {"to", "to: …` beside `steps"},
    {NULL, NULL},
};

static const struct habit keys[] = {
    {"advance", "every"},
    {"advance_by", "every"},
    {"hop", "every"},
    {"slide", "every"},
    {"step", "every"},
    {"allowed_lateness", "grace"},
    {"lateness", "grace"},
    {"grace_period", "grace"},
    {"gap", "session"},
    {"inactivity_gap", "session"},
    {"aggregations", "aggregate"},
    {"aggregates", "aggregate"},
    {"source", "from"},
    {"sink", "to"},
    {"format", "value"},
    {"fields", "columns"},
    {"how", "type"},
    {"join_type", "type"},
    {"window", "within"},
    {"stream", "with"},
    {NULL, NULL},
};

static const struct habit values[] = {
    {"full", "outer"},     {"full_outer", "outer"},         {"left_outer", "left"},
    {"on_close", "final"}, {"earliest_offset", "earliest"}, {NULL, NULL},
};

static const struct habit types[] = {
    {"integer", "long"},   {"int32", "long"},         {"int64", "long"},
    {"bigint", "long"},    {"smallint", "long"},      {"text", "string"},
    {"varchar", "string"}, {"char", "string"},        {"str", "string"},
    {"float32", "double"}, {"float64", "double"},     {"real", "double"},
    {"number", "double"},  {"bool", "boolean"},       {"bytea", "bytes"},
    {"binary", "bytes"},   {"datetime", "timestamp"}, {"timestamptz", "timestamp"},
    {NULL, NULL},
};

static const struct habit *const tables[] = {
    [HABIT_FUNCTION] = functions, [HABIT_STEP] = steps, [HABIT_KEY] = keys,
    [HABIT_VALUE] = values,       [HABIT_TYPE] = types,
};

/* Whatever the case: group_by, groupBy, GROUPBY. */
static bool is_same_word(const char *a, const char *b)
{
    for (;; a++, b++) {
        a += strspn(a, "_");
        b += strspn(b, "_");
        if (*a == '\0' || tolower((unsigned char)*a) != tolower((unsigned char)*b)) {
            return *a == *b;
        }
    }
}

const char *habit_of(enum habit_kind kind, const char *name)
{
    for (const struct habit *h = tables[kind]; h->name != NULL; h++) {
        if (is_same_word(h->name, name)) {
            return h->here;
        }
    }
    return NULL;
}

const char *habit_or_nearest(enum habit_kind kind, const char *name, const char *const *candidates)
{
    const char *here = habit_of(kind, name);
    for (int k = 0; here != NULL && candidates[k] != NULL; k++) {
        if (strcmp(candidates[k], here) == 0) {
            return candidates[k];
        }
    }
    return nearest_name(name, candidates);
}
