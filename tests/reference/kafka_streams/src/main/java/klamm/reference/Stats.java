package klamm.reference;

import java.nio.ByteBuffer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;

/** The aggregate of every window: how many rows, and the sum, least and greatest of their x. */
record Stats(long n, long sum, long min, long max) {
    static final Stats NONE = new Stats(0, 0, Long.MAX_VALUE, Long.MIN_VALUE);

    static final Serde<Stats> SERDE = Serdes.serdeFrom(
        (topic, s) -> s == null ? null
            : ByteBuffer.allocate(32).putLong(s.n).putLong(s.sum).putLong(s.min).putLong(s.max).array(),
        (topic, bytes) -> {
            if (bytes == null) {
                return null;
            }
            ByteBuffer b = ByteBuffer.wrap(bytes);
            return new Stats(b.getLong(), b.getLong(), b.getLong(), b.getLong());
        });

    Stats with(long x) {
        return new Stats(n + 1, sum + x, Math.min(min, x), Math.max(max, x));
    }

    Stats with(Stats o) {
        return new Stats(n + o.n, sum + o.sum, Math.min(min, o.min), Math.max(max, o.max));
    }
}
