/* The live table: the value's members are the columns, in the order of the first record.
 *
 *   host-load   12,340 records
 *   host      n    mean    load_state
 *   host-01   58   61.20   busy
 *
 * Where the terminal is too narrow, columns behind the first are left out until the rest fits: what
 * the last steps have added stands last. Control characters of the data never reach the terminal.
 *
 * While a table is on the screen, messages to stderr, where that is the same terminal, wait until
 * it is drawn again, and appear above it.
 */
#include "worker/show.h"
#include "engine/buffer.h"
#include "engine/logger.h"
#include "engine/memory.h"

#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define ROWS    12
#define COLUMNS 40
#define WIDTH   24              /* characters of a cell */
#define CELL    (4 * WIDTH + 1) /* bytes */
#define GAP     2

struct show {
    char *topic;
    bool is_terminal, keeps_messages;
    uint64_t seen;
    int ncolumns, drawn;                /* drawn: lines on the screen */
    char column[COLUMNS][256];          /* name of the member */
    char cell[ROWS + 1][COLUMNS][CELL]; /* the first row is the heading */
    bool dirty;
};

#define MESSAGES_MOST (1U << 20) /* bytes */

/* The process has one terminal: messages that wait for the next drawing. */
static pthread_mutex_t screen = PTHREAD_MUTEX_INITIALIZER;
static struct buffer messages;
static int tables;

/* With the mutex. */
static void write_messages(void)
{
    if (messages.n) {
        fwrite(messages.data, 1, messages.n, stderr);
        fflush(stderr);
    }
    buffer_clear(&messages);
}

static void keep_message(const char *line, size_t n)
{
    pthread_mutex_lock(&screen);
    if (tables == 0) {
        fwrite(line, 1, n, stderr);
    } else {
        buffer_add(&messages, line, n);
    }
    if (messages.n > MESSAGES_MOST) {
        write_messages();
    }
    pthread_mutex_unlock(&screen);
}

static void open_screen(void)
{
    pthread_mutex_lock(&screen);
    if (tables++ == 0) {
        buffer_init(&messages);
        logger_to(keep_message);
    }
    pthread_mutex_unlock(&screen);
}

static void close_screen(void)
{
    pthread_mutex_lock(&screen);
    if (--tables == 0) {
        logger_to(NULL);
        write_messages();
        buffer_done(&messages);
    }
    pthread_mutex_unlock(&screen);
}

struct show *show_new(const char *topic)
{
    struct show *s = mem_zalloc(sizeof *s);
    s->topic = mem_strdup(topic);
    s->is_terminal = isatty(STDOUT_FILENO);
    s->keeps_messages = s->is_terminal && isatty(STDERR_FILENO);
    if (s->keeps_messages) {
        open_screen();
    }
    return s;
}

static int width_of(const char *text)
{
    int n = 0;
    for (; *text; text++) {
        n += ((unsigned char)*text & 0xC0) != 0x80;
    }
    return n;
}

/* The first WIDTH characters of valid UTF-8, control characters as dots. */
static void put_text(char *out, const char *text)
{
    int n = 0;
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        n += (c & 0xC0) != 0x80;
        if (n > WIDTH) {
            break;
        }
        *out++ = (char)(c < 0x20 || c == 0x7F ? '.' : c);
    }
    *out = 0;
}

static void put_cell(char *out, const json_t *v)
{
    char number[40];
    if (json_is_real(v)) {
        snprintf(number, sizeof number, "%.4g", json_real_value(v));
        put_text(out, number);
    } else if (json_is_string(v)) {
        put_text(out, json_string_value(v));
    } else {
        char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(3));
        put_text(out, text ? text : "");
        free(text);
    }
}

static void name_columns(struct show *s, const json_t *value)
{
    const char *name;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)value, name, v)
    {
        if (s->ncolumns < COLUMNS && strlen(name) < sizeof s->column[0]) {
            put_text(s->cell[0][s->ncolumns], name);
            strncpy(s->column[s->ncolumns++], name, sizeof s->column[0]);
        }
    }
}

static void add_row(struct show *s, const json_t *value)
{
    if (s->ncolumns == 0) {
        name_columns(s, value);
    }
    memmove(s->cell[1], s->cell[2], sizeof s->cell - 2 * sizeof s->cell[0]);
    for (int c = 0; c < s->ncolumns; c++) {
        const json_t *member = json_object_get(value, s->column[c]);
        s->cell[ROWS][c][0] = 0;
        if (member) {
            put_cell(s->cell[ROWS][c], member);
        }
    }
}

void show_line(struct show *s, const char *line, size_t n)
{
    s->seen++;
    if (!s->is_terminal) {
        fwrite(line, 1, n, stdout);
        fputc('\n', stdout);
        return;
    }
    json_t *root = json_loadb(line, n, JSON_DECODE_ANY, NULL);
    const json_t *value = json_object_get(root, "value");
    if (json_is_object(value)) {
        add_row(s, value);
        s->dirty = true;
    }
    json_decref(root);
}

static int terminal_width(void)
{
    struct winsize size;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/* Widths of the columns; the result: column 0 and those from here on fit into the terminal. */
static int fit_columns(const struct show *s, int *width)
{
    int total = 0, from = 1;
    for (int c = 0; c < s->ncolumns; c++) {
        width[c] = 0;
        for (int r = 0; r <= ROWS; r++) {
            int w = width_of(s->cell[r][c]);
            width[c] = w > width[c] ? w : width[c];
        }
        total += width[c] + GAP;
    }
    for (int most = terminal_width(); total > most && from < s->ncolumns; from++) {
        total -= width[from] + GAP;
    }
    return from;
}

static void draw_row(const struct show *s, int row, const int *width, int from)
{
    printf("\033[K");
    for (int c = 0; c < s->ncolumns; c = c == 0 ? from : c + 1) {
        const char *text = s->cell[row][c];
        printf(row == 0 ? "\033[4m%s\033[0m%*s" : "%s%*s", text, width[c] - width_of(text) + GAP,
               "");
    }
    printf("\n");
}

/* Takes the table off the screen and writes what was kept in its place; true when there was some.
 */
static bool show_messages(struct show *s)
{
    pthread_mutex_lock(&screen);
    bool any = s->keeps_messages && messages.n > 0;
    if (any) {
        if (s->drawn) {
            printf("\033[%dA\033[J", s->drawn);
            s->drawn = 0;
        }
        fflush(stdout);
        write_messages();
    }
    pthread_mutex_unlock(&screen);
    return any;
}

void show_flush(struct show *s)
{
    bool is_gone = s->drawn > 0;
    is_gone = show_messages(s) && is_gone;
    if (!s->is_terminal || (!s->dirty && !is_gone)) {
        fflush(stdout);
        return;
    }
    int width[COLUMNS];
    int from = fit_columns(s, width);
    if (s->drawn) {
        printf("\033[%dA", s->drawn);
    }
    printf("\033[K\033[1m%s\033[0m  %llu records\n", s->topic, (unsigned long long)s->seen);
    for (int row = 0; row <= ROWS; row++) {
        draw_row(s, row, width, from);
    }
    fflush(stdout);
    s->drawn = ROWS + 2;
    s->dirty = false;
}

void show_free(struct show *s)
{
    show_flush(s);
    if (s->keeps_messages) {
        close_screen();
    }
    mem_free(s->topic);
    mem_free(s);
}

bool show_is_over(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO};
    return poll(&out, 1, 0) == 1 && (out.revents & POLLERR);
}
