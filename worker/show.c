/* The live table: the value's members are the columns, in the order of the first record.
 *
 *   host-load   12,340 records
 *   host      n    mean    load_state
 *   host-01   58   61.20   busy
 */
#include "worker/show.h"
#include "engine/buffer.h"
#include "engine/memory.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROWS    12
#define COLUMNS 9
#define WIDTH   22

struct show {
    char *topic;
    bool is_terminal;
    uint64_t seen;
    int ncolumns, drawn; /* drawn: lines on the screen */
    char column[COLUMNS][WIDTH + 1];
    char cell[ROWS][COLUMNS][WIDTH + 1];
    bool dirty;
};

struct show *show_new(const char *topic)
{
    struct show *s = mem_zalloc(sizeof *s);
    s->topic = mem_strdup(topic);
    s->is_terminal = isatty(STDOUT_FILENO);
    return s;
}

static void print_cell(char *out, const json_t *v)
{
    if (json_is_real(v)) {
        snprintf(out, WIDTH + 1, "%.4g", json_real_value(v));
    } else if (json_is_string(v)) {
        snprintf(out, WIDTH + 1, "%s", json_string_value(v));
    } else {
        char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(3));
        snprintf(out, WIDTH + 1, "%s", text ? text : "");
        free(text);
    }
}

static void add_row(struct show *s, const json_t *value)
{
    const char *name;
    json_t *v;
    int c = 0;
    if (s->ncolumns == 0) {
        json_object_foreach((json_t *)(uintptr_t)value, name, v)
        {
            if (s->ncolumns < COLUMNS) {
                snprintf(s->column[s->ncolumns++], WIDTH + 1, "%s", name);
            }
        }
    }
    memmove(s->cell[0], s->cell[1], sizeof s->cell - sizeof s->cell[0]);
    for (c = 0; c < s->ncolumns; c++) {
        const json_t *member = json_object_get(value, s->column[c]);
        s->cell[ROWS - 1][c][0] = 0;
        if (member) {
            print_cell(s->cell[ROWS - 1][c], member);
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

void show_flush(struct show *s)
{
    if (!s->is_terminal || !s->dirty) {
        fflush(stdout);
        return;
    }
    int width[COLUMNS];
    for (int c = 0; c < s->ncolumns; c++) {
        width[c] = (int)strlen(s->column[c]);
        for (int r = 0; r < ROWS; r++) {
            int w = (int)strlen(s->cell[r][c]);
            width[c] = w > width[c] ? w : width[c];
        }
    }
    if (s->drawn) {
        printf("\033[%dA", s->drawn);
    }
    printf("\033[K\033[1m%s\033[0m  %llu records\n\033[K", s->topic, (unsigned long long)s->seen);
    for (int c = 0; c < s->ncolumns; c++) {
        printf("\033[4m%-*s\033[0m  ", width[c], s->column[c]);
    }
    printf("\n");
    for (int r = 0; r < ROWS; r++) {
        printf("\033[K");
        for (int c = 0; c < s->ncolumns; c++) {
            printf("%-*s  ", width[c], s->cell[r][c]);
        }
        printf("\n");
    }
    fflush(stdout);
    s->drawn = ROWS + 2;
    s->dirty = false;
}

void show_free(struct show *s)
{
    show_flush(s);
    mem_free(s->topic);
    mem_free(s);
}
