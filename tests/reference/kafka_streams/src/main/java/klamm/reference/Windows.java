package klamm.reference;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.EmitStrategy;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KGroupedStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.SessionWindows;
import org.apache.kafka.streams.kstream.SlidingWindows;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.state.SessionStore;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.WindowStore;

/** One aggregation over windows; `size` is the gap of sessions, `step` counts for hopping windows. */
record Windows(String kind, long size, long step, long grace) {
    /** A retention behind which nothing is lost. */
    static final Duration FOREVER = Duration.ofDays(365_000);

    /** A key whose only row comes last and closes all windows of the others. */
    private static final String END = "end of input";

    List<Result> run(List<Row> rows, EmitStrategy emit) throws IOException {
        StreamsBuilder builder = new StreamsBuilder();
        List<Result> results = new ArrayList<>();
        KGroupedStream<String, Long> grouped = builder
            .stream("left", Consumed.with(Serdes.String(), Serdes.Long()))
            .groupByKey(Grouped.with(Serdes.String(), Serdes.Long()));
        aggregate(grouped, emit).toStream().foreach((window, stats) -> {
            if (!window.key().equals(END)) {
                results.add(new Result(window.key(), window.window().start(), window.window().end(), stats));
            }
        });
        List<Row> all = new ArrayList<>(rows);
        all.add(new Row(END, Rows.end(rows, size, grace), 0));
        Driver.run(builder, all, false);
        return results;
    }

    private KTable<Windowed<String>, Stats> aggregate(KGroupedStream<String, Long> grouped, EmitStrategy emit) {
        Duration length = Duration.ofMillis(size);
        Duration wait = Duration.ofMillis(grace);
        return switch (kind) {
            case "sliding" -> grouped
                .windowedBy(SlidingWindows.ofTimeDifferenceAndGrace(length, wait))
                .emitStrategy(emit)
                .aggregate(() -> Stats.NONE, (k, x, s) -> s.with(x), windowStore());
            case "session" -> grouped
                .windowedBy(SessionWindows.ofInactivityGapAndGrace(length, wait))
                .emitStrategy(emit)
                .aggregate(() -> Stats.NONE, (k, x, s) -> s.with(x), (k, a, b) -> a.with(b), sessionStore());
            default -> grouped
                .windowedBy(TimeWindows.ofSizeAndGrace(length, wait).advanceBy(Duration.ofMillis(step)))
                .emitStrategy(emit)
                .aggregate(() -> Stats.NONE, (k, x, s) -> s.with(x), windowStore());
        };
    }

    private Materialized<String, Stats, WindowStore<Bytes, byte[]>> windowStore() {
        return Materialized
            .<String, Stats>as(Stores.inMemoryWindowStore("windows", FOREVER, Duration.ofMillis(size), false))
            .withKeySerde(Serdes.String()).withValueSerde(Stats.SERDE)
            .withCachingDisabled().withLoggingDisabled();
    }

    private Materialized<String, Stats, SessionStore<Bytes, byte[]>> sessionStore() {
        return Materialized
            .<String, Stats>as(OpenSessions.supplier(size, grace))
            .withKeySerde(Serdes.String()).withValueSerde(Stats.SERDE)
            .withCachingDisabled().withLoggingDisabled();
    }
}
