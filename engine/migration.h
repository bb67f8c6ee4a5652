/* Migration: what becomes of state that was saved under another layout. The one place that decides
 * it: a restore and `klamm check --against` both ask here. */
#ifndef KLAMM_ENGINE_MIGRATION_H
#define KLAMM_ENGINE_MIGRATION_H

#include "engine/layout.h"

/* Where state is refused, besides undoing the change. */
#define MIGRATION_REMEDY                                                                           \
    "give the topology or the stream another name, so that it begins anew; or reset it as "        \
    "docs/operations.md tells"

enum layout_fate {
    LAYOUT_SAME,     /* values are read as they are */
    LAYOUT_MIGRATES, /* values are taken apart and put together anew */
    LAYOUT_SPENT,    /* they could be, but nothing of them would be left: the state is refused */
    LAYOUT_OTHER,    /* they cannot be read: the state is refused */
};

/* why, appended: what differs, in words; nothing for LAYOUT_SAME. */
enum layout_fate layout_compare(const struct layout *from, const struct layout *to,
                                struct buffer *why);

/* Between two layouts that migrate, or of which nothing would be left; which must outlive it; in
 * the arena. */
struct migration;
struct migration *migration_new(const struct layout *from, const struct layout *to,
                                struct arena *a);
/* A saved value of `from` becomes one of `to`, appended to out. -ERR_DATA: it is damaged. */
int migration_run(const struct migration *m, const void *saved, size_t n, struct buffer *out);

#endif
