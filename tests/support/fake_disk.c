/* A sorted array of entries, and a list of pending ones. */
#include "tests/support/fake_disk.h"

#include "engine/memory.h"

#include <assert.h>
#include <string.h>

static int compare(const struct fake_entry *x, uint16_t store, const void *key, size_t n)
{
    if (x->store != store) {
        return x->store < store ? -1 : 1;
    }
    size_t both = x->key_n < n ? x->key_n : n;
    int c = both ? memcmp(x->key, key, both) : 0;
    return c ? c : x->key_n < n ? -1 : x->key_n > n;
}

/* Number of the first entry that is not before the key. */
static size_t lower(const struct fake_disk *f, uint16_t store, const void *key, size_t n)
{
    size_t low = 0, high = f->n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (compare(&f->entry[mid], store, key, n) < 0) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

static bool is_at(const struct fake_disk *f, size_t i, uint16_t store, const void *key, size_t n)
{
    return i < f->n && compare(&f->entry[i], store, key, n) == 0;
}

static bool lives(const struct fake_disk *f, const char *call)
{
    return !f->lives || f->lives(f->ctx, call);
}

static int may_read(struct fake_disk *f)
{
    if (!lives(f, "disk read")) {
        return state_disk_fail(&f->disk, "the process is dead");
    }
    if (f->reads_left == 0) {
        return state_disk_fail(&f->disk, "no more reads");
    }
    f->reads_left -= f->reads_left > 0;
    return 0;
}

static int fake_get(struct state_disk *d, uint16_t store, const void *key, size_t n,
                    struct buffer *value)
{
    struct fake_disk *f = (struct fake_disk *)d;
    size_t i = lower(f, store, key, n);
    f->gets++;
    if (may_read(f) < 0) {
        return -ERR_DATA;
    }
    if (!is_at(f, i, store, key, n)) {
        return 0;
    }
    buffer_add(value, f->entry[i].value, f->entry[i].value_n);
    return 1;
}

static int fake_each(struct state_disk *d, uint16_t store, const void *from, size_t n,
                     size_t prefix_n, state_disk_each each, void *ctx)
{
    struct fake_disk *f = (struct fake_disk *)d;
    int status = 0;
    for (size_t i = lower(f, store, from, n); i < f->n && status == 0; i++) {
        const struct fake_entry *x = &f->entry[i];
        if (x->store != store || x->key_n < prefix_n ||
            (prefix_n && memcmp(x->key, from, prefix_n) != 0)) {
            break;
        }
        status = may_read(f);
        status = status < 0 ? status : each(ctx, x->key, x->key_n, x->value, x->value_n);
    }
    return status;
}

static int fake_seek(struct state_disk *d, uint16_t store, const void *from, size_t n,
                     struct buffer *key)
{
    struct fake_disk *f = (struct fake_disk *)d;
    size_t i = lower(f, store, from, n);
    if (may_read(f) < 0) {
        return -ERR_DATA;
    }
    if (i == f->n || f->entry[i].store != store) {
        return 0;
    }
    buffer_clear(key);
    buffer_add(key, f->entry[i].key, f->entry[i].key_n);
    return 1;
}

static void fake_put(struct state_disk *d, uint16_t store, const void *key, size_t n,
                     const void *value, size_t value_n)
{
    struct fake_disk *f = (struct fake_disk *)d;
    if (!lives(f, "disk put")) {
        return;
    }
    if (f->npending == f->cap_pending) {
        f->cap_pending = f->cap_pending ? 2 * f->cap_pending : 64;
        f->pending = mem_resize(f->pending, f->cap_pending, sizeof *f->pending);
    }
    f->pending[f->npending++] =
        (struct fake_entry){store, n, value_n, mem_strndup(n ? key : "", n),
                            value ? mem_strndup(value_n ? value : "", value_n) : NULL};
}

static void forget(struct fake_entry *x)
{
    mem_free(x->key);
    mem_free(x->value);
}

static void apply(struct fake_disk *f, struct fake_entry *x)
{
    size_t i = lower(f, x->store, x->key, x->key_n);
    bool is_there = is_at(f, i, x->store, x->key, x->key_n);
    if (is_there) {
        forget(&f->entry[i]);
    }
    if (!x->value) {
        forget(x);
        if (is_there) {
            memmove(&f->entry[i], &f->entry[i + 1], (--f->n - i) * sizeof *x);
        }
        return;
    }
    if (!is_there) {
        if (f->n == f->cap) {
            f->cap = f->cap ? 2 * f->cap : 64;
            f->entry = mem_resize(f->entry, f->cap, sizeof *f->entry);
        }
        memmove(&f->entry[i + 1], &f->entry[i], (f->n++ - i) * sizeof *x);
    }
    f->entry[i] = *x;
}

static struct fake_entry *copy_all(const struct fake_entry *from, size_t n)
{
    struct fake_entry *to = mem_array(n + 1, sizeof *to);
    for (size_t i = 0; i < n; i++) {
        const struct fake_entry *x = &from[i];
        to[i] = (struct fake_entry){x->store, x->key_n, x->value_n, mem_strndup(x->key, x->key_n),
                                    mem_strndup(x->value, x->value_n)};
    }
    return to;
}

static void forget_all(struct fake_entry *x, size_t n)
{
    while (n > 0) {
        forget(&x[--n]);
    }
}

static void keep(struct fake_disk *f)
{
    forget_all(f->kept, f->nkept);
    mem_free(f->kept);
    f->kept = copy_all(f->entry, f->n);
    f->nkept = f->n;
}

void fake_disk_lose(struct fake_disk *f)
{
    forget_all(f->entry, f->n);
    mem_free(f->entry);
    f->entry = copy_all(f->kept, f->nkept);
    f->n = f->nkept;
    f->cap = f->n + 1;
}

static int fake_write(struct state_disk *d, int64_t now, struct err *e)
{
    struct fake_disk *f = (struct fake_disk *)d;
    (void)now;
    if (!lives(f, "disk write")) {
        return err_set(e, ERR_RETRY, "the process is dead");
    }
    for (size_t i = 0; i < f->npending; i++) {
        apply(f, &f->pending[i]);
    }
    f->npending = 0;
    f->writes++;
    if (f->keeps_every && f->writes % f->keeps_every == 0) {
        keep(f);
    }
    return lives(f, "disk written") ? 0 : err_set(e, ERR_RETRY, "the process is dead");
}

static void discard(struct fake_disk *f)
{
    while (f->npending > 0) {
        forget(&f->pending[--f->npending]);
    }
}

static void clear(struct fake_disk *f)
{
    discard(f);
    forget_all(f->entry, f->n);
    forget_all(f->kept, f->nkept);
    f->n = f->nkept = 0;
}

static int fake_clear(struct state_disk *d, struct err *e)
{
    struct fake_disk *f = (struct fake_disk *)d;
    if (!lives(f, "disk clear")) {
        return err_set(e, ERR_RETRY, "the process is dead");
    }
    clear(f);
    return 0;
}

void fake_disk_kill(struct fake_disk *f)
{
    discard(f);
    fake_disk_lose(f);
    f->disk.failed = 0;
    f->lives = NULL;
}

static uint64_t fake_share(const struct state_disk *d)
{
    return ((const struct fake_disk *)d)->share;
}

static void fake_close(struct state_disk *d)
{
    struct fake_disk *f = (struct fake_disk *)d;
    discard(f);
    if (d->failed) {
        clear(f);
        d->failed = 0;
        f->reads_left = -1;
    }
}

static const struct state_disk_ops fake_ops = {
    .get = fake_get,
    .each = fake_each,
    .seek = fake_seek,
    .put = fake_put,
    .write = fake_write,
    .clear = fake_clear,
    .share = fake_share,
    .close = fake_close,
};

void fake_disk_init(struct fake_disk *f, uint64_t share)
{
    *f = (struct fake_disk){.disk.ops = &fake_ops, .share = share, .reads_left = -1};
}

void fake_disk_done(struct fake_disk *f)
{
    clear(f);
    mem_free(f->entry);
    mem_free(f->pending);
    mem_free(f->kept);
}

struct committing {
    struct fake_disk *f;
    uint16_t store;
};

static int put_change(void *ctx, const void *key, uint32_t key_n, const void *value, size_t value_n)
{
    const struct committing *c = ctx;
    fake_put(&c->f->disk, c->store, key, key_n, value, value_n);
    return 0;
}

void fake_disk_commit(struct fake_disk *f, struct state *s, uint16_t store)
{
    int status = state_changes(s, put_change, &(struct committing){f, store});
    assert(status == 0);
    (void)status;
    fake_write(&f->disk, 0, NULL);
    state_committed(s);
}

bool fake_disk_has(const struct fake_disk *f, uint16_t store, const char *key)
{
    return is_at(f, lower(f, store, key, strlen(key)), store, key, strlen(key));
}
