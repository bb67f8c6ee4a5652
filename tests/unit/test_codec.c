/* Codecs by name: each finds itself, others nobody. */
#include "engine/codec.h"
#include "engine/registry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void found_by_name(void **state)
{
    (void)state;
    for (int i = 0; registry_codecs[i]; i++) {
        assert_ptr_equal(codec_named(registry_codecs[i]->name), registry_codecs[i]);
    }
    assert_non_null(codec_named("avro"));
    assert_null(codec_named("Avro"));
    assert_null(codec_named(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(found_by_name)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
