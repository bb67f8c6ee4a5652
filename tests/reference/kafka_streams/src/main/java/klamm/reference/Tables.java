package klamm.reference;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.ValueJoiner;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.Stores;

/**
 * A join of two tables: x of the left row and of the right one, null where there is none; no pair
 * where the joined row is deleted.
 *
 * <p>The deletion of a row that is not there makes Kafka Streams repeat the joined row, or its
 * deletion. That changes nothing, which is checked, and such results are left out.
 */
final class Tables {
    private record Pair(Long left, Long right) {
    }

    private record Joined(String key, long time, Pair pair) {
        String json() {
            String head = "[" + Json.text(key) + "," + time;
            return pair == null ? head + "]" : head + "," + pair.left() + "," + pair.right() + "]";
        }
    }

    private final String type;
    private final List<Joined> results = new ArrayList<>();
    private final List<Joined> ofRow = new ArrayList<>();
    private final Map<String, Pair> now = new HashMap<>();
    private final List<Map<String, Long>> sides = List.of(new HashMap<>(), new HashMap<>());

    private Tables(String type) {
        this.type = type;
    }

    /** What comes out, as JSON. */
    static String run(String type, List<Row> rows) throws IOException {
        Tables tables = new Tables(type);
        StreamsBuilder builder = new StreamsBuilder();
        tables.join(table(builder, "left"), table(builder, "right")).toStream()
            .process(() -> new ContextualProcessor<String, Pair, Void, Void>() {
                @Override
                public void process(Record<String, Pair> r) {
                    tables.ofRow.add(new Joined(r.key(), r.timestamp(), r.value()));
                }
            });
        Driver.run(builder, rows, true, tables::take);
        return Json.list(tables.results, Joined::json);
    }

    /** The results of one row, after it. */
    private void take(Row row) {
        Map<String, Long> side = sides.get(row.right() ? 1 : 0);
        boolean deletesNothing = row.key() != null && row.x() == null && !side.containsKey(row.key());
        for (Joined j : ofRow) {
            boolean isSame = java.util.Objects.equals(j.pair(), now.get(j.key()));
            if (deletesNothing && !isSame) {
                throw new IllegalStateException("a deletion of nothing changed " + j);
            }
            if (!deletesNothing) {
                results.add(j);
                now.put(j.key(), j.pair());
            }
        }
        ofRow.clear();
        if (row.key() != null && row.x() != null) {
            side.put(row.key(), row.x());
        } else if (row.key() != null) {
            side.remove(row.key());
        }
    }

    private static KTable<String, Long> table(StreamsBuilder builder, String topic) {
        return builder.table(topic, Consumed.with(Serdes.String(), Serdes.Long()),
            Materialized.<String, Long>as(Stores.inMemoryKeyValueStore(topic + "-rows"))
                .withKeySerde(Serdes.String()).withValueSerde(Serdes.Long()).withLoggingDisabled());
    }

    private KTable<String, Pair> join(KTable<String, Long> left, KTable<String, Long> right) {
        ValueJoiner<Long, Long, Pair> pair = Pair::new;
        return switch (type) {
            case "table_inner" -> left.join(right, pair);
            case "table_left" -> left.leftJoin(right, pair);
            default -> left.outerJoin(right, pair);
        };
    }
}
