/* Codecs by name. */
#include "engine/codec.h"
#include "engine/registry.h"

#include <string.h>

const struct codec_def *codec_named(const char *name)
{
    for (int i = 0; registry_codecs[i]; i++) {
        if (strcmp(registry_codecs[i]->name, name) == 0) {
            return registry_codecs[i];
        }
    }
    return NULL;
}
