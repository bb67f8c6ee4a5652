package klamm.bench;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.JoinWindows;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.StreamJoined;
import org.apache.kafka.streams.processor.api.FixedKeyProcessor;
import org.apache.kafka.streams.processor.api.FixedKeyProcessorContext;
import org.apache.kafka.streams.processor.api.FixedKeyRecord;

/**
 * JoinStreams left=TOPIC right=TOPIC out=TOPIC n=RECORDS app=ID state=DIR brokers=LIST [store=mem|rocksdb]
 *
 * <p>Of each sample the stores keep time and value, 16 bytes. One thread, at least once, commits every second.
 */
public final class JoinStreams {
    private static final List<AtomicLong> counters = new CopyOnWriteArrayList<>();

    /** What the join needs of a sample. */
    record Point(long ts, double value) {}

    /** Counts rows; a counter per instance, with a single writer. */
    static final class Pick implements FixedKeyProcessor<String, MetricSample, Point> {
        private final AtomicLong count = new AtomicLong();
        private FixedKeyProcessorContext<String, Point> context;

        Pick() {
            counters.add(count);
        }

        @Override
        public void init(FixedKeyProcessorContext<String, Point> given) {
            context = given;
        }

        @Override
        public void process(FixedKeyRecord<String, MetricSample> row) {
            MetricSample sample = row.value();
            context.forward(row.withValue(new Point(sample.ts, sample.value)));
            count.lazySet(count.getPlain() + 1);
        }
    }

    private static final ThreadLocal<Wire> wire = ThreadLocal.withInitial(Wire::new);

    private static Serde<MetricSample> samples() {
        return Serdes.serdeFrom((topic, sample) -> {
            throw new UnsupportedOperationException("samples are only read");
        }, (topic, bytes) -> bytes == null ? null : wire.get().sample(bytes, null));
    }

    private static Serde<Point> points() {
        return Serdes.serdeFrom(
            (topic, p) -> p == null ? null : ByteBuffer.allocate(16).putLong(p.ts).putDouble(p.value).array(),
            (topic, bytes) -> {
                if (bytes == null) {
                    return null;
                }
                ByteBuffer b = ByteBuffer.wrap(bytes);
                return new Point(b.getLong(), b.getDouble());
            });
    }

    private static Serde<Joined> results() {
        return Serdes.serdeFrom((topic, row) -> row == null ? null : wire.get().joined(row), (topic, bytes) -> {
            throw new UnsupportedOperationException("results are only written");
        });
    }

    private static Properties settings(Options o) {
        Properties p = new Properties();
        p.put("application.id", o.get("app"));
        p.put("bootstrap.servers", o.get("brokers"));
        p.put("state.dir", o.get("state"));
        p.put("num.stream.threads", "1");
        p.put("processing.guarantee", StreamsConfig.AT_LEAST_ONCE);
        p.put("commit.interval.ms", "1000");
        p.put("statestore.cache.max.bytes", "67108864");
        p.put("buffered.records.per.partition", "5000");
        p.put("replication.factor", "1");
        p.put("consumer.auto.offset.reset", "earliest");
        p.put("consumer.max.poll.records", "5000");
        p.put("consumer.fetch.max.wait.ms", "100");
        p.put("producer.compression.type", "lz4");
        p.put("producer.linger.ms", "20");
        p.put("producer.batch.size", "262144");
        p.put("producer.buffer.memory", "67108864");
        if (o.get("store", "mem").equals("mem")) {
            p.put("dsl.store.suppliers.class",
                "org.apache.kafka.streams.state.BuiltInDslStoreSuppliers$InMemoryDslStoreSuppliers");
        }
        return p;
    }

    private static KStream<String, Point> stream(StreamsBuilder builder, String topic) {
        return builder
            .stream(topic, Consumed.with(Serdes.String(), samples())
                .withTimestampExtractor((r, previous) -> ((MetricSample) r.value()).ts))
            .processValues(Pick::new);
    }

    public static void main(String[] words) throws InterruptedException {
        Options o = new Options(words);
        StreamsBuilder builder = new StreamsBuilder();
        stream(builder, o.get("left"))
            .join(stream(builder, o.get("right")),
                (host, left, right) -> new Joined(host, left.ts, left.value, right.ts, right.value),
                JoinWindows.ofTimeDifferenceAndGrace(Duration.ofSeconds(5), Duration.ofSeconds(2)),
                StreamJoined.with(Serdes.String(), points(), points()))
            .to(o.get("out"), Produced.with(Serdes.String(), results()));

        KafkaStreams streams = new KafkaStreams(builder.build(), settings(o));
        streams.setUncaughtExceptionHandler(problem -> {
            problem.printStackTrace();
            Runtime.getRuntime().halt(1);
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        streams.start();
        long wanted = Long.parseLong(o.get("n"));
        while (counters.stream().mapToLong(AtomicLong::get).sum() < wanted) {
            Thread.sleep(5);
        }
        streams.close(); // writes what is in flight and commits
        Options.done();
    }
}
