/* Bench, tidying: deletes all topics whose names begin with the id of a run, so that what one run
 * has written does not fill the disk of the next.
 *
 *   bench_delete PREFIX       brokers are in $KAFKA
 */
#include <librdkafka/rdkafka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASK_MS 30000

static void die(const char *what, const char *why)
{
    fprintf(stderr, "bench_delete: %s: %s\n", what, why);
    exit(1);
}

static rd_kafka_t *open_client(void)
{
    char text[512];
    const char *brokers = getenv("KAFKA");
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "enable.metrics.push", "false", NULL, 0);
    if (rd_kafka_conf_set(conf, "bootstrap.servers", brokers != NULL ? brokers : "localhost:9092",
                          text, sizeof text) != RD_KAFKA_CONF_OK) {
        die("bootstrap.servers", text);
    }
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    if (rk == NULL) {
        die("client", text);
    }
    return rk;
}

static size_t choose(rd_kafka_t *rk, const char *prefix, rd_kafka_DeleteTopic_t ***out)
{
    const struct rd_kafka_metadata *md;
    rd_kafka_resp_err_t code = rd_kafka_metadata(rk, 1, NULL, &md, ASK_MS);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        die("topics", rd_kafka_err2str(code));
    }
    size_t n = 0;
    *out = calloc((size_t)md->topic_cnt + 1, sizeof(void *));
    if (*out == NULL) {
        die("topics", "no memory");
    }
    for (int i = 0; i < md->topic_cnt; i++) {
        if (strncmp(md->topics[i].topic, prefix, strlen(prefix)) == 0) {
            (*out)[n++] = rd_kafka_DeleteTopic_new(md->topics[i].topic);
        }
    }
    rd_kafka_metadata_destroy(md);
    return n;
}

int main(int argc, char **argv)
{
    if (argc != 2 || argv[1][0] == '\0') {
        fprintf(stderr, "bench_delete PREFIX\n");
        return 2;
    }
    rd_kafka_t *rk = open_client();
    rd_kafka_DeleteTopic_t **topic;
    size_t n = choose(rk, argv[1], &topic);
    if (n > 0) {
        rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
        rd_kafka_DeleteTopics(rk, topic, n, NULL, queue);
        rd_kafka_event_t *answer = rd_kafka_queue_poll(queue, ASK_MS);
        if (answer == NULL || rd_kafka_event_error(answer) != RD_KAFKA_RESP_ERR_NO_ERROR) {
            die(argv[1], answer ? rd_kafka_event_error_string(answer) : "no answer");
        }
        rd_kafka_event_destroy(answer);
        rd_kafka_queue_destroy(queue);
        rd_kafka_DeleteTopic_destroy_array(topic, n);
    }
    free(topic);
    rd_kafka_destroy(rk);
    return 0;
}
