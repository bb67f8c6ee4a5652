/* Words of layouts for people: of a part, and of what differs. Pure. */
#ifndef KLAMM_ENGINE_LAYOUT_WORDS_H
#define KLAMM_ENGINE_LAYOUT_WORDS_H

#include "engine/layout.h"

#define LAYOUT_WORDS_MOST 120 /* bytes shown of one line or part */

/* `sum(v)`. */
void layout_words_part(struct buffer *out, const struct layout_part *p);
/* What the words besides the parts' differ in: `tumbling=60000 is now tumbling=61000`. */
void layout_words_differ(struct buffer *out, const struct layout *from, const struct layout *to);

#endif
