/* The file of a task: every batch is appended, with its mark; at a start all of it is replayed.
 *
 *   file     "klammst1" | hash of the task's name, 8 | frame ...                    (state_frame.h)
 *   batch    one write; frames of PIECE_MOST, of which the last one has FRAME_END
 *   at start what is behind the last whole batch is cut off, and comes from the changelog: which part
 *            of that the file has, its mark says, as of an earlier batch
 *
 * Nothing is synced: pages that were written outlive the process. Of what a crash of the machine
 * leaves, the checksums find the last good frame.
 *
 * Written anew, once values that have changed since, and deletions, are more than the rest:
 *
 *   file ──────── batch ─ batch ─ batch ──> goes on; it counts until the other is renamed over it
 *   file.new ─┬── batch ─ slice ─ batch ─ slice ... ─ FRAME_WHOLE
 *   table ────┘           of entries that did not change, as of this very commit
 *
 * A slice is as large as its batch, and SLICE_LEAST at least, so that it gets to an end whatever
 * changes meanwhile. The files of a task come to about 5 times what it saves, and 32 MB.
 *
 * What cannot be written (the disk is full) costs the file, not the task: it goes, and some time
 * later one is written from nothing, by the same slices.
 */
#include "engine/state_file.h"

#include "engine/hash.h"
#include "engine/logger.h"
#include "engine/memory.h"
#include "engine/state_frame.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC      "klammst1"
#define FILE_HEAD  16
#define PIECE_MOST ((size_t)1 << 20)
#ifdef KLAMM_SMALL
#define GARBAGE_MOST 512
#define SLICE_LEAST  64
#else
#define GARBAGE_MOST (16U << 20)
#define SLICE_LEAST  (256U << 10)
#endif
#define AGAIN_MS 60000 /* from a failure to the next attempt */

struct file {
    char *path;
    int fd; /* -1: there is none */
    uint64_t bytes;
};

struct file_disk {
    struct state_disk disk; /* first */
    uint64_t seed;
    struct file old, new;
    uint64_t base; /* bytes of the file when it had nothing but entries; 0: not known yet */
    struct frame batch, slice;
    struct mark {
        struct buffer bytes;
        bool is_there;
    } mark;
    bool has_failed;    /* the last attempt to write; it was told */
    uint64_t put_bytes; /* in this batch */
    struct state_rewrite rewrite;
    int64_t now, again_at;
};

static struct file_disk *self(struct state_disk *d)
{
    return (struct file_disk *)d;
}

/* ---- files ---- */

static void drop(struct file *f)
{
    if (f->fd >= 0) {
        close(f->fd);
        unlink(f->path);
    }
    f->fd = -1;
    f->bytes = 0;
}

static int append(struct file *f, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t done = pwrite(f->fd, p, n, (off_t)f->bytes);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            errno = done == 0 ? ENOSPC : errno;
            return -ERR_RETRY;
        }
        p += done;
        n -= (size_t)done;
        f->bytes += (uint64_t)done;
    }
    return 0;
}

static int append_head(struct file *f, uint64_t seed)
{
    char head[FILE_HEAD];
    memcpy(head, MAGIC, sizeof seed);
    memcpy(head + sizeof seed, &seed, sizeof seed);
    return append(f, head, sizeof head);
}

static int open_file(struct file *f, int flags)
{
    f->fd = open(f->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags, 0644);
    f->bytes = 0;
    return f->fd < 0 ? -ERR_RETRY : 0;
}

/* The file is of no use from here on, or the new one: told once, until writing works again. */
static void lose(struct file_disk *d, struct file *f)
{
    if (!d->has_failed) {
        logger(LOG_LEVEL_WARN,
               "cannot write %s (%s): a restart may read more of the changelog; it is tried again "
               "every minute",
               f->path, strerror(errno));
    }
    d->has_failed = true;
    d->again_at = d->now + AGAIN_MS;
    drop(&d->new);
    if (f == &d->old) {
        drop(&d->old);
        d->base = 0;
    }
}

/* ---- reading ---- */

static struct frame_reader reader(const struct file_disk *d)
{
    return (struct frame_reader){
        .fd = d->old.fd, .at = FILE_HEAD, .end = d->old.bytes, .seed = d->seed};
}

static int keep_mark(void *ctx, const void *key, size_t key_n, const void *value, size_t value_n)
{
    struct mark *m = ctx;
    (void)key;
    (void)key_n;
    m->is_there = value != NULL;
    buffer_clear(&m->bytes);
    buffer_add(&m->bytes, value, value ? value_n : 0);
    return 0;
}

