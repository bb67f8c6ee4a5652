/* Snapshot: saved then loaded is the same; damage is an error, never more. */
#include "engine/snapshot.h"

#include "engine/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

struct model {
    int64_t n;
    uint32_t k;
    double rate, fixed[3];
    double *weights;
    uint32_t nweights;
    char *name;
    uint32_t name_n;
};

static int model_io(struct model *m, struct snapshot *s)
{
    snapshot_version(s, 2);
    snapshot_long(s, &m->n);
    snapshot_u32(s, &m->k);
    snapshot_double(s, &m->rate);
    snapshot_array(s, m->fixed, 3);
    snapshot_doubles(s, &m->weights, &m->nweights, 10);
    snapshot_bytes(s, &m->name, &m->name_n, 10);
    return snapshot_status(s);
}

static void model_done(struct model *m)
{
    mem_free(m->weights);
    mem_free(m->name);
    *m = (struct model){0};
}

static void save(struct buffer *out)
{
    double weights[] = {1.5, -2.5};
    char name[] = "abc";
    struct model m = {-5, 7, 0.25, {1, 2, 3}, weights, 2, name, 3};
    struct snapshot s = snapshot_saver(out);
    assert_int_equal(model_io(&m, &s), 0);
}

static void round_trip(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b);
    save(&b);
    struct model m = {0};
    struct snapshot s = snapshot_loader(b.data, b.n);
    assert_int_equal(model_io(&m, &s), 0);
    assert_int_equal(s.version, 2);
    assert_ptr_equal(s.p, s.end);
    assert_int_equal(m.n, -5);
    assert_int_equal(m.k, 7);
    assert_true(m.rate == 0.25 && m.fixed[2] == 3 && m.weights[1] == -2.5);
    assert_int_equal(m.nweights, 2);
    assert_memory_equal(m.name, "abc", 3);
    struct snapshot again = snapshot_loader(b.data, b.n); /* over what is there */
    assert_int_equal(model_io(&m, &again), 0);
    model_done(&m);
    buffer_done(&b);
}

static void damage(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b);
    save(&b);
    for (size_t n = 0; n < b.n; n++) {
        struct model m = {0};
        struct snapshot s = snapshot_loader(b.data, n);
        assert_int_equal(model_io(&m, &s), -ERR_DATA);
        model_done(&m);
    }
    for (size_t i = 0; i < b.n; i++) {
        for (int byte = 0; byte < 256; byte++) {
            char *p = mem_alloc(b.n);
            memcpy(p, b.data, b.n);
            p[i] = (char)byte;
            struct model m = {0};
            struct snapshot s = snapshot_loader(p, b.n);
            int status = model_io(&m, &s);
            assert_true(status == 0 || status == -ERR_DATA);
            assert_true(m.nweights <= 10 && m.name_n <= 10);
            model_done(&m);
            mem_free(p);
        }
    }
    buffer_done(&b);
}

static void newer_versions_are_refused(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b);
    struct snapshot s = snapshot_saver(&b);
    snapshot_version(&s, 3);
    struct snapshot l = snapshot_loader(b.data, b.n);
    snapshot_version(&l, 2);
    assert_int_equal(snapshot_status(&l), -ERR_DATA);
    l = snapshot_loader(b.data, b.n);
    snapshot_version(&l, 4);
    assert_int_equal(l.version, 3);
    assert_int_equal(snapshot_status(&l), 0);
    buffer_done(&b);
}

static void counts_are_in_range(void **state)
{
    (void)state;
    const int64_t value[] = {0, 7, INT64_C(1) << 62, -1, (INT64_C(1) << 62) + 1, INT64_MAX};
    for (int i = 0; i < 6; i++) {
        struct buffer b;
        int64_t v = value[i];
        buffer_init(&b);
        struct snapshot s = snapshot_saver(&b);
        snapshot_long(&s, &v);
        s = snapshot_loader(b.data, b.n);
        snapshot_count(&s, &v);
        assert_int_equal(snapshot_status(&s), i < 3 ? 0 : -ERR_DATA);
        assert_true(v == (i < 3 ? value[i] : 0));
        buffer_done(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(damage),
        cmocka_unit_test(newer_versions_are_refused),
        cmocka_unit_test(counts_are_in_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
