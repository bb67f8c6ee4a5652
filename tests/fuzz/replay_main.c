/* Runs a fuzz target over files instead of under libFuzzer: the committed corpus becomes a test.
 *
 * Arguments are files or folders (not searched deeper); a folder that is missing counts as empty.
 * The empty input is always tried first. Each input is handed over in a block of exactly its own
 * size, so that a sanitizer sees a read past its end.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path, size_t size)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return -1;
    }
    int rc = -1;
    uint8_t *data = malloc(size > 0 ? size : 1);
    if (data != NULL && fread(data, 1, size, f) == size) {
        (void)LLVMFuzzerTestOneInput(data, size);
        rc = 1;
    } else {
        fprintf(stderr, "%s: cannot be read\n", path);
    }
    free(data);
    fclose(f);
    return rc;
}

/* Returns how many inputs were run below path, or -1. */
static int replay(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        return errno == ENOENT ? 0 : -1;
    }
    if (S_ISREG(st.st_mode)) {
        return replay_file(path, (size_t)st.st_size);
    }
    struct dirent **names = NULL;
    int n = scandir(path, &names, NULL, alphasort);
    int ran = 0;
    for (int i = 0; i < n; i++) {
        char file[4096];
        int len = snprintf(file, sizeof file, "%s/%s", path, names[i]->d_name);
        if (ran >= 0 && len > 0 && (size_t)len < sizeof file && stat(file, &st) == 0 &&
            S_ISREG(st.st_mode)) {
            int one = replay_file(file, (size_t)st.st_size);
            ran = one < 0 ? -1 : ran + one;
        }
        free(names[i]);
    }
    free(names);
    return n < 0 ? -1 : ran;
}

int main(int argc, char **argv)
{
    uint8_t *nothing = calloc(1, 1);
    (void)LLVMFuzzerTestOneInput(nothing, 0);
    free(nothing);
    int total = 1;
    for (int i = 1; i < argc; i++) {
        int ran = replay(argv[i]);
        if (ran < 0) {
            return 1;
        }
        total += ran;
    }
    printf("%d inputs\n", total);
    return 0;
}
