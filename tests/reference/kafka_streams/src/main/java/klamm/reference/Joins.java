package klamm.reference;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.JoinWindows;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.StreamJoined;
import org.apache.kafka.streams.kstream.ValueJoiner;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.Record;

/**
 * A join of two streams: x of the left row and of the right one, null where there is none. Partners of
 * a left row at t are right rows in [t - before, t + after].
 */
record Joins(String type, long before, long after, long grace) {
    private static final String END = "end of input";

    record Pair(Long left, Long right) {
    }

    record Joined(String key, long time, Pair pair) {
        String json() {
            return "[" + Json.text(key) + "," + time + "," + pair.left() + "," + pair.right() + "]";
        }
    }

    List<Joined> run(List<Row> rows) throws IOException {
        StreamsBuilder builder = new StreamsBuilder();
        KStream<String, Long> left = builder.stream("left", Consumed.with(Serdes.String(), Serdes.Long()));
        KStream<String, Long> right = builder.stream("right", Consumed.with(Serdes.String(), Serdes.Long()));
        List<Joined> results = new ArrayList<>();
        join(left, right).process(() -> new ContextualProcessor<String, Pair, Void, Void>() {
            @Override
            public void process(Record<String, Pair> r) {
                if (!END.equals(r.key())) {
                    results.add(new Joined(r.key(), r.timestamp(), r.value()));
                }
            }
        });
        List<Row> all = new ArrayList<>(rows);
        all.add(new Row(END, Rows.end(rows, before + after, grace), 0));
        Driver.run(builder, all, true);
        return results;
    }

    private KStream<String, Pair> join(KStream<String, Long> left, KStream<String, Long> right) {
        ValueJoiner<Long, Long, Pair> pair = Pair::new;
        JoinWindows windows = JoinWindows
            .ofTimeDifferenceAndGrace(Duration.ofMillis(before), Duration.ofMillis(grace))
            .after(Duration.ofMillis(after));
        StreamJoined<String, Long, Long> stores =
            StreamJoined.with(Serdes.String(), Serdes.Long(), Serdes.Long()).withLoggingDisabled();
        return switch (type) {
            case "inner" -> left.join(right, pair, windows, stores);
            case "left" -> left.leftJoin(right, pair, windows, stores);
            default -> left.outerJoin(right, pair, windows, stores);
        };
    }
}
