/* Rows for expressions: four of every type. */
#ifndef KLAMM_TESTS_SUPPORT_EXPRESSION_ROWS_H
#define KLAMM_TESTS_SUPPORT_EXPRESSION_ROWS_H

#include "engine/batch.h"
#include "engine/config.h"

/* Rows:       0                  1            2                              3
 *   a         1                  2            -3                             9223372036854775807
 *   b         10                 null         0                              -1
 *   x         0.5                -2.25        NaN                            1e300
 *   y         2.0                null         0.0                            -Infinity
 *   s         abc                ''           Grüße aus Köln                 a,b,c
 *   u         x                  null         long text: over twelve bytes   7
 *   t         2026-01-31T12:34:56.789Z        1969-12-31T23:59:59.999Z
 *                         1970-01-01T00:00:00.000Z              2024-02-29T00:00:00.000Z
 *   f         true               null         false                          true
 *   raw       41 42              (empty)      ff fe                          41
 *   tags      [p, q]             []           [null]                         null
 *   nums      [1.0, 2.0]         []           [3.0, 4.0]                     [0.5, null]
 *   m         {k: 7}             {}           {k: null}                      {k: 1, k: 2}
 *   recs      [{id 5, name n}]   []           []                             []
 *   a.b       100                200          300                            400
 *   odd name  1                  2            3                              4
 *   _key      k0                 k1           k2                             k3
 *
 *   long       a, b?, a.b, odd name     timestamp  t       array<string>   tags?
 *   double     x, y?                    boolean    f?      array<double>   nums
 *   string     s, u?, _key (hidden)     bytes      raw     map<long>       m
 *   array<record<id: long, name: string>>    recs          ?: may be null
 */
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
