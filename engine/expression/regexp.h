/* Regular expressions in linear time, over UTF-8. A compiled one is immutable, lives in its arena,
 * and is shared by all lanes.
 *
 *   . [abc] [^a-z] [[:alpha:]] \d \D \w \W \s \S    one character
 *   * + ? {n} {n,} {n,m}, with ? behind: as few as possible
 *   x|y  (x)  (?:x)  ^  $  \b  \B    (?i) in front: letters in any case
 *   \ before any other punctuation takes it as it is; \t \n \r
 */
#ifndef KLAMM_ENGINE_EXPRESSION_REGEXP_H
#define KLAMM_ENGINE_EXPRESSION_REGEXP_H

#include "engine/arena.h"
#include "engine/error.h"

#include <stdbool.h>
#include <stdint.h>

struct regexp;

int regexp_compile(const struct regexp **out, struct arena *a, const char *pattern, uint32_t n,
                   struct err *e);
int regexp_groups(const struct regexp *re);
/* Steps that matching n bytes may take at most. */
uint64_t regexp_cost(const struct regexp *re, uint32_t n);

/* Memory for matching, of one caller at a time. */
struct regexp_run;
struct regexp_run *regexp_run_new(struct arena *a, const struct regexp *re);
/* The leftmost match, as Java and Perl choose it. Bytes [*from, *to) of `group` (0: the whole
 * match); *from is -1 when the group took no part. from may be NULL: then any match will do. */
bool regexp_match(struct regexp_run *run, const char *p, uint32_t n, int group, int64_t *from,
                  int64_t *to);

#endif