static bool has_our_head(const struct file_disk *d)
{
    char head[FILE_HEAD];
    return d->old.bytes >= FILE_HEAD && pread(d->old.fd, head, FILE_HEAD, 0) == FILE_HEAD &&
           memcmp(head, MAGIC, sizeof d->seed) == 0 &&
           memcmp(head + sizeof d->seed, &d->seed, sizeof d->seed) == 0;
}

/* Where the last batch ends with which the file is whole; 0: it is of no use. */
static uint64_t find_end(struct file_disk *d)
{
    struct frame_reader r = reader(d);
    struct mark last = {0};
    uint64_t end = has_our_head(d) ? FILE_HEAD : 0;
    bool is_whole = true;
    while (end > 0 && frame_read(&r) > 0) {
        frame_each(&r, STATE_DISK_MARK, keep_mark, &last);
        if (r.flags & FRAME_END) {
            end = r.at;
            d->base = r.base;
            d->mark.is_there = last.is_there;
            buffer_clear(&d->mark.bytes);
            buffer_add(&d->mark.bytes, last.bytes.data, last.bytes.n);
            is_whole = (r.flags & FRAME_WHOLE) != 0;
        }
    }
    buffer_done(&r.bytes);
    buffer_done(&last.bytes);
    return is_whole ? end : 0;
}

static int begin_file(struct file_disk *d)
{
    d->old.bytes = d->base = 0;
    d->mark.is_there = false;
    return ftruncate(d->old.fd, 0) < 0 ? -ERR_RETRY : append_head(&d->old, d->seed);
}

static int read_file(struct file_disk *d)
{
    struct stat s;
    if (fstat(d->old.fd, &s) < 0) {
        return -ERR_RETRY;
    }
    d->old.bytes = (uint64_t)s.st_size;
    uint64_t end = find_end(d);
    if (end == 0 && d->old.bytes > 0) {
        logger(LOG_LEVEL_WARN, "%s: damaged, or of another task: all comes from the changelog",
               d->old.path);
    } else if (end < d->old.bytes) {
        logger(LOG_LEVEL_INFO, "%s: cut off behind %llu of %llu bytes; the changelog has the rest",
               d->old.path, (unsigned long long)end, (unsigned long long)d->old.bytes);
    }
    if (end == 0) {
        return begin_file(d);
    }
    d->old.bytes = end;
    return ftruncate(d->old.fd, (off_t)end) < 0 ? -ERR_RETRY : 0;
}

/* Of a file, only the mark. */
static int file_get(struct state_disk *d, uint16_t store, const void *key, size_t n,
                    struct buffer *value)
{
    struct file_disk *f = self(d);
    (void)key;
    if (store != STATE_DISK_MARK || n > 0) {
        return state_disk_fail(d, "a file is only read from its beginning");
    }
    if (f->mark.is_there) {
        buffer_add(value, f->mark.bytes.data, f->mark.bytes.n);
    }
    return f->mark.is_there;
}

static int file_each(struct state_disk *d, uint16_t store, const void *from, size_t n,
                     size_t prefix_n, state_disk_each each, void *ctx)
{
    struct file_disk *f = self(d);
    struct frame_reader r = reader(f);
    int status = n > 0 ? state_disk_fail(d, "a file has no order") : 0;
    (void)from;
    (void)prefix_n;
    while (status == 0 && f->old.fd >= 0 && r.at < r.end) {
        if (frame_read(&r) <= 0) {
            status = state_disk_fail(d, "%s: damaged at byte %llu", f->old.path,
                                     (unsigned long long)r.at);
            break;
        }
        status = frame_each(&r, store, each, ctx);
    }
    buffer_done(&r.bytes);
    return status;
}

/* ---- writing ---- */

/* A sealed frame goes where it belongs; what fails costs the file. */
static void spill(struct file_disk *d, struct frame *f, uint32_t flags)
{
    uint32_t whole = d->rewrite.is_whole ? FRAME_WHOLE : 0;
    if (f == &d->batch && d->old.fd >= 0) {
        frame_seal(f, flags | FRAME_WHOLE, d->base, d->seed);
        if (append(&d->old, f->bytes.data, f->bytes.n) < 0) {
            lose(d, &d->old);
        }
    }
    if (d->new.fd >= 0) {
        frame_seal(f, flags | whole, whole ? d->new.bytes + f->bytes.n : 0, d->seed);
        if (append(&d->new, f->bytes.data, f->bytes.n) < 0) {
            lose(d, &d->new);
        }
    }
    frame_clear(f);
    if (f->bytes.cap > 2 * PIECE_MOST) { /* a large value */
        frame_done(f);
    }
}

