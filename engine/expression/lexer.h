/* Lexer: the text of an expression as tokens. Pure; tokens and their text live in the arena. */
#ifndef KLAMM_ENGINE_EXPRESSION_LEXER_H
#define KLAMM_ENGINE_EXPRESSION_LEXER_H

#include "engine/arena.h"
#include "engine/error.h"

#include <stdbool.h>
#include <stdint.h>

#define EXPRESSION_BYTES_MAX 65536

enum token_kind {
    TOKEN_END,
    TOKEN_NAME,   /* also keywords */
    TOKEN_QUOTED, /* "a name" */
    TOKEN_LONG,   /* also durations */
    TOKEN_DOUBLE,
    TOKEN_STRING, /* 'text' */
    TOKEN_SYMBOL, /* `!=` comes as `<>` */
};

struct token {
    enum token_kind kind;
    int pos, end; /* bytes [pos, end) of the text */
    const char
        *text;  /* of names, symbols and strings, quotes and escapes resolved; numbers as written */
    uint32_t n; /* bytes of text */
    int64_t i;
    double d;
    bool is_min; /* of TOKEN_LONG: 9223372036854775808, good only behind a minus */
};

/* Tokens of text, ended by TOKEN_END. On a fault returns -ERR_CONFIG with the message and its
 * position in bytes. */
int lexer_read(struct token **out, int *n, struct arena *a, const char *text, int *pos,
               struct err *e);
/* A symbol, or a keyword in any case. */
bool token_is(const struct token *t, const char *word);

#endif
