/* Hashes: murmur2 against the vectors of Kafka's own unit test, XXH3 against its published value.
 */
#include "engine/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void murmur2_as_the_java_client(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        int32_t hash;
    } vector[] = {
        {"21", -973932308},
        {"foobar", -790332482},
        {"a-little-bit-long-string", -985981536},
        {"a-little-bit-longer-string", -1486304829},
        {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
        {"abc", 479470107},
    };
    for (size_t i = 0; i < sizeof vector / sizeof vector[0]; i++) {
        uint32_t h = hash_murmur2(vector[i].key, strlen(vector[i].key));
        assert_int_equal((int32_t)h, vector[i].hash);
    }
}

static void stable_hash_is_xxh3(void **state)
{
    (void)state;
    assert_true(hash_stable("", 0, 0) == 0x2d06800538d394c2ULL);
    assert_true(hash_stable("a", 1, 0) != hash_stable("a", 1, 1));
    assert_true(hash_stable("a", 1, 0) != hash_stable("b", 1, 0));
}

static void table_hash_depends_on_bytes(void **state)
{
    (void)state;
    assert_true(hash_bytes("abc", 3, 0) == hash_bytes("abc", 3, 0));
#ifdef KLAMM_SMALL
    assert_true(hash_bytes("abc", 3, 0) < 8);
#else
    assert_true(hash_bytes("abc", 3, 0) == hash_stable("abc", 3, 0));
#endif
    assert_true(hash_mix(1, 2) != hash_mix(2, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(murmur2_as_the_java_client),
        cmocka_unit_test(stable_hash_is_xxh3),
        cmocka_unit_test(table_hash_depends_on_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