static void file_put(struct state_disk *d, uint16_t store, const void *key, size_t n,
                     const void *value, size_t value_n)
{
    struct file_disk *f = self(d);
    if (f->old.fd < 0 && f->new.fd < 0) {
        return;
    }
    frame_put(&f->batch, store, key, n, value, value_n);
    f->put_bytes += n + value_n;
    if (f->batch.bytes.n >= PIECE_MOST) {
        spill(f, &f->batch, 0);
    }
}

static void file_again(struct state_disk *d, uint16_t store, const void *key, size_t n,
                       const void *value, size_t value_n)
{
    struct file_disk *f = self(d);
    frame_put(&f->slice, store, key, n, value, value_n);
    if (f->slice.bytes.n >= PIECE_MOST) {
        spill(f, &f->slice, 0);
    }
}

static bool begin_rewrite(struct file_disk *f)
{
    bool is_due = f->old.fd < 0 || f->old.bytes > 2 * f->base + GARBAGE_MOST;
    bool waits = f->now < f->again_at && f->again_at - f->now <= AGAIN_MS; /* clocks are set */
    if (!is_due || waits) {
        return false;
    }
    f->rewrite = (struct state_rewrite){0};
    if (open_file(&f->new, O_TRUNC) < 0 || append_head(&f->new, f->seed) < 0) {
        lose(f, &f->new);
    }
    return f->new.fd >= 0;
}

static struct state_rewrite *file_rewrite(struct state_disk *d)
{
    struct file_disk *f = self(d);
    if (f->new.fd < 0 && !begin_rewrite(f)) {
        return NULL;
    }
    f->rewrite.bytes = f->put_bytes > SLICE_LEAST ? f->put_bytes : SLICE_LEAST;
    return &f->rewrite;
}

/* The new file is the file. */
static void replace(struct file_disk *f)
{
    if (rename(f->new.path, f->old.path) < 0) {
        lose(f, &f->new);
        return;
    }
    if (f->old.fd >= 0) {
        close(f->old.fd);
    }
    f->old.fd = f->new.fd;
    f->old.bytes = f->base = f->new.bytes;
    f->new.fd = -1;
    f->has_failed = false;
}

static int file_write(struct state_disk *d, int64_t now, struct err *e)
{
    struct file_disk *f = self(d);
    (void)e;
    f->now = now;
    f->put_bytes = 0;
    if (f->slice.bytes.n > 0) {
        spill(f, &f->slice, 0);
    }
    if (f->batch.bytes.n > 0 || f->new.fd >= 0) {
        spill(f, &f->batch, FRAME_END);
    }
    if (f->new.fd >= 0 && f->rewrite.is_whole) {
        replace(f);
    }
    return 0;
}

static void discard(struct file_disk *f)
{
    drop(&f->new);
    frame_clear(&f->batch);
    frame_clear(&f->slice);
    f->rewrite = (struct state_rewrite){0};
    f->put_bytes = 0;
}

static int file_clear(struct state_disk *d, struct err *e)
{
    struct file_disk *f = self(d);
    (void)e;
    discard(f);
    if (f->old.fd >= 0 && begin_file(f) < 0) {
        lose(f, &f->old);
    }
    return 0;
}

static uint64_t file_share(const struct state_disk *d)
{
    (void)d;
    return UINT64_MAX;
}

static void file_close(struct state_disk *d)
{
    struct file_disk *f = self(d);
    discard(f);
    if (d->failed) {
        drop(&f->old);
    } else if (f->old.fd >= 0) {
        close(f->old.fd);
    }
    frame_done(&f->batch);
    frame_done(&f->slice);
    buffer_done(&f->mark.bytes);
    mem_free(f->old.path);
    mem_free(f->new.path);
    mem_free(f);
}

static const struct state_disk_ops file_ops = {
    .is_log = true,
    .get = file_get,
    .each = file_each,
    .put = file_put,
    .write = file_write,
    .rewrite = file_rewrite,
    .again = file_again,
    .clear = file_clear,
    .share = file_share,
    .close = file_close,
};

int state_file_open(struct state_disk **out, const char *path, const char *name, struct err *e)
{
    struct file_disk *f = mem_zalloc(sizeof *f);
    f->disk.ops = &file_ops;
    f->seed = hash_stable(name, strlen(name), 0);
    f->old = (struct file){mem_strdup(path), -1, 0};
    f->new = (struct file){mem_printf("%s" STATE_FILE_NEW, path), -1, 0};
    frame_init(&f->batch);
    frame_init(&f->slice);
    if (open_file(&f->old, 0) < 0 || read_file(f) < 0) {
        err_set(e, ERR_RETRY, "cannot open %s: %s", path, strerror(errno));
        f->disk.failed = -ERR_DATA;
        file_close(&f->disk);
        return -ERR_RETRY;
    }
    unlink(f->new.path);
    *out = &f->disk;
    return 0;
}
