/* Keys of rows: reversible bytes for state, text for record keys and for order.
 *
 *   one string key column:   the string's bytes
 *   otherwise                each key column as an item of nested.h without its presence byte
 *
 * Key bytes never hold a null: a row whose key has a null column is dropped by keyed steps. No key
 * columns (key_by: []): zero bytes.
 */
#ifndef KLAMM_ENGINE_KEY_H
#define KLAMM_ENGINE_KEY_H

#include "engine/batch.h"
#include "engine/buffer.h"

/* True when any key column of the row is null. */
bool key_is_null(const struct batch *b, uint16_t row);
/* Key bytes and hashes of all selected rows at once: key[row], hash[row] (arena); rows with a null
 * in the key are left out of sel (arena) and counted in *nulls. Strings may point into the batch.
 */
struct keyed_rows {
    struct str *key;
    uint64_t *hash;
    uint16_t *sel;
    uint16_t nsel;
    uint16_t nulls;
};
struct keyed_rows key_rows(const struct batch *b);
/* Writes the key columns of `schema` for key bytes into col[schema->key[i]] at row `to`. */
int key_restore(const struct schema *schema, const void *key, uint32_t n, struct vec *col,
                uint16_t to, uint16_t rows, struct arena *a);
/* Text of key bytes: columns joined by `|`; also the order in which windows come out. */
void key_text(const struct schema *schema, const void *key, uint32_t n, struct buffer *out);

#endif
