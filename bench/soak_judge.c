/* Soak, the judge: whether what came is what must come, with the memory of a few numbers per key.
 *
 * A number that is not one more than the last of its key is a fault: more than that, and records
 * are lost, not more, and one came twice or has changed places (an exchange shows as both). The
 * judge goes on from the greatest, so that one fault is told once. Keys must stay in one partition,
 * else there would be no order between them. A window is compared with arithmetic (soak_stream.c)
 * when the next one of its group comes, since which one is the last, and not full, is known at the
 * end only. Records that close the windows have a key that begins with "end", or the group -1.
 */
#include "bench/soak.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TELL_MOST 100

void soak_judge_init(struct soak_judge *j)
{
    const struct soak_seen none = {.n = 0, .offset = -1, .partition = -1};
    memset(j, 0, sizeof *j);
    for (int g = 0; g < SOAK_GROUPS; g++) {
        j->group[g] = j->window[g] = none;
    }
    for (int k = 0; k < SOAK_KEYS; k++) {
        for (int t = 0; t < SOAK_TOPICS; t++) {
            j->key[t][k] = none;
        }
    }
}

static bool tell(struct soak_judge *j, enum soak_topic topic)
{
    j->faults[topic]++;
    return j->shown++ < TELL_MOST;
}

/* The number behind "name": in a flat JSON object. */
static bool number(const struct soak_record *r, const char *name, int64_t *out)
{
    const char *found = memmem(r->value, r->value_n, name, strlen(name));
    if (found == NULL) {
        return false;
    }
    char *end, text[24] = {0};
    const char *from = found + strlen(name);
    size_t left = r->value_n - (size_t)(from - r->value);
    memcpy(text, from, left < sizeof text - 1 ? left : sizeof text - 1);
    *out = strtoll(text, &end, 10);
    return end != text;
}

/* A number in text of n bytes below most; -1: none. */
static int whole(const char *text, size_t n, int most)
{
    int v = 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9' || v >= most) {
            return -1;
        }
        v = 10 * v + (text[i] - '0');
    }
    return n > 0 && v < most ? v : -1;
}

static void bad(struct soak_judge *j, const struct soak_record *r, const char *why)
{
    if (tell(j, r->topic)) {
        fprintf(stderr, "FAULT %s [%d] %" PRId64 ": %s: key %.*s value %.*s\n",
                soak_topic[r->topic], (int)r->partition, r->offset, why, (int)r->key_n,
                r->key_n ? r->key : "", (int)r->value_n, r->value_n ? r->value : "");
    }
}

static void follow(struct soak_judge *j, const struct soak_record *r, const char *what, int id,
                   struct soak_seen *seen, int64_t n)
{
    bool moved = seen->partition >= 0 && seen->partition != r->partition;
    if ((n != seen->n + 1 || moved) && tell(j, r->topic)) {
        fprintf(stderr,
                "FAULT %s [%d] %" PRId64 ": %s %d is at %" PRId64 ", expected %" PRId64
                " (the last one stood at [%d] %" PRId64 "): %s\n",
                soak_topic[r->topic], (int)r->partition, r->offset, what, id, n, seen->n + 1,
                (int)seen->partition, seen->offset,
                n > seen->n + 1 ? "lost"
                : n <= seen->n  ? "repeated or out of order"
                                : "in another partition");
    }
    if (n > seen->n) {
        *seen = (struct soak_seen){.n = n, .offset = r->offset, .partition = r->partition};
    }
}

static void judge_window(struct soak_judge *j, int g, int64_t end)
{
    struct soak_share want = soak_window(j->window[g].n - 1, end, g), *have = &j->last[g];
    if ((want.rows != have->rows || want.total != have->total) && tell(j, SOAK_WINDOWED)) {
        fprintf(stderr,
                "FAULT windowed [%d] %" PRId64 ": group %d window %" PRId64 ": %" PRId64
                " rows with sum %" PRId64 ", expected %" PRId64 " with %" PRId64 "\n",
                (int)j->window[g].partition, j->window[g].offset, g, j->window[g].n - 1, have->rows,
                have->total, want.rows, want.total);
    }
}

