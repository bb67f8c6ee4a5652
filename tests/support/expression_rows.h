/* Rows for expressions: four of every type. */
#ifndef KLAMM_TESTS_SUPPORT_EXPRESSION_ROWS_H
#define KLAMM_TESTS_SUPPORT_EXPRESSION_ROWS_H

#include "engine/batch.h"
#include "engine/config.h"

/* Rows:      0                1           2          3
 *   a        1                2           -3         9223372036854775807     long
 *   b        10               null        0          -1                      long?
 *   x        0.5              -2.25       NaN        1e300                   double
 *   y        2.0              null        0.0        -Infinity               double?
 *   s        abc              ''          Grüße aus Köln   a,b,c             string
 *   u        x                null        long text: over twelve bytes   7   string?
 *   t        2026-01-31T12:34:56.789Z  1970-01-01T00:00:00.000Z
 *            1969-12-31T23:59:59.999Z  2024-02-29T00:00:00.000Z              timestamp
 *   f        true             null        false      true                    boolean?
 *   raw      41 42            (empty)     ff fe      41                      bytes
 *   tags     [p, q]           []          [null]     null                    array<string>?
 *   nums     [1.0, 2.0]       []          [3.0, 4.0] [0.5, null]             array<double>
 *   m        {k: 7}           {}          {k: null}  {k: 1, k: 2}            map<long>
 *   recs     [{id 5, name n}] []          []         []                      array<record<id: long,
 * name: string>> a.b      100              200         300        400                     long odd
 * name 1                2           3          4                       long _key     k0 k1 k2 k3
 * string, hidden */
struct fixture {
    struct arena plan, mem;
    struct schema *schema;
    struct batch *batch;
};

void fixture_init(struct fixture *f);
void fixture_done(struct fixture *f);
/* Text as an expression of its own: its place is 3:5, in place. */
struct config_text fixture_text(const char *text);

#endif
