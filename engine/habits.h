/* Habits: words of SQL, Kafka Streams, scikit-learn and other systems, and what klamm calls the
 * same. Asked where a word is unknown, before nearest_name() looks for a slip of the pen. Constant;
 * any thread.
 */
#ifndef KLAMM_ENGINE_HABITS_H
#define KLAMM_ENGINE_HABITS_H

enum habit_kind {
    HABIT_FUNCTION, /* what to write instead: "coalesce(a, b)" */
    HABIT_STEP,     /* likewise: "key_by: [column]" */
    HABIT_KEY,      /* another key of a map */
    HABIT_VALUE,    /* another word where one of some is expected */
    HABIT_TYPE,     /* another type */
};

/* What is written here for `name` (in any case, with underscores or without), or NULL. */
const char *habit_of(enum habit_kind kind, const char *name);
/* The candidate that is meant by `name`: by habit, or else the nearest; NULL: none. `candidates`
 * ends with NULL. */
const char *habit_or_nearest(enum habit_kind kind, const char *name, const char *const *candidates);

#endif
