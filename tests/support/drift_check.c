/* Checks that every drift detector passes; see the header. */
#include "tests/support/drift_check.h"

#include "engine/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

double drift_value(int i)
{
    return (i * 7919 % 101) / 101.0 + (i / 700 % 2 ? 0.5 : 0);
}

double drift_error(int i)
{
    return i * 7919 % 101 < (i / 700 % 2 ? 50 : 20) ? 1 : 0;
}

const void *drift_options(struct arena *a, const struct drift_def *def, const char *text)
{
    struct diags diags;
    struct yaml *y;
    void *out = arena_zalloc(a, def->options_size);
    diags_init(&diags);
    assert_int_equal(yaml_parse(&y, a, "options", text, strlen(text), &diags), 0);
    assert_int_equal(config_parse(def->options, out, y, "options", a, &diags), 0);
    diags_done(&diags);
    return out;
}

void check_alarms(const struct drift_def *def, const void *options, double (*value)(int),
                  int values, const int *at, int n)
{
    void *d = def->open(options, 42);
    int alarms = 0;
    for (int i = 0; i < values; i++) {
        if (def->update(d, value(i))) {
            assert_true(alarms < n);
            assert_int_equal(i, at[alarms]);
            alarms++;
        }
    }
    assert_int_equal(alarms, n);
    def->close(d);
}

void check_no_alarm(const struct drift_def *def, const void *options, double x, int values)
{
    void *d = def->open(options, 42);
    for (int i = 0; i < values; i++) {
        assert_false(def->update(d, x));
    }
    def->close(d);
}

static void save(const struct drift_def *def, void *d, struct buffer *out)
{
    buffer_init(out);
    struct snapshot s = snapshot_saver(out);
    assert_int_equal(def->io(d, &s), 0);
}

static void goes_on_after_load(const struct drift_def *def, const void *options,
                               double (*value)(int), int place)
{
    void *a = def->open(options, 42), *b = def->open(options, 7);
    struct buffer saved, again;
    int i = 0;
    for (; i < place; i++) {
        def->update(a, value(i));
    }
    save(def, a, &saved);
    struct snapshot s = snapshot_loader(saved.data, saved.n);
    assert_int_equal(def->io(b, &s), 0);
    assert_ptr_equal(s.p, s.end);
    for (; i < place + 1500; i++) {
        assert_int_equal(def->update(a, value(i)), def->update(b, value(i)));
    }
    buffer_done(&saved);
    save(def, a, &saved);
    save(def, b, &again);
    assert_int_equal(saved.n, again.n);
    assert_memory_equal(saved.data, again.data, saved.n);
    buffer_done(&saved);
    buffer_done(&again);
    def->close(a);
    def->close(b);
}

static int load_and_use(const struct drift_def *def, const void *options, const char *bytes,
                        size_t n, double (*value)(int))
{
    void *d = def->open(options, 42);
    struct snapshot s = snapshot_loader(bytes, n);
    int status = def->io(d, &s);
    for (int i = 0; i < 40; i++) {
        def->update(d, value(i));
    }
    def->close(d);
    return status;
}

static void refuses_damage(const struct drift_def *def, const void *options, double (*value)(int),
                           int place)
{
    struct buffer saved;
    void *d = def->open(options, 42);
    for (int i = 0; i < place; i++) {
        def->update(d, value(i));
    }
    save(def, d, &saved);
    def->close(d);
    for (size_t n = 0; n < saved.n; n++) {
        assert_int_equal(load_and_use(def, options, saved.data, n, value), -ERR_DATA);
    }
    for (size_t i = 0; i < saved.n * 8; i++) {
        saved.data[i / 8] = (char)(saved.data[i / 8] ^ (1 << i % 8));
        load_and_use(def, options, saved.data, saved.n, value);
        saved.data[i / 8] = (char)(saved.data[i / 8] ^ (1 << i % 8));
    }
    assert_int_equal(load_and_use(def, options, saved.data, saved.n, value), 0);
    buffer_done(&saved);
}

void check_drift_detector(const struct drift_def *def, const void *options, double (*value)(int))
{
    const int places[] = {0, 1, 29, 100, 699, 703, 737, 1000, 2100};
    for (size_t k = 0; k < sizeof(places) / sizeof(places[0]); k++) {
        goes_on_after_load(def, options, value, places[k]);
    }
    refuses_damage(def, options, value, 60);
    refuses_damage(def, options, value, 650);
    void *d = def->open(options, 42);
    for (int i = 0; i < 700; i++) {
        def->update(d, value(i));
    }
    uint64_t before = mem_count(), size = def->size(d);
    for (int i = 700; i < 2000; i++) {
        def->update(d, value(i));
    }
    assert_int_equal(mem_count(), before);
    assert_true(size > 0 && def->size(d) == size);
    def->close(d);
}
