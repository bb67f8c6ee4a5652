/* split: {name: EXPR, …} sends each row to the first branch whose condition is true.
 *
 *   outputs  one per branch, all of the input's columns; branch b of stream s is read as
 *            `from: s.b`
 *   else     the branch that takes the rest: `name: else`, or `else: name`; without one the rest is
 *            dropped and counted. `else: true` calls the branch `else`
 *   null     is not true: the next branch is tried
 *   error    a row is bad when a condition fails that it came to; later conditions do not see a row
 *            that an earlier one has taken
 */
#include "engine/shape.h"

#include <string.h>

struct split_cfg {
    struct config_list branches;
};

struct split {
    int rest; /* output that takes the rest, or -1 */
    const struct expression *x[STEP_OUTPUTS_MAX];
};

/* Whether the item takes the rest; its branch's name goes to *name. */
static bool is_rest(const struct config_item *item, const char **name)
{
    *name = item->name;
    if (strcmp(item->name, "else") == 0) {
        bool is_named =
            strcmp(item->value.text, "true") != 0 && strcmp(item->value.text, "else") != 0;
        *name = is_named ? item->value.text : "else";
        return true;
    }
    return strcmp(item->value.text, "else") == 0;
}

static int bind_branch(struct node *n, struct split *s, const struct config_item *item, int output)
{
    const char *name;
    bool takes_rest = is_rest(item, &name);
    for (int i = 0; i < output; i++) {
        if (strcmp(n->output_name[i], name) == 0) {
            node_error(n, item->value.at, "two branches have the name `%.100s`", name);
        }
    }
    n->output_name[output] = name;
    n->out[output] = n->in[0];
    if (takes_rest && s->rest >= 0) {
        return node_error(n, item->value.at, "two branches take the rest: `%.100s` and `%.100s`",
                          n->output_name[s->rest], name);
    }
    if (takes_rest) {
        s->rest = output;
        return 0;
    }
    if (expression_compile(&s->x[output], n->mem, &item->value, n->in[0], n->diags) < 0) {
        return -ERR_CONFIG;
    }
    if (expression_type(s->x[output])->kind != TYPE_BOOLEAN) {
        return node_error(n, item->value.at, "branch `%.100s` needs a condition", name);
    }
    return 0;
}

static int split_bind(struct node *n)
{
    const struct split_cfg *cfg = n->cfg;
    int before = n->diags->n;
    int count = cfg->branches.n;
    if (count == 0 || count > STEP_OUTPUTS_MAX) {
        return node_error(n, n->at, "split needs 1 to %d branches, found %d", STEP_OUTPUTS_MAX,
                          count);
    }
    struct split *s = arena_zalloc(n->mem, sizeof *s);
    s->rest = -1;
    for (int i = 0; i < count; i++) {
        const struct config_item *item = &cfg->branches.item[i];
        if (item->name == NULL) {
            return node_error(n, n->at, "split needs a map {branch: CONDITION}");
        }
        (void)bind_branch(n, s, item, i);
    }
    n->noutputs = (uint16_t)count;
    n->bound = s;
    return n->diags->n > before ? -ERR_CONFIG : 0;
}

static void split_needs(const struct node *n, const bool *out, bool *in)
{
    const struct split *s = n->bound;
    for (uint16_t c = 0; c < n->in[0]->n; c++) {
        in[c] = in[c] || out[c];
    }
    for (int i = 0; i < n->noutputs; i++) {
        if (i != s->rest) {
            expression_needs(s->x[i], in);
        }
    }
}

/* Rows of b that are neither in sel nor among the errors; both are ascending. */
static struct batch remaining(const struct batch *b, const uint16_t *sel, uint16_t nsel,
                              const struct row_errors *errors)
{
    uint16_t *rest = arena_array(b->mem, b->nsel + 1U, sizeof *rest), n = 0, i = 0, e = 0;
    for (uint16_t k = 0; k < b->nsel; k++) {
        uint16_t row = batch_row(b, k);
        if (i < nsel && sel[i] == row) {
            i++;
        } else if (e < errors->n && errors->item[e].row == row) {
            e++;
        } else {
            rest[n++] = row;
        }
    }
    return batch_select(b, rest, n);
}

static int split_push(struct op *op, int input, struct batch *b)
{
    (void)input;
    const struct split *s = op->node->bound;
    struct batch left = *b, branch[STEP_OUTPUTS_MAX];
    struct row_errors errors = {0};
    for (uint16_t i = 0; i < op->node->noutputs; i++) {
        if (i == s->rest) {
            continue;
        }
        struct row_errors some = {0};
        uint16_t *sel = arena_array(b->mem, left.nsel + 1U, sizeof *sel), nsel = 0;
        int rc = expression_filter(s->x[i], &left, sel, &nsel, &some);
        if (rc < 0) {
            return rc;
        }
        branch[i] = batch_select(b, sel, nsel);
        left = remaining(&left, sel, nsel, &some);
        row_errors_merge(&errors, &some, b->mem);
    }
    if (s->rest >= 0) {
        branch[s->rest] = left;
    } else {
        op->counter[COUNT_SKIPPED] += left.nsel;
    }
    struct batch all = *b;
    int rc = errors.n > 0 ? op_bad_rows(op, &all, &errors) : 0;
    for (uint16_t i = 0; i < op->node->noutputs && rc >= 0; i++) {
        if (branch[i].nsel > 0) {
            rc = op_emit(op, i, &branch[i]);
        }
    }
    return rc;
}

static const struct config_field split_value = {"split", CONFIG_EXPRESSIONS,
                                                offsetof(struct split_cfg, branches),
                                                .doc = "Conditions of the branches, in order."};

const struct step_def op_split = {
    .name = "split",
    .doc = "Sends each row to the first branch whose condition is true.",
    .value = &split_value,
    .config_size = sizeof(struct split_cfg),
    .bind = split_bind,
    .needs = split_needs,
    .push = split_push,
};
