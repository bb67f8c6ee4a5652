/* Options of a learner from YAML; see the header. */
#include "tests/support/learner_options.h"

#include "engine/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

const void *learner_options(const struct learner_def *def, struct arena *a, const char *text)
{
    struct diags diags;
    struct yaml *y;
    void *out = arena_zalloc(a, def->options_size + 1);
    diags_init(&diags);
    assert_int_equal(yaml_parse(&y, a, "options", text, strlen(text), &diags), 0);
    assert_int_equal(config_parse(def->options, out, y, "options", a, &diags), 0);
    diags_done(&diags);
    if (def->check) {
        assert_int_equal(def->check(out, NULL), 0);
    }
    return out;
}
