/* Any bytes as an Avro schema: parsed, printed and parsed again (the same), flattened, resolved
 * with itself, compiled both ways. */
#include "schemas/avro_encode.h"
#include "schemas/avro_plan.h"
#include "schemas/compatibility.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool is_true)
{
    if (!is_true) {
        abort();
    }
}

static void reparse(const struct avro_node *s, struct arena *a)
{
    struct buffer text;
    struct avro_node *again = NULL;
    struct err e = {0};
    buffer_init(&text);
    avro_schema_print(&text, s);
    if (text.n <= AVRO_TEXT_MAX) {
        check(avro_schema_parse(&again, a, buffer_cstr(&text), text.n, &e) == 0);
        check(avro_schema_same(s, again));
        check(avro_schema_fingerprint(s) == avro_schema_fingerprint(again));
        (void)compatibility_check(text.data, text.data, NULL);
    }
    buffer_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct avro_node *s;
    struct avro_shape *shape, **leaf;
    struct avro_encoder *encoder;
    uint32_t n;
    arena_init(&a);
    if (avro_schema_parse(&s, &a, (const char *)data, size, NULL) == 0) {
        reparse(s, &a);
        const struct avro_link *link = avro_resolve(&a, s, s);
        if (link && avro_columns(&shape, &leaf, &n, &a, s, "_value", NULL) == 0) {
            struct schema *schema = schema_new(&a, (uint16_t)(n + 1));
            for (uint32_t i = 0; i < n; i++) {
                leaf[i]->target = (int32_t)i;
                schema_add(schema, leaf[i]->name, leaf[i]->type, true, false);
            }
            (void)avro_plan_compile(&a, link, shape);
            (void)avro_encoder_compile(&encoder, &a, shape, schema, NULL);
        }
    }
    arena_done(&a);
    return 0;
}
