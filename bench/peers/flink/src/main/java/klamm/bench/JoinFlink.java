package klamm.bench;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Properties;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.streaming.api.datastream.KeyedStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.co.ProcessJoinFunction;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * JoinFlink left=TOPIC right=TOPIC out=TOPIC app=ID state=DIR brokers=LIST
 *
 * <p>Parallelism 1 in a MiniCluster, state on the heap, at least once, a checkpoint every second. The sources are
 * bounded, so the job ends behind its last checkpoint.
 */
public final class JoinFlink {
    /** What the join needs of a sample: a POJO, so that Flink's own serializer carries it. */
    public static final class Point {
        public String host;
        public long ts;
        public double value;
    }

    public static final class Pair {
        public String host;
        public long ts;
        public long rightTs;
        public double value;
        public double rightValue;
    }

    static final class Read implements KafkaRecordDeserializationSchema<Point> {
        private transient Wire wire;
        private transient MetricSample sample;
        private transient Point point;

        @Override
        public void deserialize(ConsumerRecord<byte[], byte[]> record, Collector<Point> out) {
            if (wire == null) {
                wire = new Wire();
                point = new Point();
            }
            sample = wire.sample(record.value(), sample);
            point.host = sample.host;
            point.ts = sample.ts;
            point.value = sample.value;
            out.collect(point);
        }

        @Override
        public TypeInformation<Point> getProducedType() {
            return TypeInformation.of(Point.class);
        }
    }

    static final class Match extends ProcessJoinFunction<Point, Point, Pair> {
        private transient Pair pair;

        @Override
        public void processElement(Point left, Point right, Context context, Collector<Pair> out) {
            if (pair == null) {
                pair = new Pair();
            }
            pair.host = left.host;
            pair.ts = left.ts;
            pair.value = left.value;
            pair.rightTs = right.ts;
            pair.rightValue = right.value;
            out.collect(pair);
        }
    }

    static final class Write implements KafkaRecordSerializationSchema<Pair> {
        private final String topic;
        private transient Wire wire;

        Write(String topic) {
            this.topic = topic;
        }

        @Override
        public ProducerRecord<byte[], byte[]> serialize(Pair pair, KafkaSinkContext context, Long time) {
            if (wire == null) {
                wire = new Wire();
            }
            byte[] value = wire.joined(new Joined(pair.host, pair.ts, pair.value, pair.rightTs, pair.rightValue));
            byte[] key = pair.host.getBytes(StandardCharsets.UTF_8);
            return new ProducerRecord<>(topic, null, Math.max(pair.ts, pair.rightTs), key, value);
        }
    }

    private static Configuration settings(Options o) {
        Configuration c = new Configuration();
        c.setString("state.backend.type", "hashmap");
        c.setString("execution.checkpointing.storage", "filesystem");
        c.setString("execution.checkpointing.dir", "file://" + o.get("state"));
        c.setString("execution.checkpointing.interval", "1000 ms");
        c.setString("execution.checkpointing.mode", "EXACTLY_ONCE");
        c.setString("pipeline.object-reuse", "true");
        c.setString("pipeline.auto-watermark-interval", "100 ms");
        c.setString("execution.buffer-timeout.interval", "100 ms");
        c.setString("taskmanager.memory.managed.size", "32m");
        c.setString("taskmanager.memory.network.min", "64m");
        c.setString("taskmanager.memory.network.max", "64m");
        c.setString("rest.bind-port", "0");
        return c;
    }

    private static KeyedStream<Point, String> stream(StreamExecutionEnvironment env, Options o, String side) {
        Properties consumer = new Properties();
        consumer.put("max.poll.records", "5000");
        consumer.put("fetch.max.wait.ms", "100");
        KafkaSource<Point> source = KafkaSource.<Point>builder()
            .setBootstrapServers(o.get("brokers"))
            .setTopics(o.get(side))
            .setGroupId(o.get("app") + "-" + side)
            .setProperties(consumer)
            .setStartingOffsets(OffsetsInitializer.earliest())
            .setBounded(OffsetsInitializer.latest())
            .setDeserializer(new Read())
            .build();
        WatermarkStrategy<Point> watermarks = WatermarkStrategy.<Point>forBoundedOutOfOrderness(Duration.ofSeconds(2))
            .withTimestampAssigner((point, before) -> point.ts);
        return env.fromSource(source, watermarks, side).keyBy(point -> point.host);
    }

    private static KafkaSink<Pair> sink(Options o) {
        Properties producer = new Properties();
        producer.put("compression.type", "lz4");
        producer.put("linger.ms", "20");
        producer.put("batch.size", "262144");
        producer.put("buffer.memory", "67108864");
        return KafkaSink.<Pair>builder()
            .setBootstrapServers(o.get("brokers"))
            .setKafkaProducerConfig(producer)
            .setRecordSerializer(new Write(o.get("out")))
            .setDeliveryGuarantee(DeliveryGuarantee.AT_LEAST_ONCE)
            .build();
    }

    public static void main(String[] words) throws Exception {
        Options o = new Options(words);
        StreamExecutionEnvironment env = StreamExecutionEnvironment.createLocalEnvironment(1, settings(o));
        stream(env, o, "left")
            .intervalJoin(stream(env, o, "right"))
            .between(Duration.ofSeconds(-5), Duration.ofSeconds(5))
            .process(new Match())
            .sinkTo(sink(o));
        env.execute("join");
        Options.done();
    }
}
