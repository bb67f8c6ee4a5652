package klamm.reference;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Properties;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.apache.kafka.common.serialization.LongSerializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.TestInputTopic;
import org.apache.kafka.streams.TopologyTestDriver;

/**
 * Runs a topology over rows, in their order. The throttles by wall clock (results of closed windows and
 * rows alone in joins leave at most once a second) are set to 0, so that only event time counts.
 */
final class Driver {
    private Driver() {
    }

    private static Properties config(Path folder) {
        Properties p = new Properties();
        p.put(StreamsConfig.APPLICATION_ID_CONFIG, "reference");
        p.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "none:1");
        p.put(StreamsConfig.STATE_DIR_CONFIG, folder.toString());
        p.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0);
        p.put(StreamsConfig.InternalConfig.EMIT_INTERVAL_MS_KSTREAMS_WINDOWED_AGGREGATION, 0L);
        p.put(StreamsConfig.InternalConfig.EMIT_INTERVAL_MS_KSTREAMS_OUTER_JOIN_SPURIOUS_RESULTS_FIX, 0L);
        return p;
    }

    private static void remove(Path folder) throws IOException {
        try (Stream<Path> paths = Files.walk(folder)) {
            for (Path p : paths.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(p);
            }
        }
    }

    /** Pipes the rows, those of the right side to topic "right", the others to "left". */
    static void run(StreamsBuilder builder, List<Row> rows, boolean isJoin) throws IOException {
        run(builder, rows, isJoin, r -> {
        });
    }

    /** The same; calls `after` when the results of a row are there. */
    static void run(StreamsBuilder builder, List<Row> rows, boolean isJoin, Consumer<Row> after)
        throws IOException {
        Path folder = Files.createTempDirectory("kafka-streams");
        try (TopologyTestDriver driver = new TopologyTestDriver(builder.build(), config(folder))) {
            TestInputTopic<String, Long> left = input(driver, "left");
            TestInputTopic<String, Long> right = isJoin ? input(driver, "right") : null;
            for (Row r : rows) {
                (r.right() ? right : left).pipeInput(r.key(), r.x(), r.time());
                after.accept(r);
            }
        } finally {
            remove(folder);
        }
    }

    private static TestInputTopic<String, Long> input(TopologyTestDriver driver, String topic) {
        return driver.createInputTopic(topic, new StringSerializer(), new LongSerializer());
    }
}
