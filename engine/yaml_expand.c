/* Values from outside: `${env:NAME}`, `${env:NAME:-default}`, `${file:PATH}`, `${file:PATH:KEY}`.
 *
 *   env         the variable; unset (or empty) gives the default, unset without default is an error
 *   file        the whole file without its last line break
 *   file, key   the value of KEY in a Java properties file: `key = value`, `key: value`,
 *               `key value`, comments with # and !, \ at the end of a line continues it, \t \n \r
 *               \f and \uXXXX (surrogate pairs too); the last of equal keys wins
 *
 * A reference ends at the first `}`. Text such as `${x}` with another word than env or file is left
 * alone. What was put in is not looked at again. Only regular files up to 1 MiB of UTF-8 are read,
 * so that a pipe cannot hang and a device cannot fill the memory.
 */
#include "engine/yaml_expand.h"

#include "engine/memory.h"
#include "engine/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_BYTES_MAX (1 << 20)

static int check_text(const char *what, const char *name, const char *p, size_t n, struct err *e)
{
    if (n > 0 && (!utf8_valid(p, n) || memchr(p, 0, n) != NULL)) {
        return err_set(e, ERR_CONFIG, "%s `%.200s` does not hold UTF-8 text", what, name);
    }
    return 0;
}

static int expand_env(struct buffer *out, char *name, struct err *e)
{
    char *fallback = strstr(name, ":-");
    if (fallback != NULL) {
        *fallback = 0;
        fallback += 2;
    }
    if (*name == 0) {
        return err_set(e, ERR_CONFIG, "${env:…} needs the name of a variable");
    }
    const char *value = getenv(name);
    if (fallback != NULL && (value == NULL || *value == 0)) {
        value = fallback;
    }
    if (value == NULL) {
        return err_set(e, ERR_CONFIG,
                       "environment variable `%.200s` is not set: set it, or give a default with "
                       "${env:%.200s:-default}",
                       name, name);
    }
    if (check_text("environment variable", name, value, strlen(value), e) < 0) {
        return -ERR_CONFIG;
    }
    buffer_text(out, value);
    return 0;
}

static int read_regular(struct buffer *content, const char *path, struct err *e)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return err_set(e, ERR_CONFIG, "cannot read file `%.200s`: %s", path, strerror(errno));
    }
    struct stat st;
    int rc = 0;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        rc = err_set(e, ERR_CONFIG, "`%.200s` is not a regular file", path);
        goto out;
    }
    for (;;) {
        ssize_t got = read(fd, buffer_reserve(content, 65536), 65536);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            rc = err_set(e, ERR_CONFIG, "cannot read file `%.200s`: %s", path, strerror(errno));
            goto out;
        }
        content->n += (size_t)got;
        if (content->n > FILE_BYTES_MAX) {
            rc = err_set(e, ERR_CONFIG, "file `%.200s` is larger than 1 MiB", path);
            goto out;
        }
        if (got == 0) {
            break;
        }
    }
    rc = check_text("file", path, content->data, content->n, e);
out:
    close(fd);
    return rc;
}

/* One line of a properties file, continuation lines joined, blanks in front removed. */
static const char *logical_line(struct buffer *line, const char *p, const char *end)
{
    buffer_clear(line);
    while (p < end) {
        while (p < end && (*p == ' ' || *p == '\t' || *p == '\f')) {
            p++;
        }
        const char *from = p;
        while (p < end && *p != '\n' && *p != '\r') {
            p++;
        }
        const char *to = p;
        if (p < end) {
            p += p + 1 < end && p[0] == '\r' && p[1] == '\n' ? 2 : 1;
        }
        bool is_comment = line->n == 0 && from < to && (*from == '#' || *from == '!');
        size_t slashes = 0;
        while (to > from + slashes && to[-1 - (ptrdiff_t)slashes] == '\\') {
            slashes++;
        }
        bool goes_on = slashes % 2 == 1 && !is_comment;
        if (!is_comment) {
            buffer_add(line, from, (size_t)(to - from) - (goes_on ? 1 : 0));
        }
        if (!goes_on) {
            break;
        }
    }
    return p;
}

