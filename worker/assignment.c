/* Assignments of the consumer protocol: see assignment.h.
 *
 *   version, 2 bytes | topics, 4 | per topic: length, 2 | name | partitions, 4 | 4 each | user data
 */
#include "worker/assignment.h"

/* A big-endian number of n bytes; -1 when there is none, which nobody takes for a count. */
static int64_t number(struct assignment *a, int n)
{
    int64_t v = 0;
    if (a->end - a->at < n) {
        a->at = a->end;
        return -1;
    }
    for (int i = 0; i < n; i++) {
        v = v << 8 | *a->at++;
    }
    return n == 4 ? (int32_t)v : (int16_t)v;
}

struct assignment assignment_of(const void *bytes, size_t n)
{
    struct assignment a = {.at = bytes, .end = bytes};
    a.end += n;
    number(&a, 2);
    a.topics = number(&a, 4);
    return a;
}

static bool next_topic(struct assignment *a)
{
    int64_t n = a->topics > 0 ? number(a, 2) : -1;
    if (n < 0 || a->end - a->at < n) {
        a->topics = 0;
        return false;
    }
    a->topic = (const char *)a->at;
    a->topic_n = (size_t)n;
    a->at += n;
    a->partitions = number(a, 4);
    a->topics--;
    return true;
}

bool assignment_next(struct assignment *a)
{
    while (a->partitions <= 0) {
        if (!next_topic(a)) {
            return false;
        }
    }
    if (a->end - a->at < 4) {
        a->partitions = a->topics = 0;
        return false;
    }
    a->partition = (int32_t)number(a, 4);
    a->partitions--;
    return true;
}