static void windowed(struct soak_judge *j, const struct soak_record *r)
{
    int64_t start;
    struct soak_share have;
    int g = whole(r->key, r->key_n, SOAK_GROUPS);
    if (g < 0 || !number(r, "\"window_start\":", &start) || !number(r, "\"rows\":", &have.rows) ||
        !number(r, "\"total\":", &have.total)) {
        bad(j, r, "cannot be read");
        return;
    }
    int64_t w = (start - SOAK_BASE) / SOAK_WINDOW;
    int64_t before = j->window[g].n;
    if (before > 0 && w + 1 > before) {
        judge_window(j, g, INT64_MAX);
    }
    j->records[SOAK_WINDOWED]++;
    follow(j, r, "windows of group", g, &j->window[g], w + 1);
    if (j->window[g].n > before) {
        j->last[g] = have;
    }
}

void soak_judge_record(struct soak_judge *j, const struct soak_record *r)
{
    int64_t n, c, group = 0;
    const char *key = r->key;
    size_t key_n = r->key_n;
    if ((key_n >= 3 && memcmp(key, "end", 3) == 0) || (key_n >= 1 && key[0] == '-')) {
        return;
    }
    if (r->topic == SOAK_WINDOWED) {
        windowed(j, r);
        return;
    }
    if (r->topic == SOAK_COUNTED) {
        group = whole(key, key_n, SOAK_GROUPS);
        key = memmem(r->value, r->value_n, "\"key\":\"", 7);
        key = key != NULL ? key + 7 : r->value;
        const char *end = memchr(key, '"', r->value_n - (size_t)(key - r->value));
        key_n = end != NULL ? (size_t)(end - key) : 0;
    }
    int k = whole(key, key_n, SOAK_KEYS);
    if (k < 0 || group < 0 || !number(r, "\"n\":", &n) ||
        (r->topic == SOAK_COUNTED && !number(r, "\"c\":", &c))) {
        bad(j, r, "cannot be read");
        return;
    }
    j->records[r->topic]++;
    follow(j, r, "key", k, &j->key[r->topic][k], n);
    if (r->topic == SOAK_COUNTED) {
        follow(j, r, "count of group", (int)group, &j->group[group], c);
    }
}

static int64_t all_windows(int64_t total)
{
    int64_t sum = 0;
    for (int g = 0; g < SOAK_GROUPS; g++) {
        sum += soak_windows(total, g);
    }
    return sum;
}

bool soak_judge_is_complete(const struct soak_judge *j, int64_t total)
{
    return j->records[SOAK_IN] >= total && j->records[SOAK_PASSED] >= total &&
           j->records[SOAK_COUNTED] >= total && j->records[SOAK_WINDOWED] >= all_windows(total);
}

static void ends_at(struct soak_judge *j, enum soak_topic topic, const char *what, int id,
                    const struct soak_seen *seen, int64_t n)
{
    if (seen->n != n && tell(j, topic)) {
        fprintf(stderr,
                "FAULT %s: %s %d ends at %" PRId64 " ([%d] %" PRId64 "), expected %" PRId64 "\n",
                soak_topic[topic], what, id, seen->n, (int)seen->partition, seen->offset, n);
    }
}

void soak_judge_end(struct soak_judge *j, int64_t total)
{
    for (int g = 0; g < SOAK_GROUPS; g++) {
        if (j->window[g].n > 0) {
            judge_window(j, g, total);
        }
        ends_at(j, SOAK_WINDOWED, "windows of group", g, &j->window[g], soak_windows(total, g));
        ends_at(j, SOAK_COUNTED, "count of group", g, &j->group[g], soak_share(total, g).rows);
    }
    for (int k = 0; k < SOAK_KEYS; k++) {
        int64_t n = total / SOAK_KEYS + (k < total % SOAK_KEYS);
        for (enum soak_topic t = SOAK_IN; t <= SOAK_COUNTED; t++) {
            ends_at(j, t, "key", k, &j->key[t][k], n);
        }
    }
}

int64_t soak_judge_faults(const struct soak_judge *j)
{
    int64_t sum = 0;
    for (int t = 0; t < SOAK_TOPICS; t++) {
        sum += j->faults[t];
    }
    return sum;
}