static void add_code_point(struct buffer *out, uint32_t c)
{
    if (c < 0x80) {
        buffer_byte(out, (uint8_t)c);
    } else if (c < 0x800) {
        buffer_byte(out, (uint8_t)(0xc0 | c >> 6));
        buffer_byte(out, (uint8_t)(0x80 | (c & 0x3f)));
    } else if (c < 0x10000) {
        buffer_byte(out, (uint8_t)(0xe0 | c >> 12));
        buffer_byte(out, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
        buffer_byte(out, (uint8_t)(0x80 | (c & 0x3f)));
    } else {
        buffer_byte(out, (uint8_t)(0xf0 | c >> 18));
        buffer_byte(out, (uint8_t)(0x80 | (c >> 12 & 0x3f)));
        buffer_byte(out, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
        buffer_byte(out, (uint8_t)(0x80 | (c & 0x3f)));
    }
}

/* Four hexadecimal digits behind \u, or -1. */
static int32_t read_hex4(const char *p, const char *end)
{
    int32_t c = 0;
    if (end - p < 4) {
        return -1;
    }
    for (int i = 0; i < 4; i++) {
        const char *digits = "0123456789abcdef";
        char lower = (char)(p[i] >= 'A' && p[i] <= 'F' ? p[i] + 32 : p[i]);
        const char *at = lower != 0 ? strchr(digits, lower) : NULL;
        if (at == NULL) {
            return -1;
        }
        c = c * 16 + (int32_t)(at - digits);
    }
    return c;
}

/* The character behind a backslash at p; returns where to go on, or NULL when it is malformed. */
static const char *unescape(struct buffer *out, const char *p, const char *end)
{
    if (*p != 'u') {
        const char *from = "tnrf", *to = "\t\n\r\f", *at = strchr(from, *p);
        buffer_byte(out, (uint8_t)(at != NULL ? to[at - from] : *p));
        return p + 1;
    }
    int32_t c = read_hex4(p + 1, end);
    p += 5;
    if (c >= 0xd800 && c < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
        int32_t low = read_hex4(p + 2, end);
        if (low >= 0xdc00 && low < 0xe000) {
            c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
            p += 6;
        }
    }
    if (c <= 0 || (c >= 0xd800 && c < 0xe000)) {
        return NULL;
    }
    add_code_point(out, (uint32_t)c);
    return p;
}

/* Splits a logical line at its separator. Returns -1 when an escape is malformed. */
static int split_property(const struct buffer *line, struct buffer *key, struct buffer *value)
{
    const char *p = line->data, *end = line->data + line->n;
    struct buffer *into = key;
    buffer_clear(key);
    buffer_clear(value);
    while (p != NULL && p < end) {
        bool is_separator = *p == '=' || *p == ':' || *p == ' ' || *p == '\t' || *p == '\f';
        if (into == key && is_separator) {
            bool seen = false;
            while (p < end &&
                   (*p == ' ' || *p == '\t' || *p == '\f' || (!seen && (*p == '=' || *p == ':')))) {
                seen = seen || *p == '=' || *p == ':';
                p++;
            }
            into = value;
        } else if (*p == '\\' && p + 1 < end) {
            p = unescape(into, p + 1, end);
        } else {
            buffer_byte(into, (uint8_t)*p++);
        }
    }
    return p == NULL ? -1 : 0;
}

static int find_property(struct buffer *out, const struct buffer *content, const char *path,
                         const char *wanted, struct err *e)
{
    struct buffer line, key, value;
    buffer_init(&line);
    buffer_init(&key);
    buffer_init(&value);
    size_t start = out->n;
    bool is_found = false;
    int rc = 0;
    const char *p = content->data, *end = content->data + content->n;
    while (p < end && rc == 0) {
        p = logical_line(&line, p, end);
        if (line.n == 0) {
            continue;
        }
        if (split_property(&line, &key, &value) < 0) {
            rc = err_set(e, ERR_CONFIG, "file `%.200s` has a malformed \\u escape", path);
        } else if (key.n == strlen(wanted) && memcmp(key.data, wanted, key.n) == 0) {
            is_found = true;
            out->n = start;
            buffer_add(out, value.data, value.n);
        }
    }
    if (rc == 0 && !is_found) {
        rc = err_set(e, ERR_CONFIG, "file `%.200s` has no key `%.200s`", path, wanted);
    }
    buffer_done(&line);
    buffer_done(&key);
    buffer_done(&value);
    return rc;
}

static int expand_file(struct buffer *out, const char *file, char *spec, struct err *e)
{
    char *key = strrchr(spec, ':');
    if (key != NULL) {
        *key++ = 0;
    }
    if (*spec == 0 || (key != NULL && *key == 0)) {
        return err_set(e, ERR_CONFIG, "expected ${file:PATH} or ${file:PATH:KEY}");
    }
    const char *slash = strrchr(file, '/');
    int folder = *spec == '/' || slash == NULL ? 0 : (int)(slash - file) + 1;
    char *path = mem_printf("%.*s%s", folder, file, spec);
    struct buffer content;
    buffer_init(&content);
    int rc = read_regular(&content, path, e);
    if (rc == 0 && key != NULL) {
        rc = find_property(out, &content, path, key, e);
    } else if (rc == 0) {
        if (content.n > 0 && content.data[content.n - 1] == '\n') {
            content.n--;
        }
        if (content.n > 0 && content.data[content.n - 1] == '\r') {
            content.n--;
        }
        buffer_add(out, content.data, content.n);
    }
    buffer_done(&content);
    mem_free(path);
    return rc;
}

int yaml_expand(struct buffer *out, struct expansion *x, const char *file, const char *text,
                size_t n, struct err *e)
{
    const char *p = text, *end = text + n;
    *x = (struct expansion){0};
    while (p < end) {
        const char *open = memmem(p, (size_t)(end - p), "${", 2);
        if (open == NULL) {
            break;
        }
        bool is_env = end - open >= 6 && memcmp(open, "${env:", 6) == 0;
        bool is_file = end - open >= 7 && memcmp(open, "${file:", 7) == 0;
        if (!is_env && !is_file) {
            buffer_add(out, p, (size_t)(open + 2 - p));
            p = open + 2;
            continue;
        }
        const char *from = open + (is_env ? 6 : 7);
        const char *close = memchr(from, '}', (size_t)(end - from));
        if (close == NULL) {
            return err_set(e, ERR_CONFIG, "%s has no closing }", is_env ? "${env:" : "${file:");
        }
        buffer_add(out, p, (size_t)(open - p));
        char *spec = mem_strndup(from, (size_t)(close - from));
        int rc = is_env ? expand_env(out, spec, e) : expand_file(out, file, spec, e);
        mem_free(spec);
        if (rc < 0) {
            return rc;
        }
        x->count++;
        x->whole = open == text && close + 1 == end;
        p = close + 1;
    }
    buffer_add(out, p, (size_t)(end - p));
    return 0;
}
