/* Any bytes as a container file. */
#include "schemas/container.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size + 1);
    struct container *c = NULL;
    struct err e = {0};
    const void *p;
    size_t n;
    for (size_t i = 0; i < size; i++) {
        copy[i] = (char)data[i];
    }
    FILE *f = size > 0 ? fmemopen(copy, size, "rb") : NULL;
    if (f != NULL && container_open(&c, f, "fuzz", &e) == 0) {
        while (container_next(c, &p, &n, &e) > 0) {
        }
        container_close(c);
    }
    if (f != NULL) {
        fclose(f);
    }
    free(copy);
    return 0;
}
