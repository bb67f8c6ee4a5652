/* Regular expressions: the program between regexp.c, which makes it, and regexp_match.c. */
#ifndef KLAMM_ENGINE_EXPRESSION_REGEXP_PROGRAM_H
#define KLAMM_ENGINE_EXPRESSION_REGEXP_PROGRAM_H

#include "engine/expression/regexp.h"

enum code {
    CODE_CHAR,  /* x: code point */
    CODE_ANY,   /* all but the line feed */
    CODE_CLASS, /* x: first range, y: how many; negated: none of them */
    CODE_SPLIT, /* x first, then y */
    CODE_JUMP,  /* x */
    CODE_OPEN,  /* x: group */
    CODE_CLOSE,
    CODE_BEGIN,
    CODE_END,
    CODE_WORD, /* at a word's edge; negated: not */
    CODE_MATCH,
};

struct ins {
    enum code code;
    bool negated;
    uint32_t x, y;
};

struct range {
    uint32_t first, last;
};

struct regexp {
    struct ins *ins;
    struct range *range;
    uint32_t n, nranges;
    int groups;
    bool any_case;
    bool is_anchored; /* begins with ^ in all its branches: matches at the begin only */
};

#endif
