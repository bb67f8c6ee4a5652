/* Lists of dead letters: causes counted, letters shown, values of any kind. */
#include "tests/support/dead_rig.h"
#include "worker/dead_list.h"

#include "engine/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void assert_list(struct memory_client *m, int64_t most, bool is_json, const char *expected)
{
    struct err e = {0};
    struct buffer b;
    buffer_init(&b);
    struct dead_list *l = dead_list_new(&m->client, "dead", most, is_json);
    assert_int_equal(dead_list_read(l, &e), 0);
    dead_list_print(l, &b);
    assert_string_equal(buffer_cstr(&b), expected);
    dead_list_free(l);
    buffer_done(&b);
}

static void fill(struct memory_client *m)
{
    memory_client_init(m);
    dead_rig_topic(m, "dead", 1);
    dead_rig_letter(m, "in", "2", "10", "VALUE_CONVERTER", "no schema with id 17", NULL, "a\tb");
    dead_rig_letter(m, "in", "2", "11", "VALUE_CONVERTER", "no schema with id 4", "2", "\x01\xff");
    dead_rig_letter(m, "in", "0", "-1", "TRANSFORMATION", "division by zero", NULL, NULL);
    dead_rig_letter(m, "in", "1", "5", "VALUE_CONVERTER", "no schema with id 99", NULL,
                    "{\"v\":1}");
}

#define CAUSES                                                                                     \
    "dead: 4 dead letters\n"                                                                       \
    " letters  stage            topic  cause\n"                                                    \
    "       3  VALUE_CONVERTER  in     no schema with id #\n"                                      \
    "       1  TRANSFORMATION   in     division by zero\n"

static void causes_then_letters(void **state)
{
    (void)state;
    struct memory_client m;
    fill(&m);
    assert_list(&m, -1, false,
                CAUSES "\n"
                       "0/0  in partition 2 offset 10\n"
                       "      VALUE_CONVERTER: no schema with id 17\n"
                       "      a b\n"
                       "0/1  in partition 2 offset 11, sent back 2 times\n"
                       "      VALUE_CONVERTER: no schema with id 4\n"
                       "      bytes 01 ff\n"
                       "0/2  a row of topology t, task 0\n"
                       "      TRANSFORMATION: division by zero\n"
                       "      null\n"
                       "0/3  in partition 1 offset 5\n"
                       "      VALUE_CONVERTER: no schema with id 99\n"
                       "      {\"v\":1}\n");
    assert_list(&m, 0, false, CAUSES);
    assert_list(&m, 1, false,
                CAUSES "\nthe last 1:\n"
                       "0/3  in partition 1 offset 5\n"
                       "      VALUE_CONVERTER: no schema with id 99\n"
                       "      {\"v\":1}\n");
    memory_client_done(&m);
}

static void as_json(void **state)
{
    (void)state;
    struct memory_client m;
    fill(&m);
    assert_list(&m, 3, true,
                "{\"partition\":0,\"offset\":1,\"timestamp\":7,\"origin\":{\"topic\":\"in\","
                "\"partition\":2,\"offset\":11},\"topology\":\"t\",\"stage\":\"VALUE_CONVERTER\","
                "\"by\":\"add\",\"message\":\"no schema with id 4\",\"replays\":2,\"key\":\"k\","
                "\"value_base64\":\"Af8=\"}\n"
                "{\"partition\":0,\"offset\":2,\"timestamp\":7,\"origin\":{\"topic\":\"in\","
                "\"partition\":0,\"offset\":-1},\"topology\":\"t\",\"stage\":\"TRANSFORMATION\","
                "\"by\":\"add\",\"message\":\"division by zero\",\"replays\":0,\"key\":\"k\","
                "\"value\":null}\n"
                "{\"partition\":0,\"offset\":3,\"timestamp\":7,\"origin\":{\"topic\":\"in\","
                "\"partition\":1,\"offset\":5},\"topology\":\"t\",\"stage\":\"VALUE_CONVERTER\","
                "\"by\":\"add\",\"message\":\"no schema with id 99\",\"replays\":0,\"key\":\"k\","
                "\"value\":\"{\\\"v\\\":1}\"}\n");
    memory_client_done(&m);
}

static void what_is_no_dead_letter(void **state)
{
    (void)state;
    struct memory_client m;
    memory_client_init(&m);
    dead_rig_topic(&m, "dead", 1);
    assert_list(&m, -1, false, "dead: 0 dead letters\n");
    assert_list(&m, -1, true, "");
    struct record r = {.topic = "dead", .offset = -1, .timestamp = 1, .value = "x", .value_n = 1};
    assert_int_equal(m.client.log->ops->produce(m.client.log, &r, 1, NULL), 0);
    assert_list(&m, -1, false,
                "dead: 0 dead letters, 1 other record\n\n"
                "0/0  no dead letter: it has no header __connect.errors.topic\n");
    struct err e = {0};
    struct dead_list *l = dead_list_new(&m.client, "nowhere", 1, false);
    assert_int_equal(dead_list_read(l, &e), -ERR_CONFIG);
    dead_list_free(l);
    memory_client_done(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(causes_then_letters),
        cmocka_unit_test(as_json),
        cmocka_unit_test(what_is_no_dead_letter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
