/* Fuzz: any text as an expression, compiled and, when it compiles, run over the rows of the
 * fixture; and as a select list. The same text inside a host that knows sum(). */
#include "engine/expression/expression.h"
#include "tests/support/expression_rows.h"

#include <string.h>

static int bind_call(void *ctx, const struct expression_call *call, const struct type **type,
                     bool *nullable, struct err *e)
{
    (void)ctx;
    if (strcmp(call->name, "sum") != 0) {
        return 0;
    }
    if (call->nargs != 1) {
        return err_set(e, ERR_CONFIG, "sum() takes one argument");
    }
    *type = expression_type(call->arg[0]);
    *nullable = true;
    return 1;
}

static void run(struct fixture *f, const struct expression *x, uint16_t nsel)
{
    static const uint16_t sel[] = {0, 2, 3};
    struct arena_mark mark = arena_mark(&f->mem);
    struct batch b = *f->batch;
    if (nsel < 4) {
        b = batch_select(f->batch, sel, nsel);
    }
    struct row_errors errors = {0};
    struct vec v;
    expression_eval(x, &b, &v, &errors);
    struct buffer text;
    buffer_init(&text);
    for (uint16_t k = 0; k < b.nsel; k++) {
        vec_print(&text, &v, batch_row(&b, k));
    }
    expression_print(&text, x);
    buffer_done(&text);
    arena_release(&f->mem, mark);
}

static void compile(struct fixture *f, const struct config_text *text, struct diags *d)
{
    static const char *const names[] = {"sum", NULL};
    const struct expression_host host = {NULL, bind_call, names};
    const struct expression *x;
    if (expression_compile(&x, &f->plan, text, f->schema, d) == 0) {
        run(f, x, 4);
        run(f, x, 3);
        run(f, x, 0);
    }
    expression_compile_hosted(&x, &f->plan, text, f->schema, f->schema, &host, d);
    struct config_item item = {NULL, *text};
    struct config_list list = {1, &item};
    struct named_expression *named;
    int n;
    expression_list(&named, &n, &f->plan, &list, d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 4096) {
        return 0;
    }
    struct fixture f;
    fixture_init(&f);
    struct diags d;
    diags_init(&d);
    struct config_text text = fixture_text(arena_strndup(&f.plan, (const char *)data, size));
    text.flow = size % 2;
    text.in_place = size % 3;
    compile(&f, &text, &d);
    diags_done(&d);
    fixture_done(&f);
    return 0;
}
