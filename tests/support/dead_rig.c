/* Letters go to partition 0; their key is that of the record. */
#include "tests/support/dead_rig.h"

#include <assert.h>
#include <string.h>

void dead_rig_topic(struct memory_client *m, const char *topic, int32_t partitions)
{
    struct log *log = m->client.log;
    int r = log->ops->create_topic(log, topic, partitions, -1, false, NULL, 1000, NULL);
    assert(r == 0);
    (void)r;
}

void dead_rig_letter(struct memory_client *m, const char *topic, const char *partition,
                     const char *offset, const char *stage, const char *message,
                     const char *replays, const char *value)
{
    const char *const text[][2] = {{"mine", "kept"},
                                   {"klamm.replayed", replays},
                                   {"__connect.errors.topic", topic},
                                   {"__connect.errors.partition", partition},
                                   {"__connect.errors.offset", offset},
                                   {"__connect.errors.connector.name", "t"},
                                   {"__connect.errors.stage", stage},
                                   {"__connect.errors.class.name", "add"},
                                   {"__connect.errors.exception.message", message}};
    struct header h[9];
    size_t n = 0;
    for (size_t i = 0; i < 9; i++) {
        if (text[i][1]) {
            h[n++] = (struct header){text[i][0], text[i][1], strlen(text[i][1])};
        }
    }
    struct record r = {.topic = "dead",
                       .partition = 0,
                       .offset = -1,
                       .timestamp = 7,
                       .key = "k",
                       .key_n = 1,
                       .value = value,
                       .value_n = value ? strlen(value) : 0,
                       .headers = h,
                       .nheaders = n};
    int result = m->client.log->ops->produce(m->client.log, &r, 1, NULL);
    assert(result == 0);
    (void)result;
}
